-- Console log-ins of everybody: how they ended, with MFA or without, from which address and with which browser, and
-- what was switched to.
--
-- Topic: access and credentials
-- ATT&CK: T1078.004, T1538
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named console-logins
SELECT event_time, recipient_account_id, user_identity_type AS type,
       coalesce(user_identity_user_name, principal_arn) AS who, session_name, event_name,
       coalesce(response_elements ->> 'ConsoleLogin', response_elements ->> 'SwitchRole',
                response_elements ->> 'CheckMfa') AS result,
       coalesce(additional_event_data ->> 'MFAUsed', additional_event_data ->> 'MfaType') AS mfa,
       additional_event_data ->> 'SwitchTo' AS switched_to, source_ip_address, user_agent, error_message
FROM events
WHERE event_source = 'signin.amazonaws.com' AND event_name IN ('ConsoleLogin', 'SwitchRole', 'CheckMfa')
  AND event_date BETWEEN $from AND $to
ORDER BY event_time, event_id;
