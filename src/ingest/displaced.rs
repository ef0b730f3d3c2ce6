//! Objects that a proved one has taken the place of: what only they had leaves the store.
//!
//! The store does not know which object an event came from. The ledger knows with which snapshot an object was taken
//! in, and the catalog of which snapshots a file of events has rows. So an event is the displaced object's alone where
//! it is in such a file and in no other object that was taken in with one of these snapshots, nor in a later one that
//! had events which were there already. These objects are read again; where one of them can't be, nothing is taken out,
//! and that stands in the ledger.
//!
//! It is done at the end of a run: until then a batch may have left an event to the displaced object's.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use rayon::prelude::*;

use super::Options;
use super::committer::Committer;
use super::error::IngestError;
use super::parse::keys_in;
use super::replaced::{Rewritten, row_key};
use super::reread::{Caps, each_object};
use crate::archive::{self, Buffers, Read};
use crate::record::Dictionaries;
use crate::store::{ALTERED, Cleared, Commit, DataFile, Displaced, Holder, Table, read_batches};
use crate::util::shown;

/// Memory of an event that may go, about.
const CANDIDATE_BYTES: u64 = 64;

/// Why a displaced object stands as refused; see [`ALTERED`].
const LEFT: &str = "altered: it was taken in before it could be proved, and a proved object has taken its place; events that \
                    only it had may still be in the store, because not every object taken in beside it can be read again\n\
                    hint: make a store anew from the archives with `trailpare ingest --verify`, or accept it with \
                    `trailpare forget`";

/// Objects that are read at once.
const AT_ONCE: usize = 512;

/// Events that may go, each with the proved object that has it as well.
type Candidates = HashMap<u128, Option<usize>, foldhash::fast::RandomState>;

/// Takes what only displaced objects had out of the store.
pub(super) fn clear(options: &Options, committer: &mut Committer<'_>) -> Result<(), IngestError> {
    let displaced = committer.writer.displaced()?;
    if displaced.is_empty() {
        return Ok(());
    }
    let snapshots: Vec<i64> = displaced.iter().map(|one| one.snapshot).collect();
    let ids: HashSet<i64> = committer.writer.files_of_snapshots(&snapshots)?.into_iter().collect();
    let snapshot = committer.writer.store().snapshot_with(None, &[])?;
    let files: Vec<&DataFile> = snapshot.files(Table::Events).iter().filter(|file| ids.contains(&file.id)).collect();
    let found = find(options, committer, &displaced, &snapshots, &files)?;
    if committer.progress.is_stopped() {
        // The next run does it.
        return Ok(());
    }
    let mut rewritten = Rewritten::default();
    if let Some((candidates, _)) = &found {
        let gone: HashSet<u128> =
            candidates.iter().filter(|(_, proved)| proved.is_none()).map(|(key, _)| *key).collect();
        for file in files.iter().filter(|_| !gone.is_empty()) {
            if has_any(file, &gone)? {
                rewritten.take_out(file, &gone, &committer.writer.staging())?;
            }
        }
    }
    let removed = rewritten.removed();
    let mut commit = Commit { message: "take out what altered objects had".to_owned(), ..Commit::default() };
    for (at, one) in displaced.iter().enumerate() {
        let has_others = displaced.len() > 1;
        let moved = found.as_ref().map_or(0, |(candidates, duplicates)| {
            let shared = candidates.values().filter(|proved| **proved == Some(at)).count() as u64;
            let left = if has_others { 0 } else { one.events.saturating_sub(removed) };
            shared.min(duplicates.get(at).copied().unwrap_or_default()).min(left)
        });
        // Of several together nobody counts whose was which.
        let removed = found.as_ref().map(|_| if at == 0 { removed } else { 0 });
        let left = removed.is_none().then(|| LEFT.to_owned());
        let (name, sha256) = (one.name.clone(), one.sha256);
        commit.cleared.push(Cleared { name, sha256, removed: removed.unwrap_or_default(), left, moved });
        say(one, removed, committer);
    }
    rewritten.put_into(&mut commit);
    committer.writer.commit(&commit)?;
    Ok(())
}

/// Says what became of an object that was displaced.
fn say(one: &Displaced, removed: Option<u64>, committer: &mut Committer<'_>) {
    let new = committer.new_instead.get(&one.name).copied().unwrap_or_default();
    let summary = &mut *committer.summary;
    let what = match removed {
        Some(0) if one.replaced == 0 && new == 0 => return,
        Some(removed) => format!("{} of its events were replaced and {removed} taken out", one.replaced),
        None => format!(
            "{} of its events were replaced; what only it had may still be there, because not every object taken in beside \
             it can be read again\nhint: make a store anew from the archives, or accept it with `trailpare forget`",
            one.replaced
        ),
    };
    summary.tampered += 1;
    summary.problem(|| {
        let name = shown::name(&one.name);
        format!(
            "{name}: {ALTERED}: what was taken in before is not what digests say; the proved object has taken its place: {what}"
        )
    });
}

