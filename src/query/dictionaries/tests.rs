//! The same answers with the rule and without.

use std::sync::Arc;

use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::SessionContext;
use serde_json::{Value, json};

use super::super::fixture::{ALICE, DEPLOY, analyze, answer, commit, event, large, run};
use super::super::{Options, session};
use crate::store::{Snapshot, Table};

const OPERATOR: &str = "DictionaryAggregateExec";

fn options() -> Options {
    Options { threads: Some(2), ..Options::default() }
}

/// Three days; every column that the questions name is unknown in some rows, and one day has long texts.
fn varied(dir: &std::path::Path) -> Snapshot {
    let mut random = 7_u64;
    let mut next = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let rows: Vec<Value> = (0..900)
        .map(|id| {
            let day = next(3);
            let tail = if day == 1 { "-with-a-name-that-no-view-holds-inline" } else { "" };
            let unknown = |value: String, is_unknown: bool| if is_unknown { Value::Null } else { json!(value) };
            let more = json!({
                "error_code": unknown(format!("Code{}{tail}", next(3)), next(4) != 0),
                "source_ip_address": unknown(format!("192.0.2.{}", next(60)), next(9) == 0),
                "user_agent": unknown(format!("aws-cli/2.{}.{} on host {}", next(4), next(9), next(30)), next(7) == 0),
                "aws_region": unknown(format!("eu-west-{}", next(3)), next(20) == 0),
                "read_only": if next(5) == 0 { Value::Null } else { json!(next(2) == 0) },
                "recipient_account_id": format!("{:012}", next(4)),
            });
            let principal = if next(2) == 0 { ALICE } else { DEPLOY };
            let name = format!("Operation{}{tail}", next(25));
            let (source, time) = (format!("s{}.amazonaws.com", next(5)), format!("2023-07-1{day}T12:00:00Z"));
            event(id, &time, principal, &source, &name, more)
        })
        .collect();
    commit(dir, Table::Events, &rows)
}

/// The session, and one that lacks the rule.
async fn both(snapshot: &Snapshot) -> (SessionContext, SessionContext) {
    let with = session(snapshot, &options()).await.unwrap();
    let rules = with.state().physical_optimizers().to_vec();
    let others: Vec<_> = rules.iter().filter(|rule| rule.name() != "group_by_dictionary").map(Arc::clone).collect();
    assert_eq!(others.len() + 1, rules.len());
    let config = with.state().config().clone().with_create_default_catalog_and_schema(false);
    let state = SessionStateBuilder::new_from_existing(with.state()).with_config(config);
    let without = SessionContext::new_with_state(state.with_physical_optimizer_rules(others).build());
    (with, without)
}

async fn sorted(context: &SessionContext, sql: &str) -> Vec<String> {
    let mut rows = answer(context, sql).await;
    rows.sort();
    rows
}

/// What is done over dictionaries.
const DONE: &[&str] = &[
    "SELECT event_source, event_name, count(*) FROM events GROUP BY 1, 2",
    "SELECT error_code, count(*), count(user_agent), count(error_code) FROM events GROUP BY 1",
    "SELECT event_date, principal_arn, read_only, count(*) FROM events GROUP BY 1, 2, 3",
    "SELECT event_date, count(DISTINCT principal_arn) FROM events GROUP BY 1",
    "SELECT principal_arn, count(DISTINCT source_ip_address), count(DISTINCT aws_region) FROM events GROUP BY 1",
    "SELECT read_only, count(DISTINCT error_code), count(DISTINCT user_agent), count(*) FROM events GROUP BY 1",
    "SELECT principal_arn, event_name, min(event_time), max(event_id), count(*) FROM events GROUP BY 1, 2",
    "SELECT regexp_replace(user_agent, '[0-9]+', '#'), count(*) FROM events GROUP BY 1",
    "SELECT coalesce(error_code, 'none'), upper(aws_region), count(*) FROM events GROUP BY 1, 2",
    "SELECT CASE WHEN error_code IS NULL THEN 'ok' ELSE error_code END, count(*) FROM events GROUP BY 1",
    "SELECT recipient_account_id, aws_region, event_date, count(*) FROM events GROUP BY ROLLUP (recipient_account_id, aws_region, event_date)",
    "SELECT principal_arn, error_code, count(*), max(event_id), grouping(principal_arn) FROM events GROUP BY CUBE (principal_arn, error_code)",
    "SELECT aws_region, count(*) FILTER (WHERE read_only), count(error_code) FROM events GROUP BY 1",
    "SELECT aws_region, event_name, count(*) FROM events WHERE event_name LIKE '%1%' AND read_only GROUP BY 1, 2",
    "SELECT aws_region, sum(length(event_name)) FROM events GROUP BY 1",
    "SELECT event_name, count(*) FROM events GROUP BY 1 HAVING count(*) > 30",
    "SELECT DISTINCT event_source, error_code FROM events",
    "SELECT event_source, count(*) FROM events WHERE event_date = '2023-07-11' GROUP BY 1",
    "SELECT a.event_source, a.n, b.n FROM (SELECT event_source, count(*) AS n FROM events GROUP BY 1) a JOIN \
     (SELECT event_source, count(error_code) AS n FROM events GROUP BY 1) b ON a.event_source = b.event_source",
    "SELECT eventsource, count(*) FROM cloudtrail_logs GROUP BY 1",
];

