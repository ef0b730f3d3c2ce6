//! How a variable of an ARN form is found in a request: the parameters that may hold it, and what of their text is it.

use std::borrow::Cow;

use super::arn::escape;
use super::catalog::{ResourceType, Service};
use super::form::{Form, Piece};
use super::params::{Name, Ranked};
use super::resources::Request;

#[derive(Clone, Debug)]
pub(super) struct VariablePlan {
    /// Parameters that may hold it, the likeliest first.
    candidates: Ranked,
    /// Parameters at the top that hold it if those don't: what the operation's own name says needs no name of its own.
    plain: &'static [&'static str],
    /// Whether one of them is `resourceId`, which may name anything.
    pub is_any_resource: bool,
    /// Forms of ARNs that have it, with its place in them; the type's own first.
    cuts: Vec<(Form, usize)>,
    /// What stands before it in the form, back to the `/` or `:` before; where nothing does, back to the one before that.
    before: String,
    /// What resources of the service's other types begin with.
    others: Vec<String>,
    reading: Reading,
    slash: Slash,
    /// Whether a value may hold a colon.
    has_colon: bool,
}

/// What of a parameter's text is the value.
#[derive(Clone, Copy, Debug)]
enum Reading {
    Whole,
    /// A queue's URL ends with its name.
    LastSegment,
    WithoutLeadingSlash,
    Function,
    /// WAF says `REGIONAL` and `CLOUDFRONT` where ARNs say `regional` and `global`.
    /// Source: WAF Developer Guide, "ARNs".
    Scope,
    /// The default bus is none in the ARNs of rules. Source: EventBridge User Guide, "Resources", "rule".
    EventBus,
    /// Of `family:revision` what is before the colon, and what is behind it.
    Front,
    Back,
}

/// Whether a value may hold a slash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slash {
    Never,
    Always,
    WithoutColon,
}

impl VariablePlan {
    /// For the variable at a place of a type's form. `is_said`: whether the operation's name says the type; `None` where
    /// it says none.
    pub fn new(service: &Service, kind: &ResourceType, form: &Form, at: usize, is_said: Option<bool>) -> VariablePlan {
        let name = form.variables.get(at).map_or("", String::as_str);
        let is_path = ["ObjectName", "LogGroupName", "RepositoryName", "SecretId", "Path"].contains(&name)
            || name.ends_with("WithPath")
            || name.ends_with("WithoutLeadingSlash");
        let is_last = kind.arn.ends_with(&format!("${{{name}}}")) && kind.name != "bucket";
        let mut names = candidates(service, kind, form, name);
        if is_plain_name(name) && is_said == Some(false) {
            // Names that say nothing by themselves are those of the type that the operation's name says.
            let kind_name = kind_name(kind).to_ascii_lowercase();
            names.retain(|name| name.to_ascii_lowercase().contains(&kind_name));
            names.push(format!("{kind_name}{name}"));
        }
        let candidates = Ranked::new(names.iter().map(|name| Name::new(name)));
        let others = service.resource_types().iter().filter(|other| other.arn != kind.arn);
        VariablePlan {
            is_any_resource: candidates.names.contains(&Name::new("ResourceId")),
            candidates,
            plain: if is_said == Some(true) { plain(form, at) } else { &[] },
            cuts: cuts(service, kind, form, at, name),
            before: before(form, at),
            others: others.filter_map(|other| begins_with(&other.arn)).map(str::to_owned).collect(),
            reading: reading(form, at, name),
            slash: match (is_path, is_last) {
                (true, _) => Slash::Always,
                (_, true) => Slash::WithoutColon,
                _ => Slash::Never,
            },
            has_colon: matches!(name, "ObjectName" | "LogGroupName"),
        }
    }

    /// What the request says for it, escaped.
    pub fn values(&self, request: &Request<'_>) -> Vec<String> {
        let values = request.parameters.first_of(&self.candidates, |text| self.value(text));
        if !values.is_empty() {
            return values;
        }
        let plain = self.plain.iter().map(|name| request.parameters.top_texts(name)).find(|texts| !texts.is_empty());
        plain.iter().flatten().filter_map(|text| self.value(text)).collect()
    }

