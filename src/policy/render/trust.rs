//! Trust policies in the formats that can hold them: they are a property of a role, not something that is attached.

use super::renderer::RenderError;
use super::{cloudformation, cloudformation_template, terraform};
use crate::iam::document::Policy;

/// HCL: an `aws_iam_policy_document` for `assume_role_policy` of the role's resource.
///
/// # Errors
/// HCL cannot hold it.
pub fn trust_terraform(name: &str, policy: &Policy) -> Result<String, RenderError> {
    let failed = |error| RenderError::new(format!("cannot write the policy as HCL: {error}"), "policy");
    terraform::trust(name, policy).map_err(failed)
}

/// A YAML template with the role's `AssumeRolePolicyDocument`.
///
/// # Errors
/// YAML cannot hold it.
pub fn trust_cloudformation(name: &str, path: &str, policy: &Policy) -> Result<String, RenderError> {
    let text = cloudformation_template::trust(name, path, policy).to_string();
    let failed = |error| RenderError::new(format!("cannot write the template as YAML: {error}"), "policy");
    cloudformation::yaml(&text).map_err(failed)
}
