"""Validates what every command prints as JSON against its schema in docs/schemas/, and metrics by their own parsers.

Usage: schemas.py TRAILPARE
Needs the packages of requirements.txt beside this file. Run from the root of the repository.
"""

import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import best_match
from referencing import Registry, Resource

SCHEMAS = Path("docs/schemas")
# What prints JSON that is somebody else's: IAM's policy documents, tables of the query's own making.
OTHERS = {"policy"}


class Program:
    def __init__(self, path, folder):
        self.path, self.folder, self.seen, self.checked = path, folder, set(), 0
        schemas = [json.loads(path.read_text()) for path in SCHEMAS.glob("*.json")]
        self.registry = Registry().with_resources([(one["$id"], Resource.from_contents(one)) for one in schemas])
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("TRAILPARE_")}
        self.environment.update(TRAILPARE_CONFIG="", HOME=str(folder), XDG_CONFIG_HOME=str(folder / "none"))

    def run(self, *args, codes=(0,)):
        done = subprocess.run([self.path, *map(str, args)], capture_output=True, text=True, env=self.environment)
        assert done.returncode in codes, f"{args}: exit {done.returncode}\n{done.stderr}"
        return done

    def document(self, name, *args, codes=(0,)):
        """Runs a command and validates what it prints."""
        done = self.run(*args, codes=codes)
        value = json.loads(done.stdout)
        self.validate(name, value, " ".join(map(str, args)))
        if isinstance(value, dict) and "exit_code" in value and "outcome" in value:
            assert value["exit_code"] == done.returncode, f"{args}: {value['exit_code']} is not {done.returncode}"
        return value

    def validate(self, name, value, what):
        schema = json.loads((SCHEMAS / f"{name}.json").read_text())
        validator = Draft202012Validator(schema, registry=self.registry, format_checker=FormatChecker())
        error = best_match(validator.iter_errors(value))
        assert error is None, f"{what}: {error.json_path}: {error.message}"
        self.seen.add(name)
        self.checked += 1


def bad_archive(folder):
    """An archive of which something is refused, kept out, and says something else than the sample."""
    folder.mkdir()
    sample = sorted(path for path in Path("sample-logs").rglob("*.json.gz") if "Digest" not in path.name)
    records = json.loads(gzip.decompress(sample[0].read_bytes()))["Records"]
    (folder / "truncated.json.gz").write_bytes(sample[0].read_bytes()[:-20])
    altered = dict(records[0], eventName="Altered")
    bad = b'{"Records": [' + json.dumps(altered).encode() + b', {"eventTime": 7}]}'
    (folder / "altered.json").write_bytes(bad)
    (folder / "notes.txt").write_text("no log\n")
    return folder


def commands_with_json(program):
    """All subcommands whose help offers the format json."""
    text = program.run("--help").stdout
    listed = re.search(r"^Commands:\n(.*?)\n\n", text, re.S | re.M).group(1)
    names = [line.split()[0] for line in listed.splitlines() if re.match(r"  \w", line)]
    for name in names:
        help_text = program.run(name, "--help", codes=(0, 2)).stdout
        formats = re.search(r"--format.*?(?=\n\s+--|\n\n\w|\Z)", help_text, re.S)
        if formats and re.search(r"\bjson\b", formats.group(0)):
            yield name


