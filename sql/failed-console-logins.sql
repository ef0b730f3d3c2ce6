-- Failed console logins: for which user, from which address, how often, first and last.
--
-- Topic: access and credentials
-- ATT&CK: T1110
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named failed-console-logins --param from=2024-01-01
SELECT recipient_account_id, user_identity_user_name AS user_name, source_ip_address, count(*) AS failures,
       min(event_time) AS first_time, max(event_time) AS last_time
FROM events
WHERE event_source = 'signin.amazonaws.com' AND event_name = 'ConsoleLogin'
  AND response_elements ->> 'ConsoleLogin' = 'Failure' AND event_date BETWEEN $from AND $to
GROUP BY recipient_account_id, user_identity_user_name, source_ip_address
ORDER BY failures DESC, recipient_account_id, user_name, source_ip_address;
