//! Trino's functions over text that DataFusion lacks or means otherwise: `substr`, `split`, `split_part`, `strpos`, ….

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, MapBuilder, StringBuilder, StringViewArray};
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::logical_expr::ScalarUDF;

use super::plain::{Plain, TEXT, integer_at, integers, returns, text_at, text_list, text_lists, texts};

const INT: DataType = DataType::Int64;

/// The functions of this file.
pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![
        Plain::of("substr", &[&[TEXT, INT], &[TEXT, INT, INT]], returns!(TEXT), substr).with_aliases(["substring"]),
        Plain::of("split", &[&[TEXT, TEXT], &[TEXT, TEXT, INT]], returns!(text_list()), split),
        Plain::of("split_part", &[&[TEXT, TEXT, INT]], returns!(TEXT), split_part),
        Plain::of("split_to_map", &[&[TEXT, TEXT, TEXT]], returns!(text_map()), split_to_map),
        Plain::of("strpos", &[&[TEXT, TEXT], &[TEXT, TEXT, INT]], returns!(INT), strpos),
        Plain::of("like_pattern", &[&[TEXT, TEXT]], returns!(TEXT), like_pattern),
    ]
}

/// `substr(text, start)`, `substr(text, start, length)`: the first letter is 1; below zero from the end; at 0 nothing.
fn substr(arrays: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    let (text, start) = (texts(arrays, 0)?, integers(arrays, 1)?);
    let length = arrays.get(2).map(|_| integers(arrays, 2)).transpose()?;
    let row = |row: usize| {
        let (text, start) = (text_at(text, row)?, integer_at(start, row)?);
        let length = match length {
            Some(lengths) => usize::try_from(integer_at(lengths, row)?.max(0)).unwrap_or(usize::MAX),
            None => usize::MAX,
        };
        Some(part(text, start, length))
    };
    Ok(Arc::new((0..text.len()).map(row).collect::<StringViewArray>()))
}

fn part(text: &str, start: i64, length: usize) -> &str {
    let skip = match start {
        0 => return "",
        1.. => usize::try_from(start - 1).unwrap_or(usize::MAX),
        _ => {
            let back = usize::try_from(start.unsigned_abs()).unwrap_or(usize::MAX);
            match text.chars().count().checked_sub(back) {
                Some(skip) => skip,
                None => return "",
            }
        }
    };
    let place = |letters: usize| text.char_indices().nth(letters).map_or(text.len(), |(at, _)| at);
    let begin = place(skip);
    let end = skip.checked_add(length).map_or(text.len(), place);
    text.get(begin..end).unwrap_or_default()
}

fn split(arrays: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    let (text, delimiter) = (texts(arrays, 0)?, texts(arrays, 1)?);
    let limits = arrays.get(2).map(|_| integers(arrays, 2)).transpose()?;
    let mut rows = Vec::with_capacity(text.len());
    for row in 0..text.len() {
        let limit = limits.map(|limits| integer_at(limits, row));
        let (Some(text), Some(delimiter), false) =
            (text_at(text, row), text_at(delimiter, row), matches!(limit, Some(None)))
        else {
            rows.push(None);
            continue;
        };
        if delimiter.is_empty() {
            return exec_err!("split: the delimiter is empty");
        }
        let owned = |part: &str| Some(part.to_owned());
        rows.push(Some(match limit.flatten() {
            None => text.split(delimiter).map(owned).collect(),
            Some(limit @ 1..) => {
                text.splitn(usize::try_from(limit).unwrap_or(usize::MAX), delimiter).map(owned).collect()
            }
            Some(limit) => return exec_err!("split: the limit {limit} is not positive"),
        }));
    }
    Ok(text_lists(rows.into_iter()))
}

/// `split_part(text, delimiter, n)`: NULL where there are fewer parts; below zero from the end, as PostgreSQL does.
fn split_part(arrays: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    let (text, delimiter, index) = (texts(arrays, 0)?, texts(arrays, 1)?, integers(arrays, 2)?);
    let mut parts: Vec<Option<&str>> = Vec::with_capacity(text.len());
    for row in 0..text.len() {
        let (Some(text), Some(delimiter), Some(index)) =
            (text_at(text, row), text_at(delimiter, row), integer_at(index, row))
        else {
            parts.push(None);
            continue;
        };
        let nth = |index: u64| usize::try_from(index - 1).unwrap_or(usize::MAX);
        parts.push(match index {
            0 => return exec_err!("split_part: parts are counted from 1"),
            // No delimiter leaves the text whole.
            1 | -1 if delimiter.is_empty() => Some(text),
            _ if delimiter.is_empty() => None,
            1.. => text.split(delimiter).nth(nth(index.unsigned_abs())),
            _ => text.rsplit(delimiter).nth(nth(index.unsigned_abs())),
        });
    }
    Ok(Arc::new(parts.into_iter().collect::<StringViewArray>()))
}

