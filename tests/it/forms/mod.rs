//! Every form of `docs/forms.md`: three events in it as they should be, cut, and hostile; and the public files at hand.

mod hostile;
mod ocsf;
pub mod parquet;
mod public;
pub mod samples;
mod whole;

use std::fs;

use serde_json::Value;
use trailpare::archive::{Buffers, Gap, RefusedElement, normalise, read, salvage};

const CAP_BYTES: u64 = 64 << 20;

/// Every form, for tests elsewhere.
pub fn all_samples() -> Vec<Vec<u8>> {
    samples::samples(&samples::events()).into_iter().map(|sample| sample.bytes).collect()
}

/// Those that are text.
pub fn plain_samples() -> Vec<String> {
    let all = samples::samples(&samples::events());
    all.into_iter().filter_map(|sample| String::from_utf8(sample.bytes).ok()).collect()
}

/// What was taken of a file's bytes, and what was not.
#[derive(Debug, Default)]
struct Taken {
    events: Vec<Value>,
    refused: Vec<RefusedElement>,
    gaps: Vec<Gap>,
    /// Why nothing was taken, and what it is where it is a known other log.
    error: Option<(String, Option<&'static str>)>,
}

impl Taken {
    /// Whether something is said to be missing.
    fn is_said(&self) -> bool {
        !self.refused.is_empty() || !self.gaps.is_empty() || self.error.is_some()
    }
}

/// Reads bytes as the program does.
fn take(bytes: &[u8]) -> Taken {
    take_with(bytes, CAP_BYTES)
}

fn take_with(bytes: &[u8], cap_bytes: u64) -> Taken {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x");
    fs::write(&path, bytes).expect("written");
    let failed = |reason: String, other| Taken { error: Some((reason, other)), ..Taken::default() };
    let read = match read(&path, &mut Buffers::default(), cap_bytes) {
        Ok(read) => read,
        Err(error) => return failed(error.reason(), None),
    };
    let gaps = read.gaps;
    let normal = normalise(read.bytes).and_then(|normal| match records(&normal.json) {
        Some(_) => Ok(normal),
        None => salvage(&normal.json),
    });
    match normal {
        Ok(normal) => {
            let events = records(&normal.json).expect("sound JSON");
            Taken { events, refused: normal.refused, gaps, error: None }
        }
        Err(error) => Taken { gaps, ..failed(error.reason, error.other) },
    }
}

fn records(json: &[u8]) -> Option<Vec<Value>> {
    let mut all = Vec::new();
    for object in serde_json::Deserializer::from_slice(json).into_iter::<Value>() {
        all.append(object.ok()?.get_mut("Records")?.as_array_mut()?);
    }
    Some(all)
}
