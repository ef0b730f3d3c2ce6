-- Everything that changed in AWS Organizations: accounts, units, policies, delegated administrators, trusted services,
-- root access.
--
-- Topic: identities and trust
-- ATT&CK: T1666, T1484.002
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named organization-changes
SELECT event_time, recipient_account_id, aws_region, principal_arn, session_name, event_name,
       coalesce(json_extract_scalar(request_parameters, '$.accountId'),
                json_extract_scalar(request_parameters, '$.targetId'),
                json_extract_scalar(request_parameters, '$.target.id'),
                json_extract_scalar(request_parameters, '$.targetPrincipal'),
                json_extract_scalar(request_parameters, '$.policyId'),
                json_extract_scalar(request_parameters, '$.organizationalUnitId'),
                json_extract_scalar(request_parameters, '$.handshakeId'),
                json_extract_scalar(request_parameters, '$.servicePrincipal'),
                json_extract_scalar(request_parameters, '$.childId'),
                json_extract_scalar(request_parameters, '$.name')) AS what,
       coalesce(json_extract_scalar(request_parameters, '$.policyId'),
                json_extract_scalar(request_parameters, '$.destinationParentId'),
                json_extract_scalar(request_parameters, '$.servicePrincipal'),
                json_extract_scalar(request_parameters, '$.policyType')) AS detail,
       error_code
FROM events
WHERE (event_source = 'organizations.amazonaws.com' AND read_only IS NOT TRUE
      AND NOT regexp_like(event_name, '^(List|Describe|Get)')
    OR event_source = 'iam.amazonaws.com' AND event_name LIKE '%Organizations%' AND event_name NOT LIKE 'List%'
    OR event_source = 'sts.amazonaws.com' AND event_name = 'AssumeRoot')
  AND event_date BETWEEN $from AND $to
ORDER BY event_time, event_id;
