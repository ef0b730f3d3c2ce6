-- Instances that were started, by hour: by whom, where, of which type, how many, how many attempts failed.
--
-- Topic: compute and code
-- ATT&CK: T1578.002, T1496.001
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named new-compute
SELECT date_trunc('hour', event_time) AS hour, recipient_account_id, aws_region, principal_arn, session_name,
       json_extract_scalar(request_parameters, '$.instanceType') AS instance_type, count(*) AS calls,
       count(error_code) AS errors,
       coalesce(sum(json_array_length(json_extract(response_elements, '$.instancesSet.items'))), 0) AS instances,
       min(error_code) AS example_error
FROM events
WHERE event_source = 'ec2.amazonaws.com' AND event_name IN ('RunInstances', 'RequestSpotInstances', 'CreateFleet')
  AND event_date BETWEEN $from AND $to
GROUP BY date_trunc('hour', event_time), recipient_account_id, aws_region, principal_arn, session_name,
         json_extract_scalar(request_parameters, '$.instanceType')
ORDER BY hour, aws_region, principal_arn, session_name, instance_type;
