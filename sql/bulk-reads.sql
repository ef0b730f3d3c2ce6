-- Who read many different objects, secrets, parameters or items within an hour: the shape of somebody who takes all
-- there is.
--
-- Topic: data and keys
-- ATT&CK: T1530, T1555.006
--
-- Parameters:
--   least      at least so many [50]
--   principal  LIKE pattern over principal_arn [%]
--   from       first day [0001-01-01]
--   to         last day [9999-12-31]
--
-- Example: trailpare sql --named bulk-reads --param least=500
SELECT date_trunc('hour', event_time) AS hour, principal_arn, session_name, event_source,
       count(DISTINCT coalesce(json_extract_scalar(request_parameters, '$.key'),
                               json_extract_scalar(request_parameters, '$.secretId'),
                               json_extract_scalar(request_parameters, '$.name'),
                               json_extract(request_parameters, '$.names'),
                               json_extract(request_parameters, '$.key'), event_id)) AS read,
       count(*) AS events, count(error_code) AS errors, count(DISTINCT source_ip_address) AS addresses
FROM events
WHERE (event_source, event_name) IN (
    ('s3.amazonaws.com', 'GetObject'), ('secretsmanager.amazonaws.com', 'GetSecretValue'),
    ('ssm.amazonaws.com', 'GetParameter'), ('ssm.amazonaws.com', 'GetParameters'),
    ('dynamodb.amazonaws.com', 'GetItem'))
  AND user_identity_invoked_by IS NULL AND principal_arn LIKE $principal AND event_date BETWEEN $from AND $to
GROUP BY date_trunc('hour', event_time), principal_arn, session_name, event_source
HAVING count(DISTINCT coalesce(json_extract_scalar(request_parameters, '$.key'),
                                json_extract_scalar(request_parameters, '$.secretId'),
                                json_extract_scalar(request_parameters, '$.name'),
                                json_extract(request_parameters, '$.names'),
                                json_extract(request_parameters, '$.key'), event_id)) >= CAST($least AS BIGINT)
ORDER BY read DESC, hour, principal_arn, session_name, event_source;
