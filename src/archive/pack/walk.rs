//! Walking a container: entry by entry, in one pass, into the containers in it, with no more in memory than one entry.

use std::fs::File;
use std::io::{self, BufRead, Cursor};
use std::sync::Arc;

use super::super::at::At;
use super::super::buffered::Buffered;
use super::super::codec::{Codec, Inflating};
use super::super::error::ReadFault;
use super::super::find::text_of;
use super::super::parquet::is_form;
use super::super::read::{Read, read_reader};
use super::entry::{Entry, Fault, Method, What, reason_of};
use super::kind::{Kind, TOLD_BYTES, Told, tell};
use super::level::{Format, Level, Source, drain, unwrap};
use super::meter::{Limits, Meter};
use super::name::{self, WITHIN};
use super::packed::{EntryFault, Packed};
use super::{tar, zip};

/// Entries up to this size are handed out without a look at what is in them: whoever inflates them sees it.
const SMALL_BYTES: u64 = 1 << 20;

/// What comes next in a container.
#[derive(Debug)]
pub enum Event {
    /// A file, whose bytes can be had until the next one is asked for.
    Member(Member),
    /// Something that is not taken.
    Refused(Refusal),
}

/// A file in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name below the file that was opened: `inner.tar!AWSLogs/…`.
    pub name: String,
    /// Its size, where that stands before it.
    pub size_bytes: Option<u64>,
}

/// What is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Its name below the file that was opened; `""` for that itself.
    pub name: String,
    /// Why.
    pub reason: String,
    /// Where, in the bytes of the container that it stands in.
    pub offset_bytes: Option<u64>,
}

/// What can be had of a member at once.
#[derive(Debug)]
pub enum Held {
    /// All of it.
    All(Packed),
    /// It is larger; how many bytes of text it is at the most, where that is known. [`Walk::read`] reads it.
    Large(Option<u64>),
}

/// Where a container lies that was found in another one.
#[derive(Clone)]
pub struct Within {
    meter: Arc<Meter>,
    depth: usize,
}

impl Within {
    /// Notes that what was taken out was inflated to so many bytes.
    ///
    /// # Errors
    /// Of all that is in the file, that is more than there may be.
    pub fn note_inflated(&self, bytes: usize) -> Result<(), String> {
        self.meter.add_inflated(bytes).map_err(|error| error.to_string())
    }
}

/// A container that is walked.
pub struct Walk {
    /// The innermost container, with all that it lies in; `None` at the end, and while `content` has it.
    level: Option<Box<Level>>,
    /// The bytes of the member at hand, once they are read as a stream.
    content: Option<Buffered<Source>>,
    at_hand: Option<Entry>,
    meter: Arc<Meter>,
    depth: usize,
}

