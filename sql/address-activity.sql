-- Who did what from an address or a network: principals, sessions, keys, operations, how often, first and last.
--
-- Topic: incident response
--
-- Parameters:
--   address  the address, or a network: 198.51.100.0/24
--   from     first day [0001-01-01]
--   to       last day [9999-12-31]
--
-- Example: trailpare sql --named address-activity --param address=198.51.100.0/24
SELECT source_ip_address, principal_arn, session_name, user_identity_access_key_id AS access_key_id, event_source,
       event_name, count(*) AS events, count(error_code) AS errors, min(event_time) AS first_time,
       max(event_time) AS last_time
FROM events
WHERE (source_ip_address = $address OR cidr_contains($address, source_ip_address))
  AND event_date BETWEEN $from AND $to
GROUP BY source_ip_address, principal_arn, session_name, user_identity_access_key_id, event_source, event_name
ORDER BY first_time, source_ip_address, principal_arn, event_source, event_name;
