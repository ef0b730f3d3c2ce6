//! A column of a row group: its entries one after the other, each with its levels.
//!
//! Source: apache/parquet-format, `README.md`, "Nested Encoding" and "Data Pages".

use std::sync::Arc;

use ::parquet::basic::{Encoding, Type};
use ::parquet::column::page::{Page, PageReader};
use ::parquet::file::metadata::ColumnChunkMetaData;
use ::parquet::file::serialized_reader::SerializedPageReader;
use bytes::Bytes;

use super::decode::{Delta, Hybrid, Raw, Values, Width, plain};

/// Values of a page whose texts are told by their differences.
const VALUES_MAX: u64 = 1 << 24;

/// How deep an entry is repeated, and how deep it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Levels {
    pub repetition: u64,
    pub definition: u64,
}

pub(super) struct Column {
    pages: SerializedPageReader<Bytes>,
    width: Width,
    max: Levels,
    dictionary: Vec<Bytes>,
    /// Entries left in the page at hand, their levels and their values.
    left: u32,
    repetitions: Option<Hybrid>,
    definitions: Option<Hybrid>,
    values: Values,
    next: Option<Levels>,
}

const UNSOUND: &str = "a page whose values make no sense";

impl Column {
    pub fn new(file: &Bytes, chunk: &ColumnChunkMetaData, rows: usize) -> Result<Column, String> {
        let column = chunk.column_descr();
        let level = |level: i16| u64::try_from(level).unwrap_or_default();
        let max = Levels { repetition: level(column.max_rep_level()), definition: level(column.max_def_level()) };
        let width = match column.physical_type() {
            Type::BOOLEAN => Width::Bit,
            Type::INT32 | Type::FLOAT => Width::Bytes(4),
            Type::INT64 | Type::DOUBLE => Width::Bytes(8),
            Type::INT96 => Width::Bytes(12),
            Type::BYTE_ARRAY => Width::Text,
            Type::FIXED_LEN_BYTE_ARRAY => {
                Width::Bytes(usize::try_from(column.type_length()).map_err(|_| "a negative length")?.max(1))
            }
        };
        let pages =
            SerializedPageReader::new(Arc::new(file.clone()), chunk, rows, None).map_err(|error| error.to_string())?;
        Ok(Column {
            pages,
            width,
            max,
            dictionary: Vec::new(),
            left: 0,
            repetitions: None,
            definitions: None,
            values: Values::Plain(Bytes::new()),
            next: None,
        })
    }

    /// The levels of the next entry; `None` behind the last.
    pub fn peek(&mut self) -> Result<Option<Levels>, String> {
        if self.next.is_some() {
            return Ok(self.next);
        }
        while self.left == 0 {
            if !self.turn()? {
                return Ok(None);
            }
        }
        self.left -= 1;
        let level = |levels: &mut Option<Hybrid>, max: u64| match levels {
            Some(levels) => levels.next().filter(|level| *level <= max).ok_or(UNSOUND),
            None => Ok(0),
        };
        let repetition = level(&mut self.repetitions, self.max.repetition)?;
        let definition = level(&mut self.definitions, self.max.definition)?;
        self.next = Some(Levels { repetition, definition });
        Ok(self.next)
    }

    /// Goes over the next entry: its value, if it has one.
    pub fn take(&mut self) -> Result<Option<Raw>, String> {
        let levels = self.peek()?.ok_or("a column that ends before its rows do")?;
        self.next = None;
        if levels.definition < self.max.definition {
            return Ok(None);
        }
        self.values.next(self.width, &self.dictionary).map(Some).ok_or_else(|| UNSOUND.to_owned())
    }

    /// Turns to the next page; whether there is one.
    fn turn(&mut self) -> Result<bool, String> {
        match self.pages.get_next_page().map_err(|error| error.to_string())? {
            None => return Ok(false),
            Some(Page::DictionaryPage { mut buf, num_values, .. }) => {
                self.dictionary.clear();
                while self.dictionary.len() < num_values as usize
                    && let Some(value) = plain(&mut buf, self.width)
                {
                    self.dictionary.push(value);
                }
            }
            Some(Page::DataPage { mut buf, num_values, encoding, def_level_encoding, rep_level_encoding, .. }) => {
                let levels = |buf: &mut Bytes, max: u64, encoding: Encoding| match (max, encoding) {
                    (0, _) => Ok(None),
                    (_, Encoding::RLE) => {
                        let bytes = plain(buf, Width::Text).ok_or(UNSOUND)?;
                        Hybrid::new(bytes, bits_of(max)).map(Some).ok_or(UNSOUND)
                    }
                    _ => Err("levels in an encoding that is no longer used"),
                };
                self.repetitions = levels(&mut buf, self.max.repetition, rep_level_encoding)?;
                self.definitions = levels(&mut buf, self.max.definition, def_level_encoding)?;
                self.begin(buf, num_values, encoding)?;
            }
            Some(Page::DataPageV2 {
                mut buf, num_values, encoding, def_levels_byte_len, rep_levels_byte_len, ..
            }) => {
                let levels = |buf: &mut Bytes, max: u64, len: u32| {
                    let bytes = plain(buf, Width::Bytes(len as usize)).ok_or(UNSOUND)?;
                    if max == 0 { Ok(None) } else { Hybrid::new(bytes, bits_of(max)).map(Some).ok_or(UNSOUND) }
                };
                self.repetitions = levels(&mut buf, self.max.repetition, rep_levels_byte_len)?;
                self.definitions = levels(&mut buf, self.max.definition, def_levels_byte_len)?;
                self.begin(buf, num_values, encoding)?;
            }
        }
        Ok(true)
    }

    fn begin(&mut self, mut bytes: Bytes, count: u32, encoding: Encoding) -> Result<(), String> {
        let max = u64::from(count).min(VALUES_MAX);
        let values = match (encoding, self.width) {
            (Encoding::PLAIN, Width::Bit) => Some(Values::Bits(bytes, 0)),
            (Encoding::PLAIN, _) => Some(Values::Plain(bytes)),
            (Encoding::RLE_DICTIONARY, _) | (Encoding::PLAIN_DICTIONARY, _) => {
                // A page of nulls has no width either.
                let width = if bytes.is_empty() {
                    0
                } else {
                    u32::from(bytes.split_to(1).first().copied().unwrap_or_default())
                };
                Hybrid::new(bytes, width).map(Values::Dictionary)
            }
            (Encoding::RLE, Width::Bit) => {
                plain(&mut bytes, Width::Text).and_then(|bytes| Hybrid::new(bytes, 1)).map(Values::Bools)
            }
            // A page of nulls.
            _ if bytes.is_empty() => Some(Values::Plain(bytes)),
            (Encoding::DELTA_BINARY_PACKED, Width::Bytes(_)) => Delta::new(bytes).map(Values::Ints),
            (Encoding::DELTA_LENGTH_BYTE_ARRAY, Width::Text) => Values::lengths(&bytes, max),
            (Encoding::DELTA_BYTE_ARRAY, _) => Values::differences(&bytes, max),
            (Encoding::BYTE_STREAM_SPLIT, Width::Bytes(width)) => Some(Values::Split { bytes, width, at: 0 }),
            _ => return Err(format!("values in encoding {encoding}, which is not read")),
        };
        self.values = values.ok_or(UNSOUND)?;
        self.left = count;
        Ok(())
    }
}

/// Bits that levels up to this one take.
fn bits_of(max: u64) -> u32 {
    u64::BITS - max.leading_zeros()
}
