//! CSV files of events: rows, and which form their titles tell.

use super::events::{Events, Value};
use super::row::{ReadRow, Row};
use super::{event_history, lake_csv};

/// Stands where bytes are no UTF-8; of one byte, so that places stay.
const INVALID: char = '\u{1a}';

/// How the rows of a file that begins like this are read; `None` for one that is no CSV of events.
pub(super) fn reader(bytes: &[u8]) -> Option<ReadRow> {
    const TITLES_MAX: usize = 16 << 10;
    let first_line = bytes.trim_ascii_start().split(|byte| *byte == b'\n').next().unwrap_or_default();
    let text = std::str::from_utf8(first_line).ok().filter(|text| text.len() <= TITLES_MAX)?;
    let (_, titles) = Rows { text: text.trim_start_matches('\u{feff}'), at: 0 }.next()?;
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
    let text = valid(bytes);
    let mut rows = Rows { text: &text, at: bytes.len() - bytes.trim_ascii_start().len() };
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
/// The `csv` crate sees one row at a time; a row ends at the first line end with an even number of quotes before it. Of a
/// whole file the crate would take a quote that doesn't end, and the rows behind it, for one sound cell. It would also
/// read a file to its end from each of its lines, where the quotes are set for that; this way each line is read twice at
/// the most.
struct Rows<'a> {
    text: &'a str,
    at: usize,
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
        Some((offset, cells(row).ok_or("a quote within a cell of a CSV file")))
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

/// The cells of one row; `None` where it is read as several.
fn cells(row: &str) -> Option<Vec<String>> {
    let row = row.strip_suffix('\n').unwrap_or(row);
    let row = row.strip_suffix('\r').unwrap_or(row);
    let mut reader = ::csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .terminator(::csv::Terminator::Any(b'\n'))
        .buffer_capacity(row.len().clamp(1, 8 << 10))
        .from_reader(row.as_bytes());
    let mut records = reader.records();
    let cells = match records.next() {
        Some(record) => record.ok()?.iter().map(str::to_owned).collect(),
        None => vec![String::new()],
    };
    records.next().is_none().then_some(cells)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_begin_and_end_where_they_do() {
        let text = "a,\"b\"\"\nc\"\r\n\r\n\"\",\n,\na\rb,\u{e9} x \n1,2";
        let rows: Vec<_> = Rows { text, at: 0 }.map(|(at, row)| (at, row.unwrap().join("|"))).collect();
        let expected = [(0, "a|b\"\nc"), (11, ""), (13, "|"), (17, "|"), (19, "a\rb|\u{e9} x "), (29, "1|2")];
        assert_eq!(rows, expected.map(|(at, row)| (at, row.to_owned())));
    }

    #[test]
    fn quotes_that_do_not_fit_cost_their_line() {
        let titles = "eventJson,n\n";
        let lines = ["\"{}\",1\n", "a\"b\n", "\"{}\",2\n", "c\"d,3\n", "\"{}\",4\n", "\"x,5"];
        let text = format!("{titles}{}", lines.concat());
        let mut rows = Rows { text: &text, at: titles.len() };
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
}
