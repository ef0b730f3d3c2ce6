-- Roles that sessions of roles went on to: who assumed which role, with the keys on either side.
--
-- Topic: incident response
-- ATT&CK: T1548.005
--
-- Parameters:
--   principal  LIKE pattern over principal_arn [%]
--   from       first day [0001-01-01]
--   to         last day [9999-12-31]
--
-- Example: trailpare sql --named role-chains --param from=30d
SELECT event_time, principal_arn AS from_principal, session_name AS from_session,
       user_identity_access_key_id AS from_key, json_extract_scalar(request_parameters, '$.roleArn') AS to_role,
       json_extract_scalar(request_parameters, '$.roleSessionName') AS to_session,
       json_extract_scalar(response_elements, '$.credentials.accessKeyId') AS to_key, source_ip_address, error_code
FROM events
WHERE event_source = 'sts.amazonaws.com' AND event_name = 'AssumeRole' AND principal_type = 'AssumedRole'
  AND principal_arn LIKE $principal AND event_date BETWEEN $from AND $to
ORDER BY event_time, event_id;
