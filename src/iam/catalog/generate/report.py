"""How sure the resolver is of every operation that botocore knows.

Usage: python3 src/iam/catalog/generate/report.py PROGRAM [FOLDER]

Makes one record for each operation of botocore's models (the newest version of each service's API), takes them in with
PROGRAM (a built trailpare) and asks it by SQL how it resolved them. Prints how many operations resolved at which
confidence, and every unverified one. FOLDER as for generate.py.
"""

import json
import os
import subprocess
import sys
import tempfile

from generate import Sources, fetch

RESOLUTION = """
    SELECT e.event_source, e.event_name, coalesce(max(a.confidence), 'needs none') AS confidence
    FROM events e LEFT JOIN event_actions a ON a.event_id = e.event_id AND a.action IS NOT NULL
    GROUP BY 1, 2 ORDER BY 1, 2
"""


def records(sources):
    """One for each operation, as the service's endpoint would log it."""
    for service, model in sorted(sources.models.items()):
        host = model["metadata"]["endpointPrefix"].split(".")[-1]
        for operation in sorted(model["operations"]):
            yield {
                "eventVersion": "1.11",
                "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/ann", "accountId": "111122223333"},
                "eventTime": "2026-01-01T00:00:00Z",
                "eventSource": f"{host}.amazonaws.com",
                "eventName": operation,
                "awsRegion": "us-east-1",
                "eventID": f"{service}/{operation}",
                "eventType": "AwsApiCall",
                "recipientAccountId": "111122223333",
            }


def main():
    program = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as work:
        folder = sys.argv[2] if len(sys.argv) > 2 else work
        if folder == work:
            fetch(folder)
        archive, store = os.path.join(work, "operations.json"), os.path.join(work, "store")
        with open(archive, "w", encoding="utf-8") as file:
            json.dump({"Records": list(records(Sources(folder)))}, file)
        subprocess.run([program, "ingest", archive, "--store", store, "--quiet"], check=True)
        query = [program, "sql", "--store", store, "--quiet", "--format", "ndjson", RESOLUTION]
        answer = subprocess.run(query, check=True, capture_output=True, text=True).stdout
    rows = [json.loads(line) for line in answer.splitlines()]
    counts = {}
    for row in rows:
        counts[row["confidence"]] = counts.get(row["confidence"], 0) + 1
    print(f"{len(rows)} operations")
    for confidence, count in sorted(counts.items(), key=lambda item: -item[1]):
        print(f"  {confidence:12} {count:6}  {100 * count / len(rows):5.2f} %")
    by_source = {}
    for row in rows:
        if row["confidence"] == "unverified":
            by_source.setdefault(row["event_source"], []).append(row["event_name"])
    for source, names in sorted(by_source.items()):
        print(f"unverified: {source} ({len(names)}): {', '.join(names)}")


if __name__ == "__main__":
    main()
