//! `trailpare status --oddities`: what an auditor should look at.

use super::answer::OutputArgs;
use super::table::{render, row, table};
use super::{CliError, Exit};
use crate::query::Format;
use crate::report::oddities::Oddities;
use crate::report::rows;
use crate::store::Store;
use crate::util::shown;

/// Oddities of one kind that the table has at the most.
const ROWS_MAX: u64 = 50;

pub(super) fn run(store: &Store, answer: &OutputArgs) -> Result<Exit, CliError> {
    let oddities = Oddities::read(store)?;
    match answer.format {
        Format::Json => answer.text(&(serde_json::to_string_pretty(&oddities)? + "\n"))?,
        Format::Table => answer.text(&text(&oddities))?,
        _ => answer.rows(rows::ODDITIES, rows::oddities(&oddities))?,
    }
    Ok(Exit::Done)
}

fn text(oddities: &Oddities) -> String {
    let mut out = String::new();
    for of_kind in oddities.oddities.chunk_by(|a, b| a.kind == b.kind) {
        let Some(first) = of_kind.first() else { continue };
        let name = first.kind.name();
        let count = oddities.counts.get(name).copied().unwrap_or_default();
        let mut lines = table(&["  FROM", "TO", "ABOUT", "WHAT"], &[]);
        for (odd, _) in of_kind.iter().zip(0..ROWS_MAX) {
            let from = format!("  {}", odd.from.as_deref().unwrap_or("-"));
            row(&mut lines, [&from, odd.to.as_deref().unwrap_or("-"), &shown::name(&odd.about), &odd.what]);
        }
        out += &format!("{count} {name}\n{}", render(&lines));
        if count > ROWS_MAX {
            out += &format!("  … and {} more (--format json)\n", count - ROWS_MAX);
        }
        out.push('\n');
    }
    if out.is_empty() { "nothing odd\n".to_owned() } else { out.trim_end().to_owned() + "\n" }
}
