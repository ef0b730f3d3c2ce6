//! `macie2`: the role that it reveals samples with.

use crate::iam::resolve::service_rules::{NamedRole, ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[passed_to(&["UpdateRevealConfiguration"], &[], &["reveal-samples.macie"])],
    named_roles: Some(|call| {
        let is_handed = call.is("UpdateRevealConfiguration");
        let names = call.request.parameters.texts_anywhere(ROLE).into_iter().filter(|_| is_handed);
        names.map(|name| -> NamedRole { (ROLE.to_owned(), name.to_owned()) }).collect()
    }),
    ..ServiceRules::new("macie2")
};

/// Source: Macie API Reference, UpdateRetrievalConfiguration, "roleName"; User Guide, "Configuring Macie to retrieve
/// sensitive data samples", trust policy; Service Authorization Reference, operations of Macie: iam:PassRole.
const ROLE: &str = "roleName";
