-- One key or session from two public addresses within minutes, with the programs on either side: as quickly as nobody
-- travels. Where an address lies is not known here; networks with several ways out look the same.
--
-- Topic: incident response
-- ATT&CK: T1078.004
--
-- Parameters:
--   minutes  at most so many minutes between the calls [60]
--   from     first day [0001-01-01]
--   to       last day [9999-12-31]
--
-- Example: trailpare sql --named impossible-travel --param minutes=15
WITH calls AS (
  SELECT event_time, principal_arn, session_name, user_identity_access_key_id AS access_key_id, source_ip_address,
         user_agent, lag(event_time) OVER calls AS previous_time, lag(source_ip_address) OVER calls AS previous_address,
         lag(user_agent) OVER calls AS previous_agent
  FROM events
  WHERE ip_kind(source_ip_address) IN ('public', 'documentation') AND user_identity_invoked_by IS NULL
    AND event_date BETWEEN $from AND $to
  WINDOW calls AS (
    PARTITION BY principal_arn, session_name, user_identity_access_key_id ORDER BY event_time, event_id)
)
SELECT principal_arn, session_name, access_key_id, previous_address AS from_address,
       source_ip_address AS to_address, count(*) AS changes,
       min(date_diff('second', previous_time, event_time)) AS shortest_seconds,
       bool_or(user_agent IS DISTINCT FROM previous_agent) AS other_agent, min(event_time) AS first_time,
       max(event_time) AS last_time
FROM calls
WHERE previous_address <> source_ip_address
  AND date_diff('second', previous_time, event_time) <= 60 * CAST($minutes AS BIGINT)
GROUP BY principal_arn, session_name, access_key_id, previous_address, source_ip_address
ORDER BY shortest_seconds, first_time, principal_arn, session_name, from_address, to_address;
