//! `resiliencehub`: whom its roles are for; where requests hold roles.

use crate::iam::resolve::service_rules::{NOT_PASSED, NamedRole, ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[passed_to(&[], &["crossaccountrolearns", "crossaccountrolearn"], NOT_PASSED)],
    named_roles: Some(|call| {
        let names = call.request.parameters.texts_anywhere(INVOKER).into_iter();
        names.map(|name| -> NamedRole { (INVOKER.to_owned(), name.to_owned()) }).collect()
    }),
    ..ServiceRules::new("resiliencehub")
};

/// The role that the service works with, by its name.
/// Source: Resilience Hub API Reference, PermissionModel, "invokerRoleName"; AWS's list: iam:PassRole of CreateApp.
const INVOKER: &str = "invokerRoleName";
