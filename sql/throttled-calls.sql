-- Calls that were throttled: whose, which operation, how often of how many, first and last.
--
-- Topic: the trail itself
--
-- Parameters:
--   principal  LIKE pattern over principal_arn [%]
--   from       first day [0001-01-01]
--   to         last day [9999-12-31]
--
-- Example: trailpare sql --named throttled-calls
WITH calls AS (
  SELECT *, coalesce(regexp_like(error_code, '^(Client\.|Server\.)?(Throttl|EC2Throttl|Request(LimitExceeded|Throttled)'
           || '|TooManyRequests|SlowDown|BandwidthLimit|ProvisionedThroughput|PriorRequestNotComplete)'), false)
           AS is_throttled
  FROM events
  WHERE principal_arn LIKE $principal AND event_date BETWEEN $from AND $to
)
SELECT principal_arn, event_source, event_name, aws_region, count(*) FILTER (WHERE is_throttled) AS throttled,
       count(*) AS events, min(event_time) FILTER (WHERE is_throttled) AS first_time,
       max(event_time) FILTER (WHERE is_throttled) AS last_time
FROM calls
GROUP BY principal_arn, event_source, event_name, aws_region
HAVING count(*) FILTER (WHERE is_throttled) > 0
ORDER BY throttled DESC, principal_arn, event_source, event_name, aws_region;
