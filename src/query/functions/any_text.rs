//! The texts at a path of a JSON document, whatever lists lie between, and questions about any of them:
//! `json_texts`, `any_text`, `any_same_text`, `date_parts`. Sigma rules are asked with them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, ListArray, Scalar, StringViewArray};
use arrow::buffer::OffsetBuffer;
use arrow::compute::kernels::cmp;
use arrow::compute::{cast, or};
use arrow::datatypes::{DataType, Field};
use arrow::error::ArrowError;
use chrono::{DateTime, Datelike, NaiveDateTime, Timelike};
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use memchr::memmem;
use regex::Regex;
use serde_json::Value;

use super::address::Network;
use super::json_path::scalar;
use super::plain::{Plain, TEXT, returns, text_at, text_list, text_lists, texts};
use crate::time::parse_time;
use crate::util::json;

/// The functions of this file.
pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![
        Plain::of("json_texts", &[&[TEXT, TEXT]], returns!(text_list()), json_texts),
        Plain::of("date_parts", &[&[text_list(), TEXT], &[TEXT, TEXT]], returns!(text_list()), date_parts),
        ScalarUDF::from(Asked::new("any_text", 1, any_text)),
        ScalarUDF::from(Asked::new("any_same_text", 2, any_same_text)),
    ]
}

/// `json_texts(json, 'a.b')`: NULL where the document has nothing there. Of a list its elements, of an object its JSON
/// and every text, number and boolean in it; `null` gives nothing.
fn json_texts(arrays: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    let (documents, paths) = (texts(arrays, 0)?, texts(arrays, 1)?);
    let row = |row: usize| {
        let (document, path) = (text_at(documents, row)?, text_at(paths, row)?);
        let first = path.split('.').next().unwrap_or_default();
        // A key may be written with escapes: then only parsing tells.
        let bytes = document.as_bytes();
        if memmem::find(bytes, first.as_bytes()).is_none() && memchr::memchr(b'\\', bytes).is_none() {
            return None;
        }
        let mut found = Found::default();
        found.at(&json::value(document).ok()?, path);
        found.is_there.then_some(found.texts)
    };
    Ok(text_lists((0..documents.len()).map(row)))
}

/// What lies at a path.
#[derive(Default)]
struct Found {
    /// Something does, be it `null`.
    is_there: bool,
    texts: Vec<Option<String>>,
}

impl Found {
    fn at(&mut self, value: &Value, path: &str) {
        if path.is_empty() {
            return self.take(value);
        }
        match value {
            Value::Array(elements) => elements.iter().for_each(|element| self.at(element, path)),
            // A key may hold dots itself.
            Value::Object(members) => members.iter().for_each(|(key, inner)| match path.strip_prefix(key.as_str()) {
                Some("") => self.take(inner),
                Some(rest) => {
                    let further = rest.strip_prefix('.').filter(|rest| !rest.is_empty());
                    further.into_iter().for_each(|rest| self.at(inner, rest));
                }
                None => {}
            }),
            _ => {}
        }
    }

    fn take(&mut self, value: &Value) {
        self.is_there = true;
        match value {
            Value::Array(elements) => elements.iter().for_each(|element| self.take(element)),
            Value::Object(_) => {
                self.texts.push(Some(value.to_string()));
                self.within(value);
            }
            value => self.texts.extend(scalar(value).map(Some)),
        }
    }

    fn within(&mut self, value: &Value) {
        match value {
            Value::Array(elements) => elements.iter().for_each(|element| self.within(element)),
            Value::Object(members) => members.values().for_each(|member| self.within(member)),
            value => self.texts.extend(scalar(value).map(Some)),
        }
    }
}

/// `date_parts(texts, 'hour')`: of each text that is a time its minute, hour, day, week (ISO 8601), month or year, UTC
/// where it names an offset.
fn date_parts(arrays: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    let lists = lists_of(arrays, 0)?;
    let names = texts(arrays, 1)?;
    let mut rows = Vec::with_capacity(lists.len());
    for row in 0..lists.len() {
        let (true, Some(name)) = (lists.is_valid(row), text_at(names, row)) else {
            rows.push(None);
            continue;
        };
        let list = lists.value(row);
        let mut parts = Vec::new();
        for time in list.as_string_view().iter().flatten().filter_map(time) {
            parts.push(Some(part(time, name)?.to_string()));
        }
        rows.push(Some(parts));
    }
    Ok(text_lists(rows.into_iter()))
}

/// A time as services write them.
fn time(text: &str) -> Option<NaiveDateTime> {
    if let Some(time_us) = parse_time(text) {
        return DateTime::from_timestamp_micros(time_us).map(|time| time.naive_utc());
    }
    // As `responseElements.credentials.expiration` has it.
    let forms = ["%b %e, %Y %I:%M:%S %p", "%b %e, %Y, %I:%M:%S %p"];
    forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
}

