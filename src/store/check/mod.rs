//! Looking for damage: what the catalog says against what is there.
//!
//! The files say what they hold, and what was recorded of their bytes when they were written says whether they are
//! sound. Of each number in the catalog that answers are taken from, here or by other readers, the right value is worked
//! out from sound files and compared (`entries`, `counts`); what no file says is compared with what every catalog says
//! and with itself (`fixed`). `orphans` are files that no snapshot has, `set_aside` takes damaged ones out of the tables,
//! `rebuild` makes a new catalog.

mod counts;
mod entries;
mod fixed;
mod look;
mod orphans;
mod rebuild;
mod set_aside;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use rusqlite::types::Value;
use rusqlite::{Connection, TransactionBehavior, params_from_iter};

use super::checks::{CheckedFile, FileChecks};
use super::commit::Writer;
use super::datafile::StagedColumn;
use super::error::StoreError;
use super::place::{DataPath, no_links};
use super::snapshot::DataFile;
use super::tables::Table;
use super::{Store, catalog_path, data_dir, months};
use entries::{Entry, Facts, Listed, agree, integer};
use fixed::snapshots;
use look::{Look, Looks, Sound};
use orphans::{Orphan, Stray, classify, files_below};
pub use rebuild::Repairer;
pub(super) use rebuild::before;
pub use set_aside::Repaired;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FindingKind {
    /// The catalog's own database.
    Catalog,
    /// A commit was cut short; the next writer mends that.
    CutShort,
    /// A data file that isn't there.
    Missing,
    /// A data file that is not what was written, or can't be read.
    Damaged,
    /// The catalog says something else of a file's rows and columns than the file itself.
    Statistics,
    /// A copy of usage, summed up, that can't be used.
    Month,
    /// Something in the tables' folders that no snapshot has: a bare glob reads it.
    Orphan,
    /// The stored usage of a day is not what its events say.
    Usage,
}

impl FindingKind {
    /// For people and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            FindingKind::Catalog => "catalog",
            FindingKind::CutShort => "cut-short",
            FindingKind::Missing => "missing",
            FindingKind::Damaged => "damaged",
            FindingKind::Statistics => "statistics",
            FindingKind::Month => "month",
            FindingKind::Orphan => "orphan",
            FindingKind::Usage => "usage",
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// What it is.
    pub kind: FindingKind,
    /// Where, below the store's folder; of a day's usage the day.
    pub place: String,
    /// The day of the rows, days since 1970-01-01.
    pub event_date: Option<i32>,
    /// In words.
    pub what: String,
}

/// What was looked at, and found.
#[derive(Debug, Default)]
pub struct Checked {
    /// Data files of all snapshots.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files from before checksums were recorded: all their rows were read instead.
    pub unrecorded: u64,
    /// Files of older snapshots that a repair has set aside.
    pub set_aside: u64,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// What mends the catalog, in this order.
    fixes: Vec<Fix>,
    /// Files to set aside, and why.
    unsound: Vec<(FindingKind, FileOf)>,
    /// What a repair leaves: somebody put something else in the place of a data file.
    left: Vec<String>,
    /// Files that no snapshot has.
    strays: Vec<Stray>,
    orphans: Vec<(PathBuf, Orphan)>,
    /// Rows of events, and whether files of usage, that got lost with what the catalog says of their files.
    lacks_events: i64,
    lacks_usage: bool,
    looks: Looks,
}

/// A file, its table, and whether the newest snapshot has it.
#[derive(Clone, Debug)]
pub(super) struct FileOf {
    pub table: Table,
    pub file: DataFile,
    pub is_live: bool,
    /// Whether the file at its place is another entry's, and stays.
    pub is_others: bool,
}

type Sql = (String, Vec<Value>);

/// What mends the catalog.
#[derive(Clone, Debug)]
enum Fix {
    Sql(Vec<Sql>),
    /// Makes it say of a file what the file says.
    Correct {
        entry: Box<Entry>,
        sound: std::sync::Arc<Sound>,
        table: Table,
        expected: Facts,
    },
}

/// Something that the catalog says wrongly, and what mends it.
struct Wrong {
    what: String,
    fix: Fix,
}

/// An entry of the catalog beside what is at its place.
struct Judged {
    entry: Entry,
    table: Table,
    at: PathBuf,
    look: Look,
    /// What it should say; `None` where the file is not sound.
    expected: Option<Facts>,
}

impl Judged {
    fn fact(&self, name: &str) -> Option<i64> {
        let facts = self.expected.as_ref().filter(|facts| facts.contains_key(name)).unwrap_or(&self.entry.facts);
        facts.get(name).and_then(|values| integer(values.first()?))
    }

    fn rows(&self) -> i64 {
        self.fact("record_count").unwrap_or(0)
    }

    fn bytes(&self) -> i64 {
        self.fact("file_size_bytes").unwrap_or(0)
    }

    fn row_id_end(&self) -> i64 {
        self.fact(entries::ROW_ID).unwrap_or(0).saturating_add(self.rows())
    }

