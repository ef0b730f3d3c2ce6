-- Changes of trails: made, changed, deleted, started, stopped.
--
-- Topic: CIS metric filters
-- CIS: AWS Foundations 4.5
-- ATT&CK: T1562.008
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named cis-cloudtrail-changes
SELECT event_time, recipient_account_id, aws_region, principal_arn, session_name, event_name,
       request_parameters ->> 'name' AS what,
       source_ip_address, error_code
FROM events
WHERE event_source = 'cloudtrail.amazonaws.com'
  AND event_name IN ('CreateTrail', 'UpdateTrail', 'DeleteTrail', 'StartLogging', 'StopLogging')
  AND event_date BETWEEN $from AND $to
ORDER BY event_time, event_id;
