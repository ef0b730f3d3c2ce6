//! CSV files of events: rows, and which form their titles tell.

use std::borrow::Cow;
use std::io::{Cursor, SeekFrom};

use super::events::{Events, Value};
use super::row::{ReadRow, Row};
use super::{event_history, lake_csv};

/// Stands where bytes are no UTF-8; of one byte, so that places stay.
const INVALID: char = '\u{1a}';

/// How the rows of a file that begins like this are read; `None` for one that is no CSV of events.
pub(super) fn reader(bytes: &[u8]) -> Option<ReadRow> {
    const TITLES_MAX: usize = 16 << 10;
    let first_line = bytes.trim_ascii_start().split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
    let text = std::str::from_utf8(first_line).ok().filter(|text| text.len() <= TITLES_MAX)?;
    let (_, titles) = Rows::new(text.trim_start_matches('\u{feff}'), 0).next()?;
    let titles = titles.ok()?;
    if event_history::is_form(&titles) {
        Some(event_history::read)
    } else if lake_csv::is_whole(&titles) {
        Some(lake_csv::read_whole)
    } else if lake_csv::is_columns(&titles) {
        Some(lake_csv::read_columns)
    } else {
        None
    }
}

/// The events of all rows.
pub(super) fn events(bytes: &[u8], read: ReadRow) -> Events {
    let mut events = Events::default();
    let text = valid(&with_line_feeds(bytes));
    let mut rows = Rows::new(&text, bytes.len() - bytes.trim_ascii_start().len());
    let Some((_, Ok(titles))) = rows.next() else { return events };
    let titles: Vec<String> = titles.iter().map(|title| title.trim_start_matches('\u{feff}').to_owned()).collect();
    while let Some((offset, row)) = rows.next() {
        let cells = match row {
            Ok(cells) if cells.len() == 1 && cells.iter().all(String::is_empty) => continue,
            Ok(cells) => cells,
            Err(reason) => {
                events.refuse(offset, reason);
                // A quote too many turns all that follows inside out: lines are sound again where one reads as a row.
                rows.at = text.get(offset..).and_then(|rest| rest.find('\n')).map_or(text.len(), |at| offset + at + 1);
                continue;
            }
        };
        if cells.len() != titles.len() {
            let reason = format!("{} cells in a row of a CSV file with {} columns", cells.len(), titles.len());
            events.refuse(offset, reason);
        } else if cells.iter().any(|cell| cell.contains(INVALID)) {
            events.refuse(offset, "a row with bytes that are no UTF-8");
        } else {
            match read(Row { titles: &titles, cells: &cells }) {
                Ok(json) => events.add(Value::made(&json, offset), 0),
                Err(reason) => events.refuse(offset, reason),
            }
        }
    }
    events
}

/// Where the titles end with a carriage return alone, as old Macs wrote it, each such one is a line end: here a line
/// feed, so that places stay. Else none is.
fn with_line_feeds(bytes: &[u8]) -> Cow<'_, [u8]> {
    let is_alone = |at: usize| bytes.get(at) == Some(&b'\r') && bytes.get(at + 1) != Some(&b'\n');
    let begin = bytes.len() - bytes.trim_ascii_start().len();
    let first = memchr::memchr2(b'\r', b'\n', bytes.get(begin..).unwrap_or_default()).map(|at| begin + at);
    if !first.is_some_and(is_alone) {
        return Cow::Borrowed(bytes);
    }
    let byte = |(at, byte): (usize, &u8)| if is_alone(at) { b'\n' } else { *byte };
    Cow::Owned(bytes.iter().enumerate().map(byte).collect())
}

/// The bytes as text of the same length.
fn valid(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| INVALID));
    }
    text
}

/// Rows of RFC 4180: cells in quotes may hold commas, line ends, and quotes written twice.
///
/// The `csv` crate sees one row at a time; a row ends at the first line end with an even number of quotes before it.
/// Of a whole file the crate would take a quote that doesn't end, and the rows behind it, for one sound cell. A hostile
/// file could also make it read to the end from each of the lines; this way each line is read twice at the most.
struct Rows<'a> {
    text: &'a str,
    at: usize,
    /// It is given one row at a time. Making one takes longer than reading a row.
    reader: ::csv::Reader<Cursor<&'a [u8]>>,
    record: ::csv::StringRecord,
}

