//! The room as a whole: tables, views, pruning.

use arrow::array::AsArray;
use datafusion::prelude::SessionContext;

use super::fixture::{ALICE, PRINCIPALS, analyze, answer, context, large, principal, rows, run};
use super::{Options, session};

#[track_caller]
fn check(cases: &[(&str, &[&str])]) {
    let dir = tempfile::tempdir().unwrap();
    run(async {
        let context = context(dir.path()).await;
        for (sql, expected) in cases {
            assert_eq!(answer(&context, sql).await, *expected, "{sql}");
        }
    });
}

#[test]
fn events_answer() {
    check(&[
        ("SELECT count(*) FROM events", &["5"]),
        ("SELECT count(request_parameters), count(error_code), count(event_id) FROM events", &["1 | 1 | 5"]),
        (
            "SELECT min(event_time), max(event_id) FROM events",
            &["2023-07-10T12:00:00Z | 00000000-0000-4000-8000-000000000005"],
        ),
        ("SELECT event_name FROM events WHERE event_date = DATE '2023-07-11'", &["RunInstances"]),
        ("SELECT event_name FROM events WHERE event_date = '2023-07-11'", &["RunInstances"]),
        ("SELECT count(*) FROM events WHERE request_parameters ->> 'bucketName' = 'logs'", &["1"]),
        (
            "SELECT json_get_str(request_parameters, 'n', 1, 'a') FROM events WHERE event_name = 'GetBucketPolicy'",
            &["b"],
        ),
        (
            "SELECT arn_service(r.arn), r.type FROM (SELECT unnest(resources) AS r FROM events)",
            &["s3 | AWS::S3::Bucket"],
        ),
        ("SELECT count(*) FROM events WHERE error_code IS NULL AND event_time >= '2023-07-12'", &["2"]),
    ]);
}

/// Lists that an operator builds anew are of the type that the table says.
#[test]
fn lists_go_through_joins() {
    check(&[
        (
            "SELECT count(*), count(r), max(n) FROM (SELECT a.resources AS r, b.n FROM events a \
             CROSS JOIN (SELECT event_id AS n, resources FROM events) b)",
            &["25 | 5 | 00000000-0000-4000-8000-000000000005"],
        ),
        (
            "SELECT a.resources, b.resources FROM events a CROSS JOIN events b ORDER BY a.event_id, b.event_id LIMIT 1",
            &[" | "],
        ),
        ("SELECT count(*) FROM (SELECT * FROM events a CROSS JOIN events b)", &["25"]),
        ("SELECT count(*) FROM (SELECT * FROM usage a CROSS JOIN usage b ORDER BY a.source_ips)", &["4"]),
    ]);
}

/// Several `DISTINCT` at once, by the rule for little memory: the same answers, with groups that are not known.
#[test]
fn several_distinct_counts_are_the_same_in_little_memory() {
    let sqls = [
        "SELECT count(DISTINCT event_id), count(DISTINCT principal_arn), count(*) FROM events",
        "SELECT principal_arn, count(DISTINCT event_name) AS n, count(DISTINCT event_date), max(event_time) \
         FROM events GROUP BY principal_arn ORDER BY 1",
        "SELECT error_code, count(*), count(DISTINCT event_name), sum(DISTINCT length(event_name)) FROM events \
         GROUP BY error_code ORDER BY 1",
        "SELECT count(DISTINCT event_id), count(DISTINCT event_name) FROM events WHERE event_name = 'nothing'",
        "SELECT a.event_name, count(DISTINCT a.event_id) + count(DISTINCT b.event_date) FROM events a \
         JOIN events b ON a.principal_arn = b.principal_arn GROUP BY 1 HAVING count(DISTINCT b.event_id) > 1 ORDER BY 1",
        "SELECT count(DISTINCT event_id), count(DISTINCT event_name) FROM (SELECT * FROM events LIMIT 2)",
    ];
    let dir = tempfile::tempdir().unwrap();
    run(async {
        let context = context(dir.path()).await;
        let frugal = SessionContext::new_with_state(super::memory::frugal(context.state()).unwrap());
        for sql in sqls {
            assert_eq!(answer(&frugal, sql).await, answer(&context, sql).await, "{sql}");
        }
        let plan = frugal.sql(sqls[0]).await.unwrap().into_optimized_plan().unwrap();
        assert!(plan.to_string().contains("__distinct_1"), "{plan}");
        let plan = frugal.sql(sqls[5]).await.unwrap().into_optimized_plan().unwrap();
        assert!(!plan.to_string().contains("__distinct_1"), "which rows a limit picks is not sure: {plan}");
    });
}

