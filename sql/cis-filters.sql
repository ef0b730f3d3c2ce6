-- Every CloudTrail metric filter of the CIS AWS Foundations Benchmark (4.1 to 4.15), with how many events it matches,
-- how many of these failed, by how many principals, first and last. The queries cis-* show the events.
--
-- Topic: CIS metric filters
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named cis-filters
WITH matched AS (
  SELECT event_time, principal_arn, error_code, error_message, CASE
    WHEN event_name = 'ConsoleLogin' AND error_message = 'Failed authentication' THEN '4.6'
    WHEN event_name = 'ConsoleLogin' AND ((additional_event_data ->> 'MFAUsed') IS DISTINCT FROM 'Yes')
      AND user_identity_type = 'IAMUser' AND response_elements ->> 'ConsoleLogin' = 'Success' THEN '4.2'
    WHEN event_source = 'iam.amazonaws.com'
      AND event_name IN ('DeleteGroupPolicy', 'DeleteRolePolicy', 'DeleteUserPolicy', 'PutGroupPolicy',
                         'PutRolePolicy', 'PutUserPolicy', 'CreatePolicy', 'DeletePolicy', 'CreatePolicyVersion',
                         'DeletePolicyVersion', 'AttachRolePolicy', 'DetachRolePolicy', 'AttachUserPolicy',
                         'DetachUserPolicy', 'AttachGroupPolicy', 'DetachGroupPolicy')
      THEN '4.4'
    WHEN event_source = 'cloudtrail.amazonaws.com'
      AND event_name IN ('CreateTrail', 'UpdateTrail', 'DeleteTrail', 'StartLogging', 'StopLogging')
      THEN '4.5'
    WHEN event_source = 'kms.amazonaws.com'
      AND event_name IN ('DisableKey', 'ScheduleKeyDeletion')
      THEN '4.7'
    WHEN event_source = 's3.amazonaws.com'
      AND event_name IN ('PutBucketAcl', 'PutBucketPolicy', 'PutBucketCors', 'PutBucketLifecycle',
                         'PutBucketReplication', 'DeleteBucketPolicy', 'DeleteBucketCors', 'DeleteBucketLifecycle',
                         'DeleteBucketReplication')
      THEN '4.8'
    WHEN event_source = 'config.amazonaws.com'
      AND event_name IN ('StopConfigurationRecorder', 'DeleteDeliveryChannel', 'PutDeliveryChannel',
                         'PutConfigurationRecorder')
      THEN '4.9'
    WHEN event_source = 'ec2.amazonaws.com'
      AND event_name IN ('AuthorizeSecurityGroupIngress', 'AuthorizeSecurityGroupEgress', 'RevokeSecurityGroupIngress',
                         'RevokeSecurityGroupEgress', 'CreateSecurityGroup', 'DeleteSecurityGroup')
      THEN '4.10'
    WHEN event_source = 'ec2.amazonaws.com'
      AND event_name IN ('CreateNetworkAcl', 'CreateNetworkAclEntry', 'DeleteNetworkAcl', 'DeleteNetworkAclEntry',
                         'ReplaceNetworkAclEntry', 'ReplaceNetworkAclAssociation')
      THEN '4.11'
    WHEN event_source = 'ec2.amazonaws.com'
      AND event_name IN ('CreateCustomerGateway', 'DeleteCustomerGateway', 'AttachInternetGateway',
                         'CreateInternetGateway', 'DeleteInternetGateway', 'DetachInternetGateway')
      THEN '4.12'
    WHEN event_source = 'ec2.amazonaws.com'
      AND event_name IN ('CreateRoute', 'CreateRouteTable', 'ReplaceRoute', 'ReplaceRouteTableAssociation',
                         'DeleteRouteTable', 'DeleteRoute', 'DisassociateRouteTable')
      THEN '4.13'
    WHEN event_source = 'ec2.amazonaws.com'
      AND event_name IN ('CreateVpc', 'DeleteVpc', 'ModifyVpcAttribute', 'AcceptVpcPeeringConnection',
                         'CreateVpcPeeringConnection', 'DeleteVpcPeeringConnection', 'RejectVpcPeeringConnection',
                         'AttachClassicLinkVpc', 'DetachClassicLinkVpc', 'DisableVpcClassicLink',
                         'EnableVpcClassicLink')
      THEN '4.14'
    WHEN event_source = 'organizations.amazonaws.com'
      AND event_name IN ('AcceptHandshake', 'AttachPolicy', 'CreateAccount', 'CreateOrganizationalUnit',
                         'CreatePolicy', 'DeclineHandshake', 'DeleteOrganization', 'DeleteOrganizationalUnit',
                         'DeletePolicy', 'DetachPolicy', 'DisablePolicyType', 'EnablePolicyType',
                         'InviteAccountToOrganization', 'LeaveOrganization', 'MoveAccount',
                         'RemoveAccountFromOrganization', 'UpdatePolicy', 'UpdateOrganizationalUnit')
      THEN '4.15'
    END AS by_name,
    CASE WHEN (error_code LIKE '%UnauthorizedOperation' OR error_code LIKE 'AccessDenied%')
      AND (source_ip_address IS DISTINCT FROM 'delivery.logs.amazonaws.com') AND event_name <> 'HeadBucket'
      THEN '4.1' END AS by_error,
    CASE WHEN user_identity_type = 'Root' AND user_identity_invoked_by IS NULL
      AND (event_type IS DISTINCT FROM 'AwsServiceEvent') THEN '4.3' END AS by_user
  FROM events
  WHERE event_date BETWEEN $from AND $to
), filters(number, control, title) AS (
  VALUES
    (1, '4.1', 'unauthorised calls'),
    (2, '4.2', 'console sign-in without MFA'),
    (3, '4.3', 'use of the root user'),
    (4, '4.4', 'IAM policies'),
    (5, '4.5', 'CloudTrail'),
    (6, '4.6', 'failed console sign-ins'),
    (7, '4.7', 'KMS keys disabled or to be deleted'),
    (8, '4.8', 'S3 bucket policies'),
    (9, '4.9', 'AWS Config'),
    (10, '4.10', 'security groups'),
    (11, '4.11', 'network ACLs'),
    (12, '4.12', 'network gateways'),
    (13, '4.13', 'route tables'),
    (14, '4.14', 'VPCs'),
    (15, '4.15', 'Organizations')
)
SELECT control, title, count(event_time) AS events, count(coalesce(error_code, error_message)) AS failed,
       count(DISTINCT principal_arn) AS principals, min(event_time) AS first_time, max(event_time) AS last_time
FROM filters
LEFT JOIN (
  SELECT by_name AS matches, event_time, principal_arn, error_code, error_message
  FROM matched WHERE by_name IS NOT NULL
  UNION ALL
  SELECT by_error, event_time, principal_arn, error_code, error_message FROM matched WHERE by_error IS NOT NULL
  UNION ALL
  SELECT by_user, event_time, principal_arn, error_code, error_message FROM matched WHERE by_user IS NOT NULL
) ON matches = control
GROUP BY number, control, title
ORDER BY number;
