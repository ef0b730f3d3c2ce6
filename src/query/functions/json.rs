//! Trino's and DuckDB's functions over JSON, which is text here.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::json::EncoderOptions;
use arrow::json::writer::make_encoder;
use datafusion::common::{exec_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::ScalarUDF;
use serde_json::Value;

use super::json_path::{JsonPath, scalar, text};
use super::json_types::{Shape, column};
use super::plain::{Plain, TEXT, integer_at, integers, returns, text_at, texts};
use crate::util::json;

const INT: DataType = DataType::Int64;

/// The functions of this file.
pub(super) fn functions() -> Vec<ScalarUDF> {
    let text_of_path = |name, body| Plain::of(name, &[&[TEXT, TEXT]], returns!(TEXT), body);
    vec![
        text_of_path("json_extract", |arrays, _| {
            by_path(arrays, |path, document| path.extract(document).map(|value| value.to_string()))
        }),
        // What `[*]` leads to is a list, be it of one.
        text_of_path("json_extract_scalar", |arrays, _| {
            by_path(arrays, |path, document| scalar(&path.extract(document)?))
        }),
        text_of_path("json_value", |arrays, _| by_path(arrays, JsonPath::extract_scalar)),
        text_of_path("json_query", |arrays, _| {
            by_path(arrays, |path, document| path.extract(document).map(|value| value.to_string()))
        }),
        text_of_path("json_extract_string", |arrays, _| {
            by_path(arrays, |path, document| text(&path.extract(document)?))
        }),
        Plain::of("json_exists", &[&[TEXT, TEXT]], returns!(DataType::Boolean), exists),
        Plain::of("json_size", &[&[TEXT, TEXT]], returns!(INT), size),
        Plain::of("json_array_length", &[&[TEXT]], returns!(INT), array_length),
        Plain::of("json_array_get", &[&[TEXT, INT]], returns!(TEXT), array_get),
        Plain::of_any("json_array_contains", 2, returns!(DataType::Boolean), array_contains),
        Plain::of("json_contains", &[&[TEXT, TEXT]], returns!(DataType::Boolean), contains),
        Plain::of("is_json_scalar", &[&[TEXT]], returns!(DataType::Boolean), is_scalar),
        Plain::of("json_parse", &[&[TEXT]], returns!(TEXT), parse),
        Plain::of("try_json_parse", &[&[TEXT]], returns!(TEXT), |arrays, _| {
            documents(arrays, |document| Some(document.to_string()))
        }),
        Plain::of("json_text", &[&[TEXT]], returns!(TEXT), |arrays, _| documents(arrays, |document| text(&document))),
        Plain::of_any("to_json", 1, returns!(TEXT), to_json),
        Plain::of_any("json_as", 2, json_as_type, json_as),
    ]
}

/// The path of the row before, which mostly is that of the next.
#[derive(Default)]
struct Paths<'a> {
    last: Option<(&'a str, JsonPath)>,
}

impl<'a> Paths<'a> {
    fn get(&mut self, path: &'a str) -> Result<&JsonPath> {
        if self.last.as_ref().is_none_or(|(last, _)| *last != path) {
            let Some(parsed) = JsonPath::parse(path) else {
                return exec_err!("{path:?} is no JSON path\nhint: a path begins with $, as $.items[0].id");
            };
            self.last = Some((path, parsed));
        }
        match &self.last {
            Some((_, parsed)) => Ok(parsed),
            None => datafusion::common::internal_err!("a JSON path was not kept"),
        }
    }
}

/// What a function finds in each document. Text that is no JSON holds nothing.
fn each<T>(arrays: &[ArrayRef], find: impl Fn(&JsonPath, &Value) -> Option<T>) -> Result<Vec<Option<T>>> {
    let (json, paths) = (texts(arrays, 0)?, texts(arrays, 1)?);
    let mut parsed = Paths::default();
    let mut rows = Vec::with_capacity(json.len());
    for row in 0..json.len() {
        let Some(path) = text_at(paths, row) else {
            rows.push(None);
            continue;
        };
        let path = parsed.get(path)?;
        rows.push(text_at(json, row).and_then(|json| path.over(json, &find)));
    }
    Ok(rows)
}

fn by_path(arrays: &[ArrayRef], find: impl Fn(&JsonPath, &Value) -> Option<String>) -> Result<ArrayRef> {
    Ok(Arc::new(each(arrays, find)?.into_iter().collect::<StringViewArray>()))
}

fn exists(arrays: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    Ok(Arc::new(each(arrays, |path, document| Some(path.exists(document)))?.into_iter().collect::<BooleanArray>()))
}

/// `json_size(json, path)`: how many elements or members; 0 for a scalar.
fn size(arrays: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    let size = |path: &JsonPath, document: &Value| {
        i64::try_from(match path.extract(document)? {
            Value::Array(elements) => elements.len(),
            Value::Object(members) => members.len(),
            _ => 0,
        })
        .ok()
    };
    Ok(Arc::new(each(arrays, size)?.into_iter().collect::<Int64Array>()))
}

fn documents(arrays: &[ArrayRef], find: impl Fn(Value) -> Option<String>) -> Result<ArrayRef> {
    let rows = texts(arrays, 0)?.iter().map(|json| find(json::value(json?).ok()?));
    Ok(Arc::new(rows.collect::<StringViewArray>()))
}

fn array_length(arrays: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    let rows = texts(arrays, 0)?.iter().map(|json| match json::value(json?).ok()? {
        Value::Array(elements) => i64::try_from(elements.len()).ok(),
        _ => None,
    });
    Ok(Arc::new(rows.collect::<Int64Array>()))
}

/// `json_array_get(json, index)`: the first is 0, the last -1.
fn array_get(arrays: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    let (json, indexes) = (texts(arrays, 0)?, integers(arrays, 1)?);
    let row = |row: usize| {
        let (json, index) = (text_at(json, row)?, integer_at(indexes, row)?);
        let Value::Array(elements) = json::value(json).ok()? else { return None };
        let distance = usize::try_from(index.unsigned_abs()).ok()?;
        let index = if index < 0 { elements.len().checked_sub(distance)? } else { distance };
        elements.get(index).filter(|value| !value.is_null()).map(ToString::to_string)
    };
    Ok(Arc::new((0..json.len()).map(row).collect::<StringViewArray>()))
}

/// `json_array_contains(json, value)`: the value a boolean, a number or a text.
fn array_contains(arrays: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    let arrays = arrays.iter().map(|array| cast(array, &TEXT)).collect::<Result<Vec<_>, _>>()?;
    let (json, wanted) = (texts(&arrays, 0)?, texts(&arrays, 1)?);
    let row = |row: usize| {
        let (json, wanted) = (text_at(json, row)?, text_at(wanted, row)?);
        let Value::Array(elements) = json::value(json).ok()? else { return None };
        Some(elements.iter().any(|element| scalar(element).as_deref() == Some(wanted)))
    };
    Ok(Arc::new((0..json.len()).map(row).collect::<BooleanArray>()))
}

/// DuckDB's `json_contains(json, part)`: whether the part, JSON itself, is in the document.
fn contains(arrays: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    let (json, parts) = (texts(arrays, 0)?, texts(arrays, 1)?);
    let row = |row: usize| {
        let document = json::value(text_at(json, row)?).ok()?;
        let part = json::value(text_at(parts, row)?).ok()?;
        Some(holds(&document, &part))
    };
    Ok(Arc::new((0..json.len()).map(row).collect::<BooleanArray>()))
}

/// Whether a value is `part`, has its members, or has a member that holds it.
fn holds(value: &Value, part: &Value) -> bool {
    let is_within = match (value, part) {
        (Value::Object(members), Value::Object(wanted)) => {
            wanted.iter().all(|(key, wanted)| members.get(key).is_some_and(|value| holds(value, wanted)))
        }
        (Value::Array(elements), Value::Array(wanted)) => {
            wanted.iter().all(|wanted| elements.iter().any(|element| holds(element, wanted)))
        }
        (value, part) => value == part,
    };
    is_within
        || match value {
            Value::Array(elements) => elements.iter().any(|element| holds(element, part)),
            Value::Object(members) => members.values().any(|member| holds(member, part)),
            _ => false,
        }
}

fn is_scalar(arrays: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    let rows = texts(arrays, 0)?.iter().map(|json| {
        let document = json::value(json?).ok()?;
        Some(!document.is_array() && !document.is_object())
    });
    Ok(Arc::new(rows.collect::<BooleanArray>()))
}

/// `json_parse(text)`: the text, where it is JSON.
fn parse(arrays: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    const SHOWN: usize = 60;
    let mut rows = Vec::new();
    for json in texts(arrays, 0)?.iter() {
        rows.push(match json.map(json::value) {
            None => None,
            Some(Ok(document)) => Some(document.to_string()),
            Some(Err(error)) => {
                let begin: String = json.unwrap_or_default().chars().take(SHOWN).collect();
                return exec_err!(
                    "json_parse: {begin:?} is no JSON: {error}\nhint: try(json_parse(…)) gives NULL for it"
                );
            }
        });
    }
    Ok(Arc::new(rows.into_iter().collect::<StringViewArray>()))
}

/// `CAST(x AS json)`: a text becomes a JSON string.
fn to_json(arrays: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    let Some(values) = arrays.first() else { return datafusion::common::internal_err!("to_json wants a value") };
    if values.data_type().is_string() {
        let values = cast(values, &TEXT)?;
        let rows = values.as_string_view().iter().map(|value| value.map(|text| Value::from(text).to_string()));
        return Ok(Arc::new(rows.collect::<StringViewArray>()));
    }
    Ok(Arc::new(encoded(values)?.into_iter().collect::<StringViewArray>()))
}

/// Values of any type as JSON.
pub(in crate::query) fn encoded(values: &ArrayRef) -> Result<Vec<Option<String>>> {
    let field = Arc::new(arrow::datatypes::Field::new("", values.data_type().clone(), true));
    let options = EncoderOptions::default().with_explicit_nulls(true);
    let mut encoder = make_encoder(&field, values, &options)?;
    let row = |row: usize| {
        if values.is_null(row) {
            return None;
        }
        let mut json = Vec::new();
        encoder.encode(row, &mut json);
        String::from_utf8(json).ok()
    };
    Ok((0..values.len()).map(row).collect())
}

/// The type that `json_as(json, 'array(varchar)')` names.
fn json_as_type(_: &[DataType], constants: &[Option<&datafusion::common::ScalarValue>]) -> Result<DataType> {
    let name = constants.get(1).copied().flatten().and_then(|value| value.try_as_str().flatten());
    match name.map(Shape::parse) {
        Some(Some(shape)) => Ok(shape.data_type()),
        Some(None) => plan_err!("json_as: {:?} is no type of JSON values", name.unwrap_or_default()),
        None => plan_err!("json_as: the type has to be a constant"),
    }
}

/// `CAST(json AS array(varchar))`; values that are lists, maps or rows already are cast.
fn json_as(arrays: &[ArrayRef], returns: &DataType) -> Result<ArrayRef> {
    let (Some(values), Some(names)) = (arrays.first(), arrays.get(1)) else {
        return datafusion::common::internal_err!("json_as wants a value and a type");
    };
    if !values.data_type().is_string() && *values.data_type() != DataType::Null {
        return Ok(cast(values, returns)?);
    }
    let names = cast(names, &TEXT)?;
    let shape = text_at(names.as_string_view(), 0).and_then(Shape::parse);
    let Some(shape) = shape.or_else(|| names.is_empty().then_some(Shape::Json)) else {
        return exec_err!("json_as: no type of JSON values");
    };
    if values.is_empty() {
        return Ok(arrow::array::new_empty_array(returns));
    }
    let texts = cast(values, &TEXT)?;
    let rows: Vec<Option<Value>> = texts.as_string_view().iter().map(|json| json::value(json?).ok()).collect();
    column(&rows, &shape)
}
