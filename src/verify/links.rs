//! What stands in the files of one chain, and which digest follows which.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::digest::{Digest, Previous};
use super::names::{DigestName, is_backfill};

/// What stands in the files of one chain.
#[derive(Debug, Default)]
pub(super) struct Chain {
    pub digests: Vec<Digest>,
    /// Files that should be digests of these names and aren't.
    pub broken: Vec<Broken>,
    /// By the digest's name.
    pub signatures: HashMap<String, Vec<String>>,
}

/// A file that should be a digest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Broken {
    pub object: String,
    pub name: String,
    pub reason: String,
}

/// Digests of one name: mostly one.
#[derive(Default)]
pub(super) struct Named<'a> {
    /// Places in [`Chain::digests`].
    pub digests: Vec<usize>,
    /// Digests that name it as the one before them.
    pub nexts: Vec<usize>,
    /// How many of those are not judged yet.
    pub waits_for: usize,
    pub is_broken: bool,
    /// The key, where a digest names it.
    pub key: Option<&'a str>,
}

/// The digest that one follows, where it can: a chain is hourly and goes on, so that none follows itself or a later
/// one. Of backfill digests each is written when something came late, for whatever hour.
pub(super) fn following(digest: &Digest) -> Option<&Previous> {
    let previous = digest.previous.as_ref().filter(|previous| previous.name != digest.name)?;
    let (Some(own), Some(before)) = (DigestName::parse(&digest.name), DigestName::parse(&previous.name)) else {
        return Some(previous);
    };
    let is_backward = own.chain == before.chain && !is_backfill(&own.chain) && before.end_us >= own.end_us;
    (!is_backward).then_some(previous)
}

/// The digests of each name, and those that name them.
pub(super) fn by_name(chain: &Chain) -> BTreeMap<&str, Named<'_>> {
    let mut names: BTreeMap<&str, Named<'_>> = BTreeMap::new();
    for (place, digest) in chain.digests.iter().enumerate() {
        names.entry(&digest.name).or_default().digests.push(place);
        if let Some(previous) = following(digest) {
            let named = names.entry(&previous.name).or_default();
            named.nexts.push(place);
            named.waits_for += 1;
            named.key.get_or_insert(&previous.key);
        }
    }
    for broken in &chain.broken {
        names.entry(&broken.name).or_default().is_broken = true;
    }
    names
}
