//! A table of the store as DataFusion scans it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, Statistics};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::object_store;
use datafusion::physical_plan::ExecutionPlan;

use super::day::on_days;
use super::dictionaries::AsWritten;
use super::files::{self, location};
use super::footers::SharedFooters;
use super::prune::{prune, statistics};
use crate::store::{DataFile, Snapshot, Table};

/// One table of one snapshot.
pub struct StoreTable {
    table: Table,
    files: Vec<DataFile>,
    schema: SchemaRef,
    /// Where DataFusion finds the files.
    url: ObjectStoreUrl,
}

impl StoreTable {
    /// The table as it was at the snapshot.
    ///
    /// # Errors
    /// None that anybody could cause.
    pub fn new(snapshot: &Snapshot, table: Table) -> Result<StoreTable> {
        Ok(StoreTable::at(files::url()?, snapshot, table))
    }

    /// The same, of a store whose files are found elsewhere.
    pub(super) fn at(url: ObjectStoreUrl, snapshot: &Snapshot, table: Table) -> StoreTable {
        StoreTable { table, files: snapshot.files(table).to_vec(), schema: schema_of(table), url }
    }

    /// Readers that share footers with earlier queries of the session: files never change.
    fn readers(&self, state: &dyn Session, filters: &[Expr]) -> Result<Arc<SharedFooters>> {
        let runtime = state.runtime_env();
        let cache = runtime.cache_manager.get_file_metadata_cache();
        Ok(Arc::new(SharedFooters::new(runtime.object_store(&self.url)?, cache, !filters.is_empty())))
    }

    /// The columns that a scan is about.
    fn columns(&self, projection: Option<&Vec<usize>>, filters: &[Expr]) -> BTreeSet<usize> {
        let Some(projection) = projection else { return (0..self.schema.fields().len()).collect() };
        let filtered = filters.iter().flat_map(|filter| filter.column_refs());
        let filtered = filtered.filter_map(|column| self.schema.index_of(&column.name).ok());
        filtered.chain(projection.iter().copied()).collect()
    }
}

/// One partition a thread, about the same bytes in each.
fn groups(table: Table, files: &[&DataFile], statistics: Vec<Statistics>, threads: usize) -> Vec<FileGroup> {
    let mut files: Vec<(&DataFile, Statistics)> = files.iter().copied().zip(statistics).collect();
    files.sort_by_key(|(file, _)| std::cmp::Reverse(file.size_bytes));
    let count = threads.clamp(1, files.len().max(1));
    let mut groups: Vec<(u64, Vec<PartitionedFile>)> = vec![(0, Vec::new()); count];
    for (file, statistics) in files {
        if let Some((bytes, group)) = groups.iter_mut().min_by_key(|(bytes, _)| *bytes) {
            *bytes += file.size_bytes;
            group.push(partitioned_file(table, file, statistics));
        }
    }
    groups.into_iter().map(|(_, group)| FileGroup::new(group)).collect()
}

fn partitioned_file(table: Table, file: &DataFile, statistics: Statistics) -> PartitionedFile {
    let meta = object_store::ObjectMeta {
        location: location(&file.path),
        last_modified: Default::default(),
        size: file.size_bytes,
        e_tag: None,
        version: None,
    };
    // The footer and its eight bytes, in one read.
    let footer_size_bytes = usize::try_from(file.footer_size_bytes).unwrap_or(0).saturating_add(8);
    // Bytes that are those of the record are this program's.
    let as_written = file.has_all_columns && file.checks.is_some();
    let file = PartitionedFile::new_from_meta(meta)
        .with_metadata_size_hint(footer_size_bytes)
        .with_statistics(Arc::new(statistics));
    if as_written { file.with_extension(AsWritten(table)) } else { file }
}

fn merged(each: &[Statistics], schema: &Schema) -> Result<Statistics> {
    if each.is_empty() {
        return Ok(Statistics::new_unknown(schema));
    }
    Statistics::try_merge_iter(each, schema)
}

impl fmt::Debug for StoreTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreTable({}, {} files)", self.table.name(), self.files.len())
    }
}

#[async_trait]
impl TableProvider for StoreTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let predicate = match conjunction(filters.iter().cloned()) {
            Some(filter) => {
                let schema = DFSchema::try_from(Arc::clone(&self.schema))?;
                Some(state.create_physical_expr(filter, &schema)?)
            }
            None => None,
        };
        let files = prune(on_days(&self.files, filters, state)?, &self.schema, predicate)?;
        let columns = self.columns(projection, filters);
        let each: Vec<Statistics> = files.iter().map(|file| statistics(file, &self.schema, &columns)).collect();
        let mut options = state.table_options().parquet.clone();
        options.global = state.config_options().execution.parquet.clone();
        let source = ParquetSource::new(Arc::clone(&self.schema))
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(self.readers(state, filters)?);
        let config = FileScanConfigBuilder::new(self.url.clone(), Arc::new(source))
            .with_statistics(merged(&each, &self.schema)?)
            .with_file_groups(groups(self.table, &files, each, state.config().target_partitions()))
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        // The scan prunes by every filter; the Parquet reader applies those that it can, and takes them over then.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }
}

/// The columns of a table as queries see them.
pub(super) fn schema_of(table: Table) -> SchemaRef {
    with_text_views(&table.schema())
}

/// The schema with texts as views, which DataFusion compares and groups without copying; Parquet ids left out.
fn with_text_views(schema: &Schema) -> SchemaRef {
    let fields: Fields = schema
        .fields()
        .iter()
        .map(|field| match field.data_type() {
            DataType::Utf8 => Field::new(field.name(), DataType::Utf8View, field.is_nullable()),
            other => Field::new(field.name(), without_ids(other), field.is_nullable()),
        })
        .collect();
    Arc::new(Schema::new(fields))
}

/// A type whose inner fields have no Parquet ids either: operators that build lists anew leave them out, and a list with them
/// is of another type.
fn without_ids(data_type: &DataType) -> DataType {
    let plain =
        |field: &FieldRef| Arc::new(Field::new(field.name(), without_ids(field.data_type()), field.is_nullable()));
    match data_type {
        DataType::List(element) => DataType::List(plain(element)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(plain).collect()),
        other => other.clone(),
    }
}
