//! ARNs in what a call gave back, of which the request gave the names.

use std::cell::OnceCell;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::flat::Flat;
use super::form::Form;
use super::params::{Document, is_like_arn};

/// An ARN that a response gave back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Given<'r> {
    /// What was given of it.
    pub arn: &'r str,
    /// Whether a number of the service's own stands behind.
    pub is_numbered: bool,
}

/// What a call gave back: nothing but ARNs is looked for in it. Read when it is first looked at.
#[derive(Debug)]
pub(super) struct Response<'a> {
    source: &'a str,
    flat: OnceCell<Flat>,
}

/// Whether there is anything to look for in what a call gave back.
pub(super) fn holds_arn(response: &str) -> bool {
    static ARN: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("arn:"));
    ARN.find(response.as_bytes()).is_some()
}

impl<'a> Response<'a> {
    pub fn new(text: Option<&'a str>) -> Response<'a> {
        Response { source: text.unwrap_or_default(), flat: OnceCell::new() }
    }

    fn flat(&self) -> &Flat {
        self.flat.get_or_init(|| {
            let mut flat = Flat::default();
            if holds_arn(self.source) {
                flat.read(self.source);
            }
            flat
        })
    }

    /// As [`Params::given_back`].
    pub fn given_by<'r>(&'r self, request: Document<'r>, form: &'r Form) -> impl Iterator<Item = Given<'r>> {
        let flat = self.flat();
        let document = flat.has_arn.then_some(Document { source: self.source, flat });
        let entries = document.into_iter().flat_map(Document::entries);
        // SageMaker writes names in lower case.
        let is_named = move |name: &str| request.entries().any(|entry| entry.text.eq_ignore_ascii_case(name));
        let given = move |arn: &'r str| {
            let (front, last) = arn.rsplit_once(['/', ':'])?;
            if is_named(last) {
                return Some(Given { arn, is_numbered: false });
            }
            // `function:f:3` is a version of `function:f`, not what was asked for.
            if arn.as_bytes().get(front.len()) != Some(&b'/') && form.variables.len() < 2 {
                return None;
            }
            // Within the resource alone: an account is no name.
            let (_, name) = front.splitn(6, ':').nth(5)?.rsplit_once(['/', ':'])?;
            let arn = arn.get(..front.len() + 1)?;
            is_named(name).then_some(Given { arn, is_numbered: true })
        };
        entries.map(|entry| entry.text).filter(|text| is_like_arn(text) && form.fits(text)).filter_map(given)
    }
}
