//! The files of a snapshot, as DataFusion reads them: where they were when the snapshot was read or, when a commit has
//! replaced them since, where that commit put them; every block is compared with what was written.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::path::Path as FilePath;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use datafusion::object_store::local::LocalFileSystem;
use datafusion::object_store::path::Path;
use datafusion::object_store::{
    Attributes, CopyOptions, Error, GetOptions, GetRange, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use futures::StreamExt;
use futures::stream::BoxStream;

use crate::store::{CheckedFile, DataFile, Snapshot, StoreError, Table};

/// The local file system; the data files of a snapshot are read with their checksums.
#[derive(Debug)]
pub(super) struct SnapshotFiles {
    local: LocalFileSystem,
    files: HashMap<Path, Arc<DataFile>>,
}

impl fmt::Display for SnapshotFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SnapshotFiles")
    }
}

/// How DataFusion names a file.
pub(super) fn location(path: &FilePath) -> Result<Path> {
    let absolute =
        std::path::absolute(path).map_err(|error| Error::Generic { store: "file", source: Box::new(error) })?;
    Ok(Path::from_absolute_path(absolute)?)
}

fn failed(error: StoreError) -> Error {
    match error {
        StoreError::Io { path, source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            Error::NotFound { path: path.display().to_string(), source: Box::new(source) }
        }
        error => Error::Generic { store: "file", source: Box::new(error) },
    }
}

impl SnapshotFiles {
    pub fn new(snapshot: &Snapshot) -> Result<SnapshotFiles> {
        let files = Table::ALL.into_iter().flat_map(|table| snapshot.files(table));
        let files = files.map(|file| Ok((location(&file.path)?, Arc::new(file.clone()))));
        Ok(SnapshotFiles { local: LocalFileSystem::default(), files: files.collect::<Result<_>>()? })
    }

    /// Reads ranges of a data file where waiting for the disk holds up nobody; `None` for another file.
    async fn read<T: Send + 'static>(
        &self,
        location: &Path,
        read: impl FnOnce(&CheckedFile) -> Result<T> + Send + 'static,
    ) -> Option<Result<T>> {
        let file = Arc::clone(self.files.get(location)?);
        let read = move || read(&CheckedFile::open(&*file).map_err(failed)?);
        Some(match tokio::task::spawn_blocking(read).await {
            Ok(outcome) => outcome,
            Err(source) => Err(Error::JoinError { source }),
        })
    }
}

/// The bytes of a file that are asked for.
fn bounds(range: Option<GetRange>, size_bytes: u64) -> Range<u64> {
    match range {
        None => 0..size_bytes,
        Some(GetRange::Bounded(range)) => range.start..range.end.min(size_bytes).max(range.start),
        Some(GetRange::Offset(start)) => start..size_bytes.max(start),
        Some(GetRange::Suffix(length)) => size_bytes.saturating_sub(length)..size_bytes,
    }
}

fn read_range(file: &CheckedFile, range: &Range<u64>) -> Result<Bytes> {
    let length = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
    file.read(range.start, length).map_err(failed)
}

#[async_trait]
impl ObjectStore for SnapshotFiles {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let (meta_location, range, is_head) = (location.clone(), options.range.clone(), options.head);
        let read = move |file: &CheckedFile| {
            let range = bounds(range, file.size_bytes());
            let bytes = if is_head { Bytes::new() } else { read_range(file, &range)? };
            let meta = ObjectMeta {
                location: meta_location,
                last_modified: Default::default(),
                size: file.size_bytes(),
                e_tag: None,
                version: None,
            };
            let payload = GetResultPayload::Stream(futures::stream::once(async move { Ok(bytes) }).boxed());
            Ok(GetResult { payload, meta, range, attributes: Attributes::default() })
        };
        match self.read(location, read).await {
            Some(outcome) => outcome,
            None => self.local.get_opts(location, options).await,
        }
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let wanted = ranges.to_vec();
        let read = move |file: &CheckedFile| wanted.iter().map(|range| read_range(file, range)).collect();
        match self.read(location, read).await {
            Some(outcome) => outcome,
            None => self.local.get_ranges(location, ranges).await,
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