def every_command(program, folder):
    store, bad = folder / "store", bad_archive(folder / "bad")
    at = ("--store", store)
    metrics = folder / "metrics.prom"
    whole = program.document("ingest", "ingest", "sample-logs", *at, "--format", "json", "--metrics", metrics)
    assert whole["events"]["new"] == sum(day["new_events"] for day in whole["days"]) > 0
    assert whole["events"]["new"] == sum(account["new_events"] for account in whole["accounts"])
    parse_metrics(metrics, {"trailpare_last_run_exit_code": 0.0, "trailpare_store_events": whole["events"]["new"]})
    again = program.document("ingest", "ingest", "sample-logs", *at, "--format", "json", "--verify", codes=(0, 5))
    assert again["objects"]["new"] == 0 and again["objects"]["known"] == whole["objects"]["new"]
    refused = program.document("ingest", "ingest", bad, *at, "--format", "json", "--metrics", metrics, codes=(3,))
    assert refused["objects"]["refused"] == len(refused["refused"]) > 0 and refused["warnings"]
    parse_metrics(metrics, {"trailpare_last_run_exit_code": 3.0, "trailpare_last_run_success": 0.0})
    failed = program.document("ingest", "ingest", bad, "--store", bad, "--format", "json", codes=(1,))
    assert failed["error"] and "objects" not in failed
    program.document("optimize", "optimize", *at, "--format", "json", "--dry-run")
    program.document("optimize", "optimize", *at, "--format", "json", "--expire-older-than", "0")
    program.document("forget", "forget", "*truncated*", *at, "--format", "json", "--dry-run")
    program.document("forget", "forget", "*truncated*", *at, "--format", "json", "--note", "known")
    program.document("forget", "forget", "nothing", *at, "--format", "json", codes=(1,))
    for one in (store, folder / "sound"):
        if one != store:
            program.run("ingest", "sample-logs", "--store", one)
        program.document("status", "status", "--store", one, "--format", "json", codes=(0, 3))
        program.document("coverage", "status", "--coverage", "--store", one, "--format", "json")
        program.document("oddities", "status", "--oddities", "--store", one, "--format", "json")
        program.document("history", "history", "--store", one, "--format", "json")
        program.document("fsck", "fsck", "--usage", "--store", one, "--format", "json")
    for by in ("principal", "session", "account"):
        lines = program.document("actions", "actions", "--principal", "*", "--by", by, *at, "--format", "json")
        assert lines
    events = program.document("sql", "sql", *at, "--format", "json", "SELECT event_id, error_code FROM events LIMIT 40")
    ids = [row["event_id"] for row in events]
    assert len(program.document("explain", "explain", *at, "--format", "json", *ids)) >= len(ids)
    policy = folder / "policy.json"
    policy.write_text('{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}')
    program.document("check", "check", "--policy", policy, "--principal", "*", *at, "--format", "json", codes=(0, 4))
    deny = folder / "deny.json"
    deny.write_text('{"Version":"2012-10-17","Statement":[{"Sid":"No","Effect":"Deny","Action":"s3:*","Resource":"*"}]}')
    program.document(
        "check-everyone", "check", "--everyone", "--scp", deny, *at, "--format", "json", codes=(0, 4)
    )
    program.document("diff", "diff", "..2024-03-02", "2024-03-03..", *at, "--format", "json")
    program.document("verify", "verify", "sample-logs", "--format", "json", codes=(0, 5))
    details = sorted(str(path) for path in Path("sample-organization/iam").glob("*.json"))
    assert details, "no authorization details in sample-organization"
    for of_today in ([], ["--authorization-details", *details]):
        program.document("trust", "trust", *of_today, *at, "--format", "json", codes=(0, 5))
    program.document("chains", "chains", *at, "--format", "json")
    program.document("unused", "unused", "--authorization-details", *details, *at, "--format", "json")
    program.document(
        "report", "report", "--authorization-details", *details, *at, "--format", "json", "--out", "-", codes=(0,)
    )
    cuts = folder / "cuts"
    program.run("rightsize", "--out", cuts, "--authorization-details", *details, "--people", *at, codes=(0, 3))
    program.validate("rightsize", json.loads((cuts / "summary.json").read_text()), "summary.json")
    for document in cuts.rglob("document.json"):
        program.validate("rightsize-principal", json.loads(document.read_text()), str(document))
    program.document("watch", "watch", "--policies", cuts, *at, "--format", "json", "--since", "2000-01-01", codes=(0, 3, 5))
    drifted = folder / "drifted"
    shutil.copytree(cuts, drifted)
    for one in drifted.rglob("policy*.json"):
        one.write_text(policy.read_text())
    since = ("--since", "2000-01-01", "--unused-after", 1)
    program.document("watch", "watch", "--policies", drifted, *at, "--format", "json", *since, codes=(3, 5))
    detected(program, folder, at)
    damaged(program, folder)
    more(program, folder, store, bad, cuts)


def detected(program, folder, at):
    """What rules find, what is left out, what can't be run."""
    head = "title: {0}\nid: {0}\nname: {0}\nlevel: high\nlogsource: {{product: aws, service: {1}}}\n"
    rules = folder / "rules.yml"
    rules.write_text("---\n".join([
        head.format("role", "cloudtrail") + "detection: {s: {userIdentity.type: AssumedRole, status: null}, condition: s}\n",
        head.format("bad", "cloudtrail") + "detection: {s: {eventName|frob: x}, condition: s}\n",
        head.format("other", "guardduty") + "detection: {s: {a: b}, condition: s}\n",
        "title: many\ncorrelation: {type: event_count, rules: [role], group-by: [awsRegion], timespan: 1d, "
        "condition: {gte: 2}, generate: true}\n",
    ]))
    found = program.document("detect", "detect", rules, *at, "--format", "json", codes=(5,))
    assert [rule["kind"] for rule in found["rules"]] == ["rule", "correlation"], found["rules"]
    assert len(found["problems"]) == len(found["skipped"]) == len(found["notes"]) == 1
    assert {len(finding["event_ids"]) > 1 for finding in found["findings"]} == {True, False}
    program.document("detect", "detect", rules, *at, "--format", "json", "--from", "1999-01-01", "--to", "1999-01-02", codes=(3,))


