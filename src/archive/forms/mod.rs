//! The forms in which events come, brought to the one in which CloudTrail writes them: `{"Records":[…]}`.
//!
//! Content decides, never a name. Each form of JSON has a file of one shape: a `Form`, whose function looks at one
//! object and says what it is. To add one, copy `splunk.rs` and list it in `known.rs`.
//!
//! `docs/forms.md` has the table of them, with what tells each and what is lost in it.
//!
//! Events are carried over as text, byte for byte: no number and no order of fields changes. Only a form that has no
//! such text (CSV, Athena's rows, OCSF) is written anew.
//!
//! What holds no event is refused alone, with its place, and the rest is taken; only where nothing is taken the object
//! is refused as a whole. `salvage` does so for bytes that are not sound JSON.

mod athena;
mod blanks;
mod cells;
mod cloudwatch_logs;
mod csv;
mod digest;
mod elastic;
mod event;
mod event_bridge;
mod event_history;
mod events;
mod fluent_bit;
mod form;
mod known;
mod known_event;
mod lake;
mod lake_csv;
mod lines;
mod local_time;
mod logs_insights;
mod lookup_events;
mod normal;
mod notification;
mod object;
mod ocsf;
mod other_service;
mod records;
mod row;
mod salvage;
mod second;
mod sign_file;
mod sns;
mod sole_list;
mod splunk;
mod sqs;
mod wazuh;
mod wrapped;

use std::cell::LazyCell;

use serde_json::value::RawValue;

use super::error::FormError;
use blanks::{BYTE_ORDER_MARK, skip_blanks};
use events::{Events, Value};

pub use digest::DIGESTS;
pub use normal::{Normal, RefusedElement};
pub(super) use other_service::of_names;

/// Brings inflated bytes to `{"Records":[…]}`.
///
/// Bytes that begin like that pass untouched, whatever follows (a byte order mark becomes blanks): judging them is the
/// record parser's, and [`salvage`] is for what it refuses.
///
/// # Errors
/// Bytes that hold no event at all (a digest, something foreign).
pub fn normalise(mut bytes: Vec<u8>) -> Result<Normal, FormError> {
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.iter_mut().take(BYTE_ORDER_MARK.len()).for_each(|byte| *byte = b' ');
    }
    if is_main_form(&bytes) {
        return Ok(Normal { json: bytes, places: None, refused: Vec::new() });
    }
    let Some(text) = utf16(&bytes) else { return rewrite(&bytes)?.finish() };
    let mut normal = rewrite(&text)?.finish()?;
    utf16_places(&mut normal, &bytes, &text);
    Ok(normal)
}

/// Brings sound JSON to `{"Records":[…]}`, whatever it begins with: also where it begins like that and something stands
/// beside its list.
///
/// # Errors
/// Bytes that hold no event at all.
pub fn examine(bytes: &[u8]) -> Result<Normal, FormError> {
    rewrite(bytes)?.finish()
}

/// Brings bytes that are no sound JSON to `{"Records":[…]}`: what is sound in them is taken, the rest is refused piece
/// by piece.
///
/// # Errors
/// Bytes of which no event can be taken.
pub fn salvage(bytes: &[u8]) -> Result<Normal, FormError> {
    salvage::salvage(bytes).finish()
}

/// Why bytes that begin like this can't be any form of events; `None` where they may be one.
pub(super) fn implausible(first: &[u8]) -> Option<String> {
    let start = skip_blanks(first, if first.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 });
    let is_text = || first.get(start..).is_some_and(|rest| csv::reader(rest).is_some() || lines::is_form(rest));
    match first.get(start) {
        None | Some(b'{' | b'[') => None,
        Some(_) if is_utf16(first) || is_text() || other_service::of_text(first).is_some() => None,
        Some(_) => Some(format!("neither gzip, zstd, JSON nor CSV of events; it begins with {}", shown(first))),
    }
}

/// The first bytes of something unknown, for people.
fn shown(bytes: &[u8]) -> String {
    const SHOWN: usize = 24;
    let first = bytes.get(..SHOWN.min(bytes.len())).unwrap_or_default();
    format!("\"{}\"", first.escape_ascii())
}

/// Whether the bytes begin with `{"Records"`.
fn is_main_form(bytes: &[u8]) -> bool {
    let brace = skip_blanks(bytes, 0);
    let key = skip_blanks(bytes, brace + 1);
    let Some(rest) = bytes.get(key..).and_then(|rest| rest.strip_prefix(b"\"Records\"")) else { return false };
    bytes.get(brace) == Some(&b'{') && !is_notification(rest)
}

/// Whether the first of a list of records may be a notification, which has to be looked at.
fn is_notification(behind_key: &[u8]) -> bool {
    let is_frame = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b':' | b'[' | b'{');
    let frame = behind_key.iter().take_while(is_frame).count();
    behind_key.get(frame..).is_some_and(notification::may_be)
}

