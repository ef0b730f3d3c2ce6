-- Credentials of EC2 instances that were used from several addresses: those of an instance belong to one.
--
-- Topic: incident response
-- ATT&CK: T1552.005, T1078.004
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named instance-credentials-elsewhere
SELECT session_name AS instance_id, principal_arn, count(DISTINCT source_ip_address) AS addresses,
       array_join(array_slice(array_sort(array_agg(DISTINCT source_ip_address)), 1, 8), ', ') AS some_addresses,
       count(DISTINCT user_agent) AS agents, count(*) AS events, count(error_code) AS errors,
       min(event_time) AS first_time, max(event_time) AS last_time
FROM events
WHERE principal_type = 'AssumedRole' AND regexp_like(session_name, '^i-[0-9a-f]{8,17}$')
  AND user_identity_invoked_by IS NULL AND ip_kind(source_ip_address) IS NOT NULL
  AND event_date BETWEEN $from AND $to
GROUP BY session_name, principal_arn
HAVING count(DISTINCT source_ip_address) > 1
ORDER BY addresses DESC, instance_id, principal_arn;
