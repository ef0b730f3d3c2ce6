//! The `resources` list of a record: whether its column gives it back as it was, and what is in it.

use std::borrow::Cow;

use super::json_string::unescape;
use super::schema::RESOURCE_FIELDS;
use crate::scan::{Fault, Scanner};
use crate::util::invariant::Invariant as _;

/// The invariant of every part that is cut out here.
const WITHIN: &str = "spans lie within the text they were scanned from";

/// Takes `resources` if it is a list of objects with nothing but strings under known keys, none twice: what its column
/// gives back as it was. Where it isn't, nothing is taken.
pub(super) fn take(text: &str, scanner: &mut Scanner<'_>) -> Option<(usize, usize)> {
    let start = scanner.pos;
    let taken = scanner.list(|scanner| take_resource(text, scanner)).is_ok();
    if !taken {
        scanner.pos = start;
    }
    taken.then_some((start, scanner.pos))
}

fn take_resource(text: &str, scanner: &mut Scanner<'_>) -> Result<(), Fault> {
    let mut seen = 0_u32;
    scanner.object(|scanner, key| {
        let name = text.get(key.start..key.end).invariant(WITHIN);
        let bit = field(name).map_or(0, |field| 1 << field);
        let value = scanner.string()?;
        let inner = || text.get(value.start..value.end).invariant(WITHIN);
        let is_as_it_was = bit != 0 && seen & bit == 0 && (!value.marked || unescape(inner()).1);
        seen |= bit;
        if is_as_it_was { Ok(()) } else { scanner.fault("no string under a known key") }
    })
}

/// The place of a key among [`RESOURCE_FIELDS`].
fn field(key: &str) -> Option<usize> {
    RESOURCE_FIELDS.iter().position(|(_, known)| *known == key)
}

fn field_in_any_case(key: &str) -> Option<usize> {
    RESOURCE_FIELDS.iter().position(|(_, known)| known.eq_ignore_ascii_case(key))
}

/// Each resource of a list, as far as it can be read: the values of [`RESOURCE_FIELDS`].
pub(super) fn each_resource<'a>(raw: &'a str, mut each: impl FnMut([Option<Cow<'a, str>>; RESOURCE_FIELDS.len()])) {
    let mut scanner = Scanner::new(raw.as_bytes());
    if scanner.peek() != Some(b'[') {
        return;
    }
    // INVARIANT: the text was scanned before, so that no fault can come here.
    let _ = scanner.list(|scanner| {
        let mut members = [const { None }; RESOURCE_FIELDS.len()];
        if scanner.peek() != Some(b'{') {
            scanner.value()?;
            each(members);
            return Ok(());
        }
        scanner.object(|scanner, key| {
            let name = raw.get(key.start..key.end).invariant(WITHIN);
            let field = field(name).or_else(|| field_in_any_case(name));
            if scanner.peek() != Some(b'"') {
                return scanner.value().map(drop);
            }
            let value = scanner.string()?;
            if let Some(member) = field.and_then(|field| members.get_mut(field)) {
                let inner = raw.get(value.start..value.end).invariant(WITHIN);
                *member = Some(if value.marked { unescape(inner).0 } else { Cow::Borrowed(inner) });
            }
            Ok(())
        })?;
        each(members);
        Ok(())
    });
}
