//! Makes the `VariablePlan` of one variable of an ARN format.

use crate::iam::arn::arn_format::{ArnFormat, Piece};
use crate::iam::catalog::overrides::overrides;
use crate::iam::catalog::{Action, ResourceType, Service};
use crate::iam::request::name::Name;
use crate::iam::resolve::resources::plan::fallbacks::ParameterFallbacks;
use crate::iam::resolve::resources::plan::making::named_by_action::NamedByAction;
use crate::iam::resolve::resources::plan::making::words::{is_plain_name, kind_name, outer, own_name, stem};
use crate::iam::resolve::resources::plan::parameters::VariableParameters;
use crate::iam::resolve::resources::plan::variable::{HowToRead, Slash, VariablePlan};
use crate::iam::resolve::service_rules::ServiceRules;

impl VariablePlan {
    /// For the variable at a place of a type's form.
    pub(super) fn new(
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
            fallbacks: ParameterFallbacks::new(rules, kind, form, at),
        }
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
