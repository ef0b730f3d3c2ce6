//! What of a store goes with some of its days: their files, byte for byte, and the log objects all of whose events they
//! have. Whoever gets both knows these objects; any other object is read again there, and its events are found known.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};

use rusqlite::Connection;

use super::change::{BrokenEntry, FarEvents, LedgerEntry, Neighbours, ObjectProof, ObjectVerdict, Stray};
use super::checks::Checking;
use super::coverage::hour_of;
use super::datafile::StagedFile;
use super::error::StoreError;
use super::metadata::has_table;
use super::object_rows::split;
use super::open::Store;
use super::prune;
use super::retired_files;
use super::snapshot::{DataFile, Snapshot};
use super::tables::Table;
use crate::time::{day_of, parse_date};

/// Bytes that are copied at once.
const COPY_BYTES: usize = 256 << 10;

/// Which days of a store are meant, and whose events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// The first day, days since 1970-01-01; `None`: from the beginning.
    pub from: Option<i32>,
    /// The last day; `None`: to the end.
    pub to: Option<i32>,
    /// Events that these accounts logged (`recipientAccountId`); all where empty.
    pub accounts: Vec<String>,
}

impl Part {
    /// Whether a day is meant.
    pub fn has(&self, day: i32) -> bool {
        self.from.is_none_or(|from| day >= from) && self.to.is_none_or(|to| day <= to)
    }
}

impl Store {
    /// What tells this store from every other one: it was drawn when the store was made.
    ///
    /// # Errors
    /// The catalog.
    pub fn identity(&self) -> Result<String, StoreError> {
        self.query(|connection| {
            let sql = "SELECT schema_uuid FROM ducklake_schema ORDER BY schema_id LIMIT 1";
            connection.query_row(sql, [], |row| row.get(0))
        })
    }

    /// The log objects of a snapshot all of whose events are in a part of it, by name, with all that the ledger has of
    /// them. Of an object whose events may lie on other days, or of other accounts, as well, there is none.
    ///
    /// # Errors
    /// The catalog.
    pub fn objects_within(&self, snapshot: &Snapshot, part: &Part) -> Result<Vec<LedgerEntry>, StoreError> {
        self.query(|connection| {
            let connection = connection.unchecked_transaction()?;
            let beside = Beside::read(&connection)?;
            let window = Window::new(snapshot, part, prune::read(&connection)?.before, beside.has_strays);
            // What came behind the snapshot has events that it doesn't have.
            let mut statement = connection.prepare(
                "SELECT name, path, size_bytes, sha256, records, events, duplicates FROM trailpare_objects \
                 WHERE state = 'taken' AND snapshot_id <= ?1 ORDER BY name",
            )?;
            let mut rows = statement.query([snapshot.id])?;
            let mut entries = Vec::new();
            while let Some(row) = rows.next()? {
                let mut entry = LedgerEntry::of_row(row)?;
                beside.put_into(&mut entry);
                if window.has_all_of(&entry) {
                    entries.push(entry);
                }
            }
            Ok(entries)
        })
    }
}

/// Which objects go with a part.
struct Window<'a> {
    /// Days with events that are part of it.
    within: BTreeSet<i32>,
    /// Days with events that are not.
    others: BTreeSet<i32>,
    /// Days before it had events that are gone.
    pruned_before: Option<i32>,
    accounts: &'a [String],
    /// Whether it is known which events are of other accounts than their objects' names say.
    has_strays: bool,
}

impl<'a> Window<'a> {
    fn new(snapshot: &Snapshot, part: &'a Part, pruned_before: Option<i32>, has_strays: bool) -> Window<'a> {
        let days = snapshot.files(Table::Events).iter().map(|file| file.event_date);
        let (within, others) = days.partition(|day| part.has(*day));
        Window { within, others, pruned_before, accounts: &part.accounts, has_strays }
    }

    fn has_all_of(&self, entry: &LedgerEntry) -> bool {
        let Some(place) = hour_of(split(&entry.name)) else {
            // Nothing tells which days' or accounts' events it has.
            return self.accounts.is_empty() && self.others.is_empty() && self.pruned_before.is_none();
        };
        if !self.accounts.is_empty() {
            let is_meant = self.accounts.iter().any(|account| account == place.account_id);
            if !is_meant || !self.has_strays || !entry.strays.is_empty() {
                return false;
            }
        } else if self.others.is_empty() && self.pruned_before.is_none() {
            return true;
        }
        // An event is logged within a day; those that were not are noted with their times.
        let usual = (place.day - 1, place.day);
        let far = entry.far.as_ref().map(|far| (day_of(far.first_time_us), day_of(far.last_time_us)));
        let is_concerned = self.within.range(usual.0..=usual.1).next().is_some();
        is_concerned && self.is_free(usual) && far.is_none_or(|far| self.is_free(far))
    }

    /// Whether no event of these days is outside.
    fn is_free(&self, (first, last): (i32, i32)) -> bool {
        self.pruned_before.is_none_or(|before| first >= before)
            && first <= last
            && self.others.range(first..=last).next().is_none()
    }
}

/// What the ledger has of objects beside their rows, by their names.
#[derive(Default)]
struct Beside {
    broken: BTreeMap<String, Vec<BrokenEntry>>,
    proofs: BTreeMap<String, ObjectProof>,
    far: BTreeMap<String, FarEvents>,
    strays: BTreeMap<String, Vec<Stray>>,
    has_strays: bool,
}

impl Beside {
    fn read(connection: &Connection) -> rusqlite::Result<Beside> {
        let mut beside = Beside { has_strays: has_table(connection, "trailpare_stray_events")?, ..Beside::default() };
        beside.read_broken(connection)?;
        if has_table(connection, "trailpare_verdicts")? {
            beside.read_proofs(connection)?;
        }
        if beside.has_strays {
            beside.read_strays(connection)?;
        }
        Ok(beside)
    }

