//! Rows of `usage` as Arrow columns, and back.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{Date32Type, Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

use super::encode_origin::{OriginColumns, origin_columns};
use super::origin::Origin;
use super::row::{Outcome, UsageRow};
use crate::store::Table;

/// The rows as one batch of the table's schema.
pub(crate) fn encode(rows: &[UsageRow]) -> Result<RecordBatch, ArrowError> {
    fn text(rows: &[UsageRow], of: impl Fn(&UsageRow) -> &str) -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
    }
    fn optional(rows: &[UsageRow], of: impl Fn(&UsageRow) -> Option<&str>) -> ArrayRef {
        Arc::new(rows.iter().map(of).collect::<StringArray>())
    }
    fn time(rows: &[UsageRow], of: impl Fn(&UsageRow) -> i64) -> ArrayRef {
        Arc::new(TimestampMicrosecondArray::from_iter_values(rows.iter().map(of)).with_timezone("UTC"))
    }
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(Date32Array::from_iter_values(rows.iter().map(|r| r.event_date))),
        text(rows, |r| &r.account_id),
        text(rows, |r| &r.principal_arn),
        text(rows, |r| &r.principal_type),
        optional(rows, |r| r.permission_set.as_deref()),
        optional(rows, |r| r.session_name.as_deref()),
        optional(rows, |r| r.action.as_deref()),
        text(rows, |r| &r.resource),
        text(rows, |r| r.outcome.as_str()),
        text(rows, |r| &r.confidence),
        text(rows, |r| &r.rule),
        optional(rows, |r| r.passed_to_service.as_deref()),
        text(rows, |r| &r.event_source),
        text(rows, |r| &r.event_name),
        text(rows, |r| &r.aws_region),
        optional(rows, |r| r.via.as_deref()),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.event_count as i64))),
        time(rows, |r| r.first_time_us),
        time(rows, |r| r.last_time_us),
        text(rows, |r| &r.example_event_id),
        Arc::new(BooleanArray::from_iter(rows.iter().map(|r| Some(r.cross_account)))),
    ];
    let origins: Vec<Option<&Origin>> = rows.iter().map(|r| r.origin.as_ref()).collect();
    columns.extend(origin_columns(&origins));
    RecordBatch::try_new(Table::Usage.schema(), columns)
}

/// One column of texts of a batch.
pub(super) fn texts<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a StringArray, ArrowError> {
    batch
        .column_by_name(name)
        .and_then(|column| column.as_string_opt::<i32>())
        .ok_or_else(|| ArrowError::SchemaError(format!("no text column {name}")))
}

/// The rows of a batch for which `keep` says so.
pub(super) fn decode(batch: &RecordBatch, keep: impl Fn(usize) -> bool) -> Result<Vec<UsageRow>, ArrowError> {
    let missing = |name: &str| ArrowError::SchemaError(format!("no column {name}"));
    let column = |name: &str| batch.column_by_name(name).ok_or_else(|| missing(name));
    let text = |name: &str| texts(batch, name);
    let time = |name: &str| column(name)?.as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(|| missing(name));
    let dates = column("event_date")?.as_primitive_opt::<Date32Type>().ok_or_else(|| missing("event_date"))?;
    let counts = column("event_count")?.as_primitive_opt::<Int64Type>().ok_or_else(|| missing("event_count"))?;
    let cross_account = column("cross_account")?.as_boolean_opt().ok_or_else(|| missing("cross_account"))?;
    let origins = OriginColumns::of(batch)?;
    let (first, last) = (time("first_time")?, time("last_time")?);
    let [account_id, principal_arn, principal_type, resource, outcome] =
        [text("account_id")?, text("principal_arn")?, text("principal_type")?, text("resource")?, text("outcome")?];
    let [permission_set, session_name, action, passed_to_service, via] =
        [text("permission_set")?, text("session_name")?, text("action")?, text("passed_to_service")?, text("via")?];
    let [confidence, rule, event_source, event_name, aws_region, example] = [
        text("confidence")?,
        text("rule")?,
        text("event_source")?,
        text("event_name")?,
        text("aws_region")?,
        text("example_event_id")?,
    ];
    let optional = |array: &StringArray, row: usize| array.is_valid(row).then(|| array.value(row).to_owned());
    let mut rows = Vec::new();
    for row in (0..batch.num_rows()).filter(|row| keep(*row)) {
        let word = outcome.value(row);
        rows.push(UsageRow {
            event_date: dates.value(row),
            account_id: account_id.value(row).to_owned(),
            principal_arn: principal_arn.value(row).to_owned(),
            principal_type: principal_type.value(row).to_owned(),
            permission_set: optional(permission_set, row),
            session_name: optional(session_name, row),
            action: optional(action, row),
            resource: resource.value(row).to_owned(),
            outcome: Outcome::parse(word).ok_or_else(|| ArrowError::ParseError(format!("no outcome: {word}")))?,
            confidence: confidence.value(row).to_owned(),
            rule: rule.value(row).to_owned(),
            passed_to_service: optional(passed_to_service, row),
            event_source: event_source.value(row).to_owned(),
            event_name: event_name.value(row).to_owned(),
            aws_region: aws_region.value(row).to_owned(),
            via: optional(via, row),
            event_count: counts.value(row) as u64,
            first_time_us: first.value(row),
            last_time_us: last.value(row),
            example_event_id: example.value(row).to_owned(),
            cross_account: cross_account.value(row),
            origin: origins.as_ref().and_then(|origins| origins.value(row)),
        });
    }
    Ok(rows)
}