def damaged(program, folder):
    """What fsck says of damage, and of mending it."""
    store = folder / "damaged"
    shutil.copytree(folder / "sound", store)
    data = sorted((store / "data/main/events").rglob("*.parquet"))[0]
    data.write_bytes(data.read_bytes()[:-100] + bytes(100))
    found = program.document("fsck", "fsck", "--store", store, "--format", "json", codes=(1,))
    assert found["findings"]
    mended = program.document("fsck", "fsck", "--repair", "--store", store, "--format", "json", codes=(3,))
    assert mended["repaired"]["set_aside"]


def more(program, folder, store, bad, cuts):
    """Commands of nights."""
    config = folder / "trailpare.toml"
    (folder / "report").mkdir()
    config.write_text(f"""
        store = "{folder}/nights"
        archives = ["{Path('sample-logs').resolve()}"]
        verify = true
        policies = "{cuts}"
        report = "{folder}/report/page.html"
        metrics = "{folder}/nights.prom"
        optimize-after = 1
        [profile.bad]
        archives = ["{bad}"]
        prune-older-than = "1d"
    """)
    configured = ("--config", config)
    missing = program.document("nightly", *configured, "nightly", "--format", "json", codes=(1,))
    assert "--create" in missing["error"] and "steps" not in missing
    first = program.document("nightly", *configured, "nightly", "--create", "--format", "json", codes=(0, 5))
    assert first["steps"]["prune"]["skipped"] and first["steps"]["report"]["outcome"] == "done"
    assert (folder / "report/page.html").stat().st_size > 1000
    parse_metrics(folder / "nights.prom", {"trailpare_last_run_exit_code": first["exit_code"]})
    second = program.document(
        "nightly", *configured, "--profile", "bad", "nightly", "--format", "json", codes=(3, 5)
    )
    assert second["steps"]["prune"]["document"]["events"] > 0 and second["watched_since"]
    program.document("config", *configured, "--profile", "bad", "config", "--format", "json")
    program.document("config", "config", "--format", "json")
    carried(program, folder)
    at = ("--store", folder / "sound")
    for dry in (("--dry-run",), ("--expire-older-than", "0")):
        pruned = program.document("prune", "prune", *at, "--before", "2024-03-03", *dry, "--format", "json")
        assert pruned["events"] > 0 and pruned["principals_gone"]
    program.document("status", "status", *at, "--format", "json", codes=(0, 3))
    program.document("fsck", "fsck", "--usage", *at, "--format", "json")
    program.document("history", "history", "--store", folder / "nights", "--format", "json")
    for one in ("sound", "store", "nothing"):
        program.document("self-check", "self-check", "--store", folder / one, "--format", "json", codes=(0, 1, 3))
    program.document("licenses", "licenses", "--format", "json")
    program.document("licenses", "licenses", "zstd-sys", "--format", "json")
    catalogue(program, folder)


def carried(program, folder):
    """What goes from a store to another one: the documents of both, and what the file says of itself."""
    for store, codes in (("sound", (0,)), ("store", (0, 3))):
        out = folder / f"{store}.tar"
        exported = program.document("export", "export", "--store", folder / store, "--out", out, "--format", "json")
        assert hashlib.sha256(out.read_bytes()).hexdigest() == exported["sha256"]
        with tarfile.open(out) as archive:
            content = {one.name: archive.extractfile(one).read() for one in archive.getmembers()}
        manifest = json.loads(content["manifest.json"])
        program.validate("export-manifest", manifest, "manifest.json")
        assert list(content)[2:] == [file["path"] for file in manifest["files"]]
        for file in [manifest["ledger"], *manifest["files"]]:
            bytes_of = content[file["path"]]
            assert (len(bytes_of), hashlib.sha256(bytes_of).hexdigest()) == (file["bytes"], file["sha256"]), file
        for line in content["ledger.jsonl"].splitlines():
            program.validate("export-ledger", json.loads(line), "ledger.jsonl")
        metrics = folder / "import.prom"
        to = ("--store", folder / f"carried-{store}", "--format", "json", "--metrics", metrics)
        imported = program.document("import", "import", out, "--sha256", exported["sha256"], *to, codes=codes)
        assert imported["events"]["new"] == exported["exported_events"] > 0
        parse_metrics(metrics, {"trailpare_store_events": imported["events"]["new"]})
    program.document("import", "import", folder / "trailpare.toml", *to, codes=(1,))
    program.document("history", "history", *to[:4])


