//! Trino's functions over regular expressions: every match is replaced, groups are named by `$1`, what a group doesn't
//! match is NULL.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, StringViewArray};
use arrow::datatypes::DataType;
use datafusion::common::exec_err;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::ScalarUDF;
use regex::{Captures, Regex, RegexBuilder};

use super::plain::{Plain, TEXT, integer_at, integers, returns, text_at, text_list, text_lists, texts};

const INT: DataType = DataType::Int64;

/// The functions of this file.
pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![
        Plain::of(
            "regexp_replace",
            &[&[TEXT, TEXT], &[TEXT, TEXT, TEXT], &[TEXT, TEXT, TEXT, TEXT]],
            returns!(TEXT),
            replace,
        ),
        Plain::of("regexp_extract", &[&[TEXT, TEXT], &[TEXT, TEXT, INT]], returns!(TEXT), extract),
        Plain::of("regexp_extract_all", &[&[TEXT, TEXT], &[TEXT, TEXT, INT]], returns!(text_list()), extract_all),
        Plain::of("regexp_split", &[&[TEXT, TEXT]], returns!(text_list()), split),
        Plain::of(
            "regexp_position",
            &[&[TEXT, TEXT], &[TEXT, TEXT, INT], &[TEXT, TEXT, INT, INT]],
            returns!(INT),
            position,
        ),
    ]
}

/// The expression of the row before, which mostly is that of the next.
#[derive(Default)]
struct Compiled {
    pattern: String,
    flags: String,
    regex: Option<Regex>,
}

impl Compiled {
    fn get(&mut self, pattern: &str, flags: &str) -> Result<&Regex> {
        if self.regex.is_none() || self.pattern != pattern || self.flags != flags {
            self.regex = Some(compile(pattern, flags)?);
            pattern.clone_into(&mut self.pattern);
            flags.clone_into(&mut self.flags);
        }
        match &self.regex {
            Some(regex) => Ok(regex),
            None => datafusion::common::internal_err!("a regular expression was not kept"),
        }
    }
}

fn compile(pattern: &str, flags: &str) -> Result<Regex> {
    let has = |flag: char| flags.contains(flag);
    if let Some(other) = flags.chars().find(|flag| !"gimsx".contains(*flag)) {
        return exec_err!("a regular expression has no flag {other}");
    }
    RegexBuilder::new(pattern)
        .case_insensitive(has('i'))
        .multi_line(has('m'))
        .dot_matches_new_line(has('s'))
        .ignore_whitespace(has('x'))
        .build()
        .map_err(|error| {
            let hint = if pattern.contains("(?=") || pattern.contains("(?!") || pattern.contains("(?<") {
                "\nhint: look-around and back references are not part of these regular expressions"
            } else {
                ""
            };
            DataFusionError::Execution(format!("{error}{hint}"))
        })
}

