//! Names as they are shown to people. Whoever made a file, or an event, chose its name: a line break in it must not begin
//! a line of the program's own.

use std::borrow::Cow;
use std::fmt::Display;
use std::path::Path;

/// A name on one line: what a terminal would act on, and what ends a line, is shown as an escape.
pub fn name(name: &str) -> Cow<'_, str> {
    if !name.chars().any(is_harmful) {
        return Cow::Borrowed(name);
    }
    let mut shown = String::with_capacity(name.len() + 8);
    for c in name.chars() {
        match is_harmful(c) {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// The same of a path; bytes that are no UTF-8 as U+FFFD.
pub fn path(path: &Path) -> String {
    name(&path.to_string_lossy()).into_owned()
}

/// Whether a character moves the cursor, ends a line, or turns the direction of text around, so that it reads as something
/// else.
pub fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}')
}

/// A text of several lines, each as [`name`] shows it.
pub fn lines(text: &str) -> String {
    text.lines().map(name).collect::<Vec<_>>().join("\n")
}

/// A number with its noun: `1 policy`, `2 policies`.
pub fn count<N: Display + PartialEq + From<u8>>(number: N, what: &str) -> String {
    match what.strip_suffix('y') {
        _ if number == N::from(1) => format!("1 {what}"),
        Some(stem) => format!("{number} {stem}ies"),
        None => format!("{number} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_stay_on_their_line() {
        assert_eq!(super::name("a\nerror: b\r\t\u{1b}[31m"), "a\\nerror: b\\r\\t\\u{1b}[31m");
        assert_eq!(super::name("a\u{202e}b\u{2028}c"), "a\\u{202e}b\\u{2028}c");
        assert_eq!(super::name("/logs/é x/\\n.json"), "/logs/é x/\\n.json");
        assert_eq!(super::path(std::path::Path::new("a\nb")), "a\\nb");
    }
}
