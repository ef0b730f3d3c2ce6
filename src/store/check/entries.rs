//! What the catalog says of each data file, as it says it: nothing of it is believed, not even its types.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hashbrown::HashMap;
use rusqlite::types::Value;
use rusqlite::{Connection, params};

use super::super::agreement::{RowCheck, RowFacts, kept_crc};
use super::super::checks::FileChecks;
use super::super::commit::column_crcs;
use super::super::layout::{FROM_TABLE, REPLACED};
use super::super::metadata::has_table;
use super::super::place::DataPath;
use super::super::snapshot::{DataFile, whole_path};
use super::super::tables::{Table, catalog_columns};
use super::look::Sound;
use crate::time::{format_date, parse_date};

/// Names and values, each a column of a row, or all rows of one name one after the other.
pub(super) type Facts = BTreeMap<String, Vec<Value>>;

/// One row of `ducklake_data_file`, with the rows that other tables have of it.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub rowid: i64,
    /// `None` where it is no number.
    pub id: Option<i64>,
    /// By its path, else by its number.
    pub table: Option<Table>,
    pub begin: Option<i64>,
    pub end: Option<i64>,
    /// `None` where it lies outside the store or is no text.
    pub path: Option<DataPath>,
    /// As it is spelt.
    pub spelt: String,
    pub facts: Facts,
    /// What its bytes were when it was written.
    pub recorded: Option<FileChecks>,
    pub row_crc: Option<u32>,
}

/// Columns of `ducklake_data_file` that have one right value, which the file says.
const COLUMNS: [&str; 11] = [
    "table_id",
    "path_is_relative",
    "file_format",
    "record_count",
    "file_size_bytes",
    "footer_size",
    "partition_id",
    "file_order",
    "encryption_key",
    "mapping_id",
    "partial_max",
];

pub(super) const BEGIN: &str = "begin_snapshot";
pub(super) const END: &str = "end_snapshot";
pub(super) const ROW_ID: &str = "row_id_start";
pub(super) const CHECKSUMS: &str = "checksums";
pub(super) const ROW_CHECK: &str = "row check";
pub(super) const DAY: &str = "day";

/// Tables that have rows of files, with what these say, a name where there is a row for each column.
const BESIDE: [(&str, &str, &str); 4] = [
    ("ducklake_file_partition_value", DAY, "table_id, partition_key_index, partition_value"),
    (
        "ducklake_file_column_stats",
        "",
        "column_id, table_id, column_size_bytes, value_count, null_count, min_value, max_value, contains_nan, extra_stats",
    ),
    ("trailpare_file_checks", CHECKSUMS, "size_bytes, sha256, block_bytes, blocks"),
    ("trailpare_row_checks", ROW_CHECK, "row_crc, column_crcs"),
];

/// Tables whose rows go with a file's.
pub(super) const OF_FILES: [&str; 6] = [
    "ducklake_file_partition_value",
    "ducklake_file_column_stats",
    "trailpare_file_checks",
    "trailpare_row_checks",
    "trailpare_file_origins",
    "trailpare_set_aside",
];

/// What lies in the catalog: entries, and what it has of files that it doesn't list.
pub(super) struct Listed {
    pub entries: Vec<Entry>,
    /// By the number of a file that isn't listed.
    pub leftover: BTreeMap<i64, Option<FileChecks>>,
}

