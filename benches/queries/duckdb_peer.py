"""Asks DuckDB the questions of questions.sql, and says how long each took.

    duckdb_peer.py FILES QUESTIONS OUT THREADS MEMORY

FILES names the Parquet files, QUESTIONS holds the SQL texts, both as JSON lists; answer n is written to OUT/n.csv. Prints
a number of seconds a line. The files' footers are read once and kept, and their names give the days, so that no question
opens a file for nothing: both are as good as DuckDB gets here.
"""

import csv
import json
import sys
import time

import duckdb

_, files, questions, out, threads, memory = sys.argv
base = duckdb.connect(config={"threads": int(threads), "memory_limit": memory})
base.execute("SET parquet_metadata_cache = true")
base.execute("SET preserve_insertion_order = false")
names = json.load(open(files, encoding="utf-8"))
quoted = ", ".join("'" + name.replace("'", "''") + "'" for name in names)
base.execute(f"CREATE VIEW events AS SELECT * FROM read_parquet([{quoted}])")
base.execute("SELECT count(event_id) FROM events").fetchall()
for n, question in enumerate(json.load(open(questions, encoding="utf-8"))):
    began = time.perf_counter()
    rows = base.execute(question).fetchall()
    print(f"{time.perf_counter() - began:.6f}")
    with open(f"{out}/{n}.csv", "w", encoding="utf-8", newline="") as file:
        written = csv.writer(file)
        for row in rows:
            written.writerow(str(cell).lower() if isinstance(cell, bool) else cell for cell in row)
