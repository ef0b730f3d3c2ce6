//! One column that rows are grouped by, or whose values are counted: from batches to numbers.

use std::hash::BuildHasher;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, RecordBatch, StringArray, StringViewArray};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, FieldRef, Int32Type, Schema, SchemaRef};
use datafusion::common::{exec_datafusion_err, internal_err};
use datafusion::error::Result;
use datafusion::physical_expr::PhysicalExpr;
use foldhash::fast::FixedState;

use super::numbers::{NULL, Numbers, TextArray, Texts};

/// Where a column's values come from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// A column that comes with its dictionary, and what is worked out of each of its words: an expression whose only
    /// column is that one, at place 0.
    Words { column: usize, of: Option<(Arc<dyn PhysicalExpr>, SchemaRef)> },
    /// Texts without a dictionary.
    Texts { column: usize },
    /// Dates, whole numbers, booleans.
    Integers { column: usize },
}

/// The schema of what such an expression is worked out of.
pub(super) fn word_schema(scan: &Schema, column: usize) -> SchemaRef {
    Arc::new(Schema::new(scan.fields().get(column).cloned().into_iter().collect::<Vec<FieldRef>>()))
}

/// A source with the numbers that its values have so far.
pub(super) struct Column {
    source: Source,
    numbers: Numbers,
    memo: Memo,
}

/// What is known of the dictionary, or of the buffers, that the last batch had.
#[derive(Default)]
struct Memo {
    words: Option<StringArray>,
    /// By a word's place; behind them NULL's.
    numbers: Vec<u32>,
    views: Vec<(u128, u32)>,
    texts: Option<StringViewArray>,
    hasher: FixedState,
}

/// No number yet.
const UNKNOWN: u32 = u32::MAX;

/// Views that are remembered.
const VIEWS: usize = 1 << 10;

impl Column {
    pub fn new(source: Source) -> Column {
        let numbers = match source {
            Source::Integers { .. } => Numbers::Integers(Default::default()),
            Source::Words { .. } | Source::Texts { .. } => Numbers::Texts(Default::default()),
        };
        Column { source, numbers, memo: Memo::default() }
    }

    pub fn numbers(&self) -> &Numbers {
        &self.numbers
    }

    pub fn size_bytes(&self) -> usize {
        let memo = &self.memo;
        self.numbers.size_bytes() + 4 * memo.numbers.capacity() + size_of::<(u128, u32)>() * memo.views.capacity()
    }

    /// Forgets all numbers.
    pub fn clear(&mut self) {
        self.numbers.clear();
        self.memo = Memo::default();
    }

    /// The numbers of a batch's rows, behind those that are in `out`.
    ///
    /// # Errors
    /// An expression fails; the batch has other columns.
    pub fn of(&mut self, batch: &RecordBatch, out: &mut Vec<u32>) -> Result<()> {
        let Column { source, numbers, memo } = self;
        match (source, numbers) {
            (Source::Words { column, of }, Numbers::Texts(texts)) => {
                let array = batch.column(*column);
                let Some(array) = array.as_dictionary_opt::<Int32Type>() else {
                    return internal_err!("a column without a dictionary: {}", array.data_type());
                };
                memo.follow(array.values())?;
                memo.know(array.keys(), of.as_ref(), texts)?;
                memo.numbers_of(array.keys(), out)
            }
            (Source::Texts { column }, Numbers::Texts(texts)) => memo.number_texts(batch.column(*column), texts, out),
            (Source::Integers { column }, Numbers::Integers(integers)) => integers.of(batch.column(*column), out),
            _ => internal_err!("numbers of another kind"),
        }
    }
}

impl Memo {
    /// Starts anew where the dictionary is another one. All batches of a row group share one.
    fn follow(&mut self, words: &ArrayRef) -> Result<()> {
        let Some(words) = words.as_string_opt::<i32>() else {
            return internal_err!("a dictionary of {}", words.data_type());
        };
        let is_same = |known: &StringArray| {
            std::ptr::eq(known.value_offsets(), words.value_offsets())
                && std::ptr::eq(known.value_data(), words.value_data())
        };
        if !self.words.as_ref().is_some_and(is_same) {
            self.numbers.clear();
            self.numbers.resize(words.len() + 1, UNKNOWN);
            // Held, so that no other dictionary gets its place in memory.
            self.words = Some(words.clone());
        }
        Ok(())
    }

