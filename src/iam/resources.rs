//! Which resources an action was taken on: what the record names, and ARN patterns filled from what the request says.
//!
//! For each resource type that the action takes, the first of these that finds something:
//!
//! 1. ARNs in the record's `resources` that have the type's form.
//! 2. ARNs in the request's parameters that have it.
//! 3. ARNs in the response whose last name the request gave: what a call made under a name of the caller's choice.
//! 4. The type's ARN pattern filled from the request. A variable that nobody tells becomes `*` in its place. What a
//!    service numbers itself (instance ids) stays `*` too: IAM asks for `instance/*` before the instance is there.
//! 5. For a type that the action requires, the pattern with `*` for every variable.
//!
//! Every name from a record is escaped, so that it means itself and nothing more.

use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};
use std::sync::{Arc, LazyLock};

use memchr::memmem::Finder;

use super::arn::{Arn, escape, escaped, partition_of};
use super::catalog::{Action, Catalog, ResourceType, Service};
use super::event::{Place, ResourceRef};
use super::form::{Form, Piece};
use super::params::{Document, Name, Params, Ranked, Response};
use super::sight::Sight;

/// Resources that one action has at the most; beyond that the type's pattern stands for all.
const RESOURCES_MAX: usize = 100;

/// The record's own list.
pub(super) type Listed<'a> = &'a [ResourceRef<'a>];

/// Where a request was made and what it said. Whatever rules are to look at must be noted in the sight, or stand in every
/// key of the step's memory, as the place does.
pub(super) struct Request<'a> {
    pub event: Place<'a>,
    pub parameters: Params<'a>,
    response: &'a Response<'a>,
    listed: Listed<'a>,
    /// Those of the list that are ARNs, escaped.
    listed_arns: OnceCell<Vec<Cow<'a, str>>>,
    /// What was found by plans already.
    found: RefCell<Vec<(Arc<str>, Vec<String>)>>,
    sight: &'a RefCell<Sight>,
}

impl<'a> Request<'a> {
    pub fn new(
        event: Place<'a>,
        parameters: Document<'a>,
        response: &'a Response<'a>,
        listed: Listed<'a>,
        sight: &'a RefCell<Sight>,
    ) -> Request<'a> {
        let parameters = Params::new(parameters, sight);
        Request { event, parameters, response, listed, listed_arns: OnceCell::new(), found: RefCell::default(), sight }
    }

    /// The resources of a plan's types, found once.
    fn found(&self, plan: &Plan) -> Vec<String> {
        if let Some((_, found)) = self.found.borrow().iter().find(|(key, _)| *key == plan.key) {
            return found.clone();
        }
        let found = of_types(&plan.types, self);
        self.found.borrow_mut().push((Arc::clone(&plan.key), found.clone()));
        found
    }

    /// ARNs of a form in the record's own list, escaped.
    fn listed(&self, form: &Form) -> Vec<String> {
        self.sight.borrow_mut().note_listed();
        let listed = self.listed_arns.get_or_init(|| listed_arns(self.listed).collect());
        listed.iter().filter(|arn| form.fits(arn)).map(|arn| arn.clone().into_owned()).collect()
    }
}

/// ARNs of a record's own list, escaped.
fn listed_arns(listed: Listed<'_>) -> impl Iterator<Item = Cow<'_, str>> {
    let is_arn = |arn: &&str| Arn::parse(arn).is_some();
    listed.iter().take(RESOURCES_MAX).flat_map(move |resource| {
        let prefix = resource.arn_prefix.filter(is_arn).map(|prefix| Cow::Owned(format!("{}*", escape(prefix))));
        resource.arn.filter(is_arn).map(escaped).into_iter().chain(prefix)
    })
}

/// How the resources of an action are found.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    types: Vec<TypePlan>,
    /// Service and types: actions for which they are the same find the same.
    key: Arc<str>,
}

#[derive(Clone, Debug)]
struct TypePlan {
    name: String,
    is_required: bool,
    form: Form,
    /// One for each of the form's variables.
    variables: Vec<VariablePlan>,
}

#[derive(Clone, Debug)]
struct VariablePlan {
    /// Parameters that may hold it, the likeliest first.
    candidates: Ranked,
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
}

/// Whether a value may hold a slash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slash {
    Never,
    Always,
    WithoutColon,
}

impl Plan {
    /// An action's plan, made when it is first asked for.
    pub fn of<'a>(catalog: &Catalog, action: &'a Action) -> &'a Plan {
        action.plan.get_or_init(|| Plan::new(catalog, action))
    }

    /// Whether an ARN or ARN pattern is of one of the types.
    pub fn takes(&self, arn: &str) -> bool {
        self.types.iter().any(|kind| kind.form.fits(arn))
    }

    fn new(catalog: &Catalog, action: &Action) -> Plan {
        let service = action.name.split_once(':').and_then(|(prefix, _)| catalog.service(prefix));
        let types = catalog.resource_arns(action);
        let types = types.iter().filter_map(|kind| Some(TypePlan::new(service?, kind, action)));
        let prefix = service.map_or("", Service::prefix);
        Plan { types: types.collect(), key: format!("{prefix} {:?}", action.resource_types).into() }
    }
}

