-- Recovery that was made impossible: backups and snapshots deleted, versioning suspended, retention set to nothing,
-- protection from deletion taken away, lifecycles that expire objects.
--
-- Topic: data and keys
-- ATT&CK: T1490
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named backups-removed
SELECT event_time, recipient_account_id, aws_region, principal_arn, session_name, event_name,
       coalesce(json_extract_scalar(request_parameters, '$.bucketName'),
                json_extract_scalar(request_parameters, '$.recoveryPointArn'),
                json_extract_scalar(request_parameters, '$.backupVaultName'),
                json_extract_scalar(request_parameters, '$.dBSnapshotIdentifier'),
                json_extract_scalar(request_parameters, '$.dBClusterSnapshotIdentifier'),
                json_extract_scalar(request_parameters, '$.snapshotId'),
                json_extract_scalar(request_parameters, '$.snapshotIdentifier'),
                json_extract_scalar(request_parameters, '$.dBInstanceIdentifier'),
                json_extract_scalar(request_parameters, '$.dBClusterIdentifier'),
                json_extract_scalar(request_parameters, '$.tableName'),
                json_extract_scalar(request_parameters, '$.backupArn')) AS what,
       error_code
FROM events
WHERE (event_name IN ('DeleteRecoveryPoint', 'DeleteBackupVault', 'DeleteBackupPlan',
                    'DeleteBackupVaultLockConfiguration', 'DeleteBackupVaultAccessPolicy', 'DeleteDBSnapshot',
                    'DeleteDBClusterSnapshot', 'DeleteSnapshot', 'DeleteClusterSnapshot', 'DeleteBackup',
                    'DeleteDBInstanceAutomatedBackup', 'DisassociateRecoveryPoint')
    OR event_name = 'PutBucketVersioning' AND request_parameters LIKE '%"Suspended"%'
    OR event_name = 'PutBucketLifecycle' AND request_parameters LIKE '%"Expiration"%'
    OR event_name = 'UpdateContinuousBackups' AND request_parameters LIKE '%"pointInTimeRecoveryEnabled":false%'
    OR event_name IN ('ModifyDBInstance', 'ModifyDBCluster')
      AND (json_extract_scalar(request_parameters, '$.backupRetentionPeriod') = '0'
        OR json_extract_scalar(request_parameters, '$.deletionProtection') = 'false')
    OR event_name = 'DeleteDBInstance' AND json_extract_scalar(request_parameters, '$.skipFinalSnapshot') = 'true')
  AND event_date BETWEEN $from AND $to
ORDER BY event_time, event_id;
