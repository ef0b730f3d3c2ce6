"""`trailpare verify` beside two other programs: an implementation in Python, and the AWS CLI's own validator.

    verify.py PROGRAM

Makes archives with a key of its own, tampers with them, and compares what the three say about every object. The AWS CLI
gets files in place of S3 and CloudTrail. Exits with 1 at the first difference.
"""

import base64
import contextlib
import gzip
import hashlib
import io
import json
import subprocess
import sys
import tempfile
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace

from awscli.customizations.cloudtrail.validation import CloudTrailValidateLogs
from botocore.exceptions import ClientError
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

BUCKET, FINGERPRINT = "some-bucket", "ab" * 16
VALID, UNCHECKED, ALTERED, MISSING, UNCOVERED, DIGEST_ALTERED, DIGEST_MISSING = (
    "valid",
    "hash right, signature not checkable",
    "altered",
    "missing",
    "not covered by any digest",
    "digest altered",
    "digest missing",
)
PREVIOUS = ("previousDigestS3Bucket", "previousDigestS3Object", "previousDigestHashValue", "previousDigestSignature")
START = datetime(2024, 3, 1, tzinfo=timezone.utc)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def inflate(stored):
    return gzip.decompress(stored) if stored[:2] == b"\x1f\x8b" else stored


def stem(key):
    return key.rsplit("/", 1)[-1].removesuffix(".gz").removesuffix(".json")


def signed_text(digest, data):
    place = f"{digest['digestS3Bucket']}/{digest['digestS3Object']}"
    before = digest["previousDigestSignature"] or "null"
    return f"{digest['digestEndTime']}\n{place}\n{sha256(data)}\n{before}".encode()


class Archive:
    """Keys and stored bytes; signatures of digests by their keys, as S3 keeps them."""

    def __init__(self, key):
        self.key, self.files, self.signatures, self.digests = key, {}, {}, []

    def trail(self, account, region, hours, logs=2):
        previous = None
        for hour in hours:
            end = START + timedelta(hours=hour + 1)
            listed = []
            for i in range(logs):
                time = end - timedelta(minutes=10 * (i + 1))
                random = sha256(f"{account}{region}{time}".encode())[:16]
                name = f"{account}_CloudTrail_{region}_{time:%Y%m%dT%H%MZ}_{random}.json.gz"
                log = f"AWSLogs/{account}/CloudTrail/{region}/{time:%Y/%m/%d}/{name}"
                data = json.dumps({"Records": [{"eventID": random, "eventName": "GetObject", "n": i}] * 3}).encode()
                self.files[log] = gzip.compress(data)
                listed.append({"s3Bucket": BUCKET, "s3Object": log, "hashValue": sha256(data)})
            previous = self.digest(account, region, end, listed, previous)

    def digest(self, account, region, end, listed, previous, suffix=""):
        name = f"{account}_CloudTrail-Digest_{region}_main_eu-west-1_{end:%Y%m%dT%H%M%SZ}{suffix}.json.gz"
        key = f"AWSLogs/{account}/CloudTrail-Digest/{region}/{end:%Y/%m/%d}/{name}"
        digest = {
            "awsAccountId": account,
            "digestStartTime": f"{end - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
            "digestEndTime": f"{end:%Y-%m-%dT%H:%M:%SZ}",
            "digestS3Bucket": BUCKET,
            "digestS3Object": key,
            "digestPublicKeyFingerprint": FINGERPRINT,
            "digestSignatureAlgorithm": "SHA256withRSA",
            **dict(zip(PREVIOUS, previous or [None] * 4)),
            "logFiles": listed,
        }
        return self.put(key, digest)

    def put(self, key, digest):
        """Stores a digest with its signature. What the next one says about it."""
        data = json.dumps(digest).encode()
        signature = self.key.sign(signed_text(digest, data), padding.PKCS1v15(), hashes.SHA256()).hex()
        self.files[key], self.signatures[key] = gzip.compress(data), signature
        self.digests.append(key)
        return BUCKET, key, sha256(data), signature

    def logs(self, digest):
        return [log["s3Object"] for log in json.loads(inflate(self.files[self.digests[digest]]))["logFiles"]]

    def change(self, place, **fields):
        """Changes a digest and leaves its signature."""
        key = self.digests[place]
        digest = {**json.loads(inflate(self.files[key])), **fields}
        self.files[key] = gzip.compress(json.dumps(digest).encode())


def public_key(key):
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)


