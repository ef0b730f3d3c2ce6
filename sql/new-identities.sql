-- Users, roles, groups and instance profiles that were made, in IAM and in Identity Center.
--
-- Topic: identities and trust
-- ATT&CK: T1136.003
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named new-identities
SELECT event_time, recipient_account_id, aws_region, principal_arn, session_name, event_name,
       coalesce(json_extract_scalar(request_parameters, '$.userName'),
                json_extract_scalar(request_parameters, '$.roleName'),
                json_extract_scalar(request_parameters, '$.groupName'),
                json_extract_scalar(request_parameters, '$.instanceProfileName'),
                json_extract_scalar(request_parameters, '$.aWSServiceName'),
                json_extract_scalar(request_parameters, '$.displayName')) AS name,
       regexp_extract(response_elements, '"arn":"([^"]+)"', 1) AS arn, source_ip_address,
       error_code
FROM events
WHERE (event_source = 'iam.amazonaws.com' AND event_name IN ('CreateUser', 'CreateRole', 'CreateGroup',
      'CreateInstanceProfile', 'CreateServiceLinkedRole')
    OR event_source IN ('identitystore.amazonaws.com', 'sso-directory.amazonaws.com')
      AND event_name IN ('CreateUser', 'CreateGroup'))
  AND event_date BETWEEN $from AND $to
ORDER BY event_time, event_id;
