-- Addresses from which a principal called for the first time on or after a day; services that called for it are left
-- out. `new_principal`: its first call at all.
--
-- Topic: first seen
-- ATT&CK: T1078.004
--
-- Parameters:
--   since      the day
--   principal  LIKE pattern over principal_arn [%]
--
-- Example: trailpare sql --named new-addresses --param since=2024-03-01
WITH uses AS (
  SELECT principal_arn, source_ip_address AS address, min(event_time) AS first_time,
         count(*) AS events, count(error_code) AS errors
  FROM events
  WHERE principal_arn LIKE $principal AND ip_kind(source_ip_address) IS NOT NULL
  GROUP BY principal_arn, source_ip_address
), principals AS (
  SELECT principal_arn AS arn, min(event_time) AS first_call FROM events WHERE principal_arn LIKE $principal GROUP BY 1
), marked AS (
  SELECT uses.*, first_time = first_call AS new_principal FROM uses JOIN principals ON principal_arn = arn
)
SELECT principal_arn, address, first_time, events, errors, new_principal
FROM marked
WHERE first_time >= CAST($since AS DATE)
ORDER BY first_time, principal_arn, address;
