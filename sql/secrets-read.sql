-- Who read secrets (Secrets Manager) and parameters (Systems Manager), which ones, how often, first and last.
--
-- Topic: data and keys
-- ATT&CK: T1555.006
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named secrets-read --param from=2024-01-01
SELECT principal_arn, session_name, action, resource, outcome, sum(event_count) AS uses,
       min(first_time) AS first_time, max(last_time) AS last_time
FROM usage
WHERE action IN ('secretsmanager:GetSecretValue', 'secretsmanager:BatchGetSecretValue', 'ssm:GetParameter',
                 'ssm:GetParameters', 'ssm:GetParametersByPath', 'ssm:GetParameterHistory')
  AND event_date BETWEEN $from AND $to
GROUP BY principal_arn, session_name, action, resource, outcome
ORDER BY uses DESC, principal_arn, session_name, action, resource, outcome;
