//! Trino's functions over lists and maps that DataFusion lacks or means otherwise.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, ListArray, MapArray, StructArray, UInt32Array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Field, Fields};
use arrow::row::{RowConverter, SortField};
use datafusion::common::{ScalarValue, exec_err, plan_err};
use datafusion::error::Result;
use datafusion::functions_nested::array_has::array_has_udf;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use serde_json::Value;

use super::address;
use super::plain::{Plain, TEXT, text_at, text_list, text_lists};
use crate::util::json;

/// The functions of this file.
pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![
        Plain::of_any("cardinality", 1, |_, _| Ok(DataType::Int64), cardinality),
        Plain::of_any("entries", 1, entries_type, entries),
        Plain::of_any("numbered", 1, numbered_type, numbered),
        Plain::of_any("numbered_entries", 1, numbered_entries_type, numbered_entries),
        Plain::of_any("field_at", 2, field_at_type, field_at),
        Plain::of_any("pairs", 2, pairs_type, pairs),
        Plain::of_any("map_of_lists", 2, map_of_lists_type, map_of_lists),
        Plain::of_any("map_from_entries", 1, map_from_entries_type, map_from_entries),
        Plain::of_any("histogram_of_list", 1, histogram_type, histogram),
        Plain::of_any("json_keys", 1, |_, _| Ok(text_list()), json_keys),
        ScalarUDF::from(Contains { signature: Signature::any(2, Volatility::Immutable) }),
    ]
}

fn wrong<T>(name: &str, takes: &str, given: &DataType) -> Result<T> {
    plan_err!("{name} takes {takes}, not {given}")
}

fn first(types: &[DataType]) -> Result<&DataType> {
    match types.first() {
        Some(first) => Ok(first),
        None => datafusion::common::internal_err!("an argument is missing"),
    }
}

fn argument(arrays: &[ArrayRef], at: usize) -> Result<&ArrayRef> {
    match arrays.get(at) {
        Some(array) => Ok(array),
        None => datafusion::common::internal_err!("argument {} is missing", at + 1),
    }
}

/// A list of 32-bit offsets, whatever it was.
fn as_list(array: &ArrayRef) -> Result<ListArray> {
    let list = match array.data_type() {
        DataType::List(_) => Arc::clone(array),
        DataType::LargeList(field) | DataType::FixedSizeList(field, _) | DataType::ListView(field) => {
            cast(array, &DataType::List(Arc::clone(field)))?
        }
        other => return wrong("this function", "a list", other),
    };
    Ok(list.as_list::<i32>().clone())
}

fn element_of(data_type: &DataType) -> Option<&Arc<Field>> {
    match data_type {
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::FixedSizeList(field, _)
        | DataType::ListView(field) => Some(field),
        _ => None,
    }
}

/// `cardinality(list)`, `cardinality(map)`, and of JSON text as Lake's maps are: elements of the outermost list.
fn cardinality(arrays: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    let array = argument(arrays, 0)?;
    if *array.data_type() == DataType::Null {
        return Ok(arrow::array::new_null_array(&DataType::Int64, array.len()));
    }
    if array.data_type().is_string() {
        let texts = cast(array, &TEXT)?;
        let size = |json: &str| {
            i64::try_from(match json::value(json).ok()? {
                Value::Array(elements) => elements.len(),
                Value::Object(members) => members.len(),
                _ => return None,
            })
            .ok()
        };
        return Ok(Arc::new(texts.as_string_view().iter().map(|json| size(json?)).collect::<Int64Array>()));
    }
    let length: Vec<i64> = match array.data_type() {
        DataType::Map(_, _) => {
            array.as_map().offsets().lengths().filter_map(|length| i64::try_from(length).ok()).collect()
        }
        _ => as_list(array)?.offsets().lengths().filter_map(|length| i64::try_from(length).ok()).collect(),
    };
    Ok(Arc::new(Int64Array::new(length.into(), array.nulls().cloned())))
}

