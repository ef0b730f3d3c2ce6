//! `config`: where requests hold roles, and whom these are for; how its names are read.

use serde_json::Value;

use crate::iam::arn::is_role_arn;
use crate::iam::request::Request;
use crate::iam::resolve::service_rules::{NamedRole, Reading, ServiceRules, ValueReader, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    named_roles: Some(
        |call| if call.is("PutRemediationConfigurations") { remediation(call.request) } else { Vec::new() },
    ),
    passed_to: &[
        // Config Developer Guide, "Setting up auto remediation": Systems Manager takes the role on.
        passed_to(&["PutRemediationConfigurations"], &[], &["ssm", "config"]),
    ],
    read: Some(read),
    ..ServiceRules::new("config")
};

/// What is put on an organization is called by its name, behind which Config puts letters of its own.
/// Source: Config API Reference, OrganizationConfigRule and OrganizationConformancePack, ARNs of the examples.
fn read(_: &str, variable: &str) -> Option<ValueReader> {
    let is_named = matches!(variable, "OrganizationConfigRuleId" | "OrganizationConformancePackId");
    is_named.then(|| ValueReader::new(|name| Reading::NameThen(name, "-*")))
}

/// Source: Config Developer Guide, "Setting up auto remediation": the document's parameter `AutomationAssumeRole`.
fn remediation(request: &Request<'_>) -> Vec<NamedRole> {
    let Some(Value::Array(rules)) = request.parameters.get("remediationConfigurations") else { return Vec::new() };
    let role = |rule: &Value| {
        let value = rule.get("parameters")?.get("AutomationAssumeRole")?.get("staticValue")?;
        let values = value.get("values")?.as_array()?;
        let role = values.iter().find_map(Value::as_str).filter(|text| is_role_arn(text))?;
        Some(("AutomationAssumeRole".to_owned(), role.to_owned()))
    };
    rules.iter().filter_map(role).collect()
}
