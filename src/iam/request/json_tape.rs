//! JSON text as a flat list of the texts in it, in the order in which they stand, each with its key and how deep that key
//! stands. A document tree a call would cost more than everything else about it; the list's room is used again and again.

use std::ops::Range;

use crate::util::json_simd::{CHUNK, ends_text};

/// The texts of one JSON document, by their places in it.
#[derive(Debug, Default)]
pub(in crate::iam) struct JsonTape {
    pub texts: Vec<Text>,
    pub top: Vec<Top>,
    /// Whether some text begins like an ARN.
    pub has_arn: bool,
    /// Keys and texts with escapes in them, without; and what stands as in a URL, as it is.
    unescaped: String,
}

/// A text, and the key that it stands under, directly or in lists.
#[derive(Clone, Copy, Debug)]
pub(in crate::iam) struct Text {
    pub key: Span,
    pub key_hash: u64,
    /// Objects and lists around the key.
    pub depth: u32,
    pub text: Span,
}

/// A key of the outermost object.
#[derive(Clone, Copy, Debug)]
pub(in crate::iam) struct Top {
    pub key: Span,
    pub key_hash: u64,
    pub is_nothing: bool,
    /// Where its value stands.
    pub value: Span,
    /// Its value, if that is a text.
    pub text: Option<Span>,
}

/// A run of bytes.
#[derive(Clone, Copy, Debug)]
pub(in crate::iam) struct Span {
    begin: u32,
    end: u32,
    is_unescaped: bool,
}

impl Span {
    pub fn is_empty(self) -> bool {
        self.begin == self.end
    }

    /// Its place in the source, if it stands there.
    pub fn place(self) -> Option<Range<usize>> {
        (!self.is_unescaped).then_some(self.begin as usize..self.end as usize)
    }

    #[expect(clippy::cast_possible_truncation, reason = "`read` takes no text that is longer than a `u32` says")]
    fn plain(begin: usize, end: usize) -> Span {
        Span { begin: begin as u32, end: end as u32, is_unescaped: false }
    }
}

/// Objects and lists within each other that a text may have at all, as in serde_json.
const NESTING_MAX: u32 = 128;

impl JsonTape {
    /// Reads a JSON text; what is no object or list has no texts.
    pub fn read(&mut self, source: &str) {
        self.clear();
        if !source.starts_with(['{', '[']) || u32::try_from(source.len()).is_err() {
            return;
        }
        let mut reader = Reader { source, bytes: source.as_bytes(), at: 0, flat: self };
        if reader.whole().is_none() {
            self.clear();
        }
    }

    pub fn clear(&mut self) {
        self.texts.clear();
        self.top.clear();
        self.unescaped.clear();
        self.has_arn = false;
    }

    /// A text that doesn't stand in the source as it is.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "what is unescaped is shorter than the source, which a `u32` says"
    )]
    fn keep(&mut self, text: &str) -> Span {
        let begin = self.unescaped.len();
        self.unescaped.push_str(text);
        Span { begin: begin as u32, end: self.unescaped.len() as u32, is_unescaped: true }
    }

    /// The text of a span; `source` is what was read.
    pub fn text<'a>(&'a self, source: &'a str, span: Span) -> &'a str {
        let of = if span.is_unescaped { self.unescaped.as_str() } else { source };
        of.get(span.begin as usize..span.end as usize).unwrap_or_default()
    }
}

/// The texts of a JSON document with their keys and how deep these are, for tests and fuzz targets outside the library.
#[doc(hidden)]
pub fn texts_of(source: &str) -> Vec<(String, u32, String)> {
    let mut tape = JsonTape::default();
    tape.read(source);
    let owned = |span| tape.text(source, span).to_owned();
    tape.texts.iter().map(|text| (owned(text.key), text.depth, owned(text.text))).collect()
}

