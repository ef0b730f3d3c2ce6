//! What a store says: every row of its tables and the numbers of its ledger, as texts that can be compared.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};

use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use rusqlite::{Connection, OpenFlags};
use sha2::{Digest, Sha256};
use trailpare::store::{DataFile, Finding, FindingKind, Store, Table, read_batches, replaced_path};

/// All that a store says, in an order of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    pub events: Vec<String>,
    pub usage: Vec<String>,
    pub ledger: Vec<String>,
}

type Rows = Arc<Vec<String>>;

/// Rows by the SHA-256 of their file: most files of most stores are the same.
static ROWS: LazyLock<Mutex<HashMap<Vec<u8>, Rows>>> = LazyLock::new(Mutex::default);

impl State {
    /// Reads the newest snapshot and the ledger.
    pub fn read(dir: &Path) -> Result<State, String> {
        let store = Store::open(dir).map_err(|error| error.to_string())?;
        let snapshot = store.snapshot(None).map_err(|error| error.to_string())?;
        let table = |table: Table| -> Result<Vec<String>, String> {
            let mut all = Vec::new();
            for file in snapshot.files(table) {
                all.extend(rows_of(file)?.iter().cloned());
            }
            all.sort_unstable();
            Ok(all)
        };
        let ledger = ledger(dir).map_err(|error| error.to_string())?;
        Ok(State { events: table(Table::Events)?, usage: table(Table::Usage)?, ledger })
    }

    /// The same without which object brought an event first: that is another one where some are taken in again.
    pub fn without_shares(&self) -> State {
        let is_share = |line: &String| line.starts_with("Text(\"share\")");
        let ledger = self.ledger.iter().filter(|line| !is_share(line)).cloned().collect();
        State { ledger, ..self.clone() }
    }

    /// The first thing that is different.
    pub fn difference(&self, expected: &State) -> Option<String> {
        for (name, is, should) in [
            ("events", &self.events, &expected.events),
            ("usage", &self.usage, &expected.usage),
            ("ledger", &self.ledger, &expected.ledger),
        ] {
            if is != should {
                let only = |a: &[String], b: &[String]| {
                    let first = a.iter().find(|line| b.binary_search(line).is_err());
                    first.map_or_else(|| "nothing".to_owned(), |line| line.chars().take(300).collect())
                };
                let (more, less) = (only(is, should), only(should, is));
                let counts = (is.len(), should.len());
                return Some(format!("{name}: {} of {} lines; has {more}; lacks {less}", counts.0, counts.1));
            }
        }
        None
    }
}

fn rows_of(file: &DataFile) -> Result<Rows, String> {
    let bytes = fs::read(&file.path).or_else(|error| replaced_path(&file.path).map_or(Err(error), fs::read));
    let key = bytes.map(|bytes| Sha256::digest(bytes).to_vec()).map_err(|error| error.to_string())?;
    if let Some(rows) = ROWS.lock().expect("no panic").get(&key) {
        return Ok(Arc::clone(rows));
    }
    let mut rows = Vec::new();
    let batches = read_batches(file, None, None).map_err(|error| error.to_string())?;
    for batch in batches {
        rows.extend(texts(&batch.map_err(|error| error.to_string())?));
    }
    let rows = Arc::new(rows);
    ROWS.lock().expect("no panic").insert(key, Arc::clone(&rows));
    Ok(rows)
}

fn texts(batch: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::default();
    let columns: Vec<_> = batch
        .schema_ref()
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, column)| (field.name(), column, ArrayFormatter::try_new(column, &options).expect("a formatter")))
        .collect();
    let row = |at: usize| {
        let told = columns.iter().filter(|(_, column, _)| column.is_valid(at));
        told.map(|(name, _, values)| format!("{name}={};", values.value(at))).collect()
    };
    (0..batch.num_rows()).map(row).collect()
}

/// What the ledger says, without what differs from run to run: times, snapshots, places, numbers of rows.
fn ledger(dir: &Path) -> rusqlite::Result<Vec<String>> {
    let connection = Connection::open_with_flags(dir.join("catalog.sqlite"), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut lines = Vec::new();
    for sql in [
        "SELECT 'total', name, value FROM trailpare_totals",
        "SELECT 'object', name, state, size_bytes, hex(sha256), records, broken, reason FROM trailpare_objects",
        "SELECT 'share', name, events, duplicates FROM trailpare_objects",
        "SELECT 'day', event_date, account_id, aws_region, events FROM trailpare_days",
        "SELECT 'usage', event_date, version FROM trailpare_usage_catalogue",
        "SELECT 'broken', name, record_index, offset_bytes, reason FROM trailpare_broken_records",
        "SELECT 'conflict', event_id, record_index FROM trailpare_conflicts",
        "SELECT 'forgotten', what, name, record_index, hex(sha256), reason, forgotten_by, note FROM trailpare_forgotten",
        "SELECT 'rows', table_id, record_count FROM ducklake_table_stats",
    ] {
        let mut statement = connection.prepare(sql)?;
        let columns = statement.column_count();
        let line = |row: &rusqlite::Row<'_>| {
            let value = |at| Ok(format!("{:?}", row.get::<_, rusqlite::types::Value>(at)?));
            (0..columns).map(value).collect::<rusqlite::Result<Vec<String>>>().map(|values| values.join(" "))
        };
        lines.extend(statement.query_map([], line)?.collect::<rusqlite::Result<Vec<_>>>()?);
    }
    lines.sort_unstable();
    Ok(lines)
}

