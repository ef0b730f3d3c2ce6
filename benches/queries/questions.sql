-- What analysts ask. Each block is one question; a block after `-- DuckDB` is the same question in DuckDB's words,
-- where they differ. Every answer has an order, so that the two can be compared as they are.

-- count
SELECT count(*), count(DISTINCT recipient_account_id), count(error_code) FROM events;

-- busiest operations
SELECT event_source, event_name, count(*) AS n FROM events GROUP BY 1, 2 ORDER BY n DESC, 1, 2 LIMIT 20;

-- denied, by principal
SELECT principal_arn, event_source, count(*) AS n FROM events
WHERE error_code IN ('AccessDenied', 'AccessDeniedException', 'Client.UnauthorizedOperation')
GROUP BY 1, 2 ORDER BY n DESC, 1, 2 LIMIT 20;

-- share of errors, by service
SELECT event_source, count(*) AS n, count(error_code) AS failed, count(error_code) * 1000 / count(*) AS permille
FROM events GROUP BY 1 ORDER BY permille DESC, 1 LIMIT 20;
-- DuckDB
SELECT event_source, count(*) AS n, count(error_code) AS failed, count(error_code) * 1000 // count(*) AS permille
FROM events GROUP BY 1 ORDER BY permille DESC, 1 LIMIT 20;

-- principals of each day
SELECT CAST(event_date AS varchar) AS day, count(DISTINCT principal_arn) AS n
FROM events GROUP BY event_date ORDER BY 1;

-- hours of a week
SELECT extract(hour FROM event_time) AS hour, count(*) AS n FROM events
WHERE event_date BETWEEN DATE '$from' AND DATE '$to' GROUP BY 1 ORDER BY 1;
-- DuckDB
SELECT extract(hour FROM CAST(event_time AS timestamp)) AS hour, count(*) AS n FROM events
WHERE event_date BETWEEN DATE '$from' AND DATE '$to' GROUP BY 1 ORDER BY 1;

-- one address
SELECT event_name, principal_arn, count(*) AS n FROM events WHERE source_ip_address = '$address'
GROUP BY 1, 2 ORDER BY n DESC, 1, 2 LIMIT 50;

-- one event
SELECT event_name, principal_arn, request_parameters FROM events WHERE event_id = '$event';

-- one session
SELECT event_id, event_source, event_name, error_code FROM events WHERE user_identity_access_key_id = '$key'
ORDER BY event_time, event_id;

-- a name within parameters
SELECT event_source, event_name, count(*) AS n FROM events WHERE request_parameters LIKE '%$needle%'
GROUP BY 1, 2 ORDER BY n DESC, 1, 2;

-- buckets, by bytes read
SELECT json_extract_scalar(request_parameters, '$.bucketName') AS bucket, count(*) AS n,
       sum(CAST(json_extract_scalar(additional_event_data, '$.bytesTransferredOut') AS bigint)) AS bytes
FROM events WHERE event_source = 's3.amazonaws.com' GROUP BY 1 ORDER BY n DESC, 1 LIMIT 20;
-- DuckDB
SELECT json_extract_string(request_parameters, '$.bucketName') AS bucket, count(*) AS n,
       sum(CAST(json_extract_string(additional_event_data, '$.bytesTransferredOut') AS bigint)) AS bytes
FROM events WHERE event_source = 's3.amazonaws.com' GROUP BY 1 ORDER BY n DESC, 1 LIMIT 20;

-- programs, without their versions
SELECT regexp_replace(user_agent, '[0-9][0-9.]*', '#') AS program, count(*) AS n FROM events
GROUP BY 1 ORDER BY n DESC, 1 LIMIT 20;
-- DuckDB
SELECT regexp_replace(user_agent, '[0-9][0-9.]*', '#', 'g') AS program, count(*) AS n FROM events
GROUP BY 1 ORDER BY n DESC, 1 LIMIT 20;

-- addresses of each principal
SELECT principal_arn, count(DISTINCT source_ip_address) AS addresses, count(DISTINCT aws_region) AS regions
FROM events GROUP BY 1 ORDER BY addresses DESC, 1 LIMIT 20;

-- first and last use of every action
SELECT principal_arn, event_source, event_name, count(*) AS n,
       CAST(min(event_date) AS varchar) AS first, CAST(max(event_date) AS varchar) AS last
FROM events GROUP BY 1, 2, 3 ORDER BY n DESC, 1, 2, 3 LIMIT 100;

-- latest three events of each principal
SELECT principal_arn, event_id, event_name FROM (
  SELECT principal_arn, event_id, event_name,
         row_number() OVER (PARTITION BY principal_arn ORDER BY event_time DESC, event_id) AS nth FROM events) AS t
WHERE nth <= 3 ORDER BY 1, nth;

-- latest hundred failures
SELECT event_id, event_source, event_name, error_code, error_message, principal_arn, source_ip_address, user_agent
FROM events WHERE error_code IS NOT NULL ORDER BY event_time DESC, event_id LIMIT 100;

-- addresses that are new in the second half
SELECT principal_arn, source_ip_address, count(*) AS n FROM events AS e
WHERE event_date >= DATE '$to' AND NOT EXISTS (
  SELECT 1 FROM events AS b WHERE b.event_date < DATE '$to' AND b.principal_arn = e.principal_arn
    AND b.source_ip_address = e.source_ip_address)
GROUP BY 1, 2 ORDER BY n DESC, 1, 2 LIMIT 50;

-- what followed the assumption of a role
SELECT a.principal_arn, b.event_name, count(*) AS n FROM (
  SELECT principal_arn, json_extract_scalar(response_elements, '$.credentials.accessKeyId') AS access_key
  FROM events WHERE event_name = 'AssumeRole' AND error_code IS NULL) AS a
JOIN events AS b ON b.user_identity_access_key_id = a.access_key
GROUP BY 1, 2 ORDER BY n DESC, 1, 2 LIMIT 50;
-- DuckDB
SELECT a.principal_arn, b.event_name, count(*) AS n FROM (
  SELECT principal_arn, json_extract_string(response_elements, '$.credentials.accessKeyId') AS access_key
  FROM events WHERE event_name = 'AssumeRole' AND error_code IS NULL) AS a
JOIN events AS b ON b.user_identity_access_key_id = a.access_key
GROUP BY 1, 2 ORDER BY n DESC, 1, 2 LIMIT 50;

-- longest silence of each principal
SELECT principal_arn, max(date_diff('second', earlier, event_time)) AS seconds FROM (
  SELECT principal_arn, event_time, lag(event_time) OVER (PARTITION BY principal_arn ORDER BY event_time) AS earlier
  FROM events) AS t
GROUP BY 1 ORDER BY seconds DESC, 1 LIMIT 20;
-- DuckDB
SELECT principal_arn, max(epoch_us(event_time) // 1000000 - epoch_us(earlier) // 1000000) AS seconds FROM (
  SELECT principal_arn, event_time, lag(event_time) OVER (PARTITION BY principal_arn ORDER BY event_time) AS earlier
  FROM events) AS t
GROUP BY 1 ORDER BY seconds DESC, 1 LIMIT 20;

-- accounts by regions and days, with sums
SELECT recipient_account_id, aws_region, CAST(event_date AS varchar) AS day, count(*) AS n FROM events
WHERE NOT read_only GROUP BY ROLLUP (recipient_account_id, aws_region, event_date)
ORDER BY n DESC, 1, 2, 3 LIMIT 50;
