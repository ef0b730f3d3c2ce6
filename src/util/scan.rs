//! JSON as bytes: a scanner that says where values begin and end, and that what lies between is JSON.
//!
//! It accepts what RFC 8259 does, up to a depth of [`DEPTH_MAX`], in text that is already known to be UTF-8. It keeps
//! no tree and never recurses.

use crate::util::json_simd::{CHUNK, ends_text};

/// Objects and lists within each other that are followed; serde_json's limit as well.
pub(crate) const DEPTH_MAX: u32 = 127;

/// Why [`Scanner::value`] doesn't follow any deeper.
pub(crate) const TOO_DEEP: &str = "nested too deeply";

/// Where and why bytes are no JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub offset: usize,
    pub reason: &'static str,
}

/// A value's place: from its first byte to the one behind its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub start: usize,
    pub end: usize,
    /// A string has escapes; an object or list has white space between its parts.
    pub marked: bool,
}

/// A place in a text.
pub(crate) struct Scanner<'a> {
    bytes: &'a [u8],
    pub pos: usize,
    saw_space: bool,
}

/// Whether two texts are the same: short ones, so that eight bytes at a time here are faster than a call.
#[inline]
fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let number = |word: &[u8; 8]| u64::from_ne_bytes(*word);
    match (a.last_chunk(), b.last_chunk()) {
        // The last eight bytes may have been looked at in part before: it costs less than looking at each.
        (Some(a_last), Some(b_last)) => {
            let words = || a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0);
            number(a_last) == number(b_last) && words().all(|(a, b)| number(a) == number(b))
        }
        _ => a.iter().zip(b).all(|(a, b)| a == b),
    }
}

/// Bytes that a literal may have.
pub(crate) const LITERAL_MAX: usize = 32;

/// A short text to compare with, all of it at once: with zeros behind it, and marks where it has bytes.
pub(crate) struct Literal {
    words: [u64; LITERAL_MAX / 8],
    marks: [u64; LITERAL_MAX / 8],
    len: usize,
}

impl Literal {
    /// `text` has at most [`LITERAL_MAX`] bytes; of a longer one none stands anywhere.
    pub fn new(text: &[u8]) -> Literal {
        let (mut bytes, mut marks) = ([0; LITERAL_MAX], [0; LITERAL_MAX]);
        bytes.iter_mut().zip(text).for_each(|(to, from)| *to = *from);
        marks.iter_mut().zip(text).for_each(|(mark, _)| *mark = u8::MAX);
        Literal { words: words_of(&bytes), marks: words_of(&marks), len: text.len() }
    }

    #[inline]
    fn begins(&self, chunk: &[u8; LITERAL_MAX]) -> bool {
        let words = words_of(chunk);
        let pairs = words.iter().zip(&self.words).zip(&self.marks);
        self.len <= LITERAL_MAX && pairs.fold(0, |odd, ((found, word), marks)| odd | (found ^ word) & marks) == 0
    }

    fn begins_rest(&self, rest: &[u8]) -> bool {
        let mut chunk = [0; LITERAL_MAX];
        chunk.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        self.len <= rest.len() && self.begins(&chunk)
    }
}

fn words_of(bytes: &[u8; LITERAL_MAX]) -> [u64; LITERAL_MAX / 8] {
    let mut words = [0; LITERAL_MAX / 8];
    words.iter_mut().zip(bytes.as_chunks::<8>().0).for_each(|(word, bytes)| *word = u64::from_ne_bytes(*bytes));
    words
}

