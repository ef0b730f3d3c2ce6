//! Rows of `usage` as Arrow columns, and back.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Int64Array, StringArray, TimestampMicrosecondArray,
    TypedDictionaryArray,
};
use arrow::datatypes::{Date32Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

use super::encode_origin::{OriginColumns, origin_columns};
use super::interner::Texts;
use super::origin::Origin;
use super::row::{Outcome, UsageRow};
use super::text_column::TextColumn;
use crate::store::Table;

/// The rows as one batch of the table's schema.
pub(crate) fn encode<T: AsRef<str>>(rows: &[UsageRow<T>]) -> Result<RecordBatch, ArrowError> {
    fn text<T: AsRef<str>>(rows: &[UsageRow<T>], of: impl Fn(&UsageRow<T>) -> &T) -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| of(row).as_ref())))
    }
    fn optional<T: AsRef<str>>(rows: &[UsageRow<T>], of: impl Fn(&UsageRow<T>) -> &Option<T>) -> ArrayRef {
        Arc::new(rows.iter().map(|row| of(row).as_ref().map(T::as_ref)).collect::<StringArray>())
    }
    fn time<T>(rows: &[UsageRow<T>], of: impl Fn(&UsageRow<T>) -> i64) -> ArrayRef {
        Arc::new(TimestampMicrosecondArray::from_iter_values(rows.iter().map(of)).with_timezone("UTC"))
    }
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(Date32Array::from_iter_values(rows.iter().map(|r| r.event_date))),
        text(rows, |r| &r.account_id),
        text(rows, |r| &r.principal_arn),
        text(rows, |r| &r.principal_type),
        optional(rows, |r| &r.permission_set),
        optional(rows, |r| &r.session_name),
        optional(rows, |r| &r.action),
        text(rows, |r| &r.resource),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|r| r.outcome.as_str()))),
        text(rows, |r| &r.confidence),
        text(rows, |r| &r.rule),
        optional(rows, |r| &r.passed_to_service),
        text(rows, |r| &r.event_source),
        text(rows, |r| &r.event_name),
        text(rows, |r| &r.aws_region),
        optional(rows, |r| &r.via),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.event_count as i64))),
        time(rows, |r| r.first_time_us),
        time(rows, |r| r.last_time_us),
        text(rows, |r| &r.example_event_id),
        Arc::new(BooleanArray::from_iter(rows.iter().map(|r| Some(r.cross_account)))),
    ];
    let origins: Vec<Option<&Origin<T>>> = rows.iter().map(|r| r.origin.as_ref()).collect();
    columns.extend(origin_columns(&origins));
    columns.push(Arc::new(BooleanArray::from_iter(rows.iter().map(|r| Some(r.overflow)))));
    RecordBatch::try_new(Table::Usage.schema(), columns)
}

/// One column of texts of a batch.
pub(super) fn texts<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a StringArray, ArrowError> {
    batch
        .column_by_name(name)
        .and_then(|column| column.as_string_opt::<i32>())
        .ok_or_else(|| ArrowError::SchemaError(format!("no text column {name}")))
}

/// One column of texts of a batch, as a dictionary.
pub(super) fn dictionary<'a>(batch: &'a RecordBatch, name: &str) -> Result<Dictionary<'a>, ArrowError> {
    batch
        .column_by_name(name)
        .and_then(|column| column.as_dictionary_opt::<Int32Type>()?.downcast_dict::<StringArray>())
        .ok_or_else(|| ArrowError::SchemaError(format!("no text column {name}")))
}

pub(super) type Dictionary<'a> = TypedDictionaryArray<'a, Int32Type, StringArray>;

/// The rows of a batch.
pub(super) fn decode(batch: &RecordBatch, known: &mut Texts) -> Result<Vec<UsageRow>, ArrowError> {
    decode_columns(batch, true, known)
}

/// The rows of a batch that may have been read without the column of sessions: none has one.
pub(super) fn decode_without_sessions(batch: &RecordBatch, known: &mut Texts) -> Result<Vec<UsageRow>, ArrowError> {
    decode_columns(batch, false, known)
}

/// The columns of the table but that of sessions.
pub(super) fn columns_without_sessions() -> Vec<String> {
    let schema = Table::Usage.schema();
    schema.fields().iter().map(|field| field.name().clone()).filter(|name| name != "session_name").collect()
}

