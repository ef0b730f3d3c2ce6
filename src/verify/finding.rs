//! What is said about each object.

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::spill::Merged;
use crate::time::format_time;

/// What is known of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Verdict {
    /// It is what AWS wrote: a signature says so.
    #[serde(rename = "valid")]
    Valid,
    /// It is what a digest says, but that the digest is AWS's is not proved.
    #[serde(rename = "hash right, signature not checkable")]
    Unchecked,
    /// A log object that is not what AWS wrote.
    #[serde(rename = "altered")]
    Altered,
    /// A log object that a digest lists and that isn't there.
    #[serde(rename = "missing")]
    Missing,
    /// A log object of which no digest says anything.
    #[serde(rename = "not covered by any digest")]
    NotCovered,
    /// A digest that is not what AWS wrote.
    #[serde(rename = "digest altered")]
    DigestAltered,
    /// A digest that the next one names and that isn't there.
    #[serde(rename = "digest missing")]
    DigestMissing,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Verdict; 7] = [
        Verdict::Valid,
        Verdict::Unchecked,
        Verdict::Altered,
        Verdict::Missing,
        Verdict::NotCovered,
        Verdict::DigestAltered,
        Verdict::DigestMissing,
    ];

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Valid => "valid",
            Verdict::Unchecked => "hash right, signature not checkable",
            Verdict::Altered => "altered",
            Verdict::Missing => "missing",
            Verdict::NotCovered => "not covered by any digest",
            Verdict::DigestAltered => "digest altered",
            Verdict::DigestMissing => "digest missing",
        }
    }

    /// Whether something was done to the archive.
    pub fn is_fault(self) -> bool {
        matches!(self, Verdict::Altered | Verdict::Missing | Verdict::DigestAltered | Verdict::DigestMissing)
    }
}

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// It holds events.
    #[serde(rename = "log object")]
    Log,
    /// It lists log objects.
    #[serde(rename = "digest")]
    Digest,
}

/// What is said about one object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// Its path below the archive; the key that it had in S3 where it is missing.
    pub object: String,
    /// What it is.
    pub kind: Kind,
    /// What is known of it.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
}

/// A time of which no digest of a chain tells.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// Account, region and trail, as digests' names have them.
    pub chain: String,
    /// From when on, microseconds since 1970-01-01 UTC.
    pub from_us: i64,
    /// Until when.
    pub to_us: i64,
    /// What is known of it.
    pub cause: GapCause,
}

/// Why no digest tells of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GapCause {
    /// The digests around it follow one another: CloudTrail wrote none between them.
    Linked,
    /// The trail was stopped, or wrote no digests: the next one begins a chain.
    Stopped,
    /// Digests are missing.
    Missing,
    /// The digest behind it follows another than the one before it.
    Unlinked,
}

impl GapCause {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            GapCause::Linked => "the digests around it follow one another: none was written between them",
            GapCause::Stopped => "the trail was stopped, or wrote no digests",
            GapCause::Missing => "digests are missing",
            GapCause::Unlinked => "the digests around it do not follow one another",
        }
    }
}

impl Gap {
    /// As JSON.
    pub fn value(&self) -> Value {
        json!({
            "chain": self.chain,
            "from": format_time(self.from_us),
            "to": format_time(self.to_us),
            "reason": self.cause.name(),
        })
    }
}

/// How many of each verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    counts: BTreeMap<(Kind, Verdict), u64>,
}

impl Sums {
    pub(super) fn add(&mut self, finding: &Finding) {
        *self.counts.entry((finding.kind, finding.verdict)).or_default() += 1;
    }

    /// How many of a kind have a verdict.
    pub fn of(&self, kind: Kind, verdict: Verdict) -> u64 {
        self.counts.get(&(kind, verdict)).copied().unwrap_or_default()
    }

    /// How many of a kind there are, missing ones included.
    pub fn all(&self, kind: Kind) -> u64 {
        Verdict::ALL.iter().map(|verdict| self.of(kind, *verdict)).sum()
    }

    /// How many were altered or are missing.
    pub fn faults(&self) -> u64 {
        self.counts.iter().filter(|((_, verdict), _)| verdict.is_fault()).map(|(_, count)| count).sum()
    }

    /// As JSON: how many findings have each verdict, and the same of digests alone.
    pub fn value(&self) -> Value {
        let both = |verdict| self.of(Kind::Log, verdict) + self.of(Kind::Digest, verdict);
        let mut value: Map<String, Value> =
            Verdict::ALL.iter().map(|verdict| (verdict.name().to_owned(), json!(both(*verdict)))).collect();
        let of = |kind: Kind| -> Map<String, Value> {
            let counts = Verdict::ALL.iter().map(|verdict| (*verdict, self.of(kind, *verdict)));
            counts.filter(|(_, count)| *count > 0).map(|(verdict, n)| (verdict.name().to_owned(), json!(n))).collect()
        };
        value.insert("log_objects".to_owned(), Value::Object(of(Kind::Log)));
        value.insert("digests".to_owned(), Value::Object(of(Kind::Digest)));
        Value::Object(value)
    }
}

/// All findings, in the order of their objects.
pub struct Findings(pub(super) Merged<Finding>);

impl Iterator for Findings {
    type Item = io::Result<Finding>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

impl std::fmt::Debug for Findings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Findings")
    }
}
