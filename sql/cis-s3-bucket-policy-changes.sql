-- Changes of what S3 buckets allow, keep and copy: policies, ACLs, CORS, lifecycles, replication.
--
-- Topic: CIS metric filters
-- CIS: AWS Foundations 4.8
-- ATT&CK: T1530
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named cis-s3-bucket-policy-changes
SELECT event_time, recipient_account_id, aws_region, principal_arn, session_name, event_name,
       request_parameters ->> 'bucketName' AS what,
       source_ip_address, error_code
FROM events
WHERE event_source = 's3.amazonaws.com'
  AND event_name IN ('PutBucketAcl', 'PutBucketPolicy', 'PutBucketCors', 'PutBucketLifecycle', 'PutBucketReplication',
                      'DeleteBucketPolicy', 'DeleteBucketCors', 'DeleteBucketLifecycle', 'DeleteBucketReplication')
  AND event_date BETWEEN $from AND $to
ORDER BY event_time, event_id;
