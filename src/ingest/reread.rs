//! Reading objects once more that were taken in, where they lie in files or in containers.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use crate::archive::{self, Buffers, Limits, Read, Visit, WITHIN, each_member};

/// How much is read of one.
#[derive(Clone, Copy)]
pub(super) struct Caps {
    /// Inflated bytes of an object.
    pub object_bytes: u64,
    /// Stored bytes of a container that is looked into.
    pub container_bytes: u64,
}

/// Looks at objects, in containers or not, as long as `look` says so. What can't be read is passed over.
pub(super) fn each_object(paths: &[&Path], caps: Caps, look: &mut dyn FnMut(&Path, &Read) -> bool) {
    let mut buffers = Buffers::default();
    let mut within: BTreeMap<PathBuf, HashMap<String, &Path>> = BTreeMap::new();
    for path in paths {
        if archive::is_remote(path) {
            continue;
        }
        if !path.is_file() {
            if let Some((container, name)) = container_of(path, caps.container_bytes) {
                within.entry(container).or_default().insert(name, path);
            }
            continue;
        }
        let Ok(read) = archive::read(*path, &mut buffers, caps.object_bytes) else { continue };
        if !look(path, &read) {
            return;
        }
        buffers.recycle(read.bytes);
    }
    for (container, names) in within {
        let mut goes_on = true;
        let _ = each_member(&container, &Limits::default(), caps.object_bytes, &mut |visit| {
            if let Visit::Held(name, packed) = visit
                && let Some(path) = names.get(name)
                && let Ok(read) = packed.read(&mut buffers, caps.object_bytes, &|_| false)
            {
                goes_on = look(path, &read);
            }
            goes_on
        });
        if !goes_on {
            return;
        }
    }
}

/// The container that an object lies in, and its name there; of one that isn't too large to be read.
fn container_of(path: &Path, max_bytes: u64) -> Option<(PathBuf, String)> {
    let text = path.to_str()?;
    text.match_indices(WITHIN).find_map(|(at, mark)| {
        let container = Path::new(text.get(..at)?);
        let is_it = container.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() <= max_bytes);
        is_it.then(|| Some((container.to_owned(), text.get(at + mark.len()..)?.to_owned())))?
    })
}
