//! `trailpare verify`: is the archive what AWS wrote?

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use super::interrupt;
use super::select::RangeArgs;
use super::signers::say_signers;
use super::table::{Format, render, row, table};
use super::{CliError, Context, Exit};
use crate::time::format_time;
use crate::verify::{Finding, Gap, GapCause, Kind, Options, Verdict, Verified, Window, verify};

/// Rows that a table has at the most; JSON has all.
const ROWS_MAX: usize = 1_000;

/// Prove that an archive is what AWS wrote: the chain of CloudTrail's digest files, their signatures, the hash of every
/// log object, and what is missing. Offline.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A trail with log file validation writes a digest an hour: the hashes of the log objects of that hour, and the hash and
the signature of the digest before it. Objects are known by the names that CloudTrail gave them, wherever they lie; what
counts are the inflated bytes.

--public-keys takes the output of `aws cloudtrail list-public-keys --start-time … --region …`, for each region whose
digests are to be proved. Without it hashes are compared and signatures are not checkable.

The signature of a digest is metadata of its object in S3, which copies lose. It is taken from the next digest, from a
file NAME.metadata.json in the archive (the output of `aws s3api head-object`), or from a file given with --signatures:
such outputs by the keys of their objects ({\"KEY\": {\"Metadata\": …}}), or with their keys in them, one after the
other. Only the newest digest of a chain needs one; without it that digest and what it lists stay unsigned.

An archive that begins within a chain lacks the digest before: --from says that it is meant to.

The exit code is 0 when nothing is altered or missing, else 5.

Examples:
  trailpare verify ./my-trail
  aws cloudtrail list-public-keys --start-time 2024-01-01 --region eu-west-1 > keys.json
  trailpare verify ./my-trail --public-keys keys.json --from 2024-03-01 --to 2024-03-31 --format json")]
pub struct VerifyArgs {
    /// Folders and files to look for digests and log objects in.
    #[arg(required = true, value_name = "ARCHIVE")]
    archives: Vec<PathBuf>,
    /// Public keys, as `aws cloudtrail list-public-keys` prints them; may be given more than once.
    #[arg(long, value_name = "FILE")]
    public_keys: Vec<PathBuf>,
    /// Signatures of digests, where they are kept in a file of their own; may be given more than once.
    #[arg(long, value_name = "FILE")]
    signatures: Vec<PathBuf>,
    /// Follow symbolic links that lead out of the archives.
    #[arg(long)]
    follow_links: bool,
    #[command(flatten)]
    range: RangeArgs,
    /// How to print it: for people what is not proved, as JSON what was found of every object.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

pub fn run(args: &VerifyArgs, context: &Context) -> Result<Exit, CliError> {
    interrupt::watch();
    let range = args.range.range()?;
    let options = Options {
        archives: args.archives.clone(),
        public_keys: args.public_keys.clone(),
        signatures: args.signatures.clone(),
        window: Window { from_us: range.from_us, to_us: range.to_us },
        follow_links: args.follow_links,
    };
    let verified = verify(&options)?;
    let faults = verified.sums.faults();
    for problem in &verified.problems {
        context.warn(problem);
    }
    if verified.problems_left_out > 0 {
        context.warn(&format!("and {} files more that could not be looked at", verified.problems_left_out));
    }
    say(&verified, args.public_keys.is_empty(), context);
    let mut out = BufWriter::new(io::stdout().lock());
    match args.format {
        Format::Table => print_table(verified, args.public_keys.is_empty(), &mut out)?,
        Format::Json => print_json(verified, &mut out)?,
    }
    out.flush()?;
    Ok(if faults == 0 { Exit::Done } else { Exit::Tampered })
}

/// What somebody who only looks at the exit code should have read.
fn say(verified: &Verified, is_without_keys: bool, context: &Context) {
    let sums = &verified.sums;
    if sums.all(Kind::Digest) == 0 {
        context.warn("no digests: nothing is proved\nhint: copy the folders CloudTrail-Digest as well");
    } else if is_without_keys {
        context.say("hint: --public-keys proves signatures as well (`aws cloudtrail list-public-keys`)");
    } else {
        say_signers(&verified.signers, context);
    }
    if sums.of(Kind::Digest, Verdict::DigestMissing) > 0 {
        context.say("hint: where the archive is meant to begin within a chain, --from says so");
    }
    let uncovered = sums.of(Kind::Log, Verdict::NotCovered);
    if uncovered > 0 && sums.all(Kind::Digest) > 0 {
        context.warn(&format!("{uncovered} log objects are not covered by any digest"));
    }
}

fn print_json(verified: Verified, out: &mut impl Write) -> Result<(), CliError> {
    // One finding a line, as they come: there may be millions.
    out.write_all(b"{\"findings\":[")?;
    for (i, finding) in verified.findings.enumerate() {
        out.write_all(if i == 0 { b"\n" } else { b",\n" })?;
        out.write_all(&serde_json::to_vec(&finding?)?)?;
    }
    let gaps: Vec<_> = verified.gaps.iter().map(Gap::value).collect();
    let gaps = serde_json::to_string(&gaps)?;
    write!(out, "\n],\n\"gaps\":{gaps},\n\"gaps_left_out\":{},\n", verified.gaps_left_out)?;
    writeln!(out, "\"sums\":{}}}", verified.sums.value())?;
    Ok(())
}

fn print_table(verified: Verified, is_without_keys: bool, out: &mut impl Write) -> Result<(), CliError> {
    let sums = &verified.sums;
    for (kind, name) in [(Kind::Log, "log objects"), (Kind::Digest, "digests")] {
        let counts = Verdict::ALL.iter().map(|verdict| (verdict.name(), sums.of(kind, *verdict)));
        let counts: Vec<String> =
            counts.filter(|(_, count)| *count > 0).map(|(verdict, count)| format!("{count} {verdict}")).collect();
        let counts = if counts.is_empty() { String::new() } else { format!(": {}", counts.join("; ")) };
        writeln!(out, "{} {name}{counts}", sums.all(kind))?;
    }
    let mut gaps = table(&["FROM", "TO", "CHAIN", "NO DIGESTS BECAUSE"], &[]);
    let (linked, told): (Vec<&Gap>, Vec<&Gap>) = verified.gaps.iter().partition(|gap| gap.cause == GapCause::Linked);
    for gap in told.iter().take(ROWS_MAX) {
        row(&mut gaps, [&format_time(gap.from_us), &format_time(gap.to_us), &gap.chain, gap.cause.name()]);
    }
    if !linked.is_empty() {
        let times = linked.len();
        writeln!(out, "{times} times without a digest between digests that follow one another (--format json)")?;
    }
    let mut rows = table(&["VERDICT", "OBJECT", "WHY"], &[]);
    let (mut count, mut left_out) = (0, 0_u64);
    for finding in verified.findings {
        let Finding { object, verdict, reason, .. } = finding?;
        // Without keys that is nearly everything.
        let is_said = verdict == Verdict::Unchecked && is_without_keys;
        if verdict == Verdict::Valid || is_said {
            continue;
        }
        if count == ROWS_MAX {
            left_out += 1;
            continue;
        }
        count += 1;
        row(&mut rows, [verdict.name(), &object, &reason]);
    }
    if count > 0 {
        write!(out, "\n{}", render(&rows))?;
    }
    if left_out > 0 {
        writeln!(out, "… and {left_out} more (--format json)")?;
    }
    if !told.is_empty() {
        write!(out, "\n{}", render(&gaps))?;
    }
    let more = told.len().saturating_sub(ROWS_MAX) as u64 + verified.gaps_left_out;
    if more > 0 {
        writeln!(out, "… and {more} more")?;
    }
    Ok(())
}
