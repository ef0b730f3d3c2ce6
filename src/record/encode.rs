//! Records → columns: put in order first, then copied once.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use hashbrown::HashMap;

use super::columns::{BoolColumn, ResourcesColumn, TextColumn, TimeColumn, WordColumn, dates};
use super::dictionaries::Dictionaries;
use super::extras::{additional_fields, empty_fields};
use super::json_string::{minify, unescape};
use super::object::{ParsedObject, Record};
use super::positions::column_named;
use super::resource_list::each_resource;
use super::scanned_value::{ScannedValue, time_us};
use super::schema::{self, COLUMNS, Kind, RESOURCE_FIELDS};
use super::string_interner::NONE;
use crate::util::invariant::Invariant as _;

/// Rows of one batch: a row group of the store's files.
const BATCH_ROWS: usize = 64 * 1024;

/// Text of one batch: what a reader of its row group holds, and far below what 32-bit offsets can say.
pub(crate) const BATCH_BYTES: usize = 32 << 20;

/// Rows ahead of the one being copied that are fetched into the cache: where its values are, they, and then texts.
const RECORDS_AHEAD: usize = 16;
const VALUES_AHEAD: usize = 8;
const TEXTS_AHEAD: usize = 4;

/// The records as batches of `events`, in [`schema::SORT_ORDER`] and in the schema [`schema::encoded`]. All were parsed
/// with these dictionaries.
pub fn encode<'a>(
    records: &mut Vec<(&'a ParsedObject, &'a Record)>,
    dictionaries: &'a mut Dictionaries,
) -> impl Iterator<Item = Result<RecordBatch, ArrowError>> + use<'a> {
    let text_bytes = text_bytes(records);
    sort(records, dictionaries);
    let rows = std::mem::take(records);
    let mut next = 0;
    std::iter::from_fn(move || {
        let rest = rows.get(next..).filter(|rest| !rest.is_empty())?;
        let mut bytes = 0;
        let fits = rest.iter().take(BATCH_ROWS).take_while(|(_, record)| {
            bytes += record.text_bytes as usize;
            bytes <= BATCH_BYTES
        });
        let count = fits.count().max(1);
        next += count;
        Some(batch(
            rest.get(..count).unwrap_or(rest),
            dictionaries,
            text_bytes.map(|bytes| share(bytes, count, rows.len())),
        ))
    })
}

/// For each column the bytes of text of all records, at the most.
fn text_bytes(records: &[(&ParsedObject, &Record)]) -> [usize; COLUMNS.len()] {
    let mut sums = [0; COLUMNS.len()];
    for objects in records.chunk_by(|(a, _), (b, _)| std::ptr::eq(*a, *b)) {
        let of = objects.first().map(|(object, _)| object.text_bytes());
        sums.iter_mut().zip(of.into_iter().flatten()).for_each(|(sum, bytes)| *sum += bytes);
    }
    sums
}

/// Room for a part of the rows: a little more than its share, if it isn't all.
fn share(bytes: usize, rows: usize, all: usize) -> usize {
    let share = bytes / all.max(1) * rows;
    bytes.min(share + share / 8 + 64)
}

/// Puts records in order by numbers instead of texts: a batch has many records and few different principals, sources
/// and names, so that those are put in order first.
#[expect(
    clippy::cast_possible_truncation,
    reason = "records and groups of an object are counted in 32 bits, since its text has at most 4 GiB"
)]
#[expect(clippy::cast_sign_loss, reason = "the sign bit is turned over, so that earlier times sort first")]
fn sort(records: &mut Vec<(&ParsedObject, &Record)>, dictionaries: &Dictionaries) {
    let names = |record: &Record| [record.names[0], record.principal.arn, record.names[1], record.names[2]];
    let mut numbers: HashMap<[u32; 4], u32, foldhash::fast::RandomState> = HashMap::default();
    let mut groups: Vec<[u32; 4]> = Vec::new();
    let group_of: Vec<u32> = records
        .iter()
        .map(|(_, record)| {
            let names = names(record);
            *numbers.entry(names).or_insert_with(|| {
                groups.push(names);
                groups.len() as u32 - 1
            })
        })
        .collect();
    let rank_of = group_ranks(&groups, dictionaries);
    // One number to compare by: the group, the time, where the record is.
    let keys = records.iter().zip(&group_of).zip(0_u32..).map(|(((_, record), group), at)| {
        let rank = rank_of.get(*group as usize).copied().invariant("every group has a rank");
        let time = (record.event_time_us as u64) ^ 1 << 63;
        u128::from(rank) << 96 | u128::from(time) << 32 | u128::from(at)
    });
    let mut order: Vec<u128> = keys.collect();
    order.sort_unstable();
    let record_at = |key: &u128| records.get(*key as u32 as usize).copied();
    for same in order.chunk_by_mut(|a, b| a >> 32 == b >> 32).filter(|same| same.len() > 1) {
        same.sort_unstable_by_key(|key| record_at(key).map(|(_, record)| record.event_key));
    }
    *records = order.iter().filter_map(record_at).collect();
}

