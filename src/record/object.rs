//! One log object's JSON scanned: where each record and each known field lies. Nothing is copied.

use std::hash::BuildHasher;
use std::sync::LazyLock;

use super::dictionaries::{Dictionaries, PRINCIPAL_ID, PrincipalWords};
use super::error::{BrokenRecord, ParseError};
use super::fields::{Target, groups};
use super::identity::event_key;
use super::json_string::unescape;
use super::positions::{EVENT_ID, EVENT_TIME, IDENTITY, NAMES, REGION};
use super::resource_list;
use super::scanned_value::{Extra, ScannedValue, Value, prefetch};
use super::schema::{COLUMNS, Kind};
use super::string_interner::NONE;
use super::timestamp::{epoch_time, parse_time};
use crate::scan::{Fault, Scanner, Span};
use crate::util::invariant::Invariant as _;
use crate::util::json;

/// One record: what tells it from others, and where its fields are.
#[derive(Clone, Debug)]
pub struct Record {
    /// 128 bits that tell the event: its `eventID`, else what the record says.
    pub event_key: u128,
    /// A hash of the record's bytes: of two records with one key, whether they are the same to the letter. Another one
    /// in each process.
    pub fingerprint: u64,
    /// `eventTime`, microseconds since 1970-01-01 UTC.
    pub event_time_us: i64,
    /// Day of `eventTime`, UTC, days since 1970-01-01.
    pub event_date: i32,
    /// Who did it.
    pub(super) principal: PrincipalWords,
    /// `recipientAccountId`, `eventSource` and `eventName`.
    pub(super) names: [u32; 3],
    /// `awsRegion`.
    region: u32,
    /// Its part of the object's values, from first to behind last.
    values: (u32, u32),
    /// Likewise of the object's extras.
    extras: (u32, u32),
    /// Where it stands in the object's own text.
    source: (u32, u32),
    /// Text from which the spans are: 0 for the object's own, else a rewritten record.
    text: u32,
    /// Bytes of text that its columns take, at the most.
    pub(super) text_bytes: u32,
}

impl Record {
    /// Has the processor fetch it.
    pub(super) fn prefetch(&self) {
        prefetch(std::slice::from_ref(self));
    }
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
    /// For each column the bytes of text that its records take, at the most.
    text_bytes: [usize; COLUMNS.len()],
    /// Whether something that may hold events stands beside its lists.
    has_beside: bool,
}

impl ParsedObject {
    /// Scans the bytes of a log object, `{"Records":[…]}`; other keys beside `Records` are passed over.
    ///
    /// All of it is checked to be UTF-8 and JSON, so that what a record holds as free content is JSON too. Words are
    /// looked up in the dictionaries, to which the object belongs from then on.
    ///
    /// # Errors
    /// Bytes that are not UTF-8, not JSON, cut short, or without a `Records` list; larger than 4 GiB.
    pub fn parse(bytes: Vec<u8>, dictionaries: &mut Dictionaries) -> Result<ParsedObject, ParseError> {
        ParsedObject::parse_or_return(bytes, dictionaries).map_err(|(error, _)| error)
    }

    /// The same; bytes that are refused are given back.
    ///
    /// # Errors
    /// As [`ParsedObject::parse`], with the bytes.
    pub fn parse_or_return(
        bytes: Vec<u8>,
        dictionaries: &mut Dictionaries,
    ) -> Result<ParsedObject, (ParseError, Vec<u8>)> {
        if u32::try_from(bytes.len()).is_err() {
            return Err((ParseError { offset: 0, reason: "larger than 4 GiB" }, bytes));
        }
        if let Err(error) = simdutf8::compat::from_utf8(&bytes) {
            return Err((ParseError { offset: error.valid_up_to(), reason: "not UTF-8" }, bytes));
        }
        // SAFETY: it was just checked, and nothing had it in between. Checking again takes as long as looking at all of
        // it once more.
        let text = unsafe { String::from_utf8_unchecked(bytes) };
        let mut builder = Builder::new(dictionaries, text.len());
        if let Err(error) = builder.object(&text) {
            return Err((error, text.into_bytes()));
        }
        let Builder { rewritten, records, broken, values, extras, text_bytes, has_beside, .. } = builder;
        Ok(ParsedObject { text, rewritten, records, broken, values, extras, text_bytes, has_beside })
    }

