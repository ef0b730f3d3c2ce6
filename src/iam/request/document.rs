//! A JSON text with the list of the texts in it.

use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::iam::request::json_tape::{JsonTape, Text, Top};
use crate::iam::request::name::{Name, Ranked};

/// Objects and lists within each other that are searched.
pub(in crate::iam) const DEPTH_MAX: u32 = 8;

/// JSON text and the list of the texts in it.
#[derive(Clone, Copy, Debug)]
pub(in crate::iam) struct Document<'a> {
    pub source: &'a str,
    pub flat: &'a JsonTape,
}

/// A text of a document, and the key that it stands under.
#[derive(Clone, Copy, Debug)]
pub(in crate::iam) struct Entry<'a> {
    pub name: Name,
    pub depth: u32,
    pub key: &'a str,
    pub text: &'a str,
}

impl<'a> Document<'a> {
    /// Every text that is searched.
    pub fn entries(self) -> impl Iterator<Item = Entry<'a>> {
        self.flat.texts.iter().filter(|t| t.depth < DEPTH_MAX).map(move |t| self.entry(t))
    }

    /// Every text in order, if it is searched.
    pub fn searched(self) -> impl Iterator<Item = Option<Entry<'a>>> {
        self.flat.texts.iter().map(move |t| (t.depth < DEPTH_MAX).then(|| self.entry(t)))
    }

    fn entry(self, text: &'a Text) -> Entry<'a> {
        Entry {
            name: Name { hash: text.key_hash },
            depth: text.depth,
            key: self.flat.text(self.source, text.key),
            text: self.flat.text(self.source, text.text),
        }
    }

    /// Whether some text is a name, whatever its case: SageMaker writes names in lower case.
    pub fn has_text(self, name: &str) -> bool {
        self.entries().any(|entry| entry.text.eq_ignore_ascii_case(name))
    }

    /// Whether a top-level key is there and holds something.
    pub fn holds(self, name: Name) -> bool {
        self.flat.top.iter().any(|top| top.key_hash == name.hash && !top.is_nothing)
    }

    /// A top-level key: the first of that name, and of those that repeat it to the letter the last, as in a map.
    pub fn top(self, name: Name) -> Option<&'a Top> {
        let mut of_name = self.flat.top.iter().filter(|top| top.key_hash == name.hash);
        let first = of_name.next()?;
        let key = self.flat.text(self.source, first.key);
        Some(of_name.rfind(|top| self.flat.text(self.source, top.key) == key).unwrap_or(first))
    }

    /// JSON of a top-level value.
    pub fn value(self, name: Name) -> Option<&'a str> {
        self.top(name).map(|top| self.flat.text(self.source, top.value))
    }

    /// The top-level keys with the JSON of their values.
    pub fn top_values(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let Document { source, flat } = self;
        flat.top.iter().map(move |top| (flat.text(source, top.key), flat.text(source, top.value)))
    }

    /// The top-level keys that have to do with instance profiles, with the JSON of their values.
    pub fn profile_values(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.profile_tops()
            .map(move |top| (self.flat.text(self.source, top.key), self.flat.text(self.source, top.value)))
    }

    /// Where those values stand.
    pub fn profile_places(self) -> impl Iterator<Item = Range<usize>> {
        self.profile_tops().filter_map(|top| top.value.place())
    }

    fn profile_tops(self) -> impl Iterator<Item = &'a Top> {
        static PROFILE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("nstanceProfile"));
        let Document { source, flat } = self;
        let is_there = move |span| PROFILE.find(flat.text(source, span).as_bytes()).is_some();
        let any = PROFILE.find(source.as_bytes()).is_some();
        flat.top.iter().filter(move |top| any && (is_there(top.key) || is_there(top.value)))
    }

    /// Where a top-level value stands.
    pub fn value_place(self, name: Name) -> Option<Range<usize>> {
        self.top(name)?.value.place()
    }
}

pub(in crate::iam) fn is_searched(text: &Text) -> bool {
    !text.text.is_empty() && text.depth < DEPTH_MAX
}

pub(in crate::iam) fn speaks_of_kms_key(key: &str) -> bool {
    let holds = |word: &[u8]| key.as_bytes().windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
    holds(b"kms") && holds(b"key")
}

/// The first of the names from `from` on that some of the texts stands under.
pub(in crate::iam) fn first_in(ranked: &Ranked, texts: &[Text], from: usize) -> Option<usize> {
    let known = texts.iter().filter(|t| is_searched(t) && ranked.contains(Name { hash: t.key_hash }));
    let ranks = known.filter_map(|t| ranked.names.iter().position(|name| name.hash == t.key_hash));
    ranks.filter(|rank| *rank >= from).min()
}
