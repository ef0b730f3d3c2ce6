//! Cells of comma-separated values: one place for all of them.
//!
//! Texts in a log are written by whoever calls an API. A cell never carries a control character to a terminal or into a
//! file, and never a formula into a spreadsheet. Source: OWASP, "CSV Injection"; RFC 4180.

use std::io::{self, Write};

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

/// Writes rows of texts of a log, quoted where they have to be.
pub struct Rows<W: Write> {
    out: ::csv::Writer<W>,
    printable: fn(&str) -> String,
}

impl<W: Write> Rows<W> {
    /// Rows that go to `out`; texts are made [`harmless`].
    pub fn new(out: W, printable: fn(&str) -> String) -> Rows<W> {
        Rows { out: ::csv::Writer::from_writer(out), printable }
    }

    /// Writes a row; each has as many cells as the first.
    ///
    /// # Errors
    /// The output's; [`io::ErrorKind::Other`] for a row with more or fewer cells.
    pub fn write<'t>(&mut self, cells: impl IntoIterator<Item = &'t str>) -> io::Result<()> {
        self.out.write_record(cells.into_iter().map(|text| harmless(text, self.printable))).map_err(io_error)
    }

    /// Writes what is held back: the last rows may be.
    ///
    /// # Errors
    /// The output's.
    pub fn finish(mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The output's own error: by its kind a closed pipe is known.
fn io_error(error: ::csv::Error) -> io::Error {
    match error.into_kind() {
        ::csv::ErrorKind::Io(error) => error,
        kind => io::Error::other(format!("{kind:?}")),
    }
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
            let mut row = Vec::new();
            let mut rows = Rows::new(&mut row, printable);
            rows.write([text, ""]).unwrap();
            rows.finish().unwrap();
            assert_eq!(String::from_utf8(row).unwrap(), format!("{expected},\n"), "{text:?}");
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
