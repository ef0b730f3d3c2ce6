"""Asks the same questions of trailpare in Trino's words and of DuckDB in its own, and compares the answers.

Usage: answers.py TRAILPARE STORE
Needs the packages of requirements.txt beside this file. Questions are our own; each is about one construct.
"""

import datetime
import decimal
import json
import math
import subprocess
import sys

import duckdb
from readers import attached

# Name, the question in Trino's, Lake's or Tailpipe's words, the same in DuckDB's.
QUESTIONS = [
    # Unknown values.
    ("concat is unknown with an unknown part",
     "SELECT count(concat(error_code, ':', event_name)) FROM events",
     "SELECT count(error_code || ':' || event_name) FROM events"),
    ("<> leaves out what is unknown",
     "SELECT count(*) FROM cloudtrail_logs WHERE errorcode <> 'AccessDenied'",
     "SELECT count(*) FROM events WHERE error_code <> 'AccessDenied'"),
    ("NOT IN leaves out what is unknown",
     "SELECT count(*) FROM cloudtrail_logs WHERE errorcode NOT IN ('AccessDenied', 'x')",
     "SELECT count(*) FROM events WHERE error_code NOT IN ('AccessDenied', 'x')"),
    ("IS DISTINCT FROM knows what is unknown",
     "SELECT count(*) FROM cloudtrail_logs WHERE errorcode IS DISTINCT FROM 'AccessDenied'",
     "SELECT count(*) FROM events WHERE error_code IS DISTINCT FROM 'AccessDenied'"),
    ("what is unknown comes last, also where the order is descending",
     "SELECT errorcode FROM (SELECT DISTINCT errorcode FROM cloudtrail_logs) ORDER BY errorcode DESC LIMIT 3",
     "SELECT error_code FROM (SELECT DISTINCT error_code FROM events) ORDER BY error_code DESC LIMIT 3"),
    ("greatest is unknown with an unknown part",
     "SELECT count(greatest(errorcode, eventname)) FROM cloudtrail_logs",
     "SELECT count(CASE WHEN error_code IS NOT NULL THEN greatest(error_code, event_name) END) FROM events"),
    ("count_if counts what is true",
     "SELECT count_if(errorcode LIKE 'Access%') FROM cloudtrail_logs",
     "SELECT count_if(error_code LIKE 'Access%') FROM events"),
    ("arbitrary is known where something is",
     "SELECT arbitrary(errorcode) IS NULL FROM cloudtrail_logs",
     "SELECT any_value(error_code) IS NULL FROM events"),
    # Text.
    ("substr counts from 1 and from the end",
     "SELECT substr(eventname, 2, 3) a, substr(eventname, -4) b, count(*) FROM cloudtrail_logs GROUP BY 1, 2 ORDER BY 1, 2",
     "SELECT substr(event_name, 2, 3) a, CASE WHEN length(event_name) >= 4 THEN right(event_name, 4) ELSE '' END b, count(*) "
     "FROM events GROUP BY 1, 2 ORDER BY 1, 2"),
    ("split_part is NULL behind the last part",
     "SELECT count(split_part(useridentity.arn, ':', 6)), count(split_part(useridentity.arn, '/', 9)) FROM cloudtrail_logs",
     "SELECT count(user_identity_arn), count(string_split(user_identity_arn, '/')[9]) FROM events"),
    ("split gives every part",
     "SELECT split(eventsource, '.')[1], cardinality(split(eventsource, '.')), count(*) FROM cloudtrail_logs GROUP BY 1, 2 ORDER BY 1",
     "SELECT string_split(event_source, '.')[1], len(string_split(event_source, '.')), count(*) FROM events GROUP BY 1, 2 ORDER BY 1"),
    ("strpos counts letters",
     "SELECT sum(strpos(useragent, '/')) FROM cloudtrail_logs",
     "SELECT sum(strpos(user_agent, '/')) FROM events"),
    ("replace with two arguments removes",
     "SELECT sum(length(replace(useragent, ' '))) FROM cloudtrail_logs",
     "SELECT sum(length(replace(user_agent, ' ', ''))) FROM events"),
    ("LIKE has no escape character but the one that is named",
     "SELECT count(*) FROM cloudtrail_logs WHERE useragent LIKE '%!_%' ESCAPE '!' AND useragent NOT LIKE '%\\_%'",
     "SELECT count(*) FROM events WHERE contains(user_agent, '_') AND user_agent NOT LIKE '%\\_%'"),
    # Regular expressions.
    ("regexp_replace replaces every match",
     "SELECT sum(length(regexp_replace(useragent, '[0-9.]+', '#'))) FROM cloudtrail_logs",
     "SELECT sum(length(regexp_replace(user_agent, '[0-9.]+', '#', 'g'))) FROM events"),
    ("groups in a replacement",
     "SELECT DISTINCT regexp_replace(eventsource, '^([a-z0-9-]+)[.](.*)$', '$2x$1') a FROM cloudtrail_logs ORDER BY 1",
     "SELECT DISTINCT regexp_replace(event_source, '^([a-z0-9-]+)[.](.*)$', '\\2x\\1') a FROM events ORDER BY 1"),
    ("regexp_extract of a group",
     "SELECT regexp_extract(eventname, '^(Get|List|Describe)?([A-Z][a-z]+)', 2) a, count(*) FROM cloudtrail_logs GROUP BY 1 ORDER BY 1",
     "SELECT nullif(regexp_extract(event_name, '^(Get|List|Describe)?([A-Z][a-z]+)', 2), '') a, count(*) FROM events GROUP BY 1 ORDER BY 1"),
    ("regexp_extract_all",
     "SELECT sum(cardinality(regexp_extract_all(useragent, '[0-9]+'))) FROM cloudtrail_logs",
     "SELECT sum(len(regexp_extract_all(user_agent, '[0-9]+'))) FROM events"),
    ("regexp_like looks anywhere",
     "SELECT count(*) FROM cloudtrail_logs WHERE regexp_like(eventname, 'Bucket(Policy|Acl)')",
     "SELECT count(*) FROM events WHERE regexp_matches(event_name, 'Bucket(Policy|Acl)')"),
    ("regexp_split",
     "SELECT sum(cardinality(regexp_split(useragent, '[ /]'))) FROM cloudtrail_logs",
     "SELECT sum(len(regexp_split_to_array(user_agent, '[ /]'))) FROM events"),
    # Times.
    ("Lake's times compare as times",
     "SELECT count(*) FROM $EDS_ID WHERE eventTime > '2023-07-10 12:00:00'",
     "SELECT count(*) FROM events WHERE event_time > TIMESTAMPTZ '2023-07-10 12:00:00+00'"),
    ("a time read from text",
     "SELECT count(*) FROM cloudtrail_logs WHERE from_iso8601_timestamp(eventtime) BETWEEN timestamp '2021-07-29' AND timestamp '2021-07-30'",
     "SELECT count(*) FROM events WHERE event_time BETWEEN TIMESTAMPTZ '2021-07-29 00:00:00+00' AND TIMESTAMPTZ '2021-07-30 00:00:00+00'"),
    ("days of the week begin with Monday",
     "SELECT day_of_week(eventtime), extract(dow FROM eventtime), count(*) FROM cloudtrail_lake GROUP BY 1, 2 ORDER BY 1",
     "SELECT isodow(event_time), isodow(event_time), count(*) FROM events GROUP BY 1, 2 ORDER BY 1"),
    ("hours of another zone",
     "SELECT hour(eventtime AT TIME ZONE 'Asia/Tokyo'), date_format(eventtime AT TIME ZONE 'Asia/Tokyo', '%H'), count(*) "
     "FROM cloudtrail_lake GROUP BY 1, 2 ORDER BY 1",
     "SELECT hour(timezone('Asia/Tokyo', event_time)), strftime(timezone('Asia/Tokyo', event_time), '%H'), count(*) "
     "FROM events GROUP BY 1, 2 ORDER BY 1"),
    ("dates of another zone",
     "SELECT CAST(date(eventtime AT TIME ZONE 'America/Los_Angeles') AS varchar), count(*) FROM cloudtrail_lake GROUP BY 1 ORDER BY 1",
     "SELECT CAST(CAST(timezone('America/Los_Angeles', event_time) AS DATE) AS VARCHAR), count(*) FROM events GROUP BY 1 ORDER BY 1"),
    ("weeks and hours are cut off",
     "SELECT date_format(date_trunc('week', eventtime), '%Y-%m-%d'), count(*) FROM cloudtrail_lake GROUP BY 1 ORDER BY 1",
     "SELECT strftime(date_trunc('week', timezone('UTC', event_time)), '%Y-%m-%d'), count(*) FROM events GROUP BY 1 ORDER BY 1"),
    ("a day stays a day",
     "SELECT CAST(date_add('day', -1, event_date) AS varchar), CAST(date_trunc('month', event_date) AS varchar), count(*) "
     "FROM events GROUP BY 1, 2 ORDER BY 1",
     "SELECT CAST(CAST(event_date - INTERVAL 1 DAY AS DATE) AS VARCHAR), CAST(CAST(date_trunc('month', event_date) AS DATE) AS VARCHAR), "
     "count(*) FROM events GROUP BY 1, 2 ORDER BY 1"),
    ("differences in whole units",
     "SELECT date_diff('hour', timestamp '2021-01-01 00:30:00', eventtime) h, date_diff('month', timestamp '2020-12-31', eventtime) m, "
     "count(*) FROM cloudtrail_lake GROUP BY 1, 2 ORDER BY 1, 2",
     "SELECT datesub('hour', TIMESTAMP '2021-01-01 00:30:00', timezone('UTC', event_time)) h, "
     "datesub('month', TIMESTAMP '2020-12-31', timezone('UTC', event_time)) m, count(*) FROM events GROUP BY 1, 2 ORDER BY 1, 2"),
    ("seconds have a fraction",
     "SELECT sum(to_unixtime(eventtime) / 7) FROM cloudtrail_lake",
     "SELECT sum(epoch(event_time) / 7) FROM events"),
    # Numbers.
    ("casts to whole numbers round",
     "SELECT sum(CAST(length(eventname) / 4.0 AS bigint)) FROM cloudtrail_logs",
     "SELECT sum(CAST(CAST(length(event_name) / 4.0 AS DOUBLE) AS BIGINT) + CASE WHEN length(event_name) % 8 = 2 THEN 1 ELSE 0 END) FROM events"),
    ("whole numbers divide to whole numbers",
     "SELECT sum(length(eventname) / 4), sum(mod(length(eventname), 4)) FROM cloudtrail_logs",
     "SELECT sum(length(event_name) // 4), sum(length(event_name) % 4) FROM events"),
    ("try gives NULL",
     "SELECT count(try(CAST(useridentity.username AS bigint))), count(try(1 / (length(eventname) - 11))) FROM cloudtrail_logs",
     "SELECT count(TRY_CAST(user_identity_user_name AS BIGINT)), count(CASE WHEN length(event_name) <> 11 THEN 1 END) FROM events"),
    # JSON.
    ("json_extract_scalar",
     "SELECT json_extract_scalar(requestparameters, '$.bucketName') a, count(*) FROM cloudtrail_logs GROUP BY 1 ORDER BY 1",
     "SELECT json_extract_string(request_parameters, '$.bucketName') a, count(*) FROM events GROUP BY 1 ORDER BY 1"),
    ("members of lists",
     "SELECT count(json_extract_scalar(requestparameters, '$.instancesSet.items[0].instanceId')), "
     "sum(json_array_length(json_extract(requestparameters, '$.instancesSet.items'))) FROM cloudtrail_logs",
     "SELECT count(json_extract_string(request_parameters, '$.instancesSet.items[0].instanceId')), "
     "sum(json_array_length(json_extract(request_parameters, '$.instancesSet.items'))) FROM events"),
    ("every member of a list",
     "SELECT sum(json_array_length(json_extract(requestparameters, '$.instancesSet.items[*].instanceId'))) FROM cloudtrail_logs",
     "SELECT sum(len(json_extract(request_parameters, '$.instancesSet.items[*].instanceId'))) FROM events"),
    ("JSON as text loses its quotes",
     "SELECT CAST(json_extract(requestparameters, '$.roleName') AS varchar) a, count(*) FROM cloudtrail_logs GROUP BY 1 ORDER BY 1",
     "SELECT json_extract_string(request_parameters, '$.roleName') a, count(*) FROM events GROUP BY 1 ORDER BY 1"),
    ("a list out of JSON, unnested",
     "SELECT json_extract_scalar(item, '$.instanceId') id, count(*) FROM cloudtrail_logs "
     "CROSS JOIN UNNEST(CAST(json_extract(requestparameters, '$.instancesSet.items') AS array(json))) AS t(item) GROUP BY 1 ORDER BY 1",
     "SELECT json_extract_string(item, '$.instanceId') id, count(*) FROM (SELECT unnest(json_extract(request_parameters, "
     "'$.instancesSet.items')::JSON[]) AS item FROM events) GROUP BY 1 ORDER BY 1"),
    ("element_at and a subscript of Lake's maps",
     "SELECT element_at(requestParameters, 'roleName') a, requestParameters['roleName'] b, count(*) FROM cloudtrail_lake GROUP BY 1, 2 ORDER BY 1",
     "SELECT json_extract_string(request_parameters, '$.roleName') a, json_extract_string(request_parameters, '$.roleName') b, "
     "count(*) FROM events GROUP BY 1, 2 ORDER BY 1"),
    ("arrows of DuckDB",
     "SELECT request_parameters ->> '$.bucketName' a, request_parameters ->> 'roleName' b, count(*) FROM aws_cloudtrail_log "
     "WHERE (request_parameters -> 'bucketName') IS NOT NULL GROUP BY 1, 2 ORDER BY 1",
     "SELECT request_parameters ->> '$.bucketName' a, request_parameters ->> '$.roleName' b, count(*) FROM events "
     "WHERE (request_parameters -> '$.bucketName') IS NOT NULL GROUP BY 1, 2 ORDER BY 1"),
    # Lists, maps, lambdas.
    ("resources unnested, one row each",
     "SELECT r.type, count(*) FROM cloudtrail_logs CROSS JOIN UNNEST(resources) AS t(r) GROUP BY 1 ORDER BY 1",
     "SELECT r.type, count(*) FROM (SELECT unnest(resources) AS r FROM events) GROUP BY 1 ORDER BY 1"),
    ("resources unnested, rows without any kept",
     "SELECT count(*), count(r.arn) FROM cloudtrail_logs LEFT JOIN UNNEST(resources) AS t(r) ON true",
     "SELECT sum(greatest(coalesce(len(resources), 0), 1)), sum(len(list_filter(resources, r -> r.arn IS NOT NULL))) FROM events"),
    ("members of a row as columns",
     "SELECT b, count(a) FROM cloudtrail_logs CROSS JOIN UNNEST(resources) AS t(a, b, c) GROUP BY 1 ORDER BY 1",
     "SELECT r.account_id b, count(r.arn) FROM (SELECT unnest(resources) AS r FROM events) GROUP BY 1 ORDER BY 1"),
    ("numbers of entries",
     "SELECT n, count(*) FROM cloudtrail_logs CROSS JOIN UNNEST(resources) WITH ORDINALITY AS t(r, n) GROUP BY 1 ORDER BY 1",
     "SELECT n, count(*) FROM (SELECT unnest(range(1, len(resources) + 1)) AS n FROM events) GROUP BY 1 ORDER BY 1"),
    ("lambdas over lists",
     "SELECT sum(cardinality(filter(resources, r -> r.type = 'AWS::S3::Bucket'))), count_if(any_match(resources, r -> r.type LIKE '%Bucket')), "
     "count_if(all_match(resources, r -> r.type LIKE 'AWS::S3::%')), count_if(none_match(resources, r -> r.arn IS NULL)) FROM cloudtrail_logs",
     "SELECT sum(len(list_filter(resources, r -> r.type = 'AWS::S3::Bucket'))), "
     "count_if(len(list_filter(resources, r -> r.type LIKE '%Bucket')) > 0), "
     "count_if(len(list_filter(resources, r -> r.type LIKE 'AWS::S3::%')) = len(resources)), "
     "count_if(len(list_filter(resources, r -> r.arn IS NULL)) = 0) FROM events"),
    ("transform and reduce",
     "SELECT sum(reduce(transform(resources, r -> length(r.arn)), 0, (s, x) -> s + coalesce(x, 0), s -> s)) FROM cloudtrail_logs",
     "SELECT sum(list_sum(list_transform(resources, r -> length(r.arn)))) FROM events"),
    ("contains of a list",
     "SELECT count_if(contains(transform(resources, r -> r.type), 'AWS::S3::Bucket')) FROM cloudtrail_logs",
     "SELECT count_if(list_contains(list_transform(resources, r -> r.type), 'AWS::S3::Bucket')) FROM events"),
    ("maps of pairs",
     "SELECT element_at(m, 'us-east-1'), cardinality(m) FROM (SELECT map_agg(a, n) m FROM "
     "(SELECT awsregion a, count(*) n FROM cloudtrail_logs GROUP BY 1))",
     "SELECT (SELECT count(*) FROM events WHERE aws_region = 'us-east-1'), count(DISTINCT aws_region) FROM events"),
    ("histogram counts",
     "SELECT element_at(histogram(eventname), 'ListBuckets'), cardinality(histogram(eventname)) FROM cloudtrail_logs",
     "SELECT count_if(event_name = 'ListBuckets'), count(DISTINCT event_name) FROM events"),
    ("the latest by time",
     "SELECT eventsource, max_by(eventid, eventtime || eventid) FROM cloudtrail_logs GROUP BY 1 ORDER BY 1",
     "SELECT event_source, max_by(event_id, strftime(timezone('UTC', event_time), '%Y-%m-%dT%H:%M:%SZ') || event_id) FROM events GROUP BY 1 ORDER BY 1"),
    ("texts in one",
     "SELECT listagg(DISTINCT awsregion, ',') WITHIN GROUP (ORDER BY awsregion) FROM cloudtrail_logs",
     "SELECT string_agg(DISTINCT aws_region, ',' ORDER BY aws_region) FROM events"),
    # Addresses.
    ("addresses in a network",
     "SELECT count_if(contains('10.0.0.0/8', IPADDRESS '10.1.2.3')), count_if(cidr_contains('52.0.0.0/8', sourceipaddress)) FROM cloudtrail_logs",
     "SELECT count(*), count_if(regexp_full_match(source_ip_address, '52([.][0-9]+){3}')) FROM events"),
    ("networks of addresses",
     "SELECT ip_prefix(sourceipaddress, 24) a, count(*) FROM cloudtrail_logs WHERE sourceipaddress LIKE '%.%.%.%' AND "
     "regexp_like(sourceipaddress, '^[0-9.]+$') GROUP BY 1 ORDER BY 1",
     "SELECT regexp_replace(source_ip_address, '[.][0-9]+$', '.0/24') a, count(*) FROM events WHERE "
     "regexp_full_match(source_ip_address, '[0-9.]+') GROUP BY 1 ORDER BY 1"),
    # Partitions, records.
    ("partition columns",
     "SELECT count(*) FROM cloudtrail_logs WHERE year = '2023' AND month = '07' AND day = '10' AND region = 'us-east-1' "
     "AND dt = '2023/07/10' AND date_partition >= '2023/07/10' AND account_id IS NOT NULL",
     "SELECT count(*) FROM events WHERE event_date = DATE '2023-07-10' AND aws_region = 'us-east-1' AND recipient_account_id IS NOT NULL"),
    ("the record as it was written",
     "SELECT json_extract_scalar(eventJson, '$.userIdentity.sessionContext.sessionIssuer.userName') a, count(*) FROM cloudtrail_lake GROUP BY 1 ORDER BY 1",
     "SELECT session_issuer_user_name a, count(*) FROM events GROUP BY 1 ORDER BY 1"),
    ("truth values of Lake",
     "SELECT readOnly, managementEvent, count(*) FROM cloudtrail_lake WHERE readOnly = false OR readOnly IS NULL GROUP BY 1, 2 ORDER BY 3",
     "SELECT read_only, management_event, count(*) FROM events WHERE read_only = false OR read_only IS NULL GROUP BY 1, 2 ORDER BY 3"),
    ("who, in Tailpipe's words",
     "SELECT user_identity.session_context.session_issuer.user_name a, count(DISTINCT tp_id) FROM aws_cloudtrail_log GROUP BY a ORDER BY a",
     "SELECT session_issuer_user_name a, count(DISTINCT event_id) FROM events GROUP BY 1 ORDER BY 1"),
]


