//! Completion: what may stand where the cursor is.

use std::rc::Rc;

use super::commands::{COMMANDS, find};
use super::known::Known;
use super::script::skipped;
use crate::query::{Format, Library};

/// Words of SQL that are offered, and coloured. Not all there are: names of columns among them would be no help.
pub(super) const KEYWORDS: &[&str] = &[
    "ALL",
    "AND",
    "ANY",
    "AS",
    "ASC",
    "BETWEEN",
    "BY",
    "CASE",
    "CAST",
    "COPY",
    "CREATE",
    "CROSS",
    "DATE",
    "DESC",
    "DESCRIBE",
    "DISTINCT",
    "DROP",
    "ELSE",
    "END",
    "EXCEPT",
    "EXCLUDE",
    "EXISTS",
    "EXPLAIN",
    "EXTERNAL",
    "FALSE",
    "FILTER",
    "FIRST",
    "FROM",
    "FULL",
    "FUNCTIONS",
    "GROUP",
    "HAVING",
    "ILIKE",
    "IN",
    "INNER",
    "INTERSECT",
    "INTERVAL",
    "IS",
    "JOIN",
    "LAST",
    "LEFT",
    "LIKE",
    "LIMIT",
    "NOT",
    "NULL",
    "NULLS",
    "OFFSET",
    "ON",
    "OR",
    "ORDER",
    "OUTER",
    "OVER",
    "PARTITION",
    "RIGHT",
    "SELECT",
    "SHOW",
    "SUMMARIZE",
    "TABLE",
    "TABLES",
    "THEN",
    "TIMESTAMP",
    "TRUE",
    "UNION",
    "UNNEST",
    "USING",
    "VALUES",
    "VIEW",
    "WHEN",
    "WHERE",
    "WITH",
];

/// Words behind which a table is named.
const BEFORE_TABLES: &[&str] = &["FROM", "JOIN", "DESCRIBE", "SUMMARIZE", "TABLE", "VIEW"];

/// What may stand at the cursor: from where on it replaces what is there, and what is shown and put for each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Offered {
    pub start: usize,
    /// What is shown, and what takes the place.
    pub candidates: Vec<(String, String)>,
}

/// Offers what may stand at the end of `text`, a text up to the cursor; `behind` is what stands behind it.
pub(super) fn offered(text: &str, behind: &str, known: &Known, library: &Library) -> Offered {
    let lines_begin = text.rfind('\n').map_or(0, |at| at + 1);
    let line = text.get(lines_begin..).unwrap_or_default();
    if line.starts_with(['.', '\\']) {
        return of_command(line, lines_begin, known, library);
    }
    match open_text(text) {
        Some(open) => of_value(text, open, behind, known),
        None => of_name(text, behind, known, library),
    }
}

fn plain(start: usize, names: impl IntoIterator<Item = String>) -> Offered {
    Offered { start, candidates: names.into_iter().map(|name| (name.clone(), name)).collect() }
}

fn of_command(line: &str, begin: usize, known: &Known, library: &Library) -> Offered {
    let Some((name, rest)) = line.split_once(' ') else {
        let names = COMMANDS.iter().flat_map(|command| command.names).filter(|name| name.starts_with(line));
        return plain(begin, names.map(|name| (*name).to_owned()));
    };
    let word = rest.rsplit(' ').next().unwrap_or_default();
    let start = begin + line.len() - word.len();
    let matching = |names: Vec<String>| plain(start, names.into_iter().filter(|name| name.starts_with(word)));
    let Some(command) = find(name) else { return Offered::default() };
    match command.names.first().copied().unwrap_or_default() {
        ".schema" => matching(known.tables()),
        ".mode" => matching(Format::all().map(|(name, _)| name).collect()),
        ".timer" | "\\x" => matching(vec!["on".to_owned(), "off".to_owned()]),
        ".help" => matching(COMMANDS.iter().flat_map(|known| known.names).map(|name| (*name).to_owned()).collect()),
        ".output" => matching(vec!["stdout".to_owned()]),
        ".queries" => matching(library.iter().map(|(name, _)| name.to_owned()).collect()),
        ".run" if rest.contains(' ') => {
            let query = rest.split(' ').next().unwrap_or_default();
            let names = library.get(query).map(crate::query::Named::parameter_names).unwrap_or_default();
            matching(names.into_iter().map(|name| format!("{name}=")).collect())
        }
        ".run" => matching(library.iter().map(|(name, _)| name.to_owned()).collect()),
        ".explain" => {
            let begun = line.len() - rest.len();
            let offered = of_name(line.get(begun..).unwrap_or_default(), "", known, library);
            Offered { start: begin + begun + offered.start, ..offered }
        }
        _ => Offered::default(),
    }
}

/// Where a text in single quotes begins that is open at the end.
fn open_text(text: &str) -> Option<usize> {
    let mut at = 0;
    while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let skipped = skipped(text, at);
        let end = at + skipped.unwrap_or(c.len_utf8());
        if c == '\'' && end >= text.len() {
            let is_closed = text.len() > at + 1 && text.ends_with('\'');
            return (!is_closed).then_some(at);
        }
        at = end;
    }
    None
}

/// The names and signs before a place, the last one first.
fn words_before(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut at = 0;
    while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let skipped = skipped(text, at);
        let is_text = skipped.is_some() && c == '\'';
        if c.is_alphanumeric() || matches!(c, '_' | '.' | '"') && !is_text {
            word.push(c);
            at += c.len_utf8();
            continue;
        }
        words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
        if is_text {
            words.push("'".to_owned());
        } else if !c.is_whitespace() && skipped.is_none() {
            words.push(c.to_string());
        }
        at += skipped.unwrap_or(c.len_utf8());
    }
    words.extend((!word.is_empty()).then_some(word));
    words.reverse();
    words
}