/// What must hold of a store whatever happened to it: it can be read, its newest snapshot has nothing twice, nothing
/// that is not in `all`, and all of `least`; the ledger counts the rows; nothing is damaged.
pub fn consistent(dir: &Path, least: &State, all: &State) -> Result<Option<State>, String> {
    if !dir.join("catalog.sqlite").exists() {
        return if least.events.is_empty() { Ok(None) } else { Err("the store is gone".to_owned()) };
    }
    let state = State::read(dir)?;
    if let Some(twice) = state.events.windows(2).find(|two| two[0] == two[1]) {
        return Err(format!("an event is there twice: {}", twice[0]));
    }
    if let Some(wrong) = state.events.iter().find(|row| all.events.binary_search(row).is_err()) {
        return Err(format!("an event that never was: {wrong}"));
    }
    if let Some(lost) = least.events.iter().find(|row| state.events.binary_search(row).is_err()) {
        return Err(format!("an event is lost: {lost}"));
    }
    let total = format!("Text(\"total\") Text(\"events\") Integer({})", state.events.len());
    let said = state.ledger.iter().find(|line| line.starts_with("Text(\"total\") Text(\"events\")"));
    // A new store has no sums.
    if said.map_or(!state.events.is_empty(), |said| *said != total) {
        return Err(format!("{} events, but the ledger says {said:?}", state.events.len()));
    }
    sound(dir, true)?;
    Ok(Some(state))
}

/// Whether `fsck` has nothing to say, but for what a cut commit leaves where one is allowed, and for what the next
/// `optimize` removes.
pub fn sound(dir: &Path, may_be_cut: bool) -> Result<(), String> {
    let checked = Store::open(dir).and_then(|store| store.check()).map_err(|error| error.to_string())?;
    let is_cut = checked.findings.iter().any(|finding| finding.kind == FindingKind::CutShort);
    let is_allowed = |finding: &Finding| match finding.kind {
        FindingKind::CutShort => true,
        FindingKind::Orphan => is_cut || finding.place.starts_with("data/replaced/"),
        _ => false,
    };
    match checked.findings.iter().find(|finding| !(may_be_cut && is_allowed(finding))) {
        Some(finding) => Err(format!("fsck: {} {}: {}", finding.kind.name(), finding.place, finding.what)),
        None => Ok(()),
    }
}

/// What must hold after a run that nothing disturbed, beside what the store says: it has no finding, and nothing lies
/// about.
pub fn tidy(dir: &Path) -> Result<(), String> {
    sound(dir, false)?;
    let store = Store::open(dir).map_err(|error| error.to_string())?;
    let snapshot = store.snapshot(None).map_err(|error| error.to_string())?;
    let live = Table::ALL.into_iter().flat_map(|table| snapshot.files(table)).count();
    let all = walkdir::WalkDir::new(dir.join("data/main")).into_iter().flatten();
    let there = all.filter(|entry| entry.file_type().is_file()).count();
    if there != live {
        return Err(format!("{there} files in the tables' folders, {live} in the newest snapshot"));
    }
    let known = ["catalog.sqlite", "data", "ingest.lock", "usage-months"];
    let names = fs::read_dir(dir).map_err(|error| error.to_string())?.flatten();
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    if let Some(left) = names.filter(|name| !known.contains(&name.as_str())).min() {
        return Err(format!("{left} is left over"));
    }
    let staged = fs::read_dir(dir.join("data/.staging")).into_iter().flatten().count();
    if staged > 0 { Err(format!("{staged} files are left in data/.staging")) } else { Ok(()) }
}

/// Live files by table and day.
pub fn files_by_day(dir: &Path) -> BTreeMap<(Table, i32), usize> {
    let mut counts = BTreeMap::new();
    let snapshot = Store::open(dir).and_then(|store| store.snapshot(None));
    for (table, file) in
        snapshot.iter().flat_map(|s| Table::ALL.into_iter().flat_map(|t| s.files(t).iter().map(move |f| (t, f))))
    {
        *counts.entry((table, file.event_date)).or_default() += 1;
    }
    counts
}
