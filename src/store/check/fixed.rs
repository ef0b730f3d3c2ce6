//! What every catalog says: its settings, its tables and their columns; and what its snapshots say of each other.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use rusqlite::types::Value;

use super::super::connection::{DUCKLAKE_VERSION, OBJECTS_SQL, TRAILPARE_VERSION};
use super::super::create::fill;
use super::super::metadata::{self, has_table};
use super::super::tables::Table;
use super::entries::{History, integer};
use super::fix::{Fix, Sql, Wrong};
use crate::time::parse_time;

/// Tables that say the same in every catalog: name, columns that tell rows apart, columns that are compared.
const TABLES: [(&str, &[&str], &[&str]); 5] = [
    ("ducklake_schema", &["schema_id"], &["begin_snapshot", "end_snapshot", "schema_name", "path", "path_is_relative"]),
    (
        "ducklake_table",
        &["table_id"],
        &["begin_snapshot", "end_snapshot", "schema_id", "table_name", "path", "path_is_relative"],
    ),
    (
        "ducklake_column",
        &["table_id", "column_id"],
        &[
            "end_snapshot",
            "column_order",
            "column_name",
            "column_type",
            "initial_default",
            "default_value",
            "nulls_allowed",
            "parent_column",
            "default_value_type",
            "default_value_dialect",
        ],
    ),
    ("ducklake_partition_info", &["partition_id"], &["table_id", "begin_snapshot", "end_snapshot"]),
    ("ducklake_partition_column", &["partition_id", "partition_key_index"], &["table_id", "column_id", "transform"]),
];

/// A catalog as it is made.
fn template() -> rusqlite::Result<Connection> {
    let connection = Connection::open_in_memory()?;
    connection.execute_batch(include_str!("../ducklake.sql"))?;
    connection.execute_batch(OBJECTS_SQL)?;
    fill(&connection)?;
    Ok(connection)
}

fn rows(
    connection: &Connection,
    table: &str,
    key: &[&str],
    columns: &[&str],
) -> rusqlite::Result<Vec<(String, Vec<Value>)>> {
    let all: Vec<&str> = key.iter().chain(columns).copied().collect();
    let mut statement = connection.prepare(&format!("SELECT {} FROM {table}", all.join(", ")))?;
    let read = statement
        .query_map([], |row| (0..all.len()).map(|at| row.get(at)).collect::<rusqlite::Result<Vec<Value>>>())?;
    let split = |values: Vec<Value>| {
        let (key, said) = values.split_at(key.len().min(values.len()));
        (format!("{key:?}"), said.to_vec())
    };
    read.map(|values| Ok(split(values?))).collect()
}

/// Compares the tables that are fixed with what they are when they are made.
pub(super) fn tables(connection: &Connection) -> rusqlite::Result<Vec<Wrong>> {
    let template = template()?;
    let mut wrong = Vec::new();
    for (table, key, columns) in TABLES {
        let (right, said) = (rows(&template, table, key, columns)?, rows(connection, table, key, columns)?);
        let mut seen: BTreeMap<&String, Vec<&Vec<Value>>> = BTreeMap::new();
        said.iter().for_each(|(key, values)| seen.entry(key).or_default().push(values));
        for (key_text, values) in &right {
            let found = seen.get(key_text).map_or(&[][..], Vec::as_slice);
            if found.len() == 1 && found.first() == Some(&values) {
                continue;
            }
            let what = format!("its table {table} doesn't say of {key_text} what every store's does");
            wrong.push(Wrong { what, fix: Fix::Sql(replace_row(&template, table, key, key_text)?) });
        }
    }
    wrong.extend(columns_begin(connection)?);
    wrong.extend(strange_columns(connection, &template)?);
    Ok(wrong)
}

/// Statements that put a row of the template in the place of what is there.
fn replace_row(template: &Connection, table: &str, key: &[&str], key_text: &str) -> rusqlite::Result<Vec<Sql>> {
    let mut statement = template.prepare(&format!("SELECT {}, * FROM {table}", key.join(", ")))?;
    let count = statement.column_count();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let values = (0..count).map(|at| row.get(at)).collect::<rusqlite::Result<Vec<Value>>>()?;
        let (keys, whole) = values.split_at(key.len().min(values.len()));
        if format!("{keys:?}") != key_text {
            continue;
        }
        let condition: Vec<String> = key.iter().enumerate().map(|(at, name)| format!("{name} = ?{}", at + 1)).collect();
        let places: Vec<String> = (1..=whole.len()).map(|at| format!("?{at}")).collect();
        return Ok(vec![
            (format!("DELETE FROM {table} WHERE {}", condition.join(" AND ")), keys.to_vec()),
            (format!("INSERT INTO {table} VALUES ({})", places.join(", ")), whole.to_vec()),
        ]);
    }
    Ok(Vec::new())
}

