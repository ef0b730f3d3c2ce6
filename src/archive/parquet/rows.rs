//! Rows put together again from their columns, as JSON objects. A member that is null is left out; a map becomes an object.
//!
//! Levels that contradict each other are an error, never a value in another's place.

use std::io::Write as _;

use ::parquet::file::metadata::RowGroupMetaData;
use bytes::Bytes;

use super::column::Column;
use super::decode::Raw;
use super::schema::{Content, Kind, Node, Repeats};
use crate::time::{format_date, format_time};

/// Why no more is written.
#[derive(Debug)]
pub(super) enum Stop {
    /// More than is allowed.
    OverCap,
    /// It makes no sense, for this reason.
    Unsound(String),
}

impl From<String> for Stop {
    fn from(reason: String) -> Stop {
        Stop::Unsound(reason)
    }
}

fn unsound(reason: &str) -> Stop {
    Stop::Unsound(reason.to_owned())
}

/// Writes all rows of a row group, each on a line.
pub(super) fn write(
    file: &Bytes,
    group: &RowGroupMetaData,
    nodes: &[Node],
    cap_bytes: u64,
    out: &mut Vec<u8>,
) -> Result<(), Stop> {
    let rows = usize::try_from(group.num_rows()).map_err(|_| unsound("a negative number of rows"))?;
    let is_read = |at: usize| nodes.iter().any(|node| (node.first..node.end).contains(&at));
    let column = |(at, chunk)| if is_read(at) { Column::new(file, chunk, rows).map(Some) } else { Ok(None) };
    let columns = group.columns().iter().enumerate().map(column).collect::<Result<Vec<_>, String>>()?;
    let mut writer = Writer { columns, cap_bytes };
    for _ in 0..rows {
        let begin = out.len();
        let written = writer.row(nodes, out);
        if let Err(stop) = written {
            // Half a row is none.
            out.truncate(begin);
            return Err(stop);
        }
        out.push(b'\n');
    }
    Ok(())
}

struct Writer {
    columns: Vec<Option<Column>>,
    cap_bytes: u64,
}

/// Writes one of what is repeated.
type WriteOne<'a> = dyn FnMut(&mut Writer, &mut Vec<u8>) -> Result<(), Stop> + 'a;

impl Writer {
    fn row(&mut self, nodes: &[Node], out: &mut Vec<u8>) -> Result<(), Stop> {
        self.object(nodes, out)?;
        // Each column is at the next row, or at its end.
        for column in self.columns.iter_mut().flatten() {
            if column.peek()?.is_some_and(|levels| levels.repetition > 0) {
                return Err(unsound("columns that are repeated more often than others"));
            }
        }
        Ok(())
    }

    fn column(&mut self, at: usize) -> Result<&mut Column, Stop> {
        self.columns.get_mut(at).and_then(Option::as_mut).ok_or_else(|| unsound("a group without columns"))
    }

    /// Whether a node is there at the next entry.
    fn is_there(&mut self, node: &Node) -> Result<bool, Stop> {
        // A group of no columns has nothing to say.
        if node.first == node.end {
            return Ok(false);
        }
        let levels =
            self.column(node.first)?.peek()?.ok_or_else(|| unsound("a column that ends before its rows do"))?;
        Ok(levels.definition >= node.definition)
    }

    /// Goes over the entry of each column of a node that isn't there.
    fn skip(&mut self, node: &Node) -> Result<(), Stop> {
        for at in node.first..node.end {
            if self.column(at)?.take()?.is_some() {
                return Err(unsound("a value where none can be"));
            }
        }
        Ok(())
    }

    fn object(&mut self, nodes: &[Node], out: &mut Vec<u8>) -> Result<(), Stop> {
        out.push(b'{');
        let begin = out.len();
        for node in nodes {
            if !self.is_there(node)? {
                self.skip(node)?;
                continue;
            }
            if out.len() > begin {
                out.push(b',');
            }
            out.extend_from_slice(node.key.as_bytes());
            out.push(b':');
            self.value(node, out)?;
        }
        out.push(b'}');
        if out.len() as u64 > self.cap_bytes { Err(Stop::OverCap) } else { Ok(()) }
    }

    /// Writes a node that is there: of one that is repeated all of them, as a list.
    fn value(&mut self, node: &Node, out: &mut Vec<u8>) -> Result<(), Stop> {
        match node.repeats {
            Repeats::Repeated => self.repeated(node, (b'[', b']'), out, &mut |writer, out| writer.content(node, out)),
            Repeats::Required | Repeats::Optional => self.content(node, out),
        }
    }

    /// Writes what is repeated, between brackets.
    fn repeated(
        &mut self,
        node: &Node,
        (open, close): (u8, u8),
        out: &mut Vec<u8>,
        write: &mut WriteOne<'_>,
    ) -> Result<(), Stop> {
        out.push(open);
        loop {
            write(self, out)?;
            if out.len() as u64 > self.cap_bytes {
                return Err(Stop::OverCap);
            }
            let next = self.column(node.first)?.peek()?;
            if next.is_none_or(|levels| levels.repetition < node.repetition) {
                break;
            }
            if next.is_some_and(|levels| levels.repetition > node.repetition || levels.definition < node.definition) {
                return Err(unsound("levels that contradict each other"));
            }
            out.push(b',');
        }
        out.push(close);
        Ok(())
    }