/// The place of each group among all.
#[expect(clippy::indexing_slicing, reason = "`min` keeps within the array")]
#[expect(
    clippy::cast_possible_truncation,
    reason = "records and groups of an object are counted in 32 bits, since its text has at most 4 GiB"
)]
fn group_ranks(groups: &[[u32; 4]], dictionaries: &Dictionaries) -> Vec<u32> {
    let ranks: [Vec<u32>; 4] =
        std::array::from_fn(|of| ranks(groups.iter().map(move |names| names[of.min(3)]), dictionaries));
    let mut order: Vec<([u32; 4], u32)> = (0..groups.len() as u32)
        .map(|group| {
            let rank = |ranks: &Vec<u32>| ranks.get(group as usize).copied().invariant("every group has a rank");
            (std::array::from_fn(|of| ranks.get(of).map_or(0, rank)), group)
        })
        .collect();
    order.sort_unstable();
    let mut rank_of = vec![0; groups.len()];
    for (rank, (_, group)) in (0..).zip(order) {
        if let Some(slot) = rank_of.get_mut(group as usize) {
            *slot = rank;
        }
    }
    rank_of
}

/// For each number the place of its word among all that occur; 0 for none.
fn ranks(numbers: impl Iterator<Item = u32> + Clone, dictionaries: &Dictionaries) -> Vec<u32> {
    let mut rank_of = vec![0_u32; dictionaries.len()];
    let mut words: Vec<(&str, u32)> = Vec::new();
    for number in numbers.clone() {
        if let (Some(rank @ 0), Some(word)) = (rank_of.get_mut(number as usize), dictionaries.word(number)) {
            *rank = 1;
            words.push((word, number));
        }
    }
    words.sort_unstable();
    for (rank, (_, number)) in (1..).zip(&words) {
        if let Some(slot) = rank_of.get_mut(*number as usize) {
            *slot = rank;
        }
    }
    numbers.map(|number| rank_of.get(number as usize).copied().unwrap_or(0)).collect()
}

/// The columns of a batch, each in the builder of its kind.
enum Column {
    Word(WordColumn),
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
            Kind::Word | Kind::DerivedWord => Column::Word(WordColumn::new(rows)),
            Kind::Text | Kind::Json | Kind::DerivedText => Column::Text(TextColumn::with_capacity(rows, text_bytes)),
        }
    }

    fn push_word(&mut self, row: usize, word: u32) {
        if let (Column::Word(column), true) = (self, word != NONE) {
            column.push(row, word);
        }
    }

    fn push_held(&mut self, row: usize, (object, record): (&ParsedObject, &Record), held: ScannedValue, kind: Kind) {
        match (self, held) {
            (Column::Word(column), ScannedValue::Word(word)) => column.push(row, word),
            (Column::Text(column), ScannedValue::Text(start, end)) => {
                column.push(row, object.slice(record, start, end))
            }
            (Column::Text(column), ScannedValue::Marked(start, end)) => {
                let raw = object.slice(record, start, end);
                match kind {
                    Kind::Json if !raw.starts_with('"') => column.push(row, &minify(raw)),
                    Kind::Json => column.push(row, raw),
                    _ => column.push(row, &unescape(raw).0),
                }
            }
            (Column::Bool(column), ScannedValue::Bool(value)) => column.push(row, value),
            (Column::Time(column), ScannedValue::Time(upper, lower)) => column.push(row, time_us(upper, lower)),
            (Column::Resources(column), ScannedValue::Text(start, end) | ScannedValue::Marked(start, end)) => {
                let raw = object.slice(record, start, end);
                if raw.starts_with('[') {
                    column.begin(row);
                    each_resource(raw, |members| column.item(members));
                    column.end();
                }
            }
            _ => {}
        }
    }

    fn finish(
        self,
        rows: &[(&ParsedObject, &Record)],
        dictionaries: &Dictionaries,
        places: &mut [u32],
        data_type: &arrow::datatypes::DataType,
    ) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Column::Word(column) => column.finish(dictionaries, places)?,
            Column::Text(column) => Arc::new(column.finish(rows.len())),
            Column::Bool(column) => column.finish(rows.len()),
            Column::Time(column) => column.finish(rows.len()),
            Column::Resources(column) => column.finish(rows.len(), data_type)?,
            Column::Date => dates(rows.iter().map(|(_, record)| record.event_date).collect()),
        })
    }
}

