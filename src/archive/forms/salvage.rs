//! Bytes that are not sound JSON: what is sound in them is taken, the rest is refused piece by piece.
//!
//! A list of events, or events one after the other, is walked element by element. An element that is unsound within
//! sound brackets (a byte that is no UTF-8, a control character, nested too deep) ends where its brackets do. Where
//! brackets or quotes themselves are wrong, the layout tells where the next element begins:
//!
//! * Where a line holds an event by itself, the end of a line ends whatever is unsound on it, so that a line that was
//!   cut takes no other with it, and each unsound line is refused by itself.
//! * Where objects are written over several lines, a line that is indented no further than the unsound object and
//!   begins an object is the next one.
//! * Elsewhere it is the next place behind the fault at which an event can be read: behind `,`, `[`, a line end or
//!   another event, so that nothing within an event is taken for one.
//!
//! Where all that takes fewer events than there are lines that hold one, each line is judged by itself.

use serde_json::value::RawValue;

use crate::scan::{Fault, Scanner, TOO_DEEP};

use super::blanks::{BYTE_ORDER_MARK, skip_blanks};
use super::cells;
use super::events::{Events, Value};
use super::known::is_event;

/// Objects that hold lists of events, within each other, at the most.
const FRAMES_MAX: usize = 4;

/// Keys whose lists hold events.
const LIST_KEYS: [&[u8]; 7] =
    [b"records", b"events", b"logevents", b"queryresultrows", b"messages", b"results", b"hits"];

const CUT: &str = "truncated: the JSON ends early";

const SWALLOWED: &str = "cut short: the next line is none of its own";

/// All that is sound.
pub(super) fn salvage(bytes: &[u8]) -> Events {
    let mut salvage = Salvage {
        bytes,
        events: Events::default(),
        is_cut: false,
        is_lines: has_event_line(bytes),
        refused_line: None,
        lists: 0,
    };
    salvage.documents();
    // Several faults may hide sound lines from the walk. What it takes then is less than its lines hold by themselves.
    let by_lines = if salvage.is_lines { by_lines(bytes) } else { Events::default() };
    if by_lines.len() > salvage.events.len() { by_lines } else { salvage.events }
}

/// Each line by itself: an event is taken, what opens and closes the list is passed over, anything else refused.
fn by_lines(bytes: &[u8]) -> Events {
    let mut events = Events::default();
    let mut begin = 0;
    while begin < bytes.len() {
        let end = line_end(bytes, begin);
        let mut at = skip_blanks(bytes.get(..end).unwrap_or_default(), begin);
        while at < end {
            at = line_part(bytes, at, end, &mut events);
        }
        begin = end + 1;
    }
    events
}

/// What stands from `at` on of a line that ends at `end`: one event, or all of it. The place behind it.
fn line_part(bytes: &[u8], at: usize, end: usize, events: &mut Events) -> usize {
    let rest = bytes.get(at..end).unwrap_or_default();
    if let Some(text) = event_of_line(bytes, at) {
        events.add(Value::at(text, at), 0);
        let behind = rest.get(text.len()..).unwrap_or_default();
        return at + text.len() + behind.iter().take_while(|byte| is_between(**byte)).count();
    }
    let is_bracket = |byte: &u8| is_between(*byte) || matches!(byte, b'{' | b'[');
    if !rest.iter().all(is_bracket) && !opens_list(rest) {
        events.refuse(at, format!("not JSON (byte {at})"));
    }
    end
}

/// What may stand behind an element on its line.
fn is_between(byte: u8) -> bool {
    matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\r')
}

/// Whether a line ends with the key of a list of events and the list's bracket.
fn opens_list(line: &[u8]) -> bool {
    let Some(line) = line.trim_ascii().strip_suffix(b"[") else { return false };
    let Some(line) = line.trim_ascii_end().strip_suffix(b":") else { return false };
    let Some(line) = line.trim_ascii_end().strip_suffix(b"\"") else { return false };
    let key = memchr::memrchr(b'"', line).and_then(|quote| line.get(quote + 1..)).unwrap_or_default();
    LIST_KEYS.iter().any(|known| known.eq_ignore_ascii_case(key))
}

/// Whether a sound value is none that anybody wrote: an event within which a line holds another event by itself. Two
/// damaged lines, with sound ones between them, read like that.
pub(super) fn is_swallowing(text: &str) -> bool {
    match text.as_bytes().first() {
        _ if !text.contains('\n') => false,
        Some(b'{') => is_event(text) && line_starts(text.as_bytes(), 1).any(|at| is_event_line(text.as_bytes(), at)),
        Some(b'[') => match serde_json::from_str::<Vec<&RawValue>>(text) {
            Ok(elements) => elements.iter().any(|element| is_swallowing(element.get())),
            Err(_) => false,
        },
        _ => false,
    }
}

