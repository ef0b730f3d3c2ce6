//! Events put together, and what is refused on the way.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::blanks::json_of;
use super::cells;
use super::form::Content;
use super::known::FORMS;
use super::normal::{Normal, RefusedElement};
use super::notification;
use super::object::Object;
use super::second;
use crate::archive::error::FormError;

/// Wrappings that lie in one another at the most.
const DEPTH_MAX: usize = 8;

/// What stands before the first event, and before each other.
const BEGIN: &[u8] = b"{\"Records\":[";
const BETWEEN: &[u8] = b",\n";

/// Objects and lists within each other that the record parser follows.
const NESTED_MAX: usize = crate::scan::DEPTH_MAX as usize;

/// Refused elements of an object that are kept one by one.
const REFUSED_MAX: usize = 10_000;

/// A JSON value, and where it stands in the object.
#[derive(Clone, Copy)]
pub(super) struct Value<'a> {
    pub text: &'a str,
    pub offset: usize,
    /// Whether it is a piece of the object's own text, so that a piece of it has a place as well.
    is_own: bool,
}

impl<'a> Value<'a> {
    /// A piece of the object's text.
    pub fn within(whole: &'a str, text: &'a str) -> Value<'a> {
        Value { text, offset: offset_in(whole, text), is_own: true }
    }

    /// The same, where the text begins at an offset of the object.
    pub fn at(text: &'a str, offset: usize) -> Value<'a> {
        Value { text, offset, is_own: true }
    }

    /// A text made of what stands at an offset.
    pub fn made(text: &'a str, offset: usize) -> Value<'a> {
        Value { text, offset, is_own: false }
    }

    fn part<'b>(&self, text: &'b str) -> Value<'b> {
        let offset = if self.is_own { self.offset + offset_in(self.text, text) } else { self.offset };
        Value { text, offset, is_own: self.is_own }
    }
}

/// Where a piece of a text lies in it.
fn offset_in(whole: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize).min(whole.len())
}

/// What was found so far.
#[derive(Default)]
pub(super) struct Events {
    json: Vec<u8>,
    places: Vec<(u64, u64)>,
    refused: Vec<RefusedElement>,
    /// The first that was one too many, and how many came behind it.
    more: Option<RefusedElement>,
    more_count: u64,
    /// What the first that is a known other log is, and how many there are of such.
    other: Option<&'static str>,
    others: u64,
}

impl Events {
    /// Adds the events of one JSON value.
    pub fn add(&mut self, value: Value<'_>, depth: usize) {
        if depth > DEPTH_MAX {
            return self.refuse(value.offset, format!("foreign: more than {DEPTH_MAX} wrappings"));
        }
        match value.text.as_bytes().first() {
            Some(b'[') => self.add_list(value, depth),
            Some(b'{') => self.add_object(value, depth),
            Some(b'"') => self.add_string(value, depth),
            _ => self.refuse(value.offset, FOREIGN),
        }
    }

    fn add_string(&mut self, value: Value<'_>, depth: usize) {
        let Ok(Text(text)) = serde_json::from_str(value.text) else {
            return self.refuse(value.offset, "foreign: a string that can't be read");
        };
        let inner: Result<&RawValue, serde_json::Error> = serde_json::from_str(json_of(&text));
        match inner {
            // One event a string, whatever is in it: a string of a string is no form that anybody writes.
            Ok(inner) if inner.get().starts_with(['{', '[']) => {
                self.add(Value::made(inner.get(), value.offset), depth + 1);
            }
            Ok(_) => self.refuse(value.offset, FOREIGN),
            Err(error) => self.refuse(value.offset, format!("foreign: a string that holds no JSON ({error})")),
        }
    }

    fn add_object(&mut self, value: Value<'_>, depth: usize) {
        let object = match Object::parse(value.text) {
            Ok(object) => object,
            Err(error) => return self.refuse(value.offset, error.to_string()),
        };
        let content = FORMS.iter().find_map(|form| (form.read)(&object));
        let taken = match content {
            Some(Content::Inside(inner) | Content::Events(inner)) => Some(inner),
            Some(Content::Nothing | Content::Other(_)) => None,
            _ => return self.add_content(value, content, depth),
        };
        let begin = self.json.len();
        self.add_content(value, content, depth);
        let events_of = |member: &RawValue| {
            let mut events = Events::default();
            events.add(Value::within(member.get(), member.get()), depth + 1);
            events.elements_from(0).to_vec()
        };
        for rest in second::payloads(&object, taken, self.elements_from(begin), &events_of) {
            self.refuse(value.part(rest.get()).offset, second::REASON);
        }
    }

