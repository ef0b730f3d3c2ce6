//! Data files that no snapshot has. Rows are never lost by a repair: those that no other file has are registered again,
//! the whole file where all of them are new, else a copy of these rows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, BooleanArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::TimestampMicrosecondType;
use arrow::record_batch::RecordBatch;
use hashbrown::HashSet;

use super::super::change::{Commit, UsageState};
use super::super::checks::FileChecks;
use super::super::datafile::{DataFileWriter, StagedFile};
use super::super::error::StoreError;
use super::super::layout::{QUARANTINE, data_dir, staging_dir};
use super::super::ledger::DAMAGED;
use super::super::read::{in_schema, read_batches};
use super::super::tables::Table;
use super::super::writer::Writer;
use super::look::{Look, Looks, Sound};
use crate::record::{EVENT_KEY_COLUMNS, key_of_record, stored_event_key, to_json};
use crate::time::format_date;

/// What a file is that no snapshot has.
#[derive(Clone, Debug)]
pub(super) enum Orphan {
    /// Events, of which no other file has some.
    Events { rows: u64, new: u64 },
    /// Usage, which is derived from events.
    Usage(Option<i32>),
    /// It can't be read; whether it held rows is not known.
    Damaged(String),
    /// No plain file: it is left where it is.
    NotPlain,
}

impl Orphan {
    /// Events that no other file has.
    pub fn new_rows(&self) -> i64 {
        if let Orphan::Events { new, .. } = self { *new as i64 } else { 0 }
    }

    /// In words.
    pub fn what(&self) -> String {
        match self {
            Orphan::Events { rows, new: 0 } => {
                format!("no snapshot has it; other files have each of its {rows} events")
            }
            Orphan::Events { rows, new } => format!("no snapshot has it, and no other file {new} of its {rows} events"),
            Orphan::Usage(_) => "no snapshot has it; usage is derived from the events".to_owned(),
            Orphan::Damaged(what) => format!("no snapshot has it, and it can't be read: {what}"),
            Orphan::NotPlain => "no snapshot has it, and it is no plain file: move it away".to_owned(),
        }
    }
}

/// Keys of events held at once. They take 160 MiB; days with more are read several times.
const KEYS_MAX: u64 = 4 << 20;

/// Which event a row is: the hour of its time, as copies of an event have the same, and its id.
type Key = (i64, u128);

/// Of each candidate, an events file of one day like all others, which rows no file before it has.
#[expect(
    clippy::cast_possible_truncation,
    reason = "`usize` has 64 bits, which `lib.rs` asserts; of an id its low bits tell the pass"
)]
pub(super) fn new_rows(known: &[&Path], candidates: &[(&Path, u64)], rows: u64) -> Result<Vec<Vec<bool>>, StoreError> {
    let passes = rows.div_ceil(KEYS_MAX).max(1);
    let mut new: Vec<Vec<bool>> = candidates.iter().map(|(_, rows)| vec![false; *rows as usize]).collect();
    for pass in 0..passes {
        let mut seen: HashSet<Key, foldhash::fast::FixedState> = HashSet::default();
        let is_of_pass = |key: &Key| (key.1 >> 3) as u64 % passes == pass;
        for path in known {
            keys(path, |_, key| {
                if is_of_pass(&key) {
                    seen.insert(key);
                }
            })?;
        }
        for ((path, _), new) in candidates.iter().zip(&mut new) {
            keys(path, |row, key| {
                if is_of_pass(&key)
                    && seen.insert(key)
                    && let Some(is_new) = new.get_mut(row)
                {
                    *is_new = true;
                }
            })?;
        }
    }
    Ok(new)
}

