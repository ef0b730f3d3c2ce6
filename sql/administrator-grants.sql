-- Grants of everything, or of what leads to it: AdministratorAccess, PowerUserAccess, IAMFullAccess, and policies that
-- allow every action, all of IAM, or all but some (`NotAction`); to whom.
--
-- Topic: identities and trust
-- ATT&CK: T1098.003
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named administrator-grants
SELECT event_time, recipient_account_id, aws_region, principal_arn, session_name, event_name,
       coalesce(json_extract_scalar(request_parameters, '$.userName'),
                json_extract_scalar(request_parameters, '$.roleName'),
                json_extract_scalar(request_parameters, '$.groupName'),
                json_extract_scalar(request_parameters, '$.permissionSetArn'),
                json_extract_scalar(request_parameters, '$.policyArn'),
                json_extract_scalar(request_parameters, '$.policyName')) AS to_whom,
       coalesce(json_extract_scalar(request_parameters, '$.policyArn'),
                json_extract_scalar(request_parameters, '$.managedPolicyArn'),
                json_extract_scalar(request_parameters, '$.policyName')) AS policy,
       error_code
FROM events
WHERE event_source IN ('iam.amazonaws.com', 'sso.amazonaws.com')
  AND (regexp_like(coalesce(json_extract_scalar(request_parameters, '$.policyArn'),
                            json_extract_scalar(request_parameters, '$.managedPolicyArn')),
                   ':policy/(AdministratorAccess|PowerUserAccess|IAMFullAccess)$')
      AND event_name LIKE 'Attach%'
    OR event_name IN ('PutUserPolicy', 'PutRolePolicy', 'PutGroupPolicy', 'CreatePolicy', 'CreatePolicyVersion',
                      'PutInlinePolicyToPermissionSet')
      AND regexp_like(coalesce(json_extract_scalar(request_parameters, '$.policyDocument'),
                               json_extract_scalar(request_parameters, '$.inlinePolicy')),
                      '(?i)"Action"\s*:\s*(\[[^\]]*)?"(\*|\*:\*|i(a(m:?)?)?\*)"|"NotAction"')
      AND regexp_like(coalesce(json_extract_scalar(request_parameters, '$.policyDocument'),
                               json_extract_scalar(request_parameters, '$.inlinePolicy')),
                      '(?i)"Effect"\s*:\s*"Allow"'))
  AND event_date BETWEEN $from AND $to
ORDER BY event_time, event_id;
