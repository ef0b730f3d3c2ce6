-- Successful console log-ins of IAM users without MFA, as the benchmark counts them.
--
-- Topic: CIS metric filters
-- CIS: AWS Foundations 4.2
-- ATT&CK: T1078.004
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named cis-console-sign-in-without-mfa
SELECT event_time, recipient_account_id, aws_region, principal_arn, session_name, event_name,
       user_identity_user_name AS what,
       source_ip_address, error_code
FROM events
WHERE event_name = 'ConsoleLogin' AND ((additional_event_data ->> 'MFAUsed') IS DISTINCT FROM 'Yes')
  AND user_identity_type = 'IAMUser' AND response_elements ->> 'ConsoleLogin' = 'Success'
  AND event_date BETWEEN $from AND $to
ORDER BY event_time, event_id;
