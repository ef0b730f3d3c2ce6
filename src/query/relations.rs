//! The names of tables and views that every session has.

use super::trino::LAKE;

/// The stored roll-up, in which one use may have a row in several files. SQL sees the view `usage` over it.
pub(super) const USAGE_BY_FILE: &str = "usage_by_file";

/// Tables and views that every session has.
pub(super) const RELATIONS: &[&str] =
    &["events", "usage", USAGE_BY_FILE, "event_actions", "cloudtrail_logs", LAKE, "aws_cloudtrail_log"];
