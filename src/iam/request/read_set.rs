//! What the rules look at in requests of one operation.
//!
//! The resolver remembers what requests came to. Two requests come to the same if they agree in all that a rule has
//! looked at; what a rule never looked at (tokens, filters, page sizes) may differ. So every look is noted, and what is
//! noted is put into the key under which an outcome is remembered. A look that was never made before makes a read_set
//! grow: then keys are made anew.

use std::ops::Range;

use crate::iam::arn::arn_format::{ArnFormat, ArnParts};
use crate::iam::arn::{escaped, is_like_arn, is_role_arn};
use crate::iam::request::document::{Document, Entry, speaks_of_kms_key};
use crate::iam::request::name::{Name, NameSet, Ranked};
use crate::iam::request::record_context::RecordContext;
use crate::iam::request::response::Response;
use crate::iam::request::tag_parameters::carriers;

/// What was looked at.
#[derive(Debug, Default)]
pub(in crate::iam) struct ReadSet {
    /// Names whose texts were looked for.
    names: NameSet,
    /// Lists of such names that were noted already.
    lists: NameSet,
    /// Top-level keys of which it was asked whether they hold something.
    held: Vec<Name>,
    /// Top-level keys whose values were read.
    values: Vec<Name>,
    /// Forms of the ARNs looked for in the parameters.
    arns: Vec<ArnFormat>,
    /// All texts of the parameters.
    all: bool,
    role_arns: bool,
    kms_keys: bool,
    /// What holds tags.
    tags: bool,
    /// Instance profiles.
    profiles: bool,
    /// The record's own list.
    listed: bool,
    /// Who calls.
    caller: bool,
    /// Forms of the ARNs looked for in the response.
    given_back: Vec<ArnFormat>,
    /// Forms of the ARNs in the response that were read whatever the request names.
    answered_arns: Vec<ArnFormat>,
    /// Keys whose texts were looked for in the response.
    answered: Vec<&'static str>,
    /// How an object is encrypted, which S3 says beside the call.
    encryption: bool,
    has_grown: bool,
}

