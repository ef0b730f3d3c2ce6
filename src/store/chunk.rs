//! One column of texts as one Parquet column chunk: pages written from dictionaries without looking at a text twice.
//!
//! The `parquet` crate would hash every value anew, and compare each with the least and greatest so far; here the
//! dictionary is the one that the records were encoded with, and bounds are compared once a distinct value and page.
//! Everything around the pages (headers, indexes, footer) is the crate's.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, UInt32Type};
use parquet::basic::{BoundaryOrder, Compression, Encoding, ZstdLevel};
use parquet::bloom_filter::Sbbf;
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ColumnChunkMetaData, ColumnIndexBuilder, OffsetIndexBuilder, PageEncodingStats};
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

use super::bounds::{Bounds, lower_bound, upper_bound};
use super::hybrid;

/// Rows and bytes of text that a page holds at the most; the last row may go beyond.
const PAGE_ROWS: usize = 20_000;
const PAGE_BYTES: usize = 1 << 20;

/// Text of a dictionary at the most: every reader of a page has it in memory.
const DICTIONARY_BYTES: usize = 1 << 20;

/// zstd's level. Measured with `benches/end_to_end`; see there.
pub(super) const ZSTD_LEVEL: i32 = 1;

/// How a column is to be written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub statistics: bool,
    /// False positives of a bloom filter, if there is to be one.
    pub bloom_filter: Option<f64>,
}

/// A finished chunk: its bytes, and what the footer must know of it.
pub(super) struct Chunk {
    pub bytes: Vec<u8>,
    pub close: ColumnCloseResult,
}

/// What writing one chunk after the other needs again and again.
pub(super) struct ChunkWriter {
    compressor: zstd::bulk::Compressor<'static>,
    page: Vec<u8>,
    indices: Vec<u32>,
    levels: Vec<u8>,
    /// For each place in the dictionary the number of the page that had it last.
    on_page: Vec<u32>,
}

/// A column's values: texts by row, or by place in a dictionary.
struct Values<'a> {
    texts: &'a StringArray,
    places: Option<&'a [u32]>,
    nulls: Option<&'a NullBuffer>,
    rows: usize,
}

impl<'a> Values<'a> {
    fn of(array: &'a ArrayRef) -> Result<Values<'a>> {
        let (rows, nulls) = (array.len(), array.nulls().filter(|nulls| nulls.null_count() > 0));
        if let Some(texts) = array.as_string_opt::<i32>() {
            return Ok(Values { texts, places: None, nulls, rows });
        }
        let dictionary = array.as_dictionary_opt::<UInt32Type>();
        let words = dictionary.and_then(|dictionary| Some((dictionary, dictionary.values().as_string_opt::<i32>()?)));
        let (dictionary, texts) =
            words.ok_or_else(|| ParquetError::General("a column of texts was expected".to_owned()))?;
        Ok(Values { texts, places: Some(dictionary.keys().values()), nulls, rows })
    }

    fn count(&self, rows: &Range<usize>) -> usize {
        let valid = |nulls: &NullBuffer| rows.len() - nulls.slice(rows.start, rows.len()).null_count();
        self.nulls.map_or(rows.len(), valid)
    }

    /// The rows that have a value.
    fn valid(&self, rows: Range<usize>) -> impl Iterator<Item = usize> {
        rows.filter(|row| self.nulls.is_none_or(|nulls| nulls.is_valid(*row)))
    }

    /// The row behind the page that begins at `start`.
    fn page_end(&self, start: usize) -> usize {
        let end = self.rows.min(start + PAGE_ROWS);
        let offsets = self.texts.value_offsets().get(start..end).filter(|_| self.places.is_none());
        let Some((first, rest)) = offsets.and_then(|offsets| offsets.split_first()) else { return end };
        start + 1 + rest.partition_point(|offset| ((offset - first) as usize) < PAGE_BYTES)
    }

    fn pages(&self) -> impl Iterator<Item = Range<usize>> {
        let mut next = 0;
        std::iter::from_fn(move || {
            let start = next;
            next = if start < self.rows { self.page_end(start) } else { return None };
            Some(start..next)
        })
    }
}

impl ChunkWriter {
    pub fn new() -> Result<ChunkWriter> {
        let compressor = zstd::bulk::Compressor::new(ZSTD_LEVEL)?;
        Ok(ChunkWriter { compressor, page: Vec::new(), indices: Vec::new(), levels: Vec::new(), on_page: Vec::new() })
    }

