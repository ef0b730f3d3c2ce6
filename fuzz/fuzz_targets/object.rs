//! Reading an object: any bytes as stored, beside flate2; then the forms of logs and the parser, which must not panic.

#![no_main]

use std::fs;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::LazyLock;

use flate2::Compression;
use flate2::read::{GzEncoder, MultiGzDecoder};
use libfuzzer_sys::fuzz_target;
use trailpare::archive::{Buffers, normalise, read, salvage};
use trailpare::record::{ParsedObject, Dictionaries};

const CAP_BYTES: u64 = 1 << 20;

static FILE: LazyLock<PathBuf> =
    LazyLock::new(|| tempfile::NamedTempFile::new().and_then(|file| Ok(file.keep()?.1)).expect("a file"));

/// What is read of these stored bytes; `None` when they are refused.
fn inflated(stored: &[u8]) -> Option<Vec<u8>> {
    fs::write(&*FILE, stored).expect("written");
    let read = read(&FILE, &mut Buffers::default(), CAP_BYTES).ok()?;
    assert_eq!(read.size_bytes, stored.len() as u64);
    assert!(read.bytes.len() as u64 <= CAP_BYTES, "over the cap");
    Some(read.bytes)
}

/// Whether it begins as gzip, zstd, bzip2, xz, lz4 or Parquet, or is a tar or zip: what is packed twice is inflated
/// twice, of Parquet its rows are read, and a container is no object.
fn is_packed(bytes: &[u8]) -> bool {
    let magic: [&[u8]; 6] =
        [b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ\0", b"\x04\x22\x4d\x18", b"PAR1"];
    let is_skippable = matches!(bytes, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]);
    let is_container = bytes.starts_with(b"PK") || bytes.get(257..262) == Some(b"ustar");
    is_container || is_skippable || magic.iter().any(|magic| bytes.starts_with(magic))
}

fuzz_target!(|data: &[u8]| {
    let bytes = inflated(data);
    if data.starts_with(&[0x1f, 0x8b]) {
        let mut expected = Vec::new();
        let outcome = MultiGzDecoder::new(data).take(CAP_BYTES + 1).read_to_end(&mut expected);
        if outcome.is_ok() && !expected.is_empty() && expected.len() as u64 <= CAP_BYTES && !is_packed(&expected) {
            assert_eq!(bytes.as_deref(), Some(&expected[..]), "flate2 reads it otherwise");
        }
    }
    let mut packed = Vec::new();
    GzEncoder::new(data, Compression::fast()).read_to_end(&mut packed).expect("compressed");
    if !data.is_empty() && !is_packed(data) && data.len() as u64 <= CAP_BYTES {
        assert_eq!(inflated(&packed).as_deref(), Some(data), "what was packed comes out otherwise");
    }
    for bytes in [bytes, Some(data.to_vec())].into_iter().flatten() {
        // What is salvaged is taken, whatever it was made of.
        if let Ok(normal) = salvage(&bytes) {
            ParsedObject::parse(normal.json, &mut Dictionaries::default()).expect("sound");
        }
        if let Ok(normal) = normalise(bytes) {
            let _ = ParsedObject::parse(normal.json, &mut Dictionaries::default());
        }
    }
});
