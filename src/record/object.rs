//! One log object's JSON scanned: where each record and each known field lies. Nothing is copied.

use std::borrow::Cow;

use super::fields::{Target, groups};
use super::identity::event_key;
use super::scan::{Fault, Scanner, Span};
use super::schema::{COLUMNS, Kind, RESOURCE_FIELDS};
use super::text::unescape;
use super::when::parse_time;

/// Why an object is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at byte {offset}: {reason}")]
pub struct ParseError {
    /// Where, in the inflated bytes.
    pub offset: usize,
    /// What is wrong there.
    pub reason: &'static str,
}

impl From<Fault> for ParseError {
    fn from(fault: Fault) -> Self {
        ParseError { offset: fault.offset, reason: fault.reason }
    }
}

/// A record kept out of an otherwise sound object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenRecord {
    /// Position in `Records`, from 0.
    pub index: usize,
    /// Where it begins.
    pub offset: usize,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// One record: what tells it from others, and where its fields are.
#[derive(Clone, Debug)]
pub struct Record {
    /// 128 bits that tell the event: its `eventID`, else what the record says.
    pub event_key: u128,
    /// `eventTime`, microseconds since 1970-01-01 UTC.
    pub event_time_us: i64,
    /// Day of `eventTime`, UTC, days since 1970-01-01.
    pub event_date: i32,
    /// Its part of the object's values, from first to behind last.
    values: (u32, u32),
    /// Likewise of the object's extras.
    extras: (u32, u32),
    /// Text from which the spans are: 0 for the object's own, else a rewritten record.
    text: u32,
}

/// A known field's value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    pub column: u8,
    /// A string has escapes; free content has white space.
    pub marked: bool,
    pub start: u32,
    pub end: u32,
}

/// What has no column, or not quite.
#[derive(Clone, Copy, Debug)]
pub(super) enum Extra {
    /// A column's field is `null`.
    NullColumn(u8),
    /// A group is `null`.
    NullGroup(u8),
    /// A group is `{}`.
    EmptyGroup(u8),
    /// A column's field in a spelling that the column can't give back: the JSON text of the value.
    Column(u8, u32, u32),
    /// A group that is no object: the JSON text of the value.
    Group(u8, u32, u32),
    /// An unknown key of a group: the key between its quotes, the JSON text of the value.
    Unknown(u8, (u32, u32), (u32, u32)),
    /// The record as it was, because it has a key twice: later ones win, none is lost.
    Original(u32, u32),
}

/// One log object, scanned. Owns its bytes.
#[derive(Debug)]
pub struct ParsedObject {
    text: String,
    rewritten: Vec<String>,
    records: Vec<Record>,
    broken: Vec<BrokenRecord>,
    values: Vec<Value>,
    extras: Vec<Extra>,
}

impl ParsedObject {
    /// Scans the bytes of a log object, `{"Records":[…]}`; other keys beside `Records` are passed over.
    ///
    /// All of it is checked to be UTF-8 and JSON, so that what a record holds as free content is JSON too.
    ///
    /// # Errors
    /// Bytes that are not UTF-8, not JSON, cut short, or without a `Records` list; larger than 4 GiB.
    pub fn parse(bytes: Vec<u8>) -> Result<ParsedObject, ParseError> {
        if u32::try_from(bytes.len()).is_err() {
            return Err(ParseError { offset: 0, reason: "larger than 4 GiB" });
        }
        if let Err(error) = simdutf8::compat::from_utf8(&bytes) {
            return Err(ParseError { offset: error.valid_up_to(), reason: "not UTF-8" });
        }
        let text = String::from_utf8(bytes)
            .map_err(|error| ParseError { offset: error.utf8_error().valid_up_to(), reason: "not UTF-8" })?;
        let mut builder = Builder::default();
        builder.object(&text)?;
        let Builder { rewritten, records, broken, values, extras, .. } = builder;
        Ok(ParsedObject { text, rewritten, records, broken, values, extras })
    }

    /// Its bytes, for reuse.
    pub fn into_bytes(self) -> Vec<u8> {
        self.text.into_bytes()
    }