/// A look at a request.
#[derive(Clone, Copy, Debug)]
pub(in crate::iam) enum Look<'l> {
    /// Whether a top-level key holds something.
    Held(Name),
    /// The value of a top-level key.
    Value(Name),
    /// Texts under a name.
    Name(Name),
    /// Texts under one of several names.
    Names(&'l Ranked),
    /// ARNs of a format in the parameters.
    Arns(&'l ArnFormat),
    /// All texts of the parameters.
    All,
    RoleArns,
    KmsKeys,
    Tags,
    Profiles,
    /// The record's own list.
    Listed,
    Caller,
    /// ARNs of a format in the response whose names the request gave.
    GivenBack(&'l ArnFormat),
    /// ARNs of a format in the response.
    AnsweredArns(&'l ArnFormat),
    /// Texts under a key of the response.
    Answered(&'static str),
    /// How an object is encrypted.
    Encryption,
}

impl ReadSet {
    /// Notes a look.
    pub fn note(&mut self, look: Look<'_>) {
        self.has_grown |= match look {
            Look::Held(name) => note(&mut self.held, &name),
            Look::Value(name) => note(&mut self.values, &name),
            Look::Name(name) => self.names.insert(name),
            Look::Names(list) => {
                // Multiplied by an odd number an id stays one of its own, and its low bits, by which it is found,
                // differ.
                let hash = list.id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                let is_new = list.id != 0 && self.lists.insert(Name { hash });
                is_new && list.names.iter().fold(false, |has_grown, name| self.names.insert(*name) | has_grown)
            }
            Look::Arns(format) => note_format(&mut self.arns, format),
            Look::All => !std::mem::replace(&mut self.all, true),
            Look::RoleArns => !std::mem::replace(&mut self.role_arns, true),
            Look::KmsKeys => !std::mem::replace(&mut self.kms_keys, true),
            Look::Tags => !std::mem::replace(&mut self.tags, true),
            Look::Profiles => !std::mem::replace(&mut self.profiles, true),
            Look::Listed => !std::mem::replace(&mut self.listed, true),
            Look::Caller => !std::mem::replace(&mut self.caller, true),
            Look::GivenBack(format) => note_format(&mut self.given_back, format),
            Look::AnsweredArns(format) => note_format(&mut self.answered_arns, format),
            Look::Answered(key) => note(&mut self.answered, &key),
            Look::Encryption => !std::mem::replace(&mut self.encryption, true),
        };
    }

    /// Whether something was noted since it was last asked.
    pub fn take_growth(&mut self) -> bool {
        std::mem::take(&mut self.has_grown)
    }

    /// Adds all that was looked at to a key: read sets that add the same describe a request alike.
    pub fn put_itself(&self, key: &mut Vec<u8>) {
        let mut names: Vec<u64> = self.names.places.iter().copied().filter(|hash| *hash != 0).collect();
        names.sort_unstable();
        let hashes = |names: &[Name]| names.iter().map(|name| name.hash).collect();
        let ids = |formats: &[ArnFormat]| formats.iter().map(|format| format.id).collect();
        let [arns, given_back, answered] = [&self.arns, &self.given_back, &self.answered_arns].map(|forms| ids(forms));
        let lists: [Vec<u64>; 6] = [names, hashes(&self.held), hashes(&self.values), arns, given_back, answered];
        for list in lists {
            key.extend(list.len().to_le_bytes());
            list.iter().for_each(|number| key.extend(number.to_le_bytes()));
        }
        let in_parameters = [self.all, self.role_arns, self.kms_keys, self.tags, self.profiles];
        let beside = [self.listed, self.caller, self.encryption];
        key.extend(in_parameters.into_iter().chain(beside).map(u8::from));
        self.answered.iter().for_each(|name| put(key, name));
    }

    /// Whether it matters what the request's parameters are.
    pub fn sees_parameters(&self) -> bool {
        self.all
            || !self.arns.is_empty()
            || self.role_arns
            || self.kms_keys
            || self.tags
            || self.profiles
            || !self.names.is_empty()
            || !self.held.is_empty()
            || !self.values.is_empty()
            || !self.given_back.is_empty()
    }

    /// Whether it matters what a call gave back, and this may be it.
    pub fn sees_response(&self, response: &Response<'_>) -> bool {
        let has_forms = !self.given_back.is_empty() || !self.answered_arns.is_empty();
        has_forms && response.has_arns() || self.answered.iter().any(|key| response.may_have(key))
    }

    /// Whether it matters what a text is, whatever it is, by the key that it stands under.
    pub fn sees_key(&self, entry: &Entry<'_>) -> bool {
        self.all || self.names.contains(entry.name) || self.kms_keys && speaks_of_kms_key(entry.key)
    }

    /// Whether it matters what a text is, whatever it stands under, because it is an ARN.
    pub fn sees_arn(&self, text: &str) -> bool {
        is_like_arn(text) && (self.role_arns && is_role_arn(text) || fits_one(&self.arns, &escaped(text)))
    }

    /// Where the values stand that are read as they are.
    pub fn values_in(&self, request: Document<'_>) -> impl Iterator<Item = Range<usize>> {
        let values = self.values.iter().filter_map(move |name| request.value_place(*name));
        let profiles = self.profiles.then(|| request.profile_places());
        values.chain(profiles.into_iter().flatten())
    }

    /// Adds to a key what is seen beside parameters and response.
    pub fn put_others(&self, others: RecordContext<'_>, key: &mut Vec<u8>) {
        if self.caller {
            put_optional(key, others.caller);
        }
        if self.listed {
            for resource in others.listed {
                put_optional(key, resource.arn);
                put_optional(key, resource.arn_prefix);
            }
        }
        if self.encryption {
            put_optional(key, others.encryption());
        }
    }

    /// Adds to a key all that it sees; requests of which it sees the same add the same, all others something else.
    #[expect(clippy::cast_possible_truncation, reason = "texts are nested less than 256 deep")]
    pub fn describe(
        &self,
        request: Document<'_>,
        response: &Response<'_>,
        others: RecordContext<'_>,
        key: &mut Vec<u8>,
    ) {
        for entry in request.entries().filter(|entry| self.sees(entry)) {
            key.push(entry.depth as u8);
            put(key, entry.key);
            put(key, entry.text);
        }
        key.push(END);
        key.extend(self.held.iter().map(|name| u8::from(request.holds(*name))));
        for name in &self.values {
            put_optional(key, request.value(*name));
        }
        if self.profiles {
            for (name, value) in request.profile_values() {
                put(key, name);
                put(key, value);
            }
            key.push(END);
        }
        if self.tags {
            for carrier in carriers(request) {
                key.push(carrier.depth);
                key.extend(carrier.within.hash.to_le_bytes());
                key.extend(carrier.name.hash.to_le_bytes());
            }
            key.push(END);
        }
        self.put_given(response, |name| request.has_text(name), key);
        self.put_others(others, key);
    }

    /// Adds to a key what is seen of a response to a request whose texts are those that `is_named` knows.
    pub fn put_given(&self, response: &Response<'_>, is_named: impl Fn(&str) -> bool, key: &mut Vec<u8>) {
        let is_looked_at = self.sees_response(response);
        key.push(u8::from(is_looked_at));
        for form in self.given_back.iter().filter(|_| is_looked_at) {
            response.given_by(&is_named, form).for_each(|given| {
                put_optional(key, Some(given.arn));
                key.push(u8::from(given.is_numbered));
            });
            put_optional(key, None);
        }
        for form in self.answered_arns.iter().filter(|_| is_looked_at) {
            response.of_form(form).for_each(|arn| put_optional(key, Some(arn)));
            put_optional(key, None);
        }
        for name in self.answered.iter().filter(|_| is_looked_at) {
            response.texts(name).iter().for_each(|text| put_optional(key, Some(text)));
            put_optional(key, None);
        }
    }

    fn sees(&self, entry: &Entry<'_>) -> bool {
        self.sees_key(entry) || self.sees_arn(entry.text)
    }
}

fn fits_one(formats: &[ArnFormat], arn: &str) -> bool {
    ArnParts::new(arn).is_some_and(|arn| formats.iter().any(|format| format.fits_parted(&arn)))
}

/// No depth.
const END: u8 = u8::MAX;

/// Adds a text so that it cannot run into the next.
#[expect(clippy::cast_possible_truncation, reason = "records are below 4 GiB")]
pub(in crate::iam) fn put(key: &mut Vec<u8>, text: &str) {
    key.extend_from_slice(&(text.len() as u32).to_le_bytes());
    key.extend_from_slice(text.as_bytes());
}

pub(in crate::iam) fn put_optional(key: &mut Vec<u8>, text: Option<&str>) {
    key.push(u8::from(text.is_some()));
    if let Some(text) = text {
        put(key, text);
    }
}

/// Whether it is new.
fn note<T: PartialEq + Clone>(noted: &mut Vec<T>, one: &T) -> bool {
    let is_new = !noted.contains(one);
    if is_new {
        noted.push(one.clone());
    }
    is_new
}

fn note_format(noted: &mut Vec<ArnFormat>, format: &ArnFormat) -> bool {
    let is_new = !noted.iter().any(|known| known.id == format.id);
    if is_new {
        noted.push(format.clone());
    }
    is_new
}
