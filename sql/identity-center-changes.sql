-- Changes in IAM Identity Center: assignments, permission sets and their policies, users, groups, memberships, MFA,
-- identity sources.
--
-- Topic: identities and trust
-- ATT&CK: T1098.003
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named identity-center-changes
SELECT event_time, recipient_account_id, aws_region, principal_arn, session_name, event_name,
       json_extract_scalar(request_parameters, '$.targetId') AS target_account,
       coalesce(json_extract_scalar(request_parameters, '$.permissionSetArn'),
                json_extract_scalar(request_parameters, '$.name'),
                json_extract_scalar(request_parameters, '$.groupId'),
                json_extract_scalar(request_parameters, '$.userId'),
                json_extract_scalar(request_parameters, '$.userName')) AS what,
       nullif(concat_ws(' ', json_extract_scalar(request_parameters, '$.principalType'),
                        json_extract_scalar(request_parameters, '$.principalId'),
                        json_extract_scalar(request_parameters, '$.managedPolicyArn'),
                        json_extract_scalar(request_parameters, '$.memberId.userId')), '') AS detail,
       error_code
FROM events
WHERE event_source IN ('sso.amazonaws.com', 'sso-directory.amazonaws.com', 'identitystore.amazonaws.com',
                       'identitystore-scim.amazonaws.com')
  AND read_only IS NOT TRUE AND NOT regexp_like(event_name, '^(List|Describe|Get|Search|Batch(Get|Describe))')
  AND event_name NOT IN ('Authenticate', 'Federate', 'Logout', 'CreateToken', 'StartDeviceAuthorization')
  AND event_date BETWEEN $from AND $to
ORDER BY event_time, event_id;
