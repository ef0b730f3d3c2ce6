-- Which accounts and services log data events (object reads, function calls, …): where there are none, a policy made
-- from the store cannot know of them.
--
-- Topic: the trail itself
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named data-events
SELECT recipient_account_id, event_source,
       count(*) FILTER (WHERE event_category = 'Data' OR management_event = false) AS data_events,
       count(*) FILTER (WHERE event_category = 'Management' OR management_event) AS management_events,
       count(DISTINCT event_date) FILTER (WHERE event_category = 'Data' OR management_event = false) AS days_with_data
FROM events
WHERE event_date BETWEEN $from AND $to
GROUP BY recipient_account_id, event_source
ORDER BY data_events DESC, recipient_account_id, event_source;
