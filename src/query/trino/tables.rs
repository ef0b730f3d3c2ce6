//! What a table's name stands for: people's tables have other names than ours.
//!
//! CloudTrail Lake's queries are FROM the id of an event data store, in samples FROM `$EDS_ID` or `<event_data_store_id>`.
//! Athena's tables stand in a database, and many have a name of their own that says `cloudtrail`.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::sql::parser::{CopyToSource, Statement};
use datafusion::sql::sqlparser::ast::{Ident, ObjectName, ObjectNamePart, Query, TableAlias, TableFactor, VisitorMut};

use crate::query::walk::walk;

/// The view that event data stores stand for.
pub(in crate::query) const LAKE: &str = "cloudtrail_lake";

/// The view that Athena's tables stand for.
const ATHENA: &str = "cloudtrail_logs";

/// Schemas that are ours.
const SCHEMAS: &[&str] = &["main", "information_schema", "pg_catalog"];

/// The text with event data stores named as their view: no parser takes `FROM 0a1b2c3d-…` or `FROM <EDS ID>`.
/// Texts, quoted names and comments are left as they are.
pub(in crate::query) fn stores_named(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql;
    let mut before = Word::Other;
    // For each open bracket whether `FROM` within it belongs to a function: `extract(day FROM $t)`.
    let mut brackets: Vec<bool> = Vec::new();
    let mut is_function = false;
    while let Some(first) = rest.chars().next() {
        if let Some(skipped) = quoted(rest) {
            let (text, behind) = rest.split_at(skipped);
            out.push_str(text);
            rest = behind;
            before = if text.starts_with("--") || text.starts_with("/*") { before } else { Word::Other };
            continue;
        }
        if let (Word::From, Some(length)) = (&before, store(rest)) {
            let (name, behind) = rest.split_at(length);
            // What a sample calls a table is Athena's.
            let is_table = name.to_lowercase().contains("table") || name.to_lowercase().contains("logs");
            out.push_str(if is_table { ATHENA } else { LAKE });
            rest = behind;
            before = Word::Other;
            continue;
        }
        let length = word(rest);
        let (text, behind) = rest.split_at(if length > 0 { length } else { first.len_utf8() });
        let is_one_of = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
        if length > 0 {
            let is_from = is_one_of(&["from", "join"]) && brackets.last() != Some(&true);
            before = if is_from { Word::From } else { Word::Other };
            is_function = is_one_of(&["extract", "substring", "trim", "overlay"]);
        } else if !first.is_whitespace() {
            match first {
                '(' => brackets.push(is_function),
                ')' => drop(brackets.pop()),
                _ => {}
            }
            is_function = false;
            before = Word::Other;
        }
        out.push_str(text);
        rest = behind;
    }
    out
}

/// The word before a place.
enum Word {
    From,
    Other,
}

/// How long the text in quotes, or the comment, is that begins here.
fn quoted(rest: &str) -> Option<usize> {
    let ending = |end: &str, from: usize| rest.get(from..)?.find(end).map(|at| from + at + end.len());
    let length = match rest.as_bytes() {
        [b'\'', ..] => ending("'", 1),
        [b'"', ..] => ending("\"", 1),
        [b'-', b'-', ..] => ending("\n", 2),
        [b'/', b'*', ..] => ending("*/", 2),
        _ => return None,
    };
    Some(length.unwrap_or(rest.len()))
}

fn word(rest: &str) -> usize {
    rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
}

/// How long the name of an event data store is that begins here.
fn store(rest: &str) -> Option<usize> {
    const NAME_MAX: usize = 48;
    if rest.starts_with('<') {
        let end = rest.find('>').filter(|end| *end <= NAME_MAX)?;
        let name = rest.get(1..end)?;
        let is_name = name.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '_' | '-'));
        return (is_name && !name.is_empty()).then_some(end + 1);
    }
    if let Some(name) = rest.strip_prefix('$') {
        let (braces, bare) = match name.strip_prefix('{') {
            Some(bare) => (1, bare),
            None => (0, name),
        };
        let length = word(bare);
        let is_closed = braces == 0 || bare.get(length..)?.starts_with('}');
        return (length > 0 && is_closed).then_some(1 + length + 2 * braces);
    }
    let id =
        rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').map_or(rest, |end| rest.get(..end).unwrap_or(rest));
    let groups: Vec<usize> = id.split('-').map(str::len).collect();
    // Examples have letters that are no digits in their ids.
    (groups == [8, 4, 4, 4, 12] || id.eq_ignore_ascii_case("eds-id")).then_some(id.len())
}

