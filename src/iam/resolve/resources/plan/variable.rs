//! How a request says a variable of an ARN form: which of its parameters hold it, and what of their text is it.

use crate::iam::arn::arn_format::{ArnFormat, Piece};
use crate::iam::arn::is_like_arn;
use crate::iam::arn::{Arn, NO_NAME, escape};
use crate::iam::request::Request;
use crate::iam::request::name::Name;
use crate::iam::resolve::resources::plan::fallbacks::ParameterFallbacks;
use crate::iam::resolve::resources::plan::parameters::{Copies, VariableParameters};
use crate::iam::resolve::service_rules::{Reading, ValueReader};

/// Where one variable of a type's ARN form is found.
#[derive(Clone, Debug)]
pub(in crate::iam) struct VariablePlan {
    /// Parameters that may hold it.
    pub(super) names: VariableParameters,
    /// Whether one of them is `resourceId`, which may name anything.
    pub is_any_resource: bool,
    /// Forms of ARNs that have it, with its place in them; the type's own first.
    pub(super) cuts: Vec<(ArnFormat, usize)>,
    /// What stands before it in the form, back to the `/` or `:` before; where nothing does, back to the one before
    /// that.
    pub(super) before: String,
    /// What resources of the service's other types begin with.
    pub(super) others: Vec<String>,
    pub(super) reading: HowToRead,
    pub(super) slash: Slash,
    /// Whether a value may hold a colon.
    pub(super) has_colon: bool,
    /// Whether the request's `path` stands before the name of what it makes.
    pub(super) has_path: bool,
    /// Whether services count it, so that no request tells it.
    pub is_counted: bool,
    /// Whether it is the id of an organization, of which an account is in one only and which calls don't say, or the
    /// number of a version, which is another one the next time.
    pub(super) is_never_answered: bool,
    /// Parameters that may be left out, and what is meant then.
    pub(super) left_out: Option<(Vec<Name>, &'static str)>,
    pub(super) fallbacks: ParameterFallbacks,
}

/// What of a parameter's text is the value.
#[derive(Clone, Copy, Debug)]
pub(super) enum HowToRead {
    Whole,
    /// A queue's URL ends with its name.
    LastSegment,
    WithoutLeadingSlash,
    /// WAF says `REGIONAL` and `CLOUDFRONT` where ARNs say `regional` and `global`.
    /// Source: WAF Developer Guide, "ARNs".
    Scope,
    /// The default bus is none in the ARNs of rules. Source: EventBridge User Guide, "Resources", "rule".
    EventBus,
    /// Of `family:revision` what is before the colon, and what is behind it.
    Front,
    Back,
    /// As the service says.
    Own(ValueReader),
}

/// Whether a value may hold a slash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slash {
    Never,
    Always,
    WithoutColon,
}