/// Columns begin with a version of their table's schema.
fn columns_begin(connection: &Connection) -> rusqlite::Result<Vec<Wrong>> {
    let known: bool = connection.query_row(
        "SELECT count(*) = 2 AND count(DISTINCT table_id) = 2 FROM ducklake_schema_versions WHERE begin_snapshot = 0 AND schema_version = 0 AND \
         table_id IN (1, 2)",
        [],
        |row| row.get(0),
    )?;
    let mut wrong = Vec::new();
    if !known {
        let delete = "DELETE FROM ducklake_schema_versions WHERE begin_snapshot = 0 OR schema_version = 0 OR \
                      table_id NOT IN (SELECT table_id FROM ducklake_table)";
        let insert = "INSERT INTO ducklake_schema_versions VALUES (0, 0, 1), (0, 0, 2)";
        let fix = Fix::Sql([delete, insert].map(|sql| (sql.to_owned(), Vec::new())).into());
        wrong.push(Wrong { what: "it doesn't say with which schema its tables began".to_owned(), fix });
    }
    let condition = "table_id IN (1, 2) AND begin_snapshot <> 0 AND NOT EXISTS (SELECT 1 FROM ducklake_schema_versions v \
                     WHERE v.table_id = ducklake_column.table_id AND v.begin_snapshot = ducklake_column.begin_snapshot) \
                     OR table_id IN (1, 2) AND typeof(begin_snapshot) <> 'integer'";
    let sql = format!("SELECT count(*) FROM ducklake_column WHERE {condition}");
    let count: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
    if count > 0 {
        let sql = format!("UPDATE ducklake_column SET begin_snapshot = 0 WHERE {condition}");
        let what = format!("{count} columns begin at a snapshot that changed no schema");
        wrong.push(Wrong { what, fix: Fix::Sql(vec![(sql, Vec::new())]) });
    }
    Ok(wrong)
}

/// Columns under another number than theirs, or of a table that isn't there.
fn strange_columns(connection: &Connection, template: &Connection) -> rusqlite::Result<Vec<Wrong>> {
    let known = rows(template, "ducklake_column", &["table_id", "column_id"], &["column_name"])?;
    let names: BTreeSet<String> = known.iter().map(|(_, name)| format!("{name:?}")).collect();
    let keys: BTreeSet<&String> = known.iter().map(|(key, _)| key).collect();
    let mut statement = connection.prepare("SELECT rowid, table_id, column_id, column_name FROM ducklake_column")?;
    let mut found = statement.query([])?;
    let mut wrong = Vec::new();
    while let Some(row) = found.next()? {
        let (rowid, key, name): (i64, [Value; 2], Value) = (row.get(0)?, [row.get(1)?, row.get(2)?], row.get(3)?);
        let is_own = integer(&key[0]).is_some_and(|id| Table::ALL.iter().any(|table| table.id() == id));
        let exists: bool = connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM ducklake_table WHERE table_id = ?1)")?
            .query_row([&key[0]], |row| row.get(0))?;
        let is_strange = is_own && names.contains(&format!("{:?}", [name])) || !exists;
        if is_strange && !keys.contains(&format!("{:?}", &key[..])) {
            let sql = ("DELETE FROM ducklake_column WHERE rowid = ?1".to_owned(), vec![Value::Integer(rowid)]);
            wrong.push(Wrong { what: format!("it lists a column twice, as {key:?}"), fix: Fix::Sql(vec![sql]) });
        }
    }
    Ok(wrong)
}

