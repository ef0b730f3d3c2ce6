-- Long-term access keys by age: when and by whom they were made, where the store has that, else since when they are
-- seen; last use, and whether they were deactivated or deleted.
--
-- Topic: access and credentials
-- ATT&CK: T1078.004
--
-- Parameters:
--   principal  LIKE pattern over the ARN of whose it is, or the name [%]
--
-- Example: trailpare sql --named access-key-age
WITH made AS (
  SELECT json_extract_scalar(response_elements, '$.accessKey.accessKeyId') AS access_key_id,
         json_extract_scalar(response_elements, '$.accessKey.userName') AS user_name, event_time AS made_time,
         principal_arn AS made_by
  FROM events
  WHERE event_source = 'iam.amazonaws.com' AND event_name = 'CreateAccessKey' AND error_code IS NULL
), ended AS (
  SELECT json_extract_scalar(request_parameters, '$.accessKeyId') AS access_key_id,
         last_value(CASE WHEN event_name = 'DeleteAccessKey' THEN 'deleted'
           WHEN json_extract_scalar(request_parameters, '$.status') = 'Inactive' THEN 'inactive' ELSE 'active' END
           ORDER BY event_time, event_id) AS status
  FROM events
  WHERE event_source = 'iam.amazonaws.com' AND event_name IN ('UpdateAccessKey', 'DeleteAccessKey')
    AND error_code IS NULL
  GROUP BY json_extract_scalar(request_parameters, '$.accessKeyId')
), used AS (
  SELECT user_identity_access_key_id AS access_key_id, max(principal_arn) AS principal_arn,
         min(event_time) AS first_time, max(event_time) AS last_time, count(*) AS events
  FROM events
  WHERE user_identity_access_key_id LIKE 'AKIA%'
  GROUP BY user_identity_access_key_id
)
SELECT keys.access_key_id, coalesce(principal_arn, user_name) AS whose,
       date_diff('day', coalesce(made_time, first_time), (SELECT max(event_time) FROM events)) AS age_days,
       made_time, made_by, first_time, last_time, coalesce(events, 0) AS events, coalesce(status, 'active') AS status
FROM (
  SELECT coalesce(made.access_key_id, used.access_key_id) AS access_key_id, principal_arn, user_name, made_time,
         made_by, first_time, last_time, events
  FROM made FULL JOIN used ON made.access_key_id = used.access_key_id
) AS keys LEFT JOIN ended ON keys.access_key_id = ended.access_key_id
WHERE coalesce(principal_arn, user_name) LIKE $principal
ORDER BY age_days DESC, keys.access_key_id;