/// Gives tables the names that they have here: `exists` knows them.
pub(in crate::query) fn resolve(statement: &mut Statement, exists: &dyn Fn(&str) -> bool) {
    let mut resolve = Resolve { exists, ctes: HashSet::new() };
    let _ = match statement {
        Statement::Statement(statement) => walk(statement.as_mut(), &mut resolve),
        Statement::Explain(explain) => {
            self::resolve(&mut explain.statement, exists);
            ControlFlow::Continue(())
        }
        Statement::CopyTo(copy) => match &mut copy.source {
            CopyToSource::Query(query) => walk(query.as_mut(), &mut resolve),
            CopyToSource::Relation(_) => ControlFlow::Continue(()),
        },
        _ => ControlFlow::Continue(()),
    };
}

struct Resolve<'a> {
    exists: &'a dyn Fn(&str) -> bool,
    /// Names that the statement itself gives.
    ctes: HashSet<String>,
}

impl VisitorMut for Resolve<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let with = query.with.iter().flat_map(|with| &with.cte_tables);
        self.ctes.extend(with.map(|table| table.alias.name.value.to_lowercase()));
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, table: &mut TableFactor) -> ControlFlow<()> {
        let TableFactor::Table { name, alias, args: None, .. } = table else { return ControlFlow::Continue(()) };
        if let Some(ours) = self.ours(name) {
            let written = name.0.last().and_then(ObjectNamePart::as_ident).cloned();
            *name = ObjectName::from(vec![Ident::new(ours.clone())]);
            // `logs.eventname` goes on to mean this table.
            if let (None, Some(written)) = (&alias, written)
                && !written.value.eq_ignore_ascii_case(&ours)
            {
                *alias = Some(TableAlias { explicit: true, name: written, columns: Vec::new(), at: None });
            }
        }
        ControlFlow::Continue(())
    }
}

impl Resolve<'_> {
    fn ours(&self, name: &ObjectName) -> Option<String> {
        let parts: Vec<&Ident> = name.0.iter().map(ObjectNamePart::as_ident).collect::<Option<_>>()?;
        let last = parts.last()?.value.to_lowercase();
        let in_schema = match parts.as_slice() {
            [] => return None,
            [_] if self.ctes.contains(&last) => return None,
            [_] => false,
            [.., schema, _] => SCHEMAS.iter().any(|ours| schema.value.eq_ignore_ascii_case(ours)),
        };
        if in_schema || (parts.len() == 1 && (self.exists)(&parts.last()?.value)) {
            return None;
        }
        if (self.exists)(&last) {
            return Some(last);
        }
        if store(&last) == Some(last.len()) {
            return Some(LAKE.to_owned());
        }
        last.contains("cloudtrail").then(|| ATHENA.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_data_stores_are_named() {
        for (sql, expected) in [
            ("SELECT 1 FROM 0a1b2c3d-0000-4000-8000-0a1b2c3d4e5f WHERE a", "SELECT 1 FROM cloudtrail_lake WHERE a"),
            ("select 1 from\n  $EDS_ID\nwhere a < 1", "select 1 from\n  cloudtrail_lake\nwhere a < 1"),
            ("SELECT 1 FROM ${EDS} e JOIN <EDS ID> f", "SELECT 1 FROM cloudtrail_lake e JOIN cloudtrail_lake f"),
            ("SELECT 1 FROM <event_data_store_id>;", "SELECT 1 FROM cloudtrail_lake;"),
            ("SELECT 1 FROM <CLOUDTRAIL_TABLE>", "SELECT 1 FROM cloudtrail_logs"),
            ("SELECT 1 FROM /* here */ eds-ID", "SELECT 1 FROM /* here */ cloudtrail_lake"),
            ("SELECT 'FROM $EDS_ID' -- FROM $EDS_ID", "SELECT 'FROM $EDS_ID' -- FROM $EDS_ID"),
            ("SELECT $a FROM events WHERE b < $c", "SELECT $a FROM events WHERE b < $c"),
            ("SELECT extract(day FROM d) < 3 AND e > 4", "SELECT extract(day FROM d) < 3 AND e > 4"),
            ("SELECT \"from\" <> 'it''s' FROM $", "SELECT \"from\" <> 'it''s' FROM $"),
            ("SELECT 'ä' FROM events", "SELECT 'ä' FROM events"),
            ("SELECT extract(day FROM $t), trim($a FROM $b)", "SELECT extract(day FROM $t), trim($a FROM $b)"),
            (
                "SELECT extract(day FROM (SELECT 1 FROM $EDS))",
                "SELECT extract(day FROM (SELECT 1 FROM cloudtrail_lake))",
            ),
        ] {
            assert_eq!(stores_named(sql), expected);
        }
    }
}
