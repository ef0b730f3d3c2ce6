//! One column of texts, or of texts in lists, as one Parquet column chunk: pages written from dictionaries without
//! looking at a text twice.
//!
//! The `parquet` crate would hash every value anew, and compare each with the least and greatest so far; here the
//! dictionary is the one that the records were encoded with, and bounds are compared once a distinct value and page.
//! Everything around the pages (headers, indexes, footer) is the crate's.
//!
//! apache/arrow-rs#10465, "Avoid re-encoding dictionaries when writing to Parquet", would make this file and its
//! helpers (`string_column`, `parquet_encodings`, `bounds`) unnecessary. It was open in November 2026.

use std::ops::Range;

use arrow::array::Array;
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
use super::parquet_encodings;
use super::string_column::{Levels, Texts};

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
    levels: Levels,
    /// For each place in the dictionary the number of the page that had it last.
    on_page: Vec<u32>,
}

impl ChunkWriter {
    pub fn new() -> Result<ChunkWriter> {
        let mut compressor = zstd::bulk::Compressor::new(ZSTD_LEVEL)?;
        // Every reader of zstd compares it: four bytes a page.
        compressor.set_parameter(zstd::stream::raw::CParameter::ChecksumFlag(true))?;
        Ok(ChunkWriter {
            compressor,
            page: Vec::new(),
            indices: Vec::new(),
            levels: Levels::default(),
            on_page: Vec::new(),
        })
    }

    /// Writes one chunk.
    pub fn write(&mut self, column: &ColumnDescPtr, texts: &Texts, wanted: Wanted) -> Result<Chunk> {
        if (column.max_rep_level(), column.max_def_level()) != texts.levels_max() {
            return Err(ParquetError::General(format!("{} is nested otherwise", column.path())));
        }
        let rows = 0..texts.rows();
        let (count, entries) = (texts.count(&rows), texts.entries(&rows));
        if count == 0 && !texts.are_listed() {
            let mut chunk = Unfinished::new(column, wanted, entries);
            chunk.empty_page(entries)?;
            return chunk.finish(rows.len(), entries);
        }
        let plain = if does_pay(texts, count) { None } else { Some(texts.plain()?) };
        let texts = plain.as_ref().unwrap_or(texts);
        let mut chunk = Unfinished::new(column, wanted, entries - count);
        match texts.places() {
            Some(places) => self.dictionary_pages(texts, places, &mut chunk)?,
            None => self.text_pages(texts, &mut chunk)?,
        }
        chunk.finish(rows.len(), entries)
    }