    fn read_broken(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let (columns, join) = match has_table(connection, "trailpare_broken_neighbours")? {
            true => (
                "before_key, after_key, between_count",
                "LEFT JOIN trailpare_broken_neighbours USING (name, record_index)",
            ),
            false => ("NULL, NULL, NULL", ""),
        };
        let sql = format!(
            "SELECT name, record_index, offset_bytes, reason, {columns} FROM trailpare_broken_records {join} ORDER BY 1, 2"
        );
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let key = |key: Option<[u8; 16]>| key.map(u128::from_be_bytes);
            let neighbours = Neighbours { before: key(row.get(4)?), after: key(row.get(5)?), between: row.get(6)? };
            let entry = BrokenEntry { index: row.get(1)?, offset_bytes: row.get(2)?, reason: row.get(3)?, neighbours };
            self.broken.entry(row.get(0)?).or_default().push(entry);
        }
        Ok(())
    }

    fn read_proofs(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut statement = connection.prepare(
            "SELECT prefix || tail, verdict, content_sha256, reason FROM trailpare_verdicts \
             JOIN trailpare_name_prefixes USING (prefix_id)",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let Some(verdict) = ObjectVerdict::parse(row.get_ref(1)?.as_str()?) else { continue };
            let proof = ObjectProof { verdict, content_sha256: row.get(2)?, reason: row.get(3)? };
            self.proofs.insert(row.get(0)?, proof);
        }
        let mut statement =
            connection.prepare("SELECT name, events, first_time, last_time FROM trailpare_far_events")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let name: String = row.get(0)?;
            let far = FarEvents {
                name: name.clone(),
                events: row.get(1)?,
                first_time_us: row.get(2)?,
                last_time_us: row.get(3)?,
            };
            self.far.insert(name, far);
        }
        Ok(())
    }

    fn read_strays(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut statement = connection.prepare(
            "SELECT prefix || tail, account_id, aws_region, day, events FROM trailpare_stray_events \
             JOIN trailpare_name_prefixes USING (prefix_id) ORDER BY 1, 2, 3, 4",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let day: String = row.get(3)?;
            let stray =
                Stray { account_id: row.get(1)?, region: row.get(2)?, day: parse_date(&day), events: row.get(4)? };
            self.strays.entry(row.get(0)?).or_default().push(stray);
        }
        Ok(())
    }

    fn put_into(&self, entry: &mut LedgerEntry) {
        entry.broken = self.broken.get(&entry.name).cloned().unwrap_or_default();
        entry.proof = self.proofs.get(&entry.name).cloned();
        entry.far = self.far.get(&entry.name).cloned();
        entry.strays = self.strays.get(&entry.name).cloned().unwrap_or_default();
    }
}

impl DataFile {
    /// The SHA-256 of its bytes as it was written; where nobody took note of that, of those that are there.
    ///
    /// # Errors
    /// A file that can't be read.
    pub fn sha256(&self) -> Result<[u8; 32], StoreError> {
        match &self.checks {
            Some(checks) => Ok(checks.sha256),
            None => {
                let copied = self.copied(&mut io::sink())?.map(|(sha256, _)| sha256);
                copied.map_err(StoreError::io(&self.path, "cannot read"))
            }
        }
    }