/// Key and value, as entries of any map are named here.
fn entry(key: &DataType, value: &DataType) -> Fields {
    Fields::from(vec![Field::new("key", key.clone(), false), Field::new("value", value.clone(), true)])
}

fn list_of(element: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(element, true)))
}

/// Key and value types of a map.
pub(super) fn map_types(data_type: &DataType) -> Option<(DataType, DataType)> {
    let DataType::Map(entries, _) = data_type else { return None };
    match entries.data_type() {
        DataType::Struct(fields) => match fields.as_ref() {
            [key, value] => Some((key.data_type().clone(), value.data_type().clone())),
            _ => None,
        },
        _ => None,
    }
}

fn entries_type(types: &[DataType], _: &[Option<&ScalarValue>]) -> Result<DataType> {
    let given = first(types)?;
    if let Some((key, value)) = map_types(given) {
        return Ok(list_of(DataType::Struct(entry(&key, &value))));
    }
    match given {
        text if text.is_string() => Ok(list_of(DataType::Struct(entry(&DataType::Utf8, &DataType::Utf8)))),
        list if element_of(list).is_some() => Ok(given.clone()),
        other => wrong("UNNEST", "a list or a map", other),
    }
}

/// The entries of a map, also of JSON text as Lake's maps are; those of a list are its elements.
fn entries(arrays: &[ArrayRef], returns: &DataType) -> Result<ArrayRef> {
    let array = argument(arrays, 0)?;
    if let Some((key, value)) = map_types(array.data_type()) {
        let map = array.as_map();
        let fields = entry(&key, &value);
        let columns = vec![Arc::clone(map.keys()), Arc::clone(map.values())];
        let values = StructArray::try_new(fields, columns, None)?;
        return Ok(Arc::new(ListArray::try_new(
            element(returns)?,
            map.offsets().clone(),
            Arc::new(values),
            map.nulls().cloned(),
        )?));
    }
    if !array.data_type().is_string() {
        return Ok(Arc::clone(array));
    }
    let texts = cast(array, &TEXT)?;
    let (mut keys, mut values, mut lengths, mut valid) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for json in texts.as_string_view().iter() {
        let members = json.and_then(json::object);
        lengths.push(members.as_ref().map_or(0, serde_json::Map::len));
        valid.push(members.is_some());
        for (key, value) in members.into_iter().flatten() {
            keys.push(key);
            values.push(super::json_path::text(&value));
        }
    }
    let columns: Vec<ArrayRef> =
        vec![Arc::new(arrow::array::StringArray::from(keys)), Arc::new(arrow::array::StringArray::from(values))];
    let rows = StructArray::try_new(entry(&DataType::Utf8, &DataType::Utf8), columns, None)?;
    let offsets = OffsetBuffer::from_lengths(lengths);
    Ok(Arc::new(ListArray::try_new(element(returns)?, offsets, Arc::new(rows), Some(NullBuffer::from(valid)))?))
}

fn element(list: &DataType) -> Result<Arc<Field>> {
    match element_of(list) {
        Some(field) => Ok(Arc::clone(field)),
        None => datafusion::common::internal_err!("{list} is no list"),
    }
}

fn json_keys(arrays: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    let texts = cast(argument(arrays, 0)?, &TEXT)?;
    let keys = |json: &str| Some(json::object(json)?.into_iter().map(|(key, _)| Some(key)).collect());
    Ok(text_lists(texts.as_string_view().iter().map(|json| keys(json?))))
}

fn numbered_type(types: &[DataType], _: &[Option<&ScalarValue>]) -> Result<DataType> {
    let given = first(types)?;
    let Some(element) = element_of(given) else { return wrong("UNNEST … WITH ORDINALITY", "a list", given) };
    Ok(list_of(DataType::Struct(Fields::from(vec![
        Field::new("entry", element.data_type().clone(), true),
        Field::new("ordinality", DataType::Int64, true),
    ]))))
}

