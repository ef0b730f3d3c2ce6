//! The shapes of requests: what is left of their parameters without the values. Most requests of an operation have one
//! of few, so that a request is compared with those before, letter by letter outside the values, and not read again.

use std::ops::Range;

use super::flat::{begins_number, quote_or_backslash, word_end};
use super::params::Document;
use super::sight::{Sight, put};

/// Shapes that an operation has at the most.
const SHAPES_MAX: usize = 8;

/// Bytes of a request whose shape is worth remembering, and the values in it.
const BYTES_MAX: usize = 2 << 10;
const HOLES_MAX: usize = 64;

/// Shapes that are learned of an operation before one is met again, and for each two that are.
const LEARNED_MAX: u32 = 16;

/// The shapes of one operation's requests, as long as its sight doesn't grow.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    /// Those met last come first.
    known: Vec<Shape>,
    learned: u32,
    met: u32,
}

/// A request without its values.
#[derive(Debug)]
struct Shape {
    id: u64,
    source: Box<str>,
    holes: Vec<Hole>,
}

/// Where a value stands that may be another: a text that is not empty, or a number.
#[derive(Clone, Copy, Debug)]
struct Hole {
    begin: usize,
    end: usize,
    is_number: bool,
    /// Whether rules look at it whatever it is.
    is_seen: bool,
}

/// What parameters begin with in a key that are noted by their shape: neither 0 nor 1, as [`put_optional`] has it.
///
/// [`put_optional`]: super::sight::put_optional
const SHAPED: u8 = 2;

/// How a value is noted in a key: not at all, or with its text.
const UNSEEN: u8 = 0;
const SEEN: u8 = 1;

impl Shapes {
    /// Adds to a key all that is seen of parameters of a known shape, and which it is; nothing where it is not known.
    pub fn quote(&mut self, source: &str, key: &mut Vec<u8>) -> bool {
        let begin = key.len();
        let found = self.known.iter().position(|shape| {
            key.truncate(begin);
            shape.quote(source, key).is_some()
        });
        let Some(at) = found else {
            key.truncate(begin);
            return false;
        };
        self.met = self.met.saturating_add(1);
        if let Some(front) = self.known.get_mut(..=at) {
            front.rotate_right(1);
        }
        true
    }

    /// Learns the shape of parameters that had none of those known. `id` is nobody else's.
    pub fn learn(&mut self, document: Document<'_>, sight: &Sight, id: u64) {
        if document.source.len() > BYTES_MAX || self.learned > LEARNED_MAX + self.met / 2 {
            return;
        }
        self.learned += 1;
        if let Some(holes) = holes(document, sight) {
            self.known.truncate(SHAPES_MAX - 1);
            self.known.insert(0, Shape { id, source: document.source.into(), holes });
        }
    }

    pub fn clear(&mut self) {
        self.known.clear();
    }
}

impl Shape {
    fn quote(&self, source: &str, key: &mut Vec<u8>) -> Option<()> {
        let (own, bytes) = (self.source.as_bytes(), source.as_bytes());
        let (mut own_at, mut at) = (0, 0);
        key.push(SHAPED);
        key.extend(self.id.to_le_bytes());
        for hole in &self.holes {
            let between = own.get(own_at..hole.begin)?;
            let begin = at + between.len();
            if bytes.get(at..begin)? != between {
                return None;
            }
            let end = if hole.is_number { number_end(bytes, begin) } else { text_end(bytes, begin) }?;
            let value = source.get(begin..end)?;
            if hole.is_seen || value.starts_with("arn") {
                key.push(SEEN);
                put(key, value);
            } else {
                key.push(UNSEEN);
            }
            (own_at, at) = (hole.end, end);
        }
        (own.get(own_at..)? == bytes.get(at..)?).then_some(())
    }
}

/// The end of a text that is not empty and has no escapes.
fn text_end(bytes: &[u8], begin: usize) -> Option<usize> {
    let end = quote_or_backslash(bytes, begin)?;
    (end > begin && bytes.get(end) == Some(&b'"')).then_some(end)
}

fn number_end(bytes: &[u8], begin: usize) -> Option<usize> {
    bytes.get(begin).is_some_and(begins_number).then(|| word_end(bytes, begin))
}

/// The values of parameters. `None` where one is not as it stands, or there are too many.
fn holes(document: Document<'_>, sight: &Sight) -> Option<Vec<Hole>> {
    let bytes = document.source.as_bytes();
    if document.flat.top.is_empty() || memchr::memchr(b'\\', bytes).is_some() {
        return None;
    }
    let read: Vec<Range<usize>> = sight.values_in(document).collect();
    let is_read = |begin: usize| read.iter().any(|value| value.contains(&begin));
    let (mut holes, mut at) = (Vec::new(), 0);
    for (place, entry) in document.places() {
        let Range { start: begin, end } = place?;
        put_numbers(bytes, at..begin, is_read, &mut holes);
        if begin < end {
            let is_seen = is_read(begin) || entry.is_some_and(|entry| sight.sees_key(&entry));
            holes.push(Hole { begin, end, is_number: false, is_seen });
        }
        at = end + 1;
    }
    put_numbers(bytes, at..bytes.len(), is_read, &mut holes);
    (holes.len() <= HOLES_MAX).then_some(holes)
}

/// The numbers between two texts; keys may stand there too.
fn put_numbers(bytes: &[u8], between: Range<usize>, is_read: impl Fn(usize) -> bool, holes: &mut Vec<Hole>) {
    let mut at = between.start;
    while let Some(byte) = bytes.get(at..between.end).and_then(<[u8]>::first) {
        let begin = at;
        at = match byte {
            b'"' => quote_or_backslash(bytes, at + 1).map_or(bytes.len(), |end| end + 1),
            _ => word_end(bytes, at).max(at + 1),
        };
        if begins_number(byte) {
            holes.push(Hole { begin, end: at, is_number: true, is_seen: is_read(begin) });
        }
    }
}
