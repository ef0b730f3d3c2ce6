//! Numbers of the catalog that follow from others, or from the files: sums, days, what stands of whole tables.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use arrow::array::{Array, AsArray};
use hashbrown::HashMap;
use rayon::prelude::*;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension};

use super::super::agreement::noted;
use super::super::change::DayCount;
use super::super::coverage;
use super::super::datafile::StagedColumn;
use super::super::error::StoreError;
use super::super::ledger::DAMAGED;
use super::super::metadata::has_table;
use super::super::read::read_batches;
use super::super::tables::{Table, catalog_columns};
use super::entries::integer;
use super::fix::{Fix, Sql, Wrong};
use super::judged::Judged;
use crate::time::{format_date, parse_date, parse_time};

fn sql(text: &str, values: impl IntoIterator<Item = Value>) -> Sql {
    (text.to_owned(), values.into_iter().collect())
}

/// Compares what the catalog says of whole tables with its files.
pub(super) fn tables(connection: &Connection, judged: &[Judged]) -> rusqlite::Result<Vec<Wrong>> {
    let mut wrong = Vec::new();
    for table in Table::ALL {
        let live = || judged.iter().filter(move |one| one.is_live() && one.table == table);
        let (rows, bytes): (i64, i64) = (live().map(Judged::rows).sum(), live().map(Judged::bytes).sum());
        let behind = judged.iter().filter(|one| one.table == table).map(Judged::row_id_end).max().unwrap_or(0);
        let mut statement = connection.prepare(
            "SELECT record_count, file_size_bytes, next_row_id FROM ducklake_table_stats WHERE table_id = ?1",
        )?;
        let said = statement.query_map([table.id()], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]))?;
        let said = said.collect::<rusqlite::Result<Vec<[Value; 3]>>>()?;
        let is_right = |[count, size, next]: &[Value; 3]| {
            (integer(count), integer(size)) == (Some(rows), Some(bytes)) && integer(next) >= Some(behind)
        };
        if said.len() != 1 || !said.iter().all(is_right) {
            let next = said.first().and_then(|[_, _, next]| integer(next)).unwrap_or(0).max(behind);
            let fix = vec![
                sql("DELETE FROM ducklake_table_stats WHERE table_id = ?1", [Value::Integer(table.id())]),
                sql(
                    "INSERT INTO ducklake_table_stats VALUES (?1, ?2, ?3, ?4)",
                    [table.id(), rows, next, bytes].map(Value::Integer),
                ),
            ];
            let what = format!("it says wrongly how many rows and bytes {} has: {rows} and {bytes}", table.name());
            wrong.push(Wrong { what, fix: Fix::Sql(fix) });
        }
        wrong.extend(table_columns(connection, table, &live().collect::<Vec<_>>())?);
    }
    wrong.extend(of_nobody(connection)?);
    Ok(wrong)
}

fn of_nobody(connection: &Connection) -> rusqlite::Result<Option<Wrong>> {
    let count: i64 = connection.query_row(
        "SELECT (SELECT count(*) FROM ducklake_table_stats WHERE table_id NOT IN (SELECT table_id FROM ducklake_table)) + \
         (SELECT count(*) FROM ducklake_table_column_stats WHERE table_id NOT IN (SELECT table_id FROM ducklake_table))",
        [],
        |row| row.get(0),
    )?;
    let fix = ["ducklake_table_stats", "ducklake_table_column_stats"].map(|table| {
        sql(&format!("DELETE FROM {table} WHERE table_id NOT IN (SELECT table_id FROM ducklake_table)"), [])
    });
    let what = "it has sums of tables that it doesn't list".to_owned();
    Ok((count > 0).then(|| Wrong { what, fix: Fix::Sql(fix.into()) }))
}