    fn add_content(&mut self, value: Value<'_>, content: Option<Content<'_>>, depth: usize) {
        match content {
            Some(Content::Event) => self.push(value.text, value.offset),
            Some(Content::Written(event)) => self.push(&event, value.offset),
            Some(Content::Inside(inner)) => self.add(value.part(inner.get()), depth + 1),
            Some(Content::Events(list)) => match serde_json::from_str::<Vec<&RawValue>>(list.get()) {
                Ok(events) => events.iter().for_each(|event| {
                    let event = value.part(event.get());
                    match notification::may_be(event.text.trim_start_matches('{').as_bytes()) {
                        true => self.add(event, depth + 1),
                        false => self.push(event.text, event.offset),
                    }
                }),
                Err(error) => self.refuse(value.offset, error.to_string()),
            },
            Some(Content::Nothing) => {}
            Some(Content::Other(kind)) => self.refuse_other(value.offset, kind),
            Some(Content::Foreign(reason)) => self.refuse(value.offset, reason),
            None => self.refuse(value.offset, FOREIGN),
        }
    }

    fn add_list(&mut self, value: Value<'_>, depth: usize) {
        let elements = match serde_json::from_str::<Vec<&RawValue>>(value.text) {
            Ok(elements) => elements,
            Err(error) => return self.refuse(value.offset, error.to_string()),
        };
        match cells::row(&elements) {
            Some(Ok(json)) => self.add(Value::made(&json, value.offset), depth + 1),
            Some(Err(reason)) => self.refuse(value.offset, reason),
            None => elements.iter().for_each(|element| self.add(value.part(element.get()), depth + 1)),
        }
    }

    /// Adds an event, unless it is nested too deep for the record parser.
    fn push(&mut self, event: &str, offset: usize) {
        if is_too_deep(event) {
            return self.refuse(offset, "nested too deeply");
        }
        self.json.extend_from_slice(if self.json.is_empty() { BEGIN } else { BETWEEN });
        self.json.extend_from_slice(event.as_bytes());
        self.places.push((self.count(), offset as u64));
    }

    /// Refuses an element. Of very many the first stands for all that follow.
    pub fn refuse(&mut self, offset: usize, reason: impl Into<String>) {
        let refused = RefusedElement { index: self.count(), offset_bytes: offset as u64, reason: reason.into() };
        if self.refused.len() < REFUSED_MAX {
            self.refused.push(refused);
        } else if self.more.is_none() {
            self.more = Some(refused);
        } else {
            self.more_count += 1;
        }
    }

    /// Refuses an element that is none of CloudTrail's, but known.
    fn refuse_other(&mut self, offset: usize, kind: &'static str) {
        self.others += 1;
        self.other.get_or_insert(kind);
        self.refuse(offset, format!("foreign: {kind}, which hold no CloudTrail events"));
    }

    /// What all of it is, where that is a known other log and nothing else.
    pub fn other(kind: &'static str) -> Events {
        let mut events = Events::default();
        events.refuse_other(0, kind);
        events
    }

    /// Elements so far.
    fn count(&self) -> u64 {
        (self.places.len() + self.refused.len()) as u64 + u64::from(self.more.is_some()) + self.more_count
    }

    /// Whether nothing but events was found, and at least one.
    pub fn is_clean(&self) -> bool {
        !self.places.is_empty() && self.refused.is_empty()
    }

    /// How many events were found.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// The events that were added when the JSON was so long or later, as a list's elements.
    fn elements_from(&self, begin: usize) -> &[u8] {
        let json = self.json.get(begin..).unwrap_or_default();
        json.strip_prefix(BEGIN).or_else(|| json.strip_prefix(BETWEEN)).unwrap_or(json)
    }

    /// Why the first that was refused was.
    pub fn first_refused(&self) -> Option<&str> {
        self.refused.first().map(|element| element.reason.as_str())
    }

    /// All of them; an error where everything was refused.
    pub fn finish(mut self) -> Result<Normal, FormError> {
        if let (true, Some(first)) = (self.places.is_empty(), self.refused.first()) {
            let other = self.other.filter(|_| self.others == self.count());
            return Err(FormError { offset_bytes: first.offset_bytes, reason: first.reason.clone(), other });
        }
        if self.json.is_empty() {
            self.json.extend_from_slice(BEGIN);
        }
        if let Some(more) = self.more {
            self.refused
                .push(RefusedElement { reason: format!("{} (and {} more)", more.reason, self.more_count), ..more });
        }
        self.json.extend_from_slice(b"]}");
        Ok(Normal { json: self.json, places: Some(self.places), refused: self.refused })
    }
}

const FOREIGN: &str = "foreign: JSON, but no CloudTrail event";

/// Whether brackets lie deeper in one another than is followed. Those in strings are told apart.
fn is_too_deep(json: &str) -> bool {
    // Cheap for nearly all: fewer brackets than levels.
    if memchr::memchr2_iter(b'{', b'[', json.as_bytes()).nth(NESTED_MAX).is_none() {
        return false;
    }
    let (mut depth, mut is_string, mut is_escaped) = (0_usize, false, false);
    for byte in json.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_string => is_escaped = true,
            b'"' => is_string = !is_string,
            b'{' | b'[' if !is_string => depth += 1,
            b'}' | b']' if !is_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > NESTED_MAX {
            return true;
        }
    }
    false
}

/// A JSON string, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
