//! Parquet files of rows, as other programs write them: JSON objects as structs, `unmapped` as a map of texts.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Int64Array, ListArray, MapBuilder, RecordBatch, StringArray, StringBuilder, StructArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, Fields, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use serde_json::Value;

/// A file of rows, so many in a row group.
pub fn write(rows: &[Value], codec: Compression, group_rows: usize) -> Vec<u8> {
    let properties = WriterProperties::builder().set_compression(codec).set_max_row_group_row_count(Some(group_rows));
    write_with(rows, properties.build())
}

pub fn write_with(rows: &[Value], properties: WriterProperties) -> Vec<u8> {
    let StructArrayParts { fields, columns } = parts(&rows.iter().map(Some).collect::<Vec<_>>());
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("a batch");
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).expect("a writer");
    writer.write(&batch).expect("written");
    writer.into_inner().expect("a file")
}

struct StructArrayParts {
    fields: Fields,
    columns: Vec<ArrayRef>,
}

fn parts(rows: &[Option<&Value>]) -> StructArrayParts {
    let mut names: Vec<&String> = Vec::new();
    for key in rows.iter().flatten().filter_map(|row| row.as_object()).flat_map(|members| members.keys()) {
        if !names.contains(&key) {
            names.push(key);
        }
    }
    let column = |name: &&String| {
        let values: Vec<Option<&Value>> = rows
            .iter()
            .map(|row| row.and_then(|row| row.get(name.as_str())).filter(|value| !value.is_null()))
            .collect();
        let array = if *name == "unmapped" { map(&values) } else { array(&values) };
        (Field::new(name.as_str(), array.data_type().clone(), true), array)
    };
    let (fields, columns): (Vec<Field>, Vec<ArrayRef>) = names.iter().map(column).unzip();
    StructArrayParts { fields: fields.into(), columns }
}

fn array(values: &[Option<&Value>]) -> ArrayRef {
    match values.iter().flatten().next() {
        Some(Value::Bool(_)) => {
            Arc::new(values.iter().map(|value| value.and_then(Value::as_bool)).collect::<BooleanArray>())
        }
        Some(Value::Number(_)) => {
            Arc::new(values.iter().map(|value| value.and_then(Value::as_i64)).collect::<Int64Array>())
        }
        Some(Value::Object(_)) => {
            let StructArrayParts { fields, columns } = parts(values);
            let nulls: NullBuffer = values.iter().map(Option::is_some).collect();
            Arc::new(StructArray::new(fields, columns, Some(nulls)))
        }
        Some(Value::Array(_)) => {
            let lists: Vec<&[Value]> =
                values.iter().map(|value| value.map_or(&[][..], |v| v.as_array().expect("a list"))).collect();
            let inner = array(&lists.iter().flat_map(|list| list.iter().map(Some)).collect::<Vec<_>>());
            let offsets = OffsetBuffer::from_lengths(lists.iter().map(|list| list.len()));
            let nulls: NullBuffer = values.iter().map(Option::is_some).collect();
            let field = Arc::new(Field::new("element", inner.data_type().clone(), true));
            Arc::new(ListArray::new(field, offsets, inner, Some(nulls)))
        }
        _ => Arc::new(values.iter().map(|value| value.and_then(Value::as_str)).collect::<StringArray>()),
    }
}

fn map(values: &[Option<&Value>]) -> ArrayRef {
    let mut builder = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for value in values {
        let members: BTreeMap<&String, &Value> = value.and_then(Value::as_object).into_iter().flatten().collect();
        for (key, value) in members {
            builder.keys().append_value(key);
            builder.values().append_value(value.as_str().expect("a text"));
        }
        builder.append(value.is_some()).expect("a map");
    }
    Arc::new(builder.finish())
}

/// A file whose only column is nested so deep.
pub fn nested(depth: usize) -> Vec<u8> {
    let mut data_type = DataType::Int64;
    let mut array: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    for _ in 0..depth {
        let field = Arc::new(Field::new("class_uid", data_type, false));
        let fields: Fields = vec![field].into();
        array = Arc::new(StructArray::new(fields.clone(), vec![array], None));
        data_type = DataType::Struct(fields);
    }
    let schema = Arc::new(Schema::new(vec![Field::new("class_uid", data_type, false)]));
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![array]).expect("a batch");
    let mut writer = ArrowWriter::try_new(Vec::new(), schema, None).expect("a writer");
    writer.write(&batch).expect("written");
    writer.into_inner().expect("a file")
}