/// Events of the files that no other object has than displaced ones and the proved ones in their place, and how many
/// duplicates each of the latter had; `None` where that can't be told.
fn find(
    options: &Options,
    committer: &Committer<'_>,
    displaced: &[Displaced],
    snapshots: &[i64],
    files: &[&DataFile],
) -> Result<Option<(Candidates, Vec<u64>)>, IngestError> {
    let rows: u64 = files.iter().map(|file| file.rows).sum();
    if rows * CANDIDATE_BYTES > options.memory_limit_bytes / 2 || !committer.writer.knows_origins()? {
        return Ok(None);
    }
    // What was imported may be of objects that only the exporting store read.
    if committer.writer.may_lack_objects(files)? {
        return Ok(None);
    }
    let object_bytes = options.memory_limit_bytes / 16;
    let caps = Caps { object_bytes, container_bytes: u64::MAX };
    let mut candidates = Candidates::default();
    for file in files {
        for batch in read_batches(*file, None, None)? {
            let batch = batch?;
            candidates.extend((0..batch.num_rows()).map(|row| (row_key(&batch, row), None)));
        }
    }
    let (mut duplicates, mut own) = (Vec::new(), Vec::new());
    for (at, one) in displaced.iter().enumerate() {
        let Some(proved) = committer.writer.holder(&one.name)? else { return Ok(None) };
        duplicates.push(proved.duplicates);
        own.push(proved.name.clone());
        let own = std::slice::from_ref(&proved);
        let Some(keys) = keys_of(own, &candidates, caps) else { return Ok(None) };
        for key in keys {
            if let Some(holder @ None) = candidates.get_mut(&key) {
                *holder = Some(at);
            }
        }
    }
    let own: HashSet<String> = own.into_iter().collect();
    let holders = committer.writer.holders(snapshots)?;
    let holders: Vec<Holder> = holders.into_iter().filter(|holder| !own.contains(&holder.name)).collect();
    for some in holders.chunks(AT_ONCE) {
        if candidates.is_empty() || committer.progress.is_stopped() {
            break;
        }
        let Some(keys) = keys_of(some, &candidates, caps) else { return Ok(None) };
        for key in keys {
            candidates.remove(&key);
        }
    }
    Ok(Some((candidates, duplicates)))
}

fn has_any(file: &DataFile, keys: &HashSet<u128>) -> Result<bool, IngestError> {
    for batch in read_batches(file, None, None)? {
        let batch = batch?;
        if (0..batch.num_rows()).any(|row| keys.contains(&row_key(&batch, row))) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The keys of those events in some objects that may go; `None` where an object is not there any more as it was, or
/// can't be read.
fn keys_of(holders: &[Holder], candidates: &Candidates, caps: Caps) -> Option<HashSet<u128>> {
    let wanted: HashMap<&Path, [u8; 32]> =
        holders.iter().map(|one| Some((Path::new(&one.path), one.sha256?))).collect::<Option<_>>()?;
    let (files, others): (Vec<&Path>, Vec<&Path>) =
        wanted.keys().copied().partition(|path| !archive::is_remote(path) && path.is_file());
    let is_it = |path: &Path, read: &Read| wanted.get(path) == Some(&read.sha256);
    let of_file = |(buffers, dictionaries): &mut (Buffers, Dictionaries), path: &&Path| {
        let read = archive::read(*path, buffers, caps.object_bytes).ok().filter(|read| is_it(path, read))?;
        keys(read.bytes, candidates, dictionaries)
    };
    let found: Option<Vec<Vec<u128>>> = files.par_iter().map_init(Default::default, of_file).collect();
    let mut found: HashSet<u128> = found?.into_iter().flatten().collect();
    let (mut left, mut dictionaries) = (others.len(), Dictionaries::default());
    each_object(&others, caps, &mut |path, read| {
        if let Some(keys) = keys(read.bytes.clone(), candidates, &mut dictionaries).filter(|_| is_it(path, read)) {
            found.extend(keys);
            left = left.saturating_sub(1);
        }
        left > 0
    });
    (left == 0).then_some(found)
}

/// The keys of the events in an object, whether its secrets were masked when it was taken in or not: one without an id
/// is told by all it says.
fn keys(bytes: Vec<u8>, candidates: &Candidates, dictionaries: &mut Dictionaries) -> Option<Vec<u128>> {
    let mut keys = keys_in(bytes.clone(), true, dictionaries)?;
    keys.extend(keys_in(bytes, false, dictionaries)?);
    dictionaries.tidy();
    keys.retain(|key| candidates.contains_key(key));
    Some(keys)
}