impl VariablePlan {
    /// What is meant where the request says nothing for it, if that is told.
    pub fn left_out(&self, request: &Request<'_>) -> Option<&'static str> {
        let (parameters, value) = self.left_out.as_ref()?;
        (!request.parameters.has_one(parameters)).then_some(*value)
    }

    /// Whether a parameter of that name may hold it.
    pub fn is_held_by(&self, name: Name) -> bool {
        self.names.candidates.contains(name)
    }

    /// Whether the request says it as a number.
    pub fn is_told_as_number(&self, request: &Request<'_>) -> bool {
        self.fallbacks.number(&request.parameters).is_some()
    }

    /// Whether the request says the name of one of that type, `cellName`, as a name.
    pub fn is_called(&self, kind: &str, request: &Request<'_>) -> bool {
        let own: String = kind.split(['-', '_', '/', ' ']).collect();
        let name = Name::new(&format!("{own}Name"));
        self.is_held_by(name) && request.parameters.texts_of(name).iter().any(|text| !is_like_arn(text))
    }

    /// Whether a parameter of that name may hold several of them.
    pub fn may_be_listed_in(&self, name: Name) -> bool {
        self.is_held_by(name) || self.names.plain.contains(&name)
    }

    /// Whether the request names it nearer to the top than that.
    pub fn is_named_above(&self, request: &Request<'_>, depth: u32) -> bool {
        depth > 0 && request.parameters.depth_of(&self.names.candidates).is_some_and(|named| named < depth)
    }

    /// Where an operation is on two: names of what it takes and of what that becomes. A service numbers what it makes.
    pub fn two(&self, request: &Request<'_>) -> Option<[Vec<String>; 2]> {
        let Copies { sources, targets, is_made } = self.names.copies.as_ref()?;
        let of = |_: Name, text: &str| if is_like_arn(text) { None } else { self.value_in(text, request) };
        let [sources, mut targets] = [sources, targets].map(|names| request.parameters.first_of(names, of));
        if targets.is_empty() && !sources.is_empty() && *is_made {
            targets.push("*".to_owned());
        }
        Some([sources, targets])
    }

    /// Whether an operation is on two of them.
    pub fn is_on_two(&self) -> bool {
        self.names.copies.is_some()
    }

    /// What the request says for it under names that say what it is, escaped. A parameter fills one variable only, but
    /// an ARN may hold several.
    pub fn named(&self, request: &Request<'_>, taken: &mut Vec<Name>) -> Vec<String> {
        let is_shared = matches!(self.reading, HowToRead::Front | HowToRead::Back);
        let used = std::cell::Cell::new(None);
        let values = request.parameters.first_of_outermost(&self.names.candidates, |name, text| {
            if is_like_arn(text) || is_shared {
                return self.value_in(text, request);
            }
            let value = self.value_in(text, request).filter(|_| !taken.contains(&name))?;
            used.set(Some(name));
            Some(value)
        });
        taken.extend(used.get());
        let value = |text: &str| self.value_in(text, request);
        let mut values = match used.get() {
            Some(name) if self.fallbacks.is_change(name) => self.fallbacks.changed(&request.parameters, value),
            _ if values.is_empty() => self.fallbacks.values(&request.parameters, value),
            _ => values,
        };
        for name in &self.names.additional {
            values.extend(request.parameters.all_texts_of(*name).into_iter().filter_map(value));
        }
        let path = self.has_path.then(|| request.parameters.text("path")).flatten();
        match path.map(|path| path.trim_matches('/')) {
            Some(path) if !path.is_empty() => values.iter().map(|value| format!("{}/{value}", escape(path))).collect(),
            _ => values,
        }
    }

    /// The ARN that the request gives for it.
    pub fn given_by<'a>(&self, request: &Request<'a>) -> Option<Arn<'a>> {
        let arn = |_: Name, text: &'a str| Arn::parse(text).filter(|_| self.value(text).is_some());
        let named = request.parameters.first_of(&self.names.candidates, arn).into_iter().next();
        named.or_else(|| self.fallbacks.given_by(&request.parameters, arn))
    }

    /// What the response says for it, of what the call's resource is in: the file system of a volume that was made. One
    /// value, or none.
    pub fn answered(&self, request: &Request<'_>) -> Option<String> {
        if self.is_never_answered {
            return None;
        }
        let arns = self.cuts.iter().flat_map(|(form, _)| request.answered_arns(form));
        let mut values: Vec<String> = arns.filter_map(|arn| self.value(arn)).collect();
        values.sort_unstable();
        values.dedup();
        values.pop().filter(|_| values.is_empty())
    }

    /// What a `name` or `id` at the top says for it: where the operation's own name says the type, or, `left_over`,
    /// where that is known to fill it and nothing else took it.
    pub fn plain(&self, request: &Request<'_>, taken: &mut Vec<Name>, left_over: bool) -> Vec<String> {
        let names = if left_over { &self.names.left_over } else { &self.names.plain };
        for name in names.iter().filter(|name| !taken.contains(name)) {
            let texts = request.parameters.plain_texts(*name, &self.names.wrappers);
            let values: Vec<String> = texts.iter().filter_map(|text| self.value_in(text, request)).collect();
            if !values.is_empty() {
                taken.push(*name);
                return values;
            }
        }
        if !left_over {
            return Vec::new();
        }
        let members = request.parameters.members(&self.names.lists, &self.names.members);
        members.iter().filter_map(|text| self.value_in(text, request)).collect()
    }

    /// Whether the request tells it, and tells nothing.
    pub fn is_told_empty(&self, request: &Request<'_>) -> bool {
        let is_empty =
            |name: &Name| request.parameters.tells(*name) && request.parameters.plain_texts(*name, &[]).is_empty();
        request.parameters.has_empty(&self.names.candidates) || self.names.plain.iter().any(is_empty)
    }

    /// As [`VariablePlan::value`]. What is no name of one thing may be any in a call that worked: AWS read it in a way that
    /// is not known here. In one that failed it is nobody's.
    pub fn value_in(&self, text: &str, request: &Request<'_>) -> Option<String> {
        self.value(text).map(|value| if value == NO_NAME && !request.has_failed { "*".to_owned() } else { value })
    }

    /// A parameter's text as the value: a name, or the name out of an ARN or URL of the type.
    fn value(&self, text: &str) -> Option<String> {
        if text.is_empty() || is_hidden(text) {
            return None;
        }
        if text.starts_with("arn:") {
            if let HowToRead::Own(reader) = self.reading
                && let Some(found) = (reader.arn)(text)
            {
                return Some(found);
            }
            let found = self.cuts.iter().filter_map(|(form, at)| cut(form, *at, text));
            let found = found.filter(|found| !is_like_arn(found)).find(|found| self.may_be(found))?;
            // What an ARN holds is whole: no secret's letters are missing.
            return Some(escape(found));
        }
        let text = match self.reading {
            HowToRead::Whole => self.without_before(text),
            HowToRead::LastSegment => text.rsplit('/').next().unwrap_or(text),
            // Behind a colon stands which version. Source: Systems Manager API Reference, GetParameter, "Name".
            HowToRead::WithoutLeadingSlash => text.split(':').next().unwrap_or(text).trim_start_matches('/'),
            HowToRead::Scope if text == "CLOUDFRONT" => "global",
            HowToRead::Scope => return Some(escape(&text.to_ascii_lowercase())).filter(|scope| scope == "regional"),
            HowToRead::EventBus if text == "default" => return None,
            HowToRead::EventBus => text,
            HowToRead::Front => text.split_once(':').map_or(text, |(front, _)| front),
            HowToRead::Back => text.split_once(':')?.1,
            HowToRead::Own(reader) => match (reader.text)(text) {
                Reading::Other => return None,
                Reading::Name(name) => name,
                Reading::NameThen(name, pattern) if self.may_be(name) => return Some(escape(name) + pattern),
                Reading::NameThen(name, _) => name,
                Reading::Exactly(value) => return Some(value),
            },
        };
        // What is no name of one thing may not choose the resource. A key's alias leaves open which key it is.
        Some(if self.is_of_other(text) {
            "*".to_owned()
        } else if self.may_be(text) {
            escape(text)
        } else {
            NO_NAME.to_owned()
        })
    }

    /// Whether a text may be the name of one thing.
    fn may_be(&self, text: &str) -> bool {
        let colon = text.contains(':');
        let may_hold_slash = self.slash == Slash::Always || self.slash == Slash::WithoutColon && !colon;
        (!colon || self.has_colon) && (may_hold_slash || !text.contains('/')) && !self.is_of_other(text)
    }

    /// Whether a text names what is of another type.
    fn is_of_other(&self, text: &str) -> bool {
        self.slash == Slash::WithoutColon && self.others.iter().any(|other| text.starts_with(other.as_str()))
    }

    /// `/change/C1` and `p-1` where the form says `change/` and `p-` itself.
    fn without_before<'t>(&self, text: &'t str) -> &'t str {
        let inner = text.strip_prefix('/').filter(|_| self.slash == Slash::WithoutColon).unwrap_or(text);
        if self.before.is_empty() {
            return text;
        }
        // `servicesetting/` and `/ssm/a` are `servicesetting/ssm/a`.
        let rest = if self.before.ends_with('/') { inner } else { text };
        inner.strip_prefix(self.before.as_str()).unwrap_or(rest)
    }
}

