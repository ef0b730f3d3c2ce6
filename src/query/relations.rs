//! The tables and views that every session has.

use super::trino::LAKE;

/// The stored roll-up, in which one use may have a row in several files. SQL sees the view `usage` over it.
pub(super) const USAGE_BY_FILE: &str = "usage_by_file";

/// A table or a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relation {
    /// Its name.
    pub name: &'static str,
    /// Whether it is stored: views are worked out when they are asked.
    pub is_table: bool,
    /// What a row of it is, for people.
    pub what: &'static str,
}

/// Tables and views that every session has, those that people begin with first.
pub const RELATIONS: &[Relation] = &[
    Relation { name: "events", is_table: true, what: "one row an event, CloudTrail's names in snake_case" },
    Relation {
        name: "usage",
        is_table: false,
        what: "who used which IAM action on which resource, with what outcome, how often: one row a use and day",
    },
    Relation {
        name: "event_actions",
        is_table: false,
        what: "each event's IAM actions and resources, one a row, worked out while the query runs",
    },
    Relation {
        name: "cloudtrail_logs",
        is_table: false,
        what: "events as the table has them that the AWS documentation has people create in Athena",
    },
    Relation { name: LAKE, is_table: false, what: "events as an event data store of CloudTrail Lake has them" },
    Relation { name: "aws_cloudtrail_log", is_table: false, what: "events as Tailpipe's table has them" },
    Relation {
        name: USAGE_BY_FILE,
        is_table: true,
        what: "usage as it is stored: one use may have a row in each of several files",
    },
];
