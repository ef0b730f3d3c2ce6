//! `trailpare import`: what another store exported.

use std::path::PathBuf;

use indicatif::HumanCount;

use super::export::span;
use super::machine::MachineArgs;
use super::recorded::{Begun, OutcomeArgs, WaitArgs};
use super::select::StoreArgs;
use super::{CliError, Context, Exit, allocator};
use crate::ingest::{ImportOptions, Imported, import, sha256_of};
use crate::report::run::import as figures;
use crate::store::Store;

/// Take what `trailpare export` wrote into a store: all of it in one commit, or nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Everything is verified before anything is visible: the SHA-256 and size of each file, that nothing else is there, that
rows are those of their day, in the table's columns and order. --sha256 compares the whole with what `trailpare export`
printed. Give it, told by another way, wherever somebody could have altered the file on its way.

Events that are there already stay: importing again changes nothing, and days may overlap. An event of a stored id with
other content is reported, and the stored one is kept. The exit code is 3 then, as it is for a log object that was taken
in here with other bytes. Days that were pruned here don't come back. Log objects that came along are known from then
on, and their verdicts are those of the exporting store: `trailpare ingest --verify` does not check them again.

Examples:
  trailpare import ./store.tar
  trailpare import /media/usb/march.tar --store /data/store --sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
  zstd -dc store.tar.zst | trailpare import - --wait=1h --format json")]
pub struct ImportArgs {
    /// The file or folder; `-` for standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    machine: MachineArgs,
    /// The SHA-256 that `trailpare export` printed.
    #[arg(long, value_name = "HEX", value_parser = parse_sha256)]
    sha256: Option<[u8; 32]>,
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten, next_help_heading = "What it came to")]
    outcome: OutcomeArgs,
}

fn parse_sha256(text: &str) -> Result<[u8; 32], String> {
    sha256_of(&text.to_ascii_lowercase()).ok_or_else(|| "not a SHA-256; hint: 64 hexadecimal digits".to_owned())
}

pub fn run(args: &ImportArgs, context: &Context) -> Result<Exit, CliError> {
    let mut begun = Begun::new("import", &args.store.store, None, context);
    let outcome = Store::open_or_create(&args.store.store).map_err(CliError::from).and_then(|store| {
        let store = args.wait.store(store, context);
        allocator::stay_below(args.machine.memory_limit);
        begun.note(&store);
        let options = ImportOptions {
            path: args.file.clone(),
            sha256: args.sha256,
            memory_limit_bytes: args.machine.memory_limit,
            threads: args.machine.threads(),
            mode: args.machine.mode,
        };
        let sum = import(&store, &options, context.catalog)?;
        say(&sum, context);
        let exit = if sum.problem_count > 0 { Exit::Refused } else { Exit::Done };
        Ok((exit, figures(&sum, &args.file)))
    });
    begun.tell(outcome, &args.outcome)
}

fn say(sum: &Imported, context: &Context) {
    for problem in &sum.problems {
        context.warn(problem);
    }
    let unsaid = sum.problem_count - sum.problems.len() as u64;
    if unsaid > 0 {
        context.warn(&format!("and {unsaid} problems more: see `trailpare status`"));
    }
    let days = span(sum.days, sum.day_count);
    let other =
        if sum.conflicts > 0 { format!(", {} of other content than stored", sum.conflicts) } else { String::new() };
    context.say(&format!(
        "{days}: {} new events, {} known{other}; {} log objects more are known, {} were; snapshot {}",
        HumanCount(sum.events),
        HumanCount(sum.known_events),
        HumanCount(sum.objects),
        HumanCount(sum.known_objects),
        sum.snapshot
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_64_digits() {
        let text = "9F86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        assert_eq!(parse_sha256(text).unwrap()[..2], [0x9f, 0x86]);
        assert!(["", "9f", &text[1..], &format!("g{}", &text[1..])].iter().all(|text| parse_sha256(text).is_err()));
    }
}
