-- Bytes that S3 sent out, by principal, bucket and address and day: where most went first. Only data events tell it.
--
-- Topic: data and keys
-- ATT&CK: T1530
--
-- Parameters:
--   bytes      at least so many bytes [1]
--   principal  LIKE pattern over principal_arn [%]
--   from       first day [0001-01-01]
--   to         last day [9999-12-31]
--
-- Example: trailpare sql --named bytes-read --param bytes=1000000000
SELECT event_date, principal_arn, session_name, json_extract_scalar(request_parameters, '$.bucketName') AS bucket,
       source_ip_address, count(*) AS events,
       count(DISTINCT json_extract_scalar(request_parameters, '$.key')) AS objects,
       CAST(sum(CAST(json_extract_scalar(additional_event_data, '$.bytesTransferredOut') AS DOUBLE)) AS BIGINT)
         AS bytes_out
FROM events
WHERE event_source = 's3.amazonaws.com' AND event_name IN ('GetObject', 'SelectObjectContent', 'GetObjectTorrent')
  AND error_code IS NULL AND principal_arn LIKE $principal AND event_date BETWEEN $from AND $to
GROUP BY event_date, principal_arn, session_name, json_extract_scalar(request_parameters, '$.bucketName'),
         source_ip_address
HAVING sum(CAST(json_extract_scalar(additional_event_data, '$.bytesTransferredOut') AS DOUBLE))
  >= CAST($bytes AS DOUBLE)
ORDER BY bytes_out DESC, event_date, principal_arn, bucket, source_ip_address;
