//! The files of a snapshot, as DataFusion reads them: where they were when the snapshot was read or, when a commit has
//! replaced them since, where that commit put them; every block is compared with what was written.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::ops::Range;
use std::path::Path as FilePath;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::object_store::path::Path;
use datafusion::object_store::{
    Attributes, CopyOptions, Error, GetOptions, GetRange, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use futures::StreamExt;
use futures::stream::BoxStream;

use crate::store::{CheckedFile, DataFile, Snapshot, StoreError, Table};

/// The data files of a snapshot, read with their checksums; nothing else, and nothing is written.
#[derive(Debug)]
pub(super) struct SnapshotFiles {
    files: HashMap<Path, Arc<DataFile>>,
    /// Those that were opened last, in that order: a query reads the footer, indexes, filters and pages of a file one
    /// after the other.
    open: Mutex<VecDeque<(Path, CheckedFile)>>,
}

/// Files that are kept open.
const OPEN_MAX: usize = 16;

impl fmt::Display for SnapshotFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SnapshotFiles")
    }
}

/// Where DataFusion finds the files of a store: apart from those of the file system, so that no path can be taken for another.
pub(super) fn url() -> datafusion::error::Result<ObjectStoreUrl> {
    ObjectStoreUrl::parse("trailpare://store")
}

/// How DataFusion names a file of the store. The name is only a key of [`SnapshotFiles`], which opens the file by its own
/// path: any letter may stand in that, and `..` as well.
pub(super) fn location(path: &FilePath) -> Path {
    let parts = path.components().filter(|part| !matches!(part, std::path::Component::RootDir));
    parts.map(|part| part.as_os_str().to_string_lossy().into_owned()).collect()
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
    pub fn new(snapshot: &Snapshot) -> SnapshotFiles {
        let files = Table::ALL.into_iter().flat_map(|table| snapshot.files(table));
        let files = files.map(|file| (location(&file.path), Arc::new(file.clone())));
        SnapshotFiles { files: files.collect(), open: Mutex::default() }
    }

    fn opened(&self, location: &Path) -> Option<CheckedFile> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.iter().find(|(of, _)| of == location).map(|(_, file)| file.clone())
    }

    fn keep_open(&self, location: &Path, file: CheckedFile) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.iter().all(|(of, _)| of != location) {
            open.truncate(OPEN_MAX - 1);
            open.push_front((location.clone(), file));
        }
    }

    /// Reads ranges of a data file: at once what the page cache holds, else where waiting for the disk holds up nobody.
    /// Handing a read to another thread and back takes longer than copying what is there.
    async fn read(&self, location: &Path, wanted: Vec<Range<u64>>) -> Result<Vec<Bytes>> {
        let Some(file) = self.files.get(location).map(Arc::clone) else {
            let source = "no data file of this snapshot".into();
            return Err(Error::NotFound { path: location.to_string(), source });
        };
        let opened = self.opened(location);
        if let Some(file) = &opened {
            let now = wanted.iter().map(|range| file.read_now(range.start, length(range)).map_err(failed));
            if let Some(bytes) = now.collect::<Result<Option<Vec<Bytes>>>>()? {
                return Ok(bytes);
            }
        }
        let read = move || -> Result<(Vec<Bytes>, CheckedFile)> {
            let file = opened.map_or_else(|| CheckedFile::open(&*file).map_err(failed), Ok)?;
            let each = wanted.iter().map(|range| file.read(range.start, length(range)).map_err(failed));
            Ok((each.collect::<Result<_>>()?, file))
        };
        let (bytes, file) = match tokio::task::spawn_blocking(read).await {
            Ok(outcome) => outcome?,
            Err(source) => return Err(Error::JoinError { source }),
        };
        self.keep_open(location, file);
        Ok(bytes)
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

fn length(range: &Range<u64>) -> usize {
    usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX)
}

#[async_trait]
impl ObjectStore for SnapshotFiles {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let size_bytes = self.files.get(location).map_or(0, |file| file.size_bytes);
        let range = bounds(options.range, size_bytes);
        let wanted = if options.head { 0..0 } else { range.clone() };
        let bytes = self.read(location, vec![wanted]).await?.pop().unwrap_or_default();
        let meta = ObjectMeta {
            location: location.clone(),
            last_modified: Default::default(),
            size: size_bytes,
            e_tag: None,
            version: None,
        };
        let payload = GetResultPayload::Stream(futures::stream::once(async move { Ok(bytes) }).boxed());
        Ok(GetResult { payload, meta, range, attributes: Attributes::default() })
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.read(location, ranges.to_vec()).await
    }

    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        Err(not_written("put_opts"))
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        Err(not_written("put_multipart_opts"))
    }

    fn delete_stream(&self, _: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        futures::stream::once(async { Err(not_written("delete_stream")) }).boxed()
    }

    fn list(&self, _: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        futures::stream::empty().boxed()
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> Result<ListResult> {
        Ok(ListResult { common_prefixes: Vec::new(), objects: Vec::new() })
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(not_written("copy_opts"))
    }
}

/// A store is written by its own writers.
fn not_written(operation: &str) -> Error {
    Error::NotImplemented { operation: operation.to_owned(), implementer: "SnapshotFiles".to_owned() }
}
