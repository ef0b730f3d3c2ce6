-- Access keys that a principal used for the first time on or after a day, long-term ones as a rule: `key` says which.
-- `new_principal`: its first call at all.
--
-- Topic: first seen
-- ATT&CK: T1098.001
--
-- Parameters:
--   since      the day
--   principal  LIKE pattern over principal_arn [%]
--   key        LIKE pattern over access key IDs [AKIA%]
--
-- Example: trailpare sql --named new-access-keys --param since=2024-03-01
WITH uses AS (
  SELECT principal_arn, user_identity_access_key_id AS access_key_id, min(event_time) AS first_time,
         count(*) AS events, count(error_code) AS errors
  FROM events
  WHERE principal_arn LIKE $principal AND user_identity_access_key_id LIKE $key
  GROUP BY principal_arn, user_identity_access_key_id
), principals AS (
  SELECT principal_arn AS arn, min(event_time) AS first_call FROM events WHERE principal_arn LIKE $principal GROUP BY 1
), marked AS (
  SELECT uses.*, first_time = first_call AS new_principal FROM uses JOIN principals ON principal_arn = arn
)
SELECT principal_arn, access_key_id, first_time, events, errors, new_principal
FROM marked
WHERE first_time >= CAST($since AS DATE)
ORDER BY first_time, principal_arn, access_key_id;
