-- Commands and sessions on machines and containers through AWS: Systems Manager, EC2 Instance Connect, serial consoles,
-- passwords of Windows instances, ECS Exec; on what.
--
-- Topic: compute and code
-- ATT&CK: T1651, T1021.007
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named remote-commands
SELECT event_time, recipient_account_id, aws_region, principal_arn, session_name, event_name,
       coalesce(json_extract_scalar(request_parameters, '$.target'),
                json_extract_scalar(request_parameters, '$.instanceId'),
                json_extract(request_parameters, '$.instanceIds'), json_extract_scalar(request_parameters, '$.task'),
                json_extract(request_parameters, '$.targets')) AS target,
       coalesce(json_extract_scalar(request_parameters, '$.documentName'),
                json_extract_scalar(request_parameters, '$.name'),
                json_extract_scalar(request_parameters, '$.command'),
                json_extract_scalar(request_parameters, '$.instanceOSUser')) AS what,
       source_ip_address,
       error_code
FROM events
WHERE trim(event_name) IN ('SendCommand', 'StartSession', 'ResumeSession', 'StartAutomationExecution',
                            'SendSSHPublicKey', 'SendSerialConsoleSSHPublicKey', 'GetPasswordData', 'ExecuteCommand',
                            'OpenTunnel', 'CreateAssociation')
  AND event_source IN ('ssm.amazonaws.com', 'ec2-instance-connect.amazonaws.com', 'ec2.amazonaws.com',
                       'ecs.amazonaws.com')
  AND event_date BETWEEN $from AND $to
ORDER BY event_time, event_id;
