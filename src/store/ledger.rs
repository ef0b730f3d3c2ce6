//! The ledger: which log objects were taken in or refused, what each brought, and sums for `status`.

use std::collections::HashMap;

use rusqlite::{Connection, Transaction, params};

use super::change::{BrokenEntry, Commit, DayCount, LedgerEntry, Neighbours, Run, UsageState};
use super::displaced;
use super::error::StoreError;
use super::layout::catalog_path;
use super::mended;
use super::object_rows::{Objects, split};
use super::open::Store;
use super::passed_over;
use super::proof;
use super::prune;
use super::writer::Writer;
use crate::time::{format_date, format_time, now_us};

/// Version of a day whose usage isn't whole yet.
const UNRESOLVED: &str = "";

/// Version of a day whose usage has to be derived anew, whatever the catalogue.
pub(super) const DAMAGED: &str = "damaged";

/// Sums over the whole ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Log objects taken in.
    pub objects: u64,
    /// Their bytes as stored.
    pub object_bytes: u64,
    /// Records in them.
    pub records: u64,
    /// Events in the store.
    pub events: u64,
    /// Records that repeat an event.
    pub duplicates: u64,
    /// Records kept out.
    pub broken: u64,
    /// Events that were pruned.
    pub pruned: u64,
}

/// Writes a commit's objects and day counts.
pub(super) fn insert(transaction: &Transaction<'_>, snapshot: i64, commit: &Commit) -> rusqlite::Result<()> {
    let mut totals = Totals::default();
    let mut entries: Vec<&LedgerEntry> = commit.objects.iter().collect();
    // In the order of the table, which then grows at its end and leaves no half-filled pages. Stable: the last of two
    // of the same name stays.
    entries.sort_by_cached_key(|entry| reversed(&entry.name));
    let mut objects = Objects::new(transaction);
    for entry in entries {
        if entry.is_again {
            displaced::note(transaction, entry)?;
            take_back(transaction, &entry.name)?;
        }
        objects.insert(snapshot, entry, entry.broken.len() as u64)?;
        insert_broken(transaction, entry)?;
        if entry.refused.is_none() {
            totals.objects += 1;
            totals.object_bytes += entry.size_bytes;
            totals.records += entry.records;
            totals.events += entry.events;
            totals.duplicates += entry.duplicates;
            totals.broken += entry.broken.len() as u64;
        }
    }
    add_totals(transaction, &totals)?;
    let mut days = transaction.prepare_cached(
        "INSERT INTO trailpare_days VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET events = events + excluded.events",
    )?;
    for day in &commit.days {
        days.execute(params![format_date(day.event_date), day.account_id, day.aws_region, day.events])?;
    }
    // Of what came with this commit some may go as well.
    displaced::insert(transaction, commit)?;
    proof::refresh_days_of(transaction, commit.cleared.iter().map(|cleared| cleared.name.as_str()))?;
    for (date, state) in &commit.usage {
        insert_usage_state(transaction, *date, state)?;
    }
    passed_over::insert(transaction, snapshot, commit)?;
    proof::insert(transaction, commit)?;
    mended::strike(transaction, commit)?;
    prune::insert(transaction, commit)?;
    if let Some((id, run)) = &commit.run {
        update_run(transaction, *id, None, run)?;
    }
    Ok(())
}

/// Takes an object's numbers out of the sums, and its records that were kept out: it comes again. Its events stay, and
/// are no duplicates when they come again.
fn take_back(transaction: &Transaction<'_>, name: &str) -> rusqlite::Result<()> {
    let (prefix, tail) = split(name);
    let sql = "UPDATE trailpare_totals AS t SET value = t.value - (SELECT CASE t.name WHEN 'objects' THEN 1 \
               WHEN 'object_bytes' THEN size_bytes WHEN 'records' THEN records WHEN 'duplicates' THEN duplicates + events \
               WHEN 'broken' THEN broken ELSE 0 END FROM trailpare_taken_objects WHERE tail = ?1 AND prefix_id = \
               (SELECT prefix_id FROM trailpare_name_prefixes WHERE prefix = ?2)) \
               WHERE EXISTS (SELECT 1 FROM trailpare_taken_objects WHERE tail = ?1 AND prefix_id = \
               (SELECT prefix_id FROM trailpare_name_prefixes WHERE prefix = ?2))";
    transaction.prepare_cached(sql)?.execute([tail, prefix])?;
    transaction.prepare_cached("DELETE FROM trailpare_broken_records WHERE name = ?1")?.execute([name])?;
    Ok(())
}