    /// Copies its bytes, which have to be what was said of them. What the output says is for who knows its place.
    ///
    /// # Errors
    /// A file that can't be read or is damaged.
    pub fn copy_to(&self, sha256: &[u8; 32], out: &mut dyn Write) -> Result<io::Result<()>, StoreError> {
        match self.copied(out)? {
            Ok((copied, size_bytes)) if copied == *sha256 && size_bytes == self.size_bytes => return Ok(Ok(())),
            Ok(_) => {}
            Err(error) => return Ok(Err(error)),
        }
        Err(StoreError::Damaged {
            path: self.path.clone(),
            event_date: Some(self.event_date),
            what: "its bytes are not those that were written".to_owned(),
        })
    }

    fn copied(&self, out: &mut dyn Write) -> Result<io::Result<([u8; 32], u64)>, StoreError> {
        let mut file = retired_files::open(&self.path)?;
        let (mut out, mut buffer) = (Checking::new(out), vec![0; COPY_BYTES]);
        loop {
            let read = match file.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read.map_err(StoreError::io(&self.path, "cannot read"))?,
            };
            if read == 0 {
                let checks = out.checks();
                return Ok(Ok((checks.sha256, checks.size_bytes)));
            }
            if let Err(error) = out.write_all(buffer.get(..read).unwrap_or_default()) {
                return Ok(Err(error));
            }
        }
    }
}

impl StagedFile {
    /// The file as one of a snapshot, before it is one: whoever derives something of it reads it where it lies.
    pub fn as_data_file(&self) -> DataFile {
        DataFile {
            id: -1,
            path: self.staged.clone(),
            rows: self.rows,
            size_bytes: self.size_bytes,
            footer_size_bytes: self.footer_size_bytes,
            event_date: self.event_date,
            has_all_columns: false,
            columns: Vec::new(),
            checks: Some(std::sync::Arc::new(self.checks.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str) -> LedgerEntry {
        let mut entry = LedgerEntry::refused(name, std::path::Path::new("/a"), 1, None, String::new(), None);
        entry.refused = None;
        entry
    }

    fn window<'a>(within: &[i32], others: &[i32], pruned_before: Option<i32>, accounts: &'a [String]) -> Window<'a> {
        let days = |days: &[i32]| days.iter().copied().collect();
        Window { within: days(within), others: days(others), pruned_before, accounts, has_strays: true }
    }

    /// 2024-03-02 is day 19784.
    #[test]
    fn an_object_goes_along_where_none_of_its_events_stays() {
        let named = entry("111122223333_CloudTrail_eu-west-1_20240302T0710Z_AAAAAAAAAAAAAAAA");
        let placed = entry("/logs/a.json#00112233445566778899aabbccddeeff");
        for (within, others, pruned, named_goes, placed_goes) in [
            (&[19_783, 19_784][..], &[][..], None, true, true),
            (&[19_783, 19_784], &[19_785], None, true, false),
            // It may have events of the day before its delivery.
            (&[19_784], &[19_783], None, false, false),
            (&[19_784], &[19_782], None, true, false),
            // Nothing of it is meant.
            (&[19_790], &[19_782], None, false, false),
            // What it had may be gone.
            (&[19_784], &[], Some(19_784), false, false),
            (&[19_784], &[], Some(19_783), true, false),
        ] {
            let window = window(within, others, pruned, &[]);
            let goes = (window.has_all_of(&named), window.has_all_of(&placed));
            assert_eq!(goes, (named_goes, placed_goes), "{within:?} {others:?} {pruned:?}");
        }
    }

    #[test]
    fn events_far_from_their_object_hold_it_back() {
        let far = |day: i64| {
            let name = "111122223333_CloudTrail_eu-west-1_20240302T0710Z_AAAAAAAAAAAAAAAA";
            let time = day * crate::time::MICROS_PER_DAY + 1;
            let far = FarEvents { name: name.to_owned(), events: 1, first_time_us: time, last_time_us: time };
            LedgerEntry { far: Some(far), ..entry(name) }
        };
        let window = window(&[19_784], &[19_700], None, &[]);
        assert!(window.has_all_of(&far(19_701)) && !window.has_all_of(&far(19_700)));
    }

    #[test]
    fn of_an_account_only_its_own_objects_go_along() {
        let accounts = ["111122223333".to_owned()];
        let window = window(&[19_784], &[], None, &accounts);
        let own = entry("111122223333_CloudTrail_eu-west-1_20240302T0710Z_AAAAAAAAAAAAAAAA");
        let stray = Stray { account_id: "444455556666".to_owned(), region: String::new(), day: None, events: 1 };
        assert!(window.has_all_of(&own));
        assert!(!window.has_all_of(&LedgerEntry { strays: vec![stray], ..own }));
        assert!(!window.has_all_of(&entry("444455556666_CloudTrail_eu-west-1_20240302T0710Z_AAAAAAAAAAAAAAAA")));
        assert!(!window.has_all_of(&entry("/logs/a.json#00112233445566778899aabbccddeeff")));
    }
}
