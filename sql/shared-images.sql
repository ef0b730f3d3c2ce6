-- Images that were shared with other accounts, organisations or everybody (`all`), or no longer are: AMIs and FPGA
-- images; ECR repositories and Systems Manager documents whose permissions changed.
--
-- Topic: exposure and sharing
-- ATT&CK: T1537
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named shared-images
SELECT event_time, recipient_account_id, aws_region, principal_arn, session_name, event_name,
       coalesce(json_extract_scalar(request_parameters, '$.imageId'),
                json_extract_scalar(request_parameters, '$.fpgaImageId'),
                json_extract_scalar(request_parameters, '$.repositoryName'),
                json_extract_scalar(request_parameters, '$.name')) AS image,
       array_join(regexp_extract_all(
         concat_ws(' ', json_extract(request_parameters, '$.launchPermission.add'),
                   json_extract(request_parameters, '$.loadPermission.add'),
                   json_extract(request_parameters, '$.accountIdsToAdd'),
                   json_extract_scalar(request_parameters, '$.policyText')),
         '"(?:AWS"\s*:\s*\[?\s*")?(all|\*|\d{12}|arn:aws[a-z-]*:(?:iam|organizations):[^"]+)"', 1), ', ') AS added,
       array_join(regexp_extract_all(
         concat_ws(' ', json_extract(request_parameters, '$.launchPermission.remove'),
                   json_extract(request_parameters, '$.accountIdsToRemove')),
         '"(all|\d{12}|arn:[^"]+)"', 1), ', ') AS removed,
       error_code
FROM events
WHERE (event_source = 'ec2.amazonaws.com' AND event_name IN ('ModifyImageAttribute', 'ModifyFpgaImageAttribute',
      'ResetImageAttribute', 'DisableImageBlockPublicAccess')
    OR event_source = 'ecr.amazonaws.com' AND event_name IN ('SetRepositoryPolicy', 'PutRegistryPolicy')
    OR event_source = 'ssm.amazonaws.com' AND event_name = 'ModifyDocumentPermission')
  AND regexp_like(concat(event_name, request_parameters),
                  'launchPermission|loadPermission|Policy|accountIds|Reset|DisableImage')
  AND event_date BETWEEN $from AND $to
ORDER BY event_time, event_id;
