-- Days on which an account logged nothing between its first and its last event: a trail that was stopped, or objects
-- that are missing.
--
-- Topic: logging and detection
-- ATT&CK: T1562.008
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named silent-days
WITH days AS (
  SELECT recipient_account_id, event_date, lag(event_date) OVER (
           PARTITION BY recipient_account_id ORDER BY event_date) AS previous_date
  FROM (SELECT DISTINCT recipient_account_id, event_date FROM events WHERE event_date BETWEEN $from AND $to)
)
SELECT recipient_account_id, date_add('day', 1, previous_date) AS first_day,
       date_add('day', -1, event_date) AS last_day,
       date_diff('day', previous_date, event_date) - 1 AS days
FROM days
WHERE date_diff('day', previous_date, event_date) > 1
ORDER BY recipient_account_id, first_day;
