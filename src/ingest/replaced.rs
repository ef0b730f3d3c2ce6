//! Events that leave the store, or make room for others of their ids: the files that they are in are written anew.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use arrow::array::{Array, AsArray, BooleanArray, StringArray};
use arrow::compute::filter_record_batch;
use arrow::record_batch::RecordBatch;

use super::day_counts::count;
use super::error::IngestError;
use crate::record::{self, Dictionaries, ParsedObject, Record, key_of_record, stored_event_key, to_json};
use crate::store::{
    Commit, DataFile, DataFileWriter, DayCount, EventsFileWriter, StagedFile, Store, StoreError, Stored, Table,
    UsageState, read_batches,
};

/// A proved event that takes the place of one of its id.
pub(super) struct Won {
    pub event_key: u128,
    pub event_date: i32,
    /// Its record.
    pub source: Box<str>,
    /// Where the other one is.
    pub file: InFile,
}

/// A file of events.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum InFile {
    /// Of the store, by its id.
    Stored(i64),
    /// About to be committed, by its place among those.
    Staged(usize),
}

/// What a rewriting does to a commit.
#[derive(Default)]
pub(super) struct Rewritten {
    add: Vec<StagedFile>,
    replace: Vec<(Table, DataFile)>,
    days: BTreeSet<i32>,
    more: BTreeMap<(i32, String, String), u64>,
    less: BTreeMap<(i32, String, String), u64>,
}

impl Rewritten {
    pub fn is_empty(&self) -> bool {
        self.days.is_empty()
    }

    /// Events that go.
    pub fn removed(&self) -> u64 {
        self.less.values().sum()
    }

    /// Lets a commit do all this as well; the usage of its days is derived anew.
    pub fn put_into(self, commit: &mut Commit) {
        let day =
            |((event_date, account_id, aws_region), events)| DayCount { event_date, account_id, aws_region, events };
        commit.instead += self.more.values().sum::<u64>();
        commit.add.extend(self.add);
        commit.replace.extend(self.replace);
        commit.days.extend(self.more.into_iter().map(day));
        commit.less.extend(self.less.into_iter().map(day));
        commit.usage.extend(self.days.into_iter().map(|date| (date, UsageState::Outdated)));
    }

    /// Takes events out of a file of the store.
    pub fn take_out(&mut self, file: &DataFile, keys: &HashSet<u128>, staging: &Path) -> Result<(), IngestError> {
        let before = self.removed();
        let kept = self.without(file, file.event_date, keys, staging)?;
        let after = kept.as_ref().map_or(0, |kept| kept.rows) + self.removed() - before;
        if after != file.rows {
            return Err(StoreError::Rows { event_date: file.event_date, before: file.rows, after }.into());
        }
        self.add.extend(kept);
        self.replace.push((Table::Events, file.clone()));
        self.days.insert(file.event_date);
        Ok(())
    }

    /// A file without some of its events; `None` where nothing is left.
    fn without<S: Stored + ?Sized>(
        &mut self,
        file: &S,
        date: i32,
        keys: &HashSet<u128>,
        staging: &Path,
    ) -> Result<Option<StagedFile>, IngestError> {
        let mut writer: Option<DataFileWriter> = None;
        for batch in read_batches(file, None, None)? {
            let batch = batch?;
            let goes: Vec<bool> = (0..batch.num_rows()).map(|row| keys.contains(&row_key(&batch, row))).collect();
            self.count_less(&batch, date, &goes);
            let kept = filter_record_batch(&batch, &goes.iter().map(|goes| Some(!goes)).collect::<BooleanArray>())?;
            if kept.num_rows() == 0 {
                continue;
            }
            let mut open = match writer.take() {
                Some(writer) => writer,
                None => DataFileWriter::create(staging, Table::Events, date)?,
            };
            open.write(&kept)?;
            writer = Some(open);
        }
        Ok(writer.map(DataFileWriter::finish).transpose()?)
    }