/// `regexp_replace(text, pattern)`, `(text, pattern, replacement)`; with flags as PostgreSQL has it, where only `g`
/// replaces every match.
fn replace(arrays: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    let (text, pattern) = (texts(arrays, 0)?, texts(arrays, 1)?);
    let replacement = arrays.get(2).map(|_| texts(arrays, 2)).transpose()?;
    let flags = arrays.get(3).map(|_| texts(arrays, 3)).transpose()?;
    let mut compiled = Compiled::default();
    let mut rows = Vec::with_capacity(text.len());
    for row in 0..text.len() {
        let replacement = replacement.map_or(Some(""), |texts| text_at(texts, row));
        let flags = flags.map(|texts| text_at(texts, row));
        let (Some(text), Some(pattern), Some(replacement), false) =
            (text_at(text, row), text_at(pattern, row), replacement, flags == Some(None))
        else {
            rows.push(None);
            continue;
        };
        let flags = flags.flatten();
        let regex = compiled.get(pattern, flags.unwrap_or_default())?;
        let parts = template(replacement, flags.is_some());
        let limit = if flags.is_some_and(|flags| !flags.contains('g')) { 1 } else { 0 };
        rows.push(Some(regex.replacen(text, limit, |found: &Captures<'_>| filled(&parts, found)).into_owned()));
    }
    Ok(Arc::new(rows.into_iter().collect::<StringViewArray>()))
}

/// A part of a replacement.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Group(usize),
    Named(String),
}

/// Reads `$1`, `${name}`, `\$`; with PostgreSQL's flags `\1` as well. As many digits belong to a group's number as there
/// are, as in Java.
fn template(replacement: &str, is_postgres: bool) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut rest = replacement;
    while let Some(letter) = rest.chars().next() {
        let behind = rest.get(letter.len_utf8()..).unwrap_or_default();
        let digits = behind.find(|c: char| !c.is_ascii_digit()).unwrap_or(behind.len());
        let group = behind.get(..digits).and_then(|digits| digits.parse::<usize>().ok());
        let name = behind.strip_prefix('{').and_then(|name| name.split_once('}'));
        match (letter, group, name) {
            ('$', Some(group), _) => {
                parts.push(Part::Text(std::mem::take(&mut text)));
                parts.push(Part::Group(group));
                rest = behind.get(digits..).unwrap_or_default();
            }
            ('\\', Some(group), _) if is_postgres => {
                parts.push(Part::Text(std::mem::take(&mut text)));
                parts.push(Part::Group(group));
                rest = behind.get(digits..).unwrap_or_default();
            }
            ('$', None, Some((name, behind))) => {
                parts.push(Part::Text(std::mem::take(&mut text)));
                parts.push(match name.parse() {
                    Ok(group) => Part::Group(group),
                    Err(_) => Part::Named(name.to_owned()),
                });
                rest = behind;
            }
            ('\\', _, _) => {
                let literal = behind.chars().next();
                text.extend(literal.or(Some('\\')));
                rest = behind.get(literal.map_or(0, char::len_utf8)..).unwrap_or_default();
            }
            _ => {
                text.push(letter);
                rest = behind;
            }
        }
    }
    parts.push(Part::Text(text));
    parts
}

fn filled(parts: &[Part], found: &Captures<'_>) -> String {
    parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => text.as_str(),
            Part::Group(group) => found.get(*group).map_or("", |part| part.as_str()),
            Part::Named(name) => found.name(name).map_or("", |part| part.as_str()),
        })
        .collect()
}

/// Which group is meant: the whole match where none is said.
fn group(regex: &Regex, groups: Option<&Int64Array>, row: usize) -> Result<Option<usize>> {
    let Some(groups) = groups else { return Ok(Some(0)) };
    let Some(group) = integer_at(groups, row) else { return Ok(None) };
    match usize::try_from(group).ok().filter(|group| *group < regex.captures_len()) {
        Some(group) => Ok(Some(group)),
        None => exec_err!("the regular expression has {} groups, not {group}", regex.captures_len() - 1),
    }
}

fn extract(arrays: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    let (text, pattern) = (texts(arrays, 0)?, texts(arrays, 1)?);
    let groups = arrays.get(2).map(|_| integers(arrays, 2)).transpose()?;
    let mut compiled = Compiled::default();
    let mut rows: Vec<Option<&str>> = Vec::with_capacity(text.len());
    for row in 0..text.len() {
        let (Some(text), Some(pattern)) = (text_at(text, row), text_at(pattern, row)) else {
            rows.push(None);
            continue;
        };
        let regex = compiled.get(pattern, "")?;
        let group = group(regex, groups, row)?;
        rows.push(match group {
            Some(0) => regex.find(text).map(|found| found.as_str()),
            Some(group) => regex.captures(text).and_then(|found| found.get(group)).map(|part| part.as_str()),
            None => None,
        });
    }
    Ok(Arc::new(rows.into_iter().collect::<StringViewArray>()))
}

