-- What a trail costs, by account and source: events of each kind at the price of one paid copy, in US dollars. The
-- first copy of management events in a region is free.
--
-- Topic: the trail itself
--
-- Parameters:
--   management_price  of 100,000 management events of a further copy [2.00]
--   data_price        of 100,000 data events [0.10]
--   network_price     of 100,000 network activity events [0.10]
--   from              first day [0001-01-01]
--   to                last day [9999-12-31]
--
-- Example: trailpare sql --named trail-cost --param from=30d
WITH counted AS (
  SELECT recipient_account_id, event_source,
         CASE WHEN event_category IN ('Data', 'NetworkActivity') THEN event_category
              WHEN management_event = false THEN 'Data' ELSE 'Management' END AS category, count(*) AS events
  FROM events
  WHERE event_date BETWEEN $from AND $to AND (event_category IS DISTINCT FROM 'Insight')
  GROUP BY 1, 2, 3
)
SELECT recipient_account_id, event_source, category, events,
       CAST(100.0 * events / sum(events) OVER () AS DECIMAL(5, 2)) AS percent,
       CAST(events / 100000.0 * CASE category WHEN 'Management' THEN CAST($management_price AS DOUBLE)
         WHEN 'Data' THEN CAST($data_price AS DOUBLE) ELSE CAST($network_price AS DOUBLE) END
         AS DECIMAL(18, 6)) AS usd
FROM counted
ORDER BY usd DESC, events DESC, recipient_account_id, event_source, category;
