//! Rows as they are to be stored, however many there are: what [`bounded`](super::bounded) gives of all of them.
//!
//! A group of which only so many resources are kept apart lies within the rows of one principal's action. These come
//! one after the other in stored order, and hardly ever are they many. Where they are more than fit in memory, they
//! are put in order by their groups and back, on the disk.

use std::iter::Peekable;

use super::error::ReadError;
use super::overflow::{RESOURCES_MAX, container, of_container};
use super::rollup::Rollup;
use super::row::UsageRow;
use super::sorter::{Merge, Order, ROW_BYTES, Sorted, Sorter, Space};
use super::sum::bounded;

/// Rows one after the other, up to the first that can't be read.
pub(crate) type RowIterator = Box<dyn Iterator<Item = Result<UsageRow, ReadError>> + Send>;

/// Rows to be stored, in stored order.
pub(crate) enum Rows {
    /// All of them.
    All(Vec<UsageRow>),
    /// One after the other, because they don't fit in memory.
    Streamed(RowIterator),
}

impl Rows {
    /// Of a sorter in stored order.
    pub(super) fn of(sorter: Sorter, space: &Space) -> Result<Rows, ReadError> {
        Ok(match sorter.finish()? {
            Sorted::All(rows) => Rows::All(bounded(rows)),
            Sorted::Merged(merge) => Rows::Streamed(Box::new(Bounded::new(merge, space))),
        })
    }

    /// Of a sorter in stored order, all of them as they are.
    pub(super) fn sorted(sorter: Sorter) -> Result<Rows, ReadError> {
        Ok(match sorter.finish()? {
            Sorted::All(rows) => Rows::All(rows),
            Sorted::Merged(merge) => Rows::Streamed(Box::new(merge)),
        })
    }

    /// Of what is counted and what of it is on the disk already, all of them as they are.
    pub(super) fn all_of_counted(mut sorter: Sorter, counted: Rollup, space: &Space) -> Result<Rows, ReadError> {
        if fits(&sorter, &counted, space) {
            return Ok(Rows::All(counted.into_rows()));
        }
        sorter.push_counted(counted)?;
        Rows::sorted(sorter)
    }

    /// Of what is counted and what of it is on the disk already.
    pub(super) fn of_counted(mut sorter: Sorter, counted: Rollup, space: &Space) -> Result<Rows, ReadError> {
        if fits(&sorter, &counted, space) {
            return Ok(Rows::All(bounded(counted.into_rows())));
        }
        sorter.push_counted(counted)?;
        Rows::of(sorter, space)
    }
}

/// Whether what is counted fits as rows.
fn fits(sorter: &Sorter, counted: &Rollup, space: &Space) -> bool {
    let rows_bytes = counted.len() as u64 * ROW_BYTES;
    !sorter.has_spilled() && counted.size_bytes() + rows_bytes <= space.bytes()
}

impl IntoIterator for Rows {
    type Item = Result<UsageRow, ReadError>;
    type IntoIter = RowIterator;

    fn into_iter(self) -> RowIterator {
        match self {
            Rows::All(rows) => ready(rows),
            Rows::Streamed(rows) => rows,
        }
    }
}

/// Whether rows are of one principal's action on one day.
fn is_beside(a: &UsageRow, b: &UsageRow) -> bool {
    let key = |row: &UsageRow| (row.event_date, row.action.is_some());
    key(a) == key(b)
        && a.action == b.action
        && a.event_name == b.event_name
        && a.event_source == b.event_source
        && a.principal_arn == b.principal_arn
        && a.account_id == b.account_id
}

struct Bounded {
    rows: Peekable<Merge>,
    space: Space,
    /// What is next.
    ready: RowIterator,
    failed: bool,
}

impl Bounded {
    fn new(rows: Merge, space: &Space) -> Bounded {
        Bounded { rows: rows.peekable(), space: space.clone(), ready: Box::new(std::iter::empty()), failed: false }
    }

    /// The next row of the same principal's action as `first`.
    fn next_beside(&mut self, first: &UsageRow) -> Option<Result<UsageRow, ReadError>> {
        self.rows.next_if(|row| row.as_ref().map_or(true, |row| is_beside(first, row)))
    }

    /// Makes the next principal's action ready; whether there was one.
    fn make_ready(&mut self) -> Result<bool, ReadError> {
        let Some(first) = self.rows.next().transpose()? else { return Ok(false) };
        let mut rows = vec![first.clone()];
        // So many are within the limit of any group.
        while rows.len() <= RESOURCES_MAX
            && let Some(row) = self.next_beside(&first)
        {
            rows.push(row?);
        }
        self.ready = if rows.len() <= RESOURCES_MAX { ready(rows) } else { self.many(&first, rows)? };
        Ok(true)
    }

