-- Changes of security groups and of their rules.
--
-- Topic: CIS metric filters
-- CIS: AWS Foundations 4.10
-- ATT&CK: T1562.007
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named cis-security-group-changes
SELECT event_time, recipient_account_id, aws_region, principal_arn, session_name, event_name,
       coalesce(request_parameters ->> 'groupId', request_parameters ->> 'groupName') AS what,
       source_ip_address, error_code
FROM events
WHERE event_source = 'ec2.amazonaws.com'
  AND event_name IN ('AuthorizeSecurityGroupIngress', 'AuthorizeSecurityGroupEgress', 'RevokeSecurityGroupIngress',
                      'RevokeSecurityGroupEgress', 'CreateSecurityGroup', 'DeleteSecurityGroup')
  AND event_date BETWEEN $from AND $to
ORDER BY event_time, event_id;