#[test]
fn usage_is_one_row_a_use() {
    check(&[
        (
            "SELECT event_date, event_count, first_time, last_time, example_event_id FROM usage ORDER BY 1",
            &[
                "2023-07-10 | 3 | 2023-07-10T11:00:00Z | 2023-07-10T12:00:00Z | a",
                "2023-07-11 | 5 | 2023-07-11T11:00:00Z | 2023-07-11T11:00:00Z | c",
            ],
        ),
        (
            "SELECT source_ips, source_ip_overflow, vpc_endpoint_ids, with_mfa FROM usage ORDER BY event_date",
            &["[a, b] | false |  | ", "[c] | false |  | "],
        ),
        ("SELECT count(*) FROM usage WHERE principal_arn = 'nobody'", &["0"]),
    ]);
}

#[test]
fn athena_names_and_nesting() {
    check(&[
        (
            "SELECT useridentity.sessioncontext.sessionissuer.username, useridentity.sessioncontext.attributes.mfaauthenticated, \
          useridentity.sessioncontext.attributes.creationdate FROM cloudtrail_logs WHERE eventname = 'RunInstances'",
            &["deploy | true | 2023-07-11T00:00:00Z"],
        ),
        (
            "SELECT eventtime, readonly, tlsdetails.tlsversion, resources[1].arn, resources[1].accountid FROM cloudtrail_logs \
          WHERE eventname = 'GetBucketPolicy'",
            &["2023-07-10T12:00:01Z | true | TLSv1.3 | arn:aws:s3:::logs | 111111111111"],
        ),
        (
            "SELECT count(*) FROM cloudtrail_logs WHERE eventtime >= '2023-07-10T12:00:01Z' AND eventtime < '2023-07-12T00:00:00Z'",
            &["2"],
        ),
        ("SELECT count(*) FROM cloudtrail_logs WHERE eventtime = '2023-07-10T12:00:01Z'", &["1"]),
        ("SELECT count(*) FROM cloudtrail_logs WHERE eventtime BETWEEN '2023-07-11' AND '2023-07-12T10'", &["1"]),
        (
            "SELECT eventname FROM cloudtrail_logs WHERE year = '2023' AND month = '07' AND day = '11'",
            &["RunInstances"],
        ),
        (
            "SELECT eventname FROM cloudtrail_logs WHERE \"timestamp\" = '2023/07/11' AND region = 'us-east-1' AND account = '111111111111'",
            &["RunInstances"],
        ),
    ]);
}

/// Files that the scan opens, from `file_groups={n groups: [[a, b], …]}` of the plan.
fn files_read(plan: &str) -> usize {
    plan.matches(".parquet").count()
}

/// A hash join goes through all pairs of equal keys; the side that is only asked has each once.
#[test]
fn who_is_only_asked_has_each_key_once() {
    let dir = tempfile::tempdir().unwrap();
    run(async {
        let context = context(dir.path()).await;
        for (condition, is_grouped) in [
            ("NOT EXISTS (SELECT 1 FROM events b WHERE b.event_name = e.event_name)", true),
            ("e.event_name IN (SELECT event_name FROM events WHERE event_date < DATE '2023-07-11')", true),
            (
                "EXISTS (SELECT 1 FROM events b WHERE b.event_name = e.event_name AND b.event_time < e.event_time)",
                false,
            ),
        ] {
            let plan = analyze(&context, &format!("SELECT e.event_id FROM events e WHERE {condition}")).await;
            assert_eq!(plan.contains("AggregateExec"), is_grouped, "{condition}: {plan}");
        }
    });
}