impl<'a> Scanner<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Scanner { bytes, pos: 0, saw_space: false }
    }

    pub fn peek(&self) -> Option<u8> {
        self.bytes.get(self.pos).copied()
    }

    pub fn fault<T>(&self, reason: &'static str) -> Result<T, Fault> {
        let reason = if self.pos >= self.bytes.len() { "truncated: the JSON ends early" } else { reason };
        Err(Fault { offset: self.pos.min(self.bytes.len()), reason })
    }

    /// Takes `literal` if it stands here.
    #[inline]
    pub fn take(&mut self, literal: &Literal) -> bool {
        let rest = self.bytes.get(self.pos..).unwrap_or_default();
        let stands = match rest.first_chunk() {
            Some(chunk) => literal.begins(chunk),
            None => literal.begins_rest(rest),
        };
        if stands {
            self.pos += literal.len;
        }
        stands
    }

    /// Takes a string if it is `plain`, which has nothing that JSON would escape.
    #[inline]
    pub fn take_string(&mut self, plain: &[u8]) -> bool {
        let quoted = self.bytes.get(self.pos..self.pos + plain.len() + 2);
        let stands = quoted.is_some_and(|quoted| matches!(quoted, [b'"', found @ .., b'"'] if same(found, plain)));
        if stands {
            self.pos += plain.len() + 2;
        }
        stands
    }

    #[inline]
    pub fn skip_space(&mut self) {
        if self.peek().is_some_and(|byte| byte <= b' ') {
            self.skip_some_space();
        }
    }

    #[cold]
    fn skip_some_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.saw_space = true;
            self.pos += 1;
        }
    }

    /// Takes `byte`, white space before it skipped.
    pub fn expect(&mut self, byte: u8, reason: &'static str) -> Result<(), Fault> {
        self.skip_space();
        if self.peek() == Some(byte) {
            self.pos += 1;
            Ok(())
        } else {
            self.fault(reason)
        }
    }

    /// Takes a string; the span is what stands between the quotes.
    pub fn string(&mut self) -> Result<Span, Fault> {
        if self.peek() != Some(b'"') {
            return self.fault("a string was expected");
        }
        self.pos += 1;
        let start = self.pos;
        let mut marked = false;
        loop {
            while let Some(chunk) = self.bytes.get(self.pos..).and_then(|rest| rest.first_chunk::<CHUNK>()) {
                let found = ends_text(chunk);
                if found != 0 {
                    self.pos += found.trailing_zeros() as usize;
                    break;
                }
                self.pos += CHUNK;
            }
            match self.peek() {
                Some(b'"') => {
                    self.pos += 1;
                    return Ok(Span { start, end: self.pos - 1, marked });
                }
                Some(b'\\') => {
                    marked = true;
                    self.escape()?;
                }
                Some(0..0x20) => return self.fault("a control character in a string"),
                Some(_) => self.pos += 1,
                None => return self.fault("a string has no end"),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Fault> {
        self.pos += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.pos += 1,
            Some(b'u') => {
                let digits = self.bytes.get(self.pos + 1..self.pos + 5);
                if !digits.is_some_and(|d| d.iter().all(u8::is_ascii_hexdigit)) {
                    return self.fault("an escape \\u without four hexadecimal digits");
                }
                self.pos += 5;
            }
            _ => return self.fault("an escape that JSON doesn't have"),
        }
        Ok(())
    }

    /// Takes any value.
    pub fn value(&mut self) -> Result<Span, Fault> {
        let start = self.pos;
        match self.peek() {
            Some(b'"') => {
                let inner = self.string()?;
                return Ok(Span { start, end: self.pos, marked: inner.marked });
            }
            Some(b'{' | b'[') => {
                self.saw_space = false;
                self.nested()?;
                return Ok(Span { start, end: self.pos, marked: self.saw_space });
            }
            _ => self.scalar()?,
        }
        Ok(Span { start, end: self.pos, marked: false })
    }

    fn scalar(&mut self) -> Result<(), Fault> {
        match self.peek() {
            Some(b'"') => self.string().map(drop),
            Some(b't') => self.literal(b"true"),
            Some(b'f') => self.literal(b"false"),
            Some(b'n') => self.literal(b"null"),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.fault("a value was expected"),
        }
    }

    fn literal(&mut self, word: &'static [u8]) -> Result<(), Fault> {
        if self.bytes.get(self.pos..).is_some_and(|rest| rest.starts_with(word)) {
            self.pos += word.len();
            Ok(())
        } else {
            self.fault("a value was expected")
        }
    }

    fn digits(&mut self) -> usize {
        let start = self.pos;
        while let Some(b'0'..=b'9') = self.peek() {
            self.pos += 1;
        }
        self.pos - start
    }

    fn number(&mut self) -> Result<(), Fault> {
        if self.peek() == Some(b'-') {
            self.pos += 1;
        }
        let leads_with_zero = self.peek() == Some(b'0');
        let whole = self.digits();
        if whole == 0 || leads_with_zero && whole > 1 {
            return self.fault("not a number");
        }
        if self.peek() == Some(b'.') {
            self.pos += 1;
            if self.digits() == 0 {
                return self.fault("not a number");
            }
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.pos += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.pos += 1;
            }
            if self.digits() == 0 {
                return self.fault("not a number");
            }
        }
        Ok(())
    }

    /// Takes an object or a list with all that is in it.
    fn nested(&mut self) -> Result<(), Fault> {
        // One bit a level: 1 for an object, 0 for a list.
        let (mut levels, mut depth) = (0_u128, 0);
        loop {
            // A value begins here.
            self.skip_space();
            match self.peek() {
                Some(open @ (b'{' | b'[')) => {
                    if depth >= DEPTH_MAX {
                        return self.fault(TOO_DEEP);
                    }
                    depth += 1;
                    levels = levels << 1 | u128::from(open == b'{');
                    self.pos += 1;
                    self.skip_space();
                    let close = if open == b'{' { b'}' } else { b']' };
                    if self.peek() != Some(close) {
                        if open == b'{' {
                            self.key()?;
                        }
                        continue;
                    }
                    self.pos += 1;
                    depth -= 1;
                    levels >>= 1;
                }
                _ => self.scalar()?,
            }
            // A value ended here.
            loop {
                if depth == 0 {
                    return Ok(());
                }
                self.skip_space();
                let is_object = levels & 1 == 1;
                match self.peek() {
                    Some(b',') => {
                        self.pos += 1;
                        if is_object {
                            self.skip_space();
                            self.key()?;
                        }
                        break;
                    }
                    Some(b'}') if is_object => {}
                    Some(b']') if !is_object => {}
                    _ if is_object => return self.fault("`,` or `}` was expected"),
                    _ => return self.fault("`,` or `]` was expected"),
                }
                self.pos += 1;
                depth -= 1;
                levels >>= 1;
            }
        }
    }

    fn key(&mut self) -> Result<(), Fault> {
        self.string()?;
        self.expect(b':', "`:` was expected")
    }

    /// Takes an object key by key: `each` is called with the key's span behind the colon and takes the value.
    pub fn object(&mut self, mut each: impl FnMut(&mut Self, Span) -> Result<(), Fault>) -> Result<(), Fault> {
        let mut more = self.begin_object()?;
        while more {
            let key = self.object_key()?;
            each(self, key)?;
            more = self.next_key()?;
        }
        Ok(())
    }

    /// Takes `{` and goes to the first key; whether there is one, else the object is taken.
    pub fn begin_object(&mut self) -> Result<bool, Fault> {
        self.expect(b'{', "an object was expected")?;
        self.skip_space();
        let is_empty = self.peek() == Some(b'}');
        self.pos += usize::from(is_empty);
        Ok(!is_empty)
    }

    /// Takes a key and goes to its value.
    pub fn object_key(&mut self) -> Result<Span, Fault> {
        let key = self.string()?;
        self.expect(b':', "`:` was expected")?;
        self.skip_space();
        Ok(key)
    }

    /// Goes from behind a value to the next key; whether there is one, else the object is taken.
    pub fn next_key(&mut self) -> Result<bool, Fault> {
        self.skip_space();
        match self.peek() {
            Some(b',') => {
                self.pos += 1;
                self.skip_space();
                Ok(true)
            }
            Some(b'}') => {
                self.pos += 1;
                Ok(false)
            }
            _ => self.fault("`,` or `}` was expected"),
        }
    }

    /// Takes a list item by item: `each` takes the item.
    pub fn list(&mut self, mut each: impl FnMut(&mut Self) -> Result<(), Fault>) -> Result<(), Fault> {
        self.expect(b'[', "a list was expected")?;
        self.skip_space();
        if self.peek() == Some(b']') {
            self.pos += 1;
            return Ok(());
        }
        loop {
            self.skip_space();
            each(self)?;
            self.skip_space();
            match self.peek() {
                Some(b',') => self.pos += 1,
                Some(b']') => {
                    self.pos += 1;
                    return Ok(());
                }
                _ => return self.fault("`,` or `]` was expected"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(text: &str) -> bool {
        let mut scanner = Scanner::new(text.as_bytes());
        scanner.skip_space();
        let taken = scanner.value();
        scanner.skip_space();
        taken.is_ok() && scanner.pos == text.len()
    }

    #[test]
    fn json_and_what_is_none() {
        for text in [
            "0",
            "-1.5e+7",
            "\"a\\u00e9\\n\"",
            "[]",
            "{}",
            "[1, 2 ,{\"a\":[ ]}]",
            "{\"a\":{\"b\":null},\"c\":true}",
            "[[[]],[]]",
            "\"12345678\"",
            "\"1234567\\\\\"",
        ] {
            assert!(accepts(text), "{text}");
        }
        for text in [
            "",
            "01",
            "1.",
            "-",
            "1e",
            "tru",
            "[1,]",
            "{,}",
            "{\"a\"}",
            "{\"a\":1,}",
            "[1 2]",
            "\"a",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\t\"",
            "]",
            "{\"a\":1]",
            "[1}",
            "{1:2}",
            "nul",
        ] {
            assert!(!accepts(text), "{text}");
        }
        assert!(accepts(&format!("{}{}", "[".repeat(127), "]".repeat(127))));
        assert!(!accepts(&format!("{}{}", "[".repeat(128), "]".repeat(128))));
    }

    proptest::proptest! {
        #[test]
        fn literals_stand_where_their_bytes_do(literal in "[ab]{0,33}", text in "[ab]{0,40}", is_front: bool) {
            let text = if is_front { format!("{literal}{text}") } else { text };
            let mut scanner = Scanner::new(text.as_bytes());
            let stands = text.starts_with(&literal) && literal.len() <= LITERAL_MAX;
            proptest::prop_assert_eq!(scanner.take(&Literal::new(literal.as_bytes())), stands);
            proptest::prop_assert_eq!(scanner.pos, if stands { literal.len() } else { 0 });
        }

        #[test]
        fn the_same_is_what_equals(a in "[ab]{0,20}", b in "[ab]{0,20}") {
            proptest::prop_assert_eq!(same(a.as_bytes(), b.as_bytes()), a == b);
            proptest::prop_assert!(same(a.as_bytes(), a.clone().as_bytes()));
        }

        #[test]
        fn agrees_with_serde_json(text in "[\\[\\]{}:,\" \\\\a0-9.eEtrufalsn\n-]{0,24}") {
            let expected = serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok();
            proptest::prop_assert_eq!(accepts(&text), expected, "{}", text);
        }

        #[test]
        fn strings_agree_with_serde_json(text in "\"([ -~é]|\\\\[\"nu\\\\]|[0-9a-f]{4}){0,20}\"") {
            let expected = serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok();
            proptest::prop_assert_eq!(accepts(&text), expected, "{}", text);
        }
    }
}
