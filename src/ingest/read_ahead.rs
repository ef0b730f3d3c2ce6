//! Objects read and inflated ahead of the one worker that takes in an archive of a single batch, by a thread that would
//! have nothing to do.

use std::vec;

use crossbeam_channel::{Receiver, Sender};

use super::Progress;
use super::planned::{Identity, Planned};
use super::read::read_object;
use crate::archive::{Buffers, Read, ReadError};
use crate::store::Known;

/// What is handed on at once: small objects are not worth waking anybody for.
const BYTES: usize = 1 << 20;
const OBJECTS: usize = 64;

/// Handfuls that wait to be taken: were each an object as large as a batch, they would take what is set aside for the
/// thread that has no batch.
const WAITING: usize = 2;

type ReadObject<'a> = (&'a Planned, Result<Read, ReadError>);

/// Objects that were read, in the order of the plan.
pub(super) struct ReadAhead<'a> {
    receiver: Receiver<Vec<ReadObject<'a>>>,
    at_hand: vec::IntoIter<ReadObject<'a>>,
}

/// The two ends: what reads, and where it is taken from.
pub(super) fn ahead<'a>() -> (Sender<Vec<ReadObject<'a>>>, ReadAhead<'a>) {
    let (sender, receiver) = crossbeam_channel::bounded(WAITING);
    (sender, ReadAhead { receiver, at_hand: Vec::new().into_iter() })
}

impl<'a> ReadAhead<'a> {
    /// What was read of an object, which comes behind all that were asked for before. `None` where nothing was.
    pub fn take(&mut self, planned: &'a Planned) -> Option<Result<Read, ReadError>> {
        loop {
            let is_it = |(read, _): &ReadObject<'a>| std::ptr::eq(*read, planned);
            if let Some((_, read)) = self.at_hand.find(is_it) {
                return Some(read);
            }
            self.at_hand = self.receiver.recv().ok()?.into_iter();
        }
    }
}

/// Reads objects of up to `cap_bytes` until there are no more, or nobody takes them.
pub(super) fn read_all<'a>(
    objects: &'a [Planned],
    cap_bytes: u64,
    known: &Known,
    progress: &Progress,
    sender: &Sender<Vec<ReadObject<'a>>>,
) {
    let (mut buffers, mut handful, mut bytes) = (Buffers::default(), Vec::new(), 0);
    // A pipe can be read only once, by who has memory for whatever comes.
    for planned in objects.iter().filter(|planned| !matches!(planned.identity, Identity::Pipe)) {
        let path = planned.path();
        let read = read_object(planned, planned.at(&path), &mut buffers, cap_bytes, known, progress);
        bytes += read.as_ref().map_or(0, |read| read.bytes.len());
        handful.push((planned, read));
        if bytes >= BYTES || handful.len() >= OBJECTS {
            bytes = 0;
            if progress.is_stopped() || sender.send(std::mem::take(&mut handful)).is_err() {
                return;
            }
        }
    }
    // Whoever took them may be gone.
    let _ = sender.send(handful);
}
