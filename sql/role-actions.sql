-- What each principal did, as `trailpare actions` shows it, derived anew from the events: every action, resource,
-- outcome and confidence with its uses. A call that two accounts logged counts once. Resources are never counted
-- together.
--
-- Topic: permissions
--
-- Parameters:
--   principal  LIKE pattern over principal_arn [%]
--   from       first day [0001-01-01]
--   to         last day [9999-12-31]
--
-- Example: trailpare sql --named role-actions --param principal=%role/deploy
WITH calls AS (
  SELECT *, (shared_event_id IS NOT NULL AND principal_account_id <> recipient_account_id) IS TRUE AS is_foreign
  FROM events
  WHERE event_date BETWEEN $from AND $to
), ranked AS (
  SELECT *, min(CAST(is_foreign AS INTEGER)) OVER copies AS only_foreign, row_number() OVER copies AS copy
  FROM calls
  WHERE shared_event_id IS NOT NULL
  WINDOW copies AS (PARTITION BY event_date, shared_event_id ORDER BY is_foreign, event_time, event_id
    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
), counted AS (
  SELECT coalesce(principal_arn, '') AS principal_arn, event_time, iam_actions(*) AS permissions
  FROM calls
  WHERE shared_event_id IS NULL AND coalesce(principal_arn, '') LIKE $principal
  UNION ALL
  SELECT coalesce(principal_arn, '') AS principal_arn, event_time, iam_actions(*) AS permissions
  FROM ranked
  WHERE (NOT is_foreign OR only_foreign = 1 AND copy = 1) AND coalesce(principal_arn, '') LIKE $principal
), used AS (
  SELECT principal_arn, event_time,
         unnest(array_distinct(transform(permissions, p -> named_struct(
           'action', p['action'], 'resource', p['resource'], 'outcome', p['outcome'], 'confidence', p['confidence'],
           'rule', p['rule'], 'passed_to_service', p['passed_to_service'])))) AS p
  FROM counted
)
SELECT principal_arn, p['action'] AS action, p['resource'] AS resource, p['outcome'] AS outcome,
       p['confidence'] AS confidence, min(p['rule']) AS rule, count(*) AS event_count,
       min(event_time) AS first_time, max(event_time) AS last_time
FROM used
WHERE p['confidence'] <> 'suggested'
GROUP BY principal_arn, p['action'], p['resource'], p['outcome'], p['confidence']
ORDER BY principal_arn, outcome, action, resource, confidence;
