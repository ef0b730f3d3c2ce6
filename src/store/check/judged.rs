//! An entry of the catalog, judged by the file that it names.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::types::Value;

use super::super::datafile::StagedColumn;
use super::super::tables::Table;
use super::entries::{BEGIN, END, Entry, Facts, ROW_ID, integer};
use super::finding::below;
use super::look::{Look, Sound};

/// An entry of the catalog beside what is at its place.
pub(super) struct Judged {
    pub entry: Entry,
    pub table: Table,
    pub at: PathBuf,
    pub look: Look,
    /// What it should say; `None` where the file is not sound.
    pub expected: Option<Facts>,
}

impl Judged {
    pub fn fact(&self, name: &str) -> Option<i64> {
        let facts = self.expected.as_ref().filter(|facts| facts.contains_key(name)).unwrap_or(&self.entry.facts);
        facts.get(name).and_then(|values| integer(values.first()?))
    }

    pub fn rows(&self) -> i64 {
        self.fact("record_count").unwrap_or(0)
    }

    pub fn bytes(&self) -> i64 {
        self.fact("file_size_bytes").unwrap_or(0)
    }

    pub fn row_id_end(&self) -> i64 {
        self.fact(ROW_ID).unwrap_or(0).saturating_add(self.rows())
    }

    pub fn is_live(&self) -> bool {
        match self.expected.as_ref().and_then(|facts| facts.get(END)) {
            Some(end) => *end == [Value::Null],
            None => self.entry.is_live(),
        }
    }

    pub fn is_in(&self, snapshot: i64) -> bool {
        self.fact(BEGIN).is_some_and(|begin| begin <= snapshot)
            && (self.is_live() || self.fact(END).is_some_and(|end| end > snapshot))
    }

    pub fn sound(&self) -> Option<&Arc<Sound>> {
        if let Look::Sound(sound) = &self.look { Some(sound) } else { None }
    }

    pub fn columns(&self) -> Option<&[StagedColumn]> {
        self.sound().map(|sound| sound.columns.as_slice())
    }

    pub fn event_date(&self) -> Option<i32> {
        self.sound().and_then(|sound| sound.event_date).or_else(|| self.entry.event_date())
    }

    pub fn name(&self, dir: &Path) -> String {
        below(dir, &self.at)
    }
}

/// Sound files of events that the newest snapshot has.
pub(super) fn live_events(judged: &[Judged]) -> Vec<(PathBuf, i32, u64)> {
    let live = judged.iter().filter(|one| one.table == Table::Events && one.is_live());
    live.filter_map(|one| Some((one.at.clone(), one.event_date()?, one.sound()?.rows))).collect()
}
