-- Calls of models in Bedrock, and what lets them be called: by whom, which model, how often, how many failed, from how
-- many addresses.
--
-- Topic: compute and code
-- ATT&CK: T1496.004
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named model-invocations
SELECT principal_arn, session_name, aws_region, event_name,
       coalesce(json_extract_scalar(request_parameters, '$.modelId'),
                json_extract_scalar(request_parameters, '$.modelIdentifier')) AS model, count(*) AS events,
       count(error_code) AS errors, count(DISTINCT source_ip_address) AS addresses, min(event_time) AS first_time,
       max(event_time) AS last_time
FROM events
WHERE event_source = 'bedrock.amazonaws.com'
  AND (regexp_like(event_name, '^(InvokeModel|Converse|InvokeAgent|InvokeInlineAgent|CreateModelInvocationJob)')
    OR event_name IN ('PutFoundationModelEntitlement', 'CreateFoundationModelAgreement', 'PutUseCaseForModelAccess',
                      'DeleteModelInvocationLoggingConfiguration'))
  AND event_date BETWEEN $from AND $to
GROUP BY 1, 2, 3, 4, 5
ORDER BY events DESC, principal_arn, session_name, aws_region, event_name, model;