/// Whether a sound object reads like two lines that were cut and came together, one behind a key or a comma, the next
/// before a value or a key: it goes on in the first column of another line.
///
/// No program writes such an event into a file of one event a line. In a file of another layout it may be sound.
pub(super) fn is_torn(text: &str) -> bool {
    let Some((first, rest)) = text.split_once('\n') else { return false };
    let is_indented = rest.starts_with([' ', '\t', '\r', '\n', '}', ']']);
    first.starts_with('{') && first.trim_ascii_end().len() > 1 && !is_indented && is_event(text)
}

/// Whether a line holds an event by itself.
pub(super) fn has_event_line(bytes: &[u8]) -> bool {
    line_starts(bytes, 0).any(|at| is_event_line(bytes, at))
}

struct Salvage<'a> {
    bytes: &'a [u8],
    events: Events,
    /// Whether the end was reached within an element, which was said.
    is_cut: bool,
    /// Whether a line holds an event by itself.
    is_lines: bool,
    /// The end of the line of which something was refused last.
    refused_line: Option<usize>,
    /// Lists that were entered.
    lists: usize,
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
                Some(b',' | b']' | b'}') => self.left_over(pos),
                // Files that were put together have theirs in the middle.
                Some(_) if self.bytes.get(pos..).is_some_and(|rest| rest.starts_with(BYTE_ORDER_MARK)) => {
                    pos + BYTE_ORDER_MARK.len()
                }
                Some(_) => self.garbage(pos),
            };
        }
    }

    /// The end of a list or an object that was left for an element that could be read; where there is no list, all that
    /// is left of a line.
    fn left_over(&mut self, pos: usize) -> usize {
        let line_end = self.line_end(pos);
        let line = self.bytes.get(line_begin(self.bytes, pos)..line_end).unwrap_or_default();
        let is_alone = line.iter().all(|byte| matches!(byte, b',' | b']' | b'}') || byte.is_ascii_whitespace());
        if !(self.is_lines && self.lists == 0 && is_alone) {
            return pos + 1;
        }
        self.refuse(pos, format!("not JSON (byte {pos})"));
        line_end
    }

    fn line_end(&self, pos: usize) -> usize {
        line_end(self.bytes, pos)
    }

    fn refuse(&mut self, pos: usize, reason: impl Into<String>) {
        self.refused_line = Some(self.line_end(pos));
        self.events.refuse(pos, reason);
    }

    /// A list of elements; the place behind it.
    fn list(&mut self, begin: usize, depth: usize) -> usize {
        let mut pos = begin + 1;
        self.lists += 1;
        loop {
            pos = self.skip(pos);
            pos = match self.peek(pos) {
                None => {
                    // That its line was cut was said.
                    if !(self.is_lines && self.refused_line == Some(self.line_end(begin))) {
                        self.cut(pos);
                    }
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
        let value = self.value(begin).and_then(|end| match self.is_swallowing(begin, end) {
            true => Err(Fault { offset: self.line_end(begin), reason: SWALLOWED }),
            false => Ok(end),
        });
        if let Ok(end) = value
            && let Some(next) = self.foreign_line(begin, end)
        {
            return next;
        }
        if let Ok(end) = value
            && self.take(begin, end)
        {
            return end;
        }
        if depth < FRAMES_MAX {
            if self.peek(begin) == Some(b'[') && !(depth > 0 && self.is_row(begin)) {
                return self.list(begin, depth + 1);
            }
            if self.peek(begin) == Some(b'{')
                && let Some(end) = self.frame(begin, depth + 1)
            {
                return end;
            }
        }
        match value {
            Ok(end) => {
                self.refuse_bytes(begin, end);
                end
            }
            Err(fault) => {
                let next = self.behind_unsound(begin, &fault, depth);
                self.is_cut |= next >= self.bytes.len();
                self.refuse(begin, format!("{} (byte {})", fault.reason, fault.offset));
                next
            }
        }
    }

    /// Refuses what holds no event, be it a list, as the one line that it is; the place behind it.
    fn foreign_line(&mut self, begin: usize, end: usize) -> Option<usize> {
        let (line, limit) = (line_begin(self.bytes, begin), self.line_end(begin));
        // What separates elements may stand before it.
        if !self.is_lines || end > limit || !self.is_line_blank(line, begin) {
            return None;
        }
        let text = std::str::from_utf8(self.bytes.get(begin..end)?).ok()?;
        let mut trial = Events::default();
        trial.add(Value::at(text, begin), 0);
        let first = trial.first_refused().filter(|_| trial.len() == 0)?;
        self.refuse(begin, first.to_owned());
        match self.is_line_blank(end, limit) {
            true => Some(end),
            false => Some(self.next_event(end, limit).unwrap_or(limit)),
        }
    }

    fn is_swallowing(&self, begin: usize, end: usize) -> bool {
        let text = self.bytes.get(begin..end).filter(|text| self.is_lines && memchr::memchr(b'\n', text).is_some());
        let text = text.and_then(|text| std::str::from_utf8(text).ok());
        text.is_some_and(|text| is_swallowing(text) || is_torn(text))
    }

    /// The place behind an element that is unsound.
    fn behind_unsound(&self, begin: usize, fault: &Fault, depth: usize) -> usize {
        let is_line = self.is_lines && !self.is_over_lines(begin);
        let limit = if is_line { self.line_end(begin) } else { self.bytes.len() };
        let within = self.bytes.get(..limit).unwrap_or_default();
        let mut end = lenient_end(within, begin).filter(|end| self.is_behind_element(*end));
        if let Some(end) = end
            && (fault.reason == TOO_DEEP || is_line && depth == 0 && self.is_line_blank(end, limit))
        {
            // Its quotes and brackets are sound: what lies within is its own.
            return end;
        }
        if is_line && depth == 0 {
            // A part of an unsound line is no element.
            end = end.filter(|end| self.is_event(self.skip(*end)));
        }
        let line = if is_line { None } else { self.next_line_element(begin) };
        let candidate = self.next_event(self.before_fault(begin, fault.offset.min(limit)), limit);
        end.into_iter().chain(line).chain(candidate).min().unwrap_or(limit)
    }

    /// Whether nothing but the ends of lists and objects follows on a line.
    fn is_line_blank(&self, end: usize, line_end: usize) -> bool {
        let rest = self.bytes.get(end..line_end).unwrap_or_default();
        rest.iter().all(|byte| is_between(*byte))
    }

    /// Whether an object is written over several lines, each part further to the right.
    fn is_over_lines(&self, begin: usize) -> bool {
        let line_end = self.line_end(begin);
        let first = self.bytes.get(begin + 1..line_end).unwrap_or_default();
        // An object in an object without a key is another one.
        first.trim_ascii().is_empty()
            && self.peek(self.skip(line_end)) != Some(b'{')
            && indent(self.bytes, line_end + 1) > indent(self.bytes, line_begin(self.bytes, begin))
    }

    /// The next line that begins an object no further to the right than the one at hand, which is written over several;
    /// any, where nothing of the one at hand is left but its bracket.
    fn next_line_element(&self, begin: usize) -> Option<usize> {
        let next = self.skip(begin + 1);
        if self.peek(next) == Some(b'{') && self.line_end(begin) < next {
            return Some(next);
        }
        if !self.is_over_lines(begin) {
            return None;
        }
        let column = indent(self.bytes, line_begin(self.bytes, begin));
        line_starts(self.bytes, begin + 1).find(|at| at - line_begin(self.bytes, *at) <= column)
    }

    /// What begins no object: a value of another kind, or nothing at all. The place behind it.
    fn garbage(&mut self, begin: usize) -> usize {
        let limit = if self.is_lines { self.line_end(begin) } else { self.bytes.len() };
        // What is left of a line of which something was refused.
        let is_said = self.is_lines && self.refused_line == Some(limit);
        if !is_said {
            if let Ok(end) = self.value(begin)
                && self.is_behind_element(end)
            {
                if let Some(next) = self.foreign_line(begin, end) {
                    return next;
                }
                if self.take(begin, end) {
                    return end;
                }
            }
            self.refuse(begin, format!("not JSON (byte {begin})"));
        }
        let next = self.next_event(begin + 1, limit).unwrap_or(limit);
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
                    let Some((is_known, value)) = self.member(pos) else { return has_list.then_some(pos) };
                    let is_sole = pos == self.skip(begin + 1) && self.is_list_of_events(value);
                    let is_list = is_sole || is_known && self.peek(value) == Some(b'[');
                    if needs_comma {
                        uncalled = Some(pos);
                    }
                    needs_comma = true;
                    has_list |= is_list;
                    if let Some(at) = uncalled.take_if(|_| has_list) {
                        self.refuse(at, format!("`,` or `}}` was expected (byte {at})"));
                    }
                    if is_list {
                        pos = self.list(value, depth);
                    } else if is_known
                        && depth < FRAMES_MAX
                        && let Some(end) = self.frame(value, depth + 1)
                    {
                        has_list = true;
                        pos = end;
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

    /// Whether a list is a row, whose cells are nothing by themselves.
    fn is_row(&self, begin: usize) -> bool {
        let first = self.skip(begin + 1);
        let Ok(end) = self.value(first) else { return false };
        let text = std::str::from_utf8(self.bytes.get(first..end).unwrap_or_default()).unwrap_or_default();
        cells::is_cell(text)
    }

    /// Whether a list begins with an event: that of an object that has one list and nothing else.
    fn is_list_of_events(&self, begin: usize) -> bool {
        let first = self.skip(begin + 1);
        let is_open = self.peek(begin) == Some(b'[') && self.peek(first) == Some(b'{');
        is_open && self.value(first).is_ok_and(|end| is_clean(self.bytes.get(first..end).unwrap_or_default()))
    }

    /// A key and the place of its value: whether that has, or is, a list of events.
    fn member(&self, pos: usize) -> Option<(bool, usize)> {
        let end = string_end(self.bytes, pos)?;
        let key = self.bytes.get(pos + 1..end - 1)?;
        let colon = self.skip(end);
        if self.peek(colon) != Some(b':') {
            return None;
        }
        let is_known = LIST_KEYS.iter().any(|known| known.eq_ignore_ascii_case(key));
        Some((is_known, self.skip(colon + 1)))
    }

    /// Says that the object ends within a list or another object.
    fn cut(&mut self, pos: usize) {
        if !self.is_cut {
            self.is_cut = true;
            self.refuse(pos, CUT);
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
        self.refuse(begin, format!("not UTF-8 (byte {at})"));
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

    /// The next place from `from` on, before `limit`, at which an event begins that can be read.
    fn next_event(&self, from: usize, limit: usize) -> Option<usize> {
        let rest = self.bytes.get(from..limit)?;
        memchr::memchr_iter(b'{', rest).map(|at| from + at).find(|at| self.is_event(*at))
    }

    fn is_event(&self, begin: usize) -> bool {
        if !self.is_front(begin) {
            return false;
        }
        let Ok(end) = self.value(begin) else { return false };
        is_clean(self.bytes.get(begin..end).unwrap_or_default())
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

/// Whether a value holds events and nothing else.
fn is_clean(json: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(json) else { return false };
    let mut trial = Events::default();
    trial.add(Value::at(text, 0), 0);
    trial.is_clean()
}

fn line_begin(bytes: &[u8], pos: usize) -> usize {
    memchr::memrchr(b'\n', bytes.get(..pos).unwrap_or_default()).map_or(0, |at| at + 1)
}

fn line_end(bytes: &[u8], pos: usize) -> usize {
    memchr::memchr(b'\n', bytes.get(pos..).unwrap_or_default()).map_or(bytes.len(), |at| pos + at)
}

/// Blanks at the begin of a line.
fn indent(bytes: &[u8], line_begin: usize) -> usize {
    bytes.get(line_begin..).map_or(0, |line| line.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count())
}

/// The places behind `from` at which a line begins with an object; `from` itself, if it is 0, begins one as well.
fn line_starts(bytes: &[u8], from: usize) -> impl Iterator<Item = usize> {
    let ends = memchr::memchr_iter(b'\n', bytes.get(from..).unwrap_or_default()).map(move |at| from + at + 1);
    let begins = (from == 0).then_some(0).into_iter().chain(ends);
    begins.map(|begin| begin + indent(bytes, begin)).filter(|at| bytes.get(*at) == Some(&b'{'))
}

/// Whether a line holds an event, from `begin` on, and nothing but the end of a list or another object behind it.
fn is_event_line(bytes: &[u8], begin: usize) -> bool {
    event_of_line(bytes, begin).is_some()
}

/// That event.
fn event_of_line(bytes: &[u8], begin: usize) -> Option<&str> {
    let line = bytes.get(begin..line_end(bytes, begin))?;
    let mut scanner = Scanner::new(line);
    scanner.value().ok()?;
    let (json, rest) = line.split_at(scanner.pos);
    let mut rest = rest.iter().filter(|byte| !is_between(**byte));
    let is_alone = matches!(rest.next(), None | Some(b'{'));
    std::str::from_utf8(json).ok().filter(|_| is_alone && is_clean(json))
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
