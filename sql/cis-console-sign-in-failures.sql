-- Console log-ins that failed: a wrong password or MFA code.
--
-- Topic: CIS metric filters
-- CIS: AWS Foundations 4.6
-- ATT&CK: T1110
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named cis-console-sign-in-failures
SELECT event_time, recipient_account_id, aws_region, principal_arn, session_name, event_name,
       user_identity_user_name AS what,
       source_ip_address, error_code
FROM events
WHERE event_name = 'ConsoleLogin' AND error_message = 'Failed authentication'
  AND event_date BETWEEN $from AND $to
ORDER BY event_time, event_id;
