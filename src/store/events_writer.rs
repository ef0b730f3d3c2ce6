//! Writing events as records are encoded: each batch a row group, texts by [`ChunkWriter`], the rest by the `parquet`
//! crate.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowRowGroupWriterFactory, compute_leaves};
use parquet::errors::{ParquetError, Result};
use parquet::file::writer::SerializedFileWriter;

use super::column_chunk::{ChunkWriter, Wanted};
use super::datafile::{BLOOM_FILTER_FPP, Out, StagedFile, Staging, options, properties};
use super::error::StoreError;
use super::string_column::Texts;
use super::tables::Table;

/// Writes the events of one day into a new file below `staging`.
pub struct EventsFileWriter {
    staging: Staging,
    writer: SerializedFileWriter<Out>,
    others: ArrowRowGroupWriterFactory,
    texts: ChunkWriter,
    row_groups: usize,
}

impl EventsFileWriter {
    /// Starts a file for events of `event_date`; batches given to it must be in the schema
    /// [`encoded`](crate::record::schema::encoded) and in the table's sort order.
    pub fn create(staging: &Path, event_date: i32) -> std::result::Result<Self, StoreError> {
        let (staging, file) = Staging::create(staging, Table::Events, event_date)?;
        let begun = || {
            let schema = Table::Events.schema();
            let writer = ArrowWriter::try_new_with_options(file, Arc::clone(&schema), options(Table::Events))?;
            let (writer, _) = writer.into_serialized_writer()?;
            Ok((writer, others(&schema)?, ChunkWriter::new()?))
        };
        let (writer, others, texts) = begun().map_err(StoreError::parquet(&staging.path))?;
        Ok(EventsFileWriter { staging, writer, others, texts, row_groups: 0 })
    }

    /// Adds a batch as a row group.
    pub fn write(&mut self, batch: &RecordBatch) -> std::result::Result<(), StoreError> {
        self.row_group(batch).map_err(StoreError::parquet(&self.staging.path))
    }

    fn row_group(&mut self, batch: &RecordBatch) -> Result<()> {
        let schema: SchemaRef = Table::Events.schema();
        let mut columns = self.writer.schema_descr().columns().to_vec().into_iter();
        let mut others = self.others.create_column_writers(self.row_groups)?.into_iter();
        let mut group = self.writer.next_row_group()?;
        for (field, array) in schema.fields().iter().zip(batch.columns()) {
            if is_text(field) {
                for texts in texts_of(array)? {
                    let column = columns.next().ok_or_else(|| missing(field))?;
                    let chunk = self.texts.write(&column, &texts, wanted(field))?;
                    group.append_column(&Bytes::from(chunk.bytes), chunk.close)?;
                }
            } else {
                for leaf in compute_leaves(field, array)? {
                    let (_, mut writer) = columns.next().zip(others.next()).ok_or_else(|| missing(field))?;
                    writer.write(&leaf)?;
                    writer.close()?.append_to_row_group(&mut group)?;
                }
            }
        }
        group.close()?;
        self.row_groups += 1;
        Ok(())
    }

    /// Ends the file under its staging name.
    pub fn finish(mut self) -> std::result::Result<StagedFile, StoreError> {
        let path = &self.staging.path;
        let metadata = self.writer.finish().map_err(StoreError::parquet(path))?;
        self.writer.inner_mut().flush().map_err(StoreError::io(path, "cannot write"))?;
        let checks = self.writer.inner_mut().checks();
        self.staging.finish(&metadata, checks)
    }
}

fn missing(field: &Field) -> ParquetError {
    ParquetError::General(format!("the file has no column {}", field.name()))
}

/// Whether it is a column of texts, or of lists of them.
fn is_text(field: &Field) -> bool {
    matches!(field.data_type(), DataType::Utf8 | DataType::List(_))
}

fn texts_of(column: &ArrayRef) -> Result<Vec<Texts>> {
    match column.as_list_opt() {
        Some(lists) => Texts::of_lists(lists),
        None => Ok(vec![Texts::of(column)?]),
    }
}

/// What makes the writers of the columns that are no texts.
fn others(schema: &Schema) -> Result<ArrowRowGroupWriterFactory> {
    let fields: Fields = schema.fields().iter().filter(|field| !is_text(field)).cloned().collect();
    let writer = ArrowWriter::try_new(std::io::sink(), Arc::new(Schema::new(fields)), Some(properties(Table::Events)))?;
    Ok(writer.into_serialized_writer()?.1)
}