/// Gives each row's key.
fn keys(path: &Path, mut give: impl FnMut(usize, Key)) -> Result<(), StoreError> {
    let mut nameless = BTreeSet::new();
    let mut row = 0;
    for batch in read_batches(path, Some(&EVENT_KEY_COLUMNS), None)? {
        let batch = batch?;
        for at in 0..batch.num_rows() {
            match stored_event_key(&batch, at) {
                Some(key) => give(row, (hour(&batch, at), key)),
                None => drop(nameless.insert(row)),
            }
            row += 1;
        }
    }
    if nameless.is_empty() {
        return Ok(());
    }
    // Events without an id are told by all they say.
    let mut row = 0;
    for batch in read_batches(path, None, None)? {
        let batch = batch?;
        for at in 0..batch.num_rows() {
            if nameless.contains(&row) {
                give(row, (hour(&batch, at), key_of_record(&to_json(&batch, at))));
            }
            row += 1;
        }
    }
    Ok(())
}

fn hour(batch: &RecordBatch, row: usize) -> i64 {
    let times = batch.column_by_name("event_time").and_then(|c| c.as_primitive_opt::<TimestampMicrosecondType>());
    times.filter(|times| times.is_valid(row)).map_or(0, |times| times.value(row).div_euclid(3_600_000_000))
}

/// A file that no snapshot has, and what was seen of it.
#[derive(Clone, Debug)]
pub(super) struct Stray {
    pub path: PathBuf,
    pub look: Look,
    pub is_plain: bool,
}

/// Sorts files of events by days, the one with the most rows first: a merged one is before those that it was made of.
fn by_day(strays: &[Stray]) -> BTreeMap<i32, Vec<(&Path, &Sound)>> {
    let mut days: BTreeMap<i32, Vec<(&Path, &Sound)>> = BTreeMap::new();
    for stray in strays {
        if let Look::Sound(sound) = &stray.look
            && sound.table == Table::Events
            && let Some(date) = sound.event_date
        {
            days.entry(date).or_default().push((&stray.path, sound));
        }
    }
    for files in days.values_mut() {
        files.sort_by_key(|(path, sound)| (std::cmp::Reverse(sound.rows), *path));
    }
    days
}

/// What each of these files is. `live`: sound files of events that the newest snapshot has, with their days and rows.
pub(super) fn classify(strays: &[Stray], live: &[(PathBuf, i32, u64)], looks: &Looks) -> Vec<(PathBuf, Orphan)> {
    let mut found: Vec<(PathBuf, Orphan)> = Vec::new();
    for (date, files) in by_day(strays) {
        let (known, rows) = known_of(live, date);
        let candidates: Vec<(&Path, u64)> = files.iter().map(|(path, sound)| (*path, sound.rows)).collect();
        let rows = rows + candidates.iter().map(|(_, rows)| rows).sum::<u64>();
        let news = new_rows(&known, &candidates, rows).map_err(|error| looks.damage(error));
        for (at, (path, rows)) in candidates.iter().enumerate() {
            let orphan = match &news {
                Ok(news) => {
                    let new = news.get(at).map_or(0, |new| new.iter().filter(|new| **new).count() as u64);
                    Orphan::Events { rows: *rows, new }
                }
                Err(what) => Orphan::Damaged(what.clone()),
            };
            found.push((path.to_path_buf(), orphan));
        }
    }
    for stray in strays {
        let orphan = match &stray.look {
            _ if !stray.is_plain => Orphan::NotPlain,
            Look::Sound(sound) if sound.table == Table::Usage => Orphan::Usage(sound.event_date),
            Look::Sound(sound) if sound.event_date.is_some() => continue,
            Look::Sound(_) => Orphan::Damaged("it doesn't say of which day its events are".to_owned()),
            Look::Damaged(_, what) => Orphan::Damaged(what.clone()),
            Look::NotPlain(_) => Orphan::NotPlain,
            Look::Missing => continue,
        };
        found.push((stray.path.clone(), orphan));
    }
    found
}

fn known_of(live: &[(PathBuf, i32, u64)], date: i32) -> (Vec<&Path>, u64) {
    let of_day = || live.iter().filter(move |(_, of, _)| *of == date);
    (of_day().map(|(path, _, _)| path.as_path()).collect(), of_day().map(|(_, _, rows)| rows).sum())
}

