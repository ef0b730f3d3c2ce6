//! Objects that are known by their names: whether what lies there now is what was taken in.

use std::collections::HashSet;

use rayon::prelude::*;

use super::batch::Converted;
use super::committer::{Committer, struck_by};
use super::error::IngestError;
use super::planned::{Identity, Planned};
use super::proving::{NOTED_AT_ONCE, Proved, prove_file};
use super::remote::version;
use crate::archive::{self, Buffers, ReadError, ReadFault};
use crate::store::{Known, LedgerEntry, ObjectVersion};
use crate::verify::Proof;

/// What lies where an object is that is known by its name.
enum Looked {
    /// What was taken in.
    Same(Planned),
    /// Likewise; digests were asked about it for the first time.
    Proved(Planned, Proved),
    /// Something else.
    Other(Planned, [u8; 32]),
    Unread(Box<LedgerEntry>),
    /// Somebody asked for an end before it was looked at.
    Stopped,
}

/// Compares objects with what was taken in under their names; those whose bytes are others now, which are to be read.
pub(super) fn look_again(
    again: Vec<Planned>,
    proof: Option<&Proof>,
    committer: &mut Committer<'_>,
    known: &Known,
) -> Result<Vec<Planned>, IngestError> {
    let (mut changed, mut seen) = (Vec::new(), HashSet::new());
    let mut rest = again.into_iter();
    while !rest.as_slice().is_empty() && !committer.progress.is_stopped() {
        let some: Vec<Planned> = rest.by_ref().take(NOTED_AT_ONCE).collect();
        let look = |buffers: &mut Buffers, planned| look(planned, proof, buffers);
        let looked: Vec<Looked> = some.into_par_iter().map_init(Buffers::default, look).collect();
        let (mut converted, mut versions) = (Converted::default(), Vec::new());
        for one in looked {
            match one {
                Looked::Same(planned) => {
                    versions.extend(read_version(&planned));
                    converted.struck.extend(struck(&planned, known));
                }
                Looked::Proved(planned, proved) => {
                    versions.extend(read_version(&planned));
                    converted.struck.extend(struck(&planned, known));
                    converted.proved.push(proved);
                }
                Looked::Other(planned, sha256) => {
                    // Of several that are the same one is read.
                    if seen.insert((planned.name().to_owned(), sha256)) {
                        committer.summary.run.known -= 1;
                        changed.push(planned);
                    }
                }
                Looked::Stopped => {}
                Looked::Unread(entry) => {
                    committer.summary.run.known -= 1;
                    converted.objects.push(*entry);
                }
            }
        }
        committer.writer.note_versions(&versions)?;
        committer.add(converted, known)?;
    }
    Ok(changed)
}

/// Where an object in object storage was read, and which content of its key that was.
fn read_version(planned: &Planned) -> Option<(String, ObjectVersion)> {
    let version = version(planned.stored.as_ref())?;
    Some((planned.path().to_string_lossy().into_owned(), version))
}

fn look(planned: Planned, proof: Option<&Proof>, buffers: &mut Buffers) -> Looked {
    let path = planned.path();
    let Identity::Changed(changed) = &planned.identity else { return Looked::Same(planned) };
    match archive::digest(planned.at(&path)) {
        Ok(sha256) if sha256 != changed.before.sha256 => Looked::Other(planned, sha256),
        Ok(_) => match proof.filter(|_| changed.before.is_unproved) {
            None => Looked::Same(planned),
            Some(proof) => {
                let judged = prove_file(planned.name(), planned.at(&path), proof, buffers);
                let proved = Proved { name: planned.name().to_owned(), path, judged };
                Looked::Proved(planned, proved)
            }
        },
        Err(ReadError { fault: ReadFault::Stopped, .. }) => Looked::Stopped,
        Err(error) => {
            let name = planned.refused_name(None);
            let entry = LedgerEntry::refused(&name, &path, planned.size_bytes, None, error.reason(), None);
            Looked::Unread(Box::new(entry))
        }
    }
}

/// What stood as refused at the place of an object that is what was taken in.
fn struck(planned: &Planned, known: &Known) -> Option<crate::store::Struck> {
    if !known.has_standing() {
        return None;
    }
    struck_by(&planned.refused_name(None), &planned.path().to_string_lossy(), known)
}
