-- Principals that were denied most different actions: a policy that is too tight, or somebody who is trying doors.
--
-- Topic: permissions
-- ATT&CK: T1580
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named denied-principals --param from=2024-01-01
SELECT principal_arn, count(DISTINCT action) AS denied_actions, count(DISTINCT event_source) AS services,
       count(DISTINCT event_id) AS events, min(event_time) AS first_time, max(event_time) AS last_time
FROM event_actions
WHERE outcome = 'denied' AND confidence <> 'suggested' AND event_date BETWEEN $from AND $to
GROUP BY principal_arn
ORDER BY denied_actions DESC, events DESC, principal_arn;
