"""Runs the recipes of docs/python.md as they stand there, and compares each with what trailpare answers to the question above it.

Usage: recipes.py TRAILPARE STORE
Needs the packages of requirements.txt beside this file. Run from the root of the repository.
"""

import datetime
import json
import re
import subprocess
import sys
from pathlib import Path

import duckdb_extension_ducklake
import duckdb_extension_sqlite_scanner
from readers import extension

BLOCK = re.compile(r"^```(sql|python)\n(.*?)^```$", re.S | re.M)


def plain(value):
    """A value as JSON has it."""
    if isinstance(value, datetime.datetime):
        text = value.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".")
        return text + "Z"
    return int(value) if hasattr(value, "__index__") else value


def asked(program, store, sql):
    command = [program, "sql", "--store", store, "--format", "ndjson", sql]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return [tuple(json.loads(line).values()) for line in lines]


def here(code, store):
    """The code of a recipe for this store, with the extensions that were installed beforehand."""
    code = code.replace('store = "./store"', f"store = {store!r}").replace("duckdb.connect()", CONNECT)
    files = [extension(module) for module in (duckdb_extension_sqlite_scanner, duckdb_extension_ducklake)]
    loads = "; ".join(f"LOAD '{file}'" for file in files)
    return code.replace("INSTALL sqlite; INSTALL ducklake; LOAD sqlite; LOAD ducklake", loads)


CONNECT = "duckdb.connect(config={'allow_unsigned_extensions': True})"


def main(program, store):
    blocks = BLOCK.findall(Path("docs/python.md").read_text())
    names, question, compared = {}, None, 0
    for kind, text in blocks:
        if kind == "sql":
            assert question is None, f"no recipe below {question}"
            question = text
            continue
        names.pop("rows", None)
        exec(here(text, store), names)
        if question is not None:
            theirs = [tuple(plain(value) for value in row) for row in names["rows"]]
            ours = asked(program, store, question)
            assert ours == theirs and ours, f"{question}: {theirs}, not {ours}"
            compared += 1
        question = None
    assert question is None and compared >= 7, f"{compared} recipes"
    print(f"{compared} recipes of docs/python.md answer as trailpare does")


if __name__ == "__main__":
    main(*sys.argv[1:])