/// Bounds of whole tables are at least as wide as those of the files.
fn table_columns(connection: &Connection, table: Table, live: &[&Judged]) -> rusqlite::Result<Vec<Wrong>> {
    let files: Vec<&[StagedColumn]> = live.iter().filter_map(|one| one.columns()).collect();
    let mut statement = connection.prepare(
        "SELECT rowid, column_id, contains_null, min_value, max_value FROM ducklake_table_column_stats WHERE table_id = ?1",
    )?;
    let mut rows = statement.query([table.id()])?;
    let (mut wrong, mut seen) = (Vec::new(), BTreeSet::new());
    while let Some(row) = rows.next()? {
        let (rowid, id, nulls): (i64, Value, Value) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let bounds: [Value; 2] = [row.get(3)?, row.get(4)?];
        let column = catalog_columns(table).into_iter().find(|column| Some(column.id) == integer(&id));
        let is_right = column.as_ref().is_some_and(|column| {
            let of_files = files.iter().filter_map(|file| file.iter().find(|of| of.id == column.id));
            let is_within = |of: &StagedColumn| is_wider(column.ducklake_type, &nulls, &bounds, of);
            let is_bool = matches!(nulls, Value::Integer(0 | 1));
            is_bool
                && are_of(column.ducklake_type, &bounds)
                && of_files.clone().all(is_within)
                && seen.insert(column.id)
        });
        if !is_right {
            // Unknown bounds are no wrong ones.
            let fix = vec![sql("DELETE FROM ducklake_table_column_stats WHERE rowid = ?1", [Value::Integer(rowid)])];
            let name = column.map_or_else(|| format!("{id:?}"), |column| column.name);
            let what = format!("its bounds of {name} over all of {} are not those of the files", table.name());
            wrong.push(Wrong { what, fix: Fix::Sql(fix) });
        }
    }
    Ok(wrong)
}

fn is_wider(_kind: &str, nulls: &Value, bounds: &[Value; 2], of: &StagedColumn) -> bool {
    if of.unbounded {
        return bounds.iter().all(|bound| *bound == Value::Null);
    }
    let Some((min, max)) = &of.bounds else { return of.null_count == 0 || *nulls == Value::Integer(1) };
    let [Value::Text(least), Value::Text(greatest)] = bounds else { return false };
    least <= min && greatest >= max && (of.null_count == 0 || *nulls == Value::Integer(1))
}

/// Whether bounds can be read as what their column holds.
fn are_of(kind: &str, bounds: &[Value; 2]) -> bool {
    bounds.iter().all(|bound| match (kind, bound) {
        (_, Value::Null) | ("varchar", Value::Text(_)) => true,
        ("boolean", Value::Text(text)) => text == "0" || text == "1",
        ("date", Value::Text(text)) => parse_date(text).is_some(),
        ("timestamptz", Value::Text(text)) => text.strip_suffix("+00").and_then(parse_time).is_some(),
        _ => false,
    })
}

/// Rows of events that got lost with what the catalog says of their files: what was noted when the newest snapshot was
/// made, and the sum over the table, are both more than the files have.
pub(super) fn lacking(connection: &Connection, table: Table, newest: i64, rows: i64) -> rusqlite::Result<i64> {
    let sum: Option<Value> = connection
        .query_row("SELECT record_count FROM ducklake_table_stats WHERE table_id = ?1", [table.id()], |row| row.get(0))
        .optional()?;
    let sum = sum.as_ref().and_then(integer);
    let keeps_notes = has_table(connection, "trailpare_snapshot_checks")?;
    let most = match (noted(connection, table, newest).unwrap_or(None), sum) {
        (Some((_, noted)), Some(sum)) => noted.min(sum),
        (Some((_, noted)), None) => noted,
        (None, Some(sum)) if !keeps_notes => sum,
        _ => rows,
    };
    Ok((most - rows).max(0))
}

/// Compares what was noted of snapshots with their files.
pub(super) fn amounts(
    connection: &Connection,
    judged: &[Judged],
    snapshots: &[(i64, i64)],
) -> rusqlite::Result<Vec<Wrong>> {
    if !has_table(connection, "trailpare_snapshot_checks")? {
        return Ok(Vec::new());
    }
    let mut statement =
        connection.prepare("SELECT snapshot_id, table_id, files, row_count FROM trailpare_snapshot_checks")?;
    let rows = statement.query_map([], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]))?;
    let mut wrong = Vec::new();
    for row in rows {
        let row: [Value; 4] = row?;
        let [id, table_id, files, count] = &row;
        let table = Table::ALL.into_iter().find(|table| Some(table.id()) == integer(table_id));
        let is_listed = snapshots.iter().any(|(snapshot, _)| Some(*snapshot) == integer(id));
        let (Some(snapshot), Some(table), true) = (integer(id), table, is_listed) else {
            let fix = sql(
                "DELETE FROM trailpare_snapshot_checks WHERE snapshot_id = ?1 AND table_id = ?2",
                [id.clone(), table_id.clone()],
            );
            let what = "it has a note of a snapshot that isn't listed".to_owned();
            wrong.push(Wrong { what, fix: Fix::Sql(vec![fix]) });
            continue;
        };
        let of = judged.iter().filter(|one| one.table == table && one.is_in(snapshot));
        let expected = of.fold((0, 0), |(files, rows), one| (files + 1, rows + one.rows()));
        if (integer(files), integer(count)) != (Some(expected.0), Some(expected.1)) {
            let fix = sql(
                "INSERT OR REPLACE INTO trailpare_snapshot_checks VALUES (?1, ?2, ?3, ?4)",
                [snapshot, table.id(), expected.0, expected.1].map(Value::Integer),
            );
            let number = |value: &Value| integer(value).map_or_else(|| "?".to_owned(), |number| number.to_string());
            let what = format!(
                "snapshot {snapshot} was noted with {} files and {} rows of {}; it has {} and {}",
                number(files),
                number(count),
                table.name(),
                expected.0,
                expected.1
            );
            wrong.push(Wrong { what, fix: Fix::Sql(vec![fix]) });
        }
    }
    Ok(wrong)
}

