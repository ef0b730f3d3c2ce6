//! What a request and its response say, and what of it was read.

pub mod document;
pub mod json_tape;
pub mod name;
pub mod params;
pub mod read_set;
pub mod record_context;
pub mod response;
pub mod tag_parameters;

use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};

use crate::iam::arn::arn_format::{ArnFormat, ParsedArn};
use crate::iam::arn::{Arn, NO_NAME, RegionAccount, escape, escaped};
use document::{Document, Entry};
use name::Name;
use params::Params;
use read_set::{Look, ReadSet};
use record_context::{Listed, RecordContext};
use response::Response;

/// Entries of a record's own list that are looked at.
const LISTED_MAX: usize = 100;

/// Where a request was made and what it said. Whatever rules are to look at must be noted in the read_set, or stand in
/// every key of the resolver's cache, as the place does.
pub(in crate::iam) struct Request<'a> {
    pub event: RegionAccount<'a>,
    pub parameters: Params<'a>,
    pub response: &'a Response<'a>,
    /// Whether the call failed. What it told for a name, if that is none, was no optional parameter that AWS leaves aside.
    pub has_failed: bool,
    others: RecordContext<'a>,
    /// Those of the list that are ARNs.
    listed_arns: OnceCell<Vec<ParsedArn<'a>>>,
    /// Those in the parameters.
    named_arns: OnceCell<Vec<(Entry<'a>, ParsedArn<'a>)>>,
    read_set: &'a RefCell<ReadSet>,
}

impl<'a> Request<'a> {
    pub fn new(
        event: RegionAccount<'a>,
        parameters: Document<'a>,
        response: &'a Response<'a>,
        others: RecordContext<'a>,
        read_set: &'a RefCell<ReadSet>,
    ) -> Request<'a> {
        Request {
            event,
            parameters: Params::new(parameters, read_set),
            response,
            has_failed: false,
            others,
            listed_arns: OnceCell::new(),
            named_arns: OnceCell::new(),
            read_set,
        }
    }

    /// The same of a call that failed.
    pub fn failed(self, has_failed: bool) -> Request<'a> {
        Request { has_failed, ..self }
    }

    /// A top-level text as the name of one thing in an ARN, escaped; `*` where the request tells none. What is told and is
    /// no name is nobody's, if the call failed.
    pub fn name_or_any(&self, parameter: &str) -> String {
        match self.parameters.plain_name(parameter) {
            Some(name) => escape(name),
            None if self.has_failed && self.parameters.tells(Name::new(parameter)) => NO_NAME.to_owned(),
            None => "*".to_owned(),
        }
    }

    /// The calling user's ARN, escaped.
    pub fn calling_user(&self) -> Option<String> {
        self.read_set.borrow_mut().note(Look::Caller);
        let is_user = |arn: Arn<'_>| arn.service == "iam" && arn.resource.starts_with("user/");
        self.others.caller.filter(|arn| Arn::parse(arn).is_some_and(is_user)).map(escape)
    }

    /// The texts that the response has under a key, which is spelled as the service spells it.
    pub fn answered(&self, key: &'static str) -> Vec<String> {
        self.read_set.borrow_mut().note(Look::Answered(key));
        self.response.texts(key)
    }

    /// The ARNs of a form that the response has.
    pub fn answered_arns<'r>(&'r self, form: &'r ArnFormat) -> impl Iterator<Item = &'r str> {
        self.read_set.borrow_mut().note(Look::AnsweredArns(form));
        self.response.of_form(form)
    }

    /// How S3 says that it encrypts the object.
    pub fn encryption(&self) -> Option<&'a str> {
        self.read_set.borrow_mut().note(Look::Encryption);
        self.others.encryption()
    }

    /// ARNs of a form in the record's own list, escaped.
    pub fn listed(&self, form: &ArnFormat) -> Vec<String> {
        self.read_set.borrow_mut().note(Look::Listed);
        let listed = self.listed_arns.get_or_init(|| listed_arns(self.others.listed).map(ParsedArn::new).collect());
        listed.iter().filter(|tried| tried.fits(form)).map(|tried| tried.arn.to_string()).collect()
    }

    /// ARNs of a form in the parameters, each with where it stands.
    pub fn named(&self, form: &ArnFormat) -> impl Iterator<Item = &(Entry<'a>, ParsedArn<'a>)> {
        self.read_set.borrow_mut().note(Look::Arns(form));
        let named = self.named_arns.get_or_init(|| self.parameters.named_arns().collect());
        named.iter().filter(|(_, tried)| tried.fits(form))
    }
}

/// ARNs of a record's own list, escaped.
fn listed_arns(listed: Listed<'_>) -> impl Iterator<Item = Cow<'_, str>> {
    let is_arn = |arn: &&str| Arn::parse(arn).is_some();
    listed.iter().take(LISTED_MAX).flat_map(move |resource| {
        let prefix = resource.arn_prefix.filter(is_arn).map(|prefix| Cow::Owned(format!("{}*", escape(prefix))));
        resource.arn.filter(is_arn).map(escaped).into_iter().chain(prefix)
    })
}
