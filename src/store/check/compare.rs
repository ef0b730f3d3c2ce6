//! Comparing what the catalog says with what is there.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::PathBuf;

use rayon::prelude::*;
use rusqlite::Connection;
use rusqlite::types::Value;

use super::super::checks::{CheckedFile, FileChecks};
use super::super::connection::integrity;
use super::super::error::StoreError;
use super::super::layout::{catalog_path, data_dir, months_dir};
use super::super::open::Store;
use super::super::place::DataPath;
use super::super::snapshot::DataFile;
use super::super::tables::Table;
use super::super::{month_checks, months};
use super::checked::Checked;
use super::counts;
use super::entries::{self, Entry, Listed, agree};
use super::finding::{FileOf, FindingKind, below};
use super::fix::Fix;
use super::fixed::{self, snapshots};
use super::judged::{Judged, live_events};
use super::look::{Look, Looks, Sound};
use super::orphans::{Stray, classify, files_below};
use super::set_aside;

impl Store {
    /// Looks at everything: the catalog's database, each data file of each snapshot, copies of usage, what lies about.
    ///
    /// # Errors
    /// A catalog that can't be read.
    pub fn check(&self) -> Result<Checked, StoreError> {
        self.check_with(&self.connect()?, Looks::default(), &HashMap::new())
    }

    /// The same; `salvaged`: what was recorded of files, by name, in a catalog that is not used any more.
    pub(super) fn check_with(
        &self,
        connection: &Connection,
        looks: Looks,
        salvaged: &HashMap<String, FileChecks>,
    ) -> Result<Checked, StoreError> {
        let catalog = catalog_path(self.dir());
        let error = StoreError::catalog(&catalog);
        let mut checked = Checked { looks, ..Default::default() };
        for what in integrity(connection).map_err(&error)? {
            checked.add(FindingKind::Catalog, "catalog.sqlite", None, what);
        }
        if self.is_cut_short() {
            let what = "the last commit was cut short; the next ingest or optimize mends it".to_owned();
            checked.add(FindingKind::CutShort, "commit-in-progress", None, what);
        }
        checked.add_wrong(fixed::settings(connection).map_err(&error)?);
        checked.add_wrong(fixed::tables(connection).map_err(&error)?);
        let mut listed = Listed::read(connection).map_err(&error)?;
        let mut strays = self.strays(&listed, &checked.looks, salvaged);
        self.restore(&mut checked, connection, &mut listed, &mut strays).map_err(&error)?;
        let judged = self.judge(&mut checked, listed, &mut strays, connection).map_err(&error)?;
        self.look_at_strays(&mut checked, &judged, strays);
        for (path, what) in self.bad_months(connection, &checked.looks).map_err(&error)? {
            checked.add(FindingKind::Month, &below(self.dir(), &path), None, what);
        }
        checked.looks.are_all()?;
        self.compare_sums(&mut checked, connection, &judged)?;
        checked.findings.sort();
        Ok(checked)
    }

    /// Files that no entry names.
    fn strays(&self, listed: &Listed, looks: &Looks, salvaged: &HashMap<String, FileChecks>) -> Vec<Stray> {
        let dir = self.dir();
        let mut named: BTreeSet<PathBuf> = listed.entries.iter().filter_map(|entry| entry.at(dir)).collect();
        named.extend(listed.entries.iter().filter_map(|entry| Some(entry.path.as_ref()?.in_store(dir))));
        let files: Vec<(PathBuf, bool)> =
            files_below(dir).into_iter().filter(|(path, _)| !named.contains(path)).collect();
        let stray = |(path, is_plain): (PathBuf, bool)| {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let known = salvaged.get(&name);
            let look = match is_plain {
                true => looks.look(dir, &path, |found| known.is_some_and(|known| agree(known, found))),
                false => Look::NotPlain("it is no plain file".to_owned()),
            };
            let look = match (known, look) {
                (Some(known), Look::Sound(sound)) if !agree(known, &sound.checks) => {
                    Look::Damaged(Some(sound.checks.clone()), "it is not what was written".to_owned())
                }
                (_, look) => look,
            };
            Stray { path, look, is_plain }
        };
        files.into_par_iter().map(stray).collect()
    }

