//! What can be read only once: pipes, devices, standard input. A thread of its own reads, because opening and reading
//! may wait for ever and somebody may ask for an end.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
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

/// A pipe that is read by a thread of its own.
pub struct Pipe {
    receiver: Receiver<io::Result<Vec<u8>>>,
    piece: Vec<u8>,
    at: usize,
    is_stopped: Arc<AtomicBool>,
}

/// Opens a pipe. Reading it ends with [`io::ErrorKind::TimedOut`] once `is_stopped`.
pub fn open_pipe(path: &Path, is_stopped: Arc<AtomicBool>) -> Pipe {
    let (sender, receiver) = mpsc::sync_channel::<io::Result<Vec<u8>>>(PIECES);
    let path = path.to_owned();
    // Not waited for: where nobody ever writes, it ends with the process.
    std::thread::spawn(move || {
        let outcome = pieces(&path, |piece| sender.send(Ok(piece)).is_ok());
        if let Err(error) = outcome {
            let _ = sender.send(Err(error));
        }
    });
    Pipe { receiver, piece: Vec::new(), at: 0, is_stopped }
}

impl io::Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.piece.len() {
            if self.is_stopped.load(Ordering::Relaxed) {
                return Err(io::ErrorKind::TimedOut.into());
            }
            match self.receiver.recv_timeout(ASK_INTERVAL) {
                Ok(piece) => (self.piece, self.at) = (piece?, 0),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
            }
        }
        let rest = self.piece.get(self.at..).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..len), rest.get(..len)) {
            to.copy_from_slice(from);
        }
        self.at += len;
        Ok(len)
    }
}

/// Reads the one object that comes out of a pipe.
///
/// # Errors
/// As [`super::read()`], and [`ReadFault::Stopped`].
pub fn read_pipe(
    path: &Path,
    pipe: &mut dyn io::Read,
    buffers: &mut Buffers,
    cap_bytes: u64,
) -> Result<Read, ReadError> {
    let fail = |sha256, fault| ReadError { path: path.to_owned(), sha256, fault };
    let mut stored = Vec::new();
    let outcome = pipe.take(cap_bytes.saturating_add(1)).read_to_end(&mut stored);
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::TimedOut => return Err(fail(None, ReadFault::Stopped)),
        Err(error) => return Err(fail(None, ReadFault::Io(error))),
        Ok(_) if stored.len() as u64 > cap_bytes => return Err(fail(None, ReadFault::OverCap { cap_bytes })),
        Ok(_) => {}
    }
    let sha256 = Sha256::digest(&stored).into();
    let size_bytes = stored.len() as u64;
    let (bytes, gaps) = inflate(&stored, buffers, cap_bytes).map_err(|fault| fail(Some(sha256), fault))?;
    Ok(Read { bytes, sha256, size_bytes, gaps })
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
