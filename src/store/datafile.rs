//! Writing one Parquet file of a table: encodings, sort order, bloom filters, and what the catalog must know of it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::{ParquetMetaData, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnPath;

use super::checks::{Checking, FileChecks};
use super::column_chunk::ZSTD_LEVEL;
use super::error::{Outside, StoreError};
use super::place::DataPath;
use super::private;
use super::tables::Table;
use crate::time::{format_date, format_ducklake_time};

/// Rows a row group holds at the most: enough for dictionaries to pay, few enough to prune by.
pub const ROW_GROUP_ROWS: usize = 64 * 1024;

/// Bytes a row group holds at the most, about: what a writer holds in memory when rows are large.
const ROW_GROUP_BYTES: usize = 32 << 20;

/// Rows of a page of usage at the most.
const USAGE_PAGE_ROWS: usize = 4 * 1024;

/// Lookups that a bloom filter lets through although nothing is there.
pub(super) const BLOOM_FILTER_FPP: f64 = 0.01;

/// A finished data file that no reader sees, and that may be lost, until it is committed.
#[derive(Debug)]
pub struct StagedFile {
    /// Which table it belongs to.
    pub table: Table,
    /// The one day of all its rows, days since 1970-01-01.
    pub event_date: i32,
    /// Rows in it; never zero.
    pub rows: u64,
    /// Its size.
    pub size_bytes: u64,
    pub(crate) staged: PathBuf,
    /// Below the table's directory.
    pub(super) relative: String,
    pub(super) footer_size_bytes: u64,
    pub(super) columns: Vec<StagedColumn>,
    pub(super) checks: FileChecks,
}

impl StagedFile {
    /// Where it will lie.
    pub(super) fn place(&self) -> Result<DataPath, Outside> {
        DataPath::of_table(self.table, &self.relative)
    }
}

/// A file on its way: its checksums are those of what was meant to be written.
pub(super) type Out = Checking<BufWriter<File>>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StagedColumn {
    pub id: i64,
    pub size_bytes: i64,
    pub value_count: i64,
    pub null_count: i64,
    pub bounds: Option<(String, String)>,
    /// Whether the bounds are unknown although there are values.
    pub unbounded: bool,
}

/// A new file below `staging`, of one day of a table.
pub(super) struct Staging {
    table: Table,
    event_date: i32,
    pub path: PathBuf,
    relative: String,
}

impl Staging {
    pub fn create(staging: &Path, table: Table, event_date: i32) -> Result<(Staging, Out), StoreError> {
        let name = format!("{}.parquet", crate::time::fresh_id());
        let path = staging.join(&name);
        let file = private::create_file(&path).map_err(StoreError::io(&path, "cannot create"))?;
        let relative = format!("day={}/{name}", format_date(event_date));
        Ok((Staging { table, event_date, path, relative }, Checking::new(BufWriter::new(file))))
    }

    /// The finished file under its staging name, which is synced when it is committed.
    #[expect(clippy::cast_sign_loss, reason = "counts are not negative")]
    pub fn finish(self, metadata: &ParquetMetaData, checks: FileChecks) -> Result<StagedFile, StoreError> {
        let path = self.path;
        let file = File::open(&path).map_err(StoreError::io(&path, "cannot open"))?;
        let (size_bytes, footer_size_bytes) = sizes(&file, &path)?;
        Ok(StagedFile {
            table: self.table,
            event_date: self.event_date,
            rows: metadata.file_metadata().num_rows() as u64,
            size_bytes,
            staged: path,
            relative: self.relative,
            footer_size_bytes,
            columns: columns(self.table, metadata),
            checks,
        })
    }
}

/// Writes the rows of one day into a new file below `staging`.
pub struct DataFileWriter {
    staging: Staging,
    writer: ArrowWriter<Out>,
}

impl DataFileWriter {
    /// Starts a file for rows of `event_date`; all batches given to it must be in the table's schema and sort order.
    pub fn create(staging: &Path, table: Table, event_date: i32) -> Result<Self, StoreError> {
        let (staging, file) = Staging::create(staging, table, event_date)?;
        let writer = ArrowWriter::try_new_with_options(file, table.schema(), options(table))
            .map_err(StoreError::parquet(&staging.path))?;
        Ok(DataFileWriter { staging, writer })
    }

    /// Adds rows.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), StoreError> {
        self.writer.write(batch).map_err(StoreError::parquet(&self.staging.path))
    }

    /// Bytes of finished row groups.
    pub(super) fn size_bytes(&self) -> u64 {
        self.writer.bytes_written() as u64
    }

    /// Bytes that the writer holds in memory.
    pub fn memory_size_bytes(&self) -> usize {
        self.writer.memory_size()
    }

    /// Ends the file under its staging name.
    pub fn finish(mut self) -> Result<StagedFile, StoreError> {
        let path = &self.staging.path;
        let metadata = self.writer.finish().map_err(StoreError::parquet(path))?;
        self.writer.inner_mut().flush().map_err(StoreError::io(path, "cannot write"))?;
        let checks = self.writer.inner_mut().checks();
        self.staging.finish(&metadata, checks)
    }
}

/// [`properties`] for a file that holds no Arrow schema: Parquet's own says the same, and the copy would be more than
/// half of a small file's footer.
pub(super) fn options(table: Table) -> ArrowWriterOptions {
    ArrowWriterOptions::new().with_properties(properties(table)).with_skip_arrow_metadata(true)
}