    /// Writes one chunk: a column of optional texts at the top of a schema.
    pub fn write(&mut self, column: &ColumnDescPtr, array: &ArrayRef, wanted: Wanted) -> Result<Chunk> {
        if column.max_def_level() != 1 || column.max_rep_level() != 0 {
            return Err(ParquetError::General(format!("{} is no column of optional texts", column.path())));
        }
        let mut values = Values::of(array)?;
        let count = values.count(&(0..values.rows));
        let texts;
        if values.places.is_some() && !does_pay(values.texts, count) {
            texts = arrow::compute::cast(array, &DataType::Utf8)?;
            values = Values::of(&texts)?;
        }
        let mut chunk = Unfinished::new(column, wanted, values.rows - count);
        match values.places {
            _ if count == 0 => chunk.empty_page(values.rows)?,
            Some(places) => self.dictionary_pages(&values, places, &mut chunk)?,
            None => self.text_pages(&values, &mut chunk)?,
        }
        chunk.finish(values.rows)
    }

    fn dictionary_pages<'a>(&mut self, values: &Values<'a>, places: &[u32], chunk: &mut Unfinished<'a>) -> Result<()> {
        let words = values.texts;
        chunk.expect(words.len())?;
        self.page.clear();
        for word in words.iter().flatten() {
            self.page.extend_from_slice(&(word.len() as u32).to_le_bytes());
            self.page.extend_from_slice(word.as_bytes());
            chunk.look_up(word);
        }
        chunk.dictionary_page(words.len(), &self.page, &mut self.compressor)?;
        self.on_page.clear();
        self.on_page.resize(words.len(), 0);
        let width = hybrid::bits(words.len().saturating_sub(1) as u32);
        for (number, rows) in (1..).zip(values.pages()) {
            self.begin_page(values, &rows);
            self.indices.clear();
            let (mut bounds, mut text_bytes, mut last) = (Bounds::default(), 0, (u32::MAX, 0));
            for row in values.valid(rows.clone()) {
                let place = places.get(row).copied().unwrap_or_default();
                self.indices.push(place);
                if place != last.0 {
                    let word = words.value(place as usize);
                    last = (place, word.len());
                    if let Some(seen) = self.on_page.get_mut(place as usize).filter(|seen| **seen != number) {
                        *seen = number;
                        bounds.widen(word);
                    }
                }
                text_bytes += last.1;
            }
            self.page.push(width as u8);
            hybrid::hybrid(&self.indices, width, &mut self.page);
            let page = DataPage { rows: rows.len(), count: self.indices.len(), text_bytes, bounds };
            chunk.data_page(page, Encoding::RLE_DICTIONARY, &self.page, &mut self.compressor)?;
        }
        Ok(())
    }

    fn text_pages<'a>(&mut self, values: &Values<'a>, chunk: &mut Unfinished<'a>) -> Result<()> {
        let texts = values.texts;
        chunk.expect(values.count(&(0..values.rows)))?;
        for rows in values.pages() {
            self.begin_page(values, &rows);
            let lengths: Vec<i32> = values.valid(rows.clone()).map(|row| texts.value_length(row)).collect();
            hybrid::deltas(lengths.iter().copied(), &mut self.page);
            let before = self.page.len();
            let mut bounds = Bounds::default();
            if values.nulls.is_none() {
                let offset = |row: usize| texts.value_offsets().get(row).copied().unwrap_or_default() as usize;
                let bytes = texts.value_data().get(offset(rows.start)..offset(rows.end));
                self.page.extend_from_slice(bytes.unwrap_or_default());
            }
            if values.nulls.is_some() || chunk.looks_at_texts() {
                for row in values.valid(rows.clone()) {
                    let text = texts.value(row);
                    if values.nulls.is_some() {
                        self.page.extend_from_slice(text.as_bytes());
                    }
                    if chunk.wanted.statistics {
                        bounds.widen(text);
                    }
                    chunk.look_up(text);
                }
            }
            let text_bytes = self.page.len() - before;
            let page = DataPage { rows: rows.len(), count: lengths.len(), text_bytes, bounds };
            chunk.data_page(page, Encoding::DELTA_LENGTH_BYTE_ARRAY, &self.page, &mut self.compressor)?;
        }
        Ok(())
    }

    /// Starts a page with its definition levels: which rows have a value.
    fn begin_page(&mut self, values: &Values<'_>, rows: &Range<usize>) {
        self.page.clear();
        self.page.extend_from_slice(&[0; 4]);
        match values.nulls {
            None => hybrid::run(1, rows.len(), 1, &mut self.page),
            Some(nulls) => {
                self.levels.clear();
                self.levels.extend(nulls.slice(rows.start, rows.len()).iter().map(u8::from));
                hybrid::hybrid(&self.levels, 1, &mut self.page);
            }
        }
        put_length(&mut self.page);
    }
}

