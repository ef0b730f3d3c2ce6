-- What happened to a resource: every call on it, or that names its ARN in the request or the response.
--
-- Topic: incident response
--
-- Parameters:
--   arn   the ARN, or a LIKE pattern over ARNs
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named arn-history --param arn=arn:aws:s3:::reports%
SELECT event_time, principal_arn, session_name, event_source, event_name, actions, source_ip_address, error_code,
       event_id
FROM events
LEFT JOIN (
  SELECT event_id AS acted_id, event_time AS acted_time, event_source AS acted_source,
         array_join(array_sort(array_agg(DISTINCT action)), ', ') AS actions
  FROM event_actions
  WHERE resource LIKE $arn AND confidence <> 'suggested' AND event_date BETWEEN $from AND $to
  GROUP BY event_id, event_time, event_source
) ON event_id = acted_id AND event_time = acted_time AND event_source = acted_source
WHERE event_date BETWEEN $from AND $to
  AND (actions IS NOT NULL OR request_parameters LIKE concat('%', $arn, '%')
    OR response_elements LIKE concat('%', $arn, '%') OR any_match(resources, r -> r['arn'] LIKE $arn))
ORDER BY event_time, event_id;
