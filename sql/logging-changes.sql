-- Calls that turn watching off or down: trails, Config recorders, GuardDuty detectors, flow logs, log groups.
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named logging-changes
SELECT event_time, recipient_account_id, aws_region, principal_arn, session_name, event_source, event_name, error_code
FROM events
WHERE event_date BETWEEN $from AND $to
  AND (event_source = 'cloudtrail.amazonaws.com' AND event_name IN ('StopLogging', 'DeleteTrail', 'UpdateTrail',
         'PutEventSelectors', 'DeleteEventDataStore', 'StopEventDataStoreIngestion')
    OR event_source = 'config.amazonaws.com' AND event_name IN ('StopConfigurationRecorder',
         'DeleteConfigurationRecorder', 'DeleteDeliveryChannel')
    OR event_source = 'guardduty.amazonaws.com' AND event_name IN ('DeleteDetector', 'UpdateDetector',
         'DisassociateFromAdministratorAccount', 'StopMonitoringMembers')
    OR event_source = 'securityhub.amazonaws.com' AND event_name = 'DisableSecurityHub'
    OR event_source = 'ec2.amazonaws.com' AND event_name = 'DeleteFlowLogs'
    OR event_source = 'logs.amazonaws.com' AND event_name IN ('DeleteLogGroup', 'DeleteLogStream'))
ORDER BY event_time, event_id;
