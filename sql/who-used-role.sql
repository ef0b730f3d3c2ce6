-- Who used a role: its sessions (for Identity Center roles, the people), how often, from where, first and last.
--
-- Topic: access and credentials
--
-- Parameters:
--   role  LIKE pattern over the role's ARN
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named who-used-role --param role=%/deploy
SELECT principal_arn, session_name, count(*) AS events, count(error_code) AS errors,
       count(DISTINCT source_ip_address) AS addresses, min(event_time) AS first_time, max(event_time) AS last_time
FROM events
WHERE principal_type = 'AssumedRole' AND principal_arn LIKE $role AND event_date BETWEEN $from AND $to
GROUP BY principal_arn, session_name
ORDER BY events DESC, principal_arn, session_name;