    /// The records that are sound.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The records that are kept out.
    pub fn broken(&self) -> &[BrokenRecord] {
        &self.broken
    }

    pub(super) fn values(&self, record: &Record) -> &[Value] {
        self.values.get(record.values.0 as usize..record.values.1 as usize).unwrap_or_default()
    }

    pub(super) fn extras(&self, record: &Record) -> &[Extra] {
        self.extras.get(record.extras.0 as usize..record.extras.1 as usize).unwrap_or_default()
    }

    /// A part of the text that a record's spans point into.
    pub(super) fn slice(&self, record: &Record, start: u32, end: u32) -> &str {
        let text = match record.text.checked_sub(1) {
            Some(i) => self.rewritten.get(i as usize).map_or("", String::as_str),
            None => &self.text,
        };
        text.get(start as usize..end as usize).unwrap_or_default()
    }

    /// The original text of a record with duplicate keys.
    pub(super) fn original(&self, start: u32, end: u32) -> &str {
        self.text.get(start as usize..end as usize).unwrap_or_default()
    }

    /// A text column's value, as it reads.
    pub(super) fn text_of(&self, record: &Record, value: &Value) -> Cow<'_, str> {
        let inner = self.slice(record, value.start, value.end);
        if value.marked { unescape(inner).0 } else { Cow::Borrowed(inner) }
    }
}

#[derive(Default)]
struct Builder {
    rewritten: Vec<String>,
    records: Vec<Record>,
    broken: Vec<BrokenRecord>,
    values: Vec<Value>,
    extras: Vec<Extra>,
    /// Columns and groups that the record at hand has had, to notice a key given twice.
    seen: u128,
    seen_groups: u32,
    has_duplicates: bool,
}

/// Offsets fit: a text is at most 4 GiB.
fn at(offset: usize) -> u32 {
    offset as u32
}

fn inner_of(span: Span) -> (u32, u32) {
    (at(span.start), at(span.end))
}

impl Builder {
    fn object(&mut self, text: &str) -> Result<(), ParseError> {
        let mut scanner = Scanner::new(text.as_bytes());
        let mut lists = 0;
        scanner.object(|scanner, key| {
            if text.get(key.start..key.end) == Some("Records") && scanner.peek() == Some(b'[') {
                lists += 1;
                let mut index = 0;
                return scanner.list(|scanner| {
                    self.record(text, scanner, index)?;
                    index += 1;
                    Ok(())
                });
            }
            scanner.value().map(drop)
        })?;
        scanner.skip_space();
        match scanner.peek() {
            Some(_) => Err(ParseError { offset: scanner.pos, reason: "something stands behind the JSON" }),
            None if lists == 0 => {
                Err(ParseError { offset: 0, reason: "no `Records` list: not a CloudTrail log object" })
            }
            None => Ok(()),
        }
    }

    fn record(&mut self, text: &str, scanner: &mut Scanner<'_>, index: usize) -> Result<(), Fault> {
        let offset = scanner.pos;
        if scanner.peek() != Some(b'{') {
            scanner.value()?;
            self.broken.push(BrokenRecord { index, offset, reason: "not an object" });
            return Ok(());
        }
        let (values, extras) = (self.values.len(), self.extras.len());
        (self.seen, self.seen_groups, self.has_duplicates) = (0, 0, false);
        self.group(text, scanner, 0)?;
        let end = scanner.pos;
        let source = text.get(offset..end).unwrap_or_default();
        if self.has_duplicates {
            self.values.truncate(values);
            self.extras.truncate(extras);
            return self.rewrite(source, offset, index);
        }
        self.finish(text, source, index, offset, (values, extras), 0);
        Ok(())
    }

