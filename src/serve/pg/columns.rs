//! Columns of an answer as PostgreSQL's types: what it has no type for is JSON or text.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion_postgres::arrow_pg::datatypes::field_into_pg_type;
use datafusion_postgres::arrow_pg::encoder::encode_value;
use datafusion_postgres::pgwire::api::Type;
use datafusion_postgres::pgwire::api::results::{DataRowEncoder, FieldFormat, FieldInfo};
use datafusion_postgres::pgwire::messages::data::{DataRow, FieldDescription, RowDescription};

use super::problem::Problem;
use crate::query::{QueryError, texts_of};

/// Columns of an answer at the most, as PostgreSQL has it.
const COLUMNS_MAX: usize = 1_664;

/// Digits of a decimal that are carried exactly as a number.
const DIGITS_MAX: u8 = 28;

/// What becomes of the values of a column.
#[derive(Clone, Debug, PartialEq)]
enum Change {
    /// They stay.
    None,
    /// They become this type.
    Cast(DataType),
    /// They become JSON.
    Json,
    /// They become text.
    Text,
}

/// The columns of an answer.
pub(super) struct Columns {
    /// As they are when they are written.
    schema: SchemaRef,
    changes: Vec<Change>,
    /// What clients are told that they are.
    types: Vec<Type>,
}

impl Columns {
    /// Those of a schema.
    ///
    /// # Errors
    /// More than there may be.
    pub fn of(schema: &Schema) -> Result<Columns, Problem> {
        if schema.fields().len() > COLUMNS_MAX {
            return Err(Problem::new("54011", format!("an answer has {COLUMNS_MAX} columns at the most")));
        }
        let mut fields: Vec<FieldRef> = Vec::new();
        let (mut changes, mut types) = (Vec::new(), Vec::new());
        for field in schema.fields() {
            let change = change(field.data_type());
            let written = match &change {
                Change::None => field.data_type().clone(),
                Change::Cast(data_type) => data_type.clone(),
                Change::Json | Change::Text => DataType::Utf8,
            };
            let written = Arc::new(field.as_ref().clone().with_data_type(written).with_nullable(true));
            types.push(match (&change, written.data_type()) {
                (Change::Json, _) => Type::JSON,
                // A literal without a type is text, as in PostgreSQL.
                (_, DataType::Null) => Type::TEXT,
                _ => field_into_pg_type(&written).unwrap_or(Type::TEXT),
            });
            fields.push(written);
            changes.push(change);
        }
        Ok(Columns { schema: Arc::new(Schema::new(fields)), changes, types })
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.types.len()
    }

    /// What clients are told of them. `formats` are none, one for all, or one each.
    pub fn description(&self, formats: &[i16]) -> RowDescription {
        let described = |(place, (field, pg_type)): (usize, (&FieldRef, &Type))| {
            let size = size_bytes(pg_type);
            FieldDescription::new(field.name().clone(), 0, 0, pg_type.oid(), size, -1, format(formats, place))
        };
        RowDescription::new(self.schema.fields().iter().zip(&self.types).enumerate().map(described).collect())
    }

    /// The rows in the types in which they are written.
    ///
    /// # Errors
    /// Values that have no such form.
    pub fn changed(&self, batch: &RecordBatch) -> Result<RecordBatch, QueryError> {
        let changed = |(column, change): (&ArrayRef, &Change)| -> Result<ArrayRef, QueryError> {
            let column = match change {
                Change::None => Arc::clone(column),
                Change::Cast(data_type) => cast(column, data_type)?,
                Change::Json | Change::Text => Arc::new(texts_of(column)?),
            };
            Ok(without_zeros(column))
        };
        let columns = batch.columns().iter().zip(&self.changes).map(changed).collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?)
    }

    /// What writes rows in these formats.
    pub fn writer(&self, formats: &[i16]) -> Writer {
        let info = |(place, (field, pg_type)): (usize, (&FieldRef, &Type))| {
            // What is JSON is written as the text that it is.
            let pg_type = if *pg_type == Type::JSON { Type::TEXT } else { pg_type.clone() };
            FieldInfo::new(field.name().clone(), None, None, pg_type, FieldFormat::from(format(formats, place)))
        };
        let fields: Vec<FieldInfo> = self.schema.fields().iter().zip(&self.types).enumerate().map(info).collect();
        let fields = Arc::new(fields);
        Writer { encoder: DataRowEncoder::new(Arc::clone(&fields)), fields, schema: Arc::clone(&self.schema) }
    }
}

/// Writes rows.
pub(super) struct Writer {
    encoder: DataRowEncoder,
    fields: Arc<Vec<FieldInfo>>,
    schema: SchemaRef,
}

