//! Rows of Arrow arrays as JSON objects. A member that is null is left out; a map becomes an object.

use std::fmt::Write as _;
use std::io::Write as _;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewArray, BooleanArray, ListArray, MapArray, RecordBatch, StringViewArray, StructArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType, UInt64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// Why no more is written.
#[derive(Debug)]
pub(super) enum Stop {
    /// More than is allowed.
    OverCap,
    /// It makes no sense, for this reason.
    Unsound(String),
}

/// Writes all rows of a batch, each on a line.
pub(super) fn write(batch: &RecordBatch, cap_bytes: u64, out: &mut Vec<u8>) -> Result<(), Stop> {
    let columns: Vec<Member> = batch.schema_ref().fields().iter().zip(batch.columns()).map(Member::of).collect::<Result<_, _>>()?;
    for row in 0..batch.num_rows() {
        let begin = out.len();
        let written = object(&columns, row, cap_bytes, out).map(|()| out.push(b'\n'));
        if let Err(stop) = written {
            // Half a row is none.
            out.truncate(begin);
            return Err(stop);
        }
    }
    Ok(())
}

/// A column, or a part of one.
struct Member {
    /// With its quotes.
    key: Vec<u8>,
    values: Values,
}

/// Values by what becomes of them.
enum Values {
    Text(StringViewArray),
    Bytes(BinaryViewArray),
    Bool(BooleanArray),
    Int(ArrayRef),
    UInt(ArrayRef),
    Float(ArrayRef),
    Time(ArrayRef),
    Struct(StructArray, Vec<Member>),
    List(ListArray, Box<Values>),
    Map(MapArray, Box<Values>, Box<Values>),
    /// Dates, decimals and the like: as Arrow shows them.
    Shown(ArrayRef),
}

impl Member {
    fn of((field, values): (&std::sync::Arc<arrow::datatypes::Field>, &ArrayRef)) -> Result<Member, Stop> {
        let mut key = Vec::new();
        text(field.name(), &mut key);
        Ok(Member { key, values: Values::of(values)? })
    }
}

impl Values {
    fn of(array: &ArrayRef) -> Result<Values, Stop> {
        let as_type = |to: &DataType| cast(array, to).map_err(|error| Stop::Unsound(error.to_string()));
        Ok(match array.data_type() {
            DataType::Utf8View => Values::Text(array.as_string_view().clone()),
            DataType::BinaryView => Values::Bytes(array.as_binary_view().clone()),
            DataType::FixedSizeBinary(_) => Values::Bytes(as_type(&DataType::BinaryView)?.as_binary_view().clone()),
            DataType::Boolean => Values::Bool(array.as_boolean().clone()),
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => Values::Int(as_type(&DataType::Int64)?),
            DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => Values::UInt(as_type(&DataType::UInt64)?),
            DataType::Float16 | DataType::Float32 | DataType::Float64 => Values::Float(as_type(&DataType::Float64)?),
            DataType::Timestamp(_, zone) => {
                Values::Time(as_type(&DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))?)
            }
            DataType::Struct(fields) => {
                let parts = array.as_struct();
                let members = fields.iter().zip(parts.columns()).map(Member::of).collect::<Result<_, _>>()?;
                Values::Struct(parts.clone(), members)
            }
            DataType::List(_) => {
                let list = array.as_list::<i32>();
                Values::List(list.clone(), Box::new(Values::of(list.values())?))
            }
            DataType::Map(..) => {
                let map = array.as_map();
                Values::Map(map.clone(), Box::new(Values::of(map.keys())?), Box::new(Values::of(map.values())?))
            }
            _ => Values::Shown(array.clone()),
        })
    }

    fn is_null(&self, row: usize) -> bool {
        match self {
            Values::Text(array) => array.is_null(row),
            Values::Bytes(array) => array.is_null(row),
            Values::Bool(array) => array.is_null(row),
            Values::Struct(array, _) => array.is_null(row),
            Values::List(array, _) => array.is_null(row),
            Values::Map(array, ..) => array.is_null(row),
            Values::Int(array) | Values::UInt(array) | Values::Float(array) | Values::Time(array) | Values::Shown(array) => {
                array.is_null(row)
            }
        }
    }

    fn write(&self, row: usize, cap_bytes: u64, out: &mut Vec<u8>) -> Result<(), Stop> {
        if out.len() as u64 > cap_bytes {
            return Err(Stop::OverCap);
        }
        if self.is_null(row) {
            out.extend_from_slice(b"null");
            return Ok(());
        }
        match self {
            Values::Text(array) => text(array.value(row), out),
            // Writers that don't say so write texts as bytes; what is none is shown with marks in their place.
            Values::Bytes(array) => text(&String::from_utf8_lossy(array.value(row)), out),
            Values::Bool(array) => out.extend_from_slice(if array.value(row) { b"true" } else { b"false" }),
            Values::Int(array) => number(&array.as_primitive::<Int64Type>().value(row), out),
            Values::UInt(array) => number(&array.as_primitive::<UInt64Type>().value(row), out),
            Values::Float(array) => float(array.as_primitive::<Float64Type>().value(row), out),
            Values::Time(array) => {
                text(&crate::time::format_time(array.as_primitive::<TimestampMicrosecondType>().value(row)), out);
            }
            Values::Struct(_, members) => return object(members, row, cap_bytes, out),
            Values::List(array, values) => return list(array, values, row, cap_bytes, out),
            Values::Map(array, keys, values) => return map(array, (keys, values), row, cap_bytes, out),
            Values::Shown(array) => shown(array, row, out)?,
        }
        Ok(())
    }
}

