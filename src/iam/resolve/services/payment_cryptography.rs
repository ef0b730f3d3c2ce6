//! `payment-cryptography`: how policies write its ARNs; lists of targets.

use crate::iam::arn::is_like_arn;
use crate::iam::request::Request;
use crate::iam::request::params::Params;
use crate::iam::resolve::service_rules::ServiceRules;

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    policy_arns: Some(|_, arn, request| if is_not_meant(&arn, request) { Vec::new() } else { vec![arn] }),
    targets: Some(("Alias", aliases)),
    ..ServiceRules::new("payment-cryptography")
};

/// Parameters that name a key, by its ARN or by an alias.
/// Source: Payment Cryptography API References, control plane and data plane.
const KEYS: &[&str] = &[
    "KeyIdentifier",
    "ExportKeyIdentifier",
    "WrappingKeyIdentifier",
    "GenerationKeyIdentifier",
    "EncryptionKeyIdentifier",
    "IncomingKeyIdentifier",
    "OutgoingKeyIdentifier",
    "VerificationKeyIdentifier",
    "NewPinPekIdentifier",
    "SecureMessagingIntegrityKeyIdentifier",
    "SecureMessagingConfidentialityKeyIdentifier",
];

fn named<'a>(parameters: &Params<'a>) -> impl Iterator<Item = &'a str> {
    KEYS.iter().flat_map(|name| parameters.texts(name))
}

/// The aliases by which a request names keys.
fn aliases(parameters: &Params<'_>) -> (Vec<String>, bool) {
    let aliases = named(parameters).filter(|text| text.starts_with("alias/"));
    (aliases.map(str::to_owned).collect(), false)
}

/// Any alias, where the request names its keys by their ARNs: the table lists both a key and an alias as required.
/// Source: Payment Cryptography User Guide, "About aliases": a policy on an alias is about that, not about its key.
fn is_not_meant(arn: &str, request: &Request<'_>) -> bool {
    let is_by_arn = || {
        let mut keys = named(&request.parameters).peekable();
        keys.peek().is_some() && keys.all(|text| is_like_arn(text) && text.contains(":key/"))
    };
    arn.ends_with(":alias/*") && is_by_arn()
}