    /// More rows of one principal's action than any group may have.
    fn many(&mut self, first: &UsageRow, rows: Vec<UsageRow>) -> Result<RowIterator, ReadError> {
        let mut sorter = Sorter::new(Order::Groups, &self.space);
        for row in rows {
            sorter.push(row)?;
        }
        while let Some(row) = self.next_beside(first) {
            sorter.push(row?)?;
        }
        let groups = match sorter.finish()? {
            Sorted::All(rows) => return Ok(ready(bounded(rows))),
            Sorted::Merged(groups) => groups,
        };
        match by_groups(groups, &self.space)? {
            Sorted::All(rows) => Ok(ready(rows)),
            Sorted::Merged(merge) => Ok(Box::new(merge)),
        }
    }
}

fn ready(rows: Vec<UsageRow>) -> RowIterator {
    Box::new(rows.into_iter().map(Ok))
}

/// Counts what is one too many of its group together, and puts the rows in stored order.
fn by_groups(groups: Merge, space: &Space) -> Result<Sorted, ReadError> {
    let mut stored = Sorter::new(Order::Stored, space);
    let mut further: Option<UsageRow> = None;
    let (mut last, mut resources): (Option<UsageRow>, usize) = (None, 0);
    for row in groups {
        let row = row?;
        if last.as_ref().is_none_or(|last| Order::compare_groups(last, &row).is_ne()) {
            resources = 0;
            further.take().map_or(Ok(false), |further| stored.push(further))?;
            last = Some(row.clone());
        }
        resources += usize::from(!row.overflow);
        if row.overflow || resources <= RESOURCES_MAX {
            stored.push(row)?;
            continue;
        }
        match &mut further {
            Some(further) => further.absorb(&row),
            None => {
                let resource = of_container(container(&row.resource)).into();
                further = Some(UsageRow { resource, overflow: true, ..row });
            }
        }
    }
    further.map_or(Ok(false), |further| stored.push(further))?;
    stored.finish()
}

impl Iterator for Bounded {
    type Item = Result<UsageRow, ReadError>;

    fn next(&mut self) -> Option<Result<UsageRow, ReadError>> {
        loop {
            if self.failed {
                return None;
            }
            if let Some(row) = self.ready.next() {
                return Some(row);
            }
            match self.make_ready() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.failed = true;
                    return Some(Err(error));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::iam::Outcome;

    /// One row: its principal, what it did on what, in which session, how it ended, when; whether it overflowed before.
    type Made = (u8, u8, u16, Option<u8>, bool, i64, bool);

    fn row((principal, action, resource, session, denied, time_us, overflow): Made) -> UsageRow {
        let container = if resource.is_multiple_of(5) { "b" } else { "c" };
        let name = if overflow { "*".to_owned() } else { resource.to_string() };
        UsageRow {
            principal_arn: format!("arn:aws:iam::111122223333:role/{principal}").into(),
            action: (action > 0).then(|| format!("s3:Get{action}").into()),
            session_name: session.map(|session| session.to_string().into()),
            outcome: if denied { Outcome::Denied } else { Outcome::Allowed },
            overflow,
            first_time_us: time_us,
            last_time_us: time_us,
            example_event_id: format!("{time_us}-{resource}").into(),
            ..UsageRow::example(&format!("arn:aws:s3:::{container}/{name}"))
        }
    }

    /// The rows by way of so little memory that hardly any two stay in it.
    fn streamed(rows: &[UsageRow], bytes: u64) -> Vec<UsageRow> {
        let folder = tempfile::tempdir().expect("a folder");
        let space = Space::new(folder.path(), bytes);
        let mut sorter = Sorter::new(Order::Stored, &space);
        for row in rows {
            sorter.push(row.clone()).expect("room");
        }
        let has_spilled = sorter.has_spilled();
        let rows = Rows::of(sorter, &space).expect("rows");
        assert_eq!(matches!(rows, Rows::Streamed(_)), has_spilled);
        rows.into_iter().collect::<Result<_, _>>().expect("rows")
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn rows_are_the_same_in_any_memory(
            made in proptest::collection::vec(
                (0..3_u8, 0..2_u8, 0..700_u16, proptest::option::of(0..2_u8), any::<bool>(), 0..50_i64,
                 prop_oneof![9 => Just(false), 1 => Just(true)]),
                0..400,
            ),
            bytes in prop_oneof![Just(1_u64), Just(20_000), Just(200_000), Just(1 << 30)],
        ) {
            let rows: Vec<UsageRow> = made.into_iter().map(row).collect();
            prop_assert_eq!(streamed(&rows, bytes), bounded(rows));
        }
    }

    /// One principal's action, more rows of it than fit, in groups that are full and groups that aren't.
    #[test]
    fn groups_are_full_at_the_same_rows_in_any_memory() {
        let made = (0..6_000_u16).map(|i| {
            let resource = i.wrapping_mul(7_919) % 1_501;
            row((0, 1, resource, Some((i % 3) as u8), i.is_multiple_of(11), i64::from(i), i.is_multiple_of(97)))
        });
        let rows: Vec<UsageRow> = made.collect();
        let expected = bounded(rows.clone());
        assert!(expected.iter().filter(|row| row.overflow).count() > 2 && expected.len() < rows.len());
        for bytes in [30_000, 1_000_000, 1 << 30] {
            assert!(streamed(&rows, bytes) == expected, "{bytes}");
        }
    }
}
