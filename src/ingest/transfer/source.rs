//! An export that is read: a tar, from a file or a pipe, or a folder. Each file is asked for by its name and size, in the
//! order of the manifest; whatever else is there is an error.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::manifest::{MANIFEST, Manifest};
use super::tar;
use crate::ingest::error::IngestError;

/// Bytes of a manifest: that of a million files.
const MANIFEST_MAX: u64 = 512 << 20;

/// Where an export is read from.
pub(super) struct Source {
    path: PathBuf,
    input: Input,
}

enum Input {
    Tar(Summing<Box<dyn Read>>),
    Folder,
}

impl Source {
    /// Opens one; `-` is standard input.
    pub fn open(path: &Path) -> Result<Source, IngestError> {
        let cannot = |error: io::Error| IngestError::Transfer { path: path.to_owned(), what: error.to_string() };
        let input: Box<dyn Read> = if path == Path::new("-") {
            Box::new(io::stdin())
        } else if fs::metadata(path).map_err(cannot)?.is_dir() {
            return Ok(Source { path: path.to_owned(), input: Input::Folder });
        } else {
            Box::new(File::open(path).map_err(cannot)?)
        };
        let input: Box<dyn Read> = Box::new(BufReader::with_capacity(1 << 20, input));
        Ok(Source { path: path.to_owned(), input: Input::Tar(Summing { input, sha256: Sha256::new() }) })
    }

    /// An error that names it.
    pub fn fault(&self, what: impl Into<String>) -> IngestError {
        IngestError::Transfer { path: self.path.clone(), what: what.into() }
    }

    /// Reads the manifest, and the SHA-256 of its bytes.
    pub fn manifest(&mut self) -> Result<(Manifest, [u8; 32]), IngestError> {
        let bytes = self.read(MANIFEST, None)?;
        let manifest = Manifest::parse(&bytes).map_err(|what| self.fault(what))?;
        Ok((manifest, Sha256::digest(&bytes).into()))
    }

    /// Reads the next file, which has this name, size and SHA-256.
    pub fn next(&mut self, name: &str, bytes: u64, sha256: &[u8; 32]) -> Result<Vec<u8>, IngestError> {
        let content = self.read(name, Some(bytes))?;
        let found: [u8; 32] = Sha256::digest(&content).into();
        if found == *sha256 {
            return Ok(content);
        }
        Err(self.fault(format!("{name} is not what the manifest says: it was altered on its way")))
    }

    fn read(&mut self, name: &str, bytes: Option<u64>) -> Result<Vec<u8>, IngestError> {
        let read = match &mut self.input {
            Input::Tar(input) => read_tar(input, name, bytes),
            Input::Folder => read_file(&self.path, name, bytes),
        };
        read.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                self.fault(format!("it ends within or before {name}: it is not whole\nhint: copy it again"))
            }
            _ => self.fault(format!("{name}: {error}")),
        })
    }

    /// Makes sure that nothing is behind the last file or beside all; the SHA-256 of the whole: of a folder that of its
    /// manifest.
    pub fn finish(self, manifest: &Manifest, of_manifest: [u8; 32]) -> Result<[u8; 32], IngestError> {
        let fault = |what: String| IngestError::Transfer { path: self.path.clone(), what };
        match self.input {
            Input::Tar(mut input) => {
                match tar::next(&mut input) {
                    Ok(None) => {}
                    Ok(Some((name, _))) => {
                        return Err(fault(format!("it has a file that its manifest doesn't name: {name:?}")));
                    }
                    Err(error) => return Err(fault(error.to_string())),
                }
                tar::read_end(&mut input).map_err(|error| fault(error.to_string()))?;
                Ok(input.sha256.finalize().into())
            }
            Input::Folder => match surplus(&self.path, manifest) {
                Some(name) => Err(fault(format!("it has a file that its manifest doesn't name: {name:?}"))),
                None => Ok(of_manifest),
            },
        }
    }
}

fn odd(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}

fn read_tar(input: &mut dyn Read, name: &str, bytes: Option<u64>) -> io::Result<Vec<u8>> {
    let (found, size_bytes) = tar::next(input)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    if found != name {
        return Err(odd(format!("{found:?} stands in its place")));
    }
    let content = read_sized(input, size_bytes, bytes)?;
    tar::skip_padding(input, size_bytes)?;
    Ok(content)
}

fn read_file(folder: &Path, name: &str, bytes: Option<u64>) -> io::Result<Vec<u8>> {
    let mut path = folder.to_owned();
    for part in name.split('/') {
        path.push(part);
        if fs::symlink_metadata(&path)?.is_symlink() {
            return Err(odd("it is a link, and links are not followed"));
        }
    }
    let found = fs::symlink_metadata(&path)?;
    if !found.is_file() {
        return Err(odd("it is no plain file"));
    }
    read_sized(&mut File::open(&path)?, found.len(), bytes)
}

/// Reads so many bytes, which have to be as many as are expected.
fn read_sized(input: &mut dyn Read, size_bytes: u64, expected: Option<u64>) -> io::Result<Vec<u8>> {
    if expected.is_some_and(|expected| expected != size_bytes) {
        return Err(odd(format!("it has {size_bytes} bytes, the manifest says {}", expected.unwrap_or_default())));
    }
    if size_bytes > expected.unwrap_or(MANIFEST_MAX) {
        return Err(odd(format!("it has {size_bytes} bytes, which no manifest has")));
    }
    // What is not there takes no memory: it grows as it is read.
    let mut content = Vec::new();
    input.take(size_bytes).read_to_end(&mut content)?;
    if content.len() as u64 == size_bytes { Ok(content) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// The first thing in a folder that is no file of a manifest, and no folder of one.
fn surplus(folder: &Path, manifest: &Manifest) -> Option<String> {
    let names: BTreeSet<&str> = manifest.names().collect();
    let found = walkdir::WalkDir::new(folder).min_depth(1).follow_links(false);
    found.into_iter().find_map(|entry| {
        let Ok(entry) = entry else { return Some("what can't be read".to_owned()) };
        let name = entry.path().strip_prefix(folder).unwrap_or(entry.path()).to_string_lossy().into_owned();
        let is_known = entry.file_type().is_dir() || names.contains(name.as_str());
        (!is_known).then_some(name)
    })
}

/// An input whose bytes are summed up.
struct Summing<R> {
    input: R,
    sha256: Sha256,
}

impl<R: Read> Read for Summing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.sha256.update(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}
