-- The whole story of a session, by its access key: the calls that led to it, from the first of its role chain on, all
-- that it did, and what the sessions did that it went on to. At most eight roles are followed either way.
--
-- Topic: incident response
-- ATT&CK: T1550.001
--
-- Parameters:
--   key  the access key ID of the session
--
-- Example: trailpare sql --named session-story --param key=ASIAEXAMPLE000000001
WITH RECURSIVE issued AS (
  SELECT json_extract_scalar(response_elements, '$.credentials.accessKeyId') AS key,
         user_identity_access_key_id AS by_key, event_id
  FROM events
  WHERE event_source = 'sts.amazonaws.com' AND response_elements LIKE '%accessKeyId%'
), up AS (
  SELECT CAST($key AS VARCHAR) AS key, CAST(NULL AS VARCHAR) AS led_by, CAST(0 AS BIGINT) AS depth
  UNION ALL
  SELECT DISTINCT CAST(i.by_key AS VARCHAR), CAST(i.event_id AS VARCHAR), up.depth - 1
  FROM up JOIN issued i ON i.key = up.key
  WHERE up.depth > -8
), down AS (
  SELECT CAST($key AS VARCHAR) AS key, CAST(0 AS BIGINT) AS depth
  UNION ALL
  SELECT DISTINCT CAST(i.key AS VARCHAR), down.depth + 1
  FROM down JOIN issued i ON i.by_key = down.key
  WHERE down.depth < 8
)
SELECT min(depth) AS depth, event_time, principal_arn, session_name,
       user_identity_access_key_id AS access_key_id, event_source, event_name,
       coalesce(json_extract_scalar(request_parameters, '$.roleArn'),
                json_extract_scalar(request_parameters, '$.bucketName'),
                json_extract_scalar(request_parameters, '$.secretId')) AS what,
       source_ip_address, user_agent, error_code, event_id
FROM (
  SELECT events.*, up.depth FROM events JOIN up ON event_id = led_by
  UNION ALL
  SELECT events.*, down.depth FROM events JOIN down ON user_identity_access_key_id = key
)
GROUP BY event_time, principal_arn, session_name, user_identity_access_key_id, event_source, event_name,
         request_parameters, source_ip_address, user_agent, error_code, event_id
ORDER BY event_time, depth, event_id;
