//! Rows of one principal after those of the other.

use std::cmp::Ordering;
use std::iter::Peekable;

use super::subject::RowKey;
use crate::iam::Catalog;
use crate::store::Snapshot;
use crate::usage::{ReadError, RolePaths, Selection, Sessions, Space, TimeRange, UsageRow, read_exact_within};

/// An order of rows.
pub(super) type Order = fn(&UsageRow, &UsageRow) -> Ordering;

/// What rows of one have in common.
pub(super) type Key = fn(&UsageRow) -> String;

/// Rows in an order in which those of one are together.
pub(super) struct Groups {
    rows: Peekable<Box<dyn Iterator<Item = Result<UsageRow, ReadError>>>>,
    key: Key,
    space: Space,
}

/// Where rows come from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading<'a> {
    pub snapshot: &'a Snapshot,
    pub range: &'a TimeRange,
    pub catalog: &'a Catalog,
    pub space: &'a Space,
    /// Which ARNs are of one role, in this snapshot.
    pub role_paths: &'a RolePaths,
}

impl Groups {
    /// Rows of everybody, each one's together.
    pub fn of_everybody(reading: Reading<'_>) -> Result<Groups, ReadError> {
        let selection = Selection { principals: vec!["*".to_owned()], ..Selection::default() };
        Groups::new(reading, &selection, Sessions::Together, (RowKey::order, RowKey::text))
    }

    /// The same in the order of the keys' texts, in which other things with such keys are.
    pub fn in_order_of_keys(reading: Reading<'_>) -> Result<Groups, ReadError> {
        fn order(a: &UsageRow, b: &UsageRow) -> Ordering {
            RowKey::text(a).cmp(&RowKey::text(b)).then_with(|| UsageRow::compare(a, b))
        }
        let selection = Selection { principals: vec!["*".to_owned()], ..Selection::default() };
        Groups::new(reading, &selection, Sessions::Together, (order, RowKey::text))
    }

    /// Rows in `order`, in which those of the same `key` come one after the other.
    pub fn new(
        reading: Reading<'_>,
        selection: &Selection,
        sessions: Sessions,
        (order, key): (Order, Key),
    ) -> Result<Groups, ReadError> {
        let Reading { snapshot, range, catalog, space, role_paths } = reading;
        let selection = &Selection { role_paths: role_paths.clone(), ..selection.clone() };
        // Both are there while one goes over into the other; a group that was handed out is still held then.
        let uses = read_exact_within(snapshot, selection, range, sessions, catalog, &space.share(3))?;
        let rows = uses.ordered_by(order, &space.share(3))?.into_iter();
        let rows: Box<dyn Iterator<Item = Result<UsageRow, ReadError>>> = Box::new(rows);
        Ok(Groups { rows: rows.peekable(), key, space: space.share(4) })
    }

    /// The key of the next group, if it can be read.
    pub fn peek(&mut self) -> Option<String> {
        self.rows.peek().map(|row| row.as_ref().map(self.key).unwrap_or_default())
    }
}

impl Iterator for Groups {
    /// The key, and the rows; an error where they can't be read, or don't fit in memory. Those behind go on.
    type Item = (String, Result<Vec<UsageRow>, ReadError>);

    fn next(&mut self) -> Option<Self::Item> {
        let key_of = self.key;
        let of_first = self.peek()?;
        let group = std::iter::from_fn(|| {
            self.rows.next_if(|row| match row {
                Ok(row) => key_of(row) == of_first,
                Err(_) => true,
            })
        });
        let rows = self.space.hold(group);
        Some((of_first, rows))
    }
}
