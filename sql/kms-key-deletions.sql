-- KMS keys that were disabled, whose deletion was scheduled or cancelled, whose material or alias was deleted.
--
-- Topic: data and keys
-- ATT&CK: T1485, T1489
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named kms-key-deletions
SELECT event_time, recipient_account_id, aws_region, principal_arn, session_name, event_name,
       coalesce(json_extract_scalar(request_parameters, '$.keyId'),
                json_extract_scalar(request_parameters, '$.aliasName'),
                json_extract_scalar(request_parameters, '$.customKeyStoreId'),
                json_extract_scalar(service_event_details, '$.keyId')) AS key_id,
       json_extract_scalar(request_parameters, '$.pendingWindowInDays') AS pending_days,
       json_extract_scalar(response_elements, '$.deletionDate') AS deletion_date,
       error_code
FROM events
WHERE event_source = 'kms.amazonaws.com'
  AND event_name IN ('ScheduleKeyDeletion', 'CancelKeyDeletion', 'DisableKey', 'EnableKey', 'DeleteImportedKeyMaterial',
                'DeleteAlias', 'DeleteCustomKeyStore', 'DisconnectCustomKeyStore', 'DeleteKey')
  AND event_date BETWEEN $from AND $to
ORDER BY event_time, event_id;
