//! How the resources of an action are found: for each resource type that it takes its ARN form, and for each variable of
//! that the parameters that may hold it. Made once for each action, when it is first asked for.

use std::sync::Arc;

use super::arn::escape;
use super::catalog::{Action, Catalog, ResourceType, Service};
use super::form::Form;
use super::params::{Name, Ranked};
use super::resources::Request;

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

#[derive(Clone, Debug)]
pub(super) struct VariablePlan {
    /// Parameters that may hold it, the likeliest first.
    candidates: Ranked,
    /// Whether one of them is `resourceId`, which may name anything.
    pub is_any_resource: bool,
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
        let is_on_caller = ON_CALLER.contains(&&*action.name);
        let key = format!("{prefix} {is_on_caller} {:?}", action.resource_types).into();
        Plan { types: types.collect(), is_on_caller, key }
    }
}

impl TypePlan {
    fn new(service: &Service, kind: &ResourceType, action: &Action) -> TypePlan {
        let form = Form::new(&kind.arn);
        let variable = |name: &String| VariablePlan::new(service, kind, &form, name);
        TypePlan {
            name: kind.name.clone(),
            hash: Name::new(&kind.name),
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
        let candidates = Ranked::new(candidates(service, kind, form, name).iter().map(|name| Name::new(name)));
        VariablePlan {
            is_any_resource: candidates.names.contains(&Name::new("ResourceId")),
            candidates,
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
    pub fn values(&self, request: &Request<'_>) -> Vec<String> {
        request.parameters.first_of(&self.candidates, |text| self.value(text))
    }

    /// A parameter's text as the value: a name, or the name out of an ARN or URL of the type.
    pub fn value(&self, text: &str) -> Option<String> {
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

/// Names under which a parameter may hold a variable's value, the likeliest first.
///
/// Where a pattern has several variables, a guess may take the value of one for that of another (a group's name for
/// its id): then only names that say the variable itself count.
fn candidates(service: &Service, kind: &ResourceType, form: &Form, variable: &str) -> Vec<String> {
    // A group of another service: names of groups in requests are of the service's own.
    if kind.name == "group" && !kind.arn.contains(&format!(":{}:", service.prefix())) {
        return Vec::new();
    }
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