/// A map of texts.
fn text_map() -> DataType {
    let entry =
        Fields::from(vec![Field::new("keys", DataType::Utf8, false), Field::new("values", DataType::Utf8, true)]);
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entry), false)), false)
}

fn split_to_map(arrays: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    let (text, between, within) = (texts(arrays, 0)?, texts(arrays, 1)?, texts(arrays, 2)?);
    let mut maps = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for row in 0..text.len() {
        let (Some(text), Some(between), Some(within)) =
            (text_at(text, row), text_at(between, row), text_at(within, row))
        else {
            maps.append(false)?;
            continue;
        };
        if between.is_empty() || within.is_empty() {
            return exec_err!("split_to_map: a delimiter is empty");
        }
        let mut keys: Vec<&str> = Vec::new();
        for entry in text.split(between).filter(|entry| !entry.is_empty()) {
            let Some((key, value)) = entry.split_once(within) else {
                return exec_err!("split_to_map: {entry:?} has no {within:?}");
            };
            if keys.contains(&key) {
                return exec_err!("split_to_map: the key {key:?} is there twice");
            }
            keys.push(key);
            maps.keys().append_value(key);
            maps.values().append_value(value);
        }
        maps.append(true)?;
    }
    Ok(Arc::new(maps.finish()))
}

/// `strpos(text, part)`, `strpos(text, part, n)`: where the part stands the `n`th time, 0 where it doesn't; below zero from
/// the end.
fn strpos(arrays: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    let (text, part) = (texts(arrays, 0)?, texts(arrays, 1)?);
    let instances = arrays.get(2).map(|_| integers(arrays, 2)).transpose()?;
    let row = |row: usize| {
        let (text, part) = (text_at(text, row)?, text_at(part, row)?);
        let instance = instances.map_or(Some(1), |instances| integer_at(instances, row))?;
        position(text, part, instance)
    };
    Ok(Arc::new((0..text.len()).map(row).collect::<Int64Array>()))
}

fn position(text: &str, part: &str, instance: i64) -> Option<i64> {
    if part.is_empty() {
        return Some(1);
    }
    let nth = usize::try_from(instance.unsigned_abs().checked_sub(1)?).ok()?;
    let place = if instance > 0 { text.match_indices(part).nth(nth) } else { text.rmatch_indices(part).nth(nth) };
    let letters = place.and_then(|(at, _)| text.get(..at)).map_or(0, |before| before.chars().count() + 1);
    i64::try_from(letters).ok()
}

/// The pattern of a `LIKE` as DataFusion escapes it.
fn like_pattern(arrays: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    let (pattern, escape) = (texts(arrays, 0)?, texts(arrays, 1)?);
    let rows = pattern.iter().zip(escape.iter());
    let escaped = rows.map(|(pattern, escape)| Some(escaped(pattern?, escape.and_then(|e| e.chars().next()))));
    Ok(Arc::new(escaped.collect::<StringViewArray>()))
}

/// The pattern, escaped by `\` where it was by `escape`.
pub(in crate::query) fn escaped(pattern: &str, escape: Option<char>) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        match letter {
            letter if Some(letter) == escape => {
                let literal = letters.next().unwrap_or(letter);
                if matches!(literal, '%' | '_' | '\\') {
                    out.push('\\');
                }
                out.push(literal);
            }
            '\\' => out.push_str("\\\\"),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_escapes() {
        for (pattern, escape, expected) in [
            (r"CORP\bob%", None, r"CORP\\bob%"),
            (r"a\_b", None, r"a\\_b"),
            (r"a\_b", Some('\\'), r"a\_b"),
            (r"a\\b", Some('\\'), r"a\\b"),
            ("a!_b!!%", Some('!'), r"a\_b!%"),
            ("a#\\b", Some('#'), r"a\\b"),
            ("100!%", Some('!'), r"100\%"),
            ("end!", Some('!'), "end!"),
        ] {
            assert_eq!(escaped(pattern, escape), expected, "{pattern}");
        }
    }

    #[test]
    fn parts_are_counted_from_one() {
        for (start, length, expected) in [
            (1, usize::MAX, "größe"),
            (3, 2, "öß"),
            (0, usize::MAX, ""),
            (-2, usize::MAX, "ße"),
            (-2, 1, "ß"),
            (-6, usize::MAX, ""),
            (9, 1, ""),
            (1, 0, ""),
            (i64::MIN, 1, ""),
            (i64::MAX, usize::MAX, ""),
        ] {
            assert_eq!(part("größe", start, length), expected, "{start} {length}");
        }
    }

    #[test]
    fn positions_are_counted_in_letters() {
        assert_eq!(position("größe-größe", "ß", 1), Some(4));
        assert_eq!(position("größe-größe", "ß", 2), Some(10));
        assert_eq!(position("größe-größe", "ß", -1), Some(10));
        assert_eq!(position("größe", "x", 1), Some(0));
        assert_eq!(position("größe", "", 1), Some(1));
        assert_eq!(position("größe", "g", 0), None);
    }
}