type DayKey = (i32, String, String);

/// Compares the events by day, account and region, and the sums of the ledger.
pub(super) fn ledger(connection: &Connection, judged: &[Judged]) -> Result<Vec<Wrong>, StoreError> {
    let live: Vec<&Judged> =
        judged.iter().filter(|one| one.is_live() && one.table == Table::Events && one.columns().is_some()).collect();
    let counted: Vec<Vec<DayCount>> = live
        .par_iter()
        .map(|one| days_of(&one.at, one.event_date().unwrap_or(0)))
        .collect::<Result<_, StoreError>>()?;
    let mut expected: BTreeMap<DayKey, i64> = BTreeMap::new();
    for day in counted.into_iter().flatten() {
        *expected.entry((day.event_date, day.account_id, day.aws_region)).or_default() += day.events as i64;
    }
    let compare = || {
        let mut wrong = Vec::new();
        wrong.extend(days(connection, &expected)?);
        let rows = live.iter().map(|one| one.rows()).sum();
        wrong.extend(totals(connection, rows)?);
        wrong.extend(coverage(connection)?);
        wrong.extend(usage_days(connection, &expected.keys().map(|key| key.0).collect())?);
        Ok(wrong)
    };
    compare().map_err(StoreError::catalog(Path::new("catalog.sqlite")))
}

/// Events of a file by account and region.
fn days_of(path: &Path, event_date: i32) -> Result<Vec<DayCount>, StoreError> {
    let mut counts: HashMap<(String, String), u64> = HashMap::new();
    for batch in read_batches(path, Some(&["aws_region", "recipient_account_id"]), None)? {
        let batch = batch?;
        let column = |name: &str| batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
        let (accounts, regions) = (column("recipient_account_id"), column("aws_region"));
        for row in 0..batch.num_rows() {
            let text = |column: Option<&arrow::array::StringArray>| {
                column.filter(|column| column.is_valid(row)).map_or("", |column| column.value(row)).to_owned()
            };
            *counts.entry((text(accounts), text(regions))).or_default() += 1;
        }
    }
    let day = |((account_id, aws_region), events)| DayCount { event_date, account_id, aws_region, events };
    Ok(counts.into_iter().map(day).collect())
}

fn days(connection: &Connection, expected: &BTreeMap<DayKey, i64>) -> rusqlite::Result<Option<Wrong>> {
    let mut statement = connection.prepare("SELECT event_date, account_id, aws_region, events FROM trailpare_days")?;
    let mut rows = statement.query([])?;
    let mut said: BTreeMap<DayKey, i64> = BTreeMap::new();
    let mut is_readable = true;
    while let Some(row) = rows.next()? {
        let values: [Value; 4] = [row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?];
        match values {
            [Value::Text(day), Value::Text(account), Value::Text(region), Value::Integer(events)] => {
                match parse_date(&day) {
                    Some(date) if events != 0 => drop(said.insert((date, account, region), events)),
                    Some(_) => {}
                    None => is_readable = false,
                }
            }
            _ => is_readable = false,
        }
    }
    if is_readable && said == *expected {
        return Ok(None);
    }
    let mut fix = vec![sql("DELETE FROM trailpare_days", [])];
    for ((date, account, region), events) in expected {
        let values = [Value::Text(format_date(*date)), Value::Text(account.clone()), Value::Text(region.clone())];
        let values = values.into_iter().chain([Value::Integer(*events)]);
        fix.push(sql("INSERT INTO trailpare_days VALUES (?1, ?2, ?3, ?4)", values));
    }
    let what = "it says wrongly how many events there are by day, account and region".to_owned();
    Ok(Some(Wrong { what, fix: Fix::Sql(fix) }))
}

