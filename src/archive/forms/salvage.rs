//! Bytes that are not sound JSON: what is sound in them is taken, the rest is refused piece by piece.
//!
//! A list of events, or events one after the other, is walked element by element. An element that is unsound within
//! sound brackets (a byte that is no UTF-8, a control character, nested too deep) ends where its brackets do. Where
//! brackets or quotes themselves are wrong, the next place behind the fault at which an event can be read begins the
//! next element: behind `,`, `[`, a line end or another event, so that nothing within an event is taken for one.

use crate::scan::{Fault, Scanner, TOO_DEEP};

use super::events::{Events, Value};
use super::skip_blanks;

/// Objects that hold lists of events, within each other, at the most.
const FRAMES_MAX: usize = 4;

/// Keys whose lists hold events.
const LIST_KEYS: [&[u8]; 4] = [b"records", b"events", b"logevents", b"queryresultrows"];

const CUT: &str = "truncated: the JSON ends early";

/// All that is sound.
pub(super) fn salvage(bytes: &[u8]) -> Events {
    let mut salvage = Salvage { bytes, events: Events::default(), is_cut: false };
    salvage.documents();
    salvage.events
}

struct Salvage<'a> {
    bytes: &'a [u8],
    events: Events,
    /// Whether the end was reached within an element, which was said.
    is_cut: bool,
}

impl Salvage<'_> {
    fn peek(&self, pos: usize) -> Option<u8> {
        self.bytes.get(pos).copied()
    }

    fn skip(&self, pos: usize) -> usize {
        skip_blanks(self.bytes, pos)
    }

    /// Values one after the other.
    fn documents(&mut self) {
        let mut pos = 0;
        loop {
            pos = self.skip(pos);
            pos = match self.peek(pos) {
                None => return,
                Some(b'{' | b'[') => self.element(pos, 0),
                // The end of a list or an object that was left for an element that could be read.
                Some(b',' | b']' | b'}') => pos + 1,
                Some(_) => self.garbage(pos),
            };
        }
    }

    /// A list of elements; the place behind it.
    fn list(&mut self, begin: usize, depth: usize) -> usize {
        let mut pos = begin + 1;
        loop {
            pos = self.skip(pos);
            pos = match self.peek(pos) {
                None => {
                    self.cut(pos);
                    return pos;
                }
                Some(b']') => return pos + 1,
                Some(b',') => pos + 1,
                Some(b'{' | b'[') => self.element(pos, depth),
                Some(_) => self.garbage(pos),
            };
        }
    }

    /// One element; the place behind it.
    fn element(&mut self, begin: usize, depth: usize) -> usize {
        let value = self.value(begin);
        if let Ok(end) = value
            && self.take(begin, end)
        {
            return end;
        }
        if depth < FRAMES_MAX {
            if self.peek(begin) == Some(b'[') {
                return self.list(begin, depth + 1);
            }
            if let Some(end) = self.frame(begin, depth + 1) {
                return end;
            }
        }
        let fault = match value {
            Ok(end) => {
                self.refuse_bytes(begin, end);
                return end;
            }
            Err(fault) => fault,
        };
        let end = lenient_end(self.bytes, begin).filter(|end| self.is_behind_element(*end));
        let next = match end {
            // Its quotes and brackets are sound: what lies within is its own.
            Some(end) if fault.reason == TOO_DEEP => end,
            _ => {
                let candidate = self.next_event(self.before_fault(begin, fault.offset));
                end.into_iter().chain(candidate).min().unwrap_or(self.bytes.len())
            }
        };
        self.is_cut |= next >= self.bytes.len();
        self.events.refuse(begin, format!("{} (byte {})", fault.reason, fault.offset));
        next
    }

    /// What begins no object: a value of another kind, or nothing at all. The place behind it.
    fn garbage(&mut self, begin: usize) -> usize {
        if let Ok(end) = self.value(begin)
            && self.is_behind_element(end)
            && self.take(begin, end)
        {
            return end;
        }
        self.events.refuse(begin, format!("not JSON (byte {begin})"));
        let next = self.next_event(begin + 1).unwrap_or(self.bytes.len());
        self.is_cut |= next >= self.bytes.len();
        next
    }

    /// An object that holds a list of events: takes the list, and gives the place behind the object. `None` where it
    /// holds none.
    fn frame(&mut self, begin: usize, depth: usize) -> Option<usize> {
        let mut pos = begin + 1;
        let (mut has_list, mut needs_comma, mut uncalled) = (false, false, None);
        loop {
            pos = self.skip(pos);
            match self.peek(pos) {
                Some(b',') => {
                    needs_comma = false;
                    pos += 1;
                }
                Some(b'}') => return has_list.then_some(pos + 1),
                Some(b'"') => {
                    let Some((is_list, value)) = self.member(pos) else { return has_list.then_some(pos) };
                    if needs_comma {
                        uncalled = Some(pos);
                    }
                    needs_comma = true;
                    has_list |= is_list;
                    if let Some(at) = uncalled.take_if(|_| has_list) {
                        self.events.refuse(at, format!("`,` or `}}` was expected (byte {at})"));
                    }
                    if is_list {
                        pos = self.list(value, depth);
                    } else {
                        match lenient_end(self.bytes, value) {
                            Some(end) => pos = end,
                            None => return has_list.then_some(value),
                        }
                    }
                }
                None if has_list => {
                    self.cut(pos);
                    return Some(pos);
                }
                // What stands here is no part of the object: whoever called goes on with it.
                _ => return has_list.then_some(pos),
            }
        }
    }

    /// A key and the place of its value: whether that is a list of events.
    fn member(&self, pos: usize) -> Option<(bool, usize)> {
        let end = string_end(self.bytes, pos)?;
        let key = self.bytes.get(pos + 1..end - 1)?;
        let colon = self.skip(end);
        if self.peek(colon) != Some(b':') {
            return None;
        }
        let value = self.skip(colon + 1);
        let is_list = LIST_KEYS.iter().any(|known| known.eq_ignore_ascii_case(key)) && self.peek(value) == Some(b'[');
        Some((is_list, value))
    }

    /// Says that the object ends within a list or another object.
    fn cut(&mut self, pos: usize) {
        if !self.is_cut {
            self.is_cut = true;
            self.events.refuse(pos, CUT);
        }
    }

    fn value(&self, begin: usize) -> Result<usize, Fault> {
        let mut scanner = Scanner::new(self.bytes);
        scanner.pos = begin;
        scanner.value().map(|_| scanner.pos)
    }

    /// Takes a value that is sound but for its bytes; whether these are UTF-8.
    fn take(&mut self, begin: usize, end: usize) -> bool {
        let text = std::str::from_utf8(self.bytes.get(begin..end).unwrap_or_default());
        if let Ok(text) = text {
            self.events.add(Value::at(text, begin), 0);
        }
        text.is_ok()
    }

    fn refuse_bytes(&mut self, begin: usize, end: usize) {
        let valid = std::str::from_utf8(self.bytes.get(begin..end).unwrap_or_default());
        let at = valid.map_or_else(|error| begin + error.valid_up_to(), |_| begin);
        self.events.refuse(begin, format!("not UTF-8 (byte {at})"));
    }

    /// Whether an element may end here: the list goes on or ends, another line or object begins.
    fn is_behind_element(&self, end: usize) -> bool {
        let next = self.skip(end);
        let has_line_end = self.bytes.get(end..next).is_some_and(|blanks| blanks.contains(&b'\n'));
        match self.peek(next) {
            None | Some(b']' | b'{') => true,
            Some(b',') => matches!(self.peek(self.skip(next + 1)), Some(b'{' | b'[')),
            Some(_) => has_line_end,
        }
    }

    /// Where the string that may have hidden the next element begins: one whose end was lost goes on to the next quote,
    /// which begins a key of the next element and may be escaped by the byte before it.
    fn before_fault(&self, begin: usize, fault: usize) -> usize {
        let before = self.bytes.get(begin + 1..fault).unwrap_or_default();
        memchr::memrchr_iter(b'"', before).nth(2).map_or(begin + 1, |at| begin + 1 + at)
    }

    /// The next place from `from` on at which an event begins that can be read.
    fn next_event(&self, from: usize) -> Option<usize> {
        let rest = self.bytes.get(from..)?;
        memchr::memchr_iter(b'{', rest).map(|at| from + at).find(|at| self.is_event(*at))
    }

    fn is_event(&self, begin: usize) -> bool {
        if !self.is_front(begin) {
            return false;
        }
        let Ok(end) = self.value(begin) else { return false };
        let Some(Ok(text)) = self.bytes.get(begin..end).map(std::str::from_utf8) else { return false };
        let mut trial = Events::default();
        trial.add(Value::at(text, begin), 0);
        trial.is_clean()
    }

    /// Whether an element may begin here, or may have begun before one byte took the place of another: an object in a
    /// text has its quotes escaped, so that it reads as none.
    fn is_front(&self, begin: usize) -> bool {
        let before = self.bytes.get(..begin).unwrap_or_default();
        let trimmed = before.trim_ascii_end();
        let has_line_end = before.get(trimmed.len()..).is_some_and(|blanks| blanks.contains(&b'\n'));
        match trimmed {
            [] | [.., b',' | b'[' | b'}'] => true,
            [.., b',' | b'[' | b'}', _] => true,
            _ => has_line_end,
        }
    }
}

