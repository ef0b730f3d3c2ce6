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
    let (_, titles) = Rows { text: text.trim_start_matches('\u{feff}'), at: 0 }.next()?.ok()?;
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
    let Some(Ok((_, titles))) = rows.next() else { return events };
    let titles: Vec<String> = titles.iter().map(|title| title.trim_start_matches('\u{feff}').to_owned()).collect();
    while let Some(row) = rows.next() {
        let (offset, cells) = match row {
            Ok((_, cells)) if cells.len() == 1 && cells.iter().all(String::is_empty) => continue,
            Ok(row) => row,
            Err(offset) => {
                events.refuse(offset, "a quoted cell of a CSV file that doesn't end");
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
struct Rows<'a> {
    text: &'a str,
    at: usize,
}

impl Iterator for Rows<'_> {
    /// Where the row begins, and its cells; an error where one doesn't end.
    type Item = Result<(usize, Vec<String>), usize>;

    fn next(&mut self) -> Option<Self::Item> {
        let offset = self.at;
        let mut rest = self.text.get(offset..).unwrap_or_default().char_indices().peekable();
        rest.peek()?;
        let (mut cells, mut cell, mut is_quoted) = (Vec::new(), String::new(), false);
        while let Some((i, c)) = rest.next() {
            match c {
                '"' if is_quoted && rest.peek().is_some_and(|(_, c)| *c == '"') => {
                    rest.next();
                    cell.push('"');
                }
                '"' => is_quoted = !is_quoted,
                ',' if !is_quoted => cells.push(std::mem::take(&mut cell)),
                '\n' if !is_quoted => {
                    self.at = offset + i + 1;
                    cells.push(cell);
                    return Some(Ok((offset, cells)));
                }
                '\r' if !is_quoted => {}
                c => cell.push(c),
            }
        }
        self.at = self.text.len();
        if is_quoted {
            return Some(Err(offset));
        }
        cells.push(cell);
        Some(Ok((offset, cells)))
    }
}
