//! `trailpare ingest ARCHIVE...`.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;

use super::machine::MachineArgs;
use super::recorded::{Begun, OutcomeArgs, WaitArgs};
use super::s3::S3Args;
use super::select::{RangeArgs, StoreArgs};
use super::take_in::take_in;
use super::{CliError, Context, Exit};
use crate::ingest::Options;
use crate::store::Store;

/// Take log objects into a store: only what is new, each event once.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Log objects are found anywhere below the given paths, in whatever layout: AWSLogs/<org>/<account>/CloudTrail/…, cut
off above, or all in one folder. Their content decides, not their names: gzip, zstd or plain; CloudTrail's own form,
NDJSON, EventBridge, CloudWatch Logs, CloudTrail Lake, CSV and other exports. - is standard input; pipes are read as well.

What was taken in before is not read again: an object with a name of CloudTrail's is known by its name, any other by its
place and content. The bytes of a known one are compared where its file was changed since, in a folder that no run went
through before, and in containers; --rehash and --verify compare all. A file named itself is always read. An event is stored once; a record with the id of
a stored event and other content is reported.

What is not taken (a bad record, an unknown file, a folder that can't be read, a link out of the archive, an archive
without log objects) stands in the ledger until it is taken or `trailpare forget` accepts it; the exit code is 3.

--verify reads CloudTrail's digests first (see `trailpare verify`). An object that is not what a proved digest says is
refused, also where the store holds it already, and a proved one takes the place of one that is not; of every other the
ledger has whether it is proved, and `status` and `policy` say how much of the evidence is. The
newest digests come an hour late: what is not covered yet is settled by a later run with --verify, which also verifies
what was taken in without. The exit code is 5 where something is altered or missing.

--format json prints one document of all of it; docs/schemas/ingest.json in trailpare's repository describes it.

s3://bucket/prefix is read where it lies. Accounts and regions are found by their folders; after the first whole run only
days are listed that may have something new, from two days before the last known one on, and those of what was refused.
Credentials and region come from the environment, the shared files of the AWS CLI, or the role of the container or
instance. docs/s3.md has the permissions that it takes.

--from, --to, --account and --region go by the objects' names; an object whose name doesn't tell is taken.

Examples:
  trailpare ingest /archive/AWSLogs
  zcat events.json.gz | trailpare ingest -
  trailpare ingest ./my-trail --verify --public-keys keys.json
  trailpare ingest s3://my-trail-logs/AWSLogs --store /data/store
  trailpare ingest ./2023 ./2024 --store /data/store --memory-limit 2GiB
  trailpare ingest /archive --wait=10m --format json --metrics /var/lib/node_exporter/trailpare.prom
  trailpare ingest /archive --from 2024-01-01 --to 2024-03-31 --account 111122223333 --region eu-west-1")]
pub struct IngestArgs {
    /// Folders, files and pipes to look for log objects in, and s3://bucket/prefix; `-` is standard input.
    #[arg(required = true, value_name = "ARCHIVE")]
    archives: Vec<PathBuf>,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    machine: MachineArgs,
    #[command(flatten)]
    range: RangeArgs,
    /// Only objects of this account.
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    account: Vec<String>,
    /// Only objects of this region.
    #[arg(long, value_name = "REGION", value_parser = NonEmptyStringValueParser::new())]
    region: Vec<String>,
    /// Mask session tokens, passwords and other secrets before they reach the store (docs/security.md lists the
    /// fields), or keep every field as it is.
    #[arg(long, value_enum, default_value = "secrets")]
    redact: Redact,
    /// Read known objects again and compare their SHA-256.
    #[arg(long)]
    rehash: bool,
    /// Prove CloudTrail's digests first, note of each object what they say, and refuse what was altered.
    #[arg(long, help_heading = "Proof")]
    verify: bool,
    /// Public keys, as `aws cloudtrail list-public-keys` prints them; may be given more than once.
    #[arg(long, value_name = "FILE", requires = "verify", help_heading = "Proof")]
    public_keys: Vec<PathBuf>,
    /// Follow symbolic links that lead out of the archives.
    #[arg(long)]
    follow_links: bool,
    #[command(flatten, next_help_heading = "Archives in S3")]
    s3: S3Args,
    #[command(flatten, next_help_heading = None)]
    wait: WaitArgs,
    #[command(flatten, next_help_heading = "What it came to")]
    outcome: OutcomeArgs,
}

/// What is masked on its way into a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Redact {
    /// The values of fields whose names say that they hold a secret: sessionToken, password, secretString, ...
    Secrets,
    /// Nothing.
    None,
}

pub fn run(args: &IngestArgs, context: &Context) -> Result<Exit, CliError> {
    let mut begun = Begun::new("ingest", &args.store.store, None, context);
    let outcome = args.options().and_then(|options| {
        let store = args.wait.store(Store::open_or_create(&args.store.store)?, context);
        take_in(&store, &options, &mut begun, context)
    });
    begun.tell(outcome, &args.outcome)
}

impl IngestArgs {
    fn options(&self) -> Result<Options, CliError> {
        let mut options = Options {
            memory_limit_bytes: self.machine.memory_limit,
            threads: self.machine.threads(),
            range: self.range.range()?,
            accounts: self.account.clone(),
            regions: self.region.clone(),
            rehash: self.rehash,
            mode: self.machine.mode,
            redact: self.redact == Redact::Secrets,
            follow_links: self.follow_links,
            verify: self.verify,
            public_keys: self.public_keys.clone(),
            commit_interval: self.machine.commit_interval(),
            ..Options::of(self.archives.clone())
        };
        self.s3.put(&mut options)?;
        Ok(options)
    }
}