/// The place of each element in its list, from 1.
fn places(list: &ListArray) -> Int64Array {
    let lengths = list.offsets().lengths();
    lengths.flat_map(|length| 1..=i64::try_from(length).unwrap_or(i64::MAX)).collect()
}

/// The elements of a list that is not cut out of a larger one.
fn elements(list: &ListArray) -> Result<(OffsetBuffer<i32>, ArrayRef)> {
    let begin = list.offsets().first().copied().unwrap_or(0);
    let end = list.offsets().last().copied().unwrap_or(0);
    let (Ok(begin), Ok(end)) = (usize::try_from(begin), usize::try_from(end)) else {
        return datafusion::common::internal_err!("a list has offsets below zero");
    };
    let values = list.values().slice(begin, end.saturating_sub(begin));
    Ok((OffsetBuffer::from_lengths(list.offsets().lengths()), values))
}

fn numbered(arrays: &[ArrayRef], returns: &DataType) -> Result<ArrayRef> {
    let list = as_list(argument(arrays, 0)?)?;
    let (offsets, values) = elements(&list)?;
    let field = element(returns)?;
    let DataType::Struct(fields) = field.data_type() else {
        return datafusion::common::internal_err!("numbered gives rows");
    };
    let rows = StructArray::try_new(fields.clone(), vec![values, Arc::new(places(&list))], None)?;
    Ok(Arc::new(ListArray::try_new(Arc::clone(&field), offsets, Arc::new(rows), list.nulls().cloned())?))
}

fn numbered_entries_type(types: &[DataType], _: &[Option<&ScalarValue>]) -> Result<DataType> {
    let given = first(types)?;
    match element_of(given).map(|field| field.data_type()) {
        Some(DataType::Struct(fields)) => {
            let members = fields.iter().map(|field| Field::new(field.name(), field.data_type().clone(), true));
            let all = members.chain([Field::new("ordinality", DataType::Int64, true)]);
            Ok(list_of(DataType::Struct(all.collect())))
        }
        _ => wrong("UNNEST … WITH ORDINALITY into several columns", "a list of rows or a map", given),
    }
}

fn numbered_entries(arrays: &[ArrayRef], returns: &DataType) -> Result<ArrayRef> {
    let list = as_list(argument(arrays, 0)?)?;
    let (offsets, values) = elements(&list)?;
    let field = element(returns)?;
    let (DataType::Struct(fields), Some(rows)) = (field.data_type(), values.as_struct_opt()) else {
        return datafusion::common::internal_err!("numbered_entries wants rows");
    };
    let places: ArrayRef = Arc::new(places(&list));
    // A row that is NULL has no members.
    let members = rows.columns().iter().map(|column| masked(column, rows.nulls()));
    let columns = members.chain([Ok(places)]).collect::<Result<Vec<_>>>()?;
    let rows = StructArray::try_new(fields.clone(), columns, None)?;
    Ok(Arc::new(ListArray::try_new(Arc::clone(&field), offsets, Arc::new(rows), list.nulls().cloned())?))
}

/// A column that is NULL where `nulls` says so, too.
fn masked(column: &ArrayRef, nulls: Option<&NullBuffer>) -> Result<ArrayRef> {
    let Some(nulls) = nulls else { return Ok(Arc::clone(column)) };
    Ok(arrow::compute::nullif(column, &BooleanArray::new(!nulls.inner(), None))?)
}

fn constant_place(constants: &[Option<&ScalarValue>]) -> Option<usize> {
    let place = constants.get(1).copied().flatten()?.cast_to(&DataType::Int64).ok()?;
    let ScalarValue::Int64(Some(place)) = place else { return None };
    usize::try_from(place).ok()?.checked_sub(1)
}