#[test]
fn files_are_pruned() {
    let dir = tempfile::tempdir().unwrap();
    run(async {
        let context = context(dir.path()).await;
        let cases = [
            ("SELECT event_name FROM events".to_owned(), 3),
            ("SELECT event_name FROM events WHERE event_date = DATE '2023-07-11'".to_owned(), 1),
            ("SELECT event_name FROM events WHERE event_time >= '2023-07-11T12:00:00Z'".to_owned(), 1),
            (format!("SELECT event_name FROM events WHERE principal_arn = '{ALICE}'"), 2),
            ("SELECT event_name FROM events WHERE extract(day FROM event_date) IN (10, 12)".to_owned(), 2),
            ("SELECT eventname FROM cloudtrail_logs WHERE eventtime > '2023-07-12'".to_owned(), 1),
            ("SELECT eventname FROM cloudtrail_logs WHERE from_iso8601_timestamp(eventtime) > timestamp '2023-07-12'".to_owned(), 1),
            ("SELECT eventname FROM cloudtrail_logs WHERE date_parse(eventtime, '%Y-%m-%dT%H:%i:%sZ') < timestamp '2023-07-11'".to_owned(), 1),
            ("SELECT eventname FROM cloudtrail_logs WHERE year = '2023' AND month = '07' AND day = '11'".to_owned(), 1),
            ("SELECT eventname FROM cloudtrail_logs WHERE \"timestamp\" >= '2023/07/11'".to_owned(), 2),
            ("SELECT eventname FROM cloudtrail_logs WHERE useridentity.arn = 'arn:aws:iam::1:user/x'".to_owned(), 0),
        ];
        for (sql, expected) in cases {
            let plan = analyze(&context, &sql).await;
            assert_eq!(files_read(&plan), expected, "{sql}\n{plan}");
        }
    });
}

/// What the AWS documentation's sample queries use: <https://docs.aws.amazon.com/athena/latest/ug/query-examples-cloudtrail-logs.html>
#[test]
fn athena_queries_run() {
    check(&[
        (
            "SELECT json_extract_scalar(requestparameters, '$.bucketName'), json_extract(requestparameters, '$.n[1]') \
          FROM cloudtrail_logs WHERE requestparameters IS NOT NULL",
            &["logs | {\"a\":\"b\"}"],
        ),
        (
            "SELECT element_at(requestparameters, 'bucketName'), element_at(resources, 1).arn FROM cloudtrail_logs \
          WHERE eventname LIKE 'GetBucket%'",
            &["logs | arn:aws:s3:::logs"],
        ),
        (
            "SELECT eventname FROM cloudtrail_logs WHERE from_iso8601_timestamp(eventtime) > timestamp '2023-07-12 12:00:00'",
            &["DescribeInstances"],
        ),
        (
            "SELECT eventname FROM cloudtrail_logs WHERE date_parse(eventtime, '%Y-%m-%dT%H:%i:%sZ') < timestamp '2023-07-10 12:00:01'",
            &["ListBuckets"],
        ),
        (
            "SELECT eventname FROM cloudtrail_logs WHERE from_iso8601_timestamp(eventtime) > date_add('hour', -12, timestamp '2023-07-13 00:00:00')",
            &["DescribeInstances"],
        ),
        (
            "SELECT date_format(event_time, '%H:%i'), to_iso8601(event_time) FROM events WHERE event_name = 'ListBuckets'",
            &["12:00 | 2023-07-10T12:00:00Z"],
        ),
        (
            "SELECT DISTINCT eventsource, count_if(errorcode IS NOT NULL), approx_distinct(eventname) FROM cloudtrail_logs \
          GROUP BY eventsource HAVING count(*) > 1 ORDER BY 1",
            &["ec2.amazonaws.com | 1 | 2", "s3.amazonaws.com | 0 | 2"],
        ),
        (
            "SELECT entry.arn, entry.type FROM cloudtrail_logs CROSS JOIN UNNEST(resources) AS t(entry)",
            &["arn:aws:s3:::logs | AWS::S3::Bucket"],
        ),
        (
            "SELECT useridentity.arn, eventtime FROM cloudtrail_logs WHERE useridentity.type = 'IAMUser' \
          AND eventtime > '2023-07-11T00:00:00Z' AND sourceipaddress IS NULL LIMIT 5",
            &[&format!("{ALICE} | 2023-07-12T10:00:00Z")],
        ),
        (
            "SELECT year(event_time), day_of_week(event_time), date(event_time) FROM events WHERE event_name = 'ListBuckets'",
            &["2023 | 1 | 2023-07-10"],
        ),
        (
            "SELECT if(readonly = 'true', 'r', 'w'), regexp_extract(eventsource, '^([a-z0-9]+)[.]', 1), try_cast(eventversion AS double) \
          FROM cloudtrail_logs WHERE eventname = 'RunInstances'",
            &["w | ec2 | 1.08"],
        ),
        (
            "SELECT count(*) FROM cloudtrail_logs WHERE from_iso8601_timestamp(eventtime) >= current_timestamp - interval '7' day",
            &["0"],
        ),
        (
            "SELECT max_by(eventname, eventtime), arbitrary(eventversion) FROM cloudtrail_logs",
            &["DescribeInstances | 1.08"],
        ),
    ]);
}

