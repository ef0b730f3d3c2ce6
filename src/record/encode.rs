//! Records → columns: put in order first, then copied once.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use hashbrown::HashMap;

use super::columns::{BoolColumn, ResourcesColumn, TextColumn, TimeColumn, dates};
use super::extras::{additional_fields, empty_fields};
use super::object::{ParsedObject, Record, Value, column_named, each_resource};
use super::principal::{Identity, Principal, principal};
use super::schema::{self, COLUMNS, Kind, RESOURCE_FIELDS};
use super::text::{minify, unescape};
use super::when::parse_time;

/// Rows of one batch: enough to fill vectors, few enough to stay in the cache.
const BATCH_ROWS: usize = 8 * 1024;

/// Text of one batch, so that a column's 32-bit offsets always do.
const BATCH_BYTES: usize = 256 << 20;

/// The records as batches of `events`, in [`schema::SORT_ORDER`].
pub fn encode<'a>(
    records: &mut [(&'a ParsedObject, &'a Record)],
) -> impl Iterator<Item = Result<RecordBatch, ArrowError>> + use<'a> {
    let mut rows: Vec<Row<'a>> = records.iter().map(|(object, record)| Row::new(object, record)).collect();
    sort(&mut rows);
    let mut next = 0;
    // What a column took in the batch before is what it may take in the next.
    let mut text_bytes = vec![0; COLUMNS.len()];
    std::iter::from_fn(move || {
        let rest = rows.get(next..).filter(|rest| !rest.is_empty())?;
        let mut bytes = 0;
        let fits = rest.iter().take(BATCH_ROWS).take_while(|row| {
            bytes += row.size_bytes();
            bytes <= BATCH_BYTES
        });
        let count = fits.count().max(1);
        next += count;
        Some(batch(rest.get(..count).unwrap_or(rest), &mut text_bytes))
    })
}

/// A record on its way into columns.
struct Row<'a> {
    object: &'a ParsedObject,
    record: &'a Record,
    principal: Principal<'a>,
    recipient: Option<Cow<'a, str>>,
    source: Option<Cow<'a, str>>,
    name: Option<Cow<'a, str>>,
}

impl<'a> Row<'a> {
    fn new(object: &'a ParsedObject, record: &'a Record) -> Row<'a> {
        let (mut recipient, mut source, mut name) = (None, None, None);
        for value in object.values(record) {
            let slot = match usize::from(value.column) {
                RECIPIENT => &mut recipient,
                SOURCE => &mut source,
                NAME => &mut name,
                _ => continue,
            };
            *slot = Some(object.text_of(record, value));
        }
        Row { object, record, principal: principal(&identity(object, record)), recipient, source, name }
    }

    fn size_bytes(&self) -> usize {
        self.object.values(self.record).iter().map(|value| (value.end - value.start) as usize).sum::<usize>() * 2
    }
}

fn identity<'a>(object: &'a ParsedObject, record: &Record) -> Identity<'a> {
    let mut identity = Identity::default();
    for value in object.values(record) {
        let slot = match usize::from(value.column) {
            AWS_REGION => &mut identity.aws_region,
            TYPE => &mut identity.identity_type,
            PRINCIPAL_ID => &mut identity.principal_id,
            ARN => &mut identity.arn,
            ACCOUNT_ID => &mut identity.account_id,
            USER_NAME => &mut identity.user_name,
            INVOKED_BY => &mut identity.invoked_by,
            PROVIDER => &mut identity.identity_provider,
            ON_BEHALF_OF => &mut identity.on_behalf_of_user_id,
            ISSUER_ARN => &mut identity.issuer_arn,
            ISSUER_ACCOUNT => &mut identity.issuer_account_id,
            _ => continue,
        };
        *slot = Some(object.text_of(record, value)).filter(|text| !text.is_empty());
    }
    identity
}