/// `field_at(row, n)`: the n-th member; of what is no row, the value itself is the first.
fn field_at_type(types: &[DataType], constants: &[Option<&ScalarValue>]) -> Result<DataType> {
    let Some(place) = constant_place(constants) else { return plan_err!("field_at: the place has to be a constant") };
    match (first(types)?, place) {
        (DataType::Struct(fields), place) => match fields.get(place) {
            Some(field) => Ok(field.data_type().clone()),
            None => plan_err!("a row of {} members has no member {}", fields.len(), place + 1),
        },
        (other, 0) => Ok(other.clone()),
        (other, _) => plan_err!("UNNEST gives one column, of {other}, not {}", place + 1),
    }
}

fn field_at(arrays: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    let (row, place) = (argument(arrays, 0)?, cast(argument(arrays, 1)?, &DataType::Int64)?);
    let Some(row) = row.as_struct_opt() else { return Ok(Arc::clone(row)) };
    let place = place.as_primitive::<arrow::datatypes::Int64Type>();
    let place = if place.is_empty() { 1 } else { place.value(0) };
    match usize::try_from(place - 1).ok().and_then(|place| row.columns().get(place)) {
        Some(column) => masked(column, row.nulls()),
        None => exec_err!("a row has no member {place}"),
    }
}

fn pairs_type(types: &[DataType], _: &[Option<&ScalarValue>]) -> Result<DataType> {
    let [a, b] = types else { return plan_err!("zip_with takes two lists") };
    match (element_of(a), element_of(b)) {
        (Some(a), Some(b)) => Ok(list_of(DataType::Struct(Fields::from(vec![
            Field::new("key", a.data_type().clone(), true),
            Field::new("value", b.data_type().clone(), true),
        ])))),
        _ => plan_err!("zip_with takes two lists, not {a} and {b}"),
    }
}

/// Two lists side by side; the shorter one is filled up with NULL.
fn pairs(arrays: &[ArrayRef], returns: &DataType) -> Result<ArrayRef> {
    let (a, b) = (as_list(argument(arrays, 0)?)?, as_list(argument(arrays, 1)?)?);
    let mut lengths = Vec::with_capacity(a.len());
    let (mut in_a, mut in_b): (Vec<Option<u32>>, Vec<Option<u32>>) = (Vec::new(), Vec::new());
    let place = |list: &ListArray, row: usize, at: usize| {
        let begin = usize::try_from(list.offsets().get(row).copied()?).ok()?;
        (at < usize::try_from(list.value_length(row)).ok()?).then(|| u32::try_from(begin + at).ok())?
    };
    let is_valid = |row: usize| a.is_valid(row) && b.is_valid(row);
    for row in 0..a.len() {
        let length = if is_valid(row) { a.value_length(row).max(b.value_length(row)) } else { 0 };
        let length = usize::try_from(length).unwrap_or(0);
        lengths.push(length);
        for at in 0..length {
            in_a.push(place(&a, row, at));
            in_b.push(place(&b, row, at));
        }
    }
    let field = element(returns)?;
    let DataType::Struct(fields) = field.data_type() else {
        return datafusion::common::internal_err!("pairs gives rows");
    };
    let columns =
        vec![take(a.values(), &UInt32Array::from(in_a), None)?, take(b.values(), &UInt32Array::from(in_b), None)?];
    let rows = StructArray::try_new(fields.clone(), columns, None)?;
    let nulls = NullBuffer::from_iter((0..a.len()).map(is_valid));
    Ok(Arc::new(ListArray::try_new(
        Arc::clone(&field),
        OffsetBuffer::from_lengths(lengths),
        Arc::new(rows),
        Some(nulls),
    )?))
}

fn map_type(key: &DataType, value: &DataType) -> DataType {
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entry(key, value)), false)), false)
}

fn map_of_lists_type(types: &[DataType], _: &[Option<&ScalarValue>]) -> Result<DataType> {
    let [keys, values] = types else { return plan_err!("a map is of keys and values") };
    match (element_of(keys), element_of(values)) {
        (Some(keys), Some(values)) => Ok(map_type(keys.data_type(), values.data_type())),
        _ => plan_err!("a map is of two lists, not of {keys} and {values}"),
    }
}