/// The first four bytes say how long the levels are.
fn put_length(page: &mut [u8]) {
    let length = (page.len() - 4) as u32;
    if let Some(front) = page.first_chunk_mut::<4>() {
        *front = length.to_le_bytes();
    }
}

/// Whether a dictionary is shorter than the texts themselves, and not too long.
fn does_pay(words: &StringArray, count: usize) -> bool {
    words.len() <= count / 2 + 1 && words.value_data().len() <= DICTIONARY_BYTES
}

/// What the indexes must know of a page.
struct DataPage<'a> {
    rows: usize,
    /// Values that are not null.
    count: usize,
    text_bytes: usize,
    bounds: Bounds<'a>,
}

/// A chunk on its way.
struct Unfinished<'a> {
    column: ColumnDescPtr,
    wanted: Wanted,
    nulls: usize,
    sink: TrackedWrite<Vec<u8>>,
    compression: Compression,
    dictionary_offset: Option<i64>,
    data_offset: Option<i64>,
    uncompressed_bytes: usize,
    text_bytes: usize,
    encodings: Vec<PageEncodingStats>,
    bounds: Bounds<'a>,
    /// The bounds of the page before, as long as pages ascend.
    ascending: Option<Bounds<'a>>,
    column_index: ColumnIndexBuilder,
    offset_index: OffsetIndexBuilder,
    bloom_filter: Option<Sbbf>,
}