fn extract_all(arrays: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    let (text, pattern) = (texts(arrays, 0)?, texts(arrays, 1)?);
    let groups = arrays.get(2).map(|_| integers(arrays, 2)).transpose()?;
    let mut compiled = Compiled::default();
    let mut rows = Vec::with_capacity(text.len());
    for row in 0..text.len() {
        let (Some(text), Some(pattern)) = (text_at(text, row), text_at(pattern, row)) else {
            rows.push(None);
            continue;
        };
        let regex = compiled.get(pattern, "")?;
        let group = group(regex, groups, row)?;
        let owned = |part: regex::Match<'_>| part.as_str().to_owned();
        rows.push(group.map(|group| regex.captures_iter(text).map(|found| found.get(group).map(owned)).collect()));
    }
    Ok(text_lists(rows.into_iter()))
}

fn split(arrays: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    let (text, pattern) = (texts(arrays, 0)?, texts(arrays, 1)?);
    let mut compiled = Compiled::default();
    let mut rows = Vec::with_capacity(text.len());
    for row in 0..text.len() {
        rows.push(match (text_at(text, row), text_at(pattern, row)) {
            (Some(text), Some(pattern)) => {
                Some(compiled.get(pattern, "")?.split(text).map(|part| Some(part.to_owned())).collect())
            }
            _ => None,
        });
    }
    Ok(text_lists(rows.into_iter()))
}

/// `regexp_position(text, pattern, start, occurrence)`: the letter at which it begins, -1 where it doesn't.
fn position(arrays: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    let (text, pattern) = (texts(arrays, 0)?, texts(arrays, 1)?);
    let starts = arrays.get(2).map(|_| integers(arrays, 2)).transpose()?;
    let occurrences = arrays.get(3).map(|_| integers(arrays, 3)).transpose()?;
    let mut compiled = Compiled::default();
    let mut rows = Vec::with_capacity(text.len());
    for row in 0..text.len() {
        let start = starts.map_or(Some(1), |starts| integer_at(starts, row));
        let occurrence = occurrences.map_or(Some(1), |occurrences| integer_at(occurrences, row));
        let (Some(text), Some(pattern), Some(start), Some(occurrence)) =
            (text_at(text, row), text_at(pattern, row), start, occurrence)
        else {
            rows.push(None);
            continue;
        };
        let (Ok(skip), Ok(nth)) = (usize::try_from(start - 1), usize::try_from(occurrence - 1)) else {
            return exec_err!("regexp_position: start and occurrence are counted from 1");
        };
        let begin = text.char_indices().nth(skip).map_or(text.len(), |(at, _)| at);
        let regex = compiled.get(pattern, "")?;
        // The whole text is looked at, so that `^` means its beginning.
        let found = regex.find_iter(text).filter(|found| found.start() >= begin).nth(nth);
        let letters = found.and_then(|found| text.get(..found.start())).map(|before| before.chars().count() + 1);
        rows.push(Some(letters.and_then(|letters| i64::try_from(letters).ok()).unwrap_or(-1)));
    }
    Ok(Arc::new(rows.into_iter().collect::<Int64Array>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(text: &str, pattern: &str, replacement: &str) -> String {
        let parts = template(replacement, false);
        Regex::new(pattern).unwrap().replace_all(text, |found: &Captures<'_>| filled(&parts, found)).into_owned()
    }

    #[test]
    fn replacements_name_groups_as_java_does() {
        assert_eq!(replaced("1a 2b 14m", r"(\d+)([ab]) ", "3c$2 "), "3ca 3cb 14m");
        assert_eq!(replaced("ab", "(a)(b)", "$2x$1"), "bxa");
        assert_eq!(replaced("ab", "(?P<first>a)", "${first}${first}"), "aab");
        assert_eq!(replaced("a", "a", r"\$1"), "$1");
        assert_eq!(replaced("a", "(a)|(b)", "<$2>"), "<>");
        assert_eq!(replaced("a", "a", "$"), "$");
        assert_eq!(template("\\1", true), [Part::Text(String::new()), Part::Group(1), Part::Text(String::new())]);
    }
}