fn part(time: NaiveDateTime, name: &str) -> Result<i64> {
    Ok(match name {
        "minute" => time.minute().into(),
        "hour" => time.hour().into(),
        "day" => time.day().into(),
        "week" => time.iso_week().week().into(),
        "month" => time.month().into(),
        "year" => time.year().into(),
        _ => return exec_err!("{name:?} is no part of a time\nhint: minute, hour, day, week, month, year"),
    })
}

/// A function of a list of texts and of what is asked about it, true or false: never NULL.
struct Asked {
    name: &'static str,
    /// So many arguments are lists; those behind them are constants.
    lists: usize,
    signature: Signature,
    body: fn(&[ArrayRef]) -> Result<BooleanArray>,
}

impl Asked {
    fn new(name: &'static str, lists: usize, body: fn(&[ArrayRef]) -> Result<BooleanArray>) -> Asked {
        Asked { name, lists, signature: Signature::variadic_any(Volatility::Immutable), body }
    }
}

impl std::fmt::Debug for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// No two functions have one name.
impl PartialEq for Asked {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Asked {}

impl std::hash::Hash for Asked {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Asked {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = |(at, value): (usize, &ColumnarValue)| match value {
            _ if at < self.lists => value.to_array(args.number_rows),
            ColumnarValue::Scalar(_) => value.to_array(1),
            ColumnarValue::Array(_) => exec_err!("{}: what is asked of the texts has to be constant", self.name),
        };
        let arrays: Vec<ArrayRef> = args.args.iter().enumerate().map(rows).collect::<Result<_>>()?;
        Ok(ColumnarValue::Array(Arc::new((self.body)(&arrays)?)))
    }
}

/// The constants from an argument on, as texts.
fn constants(arrays: &[ArrayRef], from: usize) -> Result<Vec<StringViewArray>> {
    let constants = arrays.get(from..).unwrap_or_default().iter();
    constants
        .map(|array| {
            let text = cast(&array.slice(0, array.len().min(1)), &TEXT)?;
            Ok(text.as_string_view().clone())
        })
        .collect()
}

/// An argument that is a list of texts, or a text, which is a list of one.
fn lists_of(arrays: &[ArrayRef], at: usize) -> Result<ListArray> {
    let Some(array) = arrays.get(at) else { return exec_err!("a list of texts is wanted") };
    if matches!(array.data_type(), DataType::List(_)) {
        return Ok(cast(array, &text_list())?.as_list::<i32>().clone());
    }
    let values = cast(array, &TEXT)?;
    let element = Arc::new(Field::new_list_field(TEXT, true));
    let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(1, values.len()));
    Ok(ListArray::try_new(element, offsets, values, None)?)
}

/// `any_text(texts, operator, value, …)`: whether any text meets any of the values. Operators are `like`, `ilike` (with
/// `\` before what is meant as it is), `regex`, `cidr`, `=`, `<`, `<=`, `>`, `>=` (of numbers).
fn any_text(arrays: &[ArrayRef]) -> Result<BooleanArray> {
    let lists = lists_of(arrays, 0)?;
    let values = lists.values().as_string_view();
    let asked = constants(arrays, 1)?;
    let Some((operator, asked)) = asked.split_first() else {
        return exec_err!("any_text takes a list of texts, an operator and values");
    };
    let operator = text_at(operator, 0).unwrap_or_default();
    let mut hits: Option<BooleanArray> = None;
    for value in asked {
        let more = met(values, operator, value)?;
        hits = Some(match hits {
            Some(hits) => or(&hits, &more)?,
            None => more,
        });
    }
    Ok(hits.map_or_else(|| BooleanArray::from(vec![false; lists.len()]), |hits| any(&lists, &hits)))
}

/// For each list whether one of its elements is hit.
fn any(lists: &ListArray, hits: &BooleanArray) -> BooleanArray {
    let is_hit = |at: usize| hits.is_valid(at) && hits.value(at);
    let offsets = lists.value_offsets();
    let bounds = offsets.iter().zip(offsets.iter().skip(1));
    let place = |offset: i32| usize::try_from(offset).unwrap_or(0);
    bounds
        .enumerate()
        .map(|(row, (begin, end))| Some(lists.is_valid(row) && (place(*begin)..place(*end)).any(is_hit)))
        .collect()
}