    /// Puts entries where their files are, by what was recorded of the bytes, and entries back that are gone.
    fn restore(
        &self,
        checked: &mut Checked,
        connection: &Connection,
        listed: &mut Listed,
        strays: &mut Vec<Stray>,
    ) -> rusqlite::Result<()> {
        let dir = self.dir();
        let mut take = |recorded: &FileChecks| {
            let is_it = |stray: &Stray| stray.look.checks().is_some_and(|found| agree(recorded, found));
            let at = strays.iter().position(is_it)?;
            let path = strays.get(at)?.path.strip_prefix(data_dir(dir)).ok()?.to_str()?;
            let path = DataPath::new(path).ok()?;
            let table = entries::table_of(&path)?;
            strays.remove(at);
            Some((table, path))
        };
        for entry in &mut listed.entries {
            let Some(recorded) = entry.recorded.clone() else { continue };
            let found = entry.at(dir).map(|at| checked.looks.look(dir, &at, |found| agree(&recorded, found)));
            if found.is_some_and(|found| found.checks().is_some_and(|found| agree(&recorded, found))) {
                continue;
            }
            let Some((table, path)) = take(&recorded) else { continue };
            let what = format!("the catalog says that it is at {:?}", entry.spelt);
            let place = below(dir, &path.in_store(dir));
            checked.add(FindingKind::Catalog, &place, entry.event_date(), what);
            entry.relocate(table, &path);
            let sql = "UPDATE ducklake_data_file SET table_id = ?2, path = ?3, path_is_relative = 1 WHERE rowid = ?1";
            let values =
                vec![Value::Integer(entry.rowid), Value::Integer(table.id()), Value::Text(entry.spelt.clone())];
            checked.fixes.push(Fix::Sql(vec![(sql.to_owned(), values)]));
        }
        let lost: Vec<(i64, FileChecks)> =
            listed.leftover.iter().filter_map(|(id, recorded)| Some((*id, recorded.clone()?))).collect();
        for (id, recorded) in lost {
            // The number of an entry may be what is wrong: then its file is named, and what was recorded isn't.
            let renumbered = listed.entries.iter_mut().find(|entry| {
                let look = |at: PathBuf| checked.looks.look(dir, &at, |found| agree(&recorded, found));
                entry.recorded.is_none()
                    && entry.at(dir).map(look).is_some_and(|l| l.checks().is_some_and(|found| agree(&recorded, found)))
            });
            if let Some(entry) = renumbered {
                let what = format!("its number in the catalog is {:?} and was {id}", entry.id);
                let place = entry.at(dir).map(|at| below(dir, &at)).unwrap_or_default();
                checked.add(FindingKind::Catalog, &place, entry.event_date(), what);
                let sql = "UPDATE ducklake_data_file SET data_file_id = ?2 WHERE rowid = ?1";
                let values = vec![Value::Integer(entry.rowid), Value::Integer(id)];
                checked.fixes.extend(of_number(entry.id));
                checked.fixes.push(Fix::Sql(vec![(sql.to_owned(), values)]));
                *entry = Listed::beside_of(connection, entry, id)?;
                listed.leftover.remove(&id);
            } else if let Some((table, path)) = take(&recorded) {
                let what = "the catalog's entry of it is gone; what was recorded of its bytes is there".to_owned();
                let entry = Listed::entry_again(connection, id, table, &path)?;
                checked.add(FindingKind::Catalog, &below(dir, &path.in_store(dir)), entry.event_date(), what);
                let sql = "INSERT INTO ducklake_data_file (rowid, data_file_id, table_id, path, path_is_relative) \
                           VALUES (?1, ?2, ?3, ?4, 1)";
                let values = [
                    Value::Integer(entry.rowid),
                    Value::Integer(id),
                    Value::Integer(table.id()),
                    entry.spelt.clone().into(),
                ];
                checked.fixes.push(Fix::Sql(vec![(sql.to_owned(), values.into())]));
                listed.entries.push(entry);
                listed.leftover.remove(&id);
            }
        }
        for id in listed.leftover.keys() {
            let what = format!("it says something of the file of number {id}, which it doesn't list");
            checked.add(FindingKind::Catalog, "catalog.sqlite", None, what);
            checked.fixes.extend(of_number(Some(*id)));
        }
        Ok(())
    }

