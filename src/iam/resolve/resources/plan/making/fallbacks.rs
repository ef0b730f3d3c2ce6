//! Makes the `ParameterFallbacks` of one variable of an ARN format.

use crate::iam::arn::arn_format::ArnFormat;
use crate::iam::catalog::ResourceType;
use crate::iam::request::name::{Name, Ranked};
use crate::iam::resolve::resources::plan::fallbacks::ParameterFallbacks;
use crate::iam::resolve::resources::plan::making::words::stem;
use crate::iam::resolve::service_rules::ServiceRules;

impl ParameterFallbacks {
    pub(super) fn new(rules: &ServiceRules, kind: &ResourceType, form: &ArnFormat, at: usize) -> ParameterFallbacks {
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
}

/// `AddSubnetId` and `RemoveSubnetId`, `UserIdsToAdd` and `UserIdsToRemove`, `thingGroupsToAdd` and
/// `thingGroupsToRemove`.
/// Source: EC2 API Reference, ModifyVpcEndpoint; ElastiCache API Reference, ModifyUserGroup; IoT API Reference,
/// UpdateThingGroupsForThing.
fn changed(variable: &str) -> [Ranked; 2] {
    ["Add", "Remove"].map(|verb| {
        let names = [variable, stem(variable)].into_iter().flat_map(|name| [name.to_owned(), format!("{name}s")]);
        let names: Vec<String> = names.collect();
        let names = names.iter().flat_map(|name| [format!("{verb}{name}"), format!("{name}To{verb}")]);
        Ranked::new(names.map(|name| Name::new(&name)))
    })
}
