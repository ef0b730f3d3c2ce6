//! The `resources` list of a record: whether its column gives it back as it was, and what is in it.

use std::borrow::Cow;

use super::scan::Scanner;
use super::schema::RESOURCE_FIELDS;
use super::text::unescape;

/// Whether `resources` is a list of objects with nothing but strings under known keys, none twice.
pub(super) fn is_canonical(raw: &str) -> bool {
    let mut scanner = Scanner::new(raw.as_bytes());
    if scanner.peek() != Some(b'[') {
        return false;
    }
    let mut is_canonical = true;
    let scanned = scanner.list(|scanner| {
        let mut seen = 0_u32;
        if scanner.peek() != Some(b'{') {
            is_canonical = false;
            return scanner.value().map(drop);
        }
        scanner.object(|scanner, key| {
            let name = raw.get(key.start..key.end).unwrap_or_default();
            let field = RESOURCE_FIELDS.iter().position(|(_, known)| *known == name);
            let bit = field.map_or(0, |field| 1 << field);
            let is_string = scanner.peek() == Some(b'"');
            let value = scanner.value()?;
            let inner = raw.get(value.start + 1..value.end.saturating_sub(1)).unwrap_or_default();
            is_canonical &= bit != 0 && seen & bit == 0 && is_string && (!value.marked || unescape(inner).1);
            seen |= bit;
            Ok(())
        })
    });
    scanned.is_ok() && is_canonical
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
            let name = raw.get(key.start..key.end).unwrap_or_default();
            let field = RESOURCE_FIELDS.iter().position(|(_, known)| known.eq_ignore_ascii_case(name));
            let is_string = scanner.peek() == Some(b'"');
            let value = scanner.value()?;
            let member = field.and_then(|field| members.get_mut(field));
            if let (Some(member), true) = (member, is_string) {
                let inner = raw.get(value.start + 1..value.end.saturating_sub(1)).unwrap_or_default();
                *member = Some(unescape(inner).0);
            }
            Ok(())
        })?;
        each(members);
        Ok(())
    });
}