impl Writer {
    /// A row of a batch.
    ///
    /// # Errors
    /// A value that can't be written.
    pub fn row(&mut self, batch: &RecordBatch, row: usize) -> Result<DataRow, Problem> {
        for ((column, field), info) in batch.columns().iter().zip(self.schema.fields()).zip(self.fields.iter()) {
            let written = if column.is_null(row) {
                self.encoder.encode_field(&None::<&str>)
            } else {
                encode_value(&mut self.encoder, column, row, field, info)
            };
            written.map_err(|error| Problem::new("22000", format!("{}: {error}", field.name())))?;
        }
        Ok(self.encoder.take_row())
    }
}

fn format(formats: &[i16], place: usize) -> i16 {
    match formats {
        [] => 0,
        [one] => *one,
        each => each.get(place).copied().unwrap_or(0),
    }
}

/// Bytes of a type whose values all have as many; -1 of others. Source: `pg_type.typlen`.
fn size_bytes(pg_type: &Type) -> i16 {
    match *pg_type {
        Type::BOOL | Type::CHAR => 1,
        Type::INT2 => 2,
        Type::INT4 | Type::FLOAT4 | Type::DATE | Type::OID => 4,
        Type::INT8 | Type::FLOAT8 | Type::TIME | Type::TIMESTAMP | Type::TIMESTAMPTZ => 8,
        Type::INTERVAL => 16,
        _ => -1,
    }
}

fn change(data_type: &DataType) -> Change {
    let to = |wanted: DataType| if wanted == *data_type { Change::None } else { Change::Cast(wanted) };
    match data_type {
        DataType::Dictionary(_, of) => match change(of) {
            Change::None => Change::Cast(of.as_ref().clone()),
            change => change,
        },
        DataType::RunEndEncoded(_, of) => match change(of.data_type()) {
            Change::None => Change::Cast(of.data_type().clone()),
            change => change,
        },
        DataType::LargeUtf8 | DataType::Utf8View => to(DataType::Utf8),
        DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => to(DataType::Binary),
        DataType::Float16 => to(DataType::Float32),
        DataType::Timestamp(unit, Some(_)) => to(DataType::Timestamp(*unit, Some("+00:00".into()))),
        DataType::Decimal32(digits, scale) | DataType::Decimal64(digits, scale) if *scale >= 0 => {
            to(DataType::Decimal128(*digits, *scale))
        }
        DataType::Decimal128(digits, scale) if *digits <= DIGITS_MAX && *scale >= 0 => Change::None,
        DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) | DataType::Decimal256(..) => {
            Change::Text
        }
        DataType::List(of) | DataType::LargeList(of) | DataType::FixedSizeList(of, _) => {
            match element(of.data_type()) {
                Some(element) => to(DataType::List(Arc::new(Field::new(of.name(), element, true)))),
                None => Change::Json,
            }
        }
        DataType::ListView(_) | DataType::LargeListView(_) | DataType::Struct(_) | DataType::Map(..) => Change::Json,
        DataType::Union(..) => Change::Text,
        _ => Change::None,
    }
}

/// The type of elements for which there are arrays.
fn element(data_type: &DataType) -> Option<DataType> {
    Some(match data_type {
        DataType::Boolean
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::Float32
        | DataType::Float64
        | DataType::Date32
        | DataType::Timestamp(_, None) => data_type.clone(),
        DataType::Int8 | DataType::UInt8 => DataType::Int16,
        DataType::UInt16 => DataType::Int32,
        DataType::UInt32 => DataType::Int64,
        DataType::Timestamp(unit, Some(_)) => DataType::Timestamp(*unit, Some("+00:00".into())),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => DataType::Utf8,
        DataType::Dictionary(_, of) => element(of)?,
        _ => return None,
    })
}

/// The same without U+0000, at which programs in C take a text for ended: U+FFFD stands in its place, so that nothing
/// behind it is hidden.
fn without_zeros(column: ArrayRef) -> ArrayRef {
    if let Some(texts) = column.as_string_opt::<i32>() {
        return match has_zeros(texts) {
            true => Arc::new(shown(texts)),
            false => column,
        };
    }
    if let Some(lists) = column.as_list_opt::<i32>()
        && let Some(texts) = lists.values().as_string_opt::<i32>()
        && has_zeros(texts)
        && let DataType::List(field) = lists.data_type()
        && let Ok(lists) = arrow::array::ListArray::try_new(
            Arc::clone(field),
            lists.offsets().clone(),
            Arc::new(shown(texts)),
            lists.nulls().cloned(),
        )
    {
        return Arc::new(lists);
    }
    column
}

fn has_zeros(texts: &StringArray) -> bool {
    memchr::memchr(0, texts.value_data()).is_some()
}

