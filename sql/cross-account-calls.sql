-- Calls from one account's principal into another account: who, where to, which services, how often.
--
-- Topic: access and credentials
-- ATT&CK: T1199
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named cross-account-calls
SELECT principal_arn, principal_account_id, recipient_account_id, event_source, count(*) AS events,
       count(error_code) AS errors, max(event_time) AS last_time
FROM events
WHERE principal_account_id <> recipient_account_id AND principal_type <> 'AWSService'
  AND event_date BETWEEN $from AND $to
GROUP BY principal_arn, principal_account_id, recipient_account_id, event_source
ORDER BY events DESC, principal_arn, recipient_account_id, event_source;
