-- Events of which no IAM action is known for certain: what a person should look at before trusting a policy.
--
-- Topic: permissions
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named unverified-events
SELECT event_source, event_name, action, count(DISTINCT principal_arn) AS principals, sum(event_count) AS uses,
       min(example_event_id) AS example_event_id
FROM usage
WHERE confidence = 'unverified' AND event_date BETWEEN $from AND $to
GROUP BY event_source, event_name, action
ORDER BY uses DESC, event_source, event_name, action;