fn update_run(connection: &Connection, id: i64, finished: Option<String>, run: &Run) -> rusqlite::Result<()> {
    connection.execute(
        "UPDATE trailpare_runs SET finished_time = ?2, found = ?3, taken = ?4, known = ?5, refused = ?6, \
         digests = ?7, other_services = ?8, foreign_files = ?9 WHERE run_id = ?1",
        params![
            id,
            finished,
            run.found,
            run.taken,
            run.known,
            run.refused,
            run.digests,
            run.other_services,
            run.foreign_files
        ],
    )?;
    Ok(())
}

/// Tail and prefix of a name.
fn reversed(name: &str) -> (&str, &str) {
    let (prefix, tail) = split(name);
    (tail, prefix)
}

fn insert_usage_state(transaction: &Transaction<'_>, date: i32, state: &UsageState) -> rusqlite::Result<()> {
    let (version, conflict) = match state {
        // A day that waits for more keeps waiting.
        UsageState::Added(version) => (version.as_str(), "DO NOTHING"),
        UsageState::Outdated => (DAMAGED, "DO UPDATE SET version = excluded.version"),
        // Nor is one told apart that has to be derived anew.
        UsageState::Unresolved => (UNRESOLVED, "DO UPDATE SET version = excluded.version WHERE version <> 'damaged'"),
        UsageState::Whole(version) => (version.as_str(), "DO UPDATE SET version = excluded.version"),
    };
    let sql = format!("INSERT INTO trailpare_usage_catalogue VALUES (?1, ?2) ON CONFLICT {conflict}");
    transaction.prepare_cached(&sql)?.execute([&format_date(date), version])?;
    Ok(())
}

fn insert_broken(transaction: &Transaction<'_>, entry: &LedgerEntry) -> rusqlite::Result<()> {
    let mut broken =
        transaction.prepare_cached("INSERT OR REPLACE INTO trailpare_broken_records VALUES (?1, ?2, ?3, ?4)")?;
    for record in &entry.broken {
        broken.execute(params![entry.name, record.index, record.offset_bytes, record.reason])?;
    }
    mended::insert(transaction, entry)
}

const TOTALS: [&str; 6] = ["objects", "object_bytes", "records", "events", "duplicates", "broken"];

fn add_totals(transaction: &Transaction<'_>, totals: &Totals) -> rusqlite::Result<()> {
    let values = [totals.objects, totals.object_bytes, totals.records, totals.events, totals.duplicates, totals.broken];
    let mut add = transaction.prepare_cached(
        "INSERT INTO trailpare_totals VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = value + excluded.value",
    )?;
    for (name, value) in TOTALS.iter().zip(values) {
        add.execute(params![name, value])?;
    }
    Ok(())
}

impl Writer {
    /// Notes that a run begins; returns its id.
    pub fn begin_run(&self, archives: &[String]) -> Result<i64, StoreError> {
        let archives = serde_json::Value::from(archives.to_vec()).to_string();
        self.connection()
            .execute(
                "INSERT INTO trailpare_runs (started_time, version, archives) VALUES (?1, ?2, ?3)",
                params![format_time(now_us()), env!("CARGO_PKG_VERSION"), archives],
            )
            .map_err(StoreError::catalog(&catalog_path(self.store().dir())))?;
        Ok(self.connection().last_insert_rowid())
    }

    /// Notes what a run came to.
    pub fn end_run(&self, id: i64, run: &Run) -> Result<(), StoreError> {
        update_run(self.connection(), id, Some(format_time(now_us())), run)
            .map_err(StoreError::catalog(&catalog_path(self.store().dir())))?;
        Ok(())
    }
}