impl Listed {
    pub fn read(connection: &Connection) -> rusqlite::Result<Listed> {
        let mut beside = beside(connection)?;
        let sql = format!(
            "SELECT rowid, data_file_id, begin_snapshot, end_snapshot, path, row_id_start, {} FROM ducklake_data_file \
             ORDER BY data_file_id, rowid",
            COLUMNS.join(", ")
        );
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        let mut entries = Vec::new();
        while let Some(row) = rows.next()? {
            let id = integer(&row.get(1)?);
            let mut facts = id.and_then(|id| beside.remove(&id)).unwrap_or_default();
            for (at, name) in COLUMNS.into_iter().enumerate() {
                facts.insert(name.to_owned(), vec![row.get(6 + at)?]);
            }
            let (begin, end): (Value, Value) = (row.get(2)?, row.get(3)?);
            let numbers = (integer(&begin), integer(&end));
            for (name, value) in [(BEGIN, begin), (END, end), (ROW_ID, row.get(5)?)] {
                facts.insert(name.to_owned(), vec![value]);
            }
            entries.push(Entry::new(row.get(0)?, id, numbers, row.get(4)?, facts));
        }
        let leftover = beside.into_iter().map(|(id, facts)| (id, recorded(&facts))).collect();
        Ok(Listed { entries, leftover })
    }
}

impl Listed {
    /// An entry under another number, with what is said under that.
    pub fn beside_of(connection: &Connection, entry: &Entry, id: i64) -> rusqlite::Result<Entry> {
        let mut facts = beside(connection)?.remove(&id).unwrap_or_default();
        let own = COLUMNS.iter().copied().chain([BEGIN, END, ROW_ID]);
        facts.extend(own.filter_map(|name| Some((name.to_owned(), entry.facts.get(name)?.clone()))));
        let path = Value::Text(entry.spelt.clone());
        Ok(Entry::new(entry.rowid, Some(id), (entry.begin, entry.end), path, facts))
    }

    /// An entry that is gone, as far as something is said under its number.
    pub fn entry_again(connection: &Connection, id: i64, table: Table, path: &DataPath) -> rusqlite::Result<Entry> {
        let mut facts = beside(connection)?.remove(&id).unwrap_or_default();
        facts.insert("table_id".to_owned(), vec![Value::Integer(table.id())]);
        facts.insert("path_is_relative".to_owned(), vec![Value::Integer(1)]);
        let rowid = connection
            .query_row("SELECT coalesce(max(rowid), 0) + 1 FROM ducklake_data_file", [], |row| row.get::<_, i64>(0))?
            .saturating_add(id);
        Ok(Entry::new(rowid, Some(id), (None, None), Value::Text(relative(table, path)), facts))
    }
}

/// What tables beside `ducklake_data_file` say, by number of the file.
fn beside(connection: &Connection) -> rusqlite::Result<HashMap<i64, Facts>> {
    let mut all: HashMap<i64, Facts> = HashMap::new();
    for (table, name, columns) in BESIDE {
        if !has_table(connection, table)? {
            continue;
        }
        let mut statement =
            connection.prepare(&format!("SELECT data_file_id, {columns} FROM {table} ORDER BY 1, 2"))?;
        let count = statement.column_count();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let Some(id) = integer(&row.get(0)?) else { continue };
            let values = (1..count).map(|at| row.get(at)).collect::<rusqlite::Result<Vec<Value>>>()?;
            let name = if name.is_empty() { column_name(values.first()) } else { name.to_owned() };
            all.entry(id).or_default().entry(name).or_default().extend(values);
        }
    }
    Ok(all)
}

fn column_name(id: Option<&Value>) -> String {
    match id {
        Some(Value::Integer(id)) => format!("statistics of column {id}"),
        other => format!("statistics of column {other:?}"),
    }
}

pub(super) fn integer(value: &Value) -> Option<i64> {
    if let Value::Integer(number) = value { Some(*number) } else { None }
}

fn text(value: Option<&Value>) -> Option<&str> {
    if let Some(Value::Text(text)) = value { Some(text) } else { None }
}