/// Sorts by ranks instead of texts: a batch has many rows and few different principals, sources and names.
fn sort(rows: &mut Vec<Row<'_>>) {
    let ranks = [
        ranks(rows, |row| row.recipient.as_deref()),
        ranks(rows, |row| row.principal.arn.as_deref()),
        ranks(rows, |row| row.source.as_deref()),
        ranks(rows, |row| row.name.as_deref()),
    ];
    let rank = |of: usize, row: usize| ranks.get(of).and_then(|r| r.get(row)).copied().unwrap_or(0);
    let mut order: Vec<([u32; 4], i64, u128, u32)> = rows
        .iter()
        .enumerate()
        .map(|(i, row)| {
            let key = std::array::from_fn(|of| rank(of, i));
            (key, row.record.event_time_us, row.record.event_key, i as u32)
        })
        .collect();
    order.sort_unstable();
    let mut taken: Vec<Option<Row<'_>>> = rows.drain(..).map(Some).collect();
    rows.extend(order.iter().filter_map(|(.., i)| taken.get_mut(*i as usize)?.take()));
}

/// For each row the place of its text among all that occur; 0 for rows without one.
fn ranks<'r>(rows: &'r [Row<'_>], of: impl Fn(&'r Row<'_>) -> Option<&'r str>) -> Vec<u32> {
    let mut numbers: HashMap<&'r str, u32, foldhash::fast::RandomState> = HashMap::default();
    let given: Vec<Option<u32>> = rows
        .iter()
        .map(|row| {
            let next = numbers.len() as u32;
            of(row).map(|text| *numbers.entry(text).or_insert(next))
        })
        .collect();
    let mut texts: Vec<(&str, u32)> = numbers.iter().map(|(text, number)| (*text, *number)).collect();
    texts.sort_unstable();
    let mut rank_of = vec![0; texts.len()];
    for (rank, (_, number)) in (1..).zip(&texts) {
        if let Some(slot) = rank_of.get_mut(*number as usize) {
            *slot = rank;
        }
    }
    given.into_iter().map(|number| number.and_then(|n| rank_of.get(n as usize)).copied().unwrap_or(0)).collect()
}

/// The columns of a batch, each in the builder of its kind.
enum Column {
    Text(TextColumn),
    Bool(BoolColumn),
    Time(TimeColumn),
    Resources(Box<ResourcesColumn<{ RESOURCE_FIELDS.len() }>>),
    Date,
}

impl Column {
    fn new(kind: Kind, rows: usize, text_bytes: usize) -> Column {
        match kind {
            Kind::Bool | Kind::BoolText => Column::Bool(BoolColumn::default()),
            Kind::Time => Column::Time(TimeColumn::default()),
            Kind::Resources => Column::Resources(Box::new(ResourcesColumn::new())),
            Kind::DerivedDate => Column::Date,
            Kind::Text | Kind::Word | Kind::Json | Kind::DerivedText => {
                Column::Text(TextColumn::with_capacity(rows, text_bytes + text_bytes / 8))
            }
        }
    }

    fn push_text(&mut self, row: usize, text: Option<&str>) {
        if let (Column::Text(column), Some(text)) = (self, text) {
            column.push(row, text);
        }
    }

    fn push_value(&mut self, row: usize, source: &Row<'_>, value: &Value, kind: Kind) {
        let raw = source.object.slice(source.record, value.start, value.end);
        match self {
            Column::Text(column) if kind == Kind::Json => {
                let bytes = column.begin(row);
                if value.marked && !raw.starts_with('"') {
                    minify(raw.as_bytes(), bytes);
                } else {
                    bytes.extend_from_slice(raw.as_bytes());
                }
                column.end();
            }
            Column::Text(column) if value.marked => column.push(row, &unescape(raw).0),
            Column::Text(column) => column.push(row, raw),
            Column::Bool(column) => match raw {
                "true" => column.push(row, true),
                "false" => column.push(row, false),
                _ => {}
            },
            Column::Time(column) => {
                if let Some((time, _)) = parse_time(&source.object.text_of(source.record, value)) {
                    column.push(row, time);
                }
            }
            Column::Resources(column) => {
                if raw.starts_with('[') {
                    column.begin(row);
                    each_resource(raw, |members| column.item(members));
                    column.end();
                }
            }
            Column::Date => {}
        }
    }
}