fn object(members: &[Member], row: usize, cap_bytes: u64, out: &mut Vec<u8>) -> Result<(), Stop> {
    out.push(b'{');
    let begin = out.len();
    for member in members.iter().filter(|member| !member.values.is_null(row)) {
        if out.len() > begin {
            out.push(b',');
        }
        out.extend_from_slice(&member.key);
        out.push(b':');
        member.values.write(row, cap_bytes, out)?;
    }
    out.push(b'}');
    if out.len() as u64 > cap_bytes { Err(Stop::OverCap) } else { Ok(()) }
}

fn list(array: &ListArray, values: &Values, row: usize, cap_bytes: u64, out: &mut Vec<u8>) -> Result<(), Stop> {
    out.push(b'[');
    for (at, inner) in places(array.value_offsets(), row).enumerate() {
        if at > 0 {
            out.push(b',');
        }
        values.write(inner, cap_bytes, out)?;
    }
    out.push(b']');
    Ok(())
}

fn map(
    array: &MapArray,
    (keys, values): (&Values, &Values),
    row: usize,
    cap_bytes: u64,
    out: &mut Vec<u8>,
) -> Result<(), Stop> {
    out.push(b'{');
    for (at, inner) in places(array.value_offsets(), row).enumerate() {
        if at > 0 {
            out.push(b',');
        }
        match keys {
            Values::Text(_) | Values::Bytes(_) => keys.write(inner, cap_bytes, out)?,
            // A key is a text, whatever it was.
            _ => {
                let mut key = Vec::new();
                keys.write(inner, cap_bytes, &mut key)?;
                text(&String::from_utf8_lossy(&key), out);
            }
        }
        out.push(b':');
        values.write(inner, cap_bytes, out)?;
    }
    out.push(b'}');
    Ok(())
}

/// The places of the elements of a row.
fn places(offsets: &[i32], row: usize) -> std::ops::Range<usize> {
    let at = |row: usize| offsets.get(row).and_then(|offset| usize::try_from(*offset).ok()).unwrap_or_default();
    at(row)..at(row + 1)
}

fn text(text: &str, out: &mut Vec<u8>) {
    // Writing to memory doesn't fail.
    let _ = serde_json::to_writer(out, text);
}

fn number(number: &dyn std::fmt::Display, out: &mut Vec<u8>) {
    let _ = write!(out, "{number}");
}

fn float(number: f64, out: &mut Vec<u8>) {
    // JSON has no name for what is no number.
    let _ = if number.is_finite() { serde_json::to_writer(out, &number) } else { serde_json::to_writer(out, &()) };
}

fn shown(array: &ArrayRef, row: usize, out: &mut Vec<u8>) -> Result<(), Stop> {
    let options = FormatOptions::default();
    let unsound = |error: &dyn std::fmt::Display| Stop::Unsound(error.to_string());
    let formatter = ArrayFormatter::try_new(array, &options).map_err(|error| unsound(&error))?;
    let mut value = String::new();
    write!(value, "{}", formatter.value(row)).map_err(|error| unsound(&error))?;
    text(&value, out);
    Ok(())
}