/// The checksums that are recorded; `None` where there are none that can be meant.
fn recorded(facts: &Facts) -> Option<FileChecks> {
    match facts.get(CHECKSUMS)?.as_slice() {
        [size, Value::Blob(sha256), block, Value::Blob(blocks)] => {
            let numbers = (integer(size)?.try_into().ok()?, integer(block)?.try_into().ok()?);
            let sha256: [u8; 32] = sha256.as_slice().try_into().ok()?;
            // One that doesn't fit still says by its SHA-256 which file is meant.
            let whole = FileChecks::new(sha256, numbers.0, numbers.1, blocks.clone());
            Some(whole.unwrap_or(FileChecks { sha256, size_bytes: numbers.0, block_bytes: 0, blocks: Vec::new() }))
        }
        _ => None,
    }
}

impl Entry {
    fn new(rowid: i64, id: Option<i64>, (begin, end): (Option<i64>, Option<i64>), path: Value, facts: Facts) -> Entry {
        let number = facts.get("table_id").and_then(|values| integer(values.first()?));
        let is_relative = facts.get("path_is_relative").is_some_and(|values| *values == [Value::Integer(1)]);
        let spelt = text(Some(&path)).map_or_else(|| format!("{path:?}"), str::to_owned);
        let path = text(Some(&path)).and_then(|text| DataPath::of_row(number?, text, is_relative).ok());
        let by_path = path.as_ref().and_then(table_of);
        let table = by_path.or_else(|| Table::ALL.into_iter().find(|table| Some(table.id()) == number));
        let recorded = recorded(&facts);
        let row_crc = facts.get(ROW_CHECK).and_then(|values| integer(values.first()?)).map(kept_crc);
        Entry { rowid, id, table, begin, end, path, spelt, facts, recorded, row_crc }
    }

    /// Whether the newest snapshot has it.
    pub fn is_live(&self) -> bool {
        self.facts.get(END).is_some_and(|values| *values == [Value::Null])
    }

    /// Rows that it is said to have.
    pub fn rows(&self) -> i64 {
        self.facts.get("record_count").and_then(|values| integer(values.first()?)).unwrap_or(0)
    }

    /// Bytes that its file is said to have.
    pub fn size_bytes(&self) -> Option<i64> {
        self.facts.get("file_size_bytes").and_then(|values| integer(values.first()?))
    }

    /// The day that it is said to be of.
    pub fn event_date(&self) -> Option<i32> {
        let by_path =
            || self.path.as_ref()?.as_str().split('/').find_map(|part| parse_date(part.strip_prefix("day=")?));
        by_path().or_else(|| parse_date(text(self.facts.get(DAY)?.get(2))?))
    }

    /// Where it is; see [`whole_path`].
    pub fn at(&self, dir: &Path) -> Option<PathBuf> {
        let day = self.event_date().map(format_date).unwrap_or_default();
        Some(whole_path(dir, self.path.as_ref()?, self.table?, &day))
    }

    /// As the rest of the store has it.
    pub fn file(&self, at: PathBuf) -> DataFile {
        DataFile {
            id: self.id.unwrap_or(-1),
            path: at,
            rows: self.rows().try_into().unwrap_or(0),
            size_bytes: 0,
            footer_size_bytes: 0,
            event_date: self.event_date().unwrap_or(0),
            has_all_columns: false,
            columns: Vec::new(),
            checks: None,
        }
    }

    /// Whether bytes are those that were recorded. Either of two records proves that: then the other one is what is
    /// damaged.
    pub fn is_of(&self, checks: &FileChecks) -> bool {
        self.recorded.as_ref().is_none_or(|recorded| agree(recorded, checks))
    }

    /// Puts the entry, in memory, where a file is.
    pub fn relocate(&mut self, table: Table, path: &DataPath) {
        self.table = Some(table);
        self.spelt = relative(table, path);
        self.path = Some(path.clone());
        self.facts.insert("table_id".to_owned(), vec![Value::Integer(table.id())]);
        self.facts.insert("path_is_relative".to_owned(), vec![Value::Integer(1)]);
    }
}

