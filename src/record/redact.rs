//! Secrets masked before they reach a store: the values of fields whose names say that they hold one.
//!
//! CloudTrail masks many fields itself; session tokens of `AssumeRole` and what newer services log it leaves as they
//! are. A name is looked for wherever it may stand:
//!
//! * the key of an object, escaped or not: its value, and all that a list or an object has,
//! * the text beside `name` or `key` whose `value` stands in the same object (variables of an environment, parameters),
//! * before `=` in a text (queries of URLs, scripts),
//! * in JSON that stands in a text, and in a text of that.
//!
//! Texts alone are masked: a number, a truth value and `null` say how something is set. Names of resources stay: an ARN
//! is no secret, nor is the value of a tag.
//!
//! Looking for names costs next to nothing (`stems`); only around one that is a secret's (`names`) JSON is followed.

mod names;
mod stems;

use std::borrow::Cow;

pub use names::{SECRET_ENDS, SECRET_FIELDS, SECRET_VARIABLE_ENDS};
use names::{is_name_byte, is_naming, is_reference, is_secret, is_tags, is_value};
use stems::next_stem;

/// What stands in the place of a secret. Source: AWS CloudTrail's own records, which write it for fields that a service
/// has declared as sensitive.
pub const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

/// Texts within each other that are followed.
const NESTED_MAX: usize = 4;

/// Bytes and strings of an object that are looked through for what stands beside a name.
const BESIDE_BYTES_MAX: usize = 64 << 10;
const BESIDE_STRINGS_MAX: usize = 64;

/// What was masked.
#[derive(Clone, Debug, Default)]
pub struct Redacted {
    /// How many secrets.
    pub count: u64,
    /// Places behind a mask, and by how many bytes what follows was moved.
    moved: Vec<(usize, i64)>,
}

impl Redacted {
    /// Where a byte stood before.
    pub fn original(&self, offset: u64) -> u64 {
        let before = self.moved.partition_point(|(place, _)| *place as u64 <= offset);
        let moved = before.checked_sub(1).and_then(|at| self.moved.get(at)).map_or(0, |(_, moved)| *moved);
        offset.saturating_add_signed(-moved)
    }
}

/// Masks the secrets in the JSON of a log object. What is masked stays JSON of the same meaning otherwise.
pub fn redact(json: &mut Vec<u8>) -> Redacted {
    redact_at(json, 0)
}

/// The same of JSON, or of another text, that stands in so many texts.
fn redact_at(json: &mut Vec<u8>, depth: usize) -> Redacted {
    let mut edits = edits(json, depth);
    edits.sort_by_key(|edit| edit.begin);
    let mut redacted = Redacted::default();
    if edits.is_empty() {
        return redacted;
    }
    // One pass into a buffer of its own: an object may hold any number of secrets.
    let (mut masked, mut copied) = (Vec::with_capacity(json.len()), 0);
    for Edit { begin, end, text, count } in edits {
        // The value of one name may lie within another's.
        if begin < copied {
            continue;
        }
        masked.extend_from_slice(json.get(copied..begin).unwrap_or_default());
        masked.extend_from_slice(text.as_bytes());
        copied = end;
        redacted.count += count;
        redacted.moved.push((masked.len(), masked.len() as i64 - end as i64));
    }
    masked.extend_from_slice(json.get(copied..).unwrap_or_default());
    *json = masked;
    redacted
}

/// A piece that is replaced, quotes included where it is a string.
struct Edit {
    begin: usize,
    end: usize,
    text: Cow<'static, str>,
    count: u64,
}

impl Edit {
    fn hide(begin: usize, end: usize) -> Edit {
        const QUOTED: &str = "\"HIDDEN_DUE_TO_SECURITY_REASONS\"";
        Edit { begin, end, text: Cow::Borrowed(QUOTED), count: 1 }
    }
}

/// What is to be masked in JSON, or in a text that may have some in it.
fn edits(json: &[u8], depth: usize) -> Vec<Edit> {
    let (mut edits, mut from) = (Vec::new(), 0);
    while let Some(at) = next_stem(json, from) {
        let (begin, end) = run(json, at);
        from = end.max(at + 1);
        if !is_candidate(json, begin, end) {
            continue;
        }
        let found = Finder { json, edits: &mut edits, depth }.find(begin, end);
        from = from.max(found);
    }
    edits
}

/// The name that a stem is in, as far as it is written without escapes.
fn run(json: &[u8], at: usize) -> (usize, usize) {
    let before = json.get(..at).unwrap_or_default().iter().rev().take_while(|byte| is_name_byte(**byte)).count();
    let after = json.get(at..).unwrap_or_default().iter().take_while(|byte| is_name_byte(**byte)).count();
    (at - before, at + after)
}

