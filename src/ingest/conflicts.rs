//! Records with the id of an event that is in the store, and other bytes: whether they say the same, and if not, where
//! both stand.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use arrow::array::BooleanArray;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use memchr::memmem;

use super::error::IngestError;
use crate::archive::{self, Buffers, Limits, Visit, WITHIN, each_member};
use crate::record::{EVENT_KEY_COLUMNS, ParsedObject, Record, key_of_record, redact, stored_event_key, to_json};
use crate::store::{Conflict, RowPredicate, StagedFile, Store, Table, read_batches};

/// Objects that are looked at for the first of two records, at the most, for each data file.
const OBJECTS_MAX: usize = 2_000;

/// Inflated bytes of an object that is looked at.
const OBJECT_BYTES_MAX: u64 = 64 << 20;

/// Stored bytes of a container that is looked into.
const CONTAINER_BYTES_MAX: u64 = 256 << 20;

/// A record that may say something else than the one that is in the store.
#[derive(Clone, Debug)]
pub(super) struct Doubt {
    event_key: u128,
    event_date: i32,
    event_id: String,
    /// A hash of all it says, whatever the order of its keys; `None` where it can't be read by other means.
    content: Option<u128>,
    /// The same with its secrets masked.
    masked: Option<u128>,
    path: Box<Path>,
    index: u64,
    offset_bytes: u64,
}

impl Doubt {
    /// A record, with its position and place; `None` for one without an id, which is told by all it says.
    pub fn new(
        object: &ParsedObject,
        record: &Record,
        path: &Path,
        (index, offset_bytes): (u64, u64),
    ) -> Option<Doubt> {
        let source = object.source(record);
        let value: Option<serde_json::Value> = serde_json::from_str(source).ok();
        let content = value.as_ref().map(key_of_record);
        if content == Some(record.event_key) {
            return None;
        }
        let id = value.as_ref().and_then(|value| value.get("eventID")).and_then(serde_json::Value::as_str);
        Some(Doubt {
            event_key: record.event_key,
            event_date: record.event_date,
            event_id: id.map_or_else(|| uuid::Uuid::from_u128(record.event_key).to_string(), str::to_owned),
            content,
            masked: masked(source).or(content),
            path: path.into(),
            index,
            offset_bytes,
        })
    }
}

/// What the doubts come to: the records that say something else than the first of their id, which lies in the store or
/// in files that are about to be committed. `paths`: the objects that these files are of.
pub(super) fn conflicts(
    doubts: Vec<Doubt>,
    store: &Store,
    staged: &[StagedFile],
    paths: &[&Path],
) -> Result<Vec<Conflict>, IngestError> {
    if doubts.is_empty() {
        return Ok(Vec::new());
    }
    let snapshot = store.snapshot_with(None, &[])?;
    let mut by_day: BTreeMap<i32, HashMap<u128, Vec<Doubt>>> = BTreeMap::new();
    for doubt in doubts {
        by_day.entry(doubt.event_date).or_default().entry(doubt.event_key).or_default().push(doubt);
    }
    let mut conflicts = Vec::new();
    for (date, mut doubts) in by_day {
        for file in snapshot.files(Table::Events).iter().filter(|file| file.event_date == date) {
            let found = compare(&file.path, &mut doubts)?;
            if !found.is_empty() {
                let paths = store.paths_of_file(file.id, date, OBJECTS_MAX)?;
                let paths: Vec<&Path> = paths.iter().map(Path::new).collect();
                conflicts.extend(with_places(found, &paths));
            }
        }
        let staged = staged.iter().filter(|file| file.table == Table::Events && file.event_date == date);
        let staged: Vec<PathBuf> = staged.map(|file| file.staged.clone()).collect();
        let mut found = Vec::new();
        for path in staged {
            found.extend(compare(&path, &mut doubts)?);
        }
        if !found.is_empty() {
            conflicts.extend(with_places(found, paths));
        }
    }
    Ok(conflicts)
}

/// The doubts that a file's events confirm; those whose event is in the file are no doubts any more.
fn compare(file: &Path, doubts: &mut HashMap<u128, Vec<Doubt>>) -> Result<Vec<Doubt>, IngestError> {
    if doubts.is_empty() {
        return Ok(Vec::new());
    }
    let mut confirmed = Vec::new();
    let known: &HashMap<u128, Vec<Doubt>> = doubts;
    let is_wanted = |batch: RecordBatch| -> Result<BooleanArray, ArrowError> {
        let is_row = |row| stored_event_key(&batch, row).is_some_and(|key| known.contains_key(&key));
        Ok((0..batch.num_rows()).map(|row| Some(is_row(row))).collect())
    };
    let predicate = RowPredicate { columns: &EVENT_KEY_COLUMNS, dictionaries: false, wanted: Box::new(is_wanted) };
    let batches = read_batches(file, None, Some(predicate))?;
    for batch in batches {
        let batch = batch?;
        for row in 0..batch.num_rows() {
            let Some(doubts) = stored_event_key(&batch, row).and_then(|key| doubts.remove(&key)) else { continue };
            let stored = to_json(&batch, row);
            let content = Some(key_of_record(&stored));
            let differs: Vec<Doubt> = doubts.into_iter().filter(|doubt| doubt.content != content).collect();
            if differs.is_empty() {
                continue;
            }
            // One of the two may have been taken without masking its secrets.
            let content = masked(&stored.to_string()).or(content);
            confirmed.extend(differs.into_iter().filter(|doubt| doubt.masked != content));
        }
    }
    Ok(confirmed)
}

