-- Changes of IAM policies and of their attachments.
--
-- Topic: CIS metric filters
-- CIS: AWS Foundations 4.4
-- ATT&CK: T1098.003
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named cis-iam-policy-changes
SELECT event_time, recipient_account_id, aws_region, principal_arn, session_name, event_name,
       concat_ws(' ', coalesce(request_parameters ->> 'userName', request_parameters ->> 'roleName',
                                request_parameters ->> 'groupName'),
                 coalesce(request_parameters ->> 'policyArn', request_parameters ->> 'policyName')) AS what,
       source_ip_address, error_code
FROM events
WHERE event_source = 'iam.amazonaws.com'
  AND event_name IN ('DeleteGroupPolicy', 'DeleteRolePolicy', 'DeleteUserPolicy', 'PutGroupPolicy', 'PutRolePolicy',
                      'PutUserPolicy', 'CreatePolicy', 'DeletePolicy', 'CreatePolicyVersion', 'DeletePolicyVersion',
                      'AttachRolePolicy', 'DetachRolePolicy', 'AttachUserPolicy', 'DetachUserPolicy',
                      'AttachGroupPolicy', 'DetachGroupPolicy')
  AND event_date BETWEEN $from AND $to
ORDER BY event_time, event_id;
