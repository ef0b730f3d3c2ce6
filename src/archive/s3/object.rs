//! An object in a bucket, and its bytes: all at once where they are few, by way of a file where they are many. What is
//! read is what was listed: the server is asked for the content with the listed `ETag`, and nothing half is handed on.

use std::fs::File;
use std::io::{self, Cursor, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, PoisonError};

use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use object_store::path::Path;
use object_store::{Attribute, GetOptions, GetRange, GetResult, ObjectStore as _};
use tempfile::NamedTempFile;

use super::fault::{Asked, Fault, fault};
use super::shared::{Bucket, Shared};
use crate::archive::error::ReadFault;
use crate::archive::opened::Opened;
use crate::util::shown;

/// Of a large object so much is asked for at once.
const PIECE_BYTES: u64 = 4 << 20;

/// Pieces of a large object that are asked for at once.
const PIECES: usize = 2;

/// Longest text of a server that is kept of an object.
const KEPT_MAX: usize = 2_048;

/// An object as it was listed.
#[derive(Clone, Debug)]
pub struct Stored(Arc<Object>);

#[derive(Debug)]
struct Object {
    bucket: Arc<Bucket>,
    key: Path,
    size_bytes: u64,
    etag: Option<Box<str>>,
    modified_us: i64,
    version: OnceLock<Box<str>>,
    signature: OnceLock<Box<str>>,
}

impl PartialEq for Stored {
    fn eq(&self, other: &Stored) -> bool {
        self.0.bucket.address == other.0.bucket.address && self.0.key == other.0.key && self.0.etag == other.0.etag
    }
}

impl Eq for Stored {}

impl Stored {
    pub(super) fn new(
        bucket: &Arc<Bucket>,
        key: Path,
        size_bytes: u64,
        etag: Option<String>,
        modified_us: i64,
    ) -> Stored {
        Stored(Arc::new(Object {
            bucket: Arc::clone(bucket),
            key,
            size_bytes,
            etag: etag.filter(|etag| etag.len() <= KEPT_MAX).map(String::into_boxed_str),
            modified_us,
            version: OnceLock::new(),
            signature: OnceLock::new(),
        }))
    }

    /// Its size.
    pub fn size_bytes(&self) -> u64 {
        self.0.size_bytes
    }

    /// When it was put there, microseconds since 1970.
    pub fn modified_us(&self) -> i64 {
        self.0.modified_us
    }

    /// What tells its content from another under the same key.
    pub fn etag(&self) -> Option<&str> {
        self.0.etag.as_deref()
    }

    /// Its version, once it was read.
    pub fn version(&self) -> Option<&str> {
        self.0.version.get().map(|version| &**version)
    }

    /// The signature in its metadata, once it was read.
    pub fn signature(&self) -> Option<&str> {
        self.0.signature.get().map(|signature| &**signature)
    }

    /// Which one it is, among those of a process.
    pub(super) fn id(&self) -> usize {
        Arc::as_ptr(&self.0) as usize
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.0.bucket.shared
    }

    /// Its bytes.
    pub(in crate::archive) fn open(&self) -> Result<Opened, ReadFault> {
        let window = &self.shared().window;
        if self.0.size_bytes <= window.object_bytes() {
            let fetched = window.take(self.id(), &|| self.shared().is_over());
            let bytes = fetched.unwrap_or_else(|| self.shared().wait(self.request()));
            return Ok(Opened::Bytes(Cursor::new(self.judge(bytes)?)));
        }
        let mut file = match self.spool() {
            Some(folder) => tempfile::tempfile_in(folder),
            None => tempfile::tempfile(),
        }?;
        self.copy_to(&mut file)?;
        Ok(Opened::File(file))
    }

    /// Its bytes as two files that are read each for itself.
    pub(in crate::archive) fn files(&self) -> Result<(File, File), ReadFault> {
        let mut file = match self.spool() {
            Some(folder) => NamedTempFile::new_in(folder),
            None => NamedTempFile::new(),
        }?;
        let again = file.reopen()?;
        match self.open()? {
            Opened::Bytes(bytes) => file.write_all(bytes.get_ref())?,
            Opened::File(mut from) => drop(io::copy(&mut from, file.as_file_mut())?),
        }
        let mut file = file.into_file();
        file.seek(SeekFrom::Start(0))?;
        Ok((file, again))
    }

