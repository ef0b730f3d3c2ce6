//! A column of texts as it is written: one a row, or those of each row's list, and the levels that say which is which.
//!
//! Source of the levels: Apache Parquet, "Nested Encoding".

use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, StringArray};
use arrow::buffer::{BooleanBuffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, UInt32Type};
use parquet::errors::{ParquetError, Result};

/// Rows and bytes of text that a page holds at the most; the last row may go beyond.
const PAGE_ROWS: usize = 20_000;
const PAGE_BYTES: usize = 1 << 20;

/// Definition levels of a list's text: the list is null, it is empty, the text is null, it is there. Level 2, a list's
/// item that is null itself, never comes.
const NULL_LIST: u8 = 0;
const EMPTY_LIST: u8 = 1;
const NULL_ITEM: u8 = 3;
const ITEM: u8 = 4;

/// The texts of one column: themselves, or as places in a dictionary.
#[derive(Clone)]
pub(super) struct Texts {
    column: ArrayRef,
    texts: StringArray,
    places: Option<ScalarBuffer<u32>>,
    nulls: Option<NullBuffer>,
    lists: Option<Lists>,
}

/// Where each row's list begins and ends among the items.
#[derive(Clone)]
struct Lists {
    offsets: OffsetBuffer<i32>,
    nulls: Option<NullBuffer>,
}

/// Levels of some rows, one of each kind for an item, or for a list that has none.
#[derive(Default)]
pub(super) struct Levels {
    pub repetition: Vec<u8>,
    pub definition: Vec<u8>,
}

impl Texts {
    /// A column of texts, one a row.
    pub fn of(column: &ArrayRef) -> Result<Texts> {
        let nulls = column.nulls().filter(|nulls| nulls.null_count() > 0).cloned();
        let (column, lists) = (column.clone(), None);
        if let Some(texts) = column.as_string_opt::<i32>() {
            return Ok(Texts { texts: texts.clone(), places: None, column, nulls, lists });
        }
        let dictionary = column.as_dictionary_opt::<UInt32Type>();
        let words = dictionary.and_then(|dictionary| Some((dictionary, dictionary.values().as_string_opt::<i32>()?)));
        let (dictionary, texts) =
            words.ok_or_else(|| ParquetError::General("a column of texts was expected".to_owned()))?;
        let (texts, places) = (texts.clone(), Some(dictionary.keys().values().clone()));
        Ok(Texts { texts, places, column, nulls, lists })
    }

    /// The columns of texts in lists of structs that are never null themselves, one a member.
    pub fn of_lists(column: &ListArray) -> Result<Vec<Texts>> {
        let structs = column.values().as_struct_opt().filter(|structs| structs.null_count() == 0);
        let has_hidden = (0..column.len()).any(|row| column.is_null(row) && column.value_length(row) > 0);
        let structs = structs.filter(|_| !has_hidden);
        let structs = structs.ok_or_else(|| ParquetError::General("a list of structs was expected".to_owned()))?;
        let lists = Lists { offsets: column.offsets().clone(), nulls: column.nulls().cloned() };
        let member = |member| Ok(Texts { lists: Some(lists.clone()), ..Texts::of(member)? });
        structs.columns().iter().map(member).collect()
    }

    /// The same without a dictionary.
    pub fn plain(&self) -> Result<Texts> {
        let column = arrow::compute::cast(&self.column, &DataType::Utf8)?;
        Ok(Texts { lists: self.lists.clone(), ..Texts::of(&column)? })
    }

    /// The texts themselves, or the dictionary's.
    pub fn texts(&self) -> &StringArray {
        &self.texts
    }

    /// Each item's place in the dictionary, if there is one.
    pub fn places(&self) -> Option<&[u32]> {
        self.places.as_deref()
    }

    pub fn are_listed(&self) -> bool {
        self.lists.is_some()
    }

    /// The greatest repetition and definition level.
    pub fn levels_max(&self) -> (i16, i16) {
        if self.are_listed() { (1, i16::from(ITEM)) } else { (0, 1) }
    }

    pub fn rows(&self) -> usize {
        self.lists.as_ref().map_or(self.column.len(), |lists| lists.offsets.len() - 1)
    }

    /// The items of rows, which follow each other.
    #[expect(clippy::cast_sign_loss, reason = "Arrow's offsets are not negative")]
    fn items(&self, rows: &Range<usize>) -> Range<usize> {
        let offset = |lists: &Lists, row: usize| lists.offsets.get(row).map_or(0, |offset| *offset as usize);
        self.lists.as_ref().map_or(rows.clone(), |lists| offset(lists, rows.start)..offset(lists, rows.end))
    }