impl<'a> Rows<'a> {
    fn new(text: &'a str, at: usize) -> Rows<'a> {
        let mut builder = ::csv::ReaderBuilder::new();
        builder.has_headers(false).flexible(true).terminator(::csv::Terminator::Any(b'\n'));
        let reader = builder.from_reader(Cursor::default());
        Rows { text, at, reader, record: ::csv::StringRecord::new() }
    }

    /// The cells of one row; `None` where it is read as several.
    fn cells(&mut self, row: &'a str) -> Option<Vec<String>> {
        let line = row.strip_suffix('\n');
        if line.unwrap_or(row).trim_end_matches('\r').is_empty() {
            return Some(vec![String::new()]);
        }
        let begin = self.reader.position().byte();
        *self.reader.get_mut() = Cursor::new(row.as_bytes());
        let is_read = self.reader.read_record(&mut self.record).is_ok_and(|is_record| is_record);
        let is_at_end = self.reader.position().byte() - begin == row.len() as u64;
        if !is_read || !is_at_end || line.is_some() && self.reader.is_done() {
            // What it holds of the row is dropped.
            self.reader.seek_raw(SeekFrom::Start(0), ::csv::Position::new()).ok()?;
            return None;
        }
        let mut cells: Vec<String> = self.record.iter().map(str::to_owned).collect();
        if let Some(last) = cells.last_mut().filter(|_| line.unwrap_or(row).ends_with('\r')) {
            last.pop();
        }
        Some(cells)
    }
}

impl Iterator for Rows<'_> {
    /// Where the row begins, and its cells, or what is wrong with it.
    type Item = (usize, Result<Vec<String>, &'static str>);

    fn next(&mut self) -> Option<Self::Item> {
        let offset = self.at;
        let rest = self.text.get(offset..).filter(|rest| !rest.is_empty())?;
        let Some(row) = row_len(rest.as_bytes()).and_then(|len| rest.get(..len)) else {
            self.at = self.text.len();
            return Some((offset, Err("a quoted cell of a CSV file that doesn't end")));
        };
        self.at = offset + row.len();
        Some((offset, self.cells(row).ok_or("a quote within a cell of a CSV file")))
    }
}

/// The length of the first row, its line end included; `None` where a quoted cell doesn't end.
fn row_len(text: &[u8]) -> Option<usize> {
    let mut is_quoted = false;
    for at in memchr::memchr2_iter(b'"', b'\n', text) {
        match text.get(at) {
            Some(b'"') => is_quoted = !is_quoted,
            _ if !is_quoted => return Some(at + 1),
            _ => {}
        }
    }
    (!is_quoted).then_some(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_begin_and_end_where_they_do() {
        let text = "a,\"b\"\"\nc\"\r\n\r\n\"\",\n,\na\rb,\u{e9} x \n1,2";
        let rows: Vec<_> = Rows::new(text, 0).map(|(at, row)| (at, row.unwrap().join("|"))).collect();
        let expected = [(0, "a|b\"\nc"), (11, ""), (13, "|"), (17, "|"), (19, "a\rb|\u{e9} x "), (29, "1|2")];
        assert_eq!(rows, expected.map(|(at, row)| (at, row.to_owned())));
    }

    #[test]
    fn quotes_that_do_not_fit_cost_their_line() {
        let titles = "eventJson,n\n";
        let lines = ["\"{}\",1\n", "a\"b\n", "\"{}\",2\n", "c\"d,3\n", "\"{}\",4\n", "\"x,5"];
        let text = format!("{titles}{}", lines.concat());
        let mut rows = Rows::new(&text, titles.len());
        let (mut sound, mut unsound) = (Vec::new(), Vec::new());
        while let Some((at, row)) = rows.next() {
            match row {
                Ok(cells) => sound.push(cells[1].clone()),
                Err(_) => {
                    unsound.push(at);
                    rows.at = text[at..].find('\n').map_or(text.len(), |line| at + line + 1);
                }
            }
        }
        assert_eq!(sound, ["1", "2", "4"]);
        let begin = |line: usize| titles.len() + lines[..line].concat().len();
        assert_eq!(unsound, [1, 3, 5].map(begin));
    }

    proptest::proptest! {
        #[test]
        fn what_was_written_is_read(table in proptest::collection::vec(["[ab,\"\n\r\u{e9} ]{0,5}"; 2], 1..6)) {
            let mut writer = ::csv::Writer::from_writer(Vec::new());
            table.iter().for_each(|row| writer.write_record(row).unwrap());
            let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            let rows: Vec<_> = Rows::new(&text, 0).map(|(_, row)| row.unwrap()).collect();
            proptest::prop_assert_eq!(rows, table.iter().map(|row| row.to_vec()).collect::<Vec<_>>());
        }

        #[test]
        fn each_line_is_in_one_row_or_refused(text in "[ab,\"\n\r]{0,40}") {
            let mut rows = Rows::new(&text, 0);
            let (mut at, mut looked_at) = (0, 0);
            while let Some((begin, row)) = rows.next() {
                proptest::prop_assert_eq!(begin, at);
                looked_at += rows.at - begin;
                if row.is_err() {
                    rows.at = text[begin..].find('\n').map_or(text.len(), |line| begin + line + 1);
                }
                at = rows.at;
            }
            proptest::prop_assert_eq!(at, text.len());
            proptest::prop_assert!(looked_at <= 2 * text.len(), "{} of {}", looked_at, text.len());
        }
    }
}
