-- Regions in use, by account: events, changes among them, principals, services, first and last.
--
-- Topic: the trail itself
-- ATT&CK: T1535
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named regions-in-use
SELECT recipient_account_id, aws_region, count(*) AS events, count(*) FILTER (WHERE read_only = false) AS changes,
       count(DISTINCT principal_arn) AS principals, count(DISTINCT event_source) AS services,
       min(event_time) AS first_time, max(event_time) AS last_time
FROM events
WHERE event_date BETWEEN $from AND $to
GROUP BY recipient_account_id, aws_region
ORDER BY events DESC, recipient_account_id, aws_region;
