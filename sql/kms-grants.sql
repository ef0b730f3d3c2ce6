-- Grants on KMS keys that were given, revoked or retired: to whom, for which operations, through which service.
--
-- Topic: data and keys
-- ATT&CK: T1098
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named kms-grants
SELECT event_time, recipient_account_id, aws_region, principal_arn, session_name, event_name,
       coalesce(json_extract_scalar(request_parameters, '$.keyId'), resources[1].arn) AS key_id,
       json_extract_scalar(request_parameters, '$.granteePrincipal') AS grantee,
       array_join(CAST(json_extract(request_parameters, '$.operations') AS array(varchar)), ', ') AS operations,
       coalesce(json_extract_scalar(request_parameters, '$.grantId'),
                json_extract_scalar(response_elements, '$.grantId')) AS grant_id, user_identity_invoked_by AS via,
       error_code
FROM events
WHERE event_source = 'kms.amazonaws.com' AND event_name IN ('CreateGrant', 'RevokeGrant', 'RetireGrant')
  AND event_date BETWEEN $from AND $to
ORDER BY event_time, event_id;
