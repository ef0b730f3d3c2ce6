//! Trust policies in the formats that can hold them: they are a property of a role, not something that is attached.

use super::renderer::RenderError;
use super::{cloudformation, cloudformation_template, terraform};
use crate::iam::document::Policy;

/// What a role, an account and a name, is called among others in one file of HCL: its name, with the account where
/// another's label is written alike (`de-ploy`, `de.ploy`; roles of two accounts).
pub fn trust_label(role: (&str, &str), all: &[(&str, &str)]) -> String {
    let (account, name) = role;
    let alike = all.iter().filter(|(_, other)| terraform::trust_id(other) == terraform::trust_id(name));
    if alike.clone().count() == 1 {
        return name.to_owned();
    }
    let place = alike.filter(|(other, _)| *other == account).position(|other| *other == role).unwrap_or(0);
    if place == 0 { format!("{name}_{account}") } else { format!("{name}_{account}_{}", place + 1) }
}

/// HCL: an `aws_iam_policy_document` for `assume_role_policy` of the role's resource.
///
/// # Errors
/// HCL cannot hold it.
pub fn trust_terraform(name: &str, policy: &Policy) -> Result<String, RenderError> {
    holds(policy, "&{", "Terraform")?;
    let failed = |error| RenderError::new(format!("cannot write the policy as HCL: {error}"), "policy");
    terraform::trust(name, policy).map_err(failed)
}

/// A YAML template with the role's `AssumeRolePolicyDocument`.
///
/// # Errors
/// YAML cannot hold it.
pub fn trust_cloudformation(name: &str, path: &str, policy: &Policy) -> Result<String, RenderError> {
    holds(policy, "{{resolve:", "CloudFormation")?;
    let text = cloudformation_template::trust(name, path, policy).to_string();
    let failed = |error| RenderError::new(format!("cannot write the template as YAML: {error}"), "policy");
    cloudformation::yaml(&text).map_err(failed)
}

/// Conditions are compared to the letter: another character in the place of what a format takes for its own would shut
/// somebody out.
fn holds(policy: &Policy, taken: &str, format: &str) -> Result<(), RenderError> {
    let conditions = policy.statements.iter().flat_map(|statement| &statement.condition);
    let mut values = conditions.flat_map(|condition| &condition.keys).flat_map(|(_, values)| values);
    match values.find(|value| value.contains(taken)) {
        Some(value) => {
            let value = crate::util::shown::name(value);
            Err(RenderError::new(format!("{format} takes `{taken}` in {value} for its own"), "policy"))
        }
        None => Ok(()),
    }
}
