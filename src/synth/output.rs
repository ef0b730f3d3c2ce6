//! Compressing and writing objects.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use libdeflater::{CompressionLvl, Compressor};

use super::error::SynthError;

pub(super) fn compressor(level: u8) -> Result<Compressor, SynthError> {
    let level = CompressionLvl::new(i32::from(level))
        .map_err(|_| SynthError::Config(format!("compression level {level}\nhint: 1 to 12")))?;
    Ok(Compressor::new(level))
}

pub(super) fn compress(bytes: &[u8], compressor: &mut Compressor) -> Result<Vec<u8>, SynthError> {
    let mut stored = vec![0; compressor.gzip_compress_bound(bytes.len())];
    let len = compressor.gzip_compress(bytes, &mut stored).map_err(|error| SynthError::Compress(error.to_string()))?;
    stored.truncate(len);
    Ok(stored)
}

/// Writes a file, with the folders above it where they are missing.
pub(super) fn store(path: &Path, bytes: &[u8]) -> Result<(), SynthError> {
    let write = || fs::File::create(path)?.write_all(bytes);
    let outcome = match write() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| write())
        }
        outcome => outcome,
    };
    outcome.map_err(|source| SynthError::Io { path: path.to_owned(), source })
}
