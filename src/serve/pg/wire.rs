//! The bytes of a connection: what comes in is bounded, what goes out is written in large pieces, and neither waits for
//! ever.

use std::io;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use datafusion_postgres::pgwire::messages::PgWireBackendMessage;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::timeout;

/// Bytes of a message of a client that has shown who it is.
pub(super) const MESSAGE_MAX_BYTES: usize = 1 << 20;

/// The same before that.
pub(super) const GREETING_MAX_BYTES: usize = 8 << 10;

/// Bytes that are read ahead while a query runs.
const AHEAD_MAX_BYTES: usize = 256 << 10;

/// From so many bytes on they are written.
const FULL_BYTES: usize = 64 << 10;

/// What goes both ways.
pub(super) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

/// The two directions of a connection.
pub(super) fn directions(socket: Box<dyn Socket>, patience: Duration) -> (Input, Output) {
    let (reader, writer) = tokio::io::split(socket);
    (Input { half: reader, bytes: BytesMut::new() }, Output { half: writer, bytes: BytesMut::new(), patience })
}

/// What a client sends.
pub(super) struct Input {
    half: ReadHalf<Box<dyn Socket>>,
    bytes: BytesMut,
}

impl Input {
    /// The next message, its kind and its body; `None` where the client has gone.
    ///
    /// # Errors
    /// One that is longer than it may be, or shorter than any is.
    pub async fn next(&mut self, bytes_max: usize) -> io::Result<Option<(u8, Bytes)>> {
        loop {
            if let Some(message) = framed(&mut self.bytes, bytes_max)? {
                return Ok(Some(message));
            }
            if self.read().await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Waits until the client has gone, and keeps what it sends until then.
    pub async fn gone(&mut self) {
        loop {
            if self.bytes.len() >= AHEAD_MAX_BYTES {
                // Whether it is there shows when it is written to.
                return std::future::pending().await;
            }
            if !matches!(self.read().await, Ok(1..)) {
                return;
            }
        }
    }

    async fn read(&mut self) -> io::Result<usize> {
        self.bytes.reserve(8 << 10);
        self.half.read_buf(&mut self.bytes).await
    }
}

/// Takes one message off the front, if all of it is there.
fn framed(bytes: &mut BytesMut, bytes_max: usize) -> io::Result<Option<(u8, Bytes)>> {
    let Some((&[kind, a, b, c, d], _)) = bytes.split_first_chunk::<5>() else { return Ok(None) };
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    if length < 4 || length > bytes_max {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a message of a length that no message has here"));
    }
    if bytes.len() <= length {
        return Ok(None);
    }
    let mut message = bytes.split_to(length + 1);
    message.advance(5);
    Ok(Some((kind, message.freeze())))
}

/// What a client gets.
pub(super) struct Output {
    half: WriteHalf<Box<dyn Socket>>,
    bytes: BytesMut,
    /// How long a client may take to read.
    patience: Duration,
}

impl Output {
    /// From now on it may take so long.
    pub fn be_patient(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// Adds a message to what is to be written.
    ///
    /// # Errors
    /// One that is too long for the protocol.
    pub fn add(&mut self, message: &PgWireBackendMessage) -> io::Result<()> {
        message.encode(&mut self.bytes).map_err(|_| io::Error::other("a message that is too long for the protocol"))
    }

    /// Whether there is so much that it is to be written.
    pub fn is_full(&self) -> bool {
        self.bytes.len() >= FULL_BYTES
    }

    /// Writes what there is.
    ///
    /// # Errors
    /// The client has gone, or does not read.
    pub async fn flush(&mut self) -> io::Result<()> {
        let all = async {
            self.half.write_all_buf(&mut self.bytes).await?;
            self.half.flush().await
        };
        match timeout(self.patience, all).await {
            Ok(outcome) => outcome,
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read")),
        }
    }

    /// Ends the connection in good order.
    pub async fn close(&mut self) {
        let _ = self.flush().await;
        let _ = timeout(self.patience, self.half.shutdown()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_framed() {
        let mut bytes = BytesMut::from(&b"Q\0\0\0\x06a\0S\0\0\0\x04X\0\0"[..]);
        assert_eq!(framed(&mut bytes, 100).unwrap(), Some((b'Q', Bytes::from_static(b"a\0"))));
        assert_eq!(framed(&mut bytes, 100).unwrap(), Some((b'S', Bytes::new())));
        assert_eq!(framed(&mut bytes, 100).unwrap(), None);
        assert_eq!(&bytes[..], b"X\0\0");
    }

    #[test]
    fn lengths_that_no_message_has_are_refused() {
        for wrong in [&b"Q\0\0\0\x03"[..], b"Q\xff\xff\xff\xff", b"Q\0\0\0\x65", b"GET / HTTP/1.1\r\n"] {
            assert!(framed(&mut BytesMut::from(wrong), 100).is_err(), "{wrong:?}");
        }
        assert_eq!(framed(&mut BytesMut::from(&b"Q\0\0\0\x64"[..]), 100).unwrap(), None);
    }
}