/// Whether a secret's name may stand here: one does, or one begins behind the letter of an escape, or letters are
/// escaped.
fn is_candidate(json: &[u8], begin: usize, end: usize) -> bool {
    let name = json.get(begin..end).unwrap_or_default();
    let is_behind_escape = begin > 0 && json.get(begin - 1) == Some(&b'\\');
    is_secret(name)
        || json.get(end) == Some(&b'\\') && name.is_empty()
        || is_behind_escape && (is_secret(name.get(1..).unwrap_or_default()) || name.starts_with(b"u00"))
        || json.get(end..).is_some_and(|rest| rest.starts_with(b"\\u00"))
}

struct Finder<'a> {
    json: &'a [u8],
    edits: &'a mut Vec<Edit>,
    depth: usize,
}

impl Finder<'_> {
    /// Masks what the name at a place tells; the place from which on to look further.
    fn find(&mut self, begin: usize, end: usize) -> usize {
        let json = self.json;
        if let Some(assigned) = assigned(json, begin, end).filter(|_| self.depth > 0) {
            return self.hide_assigned(assigned);
        }
        let Some((open, close)) = string_around(json, begin) else { return end.max(begin + 1) };
        let inner = json.get(open + 1..close).unwrap_or_default();
        let colon = skip_blanks(json, close + 1);
        if json.get(colon) == Some(&b':') {
            let value = skip_blanks(json, colon + 1);
            let name = unescaped(inner);
            return if is_secret(&name) { self.hide_value(value, &name) } else { value };
        }
        if let Some(key) = key_before(json, open) {
            let key_text = unescaped(key.text(json));
            if is_naming(&key_text) && is_secret(&unescaped(inner)) {
                self.hide_beside(key.open, close + 1);
                return close + 1;
            }
        }
        self.hide_within(open, close);
        close + 1
    }

    /// Masks a part of a text, which stands without quotes of its own.
    fn hide_assigned(&mut self, (begin, end): (usize, usize)) -> usize {
        self.edits.push(Edit { begin, end, text: Cow::Borrowed(HIDDEN), count: 1 });
        end
    }

    /// Masks the secrets in a text: JSON, or values by `name=`.
    fn hide_within(&mut self, open: usize, close: usize) {
        if self.depth >= NESTED_MAX {
            return;
        }
        let mut inner = unescaped(self.json.get(open + 1..close).unwrap_or_default()).into_owned();
        let count = redact_at(&mut inner, self.depth + 1).count;
        if count == 0 {
            return;
        }
        // What is no text is none that was a string.
        let Ok(quoted) = std::str::from_utf8(&inner).map_err(drop).and_then(|t| serde_json::to_string(t).map_err(drop))
        else {
            self.edits.push(Edit { count, ..Edit::hide(open, close + 1) });
            return;
        };
        self.edits.push(Edit { begin: open, end: close + 1, text: Cow::Owned(quoted), count });
    }

    /// Masks the texts of a value; the place behind it.
    fn hide_value(&mut self, value: usize, name: &[u8]) -> usize {
        match self.json.get(value) {
            Some(b'"') => match string_end(self.json, value) {
                Some(end) => {
                    self.hide_string(value, end);
                    end
                }
                None => value + 1,
            },
            Some(b'{' | b'[') => self.hide_nested(value, name),
            _ => value,
        }
    }

    fn hide_string(&mut self, begin: usize, end: usize) {
        let inner = self.json.get(begin + 1..end - 1).unwrap_or_default();
        if is_worth_hiding(inner) {
            self.edits.push(Edit::hide(begin, end));
        }
    }

    /// Masks the texts of a list or an object; the place behind it.
    fn hide_nested(&mut self, begin: usize, name: &[u8]) -> usize {
        let (mut depth, mut at, mut keeps) = (0_usize, begin, false);
        while let Some(byte) = self.json.get(at) {
            match byte {
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    depth -= 1;
                    if depth == 0 {
                        return at + 1;
                    }
                }
                b'"' => {
                    let Some(end) = string_end(self.json, at) else { return at + 1 };
                    if self.json.get(skip_blanks(self.json, end)) == Some(&b':') {
                        let key = unescaped(self.json.get(at + 1..end - 1).unwrap_or_default());
                        keeps = is_reference(name, &key);
                    } else if !keeps {
                        self.hide_string(at, end);
                    }
                    at = end;
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
        at
    }

    /// Masks the value that stands in the same object as a name: before its key, or behind its text.
    fn hide_beside(&mut self, key: usize, behind: usize) {
        let json = self.json;
        let (before, is_of_tags) = members_before(json, key);
        if is_of_tags {
            return;
        }
        let mut members = before;
        members.extend(members_behind(json, behind));
        let text_of = |member: &Member, name: fn(&[u8]) -> bool| {
            let is_text = json.get(member.value) == Some(&b'"');
            is_text && name(&unescaped(member.key.text(json)))
        };
        // CodeBuild's variables may say where the secret is kept, by its name.
        let is_elsewhere = members.iter().any(|member| {
            let value = string_end(json, member.value).and_then(|end| json.get(member.value + 1..end - 1));
            text_of(member, |key| key.eq_ignore_ascii_case(b"type"))
                && matches!(value, Some(b"PARAMETER_STORE" | b"SECRETS_MANAGER"))
        });
        if is_elsewhere {
            return;
        }
        for member in members {
            if is_value(&unescaped(member.key.text(json))) {
                self.hide_value(member.value, b"");
            }
        }
    }
}

/// Whether a text is a secret that shows: not nothing, not masked before, no setting, and no name of a resource.
fn is_worth_hiding(inner: &[u8]) -> bool {
    const SETTINGS: [&[u8]; 4] = [b"true", b"false", b"null", b"none"];
    const MASKED: [&[u8]; 2] = [HIDDEN.as_bytes(), b"<sensitiveDataRemoved>"];
    let is_arn = inner.starts_with(b"arn:") && !inner.iter().any(u8::is_ascii_whitespace);
    !is_arn
        && !inner.iter().all(|byte| *byte == b'*' || byte.is_ascii_whitespace())
        && !MASKED.contains(&inner)
        && !SETTINGS.iter().any(|setting| inner.eq_ignore_ascii_case(setting))
}

/// The value in `name=value`, where one is worth hiding.
fn assigned(text: &[u8], begin: usize, end: usize) -> Option<(usize, usize)> {
    const ENCODED: [&[u8]; 2] = [b"%3D", b"%3d"];
    if !is_secret(text.get(begin..end)?) {
        return None;
    }
    let rest = text.get(end..)?;
    let (mut value, is_encoded) = match rest {
        [b'=', ..] => (end + 1, false),
        _ if ENCODED.iter().any(|encoded| rest.starts_with(encoded)) => (end + 3, true),
        _ => return None,
    };
    let quote = text.get(value).copied().filter(|byte| !is_encoded && matches!(byte, b'"' | b'\''));
    value += usize::from(quote.is_some());
    let is_end = |at: usize, byte: u8| match quote {
        Some(quote) => byte == quote || byte == b'\n',
        None if is_encoded => {
            byte.is_ascii_whitespace() || matches!(byte, b'&' | b'"') || {
                let three = text.get(at..at + 3).unwrap_or_default();
                three == b"%26" || three == b"%23"
            }
        }
        None => byte.is_ascii_whitespace() || matches!(byte, b'&' | b'#' | b';' | b'"' | b'\'' | b'\\' | b'<' | b'>'),
    };
    let len = text.get(value..)?.iter().enumerate().take_while(|(i, byte)| !is_end(value + i, **byte)).count();
    is_worth_hiding(text.get(value..value + len)?).then_some((value, value + len))
}

/// A string: its opening quote, and the place behind its closing one.
#[derive(Clone, Copy)]
struct Quoted {
    open: usize,
    end: usize,
}

impl Quoted {
    fn text<'a>(&self, json: &'a [u8]) -> &'a [u8] {
        json.get(self.open + 1..self.end - 1).unwrap_or_default()
    }
}