#[test]
fn permissions_of_columns_and_of_text() {
    check(&[
        ("SELECT iam_actions('s3.amazonaws.com', 'ListBuckets')[1].action IS NOT NULL", &["true"]),
        (
            "SELECT iam_actions('{\"eventVersion\":\"1.08\",\"eventTime\":\"2023-07-10T12:00:00Z\",\"eventSource\":\"s3.amazonaws.com\",\"eventName\":\"ListBuckets\",\"eventID\":\"x\"}')[1].outcome",
            &["allowed"],
        ),
        ("SELECT iam_actions('no record') IS NULL, iam_actions(NULL) IS NULL", &["true | true"]),
        ("SELECT iam_actions(*)[1].action FROM events WHERE event_name = 'RunInstances'", &["ec2:RunInstances"]),
        ("SELECT iam_actions(e.*)[1].action FROM events e WHERE event_name = 'RunInstances'", &["ec2:RunInstances"]),
        (
            "SELECT iam_actions(named_struct('event_source', 's3.amazonaws.com', 'event_name', 'ListBuckets')) IS NULL",
            &["false"],
        ),
        ("SELECT DISTINCT event_name, outcome FROM event_actions WHERE outcome = 'denied'", &["RunInstances | denied"]),
        (
            "SELECT DISTINCT event_id FROM event_actions WHERE event_date = DATE '2023-07-11'",
            &["00000000-0000-4000-8000-000000000003"],
        ),
        (
            "SELECT resource FROM event_actions WHERE event_name = 'GetBucketPolicy' AND action IS NOT NULL",
            &["arn:aws:s3:::logs"],
        ),
    ]);
}

#[test]
fn the_catalogue_answers() {
    check(&[
        ("SELECT iam_action_level('S3:getobject'), iam_action_level('s3:Nothing')", &["Read | "]),
        (
            "SELECT iam_action_exists('s3:getobject'), iam_action_exists('s3:Get*'), iam_action_exists(NULL)",
            &["true | false | "],
        ),
        ("SELECT iam_match('s3:get*', 's3:GetObject'), iam_match('s3:Get?', 's3:GetObject')", &["true | false"]),
    ]);
}

#[test]
fn an_event_is_found_by_its_id() {
    let dir = tempfile::tempdir().unwrap();
    run(async {
        let context = context(dir.path()).await;
        let found = super::events_by_id(&context, "00000000-0000-4000-8000-000000000002").await.unwrap();
        assert_eq!(found.iter().map(|batch| batch.num_rows()).sum::<usize>(), 1);
        assert_eq!(crate::record::to_json(&found[0], 0)["requestParameters"]["bucketName"], "logs");
        assert!(super::events_by_id(&context, "none").await.unwrap().is_empty());
    });
}

