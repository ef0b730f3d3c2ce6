//! Where in a statement an error is, and what may have been meant.

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use super::error::{QueryError, message};
use super::relations::RELATIONS;
use super::trino;
use super::trino::dialect::AnalystDialect;
use crate::util::closest::closest;
use crate::util::shown::is_harmful;

/// Columns of a line of SQL that are shown around an error.
const EXCERPT_COLUMNS: usize = 64;

/// Line and column, both from 1 on; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    line: usize,
    column: usize,
}

/// The error with the line of `sql` where it is, a caret below the place, and names that may have been meant.
pub fn at(error: QueryError, sql: &str, context: &SessionContext) -> QueryError {
    let QueryError::Sql(error) = error else { return error };
    let unknown = unknown(&error, context);
    let ambiguous = ambiguous(&error);
    let name = unknown.as_ref().map(|(name, _)| name.as_str()).or(ambiguous.as_deref());
    let place = place(&error, sql, name);
    let meant = match &unknown {
        Some((name, known)) => closest(name, known.iter().map(String::as_str)),
        None => Vec::new(),
    };
    let meant = meant.into_iter().map(str::to_owned).collect();
    match place.and_then(|place| excerpt(sql, place)) {
        None if unknown.is_none() => QueryError::Sql(error),
        excerpt => QueryError::At { error, excerpt: excerpt.unwrap_or_default(), meant },
    }
}

/// Where in `sql` an error is, in characters from 1 on.
pub fn position(error: &QueryError, sql: &str, context: &SessionContext) -> Option<usize> {
    let (QueryError::Sql(error) | QueryError::At { error, .. }) = error else { return None };
    let unknown = unknown(error, context);
    let ambiguous = ambiguous(error);
    let name = unknown.as_ref().map(|(name, _)| name.as_str()).or(ambiguous.as_deref());
    let place = place(error, sql, name)?;
    let before: usize = sql.split_inclusive('\n').take(place.line - 1).map(|line| line.chars().count()).sum();
    Some(before + place.column)
}

/// A name that may be of several tables.
fn ambiguous(error: &DataFusionError) -> Option<String> {
    let DataFusionError::SchemaError(schema, _) = error.find_root() else { return None };
    let SchemaError::AmbiguousReference { field } = schema.as_ref() else { return None };
    Some(field.name().to_owned())
}

/// A name that is not known, and the names of its kind that are.
fn unknown(error: &DataFusionError, context: &SessionContext) -> Option<(String, Vec<String>)> {
    if let DataFusionError::SchemaError(schema, _) = error.find_root()
        && let SchemaError::FieldNotFound { field, valid_fields } = schema.as_ref()
    {
        return Some((field.name().to_owned(), valid_fields.iter().map(|field| field.name().to_owned()).collect()));
    }
    let text = message(error);
    if let Some(name) = between(&text, "table '", "' not found") {
        let name = name.rsplit('.').next().unwrap_or(name);
        return Some((name.to_owned(), tables(context)));
    }
    let name = between(&text, "Invalid function '", "'")?;
    Some((name.to_owned(), functions(context)))
}

fn between<'a>(text: &'a str, before: &str, behind: &str) -> Option<&'a str> {
    Some(text.split_once(before)?.1.split_once(behind)?.0)
}

/// The names of all tables and views of a session, ours first.
pub fn tables(context: &SessionContext) -> Vec<String> {
    let state = context.state();
    let schema = state.catalog_list().catalog("store").and_then(|catalog| catalog.schema("main"));
    let mut names: Vec<String> = RELATIONS.iter().map(|relation| relation.name.to_owned()).collect();
    let mut others = schema.map(|schema| schema.table_names()).unwrap_or_default();
    others.retain(|name| !names.contains(name));
    others.sort();
    names.extend(others);
    names
}

/// The names of all functions of a session, those among them that are rewritten.
pub fn functions(context: &SessionContext) -> Vec<String> {
    let state = context.state();
    let mut names: Vec<String> = state.scalar_functions().keys().cloned().collect();
    names.extend(state.aggregate_functions().keys().cloned());
    names.extend(state.window_functions().keys().cloned());
    names.extend(trino::rewritten().map(str::to_owned));
    names.extend(trino::dialect::TAKE_LAMBDAS.iter().map(|name| (*name).to_owned()));
    names.retain(|name| name.starts_with(|c: char| c.is_ascii_alphabetic()));
    names.sort();
    names.dedup();
    names
}

/// Where an error is: as it says itself, or where the name stands that it is about.
fn place(error: &DataFusionError, sql: &str, name: Option<&str>) -> Option<Place> {
    // Names of event data stores are exchanged before anything is parsed.
    let is_same = trino::stores_named(sql) == sql;
    let span = error.diagnostic().and_then(|diagnostic| diagnostic.span).filter(|_| is_same);
    let own = span.and_then(|span| place_of(span.start.line, span.start.column));
    match (own, name) {
        (Some(place), None) => return Some(place),
        (Some(place), Some(name)) if stands(sql, place, name) => return Some(place),
        (_, Some(name)) => return word(sql, name),
        (None, None) => {}
    }
    let text = message(error);
    if let (true, Some((_, place))) = (is_same, text.rsplit_once(" at Line: ")) {
        let (line, column) = place.split_once(", Column: ")?;
        let digits: String = column.chars().take_while(char::is_ascii_digit).collect();
        return place_of(line.parse().ok()?, digits.parse().ok()?);
    }
    if text.contains("found: EOF") {
        let line = sql.trim_end().lines().last()?;
        return Some(Place { line: sql.trim_end().lines().count(), column: line.chars().count() + 1 });
    }
    None
}

