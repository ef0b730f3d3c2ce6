-- Long-term access keys (AKIA…): whose, first and last use, from how many addresses, and for how many days before the
-- newest event of the store each has not been used.
--
-- Topic: access and credentials
-- ATT&CK: T1078.004
--
-- Parameters:
--   principal  LIKE pattern over principal_arn [%]
--
-- Example: trailpare sql --named access-key-use
SELECT user_identity_access_key_id AS access_key_id, principal_arn, count(*) AS events,
       count(DISTINCT source_ip_address) AS addresses, min(event_time) AS first_time, max(event_time) AS last_time,
       date_diff('day', max(event_time), (SELECT max(event_time) FROM events)) AS idle_days
FROM events
WHERE user_identity_access_key_id LIKE 'AKIA%' AND principal_arn LIKE $principal
GROUP BY user_identity_access_key_id, principal_arn
ORDER BY last_time, access_key_id;