/// A metric of the scan in a plan: `row_groups_pruned_statistics=4 total → 1 matched` gives (4, 1).
fn pruned(plan: &str, metric: &str) -> (usize, usize) {
    let text = plan.split(&format!("{metric}=")).nth(1).unwrap_or_else(|| panic!("no {metric} in {plan}"));
    let numbers =
        |text: &str| text.split(|c: char| !c.is_ascii_digit()).find(|n| !n.is_empty()).unwrap().parse().unwrap();
    let (total, matched) = text.split_once('→').unwrap();
    (numbers(total), numbers(matched))
}

fn bytes_scanned(plan: &str) -> f64 {
    let text = plan.split("bytes_scanned=").nth(1).unwrap();
    let (number, unit) =
        text.split(',').next().unwrap().split_once(' ').unwrap_or((text.split(',').next().unwrap(), ""));
    number.parse::<f64>().unwrap()
        * match unit.trim() {
            "K" => 1e3,
            "M" => 1e6,
            _ => 1.0,
        }
}

/// In memory for a fraction of the rows: sorts of all columns, several distinct counts and a join spill, and answer the same.
#[test]
fn what_does_not_fit_spills_and_answers_the_same() {
    let (dir, spill) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let sqls = [
        "SELECT count(DISTINCT event_id), count(DISTINCT event_id || event_name), count(*) FROM events",
        "SELECT principal_arn, count(DISTINCT event_id), count(DISTINCT event_time) FROM events \
         GROUP BY 1 ORDER BY 1 LIMIT 3",
        "SELECT count(*), min(a.event_id) FROM events a JOIN events b ON a.event_id = b.event_id",
    ];
    run(async {
        let snapshot = large(dir.path());
        let options = |memory_limit_bytes| Options {
            threads: Some(2),
            memory_limit_bytes,
            spill: Some(spill.path().to_owned()),
            ..Options::default()
        };
        let context = session(&snapshot, &options(None)).await.unwrap();
        let little = session(&snapshot, &options(Some(184 << 20))).await.unwrap();
        for sql in sqls {
            assert_eq!(answer(&little, sql).await, answer(&context, sql).await, "{sql}");
        }
        let sql = "SELECT * FROM events ORDER BY event_id";
        let batches = rows(&little, sql).await;
        let ids = batches.iter().flat_map(|batch| {
            let ids = batch.column_by_name("event_id").unwrap().as_string_view();
            ids.iter().map(|id| id.unwrap().to_owned()).collect::<Vec<_>>()
        });
        let ids: Vec<String> = ids.collect();
        assert!(ids.is_sorted() && ids.len() == PRINCIPALS * 500, "{}", ids.len());
        let plan = analyze(&little, sql).await;
        assert!(has_spilled(&plan), "{plan}");
    });
}

/// Whether a plan's sort has spilled something.
fn has_spilled(plan: &str) -> bool {
    plan.split("spill_count=").skip(1).any(|rest| !rest.starts_with('0'))
}

#[test]
fn one_principal_reads_only_its_pages() {
    let dir = tempfile::tempdir().unwrap();
    run(async {
        let options = Options { threads: Some(1), ..Options::default() };
        let context = session(&large(dir.path()), &options).await.unwrap();
        let all = analyze(&context, "SELECT event_id, event_name FROM events WHERE event_name <> 'x'").await;
        assert_eq!(pruned(&all, "row_groups_pruned_statistics"), (4, 4), "{all}");

        let who = principal(PRINCIPALS / 2);
        let sql = format!(
            "SELECT event_id, event_name FROM events WHERE event_date = DATE '2023-08-01' AND principal_arn = '{who}'"
        );
        let plan = analyze(&context, &sql).await;
        assert_eq!(pruned(&plan, "row_groups_pruned_statistics"), (4, 1), "{plan}");
        let (pages, read) = pruned(&plan, "page_index_pages_pruned");
        assert!(read < pages, "{plan}");
        assert!(bytes_scanned(&plan) * 3.0 < bytes_scanned(&all), "{plan}\n{all}");
        assert_eq!(
            answer(&context, &format!("SELECT count(*) FROM events WHERE principal_arn = '{who}'")).await,
            ["500"]
        );

        let id = answer(&context, "SELECT max(event_id) FROM events WHERE event_name = 'Operation3'").await.remove(0);
        let plan = analyze(&context, &format!("SELECT event_name FROM events WHERE event_id = '{id}'")).await;
        assert_eq!(pruned(&plan, "row_groups_pruned_bloom_filter").1, 1, "{plan}");

        let plan = analyze(&context, "SELECT event_name FROM events WHERE event_date = DATE '2023-08-02'").await;
        assert_eq!(files_read(&plan), 0, "{plan}");
    });
}

