-- Which roles were handed to which services (iam:PassRole, of which CloudTrail logs no event of its own).
--
-- Topic: permissions
-- ATT&CK: T1548.005
--
-- Parameters:
--   principal  LIKE pattern over principal_arn [%]
--   from       first day [0001-01-01]
--   to         last day [9999-12-31]
--
-- Example: trailpare sql --named passed-roles --param principal=%/deploy
SELECT principal_arn, resource AS role_arn, passed_to_service, event_name, outcome, sum(event_count) AS uses,
       max(last_time) AS last_time
FROM usage
WHERE action = 'iam:PassRole' AND principal_arn LIKE $principal AND event_date BETWEEN $from AND $to
GROUP BY principal_arn, resource, passed_to_service, event_name, outcome
ORDER BY uses DESC, principal_arn, role_arn, passed_to_service, event_name, outcome;