fn place_of(line: u64, column: u64) -> Option<Place> {
    let place = Place { line: usize::try_from(line).ok()?, column: usize::try_from(column).ok()? };
    (place.line > 0 && place.column > 0).then_some(place)
}

/// Whether a name stands at a place: what was written out for a shorthand has places of its own.
fn stands(sql: &str, place: Place, name: &str) -> bool {
    let line = sql.lines().nth(place.line - 1).unwrap_or_default();
    let is_part = |c: &char| c.is_alphanumeric() || matches!(c, '_' | '.' | '"');
    let word: String = line.chars().skip(place.column - 1).take_while(is_part).collect();
    word.to_lowercase().contains(&name.to_lowercase())
}

/// Where a name stands first.
fn word(sql: &str, name: &str) -> Option<Place> {
    let tokens = Tokenizer::new(&AnalystDialect, sql).tokenize_with_location().ok()?;
    let is_it = |token: &Token| matches!(token, Token::Word(word) if word.value.eq_ignore_ascii_case(name));
    let found = tokens.iter().find(|token| is_it(&token.token))?;
    place_of(found.span.start.line, found.span.start.column)
}

/// The line with the place, as much of it as fits, and a caret below.
fn excerpt(sql: &str, place: Place) -> Option<String> {
    let line: Vec<char> = sql.lines().nth(place.line - 1)?.chars().collect();
    let column = (place.column - 1).min(line.len());
    let begin = if line.len() <= EXCERPT_COLUMNS { 0 } else { column.saturating_sub(EXCERPT_COLUMNS / 2) };
    let end = (begin + EXCERPT_COLUMNS).min(line.len());
    let shown: String = line.get(begin..end)?.iter().map(|c| if is_harmful(*c) { ' ' } else { *c }).collect();
    let (front, back) = (if begin > 0 { "…" } else { "" }, if end < line.len() { "…" } else { "" });
    let label = format!("LINE {}: {front}", place.line);
    let before: String = line.get(begin..column)?.iter().collect();
    let gap = " ".repeat(label.chars().count() + unicode_width::UnicodeWidthStr::width(before.as_str()));
    Some(format!("{label}{}{back}\n{gap}^", shown.trim_end()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::query::fixture::{context, run};
    use crate::query::{execute, parse};

    fn said(sql: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        run(async {
            let context = context(dir.path()).await;
            let outcome = async {
                for statement in parse(sql)? {
                    execute(&context, statement, &HashMap::new()).await?;
                }
                Ok::<_, QueryError>(())
            };
            at(outcome.await.unwrap_err(), sql, &context).to_string()
        })
    }

    #[test]
    fn a_caret_stands_below_what_is_wrong() {
        for (sql, caret, meant) in [
            ("SELECT event_nmae FROM events", "LINE 1: SELECT event_nmae FROM events\n               ^", "event_name"),
            ("SELECT *\nFROM evnets e", "LINE 2: FROM evnets e\n             ^", "events"),
            ("SELECT json_extrat(a, 'b') FROM events", "LINE 1: SELECT json_extrat(", "json_extract"),
            (
                "SELECT e.event_idd FROM events e",
                "LINE 1: SELECT e.event_idd FROM events e\n               ^",
                "event_id",
            ),
            ("SELECT count(*) FORM events", "LINE 1: SELECT count(*) FORM events\n                             ^", ""),
            ("SELECT 1 +", "LINE 1: SELECT 1 +\n                  ^", ""),
            (
                "SELECT event_id FROM events a, events b",
                "LINE 1: SELECT event_id FROM events a, events b\n               ^",
                "",
            ),
            ("DESCRIBE evnets", "LINE 1: DESCRIBE evnets\n                 ^", "events"),
            ("SUMMARIZE evnets", "LINE 1: SUMMARIZE evnets\n                  ^", "events"),
            (
                "FROM events WHERE evnt_id = 'a'",
                "LINE 1: FROM events WHERE evnt_id = 'a'\n                          ^",
                "event_id",
            ),
        ] {
            let text = said(sql);
            assert!(text.contains(caret), "{sql}\n{text}");
            let hint = format!("\nhint: did you mean {meant}");
            assert!(meant.is_empty() || text.contains(&hint), "{sql}\n{text}");
            assert!(!text.contains("at Line"), "{text}");
        }
    }

    #[test]
    fn long_lines_are_shown_around_the_place() {
        let sql = format!("SELECT {} nonsense FROM events", "event_id, ".repeat(40));
        let text = said(&sql);
        let lines: Vec<&str> = text.lines().collect();
        let line = lines.iter().position(|line| line.starts_with("LINE 1: …")).unwrap();
        assert!(lines[line].chars().count() < 80, "{text}");
        let caret = lines[line + 1].chars().position(|c| c == '^').unwrap();
        assert!(lines[line].chars().skip(caret).collect::<String>().starts_with("nonsense"), "{text}");
    }
}
