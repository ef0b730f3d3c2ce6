//! Cells of comma-separated values: one place for all of them.
//!
//! Texts in a log are written by whoever calls an API. A cell never carries a control character to a terminal or into a
//! file, and never a formula into a spreadsheet. Source: OWASP, "CSV Injection"; RFC 4180.

/// What makes a spreadsheet take a cell for a formula when it begins with it: the characters that OWASP names, and
/// their full-width forms.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

/// A text made harmless: control characters, and those that turn the direction of text around, are shown as escapes, as
/// `printable` does it; a text that a spreadsheet would take for a formula begins with a single quote.
pub fn harmless(text: &str, printable: fn(&str) -> String) -> String {
    // Line ends and tabs, which `printable` leaves as they are.
    let shown = printable(text).replace('\n', "\\n").replace('\t', "\\t");
    if text.starts_with(FORMULA) { format!("'{shown}") } else { shown }
}

/// A cell with a text of a log, quoted where it has to be.
pub fn cell(text: &str, printable: fn(&str) -> String) -> String {
    let text = harmless(text, printable);
    if text.contains(['"', ',']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::printable;

    #[test]
    fn cells_are_harmless() {
        for (text, expected) in [
            ("", ""),
            ("arn:aws:iam::111122223333:role/a", "arn:aws:iam::111122223333:role/a"),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-2", "'-2"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\\t=1"),
            ("\r=1", "'\\r=1"),
            ("\n=1", "'\\n=1"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("a=1", "a=1"),
            (" =1", " =1"),
            ("a,b", "\"a,b\""),
            ("say \"a\"", "\"say \"\"a\"\"\""),
            ("=HYPERLINK(\"http://x\",\"y\")", "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\""),
            ("a\u{1b}[31mb\u{7f}\u{9b}c\0", "a\\u{1b}[31mb\\u{7f}\\u{9b}c\\u{0}"),
            ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
            ("a\u{202e}b", "a\\u{202e}b"),
        ] {
            assert_eq!(cell(text, printable), expected, "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_cell_carries_control_characters_or_begins_a_formula(text in "(\\PC|[\\x00-\\x1f=+@-]|\u{9b}){0,12}") {
            let shown = harmless(&text, printable);
            proptest::prop_assert!(!shown.chars().any(char::is_control));
            proptest::prop_assert!(!shown.starts_with(FORMULA));
        }
    }
}
