//! The names of types in SQL.

use arrow::datatypes::DataType;

/// A type as SQL writes it: `VARCHAR`, `TIMESTAMPTZ`, `ARRAY(ROW(arn VARCHAR, …))`.
pub(super) fn sql_type(data_type: &DataType) -> String {
    let inner = |field: &arrow::datatypes::Field| sql_type(field.data_type());
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "VARCHAR".to_owned(),
        DataType::Null => "NULL".to_owned(),
        DataType::Boolean => "BOOLEAN".to_owned(),
        DataType::Int8 => "TINYINT".to_owned(),
        DataType::Int16 => "SMALLINT".to_owned(),
        DataType::Int32 => "INTEGER".to_owned(),
        DataType::Int64 => "BIGINT".to_owned(),
        DataType::UInt8 => "TINYINT UNSIGNED".to_owned(),
        DataType::UInt16 => "SMALLINT UNSIGNED".to_owned(),
        DataType::UInt32 => "INTEGER UNSIGNED".to_owned(),
        DataType::UInt64 => "BIGINT UNSIGNED".to_owned(),
        DataType::Float16 | DataType::Float32 => "REAL".to_owned(),
        DataType::Float64 => "DOUBLE".to_owned(),
        DataType::Date32 | DataType::Date64 => "DATE".to_owned(),
        DataType::Time32(_) | DataType::Time64(_) => "TIME".to_owned(),
        DataType::Interval(_) | DataType::Duration(_) => "INTERVAL".to_owned(),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => format!("DECIMAL({precision}, {scale})"),
        DataType::Timestamp(_, None) => "TIMESTAMP".to_owned(),
        DataType::Timestamp(_, Some(_)) => "TIMESTAMPTZ".to_owned(),
        DataType::Binary | DataType::BinaryView | DataType::LargeBinary | DataType::FixedSizeBinary(_) => {
            "VARBINARY".to_owned()
        }
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::ListView(field)
        | DataType::LargeListView(field)
        | DataType::FixedSizeList(field, _) => format!("ARRAY({})", inner(field)),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) => {
                format!("MAP({})", fields.iter().map(|field| inner(field)).collect::<Vec<_>>().join(", "))
            }
            other => sql_type(other),
        },
        DataType::Struct(fields) => {
            let fields = fields.iter().map(|field| format!("{} {}", field.name(), inner(field)));
            format!("ROW({})", fields.collect::<Vec<_>>().join(", "))
        }
        DataType::Dictionary(_, values) => sql_type(values),
        DataType::RunEndEncoded(_, values) => inner(values),
        DataType::Union(_, _) => "JSON".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::datatypes::{Field, TimeUnit};

    use super::*;

    #[test]
    fn types_have_names_that_sql_knows() {
        let field = |name: &str, data_type: DataType| Field::new(name, data_type, true);
        let entry = DataType::Struct(vec![field("arn", DataType::Utf8), field("n", DataType::Int64)].into());
        for (data_type, expected) in [
            (DataType::Utf8View, "VARCHAR"),
            (DataType::Dictionary(Box::new(DataType::UInt32), Box::new(DataType::Utf8)), "VARCHAR"),
            (DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), "TIMESTAMPTZ"),
            (DataType::Timestamp(TimeUnit::Nanosecond, None), "TIMESTAMP"),
            (DataType::Decimal128(12, 2), "DECIMAL(12, 2)"),
            (DataType::List(Arc::new(field("element", entry))), "ARRAY(ROW(arn VARCHAR, n BIGINT))"),
        ] {
            assert_eq!(sql_type(&data_type), expected);
        }
    }
}
