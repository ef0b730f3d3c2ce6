"""The views of docs/duckdb.sql against those of trailpare: the same columns, and the same rows.

Usage: views.py TRAILPARE STORE
Needs the packages of requirements.txt beside this file. Run from the root of the repository.
"""

import datetime
import json
import subprocess
import sys
from pathlib import Path

from readers import attached

VIEWS = Path("docs/duckdb.sql")
# What DuckDB's views lack, as the file says.
LACKING = {"cloudtrail_lake": {"eventjson"}, "aws_cloudtrail_log": {"resources"}}
# By which rows are put in order.
ORDER = {
    "cloudtrail_logs": "eventid",
    "cloudtrail_lake": "eventid",
    "aws_cloudtrail_log": "event_id",
    "usage": "event_date, account_id, principal_arn, session_name, action, resource, outcome, confidence, rule, "
    "passed_to_service, event_source, event_name, aws_region, via, cross_account, first_time, example_event_id",
}


def plain(value):
    """A value as JSON has it: times as texts, and what is unknown in all its parts as unknown."""
    if isinstance(value, datetime.datetime):
        text = value.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".")
        return text + "Z"
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value


def of_duckdb(connection, view):
    # By way of Arrow, because DuckDB's own rows need pytz for times.
    table = connection.execute(f"SELECT * FROM {view} ORDER BY {ORDER[view]}").to_arrow_table()
    return table.column_names, [plain(row) for row in table.to_pylist()]


def of_trailpare(program, store, view):
    command = [program, "sql", "--store", store, "--format", "ndjson", f"SELECT * FROM {view} ORDER BY {ORDER[view]}"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    rows = [json.loads(line) for line in lines]
    lacking = LACKING.get(view, set())
    return [name for name in rows[0] if name not in lacking], rows


def main(program, store):
    connection = attached(store)
    connection.execute(VIEWS.read_text())
    for view in ORDER:
        names, theirs = of_duckdb(connection, view)
        expected, ours = of_trailpare(program, store, view)
        assert names == expected, f"{view}: columns {names}, not {expected}"
        assert len(theirs) == len(ours) > 0, f"{view}: {len(theirs)} rows, not {len(ours)}"
        for own, other in zip(ours, theirs):
            for name in names:
                assert own[name] == other[name], f"{view}.{name}: {other[name]!r}, not {own[name]!r}, in {own}"
        print(f"{view}: {len(ours)} rows of {len(names)} columns are DuckDB's too")


if __name__ == "__main__":
    main(*sys.argv[1:])
