//! `imagebuilder`: whom its roles are for; tags on what it makes; how its names are read.

use crate::iam::arn::escape;
use crate::iam::resolve::service_rules::{NOT_PASSED, Reading, ServiceRules, ValueReader, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[passed_to(&[], &["instanceprofilename"], &["ec2"]), passed_to(&[], &["rolename"], NOT_PASSED)],
    tag_actions: &[("UpdateImagePipeline", "TagResource")],
    read: Some(|_, variable| {
        let is_name = variable.ends_with("Name") || variable == "ResourceId";
        is_name.then(|| ValueReader::new(as_in_arns))
    }),
    ..ServiceRules::new("imagebuilder")
};

/// `Build Small` is `build-small` in ARNs.
/// Source: Image Builder API Reference, CreateInfrastructureConfiguration: names may have capitals and spaces, ARNs none.
fn as_in_arns(name: &str) -> Reading<'_> {
    let is_other = |letter: u8| letter.is_ascii_uppercase() || letter == b' ';
    if !name.bytes().any(is_other) {
        return Reading::Name(name);
    }
    Reading::Exactly(escape(&name.to_ascii_lowercase().replace(' ', "-")))
}
