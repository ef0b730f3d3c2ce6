-- Credentials that were made or changed: access keys, passwords, SSH keys, certificates, key pairs, sessions of users;
-- whose they are, and whether somebody else made them.
--
-- Topic: access and credentials
-- ATT&CK: T1098.001
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named new-credentials
SELECT event_time, recipient_account_id, aws_region, principal_arn, session_name, event_name,
       coalesce(json_extract_scalar(request_parameters, '$.userName'),
                json_extract_scalar(response_elements, '$.accessKey.userName'),
                json_extract_scalar(request_parameters, '$.name'),
                json_extract_scalar(request_parameters, '$.keyName'), user_identity_user_name) AS whose,
       coalesce(json_extract_scalar(response_elements, '$.accessKey.accessKeyId'),
                json_extract_scalar(response_elements, '$.credentials.accessKeyId'),
                json_extract_scalar(request_parameters, '$.accessKeyId')) AS access_key_id,
       json_extract_scalar(request_parameters, '$.userName') <> coalesce(user_identity_user_name, '') AS by_another,
       error_code
FROM events
WHERE (event_source = 'iam.amazonaws.com'
      AND event_name IN ('CreateAccessKey', 'UpdateAccessKey', 'CreateLoginProfile', 'UpdateLoginProfile',
                        'ChangePassword', 'CreateServiceSpecificCredential', 'ResetServiceSpecificCredential',
                        'UploadSSHPublicKey', 'UploadSigningCertificate')
    OR event_source = 'sts.amazonaws.com' AND event_name IN ('GetFederationToken', 'GetSessionToken')
    OR event_source = 'ec2.amazonaws.com' AND event_name IN ('CreateKeyPair', 'ImportKeyPair'))
  AND event_date BETWEEN $from AND $to
ORDER BY event_time, event_id;
