-- Regions that a principal used for the first time on or after a day. `new_principal`: its first call at all.
--
-- Topic: first seen
-- ATT&CK: T1535
--
-- Parameters:
--   since      the day
--   principal  LIKE pattern over principal_arn [%]
--
-- Example: trailpare sql --named new-regions --param since=2024-03-01
WITH uses AS (
  SELECT principal_arn, aws_region AS region, min(event_time) AS first_time,
         count(*) AS events, count(error_code) AS errors
  FROM events
  WHERE principal_arn LIKE $principal AND aws_region IS NOT NULL
  GROUP BY principal_arn, aws_region
), marked AS (
  SELECT *, first_time = min(first_time) OVER (PARTITION BY principal_arn) AS new_principal FROM uses
)
SELECT principal_arn, region, first_time, events, errors, new_principal
FROM marked
WHERE first_time >= CAST($since AS DATE)
ORDER BY first_time, principal_arn, region;