    /// A record that has a key twice: serde_json makes it one where the later ones have won, which is scanned instead.
    fn rewrite(&mut self, source: &str, offset: usize, index: usize) -> Result<(), Fault> {
        let rewritten =
            serde_json::from_str::<serde_json::Value>(source).and_then(|value| serde_json::to_string(&value));
        let Ok(rewritten) = rewritten else {
            self.broken.push(BrokenRecord { index, offset, reason: "has a key twice and can't be read" });
            return Ok(());
        };
        let (values, extras) = (self.values.len(), self.extras.len());
        (self.seen, self.seen_groups, self.has_duplicates) = (0, 0, false);
        let mut scanner = Scanner::new(rewritten.as_bytes());
        self.group(&rewritten, &mut scanner, 0)?;
        self.extras.push(Extra::Original(at(offset), at(offset + source.len())));
        self.finish(&rewritten, &rewritten, index, offset, (values, extras), at(self.rewritten.len() + 1));
        self.rewritten.push(rewritten);
        Ok(())
    }

    fn finish(&mut self, text: &str, source: &str, index: usize, offset: usize, begin: (usize, usize), number: u32) {
        let field = |column: usize| {
            let value = self.values.get(begin.0..)?.iter().rev().find(|value| usize::from(value.column) == column)?;
            text.get(value.start as usize..value.end as usize).map(|inner| unescape(inner).0)
        };
        let time = field(EVENT_TIME).and_then(|text| parse_time(&text));
        let Some((event_time_us, _)) = time else {
            self.values.truncate(begin.0);
            self.extras.truncate(begin.1);
            self.broken.push(BrokenRecord { index, offset, reason: "no eventTime that can be read" });
            return;
        };
        let event_key = event_key(field(EVENT_ID).as_deref(), || serde_json::from_str(source).unwrap_or_default());
        self.records.push(Record {
            event_key,
            event_time_us,
            event_date: event_time_us.div_euclid(crate::time::MICROS_PER_DAY) as i32,
            values: (at(begin.0), at(self.values.len())),
            extras: (at(begin.1), at(self.extras.len())),
            text: number,
        });
    }

    /// Scans an object with known keys.
    fn group(&mut self, text: &str, scanner: &mut Scanner<'_>, group: usize) -> Result<(), Fault> {
        let Some(known) = groups().get(group) else { return scanner.value().map(drop) };
        let mut keys = 0;
        scanner.object(|scanner, key| {
            keys += 1;
            let name = text.as_bytes().get(key.start..key.end).unwrap_or_default();
            match known.target(name) {
                Some(Target::Column(column, kind)) => self.column(text, scanner, column, kind),
                Some(Target::Group(inner)) => self.inner_group(text, scanner, inner),
                None => {
                    let value = scanner.value()?;
                    self.extras.push(Extra::Unknown(group as u8, inner_of(key), inner_of(value)));
                    Ok(())
                }
            }
        })?;
        if keys == 0 && group > 0 {
            self.extras.push(Extra::EmptyGroup(group as u8));
        }
        Ok(())
    }

    fn inner_group(&mut self, text: &str, scanner: &mut Scanner<'_>, group: usize) -> Result<(), Fault> {
        let bit = 1 << group;
        self.has_duplicates |= self.seen_groups & bit != 0;
        self.seen_groups |= bit;
        if scanner.peek() == Some(b'{') {
            return self.group(text, scanner, group);
        }
        let span = scanner.value()?;
        let is_null = text.get(span.start..span.end) == Some("null");
        let (start, end) = inner_of(span);
        self.extras.push(if is_null { Extra::NullGroup(group as u8) } else { Extra::Group(group as u8, start, end) });
        Ok(())
    }

    fn column(&mut self, text: &str, scanner: &mut Scanner<'_>, column: usize, kind: Kind) -> Result<(), Fault> {
        let bit = 1_u128 << column;
        self.has_duplicates |= self.seen & bit != 0;
        self.seen |= bit;
        let span = scanner.value()?;
        let (start, end) = inner_of(span);
        let raw = text.get(span.start..span.end).unwrap_or_default();
        if raw == "null" {
            self.extras.push(Extra::NullColumn(column as u8));
            return Ok(());
        }
        let is_string = raw.starts_with('"');
        let place = match kind {
            Kind::Text | Kind::Word | Kind::Time | Kind::BoolText if is_string => Some((start + 1, end - 1)),
            Kind::Bool if is_string => Some((start + 1, end - 1)),
            Kind::Text | Kind::Word | Kind::Time => None,
            _ => Some((start, end)),
        };
        if let Some((start, end)) = place {
            self.values.push(Value { column: column as u8, marked: span.marked, start, end });
        }
        if !is_canonical(kind, raw, span.marked) {
            self.extras.push(Extra::Column(column as u8, start, end));
        }
        Ok(())
    }
}

