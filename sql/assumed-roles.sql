-- Which principal assumed which role, under which session name, how often.
--
-- Topic: access and credentials
-- ATT&CK: T1550.001
--
-- Parameters:
--   role  LIKE pattern over the ARN of the role that was assumed [%]
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named assumed-roles --param role=%/deploy
SELECT principal_arn, principal_type, request_parameters ->> 'roleArn' AS role_arn,
       request_parameters ->> 'roleSessionName' AS session_name, count(*) AS events, count(error_code) AS errors,
       max(event_time) AS last_time
FROM events
WHERE event_source = 'sts.amazonaws.com' AND event_name LIKE 'AssumeRole%' AND event_date BETWEEN $from AND $to
  AND request_parameters ->> 'roleArn' LIKE $role
GROUP BY principal_arn, principal_type, request_parameters ->> 'roleArn', request_parameters ->> 'roleSessionName'
ORDER BY events DESC, principal_arn, role_arn, session_name;
