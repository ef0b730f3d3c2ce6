-- Changes of VPCs, of their peerings and of their ClassicLink.
--
-- Topic: CIS metric filters
-- CIS: AWS Foundations 4.14
-- ATT&CK: T1578.005
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named cis-vpc-changes
SELECT event_time, recipient_account_id, aws_region, principal_arn, session_name, event_name,
       coalesce(request_parameters ->> 'vpcId', request_parameters ->> 'vpcPeeringConnectionId',
                response_elements -> 'vpc' ->> 'vpcId') AS what,
       source_ip_address, error_code
FROM events
WHERE event_source = 'ec2.amazonaws.com'
  AND event_name IN ('CreateVpc', 'DeleteVpc', 'ModifyVpcAttribute', 'AcceptVpcPeeringConnection',
                      'CreateVpcPeeringConnection', 'DeleteVpcPeeringConnection', 'RejectVpcPeeringConnection',
                      'AttachClassicLinkVpc', 'DetachClassicLinkVpc', 'DisableVpcClassicLink', 'EnableVpcClassicLink')
  AND event_date BETWEEN $from AND $to
ORDER BY event_time, event_id;