    /// Compares each entry with the file at its place.
    pub(super) fn judge(
        &self,
        checked: &mut Checked,
        listed: Listed,
        strays: &mut Vec<Stray>,
        connection: &Connection,
    ) -> rusqlite::Result<Vec<Judged>> {
        let dir = self.dir();
        let files: Vec<(i64, i64)> =
            listed.entries.iter().filter_map(|entry| Some((entry.id?, entry.begin?))).collect();
        let (wrong, mut history) = snapshots(connection, &files)?;
        checked.add_wrong(wrong);
        let aside = set_aside::noted(connection)?;
        let looks = &checked.looks;
        let judge = |entry: Entry| {
            let at = entry.at(dir).unwrap_or_else(|| data_dir(dir).join(&entry.spelt));
            let look = match entry.path {
                Some(_) => {
                    looks.look(dir, &at, |found| entry.recorded.as_ref().is_some_and(|known| agree(known, found)))
                }
                None => Look::Missing,
            };
            let look = match look {
                Look::Sound(sound) if !is_files(&entry, &sound) => {
                    Look::Damaged(Some(sound.checks.clone()), not_written(&entry, &sound.checks))
                }
                Look::Damaged(Some(checks), _) if !entry.is_of(&checks) => {
                    let what = not_written(&entry, &checks);
                    Look::Damaged(Some(checks), what)
                }
                look => look,
            };
            let table = entry.table.unwrap_or(Table::Events);
            Judged { entry, table, at, look, expected: None }
        };
        let mut judged: Vec<Judged> = listed.entries.into_par_iter().map(judge).collect();
        self.drop_twice(checked, &mut judged);
        // One that is still live was noted by a repair that was cut short.
        let is_aside = |one: &mut Judged| {
            !one.entry.is_live() && one.sound().is_none() && one.entry.id.is_some_and(|id| aside.contains(&id))
        };
        let gone: Vec<Judged> = judged.extract_if(.., is_aside).collect();
        checked.set_aside = gone.len() as u64;
        // One that could not be moved then still lies where other programs read it.
        let left = gone.into_iter().filter(|one| matches!(one.look, Look::Damaged(..)));
        strays.extend(left.map(|one| Stray { path: one.at, look: one.look, is_plain: true }));
        history.row_ids =
            judged.iter().flat_map(|one| [one.fact(entries::ROW_ID).unwrap_or(0), one.row_id_end()]).collect();
        history.row_ids.sort_unstable();
        history.row_ids.dedup();
        for one in &mut judged {
            let Some(sound) = one.sound().cloned() else { continue };
            one.expected = Some(entries::expected(&one.entry, &sound, one.table, &history));
        }
        checked.files = judged.len() as u64;
        checked.bytes = judged.iter().map(|one| u64::try_from(one.bytes()).unwrap_or(0)).sum();
        checked.unrecorded = judged.iter().filter(|one| one.entry.recorded.is_none()).count() as u64;
        judged.iter().for_each(|one| self.find(checked, one));
        Ok(judged)
    }

