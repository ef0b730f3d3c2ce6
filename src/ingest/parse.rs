//! Parsing the inflated bytes of an object, as far as they are sound.

use crate::archive::{self, Gap, Normal, ReadError, ReadFault, RefusedElement};
use crate::record::{self, Dictionaries, ParsedObject, Redacted};

/// What was parsed of an object.
pub(super) struct Parsed {
    pub object: ParsedObject,
    pub places: Option<Vec<(u64, u64)>>,
    pub redacted: Redacted,
    pub refused: Vec<RefusedElement>,
    /// Positions of those of them that bytes are missing of.
    pub gaps: Vec<u64>,
    pub json_bytes: u64,
}

impl Parsed {
    /// Notes where bytes are missing. What was cut there is refused for that reason; where it is between two elements
    /// the missing ones are an element themselves.
    fn note(&mut self, gap: Gap) {
        let places = self.places.as_deref().unwrap_or_default();
        let last = places.iter().map(|(_, offset)| *offset).filter(|offset| *offset < gap.offset_bytes).max();
        let is_cut = |element: &&mut RefusedElement| {
            element.offset_bytes < gap.offset_bytes && last.is_none_or(|last| element.offset_bytes > last)
        };
        if let Some(cut) = self.refused.iter_mut().rfind(is_cut) {
            cut.reason = gap.reason;
            self.gaps.push(cut.index);
            return;
        }
        let index = (self.object.records().len() + self.object.broken().len() + self.refused.len()) as u64;
        self.refused.push(RefusedElement { index, offset_bytes: gap.offset_bytes, reason: gap.reason });
        self.gaps.push(index);
    }
}

/// Why nothing is taken of an object.
pub(super) struct Unread {
    pub reason: String,
    pub offset_bytes: Option<u64>,
    /// What it is, where it is a known log of another kind.
    pub other: Option<&'static str>,
}

impl Unread {
    pub fn new(reason: String, offset_bytes: u64) -> Unread {
        Unread { reason, offset_bytes: Some(offset_bytes), other: None }
    }
}

impl From<&ReadError> for Unread {
    fn from(error: &ReadError) -> Unread {
        let other = if let ReadFault::Other(kind) = error.fault { Some(kind) } else { None };
        Unread { reason: error.reason(), offset_bytes: error.offset_bytes(), other }
    }
}

/// Parses inflated bytes, some of which may be missing.
pub(super) fn parse_bytes(
    bytes: Vec<u8>,
    gaps: Vec<Gap>,
    redact: bool,
    dictionaries: &mut Dictionaries,
) -> Result<Parsed, Unread> {
    let parsed = parse_sound(bytes, redact, dictionaries);
    let mut parsed = match gaps.first() {
        // Where nothing can be taken, that is why.
        Some(gap) => parsed.map_err(|_| Unread::new(gap.reason.clone(), gap.offset_bytes))?,
        None => parsed?,
    };
    gaps.into_iter().for_each(|gap| parsed.note(gap));
    Ok(parsed)
}

/// Parses inflated bytes; piece by piece, where they are not sound as a whole, or hold more than one list of records.
fn parse_sound(bytes: Vec<u8>, redact: bool, dictionaries: &mut Dictionaries) -> Result<Parsed, Unread> {
    let normal = archive::normalise(bytes)
        .map_err(|error| Unread { other: error.other, ..Unread::new(error.reason, error.offset_bytes) })?;
    let json_bytes = normal.json.len() as u64;
    let Normal { mut json, places, refused } = normal;
    let redacted = if redact { record::redact(&mut json) } else { Redacted::default() };
    let (error, json) = match ParsedObject::parse_or_return(json, dictionaries) {
        Ok(object) if places.is_some() || !object.has_beside() => {
            return Ok(Parsed { object, places, redacted, refused, gaps: Vec::new(), json_bytes });
        }
        Ok(object) => {
            let json = object.into_bytes();
            if let Ok(normal) = archive::examine(&json)
                && !normal.refused.is_empty()
            {
                return parse_pieces(normal, &redacted, redact, json_bytes, dictionaries)
                    .ok_or_else(|| Unread::new("what stands beside the records makes no sense".to_owned(), 0));
            }
            // All that stands beside the list is in it as well, or is no event.
            let object = ParsedObject::parse(json, dictionaries)
                .map_err(|error| Unread::new(error.reason.to_owned(), error.offset as u64))?;
            return Ok(Parsed { object, places, redacted, refused, gaps: Vec::new(), json_bytes });
        }
        Err(refused) => refused,
    };
    let error = Unread::new(error.reason.to_owned(), redacted.original(error.offset as u64));
    if places.is_some() {
        return Err(error);
    }
    let Ok(normal) = archive::salvage(&json) else { return Err(error) };
    drop(json);
    parse_pieces(normal, &redacted, redact, json_bytes, dictionaries).ok_or(error)
}

/// Parses what was told piece by piece of bytes in which secrets were masked.
fn parse_pieces(
    Normal { json: mut sound, mut places, mut refused }: Normal,
    redacted: &Redacted,
    redact: bool,
    json_bytes: u64,
    dictionaries: &mut Dictionaries,
) -> Option<Parsed> {
    places.iter_mut().flatten().for_each(|(_, offset)| *offset = redacted.original(*offset));
    refused.iter_mut().for_each(|element| element.offset_bytes = redacted.original(element.offset_bytes));
    if redact {
        // Brackets that are unsound may have hidden some.
        record::redact(&mut sound);
    }
    let object = ParsedObject::parse(sound, dictionaries).ok()?;
    Some(Parsed { object, places, redacted: Redacted::default(), refused, gaps: Vec::new(), json_bytes })
}

/// The keys of the events in inflated bytes; `None` where not all of them can be read.
pub(super) fn keys_in(bytes: Vec<u8>, redact: bool, dictionaries: &mut Dictionaries) -> Option<Vec<u128>> {
    let parsed = parse_sound(bytes, redact, dictionaries).ok()?;
    Some(parsed.object.records().iter().map(|record| record.event_key).collect())
}