def catalogue(program, folder):
    """The catalogue of IAM's actions, and what comes from elsewhere."""
    shown = program.document("catalog", "catalog", "show", "--format", "json")
    assert sum(shown["actions_by_access_level"].values()) == shown["actions"] > 20_000
    program.document("catalog-entries", "catalog", "show", "s3", "iam:Put*", "--format", "json")
    exported = program.document("catalog-export", "catalog", "export", folder / "catalogue.txt", "--format", "json")
    same = program.document("catalog-compare", "catalog", "compare", folder / "catalogue.txt", "--format", "json")
    assert not same["changes"] and same["from"] == same["to"] == exported["version"]
    reference = folder / "service-reference"
    reference.mkdir()
    level = {"IsList": True, "IsPermissionManagement": False, "IsTaggingOnly": False, "IsWrite": False}
    action = {"Name": "GetDream", "Annotations": {"Properties": level}, "Resources": [{"Name": "dream"}]}
    types = [{"Name": "dream", "ARNFormats": ["arn:${Partition}:dreams:::${Dream}"]}]
    dreams = {"Name": "dreams", "Actions": [action], "Resources": types, "Version": "v1.4"}
    (reference / "dreams.json").write_text(json.dumps(dreams))
    (reference / "broken.json").write_text("<html>")
    program.document("catalog-compare", "catalog", "compare", reference, "--format", "json", codes=(3,))
    out = ("--out", folder / "newer.txt", "--format", "json")
    imported = program.document("catalog-import", "catalog", "import", reference, *out, codes=(3,))
    assert imported["counts"]["new_actions"] == 1 and len(imported["refused"]) == 1
    program.document("catalog", "--catalog", folder / "newer.txt", "catalog", "show", "--format", "json")


def parse_metrics(path, expected):
    """Both parsers of Prometheus's own library read the file and see the same."""
    from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
    from prometheus_client.parser import text_string_to_metric_families as prometheus

    text = path.read_text()
    values = [
        {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for family in parse(text) for sample in family.samples}
        for parse in (prometheus, openmetrics)
    ]
    assert values[0] == values[1], "the two formats differ"
    plain = {name: value for (name, labels), value in values[0].items() if len(labels) == 2}
    for name, value in expected.items():
        assert plain.get(name) == value, f"{name}: {plain.get(name)} is not {value}"


def documented():
    """What docs/nightly.md has for others: TOML, YAML, units, a line for cron."""
    text = Path("docs/nightly.md").read_text()
    blocks = dict()
    for kind, block in re.findall(r"^```(\w+)\n(.*?)^```", text, re.S | re.M):
        blocks.setdefault(kind, []).append(block)
    tomllib.loads(blocks["toml"][0])
    job = yaml.safe_load(blocks["yaml"][0])
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert job["kind"] == "CronJob" and pod["restartPolicy"] in ("Never", "OnFailure")
    mounts = {mount["name"] for container in pod["containers"] for mount in container["volumeMounts"]}
    assert mounts == {volume["name"] for volume in pod["volumes"]}
    assert len(blocks["cron"][0].split()[:6]) == 6 and blocks["cron"][0].split()[6].startswith("/usr/bin/trailpare")
    with tempfile.TemporaryDirectory() as folder:
        names = ["trailpare-nightly.service", "trailpare-nightly.timer"]
        for name, block in zip(names, blocks["ini"], strict=True):
            assert block == Path("packaging/systemd", name).read_text(), f"docs/nightly.md has another {name}"
            # What is not on this machine is not what is looked at.
            block = block.replace("/usr/bin/trailpare", "/bin/true").replace("User=trailpare\nGroup=trailpare\n", "")
            (Path(folder) / name).write_text(re.sub("Documentation=.*\n", "", block))
        tool = shutil.which("systemd-analyze")
        if tool is None:
            print("skipped: no systemd-analyze here")
            return
        done = subprocess.run([tool, "verify", *(f"{folder}/{name}" for name in names)], capture_output=True, text=True)
        assert done.returncode == 0 and not done.stderr.strip(), done.stderr
    return


def main():
    documented()
    for path in SCHEMAS.glob("*.json"):
        Draft202012Validator.check_schema(json.loads(path.read_text()))
    with tempfile.TemporaryDirectory() as folder:
        program = Program(sys.argv[1], Path(folder))
        every_command(program, Path(folder))
        unseen = {path.stem for path in SCHEMAS.glob("*.json")} - program.seen
        assert not unseen, f"schemas that nothing was validated against: {sorted(unseen)}"
        missing = {name for name in commands_with_json(program) if name not in OTHERS} - program.seen
        assert not missing, f"commands with --format json and without a schema: {sorted(missing)}"
        print(f"{program.checked} documents of {len(program.seen)} kinds are as their schemas say")


if __name__ == "__main__":
    main()