/// How files of a table are written. Worked out once: of each column it asks much, and some files have few rows.
pub(super) fn properties(table: Table) -> WriterProperties {
    static EVENTS: LazyLock<WriterProperties> = LazyLock::new(|| new_properties(Table::Events));
    static USAGE: LazyLock<WriterProperties> = LazyLock::new(|| new_properties(Table::Usage));
    match table {
        Table::Events => EVENTS.clone(),
        Table::Usage => USAGE.clone(),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a table has few columns")]
fn new_properties(table: Table) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL).unwrap_or_default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
        .set_dictionary_page_size_limit(1 << 20)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_created_by(format!("trailpare {}", env!("CARGO_PKG_VERSION")));
    if table == Table::Usage {
        // Who asks for one principal reads a page or two.
        properties = properties.set_data_page_row_count_limit(USAGE_PAGE_ROWS);
    }
    let schema = table.schema();
    let sorting = table.sort_order().iter().filter_map(|name| schema.index_of(name).ok()).map(|i| SortingColumn {
        column_idx: i as i32,
        descending: false,
        nulls_first: true,
    });
    properties = properties.set_sorting_columns(Some(sorting.collect()));
    for field in schema.fields() {
        let path = ColumnPath::from(field.name().as_str());
        if !table.has_statistics(field.name()) {
            properties = properties.set_column_statistics_enabled(path.clone(), EnabledStatistics::None);
        }
        if table.is_unique(field.name()) {
            // Lengths apart from the text: what is left for zstd is nothing but digits.
            properties = properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path.clone(), Encoding::DELTA_LENGTH_BYTE_ARRAY);
        }
        if matches!(field.data_type(), DataType::Timestamp(..)) {
            properties = properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path.clone(), Encoding::DELTA_BINARY_PACKED);
        }
        if table.has_bloom_filter(field.name()) {
            properties = properties
                .set_column_bloom_filter_enabled(path.clone(), true)
                .set_column_bloom_filter_fpp(path.clone(), BLOOM_FILTER_FPP)
                .set_column_bloom_filter_max_ndv(path, ROW_GROUP_ROWS as u64);
        }
    }
    properties.build()
}

fn sizes(file: &File, path: &Path) -> Result<(u64, u64), StoreError> {
    use std::os::unix::fs::FileExt;
    let size = file.metadata().map_err(StoreError::io(path, "cannot stat"))?.len();
    let mut length = [0; 4];
    file.read_exact_at(&mut length, size.saturating_sub(8)).map_err(StoreError::io(path, "cannot read back"))?;
    Ok((size, u64::from(u32::from_le_bytes(length))))
}

pub(super) fn columns(table: Table, metadata: &ParquetMetaData) -> Vec<StagedColumn> {
    let schema = table.schema();
    let mut columns: BTreeMap<i64, StagedColumn> = BTreeMap::new();
    for group in metadata.row_groups() {
        for chunk in group.columns() {
            let basic = chunk.column_descr().self_type().get_basic_info();
            let id = if basic.has_id() { i64::from(basic.id()) } else { continue };
            let column = columns.entry(id).or_insert_with(|| StagedColumn {
                id,
                size_bytes: 0,
                value_count: 0,
                null_count: 0,
                bounds: None,
                unbounded: false,
            });
            column.size_bytes += chunk.compressed_size();
            let top_level = chunk.column_path().parts().len() == 1;
            let field = chunk.column_path().parts().first().and_then(|name| schema.field_with_name(name).ok());
            let statistics = chunk.statistics().filter(|_| top_level);
            let nulls = statistics.and_then(Statistics::null_count_opt).unwrap_or(0) as i64;
            column.null_count += nulls;
            column.value_count += chunk.num_values() - nulls;
            if chunk.num_values() == nulls {
                continue;
            }
            match statistics.zip(field).and_then(|(s, f)| bounds_text(s, f.data_type())) {
                Some(bounds) => widen(&mut column.bounds, bounds),
                None => column.unbounded = true,
            }
        }
    }
    columns.into_values().collect()
}

fn widen(bounds: &mut Option<(String, String)>, (min, max): (String, String)) {
    match bounds {
        // INVARIANT: text order is value order for every column of ours that has bounds, integers apart,
        // and `event_count`, the one integer, is never pruned by.
        Some((lowest, highest)) => {
            if min < *lowest {
                *lowest = min;
            }
            if max > *highest {
                *highest = max;
            }
        }
        None => *bounds = Some((min, max)),
    }
}

/// The bounds of a column chunk as DuckLake writes values, where they can be trusted.
fn bounds_text(statistics: &Statistics, data_type: &DataType) -> Option<(String, String)> {
    match (statistics, data_type) {
        (Statistics::Boolean(s), _) => {
            let text = |value: &bool| if *value { "1" } else { "0" }.to_owned();
            Some((text(s.min_opt()?), text(s.max_opt()?)))
        }
        (Statistics::Int32(s), DataType::Date32) => Some((format_date(*s.min_opt()?), format_date(*s.max_opt()?))),
        (Statistics::Int64(s), DataType::Timestamp(_, _)) => {
            Some((format_ducklake_time(*s.min_opt()?)?, format_ducklake_time(*s.max_opt()?)?))
        }
        (Statistics::ByteArray(s), DataType::Utf8) => {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok().filter(|text| !text.contains('\0'));
            Some((text(s.min_opt()?.data())?, text(s.max_opt()?.data())?))
        }
        _ => None,
    }
}
