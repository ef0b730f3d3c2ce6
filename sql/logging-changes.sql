-- Calls that turn watching off or down: trails, Config recorders, GuardDuty detectors, flow logs, log groups.
--
-- Topic: logging and detection
-- ATT&CK: T1562.008
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named logging-changes
SELECT event_time, recipient_account_id, aws_region, principal_arn, session_name, event_source, event_name, error_code
FROM events
WHERE event_date BETWEEN $from AND $to
  AND iam_action_level(split_part(event_source, '.', 1) || ':' || event_name) IN ('Write', 'Permissions management')
  AND regexp_like(event_name, '^(Stop|Delete|Disable|Disassociate|Deregister|Remove|Update|Put)')
  AND (event_source IN ('cloudtrail.amazonaws.com', 'guardduty.amazonaws.com', 'securityhub.amazonaws.com')
    OR event_source = 'config.amazonaws.com' AND regexp_like(event_name, 'Recorder|DeliveryChannel')
    OR event_source = 'ec2.amazonaws.com' AND event_name LIKE '%FlowLogs'
    OR event_source = 'logs.amazonaws.com' AND regexp_like(event_name, 'LogGroup|LogStream|Retention|Subscription'))
ORDER BY event_time, event_id;