def plain(value):
    """A value as both can have it."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, float, decimal.Decimal)):
        return float(value)
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    return value


def same(ours, theirs):
    if len(ours) != len(theirs):
        return False
    for a, b in zip(ours, theirs):
        if isinstance(a, float) and isinstance(b, float):
            if not math.isclose(a, b, rel_tol=1e-9):
                return False
        elif a != b:
            return False
    return True


def main(program, store):
    connection = attached(store)
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("USE lake")
    failed = 0
    for name, question, reference in QUESTIONS:
        # The parts of a file are named in DuckDB as the catalog names them: `type` of a resource, `arn`.
        try:
            rows = connection.execute(reference).fetchall()
        except duckdb.Error as error:
            failed += 1
            print(f"{name}: DuckDB: {error}")
            continue
        theirs = [[plain(value) for value in row] for row in rows]
        command = [program, "sql", "--store", store, "--format", "ndjson", question]
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode != 0:
            failed += 1
            print(f"{name}: {run.stderr.strip()}")
            continue
        ours = [[plain(value) for value in json.loads(line).values()] for line in run.stdout.splitlines()]
        if len(ours) != len(theirs) or not all(same(a, b) for a, b in zip(ours, theirs)):
            failed += 1
            differing = [(a, b) for a, b in zip(ours, theirs) if not same(a, b)]
            print(f"{name}: {len(ours)} rows and {len(theirs)} of DuckDB; first difference: {differing[:2]}")
    print(f"{len(QUESTIONS) - failed} questions answered as DuckDB answers them, {failed} not")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
