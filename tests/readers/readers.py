"""Reads a store with other programs and checks that all see the rows that trailpare sees.

Usage: readers.py TRAILPARE STORE
Needs the packages of requirements.txt beside this file.
"""

import glob
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile

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


def attached(store, options="(READ_ONLY)"):
    connection = duckdb.connect(config={"allow_unsigned_extensions": True})
    connection.execute(f"LOAD '{extension(duckdb_extension_sqlite_scanner)}'")
    connection.execute(f"LOAD '{extension(duckdb_extension_ducklake)}'")
    connection.execute(f"ATTACH 'ducklake:sqlite:{store}/catalog.sqlite' AS lake {options}")
    return connection


def moved(store):
    """A store that was moved is read where it is, whatever the working directory."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(store, f"{folder}/before")
        os.rename(f"{folder}/before", f"{folder}/behind")
        count = "SELECT count(*), count(DISTINCT event_id) FROM lake.events"
        files = "SELECT data_file FROM ducklake_list_files('lake', 'events')"
        connection = attached(f"{folder}/behind")
        rows = connection.execute(count).fetchone()
        places = {os.path.commonpath([file, folder]) for (file,) in connection.execute(files).fetchall()}
        assert places == {folder}, f"the moved store is read from {places}"
        assert rows == attached(store).execute(count).fetchone(), "the moved store has other rows"


def widened(store):
    """A column that comes later changes the meaning of none that is there: old rows and new ones are read."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(store, f"{folder}/store")
        catalog = sqlite3.connect(f"{folder}/store/catalog.sqlite")
        largest = catalog.execute("SELECT max(column_id) FROM ducklake_column WHERE table_id = 1").fetchone()[0]
        catalog.executescript(f"""
            INSERT INTO ducklake_snapshot SELECT snapshot_id + 1, snapshot_time, schema_version + 1, next_catalog_id,
                next_file_id FROM ducklake_snapshot ORDER BY snapshot_id DESC LIMIT 1;
            INSERT INTO ducklake_snapshot_changes
                SELECT max(snapshot_id), 'altered_table:1', NULL, NULL, NULL FROM ducklake_snapshot;
            INSERT INTO ducklake_schema_versions
                SELECT snapshot_id, schema_version, 1 FROM ducklake_snapshot ORDER BY snapshot_id DESC LIMIT 1;
            INSERT INTO ducklake_column SELECT {largest + 1}, max(snapshot_id), NULL, 1, 1000, 'further', 'varchar', NULL,
                'NULL', 1, NULL, 'literal', 'duckdb' FROM ducklake_snapshot;
        """)
        catalog.close()
        old = "SELECT count(*), count(event_id), sum(length(request_parameters))::BIGINT, sum(len(resources))::BIGINT, " \
            "(SELECT count(*) FROM (SELECT unnest(resources).arn AS a FROM lake.events WHERE further IS NULL) WHERE a IS NOT NULL) " \
            "FROM lake.events WHERE further IS NULL"
        before = attached(store).execute(old.replace("WHERE further IS NULL", "")).fetchone()
        connection = attached(f"{folder}/store", "")
        connection.execute("INSERT INTO lake.events BY NAME SELECT * REPLACE ('new' AS further) FROM lake.events LIMIT 5")
        assert connection.execute(old).fetchone() == before, "old rows are read otherwise"
        new = "SELECT count(*), count(event_id), min(further) FROM lake.events WHERE further IS NOT NULL"
        assert connection.execute(new).fetchone() == (5, 5, "new"), "new rows are not read"


def in_duckdb(store):
    """The rows through the catalog and through a bare glob."""
    connection = attached(store)
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
    moved(store)
    widened(store)
    print("DuckDB: a moved store, and one with a further column")
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
