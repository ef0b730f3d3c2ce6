-- Principals that did nothing for some days before the newest event of the store.
--
-- Topic: permissions
--
-- Parameters:
--   days  at least so many days [90]
--
-- Example: trailpare sql --named idle-principals --param days=30
SELECT principal_arn, principal_type, max(last_time) AS last_time,
       date_diff('day', max(last_time), (SELECT max(event_time) FROM events)) AS idle_days
FROM usage
GROUP BY principal_arn, principal_type
HAVING date_diff('day', max(last_time), (SELECT max(event_time) FROM events)) >= CAST($days AS BIGINT)
ORDER BY last_time, principal_arn;