/// A map of keys and values; of a key that is there several times the first value, none of unknown keys.
fn map_of_lists(arrays: &[ArrayRef], returns: &DataType) -> Result<ArrayRef> {
    let (keys, values) = (as_list(argument(arrays, 0)?)?, as_list(argument(arrays, 1)?)?);
    let converter = RowConverter::new(vec![SortField::new(keys.values().data_type().clone())])?;
    let known = converter.convert_columns(&[Arc::clone(keys.values())])?;
    let (mut in_keys, mut in_values, mut lengths) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..keys.len() {
        let before = in_keys.len();
        let mut seen = std::collections::HashSet::new();
        let begin =
            |list: &ListArray| list.offsets().get(row).copied().and_then(|at| u32::try_from(at).ok()).unwrap_or(0);
        let length = u32::try_from(keys.value_length(row).min(values.value_length(row))).unwrap_or(0);
        for at in 0..if keys.is_valid(row) && values.is_valid(row) { length } else { 0 } {
            let (key, value) = (begin(&keys) + at, begin(&values) + at);
            if keys.values().is_valid(key as usize) && seen.insert(known.row(key as usize)) {
                in_keys.push(key);
                in_values.push(value);
            }
        }
        lengths.push(in_keys.len() - before);
    }
    let DataType::Map(field, _) = returns else {
        return datafusion::common::internal_err!("map_of_lists gives a map");
    };
    let DataType::Struct(fields) = field.data_type() else {
        return datafusion::common::internal_err!("a map has entries");
    };
    let columns = vec![
        take(keys.values(), &UInt32Array::from(in_keys), None)?,
        take(values.values(), &UInt32Array::from(in_values), None)?,
    ];
    let rows = StructArray::try_new(fields.clone(), columns, None)?;
    let nulls = NullBuffer::union(keys.nulls(), values.nulls());
    Ok(Arc::new(MapArray::try_new(Arc::clone(field), OffsetBuffer::from_lengths(lengths), rows, nulls, false)?))
}

fn map_from_entries_type(types: &[DataType], _: &[Option<&ScalarValue>]) -> Result<DataType> {
    let given = first(types)?;
    match element_of(given).map(|field| field.data_type()) {
        Some(DataType::Struct(fields)) if fields.len() == 2 => match fields.as_ref() {
            [key, value] => Ok(map_type(key.data_type(), value.data_type())),
            _ => wrong("map_from_entries", "a list of rows of two members", given),
        },
        _ => wrong("map_from_entries", "a list of rows of two members", given),
    }
}

fn map_from_entries(arrays: &[ArrayRef], returns: &DataType) -> Result<ArrayRef> {
    let list = as_list(argument(arrays, 0)?)?;
    let rows = list.values().as_struct();
    let part = |at: usize| -> Result<ArrayRef> {
        let Some(column) = rows.columns().get(at) else {
            return datafusion::common::internal_err!("an entry has a key and a value");
        };
        let field = Arc::new(Field::new_list_field(column.data_type().clone(), true));
        let column = masked(column, rows.nulls())?;
        Ok(Arc::new(ListArray::try_new(field, list.offsets().clone(), column, list.nulls().cloned())?))
    };
    map_of_lists(&[part(0)?, part(1)?], returns)
}

fn histogram_type(types: &[DataType], _: &[Option<&ScalarValue>]) -> Result<DataType> {
    let given = first(types)?;
    match element_of(given) {
        Some(field) => Ok(map_type(field.data_type(), &DataType::Int64)),
        None => wrong("histogram", "a list", given),
    }
}

