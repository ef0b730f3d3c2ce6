"""Writes licenses.json.gz beside this file: the licences of every crate that ends up in the program.

Usage: python3 src/cli/licenses/generate.py        (from the root of the repository; after a change of Cargo.lock)

What is inside: all normal dependencies for the targets of deny.toml. Texts are those that each crate ships; a crate without
one gets the text of its licence from another crate, or stands with its SPDX expression alone.
"""

import gzip
import json
import re
import subprocess
from pathlib import Path

TARGETS = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "x86_64-apple-darwin", "aarch64-apple-darwin"]
NAMES = re.compile(r"^(licen[sc]e|copying|notice|copyright|unlicense)", re.I)
TEXT_MAX_BYTES = 200_000
# Licences that grant no less than the others of an expression: the text of one is enough.
PREFERRED = ["MIT", "Apache-2.0", "BSD-3-Clause", "BSD-2-Clause", "ISC", "Zlib"]
HERE = Path(__file__).parent


def metadata(target):
    # As releases are built.
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", target, "--features", "s3"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def inside(data):
    """Ids of packages that are reached by normal dependencies."""
    nodes = {node["id"]: node for node in data["resolve"]["nodes"]}
    root = data["resolve"]["root"]
    seen, waiting = set(), [root]
    while waiting:
        package = waiting.pop()
        if package in seen:
            continue
        seen.add(package)
        for dependency in nodes[package]["deps"]:
            if any(kind["kind"] is None for kind in dependency["dep_kinds"]):
                waiting.append(dependency["pkg"])
    return seen - {root}


def texts_of(folder, is_wrapper):
    """Texts beside a crate's manifest; of one that wraps C sources also theirs."""
    paths = sorted(folder.rglob("*")) if is_wrapper else sorted(folder.iterdir())
    files = [path for path in paths if path.is_file() and NAMES.match(path.name) and path.suffix not in (".c", ".h", ".rs")]
    for path in files:
        if path.stat().st_size <= TEXT_MAX_BYTES:
            text = path.read_text(encoding="utf-8", errors="replace").replace("\r\n", "\n").strip()
            # Of what is not compiled in (xz's scripts), or the other side of a choice (zstd).
            if not text.startswith(("GNU ", "#!")):
                yield "\n".join(line.rstrip() for line in text.split("\n")) + "\n"


def is_of(text, licence):
    """Whether a text is that of a licence, by its own words."""
    marks = {
        "MIT": "Permission is hereby granted, free of charge",
        "Apache-2.0": "Apache License",
        "BSD-3-Clause": "Neither the name",
        "BSD-2-Clause": "Redistributions in binary form",
        "ISC": "Permission to use, copy, modify, and",
        "Zlib": "This software is provided 'as-is'",
    }
    return marks[licence] in text


def main():
    packages = {}
    for target in TARGETS:
        data = metadata(target)
        ids = inside(data)
        for package in data["packages"]:
            if package["id"] in ids:
                packages[(package["name"], package["version"])] = package
    texts, places, crates = [], {}, []
    for (name, version), package in sorted(packages.items()):
        own = list(texts_of(Path(package["manifest_path"]).parent, name.endswith("-sys")))
        licence = (package["license"] or "").replace("/", " OR ")
        # Of a choice one text is enough: the shortest that is preferred.
        choice = [one for one in PREFERRED if re.search(rf"(^|[ (]){re.escape(one)}($|[ )])", licence)]
        if " OR " in licence and choice and not name.endswith("-sys"):
            fitting = [text for text in own if is_of(text, choice[0])]
            own = fitting or own
        numbers = []
        for text in own:
            if text not in places:
                places[text] = len(texts)
                texts.append(text)
            numbers.append(places[text])
        crates.append(
            {"name": name, "version": version, "license": licence, "repository": package["repository"], "texts": numbers}
        )
    value = {"crates": crates, "texts": texts}
    raw = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    with open(HERE / "licenses.json.gz", "wb") as out, gzip.GzipFile("", "wb", 9, out, mtime=0) as packed:
        packed.write(raw)
    bare = [f"{one['name']} {one['version']} ({one['license']})" for one in crates if not one["texts"]]
    size = (HERE / "licenses.json.gz").stat().st_size
    print(f"{len(crates)} crates, {len(texts)} texts, {len(raw)} bytes, packed {size}")
    print("without a text of their own: " + ", ".join(bare))


main()