/// Compares the settings with what they are when a store is made.
pub(super) fn settings(connection: &Connection) -> rusqlite::Result<Vec<Wrong>> {
    let table = metadata::table(connection)?;
    let mut expected = vec![("encrypted", "false"), ("data_inlining_row_limit", "0"), ("trailpare_version", "")];
    expected.push(("version", ""));
    if table == "trailpare_metadata" {
        expected.push(("data_path", "data/"));
    }
    let header: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let mut wrong = Vec::new();
    for (key, value) in expected {
        let sql = format!("SELECT \"value\" FROM {table} WHERE \"key\" = ?1 AND \"scope\" IS NULL");
        let mut statement = connection.prepare(&sql)?;
        let said = statement.query_map([key], |row| row.get(0))?.collect::<rusqlite::Result<Vec<Value>>>()?;
        let value = match key {
            "version" => DUCKLAKE_VERSION,
            "trailpare_version" if header != 0 => TRAILPARE_VERSION,
            _ => value,
        };
        if !value.is_empty() && said != [Value::Text(value.to_owned())] {
            let sql = vec![
                (format!("DELETE FROM {table} WHERE \"key\" = ?1"), vec![Value::Text(key.to_owned())]),
                (
                    format!("INSERT INTO {table} (\"key\", \"value\") VALUES (?1, ?2)"),
                    vec![Value::Text(key.to_owned()), Value::Text(value.to_owned())],
                ),
            ];
            wrong.push(Wrong { what: format!("its setting {key} is not {value:?}"), fix: Fix::Sql(sql) });
        }
    }
    Ok(wrong)
}

/// One snapshot, as it is listed.
struct Listed {
    id: i64,
    time: Value,
    numbers: [Option<i64>; 3],
    is_of_schema: bool,
}

/// Compares the snapshots with each other. `files`: numbers of files and the snapshots they begin at.
pub(super) fn snapshots(connection: &Connection, files: &[(i64, i64)]) -> rusqlite::Result<(Vec<Wrong>, History)> {
    let mut wrong = missing_snapshots(connection)?;
    let mut statement = connection.prepare(
        "SELECT s.snapshot_id, s.snapshot_time, s.schema_version, s.next_catalog_id, s.next_file_id, \
         CAST(c.changes_made AS TEXT), CAST(c.author AS TEXT) FROM ducklake_snapshot s \
         LEFT JOIN ducklake_snapshot_changes c USING (snapshot_id) ORDER BY s.snapshot_id",
    )?;
    let (mut listed, mut ours): (Vec<Listed>, Vec<i64>) = (Vec::new(), Vec::new());
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let changes: String = row.get::<_, Option<String>>(5)?.unwrap_or_default();
        let numbers: [Value; 3] = [row.get(2)?, row.get(3)?, row.get(4)?];
        let is_of_schema = ["created_", "altered_", "dropped_"].iter().any(|what| changes.contains(what));
        let numbers = [integer(&numbers[0]), integer(&numbers[1]), integer(&numbers[2])];
        let one = Listed { id: row.get(0)?, time: row.get(1)?, numbers, is_of_schema };
        if row.get::<_, Option<String>>(6)?.is_some_and(|author| author.starts_with("trailpare")) {
            ours.push(one.id);
        }
        listed.push(one);
    }
    wrong.extend(numbers(&mut listed, files));
    wrong.extend(listed.iter().filter_map(|one| wrong_time(one, &listed)));
    let snapshots = listed.iter().map(|one| (one.id, one.numbers[2].unwrap_or(0))).collect();
    Ok((wrong, History { snapshots, ours, row_ids: Vec::new() }))
}

fn set(column: &str, value: Value, id: i64) -> Fix {
    let sql = format!("UPDATE ducklake_snapshot SET {column} = ?1 WHERE snapshot_id = ?2");
    Fix::Sql(vec![(sql, vec![value, Value::Integer(id)])])
}