/// `text_bytes` says how much text each column had in the batch before, and then in this one.
fn batch(rows: &[Row<'_>], text_bytes: &mut [usize]) -> Result<RecordBatch, ArrowError> {
    let sized = COLUMNS.iter().zip(text_bytes.iter());
    let mut columns: Vec<Column> = sized.map(|(column, bytes)| Column::new(column.kind, rows.len(), *bytes)).collect();
    for (i, row) in rows.iter().enumerate() {
        for value in row.object.values(row.record) {
            let at = usize::from(value.column);
            if let (Some(column), Some(definition)) = (columns.get_mut(at), COLUMNS.get(at)) {
                column.push_value(i, row, value, definition.kind);
            }
        }
        let principal = &row.principal;
        let extras = row.object.extras(row.record);
        let (empty, additional) = if extras.is_empty() {
            (None, None)
        } else {
            (empty_fields(extras), additional_fields(row.object, row.record, extras))
        };
        for (at, text) in [
            (PRINCIPAL_ARN, principal.arn.as_deref()),
            (PRINCIPAL_TYPE, principal.principal_type.as_deref()),
            (PRINCIPAL_ACCOUNT, principal.account_id.as_deref()),
            (SESSION_NAME, principal.session_name.as_deref()),
            (PERMISSION_SET, principal.permission_set.as_deref()),
            (EMPTY_FIELDS, empty.as_deref()),
            (ADDITIONAL_FIELDS, additional.as_deref()),
        ] {
            if let Some(column) = columns.get_mut(at) {
                column.push_text(i, text);
            }
        }
    }
    for (bytes, column) in text_bytes.iter_mut().zip(&columns) {
        if let Column::Text(column) = column {
            *bytes = column.len_bytes();
        }
    }
    let schema = schema::events();
    let arrays: Result<Vec<ArrayRef>, ArrowError> = columns
        .into_iter()
        .zip(schema.fields())
        .map(|(column, field)| {
            Ok(match column {
                Column::Text(column) => Arc::new(column.finish(rows.len())?),
                Column::Bool(column) => column.finish(rows.len()),
                Column::Time(column) => column.finish(rows.len()),
                Column::Resources(column) => column.finish(rows.len(), field.data_type())?,
                Column::Date => dates(rows.iter().map(|row| row.record.event_date).collect()),
            })
        })
        .collect();
    RecordBatch::try_new(schema, arrays?)
}

const RECIPIENT: usize = column_named("recipient_account_id");
const SOURCE: usize = column_named("event_source");
const NAME: usize = column_named("event_name");
const AWS_REGION: usize = column_named("aws_region");
const TYPE: usize = column_named("user_identity_type");
const PRINCIPAL_ID: usize = column_named("user_identity_principal_id");
const ARN: usize = column_named("user_identity_arn");
const ACCOUNT_ID: usize = column_named("user_identity_account_id");
const USER_NAME: usize = column_named("user_identity_user_name");
const INVOKED_BY: usize = column_named("user_identity_invoked_by");
const PROVIDER: usize = column_named("user_identity_identity_provider");
const ON_BEHALF_OF: usize = column_named("on_behalf_of_user_id");
const ISSUER_ARN: usize = column_named("session_issuer_arn");
const ISSUER_ACCOUNT: usize = column_named("session_issuer_account_id");
const PRINCIPAL_ARN: usize = column_named("principal_arn");
const PRINCIPAL_TYPE: usize = column_named("principal_type");
const PRINCIPAL_ACCOUNT: usize = column_named("principal_account_id");
const SESSION_NAME: usize = column_named("session_name");
const PERMISSION_SET: usize = column_named("permission_set");
const EMPTY_FIELDS: usize = column_named(schema::EMPTY_FIELDS);
const ADDITIONAL_FIELDS: usize = column_named(schema::ADDITIONAL_FIELDS);