/// The column that a text is compared with: `event_name = '`, `event_name IN ('a', '`, `event_name NOT LIKE '`.
fn compared(before: &str) -> Option<String> {
    let words = words_before(before);
    let mut words = words.iter().map(String::as_str).skip_while(|word| matches!(*word, "'" | "," | "(")).peekable();
    let is_operator = |word: &str| {
        matches!(word, "=" | "<" | ">" | "!")
            || ["IN", "LIKE", "ILIKE", "NOT", "ANY"].iter().any(|known| known.eq_ignore_ascii_case(word))
    };
    let mut has_operator = false;
    while words.next_if(|word| is_operator(word)).is_some() {
        has_operator = true;
    }
    let column = words.next().filter(|_| has_operator)?;
    Some(column.rsplit('.').next().unwrap_or(column).trim_matches('"').to_owned())
}

fn of_value(text: &str, open: usize, behind: &str, known: &Known) -> Offered {
    let begun = text.get(open + 1..).unwrap_or_default();
    let Some(column) = compared(text.get(..open).unwrap_or_default()) else { return Offered::default() };
    let end = if behind.starts_with('\'') { "" } else { "'" };
    let matching: Vec<String> = known.values(&column).iter().filter(|value| begins(value, begun)).cloned().collect();
    let candidates = matching.into_iter().map(|value| {
        let put = format!("{}{end}", value.replace('\'', "''"));
        (value, put)
    });
    Offered { start: open + 1, candidates: candidates.collect() }
}

fn begins(name: &str, begun: &str) -> bool {
    name.get(..begun.len()).is_some_and(|front| front.eq_ignore_ascii_case(begun))
}

fn is_letter(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn of_name(text: &str, behind: &str, known: &Known, library: &Library) -> Offered {
    let begun_at = text
        .rfind(|c| !is_letter(c) && c != '.')
        .map_or(0, |at| at + text.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8));
    let begun = text.get(begun_at..).unwrap_or_default();
    let before = words_before(text.get(..begun_at).unwrap_or_default());
    if begun.is_empty() && before.is_empty() {
        return Offered::default();
    }
    let statement = format!("{text}{behind}");
    let tables = tables_in(&statement, known);
    if let Some((table, name)) = begun.rsplit_once('.') {
        let start = begun_at + table.len() + 1;
        let columns = columns_of(table, &tables, known);
        return plain(start, columns.iter().filter(|column| begins(column, name)).cloned());
    }
    let is_table =
        before.first().is_some_and(|word| BEFORE_TABLES.iter().any(|known| known.eq_ignore_ascii_case(word)));
    let mut names: Vec<String> = Vec::new();
    if is_table {
        names.extend(known.tables());
    } else {
        for (table, _) in &tables {
            names.extend(known.columns(table).iter().cloned());
        }
        if tables.is_empty() {
            names.extend(known.columns("events").iter().cloned());
        }
        if !begun.is_empty() {
            names.extend(known.functions().iter().map(|name| format!("{name}(")));
            names.extend(KEYWORDS.iter().map(|word| (*word).to_owned()));
            names.extend(tables.iter().flat_map(|(_, alias)| alias.clone()));
            if before.is_empty() {
                names.extend(library.iter().map(|(name, _)| name.to_owned()));
            }
        }
    }
    names.retain(|name| begins(name, begun));
    names.sort_by_key(|name| name.ends_with('('));
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.to_lowercase()));
    plain(begun_at, names)
}

fn columns_of(name: &str, tables: &[(String, Option<String>)], known: &Known) -> Rc<Vec<String>> {
    let is_alias = |alias: &Option<String>| alias.as_ref().is_some_and(|alias| alias.eq_ignore_ascii_case(name));
    match tables.iter().find(|(_, alias)| is_alias(alias)) {
        Some((table, _)) => known.columns(table),
        None => known.columns(&name.to_lowercase()),
    }
}

/// The tables that a statement names, with their aliases.
fn tables_in(statement: &str, known: &Known) -> Vec<(String, Option<String>)> {
    let mut words = words_before(statement);
    words.reverse();
    let there = known.tables();
    let mut found = Vec::new();
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        let lower = word.to_lowercase();
        if !there.contains(&lower) {
            continue;
        }
        words.next_if(|word| word.eq_ignore_ascii_case("AS"));
        let is_name = |word: &&String| {
            word.chars().all(is_letter) && !KEYWORDS.iter().any(|keyword| keyword.eq_ignore_ascii_case(word))
        };
        let alias = words.next_if(is_name).cloned();
        if !found.contains(&(lower.clone(), alias.clone())) {
            found.push((lower, alias));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_compared_with_the_column_before_it() {
        for (before, column) in [
            ("SELECT * FROM events WHERE event_name = ", Some("event_name")),
            ("WHERE e.event_source IN ('a', 'b', ", Some("event_source")),
            ("WHERE \"aws_region\" NOT LIKE ", Some("aws_region")),
            ("WHERE outcome <> ", Some("outcome")),
            ("SELECT ", None),
            ("SELECT concat(", None),
        ] {
            assert_eq!(compared(before).as_deref(), column, "{before}");
        }
    }

    #[test]
    fn texts_are_open_until_their_quote() {
        for (text, open) in [("a = 'b", Some(4)), ("a = 'b'", None), ("a = 'b' OR c = '", Some(15)), ("-- it's", None)]
        {
            assert_eq!(open_text(text), open, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "([a-z;'\"$\\\\/*. é-]|\n|--|/\\*|\\*/| FROM ){0,24}") {
            let _ = (open_text(&text), compared(&text), words_before(&text));
        }
    }
}
