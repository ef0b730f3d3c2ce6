//! What can be read only once: pipes, devices, standard input. A thread of its own reads, because opening and reading
//! may wait for ever and somebody may ask for an end.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::error::{ReadError, ReadFault};
use super::find::STANDARD_INPUT;
use super::read::{Buffers, Read, inflate};

/// How often it is asked whether to go on.
const ASK_INTERVAL: Duration = Duration::from_millis(100);

const PIECE_BYTES: usize = 64 << 10;

/// Pieces that wait to be taken.
const PIECES: usize = 16;

/// Reads a pipe to its end, unless `is_stopped` before.
///
/// # Errors
/// As [`super::read()`], and [`ReadFault::Stopped`].
pub fn read_pipe(
    path: &Path,
    buffers: &mut Buffers,
    cap_bytes: u64,
    is_stopped: &dyn Fn() -> bool,
) -> Result<Read, ReadError> {
    let fail = |sha256, fault| ReadError { path: path.to_owned(), sha256, fault };
    let stored = stored(path, cap_bytes, is_stopped).map_err(|fault| fail(None, fault))?;
    let sha256 = Sha256::digest(&stored).into();
    let size_bytes = stored.len() as u64;
    let (bytes, gaps) = inflate(&stored, buffers, cap_bytes).map_err(|fault| fail(Some(sha256), fault))?;
    Ok(Read { bytes, sha256, size_bytes, gaps })
}

fn stored(path: &Path, cap_bytes: u64, is_stopped: &dyn Fn() -> bool) -> Result<Vec<u8>, ReadFault> {
    let (sender, receiver) = mpsc::sync_channel::<io::Result<Vec<u8>>>(PIECES);
    let path = path.to_owned();
    // Not waited for: where nobody ever writes, it ends with the process.
    std::thread::spawn(move || {
        let outcome = pieces(&path, |piece| sender.send(Ok(piece)).is_ok());
        if let Err(error) = outcome {
            let _ = sender.send(Err(error));
        }
    });
    let mut stored = Vec::new();
    loop {
        match receiver.recv_timeout(ASK_INTERVAL) {
            Ok(piece) => stored.extend(piece?),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(stored),
        }
        if stored.len() as u64 > cap_bytes {
            return Err(ReadFault::OverCap { cap_bytes });
        }
        if is_stopped() {
            return Err(ReadFault::Stopped);
        }
    }
}

/// Hands on all there is, as long as somebody takes it.
fn pieces(path: &Path, mut take: impl FnMut(Vec<u8>) -> bool) -> io::Result<()> {
    let mut reader: Box<dyn io::Read> = match path.as_os_str() == STANDARD_INPUT {
        true => Box::new(io::stdin()),
        false => Box::new(File::open(path)?),
    };
    loop {
        let mut piece = vec![0; PIECE_BYTES];
        let len = match reader.read(&mut piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            len => len?,
        };
        piece.truncate(len);
        if len == 0 || !take(piece) {
            return Ok(());
        }
    }
}
