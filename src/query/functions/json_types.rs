//! Types of values that JSON is cast to: `array(json)`, `map(varchar,bigint)`, `row("a" varchar)`.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, ListArray, MapArray, StringArray, StructArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::exec_err;
use datafusion::error::Result;
use serde_json::Value;

use super::json_path::{scalar, text};

/// The shape of a value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    /// JSON as it is.
    Json,
    Text,
    Integer,
    Float,
    Bool,
    Date,
    List(Box<Shape>),
    Map(Box<Shape>, Box<Shape>),
    Row(Vec<(String, Shape)>),
}

impl Shape {
    /// Reads a type's name.
    pub fn parse(name: &str) -> Option<Shape> {
        let mut rest = name.trim();
        let shape = read(&mut rest, NESTED_MAX)?;
        rest.trim().is_empty().then_some(shape)
    }

    /// The type of a column of such values.
    pub fn data_type(&self) -> DataType {
        match self {
            Shape::Json | Shape::Text => DataType::Utf8,
            Shape::Integer => DataType::Int64,
            Shape::Float => DataType::Float64,
            Shape::Bool => DataType::Boolean,
            Shape::Date => DataType::Date32,
            Shape::List(element) => DataType::List(Arc::new(Field::new_list_field(element.data_type(), true))),
            Shape::Map(key, value) => DataType::Map(entries_field(key, value), false),
            Shape::Row(fields) => DataType::Struct(row_fields(fields)),
        }
    }
}

fn entries_field(key: &Shape, value: &Shape) -> Arc<Field> {
    Arc::new(Field::new("entries", DataType::Struct(entry_fields(key, value)), false))
}

fn entry_fields(key: &Shape, value: &Shape) -> Fields {
    Fields::from(vec![Field::new("key", key.data_type(), false), Field::new("value", value.data_type(), true)])
}

fn row_fields(fields: &[(String, Shape)]) -> Fields {
    fields.iter().map(|(name, shape)| Field::new(name, shape.data_type(), true)).collect()
}

/// How deep types may be nested.
const NESTED_MAX: usize = 16;

fn read(rest: &mut &str, depth: usize) -> Option<Shape> {
    let depth = depth.checked_sub(1)?;
    let text = rest.trim_start();
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let (word, behind) = text.split_at(end);
    *rest = behind;
    match word.to_lowercase().as_str() {
        "json" => Some(Shape::Json),
        "varchar" | "text" | "string" | "char" | "character" => {
            // A length, which JSON values don't have.
            if let Some(inner) = behind.strip_prefix('(') {
                *rest = inner.split_once(')')?.1;
            }
            Some(Shape::Text)
        }
        "bigint" | "integer" | "int" | "smallint" | "tinyint" => Some(Shape::Integer),
        "double" | "real" | "float" => {
            *rest = behind.trim_start().strip_prefix("precision").unwrap_or(behind);
            Some(Shape::Float)
        }
        "boolean" | "bool" => Some(Shape::Bool),
        "date" => Some(Shape::Date),
        "array" => {
            let element = opened(rest, |rest| read(rest, depth))?;
            Some(Shape::List(Box::new(element)))
        }
        "map" => {
            let (key, value) = opened(rest, |rest| {
                let key = read(rest, depth)?;
                *rest = rest.trim_start().strip_prefix(',')?;
                Some((key, read(rest, depth)?))
            })?;
            Some(Shape::Map(Box::new(key), Box::new(value)))
        }
        "row" => opened(rest, |rest| {
            let mut fields = Vec::new();
            loop {
                let name = quoted(rest).unwrap_or_else(|| format!("field{}", fields.len()));
                fields.push((name, read(rest, depth)?));
                match rest.trim_start().strip_prefix(',') {
                    Some(behind) => *rest = behind,
                    None => return Some(Shape::Row(fields)),
                }
            }
        }),
        _ => None,
    }
}

/// What stands in brackets.
fn opened<T>(rest: &mut &str, inner: impl FnOnce(&mut &str) -> Option<T>) -> Option<T> {
    *rest = rest.trim_start().strip_prefix('(')?;
    let value = inner(rest)?;
    *rest = rest.trim_start().strip_prefix(')')?;
    Some(value)
}

/// A name in double quotes.
fn quoted(rest: &mut &str) -> Option<String> {
    let text = rest.trim_start().strip_prefix('"')?;
    let mut name = String::new();
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        // Two quotes are one.
        if letter == '"' && letters.next_if(|(_, next)| *next == '"').is_none() {
            *rest = text.get(at + 1..)?;
            return Some(name);
        }
        name.push(letter);
    }
    None
}

/// Values as a column. One that has another shape is an error, as it is in Trino; `null` and what is missing are NULL.
pub(super) fn column(values: &[Option<Value>], shape: &Shape) -> Result<ArrayRef> {
    let values: Vec<Option<&Value>> = values.iter().map(|value| value.as_ref().filter(|v| !v.is_null())).collect();
    of(&values, shape)
}