    #[expect(clippy::cast_possible_truncation, reason = "Parquet's lengths have 32 bits; a page is cut at a few MiB")]
    fn dictionary_pages<'a>(&mut self, texts: &'a Texts, places: &[u32], chunk: &mut Unfinished<'a>) -> Result<()> {
        let words = texts.texts();
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
        let width = parquet_encodings::bits(words.len().saturating_sub(1) as u32);
        for (number, rows) in (1..).zip(texts.pages()) {
            let entries = self.begin_page(texts, &rows);
            self.indices.clear();
            for run in texts.valid_runs(&rows) {
                self.indices.extend_from_slice(places.get(run).unwrap_or_default());
            }
            let (mut bounds, mut text_bytes) = (Bounds::default(), 0);
            for same in self.indices.chunk_by(|a, b| a == b) {
                let place = same.first().map_or(0, |place| *place as usize);
                let word = words.value(place);
                text_bytes += word.len() * same.len();
                if let Some(seen) = self.on_page.get_mut(place).filter(|seen| **seen != number) {
                    *seen = number;
                    bounds.widen(word);
                }
            }
            self.page.push(width as u8);
            parquet_encodings::hybrid(&self.indices, width, &mut self.page);
            let page = DataPage { rows: rows.len(), entries, count: self.indices.len(), text_bytes, bounds };
            chunk.data_page(page, Encoding::RLE_DICTIONARY, &self.page, &mut self.compressor)?;
        }
        Ok(())
    }

    fn text_pages<'a>(&mut self, texts: &'a Texts, chunk: &mut Unfinished<'a>) -> Result<()> {
        let values = texts.texts();
        chunk.expect(texts.count(&(0..texts.rows())))?;
        for rows in texts.pages() {
            let entries = self.begin_page(texts, &rows);
            let lengths: Vec<i32> = texts.valid(&rows).map(|item| values.value_length(item)).collect();
            parquet_encodings::deltas(lengths.iter().copied(), &mut self.page);
            let before = self.page.len();
            let mut bounds = Bounds::default();
            let together = texts.bytes(&rows);
            self.page.extend_from_slice(together.unwrap_or_default());
            if together.is_none() || chunk.looks_at_texts() {
                for item in texts.valid(&rows) {
                    let text = values.value(item);
                    if together.is_none() {
                        self.page.extend_from_slice(text.as_bytes());
                    }
                    if chunk.wanted.statistics {
                        bounds.widen(text);
                    }
                    chunk.look_up(text);
                }
            }
            let text_bytes = self.page.len() - before;
            let page = DataPage { rows: rows.len(), entries, count: lengths.len(), text_bytes, bounds };
            chunk.data_page(page, Encoding::DELTA_LENGTH_BYTE_ARRAY, &self.page, &mut self.compressor)?;
        }
        Ok(())
    }

    /// Starts a page with its levels, and says how many there are.
    #[expect(clippy::cast_sign_loss, reason = "levels are not negative")]
    fn begin_page(&mut self, texts: &Texts, rows: &Range<usize>) -> usize {
        self.page.clear();
        if !texts.are_listed() {
            put_levels(&mut self.page, |page| match texts.validity(rows) {
                Some(validity) => parquet_encodings::bitmap(&validity, page),
                None => parquet_encodings::run(1, rows.len(), 1, page),
            });
            return rows.len();
        }
        texts.put_levels(rows, &mut self.levels);
        let Levels { repetition, definition } = &self.levels;
        for (levels, max) in [repetition, definition].into_iter().zip(<[i16; 2]>::from(texts.levels_max())) {
            put_levels(&mut self.page, |page| {
                parquet_encodings::hybrid(levels, parquet_encodings::bits(max as u32), page)
            });
        }
        definition.len()
    }
}

/// Levels, and before them the four bytes that say how long they are.
#[expect(clippy::cast_possible_truncation, reason = "Parquet's lengths have 32 bits; a page is cut at a few MiB")]
fn put_levels(page: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>)) {
    let begin = page.len();
    page.extend_from_slice(&[0; 4]);
    put(page);
    let length = (page.len() - begin - 4) as u32;
    if let Some(front) = page.get_mut(begin..).and_then(|rest| rest.first_chunk_mut::<4>()) {
        *front = length.to_le_bytes();
    }
}

/// Whether a dictionary, where there is one, is shorter than the texts themselves, and not too long.
fn does_pay(texts: &Texts, count: usize) -> bool {
    let words = texts.texts();
    let is_shorter = !words.is_empty() && words.len() <= count / 2 + 1;
    texts.places().is_none() || is_shorter && words.value_data().len() <= DICTIONARY_BYTES
}

/// What the indexes must know of a page.
struct DataPage<'a> {
    rows: usize,
    /// Rows, or items of lists and lists without any.
    entries: usize,
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

    #[expect(clippy::cast_possible_truncation, reason = "Parquet's lengths have 32 bits; a page is cut at a few MiB")]
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
        let mut bytes = Vec::new();
        put_levels(&mut bytes, |bytes| parquet_encodings::run(0, rows, 1, bytes));
        let length = bytes.len();
        let page = DataPage { rows, entries: rows, count: 0, text_bytes: 0, bounds: Bounds::default() };
        self.add(page, Encoding::PLAIN, bytes, length)
    }

    #[expect(clippy::cast_possible_truncation, reason = "Parquet's lengths have 32 bits; a page is cut at a few MiB")]
    fn add(
        &mut self,
        page: DataPage<'a>,
        encoding: Encoding,
        stored: Vec<u8>,
        uncompressed_bytes: usize,
    ) -> Result<()> {
        let written = Page::DataPage {
            buf: stored.into(),
            num_values: page.entries as u32,
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
            let nulls = (page.entries - page.count) as i64;
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

    fn finish(mut self, rows: usize, entries: usize) -> Result<Chunk> {
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
            .set_num_values(entries as i64)
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
