//! How the resources of an action are found: for each resource type that it takes its ARN form, and for each variable of
//! that the parameters that may hold it. Made once for each action, when it is first asked for.

use std::sync::Arc;

use super::catalog::{Action, Catalog, ResourceType, Service};
use super::form::{Form, Piece};
use super::params::Name;
use super::variable::{VariablePlan, stem};

/// How the resources of an action are found.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub types: Vec<TypePlan>,
    /// Whether a request that names no user is about the calling one.
    pub is_on_caller: bool,
    /// All that it is made of: actions for which that is the same find the same.
    pub key: Arc<str>,
}

#[derive(Clone, Debug)]
pub(super) struct TypePlan {
    pub name: String,
    /// By which texts that name it are known.
    pub hash: Name,
    pub is_required: bool,
    pub form: Form,
    /// One for each of the form's variables.
    pub variables: Vec<VariablePlan>,
}

/// Operations whose `UserName` may be left out: then it is that of the caller.
/// Source: IAM API Reference, each operation's `UserName`, "Required: No"; ChangePassword is the caller's own.
const ON_CALLER: &[&str] = &[
    "iam:ChangePassword",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:DeactivateMFADevice",
    "iam:DeleteAccessKey",
    "iam:DeleteLoginProfile",
    "iam:DeleteServiceSpecificCredential",
    "iam:DeleteSigningCertificate",
    "iam:GetLoginProfile",
    "iam:GetMFADevice",
    "iam:GetUser",
    "iam:ListAccessKeys",
    "iam:ListMFADevices",
    "iam:ListSSHPublicKeys",
    "iam:ListServiceSpecificCredentials",
    "iam:ListSigningCertificates",
    "iam:ResetServiceSpecificCredential",
    "iam:UpdateAccessKey",
    "iam:UpdateServiceSpecificCredential",
    "iam:UpdateSigningCertificate",
    "iam:UploadSigningCertificate",
];

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
        let said = types.iter().map(|kind| said(kind, action)).max().unwrap_or(0);
        let types = types.iter().filter_map(|kind| Some(TypePlan::new(service?, kind, action, said)));
        let prefix = service.map_or("", Service::prefix);
        let is_on_caller = ON_CALLER.contains(&&*action.name);
        let key = format!("{prefix} {is_on_caller} {:?}", action.resource_types).into();
        Plan { types: types.collect(), is_on_caller, key }
    }
}

impl TypePlan {
    fn new(service: &Service, kind: &ResourceType, action: &Action, most_said: usize) -> TypePlan {
        let form = Form::new(&kind.arn);
        let is_required = action.resource_types.iter().any(|(name, required)| *required && *name == kind.name);
        // Where the name says nothing, the only type that it may be is meant: `StopLogging` is on a trail.
        let is_only = action.resource_types.len() == 1 && is_required && form.variables.len() == 1;
        let is_said = (most_said > 0 || is_only).then(|| said(kind, action) == most_said);
        let variable = |at: usize| VariablePlan::new(service, kind, &form, at, is_said);
        TypePlan {
            name: kind.name.clone(),
            hash: Name::new(&kind.name),
            is_required,
            variables: (0..form.variables.len()).map(variable).collect(),
            form,
        }
    }

    /// Whether this is what another type is too, told more closely: `rule/${EventBusName}/${RuleName}` beside
    /// `rule/${RuleName}`.
    pub fn is_closer_than(&self, other: &TypePlan) -> bool {
        let has = |name: &String| self.form.variables.contains(name);
        self.form.variables.len() > other.form.variables.len()
            && other.form.variables.iter().all(has)
            && head(&self.form).is_some_and(|own| head(&other.form) == Some(own))
    }

    /// Whether an ARN of one may stand where one of the other may: `listener/app/…` and `listener/net/…`.
    pub fn is_like(&self, other: &TypePlan) -> bool {
        let family = |name: &str| name.split_once('/').map(|(family, _)| family.to_owned());
        self.form.variables == other.form.variables
            && family(&self.name).is_some_and(|own| family(&other.name) == Some(own))
    }
}

/// What a form's resource part begins with, if not with a name.
fn head(form: &Form) -> Option<&str> {
    let first = form.pieces.iter().position(|piece| matches!(piece, Piece::Name(_)))?;
    match form.pieces.get(first.checked_sub(1)?)? {
        Piece::Literal(text) if !text.ends_with(":::") && *text != ":" => Some(text),
        _ => None,
    }
}

/// How many letters of an operation's name say a resource type: `GetTableVersion` says `table`.
fn said(kind: &ResourceType, action: &Action) -> usize {
    let operation = action.name.split_once(':').map_or("", |(_, name)| name).to_ascii_lowercase();
    let kind_name: String = kind.name.split(['-', '_', '/']).collect();
    let form = Form::new(&kind.arn);
    let stems = form.variables.iter().rev().take(2).map(|variable| stem(variable).to_owned());
    let words = stems.chain([kind_name]).map(|word| word.to_ascii_lowercase());
    words.filter(|word| word.len() > 2 && operation.contains(word.as_str())).map(|word| word.len()).max().unwrap_or(0)
}
