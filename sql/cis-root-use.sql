-- Use of the root user, as the benchmark counts it: calls of services for it are left out.
--
-- Topic: CIS metric filters
-- CIS: AWS Foundations 4.3
-- ATT&CK: T1078.004
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named cis-root-use
SELECT event_time, recipient_account_id, aws_region, principal_arn, session_name, event_name,
       split_part(event_source, '.', 1) AS what,
       source_ip_address, error_code
FROM events
WHERE user_identity_type = 'Root' AND user_identity_invoked_by IS NULL
  AND (event_type IS DISTINCT FROM 'AwsServiceEvent')
  AND event_date BETWEEN $from AND $to
ORDER BY event_time, event_id;
