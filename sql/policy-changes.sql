-- Changes to who may do what: IAM policies, attachments, permissions boundaries, trust policies; newest first.
--
-- Topic: identities and trust
-- ATT&CK: T1098.003
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named policy-changes --param from=2024-01-01
SELECT event_time, principal_arn, session_name, event_name,
       coalesce(request_parameters ->> 'roleName', request_parameters ->> 'userName',
                request_parameters ->> 'groupName') AS changed,
       coalesce(request_parameters ->> 'policyArn', request_parameters ->> 'permissionsBoundary',
                request_parameters ->> 'policyName') AS policy,
       error_code
FROM events
WHERE event_source = 'iam.amazonaws.com' AND event_date BETWEEN $from AND $to
  AND iam_action_level('iam:' || event_name) = 'Permissions management'
ORDER BY event_time DESC, event_id;