/// Whether a column gives back exactly this JSON text (white space apart).
fn is_canonical(kind: Kind, raw: &str, marked: bool) -> bool {
    match kind {
        Kind::Json => true,
        Kind::Bool => matches!(raw, "true" | "false"),
        Kind::BoolText => matches!(raw, "\"true\"" | "\"false\""),
        Kind::Resources => resources_are_canonical(raw),
        Kind::Time => string_of(raw).and_then(parse_time).is_some_and(|(_, is_canonical)| is_canonical),
        _ => match string_of(raw) {
            Some(inner) => !marked || unescape(inner).1,
            None => false,
        },
    }
}

fn string_of(raw: &str) -> Option<&str> {
    raw.strip_prefix('"')?.strip_suffix('"')
}

/// Whether `resources` is a list of objects with nothing but strings under known keys, none twice.
fn resources_are_canonical(raw: &str) -> bool {
    let mut scanner = Scanner::new(raw.as_bytes());
    if scanner.peek() != Some(b'[') {
        return false;
    }
    let mut is_canonical = true;
    let scanned = scanner.list(|scanner| {
        let mut seen = 0_u32;
        if scanner.peek() != Some(b'{') {
            is_canonical = false;
            return scanner.value().map(drop);
        }
        scanner.object(|scanner, key| {
            let name = raw.get(key.start..key.end).unwrap_or_default();
            let field = RESOURCE_FIELDS.iter().position(|(_, known)| *known == name);
            let bit = field.map_or(0, |field| 1 << field);
            let is_string = scanner.peek() == Some(b'"');
            let value = scanner.value()?;
            let inner = raw.get(value.start + 1..value.end.saturating_sub(1)).unwrap_or_default();
            is_canonical &= bit != 0 && seen & bit == 0 && is_string && (!value.marked || unescape(inner).1);
            seen |= bit;
            Ok(())
        })
    });
    scanned.is_ok() && is_canonical
}

/// Each resource of a list, as far as it can be read: the values of [`RESOURCE_FIELDS`].
pub(super) fn each_resource<'a>(raw: &'a str, mut each: impl FnMut([Option<Cow<'a, str>>; RESOURCE_FIELDS.len()])) {
    let mut scanner = Scanner::new(raw.as_bytes());
    if scanner.peek() != Some(b'[') {
        return;
    }
    // INVARIANT: the text was scanned before, so that no fault can come here.
    let _ = scanner.list(|scanner| {
        let mut members = [const { None }; RESOURCE_FIELDS.len()];
        if scanner.peek() != Some(b'{') {
            scanner.value()?;
            each(members);
            return Ok(());
        }
        scanner.object(|scanner, key| {
            let name = raw.get(key.start..key.end).unwrap_or_default();
            let field = RESOURCE_FIELDS.iter().position(|(_, known)| known.eq_ignore_ascii_case(name));
            let is_string = scanner.peek() == Some(b'"');
            let value = scanner.value()?;
            let member = field.and_then(|field| members.get_mut(field));
            if let (Some(member), true) = (member, is_string) {
                let inner = raw.get(value.start + 1..value.end.saturating_sub(1)).unwrap_or_default();
                *member = Some(unescape(inner).0);
            }
            Ok(())
        })?;
        each(members);
        Ok(())
    });
}

/// Position of a column in [`COLUMNS`], at compile time.
#[expect(clippy::panic, reason = "evaluated by the compiler")]
pub(super) const fn column_named(name: &str) -> usize {
    let mut i = 0;
    while i < COLUMNS.len() {
        if same(COLUMNS[i].name.as_bytes(), name.as_bytes()) {
            return i;
        }
        i += 1;
    }
    // A name that isn't a column's is a mistake in this program: let it not compile.
    panic!("no such column");
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

const EVENT_TIME: usize = column_named("event_time");
const EVENT_ID: usize = column_named("event_id");
