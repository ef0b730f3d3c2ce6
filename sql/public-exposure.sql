-- What was opened to everybody, and how: policies whose principal is `*` (of any service), public ACLs, blocks of
-- public access taken away, public snapshots and images, functions without authentication, public databases, clusters
-- and load balancers. Whether conditions of a policy narrow it again, and which of
-- its statements deny, has to be read in the event. Security groups:
-- open-security-groups.
--
-- Topic: exposure and sharing
-- ATT&CK: T1530, T1537
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named public-exposure
WITH opened AS (
  SELECT *, CASE
    WHEN regexp_like(request_parameters, '\\*"Principal\\*"\s*:\s*(\{\s*\\*"AWS\\*"\s*:\s*)?\[?\s*\\*"\*\\*"')
      AND regexp_like(request_parameters, '\\*"Effect\\*"\s*:\s*\\*"Allow\\*"')
      AND event_name NOT LIKE 'Delete%' THEN 'policy for everybody'
    WHEN regexp_like(request_parameters, 'acs\.amazonaws\.com/groups/global/(AllUsers|AuthenticatedUsers)')
      OR regexp_like(request_parameters, '"x-amz-acl":\[?"(public-read|public-read-write|authenticated-read)"')
      THEN 'public ACL'
    WHEN event_name IN ('DeleteBucketPublicAccessBlock', 'DeleteAccountPublicAccessBlock',
                        'DisableImageBlockPublicAccess', 'DisableSnapshotBlockPublicAccess')
      OR event_name LIKE 'Put%PublicAccessBlock'
        AND regexp_like(request_parameters,
          '"(BlockPublicAcls|IgnorePublicAcls|BlockPublicPolicy|RestrictPublicBuckets)":false')
      THEN 'no block of public access'
    WHEN event_name IN ('ModifySnapshotAttribute', 'ModifyImageAttribute', 'ModifyFpgaImageAttribute')
      AND regexp_like(request_parameters, '"add":\{"items":\[[^\]]*"group":"all"')
      THEN 'public snapshot or image'
    WHEN event_name IN ('ModifyDBSnapshotAttribute', 'ModifyDBClusterSnapshotAttribute')
      AND json_array_contains(json_extract(request_parameters, '$.valuesToAdd'), 'all') THEN 'public snapshot or image'
    WHEN event_source = 'lambda.amazonaws.com' AND event_name LIKE 'AddPermission%'
      AND json_extract_scalar(request_parameters, '$.principal') = '*' THEN 'policy for everybody'
    WHEN event_source = 'lambda.amazonaws.com' AND event_name LIKE '%FunctionUrlConfig%'
      AND json_extract_scalar(request_parameters, '$.authType') = 'NONE' THEN 'function URL without authentication'
    WHEN json_extract_scalar(request_parameters, '$.publiclyAccessible') = 'true'
      OR json_extract_scalar(request_parameters, '$.resourcesVpcConfig.endpointPublicAccess') = 'true'
      OR json_extract_scalar(request_parameters, '$.scheme') = 'internet-facing' THEN 'public endpoint'
    END AS how
  FROM events
  WHERE read_only IS NOT TRUE AND event_date BETWEEN $from AND $to
)
SELECT event_time, recipient_account_id, aws_region, principal_arn, session_name, event_name, how,
       coalesce(json_extract_scalar(request_parameters, '$.bucketName'),
                json_extract_scalar(request_parameters, '$.snapshotId'),
                json_extract_scalar(request_parameters, '$.imageId'),
                json_extract_scalar(request_parameters, '$.dBSnapshotIdentifier'),
                json_extract_scalar(request_parameters, '$.dBClusterSnapshotIdentifier'),
                json_extract_scalar(request_parameters, '$.functionName'),
                json_extract_scalar(request_parameters, '$.dBInstanceIdentifier'),
                json_extract_scalar(request_parameters, '$.clusterIdentifier'),
                json_extract_scalar(request_parameters, '$.queueUrl'),
                json_extract_scalar(request_parameters, '$.topicArn'),
                json_extract_scalar(request_parameters, '$.secretId'),
                json_extract_scalar(request_parameters, '$.keyId'),
                json_extract_scalar(request_parameters, '$.repositoryName'),
                json_extract_scalar(request_parameters, '$.name')) AS what,
       error_code
FROM opened
WHERE how IS NOT NULL
ORDER BY event_time, event_id;