def in_python(archive, signatures, public):
    """What is to be said about every object, from the newest digest back."""
    findings, digests, claims, listed = {}, {}, {}, {}
    for key, stored in archive.files.items():
        if "/CloudTrail-Digest/" not in key:
            continue
        try:
            data = inflate(stored)
            digest = json.loads(data)
            digest["digestEndTime"], digest["logFiles"]
        except Exception:
            findings[key] = DIGEST_ALTERED
            continue
        if digest["digestS3Object"] != key:
            findings[key] = DIGEST_ALTERED
        else:
            digests[key] = (digest, data)
    for key in sorted(digests, reverse=True):
        digest, data = digests[key]
        said = claims.get(key)
        candidates = ([said[1]] if said else []) + ([signatures[key]] if key in signatures else [])
        for signature in candidates:
            try:
                text = signed_text(digest, data)
                public.verify(bytes.fromhex(signature), text, padding.PKCS1v15(), hashes.SHA256())
                findings[key] = VALID
            except (InvalidSignature, ValueError):
                pass
        sure = (said and said[2]) or key in signatures
        if key not in findings and said and said[2] and said[0] != sha256(data):
            findings[key] = DIGEST_ALTERED
        if key not in findings:
            findings[key] = DIGEST_ALTERED if sure else UNCHECKED
        before = digest["previousDigestS3Object"]
        if before:
            was_altered = findings[key] == DIGEST_ALTERED
            claims[before] = (digest["previousDigestHashValue"], digest["previousDigestSignature"], not was_altered)
        for log in digest["logFiles"]:
            listed.setdefault(log["s3Object"], []).append((findings[key], log["hashValue"]))
    for key in claims:
        if key not in archive.files:
            findings[key] = DIGEST_MISSING
    for key, stored in archive.files.items():
        if "/CloudTrail/" not in key:
            continue
        said = [one for one in listed.pop(key, []) if one[0] != DIGEST_ALTERED]
        if not said:
            findings[key] = UNCOVERED
            continue
        try:
            data = inflate(stored)
        except Exception:
            data = None
        right = {verdict for verdict, wanted in said if data is not None and sha256(data) == wanted}
        findings[key] = VALID if VALID in right else UNCHECKED if right else ALTERED
    return findings | {key: MISSING for key in listed}


class Files:
    """An S3 client over the archive."""

    def __init__(self, archive, signatures):
        self.archive, self.signatures = archive, signatures

    def get_object(self, Bucket, Key):
        if Key not in self.archive.files:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": Key}}, "GetObject")
        metadata = {"signature-algorithm": "SHA256withRSA", "backfill-generation-timestamp": "2024-03-01T12:00:00Z"}
        if Key in self.signatures:
            metadata["signature"] = self.signatures[Key]
        return {"Body": io.BytesIO(self.archive.files[Key]), "Metadata": metadata}

    def get_paginator(self, _):
        return self

    def paginate(self, Bucket, Marker, Prefix):
        keys = sorted(key for key in self.archive.files if key > Marker and key.startswith(Prefix))
        return SimpleNamespace(search=lambda _: iter(keys))


def by_the_aws_cli(archive, signatures, der, account, region):
    """What the AWS CLI says of one trail in one region: object to verdict."""
    value = base64.b64encode(der).decode()
    keys = {"PublicKeyList": [{"Fingerprint": FINGERPRINT, "Value": value}]}
    command = CloudTrailValidateLogs(SimpleNamespace())
    command.trail_arn, command.is_verbose = f"arn:aws:cloudtrail:eu-west-1:{account}:trail/main", True
    command.s3_bucket, command.s3_prefix, command.account_id = BUCKET, None, account
    command.start_time, command.end_time = START, START + timedelta(days=1)
    command._source_region = region
    files = Files(archive, signatures)
    command.s3_client_provider = SimpleNamespace(get_client=lambda _: files)
    command.cloudtrail_client = SimpleNamespace(list_public_keys=lambda **_: keys)
    command.organization_client = None
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        command._call()
    findings = {}
    for line in out.getvalue().splitlines():
        parts = line.removeprefix("(backfill) ").split("\t")
        if len(parts) != 3:
            continue
        kind, place, words = parts
        is_digest = kind == "Digest file"
        key = place.removeprefix(f"s3://{BUCKET}/")
        if words == "valid":
            findings[key] = VALID
        elif words == "INVALID: not found":
            findings[key] = DIGEST_MISSING if is_digest else MISSING
        else:
            findings[key] = DIGEST_ALTERED if is_digest else ALTERED
    return findings


def by_the_program(program, folder, archive, signatures, der):
    root = folder / "archive"
    for key, stored in archive.files.items():
        (root / key).parent.mkdir(parents=True, exist_ok=True)
        (root / key).write_bytes(stored)
    keys = folder / "keys.json"
    value = base64.b64encode(der).decode()
    keys.write_text(json.dumps({"PublicKeyList": [{"Fingerprint": FINGERPRINT, "Value": value}]}))
    command = [program, "--quiet", "verify", str(root), "--public-keys", str(keys), "--format", "json"]
    if signatures:
        kept = folder / "signatures.json"
        kept.write_text(json.dumps({key: {"Metadata": {"signature": one}} for key, one in signatures.items()}))
        command += ["--signatures", str(kept)]
    run = subprocess.run(command, capture_output=True, text=True)
    answer = json.loads(run.stdout)
    findings = {finding["object"]: finding["verdict"] for finding in answer["findings"]}
    is_fault = any(verdict in (ALTERED, MISSING, DIGEST_ALTERED, DIGEST_MISSING) for verdict in findings.values())
    assert run.returncode == (5 if is_fault else 0), (run.returncode, run.stderr)
    return findings


