//! Footers of files, read once for all queries of a session.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::error::Result;
use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::object_store::ObjectStore;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::future::BoxFuture;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};

/// Readers that take footers from a cache, with their page indexes where a scan prunes pages.
///
/// DataFusion 55.2 keeps footers without page indexes, and where it needs these, it copies the footer and reads them
/// anew in each query (`opener::load_page_index`). So they are asked for with the footer.
pub(super) struct SharedFooters {
    inner: CachedParquetFileReaderFactory,
    with_page_index: bool,
}

impl SharedFooters {
    pub fn new(store: Arc<dyn ObjectStore>, cache: Arc<FileMetadataCache>, with_page_index: bool) -> SharedFooters {
        SharedFooters { inner: CachedParquetFileReaderFactory::new(store, cache), with_page_index }
    }
}

impl fmt::Debug for SharedFooters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedFooters").field("with_page_index", &self.with_page_index).finish_non_exhaustive()
    }
}

impl ParquetFileReaderFactory for SharedFooters {
    fn create_reader(
        &self,
        partition: usize,
        file: PartitionedFile,
        footer_size_bytes: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let inner = self.inner.create_reader(partition, file, footer_size_bytes, metrics)?;
        Ok(if self.with_page_index { Box::new(WithPageIndex(inner)) } else { inner })
    }
}

struct WithPageIndex(Box<dyn AsyncFileReader + Send>);

impl AsyncFileReader for WithPageIndex {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, parquet::errors::Result<Bytes>> {
        self.0.get_bytes(range)
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, parquet::errors::Result<Vec<Bytes>>> {
        self.0.get_byte_ranges(ranges)
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, parquet::errors::Result<Arc<ParquetMetaData>>> {
        let options = options.cloned().unwrap_or_default().with_page_index_policy(PageIndexPolicy::Optional);
        Box::pin(async move { self.0.get_metadata(Some(&options)).await })
    }
}