/// `text_bytes`: room for each column's text.
fn batch(
    rows: &[(&ParsedObject, &Record)],
    dictionaries: &mut Dictionaries,
    text_bytes: [usize; COLUMNS.len()],
) -> Result<RecordBatch, ArrowError> {
    let sized = COLUMNS.iter().zip(text_bytes);
    let mut columns: Vec<Column> = sized.map(|(column, bytes)| Column::new(column.kind, rows.len(), bytes)).collect();
    let mut empty = String::new();
    for (i, (object, record)) in rows.iter().copied().enumerate() {
        if let Some((_, record)) = rows.get(i + RECORDS_AHEAD) {
            record.prefetch();
        }
        if let Some((object, record)) = rows.get(i + VALUES_AHEAD) {
            object.prefetch_values(record);
        }
        if let Some((object, record)) = rows.get(i + TEXTS_AHEAD) {
            object.prefetch_texts(record);
        }
        for value in object.values(record) {
            let at = usize::from(value.column);
            if let (Some(column), Some(definition)) = (columns.get_mut(at), COLUMNS.get(at)) {
                column.push_held(i, (object, record), value.held, definition.kind);
            }
        }
        let extras = object.extras(record);
        empty.clear();
        empty_fields(extras, &mut empty);
        let empty = if empty.is_empty() { NONE } else { dictionaries.number(&empty) };
        let principal = &record.principal;
        for (at, word) in [
            (PRINCIPAL_ARN, principal.arn),
            (PRINCIPAL_TYPE, principal.principal_type),
            (PRINCIPAL_ACCOUNT, principal.account_id),
            (SESSION_NAME, principal.session_name),
            (PERMISSION_SET, principal.permission_set),
            (EMPTY_FIELDS, empty),
        ] {
            if let Some(column) = columns.get_mut(at) {
                column.push_word(i, word);
            }
        }
        if let (Some(Column::Text(column)), Some(text)) =
            (columns.get_mut(ADDITIONAL_FIELDS), additional_fields(object, record, extras))
        {
            column.push(i, &text);
        }
    }
    let schema = schema::encoded();
    let mut places = vec![0; dictionaries.len()];
    let arrays: Result<Vec<ArrayRef>, ArrowError> = columns
        .into_iter()
        .zip(schema.fields())
        .map(|(column, field)| column.finish(rows, dictionaries, &mut places, field.data_type()))
        .collect();
    RecordBatch::try_new(schema, arrays?)
}

const PRINCIPAL_ARN: usize = column_named("principal_arn");
const PRINCIPAL_TYPE: usize = column_named("principal_type");
const PRINCIPAL_ACCOUNT: usize = column_named("principal_account_id");
const SESSION_NAME: usize = column_named("session_name");
const PERMISSION_SET: usize = column_named("permission_set");
const EMPTY_FIELDS: usize = column_named(schema::EMPTY_FIELDS);
const ADDITIONAL_FIELDS: usize = column_named(schema::ADDITIONAL_FIELDS);
