//! `trailpare status --oddities`: what an auditor should look at.

use std::io::{self, Write};

use super::table::{Format, render, row, table};
use super::{CliError, Exit};
use crate::report::oddities::Oddities;
use crate::store::Store;
use crate::util::shown;

/// Oddities of one kind that the table has at the most.
const ROWS_MAX: u64 = 50;

pub(super) fn run(store: &Store, format: Format) -> Result<Exit, CliError> {
    let oddities = Oddities::read(store)?;
    let text = match format {
        Format::Json => serde_json::to_string_pretty(&oddities)? + "\n",
        Format::Table => text(&oddities),
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Done)
}

fn text(oddities: &Oddities) -> String {
    let mut out = String::new();
    for of_kind in oddities.oddities.chunk_by(|a, b| a.kind == b.kind) {
        let Some(first) = of_kind.first() else { continue };
        let name = first.kind.name();
        let count = oddities.counts.get(name).copied().unwrap_or_default();
        let mut rows = table(&["  FROM", "TO", "ABOUT", "WHAT"], &[]);
        for (odd, _) in of_kind.iter().zip(0..ROWS_MAX) {
            let from = format!("  {}", odd.from.as_deref().unwrap_or("-"));
            row(&mut rows, [&from, odd.to.as_deref().unwrap_or("-"), &shown::name(&odd.about), &odd.what]);
        }
        out += &format!("{count} {name}\n{}", render(&rows));
        if count > ROWS_MAX {
            out += &format!("  … and {} more (--format json)\n", count - ROWS_MAX);
        }
        out.push('\n');
    }
    if out.is_empty() { "nothing odd\n".to_owned() } else { out.trim_end().to_owned() + "\n" }
}
