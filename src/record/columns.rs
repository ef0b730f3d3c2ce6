//! Builders for the columns of one batch: bytes copied once, rows without a value filled in when the next one comes.

use std::hash::BuildHasher;
use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, ArrayRef, BooleanArray, Date32Array, DictionaryArray, ListArray, StringArray, StringBuilder,
    StructArray, TimestampMicrosecondArray, UInt32Array, new_null_array,
};
use arrow::buffer::{BooleanBuffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field};
use arrow::error::ArrowError;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::vocabulary::Vocabulary;
use super::words::NONE;

/// Which rows have a value.
#[derive(Default)]
struct Validity {
    rows: Vec<bool>,
    has_nulls: bool,
}

impl Validity {
    /// Rows without a value up to `row`.
    fn pad(&mut self, row: usize) {
        self.has_nulls |= self.rows.len() < row;
        self.rows.resize(row, false);
    }

    fn finish(self) -> Option<NullBuffer> {
        self.has_nulls.then(|| NullBuffer::from(self.rows))
    }
}

/// A column of texts.
pub(super) struct TextColumn {
    builder: StringBuilder,
}

impl TextColumn {
    /// With room for this many rows and bytes.
    pub fn with_capacity(rows: usize, bytes: usize) -> Self {
        let rows = if bytes == 0 { 0 } else { rows };
        TextColumn { builder: StringBuilder::with_capacity(rows, bytes) }
    }

    pub fn push(&mut self, row: usize, text: &str) {
        self.pad(row);
        self.builder.append_value(text);
    }

    fn pad(&mut self, row: usize) {
        self.builder.append_nulls(row - self.builder.len().min(row));
    }

    pub fn finish(mut self, rows: usize) -> StringArray {
        self.pad(rows);
        self.builder.finish()
    }
}

/// A column of words.
pub(super) struct WordColumn {
    rows: usize,
    /// Numbers of words, one a row; empty while there is none.
    numbers: Vec<u32>,
}

impl WordColumn {
    pub fn new(rows: usize) -> WordColumn {
        WordColumn { rows, numbers: Vec::new() }
    }

    pub fn push(&mut self, row: usize, number: u32) {
        if self.numbers.is_empty() {
            self.numbers.resize(self.rows, NONE);
        }
        if let Some(slot) = self.numbers.get_mut(row) {
            *slot = number;
        }
    }

    /// The column with a dictionary of its own, in the order in which the words first come. `places` holds a zero for
    /// every number, before and after.
    pub fn finish(mut self, vocabulary: &Vocabulary, places: &mut [u32]) -> Result<ArrayRef, ArrowError> {
        let rows = self.rows;
        if self.numbers.is_empty() {
            let words = Box::new(DataType::Utf8);
            return Ok(new_null_array(&DataType::Dictionary(Box::new(DataType::UInt32), words), rows));
        }
        let (mut used, mut words) = (Vec::new(), StringBuilder::new());
        let nulls = nulls_in(&self.numbers, NONE);
        for number in &mut self.numbers {
            let Some(place) = places.get_mut(*number as usize).filter(|_| *number != NONE) else { continue };
            if *place == 0 {
                used.push(*number);
                *place = used.len() as u32;
                words.append_option(vocabulary.word(*number));
            }
            *number = *place - 1;
        }
        for word in used {
            if let Some(place) = places.get_mut(word as usize) {
                *place = 0;
            }
        }
        let keys = UInt32Array::try_new(self.numbers.into(), nulls)?;
        Ok(Arc::new(DictionaryArray::try_new(keys, Arc::new(words.finish()))?))
    }
}

/// Which of the numbers are `none`, if some are.
fn nulls_in(numbers: &[u32], none: u32) -> Option<NullBuffer> {
    let bits =
        |numbers: &[u32]| (0..).zip(numbers).fold(0, |bits, (at, number)| bits | u64::from(*number != none) << at);
    let words = || numbers.chunks(u64::BITS as usize).map(bits).collect::<Vec<u64>>();
    let valid = || BooleanBuffer::new(words().into(), 0, numbers.len());
    numbers.contains(&none).then(|| NullBuffer::new(valid()))
}

/// A column of truth values.
#[derive(Default)]
pub(super) struct BoolColumn {
    values: Vec<bool>,
    validity: Validity,
}

impl BoolColumn {
    pub fn push(&mut self, row: usize, value: bool) {
        self.validity.pad(row);
        self.values.resize(row, false);
        self.values.push(value);
        self.validity.rows.push(true);
    }

    pub fn finish(mut self, rows: usize) -> ArrayRef {
        self.validity.pad(rows);
        self.values.resize(rows, false);
        Arc::new(BooleanArray::new(self.values.into(), self.validity.finish()))
    }
}

