//! The templates of requests: what is left of their parameters without the values. Most requests of an operation have one
//! of few, so that a request is compared with those before, letter by letter outside the values, and not read again.

use std::ops::Range;

use crate::iam::request::document::Document;
use crate::iam::request::json_tape::{begins_number, is_key, quote_or_backslash, word_end};
use crate::iam::request::read_set::{ReadSet, put};
use crate::iam::request::response::Response;

/// Shapes that an operation has at the most.
const SHAPES_MAX: usize = 8;

/// Bytes of a request whose template is worth remembering, and the values in it.
const BYTES_MAX: usize = 2 << 10;
const HOLES_MAX: usize = 64;

/// Shapes that are learned of an operation before one is met again, and for each two that are.
const LEARNED_MAX: u32 = 16;

/// The templates of one operation's requests, as long as its read_set doesn't grow.
#[derive(Debug, Default)]
pub(in crate::iam) struct RequestTemplates {
    /// Those met last come first.
    known: Vec<RequestTemplate>,
    learned: u32,
    met: u32,
    /// Room for where the texts of the request at hand stand.
    names: Vec<Range<usize>>,
}

/// A request without its values.
#[derive(Debug)]
struct RequestTemplate {
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
    /// Whether it is a text that names are looked for in.
    is_searched: bool,
}

/// What parameters begin with in a key that are noted by their template: neither 0 nor 1, as [`put_optional`] has it.
///
/// [`put_optional`]: crate::iam::request::read_set::put_optional
const SHAPED: u8 = 2;

/// How a value is noted in a key: not at all, or with its text.
const UNSEEN: u8 = 0;
const SEEN: u8 = 1;

