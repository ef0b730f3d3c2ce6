-- Successful console logins of IAM users and root without MFA. Federated people are left out: their MFA is their
-- identity provider's, and CloudTrail doesn't see it.
--
-- Topic: access and credentials
-- ATT&CK: T1078.004
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named console-logins-without-mfa
SELECT event_time, recipient_account_id, principal_arn, source_ip_address, user_agent
FROM events
WHERE event_source = 'signin.amazonaws.com' AND event_name = 'ConsoleLogin'
  AND principal_type IN ('IAMUser', 'Root') AND response_elements ->> 'ConsoleLogin' = 'Success'
  AND coalesce(additional_event_data ->> 'MFAUsed', 'No') <> 'Yes' AND event_date BETWEEN $from AND $to
ORDER BY event_time, event_id;
