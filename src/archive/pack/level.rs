//! One container that is read: its headers, and the bytes of the entry at hand.

use std::io::{self, Read};
use std::sync::Arc;

use super::super::buffered::Buffered;
use super::super::codec::Inflating;
use super::entry::{Entry, Fault, Method};
use super::meter::Meter;
use super::{tar, zip};

/// What holds a container's bytes.
pub(super) enum Source {
    /// The file, or the pipe; without a meter what was taken out of a container as a whole.
    Root(Box<dyn Read + Send>, Option<Arc<Meter>>),
    /// The entry at hand of the container in which it lies.
    Entry(Box<Level>),
    Inflated(Box<Inflating<Buffered<Source>>>, Arc<Meter>),
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Source::Root(reader, meter) => {
                let len = reader.read(buffer)?;
                if let (Some(meter), false) = (meter, buffer.is_empty()) {
                    meter.add_stored(buffer.get(..len).unwrap_or_default());
                }
                Ok(len)
            }
            Source::Entry(level) => level.read_raw(buffer),
            Source::Inflated(inflating, meter) => {
                let len = inflating.read(buffer)?;
                meter.add_inflated(len)?;
                Ok(len)
            }
        }
    }
}

/// How a container is laid out.
pub(super) enum Format {
    Tar(tar::State),
    Zip(Box<zip::State>),
}

/// A container that is read.
pub(super) struct Level {
    pub input: Buffered<Source>,
    pub format: Format,
    /// Bytes of the entry at hand that were not taken; `None` where that shows at its end only.
    pub left: Option<u64>,
    /// Its own name below the root, `""` for the root.
    pub name: String,
    /// Whether it lies in another one, and whether its end shows there at its end only.
    pub is_within: bool,
    pub is_open_ended: bool,
}

impl Level {
    pub fn new(input: Buffered<Source>, format: Format, name: String) -> Level {
        Level { input, format, left: Some(0), name, is_within: false, is_open_ended: false }
    }

    /// The next entry; the bytes of the one before are passed over.
    pub fn next(&mut self) -> Result<Option<Entry>, Fault> {
        self.pass()?;
        let entry = match &mut self.format {
            Format::Tar(tar) => tar.next(&mut self.input)?,
            Format::Zip(zip) => zip.next(&mut self.input)?,
        };
        if let Some(entry) = &entry {
            self.left = if entry.method == Method::Sought { None } else { entry.raw };
        }
        Ok(entry)
    }

    fn pass(&mut self) -> Result<(), Fault> {
        let padding = match &mut self.format {
            Format::Tar(tar) => std::mem::take(&mut tar.padding),
            Format::Zip(_) => 0,
        };
        let left = self.left.replace(0).unwrap_or_default();
        if left == 0 && padding == 0 {
            return Ok(());
        }
        match self.input.skip(left.saturating_add(padding)) {
            Ok(0) => Ok(()),
            Ok(missing) => {
                let reason =
                    format!("truncated: it breaks off {missing} bytes before the end of an entry\nhint: copy it again");
                Err(Fault::end(self.input.offset(), reason))
            }
            Err(error) => Err(Fault::of(&error, self.input.offset())),
        }
    }

    /// Up to `want` bytes of the entry at hand, which stay there; whether these are all.
    pub fn peek_raw(&mut self, want: usize) -> (Vec<u8>, bool) {
        let most = self.left.map_or(want, |left| usize::try_from(left).unwrap_or(usize::MAX).min(want));
        let bytes = self.input.peek(most).map(<[u8]>::to_vec).unwrap_or_default();
        let is_all = bytes.len() < want;
        (bytes, is_all)
    }

    fn read_raw(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(left) = self.left else { return self.input.read(buffer) };
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let len = self.input.read(buffer.get_mut(..most).unwrap_or_default())?;
        if len == 0 && most > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left = Some(left - len as u64);
        Ok(len)
    }

    /// Fills `bytes`, which is as long as the current entry, with its bytes. If they end early, the error says why.
    pub fn take_raw(&mut self, mut bytes: Vec<u8>) -> (Vec<u8>, Option<io::Error>) {
        let mut at = 0;
        let fault = loop {
            match self.read_raw(bytes.get_mut(at..).unwrap_or_default()) {
                Ok(0) => break None,
                Ok(len) => at += len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Some(error),
            }
        };
        bytes.truncate(at);
        (bytes, fault)
    }
}

/// The container whose entry at hand a reader has read from, at the end of that entry if it was read to its end.
pub(super) fn unwrap(reader: Buffered<Source>) -> Option<Box<Level>> {
    match reader.into_parts() {
        (Source::Entry(mut level), rest) => {
            // The entry's size was unknown, so the reader may have read into the next entry: give these bytes back.
            if level.left.is_none() {
                level.input.give_back(&rest);
            }
            Some(level)
        }
        (Source::Inflated(inflating, _), _) => inflating.into_inner().and_then(unwrap),
        (Source::Root(..), _) => None,
    }
}

/// Reads what is left of the file or the pipe, so that its hash is known.
pub(super) fn drain(reader: Buffered<Source>) {
    match reader.into_parts().0 {
        Source::Root(_, None) => {}
        Source::Root(mut root, Some(meter)) => {
            let mut buffer = vec![0; 128 << 10];
            while let Ok(len) = root.read(&mut buffer) {
                meter.add_stored(buffer.get(..len).unwrap_or_default());
                if len == 0 {
                    return;
                }
            }
        }
        Source::Entry(level) => drain(level.input),
        Source::Inflated(inflating, _) => {
            if let Some(inner) = inflating.into_inner() {
                drain(inner);
            }
        }
    }
}