/// Each record is an event, a duplicate of one, or kept out.
fn totals(connection: &Connection, events: i64) -> rusqlite::Result<Option<Wrong>> {
    let sums: [i64; 4] = connection.query_row(
        "SELECT count(*), coalesce(sum(size_bytes), 0), coalesce(sum(records), 0), coalesce(sum(broken), 0) \
         FROM trailpare_taken_objects",
        [],
        |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]),
    )?;
    let [objects, bytes, records, broken] = sums;
    let expected = [
        ("objects", objects),
        ("object_bytes", bytes),
        ("records", records),
        ("events", events),
        ("duplicates", records - events - broken),
        ("broken", broken),
    ];
    let mut statement = connection.prepare("SELECT name, value FROM trailpare_totals")?;
    let said = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let said = said.collect::<rusqlite::Result<Vec<(Value, Value)>>>()?;
    let value =
        |name: &str| said.iter().find(|(said, _)| *said == Value::Text(name.to_owned())).map(|(_, value)| value);
    let is_known = |name: &Value| expected.iter().any(|(known, _)| *name == Value::Text((*known).to_owned()));
    // A store without an ingest has none.
    let is_right =
        |(name, number): &(&str, i64)| value(name).map_or(*number == 0, |value| *value == Value::Integer(*number));
    if expected.iter().all(is_right) && said.iter().all(|(name, _)| is_known(name)) {
        return Ok(None);
    }
    let mut fix = vec![sql("DELETE FROM trailpare_totals", [])];
    fix.extend(expected.map(|(name, number)| {
        sql("INSERT INTO trailpare_totals VALUES (?1, ?2)", [Value::Text(name.to_owned()), Value::Integer(number)])
    }));
    let what = "its sums over the log objects are not those of the objects and the events".to_owned();
    Ok(Some(Wrong { what, fix: Fix::Sql(fix) }))
}

/// Sums over the log objects by account, region and day of delivery.
pub(super) fn coverage(connection: &Connection) -> rusqlite::Result<Option<Wrong>> {
    if !has_table(connection, "trailpare_coverage")? {
        return Ok(None);
    }
    let expected = coverage::rows(&coverage::sums(connection, None)?);
    let mut statement = connection.prepare(
        "SELECT account_id, aws_region, day, objects, events, valid_objects, valid_events, unchecked_objects, \
         unchecked_events, altered_objects, present, valid FROM trailpare_coverage ORDER BY 1, 2, 3",
    )?;
    let said = statement.query_map([], |row| (0..coverage::COLUMNS).map(|i| row.get(i)).collect())?;
    let said = said.collect::<rusqlite::Result<Vec<Vec<Value>>>>()?;
    if said == expected {
        return Ok(None);
    }
    let mut fix = vec![sql("DELETE FROM trailpare_coverage", [])];
    let insert = "INSERT INTO trailpare_coverage VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    fix.extend(expected.into_iter().map(|row| sql(insert, row)));
    let what = "its sums of what is there and proved are not those of the log objects".to_owned();
    Ok(Some(Wrong { what, fix: Fix::Sql(fix) }))
}

/// Every day that has events says under which catalogue its usage was derived.
fn usage_days(connection: &Connection, days: &BTreeSet<i32>) -> rusqlite::Result<Option<Wrong>> {
    let mut statement = connection.prepare("SELECT event_date, version FROM trailpare_usage_catalogue")?;
    let said = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (mut known, mut fix) = (BTreeSet::new(), Vec::new());
    for row in said {
        match row? {
            (Value::Text(day), Value::Text(_)) if parse_date(&day).is_some() => known.extend(parse_date(&day)),
            (day, _) => fix.push(sql("DELETE FROM trailpare_usage_catalogue WHERE event_date IS ?1", [day])),
        }
    }
    for day in days.difference(&known) {
        let values = [format_date(*day), DAMAGED.to_owned()].map(Value::Text);
        fix.push(sql("INSERT OR REPLACE INTO trailpare_usage_catalogue VALUES (?1, ?2)", values));
    }
    let what = "it doesn't say of every day how its usage was derived".to_owned();
    Ok((!fix.is_empty()).then_some(Wrong { what, fix: Fix::Sql(fix) }))
}
