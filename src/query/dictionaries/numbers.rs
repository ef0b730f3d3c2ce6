//! A number for each value of a column, and back.

use std::hash::BuildHasher;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringArray, StringViewArray, StringViewBuilder};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use datafusion::error::Result;
use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// Number 0 is NULL; the first value has 1.
pub(super) const NULL: u32 = 0;

/// Texts, or what a 64-bit integer holds.
pub(super) enum Numbers {
    Texts(Texts),
    Integers(Integers),
}

impl Numbers {
    /// How many numbers are given, with NULL's.
    pub fn count(&self) -> usize {
        1 + match self {
            Numbers::Texts(texts) => texts.ends.len(),
            Numbers::Integers(integers) => integers.values.len(),
        }
    }

    pub fn size_bytes(&self) -> usize {
        match self {
            Numbers::Texts(texts) => {
                texts.bytes.capacity() + 8 * texts.ends.capacity() + texts.table.capacity() * TABLE_ENTRY_BYTES
            }
            Numbers::Integers(integers) => {
                8 * integers.values.capacity() + integers.table.capacity() * TABLE_ENTRY_BYTES
            }
        }
    }

    /// The value of each number, NULL first.
    ///
    /// # Errors
    /// A value that the type does not have.
    pub fn values(&self, data_type: &DataType) -> Result<ArrayRef> {
        Ok(match self {
            Numbers::Texts(texts) => {
                let mut builder = StringViewBuilder::with_capacity(texts.ends.len() + 1);
                builder.append_null();
                (0..texts.ends.len()).for_each(|place| builder.append_value(texts.text(place)));
                cast(&builder.finish(), data_type)?
            }
            Numbers::Integers(integers) => {
                let values = std::iter::once(None).chain(integers.values.iter().copied().map(Some));
                cast(&values.collect::<Int64Array>(), data_type)?
            }
        })
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        match self {
            Numbers::Texts(texts) => *texts = Texts::default(),
            Numbers::Integers(integers) => *integers = Integers::default(),
        }
    }
}

/// A number and the control byte of its place.
const TABLE_ENTRY_BYTES: usize = 5;

/// Texts one behind the other.
#[derive(Default)]
pub(super) struct Texts {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Places in `ends`.
    table: HashTable<u32>,
    hasher: FixedState,
}

impl Texts {
    fn text(&self, place: usize) -> &str {
        std::str::from_utf8(at(&self.bytes, &self.ends, place)).unwrap_or_default()
    }

    pub fn number(&mut self, text: &str) -> u32 {
        let Texts { bytes, ends, table, hasher } = self;
        let hash = hasher.hash_one(text);
        if let Some(place) = table.find(hash, |place| at(bytes, ends, *place as usize) == text.as_bytes()) {
            return place + 1;
        }
        bytes.extend_from_slice(text.as_bytes());
        ends.push(bytes.len());
        let place = last_place(ends.len());
        table.insert_unique(hash, place, |place| {
            hasher.hash_one(std::str::from_utf8(at(bytes, ends, *place as usize)).unwrap_or_default())
        });
        place + 1
    }
}

fn at<'a>(bytes: &'a [u8], ends: &[usize], place: usize) -> &'a [u8] {
    let start = place.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or(0);
    ends.get(place).and_then(|end| bytes.get(start..*end)).unwrap_or_default()
}

/// Callers forget all long before there are so many.
fn last_place(count: usize) -> u32 {
    u32::try_from(count.saturating_sub(1)).unwrap_or(u32::MAX)
}

/// Dates, numbers, `true` and `false`.
#[derive(Default)]
pub(super) struct Integers {
    values: Vec<i64>,
    /// Places in `values`.
    table: HashTable<u32>,
    hasher: FixedState,
}

impl Integers {
    fn number(&mut self, value: i64) -> u32 {
        let Integers { values, table, hasher } = self;
        let of = |values: &[i64], place: u32| values.get(place as usize).copied().unwrap_or_default();
        let hash = hasher.hash_one(value);
        if let Some(place) = table.find(hash, |place| of(values, *place) == value) {
            return place + 1;
        }
        values.push(value);
        let place = last_place(values.len());
        table.insert_unique(hash, place, |place| hasher.hash_one(of(values, *place)));
        place + 1
    }

    /// The numbers of a column; most rows have the value of the one before.
    ///
    /// # Errors
    /// The column is of another type.
    pub fn of(&mut self, column: &ArrayRef, out: &mut Vec<u32>) -> Result<()> {
        let column = cast(column, &DataType::Int64)?;
        let column = column.as_primitive::<Int64Type>();
        let mut before = (None, NULL);
        out.extend(column.iter().map(|value| {
            if value != before.0 {
                before = (value, value.map_or(NULL, |value| self.number(value)));
            }
            before.1
        }));
        Ok(())
    }
}

/// The texts of an array, of whichever of Arrow's types.
pub(super) enum TextArray<'a> {
    Plain(&'a StringArray),
    View(&'a StringViewArray),
}

impl<'a> TextArray<'a> {
    pub fn of(array: &'a dyn Array) -> Option<TextArray<'a>> {
        match array.data_type() {
            DataType::Utf8 => array.as_string_opt().map(TextArray::Plain),
            DataType::Utf8View => array.as_string_view_opt().map(TextArray::View),
            _ => None,
        }
    }

    pub fn get(&self, row: usize) -> Option<&'a str> {
        match self {
            TextArray::Plain(array) => (row < array.len() && array.is_valid(row)).then(|| array.value(row)),
            TextArray::View(array) => (row < array.len() && array.is_valid(row)).then(|| array.value(row)),
        }
    }
}
