-- MFA devices that were taken away, added or resynchronised, of users and of root.
--
-- Topic: access and credentials
-- ATT&CK: T1556.006
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named mfa-changes
SELECT event_time, recipient_account_id, aws_region, principal_arn, session_name, event_name,
       coalesce(json_extract_scalar(request_parameters, '$.userName'), user_identity_user_name) AS whose,
       coalesce(json_extract_scalar(request_parameters, '$.serialNumber'),
                json_extract_scalar(request_parameters, '$.virtualMFADeviceName')) AS device,
       source_ip_address,
       error_code
FROM events
WHERE event_source = 'iam.amazonaws.com'
  AND event_name IN ('DeactivateMFADevice', 'DeleteVirtualMFADevice', 'EnableMFADevice', 'CreateVirtualMFADevice',
                'ResyncMFADevice')
  AND event_date BETWEEN $from AND $to
ORDER BY event_time, event_id;
