-- How much of the time the store has, by account and region: days and hours with events between the first and the last,
-- and how many days have none. What is proved: `trailpare status`.
--
-- Topic: the trail itself
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named coverage --param from=30d
SELECT recipient_account_id, aws_region, count(*) AS events, min(event_time) AS first_time,
       max(event_time) AS last_time, count(DISTINCT event_date) AS days,
       date_diff('day', min(event_date), max(event_date)) + 1 - count(DISTINCT event_date) AS days_without,
       count(DISTINCT date_trunc('hour', event_time)) AS hours
FROM events
WHERE event_date BETWEEN $from AND $to
GROUP BY recipient_account_id, aws_region
ORDER BY recipient_account_id, aws_region;
