//! Reading the bytes of one object.

use super::Progress;
use super::planned::{Identity, Planned};
use super::timings::Stage;
use crate::archive::{self, At, Read, ReadError};
use crate::store::Known;

/// Reads the bytes of one object, unless they are known.
pub(super) fn read_object(
    planned: &Planned,
    at: At<'_>,
    buffers: &mut archive::Buffers,
    cap_bytes: u64,
    known: &Known,
    progress: &Progress,
) -> Result<Read, ReadError> {
    progress.stages.time(Stage::Inflate, || match planned.identity {
        Identity::Pipe => {
            let mut pipe = archive::open_pipe(at.path, progress.stopper());
            archive::read_pipe(at.path, &mut pipe, buffers, cap_bytes)
        }
        Identity::Name => archive::read(at, buffers, cap_bytes),
        _ => archive::read_unless(at, buffers, cap_bytes, &|sha256| planned.is_known(sha256, known)),
    })
}
