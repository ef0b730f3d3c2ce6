//! What is listed and what is there, name by name.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::claims::Trust;
use super::error::in_words;
use super::finding::{Finding, Kind, Verdict};
use super::spans::Spans;
use super::spill::Part;
use crate::archive::{Buffers, ReadFault, inflated_digest, may_hold_events};
use crate::util::hex::hex;

/// Objects that are compared at once.
const AT_ONCE: usize = 512;

/// CloudTrail's largest objects have some hundred megabytes; what has more is none of them.
pub(super) const INFLATED_MAX_BYTES: u64 = 64 << 30;

/// What is known of log objects by one name.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Record {
    Listed { name: String, listed: Listed },
    Found { name: String, found: FoundObject },
}

/// What a digest says about a log object.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Listed {
    /// The key that it had.
    pub key: String,
    /// SHA-256, in lower-case hexadecimal.
    pub sha256: String,
    /// The digest's name.
    pub digest: String,
    /// Whether the digest is signed, altered, or why neither is known.
    pub standing: Standing,
}

/// What a digest is worth.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) enum Standing {
    Signed,
    Unchecked(String),
    Altered,
}

impl Standing {
    pub fn new(trust: Trust, reason: &str) -> Standing {
        match trust {
            Trust::Signed => Standing::Signed,
            Trust::Unchecked => Standing::Unchecked(reason.to_owned()),
            Trust::Altered => Standing::Altered,
        }
    }
}

/// A file that may be a log object.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FoundObject {
    /// Its path below the archive.
    pub object: String,
    pub path: FilePath,
    /// Whether its name says that it holds events.
    pub is_log: bool,
}

/// A path, which need not be text.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum FilePath {
    Text(String),
    Other(std::ffi::OsString),
    /// In a container, which was read to there.
    Within(Within),
}

/// What was seen of a file in a container.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Within {
    /// The hash of its inflated bytes, or why there is none.
    pub sha256: Result<String, String>,
    pub has_events: bool,
}

impl FilePath {
    pub fn new(path: &Path) -> FilePath {
        match path.to_str() {
            Some(text) => FilePath::Text(text.to_owned()),
            None => FilePath::Other(path.as_os_str().to_owned()),
        }
    }

    /// Whether it may hold events.
    fn may_hold_events(&self) -> bool {
        match self {
            FilePath::Text(text) => may_hold_events(Path::new(text)),
            FilePath::Other(other) => may_hold_events(Path::new(other)),
            FilePath::Within(within) => within.has_events,
        }
    }

    /// The hash of its inflated bytes; else the verdict about it, and why.
    fn sha256(&self, buffers: &mut Buffers) -> Result<String, (Verdict, String)> {
        let path = match self {
            FilePath::Text(text) => Path::new(text),
            FilePath::Other(other) => Path::new(other),
            FilePath::Within(within) => return within.sha256.clone().map_err(|reason| (Verdict::Altered, reason)),
        };
        inflated_digest(path, buffers, INFLATED_MAX_BYTES).map(|sha256| hex(&sha256)).map_err(|error| {
            let reason = in_words(&error.fault);
            match error.fault {
                ReadFault::Io(_) => (Verdict::Missing, format!("it is there and {reason}")),
                _ => (Verdict::Altered, reason),
            }
        })
    }
}

/// What is listed of a name, and whether it is there.
#[derive(Default)]
struct Name {
    listed: Vec<Listed>,
    is_there: bool,
}

/// Compares what stands in one part.
pub(super) fn compare(mut part: Part, spans: &Spans, findings: &mut Vec<Finding>) -> io::Result<()> {
    let mut names: HashMap<String, Name> = HashMap::new();
    let mut said: HashSet<(String, String, Standing)> = HashSet::new();
    for record in part.records()? {
        if let Record::Listed { name, listed } = record? {
            // Two digests may say the same.
            if said.insert((name.clone(), listed.sha256.clone(), listed.standing.clone())) {
                names.entry(name).or_default().listed.push(listed);
            }
        }
    }
    drop(said);
    let mut waiting = Vec::new();
    for record in part.records()? {
        let Record::Found { name, found } = record? else { continue };
        match names.get_mut(&name) {
            Some(known) => {
                known.is_there = true;
                waiting.push((name, found));
            }
            // Its name may say something else: an ingest takes events by content.
            None if found.is_log || found.path.may_hold_events() => {
                let reason = spans.reason(&found.object);
                findings.push(Finding { object: found.object, kind: Kind::Log, verdict: Verdict::NotCovered, reason });
            }
            // A file of another kind, which no digest lists.
            None => {}
        }
        if waiting.len() == AT_ONCE {
            findings.extend(compare_all(&mut waiting, &names));
        }
    }
    findings.extend(compare_all(&mut waiting, &names));
    findings.extend(names.into_values().filter(|name| !name.is_there).filter_map(missing));
    Ok(())
}

