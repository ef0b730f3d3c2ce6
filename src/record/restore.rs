//! Columns → the record as it was logged.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::TimestampMicrosecondType;
use arrow::record_batch::RecordBatch;
use serde_json::{Map, Value};

use super::extras::{ORIGINAL, inner, put};
use super::schema::{ADDITIONAL_FIELDS, COLUMNS, EMPTY_FIELDS, Kind, RESOURCE_FIELDS};
use super::timestamp::format_time;
use crate::util::json;

/// The record in a row of `events`, equal as JSON to what was logged; of duplicate keys the last.
///
/// `batch` has the columns of `events` in plain `Utf8`; one that is missing is taken as empty.
pub fn to_json(batch: &RecordBatch, row: usize) -> Value {
    let mut record = Map::new();
    for column in COLUMNS.iter().filter(|column| !column.path.is_empty()) {
        let array = batch.column_by_name(column.name).filter(|array| array.is_valid(row));
        if let Some(value) = array.and_then(|array| value(array, row, column.kind)) {
            put(&mut record, column.path, value);
        }
    }
    if let Some(text) = text(batch, EMPTY_FIELDS, row) {
        for (path, what) in text.split(',').filter_map(|field| field.rsplit_once('=')) {
            match what {
                "null" => put(&mut record, path, Value::Null),
                "absent" => drop(record.shift_remove(path)),
                _ => drop(inner(&mut record, path)),
            }
        }
    }
    if let Some(mut additional) = text(batch, ADDITIONAL_FIELDS, row).and_then(json::object) {
        additional.remove(ORIGINAL);
        merge(&mut record, additional);
    }
    Value::Object(record)
}

fn text<'a>(batch: &'a RecordBatch, name: &str, row: usize) -> Option<&'a str> {
    let column = batch.column_by_name(name)?.as_string_opt::<i32>()?;
    column.is_valid(row).then(|| column.value(row))
}

fn value(array: &ArrayRef, row: usize, kind: Kind) -> Option<Value> {
    Some(match kind {
        Kind::Text | Kind::Word => Value::from(array.as_string_opt::<i32>()?.value(row)),
        Kind::Json => json::value(array.as_string_opt::<i32>()?.value(row)).ok()?,
        Kind::Bool => Value::from(array.as_boolean_opt()?.value(row)),
        Kind::BoolText => Value::from(if array.as_boolean_opt()?.value(row) { "true" } else { "false" }),
        Kind::Time => Value::from(format_time(array.as_primitive_opt::<TimestampMicrosecondType>()?.value(row))?),
        Kind::Resources => resources(array, row)?,
        Kind::DerivedWord | Kind::DerivedText | Kind::DerivedDate => return None,
    })
}

fn resources(array: &ArrayRef, row: usize) -> Option<Value> {
    let items = array.as_list_opt::<i32>()?.value(row);
    let items = items.as_struct_opt()?;
    let list = (0..items.len()).map(|i| {
        let mut object = Map::new();
        for (column, (_, key)) in items.columns().iter().zip(RESOURCE_FIELDS) {
            if let Some(texts) = column.as_string_opt::<i32>().filter(|texts| texts.is_valid(i)) {
                object.insert((*key).to_owned(), Value::from(texts.value(i)));
            }
        }
        Value::Object(object)
    });
    Some(Value::Array(list.collect()))
}

/// Puts what was kept apart back in: objects into objects, everything else in the place of what a column gave.
fn merge(record: &mut Map<String, Value>, additional: Map<String, Value>) {
    for (key, value) in additional {
        match (record.get_mut(&key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => merge(old, new),
            (_, value) => {
                record.insert(key, value);
            }
        }
    }
}