impl<'a> Unfinished<'a> {
    fn new(column: &ColumnDescPtr, wanted: Wanted, nulls: usize) -> Unfinished<'a> {
        Unfinished {
            column: column.clone(),
            wanted,
            nulls,
            sink: TrackedWrite::new(Vec::new()),
            compression: Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL).unwrap_or_default()),
            dictionary_offset: None,
            data_offset: None,
            uncompressed_bytes: 0,
            text_bytes: 0,
            encodings: Vec::new(),
            bounds: Bounds::default(),
            ascending: Some(Bounds::default()),
            column_index: ColumnIndexBuilder::new(column.physical_type()),
            offset_index: OffsetIndexBuilder::new(),
            bloom_filter: None,
        }
    }

    /// Whether the texts are needed for more than their bytes.
    fn looks_at_texts(&self) -> bool {
        self.wanted.statistics || self.bloom_filter.is_some()
    }

    /// Makes a bloom filter, where there is to be one, for so many values.
    fn expect(&mut self, distinct: usize) -> Result<()> {
        if let Some(false_positives) = self.wanted.bloom_filter {
            self.bloom_filter = Some(Sbbf::new_with_ndv_fpp(distinct as u64, false_positives)?);
        }
        Ok(())
    }

    /// A text that can be looked up.
    fn look_up(&mut self, text: &str) {
        if let Some(filter) = &mut self.bloom_filter {
            filter.insert(text);
        }
    }

    fn write(&mut self, page: Page, uncompressed_bytes: usize) -> Result<(u64, u64)> {
        let encoding = page.encoding();
        let page_type = page.page_type();
        let page = CompressedPage::new(page, uncompressed_bytes);
        let written = SerializedPageWriter::new(&mut self.sink).write_page(page)?;
        self.uncompressed_bytes += written.uncompressed_size;
        match self.encodings.iter_mut().find(|known| known.page_type == page_type && known.encoding == encoding) {
            Some(known) => known.count += 1,
            None => self.encodings.push(PageEncodingStats { page_type, encoding, count: 1 }),
        }
        Ok((written.offset, written.bytes_written))
    }

    fn dictionary_page(
        &mut self,
        words: usize,
        bytes: &[u8],
        compressor: &mut zstd::bulk::Compressor<'_>,
    ) -> Result<()> {
        let buf = compressor.compress(bytes)?.into();
        let page = Page::DictionaryPage { buf, num_values: words as u32, encoding: Encoding::PLAIN, is_sorted: false };
        let (offset, _) = self.write(page, bytes.len())?;
        self.dictionary_offset = Some(offset as i64);
        Ok(())
    }

    fn data_page(
        &mut self,
        page: DataPage<'a>,
        encoding: Encoding,
        bytes: &[u8],
        compressor: &mut zstd::bulk::Compressor<'_>,
    ) -> Result<()> {
        let buf = compressor.compress(bytes)?;
        self.add(page, encoding, buf, bytes.len())
    }

    /// The one page of a column without values: too short to be compressed.
    fn empty_page(&mut self, rows: usize) -> Result<()> {
        self.compression = Compression::UNCOMPRESSED;
        let mut bytes = vec![0; 4];
        hybrid::run(0, rows, 1, &mut bytes);
        put_length(&mut bytes);
        let length = bytes.len();
        self.add(DataPage { rows, count: 0, text_bytes: 0, bounds: Bounds::default() }, Encoding::PLAIN, bytes, length)
    }

    fn add(
        &mut self,
        page: DataPage<'a>,
        encoding: Encoding,
        stored: Vec<u8>,
        uncompressed_bytes: usize,
    ) -> Result<()> {
        let written = Page::DataPage {
            buf: stored.into(),
            num_values: page.rows as u32,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let (offset, bytes) = self.write(written, uncompressed_bytes)?;
        self.data_offset.get_or_insert(offset as i64);
        self.text_bytes += page.text_bytes;
        self.offset_index.append_offset_and_size(offset as i64, bytes as i32);
        self.offset_index.append_row_count(page.rows as i64);
        self.offset_index.append_unencoded_byte_array_data_bytes(Some(page.text_bytes as i64));
        if self.wanted.statistics {
            let nulls = (page.rows - page.count) as i64;
            let (least, greatest) = page.bounds.both().unwrap_or_default();
            self.column_index.append(page.count == 0, lower_bound(least).0, upper_bound(greatest).0, nulls);
            self.bounds.join(&page.bounds);
            if page.count > 0 {
                self.ascending =
                    self.ascending.take().filter(|before| before.are_below(&page.bounds)).map(|_| page.bounds);
            }
        }
        Ok(())
    }

    fn statistics(&self) -> Statistics {
        let bounds = self.bounds.both().map(|(least, greatest)| (lower_bound(least), upper_bound(greatest)));
        let (least, greatest) = bounds.unzip();
        let text = |bound: &Option<(Vec<u8>, bool)>| bound.as_ref().map(|(bytes, _)| ByteArray::from(bytes.clone()));
        let is_exact = |bound: &Option<(Vec<u8>, bool)>| bound.as_ref().is_some_and(|(_, is_exact)| *is_exact);
        Statistics::ByteArray(
            ValueStatistics::new(text(&least), text(&greatest), None, Some(self.nulls as u64), false)
                .with_min_is_exact(is_exact(&least))
                .with_max_is_exact(is_exact(&greatest)),
        )
    }

    fn finish(mut self, rows: usize) -> Result<Chunk> {
        let statistics = self.statistics();
        let order = if self.ascending.is_some() { BoundaryOrder::ASCENDING } else { BoundaryOrder::UNORDERED };
        self.column_index.set_boundary_order(order);
        let bytes = self.sink.into_inner()?;
        let mut encodings = vec![Encoding::RLE];
        encodings.extend(self.encodings.iter().map(|known| known.encoding));
        let metadata = ColumnChunkMetaData::builder(self.column)
            .set_compression(self.compression)
            .set_encodings(encodings)
            .set_page_encoding_stats(self.encodings)
            .set_total_compressed_size(bytes.len() as i64)
            .set_total_uncompressed_size(self.uncompressed_bytes as i64)
            .set_num_values(rows as i64)
            .set_data_page_offset(self.data_offset.unwrap_or_default())
            .set_dictionary_page_offset(self.dictionary_offset)
            .set_unencoded_byte_array_data_bytes(Some(self.text_bytes as i64))
            .set_statistics(statistics)
            .build()?;
        let column_index = if self.wanted.statistics { Some(self.column_index.build()?) } else { None };
        let close = ColumnCloseResult {
            bytes_written: bytes.len() as u64,
            rows_written: rows as u64,
            metadata,
            bloom_filter: self.bloom_filter,
            column_index,
            offset_index: Some(self.offset_index.build()),
        };
        Ok(Chunk { bytes, close })
    }
}