/// Each function that is rewritten or our own is compared with Trino's in the documentation, which names no other.
#[test]
fn every_function_is_documented() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/functions.md");
    let page = std::fs::read_to_string(path).unwrap();
    let ours = super::functions::all(crate::iam::Catalog::embedded());
    let ours: Vec<String> = ours.iter().flat_map(|f| [&[f.name().to_owned()], f.aliases()].concat()).collect();
    let rewritten: Vec<String> = super::trino::rewritten().map(str::to_owned).collect();
    for name in ours.iter().chain(&rewritten) {
        assert!(page.contains(&format!("`{name}`")), "{name} is not in docs/functions.md");
    }
    let dir = tempfile::tempdir().unwrap();
    let state = run(async { context(dir.path()).await.state() });
    let mut there: std::collections::HashSet<String> = ours.into_iter().chain(rewritten).collect();
    there.extend(state.scalar_functions().keys().cloned());
    there.extend(state.aggregate_functions().keys().cloned());
    there.extend(state.higher_order_functions().keys().cloned());
    // What the parser or the dialect makes of a name.
    let syntax = [
        "localtimestamp",
        "listagg",
        "from_json",
        "all_match",
        "zip_with",
        "map_filter",
        "transform_keys",
        "transform_values",
        "substring",
        "cloudtrail_logs",
        "cloudtrail_lake",
        "aws_cloudtrail_log",
    ];
    there.extend(syntax.map(str::to_owned));
    let tables = page.split("## Functions that mean").nth(1).unwrap();
    let first_cells = tables.lines().filter(|line| line.starts_with("| `")).filter_map(|line| line.split('|').nth(1));
    let is_name = |name: &&str| name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let named: Vec<&str> = first_cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).filter(is_name).collect();
    assert!(named.len() > 150, "{}", named.len());
    let missing: Vec<&&str> = named.iter().filter(|name| !there.contains(**name)).collect();
    assert!(missing.is_empty(), "in docs/functions.md and not there: {missing:?}");
}

/// A filter on a view of another shape prunes files as one on `events` does.
#[test]
fn other_views_prune_too() {
    let dir = tempfile::tempdir().unwrap();
    run(async {
        let context = context(dir.path()).await;
        for (sql, expected) in [
            ("SELECT eventName FROM $EDS_ID WHERE eventTime > '2023-07-12 00:00:00'", 1),
            ("SELECT eventName FROM cloudtrail_lake WHERE userIdentity.arn = 'arn:aws:iam::1:user/x'", 0),
            ("SELECT eventname FROM cloudtrail_logs WHERE dt = '2023/07/11'", 1),
            ("SELECT eventname FROM cloudtrail_logs WHERE date_partition >= '2023/07/11'", 2),
            (
                "SELECT eventname FROM cloudtrail_logs WHERE CAST(year AS integer) = 2023 AND CAST(day AS varchar) = '10'",
                1,
            ),
            ("SELECT event_name FROM aws_cloudtrail_log WHERE tp_date = DATE '2023-07-11'", 1),
            ("SELECT event_name FROM aws_cloudtrail_log WHERE user_identity.arn = 'arn:aws:iam::1:user/x'", 0),
        ] {
            let plan = analyze(&context, sql).await;
            assert_eq!(files_read(&plan), expected, "{sql}\n{plan}");
        }
    });
}