/// A hash of all that a record says but for its secrets; `None` where it has none that shows.
fn masked(source: &str) -> Option<u128> {
    let mut bytes = source.as_bytes().to_vec();
    let has_secrets = redact(&mut bytes).count > 0;
    let value: Option<serde_json::Value> = serde_json::from_slice(&bytes).ok().filter(|_| has_secrets);
    value.as_ref().map(key_of_record)
}

/// The confirmed doubts with the places where the first records of their ids stand, as far as one of the objects still
/// holds them.
fn with_places(confirmed: Vec<Doubt>, paths: &[&Path]) -> Vec<Conflict> {
    let mut first: HashMap<&str, Option<(String, u64)>> =
        confirmed.iter().map(|doubt| (doubt.event_id.as_str(), None)).collect();
    let mut look = |path: &Path, bytes: &[u8]| {
        for (id, offset) in ids_in(bytes) {
            let is_second =
                |doubt: &&Doubt| doubt.event_id == id && *doubt.path == *path && doubt.offset_bytes <= offset;
            if let Some(place @ None) = first.get_mut(id)
                && !confirmed.iter().any(|doubt| is_second(&doubt))
            {
                *place = Some((path.to_string_lossy().into_owned(), offset));
            }
        }
        first.values().any(Option::is_none)
    };
    each_object(paths.get(..OBJECTS_MAX.min(paths.len())).unwrap_or_default(), &mut look);
    let conflict = |doubt: &Doubt| Conflict {
        event_id: doubt.event_id.clone(),
        event_date: doubt.event_date,
        path: doubt.path.to_string_lossy().into_owned(),
        index: doubt.index,
        offset_bytes: doubt.offset_bytes,
        first: first.get(doubt.event_id.as_str()).cloned().flatten(),
    };
    confirmed.iter().map(conflict).collect()
}

/// Looks at objects, in containers or not, as long as `look` says so.
fn each_object(paths: &[&Path], look: &mut dyn FnMut(&Path, &[u8]) -> bool) {
    let mut buffers = Buffers::default();
    let mut within: BTreeMap<PathBuf, HashMap<String, &Path>> = BTreeMap::new();
    for path in paths {
        if !path.is_file() {
            if let Some((container, name)) = container_of(path) {
                within.entry(container).or_default().insert(name, path);
            }
            continue;
        }
        let Ok(read) = archive::read(path, &mut buffers, OBJECT_BYTES_MAX) else { continue };
        if !look(path, &read.bytes) {
            return;
        }
        buffers.recycle(read.bytes);
    }
    for (container, names) in within {
        let mut goes_on = true;
        let _ = each_member(&container, &Limits::default(), OBJECT_BYTES_MAX, &mut |visit| {
            if let Visit::Held(name, packed) = visit
                && let Some(path) = names.get(name)
                && let Ok(read) = packed.read(&mut buffers, OBJECT_BYTES_MAX, &|_| false)
            {
                goes_on = look(path, &read.bytes);
            }
            goes_on
        });
        if !goes_on {
            return;
        }
    }
}

/// The container that an object lies in, and its name there; of one that isn't too large to be read for a message.
fn container_of(path: &Path) -> Option<(PathBuf, String)> {
    let text = path.to_str()?;
    text.match_indices(WITHIN).find_map(|(at, mark)| {
        let container = Path::new(text.get(..at)?);
        let is_it =
            container.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() <= CONTAINER_BYTES_MAX);
        is_it.then(|| Some((container.to_owned(), text.get(at + mark.len()..)?.to_owned())))?
    })
}

/// The ids of events in an object of any form, escaped or not, with their places.
fn ids_in(bytes: &[u8]) -> impl Iterator<Item = (&str, u64)> {
    const KEY: &[u8] = b"eventID";
    memmem::find_iter(bytes, KEY).filter_map(|at| {
        let is_between = |byte: &u8| matches!(byte, b'"' | b'\\' | b':' | b' ' | b'\t' | b'\r' | b'\n');
        let rest = bytes.get(at + KEY.len()..)?;
        let begin = rest.iter().position(|byte| !is_between(byte))?;
        let len = rest.get(begin..)?.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
        let id = std::str::from_utf8(rest.get(begin..begin + len)?).ok()?;
        Some((id, (at + KEY.len() + begin) as u64))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_escaped_or_not() {
        let text = br#"{"eventID":"a"},{ "eventID" : "b" },"{\"eventID\": \"c\"}","eventID":7,"eventID""#;
        let found: Vec<&str> = ids_in(text).map(|(id, _)| id).collect();
        assert_eq!(found.get(..3), Some(&["a", "b", "c"][..]));
        assert!(
            ids_in(text).all(|(id, at)| text.get(at as usize..).is_some_and(|rest| rest.starts_with(id.as_bytes())))
        );
    }
}