    fn is_live(&self) -> bool {
        match self.expected.as_ref().and_then(|facts| facts.get(entries::END)) {
            Some(end) => *end == [Value::Null],
            None => self.entry.is_live(),
        }
    }

    fn is_in(&self, snapshot: i64) -> bool {
        self.fact(entries::BEGIN).is_some_and(|begin| begin <= snapshot)
            && (self.is_live() || self.fact(entries::END).is_some_and(|end| end > snapshot))
    }

    fn sound(&self) -> Option<&std::sync::Arc<Sound>> {
        if let Look::Sound(sound) = &self.look { Some(sound) } else { None }
    }

    fn columns(&self) -> Option<&[StagedColumn]> {
        self.sound().map(|sound| sound.columns.as_slice())
    }

    fn event_date(&self) -> Option<i32> {
        self.sound().and_then(|sound| sound.event_date).or_else(|| self.entry.event_date())
    }

    fn name(&self, dir: &Path) -> String {
        below(dir, &self.at)
    }
}

impl Checked {
    fn add(&mut self, kind: FindingKind, place: &str, event_date: Option<i32>, what: String) {
        self.findings.push(Finding { kind, place: place.to_owned(), event_date, what });
    }

    fn add_wrong(&mut self, wrong: Vec<Wrong>) {
        for Wrong { what, fix } in wrong {
            self.add(FindingKind::Catalog, "catalog.sqlite", None, what);
            self.fixes.push(fix);
        }
    }
}

impl Store {
    /// Looks at everything: the catalog's database, each data file of each snapshot, copies of usage, what lies about.
    ///
    /// # Errors
    /// A catalog that can't be read.
    pub fn check(&self) -> Result<Checked, StoreError> {
        self.check_with(&self.connect()?, Looks::default(), &HashMap::new())
    }

