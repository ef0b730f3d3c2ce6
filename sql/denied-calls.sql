-- Calls that were denied: by whom, which action, on what, how often, first and last.
--
-- Topic: permissions
--
-- Parameters:
--   principal  LIKE pattern over principal_arn [%]
--   from       first day [0001-01-01]
--   to         last day [9999-12-31]
--
-- Example: trailpare sql --named denied-calls --param principal=%role/deploy --param from=2024-01-01
SELECT principal_arn, action, resource, sum(event_count) AS calls, min(first_time) AS first_time,
       max(last_time) AS last_time
FROM usage
WHERE outcome = 'denied' AND principal_arn LIKE $principal AND event_date BETWEEN $from AND $to
GROUP BY principal_arn, action, resource
ORDER BY calls DESC, principal_arn, action, resource;