pub(super) fn agree(recorded: &FileChecks, found: &FileChecks) -> bool {
    let are_blocks = recorded.block_bytes == found.block_bytes && recorded.blocks == found.blocks;
    recorded.sha256 == found.sha256 || are_blocks && !found.blocks.is_empty()
}

/// The table in whose folder a file lies, or that the name of a replaced one says.
pub(super) fn table_of(path: &DataPath) -> Option<Table> {
    let is_replaced = path.as_str().split('/').next() == Some(REPLACED);
    let by_name = || Table::ALL.into_iter().find(|table| path.name().starts_with(&format!("{}-", table.name())));
    path.table().or_else(|| by_name().filter(|_| is_replaced))
}

/// How the catalog spells a path.
pub(super) fn relative(table: Table, path: &DataPath) -> String {
    match path.as_str().strip_prefix(&format!("main/{}/", table.name())) {
        Some(below) => below.to_owned(),
        None => format!("{FROM_TABLE}{}", path.name()),
    }
}

/// What the catalog should say of a sound file that is live from `begin` to before `end`.
pub(super) fn expected(entry: &Entry, sound: &Sound, table: Table, history: &History) -> Facts {
    let number = |number: i64| vec![Value::Integer(number)];
    let own = |text: &str| Value::Text(text.to_owned());
    let mut facts = Facts::new();
    let mut put = |name: &str, values: Vec<Value>| facts.insert(name.to_owned(), values);
    put("record_count", number(sound.rows as i64));
    put("file_size_bytes", number(sound.checks.size_bytes as i64));
    put("footer_size", number(sound.footer_size_bytes as i64));
    put("table_id", number(table.id()));
    put("path_is_relative", number(1));
    let day = sound.event_date.map(format_date).unwrap_or_default();
    if sound.event_date.is_some() {
        put(DAY, vec![Value::Integer(table.id()), Value::Integer(0), own(&day)]);
    }
    if !sound.is_ours {
        // What other programs say of their files beside this is their own affair.
        return facts;
    }
    put("file_format", vec![own("parquet")]);
    put("partition_id", number(table.partition_id()));
    for name in ["file_order", "encryption_key", "mapping_id", "partial_max"] {
        put(name, vec![Value::Null]);
    }
    for column in sound.columns.iter().filter(|column| !column.unbounded) {
        let (min, max) = column.bounds.as_ref().map(|(min, max)| (own(min), own(max))).unzip();
        let numbers = [column.id, table.id(), column.size_bytes, column.value_count, column.null_count];
        let mut values: Vec<Value> = numbers.map(Value::Integer).into();
        values.extend([min.unwrap_or(Value::Null), max.unwrap_or(Value::Null), Value::Null, Value::Null]);
        put(&column_name(Some(&Value::Integer(column.id))), values);
    }
    if entry.recorded.is_some() || entry.facts.contains_key(CHECKSUMS) {
        let FileChecks { sha256, size_bytes, block_bytes, blocks } = &sound.checks;
        let (size, block) = (Value::Integer(*size_bytes as i64), Value::Integer(i64::from(*block_bytes)));
        put(CHECKSUMS, vec![size, Value::Blob(sha256.to_vec()), block, Value::Blob(blocks.clone())]);
    }
    let (begin, end, row_id) = history.of(entry, sound, table, &day);
    put(BEGIN, number(begin));
    put(END, vec![end.map_or(Value::Null, Value::Integer)]);
    put(ROW_ID, number(row_id));
    if entry.facts.contains_key(ROW_CHECK) {
        let check = row_check(entry, sound, table, (begin, end, row_id), &day);
        put(ROW_CHECK, vec![Value::Integer(i64::from(check.row_crc)), Value::Blob(check.column_crcs)]);
    }
    facts
}

fn row_facts<'a>(entry: &Entry, sound: &Sound, table: Table, day: &'a str) -> RowFacts<'a> {
    RowFacts {
        id: entry.id.unwrap_or(-1),
        table_id: table.id(),
        begin: 0,
        end: None,
        rows: sound.rows as i64,
        size_bytes: sound.checks.size_bytes as i64,
        footer_size_bytes: sound.footer_size_bytes as i64,
        row_id_start: 0,
        day,
    }
}