/// The place behind a string, whatever is in it.
fn string_end(bytes: &[u8], begin: usize) -> Option<usize> {
    let mut pos = begin + 1;
    loop {
        pos += memchr::memchr2(b'"', b'\\', bytes.get(pos..)?)?;
        if bytes.get(pos) == Some(&b'"') {
            return Some(pos + 1);
        }
        pos += 2;
    }
}

/// The place behind a value, by its quotes and brackets alone: whatever else is wrong with it, however deep it is.
fn lenient_end(bytes: &[u8], begin: usize) -> Option<usize> {
    // True for an object, false for a list.
    let mut levels = Vec::new();
    let mut pos = begin;
    loop {
        match bytes.get(pos)? {
            b'"' => pos = string_end(bytes, pos)?,
            open @ (b'{' | b'[') => {
                levels.push(*open == b'{');
                pos += 1;
                continue;
            }
            close @ (b'}' | b']') => {
                if levels.pop()? != (*close == b'}') {
                    return None;
                }
                pos += 1;
            }
            _ => {
                let rest = bytes.get(pos..)?;
                let len = rest.iter().position(|b| matches!(b, b'"' | b'{' | b'[' | b'}' | b']' | b',' | b':'));
                match len {
                    Some(0) => pos += 1,
                    Some(len) => pos += len,
                    None => return None,
                }
                if !levels.is_empty() {
                    continue;
                }
            }
        }
        if levels.is_empty() {
            return Some(pos);
        }
    }
}
