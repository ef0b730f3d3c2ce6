//! Identity providers whose tokens roles are taken with, and the condition keys of their tokens.

use crate::iam::arn::Arn;

/// Providers that IAM knows by name, with the keys of audience and subject, if a policy should have them: whoever signs
/// in to an application with one of these has a subject of its own. What of a Google token its `aud` is depends on the
/// token (IAM User Guide, `reference_policies_iam-condition-keys`, "Available keys for AWS OIDC federation").
const NAMED_PROVIDERS: [(&str, Option<&str>, Option<&str>); 4] = [
    ("cognito-identity.amazonaws.com", Some("aud"), None),
    ("www.amazon.com", Some("app_id"), None),
    ("graph.facebook.com", Some("app_id"), None),
    ("accounts.google.com", None, Some("sub")),
];

/// What the keys of a provider's tokens begin with, and the names of audience and subject behind it.
pub(super) fn token_keys(provider: &str) -> (String, Option<&'static str>, Option<&'static str>) {
    if let Some((name, audience, subject)) = NAMED_PROVIDERS.iter().find(|(name, ..)| *name == provider) {
        return ((*name).to_owned(), *audience, *subject);
    }
    let host = Arn::parse(provider).and_then(|arn| arn.resource.strip_prefix("oidc-provider/")).unwrap_or(provider);
    (host.to_owned(), Some("aud"), Some("sub"))
}

/// Whether a policy lists the subjects of a provider.
pub(super) fn lists_subjects(provider: &str) -> bool {
    token_keys(provider).2.is_some()
}