fn wanted(field: &Field) -> Wanted {
    let bloom_filter = Table::Events.has_bloom_filter(field.name()).then_some(BLOOM_FILTER_FPP);
    Wanted { statistics: Table::Events.has_statistics(field.name()), bloom_filter }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use arrow::array::{StringArray, new_null_array};
    use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
    use parquet::file::metadata::PageIndexPolicy;
    use parquet::file::page_index::column_index::ColumnIndexMetaData;

    use super::*;
    use crate::record::schema::{encoded, index_of};

    type Texts = Vec<Option<String>>;

    /// A batch with these columns, all others empty.
    fn batch(columns: &[(&str, &Texts)]) -> RecordBatch {
        let rows = columns[0].1.len();
        let schema = encoded();
        let column = |field: &Arc<Field>| match columns.iter().find(|(name, _)| name == field.name()) {
            Some((_, texts)) => {
                let plain: ArrayRef = Arc::new(texts.iter().map(Option::as_deref).collect::<StringArray>());
                arrow::compute::cast(&plain, field.data_type()).unwrap()
            }
            None => new_null_array(field.data_type(), rows),
        };
        RecordBatch::try_new(schema.clone(), schema.fields().iter().map(column).collect()).unwrap()
    }

    fn write(folder: &Path, batches: &[RecordBatch]) -> StagedFile {
        let mut writer = EventsFileWriter::create(folder, 7).unwrap();
        batches.iter().for_each(|batch| writer.write(batch).unwrap());
        writer.finish().unwrap()
    }

    fn read(file: &StagedFile, column: &str) -> Texts {
        let batches = crate::store::read_batches(&file.staged, Some(&[column]), None).unwrap();
        let texts = |batch: RecordBatch| -> Texts {
            batch.column(0).as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
        };
        batches.flat_map(|batch| texts(batch.unwrap())).collect()
    }

    #[test]
    fn lists_come_back_over_many_pages() {
        let folder = tempfile::tempdir().unwrap();
        let item = |row: usize, i: usize| {
            let mut item = serde_json::json!({ "account_id": format!("{}", row % 5), "arn": format!("arn:{row}/{i}") });
            match (row + i) % 7 {
                0 => item["arn"] = serde_json::Value::Null,
                1 => drop(item.as_object_mut().unwrap().remove("account_id")),
                2 => item["type"] = "AWS::S3::Object".into(),
                _ => {}
            }
            item
        };
        let list = |row: usize| match row % 11 {
            0 => serde_json::Value::Null,
            count => (0..count % 4).map(|i| item(row, i)).collect(),
        };
        let rows: Vec<_> = (0..50_000).map(|row| serde_json::json!({ "resources": list(row) })).collect();
        let field = Table::Events.schema().field_with_name("resources").unwrap().clone();
        let plain = Arc::new(Schema::new(vec![field]));
        let mut decoder = arrow::json::ReaderBuilder::new(plain).with_batch_size(rows.len()).build_decoder().unwrap();
        decoder.serialize(&rows).unwrap();
        let given = decoder.flush().unwrap().unwrap().column(0).clone();
        let (schema, at) = (encoded(), index_of("resources").unwrap());
        let mut columns: Vec<ArrayRef> =
            schema.fields().iter().map(|field| new_null_array(field.data_type(), rows.len())).collect();
        columns[at] = arrow::compute::cast(&given, schema.field(at).data_type()).unwrap();
        let batch = RecordBatch::try_new(schema, columns).unwrap();
        let file = write(folder.path(), &[batch.clone(), batch.slice(3, 2), batch.slice(11, 1)]);
        let batches = crate::store::read_batches(&file.staged, Some(&["resources"]), None).unwrap();
        let read: Vec<ArrayRef> = batches.map(|batch| batch.unwrap().column(0).clone()).collect();
        let read = arrow::compute::concat(&read.iter().map(AsRef::as_ref).collect::<Vec<_>>()).unwrap();
        assert_eq!(read.len(), rows.len() + 3);
        assert_eq!(&read.slice(0, rows.len()), &given);
        assert_eq!(
            (&read.slice(rows.len(), 2), &read.slice(rows.len() + 2, 1)),
            (&given.slice(3, 2), &given.slice(11, 1))
        );
    }

    type Bound = Option<Vec<u8>>;

    /// Every page's bounds, in the order of the pages.
    fn page_bounds(file: &StagedFile, column: &str) -> Vec<(Bound, Bound)> {
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
        let file = File::open(&file.staged).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).unwrap();
        let at = index_of(column).unwrap();
        let groups = reader.metadata().column_index().unwrap();
        let pages = groups.iter().flat_map(|columns| match &columns[at] {
            ColumnIndexMetaData::BYTE_ARRAY(index) => {
                let bound = |bound: Option<&[u8]>| bound.map(<[u8]>::to_vec);
                (0..index.num_pages() as usize)
                    .map(|page| (bound(index.min_value(page)), bound(index.max_value(page))))
                    .collect::<Vec<_>>()
            }
            other => panic!("{column}: {other:?}"),
        });
        pages.collect()
    }

    #[test]
    fn many_pages_come_back_with_bounds_that_hold() {
        let folder = tempfile::tempdir().unwrap();
        let rows = 50_000;
        let texts = |of: fn(usize) -> Option<String>| (0..rows).map(of).collect::<Texts>();
        let columns = [
            ("aws_region", texts(|_| Some("eu-west-1".to_owned()))),
            ("principal_arn", texts(|row| Some(format!("arn:{:06}{}", row / 100, "x".repeat(row % 3 * 40))))),
            ("user_agent", texts(|row| (row % 7 > 0).then(|| format!("agent {}", row % 5_000)))),
            // As many words as rows: more than a dictionary is worth, and longer than it may be.
            ("source_ip_address", texts(|row| Some(format!("{row:040}")))),
            ("error_code", texts(|row| (row == 49_999).then(|| "AccessDenied".to_owned()))),
            ("event_id", texts(|row| Some(format!("{:032x}", row * 7_919)))),
            (
                "request_parameters",
                texts(|row| (row % 2 == 0).then(|| format!("{{\"é\":\"{}\"}}", "y".repeat(row % 90)))),
            ),
            ("error_message", texts(|row| (row < 3).then(String::new))),
        ];
        let given: Vec<_> = columns.iter().map(|(name, texts)| (*name, texts)).collect();
        let file = write(folder.path(), &[batch(&given), batch(&given)]);
        assert_eq!(file.rows, 2 * rows as u64);
        for (name, texts) in &columns {
            assert_eq!(read(&file, name), [&texts[..], texts].concat(), "{name}");
        }
        assert_eq!(read(&file, "session_name"), vec![None; 2 * rows]);
        for (name, texts) in columns.iter().filter(|(name, _)| Table::Events.has_statistics(name)) {
            let pages = page_bounds(&file, name);
            assert!(pages.len() >= 4, "{name}: {} pages", pages.len());
            let least = texts.iter().flatten().min().map(|text| text.as_bytes());
            let lowest = pages.iter().filter_map(|(least, _)| least.as_deref()).min();
            assert!(lowest <= least && lowest.is_some(), "{name}");
            let greatest = texts.iter().flatten().max().map(|text| text.as_bytes());
            assert!(pages.iter().filter_map(|(_, greatest)| greatest.as_deref()).max() >= greatest, "{name}");
        }
    }

    #[test]
    fn ids_can_be_looked_up_in_the_bloom_filter() {
        let folder = tempfile::tempdir().unwrap();
        let ids: Texts = (0..2_000).map(|row| Some(format!("id {row}"))).collect();
        let keys: Texts = (0..2_000).map(|row| (row % 2 == 0).then(|| format!("key {}", row % 20))).collect();
        let file = write(folder.path(), &[batch(&[("event_id", &ids), ("user_identity_access_key_id", &keys)])]);
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&file.staged).unwrap()).unwrap();
        for (name, texts) in [("event_id", &ids), ("user_identity_access_key_id", &keys)] {
            let filter = reader.get_row_group_column_bloom_filter(0, index_of(name).unwrap()).unwrap().unwrap();
            assert!(texts.iter().flatten().all(|text| filter.check(text.as_str())), "{name}");
            let found = (0..2_000).filter(|row| filter.check(format!("other {row}").as_str())).count();
            assert!(found < 100, "{name}: {found} of 2000 others");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_goes_in_comes_out(rows in proptest::collection::vec(
            (proptest::option::of("[a-c]{0,2}"), proptest::option::of("\\PC{0,70}"), proptest::option::of("\\PC{0,9}")),
            1..60,
        )) {
            let folder = tempfile::tempdir().unwrap();
            let words: Texts = rows.iter().map(|row| row.0.clone()).collect();
            let names: Texts = rows.iter().map(|row| row.1.clone()).collect();
            let texts: Texts = rows.iter().map(|row| row.2.clone()).collect();
            let file = write(folder.path(), &[batch(&[("event_name", &words), ("user_agent", &names), ("request_id", &texts)])]);
            proptest::prop_assert_eq!(read(&file, "event_name"), words);
            proptest::prop_assert_eq!(read(&file, "user_agent"), names);
            proptest::prop_assert_eq!(read(&file, "request_id"), texts);
        }
    }
}