impl Store {
    /// Sums over every object taken in.
    pub fn totals(&self) -> Result<Totals, StoreError> {
        self.query(|connection| {
            let mut values = HashMap::new();
            let mut statement = connection.prepare("SELECT name, value FROM trailpare_totals")?;
            for row in statement.query_map([], |r| Ok((r.get::<_, String>(0)?, r.get::<_, i64>(1)?)))? {
                let (name, value) = row?;
                // After a repair a number may be below zero until the objects have come again.
                values.insert(name, u64::try_from(value).unwrap_or(0));
            }
            let value = |name: &str| values.get(name).copied().unwrap_or(0);
            let pruned = prune::read(connection)?.events;
            Ok(Totals {
                objects: value("objects"),
                object_bytes: value("object_bytes"),
                records: value("records"),
                events: value("events"),
                duplicates: value("duplicates").saturating_sub(pruned),
                broken: value("broken"),
                pruned,
            })
        })
    }

    /// Events by day, account and region.
    pub fn days(&self) -> Result<Vec<DayCount>, StoreError> {
        self.query(|connection| {
            let mut statement = connection
                .prepare("SELECT event_date, account_id, aws_region, events FROM trailpare_days ORDER BY 1, 2, 3")?;
            let rows = statement.query_map([], |r| {
                let date: String = r.get(0)?;
                Ok(DayCount {
                    event_date: day(&date)?,
                    account_id: r.get(1)?,
                    aws_region: r.get(2)?,
                    events: r.get(3)?,
                })
            })?;
            rows.collect()
        })
    }

    /// The records that were kept out of objects: object name and record.
    pub fn broken_records(&self) -> Result<Vec<(String, BrokenEntry)>, StoreError> {
        self.query(|connection| {
            let mut statement = connection.prepare(
                "SELECT name, record_index, offset_bytes, reason FROM trailpare_broken_records ORDER BY name, record_index",
            )?;
            let rows = statement.query_map([], |r| {
                let (index, offset_bytes, reason) = (r.get(1)?, r.get(2)?, r.get(3)?);
                Ok((r.get(0)?, BrokenEntry { index, offset_bytes, reason, neighbours: Neighbours::default() }))
            })?;
            rows.collect()
        })
    }

    /// The last run: when it began, when it ended (`None`: it was cut short), what it came to.
    pub fn last_run(&self) -> Result<Option<(String, Option<String>, Run)>, StoreError> {
        use rusqlite::OptionalExtension;
        self.query(|connection| {
            connection
                .query_row(
                    "SELECT started_time, finished_time, found, taken, known, refused, digests, other_services, \
                     foreign_files FROM trailpare_runs ORDER BY run_id DESC LIMIT 1",
                    [],
                    |r| {
                        let run = Run {
                            found: r.get(2)?,
                            taken: r.get(3)?,
                            known: r.get(4)?,
                            refused: r.get(5)?,
                            digests: r.get(6)?,
                            other_services: r.get(7)?,
                            foreign_files: r.get(8)?,
                        };
                        Ok((r.get(0)?, r.get(1)?, run))
                    },
                )
                .optional()
        })
    }

    /// The days whose usage isn't as it would be under catalogue `version`: derived under another one, or not whole.
    pub fn outdated_usage_days(&self, version: &str) -> Result<Vec<OutdatedDay>, StoreError> {
        self.query(|connection| {
            let mut statement = connection
                .prepare("SELECT event_date, version FROM trailpare_usage_catalogue WHERE version <> ?1 ORDER BY 1")?;
            let days = statement.query_map([version], |r| Ok((r.get::<_, String>(0)?, r.get::<_, String>(1)?)))?;
            days.map(|day| {
                let (date, version) = day?;
                let event_date = crate::time::parse_date(&date).unwrap_or_default();
                Ok(OutdatedDay { event_date, is_unresolved: version == UNRESOLVED })
            })
            .collect()
        })
    }
}

/// A day whose stored usage has to be looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutdatedDay {
    /// Days since 1970-01-01.
    pub event_date: i32,
    /// Whether only the copies of calls by other accounts are missing; otherwise all of it is of another catalogue.
    pub is_unresolved: bool,
}

/// A day as the catalog has it.
fn day(text: &str) -> rusqlite::Result<i32> {
    let no_day = || format!("trailpare_days has a date that is none: {text:?}").into();
    crate::time::parse_date(text)
        .ok_or_else(|| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, no_day()))
}
