"""`trailpare ingest s3://…` beside an S3 that isn't ours: moto's server, on loopback, and boto3.

    s3.py PROGRAM ARCHIVE

The store made from the bucket is that of the archive on disk; a versioned bucket's versions are in the ledger; keys with all
kinds of characters are read; and who has no more than the permissions that docs/s3.md gives can do it, while signatures are
checked. Exits with 1 at the first difference. PROGRAM has the feature `s3`.
"""

import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import boto3
from moto.core import set_initial_no_auth_action_count  # noqa: F401  (says that this moto checks signatures)
from moto.server import ThreadedMotoServer

BUCKET = "my-trail-logs"
LEDGER = "SELECT name, state, size_bytes, hex(sha256), records, events, duplicates, broken FROM trailpare_objects ORDER BY 1"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(program, args, keys=("AKIAIOSFODNN7EXAMPLE", "secret"), expected=0):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TRAILPARE_"))}
    environment |= {
        "AWS_ENDPOINT_URL": ENDPOINT,
        "AWS_ACCESS_KEY_ID": keys[0],
        "AWS_SECRET_ACCESS_KEY": keys[1],
        "AWS_CONFIG_FILE": "/nowhere",
        "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "2",
        "TRAILPARE_CONFIG": "",
        "NO_PROXY": "127.0.0.1",
    }
    done = subprocess.run([program, *args], env=environment, capture_output=True, text=True, check=False)
    if done.returncode != expected:
        sys.exit(f"{args}: exit code {done.returncode}, not {expected}: {done.stderr}")
    return done.stdout, done.stderr


def rows(program, store):
    events, _ = run(program, ["sql", "--store", store, "--format", "csv", "SELECT * FROM events ORDER BY event_id, event_time"])
    with sqlite3.connect(Path(store) / "catalog.sqlite") as catalog:
        return events, catalog.execute(LEDGER).fetchall()


def same(program, archive, client, folder):
    for path in sorted(archive.rglob("*")):
        if path.is_file():
            client.put_object(Bucket=BUCKET, Key=path.relative_to(archive).as_posix(), Body=path.read_bytes())
    disk, bucket = f"{folder}/disk", f"{folder}/bucket"
    run(program, ["ingest", str(archive), "--store", disk])
    run(program, ["ingest", f"s3://{BUCKET}", "--store", bucket])
    if rows(program, disk) != rows(program, bucket):
        sys.exit("the store made from the bucket is another than that of the archive on disk")
    _, said = run(program, ["ingest", f"s3://{BUCKET}", "--store", bucket])
    if not said.startswith("0 objects taken in"):
        sys.exit(f"something is new that is not: {said}")
    with sqlite3.connect(f"{bucket}/catalog.sqlite") as catalog:
        noted = catalog.execute("SELECT prefix || tail, etag, version_id FROM trailpare_object_versions "
                                "JOIN trailpare_name_prefixes USING (prefix_id)").fetchall()
    for path, etag, version in noted:
        head = client.head_object(Bucket=BUCKET, Key=path.removeprefix(f"s3://{BUCKET}/"))
        if (etag, version) != (head["ETag"], head["VersionId"]):
            sys.exit(f"{path}: noted as {etag}, {version}, but it is {head['ETag']}, {head['VersionId']}")
    if not noted:
        sys.exit("no versions are noted")
    return len(noted)


def odd_keys(program, client, folder):
    event = {"eventVersion": "1.08", "userIdentity": {"type": "Root"}, "eventTime": "2024-03-02T07:10:00Z",
             "eventSource": "s3.amazonaws.com", "eventName": "ListBuckets", "awsRegion": "eu-west-1"}
    keys = ["a b.json", "a+b.json", "a%2Fb.json", "é/ü.json", "a&b<c>.json", "(x)!*'.json", "q?x=1.json", "#x.json", "~x.json",
            "日本/語.json", "a:b;c=d,e@f$.json", "x\\y.json", "[1]{2}^`|.json"]
    client.create_bucket(Bucket="odd")
    for number, key in enumerate(keys):
        body = json.dumps({"Records": [event | {"eventID": f"odd-{number}"}]})
        client.put_object(Bucket="odd", Key=key, Body=body.encode())
    run(program, ["ingest", "s3://odd", "--store", f"{folder}/odd"])
    _, ledger = rows(program, f"{folder}/odd")
    read = {name.rsplit("#", 1)[0].removeprefix("s3://odd/") for name, *_ in ledger}
    if read != set(keys):
        sys.exit(f"of keys with odd characters these differ: {read ^ set(keys)}")
    return len(keys)


def least(program, client, folder, docs):
    """Those permissions that the page gives, with signatures checked."""
    policy = re.search(r"```json\n(.*?)```", docs.read_text(), re.S).group(1)
    iam = boto3.client("iam", endpoint_url=ENDPOINT, region_name="us-east-1")
    keys = {}
    for name, document in [("batch", policy), ("nobody", policy.replace("s3:", "sqs:"))]:
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="it", PolicyDocument=document)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        keys[name] = (key["AccessKeyId"], key["SecretAccessKey"])
    import requests

    requests.post(f"{ENDPOINT}/moto-api/reset-auth", data=b"0", timeout=10)
    source = f"s3://{BUCKET}/AWSLogs"
    run(program, ["ingest", source, "--store", f"{folder}/least"], keys["batch"])
    for name, given, expected in [
        ("nobody", keys["nobody"], "access denied"),
        ("a wrong secret", (keys["batch"][0], "x" * 40), "the credentials are not accepted"),
        ("unknown", ("AKIAIOSFODNN7EXAMPLE", "x" * 40), "the credentials are not accepted"),
    ]:
        _, said = run(program, ["ingest", source, "--store", f"{folder}/denied"], given, expected=1)
        if expected not in said:
            sys.exit(f"{name}: {said}")
    requests.post(f"{ENDPOINT}/moto-api/reset-auth", data=b"1000000", timeout=10)


def main():
    program, archive = sys.argv[1], Path(sys.argv[2])
    docs = Path(__file__).parent.parent.parent / "docs/s3.md"
    client = boto3.client("s3", endpoint_url=ENDPOINT, region_name="us-east-1")
    client.create_bucket(Bucket=BUCKET)
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    with tempfile.TemporaryDirectory() as folder:
        count = same(program, archive, client, folder)
        odd = odd_keys(program, client, folder)
        least(program, client, folder, docs)
    print(f"moto: {count} objects as on disk, {odd} odd keys, the permissions of docs/s3.md are enough and needed")


PORT = free_port()
ENDPOINT = f"http://127.0.0.1:{PORT}"
os.environ |= {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "NO_PROXY": "127.0.0.1"}
import logging  # noqa: E402

logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=PORT, verbose=False)
server.start()
try:
    main()
finally:
    server.stop()