impl TypePlan {
    fn new(service: &Service, kind: &ResourceType, action: &Action) -> TypePlan {
        let form = Form::new(&kind.arn);
        let variable = |name: &String| VariablePlan::new(service, kind, &form, name);
        TypePlan {
            name: kind.name.clone(),
            is_required: action.resource_types.iter().any(|(name, required)| *required && *name == kind.name),
            variables: form.variables.iter().map(variable).collect(),
            form,
        }
    }
}

impl VariablePlan {
    fn new(service: &Service, kind: &ResourceType, form: &Form, name: &str) -> VariablePlan {
        let is_path = ["ObjectName", "LogGroupName", "RepositoryName", "SecretId", "Path"].contains(&name)
            || name.ends_with("WithPath")
            || name.ends_with("WithoutLeadingSlash");
        let is_last = kind.arn.ends_with(&format!("${{{name}}}")) && kind.name != "bucket";
        VariablePlan {
            candidates: Ranked::new(candidates(service, kind, form, name).iter().map(|name| Name::new(name))),
            reading: match name {
                "QueueName" => Reading::LastSegment,
                "ParameterNameWithoutLeadingSlash" => Reading::WithoutLeadingSlash,
                "FunctionName" => Reading::Function,
                _ => Reading::Whole,
            },
            slash: match (is_path, is_last) {
                (true, _) => Slash::Always,
                (_, true) => Slash::WithoutColon,
                _ => Slash::Never,
            },
            has_colon: matches!(name, "ObjectName" | "LogGroupName"),
        }
    }

    /// What the request says for it, escaped.
    fn values(&self, request: &Request<'_>) -> Vec<String> {
        request.parameters.first_of(&self.candidates, |text| self.value(text))
    }

    /// A parameter's text as the value: a name, or the name out of an ARN or URL of the type.
    fn value(&self, text: &str) -> Option<String> {
        if text.is_empty() || text.starts_with("arn:") || text == "HIDDEN_DUE_TO_SECURITY_REASONS" {
            return None;
        }
        let text = match self.reading {
            Reading::Whole => text,
            Reading::LastSegment => text.rsplit('/').next().unwrap_or(text),
            Reading::WithoutLeadingSlash => text.trim_start_matches('/'),
            Reading::Function => return function(text),
        };
        let colon = text.contains(':');
        let may_hold_slash = self.slash == Slash::Always || self.slash == Slash::WithoutColon && !colon;
        if colon && !self.has_colon || !may_hold_slash && text.contains('/') {
            // Whatever this is, it is no name of one thing: it may not choose the resource.
            return Some("*".to_owned());
        }
        Some(escape(text))
    }
}

/// The resources of one action; `*` where it takes none or none is known.
pub(super) fn resources(catalog: &Catalog, action: &Action, request: &Request<'_>) -> Vec<String> {
    let plan = Plan::of(catalog, action);
    if plan.types.is_empty() {
        return vec!["*".to_owned()];
    }
    let found = request.found(plan);
    if found.is_empty() {
        return vec!["*".to_owned()];
    }
    found.into_iter().map(|r| with_tail(&action.name, r)).collect()
}