fn is_utf16(bytes: &[u8]) -> bool {
    matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [b'{' | b'[', 0, ..] | [0, b'{' | b'[', ..])
}

/// UTF-16 of either order, with or without its mark, as UTF-8. What stands for no character becomes a byte that is no
/// UTF-8 either, so that what it is in is refused.
fn utf16(bytes: &[u8]) -> Option<Vec<u8>> {
    if !is_utf16(bytes) {
        return None;
    }
    let is_little = matches!(bytes, [0xff, 0xfe, ..] | [_, 0, ..]);
    let units = bytes.as_chunks::<2>().0.iter();
    let units = units.map(|unit| if is_little { u16::from_le_bytes(*unit) } else { u16::from_be_bytes(*unit) });
    let mut text = Vec::with_capacity(bytes.len() / 2);
    for decoded in char::decode_utf16(units).skip_while(|decoded| matches!(decoded, Ok('\u{feff}'))) {
        match decoded {
            Ok(c) => text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Err(_) => text.push(NO_CHARACTER),
        }
    }
    // Half a unit is the rest of something that was cut.
    text.extend((bytes.len() % 2 == 1).then_some(NO_CHARACTER));
    Some(text)
}

/// In UTF-8 it stands nowhere.
const NO_CHARACTER: u8 = 0xff;

/// Places in the text that [`utf16`] made, as places in what it was made of.
fn utf16_places(normal: &mut Normal, bytes: &[u8], text: &[u8]) {
    let mark = if matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) { 2 } else { 0 };
    let (mut at, mut place) = (0, mark);
    let mut place_of = |offset: &mut u64| {
        let wanted = usize::try_from(*offset).unwrap_or(usize::MAX);
        if wanted < at {
            (at, place) = (0, mark);
        }
        // A character has two bytes there, or four if it has four here.
        let bytes = |byte: &u8| match byte {
            0x80..0xc0 => 0,
            0xf0..0xf8 => 4,
            _ => 2,
        };
        place += text.get(at..wanted).unwrap_or_default().iter().map(bytes).sum::<u64>();
        at = wanted;
        *offset = place;
    };
    normal.places.iter_mut().flatten().for_each(|(_, offset)| place_of(offset));
    normal.refused.iter_mut().for_each(|element| place_of(&mut element.offset_bytes));
}

/// Lines of words, which no part of JSON is.
fn prose_lines(bytes: &[u8]) -> usize {
    let is_prose = |line: &&[u8]| {
        let line = line.trim_ascii();
        let begins_or_ends = matches!(line, [b'"' | b'{' | b'[', ..] | [.., b'}' | b']']);
        let is_json = begins_or_ends || memchr::memmem::find(line, b"\":").is_some();
        !is_json && line.iter().any(u8::is_ascii_alphabetic)
    };
    bytes.split(|byte| *byte == b'\n').filter(is_prose).count()
}

/// What is neither the main form nor unsound.
fn rewrite(bytes: &[u8]) -> Result<Events, FormError> {
    let start = skip_blanks(bytes, 0);
    match bytes.get(start) {
        Some(b'{' | b'[') => {}
        None => return Err(FormError::new(start, "empty: nothing but blanks")),
        Some(_) => {
            if let Some(events) = csv::reader(bytes).map(|read| csv::events(bytes, read)) {
                return Ok(events);
            }
            if let Some(kind) = other_service::of_text(bytes) {
                return Ok(Events::other(kind));
            }
            if lines::is_form(bytes) {
                return Ok(lines::events(bytes));
            }
            // Events whose first is unsound at its first byte; a text that has examples in it is none.
            let salvaged = salvage::salvage(bytes);
            if prose_lines(bytes) < salvaged.len() {
                return Ok(salvaged);
            }
            let reason = implausible(bytes).unwrap_or_else(|| format!("it begins with {}", shown(bytes)));
            return Err(FormError::new(start, format!("foreign: {reason}")));
        }
    }
    let Ok(whole) = std::str::from_utf8(bytes) else { return Ok(salvage::salvage(bytes)) };
    // Looked for once, and only where it matters.
    let is_lines = LazyCell::new(|| salvage::has_event_line(bytes));
    let mut events = Events::default();
    for document in serde_json::Deserializer::from_str(whole).into_iter::<&RawValue>() {
        let Ok(document) = document else { return Ok(salvage::salvage(bytes)) };
        let text = document.get();
        if salvage::is_swallowing(text) || salvage::is_torn(text) && *is_lines {
            return Ok(salvage::salvage(bytes));
        }
        events.add(Value::within(whole, text), 0);
    }
    Ok(events)
}

#[cfg(test)]
mod tests;