def log_changed(archive):
    archive.files[archive.logs(1)[0]] = gzip.compress(b'{"Records":[]}')


def log_cut(archive):
    log = archive.logs(1)[0]
    archive.files[log] = archive.files[log][:40]


def log_appended(archive):
    log = archive.logs(1)[0]
    archive.files[log] += gzip.compress(b'{"Records":[]}')


def log_removed(archive):
    del archive.files[archive.logs(1)[0]]


def log_added(archive):
    log = archive.logs(1)[0]
    archive.files[log.replace(".json.gz", "x.json.gz")] = archive.files[log]


def logs_swapped(archive):
    a, b = archive.logs(1)
    archive.files[a], archive.files[b] = archive.files[b], archive.files[a]


def entry_removed(archive):
    del archive.files[archive.logs(1)[0]]
    archive.change(1, logFiles=[])


def digest_removed(archive):
    del archive.files[archive.digests[2]]


def two_digests_removed(archive):
    for place in (1, 2):
        del archive.files[archive.digests[place]]


def hour_removed(archive):
    for log in archive.logs(2):
        del archive.files[log]
    digest_removed(archive)


def beginning_removed(archive):
    del archive.files[archive.digests[0]]


def digest_is_none(archive):
    archive.files[archive.digests[2]] = gzip.compress(b"{}")


def digest_replayed(archive):
    archive.files[archive.digests[2]] = archive.files[archive.digests[1]]


def newest_changed(archive):
    archive.change(4, logFiles=[])


def key_changed(archive):
    archive.change(2, digestPublicKeyFingerprint="00")


def time_changed(archive):
    archive.change(2, digestEndTime="2024-03-01T03:00:01Z")


def forged(archive):
    archive.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    digest = json.loads(inflate(archive.files[archive.digests[2]]))
    key = archive.digests[2]
    archive.put(key, {**digest, "logFiles": []})
    archive.digests.pop()


def before_changed(archive):
    archive.change(2, previousDigestSignature="00" * 256)


def nothing(_):
    pass


TAMPERING = [
    nothing, log_changed, log_cut, log_appended, log_removed, log_added, logs_swapped, entry_removed, digest_removed,
    two_digests_removed, hour_removed, beginning_removed, digest_is_none, digest_replayed, newest_changed, key_changed,
    time_changed, forged, before_changed,
]  # fmt: skip


TRAILS = [("111122223333", "eu-west-1"), ("111122223333", "us-east-1"), ("444455556666", "eu-west-1")]


def make(key):
    archive = Archive(key)
    archive.trail("111122223333", "eu-west-1", range(5))
    archive.trail("111122223333", "us-east-1", range(5))
    # Stopped, started again, and something that came late.
    archive.trail("444455556666", "eu-west-1", range(3))
    archive.trail("444455556666", "eu-west-1", range(6, 9))
    folder = "AWSLogs/444455556666/CloudTrail/eu-west-1/2024/03/01"
    late = f"{folder}/444455556666_CloudTrail_eu-west-1_20240301T0105Z_latelatelatelate.json.gz"
    archive.files[late] = gzip.compress(b'{"Records":[{}]}')
    listed = [{"s3Bucket": BUCKET, "s3Object": late, "hashValue": sha256(b'{"Records":[{}]}')}]
    archive.digest("444455556666", "eu-west-1", START + timedelta(hours=2), listed, None, "_backfill")
    return archive


def compare(name, what, ours, theirs):
    if ours != theirs:
        for key in sorted(ours.keys() | theirs.keys()):
            if ours.get(key) != theirs.get(key):
                print(f"{name}: {key}: trailpare: {ours.get(key)}; {what}: {theirs.get(key)}")
        sys.exit(1)


def main():
    program = sys.argv[1]
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    der = public_key(key)
    objects = {"in Python": Counter(), "AWS CLI": Counter()}
    for tamper in TAMPERING:
        for with_signatures in (True, False):
            archive = make(key)
            tamper(archive)
            signatures = archive.signatures if with_signatures else {}
            name = f"{tamper.__name__}, {'with' if with_signatures else 'without'} metadata"
            with tempfile.TemporaryDirectory() as folder:
                ours = by_the_program(program, Path(folder), archive, signatures, der)
            compare(name, "in Python", ours, in_python(archive, signatures, key.public_key()))
            objects["in Python"].update(ours.values())
            if not with_signatures:
                continue
            theirs = {}
            for account, region in TRAILS:
                theirs |= by_the_aws_cli(archive, signatures, der, account, region)
            # The AWS CLI says nothing of what no sound digest lists.
            ours = {key: verdict for key, verdict in ours.items() if verdict != UNCOVERED}
            compare(name, "AWS CLI", ours, theirs)
            objects["AWS CLI"].update(theirs.values())
    print(f"{len(TAMPERING) - 1} kinds of tampering, and none; the same verdicts:")
    for what, counts in objects.items():
        print(f"  {what}: " + "; ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())))


main()
