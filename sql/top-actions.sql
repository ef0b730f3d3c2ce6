-- What principals do most: their allowed actions, on how many resources, how often (a call counts once a resource).
--
-- Topic: permissions
--
-- Parameters:
--   principal  LIKE pattern over principal_arn [%]
--   from       first day [0001-01-01]
--   to         last day [9999-12-31]
--
-- Example: trailpare sql --named top-actions --param principal=%/deploy
SELECT principal_arn, action, iam_action_level(action) AS access_level, count(DISTINCT resource) AS resources,
       sum(event_count) AS uses, max(last_time) AS last_time
FROM usage
WHERE outcome = 'allowed' AND action IS NOT NULL AND principal_arn LIKE $principal
  AND event_date BETWEEN $from AND $to
GROUP BY principal_arn, action
ORDER BY uses DESC, principal_arn, action;