/// A hash of a key's letters, whatever their case, without `-` and `_`. Whoever finds two names that meet makes one
/// parameter look like another of the same request, both of their own choice.
#[expect(clippy::indexing_slicing, reason = "the loop ends at the length")]
pub(in crate::iam) const fn name_hash(name: &[u8]) -> u64 {
    let (mut hash, mut word, mut filled, mut i) = (name_hash_seed(), 0_u64, 0_u32, 0);
    while i < name.len() {
        let byte = name[i];
        i += 1;
        if byte == b'-' || byte == b'_' {
            continue;
        }
        word |= (byte.to_ascii_lowercase() as u64) << (8 * filled);
        filled += 1;
        if filled == 8 {
            hash = mix(hash, word);
            (word, filled) = (0, 0);
        }
    }
    mix(hash, word)
}

const fn name_hash_seed() -> u64 {
    0x9e37_79b9_7f4a_7c15
}

const fn mix(hash: u64, word: u64) -> u64 {
    let hash = (hash ^ word).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 32)
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// A mark in each byte that equals `byte`: the lowest mark is right, those above it may not be.
const fn equal_to(word: u64, byte: u8) -> u64 {
    let different = word ^ (ONES * byte as u64);
    different.wrapping_sub(ONES) & !different & HIGHS
}

/// Eight letters in lower case.
const fn lower(word: u64) -> u64 {
    let low = word & !HIGHS;
    let from_a = low + ONES * (0x80 - b'A' as u64);
    let beyond_z = low + ONES * (0x7f - b'Z' as u64);
    let is_upper = (from_a ^ beyond_z) & !word & HIGHS;
    word | (is_upper >> 2)
}

fn word_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// [`name_hash`] of `bytes[begin..end]`, eight letters at a time; what stands behind is read along and left out.
fn name_hash_at(bytes: &[u8], begin: usize, end: usize) -> u64 {
    let (mut hash, mut at) = (name_hash_seed(), begin);
    loop {
        let left = end - at;
        let Some(word) = word_at(bytes, at) else { break };
        let word = if left < 8 { word & !(u64::MAX << (8 * left)) } else { word };
        if equal_to(word, b'-') | equal_to(word, b'_') != 0 {
            break;
        }
        hash = mix(hash, lower(word));
        if left < 8 {
            return hash;
        }
        at += 8;
    }
    name_hash(bytes.get(begin..end).unwrap_or_default())
}

/// The first quote or backslash from `at` on.
pub(in crate::iam) fn quote_or_backslash(bytes: &[u8], mut at: usize) -> Option<usize> {
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<CHUNK>()) {
        let ends = ends_text(chunk);
        if ends == 0 {
            at += CHUNK;
            continue;
        }
        at += ends.trailing_zeros() as usize;
        match bytes.get(at) {
            Some(b'"' | b'\\') => return Some(at),
            _ => at += 1,
        }
    }
    memchr::memchr2(b'"', b'\\', bytes.get(at..)?).map(|found| at + found)
}

/// The end of a number, `true`, `false` or `null` that begins at `at`.
pub(in crate::iam) fn word_end(bytes: &[u8], at: usize) -> usize {
    let is_part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    at + bytes.get(at..).unwrap_or_default().iter().take_while(|b| is_part(b)).count()
}

pub(in crate::iam) fn begins_number(byte: &u8) -> bool {
    byte.is_ascii_digit() || *byte == b'-'
}

/// Whether the string that ends before `at` is a key.
pub(in crate::iam) fn is_key(bytes: &[u8], at: usize) -> bool {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().find(|byte| !matches!(byte, b' ' | b'\n' | b'\t' | b'\r')) == Some(&b':')
}

/// Reads JSON into a flat list. `None` anywhere means that the text is none.
struct Reader<'a, 'f> {
    source: &'a str,
    bytes: &'a [u8],
    at: usize,
    flat: &'f mut JsonTape,
}

/// Where a value stands.
#[derive(Clone, Copy)]
struct Place {
    key: Span,
    key_hash: u64,
    key_depth: u32,
    /// Objects and lists around the value.
    depth: u32,
}

/// What EC2's newer operations write for an item of a list: `"VpcEndpointId": {"tag": 1, "content": "vpce-1"}`. The text
/// is the key's around it.
#[derive(Default)]
struct Numbered {
    has_tag: bool,
    /// How many texts there are with the content, if that is one.
    content: Option<usize>,
}