fn row_check(
    entry: &Entry,
    sound: &Sound,
    table: Table,
    (begin, end, row_id_start): (i64, Option<i64>, i64),
    day: &str,
) -> RowCheck {
    let facts = RowFacts { begin, end, row_id_start, ..row_facts(entry, sound, table, day) };
    RowCheck::new(&facts, column_crcs(&sound.columns))
}

/// What tells when a file came and went: the snapshots, and the numbers that they gave to files.
pub(super) struct History {
    /// Snapshots with the number that each gives to the next file, by age.
    pub snapshots: Vec<(i64, i64)>,
    /// Snapshots that this program made.
    pub ours: Vec<i64>,
    /// First row numbers of files, and those behind their last.
    pub row_ids: Vec<i64>,
}

impl History {
    fn newest(&self) -> i64 {
        self.snapshots.last().map_or(0, |(id, _)| *id)
    }

    /// The snapshot that gave a file its number, as far as it is still there.
    fn begin(&self, id: i64) -> Option<i64> {
        let at = self.snapshots.iter().position(|(_, next)| *next > id)?;
        let (snapshot, _) = self.snapshots.get(at)?;
        let is_known = at > 0 || self.snapshots.first().is_some_and(|(_, next)| *next > id && *snapshot == 0);
        (is_known && self.ours.contains(snapshot)).then_some(*snapshot)
    }

    /// When a file came and went, and its first row number: as the catalog says, unless what was recorded of it, or
    /// the numbers and places of files, say otherwise.
    fn of(&self, entry: &Entry, sound: &Sound, table: Table, day: &str) -> (i64, Option<i64>, i64) {
        let row_id = entry.facts.get(ROW_ID).and_then(|values| integer(values.first()?));
        let is_replaced = entry.path.as_ref().is_some_and(|path| path.table().is_none());
        let said = (entry.begin, entry.end, row_id);
        if let Some(crc) = entry.row_crc {
            let facts = row_facts(entry, sound, table, day);
            let is_it = |begin, end, row_id_start| RowFacts { begin, end, row_id_start, ..facts.clone() }.crc() == crc;
            if let Some(found) = self.find(said, is_it) {
                return found;
            }
        }
        let begin = entry.id.and_then(|id| self.begin(id)).or(entry.begin.filter(|begin| *begin <= self.newest()));
        let begin = begin.unwrap_or(0);
        let is_end = |end: &i64| *end > begin && *end <= self.newest();
        let end = match (entry.end.filter(is_end), is_replaced) {
            // It lies where replaced files lie: the newest snapshot doesn't have it.
            (None, true) => Some(self.newest().max(begin + 1)),
            (end, _) => end,
        };
        (begin, end, row_id.filter(|id| *id >= 0).unwrap_or(0))
    }

    /// The combination that a checksum is of, with one or two of the three being wrong.
    fn find(
        &self,
        (begin, end, row_id): (Option<i64>, Option<i64>, Option<i64>),
        is_it: impl Fn(i64, Option<i64>, i64) -> bool,
    ) -> Option<(i64, Option<i64>, i64)> {
        let is_in = |begin: &i64| *begin >= 0;
        let begins = || begin.filter(is_in).into_iter().chain(self.begins());
        let ends = || [end, None].into_iter().chain(self.snapshots.iter().map(|(id, _)| Some(*id)));
        let row_ids = || row_id.into_iter().chain(self.row_ids.iter().copied());
        let (first_begin, first_row_id) = (begins().next()?, row_ids().next()?);
        let of_end = ends().map(|end| (first_begin, end, first_row_id));
        let of_begin = begins().flat_map(|begin| ends().take(2).map(move |end| (begin, end, first_row_id)));
        let of_row = row_ids().map(|row_id| (first_begin, end, row_id));
        let one = of_end.chain(of_begin).chain(of_row).find(|(begin, end, row_id)| is_it(*begin, *end, *row_id));
        // An entry that was gone has none of them.
        one.or_else(|| {
            let all = begins().flat_map(|begin| row_ids().map(move |row_id| (begin, row_id)));
            all.flat_map(|(begin, row_id)| ends().map(move |end| (begin, end, row_id)))
                .take(SEARCH_MAX)
                .find(|(begin, end, row_id)| is_it(*begin, *end, *row_id))
        })
    }

