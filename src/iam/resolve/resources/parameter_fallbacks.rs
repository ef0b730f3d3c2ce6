//! Where a variable's value may stand if not under a name that says what it is.

use serde_json::Value;

use crate::iam::arn::arn_format::ArnFormat;
use crate::iam::arn::is_like_arn;
use crate::iam::catalog::{ResourceType, Service};
use crate::iam::request::name::{Name, Ranked};
use crate::iam::request::params::Params;
use crate::iam::resolve::resources::resource_id_prefixes::Letters;

/// Those places, for one variable.
#[derive(Clone, Debug, Default)]
pub(in crate::iam) struct ParameterFallbacks {
    /// Parameters that hold it only if they hold an ARN: a bucket's name may be an access point's ARN.
    arns: Ranked,
    /// Parameters at the top that hold it as a number.
    numbers: Vec<Name>,
    /// First letters of ids of the type, and the parameters that may hold one of any type.
    letters: Option<(Letters, Ranked)>,
    /// A name by which the thing is asked for though its ARN has an id: then it is any.
    name: Option<Name>,
    /// Parameters that hold those that are to be added and to be removed.
    changed: [Ranked; 2],
    /// Whether `targets` may list it.
    is_target: bool,
}

impl ParameterFallbacks {
    pub fn new(service: &Service, kind: &ResourceType, form: &ArnFormat, at: usize) -> ParameterFallbacks {
        let name = form.variables.get(at).map_or("", String::as_str);
        let ranked = |names: &[&str]| Ranked::new(names.iter().map(|name| Name::new(name)));
        let is_number = ["Version", "Number", "Revision"].iter().any(|ending| name.ends_with(ending));
        let numbers: &[&str] = if is_number { &[name, "VersionNumber", "Version"] } else { &[] };
        let letters = (at + 1 == form.variables.len()).then(|| Letters::of(service.prefix(), &kind.name)).flatten();
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
            // Source: EC2 API Reference, LaunchTemplateSpecification: an id or a name.
            name: (service.prefix() == "ec2" && name == "LaunchTemplateId").then(|| Name::new("LaunchTemplateName")),
            changed: if at + 1 == form.variables.len() { changed(name) } else { Default::default() },
            is_target: service.prefix() == "ssm" && name == "InstanceId",
        }
    }

    /// The values that stand there, of texts in which `value` finds one.
    pub fn values(&self, parameters: &Params<'_>, value: impl Fn(&str) -> Option<String>) -> Vec<String> {
        let ParameterFallbacks { arns, numbers, letters, name, is_target, .. } = self;
        if *is_target {
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
        if let Some(number) = numbers.iter().find_map(|name| parameters.number(*name)) {
            return vec![number];
        }
        if let Some((letters, names)) = letters {
            let found = parameters.first_of(names, |_, text| if letters.begin(text) { value(text) } else { None });
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

/// Instances that a request of Systems Manager names as its targets, and whether any may be: by tags, by groups, all.
/// Source: Systems Manager API Reference, Target: `Key=InstanceIds,Values=…`; User Guide, "Restricting Run Command access
/// based on tags": whoever targets tags is asked for the nodes too.
fn targets(parameters: &Params<'_>) -> (Vec<String>, bool) {
    let targets = parameters.get("targets");
    let targets = targets.as_ref().and_then(|targets| targets.as_array()).map(Vec::as_slice).unwrap_or_default();
    let is_of_ids = |target: &&Value| {
        target.get("key").and_then(|key| key.as_str()).is_some_and(|key| key.eq_ignore_ascii_case("InstanceIds"))
    };
    let (of_ids, others): (Vec<&Value>, Vec<&Value>) = targets.iter().partition(is_of_ids);
    let values = of_ids.iter().filter_map(|target| target.get("values")?.as_array()).flatten();
    let (all, ids): (Vec<&str>, Vec<&str>) = values.filter_map(|value| value.as_str()).partition(|id| *id == "*");
    (ids.into_iter().take(100).map(str::to_owned).collect(), !others.is_empty() || !all.is_empty())
}
