-- Sessions that were had through an identity provider (SAML, OpenID Connect): which subject took which role, how often,
-- from how many addresses, first and last.
--
-- Topic: access and credentials
-- ATT&CK: T1078.004
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named federated-logins
SELECT event_name, coalesce(user_identity_identity_provider, json_extract_scalar(response_elements, '$.provider'),
                            json_extract_scalar(response_elements, '$.issuer')) AS provider,
       coalesce(user_identity_user_name, json_extract_scalar(response_elements, '$.subject'),
                json_extract_scalar(response_elements, '$.subjectFromWebIdentityToken')) AS subject,
       json_extract_scalar(request_parameters, '$.roleArn') AS role_arn, count(*) AS events,
       count(error_code) AS errors, count(DISTINCT source_ip_address) AS addresses, min(event_time) AS first_time,
       max(event_time) AS last_time
FROM events
WHERE event_source = 'sts.amazonaws.com' AND event_name IN ('AssumeRoleWithSAML', 'AssumeRoleWithWebIdentity')
  AND event_date BETWEEN $from AND $to
GROUP BY 1, 2, 3, 4
ORDER BY role_arn, provider, subject, event_name;