/// The record comes back from every column, also where fields have none of their own.
#[test]
fn records_are_given_back() {
    check(&[
        (
            "SELECT json_extract_scalar(eventjson, '$.requestParameters.n[1].a'), json_extract(eventjson, '$.resources') \
             FROM cloudtrail_lake WHERE eventname = 'GetBucketPolicy'",
            &["b | [{\"ARN\":\"arn:aws:s3:::logs\",\"accountId\":\"111111111111\",\"type\":\"AWS::S3::Bucket\"}]"],
        ),
        (
            "SELECT count(*) FROM cloudtrail_lake WHERE json_extract_scalar(eventjson, '$.eventName') = eventname",
            &["5"],
        ),
    ]);
}

/// What people write in DuckDB.
#[test]
fn shorthands_are_written_out() {
    let dir = tempfile::tempdir().unwrap();
    run(async {
        let context = context(dir.path()).await;
        for (short, long) in [
            ("FROM usage ORDER BY event_date", "SELECT * FROM usage ORDER BY event_date"),
            ("FROM events WHERE event_name = 'ListBuckets'", "SELECT * FROM events WHERE event_name = 'ListBuckets'"),
            ("FROM events SELECT event_name ORDER BY 1", "SELECT event_name FROM events ORDER BY 1"),
            (
                "SELECT event_source, count(*) FROM events GROUP BY ALL ORDER BY 1",
                "SELECT event_source, count(*) FROM events GROUP BY event_source ORDER BY 1",
            ),
            (
                "SELECT * EXCLUDE (b) FROM (SELECT 1 AS a, 2 AS b, 3 AS c)",
                "SELECT a, c FROM (SELECT 1 AS a, 2 AS b, 3 AS c)",
            ),
        ] {
            assert_eq!(answer(&context, short).await, answer(&context, long).await, "{short}");
        }
    });
}

#[test]
fn a_summary_has_a_row_for_each_column() {
    let dir = tempfile::tempdir().unwrap();
    run(async {
        let context = context(dir.path()).await;
        let asked = "SELECT event_name, error_code, read_only, resources, 7 AS n FROM events";
        assert_eq!(
            answer(&context, &format!("SUMMARIZE {asked}")).await,
            [
                "event_name | VARCHAR | DescribeInstances | RunInstances | 5 |  | 5 | 0.0",
                "error_code | VARCHAR | Client.UnauthorizedOperation | Client.UnauthorizedOperation | 1 |  | 1 | 80.0",
                "read_only | BOOLEAN | false | true | 2 |  | 5 | 0.0",
                "resources | ARRAY(ROW(arn VARCHAR, account_id VARCHAR, type VARCHAR, arn_prefix VARCHAR)) |  |  |  |  \
                 | 1 | 80.0",
                "n | BIGINT | 7 | 7 | 1 | 7.0 | 5 | 0.0",
            ]
        );
        for relation in crate::query::RELATIONS {
            let count = async |what: &str| {
                let batches = rows(&context, &format!("{what} {}", relation.name)).await;
                batches.iter().map(|batch| batch.num_rows()).sum::<usize>()
            };
            assert_eq!(count("SUMMARIZE").await, count("DESCRIBE").await, "{}", relation.name);
        }
    });
}

/// Tables of people's own names have the columns of the view that they stand for.
#[test]
fn a_description_has_types_of_sql_and_comments() {
    let dir = tempfile::tempdir().unwrap();
    run(async {
        let context = context(dir.path()).await;
        let described = answer(&context, "DESCRIBE events").await;
        assert_eq!(described[1], "event_time | TIMESTAMPTZ | when the call was completed, UTC");
        let theirs = answer(&context, "DESCRIBE security.my_cloudtrail_table").await;
        assert_eq!(theirs, answer(&context, "DESCRIBE cloudtrail_logs").await);
        rows(&context, "CREATE VIEW mine AS SELECT event_name FROM events").await;
        assert_eq!(answer(&context, "DESCRIBE mine").await, ["event_name | VARCHAR | "]);
    });
}
