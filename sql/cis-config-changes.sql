-- Changes of AWS Config: recorders that were stopped or changed, delivery channels that were changed or deleted.
--
-- Topic: CIS metric filters
-- CIS: AWS Foundations 4.9
-- ATT&CK: T1562.008
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named cis-config-changes
SELECT event_time, recipient_account_id, aws_region, principal_arn, session_name, event_name,
       coalesce(request_parameters ->> 'configurationRecorderName', request_parameters ->> 'deliveryChannelName',
                request_parameters -> 'configurationRecorder' ->> 'name',
                request_parameters -> 'deliveryChannel' ->> 'name') AS what,
       source_ip_address, error_code
FROM events
WHERE event_source = 'config.amazonaws.com'
  AND event_name IN ('StopConfigurationRecorder', 'DeleteDeliveryChannel', 'PutDeliveryChannel',
                      'PutConfigurationRecorder')
  AND event_date BETWEEN $from AND $to
ORDER BY event_time, event_id;