/// A key and the place of its value.
struct Member {
    key: Quoted,
    value: usize,
}

/// The quotes of the string that a place is in.
fn string_around(json: &[u8], at: usize) -> Option<(usize, usize)> {
    let open = quote_before(json, at)?;
    let close = string_end(json, open)? - 1;
    (close >= at).then_some((open, close))
}

/// The last quote before a place that is not escaped: in JSON every such quote begins or ends a string.
fn quote_before(json: &[u8], at: usize) -> Option<usize> {
    let mut end = at;
    loop {
        let quote = memchr::memrchr(b'"', json.get(..end)?)?;
        let slashes = json.get(..quote)?.iter().rev().take_while(|byte| **byte == b'\\').count();
        if slashes.is_multiple_of(2) {
            return Some(quote);
        }
        end = quote;
    }
}

/// The place behind the string that begins at `open`.
fn string_end(json: &[u8], open: usize) -> Option<usize> {
    if json.get(open) != Some(&b'"') {
        return None;
    }
    let mut at = open + 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', json.get(at..)?)?;
        if json.get(at) == Some(&b'"') {
            return Some(at + 1);
        }
        at += 2;
    }
}

fn skip_blanks(json: &[u8], at: usize) -> usize {
    json.get(at..).map_or(at, |rest| at + rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count())
}

