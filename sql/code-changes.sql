-- Code that was put where it runs: functions and their layers, user data of instances, documents of Systems Manager,
-- jobs, build projects, stacks, task definitions; with which role.
--
-- Topic: compute and code
-- ATT&CK: T1648, T1578.005
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named code-changes
SELECT event_time, recipient_account_id, aws_region, principal_arn, session_name, event_name,
       coalesce(json_extract_scalar(request_parameters, '$.functionName'),
                json_extract_scalar(request_parameters, '$.layerName'),
                json_extract_scalar(request_parameters, '$.instanceId'),
                json_extract_scalar(request_parameters, '$.name'),
                json_extract_scalar(request_parameters, '$.stackName'),
                json_extract_scalar(request_parameters, '$.family'),
                json_extract_scalar(request_parameters, '$.jobName'),
                json_extract_scalar(request_parameters, '$.notebookInstanceName'),
                json_extract_scalar(request_parameters, '$.jobDefinitionName'),
                json_extract_scalar(request_parameters, '$.notebookInstanceLifecycleConfigName'),
                json_extract_scalar(request_parameters, '$.endpointName')) AS what,
       coalesce(json_extract_scalar(request_parameters, '$.role'), json_extract_scalar(request_parameters, '$.roleARN'),
                json_extract_scalar(request_parameters, '$.roleArn'),
                json_extract_scalar(request_parameters, '$.serviceRole'),
                json_extract_scalar(request_parameters, '$.taskRoleArn')) AS role,
       error_code
FROM events
WHERE (regexp_replace(event_name, '\d{8}(v\d+)?$|\d{4}_\d\d_\d\d$', '') IN (
        'CreateFunction', 'UpdateFunctionCode', 'UpdateFunctionConfiguration', 'PublishLayerVersion', 'CreateDocument',
        'UpdateDocument', 'CreateProject', 'UpdateProject', 'CreateStack', 'UpdateStack', 'CreateChangeSet',
        'RegisterTaskDefinition', 'RegisterJobDefinition', 'CreateDevEndpoint', 'CreateNotebookInstance',
        'CreateNotebookInstanceLifecycleConfig', 'UpdateNotebookInstanceLifecycleConfig')
    AND event_source <> 'cloudfront.amazonaws.com'
    OR event_source = 'glue.amazonaws.com' AND event_name IN ('CreateJob', 'UpdateJob')
    OR event_source = 'ec2.amazonaws.com' AND event_name = 'ModifyInstanceAttribute'
      AND request_parameters LIKE '%"userData"%')
  AND event_date BETWEEN $from AND $to
ORDER BY event_time, event_id;