    fn count_less(&mut self, batch: &RecordBatch, date: i32, goes: &[bool]) {
        let column = |name: &str| batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
        let (accounts, regions) = (column("recipient_account_id"), column("aws_region"));
        let text = |column: Option<&StringArray>, row: usize| {
            column.filter(|column| column.is_valid(row)).map_or("", |column| column.value(row)).to_owned()
        };
        for (row, _) in goes.iter().enumerate().filter(|(_, goes)| **goes) {
            *self.less.entry((date, text(accounts, row), text(regions, row))).or_default() += 1;
        }
    }

    /// Adds events of a day.
    fn add_events(
        &mut self,
        date: i32,
        objects: &[ParsedObject],
        dictionaries: &mut Dictionaries,
        staging: &Path,
    ) -> Result<(), IngestError> {
        let mut records: Vec<(&ParsedObject, &Record)> =
            objects.iter().flat_map(|object| object.records().iter().map(move |record| (object, record))).collect();
        let mut writer = EventsFileWriter::create(staging, date)?;
        let mut counts = hashbrown::HashMap::new();
        for batch in record::encode(&mut records, dictionaries) {
            let batch = batch?;
            writer.write(&batch)?;
            count(&batch, &mut counts);
        }
        self.add.push(writer.finish()?);
        for ((account, region), events) in counts {
            *self.more.entry((date, account, region)).or_default() += events;
        }
        Ok(())
    }
}

/// What tells an event in the store: its id, else all it says.
pub(super) fn row_key(batch: &RecordBatch, row: usize) -> u128 {
    stored_event_key(batch, row).unwrap_or_else(|| key_of_record(&to_json(batch, row)))
}

/// Puts proved events in the place of others of their ids. What is about to be committed is written anew where it lies.
pub(super) fn replace(
    won: Vec<Won>,
    store: &Store,
    staged: &mut Vec<StagedFile>,
    staging: &Path,
) -> Result<Rewritten, IngestError> {
    let mut rewritten = Rewritten::default();
    if won.is_empty() {
        return Ok(rewritten);
    }
    let mut dictionaries = Dictionaries::default();
    let mut keys: BTreeMap<InFile, HashSet<u128>> = BTreeMap::new();
    let mut events: BTreeMap<i32, Vec<ParsedObject>> = BTreeMap::new();
    for Won { event_key, event_date, source, file } in won {
        let json = format!("{{\"Records\":[{source}]}}").into_bytes();
        // It was read before; one that can't be any more leaves the other where it is.
        let parsed = ParsedObject::parse(json, &mut dictionaries).ok();
        let is_it = |record: &Record| record.event_key == event_key && record.event_date == event_date;
        if let Some(object) = parsed.filter(|object| matches!(object.records(), [record] if is_it(record))) {
            keys.entry(file).or_default().insert(event_key);
            events.entry(event_date).or_default().push(object);
        }
    }
    let snapshot = store.snapshot_with(None, &[])?;
    let mut empty = Vec::new();
    for (file, keys) in keys {
        match file {
            InFile::Stored(id) => {
                if let Some(file) = snapshot.files(Table::Events).iter().find(|file| file.id == id) {
                    rewritten.take_out(file, &keys, staging)?;
                }
            }
            InFile::Staged(at) => {
                let Some(file) = staged.get(at) else { continue };
                let (path, date) = (file.staged.clone(), file.event_date);
                rewritten.days.insert(date);
                match (rewritten.without(&path, date, &keys, staging)?, staged.get_mut(at)) {
                    (Some(kept), Some(file)) => *file = kept,
                    _ => empty.push(at),
                }
            }
        }
    }
    empty.into_iter().rev().for_each(|at| drop(staged.remove(at)));
    for (date, objects) in events {
        rewritten.add_events(date, &objects, &mut dictionaries, staging)?;
    }
    Ok(rewritten)
}
