-- KMS keys of customers that were disabled or whose deletion was scheduled.
--
-- Topic: CIS metric filters
-- CIS: AWS Foundations 4.7
-- ATT&CK: T1485
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named cis-kms-key-changes
SELECT event_time, recipient_account_id, aws_region, principal_arn, session_name, event_name,
       request_parameters ->> 'keyId' AS what,
       source_ip_address, error_code
FROM events
WHERE event_source = 'kms.amazonaws.com' AND event_name IN ('DisableKey', 'ScheduleKeyDeletion')
  AND event_date BETWEEN $from AND $to
ORDER BY event_time, event_id;