/// The value of a variable in an ARN of the form.
pub(in crate::iam) fn cut<'t>(form: &ArnFormat, at: usize, arn: &'t str) -> Option<&'t str> {
    let (mut rest, mut found) = (arn, None);
    for (i, piece) in form.pieces.iter().enumerate() {
        if let Piece::Literal(text) = piece {
            rest = rest.strip_prefix(text.as_str())?;
            continue;
        }
        let end = match form.pieces.get(i + 1) {
            Some(Piece::Literal(next)) => rest.find(next.as_str())?,
            _ => rest.len(),
        };
        let (value, behind) = rest.split_at_checked(end)?;
        if matches!(piece, Piece::Name(place) if *place == at) {
            found = Some(value);
        }
        rest = behind;
    }
    found.filter(|value| rest.is_empty() && !value.is_empty())
}

/// Whether a text stands where services leave out what was there: `HIDDEN_DUE_TO_SECURITY_REASONS`, `****`
/// (Organizations, MWAA), `***OMITTED***` (Redshift Data API), `<sensitiveDataRemoved>` (EC2). Sources: their guides,
/// logging with CloudTrail.
fn is_hidden(text: &str) -> bool {
    let is_starred = |text: &str| text.len() > 2 && text.starts_with("***") && text.ends_with("***");
    text == "HIDDEN_DUE_TO_SECURITY_REASONS" || text == "<sensitiveDataRemoved>" || is_starred(text)
}
