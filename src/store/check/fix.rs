//! What mends the catalog.

use std::sync::Arc;

use rusqlite::types::Value;

use super::super::tables::Table;
use super::entries::{Entry, Facts};
use super::look::Sound;

pub(super) type Sql = (String, Vec<Value>);

/// What mends the catalog.
#[derive(Clone, Debug)]
pub(super) enum Fix {
    Sql(Vec<Sql>),
    /// Makes it say of a file what the file says.
    Correct {
        entry: Box<Entry>,
        sound: Arc<Sound>,
        table: Table,
        expected: Facts,
    },
}

/// Something that the catalog says wrongly, and what mends it.
pub(super) struct Wrong {
    pub what: String,
    pub fix: Fix,
}