    /// Gives the words that rows have their numbers. Words that no row has are left alone: an expression might fail.
    fn know(
        &mut self,
        keys: &Int32Array,
        of: Option<&(Arc<dyn PhysicalExpr>, SchemaRef)>,
        texts: &mut Texts,
    ) -> Result<()> {
        let Some(words) = &self.words else { return Ok(()) };
        let mut new: Vec<i32> = Vec::new();
        let null = words.len();
        let mut see = |place: usize| {
            if let Some(number @ &mut UNKNOWN) = self.numbers.get_mut(place) {
                // Seen; it gets its number below.
                *number = NULL;
                new.push(i32::try_from(place).unwrap_or(i32::MAX));
            }
        };
        match keys.nulls().filter(|nulls| nulls.null_count() > 0) {
            None => keys.values().iter().for_each(|key| see(place(*key))),
            Some(nulls) => {
                let rows = keys.values().iter().zip(nulls);
                rows.for_each(|(key, is_valid)| see(if is_valid { place(*key) } else { null }));
            }
        }
        if new.is_empty() {
            return Ok(());
        }
        let places = new.iter().map(|new| (place(*new) < null).then_some(*new)).collect::<Int32Array>();
        let mut values = take(words, &places, None)?;
        if let Some((expression, schema)) = of {
            let batch = RecordBatch::try_new(Arc::clone(schema), vec![cast(&values, &DataType::Utf8View)?])?;
            values = expression.evaluate(&batch)?.into_array(new.len())?;
        }
        let Some(values) = TextArray::of(&values) else {
            return internal_err!("an expression of another type");
        };
        for (row, new) in new.iter().enumerate() {
            let number = values.get(row).map_or(NULL, |text| texts.number(text));
            if let Some(known) = self.numbers.get_mut(place(*new)) {
                *known = number;
            }
        }
        Ok(())
    }

    fn numbers_of(&self, keys: &Int32Array, out: &mut Vec<u32>) -> Result<()> {
        let numbers = self.numbers.as_slice();
        let Some((null, _)) = numbers.split_last() else { return Ok(()) };
        let number = |key: &i32| numbers.get(place(*key)).copied().unwrap_or(UNKNOWN);
        let before = out.len();
        match keys.nulls().filter(|nulls| nulls.null_count() > 0) {
            None => out.extend(keys.values().iter().map(number)),
            Some(nulls) => {
                let rows = keys.values().iter().zip(nulls);
                out.extend(rows.map(|(key, is_valid)| if is_valid { number(key) } else { *null }));
            }
        }
        // The reader has checked the keys.
        if out.iter().skip(before).any(|number| *number == UNKNOWN) {
            return Err(exec_datafusion_err!("a key is beyond its dictionary"));
        }
        Ok(())
    }

    /// Texts without a dictionary: equal views over the same buffers are equal texts.
    fn number_texts(&mut self, array: &ArrayRef, texts: &mut Texts, out: &mut Vec<u32>) -> Result<()> {
        let Some(array) = array.as_string_view_opt() else {
            let Some(plain) = TextArray::of(array) else { return internal_err!("texts of {}", array.data_type()) };
            out.extend((0..array.len()).map(|row| plain.get(row).map_or(NULL, |text| texts.number(text))));
            return Ok(());
        };
        let is_same = |known: &StringViewArray| {
            let (known, now) = (known.data_buffers(), array.data_buffers());
            known.len() == now.len() && known.iter().zip(now).all(|(known, now)| known.ptr_eq(now))
        };
        if !self.texts.as_ref().is_some_and(is_same) {
            self.views.clear();
            self.views.resize(VIEWS, (0, UNKNOWN));
            self.texts = Some(array.slice(0, 0));
        }
        for (row, view) in array.views().iter().enumerate() {
            if array.is_null(row) {
                out.push(NULL);
                continue;
            }
            let slot = usize::try_from(self.hasher.hash_one(*view)).unwrap_or_default() % VIEWS;
            let Some(known) = self.views.get_mut(slot) else { return internal_err!("no place for a view") };
            if known.0 != *view || known.1 == UNKNOWN {
                *known = (*view, texts.number(array.value(row)));
            }
            out.push(known.1);
        }
        Ok(())
    }
}

/// A place in a dictionary; one that is none where a key is below 0.
fn place(key: i32) -> usize {
    usize::try_from(key).unwrap_or(usize::MAX)
}
