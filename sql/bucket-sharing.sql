-- Changes of who may reach S3 buckets: policies, ACLs, blocks of public access, access points, replication; whom they
-- name, and which of these are other accounts than the bucket's.
--
-- Topic: exposure and sharing
-- ATT&CK: T1537
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named bucket-sharing
SELECT event_time, recipient_account_id, aws_region, principal_arn, session_name, event_name,
       json_extract_scalar(request_parameters, '$.bucketName') AS bucket,
       regexp_replace(array_join(array_distinct(regexp_extract_all(request_parameters,
         '"(?:AWS|Service|Federated|CanonicalUser|Principal|Account|ID|URI|x-amz-acl)":(\[[^\]]*\]|"[^"]*")', 1)),
         ', '), '["\[\]]') AS named,
       array_join(array_sort(array_distinct(filter(
         regexp_extract_all(json_extract(request_parameters, '$.bucketPolicy'), '(?:iam|sts)::(\d{12}):|"(\d{12})"', 1),
         account -> account <> recipient_account_id))), ', ') AS other_accounts,
       error_code
FROM events
WHERE event_source = 's3.amazonaws.com'
  AND event_name IN ('PutBucketPolicy', 'DeleteBucketPolicy', 'PutBucketAcl', 'PutObjectAcl', 'PutBucketReplication',
                'PutBucketOwnershipControls', 'PutBucketPublicAccessBlock', 'DeleteBucketPublicAccessBlock',
                'PutAccountPublicAccessBlock', 'DeleteAccountPublicAccessBlock', 'PutAccessPointPolicy',
                'CreateAccessPoint')
  AND event_date BETWEEN $from AND $to
ORDER BY event_time, event_id;
