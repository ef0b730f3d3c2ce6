-- Snapshots that were shared with other accounts or with everybody (`all`), or no longer are: EBS, RDS, Aurora,
-- Redshift.
--
-- Topic: exposure and sharing
-- ATT&CK: T1537
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named shared-snapshots
SELECT event_time, recipient_account_id, aws_region, principal_arn, session_name, event_name,
       coalesce(json_extract_scalar(request_parameters, '$.snapshotId'),
                json_extract_scalar(request_parameters, '$.dBSnapshotIdentifier'),
                json_extract_scalar(request_parameters, '$.dBClusterSnapshotIdentifier'),
                json_extract_scalar(request_parameters, '$.snapshotIdentifier')) AS snapshot,
       array_join(regexp_extract_all(
         concat_ws(' ', json_extract(request_parameters, '$.createVolumePermission.add'),
                   json_extract(request_parameters, '$.valuesToAdd'),
                   CASE WHEN event_name = 'AuthorizeSnapshotAccess'
                     THEN concat('"', json_extract_scalar(request_parameters, '$.accountWithRestoreAccess'), '"') END),
         '"(all|\d{12}|arn:[^"]+)"', 1), ', ') AS added,
       array_join(regexp_extract_all(
         concat_ws(' ', json_extract(request_parameters, '$.createVolumePermission.remove'),
                   json_extract(request_parameters, '$.valuesToRemove'),
                   CASE WHEN event_name = 'RevokeSnapshotAccess'
                     THEN concat('"', json_extract_scalar(request_parameters, '$.accountWithRestoreAccess'), '"') END),
         '"(all|\d{12}|arn:[^"]+)"', 1), ', ') AS removed,
       error_code
FROM events
WHERE event_name IN ('ModifySnapshotAttribute', 'ModifyDBSnapshotAttribute', 'ModifyDBClusterSnapshotAttribute',
                'AuthorizeSnapshotAccess', 'RevokeSnapshotAccess', 'ResetSnapshotAttribute')
  AND event_source IN ('ec2.amazonaws.com', 'rds.amazonaws.com', 'redshift.amazonaws.com')
  AND event_date BETWEEN $from AND $to
ORDER BY event_time, event_id;