/// Behind the last byte before a place that is no blank.
fn trim_blanks(json: &[u8], at: usize) -> usize {
    json.get(..at).map_or(0, |before| before.trim_ascii_end().len())
}

/// The key of the value that begins at a place.
fn key_before(json: &[u8], value: usize) -> Option<Quoted> {
    let colon = trim_blanks(json, value).checked_sub(1).filter(|colon| json.get(*colon) == Some(&b':'))?;
    let end = trim_blanks(json, colon);
    let quote = end.checked_sub(1).filter(|quote| json.get(*quote) == Some(&b'"'))?;
    Some(Quoted { open: quote_before(json, quote)?, end })
}

/// The members of an object behind a place in it.
fn members_behind(json: &[u8], from: usize) -> Vec<Member> {
    let (mut members, mut at, mut depth) = (Vec::new(), from, 0_usize);
    let mut strings = 0;
    while strings < BESIDE_STRINGS_MAX && at < from + BESIDE_BYTES_MAX {
        match json.get(at) {
            None => break,
            Some(b'{' | b'[') => depth += 1,
            Some(b'}' | b']') => match depth.checked_sub(1) {
                Some(outer) => depth = outer,
                None => break,
            },
            Some(b'"') => {
                let Some(end) = string_end(json, at) else { break };
                strings += 1;
                let colon = skip_blanks(json, end);
                if depth == 0 && json.get(colon) == Some(&b':') {
                    let value = skip_blanks(json, colon + 1);
                    members.push(Member { key: Quoted { open: at, end }, value });
                }
                at = end;
                continue;
            }
            Some(_) => {}
        }
        at += 1;
    }
    members
}

/// The members of an object before a key in it, and whether the object lies in a list of tags.
fn members_before(json: &[u8], key: usize) -> (Vec<Member>, bool) {
    let (mut members, mut at, mut depth, mut strings) = (Vec::new(), key, 0_usize, 0);
    while strings < BESIDE_STRINGS_MAX && at > 0 && at + BESIDE_BYTES_MAX > key {
        at -= 1;
        match json.get(at) {
            Some(b'}' | b']') => depth += 1,
            Some(b'{' | b'[') => match depth.checked_sub(1) {
                Some(outer) => depth = outer,
                None => return (members, is_within_tags(json, at)),
            },
            Some(b'"') => {
                let Some(open) = quote_before(json, at) else { break };
                strings += 1;
                let colon = skip_blanks(json, at + 1);
                if depth == 0 && json.get(colon) == Some(&b':') {
                    let value = skip_blanks(json, colon + 1);
                    members.push(Member { key: Quoted { open, end: at + 1 }, value });
                }
                at = open;
            }
            _ => {}
        }
    }
    (members, false)
}

/// Whether the object at a place is a tag, by the key of the list that it lies in, or of what holds that.
fn is_within_tags(json: &[u8], object: usize) -> bool {
    let is_tags_of = |value: usize| key_before(json, value).is_some_and(|key| is_tags(&unescaped(key.text(json))));
    let outer = |at: &usize| open_before(json, *at);
    std::iter::successors(Some(object), outer).take(TAG_LEVELS).any(is_tags_of)
}

/// Objects and lists that a tag may lie in, beside itself: `tagSpecificationSet.items[].tag[]`.
const TAG_LEVELS: usize = 4;

/// The bracket of what a value lies in.
fn open_before(json: &[u8], value: usize) -> Option<usize> {
    let (mut at, mut depth) = (value, 0_usize);
    while at > 0 && at + BESIDE_BYTES_MAX > value {
        at -= 1;
        match json.get(at)? {
            b'}' | b']' => depth += 1,
            b'{' | b'[' if depth == 0 => return Some(at),
            b'{' | b'[' => depth -= 1,
            b'"' => at = quote_before(json, at)?,
            _ => {}
        }
    }
    None
}

/// What a string says.
fn unescaped(inner: &[u8]) -> Cow<'_, [u8]> {
    match std::str::from_utf8(inner) {
        Ok(text) if inner.contains(&b'\\') => match super::json_string::unescape(text).0 {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        },
        _ => Cow::Borrowed(inner),
    }
}

#[cfg(test)]
mod tests;
