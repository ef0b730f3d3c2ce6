"""Reads a store with other programs and checks that all see the rows that trailpare sees.

Usage: readers.py TRAILPARE STORE
Needs the packages of requirements.txt beside this file.
"""

import glob
import json
import os
import subprocess
import sys

import duckdb
import duckdb_extension_ducklake
import duckdb_extension_sqlite_scanner
import polars
import pyarrow.dataset

def extension(module):
    folder = os.path.dirname(module.__file__)
    return glob.glob(folder + "/**/*.duckdb_extension", recursive=True)[0]


def trailpare(program, store, sql):
    command = [program, "sql", "--store", store, "--format", "json", sql]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def ours(program, store):
    events = trailpare(
        program,
        store,
        "SELECT count(*) AS n, count(DISTINCT event_id) AS ids, count(error_code) AS errors, "
        "sum(length(request_parameters)) AS text, count(DISTINCT event_date) AS days FROM events",
    )[0]
    usage = trailpare(program, store, "SELECT sum(event_count) AS n, count(DISTINCT action) AS actions FROM usage")[0]
    return events, usage


def in_duckdb(store):
    """The rows through the catalog and through a bare glob."""
    connection = duckdb.connect(config={"allow_unsigned_extensions": True})
    connection.execute(f"LOAD '{extension(duckdb_extension_sqlite_scanner)}'")
    connection.execute(f"LOAD '{extension(duckdb_extension_ducklake)}'")
    connection.execute(f"ATTACH 'ducklake:sqlite:{store}/catalog.sqlite' AS lake (READ_ONLY)")
    events_sql = (
        "SELECT count(*), count(DISTINCT event_id), count(error_code), sum(length(request_parameters))::BIGINT, "
        "count(DISTINCT event_date) FROM {}"
    )
    usage_sql = "SELECT sum(event_count)::BIGINT, count(DISTINCT action) FROM {}"
    for kind, source in [("catalog", "lake.{}"), ("glob", "read_parquet('" + store + "/data/main/{}/**/*.parquet')")]:
        yield (
            f"DuckDB, {kind}",
            connection.execute(events_sql.format(source.format("events"))).fetchone(),
            connection.execute(usage_sql.format(source.format("usage"))).fetchone(),
        )
    # Statistics that were wrong would prune rows that are there.
    principals = connection.execute(
        "SELECT principal_arn, count(*) FROM lake.events WHERE principal_arn IS NOT NULL GROUP BY 1 ORDER BY 1"
    ).fetchall()
    for arn, n in principals:
        found = connection.execute("SELECT count(*) FROM lake.events WHERE principal_arn = ?", [arn]).fetchone()[0]
        assert found == n, f"{arn}: {found} rows by name, {n} by grouping"
    nested = connection.execute("SELECT count(*) FROM (SELECT unnest(resources).arn AS a FROM lake.events) WHERE a IS NOT NULL")
    yield "nested", nested.fetchone(), None


def in_polars(store):
    events = polars.scan_parquet(f"{store}/data/main/events/**/*.parquet")
    usage = polars.scan_parquet(f"{store}/data/main/usage/**/*.parquet")
    row = events.select(
        polars.len(),
        polars.col("event_id").n_unique().alias("ids"),
        polars.col("error_code").count().alias("errors"),
        polars.col("request_parameters").str.len_chars().sum().alias("text"),
        polars.col("event_date").n_unique().alias("days"),
    ).collect().row(0)
    counts = usage.select(
        polars.col("event_count").sum(), polars.col("action").drop_nulls().n_unique().alias("actions")
    ).collect().row(0)
    return row, counts


def in_pyarrow(store):
    events = pyarrow.dataset.dataset(f"{store}/data/main/events", format="parquet", partitioning="hive").to_table(
        columns=["event_id", "error_code", "event_date", "day"]
    )
    frame = polars.from_arrow(events)
    return len(frame), frame["event_id"].n_unique(), frame["error_code"].count(), frame["event_date"].n_unique()


def main(program, store):
    store = os.path.abspath(store)
    events, usage = ours(program, store)
    want = (events["n"], events["ids"], events["errors"], events["text"], events["days"])
    want_usage = (usage["n"], usage["actions"])
    passed = 0
    for name, rows, counts in in_duckdb(store):
        if name == "nested":
            assert rows[0] > 0, "no nested values"
        else:
            assert tuple(rows) == want and tuple(counts) == want_usage, f"{name}: {rows} {counts}, not {want} {want_usage}"
        print(f"{name}: the same rows")
        passed += 1
    rows, counts = in_polars(store)
    ids = want[1] + (1 if rows[1] > want[1] else 0)  # n_unique counts null as a value
    assert rows == (want[0], ids, want[2], want[3], want[4]) and counts == want_usage, f"Polars: {rows} {counts}"
    print("Polars: the same rows")
    arrow = in_pyarrow(store)
    assert arrow == (want[0], ids, want[2], want[4]), f"PyArrow: {arrow}"
    print("PyArrow: the same rows")
    print(f"{passed + 2} passed, 0 failed")


if __name__ == "__main__":
    main(*sys.argv[1:])
