-- Services that a principal used for the first time on or after a day. `new_principal`: its first call at all.
--
-- Topic: first seen
-- ATT&CK: T1526
--
-- Parameters:
--   since      the day
--   principal  LIKE pattern over principal_arn [%]
--
-- Example: trailpare sql --named new-services --param since=2024-03-01
WITH uses AS (
  SELECT principal_arn, event_source AS service, min(event_time) AS first_time,
         count(*) AS events, count(error_code) AS errors
  FROM events
  WHERE principal_arn LIKE $principal AND event_source IS NOT NULL
  GROUP BY principal_arn, event_source
), marked AS (
  SELECT *, first_time = min(first_time) OVER (PARTITION BY principal_arn) AS new_principal FROM uses
)
SELECT principal_arn, service, first_time, events, errors, new_principal
FROM marked
WHERE first_time >= CAST($since AS DATE)
ORDER BY first_time, principal_arn, service;