    /// A parameter's text as the value: a name, or the name out of an ARN or URL of the type.
    pub fn value(&self, text: &str) -> Option<String> {
        if text.is_empty() || text == "HIDDEN_DUE_TO_SECURITY_REASONS" {
            return None;
        }
        // MSK's ARNs are logged as they stand in the URL. Source: MSK Developer Guide, "Logging API calls".
        let text = if text.starts_with("arn%3A") { Cow::Owned(unquoted(text)) } else { Cow::Borrowed(text) };
        if text.starts_with("arn:") {
            let found = self.cuts.iter().find_map(|(form, at)| cut(form, *at, &text))?;
            return (!found.starts_with("arn:")).then(|| self.value(found)).flatten();
        }
        let text = match self.reading {
            Reading::Whole => self.without_before(&text),
            Reading::LastSegment => text.rsplit('/').next().unwrap_or(&text),
            Reading::WithoutLeadingSlash => text.trim_start_matches('/'),
            Reading::Function => return function(&text),
            Reading::Scope if text == "CLOUDFRONT" => "global",
            Reading::Scope => return Some(escape(&text.to_ascii_lowercase())).filter(|scope| scope == "regional"),
            Reading::EventBus if text == "default" => return None,
            Reading::EventBus => &text,
            Reading::Front => text.split_once(':').map_or(&*text, |(front, _)| front),
            Reading::Back => text.split_once(':')?.1,
        };
        let colon = text.contains(':');
        let may_hold_slash = self.slash == Slash::Always || self.slash == Slash::WithoutColon && !colon;
        let is_other =
            self.slash == Slash::WithoutColon && self.others.iter().any(|other| text.starts_with(other.as_str()));
        if colon && !self.has_colon || !may_hold_slash && text.contains('/') || is_other {
            // Whatever this is, it is no name of one thing: it may not choose the resource.
            return Some("*".to_owned());
        }
        Some(escape(text))
    }

    /// `/change/C1` and `p-1` where the form says `change/` and `p-` itself.
    fn without_before<'t>(&self, text: &'t str) -> &'t str {
        let inner = text.strip_prefix('/').filter(|_| self.slash == Slash::WithoutColon).unwrap_or(text);
        if self.before.is_empty() { text } else { inner.strip_prefix(self.before.as_str()).unwrap_or(text) }
    }
}

/// Whether a variable's name could be any type's.
fn is_plain_name(name: &str) -> bool {
    matches!(name, "Name" | "Id" | "Identifier")
}

/// A variable's name without what says that it is one.
pub(super) fn stem(variable: &str) -> &str {
    let bare = variable.strip_suffix("WithPath").unwrap_or(variable);
    ["Name", "Identifier", "Id"].iter().find_map(|suffix| bare.strip_suffix(suffix)).unwrap_or(bare)
}

/// Under which parameters at the top the variable stands where the operation's name says its type: `name` for a name,
/// `id` for an id.
fn plain(form: &Form, at: usize) -> &'static [&'static str] {
    let Some(variable) = form.variables.get(at) else { return &[] };
    let other_of_stem = form.variables.iter().any(|other| other != variable && stem(other) == stem(variable));
    let is_last = at + 1 == form.variables.len();
    let is_counted = variable.eq_ignore_ascii_case("uuid") || variable.ends_with("Version");
    match (variable.ends_with("Id"), other_of_stem) {
        _ if is_counted || !(is_last || other_of_stem) => &[],
        (true, _) => &["Id", "Ids", "Identifier", "Identifiers"],
        (false, true) => &["Name", "Names"],
        (false, false) => &["Name", "Names", "Id", "Ids", "Identifier", "Identifiers"],
    }
}

/// The forms of the service's types that have a variable.
fn cuts(service: &Service, kind: &ResourceType, own: &Form, at: usize, name: &str) -> Vec<(Form, usize)> {
    let others = service.resource_types().iter().filter(|other| other.arn != kind.arn && !is_plain_name(name));
    let written = format!("${{{name}}}");
    let others = others.filter(|other| other.arn.contains(&written)).map(|other| Form::new(&other.arn));
    let places = others.filter_map(|form| {
        let at = form.variables.iter().position(|variable| variable == name)?;
        Some((form, at))
    });
    [(own.clone(), at)].into_iter().chain(places).collect()
}

/// The value of a variable in an ARN of the form.
fn cut<'t>(form: &Form, at: usize, arn: &'t str) -> Option<&'t str> {
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
fn before(form: &Form, at: usize) -> String {
    let place = form.pieces.iter().position(|piece| matches!(piece, Piece::Name(name) if *name == at));
    let literal = place.and_then(|place| form.pieces.get(place.checked_sub(1)?));
    let Some(Piece::Literal(literal)) = literal else { return String::new() };
    let inner = literal.strip_suffix('/').unwrap_or(literal);
    let begin = inner.rfind(['/', ':']).map_or(0, |at| at + 1);
    literal.get(begin..).unwrap_or_default().to_owned()
}

/// `alias/` of `arn:…:alias/${Alias}`.
fn begins_with(form: &str) -> Option<&str> {
    let (front, _) = form.splitn(6, ':').nth(5)?.split_once("${")?;
    front.ends_with('/').then_some(front)
}

