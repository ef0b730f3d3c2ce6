//! `trailpare fsck`: is the store what was written?

use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};

use super::recorded::{Begun, WaitArgs};
use super::select::StoreArgs;
use super::table::{Format, render, row, table};
use super::{CliError, Context, Exit};
use crate::ingest::{fsck, repair};
use crate::report::run::Figures;
use crate::store::{Checked, Finding, Repaired, Store};
use crate::time::format_date;

/// Look for damage: the catalog against the files (are they there, of what size, with which SHA-256, rows and bounds),
/// copies of usage, files that nobody knows; with --usage also what is stored of usage against what the events say.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
--repair moves damaged files, and those that no snapshot has, to data/quarantine/ in the store. The log objects whose
events may have been in a damaged file count as refused from then on, and the next ingest of the archive takes them in
again; events that are still there stay as they are. Usage and its copies are derived anew. What the catalog says of a
sound file's rows and bounds is put right. Snapshots from before keep naming a damaged file: asking them for it fails.

Files that were written before checksums were recorded are read whole instead, and counted as such; `trailpare optimize`
writes them anew where a day has several.

The exit code is 0 when all is well, 1 when something is wrong, and after --repair 3 when objects wait to be taken in
again.

Examples:
  trailpare fsck
  trailpare fsck --usage --format json
  trailpare fsck --repair --wait=10m && trailpare ingest ./my-trail")]
pub struct FsckArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// Derive the usage of every day from its events and compare it with what is stored.
    #[arg(long)]
    usage: bool,
    /// Mend what can be.
    #[arg(long)]
    repair: bool,
    #[command(flatten)]
    wait: WaitArgs,
    /// How to print it.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

pub fn run(args: &FsckArgs, context: &Context) -> Result<Exit, CliError> {
    let dir = &args.store.store;
    let (checked, repaired) = match args.repair {
        false => (fsck(&Store::open_to_check(dir)?, args.usage, context.catalog)?, None),
        true => {
            let wait = Store::open_to_check(dir).map(|store| args.wait.said(&store, context));
            let wait = wait.unwrap_or_else(|_| args.wait.time());
            let (checked, repaired) = repair(dir, wait, args.usage, context.catalog)?;
            note(dir, &repaired, context);
            (checked, Some(repaired))
        }
    };
    let printed = match args.format {
        Format::Table => text(&checked, repaired.as_ref()),
        Format::Json => format!("{:#}\n", value(&checked, repaired.as_ref())),
    };
    io::stdout().write_all(printed.as_bytes())?;
    Ok(match &repaired {
        Some(repaired) if !repaired.damage_left.is_empty() => {
            context.error(&format!(
                "{}: its database still has something wrong: {}\nhint: move it away and run `trailpare fsck --repair` \
                 again: it makes a new one from the data files",
                dir.join("catalog.sqlite").display(),
                repaired.damage_left.join("; ")
            ));
            Exit::Failed
        }
        _ if checked.findings.is_empty() => Exit::Done,
        Some(repaired) if !repaired.left.is_empty() => {
            context.say(&format!("hint: move these away, then run it again: {}", repaired.left.join(", ")));
            Exit::Failed
        }
        Some(repaired) if repaired.catalog.is_some() => {
            context.say(
                "hint: which log objects were taken in is not known any more: `trailpare ingest` reads the archives \
                 again, and takes only what is missing",
            );
            Exit::Refused
        }
        None => {
            context.say("hint: `trailpare fsck --repair` mends what can be mended");
            Exit::Failed
        }
        Some(repaired) if repaired.objects > 0 => {
            context.say("hint: take the archives in again with `trailpare ingest`: only what is missing is read");
            Exit::Refused
        }
        Some(_) => Exit::Done,
    })
}

/// Notes a repair in the history, once it is done: before it the catalog itself may be damaged.
fn note(dir: &Path, repaired: &Repaired, context: &Context) {
    let Ok(store) = Store::open(dir) else { return };
    let mut begun = Begun::new("fsck", dir, None, context);
    begun.note(&store);
    let figures = Figures::from_iter([
        ("set_aside".to_owned(), repaired.set_aside.len().into()),
        ("catalog_entries".to_owned(), repaired.corrected.into()),
        ("objects_to_take_again".to_owned(), repaired.objects.into()),
    ]);
    let exit = if repaired.objects > 0 || repaired.catalog.is_some() { Exit::Refused } else { Exit::Done };
    drop(begun.end(Ok((exit, figures)), false));
}

fn text(checked: &Checked, repaired: Option<&Repaired>) -> String {
    let mut out = format!("{} data files, {} bytes", checked.files, checked.bytes);
    if checked.unrecorded > 0 {
        out += &format!("; {} without a recorded checksum, read whole instead", checked.unrecorded);
    }
    out.push('\n');
    if checked.findings.is_empty() {
        return out + "nothing is wrong\n";
    }
    let mut findings = table(&["FOUND", "DAY", "WHERE", "WHAT"], &[]);
    for Finding { kind, place, event_date, what } in &checked.findings {
        let day = event_date.map_or_else(|| "-".to_owned(), format_date);
        row(&mut findings, [kind.name(), &day, place, what]);
    }
    out += &render(&findings);
    if let Some(repaired) = repaired {
        let Repaired { set_aside, corrected, objects, days, months, registered, rows, left, catalog, damage_left: _ } =
            repaired;
        if let Some(old) = catalog {
            out += &format!("\na new catalog was made from the data files; the old one: {old}\n");
        }
        if !registered.is_empty() {
            out += &format!("\n{rows} events of {} files registered again\n", registered.len());
        }
        if !left.is_empty() {
            out += &format!("\nleft as they are: {}\n", left.join(", "));
        }
        out += &format!(
            "\n{} files set aside in data/quarantine, {corrected} entries of the catalog put right, {} days of usage derived \
             anew, {months} copies of usage removed, {objects} log objects to be taken in again\n",
            set_aside.len(),
            days.len(),
        );
    }
    out
}

fn value(checked: &Checked, repaired: Option<&Repaired>) -> Value {
    let finding = |finding: &Finding| {
        json!({
            "kind": finding.kind.name(),
            "day": finding.event_date.map(format_date),
            "where": finding.place,
            "what": finding.what,
        })
    };
    let repaired = repaired.map(|repaired| {
        json!({
            "set_aside": repaired.set_aside,
            "registered_again": repaired.registered,
            "events_registered_again": repaired.rows,
            "left": repaired.left,
            "damage_left": repaired.damage_left,
            "old_catalog": repaired.catalog,
            "catalog_entries": repaired.corrected,
            "usage_days": repaired.days.iter().map(|day| format_date(*day)).collect::<Vec<_>>(),
            "usage_copies_removed": repaired.months,
            "objects_to_take_again": repaired.objects,
        })
    });
    json!({
        "files": checked.files,
        "bytes": checked.bytes,
        "files_without_checksum": checked.unrecorded,
        "findings": checked.findings.iter().map(finding).collect::<Vec<_>>(),
        "repaired": repaired,
    })
}