    /// The same; `salvaged`: what was recorded of files, by name, in a catalog that is not used any more.
    fn check_with(
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
    fn judge(
        &self,
        checked: &mut Checked,
        listed: Listed,
        strays: &mut [Stray],
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
        self.drop_twice(checked, &mut judged, strays);
        // One that is still live was noted by a repair that was cut short.
        let before = judged.len();
        let is_kept = |one: &Judged| {
            one.entry.is_live() || one.sound().is_some() || !one.entry.id.is_some_and(|id| aside.contains(&id))
        };
        judged.retain(is_kept);
        checked.set_aside = (before - judged.len()) as u64;
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
    fn drop_twice(&self, checked: &mut Checked, judged: &mut Vec<Judged>, strays: &mut [Stray]) {
        let _ = strays;
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
    fn bad_months(&self, connection: &Connection, looks: &Looks) -> rusqlite::Result<Vec<(PathBuf, String)>> {
        let checks = months::read_checks(connection)?;
        let entries = fs::read_dir(months::folder(self.dir())).into_iter().flatten().flatten();
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
fn snapshot_ids(connection: &Connection) -> rusqlite::Result<Vec<(i64, i64)>> {
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

/// Sound files of events that the newest snapshot has.
fn live_events(judged: &[Judged]) -> Vec<(PathBuf, i32, u64)> {
    let live = judged.iter().filter(|one| one.table == Table::Events && one.is_live());
    live.filter_map(|one| Some((one.at.clone(), one.event_date()?, one.sound()?.rows))).collect()
}

/// A path below the store's folder.
pub(super) fn below(dir: &Path, path: &Path) -> String {
    path.strip_prefix(dir).unwrap_or(path).to_string_lossy().into_owned()
}

fn integrity(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare("PRAGMA integrity_check")?;
    let lines = statement.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(lines.into_iter().filter(|line| line != "ok").collect())
}

/// An error without its place and its hint, which a finding has itself.
fn said(error: &StoreError) -> String {
    match error {
        StoreError::Damaged { what, .. } => what.clone(),
        StoreError::Parquet { source, .. } => source.to_string(),
        StoreError::Io { source, what, .. } => format!("{what}: {source}"),
        StoreError::NotPlain { expected, .. } => format!("it is not {expected}"),
        StoreError::Link(_) => "it is a link".to_owned(),
        other => other.to_string(),
    }
}

impl Writer {
    /// Mends what [`Store::check`] found: usage has to be derived anew afterwards. Rows of events are never lost by it:
    /// those of a file that no snapshot has are registered again, and where they can't be read, the log objects that
    /// they may be of stand as refused until they have come again.
    pub fn repair(&mut self, checked: &Checked) -> Result<Repaired, StoreError> {
        let mut repaired = Repaired { left: checked.left.clone(), ..Default::default() };
        let dir = self.store().dir().to_owned();
        let catalog = catalog_path(&dir);
        let error = StoreError::catalog(&catalog);
        self.apply(&checked.fixes).map_err(&error)?;
        repaired.corrected = checked.fixes.len() as u64;
        if checked.lacks_events > 0 {
            repaired.objects += self.take_back_all("rows of events are lost").map_err(&error)?;
        }
        for (kind, of) in &checked.unsound {
            self.set_aside(of, *kind, &mut repaired)?;
        }
        self.mend_strays(checked, &mut repaired)?;
        let bad = self.store().bad_months(self.connection(), &checked.looks).map_err(&error)?;
        checked.looks.are_all()?;
        for (path, _) in bad {
            no_links(&dir, &path)?;
            match fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir()) {
                true => repaired.left.push(below(&dir, &path)),
                false => {
                    fs::remove_file(&path).map_err(StoreError::io(&path, "cannot remove"))?;
                    repaired.months += 1;
                }
            }
        }
        // Nobody knows the days of the lost rows. Usage that counts them would count them twice after the next ingest.
        if checked.lacks_usage || checked.lacks_events > 0 {
            let days = self.known_days().map_err(&error)?;
            self.outdate_usage(days.iter().copied())?;
            repaired.days.extend(days);
        }
        self.count_anew(checked)?;
        Ok(repaired)
    }

    fn apply(&mut self, fixes: &[Fix]) -> rusqlite::Result<()> {
        let transaction = self.connection_mut().transaction_with_behavior(TransactionBehavior::Immediate)?;
        for fix in fixes {
            match fix {
                Fix::Sql(statements) => {
                    for (sql, values) in statements {
                        transaction.execute(sql, params_from_iter(values))?;
                    }
                }
                Fix::Correct { entry, sound, table, expected } => {
                    entries::correct(&transaction, entry, sound, *table, expected)?;
                }
            }
        }
        transaction.commit()
    }

    /// Registers the events again that no other file has, then moves the files away.
    fn mend_strays(&mut self, checked: &Checked, repaired: &mut Repaired) -> Result<(), StoreError> {
        let dir = self.store().dir().to_owned();
        let live = live_events(&self.judged_now(&checked.looks)?);
        let adopted = self.adopt(&checked.strays, &live)?;
        repaired.days.extend(&adopted.days);
        repaired.rows += adopted.rows;
        for (path, orphan) in &checked.orphans {
            let place = below(&dir, path);
            match orphan {
                Orphan::NotPlain => {
                    repaired.left.push(place);
                    continue;
                }
                Orphan::Usage(Some(date)) => {
                    self.outdate_usage([*date])?;
                    repaired.days.insert(*date);
                }
                _ => {}
            }
            // What is registered has another name now, and the same bytes.
            match adopted.files.contains(path) {
                true => repaired.registered.push(place),
                false => repaired.set_aside.push(place),
            }
            self.quarantine(path)?;
        }
        Ok(())
    }

    fn judged_now(&self, looks: &Looks) -> Result<Vec<Judged>, StoreError> {
        let catalog = catalog_path(self.store().dir());
        let error = StoreError::catalog(&catalog);
        let connection = self.connection();
        let listed = Listed::read(connection).map_err(&error)?;
        // The looks of files that are the same now as before.
        let mut checked = Checked { looks: looks.copy(), ..Default::default() };
        let judged = self.store().judge(&mut checked, listed, &mut Vec::new(), connection).map_err(&error)?;
        checked.looks.are_all()?;
        Ok(judged)
    }

    /// Works the sums out again.
    fn count_anew(&mut self, checked: &Checked) -> Result<(), StoreError> {
        let catalog = catalog_path(self.store().dir());
        let error = StoreError::catalog(&catalog);
        let listed = Listed::read(self.connection()).map_err(&error)?;
        let files: Vec<(i64, i64)> =
            listed.entries.iter().filter_map(|entry| Some((entry.id?, entry.begin?))).collect();
        let (wrong, _) = snapshots(self.connection(), &files).map_err(&error)?;
        self.apply(&wrong.into_iter().map(|wrong| wrong.fix).collect::<Vec<_>>()).map_err(&error)?;
        let judged = self.judged_now(&checked.looks)?;
        let snapshots = snapshot_ids(self.connection()).map_err(&error)?;
        let mut wrong = counts::tables(self.connection(), &judged).map_err(&error)?;
        wrong.extend(counts::amounts(self.connection(), &judged, &snapshots).map_err(&error)?);
        wrong.extend(counts::ledger(self.connection(), &judged)?);
        let fixes: Vec<Fix> = wrong.into_iter().map(|wrong| wrong.fix).collect();
        self.apply(&fixes).map_err(&error)
    }

    /// Days that have events or usage.
    fn known_days(&self) -> rusqlite::Result<BTreeSet<i32>> {
        let mut statement = self.connection().prepare(
            "SELECT event_date FROM trailpare_days UNION SELECT event_date FROM trailpare_usage_catalogue UNION \
             SELECT v.partition_value FROM ducklake_file_partition_value v JOIN ducklake_data_file f USING \
             (data_file_id) WHERE f.end_snapshot IS NULL AND v.partition_value IS NOT NULL",
        )?;
        let days = statement.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(days.iter().filter_map(|day| crate::time::parse_date(day)).collect())
    }
}
