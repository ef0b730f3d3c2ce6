-- Errors by service and operation: which codes, how often of how many calls, by how many principals, with an example.
--
-- Topic: permissions
--
-- Parameters:
--   principal  LIKE pattern over principal_arn [%]
--   from       first day [0001-01-01]
--   to         last day [9999-12-31]
--
-- Example: trailpare sql --named errors
SELECT event_source, event_name, error_code, count(*) AS errors, count(DISTINCT principal_arn) AS principals,
       min(error_message) AS example_message, min(event_time) AS first_time, max(event_time) AS last_time
FROM events
WHERE error_code IS NOT NULL AND principal_arn LIKE $principal AND event_date BETWEEN $from AND $to
GROUP BY event_source, event_name, error_code
ORDER BY errors DESC, event_source, event_name, error_code;
