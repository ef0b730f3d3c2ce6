//! The reference of what there is in SQL: `docs/sql.md`, which is made of the definitions, and what of it answers a
//! topic.

use std::fmt::Write as _;

use datafusion::prelude::SessionContext;

use super::comments::columns;
use super::error::QueryError;
use super::library::Library;
use super::relations::RELATIONS;
use crate::util::closest::closest;

/// The reference as it stands in `docs`; a test keeps it to the code.
const REFERENCE: &str = include_str!("../../docs/sql.md");

/// What there is of functions.
const FUNCTIONS: &str = include_str!("../../docs/functions.md");

/// The reference in Markdown, out of the definitions of tables, views, columns and named queries.
///
/// # Errors
/// Those of describing a view.
pub async fn markdown(context: &SessionContext, library: &Library) -> Result<String, QueryError> {
    let mut out = String::from(
        "# SQL reference\n\n\
         Made of the definitions: `INSTA_UPDATE=always cargo test --lib query::reference` writes it anew. `trailpare help sql\n\
         TOPIC` prints what it has on a table, a column, a query or a function. Functions are in\n\
         [functions.md](functions.md), the shell's commands in `.help`.\n\n\
         ## Tables and views\n\n| name | kind | a row is |\n|---|---|---|\n",
    );
    for relation in RELATIONS {
        let kind = if relation.is_table { "table" } else { "view" };
        let _ = writeln!(out, "| [`{0}`](#{0}) | {kind} | {1} |", relation.name, relation.what);
    }
    for relation in RELATIONS {
        let _ =
            writeln!(out, "\n## {}\n\n{}.\n\n| column | type | what |\n|---|---|---|", relation.name, relation.what);
        for column in columns(context, relation.name).await? {
            let _ = writeln!(out, "| `{}` | {} | {} |", column.name, column.sql_type, column.comment);
        }
    }
    out += "\n## Named queries\n\nRun with `trailpare sql --named NAME --param PARAMETER=VALUE`; in the shell by their names. \
            Within a statement a query\nis a table, with `_` for `-`: \
            `FROM denied_calls(principal => '%deploy%', \"from\" => '90d')`.\n";
    for (name, named) in library.iter() {
        let _ = writeln!(out, "\n### {name}\n\n```text\n{}\n```", named.describe());
    }
    Ok(out)
}

/// What the reference has on a table, a view, a column, a named query or a function: exact names first.
///
/// # Errors
/// In words: nothing is called so, and what may have been meant.
pub fn topic(name: &str) -> Result<String, String> {
    let name = name.trim().to_lowercase();
    if let Some(section) = section(&name) {
        return Ok(section);
    }
    let cell = format!("`{name}`");
    let of_columns = rows(REFERENCE, |row| row.starts_with(&format!("| {cell} |")));
    let of_functions = rows(FUNCTIONS, |row| {
        row.split('|').nth(1).is_some_and(|first| first.split(", ").any(|one| one.trim() == cell))
    });
    let found = [of_columns, of_functions].concat();
    if !found.is_empty() {
        return Ok(found.join("\n") + "\n");
    }
    let meant = closest(&name, names());
    let hint = match meant.as_slice() {
        [] => "`trailpare help sql tables` lists what there is".to_owned(),
        names => format!("did you mean {}?", names.join(", ")),
    };
    Err(format!("no table, column, query or function is called {name}\nhint: {hint}"))
}

/// The part below a heading, up to the next one of its kind.
fn section(name: &str) -> Option<String> {
    let wanted = match name {
        "tables" | "views" => "tables and views",
        "queries" => "named queries",
        name => name,
    };
    let level = |line: &str| line.len() - line.trim_start_matches('#').len();
    let lines = REFERENCE.lines();
    let mut lines =
        lines.skip_while(|line| level(line) == 0 || !line.trim_start_matches(['#', ' ']).eq_ignore_ascii_case(wanted));
    let heading = lines.next()?;
    let of_it = lines.take_while(|line| level(line) == 0 || level(line) > level(heading));
    Some([heading].into_iter().chain(of_it).collect::<Vec<_>>().join("\n").trim_end().to_owned() + "\n")
}

/// Rows of tables, each with the heading above it.
fn rows(text: &str, is_wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let mut heading = "";
    let mut found = Vec::new();
    for line in text.lines() {
        if line.starts_with('#') {
            heading = line.trim_start_matches(['#', ' ']);
        } else if is_wanted(line) {
            found.push(format!("{heading}: {}", line.trim_matches(['|', ' ']).replace(" | ", "  ").replace('`', "")));
        }
    }
    found
}

fn names() -> impl Iterator<Item = &'static str> {
    let headings = REFERENCE.lines().filter(|line| line.starts_with("##")).map(|line| line.trim_matches(['#', ' ']));
    let cells = REFERENCE.lines().chain(FUNCTIONS.lines()).filter(|line| line.starts_with("| `"));
    headings.chain(
        cells
            .flat_map(|line| line.split('|').nth(1).unwrap_or_default().split(", "))
            .map(|name| name.trim_matches([' ', '`'])),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::fixture::{context, run};

    #[test]
    fn the_reference_is_as_the_code_is() {
        let dir = tempfile::tempdir().unwrap();
        let made = run(async {
            let context = context(dir.path()).await;
            markdown(&context, &Library::open(None).unwrap()).await.unwrap()
        });
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/sql.md");
        if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
            std::fs::write(&path, &made).unwrap();
        }
        let written = std::fs::read_to_string(&path).unwrap();
        let differs = made.lines().zip(written.lines()).find(|(made, written)| made != written);
        assert!(made == written, "INSTA_UPDATE=always writes docs/sql.md anew: {differs:?}");
        assert!(!made.contains("|  |"), "a description is empty");
    }

    #[test]
    fn topics_are_found() {
        assert!(topic("usage").unwrap().starts_with("## usage\n\nwho used which IAM action"));
        assert!(topic("ROOT-USE").unwrap().contains("Example: trailpare sql --named root-use"));
        let column = topic("event_name").unwrap();
        assert!(column.contains("events: event_name  VARCHAR  operation that was called"), "{column}");
        assert!(column.contains("usage: event_name"), "{column}");
        assert!(topic("cidr_contains").unwrap().contains("an address or a network in a network"));
        assert!(topic("tables").unwrap().contains("cloudtrail_lake"));
        assert!(topic("evnt_name").is_err_and(|why| why.contains("event_name")));
    }
}
