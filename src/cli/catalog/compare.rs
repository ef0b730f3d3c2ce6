//! `trailpare catalog compare`.

use super::incoming::IncomingArgs;
use crate::cli::answer::OutputArgs;
use crate::cli::table::{render, row, table};
use crate::cli::{CliError, Context, Exit};
use crate::query::Format;
use crate::report::catalog::compare::{Comparison, Counts};

/// Say how another catalogue differs from the one that is used: services, actions, levels, resource types, keys.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Service Reference JSON is put into the catalogue that is used, and the result is compared: an action that it doesn't
list stays, and no access level falls. The exit code is 3 where a file could not be taken.

Examples:
  trailpare catalog compare catalogue.txt
  trailpare catalog compare service-reference/ --format csv
  trailpare catalog compare s3.json ec2.json --format json")]
pub struct CompareArgs {
    #[command(flatten)]
    incoming: IncomingArgs,
    #[command(flatten)]
    answer: OutputArgs,
}

pub fn run(args: &CompareArgs, context: &Context) -> Result<Exit, CliError> {
    let incoming = args.incoming.read(context)?;
    let mut comparison = Comparison::new(context.catalog, &incoming.catalog);
    comparison.unlisted = incoming.unlisted;
    match args.answer.format {
        Format::Table => args.answer.text(&text(&comparison))?,
        Format::Json => args.answer.text(&(serde_json::to_string_pretty(&comparison)? + "\n"))?,
        _ => args.answer.rows(Comparison::COLUMNS, comparison.rows())?,
    }
    Ok(if incoming.refused.is_empty() { Exit::Done } else { Exit::Refused })
}

fn text(comparison: &Comparison) -> String {
    let mut out = summary(comparison);
    if !comparison.changes.is_empty() {
        let mut rows = table(&["ABOUT", "NAME", "CHANGE", "FROM", "TO"], &[]);
        for change in &comparison.changes {
            let side = |text: &Option<String>| text.clone().unwrap_or_default();
            row(&mut rows, [change.about, &change.name, change.change, &side(&change.from), &side(&change.to)]);
        }
        out += &format!("\n{}", render(&rows));
    }
    out
}

/// Names of a list that are printed.
const TOLD: usize = 10;

/// The figures in words.
pub(super) fn summary(comparison: &Comparison) -> String {
    let Comparison { from, to, counts, lowered, unlisted, .. } = comparison;
    let mut out = format!("from {from} to {to}\n");
    if comparison.is_same() {
        out += "nothing changes\n";
    }
    let Counts { new_services, gone_services, new_actions, gone_actions, changed_actions, .. } = counts;
    let parts = [
        (*new_services, "new services"),
        (*gone_services, "services gone"),
        (*new_actions, "new actions"),
        (*gone_actions, "actions gone"),
        (*changed_actions, "actions changed"),
        (counts.new_resource_types, "new resource types"),
        (counts.gone_resource_types, "resource types gone"),
        (counts.changed_resource_types, "resource types changed"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if !parts.is_empty() {
        out += &format!("{}\n", parts.join(", "));
    }
    for (list, what) in [
        (lowered, "access levels fall, so that more could be opened to make policies fit"),
        (unlisted, "actions are not listed any more, and stay"),
    ] {
        if !list.is_empty() {
            let more = if list.len() > TOLD { ", …" } else { "" };
            let names = list.iter().take(TOLD).map(String::as_str).collect::<Vec<_>>().join(", ");
            out += &format!("{} {what}: {names}{more}\n", list.len());
        }
    }
    out
}