/// How often each value is there.
fn histogram(arrays: &[ArrayRef], returns: &DataType) -> Result<ArrayRef> {
    let list = as_list(argument(arrays, 0)?)?;
    let converter = RowConverter::new(vec![SortField::new(list.values().data_type().clone())])?;
    let known = converter.convert_columns(&[Arc::clone(list.values())])?;
    let (mut places, mut counts, mut lengths) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..list.len() {
        let mut of_value = std::collections::HashMap::new();
        let begin = list.offsets().get(row).copied().and_then(|at| u32::try_from(at).ok()).unwrap_or(0);
        let length = u32::try_from(list.value_length(row)).unwrap_or(0);
        let first_of_row = places.len();
        for at in begin..begin + if list.is_valid(row) { length } else { 0 } {
            if list.values().is_null(at as usize) {
                continue;
            }
            let place = *of_value.entry(known.row(at as usize)).or_insert_with(|| {
                places.push(at);
                counts.push(0_i64);
                counts.len() - 1
            });
            if let Some(count) = counts.get_mut(place) {
                *count += 1;
            }
        }
        lengths.push(places.len() - first_of_row);
    }
    let (DataType::Map(field, _), offsets) = (returns, OffsetBuffer::from_lengths(lengths)) else {
        return datafusion::common::internal_err!("histogram gives a map");
    };
    let DataType::Struct(fields) = field.data_type() else {
        return datafusion::common::internal_err!("a map has entries");
    };
    let columns: Vec<ArrayRef> =
        vec![take(list.values(), &UInt32Array::from(places), None)?, Arc::new(Int64Array::from(counts))];
    let rows = StructArray::try_new(fields.clone(), columns, None)?;
    Ok(Arc::new(MapArray::try_new(Arc::clone(field), offsets, rows, list.nulls().cloned(), false)?))
}

/// `contains(list, value)`: NULL where it isn't found among values that are not all known. `contains(network, address)` as in
/// Trino. `contains(text, part)` otherwise, as DataFusion has it.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Contains {
    signature: Signature,
}

impl ScalarUDFImpl for Contains {
    fn name(&self) -> &str {
        "contains"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [list, _] if element_of(list).is_some() || *list == DataType::Null => Ok(DataType::Boolean),
            [text, part] if text.is_string() && (part.is_string() || *part == DataType::Null) => Ok(DataType::Boolean),
            _ => plan_err!("contains takes a list and a value, a network and an address, or two texts"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let (haystack, needle) = (argument(&arrays, 0)?, argument(&arrays, 1)?);
        let Some(field) = element_of(haystack.data_type()) else {
            let (texts, parts) = (cast(haystack, &TEXT)?, cast(needle, &TEXT)?);
            let (texts, parts) = (texts.as_string_view(), parts.as_string_view());
            let row = |row: usize| {
                let (text, part) = (text_at(texts, row)?, text_at(parts, row)?);
                Some(address::in_network(text, part).unwrap_or_else(|| text.contains(part)))
            };
            return Ok(ColumnarValue::Array(Arc::new((0..texts.len()).map(row).collect::<BooleanArray>())));
        };
        let needle = cast(needle, field.data_type())?;
        let list = as_list(haystack)?;
        let config_options = Arc::clone(&args.config_options);
        let found = array_has_udf().invoke_with_args(ScalarFunctionArgs {
            args: vec![ColumnarValue::Array(Arc::new(list.clone())), ColumnarValue::Array(Arc::clone(&needle))],
            arg_fields: vec![
                Arc::new(Field::new("list", list.data_type().clone(), true)),
                Arc::new(Field::new("value", needle.data_type().clone(), true)),
            ],
            number_rows: list.len(),
            return_field: args.return_field,
            config_options,
        })?;
        let found = found.into_array(list.len())?;
        let found = found.as_boolean();
        let has_unknown = |row: usize| list.value(row).null_count() > 0;
        let row = |row: usize| {
            let is_known = list.is_valid(row) && needle.is_valid(row);
            match is_known && found.is_valid(row) && found.value(row) {
                true => Some(true),
                false => (is_known && !has_unknown(row)).then_some(false),
            }
        };
        Ok(ColumnarValue::Array(Arc::new((0..list.len()).map(row).collect::<BooleanArray>())))
    }
}
