-- Who deleted data and what holds it, by hour: how many calls, how many things, with an example. A lifecycle can delete
-- a bucket's objects too.
--
-- Topic: data and keys
-- ATT&CK: T1485
--
-- Parameters:
--   least      at least so many calls an hour [1]
--   principal  LIKE pattern over principal_arn [%]
--   from       first day [0001-01-01]
--   to         last day [9999-12-31]
--
-- Example: trailpare sql --named destroyed-data --param least=10
SELECT date_trunc('hour', event_time) AS hour, recipient_account_id, principal_arn, session_name, event_source,
       event_name, count(*) AS events, count(error_code) AS errors,
       count(DISTINCT request_parameters) AS requests, min(event_id) AS example_event_id
FROM events
WHERE regexp_replace(event_name, '\d{8}(v\d+)?$|\d{4}_\d\d_\d\d$', '') IN (
        'DeleteBucket', 'DeleteObject', 'DeleteObjects', 'DeleteDBInstance', 'DeleteDBCluster', 'DeleteTable',
        'DeleteSnapshot', 'DeleteVolume', 'TerminateInstances', 'DeregisterImage', 'DeleteFileSystem',
        'DeleteRepository', 'DeleteSecret', 'DeleteCluster', 'DeleteDomain', 'DeleteElasticsearchDomain',
        'DeleteVault', 'DeleteBackupVault', 'DeleteRecoveryPoint', 'DeleteStack', 'DeleteStream', 'DeleteQueue',
        'DeleteDBSnapshot', 'DeleteDBClusterSnapshot', 'ScheduleKeyDeletion', 'PutBucketLifecycle', 'DeleteHostedZone',
        'DeleteFunction', 'DeleteUserPool')
  AND principal_arn LIKE $principal AND event_date BETWEEN $from AND $to
GROUP BY date_trunc('hour', event_time), recipient_account_id, principal_arn, session_name, event_source, event_name
HAVING count(*) >= CAST($least AS BIGINT)
ORDER BY events DESC, hour, principal_arn, session_name, event_source, event_name;
