//! Which actions were used, by whom, on what.

use std::cmp::Ordering;
use std::iter::Peekable;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::iam::Outcome;
use crate::time::format_time;
use crate::usage::{Text, UsageRow};

/// Whose uses are added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Role, user, root, ...
    Principal,
    /// Principal and session name: for Identity Center roles, the person.
    Session,
    /// The account in which the principals live.
    Account,
}

/// The uses of one action on one resource by one group, of one outcome and confidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Whose uses it adds up.
    pub by: By,
    /// Values of [`By::headings`].
    pub group: Vec<Text>,
    /// Its place among those of its group, before its name.
    rank: u8,
    /// The action; what needs no permission says so.
    pub action: Text,
    /// The resource; of what needs no permission the event's name.
    pub resource: Text,
    /// Whether it stands for further resources of a container.
    pub overflow: bool,
    /// `allowed`, `denied` or `undecided`.
    pub outcome: &'static str,
    /// How certain the action is: `documented`, `inferred`, ...
    pub confidence: Text,
    /// The rule by which the action is known.
    pub rule: Text,
    /// How many uses.
    pub event_count: u64,
    /// Microseconds since 1970-01-01 UTC.
    pub first_time_us: i64,
    /// Microseconds since 1970-01-01 UTC.
    pub last_time_us: i64,
}

const NO_PERMISSION: &str = "(none needed)";

/// The rank of what needs no permission.
const NEEDS_NONE: u8 = 3;

impl By {
    /// Names of the columns that tell groups apart.
    pub fn headings(self) -> &'static [&'static str] {
        match self {
            By::Principal => &["principal_arn"],
            By::Session => &["principal_arn", "session_name"],
            By::Account => &["account_id"],
        }
    }

    fn group(self, row: &UsageRow) -> Vec<&str> {
        match self {
            By::Principal => vec![&row.principal_arn],
            By::Session => vec![&row.principal_arn, row.session_name.as_deref().unwrap_or_default()],
            By::Account => vec![&row.account_id],
        }
    }

    /// The order of lines, and of the rows that a line adds up.
    pub fn order(self) -> fn(&UsageRow, &UsageRow) -> Ordering {
        match self {
            By::Principal => |a, b| compare(By::Principal, a, b).then_with(|| UsageRow::compare(a, b)),
            By::Session => |a, b| compare(By::Session, a, b).then_with(|| UsageRow::compare(a, b)),
            By::Account => |a, b| compare(By::Account, a, b).then_with(|| UsageRow::compare(a, b)),
        }
    }
}

/// The order of the lines that two rows count for.
fn compare(by: By, a: &UsageRow, b: &UsageRow) -> Ordering {
    by.group(a).cmp(&by.group(b)).then_with(|| what(a).cmp(&what(b)))
}

/// What a line of its group is about: its rank, action, resource or event, whether that stands for further ones, and how it
/// is known.
fn what(row: &UsageRow) -> (u8, &str, &str, bool, &str) {
    let rank = match row.outcome {
        _ if row.action.is_none() => NEEDS_NONE,
        Outcome::Allowed => 0,
        Outcome::Denied => 1,
        Outcome::Undecided => 2,
    };
    let action = row.action.as_deref().unwrap_or(NO_PERMISSION);
    let resource = if row.action.is_none() { &row.event_name } else { &row.resource };
    (rank, action, resource, row.overflow, &row.confidence)
}

/// Adds up the rows of each group: one line an action, resource, outcome and confidence. The rows come in the order of
/// [`By::order`].
pub struct Lines<I: Iterator> {
    by: By,
    rows: Peekable<I>,
}

impl<E, I: Iterator<Item = Result<UsageRow, E>>> Lines<I> {
    /// The lines of those rows.
    pub fn new(by: By, rows: I) -> Lines<I> {
        Lines { by, rows: rows.peekable() }
    }

    /// Whether there is none.
    pub fn is_empty(&mut self) -> bool {
        self.rows.peek().is_none()
    }
}

impl<E, I: Iterator<Item = Result<UsageRow, E>>> Iterator for Lines<I> {
    type Item = Result<Line, E>;

    fn next(&mut self) -> Option<Result<Line, E>> {
        let first = match self.rows.next()? {
            Ok(row) => row,
            Err(error) => return Some(Err(error)),
        };
        let mut line = Line::of(&first, self.by);
        let is_same =
            |row: &Result<UsageRow, E>| row.as_ref().is_ok_and(|row| compare(self.by, row, &first) == Ordering::Equal);
        while let Some(Ok(row)) = self.rows.next_if(is_same) {
            line.event_count += row.event_count;
            line.first_time_us = line.first_time_us.min(row.first_time_us);
            line.last_time_us = line.last_time_us.max(row.last_time_us);
        }
        Some(Ok(line))
    }
}

impl Line {
    fn of(row: &UsageRow, by: By) -> Line {
        let (rank, action, resource, overflow, _) = what(row);
        Line {
            by,
            group: by.group(row).into_iter().map(Text::from).collect(),
            rank,
            action: action.into(),
            resource: resource.into(),
            overflow,
            outcome: row.outcome.as_str(),
            confidence: row.confidence.clone(),
            rule: row.rule.clone(),
            event_count: row.event_count,
            first_time_us: row.first_time_us,
            last_time_us: row.last_time_us,
        }
    }
}

impl Serialize for Line {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, text) in self.by.headings().iter().zip(&self.group) {
            map.serialize_entry(name, text.as_str())?;
        }
        let needs_none = self.rank == NEEDS_NONE;
        map.serialize_entry("action", &(!needs_none).then_some(self.action.as_str()))?;
        map.serialize_entry(if needs_none { "event_name" } else { "resource" }, self.resource.as_str())?;
        map.serialize_entry("outcome", self.outcome)?;
        map.serialize_entry("confidence", self.confidence.as_str())?;
        map.serialize_entry("rule", self.rule.as_str())?;
        map.serialize_entry("overflow", &self.overflow)?;
        map.serialize_entry("event_count", &self.event_count)?;
        map.serialize_entry("first_time", &format_time(self.first_time_us))?;
        map.serialize_entry("last_time", &format_time(self.last_time_us))?;
        map.end()
    }
}
