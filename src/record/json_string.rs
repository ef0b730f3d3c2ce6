//! Strings unescaped, free content without its white space.

use std::borrow::Cow;

/// What a JSON string means, and whether that is all of it: a lone surrogate can't be said in UTF-8 and becomes U+FFFD.
///
/// `inner` is what stands between the quotes, already known to be a JSON string's.
pub(super) fn unescape(inner: &str) -> (Cow<'_, str>, bool) {
    if !inner.contains('\\') {
        return (Cow::Borrowed(inner), true);
    }
    let mut out = String::with_capacity(inner.len());
    let mut is_exact = true;
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        let (plain, escape) = rest.split_at(at);
        out.push_str(plain);
        let (c, len) = escaped(escape);
        is_exact &= c.is_some();
        out.push(c.unwrap_or(char::REPLACEMENT_CHARACTER));
        rest = escape.get(len..).unwrap_or_default();
    }
    out.push_str(rest);
    (Cow::Owned(out), is_exact)
}

/// The character of an escape and its length; `None` for a lone surrogate.
fn escaped(escape: &str) -> (Option<char>, usize) {
    let simple = match escape.as_bytes().get(1) {
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode(escape),
        Some(other) => char::from(*other),
        None => return (None, 1),
    };
    (Some(simple), 2)
}

fn unicode(escape: &str) -> (Option<char>, usize) {
    let unit = |text: &str| u32::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok();
    let Some(first) = unit(escape) else { return (None, 2) };
    if let Some(c) = char::from_u32(first) {
        return (Some(c), 6);
    }
    let second = escape.get(6..).and_then(unit);
    match second {
        Some(low @ 0xdc00..0xe000) if first < 0xdc00 => {
            (char::from_u32(0x10000 + ((first - 0xd800) << 10) + (low - 0xdc00)), 12)
        }
        _ => (None, 6),
    }
}

/// JSON without the white space that means nothing.
pub(super) fn minify(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find(['"', ' ', '\n', '\r', '\t']) {
        let (plain, tail) = rest.split_at(at);
        out.push_str(plain);
        rest = if tail.starts_with('"') {
            let (string, tail) = tail.split_at(string_len(tail.as_bytes()));
            out.push_str(string);
            tail
        } else {
            tail.get(1..).unwrap_or_default()
        };
    }
    out.push_str(rest);
    out
}

/// Length of the string at the front, quotes included.
fn string_len(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(found) = text.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += found + 1;
        if text.get(at - 1) == Some(&b'"') {
            return at;
        }
        at += 1;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes() {
        for (inner, expected, is_exact) in [
            ("plain", "plain", true),
            (r#"a\"b\\c\/d\n"#, "a\"b\\c/d\n", true),
            (r"\u00e9\ud83d\ude00\u0000", "é😀\0", true),
            (r"\ud83d!", "\u{fffd}!", false),
            (r"\ude00\ud83d", "\u{fffd}\u{fffd}", false),
        ] {
            assert_eq!(unescape(inner), (Cow::Borrowed(expected), is_exact), "{inner}");
        }
    }

    #[test]
    fn white_space_goes() {
        let json = "{ \"a b\" : [1,\n\t2], \"c\\\" \" : \"\" }";
        assert_eq!(minify(json), "{\"a b\":[1,2],\"c\\\" \":\"\"}");
    }

    proptest::proptest! {
        #[test]
        fn unescape_agrees_with_serde_json(text in "\\PC{0,20}[\u{0}-\u{1f}\"\\\\]{0,4}") {
            let quoted = serde_json::to_string(&text)?;
            let inner = &quoted[1..quoted.len() - 1];
            proptest::prop_assert_eq!(unescape(inner), (Cow::Borrowed(text.as_str()), true));
        }
    }
}