impl Numbered {
    fn note(&mut self, key: &str, texts: Option<usize>) {
        match key {
            "tag" => self.has_tag = true,
            "content" => self.content = texts,
            _ => {}
        }
    }

    fn content(&self) -> Option<usize> {
        self.content.filter(|_| self.has_tag)?.checked_sub(1)
    }
}

impl Reader<'_, '_> {
    fn whole(&mut self) -> Option<()> {
        let place = Place { key: Span::plain(0, 0), key_hash: name_hash(b""), key_depth: 0, depth: 0 };
        self.value(&place)?;
        self.peek().is_none().then_some(())
    }

    /// The next byte that is no blank.
    fn peek(&mut self) -> Option<u8> {
        while let Some(byte) = self.bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\t' | b'\r') {
                return Some(*byte);
            }
            self.at += 1;
        }
        None
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Whether the value held something.
    fn value(&mut self, place: &Place) -> Option<bool> {
        match self.peek()? {
            b'"' => {
                let text = self.string()?;
                let text = if self.is_quoted_arn(text) { self.unquoted(text) } else { text };
                if !self.flat.has_arn {
                    self.flat.has_arn = self.flat.text(self.source, text).starts_with("arn:");
                }
                let Place { key, key_hash, key_depth: depth, .. } = *place;
                self.flat.texts.push(Text { key, key_hash, depth, text });
                Some(!text.is_empty())
            }
            b'{' => self.object(place),
            b'[' => self.list(place),
            b'n' => self.word().map(|()| false),
            _ => self.word().map(|()| true),
        }
    }

    fn object(&mut self, place: &Place) -> Option<bool> {
        if place.depth >= NESTING_MAX {
            return None;
        }
        self.at += 1;
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(false);
        }
        let mut numbered = Numbered::default();
        loop {
            self.peek().filter(|b| *b == b'"')?;
            let key = self.string()?;
            self.expect(b':')?;
            let key_hash = match key.is_unescaped {
                true => name_hash(self.flat.text(self.source, key).as_bytes()),
                false => name_hash_at(self.bytes, key.begin as usize, key.end as usize),
            };
            self.peek()?;
            let begin = self.at;
            let holds = self.value(&Place { key, key_hash, key_depth: place.depth, depth: place.depth + 1 })?;
            if place.depth == 0 {
                let value = Span::plain(begin, self.at);
                let is_text = self.bytes.get(begin) == Some(&b'"');
                let text = self.flat.texts.last().filter(|_| is_text).map(|t| t.text);
                self.flat.top.push(Top { key, key_hash, is_nothing: !holds, value, text });
            } else {
                let is_text = self.bytes.get(begin) == Some(&b'"');
                numbered.note(self.flat.text(self.source, key), is_text.then_some(self.flat.texts.len()));
            }
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => break,
                _ => return None,
            }
        }
        if let Some(text) = numbered.content().and_then(|at| self.flat.texts.get_mut(at)) {
            (text.key, text.key_hash, text.depth) = (place.key, place.key_hash, place.key_depth);
        }
        self.at += 1;
        Some(true)
    }

    fn list(&mut self, place: &Place) -> Option<bool> {
        if place.depth >= NESTING_MAX {
            return None;
        }
        self.at += 1;
        if self.peek()? == b']' {
            self.at += 1;
            return Some(false);
        }
        let inner = Place { depth: place.depth + 1, ..*place };
        loop {
            self.value(&inner)?;
            match self.peek()? {
                b',' => self.at += 1,
                b']' => break,
                _ => return None,
            }
        }
        self.at += 1;
        Some(true)
    }

    /// A string, at its quote.
    fn string(&mut self) -> Option<Span> {
        let begin = self.at + 1;
        let end = quote_or_backslash(self.bytes, begin)?;
        if self.bytes.get(end) == Some(&b'"') {
            self.at = end + 1;
            return Some(Span::plain(begin, end));
        }
        self.escaped(begin, end)
    }

    /// Whether a text is an ARN as it stands in a URL. Source: MSK Developer Guide, "Logging API calls".
    fn is_quoted_arn(&self, text: Span) -> bool {
        !text.is_unescaped && self.bytes.get(text.begin as usize..).is_some_and(|rest| rest.starts_with(b"arn%3"))
    }

    /// Such an ARN as it is: `%3A` is a colon, `%2F` a slash.
    fn unquoted(&mut self, text: Span) -> Span {
        let mut arn = self.flat.text(self.source, text).to_owned();
        for (quoted, plain) in [("%3A", ":"), ("%3a", ":"), ("%2F", "/"), ("%2f", "/")] {
            arn = arn.replace(quoted, plain);
        }
        self.flat.keep(&arn)
    }

    /// The rest of a string that has a backslash at `at`.
    fn escaped(&mut self, begin: usize, mut at: usize) -> Option<Span> {
        while self.bytes.get(at) == Some(&b'\\') {
            at = quote_or_backslash(self.bytes, at + 2)?;
        }
        self.at = at + 1;
        let text = serde_json::from_str::<String>(self.source.get(begin - 1..self.at)?).ok()?;
        Some(self.flat.keep(&text))
    }

    /// A number, `true`, `false` or `null`.
    fn word(&mut self) -> Option<()> {
        let begin = self.at;
        self.at = word_end(self.bytes, begin);
        (self.at > begin).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_numbered_stands_under_the_key_around_it() {
        let source = r#"{"R":{"VpcEndpointId":[{"tag":1,"content":"vpce-1"},{"content":"vpce-2","tag":2}],"a":{"content":"b"}}}"#;
        let mut flat = JsonTape::default();
        flat.read(source);
        let texts = flat.texts.iter().map(|t| (flat.text(source, t.key), t.depth, flat.text(source, t.text)));
        let texts: Vec<(&str, u32, &str)> = texts.collect();
        assert_eq!(texts, [("VpcEndpointId", 1, "vpce-1"), ("VpcEndpointId", 1, "vpce-2"), ("content", 2, "b")]);
    }

    #[test]
    fn arns_out_of_urls_are_as_they_are() {
        let source = r#"{"a":"arn%3Aaws%3Akafka%3A%3A1%3Acluster%2Fc%2fu","b":["arn%3aaws","x%3A"]}"#;
        let mut flat = JsonTape::default();
        flat.read(source);
        let texts: Vec<&str> = flat.texts.iter().map(|t| flat.text(source, t.text)).collect();
        assert_eq!((texts, flat.has_arn), (vec!["arn:aws:kafka::1:cluster/c/u", "arn:aws", "x%3A"], true));
        assert_eq!(
            flat.top.first().and_then(|top| top.text).map(|span| flat.text(source, span)),
            Some("arn:aws:kafka::1:cluster/c/u")
        );
    }

    proptest! {
        #[test]
        fn names_hash_alike_read_in_words_or_in_letters(name in "[a-cA-C@\\[`{zZé_-]{0,20}", behind in "[A-Z_-]{0,9}") {
            let bytes = format!("{name}{behind}").into_bytes();
            prop_assert_eq!(name_hash_at(&bytes, 0, name.len()), name_hash(name.as_bytes()));
            let plain: String = name.chars().filter(|c| !matches!(c, '-' | '_')).collect();
            prop_assert_eq!(name_hash(name.as_bytes()), name_hash(plain.to_ascii_lowercase().as_bytes()));
        }

        #[test]
        fn strings_of_any_length_end_at_their_quote(before in "[a-zé]{0,50}", after in "[a-z\"\\\\]{0,20}") {
            let source = serde_json::json!([before, after, format!("{before}{after}")]).to_string();
            let mut flat = JsonTape::default();
            flat.read(&source);
            let texts: Vec<&str> = flat.texts.iter().map(|t| flat.text(&source, t.text)).collect();
            prop_assert_eq!(texts, [before.clone(), after.clone(), format!("{before}{after}")]);
        }
    }
}
