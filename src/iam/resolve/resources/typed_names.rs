//! Requests that say the type of what they name: `resourceType` beside `resourceId`, `targetResourceType` beside
//! `targetResourceId`.

use crate::iam::request::Request;
use crate::iam::request::name::Name;
use crate::iam::resolve::resources::plan::resource_type::TypePlan;

/// What a request says itself to be about.
pub(in crate::iam) struct TypedNames<'a> {
    pub kinds: Vec<Name>,
    pub names: Vec<&'a str>,
}

/// Where the type stands, and where the names.
/// Sources: IoT Wireless API Reference, GetResourceLogLevel; IoT SiteWise API Reference, ListActions.
const PAIRS: [(&str, &[&str]); 2] = [
    ("ResourceType", &["ResourceId", "ResourceIds", "ResourceIdentifier"]),
    ("TargetResourceType", &["TargetResourceId"]),
];

/// The type and the names of what the request is about, where it tells both.
pub(in crate::iam) fn told<'a>(request: &Request<'a>, types: &[TypePlan]) -> Option<TypedNames<'a>> {
    let texts = |names: &[&str]| names.iter().flat_map(|name| request.parameters.texts(name)).collect::<Vec<&str>>();
    let pair = PAIRS.iter().map(|(kinds, names)| (texts(&[kinds]), *names)).find(|(kinds, _)| !kinds.is_empty());
    let (kinds, names) = pair.map(|(kinds, names)| (kinds, texts(names)))?;
    // CloudFormation's names: AWS::EC2::VPC.
    // Of managed nodes those of EC2 are instances. Source: Systems Manager User Guide, "Managed nodes": `mi-`,
    // `i-`.
    let is_of_ec2 = names.iter().all(|name| name.starts_with("i-"));
    let kind = |text: &&str| match text.rsplit("::").next().unwrap_or(text) {
        "ManagedInstance" if is_of_ec2 => Name::new("instance"),
        text => named(text, types),
    };
    (!names.is_empty()).then(|| TypedNames { kinds: kinds.iter().map(kind).collect(), names })
}

/// The type that a text names, be it by the beginning of its name only: `Automation` is `automation-execution`.
fn named(text: &str, types: &[TypePlan]) -> Name {
    let letters =
        |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let (name, begin) = (Name::new(text), letters(text));
    let begins = |kind: &&TypePlan| begin.len() > 3 && letters(&kind.name).starts_with(&begin);
    match types.iter().any(|kind| kind.hash == name) {
        true => name,
        false => types.iter().find(begins).map_or(name, |kind| kind.hash),
    }
}
