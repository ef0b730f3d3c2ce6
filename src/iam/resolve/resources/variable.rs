//! How a variable of an ARN form is found in a request: the parameters that may hold it, and what of their text is it.

use crate::iam::arn::arn_format::{ArnFormat, Piece};
use crate::iam::arn::is_like_arn;
use crate::iam::arn::{Arn, NO_NAME, escape};
use crate::iam::catalog::overrides::overrides;
use crate::iam::catalog::{Action, ResourceType, Service};
use crate::iam::request::Request;
use crate::iam::request::name::Name;
use crate::iam::resolve::resources::parameter_fallbacks::ParameterFallbacks;
use crate::iam::resolve::resources::parameter_names::{
    Copies, NamedByAction, VariableParameters, is_plain_name, kind_name, outer, own_name, stem,
};
use crate::iam::resolve::service_rules::{Reading, ServiceRules, ValueReader};

#[derive(Clone, Debug)]
pub(in crate::iam) struct VariablePlan {
    /// Parameters that may hold it.
    names: VariableParameters,
    /// Whether one of them is `resourceId`, which may name anything.
    pub is_any_resource: bool,
    /// Forms of ARNs that have it, with its place in them; the type's own first.
    cuts: Vec<(ArnFormat, usize)>,
    /// What stands before it in the form, back to the `/` or `:` before; where nothing does, back to the one before
    /// that.
    before: String,
    /// What resources of the service's other types begin with.
    others: Vec<String>,
    reading: HowToRead,
    slash: Slash,
    /// Whether a value may hold a colon.
    has_colon: bool,
    /// Whether the request's `path` stands before the name of what it makes.
    has_path: bool,
    /// Whether services count it, so that no request tells it.
    pub is_counted: bool,
    /// Whether it is the id of an organization, of which an account is in one only and which calls don't say, or the
    /// number of a version, which is another one the next time.
    is_never_answered: bool,
    /// Parameters that may be left out, and what is meant then.
    left_out: Option<(Vec<Name>, &'static str)>,
    aside: ParameterFallbacks,
}

/// What of a parameter's text is the value.
#[derive(Clone, Copy, Debug)]
enum HowToRead {
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
enum Slash {
    Never,
    Always,
    WithoutColon,
}

impl VariablePlan {
    /// For the variable at a place of a type's form.
    pub fn new(
        (rules, service, action): (&ServiceRules, &Service, &Action),
        kind: &ResourceType,
        form: &ArnFormat,
        at: usize,
        said: &NamedByAction,
    ) -> VariablePlan {
        let name = form.variables.get(at).map_or("", String::as_str);
        // Buses of partners: `aws.partner/example.com/1`. Source: EventBridge API Reference, CreateEventBus, "Name".
        let is_path = ["EventBusName", "ObjectName", "LogGroupName", "RepositoryName", "SecretId", "Path"]
            .contains(&name)
            || name.ends_with("WithPath")
            || name.ends_with("WithoutLeadingSlash");
        let is_last = kind.arn.ends_with(&format!("${{{name}}}")) && kind.name != "bucket";
        let names = VariableParameters::new(rules, service, kind, form, at, said);
        let slash = match (is_path, is_last) {
            (true, _) => Slash::Always,
            (_, true) => Slash::WithoutColon,
            _ => Slash::Never,
        };
        let is_other = |other: &&ResourceType| slash == Slash::WithoutColon && other.arn != kind.arn;
        let others = service.resource_types().iter().filter(is_other);
        // A key may be named by its alias, which is no part of its ARN.
        let alias = (name == "KeyId" && kind.arn.contains(":kms:")).then(|| "alias/".to_owned());
        VariablePlan {
            is_any_resource: names.candidates.names.contains(&Name::new("ResourceId")),
            names,
            cuts: cuts(rules, service, kind, form, at, name),
            before: before(form, at),
            others: others.filter_map(|other| begins_with(&other.arn)).map(str::to_owned).chain(alias).collect(),
            reading: reading(rules, kind, form, at),
            slash,
            has_colon: matches!(name, "ObjectName" | "LogGroupName" | "IdentityPoolId" | "IdentityId")
                || rules.may_have_colon(&kind.name, name, is_last),
            // What is uploaded is made too, and certificates alone are.
            has_path: name.ends_with("WithPath") && (said.is_made || kind.name == "server-certificate"),
            is_counted: name.to_ascii_lowercase().ends_with("uuid") && is_behind_own_name(kind, form, at),
            is_never_answered: name == "OrganizationId"
                || name.ends_with("Version")
                || name.contains("Revision")
                || is_own_number(kind, form, at),
            left_out: left_out(&action.name, name),
            aside: ParameterFallbacks::new(rules, kind, form, at),
        }
    }

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
        self.aside.number(&request.parameters).is_some()
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
        let values = request.parameters.first_of(&self.names.candidates, |name, text| {
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
            Some(name) if self.aside.is_change(name) => self.aside.changed(&request.parameters, value),
            _ if values.is_empty() => self.aside.values(&request.parameters, value),
            _ => values,
        };
        for name in &self.names.further {
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
        named.or_else(|| self.aside.given_by(&request.parameters, arn))
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

fn left_out(action: &str, variable: &str) -> Option<(Vec<Name>, &'static str)> {
    let (parameters, value) = overrides().left_out(action, variable)?;
    Some((parameters.iter().map(|name| Name::new(name)).collect(), value))
}

/// Whether it is the number of the thing itself, which a name stands behind: `output:${OutputId}:${OutputName}`.
fn is_own_number(kind: &ResourceType, form: &ArnFormat, at: usize) -> bool {
    let own = |at: usize| form.variables.get(at).is_some_and(|name| stem(name).eq_ignore_ascii_case(&kind_name(kind)));
    own(at) && own(at + 1)
}

/// Whether the variable before tells the resources of the type apart: a node group's name before its number.
fn is_behind_own_name(kind: &ResourceType, form: &ArnFormat, at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|at| form.variables.get(at));
    before.is_some_and(|before| stem(before).eq_ignore_ascii_case(&kind_name(kind)))
}

/// The forms of the service's types that have a variable.
fn cuts(
    rules: &ServiceRules,
    service: &Service,
    kind: &ResourceType,
    own: &ArnFormat,
    at: usize,
    name: &str,
) -> Vec<(ArnFormat, usize)> {
    let written = format!("${{{name}}}");
    let finder = memchr::memmem::Finder::new(&written);
    let has_it = |other: &&ResourceType| finder.find(other.arn.as_bytes()).is_some() && other.arn != kind.arn;
    // What ends the ARNs of two types names one of each: the project's `${ResourceId}` is no device pool's.
    let is_last = |of: &ResourceType| of.arn.ends_with(&written);
    let is_own = |other: &&ResourceType| other.name != kind.name && is_last(other) && is_last(kind);
    // An id of any type's in the ARN of one is none of another's.
    let is_any = is_plain_name(name) || name.starts_with("Resource") && is_last(kind);
    let others = service.resource_types().iter().filter(|_| !is_any).filter(has_it);
    let others = others.filter(|other| !is_own(other));
    let others = others.map(|other| ArnFormat::new(&other.arn));
    let places = others.filter_map(|form| {
        let at = form.variables.iter().position(|variable| variable == name)?;
        Some((form, at))
    });
    let outer = outer(service, name).and_then(|kind| {
        let form = ArnFormat::new(&kind.arn);
        let own = own_name(kind, name)?;
        let at = form.variables.iter().position(|variable| format!("${{{variable}}}") == own)?;
        Some((form, at))
    });
    let foreign = rules.foreign_formats.iter().map(|format| ArnFormat::new(format)).filter_map(|form| {
        let at = form.variables.iter().position(|variable| variable == name)?;
        Some((form, at))
    });
    // `appbundle/${AppBundleIdentifier}` is what `appbundle/${AppbundleId}/ingestion/…` is in, whatever they call it.
    let begun = begun(own, at);
    let around = service.resource_types().iter().map(|other| ArnFormat::new(&other.arn));
    // A rule's own name is none of its bus: `rule/${RuleName}` beside `rule/${EventBusName}/${RuleName}`.
    let is_closer =
        |other: &ArnFormat| other.variables.last().is_none_or(|last| last != name && own.variables.contains(last));
    let around = around.filter(|other| begun.as_deref() == Some(other.pieces.as_slice()) && !is_closer(other));
    let around = around.map(|form| (form, at));
    [(own.clone(), at)].into_iter().chain(places).chain(outer).chain(foreign).chain(around).collect()
}

/// A form up to a variable that is not its last, behind which a part of its own begins.
fn begun(form: &ArnFormat, at: usize) -> Option<Vec<Piece>> {
    let place = form.pieces.iter().position(|piece| *piece == Piece::Name(at))?;
    let is_behind = |piece: &Piece| matches!(piece, Piece::Literal(text) if text.starts_with('/'));
    form.pieces
        .get(place + 1)
        .is_some_and(is_behind)
        .then(|| form.pieces.get(..=place).map(<[Piece]>::to_vec))
        .flatten()
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

/// `change/` of `arn:…:change/${Id}`, `p-` of `…/p-${PolicyId}`.
fn before(form: &ArnFormat, at: usize) -> String {
    let place = form.pieces.iter().position(|piece| matches!(piece, Piece::Name(name) if *name == at));
    let literal = place.and_then(|place| form.pieces.get(place.checked_sub(1)?));
    let Some(Piece::Literal(literal)) = literal else { return String::new() };
    let inner = literal.strip_suffix('/').unwrap_or(literal);
    let begin = inner.rfind(['/', ':']).map_or(0, |at| at + 1);
    literal.get(begin..).unwrap_or_default().to_owned()
}

/// `alias/` of `arn:…:alias/${Alias}`.
fn begins_with(form: &str) -> Option<&str> {
    let tail = form.get(memchr::memchr_iter(b':', form.as_bytes()).nth(4)? + 1..)?;
    let front = tail.get(..memchr::memmem::find(tail.as_bytes(), b"${")?)?;
    front.ends_with('/').then_some(front)
}

fn reading(rules: &ServiceRules, kind: &ResourceType, form: &ArnFormat, at: usize) -> HowToRead {
    let name = form.variables.get(at).map_or("", String::as_str);
    let place = form.pieces.iter().position(|piece| *piece == Piece::Name(at)).unwrap_or(0);
    let is_colon = |place: Option<usize>| {
        place.and_then(|place| form.pieces.get(place)).is_some_and(|piece| *piece == Piece::Literal(":".to_owned()))
    };
    let is_name = |place: Option<usize>| matches!(place.and_then(|place| form.pieces.get(place)), Some(Piece::Name(_)));
    if let Some(reader) = rules.read.and_then(|read| read(&kind.name, name)) {
        return HowToRead::Own(reader);
    }
    match name {
        "QueueName" => HowToRead::LastSegment,
        "ParameterNameWithoutLeadingSlash" => HowToRead::WithoutLeadingSlash,
        "Scope" => HowToRead::Scope,
        "EventBusName" if form.variables.iter().any(|variable| variable == "RuleName") => HowToRead::EventBus,
        _ if name.contains("Revision") && is_colon(place.checked_sub(1)) => HowToRead::Back,
        _ if is_colon(Some(place + 1))
            && is_name(Some(place + 2))
            && form.variables.get(at + 1).is_some_and(|next| next.contains("Revision")) =>
        {
            HowToRead::Front
        }
        _ => HowToRead::Whole,
    }
}

/// Whether a text stands where services leave out what was there: `HIDDEN_DUE_TO_SECURITY_REASONS`, `****`
/// (Organizations, MWAA), `***OMITTED***` (Redshift Data API), `<sensitiveDataRemoved>` (EC2). Sources: their guides,
/// logging with CloudTrail.
fn is_hidden(text: &str) -> bool {
    let is_starred = |text: &str| text.len() > 2 && text.starts_with("***") && text.ends_with("***");
    text == "HIDDEN_DUE_TO_SECURITY_REASONS" || text == "<sensitiveDataRemoved>" || is_starred(text)
}
