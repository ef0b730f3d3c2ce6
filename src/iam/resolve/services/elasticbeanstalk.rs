//! `elasticbeanstalk`: whom its roles are for; where requests hold roles; how its ARNs are written.

use serde_json::Value;

use crate::iam::arn::escape;
use crate::iam::request::Request;
use crate::iam::resolve::service_rules::{NamedRole, ServiceRules, member_text, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[
        passed_to(&[], &["codebuildservicerole"], &["codebuild"]),
        passed_to(&[], &["instanceprofile"], &["ec2"]),
    ],
    named_roles: Some(|call| option_settings(call.request)),
    policy_arns: Some(|action, arn, request| vec![with_version(action, arn, request)]),
    ..ServiceRules::new("elasticbeanstalk")
};

/// A new platform has its version behind its name.
/// Source: Elastic Beanstalk API Reference, CreatePlatformVersion.
fn with_version(action: &str, arn: String, request: &Request<'_>) -> String {
    let is_new = action == "elasticbeanstalk:CreatePlatformVersion" && !arn.ends_with('*');
    match request.parameters.plain_name("platformVersion").filter(|_| is_new) {
        Some(version) => format!("{arn}/{}", escape(version)),
        None => arn,
    }
}

/// Source: Elastic Beanstalk Developer Guide, "General options for all environments": `IamInstanceProfile`,
/// `ServiceRole`.
fn option_settings(request: &Request<'_>) -> Vec<NamedRole> {
    let Some(Value::Array(settings)) = request.parameters.get("optionSettings") else { return Vec::new() };
    let role = |setting: &Value| {
        let name = member_text(setting, "optionName")?;
        let value = member_text(setting, "value")?;
        matches!(name, "IamInstanceProfile" | "ServiceRole").then(|| (name.to_owned(), value.to_owned()))
    };
    settings.iter().filter_map(role).collect()
}
