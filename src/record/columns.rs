//! Builders for the columns of one batch: bytes copied once, rows without a value filled in when the next one comes.

use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, ArrayRef, BooleanArray, Date32Array, DictionaryArray, ListArray, StringArray, StringBuilder,
    StructArray, TimestampMicrosecondArray, UInt32Array, new_null_array,
};
use arrow::buffer::{BooleanBuffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field};
use arrow::error::ArrowError;

use super::dictionaries::Dictionaries;
use super::string_interner::{NONE, StringInterner};

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
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a batch has fewer rows and items than 2^31, which its memory bounds"
    )]
    pub fn finish(mut self, dictionaries: &Dictionaries, places: &mut [u32]) -> Result<ArrayRef, ArrowError> {
        let rows = self.rows;
        if self.numbers.is_empty() {
            let words = Box::new(DataType::Utf8);
            return Ok(new_null_array(&DataType::Dictionary(Box::new(DataType::UInt32), words), rows));
        }
        let (mut used, mut words) = (Vec::new(), StringBuilder::new());
        let nulls = nulls_in(&self.numbers);
        for number in &mut self.numbers {
            let Some(place) = places.get_mut(*number as usize).filter(|_| *number != NONE) else { continue };
            if *place == 0 {
                used.push(*number);
                *place = used.len() as u32;
                words.append_option(dictionaries.word(*number));
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

/// Which of the numbers are [`NONE`], if some are.
fn nulls_in(numbers: &[u32]) -> Option<NullBuffer> {
    let bits =
        |numbers: &[u32]| (0..).zip(numbers).fold(0, |bits, (at, number)| bits | u64::from(*number != NONE) << at);
    let words = || numbers.chunks(u64::BITS as usize).map(bits).collect::<Vec<u64>>();
    let valid = || BooleanBuffer::new(words().into(), 0, numbers.len());
    numbers.contains(&NONE).then(|| NullBuffer::new(valid()))
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

/// Texts that repeat, each held once, by items.
#[derive(Default)]
struct RepeatedTexts {
    words: StringInterner,
    /// Each item's word.
    numbers: Vec<u32>,
    last: u32,
}

impl RepeatedTexts {
    fn push(&mut self, item: usize, text: &str) {
        self.numbers.resize(item, NONE);
        if self.last == NONE || self.words.word(self.last) != text {
            self.last = self.words.number(text);
        }
        self.numbers.push(self.last);
    }

    fn finish(mut self, items: usize) -> Result<ArrayRef, ArrowError> {
        self.numbers.resize(items, NONE);
        let nulls = nulls_in(&self.numbers);
        // The words' numbers begin behind the one for none.
        let places = self.numbers.into_iter().map(|number| number.saturating_sub(1)).collect::<Vec<u32>>();
        let words = StringArray::from_iter_values(self.words.iter());
        Ok(Arc::new(DictionaryArray::try_new(UInt32Array::try_new(places.into(), nulls)?, Arc::new(words))?))
    }
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
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a batch has fewer rows and items than 2^31, which its memory bounds"
    )]
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
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a batch has fewer rows and items than 2^31, which its memory bounds"
    )]
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