impl RequestTemplates {
    /// Adds to a key all that is seen of parameters of a known template and of the response to them, and which template it is;
    /// nothing where it is not known.
    pub fn quote(&mut self, source: &str, response: &Response<'_>, read_set: &ReadSet, key: &mut Vec<u8>) -> bool {
        let begin = key.len();
        let RequestTemplates { known, names, .. } = self;
        let found = known.iter().position(|shape| {
            key.truncate(begin);
            names.clear();
            shape.quote(source, response, read_set, (&mut *names, &mut *key)).is_some()
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

    /// Learns the template of parameters that had none of those known. `id` is nobody else's.
    pub fn learn(&mut self, document: Document<'_>, read_set: &ReadSet, id: u64) {
        if document.source.len() > BYTES_MAX || self.learned > LEARNED_MAX + self.met / 2 {
            return;
        }
        self.learned += 1;
        if let Some(holes) = holes(document, read_set) {
            self.known.truncate(SHAPES_MAX - 1);
            self.known.insert(0, RequestTemplate { id, source: document.source.into(), holes });
        }
    }

    pub fn clear(&mut self) {
        self.known.clear();
    }
}

impl RequestTemplate {
    fn quote(
        &self,
        source: &str,
        response: &Response<'_>,
        read_set: &ReadSet,
        (names, key): (&mut Vec<Range<usize>>, &mut Vec<u8>),
    ) -> Option<()> {
        let sees_names = read_set.sees_response(response);
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
            if hole.is_seen || is_seen_as_arn(value, read_set) {
                key.push(SEEN);
                put(key, value);
            } else {
                key.push(UNSEEN);
            }
            if sees_names && hole.is_searched {
                is_itself(value).then(|| names.push(begin..end))?;
            }
            (own_at, at) = (hole.end, end);
        }
        if own.get(own_at..)? != bytes.get(at..)? {
            return None;
        }
        let is_it = |name: &str, place: &Range<usize>| {
            source.get(place.clone()).is_some_and(|text| text.eq_ignore_ascii_case(name))
        };
        read_set.put_given(response, |name| names.iter().any(|place| is_it(name, place)), key);
        Some(())
    }
}

/// Whether rules look at a text because it is an ARN, or may be one once it is read.
fn is_seen_as_arn(value: &str, read_set: &ReadSet) -> bool {
    // No escape that is let through means a letter.
    value.starts_with("arn") && (!value.starts_with("arn:") || value.contains('\\') || read_set.sees_arn(value))
}

/// Whether a text is what it looks like: not written with escapes or as in a URL.
fn is_itself(value: &str) -> bool {
    !value.starts_with("arn%3") && memchr::memchr(b'\\', value.as_bytes()).is_none()
}

/// The end of a text that is not empty.
fn text_end(bytes: &[u8], begin: usize) -> Option<usize> {
    string_end(bytes, begin).filter(|end| *end > begin)
}

/// The end of a string. `None` where it has an escape that may mean anything, or nothing at all.
fn string_end(bytes: &[u8], begin: usize) -> Option<usize> {
    let mut at = quote_or_backslash(bytes, begin)?;
    while bytes.get(at) == Some(&b'\\') {
        let is_plain = matches!(bytes.get(at + 1), Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't'));
        at = quote_or_backslash(bytes, at + 2).filter(|_| is_plain)?;
    }
    Some(at)
}

fn number_end(bytes: &[u8], begin: usize) -> Option<usize> {
    bytes.get(begin).is_some_and(begins_number).then(|| word_end(bytes, begin))
}

/// The values of parameters. `None` where one can't be told, or there are too many.
fn holes(document: Document<'_>, read_set: &ReadSet) -> Option<Vec<Hole>> {
    let bytes = document.source.as_bytes();
    let read: Vec<Range<usize>> = read_set.values_in(document).collect();
    let is_read = |begin: usize| read.iter().any(|value| value.contains(&begin));
    let mut texts = document.searched();
    let (mut holes, mut at) = (Vec::new(), 0);
    while let Some(byte) = bytes.get(at) {
        let mut begin = at;
        let is_number = begins_number(byte);
        if *byte != b'"' {
            at = word_end(bytes, at).max(at + 1);
            if is_number {
                holes.push(Hole { begin, end: at, is_number, is_seen: is_read(begin), is_searched: false });
            }
            continue;
        }
        begin += 1;
        let end = string_end(bytes, begin)?;
        at = end + 1;
        if is_key(bytes, at) {
            continue;
        }
        let entry = texts.next()?;
        let (is_searched, is_seen) = (entry.is_some(), entry.is_some_and(|entry| read_set.sees_key(&entry)));
        if begin < end {
            holes.push(Hole { begin, end, is_number, is_seen: is_seen || is_read(begin), is_searched });
        }
    }
    (texts.next().is_none() && holes.len() <= HOLES_MAX).then_some(holes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::arn::arn_format::ArnFormat;
    use crate::iam::request::json_tape::JsonTape;
    use crate::iam::request::name::Name;
    use crate::iam::request::read_set::Look;

    /// What is put into a key of `other`, once the template of `known` was learned.
    fn quoted(known: &str, other: &str, read_set: &ReadSet) -> Option<Vec<u8>> {
        answered(known, other, "", read_set)
    }

    /// Likewise of `other` and what was answered to it.
    fn answered(known: &str, other: &str, response: &str, read_set: &ReadSet) -> Option<Vec<u8>> {
        let (mut flat, mut shapes, mut key) = (JsonTape::default(), RequestTemplates::default(), Vec::new());
        flat.read(known);
        shapes.learn(Document { source: known, flat: &flat }, read_set, 7);
        shapes.quote(other, &Response::new(Some(response)), read_set, &mut key).then_some(key)
    }

    #[test]
    fn what_nobody_looks_at_may_be_anything() {
        let mut read_set = ReadSet::default();
        read_set.note(Look::Name(Name::new("bucket")));
        read_set.note(Look::Value(Name::new("count")));
        let known = r#"{"bucket":"b","token":"t","n":1,"count":2,"e":"","l":[{"x":"arn:a:b:::c"}],"k":null}"#;
        let key = |other: &str| quoted(known, other, &read_set);
        let same = key(known);
        assert!(same.is_some());
        for (from, to) in
            [("\"t\"", r#""arm\n\"x\\""#), ("\"t\"", "\"\\/arn:\""), (":1,", ":-2.5e+9,"), ("b:::c", "b:::d")]
        {
            assert_eq!(key(&known.replace(from, to)), same, "{from} {to}");
        }
        for (from, to) in [("\"b\"", "\"c\""), (":2,", ":3,"), ("\"t\"", "\"arn%3Aaws\""), ("\"t\"", r#""arn:\"""#)] {
            let other = key(&known.replace(from, to));
            assert!(other.is_some() && other != same, "{from} {to}");
        }
        for (from, to) in [
            ("\"t\"", "\"\""),
            ("\"t\"", "1"),
            ("\"t\"", r#""\u0061rn:""#),
            ("\"t\"", r#""\x""#),
            ("\"e\":\"\"", "\"e\":\"e\""),
            ("null", "true"),
            (":1,", ":null,"),
            ("\"n\"", "\"m\""),
            ("}]", "},{}]"),
            ("null}", "null} "),
        ] {
            assert_eq!(key(&known.replace(from, to)), None, "{from} {to}");
        }
        read_set.note(Look::All);
        assert_ne!(quoted(known, &known.replace("\"t\"", "\"u\""), &read_set), quoted(known, known, &read_set));
    }

    #[test]
    fn of_responses_what_the_request_names_is_seen() {
        let mut read_set = ReadSet::default();
        read_set.note(Look::GivenBack(&ArnFormat::new(
            "arn:${Partition}:lambda:${Region}:${Account}:function:${FunctionName}",
        )));
        let known = r#"{"functionName":"f","n":1,"a":[{"b":"x"}]}"#;
        let key = |other: &str, response: &str| answered(known, other, response, &read_set);
        let f = r#"{"functionArn":"arn:aws:lambda:r:1:function:f","role":"arn:aws:iam::1:role/x","id":"1"}"#;
        let of_f = key(known, f);
        assert!(of_f.is_some() && of_f != key(known, "{}"));
        assert_eq!(key(known, &f.replace("\"1\"", "\"2\"").replace("role/x", "role/y")), of_f);
        assert_eq!(key(&known.replace("\"x\"", "\"y\"").replace(":1", ":2"), f), of_f);
        assert_eq!(key(&known.replace("\"f\"", "\"F\""), f), of_f);
        let g = key(known, &f.replace("function:f", "function:g"));
        assert!(g.is_some() && g != of_f);
        assert_eq!(key(&known.replace("\"f\"", "\"h\""), f), g);
        assert_ne!(key(&known.replace("\"x\"", "\"g\""), &f.replace("function:f", "function:g")), g);
        for other in [r#""f\/""#, "\"arn%3A\""] {
            let other = known.replace("\"x\"", other);
            assert_eq!((key(&other, f), key(&other, "{}")), (None, key(&other, "")), "{other}");
            assert!(key(&other, "{}").is_some());
        }
    }
}
