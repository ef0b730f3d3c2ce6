-- Calls that were refused, as the benchmark counts them: AccessDenied and UnauthorizedOperation; not those of log
-- delivery and of HeadBucket.
--
-- Topic: CIS metric filters
-- CIS: AWS Foundations 4.1
-- ATT&CK: T1580
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named cis-unauthorized-calls
SELECT event_time, recipient_account_id, aws_region, principal_arn, session_name, event_name,
       split_part(event_source, '.', 1) AS what,
       source_ip_address, error_code
FROM events
WHERE (error_code LIKE '%UnauthorizedOperation' OR error_code LIKE 'AccessDenied%')
  AND (source_ip_address IS DISTINCT FROM 'delivery.logs.amazonaws.com') AND event_name <> 'HeadBucket'
  AND event_date BETWEEN $from AND $to
ORDER BY event_time, event_id;
