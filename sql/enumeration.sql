-- Who looked around: many different reading operations within an hour, in how many services and regions, how many of
-- them denied.
--
-- Topic: incident response
-- ATT&CK: T1580, T1526, T1087.004
--
-- Parameters:
--   least      at least so many different operations an hour [20]
--   principal  LIKE pattern over principal_arn [%]
--   from       first day [0001-01-01]
--   to         last day [9999-12-31]
--
-- Example: trailpare sql --named enumeration --param least=50
SELECT date_trunc('hour', event_time) AS hour, principal_arn, session_name,
       count(DISTINCT concat(event_source, event_name)) AS operations, count(DISTINCT event_source) AS services,
       count(DISTINCT aws_region) AS regions, count(*) AS events, count(error_code) AS errors,
       min(source_ip_address) AS example_address
FROM events
WHERE regexp_like(event_name, '^(List|Describe|Get|Head|Lookup|Search|Batch(Get|Describe))')
  AND (management_event IS DISTINCT FROM false) AND user_identity_invoked_by IS NULL
  AND principal_type IN ('AssumedRole', 'IAMUser', 'Root', 'FederatedUser')
  AND principal_arn LIKE $principal AND event_date BETWEEN $from AND $to
GROUP BY date_trunc('hour', event_time), principal_arn, session_name
HAVING count(DISTINCT concat(event_source, event_name)) >= CAST($least AS BIGINT)
ORDER BY operations DESC, hour, principal_arn, session_name;