/// A column of times, microseconds since 1970-01-01 UTC.
#[derive(Default)]
pub(super) struct TimeColumn {
    values: Vec<i64>,
    validity: Validity,
}

impl TimeColumn {
    pub fn push(&mut self, row: usize, time_us: i64) {
        self.validity.pad(row);
        self.values.resize(row, 0);
        self.values.push(time_us);
        self.validity.rows.push(true);
    }

    pub fn finish(mut self, rows: usize) -> ArrayRef {
        self.validity.pad(rows);
        self.values.resize(rows, 0);
        Arc::new(TimestampMicrosecondArray::new(self.values.into(), self.validity.finish()).with_timezone("UTC"))
    }
}

/// No text.
const NO_PLACE: u32 = u32::MAX;

/// Texts that repeat, each held once, by items.
#[derive(Default)]
struct RepeatedTexts {
    words: StringBuilder,
    /// The place of each item's text; [`NO_PLACE`] for none.
    places: Vec<u32>,
    table: HashTable<u32>,
    hasher: foldhash::fast::RandomState,
    last: u32,
}

impl RepeatedTexts {
    fn push(&mut self, item: usize, text: &str) {
        self.places.resize(item, NO_PLACE);
        let place = if word_at(&self.words, self.last) == Some(text.as_bytes()) { self.last } else { self.place(text) };
        self.last = place;
        self.places.push(place);
    }

    fn place(&mut self, text: &str) -> u32 {
        let RepeatedTexts { words, table, hasher, .. } = self;
        let is_it = |place: &u32| word_at(words, *place) == Some(text.as_bytes());
        let rehash = |place: &u32| hasher.hash_one(word_at(words, *place).unwrap_or_default());
        match table.entry(hasher.hash_one(text.as_bytes()), is_it, rehash) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(vacant) => {
                let place = words.len() as u32;
                vacant.insert(place);
                words.append_value(text);
                place
            }
        }
    }

    fn finish(mut self, items: usize) -> Result<ArrayRef, ArrowError> {
        self.places.resize(items, NO_PLACE);
        let nulls = nulls_in(&self.places, NO_PLACE);
        let places = UInt32Array::try_new(self.places.into(), nulls)?;
        Ok(Arc::new(DictionaryArray::try_new(places, Arc::new(self.words.finish()))?))
    }
}

fn word_at(words: &StringBuilder, place: u32) -> Option<&[u8]> {
    let (offsets, place) = (words.offsets_slice(), place as usize);
    words.values_slice().get(*offsets.get(place)? as usize..*offsets.get(place + 1)? as usize)
}

/// A column of lists of structs of texts: `resources`.
pub(super) struct ResourcesColumn<const N: usize> {
    offsets: Vec<i32>,
    validity: Validity,
    members: [RepeatedTexts; N],
    items: usize,
}

impl<const N: usize> ResourcesColumn<N> {
    pub fn new() -> Self {
        let members = std::array::from_fn(|_| RepeatedTexts::default());
        ResourcesColumn { offsets: vec![0], validity: Validity::default(), members, items: 0 }
    }

    /// Begins the list of a row.
    pub fn begin(&mut self, row: usize) {
        self.validity.pad(row);
        self.offsets.resize(row + 1, self.items as i32);
    }

    /// Adds an item to the list.
    pub fn item<T: AsRef<str>>(&mut self, members: [Option<T>; N]) {
        for (column, member) in self.members.iter_mut().zip(members) {
            if let Some(text) = member {
                column.push(self.items, text.as_ref());
            }
        }
        self.items += 1;
    }

    /// Ends the list.
    pub fn end(&mut self) {
        self.validity.rows.push(true);
        self.offsets.push(self.items as i32);
    }

    /// The column in the type of [`encoded`](super::schema::encoded).
    pub fn finish(mut self, rows: usize, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
        self.begin(rows);
        let wrong = || ArrowError::SchemaError("resources is not a list of structs".to_owned());
        let DataType::List(element) = data_type else { return Err(wrong()) };
        let DataType::Struct(fields) = element.data_type() else { return Err(wrong()) };
        let items = self.items;
        let columns = self.members.into_iter().map(|column| column.finish(items)).collect::<Result<Vec<_>, _>>()?;
        let structs = StructArray::try_new_with_length(fields.clone(), columns, None, items)?;
        let element: Arc<Field> = Arc::clone(element);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(self.offsets));
        Ok(Arc::new(ListArray::try_new(element, offsets, Arc::new(structs), self.validity.finish())?))
    }
}

/// A column of days since 1970-01-01.
pub(super) fn dates(values: Vec<i32>) -> ArrayRef {
    Arc::new(Date32Array::from(values))
}
