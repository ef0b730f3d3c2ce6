//! Statements and what becomes of them.

use super::super::statement::parsed;

fn adapted(sql: &str) -> String {
    parsed(sql).unwrap().remove(0).to_string()
}

#[test]
fn spellings() {
    for (athena, ours) in [
        ("SELECT resources[1].arn x", "SELECT resources[1].'arn' AS x"),
        ("SELECT a.b.c[2].D.\"E\" x", "SELECT a.b.c[2].'d'.'E' AS x"),
        ("SELECT year(date(x)) y", "SELECT date_part('year', CAST(x AS DATE)) AS y"),
        ("SELECT IF(a = '{2}', 1, 0) y", "SELECT CASE WHEN (a = '{2}') THEN 1 ELSE 0 END AS y"),
        ("SELECT count_if(x) FILTER (WHERE y) z", "SELECT count(CASE WHEN x THEN 1 END) FILTER (WHERE y) AS z"),
        (
            "SELECT 1 x FROM logs CROSS JOIN UNNEST(resources) AS t(r), UNNEST(tags) g",
            "SELECT 1 AS x FROM (SELECT *, unnest(tags) AS g FROM (SELECT *, unnest(resources) AS r FROM logs) AS logs) AS logs",
        ),
        (
            "SELECT t.r.arn x FROM logs l LEFT JOIN UNNEST(l.resources) AS t(r) ON true ORDER BY t.r",
            "SELECT r.arn AS x FROM (SELECT *, unnest_outer(l.resources) AS r FROM logs l) AS l ORDER BY r",
        ),
        ("SELECT 1 x FROM a CROSS JOIN b", "SELECT 1 AS x FROM a CROSS JOIN b"),
        ("EXPLAIN SELECT split(x, ',')[1] y", "EXPLAIN SELECT split(x, ',')[1] AS y"),
        (
            "SELECT CAST(j AS array(row(a varchar, b map(varchar, bigint)))) x",
            "SELECT json_as(j, 'array(row(\"a\" varchar,\"b\" map(varchar,bigint)))') AS x",
        ),
        ("SELECT try(CAST(a AS bigint) / b) x", "SELECT (TRY_CAST(whole(a) AS BIGINT) / nullif(b, 0)) AS x"),
        ("SELECT request_parameters -> 'a' x", "SELECT request_parameters -> 'a' AS x"),
        ("SELECT filter(a, x -> x -> 'k' = 'v') y", "SELECT array_filter(a, x -> x -> 'k' = 'v') AS y"),
        ("SELECT x FROM a WHERE n LIKE 'CORP\\%'", "SELECT x FROM a WHERE n LIKE 'CORP\\\\%'"),
        ("SELECT x FROM a WHERE n LIKE 'a!_%' ESCAPE '!'", "SELECT x FROM a WHERE n LIKE 'a\\_%'"),
        ("SELECT x FROM a WHERE (j -> 'k') = false", "SELECT x FROM a WHERE (j ->> 'k') = 'false'"),
        (
            "SELECT x FROM a WHERE ip > IPADDRESS '10.0.0.1'",
            "SELECT x FROM a WHERE ip_order(ip) > ip_order(ip_address('10.0.0.1'))",
        ),
    ] {
        assert_eq!(adapted(athena), ours, "{athena}");
    }
}

#[test]
fn columns_are_named_as_they_were_written() {
    for (written, named) in [
        (
            "SELECT max(user_agent), a.b.c FROM t",
            "SELECT max(user_agent) AS \"max(user_agent)\", a.b.c AS \"c\" FROM t",
        ),
        ("SELECT a.id, b.id FROM a, b", "SELECT a.id AS \"a.id\", b.id AS \"b.id\" FROM a, b"),
        ("SELECT 1, 1, x FROM a", "SELECT 1 AS \"1\", 1 AS \"1 2\", x FROM a"),
        ("SELECT t.a, * FROM t", "SELECT t.a, * FROM t"),
        ("SELECT count(*) FROM (SELECT max(x) FROM t)", "SELECT count(*) AS \"count(*)\" FROM (SELECT max(x) FROM t)"),
    ] {
        assert_eq!(adapted(written), named);
    }
}

/// A type that is nested without end ends in an error, not in the stack.
#[test]
fn deep_types_are_refused() {
    let deep = |count: usize| format!("SELECT CAST(x AS {}json{})", "array(".repeat(count), ")".repeat(count));
    assert!(parsed(&deep(30)).unwrap_err().to_string().contains("nested more than 16 deep"));
    assert!(parsed(&deep(10_000)).unwrap_err().to_string().contains("brackets are nested 10001 deep"));
}