    fn begins(&self) -> impl Iterator<Item = i64> {
        // Expired ones may have begun files as well.
        let oldest = self.snapshots.first().map_or(0, |(id, _)| *id);
        self.snapshots.iter().map(|(id, _)| *id).chain((0..oldest).rev().take(EXPIRED_MAX))
    }
}

/// Combinations that are tried.
const SEARCH_MAX: usize = 3_000_000;

/// Expired snapshots that are tried.
const EXPIRED_MAX: usize = 10_000;

/// Names of which an entry says something else than the file.
pub(super) fn differing(said: &Facts, expected: &Facts, is_ours: bool) -> Vec<String> {
    let wrong = expected.iter().filter(|(name, values)| said.get(*name) != Some(values)).map(|(name, _)| name);
    let too_many =
        said.keys().filter(|name| is_ours && name.starts_with("statistics") && !expected.contains_key(*name));
    wrong.chain(too_many).cloned().collect()
}

/// Column names in the place of their numbers.
pub(super) fn for_people(names: &[String], table: Table) -> String {
    let named = |name: &String| {
        let id: Option<i64> = name.strip_prefix("statistics of column ").and_then(|id| id.parse().ok());
        let column = id.and_then(|id| catalog_columns(table).into_iter().find(|column| column.id == id));
        column.map_or_else(|| name.clone(), |column| format!("bounds and counts of {}", column.name))
    };
    names.iter().map(named).collect::<Vec<_>>().join(", ")
}

/// Makes the catalog say what is expected of a file.
pub(super) fn correct(
    connection: &Connection,
    entry: &Entry,
    sound: &Sound,
    table: Table,
    expected: &Facts,
) -> rusqlite::Result<()> {
    let Some(id) = entry.id else { return Ok(()) };
    let names = COLUMNS.iter().copied().chain([BEGIN, END, ROW_ID]);
    for (name, value) in names.filter_map(|name| Some((name, expected.get(name)?.first()?))) {
        let sql = format!("UPDATE ducklake_data_file SET {name} = ?2 WHERE rowid = ?1");
        connection.prepare_cached(&sql)?.execute(params![entry.rowid, value])?;
    }
    let day = sound.event_date.map(format_date).unwrap_or_default();
    if sound.event_date.is_some() {
        connection.execute("DELETE FROM ducklake_file_partition_value WHERE data_file_id = ?1", [id])?;
        let sql = "INSERT INTO ducklake_file_partition_value VALUES (?1, ?2, 0, ?3)";
        connection.execute(sql, params![id, table.id(), day])?;
    }
    if !sound.is_ours {
        return Ok(());
    }
    connection.execute("DELETE FROM ducklake_file_column_stats WHERE data_file_id = ?1", [id])?;
    super::super::commit::insert_columns(connection, table, id, &sound.columns)?;
    if entry.recorded.is_some() || entry.facts.contains_key(CHECKSUMS) {
        super::super::commit::insert_checks(connection, id, &sound.checks)?;
    }
    let number = |name: &str| expected.get(name).and_then(|values| integer(values.first()?));
    let history = (number(BEGIN).unwrap_or(0), number(END), number(ROW_ID).unwrap_or(0));
    row_check(entry, sound, table, history, &day).insert(connection, id)
}
