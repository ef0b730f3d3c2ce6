-- Who was denied often within an hour, and how many different operations: somebody who is trying doors, or a program
-- that lost its policy.
--
-- Topic: permissions
-- ATT&CK: T1580
--
-- Parameters:
--   least      at least so many an hour [10]
--   principal  LIKE pattern over principal_arn [%]
--   from       first day [0001-01-01]
--   to         last day [9999-12-31]
--
-- Example: trailpare sql --named denied-bursts --param least=50
SELECT date_trunc('hour', event_time) AS hour, principal_arn, session_name, count(*) AS denied,
       count(DISTINCT concat(event_source, event_name)) AS operations, count(DISTINCT event_source) AS services,
       count(DISTINCT source_ip_address) AS addresses, min(event_id) AS example_event_id
FROM events
WHERE (error_code LIKE '%UnauthorizedOperation' OR error_code LIKE '%AccessDenied%' OR error_code LIKE '%NotAuthorized%'
    OR error_code LIKE '%Forbidden%')
  AND principal_arn LIKE $principal AND event_date BETWEEN $from AND $to
GROUP BY date_trunc('hour', event_time), principal_arn, session_name
HAVING count(*) >= CAST($least AS BIGINT)
ORDER BY denied DESC, hour, principal_arn, session_name;
