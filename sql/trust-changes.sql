-- Who may become whom: trust policies that were made or changed, identity providers, trust anchors; whom a policy
-- names, and which of these are other accounts.
--
-- Topic: identities and trust
-- ATT&CK: T1484.002, T1098.003
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named trust-changes
SELECT event_time, recipient_account_id, aws_region, principal_arn, session_name, event_name,
       coalesce(json_extract_scalar(request_parameters, '$.roleName'),
                json_extract_scalar(request_parameters, '$.sAMLProviderArn'),
                json_extract_scalar(request_parameters, '$.openIDConnectProviderArn'),
                json_extract_scalar(request_parameters, '$.url'),
                json_extract_scalar(request_parameters, '$.name')) AS what,
       regexp_replace(array_join(array_distinct(regexp_extract_all(
         coalesce(json_extract_scalar(request_parameters, '$.assumeRolePolicyDocument'),
                  json_extract_scalar(request_parameters, '$.policyDocument')),
         '"(?:AWS|Service|Federated|CanonicalUser|Principal)"\s*:\s*(\[[^\]]*\]|"[^"]*")', 1)), ', '), '["\[\]]')
         AS trusted,
       array_join(array_sort(array_distinct(filter(regexp_extract_all(
         coalesce(json_extract_scalar(request_parameters, '$.assumeRolePolicyDocument'),
                  json_extract_scalar(request_parameters, '$.policyDocument')),
         '(?:(?:iam|sts)::|")(\d{12})(?::|")', 1), account -> account <> recipient_account_id))), ', ')
         AS other_accounts,
       error_code
FROM events
WHERE (event_source = 'iam.amazonaws.com'
      AND event_name IN ('CreateRole', 'UpdateAssumeRolePolicy', 'CreateSAMLProvider', 'UpdateSAMLProvider',
                        'DeleteSAMLProvider', 'CreateOpenIDConnectProvider', 'UpdateOpenIDConnectProviderThumbprint',
                        'AddClientIDToOpenIDConnectProvider', 'DeleteOpenIDConnectProvider')
    OR event_source = 'rolesanywhere.amazonaws.com' AND regexp_like(event_name, 'TrustAnchor|Profile|Crl')
      AND NOT regexp_like(event_name, '^(List|Get)'))
  AND event_date BETWEEN $from AND $to
ORDER BY event_time, event_id;