/// The versions and numbers of snapshots only change with a schema; those of files rise with the files.
fn numbers(listed: &mut [Listed], files: &[(i64, i64)]) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    for (at, name) in ["schema_version", "next_catalog_id"].into_iter().enumerate() {
        for i in 1..listed.len() {
            let value = |i: usize| listed.get(i).and_then(|one| one.numbers.get(at).copied().flatten());
            let (before, now) = (value(i - 1), value(i));
            let is_of_schema = listed.get(i).is_some_and(|one| one.is_of_schema);
            if now.is_some() && (before == now || is_of_schema && before.is_some() && before <= now) {
                continue;
            }
            let is_before_wrong =
                before.is_none() || now.is_some() && (i == 1 && listed.len() == 2 || value(i + 1) == now);
            let (which, right) = if is_before_wrong { (i - 1, now) } else { (i, before) };
            let Some((one, right)) = listed.get_mut(which).zip(right) else { continue };
            if let Some(number) = one.numbers.get_mut(at) {
                *number = Some(right);
            }
            let what = format!("snapshot {} has another {name} than those around it", one.id);
            wrong.push(Wrong { what, fix: set(name, Value::Integer(right), one.id) });
        }
    }
    for one in listed.iter_mut() {
        let before = files.iter().filter(|(_, begin)| *begin <= one.id).map(|(id, _)| id + 1).max().unwrap_or(0);
        let behind = files.iter().filter(|(_, begin)| *begin > one.id).map(|(id, _)| *id).min().unwrap_or(i64::MAX);
        let is_right = |next: i64| next >= before && next <= behind.max(before);
        if !one.numbers[2].is_some_and(is_right) {
            one.numbers[2] = Some(before);
            let what = format!("snapshot {} says wrongly which number the next file has", one.id);
            wrong.push(Wrong { what, fix: set("next_file_id", Value::Integer(before), one.id) });
        }
    }
    wrong
}

fn wrong_time(one: &Listed, all: &[Listed]) -> Option<Wrong> {
    let is_time = |value: &Value| matches!(value, Value::Text(text) if text.get(..19).and_then(parse_time).is_some());
    if is_time(&one.time) {
        return None;
    }
    let sound = all.iter().filter(|other| is_time(&other.time));
    let nearest = sound.min_by_key(|other| (other.id - one.id).abs())?;
    let what = format!("the time of snapshot {} can't be read; that of {} takes its place", one.id, nearest.id);
    Some(Wrong { what, fix: set("snapshot_time", nearest.time.clone(), one.id) })
}

/// Snapshots and what is noted of their changes go together.
fn missing_snapshots(connection: &Connection) -> rusqlite::Result<Vec<Wrong>> {
    let ids = |table: &str| -> rusqlite::Result<BTreeSet<i64>> {
        let mut statement = connection.prepare(&format!("SELECT snapshot_id FROM {table}"))?;
        let ids = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<Value>>>()?;
        Ok(ids.iter().filter_map(integer).collect())
    };
    let (snapshots, changes) = (ids("ducklake_snapshot")?, ids("ducklake_snapshot_changes")?);
    let noted = match has_table(connection, "trailpare_snapshot_checks")? {
        true => ids("trailpare_snapshot_checks")?,
        false => BTreeSet::new(),
    };
    let missing: Vec<i64> = changes.difference(&snapshots).copied().collect();
    let extra: Vec<i64> = snapshots.difference(&changes).copied().collect();
    let mut wrong = Vec::new();
    let rename = |table: &str, from: i64, to: i64| {
        let sql = format!("UPDATE {table} SET snapshot_id = ?1 WHERE snapshot_id = ?2");
        Fix::Sql(vec![(sql, vec![Value::Integer(to), Value::Integer(from)])])
    };
    match (missing.as_slice(), extra.as_slice()) {
        ([], []) => {}
        ([right], [found]) if noted.contains(right) || !noted.contains(found) => {
            let what = format!("snapshot {right} is listed as {found}");
            wrong.push(Wrong { what, fix: rename("ducklake_snapshot", *found, *right) });
        }
        ([found], [right]) => {
            let what = format!("the changes of snapshot {right} are listed as those of {found}");
            wrong.push(Wrong { what, fix: rename("ducklake_snapshot_changes", *found, *right) });
        }
        (missing, extra) => {
            for id in missing {
                let what = format!("snapshot {id} is not listed");
                let sql = "INSERT INTO ducklake_snapshot SELECT ?1, snapshot_time, schema_version, next_catalog_id, \
                           next_file_id FROM ducklake_snapshot ORDER BY abs(snapshot_id - ?1) LIMIT 1";
                wrong.push(Wrong { what, fix: Fix::Sql(vec![(sql.to_owned(), vec![Value::Integer(*id)])]) });
            }
            for id in extra {
                let what = format!("nothing is noted of the changes of snapshot {id}");
                let sql = "INSERT INTO ducklake_snapshot_changes VALUES (?1, '', 'unknown', 'lost', NULL)";
                wrong.push(Wrong { what, fix: Fix::Sql(vec![(sql.to_owned(), vec![Value::Integer(*id)])]) });
            }
        }
    }
    Ok(wrong)
}
