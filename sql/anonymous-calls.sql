-- Calls of nobody in particular: without credentials, on buckets that are open.
--
-- Topic: exposure and sharing
-- ATT&CK: T1530
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named anonymous-calls
SELECT recipient_account_id, event_source, event_name,
       json_extract_scalar(request_parameters, '$.bucketName') AS bucket, source_ip_address, count(*) AS events,
       count(error_code) AS errors, min(event_time) AS first_time,
       max(event_time) AS last_time
FROM events
WHERE (user_identity_principal_id IN ('ANONYMOUS_PRINCIPAL', 'Anonymous')
    OR user_identity_account_id IN ('ANONYMOUS_PRINCIPAL', 'anonymous'))
  AND event_date BETWEEN $from AND $to
GROUP BY 1, 2, 3, 4, 5
ORDER BY events DESC, recipient_account_id, event_source, event_name, bucket, source_ip_address;