fn reading(form: &Form, at: usize, name: &str) -> Reading {
    let place = form.pieces.iter().position(|piece| *piece == Piece::Name(at)).unwrap_or(0);
    let is_colon = |place: Option<usize>| {
        place.and_then(|place| form.pieces.get(place)).is_some_and(|piece| *piece == Piece::Literal(":".to_owned()))
    };
    let is_name = |place: Option<usize>| matches!(place.and_then(|place| form.pieces.get(place)), Some(Piece::Name(_)));
    match name {
        "QueueName" => Reading::LastSegment,
        "ParameterNameWithoutLeadingSlash" => Reading::WithoutLeadingSlash,
        "FunctionName" => Reading::Function,
        "Scope" => Reading::Scope,
        "EventBusName" if form.variables.iter().any(|variable| variable == "RuleName") => Reading::EventBus,
        _ if name.contains("Revision") && is_colon(place.checked_sub(1)) => Reading::Back,
        _ if is_colon(Some(place + 1))
            && is_name(Some(place + 2))
            && form.variables.get(at + 1).is_some_and(|next| next.contains("Revision")) =>
        {
            Reading::Front
        }
        _ => Reading::Whole,
    }
}

/// What stands in a URL, as it is: `%3A` is a colon, `%2F` a slash.
fn unquoted(text: &str) -> String {
    text.replace("%3A", ":").replace("%2F", "/")
}

fn kind_name(kind: &ResourceType) -> String {
    kind.name.split(['-', '_']).collect()
}

/// Names under which a parameter may hold a variable's value, the likeliest first.
///
/// Where a pattern has several variables, a guess may take the value of one for that of another (a group's name for
/// its id): then only names that say the variable itself count. A name is never an id: those are numbered by services.
fn candidates(service: &Service, kind: &ResourceType, form: &Form, variable: &str) -> Vec<String> {
    // A group of another service: names of groups in requests are of the service's own.
    if kind.name == "group" && !kind.arn.contains(&format!(":{}:", service.prefix())) {
        return Vec::new();
    }
    let is_only = form.variables.len() == 1;
    let kind_name = kind_name(kind);
    let bare = variable.strip_suffix("WithPath").or(variable.strip_suffix("WithoutLeadingSlash")).unwrap_or(variable);
    let mut names = vec![variable.to_owned(), bare.to_owned()];
    for suffix in ["Id", "Name"] {
        if let Some(stem) = bare.strip_suffix(suffix).filter(|stem| !stem.is_empty()) {
            names.extend([format!("{stem}Identifier"), stem.to_owned(), format!("{stem}Arn")]);
            names.extend((is_only && suffix == "Name").then(|| format!("{stem}Id")));
        }
    }
    names.push(format!("{bare}s"));
    let listed = service.parameters.get(variable).into_iter().flatten();
    let says_something =
        |name: &&String| !matches!(name.as_str(), "Name" | "Id" | "Type" | "Value" | "Arn" | "Path" | "Body");
    // What fills a variable that could be any type's is told apart by the type's name in it.
    let is_of_kind = |name: &&String| {
        !is_plain_name(variable) || name.to_ascii_lowercase().contains(&kind_name.to_ascii_lowercase())
    };
    names.extend(listed.filter(says_something).filter(is_of_kind).cloned());
    if variable.contains("Revision") {
        names.extend(form.variables.iter().map(|other| stem(other).to_owned()));
        names.extend(form.variables.iter().filter_map(|other| other.strip_suffix("FamilyName").map(str::to_owned)));
    }
    names.push(format!("{kind_name}Arn"));
    if is_only {
        let suffixes: &[&str] =
            if variable.ends_with("Id") { &["", "Id", "Identifier"] } else { &["", "Name", "Id", "Identifier"] };
        names.extend(suffixes.iter().map(|suffix| format!("{kind_name}{suffix}")));
        // RDS logs its parameters with `dB` in front: dBInstanceIdentifier.
        match (service.prefix(), kind.name.as_str()) {
            ("rds", "cluster") => names.push("DBClusterIdentifier".to_owned()),
            ("rds", "db") => names.push("DBInstanceIdentifier".to_owned()),
            _ => {}
        }
    }
    names
}

/// A function's name out of what `functionName` may hold: a name, a partial or whole ARN, with a qualifier or without.
/// Source: Lambda API Reference, Invoke, "FunctionName".
fn function(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split(':').collect();
    let name = match parts.as_slice() {
        [name] | [name, _] => name,
        [_, "function", name, ..] => name,
        _ => return Some("*".to_owned()),
    };
    Some(escape(name))
}
