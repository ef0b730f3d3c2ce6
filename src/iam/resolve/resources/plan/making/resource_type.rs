//! Makes the `TypePlan` of one resource type.

use crate::iam::arn::arn_format::{ArnFormat, Piece};
use crate::iam::catalog::overrides::overrides;
use crate::iam::catalog::{Action, ResourceType, Service, bare_name};
use crate::iam::request::name::{Name, Ranked};
use crate::iam::resolve::resources::plan::making::named_by_action::NamedByAction;
use crate::iam::resolve::resources::plan::making::words::{kind_name, stem};
use crate::iam::resolve::resources::plan::resource_type::TypePlan;
use crate::iam::resolve::resources::plan::variable::VariablePlan;
use crate::iam::resolve::service_rules::ServiceRules;

/// What the names of actions begin with that make things.
const MAKING: &[&str] = &[
    "Add", "Allocate", "Copy", "Create", "Grant", "Import", "Launch", "Purchase", "Put", "Register", "Request",
    "Restore", "Run", "Start",
];

impl TypePlan {
    pub(super) fn new(
        rules: &ServiceRules,
        service: &Service,
        kind: &ResourceType,
        action: &Action,
        said: &NamedByAction,
    ) -> TypePlan {
        let form = ArnFormat::new(&kind.arn);
        let variable = |at: usize| VariablePlan::new((rules, service, action), kind, &form, at, said);
        TypePlan {
            name: kind.name.clone(),
            family: kind.name.split_once('/').map(|(family, _)| family.to_owned()),
            hash: Name::new(&kind.name),
            is_required: action.resource_types.iter().any(|(name, required)| *required && *name == kind.name),
            is_said: said.is_said == Some(true),
            variables: (0..form.variables.len()).map(variable).collect(),
            alternative: alternative(rules, kind),
            own: own(kind, &form),
            closer: Vec::new(),
            inner: inner(service, &form),
            keys: keys(kind),
            called: called(kind, &form),
            is_object: is_object(kind, bare_name(&action.name)),
            is_made: said.is_made && said.is_said != Some(false),
            makes: MAKING.iter().any(|verb| bare_name(&action.name).starts_with(verb)),
            is_of_any_service: kind.arn.starts_with("arn:${Partition}:${"),
            owner: overrides().owner_of_type(service.prefix(), &kind.name),
            is_followed: rules.followed_types.contains(&kind.name.as_str()),
            form,
        }
    }
}

fn alternative(rules: &ServiceRules, kind: &ResourceType) -> Option<&'static str> {
    let other = |(one, other): &(&'static str, &'static str)| match kind.name.as_str() {
        name if name == *one => Some(*other),
        name if name == *other => Some(*one),
        _ => None,
    };
    rules.alternatives.iter().find_map(other)
}

fn own(kind: &ResourceType, form: &ArnFormat) -> Vec<usize> {
    let name = kind_name(kind);
    let is_called = |variable: &String| stem(variable).eq_ignore_ascii_case(&name);
    let called = form.variables.iter().enumerate().filter(|(_, variable)| is_called(variable));
    let own: Vec<usize> = called.map(|(at, _)| at).collect();
    if own.is_empty() { form.variables.len().checked_sub(1).into_iter().collect() } else { own }
}

/// Forms of the service's types that begin like this one and go on: `workflow/${Id}/version/${VersionName}`.
fn inner(service: &Service, form: &ArnFormat) -> Vec<ArnFormat> {
    let others = service.resource_types().iter().map(|kind| ArnFormat::new(&kind.arn));
    let is_inner = |other: &ArnFormat| {
        let rest = other.pieces.strip_prefix(form.pieces.as_slice());
        rest.and_then(<[Piece]>::first)
            .is_some_and(|piece| matches!(piece, Piece::Literal(text) if text.starts_with('/')))
    };
    others.filter(is_inner).collect()
}

/// Whether the end of a type's name is what an operation's name says behind its verb.
fn is_object(kind: &ResourceType, operation: &str) -> bool {
    let begin = operation.bytes().skip(1).position(|byte| byte.is_ascii_uppercase()).map(|at| at + 1);
    let object = begin.and_then(|begin| operation.get(begin..)).unwrap_or_default().to_ascii_lowercase();
    let name: String = kind.name.chars().filter(char::is_ascii_alphanumeric).collect();
    object.len() > 3 && name.to_ascii_lowercase().ends_with(&object)
}

/// `WorkgroupName` of what ends with `${WorkgroupId}`, `KeyPairId` of what ends with `${KeyPairName}`, `DiskName` of
/// `Disk/${Id}`.
fn called(kind: &ResourceType, form: &ArnFormat) -> Option<[Name; 2]> {
    let variable = form.variables.last()?;
    if variable == "Id" {
        return Some(["Name", "Names"].map(|ending| Name::new(&format!("{}{ending}", kind.name))));
    }
    let of_id = variable.strip_suffix("Id").map(|stem| (stem, ["Name", "Names"]));
    let (stem, endings) = of_id.or_else(|| Some((variable.strip_suffix("Name")?, ["Id", "Ids"])))?;
    (!stem.is_empty()).then(|| endings.map(|ending| Name::new(&format!("{stem}{ending}"))))
}
/// Under which names the ARN of a type stands that a request is about.
fn keys(kind: &ResourceType) -> Ranked {
    let name: String = kind.name.split(['-', '_', '/', ' ']).collect();
    let own = ["", "s", "Arn", "Arns"].map(|ending| Name::new(&format!("{name}{ending}")));
    let plain = ["Arn", "Arns", "Resource", "ResourceArn", "ResourceArns", "ResourceName"].map(Name::new);
    Ranked::new(own.into_iter().chain(plain))
}
