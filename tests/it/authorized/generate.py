#!/usr/bin/env python3
"""Where botocore's operations take tags and roles: writes requests.tsv.

    pip install botocore==1.44.5 && python3 tests/it/authorized/generate.py > tests/it/authorized/requests.tsv

A line: the SDK's service, the event source's host, the operation, then where tags stand and where roles stand, as paths of
CloudTrail's names (first letter in lower case; `[]` a list, `{}` a map, `[key,value]` a list of pairs). Only operations that
take either, and one line `#service` for each service. Source: botocore's service models (Apache-2.0).
"""
import re
import sys

import botocore
import botocore.session

DEPTH = 5
ROLE = re.compile(r"(role|rolearn|iamrole|iamrolearn|instanceprofile|instanceprofilearn)$", re.I)


def logged(name):
    return name[:1].lower() + name[1:]


def pair(shape):
    """The names of a tag's key and value, where the shape is a tag."""
    if shape.type_name != "structure":
        return None
    names = {name.lower(): name for name in shape.members}
    for key, value in (("key", "value"), ("tagkey", "tagvalue"), ("name", "value")):
        if key in names and value in names and len(names) <= 3:
            return names[key], names[value]
    return None


def walk(shape, path, depth, seen, tags, roles):
    if depth > DEPTH or shape.name in seen:
        return
    if shape.type_name == "list":
        walk(shape.member, path + "[]", depth + 1, seen | {shape.name}, tags, roles)
    elif shape.type_name == "structure":
        for name, member in shape.members.items():
            at = (path + "." if path else "") + logged(name)
            lower = name.lower()
            if lower.endswith("tags") or lower in ("taglist", "tagslist", "tagset"):
                if member.type_name == "map" and member.value.type_name == "string":
                    tags.append(at + "{}")
                    continue
                found = pair(member.member) if member.type_name == "list" else None
                if found:
                    tags.append(f"{at}[{logged(found[0])},{logged(found[1])}]")
                    continue
            if member.type_name == "string" and ROLE.search(name) and not member.enum:
                roles.append(at)
                continue
            walk(member, at, depth + 1, seen | {shape.name}, tags, roles)


def main():
    session = botocore.session.get_session()
    print(f"# Made by generate.py of botocore {botocore.__version__} (Apache-2.0).")
    for service in session.get_available_services():
        model = session.get_service_model(service)
        host = model.endpoint_prefix
        print(f"#service\t{service}\t{host}")
        for name in model.operation_names:
            shape = model.operation_model(name).input_shape
            tags, roles = [], []
            if shape is not None and service not in ("ec2", "iam", "sts"):
                walk(shape, "", 0, frozenset(), tags, roles)
            if tags or roles:
                # The uppermost first: what stands deep is rather a filter or a template.
                tags, roles = (sorted(paths, key=lambda path: path.count("."))[:4] for paths in (tags, roles))
                print("\t".join([service, host, name, " ".join(tags), " ".join(roles)]))


if __name__ == "__main__":
    sys.exit(main())
