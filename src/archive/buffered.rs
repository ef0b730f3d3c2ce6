//! A reader that can be looked into ahead, and that takes back what was read too far.

use std::io::{self, BufRead, Read};

/// Bytes that are read at once.
const BUFFER_BYTES: usize = 128 << 10;

/// Bytes read ahead of who takes them.
#[derive(Debug)]
pub(super) struct Buffered<S> {
    source: S,
    buffer: Vec<u8>,
    at: usize,
    end: usize,
    /// Bytes that were taken.
    offset: u64,
    /// What the source ended with, told once all before it was taken.
    fault: Option<(io::ErrorKind, String)>,
}

impl<S: Read> Buffered<S> {
    pub fn new(source: S) -> Buffered<S> {
        Buffered { source, buffer: Vec::new(), at: 0, end: 0, offset: 0, fault: None }
    }

    /// What it reads from, and what was read and not taken.
    pub fn into_parts(self) -> (S, Vec<u8>) {
        let rest = self.buffer.get(self.at..self.end).unwrap_or_default().to_vec();
        (self.source, rest)
    }

    /// Bytes taken so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Puts back what was taken last.
    pub fn give_back(&mut self, bytes: &[u8]) {
        let rest = self.buffer.get(self.at..self.end).unwrap_or_default();
        let mut buffer = [bytes, rest].concat();
        (self.at, self.end) = (0, buffer.len());
        buffer.resize(buffer.len().max(BUFFER_BYTES), 0);
        self.buffer = buffer;
        self.offset = self.offset.saturating_sub(bytes.len() as u64);
    }

    /// Up to `want` bytes that come next; fewer only where there are no more.
    pub fn peek(&mut self, want: usize) -> io::Result<&[u8]> {
        while self.end - self.at < want && self.fault.is_none() {
            if self.buffer.len() - self.at < want {
                let held = self.end - self.at;
                self.buffer.copy_within(self.at..self.end, 0);
                (self.at, self.end) = (0, held);
                self.buffer.resize(want.max(BUFFER_BYTES), 0);
            }
            if self.fill()? == 0 {
                break;
            }
        }
        let ahead = self.buffer.get(self.at..self.end).unwrap_or_default();
        match &self.fault {
            Some((kind, text)) if ahead.is_empty() => Err(io::Error::new(*kind, text.clone())),
            _ => Ok(ahead.get(..want.min(ahead.len())).unwrap_or_default()),
        }
    }

    /// Reads behind what is held.
    fn fill(&mut self) -> io::Result<usize> {
        loop {
            match self.source.read(self.buffer.get_mut(self.end..).unwrap_or_default()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.fault = Some((error.kind(), error.to_string()));
                    return Ok(0);
                }
                Ok(len) => {
                    self.end += len;
                    return Ok(len);
                }
            }
        }
    }

    /// Passes over bytes; how many were not there.
    pub fn skip(&mut self, mut bytes: u64) -> io::Result<u64> {
        while bytes > 0 {
            let held = self.fill_buf()?.len();
            if held == 0 {
                break;
            }
            let len = usize::try_from(bytes).unwrap_or(usize::MAX).min(held);
            self.consume(len);
            bytes -= len as u64;
        }
        Ok(bytes)
    }
}

impl<S: Read> BufRead for Buffered<S> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at == self.end && self.fault.is_none() {
            (self.at, self.end) = (0, 0);
            self.buffer.resize(BUFFER_BYTES, 0);
            self.fill()?;
        }
        let ahead = self.buffer.get(self.at..self.end).unwrap_or_default();
        match &self.fault {
            Some((kind, text)) if ahead.is_empty() => Err(io::Error::new(*kind, text.clone())),
            _ => Ok(ahead),
        }
    }

    fn consume(&mut self, len: usize) {
        let len = len.min(self.end - self.at);
        self.at += len;
        self.offset += len as u64;
    }
}

impl<S: Read> Read for Buffered<S> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        // What is large needs no room in between.
        if self.at == self.end && out.len() >= BUFFER_BYTES && self.fault.is_none() {
            let len = self.source.read(out)?;
            self.offset += len as u64;
            return Ok(len);
        }
        let ahead = self.fill_buf()?;
        let len = ahead.len().min(out.len());
        if let (Some(out), Some(ahead)) = (out.get_mut(..len), ahead.get(..len)) {
            out.copy_from_slice(ahead);
        }
        self.consume(len);
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a few bytes at a time, then an error.
    struct Slow(Vec<u8>, usize);

    impl Read for Slow {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let len = 3.min(self.0.len() - self.1).min(out.len());
            if len == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            out[..len].copy_from_slice(&self.0[self.1..self.1 + len]);
            self.1 += len;
            Ok(len)
        }
    }

    #[test]
    fn what_was_looked_at_or_given_back_comes_again_and_the_fault_behind_it() {
        let all: Vec<u8> = (0..100).collect();
        let mut buffered = Buffered::new(Slow(all.clone(), 0));
        assert_eq!(buffered.peek(50).unwrap(), &all[..50]);
        let mut some = [0; 10];
        buffered.read_exact(&mut some).unwrap();
        buffered.give_back(&some[4..]);
        assert_eq!((buffered.offset(), buffered.skip(6).unwrap()), (4, 0));
        assert_eq!(buffered.peek(500).unwrap(), &all[10..]);
        let mut rest = Vec::new();
        assert!(buffered.read_to_end(&mut rest).is_err() && rest == all[10..]);
        assert!(buffered.peek(1).is_err() && buffered.fill_buf().is_err());
    }
}