fn compare_all(waiting: &mut Vec<(String, FoundObject)>, names: &HashMap<String, Name>) -> Vec<Finding> {
    let compare_one = |buffers: &mut Buffers, (name, found): (String, FoundObject)| {
        let listed = names.get(&name).map(|name| name.listed.as_slice()).unwrap_or_default();
        let (verdict, reason) = verdict(&found.path, listed, buffers);
        Finding { object: found.object, kind: Kind::Log, verdict, reason }
    };
    std::mem::take(waiting).into_par_iter().map_init(Buffers::default, compare_one).collect()
}

fn verdict(path: &FilePath, listed: &[Listed], buffers: &mut Buffers) -> (Verdict, String) {
    if let Err(uncovered) = deciding(listed) {
        return uncovered;
    }
    match path.sha256(buffers) {
        Ok(sha256) => judge_hex(listed, &sha256),
        Err(verdict) => verdict,
    }
}

/// The best of the digests that list an object, which decide; what is said where none can.
fn deciding(listed: &[Listed]) -> Result<Vec<&Listed>, (Verdict, String)> {
    let best = |is_meant: fn(&Standing) -> bool| -> Vec<&Listed> {
        listed.iter().filter(|one| is_meant(&one.standing)).collect()
    };
    let mut deciding = best(|standing| matches!(standing, Standing::Signed));
    if deciding.is_empty() {
        deciding = best(|standing| matches!(standing, Standing::Unchecked(_)));
    }
    match (deciding.is_empty(), listed.first()) {
        (false, _) => Ok(deciding),
        (true, None) => Err((Verdict::NotCovered, "no digest lists it".to_owned())),
        (true, Some(Listed { digest, .. })) => {
            Err((Verdict::NotCovered, format!("only {digest} lists it, which was altered")))
        }
    }
}

/// What is known of an object with this SHA-256 of its inflated bytes.
pub(super) fn judge(listed: &[Listed], sha256: &[u8; 32]) -> (Verdict, String) {
    judge_hex(listed, &hex(sha256))
}

fn judge_hex(listed: &[Listed], sha256: &str) -> (Verdict, String) {
    let deciding = match deciding(listed) {
        Ok(deciding) => deciding,
        Err(uncovered) => return uncovered,
    };
    match deciding.iter().find(|one| one.sha256 == sha256) {
        Some(Listed { digest, standing: Standing::Unchecked(why), .. }) => {
            (Verdict::Unchecked, format!("listed by {digest}: {why}"))
        }
        Some(Listed { digest, .. }) => (Verdict::Valid, format!("listed by {digest}")),
        None => {
            let digest = deciding.first().map_or("a digest", |one| one.digest.as_str());
            (Verdict::Altered, format!("its hash is not the one that {digest} gives"))
        }
    }
}

/// What is known of an object that is not sound.
pub(super) fn judge_unsound(listed: &[Listed], reason: &str) -> (Verdict, String) {
    match deciding(listed) {
        Ok(_) => (Verdict::Altered, reason.to_owned()),
        Err(uncovered) => uncovered,
    }
}

fn missing(name: Name) -> Option<Finding> {
    let is_sure = |one: &&Listed| one.standing != Standing::Altered;
    let listed = name.listed.iter().find(is_sure).or(name.listed.first())?;
    let doubt = if is_sure(&listed) { "" } else { ", which was altered" };
    let reason = format!("listed by {}{doubt}", listed.digest);
    Some(Finding { object: listed.key.clone(), kind: Kind::Log, verdict: Verdict::Missing, reason })
}
