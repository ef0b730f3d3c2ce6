-- Principals whose first event in the store is on or after a day: who is new, and what they did first.
--
-- Topic: first seen
-- ATT&CK: T1136.003
--
-- Parameters:
--   since  the day
--
-- Example: trailpare sql --named new-principals --param since=2024-03-01
SELECT principal_arn, principal_type, account_id, min(first_time) AS first_time, sum(event_count) AS uses,
       count(DISTINCT action) AS actions
FROM usage
GROUP BY principal_arn, principal_type, account_id
HAVING min(event_date) >= CAST($since AS DATE)
ORDER BY first_time, principal_arn;
