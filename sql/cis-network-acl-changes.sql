-- Changes of network access control lists.
--
-- Topic: CIS metric filters
-- CIS: AWS Foundations 4.11
-- ATT&CK: T1562.007
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named cis-network-acl-changes
SELECT event_time, recipient_account_id, aws_region, principal_arn, session_name, event_name,
       coalesce(request_parameters ->> 'networkAclId', request_parameters ->> 'vpcId') AS what,
       source_ip_address, error_code
FROM events
WHERE event_source = 'ec2.amazonaws.com'
  AND event_name IN ('CreateNetworkAcl', 'CreateNetworkAclEntry', 'DeleteNetworkAcl', 'DeleteNetworkAclEntry',
                      'ReplaceNetworkAclEntry', 'ReplaceNetworkAclAssociation')
  AND event_date BETWEEN $from AND $to
ORDER BY event_time, event_id;