    /// Texts that rows have.
    pub fn count(&self, rows: &Range<usize>) -> usize {
        let items = self.items(rows);
        let valid = |nulls: &NullBuffer| items.len() - nulls.slice(items.start, items.len()).null_count();
        self.nulls.as_ref().map_or(items.len(), valid)
    }

    /// The items of rows that have a text: runs of them, in order.
    pub fn valid_runs(&self, rows: &Range<usize>) -> impl Iterator<Item = Range<usize>> {
        let items = self.items(rows);
        let nulls = self.nulls.as_ref().map(|nulls| nulls.slice(items.start, items.len()));
        let begin = items.start;
        let all = Some(items).filter(|_| nulls.is_none());
        let some = nulls.into_iter().flat_map(move |nulls| {
            let runs = nulls.valid_slices().map(|(start, end)| begin + start..begin + end);
            runs.collect::<Vec<_>>()
        });
        all.into_iter().chain(some)
    }

    /// The items of rows that have a text.
    pub fn valid(&self, rows: &Range<usize>) -> impl Iterator<Item = usize> {
        self.valid_runs(rows).flatten()
    }

    /// The bytes of all texts of rows, where they lie together and nothing lies between.
    #[expect(clippy::cast_sign_loss, reason = "Arrow's offsets are not negative")]
    pub fn bytes(&self, rows: &Range<usize>) -> Option<&[u8]> {
        let items = self.items(rows);
        let (nulls, places) = (&self.nulls, &self.places);
        let offset = |item: usize| Some(*self.texts.value_offsets().get(item)? as usize);
        self.texts
            .value_data()
            .get(offset(items.start)?..offset(items.end)?)
            .filter(|_| nulls.is_none() && places.is_none())
    }

    /// The row behind the page that begins at `start`.
    #[expect(clippy::cast_sign_loss, reason = "Arrow's offsets are not negative")]
    fn page_end(&self, start: usize) -> usize {
        let end = self.rows().min(start + PAGE_ROWS);
        if self.places.is_some() {
            return end;
        }
        let offset = |row: usize| {
            let item = self.items(&(row..row)).start;
            self.texts.value_offsets().get(item).map_or(0, |offset| *offset as usize)
        };
        let begin = offset(start);
        (start + 1..end).find(|row| offset(*row) - begin >= PAGE_BYTES).unwrap_or(end)
    }

    /// The rows of each page.
    pub fn pages(&self) -> impl Iterator<Item = Range<usize>> {
        let mut next = 0;
        std::iter::from_fn(move || {
            let start = next;
            next = if start < self.rows() { self.page_end(start) } else { return None };
            Some(start..next)
        })
    }

    /// Which rows have a text, where there is one a row and some have none.
    pub fn validity(&self, rows: &Range<usize>) -> Option<BooleanBuffer> {
        let nulls = self.nulls.as_ref().filter(|_| !self.are_listed())?;
        Some(nulls.inner().slice(rows.start, rows.len()))
    }

    /// Puts the levels of rows with lists into `levels`.
    pub fn put_levels(&self, rows: &Range<usize>, levels: &mut Levels) {
        levels.repetition.clear();
        levels.definition.clear();
        if let Some(lists) = &self.lists {
            rows.clone().for_each(|row| self.put_list(lists, row, levels));
        }
    }

    fn put_list(&self, lists: &Lists, row: usize, levels: &mut Levels) {
        let items = self.items(&(row..row + 1));
        if items.is_empty() {
            let is_null = lists.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
            levels.repetition.push(0);
            levels.definition.push(if is_null { NULL_LIST } else { EMPTY_LIST });
        }
        for item in items.clone() {
            let is_valid = self.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(item));
            levels.repetition.push(u8::from(item > items.start));
            levels.definition.push(if is_valid { ITEM } else { NULL_ITEM });
        }
    }

    /// Levels that rows have: one an item, and one for each list without any.
    #[expect(clippy::cast_sign_loss, reason = "Arrow's offsets are not negative")]
    #[expect(clippy::indexing_slicing, reason = "a window of two has two items")]
    pub fn entries(&self, rows: &Range<usize>) -> usize {
        let Some(lists) = &self.lists else { return rows.len() };
        let offsets = lists.offsets.get(rows.start..=rows.end).unwrap_or_default();
        offsets.windows(2).map(|pair| (pair[1] - pair[0]).max(1) as usize).sum()
    }
}