fn shown(texts: &StringArray) -> StringArray {
    texts.iter().map(|text| text.map(|text| text.replace('\0', "\u{fffd}"))).collect()
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        BooleanArray, Decimal128Array, Decimal256Array, DictionaryArray, Float64Array, Int32Array, Int64Array,
        IntervalMonthDayNanoArray, ListArray, NullArray, StringViewArray, StructArray, TimestampMicrosecondArray,
        UInt64Array,
    };
    use arrow::datatypes::{Int32Type, i256};

    use super::*;

    /// The cells of the first two rows of one column as texts, and its type.
    fn written(column: ArrayRef) -> (Type, Vec<Option<String>>) {
        let schema = Schema::new(vec![Field::new("c", column.data_type().clone(), true)]);
        let columns = Columns::of(&schema).unwrap();
        let batch = columns.changed(&RecordBatch::try_new(Arc::new(schema), vec![column]).unwrap()).unwrap();
        let mut writer = columns.writer(&[]);
        let cell = |row: usize| {
            let data = writer.row(&batch, row).unwrap().data;
            let length = i32::from_be_bytes(data[..4].try_into().unwrap());
            (length >= 0).then(|| String::from_utf8(data[4..].to_vec()).unwrap())
        };
        let rows = (0..batch.num_rows()).map(cell).collect();
        (columns.types[0].clone(), rows)
    }

    #[test]
    fn values_are_as_postgresql_writes_them() {
        let text = |text: &str| Some(text.to_owned());
        let dictionary: DictionaryArray<Int32Type> = [Some("a"), None].into_iter().collect();
        let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), None]);
        let record = StructArray::from(vec![(
            Arc::new(Field::new("a", DataType::Int32, true)),
            Arc::new(Int32Array::from(vec![1, 2])) as ArrayRef,
        )]);
        let time = TimestampMicrosecondArray::from(vec![Some(1_709_257_274_000_000), None]);
        let cases: Vec<(ArrayRef, Type, [Option<String>; 2])> = vec![
            (Arc::new(BooleanArray::from(vec![Some(true), None])), Type::BOOL, [text("t"), None]),
            (Arc::new(Int64Array::from(vec![Some(-1), None])), Type::INT8, [text("-1"), None]),
            (Arc::new(UInt64Array::from(vec![u64::MAX, 0])), Type::NUMERIC, [text("18446744073709551615"), text("0")]),
            (Arc::new(Float64Array::from(vec![Some(1.5), None])), Type::FLOAT8, [text("1.5"), None]),
            (Arc::new(StringViewArray::from(vec![Some("a\0b"), None])), Type::TEXT, [text("a\u{fffd}b"), None]),
            (Arc::new(dictionary), Type::TEXT, [text("a"), None]),
            (Arc::new(NullArray::new(2)), Type::TEXT, [None, None]),
            (Arc::new(list), Type::INT4_ARRAY, [text("{1,NULL}"), None]),
            (Arc::new(record), Type::JSON, [text("{\"a\":1}"), text("{\"a\":2}")]),
            (Arc::new(IntervalMonthDayNanoArray::new_null(2)), Type::INTERVAL, [None, None]),
            (
                Arc::new(Decimal128Array::from(vec![Some(150), None]).with_precision_and_scale(5, 2).unwrap()),
                Type::NUMERIC,
                [text("1.50"), None],
            ),
            (
                Arc::new(
                    Decimal256Array::from(vec![Some(i256::from_i128(15)), None])
                        .with_precision_and_scale(70, 1)
                        .unwrap(),
                ),
                Type::TEXT,
                [text("1.5"), None],
            ),
        ];
        for (column, pg_type, expected) in cases {
            let data_type = column.data_type().clone();
            assert_eq!(written(column), (pg_type, expected.to_vec()), "{data_type}");
        }
        let (pg_type, rows) = written(Arc::new(time.with_timezone("UTC")));
        assert_eq!(pg_type, Type::TIMESTAMPTZ);
        assert!(rows[0].as_ref().unwrap().starts_with("2024-03-01 01:41:14"), "{rows:?}");
        assert!(rows[0].as_ref().unwrap().contains("+00"), "{rows:?}");
        assert_eq!(rows[1], None);
    }

    #[test]
    fn formats_are_none_one_or_one_each() {
        let schema = Schema::new(vec![Field::new("a", DataType::Int32, true), Field::new("a", DataType::Utf8, true)]);
        let columns = Columns::of(&schema).unwrap();
        let formats = |given: &[i16]| -> Vec<i16> {
            columns.description(given).fields.iter().map(|field| field.format_code).collect()
        };
        assert_eq!((formats(&[]), formats(&[1]), formats(&[0, 1])), (vec![0, 0], vec![1, 1], vec![0, 1]));
        let many: Vec<Field> = (0..2_000).map(|at| Field::new(at.to_string(), DataType::Int32, true)).collect();
        assert!(Columns::of(&Schema::new(many)).is_err());
    }
}