impl Walk {
    /// Opens a file.
    ///
    /// # Errors
    /// A file that can't be read, or is no container.
    pub fn open<'a>(at: impl Into<At<'a>>, limits: &Limits) -> Result<Walk, ReadFault> {
        let meter = Arc::new(Meter::new(limits.clone()));
        let (again, file) = at.into().files()?;
        let root = Source::Root(Box::new(file), Some(Arc::clone(&meter)));
        Walk::of(Buffered::new(root), None, meter, Some(again), String::new(), 1)?
            .map_err(|_| ReadFault::Foreign("no container any more".to_owned()))
    }

    /// What can be read only once; given back, with all its bytes, where it is no container.
    ///
    /// # Errors
    /// What can't be read.
    pub fn of_stream(
        reader: Box<dyn io::Read + Send>,
        limits: &Limits,
    ) -> Result<Result<Walk, Box<dyn BufRead + Send>>, ReadFault> {
        let meter = Arc::new(Meter::new(limits.clone()));
        let root = Source::Root(reader, Some(Arc::clone(&meter)));
        let walk = Walk::of(Buffered::new(root), None, meter, None, String::new(), 1)?;
        Ok(walk.map_err(|root| Box::new(root) as Box<dyn BufRead + Send>))
    }

    /// A container that was taken out of another one as a whole, with its name; `None` where it is none.
    pub fn of_packed(packed: Packed, name: &str, within: &Within) -> Result<Option<Walk>, Refusal> {
        let refused = |reason| Refusal { name: name.to_owned(), reason, offset_bytes: None };
        let Within { meter, depth } = within.clone();
        too_deep(&meter, depth).map_err(refused)?;
        let root = Source::Root(Box::new(Cursor::new(packed.bytes)), None);
        let outer = packed.deflated.map(|_| Codec::Deflate);
        let walk = Walk::of(Buffered::new(root), outer, meter, None, name.to_owned(), depth);
        walk.map(Result::ok).map_err(|fault| refused(fault.to_string()))
    }

    fn of(
        mut root: Buffered<Source>,
        outer: Option<Codec>,
        meter: Arc<Meter>,
        file: Option<File>,
        name: String,
        depth: usize,
    ) -> Result<Result<Walk, Buffered<Source>>, ReadFault> {
        let mut want = TOLD_BYTES.max(64 << 10);
        let (codecs, kind) = loop {
            let first = root.peek(want)?;
            match tell(first, first.len() < want, outer) {
                Told::Container(codecs, kind) => break (codecs, kind),
                Told::Other(_) => return Ok(Err(root)),
                Told::More(bytes) => want = bytes,
            }
        };
        let file = file.filter(|_| codecs.is_empty());
        let input = inflated(root, &codecs, meter.limits.window_bytes, &meter)?;
        let level = Level::new(input, format(kind, file, meter.limits.index_max), name);
        Ok(Ok(Walk { level: Some(Box::new(level)), content: None, at_hand: None, meter, depth }))
    }

    /// Where containers lie that are found in what this hands out.
    pub fn within(&self) -> Within {
        Within { meter: Arc::clone(&self.meter), depth: self.depth + 1 }
    }

    /// Stored bytes that were read so far.
    pub fn stored_bytes(&self) -> u64 {
        self.meter.stored_bytes()
    }

    /// SHA-256 of the stored bytes, once the end was reached.
    pub fn sha256(&self) -> Option<[u8; 32]> {
        self.meter.sha256()
    }

    /// What comes next; `None` at the end.
    pub fn advance(&mut self) -> Option<Event> {
        if let Some(refusal) = self.finish() {
            return Some(Event::Refused(refusal));
        }
        loop {
            let level = self.level.as_mut()?;
            let event = match level.next() {
                Ok(Some(entry)) => self.entry(entry),
                Ok(None) => {
                    self.pop();
                    None
                }
                Err(fault) => Some(self.fault(fault)),
            };
            if event.is_some() {
                return event;
            }
        }
    }

    /// Something is wrong with the innermost container. What it lies in is read on.
    fn fault(&mut self, fault: Fault) -> Event {
        let mut name = self.level.as_ref().map_or(String::new(), |level| level.name.clone());
        if !fault.is_end {
            // There may be several.
            let at = format!("@{}", fault.offset);
            name = if name.is_empty() { at } else { format!("{name}{WITHIN}{at}") };
        }
        let refusal = Refusal { name, reason: fault.reason, offset_bytes: Some(fault.offset) };
        if fault.is_end {
            self.pop();
        }
        Event::Refused(refusal)
    }

    /// Leaves the innermost container.
    fn pop(&mut self) {
        let Some(mut level) = self.level.take() else { return };
        if !level.is_within {
            drain(level.input);
            return;
        }
        let is_open_ended = level.is_open_ended;
        if is_open_ended {
            // Where the entry that it is ends shows at its end only.
            let _ = io::copy(&mut level.input, &mut io::sink());
        }
        self.depth -= 1;
        self.level = unwrap(level.input);
        if let (true, Some(level)) = (is_open_ended, &mut self.level) {
            level.left = Some(0);
        }
    }

    fn entry(&mut self, entry: Entry) -> Option<Event> {
        let level = self.level.as_mut()?;
        let (own, hostile) = name::of(&entry.name, text_of);
        let name = if level.name.is_empty() { own } else { format!("{}{WITHIN}{own}", level.name) };
        if let Err(reason) = self.meter.add_entry() {
            let at = level.input.offset();
            return Some(self.fault(Fault::end(at, reason)));
        }
        let refused = |reason: String| Some(Event::Refused(Refusal { name: name.clone(), reason, offset_bytes: None }));
        match (&entry.what, hostile) {
            (What::Folder, _) => None,
            (_, Some(reason)) => refused(reason),
            (What::NotFollowed(kind, target), None) => {
                let to = target.as_deref().map_or(String::new(), |target| format!(" to {}", text_of(target)));
                refused(format!("{kind}{to}; not followed"))
            }
            (What::Refused(reason), None) => refused(reason.clone()),
            (What::File, None) => self.file(entry, name),
        }
    }

    fn file(&mut self, entry: Entry, name: String) -> Option<Event> {
        let outer = match entry.method {
            Method::Packed(codec) => Some(codec),
            Method::Stored | Method::Sought => None,
        };
        let is_plain = matches!(entry.method, Method::Stored | Method::Sought | Method::Packed(Codec::Deflate));
        let is_small = entry.raw.is_some_and(|raw| raw <= SMALL_BYTES) || entry.method == Method::Sought;
        if !(is_small && is_plain)
            && let Some(level) = &mut self.level
            && let Some((codecs, kind)) = look(level, outer)
        {
            return self.push(&codecs, kind, name, entry.raw.is_none());
        }
        let member = Member { name, size_bytes: entry.size };
        self.at_hand = Some(entry);
        Some(Event::Member(member))
    }

    /// Enters the container that the entry at hand is.
    fn push(&mut self, codecs: &[Codec], kind: Kind, name: String, is_open_ended: bool) -> Option<Event> {
        let refused = |name, reason| Some(Event::Refused(Refusal { name, reason, offset_bytes: None }));
        if let Err(reason) = too_deep(&self.meter, self.depth + 1) {
            return refused(name, reason);
        }
        let level = self.level.take()?;
        let window = self.meter.limits.inner_window_bytes;
        match inflated(Buffered::new(Source::Entry(level)), codecs, window, &self.meter) {
            Ok(input) => {
                self.depth += 1;
                let level = Level::new(input, format(kind, None, 0), name);
                self.level = Some(Box::new(Level { is_within: true, is_open_ended, ..level }));
                None
            }
            Err(error) => refused(name, reason_of(&error)),
        }
    }

    /// Ends the member at hand; what went wrong where its end had to be looked for.
    fn finish(&mut self) -> Option<Refusal> {
        let entry = self.at_hand.take()?;
        let is_open_ended = entry.raw.is_none();
        let is_passed = self.content.is_none() && self.level.as_ref().is_some_and(|level| level.left.is_none());
        if is_open_ended && is_passed {
            if entry.method == Method::Sought {
                self.seek();
            } else if let Err(error) = self.begin(&entry) {
                return Some(lost(&error));
            }
        }
        let mut content = self.content.take()?;
        let outcome = if is_open_ended { io::copy(&mut content, &mut io::sink()) } else { Ok(0) };
        self.level = unwrap(content);
        let Some(level) = &mut self.level else { return Some(lost(&io::ErrorKind::OutOfMemory.into())) };
        if is_open_ended {
            level.left = Some(0);
        }
        let error = outcome.err()?;
        let (name, offset_bytes) = (level.name.clone(), Some(level.input.offset()));
        self.pop();
        Some(Refusal { name, reason: reason_of(&error), offset_bytes })
    }

    /// Begins to read the member at hand as a stream.
    fn begin(&mut self, entry: &Entry) -> io::Result<()> {
        let Some(level) = self.level.take() else { return Ok(()) };
        let codecs: &[Codec] = if let Method::Packed(codec) = &entry.method { &[*codec] } else { &[] };
        let window = self.meter.limits.inner_window_bytes;
        self.content = Some(inflated(Buffered::new(Source::Entry(level)), codecs, window, &self.meter)?);
        Ok(())
    }

    /// The member at hand, unless it is larger than `max_bytes`.
    ///
    /// # Errors
    /// A decoder that can't be made.
    pub fn hold(&mut self, max_bytes: u64) -> Result<Held, ReadFault> {
        self.hold_in(max_bytes, &mut |len| vec![0; len])
    }

    /// The same in `room` for so many bytes, of any content.
    ///
    /// # Errors
    /// Likewise.
    pub fn hold_in(&mut self, max_bytes: u64, room: &mut dyn FnMut(usize) -> Vec<u8>) -> Result<Held, ReadFault> {
        let Some(entry) = self.at_hand.take() else { return Ok(Held::All(Packed::default())) };
        let held = self.hold_entry(&entry, max_bytes, room);
        self.at_hand = Some(entry);
        held
    }

    fn hold_entry(
        &mut self,
        entry: &Entry,
        max_bytes: u64,
        room: &mut dyn FnMut(usize) -> Vec<u8>,
    ) -> Result<Held, ReadFault> {
        if entry.method == Method::Sought {
            return Ok(self.seek().map_or(Held::Large(None), Held::All));
        }
        let is_raw = matches!(entry.method, Method::Stored | Method::Packed(Codec::Deflate));
        if let (true, Some(raw), Some(level)) = (is_raw, entry.raw, &mut self.level)
            && raw <= max_bytes
        {
            let (bytes, fault) = level.take_raw(room(usize::try_from(raw).unwrap_or_default()));
            let deflated = entry.size.filter(|_| entry.method != Method::Stored);
            return Ok(Held::All(Packed {
                bytes,
                deflated,
                crc: entry.crc,
                cut: fault.map(|error| reason_of(&error)),
            }));
        }
        if self.content.is_none() {
            self.begin(entry)?;
        }
        let Some(content) = &mut self.content else { return Ok(Held::Large(None)) };
        if entry.raw.is_some_and(|raw| raw > max_bytes) {
            let is_text = content.peek(TOLD_BYTES).is_ok_and(|first| Codec::of(first).is_none() && !is_form(first));
            return Ok(Held::Large(entry.size.filter(|_| is_text)));
        }
        let most = usize::try_from(max_bytes).unwrap_or(usize::MAX).saturating_add(1);
        let bytes = content.peek(most)?.to_vec();
        if bytes.len() == most {
            return Ok(Held::Large(None));
        }
        let _ = content.skip(bytes.len() as u64);
        let cut = content.fill_buf().err().map(|error| reason_of(&error));
        Ok(Held::All(Packed { bytes, deflated: None, crc: entry.crc, cut }))
    }

    /// Looks for the end of an entry whose size stands behind it and whose bytes are stored as they are.
    fn seek(&mut self) -> Option<Packed> {
        let level = self.level.as_mut()?;
        let (bytes, is_found) = zip::seek_descriptor(&mut level.input);
        level.left = Some(0);
        let cut = "truncated: where it ends isn't found; its size stands behind it\nhint: write the zip to a file, and name that";
        Some(Packed { bytes, cut: (!is_found).then(|| cut.to_owned()), ..Packed::default() })
    }

    /// Reads the member at hand, inflated down to its text.
    ///
    /// # Errors
    /// As [`super::super::read()`].
    pub fn read(&mut self, cap_bytes: u64) -> Result<Read, EntryFault> {
        let Some(entry) = self.at_hand.take() else { return Err((None, ReadFault::Empty)) };
        let begun = if self.content.is_none() { self.begin(&entry) } else { Ok(()) };
        let (size, crc) = (entry.size, entry.crc);
        self.at_hand = Some(entry);
        begun.map_err(|error| (None, ReadFault::Io(error)))?;
        let Some(content) = &mut self.content else { return Err((None, ReadFault::Empty)) };
        read_reader(content, size, crc, cap_bytes)
    }

    /// The bytes of the member at hand, as they are in themselves.
    ///
    /// # Errors
    /// A decoder that can't be made.
    pub fn content(&mut self) -> io::Result<&mut dyn BufRead> {
        if self.content.is_none()
            && let Some(entry) = self.at_hand.take()
        {
            let begun = self.begin(&entry);
            self.at_hand = Some(entry);
            begun?;
        }
        self.content.as_mut().map(|content| content as &mut dyn BufRead).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// There is no memory for a decoder: what comes behind can't be read.
fn lost(error: &io::Error) -> Refusal {
    Refusal { name: String::new(), reason: reason_of(error), offset_bytes: None }
}

fn too_deep(meter: &Meter, depth: usize) -> Result<(), String> {
    let most = meter.limits.depth_max;
    if depth <= most {
        return Ok(());
    }
    Err(format!(
        "it lies in {most} containers, one in another; no more are opened\nhint: unpack it, and give the folder"
    ))
}

/// The container that the entry at hand of one is, if it is one.
fn look(level: &mut Level, outer: Option<Codec>) -> Option<(Vec<Codec>, Kind)> {
    let mut want = TOLD_BYTES;
    loop {
        let (first, is_all) = level.peek_raw(want);
        match tell(&first, is_all, outer) {
            Told::Container(codecs, kind) => return Some((codecs, kind)),
            Told::More(more) if !is_all && more > want => want = more,
            Told::Other(_) | Told::More(_) => return None,
        }
    }
}

fn format(kind: Kind, file: Option<File>, index_max: usize) -> Format {
    match (kind, file) {
        (Kind::Tar, _) => Format::Tar(tar::State::default()),
        (Kind::Zip, Some(file)) => Format::Zip(Box::new(zip::State::of(file, index_max))),
        (Kind::Zip, None) => Format::Zip(Box::new(zip::State::streamed())),
    }
}

/// A reader below compressions, the outermost first.
fn inflated(
    reader: Buffered<Source>,
    codecs: &[Codec],
    window_max: u64,
    meter: &Arc<Meter>,
) -> io::Result<Buffered<Source>> {
    codecs.iter().try_fold(reader, |reader, codec| {
        let inflating = Inflating::new(*codec, reader, window_max)?;
        Ok(Buffered::new(Source::Inflated(Box::new(inflating), Arc::clone(meter))))
    })
}