    /// Its bytes, for reuse.
    pub fn into_bytes(self) -> Vec<u8> {
        self.text.into_bytes()
    }

    /// Whether something that may hold events stands beside its lists of records.
    pub fn has_beside(&self) -> bool {
        self.has_beside
    }

    /// `recipientAccountId` and `awsRegion` of a record, by their numbers in the dictionaries.
    pub fn place_of(record: &Record) -> [u32; 2] {
        [record.names[0], record.region]
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
        self.values.get(record.values.0 as usize..record.values.1 as usize).invariant("a record's values are kept")
    }

    pub(super) fn text_bytes(&self) -> &[usize; COLUMNS.len()] {
        &self.text_bytes
    }

    /// Has the processor fetch what [`ParsedObject::values`] will give.
    pub(super) fn prefetch_values(&self, record: &Record) {
        prefetch(self.values(record));
    }

    /// Has the processor fetch the texts of a record's values.
    pub(super) fn prefetch_texts(&self, record: &Record) {
        for value in self.values(record) {
            if let ScannedValue::Text(start, end) | ScannedValue::Marked(start, end) = value.held {
                prefetch(self.slice(record, start, end).as_bytes());
            }
        }
    }

    pub(super) fn extras(&self, record: &Record) -> &[Extra] {
        self.extras.get(record.extras.0 as usize..record.extras.1 as usize).invariant("a record's extras are kept")
    }

    /// A part of the text that a record's spans point into.
    pub(super) fn slice(&self, record: &Record, start: u32, end: u32) -> &str {
        let text = match record.text.checked_sub(1) {
            Some(i) => self.rewritten.get(i as usize).invariant("a rewritten record's text is kept"),
            None => &self.text,
        };
        text.get(start as usize..end as usize).invariant(WITHIN)
    }

    /// A record's own text.
    pub fn source(&self, record: &Record) -> &str {
        self.original(record.source.0, record.source.1)
    }

    /// Where a record begins, in bytes.
    pub fn offset(&self, record: &Record) -> usize {
        record.source.0 as usize
    }

    /// The original text of a record with duplicate keys.
    pub(super) fn original(&self, start: u32, end: u32) -> &str {
        self.text.get(start as usize..end as usize).invariant(WITHIN)
    }
}

/// Invariants: the scanner's positions, and lists that a record only appends to.
const WITHIN: &str = "spans lie within the text they were scanned from";
const GROWS: &str = "values and extras only grow within a record";

/// Whether a value beside a list of records may hold events: the names of their fields, or escapes, which may hide
/// them.
fn may_hold_events(value: &str) -> bool {
    let has = |hint: &str| memchr::memmem::find(value.as_bytes(), hint.as_bytes()).is_some();
    value.starts_with(['[', '{', '"']) && (has("event") || has("class_uid") || has("\\u"))
}

struct Builder<'v> {
    dictionaries: &'v mut Dictionaries,
    text_bytes: [usize; COLUMNS.len()],
    /// Likewise of the record at hand, all columns together.
    record_text_bytes: usize,
    /// The words of the record at hand by column, the event's time and the place of its id.
    words: [u32; COLUMNS.len()],
    event_time_us: Option<i64>,
    event_id: Option<(u32, u32)>,
    rewritten: Vec<String>,
    records: Vec<Record>,
    broken: Vec<BrokenRecord>,
    values: Vec<Value>,
    extras: Vec<Extra>,
    /// Columns and groups that the record at hand has had, to notice a key given twice.
    seen: u128,
    seen_groups: u32,
    has_duplicates: bool,
    has_beside: bool,
}

/// Offsets fit: a text is at most 4 GiB.
#[expect(clippy::cast_possible_truncation, reason = "a text has at most 4 GiB")]
fn at(offset: usize) -> u32 {
    offset as u32
}

fn inner_of(span: Span) -> (u32, u32) {
    (at(span.start), at(span.end))
}

