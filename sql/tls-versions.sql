-- TLS versions and ciphers by principal and program: who has to change before an old one goes.
--
-- Topic: the trail itself
--
-- Parameters:
--   version  LIKE pattern over versions [%]
--   from     first day [0001-01-01]
--   to       last day [9999-12-31]
--
-- Example: trailpare sql --named tls-versions --param version=TLSv1
SELECT tls_version, tls_cipher_suite, principal_arn, regexp_extract(user_agent, '^\[?([^ /;\]]+)', 1) AS agent,
       count(*) AS events, max(event_time) AS last_time
FROM events
WHERE tls_version LIKE $version AND event_date BETWEEN $from AND $to
GROUP BY tls_version, tls_cipher_suite, principal_arn, regexp_extract(user_agent, '^\[?([^ /;\]]+)', 1)
ORDER BY tls_version, events DESC, principal_arn, agent, tls_cipher_suite;
