-- Programs that a principal used for the first time on or after a day, without their versions. `new_principal`: its
-- first call at all.
--
-- Topic: first seen
-- ATT&CK: T1059.009
--
-- Parameters:
--   since      the day
--   principal  LIKE pattern over principal_arn [%]
--
-- Example: trailpare sql --named new-agents --param since=2024-03-01
WITH uses AS (
  SELECT principal_arn, regexp_extract(user_agent, '^\[?([^ /;]+)', 1) AS agent, min(event_time) AS first_time,
         count(*) AS events, count(error_code) AS errors
  FROM events
  WHERE principal_arn LIKE $principal AND regexp_extract(user_agent, '^\[?([^ /;]+)', 1) IS NOT NULL
  GROUP BY principal_arn, regexp_extract(user_agent, '^\[?([^ /;]+)', 1)
), principals AS (
  SELECT principal_arn AS arn, min(event_time) AS first_call FROM events WHERE principal_arn LIKE $principal GROUP BY 1
), marked AS (
  SELECT uses.*, first_time = first_call AS new_principal FROM uses JOIN principals ON principal_arn = arn
)
SELECT principal_arn, agent, first_time, events, errors, new_principal
FROM marked
WHERE first_time >= CAST($since AS DATE)
ORDER BY first_time, principal_arn, agent;
