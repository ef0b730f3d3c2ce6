"""Policies under the eyes of public tools: parliament, cfn-lint, an HCL parser.

    lint.py PROGRAM STORE PRINCIPAL...

PRINCIPAL is a glob over ARNs; one policy is made for each in every format.
Exits with 1 at the first finding.
"""

import json
import subprocess
import sys
import tempfile
import warnings
from fnmatch import fnmatchcase
from pathlib import Path

warnings.filterwarnings("ignore")

import hcl2  # noqa: E402
from parliament import analyze_policy_string  # noqa: E402

# parliament takes the `aws` in the ARN of an AWS managed policy for a bad account.
KNOWN = {("INVALID_ARN", "arn:aws:iam::aws:policy/")}

# Actions that parliament's table of 2023 wants a resource for; in the Service Authorization Reference of 2026 none is
# required, and a list of all was asked for. Or reads that were opened so that everybody's policy fits, as the summary says.
OPTIONAL = ("rds:Describe", "ec2:Describe")

# Says what somebody could do with actions that were really used, not that the policy is wrong: printed, not refused.
ABOUT_USE = {"RESOURCE_POLICY_PRIVILEGE_ESCALATION"}


def policy(program, store, principal, *options):
    command = [program, "policy", "--quiet", "--store", store, "--principal", principal, *options]
    run = subprocess.run(command, capture_output=True, text=True)
    # 5: a whole policy, and beside it uses whose action is not certain. The real archives hold some.
    if run.returncode not in (0, 5):
        sys.exit(f"{' '.join(command)}: exit code {run.returncode}\n{run.stderr}")
    return run.stdout


def documents(text):
    value = json.loads(text)
    return [entry["PolicyDocument"] for entry in value] if isinstance(value, list) else [value]


def is_matched(finding, document):
    """Whether a resource does have a required format: parliament splits ARNs at the colons of their names too."""
    if finding.issue != "RESOURCE_MISMATCH" or not isinstance(finding.detail, list):
        return False
    formats = {}
    for entry in finding.detail:
        formats.setdefault(entry["action"].lower(), []).append(entry["required_format"])

    def is_expanded(action):
        """Whether a wildcard alone grants it: on resources that it can't be used on that is nothing at all."""
        named = [a.lower() for s in document["Statement"] for a in s.get("Action", [])]
        return action not in named and any("*" in a and fnmatchcase(action, a) for a in named)

    def has(action):
        if is_expanded(action):
            return True
        statements = [s for s in document["Statement"] if action in [a.lower() for a in s.get("Action", [])]]
        resources = [resource for s in statements for resource in s.get("Resource", [])]
        return any(fnmatchcase(resource, form) for resource in resources for form in formats[action])

    return all(has(action) for action in formats)


def parliament(text, what):
    for document in documents(text):
        for finding in analyze_policy_string(json.dumps(document)).findings:
            place = str(finding.location.get("string", ""))
            if finding.issue == "RESOURCE_STAR" and all(a.startswith(OPTIONAL) for a in finding.detail):
                continue
            if finding.issue in ABOUT_USE:
                print(f"{what}: note: {finding.detail or finding.issue}")
                continue
            if is_matched(finding, document):
                continue
            if any(finding.issue == issue and place.startswith(begin) for issue, begin in KNOWN):
                continue
            sys.exit(f"{what}: parliament: {finding}")


def cfn_lint(text, suffix, what):
    with tempfile.NamedTemporaryFile("w", suffix=suffix) as file:
        file.write(text)
        file.flush()
        program = Path(sys.executable).with_name("cfn-lint")
        run = subprocess.run([program, file.name], capture_output=True, text=True)
        if run.returncode != 0:
            sys.exit(f"{what}: cfn-lint: {run.stdout}{run.stderr}")


def terraform(text, granted, what):
    body = hcl2.loads(text)
    count = sum(
        len(document.get("statement", []))
        for block in body["data"]
        for documents in block.values()
        for document in documents.values()
    )
    expected = sum(len(document["Statement"]) for document in granted)
    if count != expected:
        sys.exit(f"{what}: HCL has {count} statements, JSON {expected}")


def main():
    program, store, *principals = sys.argv[1:]
    for principal in principals:
        for generalize in ["none", "balanced", "broad"]:
            parliament(policy(program, store, principal, "--generalize", generalize), f"{principal}, {generalize}")
        granted = documents(policy(program, store, principal))
        terraform(policy(program, store, principal, "--format", "terraform"), granted, principal)
        cfn_lint(policy(program, store, principal, "--format", "cloudformation"), ".yaml", principal)
        cfn_lint(policy(program, store, principal, "--format", "cloudformation-json"), ".json", principal)
        result = json.loads(policy(program, store, principal, "--format", "access-analyzer"))["generatedPolicyResult"]
        if [json.loads(entry["policy"]) for entry in result["generatedPolicies"]] != granted:
            sys.exit(f"{principal}: access-analyzer differs from json")
        print(f"{principal}: {len(granted)} policies, no findings")


if __name__ == "__main__":
    main()
