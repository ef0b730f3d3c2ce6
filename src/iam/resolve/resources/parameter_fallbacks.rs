//! Where a variable's value may stand if not under a name that says what it is.

use crate::iam::arn::arn_format::ArnFormat;
use crate::iam::arn::{Arn, is_like_arn};
use crate::iam::catalog::ResourceType;
use crate::iam::request::name::{Name, Ranked};
use crate::iam::request::params::Params;
use crate::iam::resolve::service_rules::{IdPrefix, ReadTargets, ServiceRules};

/// Those places, for one variable.
#[derive(Clone, Debug, Default)]
pub(in crate::iam) struct ParameterFallbacks {
    /// Parameters that hold it only if they hold an ARN: a bucket's name may be an access point's ARN.
    arns: Ranked,
    /// Parameters at the top that hold it as a number.
    numbers: Vec<Name>,
    /// First letters of ids of the type, and the parameters that may hold one of any type.
    letters: Option<(IdPrefix, Ranked)>,
    /// A name by which the thing is asked for though its ARN has an id: then it is any.
    name: Option<Name>,
    /// Parameters that hold those that are to be added and to be removed.
    changed: [Ranked; 2],
    /// Reads it from a list of targets.
    targets: Option<ReadTargets>,
}

impl ParameterFallbacks {
    pub fn new(rules: &ServiceRules, kind: &ResourceType, form: &ArnFormat, at: usize) -> ParameterFallbacks {
        let name = form.variables.get(at).map_or("", String::as_str);
        let ranked = |names: &[&str]| Ranked::new(names.iter().map(|name| Name::new(name)));
        let is_number = ["Version", "Number", "Revision"].iter().any(|ending| name.ends_with(ending));
        // `ModelVersion` for `ModelVersionNumber`.
        let short = name.strip_suffix("Number").filter(|short| !short.is_empty()).unwrap_or(name);
        let numbers: &[&str] = if is_number { &[name, short, "VersionNumber", "Version"] } else { &[] };
        let letters =
            rules.id_prefixes.iter().filter(|(known, _)| *known == kind.name && at + 1 == form.variables.len());
        let letters = letters.map(|(_, letters)| *letters).next();
        let of_any = [
            "ResourceId",
            "ResourceIds",
            "ResourceIdentifier",
            "TargetId",
            "ParentId",
            "SourceParentId",
            "DestinationParentId",
            "Id",
        ];
        ParameterFallbacks {
            arns: ranked(if name == "AccessPointName" { &["BucketName", "Bucket"] } else { &[] }),
            numbers: numbers.iter().map(|name| Name::new(name)).collect(),
            letters: letters.map(|letters| (letters, ranked(&of_any))),
            name: rules
                .called_by_name
                .iter()
                .find(|(variable, _)| *variable == name)
                .map(|(_, called)| Name::new(called)),
            changed: if at + 1 == form.variables.len() { changed(name) } else { Default::default() },
            targets: rules.targets.filter(|(variable, _)| *variable == name).map(|(_, targets)| targets),
        }
    }

    /// The values that stand there, of texts in which `value` finds one.
    pub fn values(&self, parameters: &Params<'_>, value: impl Fn(&str) -> Option<String>) -> Vec<String> {
        let ParameterFallbacks { arns, letters, name, targets, .. } = self;
        if let Some(targets) = targets {
            let (ids, is_any) = targets(parameters);
            let any = is_any.then(|| "*".to_owned());
            return ids.iter().filter_map(|text| value(text)).chain(any).collect();
        }
        if !arns.names.is_empty() {
            let found = parameters.first_of(arns, |_, text| if is_like_arn(text) { value(text) } else { None });
            if !found.is_empty() {
                return found;
            }
        }
        if let Some(number) = self.number(parameters) {
            return vec![number];
        }
        if let Some((letters, names)) = letters {
            let found = parameters.first_of(names, |_, text| if letters.begins(text) { value(text) } else { None });
            if !found.is_empty() {
                return found;
            }
        }
        let found = self.changed(parameters, &value);
        if !found.is_empty() {
            return found;
        }
        let is_asked_for = name.is_some_and(|name| !parameters.texts_of(name).is_empty());
        if is_asked_for { vec!["*".to_owned()] } else { Vec::new() }
    }

    /// The number that a parameter at the top gives for it.
    pub fn number(&self, parameters: &Params<'_>) -> Option<String> {
        self.numbers.iter().find_map(|name| parameters.number(*name))
    }

    /// The ARN that a parameter gives which holds the variable only in an ARN.
    pub fn given_by<'a>(
        &self,
        parameters: &Params<'a>,
        arn: impl Fn(Name, &'a str) -> Option<Arn<'a>>,
    ) -> Option<Arn<'a>> {
        parameters.first_of(&self.arns, arn).into_iter().next()
    }

    /// Whether a parameter of that name holds some that are to be added or removed.
    pub fn is_change(&self, name: Name) -> bool {
        self.changed.iter().any(|names| names.contains(name))
    }

    /// Those that are to be added, and those to be removed.
    pub fn changed(&self, parameters: &Params<'_>, value: impl Fn(&str) -> Option<String>) -> Vec<String> {
        let [mut added, removed] =
            self.changed.each_ref().map(|names| parameters.first_of(names, |_, text| value(text)));
        added.extend(removed);
        added
    }
}

/// `AddSubnetId` and `RemoveSubnetId`, `UserIdsToAdd` and `UserIdsToRemove`.
/// Source: EC2 API Reference, ModifyVpcEndpoint; ElastiCache API Reference, ModifyUserGroup.
fn changed(variable: &str) -> [Ranked; 2] {
    ["Add", "Remove"].map(|verb| {
        let names = [String::new(), "s".to_owned()].map(|ending| format!("{variable}{ending}"));
        let names = names.iter().flat_map(|name| [format!("{verb}{name}"), format!("{name}To{verb}")]);
        Ranked::new(names.map(|name| Name::new(&name)))
    })
}
