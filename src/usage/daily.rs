//! How much each principal used on each day: what a picture over time is drawn from.

use std::collections::BTreeMap;

use super::error::ReadError;
use super::read::{Sessions, read_within};
use super::select::{Cover, Selection, TimeRange};
use super::shared_str::Text;
use super::sorter::Space;
use crate::iam::Catalog;
use crate::store::{Snapshot, Table};
use crate::time::MICROS_PER_DAY;

/// Uses by day (days since 1970-01-01 UTC), of any outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Daily {
    /// By the principal's ARN.
    pub principals: BTreeMap<Text, BTreeMap<i32, u64>>,
    /// Of those who came through Identity Center, by the session's name.
    pub people: BTreeMap<Text, BTreeMap<i32, u64>>,
}

/// Counts the uses of the selected principals, day by day. The sum over all days is that of
/// [`read`](super::read).
///
/// # Errors
/// When the store can't be read, or the disk is full.
pub fn daily(
    snapshot: &Snapshot,
    selection: &Selection,
    range: &TimeRange,
    catalog: &Catalog,
    space: &Space,
) -> Result<Daily, ReadError> {
    let mut days: Vec<i32> = snapshot.files(Table::Usage).iter().map(|file| file.event_date).collect();
    days.sort_unstable();
    days.dedup();
    let mut daily = Daily::default();
    for day in days.into_iter().filter(|day| range.cover(*day) != Cover::None) {
        let begin_us = i64::from(day) * MICROS_PER_DAY;
        let from_us = range.from_us.map_or(begin_us, |from| from.max(begin_us));
        let to_us = range.to_us.map_or(begin_us + MICROS_PER_DAY, |to| to.min(begin_us + MICROS_PER_DAY));
        let of_day = TimeRange { from_us: Some(from_us), to_us: Some(to_us) };
        for row in read_within(snapshot, selection, &of_day, Sessions::Apart, catalog, space)? {
            let row = row?;
            if let (Some(_), Some(person)) = (&row.permission_set, row.session_name) {
                *daily.people.entry(person).or_default().entry(day).or_default() += row.event_count;
            }
            *daily.principals.entry(row.principal_arn).or_default().entry(day).or_default() += row.event_count;
        }
    }
    Ok(daily)
}