    /// One of what is repeated, or all of what isn't.
    fn content(&mut self, node: &Node, out: &mut Vec<u8>) -> Result<(), Stop> {
        match &node.content {
            Content::Leaf(kind) => {
                let raw = self.column(node.first)?.take()?;
                value(*kind, raw.as_ref(), out);
                Ok(())
            }
            Content::Struct(parts) => self.object(parts, out),
            Content::Only(only) => self.or_null(only, out),
            Content::List(inner) => {
                if !self.is_there(inner)? {
                    self.skip(inner)?;
                    out.extend_from_slice(b"[]");
                    return Ok(());
                }
                self.value(inner, out)
            }
            Content::Map(pairs) => {
                let Content::Struct(parts) = &pairs.content else { return Err(unsound("a map without pairs")) };
                let [key, value] = parts.as_slice() else { return Err(unsound("a map without pairs")) };
                if !self.is_there(pairs)? {
                    self.skip(pairs)?;
                    out.extend_from_slice(b"{}");
                    return Ok(());
                }
                self.repeated(pairs, (b'{', b'}'), out, &mut |writer, out| {
                    writer.key(key, out)?;
                    out.push(b':');
                    writer.or_null(value, out)
                })
            }
        }
    }

    fn or_null(&mut self, node: &Node, out: &mut Vec<u8>) -> Result<(), Stop> {
        if self.is_there(node)? {
            return self.value(node, out);
        }
        self.skip(node)?;
        out.extend_from_slice(b"null");
        Ok(())
    }

    /// A key is a text, whatever it was.
    fn key(&mut self, node: &Node, out: &mut Vec<u8>) -> Result<(), Stop> {
        let begin = out.len();
        self.or_null(node, out)?;
        if out.get(begin) != Some(&b'"') {
            let key = String::from_utf8_lossy(out.get(begin..).unwrap_or_default()).into_owned();
            out.truncate(begin);
            text(&key, out);
        }
        Ok(())
    }
}

fn value(kind: Kind, raw: Option<&Raw>, out: &mut Vec<u8>) {
    let bytes = if let Some(Raw::Bytes(bytes)) = raw { Some(bytes) } else { None };
    let written = match (kind, raw) {
        (Kind::Text, _) => bytes.map(|bytes| text_of(bytes, out)),
        (Kind::Bool, Some(Raw::Bool(truth))) => Some(truth).map(|truth| shown(truth, out)),
        (Kind::Int, _) => int(raw).map(|number| shown(&number, out)),
        (Kind::UInt, _) => uint(raw).map(|number| shown(&number, out)),
        (Kind::Float, _) => bytes.and_then(|bytes| float(bytes)).filter(|number| number.is_finite()).map(|number| {
            // Writing to memory doesn't fail.
            let _ = serde_json::to_writer(&mut *out, &number);
        }),
        (Kind::Time(units), _) => {
            int(raw).and_then(|time| micros(time, units)).map(|time| text(&format_time(time), out))
        }
        (Kind::Date, _) => int(raw).and_then(|day| i32::try_from(day).ok()).map(|day| text(&format_date(day), out)),
        (Kind::Int96, _) => bytes.and_then(|bytes| int96(bytes)).map(|time| text(&format_time(time), out)),
        (Kind::Bool | Kind::Other, _) => None,
    };
    if written.is_none() {
        out.extend_from_slice(b"null");
    }
}

/// Bytes that are no UTF-8 stay none: the line that they are in is refused, and no other text stands in their place.
fn text_of(bytes: &[u8], out: &mut Vec<u8>) {
    match std::str::from_utf8(bytes) {
        Ok(sound) => text(sound, out),
        Err(_) => out.extend_from_slice(b"\"\xff\""),
    }
}

fn text(text: &str, out: &mut Vec<u8>) {
    // Writing to memory doesn't fail.
    let _ = serde_json::to_writer(out, text);
}

fn shown(number: &dyn std::fmt::Display, out: &mut Vec<u8>) {
    let _ = write!(out, "{number}");
}

fn int(raw: Option<&Raw>) -> Option<i64> {
    match raw? {
        Raw::Int(number) => Some(*number),
        Raw::Bytes(bytes) => match bytes.as_ref() {
            bytes if bytes.len() == 4 => bytes.first_chunk().map(|bytes| i64::from(i32::from_le_bytes(*bytes))),
            bytes => bytes.first_chunk().map(|bytes| i64::from_le_bytes(*bytes)),
        },
        Raw::Bool(_) => None,
    }
}

fn uint(raw: Option<&Raw>) -> Option<u64> {
    match raw? {
        Raw::Bytes(bytes) if bytes.len() == 4 => bytes.first_chunk().map(|bytes| u64::from(u32::from_le_bytes(*bytes))),
        _ => int(raw).map(i64::cast_unsigned),
    }
}

fn float(bytes: &[u8]) -> Option<f64> {
    match bytes.len() {
        4 => bytes.first_chunk().map(|bytes| f64::from(f32::from_le_bytes(*bytes))),
        _ => bytes.first_chunk().map(|bytes| f64::from_le_bytes(*bytes)),
    }
}

fn micros(time: i64, units: i64) -> Option<i64> {
    match units {
        1_000 => time.checked_mul(1_000),
        1_000_000 => Some(time),
        _ => Some(time.div_euclid(1_000)),
    }
}

/// Nanoseconds of the day, and the day as astronomers count them.
fn int96(bytes: &[u8]) -> Option<i64> {
    const DAY_OF_1970: i64 = 2_440_588;
    let (nanos, day) = bytes.split_first_chunk::<8>()?;
    let day = i64::from(u32::from_le_bytes(*day.first_chunk()?)) - DAY_OF_1970;
    day.checked_mul(crate::time::MICROS_PER_DAY)?.checked_add(i64::from_le_bytes(*nanos) / 1_000)
}