/// What isn't, and why.
const LEFT: &[(&str, &str)] = &[
    ("SELECT event_id, count(*) FROM events GROUP BY 1", "no file has a dictionary of what is there once"),
    ("SELECT request_parameters, count(*) FROM events GROUP BY 1", "nor of documents"),
    ("SELECT event_name || CAST(random() AS varchar), count(*) FROM events GROUP BY 1", "each row has its own"),
    ("SELECT event_name || aws_region, count(*) FROM events GROUP BY 1", "of two columns"),
    ("SELECT error_code, count(*) FROM events WHERE error_code <> 'Code1' GROUP BY 1", "the reader compares texts"),
    ("SELECT length(event_name), count(*) FROM events GROUP BY 1", "no text"),
    ("SELECT event_name, array_agg(event_id ORDER BY event_id) FROM events GROUP BY 1", "it needs an order"),
    ("SELECT count(DISTINCT event_name), count(DISTINCT event_source) FROM events", "no groups"),
];

#[test]
fn answers_are_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let snapshot = varied(dir.path());
    run(async {
        let (with, without) = both(&snapshot).await;
        for sql in DONE {
            assert_eq!(sorted(&with, sql).await, sorted(&without, sql).await, "{sql}");
            let plan = analyze(&with, sql).await;
            assert!(plan.contains(OPERATOR), "{sql}: {plan}");
        }
        for (sql, why) in LEFT {
            if !sql.contains("random()") {
                assert_eq!(sorted(&with, sql).await, sorted(&without, sql).await, "{sql}");
            }
            let plan = analyze(&with, sql).await;
            assert!(!plan.contains(OPERATOR), "{sql}: {why}: {plan}");
        }
    });
}

/// A row group has a dictionary of its own.
#[test]
fn row_groups_are_put_together() {
    let dir = tempfile::tempdir().unwrap();
    let snapshot = large(dir.path());
    run(async {
        let (with, without) = both(&snapshot).await;
        for sql in [
            "SELECT principal_arn, event_name, count(*), min(event_id) FROM events GROUP BY 1, 2",
            "SELECT event_name, count(DISTINCT principal_arn), count(DISTINCT event_source) FROM events GROUP BY 1",
            "SELECT right(principal_arn, 2), count(*) FROM events GROUP BY 1",
        ] {
            assert_eq!(sorted(&with, sql).await, sorted(&without, sql).await, "{sql}");
            assert!(analyze(&with, sql).await.contains(OPERATOR), "{sql}");
        }
    });
}

/// An expression that fails for a word isn't asked of words that no row of the answer has.
#[test]
fn words_that_are_filtered_out_fail_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let of = |id, name, agent| {
        let time = format!("2023-07-1{}T12:00:00Z", id % 2);
        event(id, &time, ALICE, "s3.amazonaws.com", name, json!({ "user_agent": agent }))
    };
    let rows = [of(1, "A", "17"), of(2, "B", "seventeen"), of(3, "B", "seventeen"), of(4, "A", "17")];
    let snapshot = commit(dir.path(), Table::Events, &rows);
    run(async {
        let context = session(&snapshot, &options()).await.unwrap();
        let sql = "SELECT CAST(CAST(user_agent AS bigint) AS varchar) AS n, count(*) FROM events \
                   WHERE event_name = 'A' GROUP BY 1";
        assert_eq!(answer(&context, sql).await, ["17 | 2"]);
        assert!(analyze(&context, sql).await.contains(OPERATOR));
    });
}

/// A file whose bytes nobody took note of may be another program's: it is read as it is.
#[test]
fn files_of_others_are_read_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    varied(dir.path());
    let catalog = rusqlite::Connection::open(dir.path().join("catalog.sqlite")).unwrap();
    catalog.execute("DELETE FROM trailpare_file_checks WHERE data_file_id = 0", []).unwrap();
    drop(catalog);
    let snapshot = crate::store::Store::open(dir.path()).unwrap().snapshot(None).unwrap();
    run(async {
        let (with, without) = both(&snapshot).await;
        assert_eq!(sorted(&with, DONE[0]).await, sorted(&without, DONE[0]).await);
        assert!(!analyze(&with, DONE[0]).await.contains(OPERATOR));
    });
}
