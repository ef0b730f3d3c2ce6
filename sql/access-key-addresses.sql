-- From which addresses each access key was used, long-term and temporary ones: how often, with how many programs, first
-- and last.
--
-- Topic: access and credentials
-- ATT&CK: T1078.004
--
-- Parameters:
--   key        LIKE pattern over access key IDs [AKIA%]
--   principal  LIKE pattern over principal_arn [%]
--   from       first day [0001-01-01]
--   to         last day [9999-12-31]
--
-- Example: trailpare sql --named access-key-addresses --param key=%
SELECT user_identity_access_key_id AS access_key_id, principal_arn, session_name, source_ip_address,
       ip_kind(source_ip_address) AS address_kind, count(*) AS events, count(error_code) AS errors,
       count(DISTINCT user_agent) AS agents, min(event_time) AS first_time, max(event_time) AS last_time
FROM events
WHERE user_identity_access_key_id LIKE $key AND principal_arn LIKE $principal AND event_date BETWEEN $from AND $to
GROUP BY user_identity_access_key_id, principal_arn, session_name, source_ip_address
ORDER BY access_key_id, first_time, source_ip_address;