/// Bytes of a record and values in it, about: what room is set aside for.
const RECORD_BYTES: usize = 1_500;
const RECORD_VALUES: usize = 28;

impl<'v> Builder<'v> {
    fn new(dictionaries: &'v mut Dictionaries, text_bytes: usize) -> Builder<'v> {
        let records = text_bytes / RECORD_BYTES + 1;
        Builder {
            dictionaries,
            text_bytes: [0; COLUMNS.len()],
            record_text_bytes: 0,
            words: [NONE; COLUMNS.len()],
            event_time_us: None,
            event_id: None,
            rewritten: Vec::new(),
            records: Vec::with_capacity(records),
            broken: Vec::new(),
            values: Vec::with_capacity(records * RECORD_VALUES),
            extras: Vec::new(),
            seen: 0,
            seen_groups: 0,
            has_duplicates: false,
            has_beside: false,
        }
    }

    fn begin_record(&mut self) {
        (self.seen, self.seen_groups, self.has_duplicates) = (0, 0, false);
        (self.event_time_us, self.event_id, self.record_text_bytes) = (None, None, 0);
        self.words = [NONE; COLUMNS.len()];
        self.dictionaries.begin_record();
    }

    /// Scans log objects, one behind the other where several were put together.
    fn object(&mut self, text: &str) -> Result<(), ParseError> {
        let mut scanner = Scanner::new(text.as_bytes());
        let mut index = 0;
        loop {
            let (begin, mut lists) = (scanner.pos, 0);
            scanner.object(|scanner, key| {
                if text.get(key.start..key.end) == Some("Records") && scanner.peek() == Some(b'[') {
                    lists += 1;
                    return scanner.list(|scanner| {
                        self.record(text, scanner, index)?;
                        index += 1;
                        Ok(())
                    });
                }
                let value = scanner.value()?;
                self.has_beside |= text.get(value.start..value.end).is_some_and(may_hold_events);
                Ok(())
            })?;
            scanner.skip_space();
            let next = scanner.peek();
            if next.is_some_and(|next| next != b'{') {
                return Err(ParseError { offset: scanner.pos, reason: "something stands behind the JSON" });
            }
            if lists == 0 {
                let reason = match begin {
                    0 => "no `Records` list: not a CloudTrail log object",
                    _ => "no CloudTrail log object as before it: keep other forms in files of their own",
                };
                return Err(ParseError { offset: begin, reason });
            }
            if next.is_none() {
                return Ok(());
            }
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
        self.begin_record();
        self.group(text, scanner, 0)?;
        let end = scanner.pos;
        let source = text.get(offset..end).invariant(WITHIN);
        if self.has_duplicates {
            self.values.truncate(values);
            self.extras.truncate(extras);
            return self.rewrite(source, offset, index);
        }
        self.finish(text, source, index, (offset, end), (values, extras), 0);
        Ok(())
    }

    /// A record that has a key twice: serde_json makes it one where the later ones have won, which is scanned instead.
    fn rewrite(&mut self, source: &str, offset: usize, index: usize) -> Result<(), Fault> {
        let rewritten = json::value(source).and_then(|value| serde_json::to_string(&value));
        let Ok(rewritten) = rewritten else {
            self.broken.push(BrokenRecord { index, offset, reason: "has a key twice and can't be read" });
            return Ok(());
        };
        let (values, extras) = (self.values.len(), self.extras.len());
        self.begin_record();
        let mut scanner = Scanner::new(rewritten.as_bytes());
        self.group(&rewritten, &mut scanner, 0)?;
        self.extras.push(Extra::Original(at(offset), at(offset + source.len())));
        let place = (offset, offset + source.len());
        self.finish(&rewritten, &rewritten, index, place, (values, extras), at(self.rewritten.len() + 1));
        self.rewritten.push(rewritten);
        Ok(())
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "columns and groups fit a byte, offsets 32 bits, days of readable times 32 bits"
    )]
    fn finish(
        &mut self,
        text: &str,
        source: &str,
        index: usize,
        (offset, end): (usize, usize),
        begin: (usize, usize),
        number: u32,
    ) {
        if self.event_time_us.is_none() {
            self.take_time_beside(text, begin.1);
        }
        let event_id = self.event_id.and_then(|(start, end)| text.get(start as usize..end as usize));
        let event_id = event_id.map(|inner| unescape(inner).0);
        let known = match (self.event_time_us, event_key(event_id.as_deref(), source)) {
            (Some(event_time_us), Ok(event_key)) => Ok((event_time_us, event_key)),
            (None, _) => Err("no eventTime that can be read"),
            (_, Err(_)) => Err("no eventID, and nested too deep to be told from others"),
        };
        let (event_time_us, event_key) = match known {
            Ok(known) => known,
            Err(reason) => {
                self.values.truncate(begin.0);
                self.extras.truncate(begin.1);
                self.broken.push(BrokenRecord { index, offset, reason });
                return;
            }
        };
        let word = |column: usize| self.words.get(column).copied().unwrap_or(NONE);
        let (identity, names) = (IDENTITY.map(word), NAMES.map(word));
        self.records.push(Record {
            principal: self.dictionaries.principal(identity),
            names,
            region: word(REGION),
            event_key,
            fingerprint: fingerprint(source),
            event_time_us,
            event_date: event_time_us.div_euclid(crate::time::MICROS_PER_DAY) as i32,
            values: (at(begin.0), at(self.values.len())),
            extras: (at(begin.1), at(self.extras.len())),
            source: (at(offset), at(end)),
            text: number,
            text_bytes: at(self.record_text_bytes),
        });
    }

    /// The time of a record without an `eventTime` that can be read: programs that pass events on set `@timestamp` from
    /// it and drop it.
    /// Source: Logstash's date filter and Elastic's CloudTrail pipeline, whose target it is.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "columns and groups fit a byte, offsets 32 bits, days of readable times 32 bits"
    )]
    fn take_time_beside(&mut self, text: &str, first_extra: usize) {
        let piece = |(start, end): (u32, u32)| text.get(start as usize..end as usize).invariant(WITHIN);
        let beside = self.extras.get(first_extra..).invariant(GROWS).iter().rev().find_map(|extra| match extra {
            Extra::Unknown(0, key, value) if piece(*key) == TIME_BESIDE => Some(piece(*value)),
            _ => None,
        });
        let is_absent = self.seen & (1 << EVENT_TIME) == 0;
        let time = beside.and_then(|raw| match string_of(raw) {
            Some(inner) => parse_time(&unescape(inner).0).map(|(time_us, _)| time_us),
            None => epoch_time(raw),
        });
        if let Some(time_us) = time {
            self.event_time_us = Some(time_us);
            self.values.push(Value { column: EVENT_TIME as u8, held: ScannedValue::time(time_us) });
            if is_absent {
                self.extras.push(Extra::AbsentColumn(EVENT_TIME as u8));
            }
        }
    }

    /// Scans an object with known keys.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "columns and groups fit a byte, offsets 32 bits, days of readable times 32 bits"
    )]
    fn group(&mut self, text: &str, scanner: &mut Scanner<'_>, group: usize) -> Result<(), Fault> {
        let Some(known) = groups().get(group) else { return scanner.value().map(drop) };
        let mut more = scanner.begin_object()?;
        if !more && group > 0 {
            self.extras.push(Extra::EmptyGroup(group as u8));
        }
        let mut before = 0;
        while more {
            let guess = self.dictionaries.key_order.behind(group, before);
            let guessed = known.key(guess).filter(|key| scanner.take(&key.literal));
            let target = if let Some(key) = guessed {
                scanner.skip_space();
                before = guess + 1;
                Some(key.target)
            } else {
                let key = scanner.object_key()?;
                let position = known.position(text.as_bytes().get(key.start..key.end).invariant(WITHIN));
                if let Some(position) = position {
                    self.dictionaries.key_order.learn(group, before, position);
                    before = position + 1;
                } else {
                    let value = scanner.value()?;
                    self.extras.push(Extra::Unknown(group as u8, inner_of(key), inner_of(value)));
                }
                position.and_then(|position| known.key(position)).map(|key| key.target)
            };
            if let Some(target) = target {
                self.target(text, scanner, target)?;
            }
            more = scanner.next_key()?;
        }
        Ok(())
    }

    #[inline(always)]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "columns and groups fit a byte, offsets 32 bits, days of readable times 32 bits"
    )]
    fn target(&mut self, text: &str, scanner: &mut Scanner<'_>, target: Target) -> Result<(), Fault> {
        match target {
            Target::Column(column, Kind::Word) => match self.dictionaries.again(column, scanner) {
                Some(word) => {
                    self.see(1 << column, 0);
                    self.keep_word(column, word);
                    self.values.push(Value { column: column as u8, held: ScannedValue::Word(word) });
                    Ok(())
                }
                None => self.column(text, scanner, column, Kind::Word),
            },
            Target::Column(column, kind) => self.column(text, scanner, column, kind),
            Target::Group(inner) => self.inner_group(text, scanner, inner),
        }
    }

    /// Notes columns and groups that the record has, and whether it had one of them before.
    fn see(&mut self, columns: u128, groups: u32) {
        self.has_duplicates |= self.seen & columns != 0 || self.seen_groups & groups != 0;
        self.seen |= columns;
        self.seen_groups |= groups;
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "columns and groups fit a byte, offsets 32 bits, days of readable times 32 bits"
    )]
    fn inner_group(&mut self, text: &str, scanner: &mut Scanner<'_>, group: usize) -> Result<(), Fault> {
        self.see(0, 1 << group);
        if scanner.peek() == Some(b'{') {
            return match groups().get(group).is_some_and(|known| known.repeats) {
                true => self.repeated_group(text, scanner, group),
                false => self.group(text, scanner, group),
            };
        }
        let span = scanner.value()?;
        let is_null = text.get(span.start..span.end) == Some("null");
        let (start, end) = inner_of(span);
        self.extras.push(if is_null { Extra::NullGroup(group as u8) } else { Extra::Group(group as u8, start, end) });
        Ok(())
    }

    /// Takes an object that most often is one of those before: by comparing it, where it is known.
    fn repeated_group(&mut self, text: &str, scanner: &mut Scanner<'_>, group: usize) -> Result<(), Fault> {
        let begin = scanner.pos;
        let rest = text.as_bytes().get(begin..).invariant(WITHIN);
        let Some(sought) = self.dictionaries.repeats.seek(group, rest) else {
            return self.group(text, scanner, group);
        };
        if let Some((known, bytes)) = self.dictionaries.repeats.find(sought, rest) {
            scanner.pos += bytes;
            self.values.extend_from_slice(&known.values);
            self.extras.extend_from_slice(&known.extras);
            for value in &known.values {
                if let ScannedValue::Word(word) = value.held
                    && let Some(slot) = self.words.get_mut(usize::from(value.column))
                {
                    *slot = word;
                }
            }
            let (columns, groups) = (known.columns, known.groups);
            self.see(columns, groups);
            let principal_id = self.words.get(PRINCIPAL_ID).copied();
            self.dictionaries.took(PRINCIPAL_ID, principal_id.unwrap_or(NONE));
            return Ok(());
        }
        let (values, extras) = (self.values.len(), self.extras.len());
        let before = (std::mem::take(&mut self.seen), std::mem::take(&mut self.seen_groups));
        self.group(text, scanner, group)?;
        let found = (self.seen, self.seen_groups);
        self.see(before.0, before.1);
        if !self.has_duplicates {
            let came_to = (self.values.get(values..).invariant(GROWS), self.extras.get(extras..).invariant(GROWS));
            let taken = text.as_bytes().get(begin..scanner.pos).invariant(WITHIN);
            self.dictionaries.repeats.learn(sought, taken, came_to, found);
        }
        Ok(())
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "columns and groups fit a byte, offsets 32 bits, days of readable times 32 bits"
    )]
    fn column(&mut self, text: &str, scanner: &mut Scanner<'_>, column: usize, kind: Kind) -> Result<(), Fault> {
        self.see(1 << column, 0);
        if kind == Kind::Resources
            && let Some((start, end)) = resource_list::take(text, scanner)
        {
            self.keep_text(column, ScannedValue::Text(at(start), at(end)), end - start);
            return Ok(());
        }
        let span = scanner.value()?;
        let (start, end) = inner_of(span);
        let raw = text.get(span.start..span.end).invariant(WITHIN);
        if raw == "null" {
            self.extras.push(Extra::NullColumn(column as u8));
            return Ok(());
        }
        let (held, is_canonical) = self.hold(column, kind, raw, (start, end), span.marked);
        match held {
            Some(held @ (ScannedValue::Text(start, end) | ScannedValue::Marked(start, end))) => {
                self.keep_text(column, held, (end - start) as usize);
            }
            held => self.values.extend(held.map(|held| Value { column: column as u8, held })),
        }
        if !is_canonical {
            self.extras.push(Extra::Column(column as u8, start, end));
        }
        Ok(())
    }

    #[expect(clippy::cast_possible_truncation, reason = "columns fit a byte")]
    fn keep_text(&mut self, column: usize, held: ScannedValue, bytes: usize) {
        self.values.push(Value { column: column as u8, held });
        if let Some(sum) = self.text_bytes.get_mut(column) {
            *sum += bytes;
            self.record_text_bytes += bytes;
        }
    }

    /// How a column holds a JSON text, and whether it gives back exactly this (white space apart).
    #[inline]
    fn hold(
        &mut self,
        column: usize,
        kind: Kind,
        raw: &str,
        (start, end): (u32, u32),
        is_marked: bool,
    ) -> (Option<ScannedValue>, bool) {
        let string = string_of(raw);
        match (kind, string) {
            (Kind::Word, Some(inner)) if is_marked => {
                let (word, is_exact) = unescape(inner);
                let word = self.dictionaries.number(&word);
                self.keep_word(column, word);
                (Some(ScannedValue::Word(word)), is_exact)
            }
            (Kind::Word, Some(inner)) => {
                let word = self.dictionaries.plain_number(column, inner);
                self.keep_word(column, word);
                (Some(ScannedValue::Word(word)), true)
            }
            (Kind::Text, Some(inner)) => {
                let place = (start + 1, end - 1);
                if column == EVENT_ID {
                    self.event_id = Some(place);
                }
                (Some(ScannedValue::place(place, is_marked)), !is_marked || unescape(inner).1)
            }
            (Kind::Time, Some(inner)) => {
                let parsed = if is_marked {
                    parse_time(&unescape(inner).0).map(|(time_us, _)| (time_us, false))
                } else {
                    parse_time(inner)
                };
                if let (EVENT_TIME, Some((time_us, _))) = (column, parsed) {
                    self.event_time_us = Some(time_us);
                }
                (
                    parsed.map(|(time_us, _)| ScannedValue::time(time_us)),
                    parsed.is_some_and(|(_, is_canonical)| is_canonical),
                )
            }
            (Kind::Time, None) => {
                let time = epoch_time(raw);
                if column == EVENT_TIME {
                    self.event_time_us = time;
                }
                (time.map(ScannedValue::time), false)
            }
            (Kind::Bool | Kind::BoolText, _) => {
                let truth = match string.unwrap_or(raw) {
                    "true" => Some(ScannedValue::Bool(true)),
                    "false" => Some(ScannedValue::Bool(false)),
                    _ => None,
                };
                (truth, truth.is_some() && string.is_some() == (kind == Kind::BoolText))
            }
            (Kind::Json, _) => (Some(ScannedValue::place((start, end), is_marked)), true),
            // Not as the column gives it back: else it was taken before.
            (Kind::Resources, _) => (Some(ScannedValue::place((start, end), is_marked)), false),
            _ => (None, false),
        }
    }

    fn keep_word(&mut self, column: usize, word: u32) {
        if let Some(slot) = self.words.get_mut(column) {
            *slot = word;
        }
    }
}

/// Where a record without `eventTime` may have its time.
const TIME_BESIDE: &str = "@timestamp";

/// A hash that nobody outside this process can foresee.
fn fingerprint(source: &str) -> u64 {
    static STATE: LazyLock<foldhash::quality::RandomState> = LazyLock::new(Default::default);
    STATE.hash_one(source.as_bytes())
}

fn string_of(raw: &str) -> Option<&str> {
    raw.strip_prefix('"')?.strip_suffix('"')
}
