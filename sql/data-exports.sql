-- Data on its way out: copies of snapshots and images, exports of databases, tables and logs, replication of buckets,
-- subscriptions, transfers; what and where to.
--
-- Topic: data and keys
-- ATT&CK: T1537, T1530
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named data-exports
SELECT event_time, recipient_account_id, aws_region, principal_arn, session_name, event_name,
       coalesce(json_extract_scalar(request_parameters, '$.snapshotId'),
                json_extract_scalar(request_parameters, '$.sourceSnapshotId'),
                json_extract_scalar(request_parameters, '$.sourceImageId'),
                json_extract_scalar(request_parameters, '$.imageId'),
                json_extract_scalar(request_parameters, '$.instanceId'),
                json_extract_scalar(request_parameters, '$.sourceArn'),
                json_extract_scalar(request_parameters, '$.tableArn'),
                json_extract_scalar(request_parameters, '$.logGroupName'),
                json_extract_scalar(request_parameters, '$.bucketName'),
                json_extract_scalar(request_parameters, '$.sourceDBSnapshotIdentifier'),
                json_extract_scalar(request_parameters, '$.sourceDBClusterSnapshotIdentifier'),
                json_extract_scalar(request_parameters, '$.recoveryPointArn'),
                json_extract_scalar(request_parameters, '$.sourceEndpointArn'),
                json_extract_scalar(request_parameters, '$.sourceLocationArn'),
                json_extract_scalar(request_parameters, '$.taskArn')) AS what,
       coalesce(json_extract_scalar(request_parameters, '$.s3BucketName'),
                json_extract_scalar(request_parameters, '$.s3Bucket'),
                json_extract_scalar(request_parameters, '$.bucket'),
                json_extract_scalar(request_parameters, '$.exportToS3.s3Bucket'),
                json_extract_scalar(request_parameters, '$.s3ExportLocation.s3Bucket'),
                regexp_extract(request_parameters, '"Destination":\{[^}]*"Bucket":"([^"]+)"', 1),
                json_extract_scalar(request_parameters, '$.destination'),
                json_extract_scalar(request_parameters, '$.destinationArn'),
                json_extract_scalar(request_parameters, '$.destinationBackupVaultArn'),
                json_extract_scalar(request_parameters, '$.destinationRegion'),
                json_extract_scalar(request_parameters, '$.targetEndpointArn')) AS where_to,
       error_code
FROM events
WHERE (event_source = 's3.amazonaws.com'
      AND event_name IN ('PutBucketReplication', 'CreateJob')
    OR event_source = 'ec2.amazonaws.com'
      AND event_name IN ('CopySnapshot', 'CopyImage', 'CreateInstanceExportTask', 'ExportImage', 'CreateStoreImageTask')
    OR event_source = 'rds.amazonaws.com'
      AND event_name IN ('StartExportTask', 'CopyDBSnapshot', 'CopyDBClusterSnapshot')
    OR event_source = 'dynamodb.amazonaws.com'
      AND event_name IN ('ExportTableToPointInTime')
    OR event_source = 'logs.amazonaws.com'
      AND event_name IN ('CreateExportTask', 'PutSubscriptionFilter', 'PutDestination')
    OR event_source = 'dms.amazonaws.com'
      AND event_name IN ('CreateReplicationTask', 'StartReplicationTask')
    OR event_source = 'datasync.amazonaws.com'
      AND event_name IN ('CreateTask', 'StartTaskExecution', 'CreateLocationS3')
    OR event_source = 'backup.amazonaws.com'
      AND event_name IN ('StartCopyJob')
    OR event_source = 'transfer.amazonaws.com'
      AND event_name IN ('CreateServer', 'CreateUser')
    OR event_source = 'ebs.amazonaws.com'
      AND event_name IN ('ListSnapshotBlocks', 'GetSnapshotBlock')
    OR event_source = 'elasticache.amazonaws.com'
      AND event_name IN ('CopySnapshot')
    OR event_source = 'redshift.amazonaws.com'
      AND event_name IN ('CopyClusterSnapshot'))
  AND event_date BETWEEN $from AND $to
ORDER BY event_time, event_id;
