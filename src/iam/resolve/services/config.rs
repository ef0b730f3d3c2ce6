//! `config`: where requests hold roles.

use serde_json::Value;

use crate::iam::arn::is_role_arn;
use crate::iam::request::Request;
use crate::iam::resolve::service_rules::{NamedRole, ServiceRules};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    named_roles: Some(
        |call| if call.is("PutRemediationConfigurations") { remediation(call.request) } else { Vec::new() },
    ),
    ..ServiceRules::new("config")
};

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