#[expect(clippy::cast_sign_loss, reason = "counts are not negative")]
fn decode_columns(batch: &RecordBatch, has_sessions: bool, known: &mut Texts) -> Result<Vec<UsageRow>, ArrowError> {
    let missing = |name: &str| ArrowError::SchemaError(format!("no column {name}"));
    let column = |name: &str| batch.column_by_name(name).ok_or_else(|| missing(name));
    let text = |name: &str| texts(batch, name).map(TextColumn::new);
    let time = |name: &str| column(name)?.as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(|| missing(name));
    let dates = column("event_date")?.as_primitive_opt::<Date32Type>().ok_or_else(|| missing("event_date"))?;
    let counts = column("event_count")?.as_primitive_opt::<Int64Type>().ok_or_else(|| missing("event_count"))?;
    let cross_account = column("cross_account")?.as_boolean_opt().ok_or_else(|| missing("cross_account"))?;
    // In files from before there was such a column a pattern may stand for several resources.
    let overflow = batch.column_by_name("overflow").and_then(|column| column.as_boolean_opt());
    let origins = OriginColumns::of(batch)?;
    let (first, last) = (time("first_time")?, time("last_time")?);
    let (outcome, example, resources) =
        (texts(batch, "outcome")?, texts(batch, "example_event_id")?, texts(batch, "resource")?);
    let [mut account_id, mut principal_arn, mut principal_type, mut resource] =
        [text("account_id")?, text("principal_arn")?, text("principal_type")?, text("resource")?];
    let mut session_name = has_sessions.then(|| text("session_name")).transpose()?;
    let [mut permission_set, mut action, mut passed_to_service, mut via] =
        [text("permission_set")?, text("action")?, text("passed_to_service")?, text("via")?];
    let [mut confidence, mut rule, mut event_source, mut event_name, mut aws_region] =
        [text("confidence")?, text("rule")?, text("event_source")?, text("event_name")?, text("aws_region")?];
    let mut rows = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        let word = outcome.value(row);
        rows.push(UsageRow {
            event_date: dates.value(row),
            account_id: account_id.value(row, known),
            principal_arn: principal_arn.value(row, known),
            principal_type: principal_type.value(row, known),
            permission_set: permission_set.optional(row, known),
            session_name: session_name.as_mut().and_then(|names| names.optional(row, known)),
            action: action.optional(row, known),
            resource: resource.value(row, known),
            outcome: Outcome::parse(word).ok_or_else(|| ArrowError::ParseError(format!("no outcome: {word}")))?,
            confidence: confidence.value(row, known),
            rule: rule.value(row, known),
            passed_to_service: passed_to_service.optional(row, known),
            event_source: event_source.value(row, known),
            event_name: event_name.value(row, known),
            aws_region: aws_region.value(row, known),
            via: via.optional(row, known),
            event_count: counts.value(row) as u64,
            first_time_us: first.value(row),
            last_time_us: last.value(row),
            example_event_id: example.value(row).into(),
            cross_account: cross_account.value(row),
            overflow: match overflow.filter(|overflow| overflow.is_valid(row)) {
                Some(overflow) => overflow.value(row),
                None => resources.value(row).starts_with("arn:") && resources.value(row).contains('*'),
            },
            origin: origins.as_ref().and_then(|origins| origins.value(row, known)),
        });
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files from before there was the column counted several resources under a pattern: which ones, they don't say.
    #[test]
    fn rows_come_back_and_patterns_of_older_files_are_marked() {
        let of = |resource, outcome, overflow| UsageRow { outcome, overflow, ..UsageRow::example(resource) };
        let rows = [
            of("arn:aws:s3:::b/k", Outcome::Undecided, false),
            of("arn:aws:s3:::b/*", Outcome::Denied, false),
            of("arn:aws:s3:::b/*", Outcome::Allowed, true),
        ];
        let batch = encode(&rows).expect("columns");
        assert_eq!(decode(&batch, &mut Texts::new()).expect("rows"), rows);
        let older: Vec<usize> =
            (0..batch.num_columns()).filter(|i| batch.schema().field(*i).name() != "overflow").collect();
        let older = decode(&batch.project(&older).expect("columns"), &mut Texts::new()).expect("rows");
        assert_eq!(older.iter().map(|row| row.overflow).collect::<Vec<_>>(), [false, true, true]);
    }
}
