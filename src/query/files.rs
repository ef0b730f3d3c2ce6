//! The files of a snapshot, as DataFusion reads them: where they were when the snapshot was read or, when a commit has
//! replaced them since, where that commit put them.

use std::fmt;
use std::ops::Range;
use std::path::Path as FilePath;

use async_trait::async_trait;
use bytes::Bytes;
use datafusion::object_store::local::LocalFileSystem;
use datafusion::object_store::path::Path;
use datafusion::object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use futures::stream::BoxStream;

use crate::store::replaced_path;

/// The local file system, with a second place to look for data files.
#[derive(Debug, Default)]
pub(super) struct SnapshotFiles {
    local: LocalFileSystem,
}

impl fmt::Display for SnapshotFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SnapshotFiles")
    }
}

impl SnapshotFiles {
    /// Where else a file may be that isn't at `location`.
    fn elsewhere(&self, location: &Path) -> Option<Path> {
        let path = self.local.path_to_filesystem(location).ok()?;
        Path::from_absolute_path(replaced_path(FilePath::new(&path))?).ok()
    }
}

#[async_trait]
impl ObjectStore for SnapshotFiles {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        match (self.local.get_opts(location, options.clone()).await, self.elsewhere(location)) {
            (Err(Error::NotFound { .. }), Some(path)) => self.local.get_opts(&path, options).await,
            (outcome, _) => outcome,
        }
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        match (self.local.get_ranges(location, ranges).await, self.elsewhere(location)) {
            (Err(Error::NotFound { .. }), Some(path)) => self.local.get_ranges(&path, ranges).await,
            (outcome, _) => outcome,
        }
    }

    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.local.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.local.put_multipart_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.local.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.local.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.local.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.local.copy_opts(from, to, options).await
    }
}
