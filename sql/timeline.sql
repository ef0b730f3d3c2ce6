-- Everything that a principal did on one day, in order, with the actions that it took.
--
-- Topic: incident response
--
-- Parameters:
--   principal  LIKE pattern over principal_arn
--   day        the day
--
-- Example: trailpare sql --named timeline --param principal=%/deploy --param day=2024-03-01
SELECT e.event_time, e.session_name, e.event_source, e.event_name, a.action, a.resource, e.source_ip_address,
       e.error_code
FROM events e
LEFT JOIN event_actions a
  ON e.event_id = a.event_id AND a.event_date = CAST($day AS DATE) AND a.principal_arn LIKE $principal
  AND a.confidence <> 'suggested'
WHERE e.event_date = CAST($day AS DATE) AND e.principal_arn LIKE $principal
ORDER BY e.event_time, e.event_id, a.action, a.resource;
