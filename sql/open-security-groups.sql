-- Security group rules that were opened to the whole internet (0.0.0.0/0 or ::/0), and whether that succeeded.
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named open-security-groups
SELECT event_time, recipient_account_id, aws_region, principal_arn, session_name,
       request_parameters ->> 'groupId' AS group_id, error_code
FROM events
WHERE event_source = 'ec2.amazonaws.com' AND event_name = 'AuthorizeSecurityGroupIngress'
  AND (request_parameters LIKE '%"0.0.0.0/0"%' OR request_parameters LIKE '%"::/0"%')
  AND event_date BETWEEN $from AND $to
ORDER BY event_time, event_id;