/// Which texts meet a value.
fn met(values: &StringViewArray, operator: &str, asked: &StringViewArray) -> Result<BooleanArray> {
    let Some(text) = text_at(asked, 0) else { return Ok(BooleanArray::from(vec![false; values.len()])) };
    let each = |test: &dyn Fn(&str) -> bool| values.iter().map(|value| Some(test(value?))).collect();
    let finite = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    let number = |test: fn(f64, f64) -> bool| -> Result<BooleanArray> {
        match finite(text) {
            Some(number) => Ok(each(&|value| finite(value).is_some_and(|value| test(value, number)))),
            None => exec_err!("any_text: {text:?} is no number"),
        }
    };
    let pattern = Scalar::new(asked.clone());
    Ok(match operator {
        "like" => arrow::compute::like(values, &pattern)?,
        "ilike" => arrow::compute::ilike(values, &pattern)?,
        "regex" => match Regex::new(text) {
            Ok(regex) => each(&|value| regex.is_match(value)),
            Err(error) => return exec_err!("any_text: {text:?} is no regular expression: {error}"),
        },
        "cidr" => match Network::parse(text) {
            Some(network) => each(&|value| network.holds(value) == Some(true)),
            None => return exec_err!("any_text: {text:?} is no network\nhint: 10.0.0.0/8"),
        },
        "=" => number(|a, b| a == b)?,
        "<" => number(|a, b| a < b)?,
        "<=" => number(|a, b| a <= b)?,
        ">" => number(|a, b| a > b)?,
        ">=" => number(|a, b| a >= b)?,
        _ => {
            return exec_err!("any_text has no operator {operator:?}\nhint: like, ilike, regex, cidr, =, <, <=, >, >=");
        }
    })
}

type Pair = fn(&dyn arrow::array::Datum, &dyn arrow::array::Datum) -> Result<BooleanArray, ArrowError>;

/// `any_same_text(texts, texts, 'same')`: whether any text of the one list is one of the other, begins or ends with it
/// or contains it (`same`, `starts_with`, `ends_with`, `contains`; with an `i` in front whatever the case).
fn any_same_text(arrays: &[ArrayRef]) -> Result<BooleanArray> {
    let (ours, theirs) = (lists_of(arrays, 0)?, lists_of(arrays, 1)?);
    let asked = constants(arrays, 2)?;
    let how = asked.first().and_then(|how| text_at(how, 0)).unwrap_or_default();
    let (how, ignores_case) = match how.strip_prefix('i') {
        Some(how) => (how, true),
        None => (how, false),
    };
    let compare: Pair = match how {
        "same" => cmp::eq,
        "starts_with" => arrow::compute::starts_with,
        "ends_with" => arrow::compute::ends_with,
        "contains" => arrow::compute::contains,
        _ => {
            return exec_err!(
                "any_same_text does not compare by {how:?}\nhint: same, starts_with, ends_with, contains; \
                 isame, … whatever the case"
            );
        }
    };
    let texts = |list: ArrayRef| -> StringViewArray {
        let texts = list.as_string_view();
        match ignores_case {
            true => texts.iter().map(|text| text.map(str::to_lowercase)).collect(),
            false => texts.clone(),
        }
    };
    let row = |row: usize| -> Result<bool> {
        if ours.is_null(row) || theirs.is_null(row) {
            return Ok(false);
        }
        let (ours, theirs) = (texts(ours.value(row)), texts(theirs.value(row)));
        for other in theirs.iter().flatten() {
            let hits = compare(&ours, &Scalar::new(StringViewArray::from(vec![other])))?;
            if hits.true_count() > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    };
    (0..ours.len().min(theirs.len())).map(|at| row(at).map(Some)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(path: &str) -> Option<Vec<String>> {
        let document = r#"{"a":{"b":[{"c":"x"},{"c":[1.50,null,true]},{"d":0}],"e.f":{"g":"y"}},"n":null,"l":[]}"#;
        let mut found = Found::default();
        found.at(&json::value(document).unwrap(), path);
        found.is_there.then(|| found.texts.into_iter().flatten().collect())
    }

    #[test]
    fn texts_at_paths() {
        let texts = |texts: &[&str]| Some(texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        assert_eq!(at("a.b.c"), texts(&["x", "1.50", "true"]));
        assert_eq!(at("a.b.d"), texts(&["0"]));
        assert_eq!(at("a.e.f.g"), texts(&["y"]));
        assert_eq!(at("a.e.f"), texts(&[r#"{"g":"y"}"#, "y"]));
        assert_eq!((at("n"), at("l")), (texts(&[]), texts(&[])));
        for nothing in ["z", "a.z", "a.b.c.d", "n.x", "a.e", "a.", "."] {
            assert_eq!(at(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn times_have_parts() {
        let parts = |text: &str| {
            let time = time(text)?;
            Some(["year", "month", "week", "day", "hour", "minute"].map(|name| part(time, name).unwrap()))
        };
        assert_eq!(parts("2024-12-30T23:59:07Z"), Some([2024, 12, 1, 30, 23, 59]));
        assert_eq!(parts("Jul 10, 2023 1:02:03 PM"), Some([2023, 7, 28, 10, 13, 2]));
        assert_eq!(parts("2024-03-01T01:30:00+02:00"), Some([2024, 2, 9, 29, 23, 30]));
        assert_eq!(parts("no time"), None);
    }
}
