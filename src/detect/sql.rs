//! Rules as SQL that `trailpare sql` takes.

use std::fmt::Write as _;

use super::expr::condition;
use super::rule::{Header, Rule};
use super::rules::{Rules, Source};
use crate::query::{QueryError, sql_of};
use crate::util::shown;

/// What a rule selects of each event.
const COLUMNS: &str =
    "event_time, event_id, principal_arn, event_source, event_name, aws_region, source_ip_address, error_code";

/// The statements of all rules that are told. A correlation is over statements: what it does with their rows is said.
///
/// # Errors
/// A condition that SQL has no words for.
pub fn sql(rules: &Rules) -> Result<String, QueryError> {
    let mut out = String::new();
    for rule in rules.told().into_iter().filter_map(|at| rules.rules.get(at)) {
        statement(&mut out, "", rule)?;
    }
    for linked in rules.told_correlations().into_iter().filter_map(|at| rules.correlations.get(at)) {
        let _ = writeln!(out, "-- {}", heading(&linked.correlation.header));
        let over = linked.sources.iter().map(|source| match source {
            Source::Rule(at) => rules.rules.get(*at).map(|rule| &rule.header),
            Source::Correlation(at) => rules.correlations.get(*at).map(|linked| &linked.correlation.header),
        });
        let over: Vec<String> = over.flatten().map(|header| shown::name(&header.title).into_owned()).collect();
        let _ = writeln!(out, "-- A correlation: the program puts the rows together of: {}\n", over.join("; "));
        for source in &linked.sources {
            if let Source::Rule(at) = source
                && let Some(rule) = rules.rules.get(*at).filter(|rule| rule.is_hidden)
            {
                statement(&mut out, "part of a correlation: ", rule)?;
            }
        }
    }
    Ok(out)
}

fn heading(header: &Header) -> String {
    let level = header.level.map(|level| format!(", {level}")).unwrap_or_default();
    let id = header.id.as_deref().map(|id| format!(", {}", shown::name(id))).unwrap_or_default();
    format!("{}{level}{id}", shown::name(&header.title))
}

fn statement(out: &mut String, before: &str, rule: &Rule) -> Result<(), QueryError> {
    let condition = sql_of(&condition(&rule.predicate)?)?;
    let _ = writeln!(out, "-- {before}{}\n-- {}", heading(&rule.header), rule.header.place);
    let _ = writeln!(out, "SELECT {COLUMNS}\nFROM events\nWHERE {condition}\nORDER BY event_time, event_id;\n");
    Ok(())
}
