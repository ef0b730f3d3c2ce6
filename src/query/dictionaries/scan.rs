//! A scan of Parquet files that gives dictionaries.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfig, FileScanConfigBuilder, FileSource, ParquetSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_plan::ExecutionPlan;

use crate::store::Table;

/// What a file of a scan may carry: that it has all columns of its table, as the store writes them today.
#[derive(Clone, Copy, Debug)]
pub struct AsWritten(pub Table);

/// A scan of such files.
pub(super) struct Scan<'a> {
    config: &'a FileScanConfig,
    source: &'a ParquetSource,
    table: Table,
    /// Of each column that the scan gives: that of the table which it is, if that can come with its dictionary.
    words: Vec<Option<usize>>,
    pub schema: SchemaRef,
}

impl<'a> Scan<'a> {
    /// The scan that a plan is.
    pub fn of(plan: &'a Arc<dyn ExecutionPlan>) -> Option<Scan<'a>> {
        let (config, source) = plan.downcast_ref::<DataSourceExec>()?.downcast_to_file_source::<ParquetSource>()?;
        let mut files = config.file_groups.iter().flat_map(FileGroup::iter);
        let AsWritten(table) = *files.next()?.extension::<AsWritten>()?;
        if !files.all(|file| file.extension::<AsWritten>().is_some_and(|other| other.0 == table)) {
            return None;
        }
        // The reader compares these with texts.
        let filtered = source.filter().map(|filter| collect_columns(&filter)).unwrap_or_default();
        let filtered: BTreeSet<usize> = filtered.iter().map(Column::index).collect();
        let columns = source.table_schema().file_schema();
        let words = source.projection()?.iter().map(|projected| {
            let index = projected.expr.downcast_ref::<Column>()?.index();
            let field = columns.fields().get(index)?;
            let has_words = field.data_type() == &DataType::Utf8View && table.has_words(field.name());
            (has_words && !filtered.contains(&index)).then_some(index)
        });
        Some(Scan { config, source, table, words: words.collect(), schema: plan.schema() })
    }

    /// Whether a column that it gives can come with its dictionary.
    pub fn has_words(&self, column: usize) -> bool {
        self.words.get(column).is_some_and(Option::is_some)
    }

    /// The same scan with dictionaries in these columns.
    ///
    /// # Errors
    /// DataFusion refuses it.
    pub fn with_dictionaries(&self, columns: &BTreeSet<usize>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let places: BTreeSet<usize> = columns.iter().filter_map(|column| *self.words.get(*column)?).collect();
        let schema = self.source.table_schema().file_schema();
        let names: BTreeSet<&str> =
            places.iter().filter_map(|place| schema.fields().get(*place)).map(|field| field.name().as_str()).collect();
        let mut source = ParquetSource::new(with_dictionaries(schema, &names))
            .with_table_parquet_options(self.source.table_parquet_options().clone());
        if let Some(readers) = self.source.parquet_file_reader_factory() {
            source = source.with_parquet_file_reader_factory(Arc::clone(readers));
        }
        if let Some(filter) = self.source.filter() {
            source = source.with_predicate(filter);
        }
        let Some(projection) = self.source.projection() else { return Ok(None) };
        let Some(source) = source.try_pushdown_projection(projection)? else { return Ok(None) };
        let written = with_dictionaries(&self.table.schema(), &names);
        let of = |file: &PartitionedFile| file.clone().with_arrow_schema(Arc::clone(&written));
        let groups = self.config.file_groups.iter().map(|group| FileGroup::new(group.iter().map(of).collect()));
        let config = FileScanConfigBuilder::from(self.config.clone())
            .with_source(source)
            .with_file_groups(groups.collect())
            .build();
        Ok(Some(DataSourceExec::from_data_source(config)))
    }
}

fn with_dictionaries(schema: &Schema, names: &BTreeSet<&str>) -> SchemaRef {
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let field = |field: &FieldRef| {
        if names.contains(field.name().as_str()) {
            Arc::new(Field::clone(field).with_data_type(dictionary.clone()))
        } else {
            Arc::clone(field)
        }
    };
    Arc::new(Schema::new_with_metadata(
        schema.fields().iter().map(field).collect::<Vec<_>>(),
        schema.metadata().clone(),
    ))
}