    /// Of several entries that name one file all but one go: the one that what was recorded speaks for.
    fn drop_twice(&self, checked: &mut Checked, judged: &mut Vec<Judged>) {
        let mut best: BTreeMap<PathBuf, (bool, bool, i64)> = BTreeMap::new();
        let rank = |one: &Judged| {
            let is_proven = one.entry.recorded.is_some() && one.sound().is_some();
            (is_proven, one.entry.id.is_some(), -one.entry.rowid)
        };
        for one in judged.iter() {
            let known = best.entry(one.at.clone()).or_insert_with(|| rank(one));
            *known = rank(one).max(*known);
        }
        let dir = self.dir();
        judged.retain(|one| {
            let is_best = best.get(&one.at) == Some(&rank(one));
            if !is_best {
                let what = "two entries of the catalog name it; one of them goes".to_owned();
                checked.add(FindingKind::Catalog, &one.name(dir), one.entry.event_date(), what);
                checked.fixes.extend(of_number(one.entry.id));
                let sql = "DELETE FROM ducklake_data_file WHERE rowid = ?1".to_owned();
                checked.fixes.push(Fix::Sql(vec![(sql, vec![Value::Integer(one.entry.rowid)])]));
            }
            is_best
        });
    }

    fn find(&self, checked: &mut Checked, one: &Judged) {
        let place = one.name(self.dir());
        let date = one.event_date();
        let unsound = |kind| {
            let is_others = one.entry.path.is_none();
            let file = DataFile { event_date: date.unwrap_or(0), ..one.entry.file(one.at.clone()) };
            (kind, FileOf { table: one.table, file, is_live: one.entry.is_live(), is_others })
        };
        match (&one.look, &one.expected) {
            (Look::Missing, _) => {
                let what = match one.entry.path {
                    Some(_) => "it is not there".to_owned(),
                    None => format!("the catalog names a file that is not in the store: {:?}", one.entry.spelt),
                };
                checked.add(FindingKind::Missing, &place, date, what);
                checked.unsound.push(unsound(FindingKind::Missing));
            }
            (Look::NotPlain(what), _) => {
                checked.add(FindingKind::Damaged, &place, date, what.clone());
                checked.left.push(place);
            }
            (Look::Damaged(_, what), _) => {
                checked.add(FindingKind::Damaged, &place, date, what.clone());
                checked.unsound.push(unsound(FindingKind::Damaged));
            }
            (Look::Sound(sound), Some(expected)) => {
                let names = entries::differing(&one.entry.facts, expected, sound.is_ours);
                if names.is_empty() {
                    return;
                }
                let what = format!("the catalog says of it wrongly: {}", entries::for_people(&names, one.table));
                checked.add(FindingKind::Statistics, &place, date, what);
                let (entry, sound, expected) = (Box::new(one.entry.clone()), sound.clone(), expected.clone());
                checked.fixes.push(Fix::Correct { entry, sound, table: one.table, expected });
            }
            (Look::Sound(_), None) => {}
        }
    }

    fn look_at_strays(&self, checked: &mut Checked, judged: &[Judged], strays: Vec<Stray>) {
        // Files of a commit that was cut short are moved or removed by the next writer.
        let strays = if self.is_cut_short() { Vec::new() } else { strays };
        checked.orphans = classify(&strays, &live_events(judged), &checked.looks);
        for (path, orphan) in checked.orphans.clone() {
            let date = strays.iter().find(|stray| stray.path == path).and_then(|stray| match &stray.look {
                Look::Sound(sound) => sound.event_date,
                _ => None,
            });
            checked.add(FindingKind::Orphan, &below(self.dir(), &path), date, orphan.what());
        }
        checked.strays = strays;
    }

