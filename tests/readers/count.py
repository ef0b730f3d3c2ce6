"""Counts an archive from its files alone, independently of trailpare: objects, records, distinct events, duplicates.

Usage: count.py ARCHIVE...        prints one JSON object
Needs nothing but Python 3.9.
"""

import gzip
import json
import os
import sys


def objects(roots):
    for root in roots:
        if os.path.isfile(root):
            yield root
        for folder, _, names in os.walk(root):
            for name in sorted(names):
                if name.endswith((".json", ".json.gz")) and "CloudTrail-Digest" not in name:
                    yield os.path.join(folder, name)


def records(path):
    with open(path, "rb") as file:
        data = file.read()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    return json.loads(data)["Records"]


def main(roots):
    count = {"objects": 0, "records": 0, "events": 0, "duplicates": 0, "pairs": 0}
    seen, pairs = set(), set()
    for path in objects(roots):
        count["objects"] += 1
        for record in records(path):
            count["records"] += 1
            seen.add(record["eventID"])
            pairs.add((record["eventSource"], record["eventName"]))
    count["events"] = len(seen)
    count["duplicates"] = count["records"] - len(seen)
    count["pairs"] = len(pairs)
    print(json.dumps(count))


if __name__ == "__main__":
    main(sys.argv[1:])
