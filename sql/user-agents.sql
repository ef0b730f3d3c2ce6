-- Programs that call, without their versions: how often, by how many principals, from how many addresses, first and
-- last.
--
-- Topic: first seen
--
-- Parameters:
--   principal  LIKE pattern over principal_arn [%]
--   from       first day [0001-01-01]
--   to         last day [9999-12-31]
--
-- Example: trailpare sql --named user-agents
SELECT regexp_extract(user_agent, '^\[?([^ /;\]]+)', 1) AS agent, count(*) AS events, count(error_code) AS errors,
       count(DISTINCT principal_arn) AS principals, count(DISTINCT source_ip_address) AS addresses,
       min(user_agent) AS example, min(event_time) AS first_time, max(event_time) AS last_time
FROM events
WHERE user_agent IS NOT NULL AND principal_arn LIKE $principal AND event_date BETWEEN $from AND $to
GROUP BY regexp_extract(user_agent, '^\[?([^ /;\]]+)', 1)
ORDER BY events DESC, agent;
