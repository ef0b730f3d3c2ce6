//! What an export says of itself: its first file. `docs/schemas/export-manifest.json` describes it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::store::Table;
use crate::time::{format_date, parse_date};
use crate::util::hex::unhex;

/// The form of manifests that is written and read.
pub(super) const SCHEMA: &str = "trailpare/export-manifest/1";

/// The name of the manifest.
pub(super) const MANIFEST: &str = "manifest.json";

/// The name of the file with the rows of the ledger.
pub(super) const LEDGER: &str = "ledger.jsonl";

/// What an export has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub schema: String,
    /// The program that wrote it, with its version.
    pub program: String,
    pub store: Source,
    /// The first day that was asked for; `None`: from the beginning.
    pub from: Option<String>,
    /// The last day that was asked for.
    pub to: Option<String>,
    /// The accounts that were asked for; all where empty.
    pub accounts: Vec<String>,
    /// Events in all files.
    pub events: u64,
    pub ledger: LedgerLine,
    pub files: Vec<FileLine>,
}

/// The store that it is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    /// Drawn when the store was made.
    pub id: String,
    pub snapshot: i64,
    /// When that was committed (UTC).
    pub snapshot_time: String,
}

/// The rows of the ledger: a JSON object a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LedgerLine {
    pub path: String,
    pub bytes: u64,
    pub sha256: String,
    pub objects: u64,
    pub conflicts: u64,
}

/// A data file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileLine {
    pub path: String,
    pub table: String,
    pub day: String,
    pub rows: u64,
    pub bytes: u64,
    pub sha256: String,
}

/// Where a data file lies: as in the store.
pub(super) fn path_of(date: i32, name: &str) -> String {
    format!("data/main/{}/day={}/{name}", Table::Events.name(), format_date(date))
}

/// Whether a name is one of data files: letters, digits and hyphens, and the end.
pub(super) fn is_name(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let stem = name.strip_suffix(".parquet");
    stem.is_some_and(|stem| (1..=48).contains(&stem.len()) && stem.bytes().all(is_letter))
}

/// Reads a SHA-256 of 64 hexadecimal digits, lower-case as they are written here.
pub fn digest_of(text: &str) -> Option<[u8; 32]> {
    unhex(text).filter(|_| !text.contains(|c: char| c.is_ascii_uppercase()))?.try_into().ok()
}

impl FileLine {
    /// The day of its rows, days since 1970-01-01; why the line can't be meant.
    pub fn date(&self) -> Result<i32, String> {
        let date = parse_date(&self.day).filter(|date| format_date(*date) == self.day);
        let date = date.ok_or_else(|| format!("{:?} is no day", self.day))?;
        let name = self.path.rsplit('/').next().unwrap_or_default();
        if self.table != Table::Events.name() {
            return Err(format!("there is no table {:?} in an export", self.table));
        }
        if !is_name(name) || self.path != path_of(date, name) {
            return Err(format!("{:?} is not where a file of {} lies", self.path, self.day));
        }
        if self.rows == 0 || self.bytes == 0 || digest_of(&self.sha256).is_none() {
            return Err(format!("what it says of {} makes no sense", self.path));
        }
        Ok(date)
    }
}

impl Manifest {
    /// Reads one; in words, what is wrong with it.
    pub fn parse(text: &[u8]) -> Result<Manifest, String> {
        let schema = |text: &[u8]| -> Option<String> {
            #[derive(Deserialize)]
            struct Head {
                schema: String,
            }
            serde_json::from_slice::<Head>(text).ok().map(|head| head.schema)
        };
        match schema(text) {
            Some(schema) if schema != SCHEMA => {
                return Err(format!(
                    "its form is {schema:?}, this program reads {SCHEMA}\nhint: use a newer trailpare"
                ));
            }
            _ => {}
        }
        let manifest: Manifest = serde_json::from_slice(text).map_err(|error| format!("its manifest: {error}"))?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), String> {
        if self.ledger.path != LEDGER || digest_of(&self.ledger.sha256).is_none() {
            return Err("what its manifest says of the ledger makes no sense".to_owned());
        }
        let mut paths = BTreeSet::new();
        let mut events = 0_u64;
        for file in &self.files {
            file.date().map_err(|what| format!("its manifest: {what}"))?;
            if !paths.insert(&file.path) {
                return Err(format!("its manifest has {} twice", file.path));
            }
            events = events.saturating_add(file.rows);
        }
        if events != self.events {
            return Err(format!("its files have {events} rows, its manifest says {}", self.events));
        }
        Ok(())
    }

    /// The names of all its files, itself included.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        [MANIFEST, LEDGER].into_iter().chain(self.files.iter().map(|file| file.path.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> serde_json::Value {
        let sha256 = "ab".repeat(32);
        serde_json::json!({
            "schema": SCHEMA, "program": "trailpare 0.1.0",
            "store": {"id": "x", "snapshot": 3, "snapshot_time": "2024-03-01 00:00:00+00"},
            "from": null, "to": "2024-03-01", "accounts": [], "events": 5,
            "ledger": {"path": "ledger.jsonl", "bytes": 0, "sha256": sha256, "objects": 0, "conflicts": 0},
            "files": [{"path": "data/main/events/day=2024-03-01/a-1.parquet", "table": "events", "day": "2024-03-01",
                       "rows": 5, "bytes": 100, "sha256": sha256}],
        })
    }

    #[test]
    fn one_is_read_and_what_is_odd_is_not() {
        let read = |value: &serde_json::Value| Manifest::parse(value.to_string().as_bytes());
        let sound = read(&manifest()).expect("a manifest");
        assert_eq!(sound.names().count(), 3);
        for (pointer, value) in [
            ("/schema", "trailpare/export-manifest/2".into()),
            ("/events", 6.into()),
            ("/ledger/path", "../ledger.jsonl".into()),
            ("/ledger/sha256", "AB".into()),
            ("/files/0/path", "data/main/events/day=2024-03-01/../a.parquet".into()),
            ("/files/0/path", "/etc/a.parquet".into()),
            ("/files/0/path", "data/main/events/day=2024-03-02/a-1.parquet".into()),
            ("/files/0/path", "data/main/usage/day=2024-03-01/a-1.parquet".into()),
            ("/files/0/table", "usage".into()),
            ("/files/0/day", "2024-3-1".into()),
            ("/files/0/rows", 0.into()),
            ("/files/0/rows", (-1).into()),
            ("/files/0/sha256", "xy".into()),
            ("/files", serde_json::json!([manifest()["files"][0], manifest()["files"][0]])),
            ("/accounts", serde_json::json!({"$serde_json::private::Number": "1"})),
        ] {
            let mut altered = manifest();
            *altered.pointer_mut(pointer).expect("a place") = value;
            assert!(read(&altered).is_err(), "{pointer}: {altered}");
        }
        let mut more = manifest();
        more["link"] = "x".into();
        assert!(read(&more).is_err());
    }

    #[test]
    fn digests_are_read_as_they_are_written() {
        let digest: [u8; 32] = std::array::from_fn(|at| at as u8 * 7);
        assert_eq!(digest_of(&crate::util::hex::hex(&digest)), Some(digest));
        assert_eq!(digest_of(&"é".repeat(32)), None);
    }
}