fn of(values: &[Option<&Value>], shape: &Shape) -> Result<ArrayRef> {
    match shape {
        Shape::Json => Ok(Arc::new(StringArray::from_iter(values.iter().map(|value| value.map(Value::to_string))))),
        Shape::Text => Ok(Arc::new(StringArray::from_iter(values.iter().map(|value| value.and_then(text))))),
        Shape::Integer => Ok(Arc::new(each(values, "a whole number", integer)?.into_iter().collect::<Int64Array>())),
        Shape::Float => {
            let number = |value: &Value| scalar(value)?.parse().ok();
            Ok(Arc::new(each(values, "a number", number)?.into_iter().collect::<Float64Array>()))
        }
        Shape::Bool => {
            let truth = |value: &Value| match value {
                Value::Bool(value) => Some(*value),
                Value::String(text) => text.to_lowercase().parse().ok(),
                _ => None,
            };
            Ok(Arc::new(each(values, "a truth value", truth)?.into_iter().collect::<BooleanArray>()))
        }
        Shape::Date => {
            let texts = each(values, "a date", scalar)?.into_iter().collect::<StringArray>();
            Ok(cast(&texts, &DataType::Date32)?)
        }
        Shape::List(element) => list(values, element),
        Shape::Map(key, value) => map(values, key, value),
        Shape::Row(fields) => row(values, fields),
    }
}

fn integer(value: &Value) -> Option<i64> {
    let text = scalar(value)?;
    text.parse().ok().or_else(|| {
        let number: f64 = text.parse().ok()?;
        let rounded = number.round();
        // Up to 2^53 every whole number has its own float.
        #[expect(clippy::cast_possible_truncation, reason = "checked to be small and whole")]
        (rounded.abs() < 9e15).then_some(rounded as i64)
    })
}

fn each<T>(values: &[Option<&Value>], what: &str, read: impl Fn(&Value) -> Option<T>) -> Result<Vec<Option<T>>> {
    let one = |value: &Option<&Value>| match value {
        None => Ok(None),
        Some(value) => match read(value) {
            Some(found) => Ok(Some(found)),
            None => wrong(value, what),
        },
    };
    values.iter().map(one).collect()
}

fn wrong<T>(value: &Value, what: &str) -> Result<T> {
    let begin: String = value.to_string().chars().take(60).collect();
    exec_err!("the JSON value {begin} is not {what}")
}

fn list(values: &[Option<&Value>], element: &Shape) -> Result<ArrayRef> {
    let mut flat = Vec::new();
    let mut lengths = Vec::with_capacity(values.len());
    for value in values {
        match value {
            Some(Value::Array(elements)) => {
                flat.extend(elements.iter().map(|value| Some(value).filter(|v| !v.is_null())));
                lengths.push(elements.len());
            }
            Some(other) => return wrong(other, "a list"),
            None => lengths.push(0),
        }
    }
    let field = Arc::new(Field::new_list_field(element.data_type(), true));
    let nulls = NullBuffer::from_iter(values.iter().map(Option::is_some));
    Ok(Arc::new(ListArray::try_new(field, OffsetBuffer::from_lengths(lengths), of(&flat, element)?, Some(nulls))?))
}

fn map(values: &[Option<&Value>], key: &Shape, value: &Shape) -> Result<ArrayRef> {
    let mut keys: Vec<Value> = Vec::new();
    let mut flat = Vec::new();
    let mut lengths = Vec::with_capacity(values.len());
    for entry in values {
        match entry {
            Some(Value::Object(members)) => {
                keys.extend(members.keys().map(|key| Value::from(key.as_str())));
                flat.extend(members.values().map(|value| Some(value).filter(|v| !v.is_null())));
                lengths.push(members.len());
            }
            Some(other) => return wrong(other, "an object"),
            None => lengths.push(0),
        }
    }
    let keys: Vec<Option<&Value>> = keys.iter().map(Some).collect();
    let entries = StructArray::try_new(entry_fields(key, value), vec![of(&keys, key)?, of(&flat, value)?], None)?;
    let nulls = NullBuffer::from_iter(values.iter().map(Option::is_some));
    let offsets = OffsetBuffer::from_lengths(lengths);
    Ok(Arc::new(MapArray::try_new(entries_field(key, value), offsets, entries, Some(nulls), false)?))
}

/// Rows are read from objects by name, without regard to case, and from lists by place.
fn row(values: &[Option<&Value>], fields: &[(String, Shape)]) -> Result<ArrayRef> {
    let mut columns = Vec::new();
    for (at, (name, shape)) in fields.iter().enumerate() {
        let mut found = Vec::with_capacity(values.len());
        for value in values {
            found.push(match value {
                Some(Value::Object(members)) => {
                    let exact = members.get(name.as_str());
                    exact.or_else(|| members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, v)| v))
                }
                Some(Value::Array(elements)) => elements.get(at),
                Some(other) => return wrong(other, "an object"),
                None => None,
            });
        }
        let found: Vec<Option<&Value>> = found.into_iter().map(|value| value.filter(|v| !v.is_null())).collect();
        columns.push(of(&found, shape)?);
    }
    let nulls = NullBuffer::from_iter(values.iter().map(Option::is_some));
    Ok(Arc::new(StructArray::try_new(row_fields(fields), columns, Some(nulls))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_types_are_read() {
        assert_eq!(Shape::parse("array(json)"), Some(Shape::List(Box::new(Shape::Json))));
        assert_eq!(
            Shape::parse("map(varchar(9), array(bigint))"),
            Some(Shape::Map(Box::new(Shape::Text), Box::new(Shape::List(Box::new(Shape::Integer)))))
        );
        let row = Shape::Row(vec![("a \"b".to_owned(), Shape::Bool), ("field1".to_owned(), Shape::Float)]);
        assert_eq!(Shape::parse("row(\"a \"\"b\" boolean,double precision)"), Some(row));
        assert_eq!(Shape::parse(&format!("{}json{}", "array(".repeat(10_000), ")".repeat(10_000))), None, "too deep");
        for wrong in ["", "array", "array(json", "map(json)", "row()", "blob", "json json"] {
            assert_eq!(Shape::parse(wrong), None, "{wrong}");
        }
    }
}
