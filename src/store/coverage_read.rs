//! Reading how much of the log objects there is and is proved, and what digests say must be there.

use rusqlite::Row;

use super::change::FarEvents;
use super::coverage::{CoverageDay, hour_of};
use super::error::StoreError;
use super::metadata::has_table;
use super::open::Store;
use crate::time::parse_date;
use crate::verify::DigestDay;

/// A log object that digests list and that was never taken in, or that was taken in and is not what they say.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct OddObject {
    /// The name that CloudTrail gave it.
    pub object: String,
    /// The digest that lists it, or why it is not what was written.
    pub reason: String,
}

/// An hour of which log objects are missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingHour {
    /// Twelve digits.
    pub account_id: String,
    /// Region.
    pub region: String,
    /// Days since 1970-01-01.
    pub day: i32,
    /// From 0 to 23.
    pub hour: u32,
    /// How many.
    pub objects: u64,
}

impl Store {
    /// Sums over the log objects; `None` in a store of an older version, until it is next written to.
    pub fn coverage(&self) -> Result<Option<Vec<CoverageDay>>, StoreError> {
        self.query(|connection| {
            if !has_table(connection, "trailpare_coverage")? {
                return Ok(None);
            }
            let mut statement = connection.prepare(
                "SELECT account_id, aws_region, day, objects, events, valid_objects, valid_events, unchecked_objects, \
                 unchecked_events, altered_objects, present, valid FROM trailpare_coverage ORDER BY 1, 2, 3",
            )?;
            let rows = statement.query_map([], coverage_day)?;
            rows.collect::<rusqlite::Result<_>>().map(Some)
        })
    }

    /// Events of log objects whose names say no account, region and hour of delivery: [`Store::coverage`] has all
    /// others.
    pub fn unnamed_events(&self) -> Result<u64, StoreError> {
        self.query(|connection| {
            let sum = |sql| connection.query_row(sql, [], |row| row.get::<_, u64>(0));
            let all = sum("SELECT coalesce(sum(events), 0) FROM trailpare_taken_objects")?;
            let named = sum("SELECT coalesce(sum(events), 0) FROM trailpare_coverage")?;
            Ok(all.saturating_sub(named))
        })
    }

    /// For which hours there are digests, by chain and day.
    pub fn digest_days(&self) -> Result<Vec<DigestDay>, StoreError> {
        self.query(|connection| {
            if !has_table(connection, "trailpare_digest_days")? {
                return Ok(Vec::new());
            }
            let mut statement = connection.prepare(
                "SELECT chain, account_id, aws_region, day, told, signed, altered, named FROM trailpare_digest_days \
                 JOIN trailpare_digest_chains USING (chain_id) ORDER BY 1, 4",
            )?;
            let rows = statement.query_map([], |row| {
                let day: String = row.get(3)?;
                Ok(DigestDay {
                    chain: row.get(0)?,
                    account_id: row.get(1)?,
                    region: row.get(2)?,
                    day: parse_date(&day).unwrap_or_default(),
                    told: row.get(4)?,
                    signed: row.get(5)?,
                    altered: row.get(6)?,
                    named: row.get(7)?,
                })
            })?;
            rows.collect()
        })
    }

    /// How many log objects digests list that were never taken in, by account, region, day and hour.
    pub fn missing_hours(&self) -> Result<Vec<MissingHour>, StoreError> {
        self.query(|connection| {
            let mut hours = Vec::new();
            if !has_table(connection, "trailpare_missing_objects")? {
                return Ok(hours);
            }
            let sql = "SELECT prefix, substr(tail, 1, 11), count(*) FROM trailpare_missing_objects \
                       JOIN trailpare_name_prefixes USING (prefix_id) GROUP BY 1, 2";
            let mut statement = connection.prepare(sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let Some(place) = hour_of((row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?)) else { continue };
                let (account_id, region) = (place.account_id.to_owned(), place.region.to_owned());
                let (day, hour, objects) = (place.day, place.hour, row.get(2)?);
                hours.push(MissingHour { account_id, region, day, hour, objects });
            }
            Ok(hours)
        })
    }

    /// Events far from the time that their object's name has, object by object.
    pub fn far_events(&self) -> Result<Vec<FarEvents>, StoreError> {
        self.query(|connection| {
            if !has_table(connection, "trailpare_far_events")? {
                return Ok(Vec::new());
            }
            let sql = "SELECT name, events, first_time, last_time FROM trailpare_far_events ORDER BY 1";
            let mut statement = connection.prepare(sql)?;
            let rows = statement.query_map([], |row| {
                let (name, events) = (row.get(0)?, row.get(1)?);
                Ok(FarEvents { name, events, first_time_us: row.get(2)?, last_time_us: row.get(3)? })
            })?;
            rows.collect()
        })
    }

    /// Log objects that digests list and that were never taken in: how many, and the first of them by name.
    pub fn missing_objects(&self, max: u64) -> Result<(u64, Vec<OddObject>), StoreError> {
        self.odd("trailpare_missing_objects", "'listed by ' || digest", "true", max)
    }

    /// Log objects that were taken in and are not what digests say: likewise.
    pub fn altered_objects(&self, max: u64) -> Result<(u64, Vec<OddObject>), StoreError> {
        self.odd("trailpare_verdicts", "coalesce(reason, '')", "verdict = 'altered'", max)
    }

    fn odd(&self, table: &str, reason: &str, which: &str, max: u64) -> Result<(u64, Vec<OddObject>), StoreError> {
        self.query(|connection| {
            if !has_table(connection, table)? {
                return Ok((0, Vec::new()));
            }
            let count = format!("SELECT count(*) FROM {table} WHERE {which}");
            let count = connection.query_row(&count, [], |row| row.get(0))?;
            let mut statement = connection.prepare(&format!(
                "SELECT prefix || tail, {reason} FROM {table} JOIN trailpare_name_prefixes USING (prefix_id) \
                 WHERE {which} ORDER BY 1 LIMIT ?1"
            ))?;
            let rows = statement.query_map([max], |row| Ok(OddObject { object: row.get(0)?, reason: row.get(1)? }))?;
            Ok((count, rows.collect::<rusqlite::Result<_>>()?))
        })
    }
}

fn coverage_day(row: &Row<'_>) -> rusqlite::Result<CoverageDay> {
    let day: String = row.get(2)?;
    Ok(CoverageDay {
        account_id: row.get(0)?,
        region: row.get(1)?,
        day: parse_date(&day).unwrap_or_default(),
        objects: row.get(3)?,
        events: row.get(4)?,
        valid_objects: row.get(5)?,
        valid_events: row.get(6)?,
        unchecked_objects: row.get(7)?,
        unchecked_events: row.get(8)?,
        altered_objects: row.get(9)?,
        present: row.get(10)?,
        valid: row.get(11)?,
    })
}