    /// Compares sums with what they are sums of; those over damaged files follow once these are set aside.
    fn compare_sums(
        &self,
        checked: &mut Checked,
        connection: &Connection,
        judged: &[Judged],
    ) -> Result<(), StoreError> {
        let catalog = catalog_path(self.dir());
        let error = StoreError::catalog(&catalog);
        let snapshots = snapshot_ids(connection).map_err(&error)?;
        let newest = snapshots.last().map_or(0, |(id, _)| *id);
        for table in Table::ALL {
            let live = || judged.iter().filter(move |one| one.is_live() && one.table == table);
            let lacks = counts::lacking(connection, table, newest, live().map(Judged::rows).sum());
            let lacks = lacks.map_err(&error)?;
            if lacks > 0 {
                let what = format!("{lacks} rows of {} are of files that it doesn't list any more", table.name());
                checked.add(FindingKind::Catalog, "catalog.sqlite", None, what);
            }
            match table {
                Table::Usage => checked.lacks_usage = lacks > 0,
                Table::Events => {
                    let unsound = live().filter(|one| one.sound().is_none()).map(Judged::rows).sum::<i64>();
                    let found: i64 = checked.orphans.iter().map(|(_, orphan)| orphan.new_rows()).sum();
                    checked.lacks_events = (lacks - (found - unsound).max(0)).max(0);
                }
            }
        }
        let mut wrong = counts::tables(connection, judged).map_err(&error)?;
        wrong.extend(counts::amounts(connection, judged, &snapshots).map_err(&error)?);
        if checked.unsound.iter().all(|(_, of)| !of.is_live || of.table != Table::Events) {
            wrong.extend(counts::ledger(connection, judged)?);
        }
        checked.add_wrong(wrong);
        Ok(())
    }

    /// Copies of usage that can't be used, and why.
    pub(super) fn bad_months(
        &self,
        connection: &Connection,
        looks: &Looks,
    ) -> rusqlite::Result<Vec<(PathBuf, String)>> {
        let checks = month_checks::read_checks(connection)?;
        let entries = fs::read_dir(months_dir(self.dir())).into_iter().flatten().flatten();
        let paths = entries.map(|entry| entry.path());
        let bad = paths.filter_map(|path| match months::open(path.clone(), &checks) {
            Ok(None) => Some((path, "nobody took note of its bytes".to_owned())),
            Ok(Some(month)) => {
                let verified = CheckedFile::open(&month).and_then(|file| file.verify());
                verified.err().map(|error| (path, looks.damage(error)))
            }
            Err(error) => Some((path, looks.damage(error))),
        });
        Ok(bad.collect())
    }
}

/// Snapshots with the numbers that they give to the next file.
pub(super) fn snapshot_ids(connection: &Connection) -> rusqlite::Result<Vec<(i64, i64)>> {
    let mut statement = connection.prepare("SELECT snapshot_id FROM ducklake_snapshot ORDER BY 1")?;
    statement.query_map([], |row| Ok((row.get(0)?, 0)))?.collect()
}

/// In which bytes a file is not what was written.
fn not_written(entry: &Entry, found: &FileChecks) -> String {
    let Some(recorded) = &entry.recorded else { return String::new() };
    if recorded.size_bytes != found.size_bytes {
        return format!("it has {} bytes and had {} when it was written", found.size_bytes, recorded.size_bytes);
    }
    let mut blocks = recorded.blocks.chunks(4).zip(found.blocks.chunks(4));
    let block = blocks.position(|(recorded, found)| recorded != found).unwrap_or(0) as u64;
    let (from, length) = (block * u64::from(found.block_bytes), u64::from(found.block_bytes));
    format!("bytes {from} to {} are not what was written", (from + length).min(found.size_bytes))
}

/// Whether a file is the one that an entry is of. Another program may have written it anew, and says so.
fn is_files(entry: &Entry, sound: &Sound) -> bool {
    entry.is_of(&sound.checks) || !sound.is_ours && entry.size_bytes() == Some(sound.checks.size_bytes as i64)
}

/// Forgets what is said of a file beside its entry.
fn of_number(id: Option<i64>) -> Option<Fix> {
    let id = Value::Integer(id?);
    let delete = |table: &str| (format!("DELETE FROM {table} WHERE data_file_id = ?1"), vec![id.clone()]);
    Some(Fix::Sql(entries::OF_FILES.map(delete).into()))
}