/// What taking files into the tables again came to.
#[derive(Debug, Default)]
pub(super) struct Adopted {
    pub files: Vec<PathBuf>,
    pub rows: u64,
    pub days: BTreeSet<i32>,
}

impl Writer {
    /// Takes the events of files that no snapshot has into the table again, as far as no other file has them. The files
    /// themselves stay where they are.
    pub(super) fn adopt(&mut self, strays: &[Stray], live: &[(PathBuf, i32, u64)]) -> Result<Adopted, StoreError> {
        let mut adopted = Adopted::default();
        for (date, files) in by_day(strays) {
            let (known, rows) = known_of(live, date);
            let candidates: Vec<(&Path, u64)> = files.iter().map(|(path, sound)| (*path, sound.rows)).collect();
            let rows = rows + candidates.iter().map(|(_, rows)| rows).sum::<u64>();
            let news = new_rows(&known, &candidates, rows)?;
            let mut commit = Commit {
                message: "register files again".to_owned(),
                usage: vec![(date, UsageState::Whole(DAMAGED.to_owned()))],
                ..Default::default()
            };
            for ((path, sound), new) in files.into_iter().zip(news) {
                let count = new.iter().filter(|new| **new).count() as u64;
                if count == 0 {
                    continue;
                }
                commit.add.push(match count == sound.rows && sound.is_ours {
                    true => self.staged_whole(path, sound, date)?,
                    false => self.staged_rows(path, new, date)?,
                });
                adopted.files.push(path.to_owned());
                adopted.rows += count;
                adopted.days.insert(date);
            }
            if !commit.add.is_empty() {
                self.commit(&commit)?;
            }
        }
        Ok(adopted)
    }

    /// The file under another name, so that a commit that fails, and undoes what it moved, leaves the first one.
    fn staged_whole(&self, path: &Path, sound: &Sound, date: i32) -> Result<StagedFile, StoreError> {
        let name = format!("{}.parquet", crate::time::fresh_id());
        let staged = staging_dir(self.store().dir()).join(&name);
        if fs::hard_link(path, &staged).is_err() {
            fs::copy(path, &staged).map_err(StoreError::io(path, "cannot copy"))?;
        }
        let FileChecks { size_bytes, .. } = sound.checks;
        Ok(StagedFile {
            table: Table::Events,
            event_date: date,
            rows: sound.rows,
            size_bytes,
            staged,
            relative: format!("day={}/{name}", format_date(date)),
            footer_size_bytes: sound.footer_size_bytes,
            columns: sound.columns.clone(),
            checks: sound.checks.clone(),
        })
    }

    /// The rows that are new, in their order.
    fn staged_rows(&self, path: &Path, new: Vec<bool>, date: i32) -> Result<StagedFile, StoreError> {
        let staging = self.staging();
        let mut writer = DataFileWriter::create(&staging, Table::Events, date)?;
        let new = BooleanArray::from(new);
        let mut row = 0;
        for batch in read_batches(path, None, None)? {
            let batch = in_schema(Table::Events, &batch?).map_err(|error| StoreError::parquet(path)(error.into()))?;
            let is_new = new.slice(row, batch.num_rows().min(new.len().saturating_sub(row)));
            row += batch.num_rows();
            let batch =
                filter_record_batch(&batch, &is_new).map_err(|error| StoreError::parquet(path)(error.into()))?;
            writer.write(&batch)?;
        }
        writer.finish()
    }
}

/// All that lies in the folders of data and is no folder, but for what is being written and what was set aside.
pub(super) fn files_below(dir: &Path) -> Vec<(PathBuf, bool)> {
    let (data, staging) = (data_dir(dir), staging_dir(dir));
    let quarantine = data.join(QUARANTINE);
    let entries = walkdir::WalkDir::new(&data)
        .into_iter()
        .filter_entry(|entry| entry.path() != staging && entry.path() != quarantine);
    let entries = entries.flatten().filter(|entry| !entry.file_type().is_dir());
    entries.map(|entry| (entry.path().to_owned(), entry.file_type().is_file())).collect()
}