/// The resources of all types of a plan.
fn of_types(types: &[TypePlan], request: &Request<'_>) -> Vec<String> {
    let by_type: Vec<OfType> = types.iter().map(|kind| of_type(kind, request)).collect();
    // Types that share a variable (an object's key) are told apart by the ones that only one of them has.
    let some_whole = by_type.iter().any(|of_type| of_type.is_whole && !of_type.arns.is_empty());
    let mut found = Vec::new();
    let mut met: Vec<&str> = Vec::new();
    for (kind, of_type) in types.iter().zip(by_type) {
        if !of_type.arns.is_empty() && (of_type.is_whole || !some_whole) {
            met.push(&kind.name);
            found.extend(of_type.arns);
        }
    }
    for kind in types.iter().filter(|kind| kind.is_required) {
        if !met.contains(&kind.name.as_str()) {
            met.push(&kind.name);
            found.push(fill(&kind.form, request, |_| None));
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// What was found for one resource type.
struct OfType {
    arns: Vec<String>,
    /// Nothing in them is left open.
    is_whole: bool,
}

fn of_type(kind: &TypePlan, request: &Request<'_>) -> OfType {
    let mut arns = request.listed(&kind.form);
    if arns.is_empty() {
        arns = in_parameters(&kind.form, request);
    }
    if arns.is_empty() {
        arns = in_response(&kind.form, request);
    }
    if arns.is_empty() { filled(kind, request) } else { OfType { arns, is_whole: true } }
}

fn in_parameters(form: &Form, request: &Request<'_>) -> Vec<String> {
    request.parameters.arns_of(form).map(Cow::into_owned).take(RESOURCES_MAX).collect()
}

fn in_response(form: &Form, request: &Request<'_>) -> Vec<String> {
    request.parameters.given_back(request.response, form).map(escape).take(RESOURCES_MAX).collect()
}

fn filled(kind: &TypePlan, request: &Request<'_>) -> OfType {
    let values: Vec<Vec<String>> = kind.variables.iter().map(|variable| variable.values(request)).collect();
    let Some(longest) = values.iter().map(Vec::len).max().filter(|n| *n > 0) else {
        return OfType { arns: Vec::new(), is_whole: false };
    };
    let is_whole = values.iter().all(|values| !values.is_empty());
    let mut arns = Vec::new();
    for i in 0..longest.min(RESOURCES_MAX) {
        let arn = fill(&kind.form, request, |at| {
            let known = values.get(at)?;
            // One value goes with all, several go with each other in order.
            known.get(i).or(if known.len() == 1 { known.first() } else { None }).map(String::as_str)
        });
        if kind.form.fits(&arn) {
            arns.push(arn);
        }
    }
    OfType { arns, is_whole }
}

/// Names under which a parameter may hold a variable's value, the likeliest first.
///
/// Where a pattern has several variables, a guess may take the value of one for that of another (a group's name for
/// its id): then only names that say the variable itself count.
fn candidates(service: &Service, kind: &ResourceType, form: &Form, variable: &str) -> Vec<String> {
    let is_only = form.variables.len() == 1;
    let bare = variable.strip_suffix("WithPath").or(variable.strip_suffix("WithoutLeadingSlash")).unwrap_or(variable);
    let mut names = vec![variable.to_owned(), bare.to_owned()];
    for (suffix, other) in [("Id", "Name"), ("Name", "Id")] {
        if let Some(stem) = bare.strip_suffix(suffix).filter(|stem| !stem.is_empty()) {
            names.extend([format!("{stem}Identifier"), stem.to_owned(), format!("{stem}Arn")]);
            names.extend(is_only.then(|| format!("{stem}{other}")));
        }
    }
    names.push(format!("{bare}s"));
    let listed = service.parameters.get(variable).into_iter().flatten();
    let says_something =
        |name: &&String| !matches!(name.as_str(), "Name" | "Id" | "Type" | "Value" | "Arn" | "Path" | "Body");
    names.extend(listed.filter(says_something).cloned());
    let kind_name: String = kind.name.split(['-', '_']).collect();
    if is_only {
        names.extend(["", "Name", "Id", "Identifier", "Arn"].map(|suffix| format!("{kind_name}{suffix}")));
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

/// A form with its variables filled; what `value` doesn't know becomes `*`.
fn fill<'v>(form: &Form, request: &Request<'_>, value: impl Fn(usize) -> Option<&'v str>) -> String {
    let event = request.event;
    let mut out = String::with_capacity(96);
    for piece in &form.pieces {
        out.push_str(match piece {
            Piece::Literal(text) => text,
            Piece::Partition => partition_of(event.aws_region),
            Piece::Region => event.aws_region.filter(|t| is_plain(t)).unwrap_or("*"),
            Piece::Account => event.account_id.filter(|t| is_plain(t)).unwrap_or("*"),
            Piece::Name(at) => value(*at).unwrap_or("*"),
        });
    }
    // `*` behind `*` means no more than one.
    static STARS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("**"));
    while STARS.find(out.as_bytes()).is_some() {
        out = out.replace("**", "*");
    }
    reserved_path(out)
}

/// Regions and accounts are letters, digits and hyphens.
pub(super) fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// Roles of Identity Center and service-linked roles have paths that requests don't say.
/// Source: IAM Identity Center User Guide, "Referencing permission sets"; IAM User Guide, "Service-linked roles".
fn reserved_path(arn: String) -> String {
    static ROLE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(":role/"));
    if ROLE.find(arn.as_bytes()).is_none() {
        return arn;
    }
    match arn.split_once(":role/") {
        Some((head, name)) if name.starts_with("AWSReservedSSO_") => {
            format!("{head}:role/aws-reserved/sso.amazonaws.com/*{name}")
        }
        Some((head, name)) if name.starts_with("AWSServiceRoleFor") => format!("{head}:role/aws-service-role/*/{name}"),
        _ => arn,
    }
}

/// Log groups are written with `:*` behind. Source: CloudWatch Logs User Guide, "ARNs": the form for actions on them.
fn with_tail(action: &str, resource: String) -> String {
    let is_group =
        action.starts_with("logs:") && resource.contains(":log-group:") && !resource.contains(":log-stream:");
    if is_group && !resource.ends_with('*') { format!("{resource}:*") } else { resource }
}

/// A role's ARN by its name, in the account of the event.
pub(super) fn role_arn(name: &str, event: Place<'_>) -> String {
    let account = event.account_id.filter(|t| is_plain(t)).unwrap_or("*");
    reserved_path(format!(
        "arn:{}:iam::{account}:role/{}",
        partition_of(event.aws_region),
        escape(name.trim_start_matches('/'))
    ))
}

/// Whether a text is the ARN of a role.
pub(super) fn is_role_arn(text: &str) -> bool {
    Arn::parse(text).is_some_and(|arn| arn.service == "iam" && arn.resource.starts_with("role/"))
}
