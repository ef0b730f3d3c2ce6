"""What reports of the sample archive are made with, and how the browser is started."""

GRANTED = [
    "--authorization-details", "sample-organization/iam", "--assignments", "sample-organization/identity-center",
    "--organization", "sample-organization/organizations", "--rules", "sample-organization/rules.yaml", "--min-days", "3",
    "--people",
]

CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
]
