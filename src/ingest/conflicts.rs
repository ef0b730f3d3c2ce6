//! Records with the id of an event that is in the store, and other bytes: whether they say the same, and if not, where
//! both stand.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use arrow::array::BooleanArray;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use memchr::memmem;

use super::error::IngestError;
use super::replaced::{InFile, Won};
use super::reread::{Caps, each_object};
use crate::archive;
use crate::record::{EVENT_KEY_COLUMNS, ParsedObject, Record, key_of_record, redact, stored_event_key, to_json};
use crate::store::{Conflict, RowPredicate, StagedFile, Store, Stored, Table, read_batches};
use crate::util::json;

/// Objects that are looked at for the first of two records, at the most, for each data file.
const OBJECTS_MAX: usize = 2_000;

/// What is read for a message.
const CAPS: Caps = Caps { object_bytes: 64 << 20, container_bytes: 256 << 20 };

/// What stands for an object that nobody finds any more.
const LOST: &str = "an object that is not there any more, or in a large container";

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
    /// The record itself, of an object that is proved.
    proved: Option<Box<str>>,
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
        is_proved: bool,
    ) -> Option<Doubt> {
        let source = object.source(record);
        let value: Option<serde_json::Value> = json::value(source).ok();
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
            proved: is_proved.then(|| source.into()),
            path: path.into(),
            index,
            offset_bytes,
        })
    }
}

impl Doubt {
    /// A row of a file of events that comes from elsewhere, with the place that is said of it.
    pub fn of_row((batch, row): (&RecordBatch, usize), event_date: i32, path: &Path, index: u64) -> Doubt {
        let record = to_json(batch, row);
        let content = Some(key_of_record(&record));
        let event_key = stored_event_key(batch, row).or(content).unwrap_or_default();
        let id = record.get("eventID").and_then(serde_json::Value::as_str);
        Doubt {
            event_key,
            event_date,
            event_id: id.map_or_else(|| uuid::Uuid::from_u128(event_key).to_string(), str::to_owned),
            content,
            masked: masked(&record.to_string()).or(content),
            proved: None,
            path: path.into(),
            index,
            offset_bytes: 0,
        }
    }

    /// Memory that it takes.
    pub fn bytes(&self) -> usize {
        size_of::<Doubt>() + self.event_id.len() + self.proved.as_ref().map_or(0, |source| source.len())
    }
}

/// Where a record stands, as far as that is known.
type Place = Option<(String, u64)>;

/// What the doubts come to.
#[derive(Default)]
pub(super) struct Compared {
    /// Records that say something else than the one of their id which the store has from here on; and whether that one
    /// has come in their place.
    pub conflicts: Vec<(Conflict, bool)>,
    /// Proved records that take the place of others.
    pub won: Vec<Won>,
}

impl Compared {
    /// Adds confirmed doubts of one file, with the places where the others stand. Of the doubts of one id a proved one
    /// takes the place of the one in the file: who wrote that came first, and proved nothing.
    fn add(&mut self, confirmed: Vec<Doubt>, file: &InFile, paths: &[&Path]) {
        let places = with_places(&confirmed, paths);
        let mut winners: HashMap<u128, (Option<u128>, Place)> = HashMap::new();
        for doubt in confirmed.iter().filter(|doubt| doubt.proved.is_some()) {
            let place = (doubt.path.to_string_lossy().into_owned(), doubt.offset_bytes);
            winners.entry(doubt.event_key).or_insert((doubt.content, Some(place)));
        }
        let mut is_won: HashSet<u128> = HashSet::new();
        for (doubt, conflict) in confirmed.into_iter().zip(places) {
            let Some((content, place)) = winners.get(&doubt.event_key) else {
                self.conflicts.push((conflict, false));
                continue;
            };
            match doubt.proved {
                Some(source) if is_won.insert(doubt.event_key) => {
                    let (path, offset_bytes) = conflict.first.unwrap_or_else(|| (LOST.to_owned(), 0));
                    let conflict = Conflict { path, index: 0, offset_bytes, first: place.clone(), ..conflict };
                    self.conflicts.push((conflict, true));
                    let Doubt { event_key, event_date, .. } = doubt;
                    self.won.push(Won { event_key, event_date, source, file: file.clone() });
                }
                _ if doubt.content != *content => {
                    self.conflicts.push((Conflict { first: place.clone(), ..conflict }, false));
                }
                // It is the same as the one that has won.
                _ => {}
            }
        }
    }
}

/// What the doubts come to: the records that say something else than the first of their id, which lies in the store or
/// in files that are about to be committed. `paths`: the objects that these files are of.
pub(super) fn conflicts(
    doubts: Vec<Doubt>,
    store: &Store,
    staged: &[StagedFile],
    paths: &[&Path],
) -> Result<Compared, IngestError> {
    let mut compared = Compared::default();
    if doubts.is_empty() {
        return Ok(compared);
    }
    let snapshot = store.snapshot_with(None, &[])?;
    let mut by_day: BTreeMap<i32, HashMap<u128, Vec<Doubt>>> = BTreeMap::new();
    for doubt in doubts {
        by_day.entry(doubt.event_date).or_default().entry(doubt.event_key).or_default().push(doubt);
    }
    for (date, mut doubts) in by_day {
        for file in snapshot.files(Table::Events).iter().filter(|file| file.event_date == date) {
            let found = compare(&*file.path, &mut doubts)?;
            if !found.is_empty() {
                let paths = store.paths_of_file(file.id, date, OBJECTS_MAX)?;
                let paths: Vec<&Path> = paths.iter().map(Path::new).collect();
                compared.add(found, &InFile::Stored(file.id), &paths);
            }
        }
        let is_of_day = |(_, file): &(usize, &StagedFile)| file.table == Table::Events && file.event_date == date;
        for (at, file) in staged.iter().enumerate().filter(is_of_day) {
            let found = compare(&*file.staged, &mut doubts)?;
            if !found.is_empty() {
                compared.add(found, &InFile::Staged(at), paths);
            }
        }
    }
    Ok(compared)
}

/// The doubts that a file's events confirm; those whose event is in the file are no doubts any more.
fn compare<S: Stored + ?Sized>(file: &S, doubts: &mut HashMap<u128, Vec<Doubt>>) -> Result<Vec<Doubt>, IngestError> {
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
    let value: Option<serde_json::Value> = json::value_of(&bytes).ok().filter(|_| has_secrets);
    value.as_ref().map(key_of_record)
}

/// The confirmed doubts with the places where the first records of their ids stand, as far as one of the objects still
/// holds them.
fn with_places(confirmed: &[Doubt], paths: &[&Path]) -> Vec<Conflict> {
    let mut first: HashMap<&str, Option<(String, u64)>> =
        confirmed.iter().map(|doubt| (doubt.event_id.as_str(), None)).collect();
    let mut look = |path: &Path, read: &archive::Read| {
        for (id, offset) in ids_in(&read.bytes) {
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
    each_object(paths.get(..OBJECTS_MAX.min(paths.len())).unwrap_or_default(), CAPS, &mut look);
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
