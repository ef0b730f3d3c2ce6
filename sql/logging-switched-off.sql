-- Logging and detection that was switched off or narrowed: trails, event data stores, Config, GuardDuty, Security Hub,
-- Macie, Inspector, flow logs, S3 and load balancer logs, log groups, DNS query logs, WAF logs; tried or done.
--
-- Topic: logging and detection
-- ATT&CK: T1562.008, T1562.001
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named logging-switched-off
WITH narrowed AS (
  SELECT *, CASE
    WHEN event_source = 'cloudtrail.amazonaws.com' AND event_name IN ('StopLogging', 'DeleteTrail',
      'DeleteEventDataStore', 'StopEventDataStoreIngestion', 'DeregisterOrganizationDelegatedAdmin', 'DeleteChannel')
      THEN 'CloudTrail'
    WHEN event_source = 'cloudtrail.amazonaws.com' AND event_name = 'UpdateTrail' AND regexp_like(request_parameters,
      '"(isMultiRegionTrail|includeGlobalServiceEvents|enableLogFileValidation|isOrganizationTrail)":false')
      THEN 'CloudTrail'
    WHEN event_source = 'cloudtrail.amazonaws.com' AND event_name IN ('PutEventSelectors', 'UpdateEventDataStore')
      AND regexp_like(request_parameters, '"includeManagementEvents":false|"readWriteType":"(Read|Write)Only"'
        || '|"excludeManagementEventSources":\["') THEN 'CloudTrail'
    WHEN event_source = 'cloudtrail.amazonaws.com' AND event_name = 'PutInsightSelectors'
      AND json_array_length(json_extract(request_parameters, '$.insightSelectors')) = 0 THEN 'CloudTrail'
    WHEN event_source = 'config.amazonaws.com' AND event_name IN ('StopConfigurationRecorder',
      'DeleteConfigurationRecorder', 'DeleteDeliveryChannel', 'DeleteConfigRule', 'DeleteOrganizationConfigRule',
      'DeleteConfigurationAggregator', 'DeleteRetentionConfiguration') THEN 'Config'
    WHEN event_source = 'guardduty.amazonaws.com' AND (event_name IN ('DeleteDetector', 'DeletePublishingDestination',
        'DisassociateFromMasterAccount', 'DisassociateFromAdministratorAccount', 'DisassociateMembers', 'DeleteMembers',
        'StopMonitoringMembers', 'DisableOrganizationAdminAccount', 'CreateFilter', 'CreateIPSet')
      OR event_name = 'UpdateDetector' AND regexp_like(request_parameters, '"enable":false|"status":"DISABLED"'))
      THEN 'GuardDuty'
    WHEN event_source = 'securityhub.amazonaws.com' AND event_name IN ('DisableSecurityHub', 'BatchDisableStandards',
      'DisassociateFromMasterAccount', 'DisassociateFromAdministratorAccount', 'DeleteMembers',
      'DisableOrganizationAdminAccount', 'DisableImportFindingsForProduct') THEN 'Security Hub'
    WHEN event_source = 'macie2.amazonaws.com' AND event_name IN ('DisableMacie', 'DisassociateMember', 'DeleteMember',
      'DisassociateFromAdministratorAccount', 'DisassociateFromMasterAccount') THEN 'Macie'
    WHEN event_source = 'inspector2.amazonaws.com' AND event_name IN ('Disable', 'DisassociateMember') THEN 'Inspector'
    WHEN event_source = 'access-analyzer.amazonaws.com' AND event_name = 'DeleteAnalyzer' THEN 'Access Analyzer'
    WHEN event_source = 'ec2.amazonaws.com' AND event_name = 'DeleteFlowLogs' THEN 'flow logs'
    WHEN event_source = 's3.amazonaws.com' AND event_name = 'PutBucketLogging'
      AND request_parameters NOT LIKE '%"LoggingEnabled"%' THEN 'S3 access logs'
    WHEN event_source = 'elasticloadbalancing.amazonaws.com' AND regexp_like(request_parameters,
      '"key":"access_logs\.s3\.enabled","value":"false"|"accessLog":\{"enabled":false') THEN 'load balancer logs'
    WHEN event_source = 'logs.amazonaws.com' AND event_name IN ('DeleteLogGroup', 'DeleteLogStream',
      'DeleteMetricFilter', 'DeleteSubscriptionFilter', 'DeleteDestination', 'DeleteResourcePolicy')
      THEN 'CloudWatch Logs'
    WHEN event_source = 'logs.amazonaws.com' AND event_name = 'PutRetentionPolicy' THEN 'CloudWatch Logs'
    WHEN event_source = 'monitoring.amazonaws.com' AND event_name IN ('DeleteAlarms', 'DisableAlarmActions')
      THEN 'CloudWatch alarms'
    WHEN event_source = 'events.amazonaws.com' AND event_name IN ('DisableRule', 'DeleteRule', 'RemoveTargets')
      THEN 'EventBridge'
    WHEN event_source = 'route53resolver.amazonaws.com' AND event_name IN ('DeleteResolverQueryLogConfig',
      'DisassociateResolverQueryLogConfig') OR event_source = 'route53.amazonaws.com'
      AND event_name = 'DeleteQueryLoggingConfig' THEN 'DNS query logs'
    WHEN event_source IN ('wafv2.amazonaws.com', 'waf.amazonaws.com', 'waf-regional.amazonaws.com')
      AND event_name = 'DeleteLoggingConfiguration' THEN 'WAF logs'
    END AS what
  FROM events
  WHERE event_date BETWEEN $from AND $to
)
SELECT event_time, recipient_account_id, aws_region, principal_arn, session_name, event_name, what,
       coalesce(json_extract_scalar(request_parameters, '$.name'),
                json_extract_scalar(request_parameters, '$.trailName'),
                json_extract_scalar(request_parameters, '$.eventDataStore'),
                json_extract_scalar(request_parameters, '$.configurationRecorderName'),
                json_extract_scalar(request_parameters, '$.detectorId'),
                json_extract_scalar(request_parameters, '$.bucketName'),
                json_extract_scalar(request_parameters, '$.logGroupName'),
                json_extract_scalar(request_parameters, '$.DeleteFlowLogsRequest.FlowLogId.content'),
                json_extract_scalar(request_parameters, '$.rule')) AS which,
       error_code
FROM narrowed
WHERE what IS NOT NULL
ORDER BY event_time, event_id;
