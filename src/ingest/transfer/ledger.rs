//! The rows of the ledger that an export takes along: log objects, and events of other content than the stored ones.
//! A JSON object a line.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use super::manifest::digest_of;
use crate::store::{BrokenEntry, Conflict, FarEvents, LedgerEntry, Neighbours, ObjectProof, ObjectVerdict, Stray};
use crate::time::{format_date, parse_date};
use crate::util::hex::hex;

/// Numbers of a line are below this one, so that no sum of them overflows.
const NUMBER_MAX: u64 = 1 << 40;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Line {
    Object(ObjectLine),
    Conflict(ConflictLine),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ObjectLine {
    name: String,
    path: String,
    bytes: u64,
    sha256: Option<String>,
    records: u64,
    events: u64,
    duplicates: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    kept_out: Vec<KeptOutLine>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    proof: Option<ProofLine>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    far: Option<FarLine>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    strays: Vec<StrayLine>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptOutLine {
    record: u64,
    offset_bytes: u64,
    reason: String,
    before: Option<String>,
    after: Option<String>,
    between: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProofLine {
    verdict: String,
    content_sha256: Option<String>,
    reason: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FarLine {
    events: u64,
    first_us: i64,
    last_us: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StrayLine {
    account: String,
    region: String,
    day: Option<String>,
    events: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConflictLine {
    event_id: String,
    day: String,
    path: String,
    record: u64,
    offset_bytes: u64,
    first_path: Option<String>,
    first_offset: Option<u64>,
}

fn key_text(key: Option<u128>) -> Option<String> {
    key.map(|key| format!("{key:032x}"))
}

impl Line {
    /// The line of a log object.
    pub fn of_object(entry: &LedgerEntry) -> Line {
        let kept_out = |broken: &BrokenEntry| KeptOutLine {
            record: broken.index,
            offset_bytes: broken.offset_bytes,
            reason: broken.reason.clone(),
            before: key_text(broken.neighbours.before),
            after: key_text(broken.neighbours.after),
            between: broken.neighbours.between,
        };
        let proof = |proof: &ObjectProof| ProofLine {
            verdict: proof.verdict.name().to_owned(),
            content_sha256: proof.content_sha256.as_ref().map(|sha256| hex(sha256)),
            reason: proof.reason.clone(),
        };
        let far =
            |far: &FarEvents| FarLine { events: far.events, first_us: far.first_time_us, last_us: far.last_time_us };
        let stray = |stray: &Stray| StrayLine {
            account: stray.account_id.clone(),
            region: stray.region.clone(),
            day: stray.day.map(format_date),
            events: stray.events,
        };
        Line::Object(ObjectLine {
            name: entry.name.clone(),
            path: entry.path.clone(),
            bytes: entry.size_bytes,
            sha256: entry.sha256.as_ref().map(|sha256| hex(sha256)),
            records: entry.records,
            events: entry.events,
            duplicates: entry.duplicates,
            kept_out: entry.broken.iter().map(kept_out).collect(),
            proof: entry.proof.as_ref().map(proof),
            far: entry.far.as_ref().map(far),
            strays: entry.strays.iter().map(stray).collect(),
        })
    }

    /// The line of a conflict.
    pub fn of_conflict(conflict: &Conflict) -> Line {
        let (first_path, first_offset) = conflict.first.clone().unzip();
        Line::Conflict(ConflictLine {
            event_id: conflict.event_id.clone(),
            day: format_date(conflict.event_date),
            path: conflict.path.clone(),
            record: conflict.index,
            offset_bytes: conflict.offset_bytes,
            first_path,
            first_offset,
        })
    }

    /// Writes it.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer(&mut *out, self)?;
        out.write_all(b"\n")
    }
}

/// Numbers that can be meant.
fn are_small(numbers: &[u64]) -> Option<()> {
    numbers.iter().all(|number| *number < NUMBER_MAX).then_some(())
}

fn key_of(text: Option<&String>) -> Option<Option<u128>> {
    match text {
        None => Some(None),
        Some(text) if text.len() == 32 => u128::from_str_radix(text, 16).ok().map(Some),
        Some(_) => None,
    }
}

fn digest(text: Option<&String>) -> Option<Option<[u8; 32]>> {
    text.map_or(Some(None), |text| digest_of(text).map(Some))
}

impl ObjectLine {
    /// The row of the ledger; `None` where it can't be meant.
    pub fn entry(self) -> Option<LedgerEntry> {
        are_small(&[self.bytes, self.records, self.events, self.duplicates, self.kept_out.len() as u64])?;
        let known = self.events + self.duplicates + self.kept_out.len() as u64;
        if self.name.is_empty() || known > self.records {
            return None;
        }
        let far = self.far.map(|far| {
            are_small(&[far.events])?;
            let FarLine { events, first_us, last_us } = far;
            Some(FarEvents { name: self.name.clone(), events, first_time_us: first_us, last_time_us: last_us })
        });
        Some(LedgerEntry {
            sha256: digest(self.sha256.as_ref())?,
            size_bytes: self.bytes,
            records: self.records,
            events: self.events,
            duplicates: self.duplicates,
            broken: self.kept_out.into_iter().map(KeptOutLine::entry).collect::<Option<_>>()?,
            is_again: false,
            proof: self.proof.map(ProofLine::proof).map_or(Some(None), |proof| proof.map(Some))?,
            far: far.map_or(Some(None), |far| far.map(Some))?,
            strays: self.strays.into_iter().map(StrayLine::stray).collect::<Option<_>>()?,
            displaces: None,
            // Where it lies is of the other machine.
            version: None,
            refused: None,
            name: self.name,
            path: self.path,
        })
    }
}

impl KeptOutLine {
    fn entry(self) -> Option<BrokenEntry> {
        are_small(&[self.record, self.offset_bytes, self.between.unwrap_or_default()])?;
        let neighbours = Neighbours {
            before: key_of(self.before.as_ref())?,
            after: key_of(self.after.as_ref())?,
            between: self.between,
        };
        Some(BrokenEntry { index: self.record, offset_bytes: self.offset_bytes, reason: self.reason, neighbours })
    }
}

impl ProofLine {
    fn proof(self) -> Option<ObjectProof> {
        Some(ObjectProof {
            verdict: ObjectVerdict::parse(&self.verdict)?,
            content_sha256: digest(self.content_sha256.as_ref())?,
            reason: self.reason,
        })
    }
}

impl StrayLine {
    fn stray(self) -> Option<Stray> {
        are_small(&[self.events])?;
        let day = self.day.map(|day| parse_date(&day)).map_or(Some(None), |day| day.map(Some))?;
        Some(Stray { account_id: self.account, region: self.region, day, events: self.events })
    }
}

impl ConflictLine {
    /// The row of the ledger; `None` where it can't be meant.
    pub fn conflict(self) -> Option<Conflict> {
        are_small(&[self.record, self.offset_bytes, self.first_offset.unwrap_or_default()])?;
        Some(Conflict {
            event_id: self.event_id,
            event_date: parse_date(&self.day)?,
            path: self.path,
            index: self.record,
            offset_bytes: self.offset_bytes,
            first: self.first_path.zip(self.first_offset),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn all_of_a_row_is_carried() {
        let mut entry = LedgerEntry::refused("a_b", Path::new("/x/a_b"), 7, Some([9; 32]), String::new(), None);
        let neighbours = Neighbours { before: Some(1), after: Some(u128::MAX), between: Some(2) };
        entry.refused = None;
        (entry.records, entry.events, entry.duplicates) = (6, 3, 1);
        entry.broken = vec![BrokenEntry { index: 4, offset_bytes: 5, reason: "r\n\"".to_owned(), neighbours }];
        entry.proof = Some(ObjectProof {
            verdict: ObjectVerdict::NotCovered,
            content_sha256: Some([3; 32]),
            reason: Some("why".to_owned()),
        });
        entry.far = Some(FarEvents { name: "a_b".to_owned(), events: 1, first_time_us: -5, last_time_us: 9 });
        entry.strays = vec![Stray { account_id: "1".to_owned(), region: String::new(), day: Some(19_784), events: 1 }];
        let mut text = Vec::new();
        Line::of_object(&entry).write(&mut text).expect("written");
        let Line::Object(line) = serde_json::from_slice(&text).expect("a line") else { panic!("an object") };
        assert_eq!(line.entry(), Some(entry));
        let conflict = Conflict {
            event_id: "e".to_owned(),
            event_date: 19_784,
            path: "p".to_owned(),
            index: 1,
            offset_bytes: 2,
            first: Some(("q".to_owned(), 3)),
        };
        text.clear();
        Line::of_conflict(&conflict).write(&mut text).expect("written");
        let Line::Conflict(line) = serde_json::from_slice(&text).expect("a line") else { panic!("a conflict") };
        assert_eq!(line.conflict(), Some(conflict));
    }

    #[test]
    fn what_cannot_be_meant_is_none() {
        let line = |text: &str| serde_json::from_str::<Line>(text);
        let object = |more: &str| {
            let text = format!(
                "{{\"object\":{{\"name\":\"a\",\"path\":\"p\",\"bytes\":1,\"sha256\":null,\"records\":2,\"events\":1,\
                 \"duplicates\":1{more}}}}}"
            );
            match line(&text) {
                Ok(Line::Object(object)) => object.entry(),
                _ => None,
            }
        };
        assert!(object("").is_some());
        for odd in [
            ",\"proof\":{\"verdict\":\"perfect\",\"content_sha256\":null,\"reason\":null}",
            ",\"kept_out\":[{\"record\":0,\"offset_bytes\":0,\"reason\":\"\",\"before\":null,\"after\":null,\"between\":null}]",
            ",\"far\":{\"events\":9999999999999,\"first_us\":0,\"last_us\":0}",
            ",\"strays\":[{\"account\":\"\",\"region\":\"\",\"day\":\"soon\",\"events\":1}]",
            ",\"displaces\":1",
        ] {
            assert!(object(odd).is_none(), "{odd}");
        }
        assert!(line("{\"refused\":{}}").is_err() && line("[]").is_err());
    }
}
