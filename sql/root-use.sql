-- What the root user of each account did, newest first; calls that AWS services made for it are left out.
--
-- Topic: access and credentials
-- ATT&CK: T1078.004
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named root-use --param from=2024-01-01
SELECT event_time, recipient_account_id, event_source, event_name, source_ip_address, user_agent, error_code
FROM events
WHERE principal_type = 'Root' AND user_identity_invoked_by IS NULL
  AND (event_type IS NULL OR event_type <> 'AwsServiceEvent') AND event_date BETWEEN $from AND $to
ORDER BY event_time DESC, event_id;