    fn spool(&self) -> Option<PathBuf> {
        self.shared().spool.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Some of its bytes; `None` where they can't be had.
    pub(in crate::archive) fn range(&self, from: u64, len: u64) -> Option<Vec<u8>> {
        if len == 0 {
            return Some(Vec::new());
        }
        // It may be there already, and is wanted as a whole later on.
        if let Some(all) = self.shared().window.look(self.id(), &|| self.shared().is_over()) {
            let (from, len) = (usize::try_from(from).ok()?, usize::try_from(len).ok()?);
            return all.get(from..from.checked_add(len)?).map(<[u8]>::to_vec);
        }
        let piece = async {
            let _request = self.shared().request().await?;
            self.piece(from..from + len).await
        };
        let piece = self.judge(self.shared().wait(piece)).ok()?;
        Some(piece.to_vec())
    }

    /// Says what a fault means for whoever reads; what is about all objects ends everything.
    fn judge<T>(&self, outcome: Result<T, Fault>) -> Result<T, ReadFault> {
        match self.shared().judge(outcome) {
            Ok(had) => Ok(had),
            Err(Fault::Stopped) => Err(ReadFault::Stopped),
            Err(Fault::All(reason)) => {
                let key = self.0.bucket.address.shown(self.0.key.as_ref());
                self.shared().fail(format!("{}: {reason}", shown::name(&key)));
                Err(ReadFault::Stopped)
            }
            Err(fault) => Err(ReadFault::Io(io::Error::other(fault.reason()))),
        }
    }

    async fn request(&self) -> Result<Bytes, Fault> {
        let _request = self.shared().request().await?;
        self.fetch().await
    }

    /// All of it, in memory.
    pub(super) async fn fetch(&self) -> Result<Bytes, Fault> {
        self.body(self.get(None).await?, self.0.size_bytes).await
    }

    /// A part of it.
    pub(super) async fn piece(&self, range: Range<u64>) -> Result<Bytes, Fault> {
        let len = range.end - range.start;
        self.body(self.get(Some(range)).await?, len).await
    }

    async fn get(&self, range: Option<Range<u64>>) -> Result<GetResult, Fault> {
        let options = GetOptions {
            if_match: self.0.etag.as_deref().map(str::to_owned),
            range: range.map(GetRange::Bounded),
            ..GetOptions::default()
        };
        let got = self.0.bucket.store.get_opts(&self.0.key, options).await.map_err(|error| self.fault(&error))?;
        // A server that knows no conditions gives what is there.
        let is_other = |given: &Option<String>| given.as_deref().zip(self.etag()).is_some_and(|(a, b)| a != b);
        if got.meta.size != self.0.size_bytes || is_other(&got.meta.e_tag) {
            return Err(Fault::Changed);
        }
        let kept = |text: &str| (text.len() <= KEPT_MAX).then(|| Box::<str>::from(text));
        if let Some(version) = got.meta.version.as_deref().and_then(kept) {
            let _ = self.0.version.set(version);
        }
        let signature = got.attributes.get(&Attribute::Metadata("signature".into()));
        if let Some(signature) = signature.and_then(|signature| kept(signature)) {
            let _ = self.0.signature.set(signature);
        }
        Ok(got)
    }

    async fn body(&self, got: GetResult, len: u64) -> Result<Bytes, Fault> {
        let mut bytes = BytesMut::with_capacity(usize::try_from(len).unwrap_or_default());
        let mut body = got.into_stream();
        while let Some(more) = body.next().await {
            bytes.extend_from_slice(&more.map_err(|error| self.fault(&error))?);
            if bytes.len() as u64 > len {
                return Err(Fault::Changed);
            }
        }
        match bytes.len() as u64 == len {
            true => Ok(bytes.freeze()),
            false => Err(Fault::One(format!(
                "the server broke off after {} of {len} bytes\nhint: the next run tries it again",
                bytes.len()
            ))),
        }
    }

    fn fault(&self, error: &object_store::Error) -> Fault {
        let Bucket { address, shared, .. } = &*self.0.bucket;
        fault(error, Asked::Object(&address.bucket, self.0.key.as_ref()), shared.region())
    }

    /// Copies it into a file, piece by piece.
    fn copy_to(&self, file: &mut File) -> Result<(), ReadFault> {
        let size_bytes = self.0.size_bytes;
        let mut from = 0;
        while from < size_bytes {
            let until = size_bytes.min(from + PIECE_BYTES * PIECES as u64);
            let ranges = (from..until).step_by(usize::try_from(PIECE_BYTES).unwrap_or(usize::MAX));
            let ask = |begin: u64| async move {
                let _request = self.shared().request().await?;
                self.piece(begin..until.min(begin + PIECE_BYTES)).await
            };
            let pieces = async {
                let asked: Vec<Result<Bytes, Fault>> = futures::future::join_all(ranges.map(ask)).await;
                asked.into_iter().collect::<Result<Vec<Bytes>, Fault>>()
            };
            let pieces = self.judge(self.shared().wait(pieces))?;
            pieces.iter().try_for_each(|piece| file.write_all(piece))?;
            from = until;
        }
        file.seek(SeekFrom::Start(0))?;
        Ok(())
    }
}
