//! What a service does with a KMS key in the caller's name.
//!
//! KMS asks for the caller's permission, and logs these calls itself, as the caller's through the service, where its
//! events are logged. Where a record says with which key, and the service's documentation what it does with it, the
//! call has taken that; else it is suggested.

use std::collections::BTreeSet;

use crate::iam::event::Permission;
use crate::iam::resolve::service_rules::{Call, KeyUse, ServiceRules};
use crate::iam::resolve::services::kms::{key_arn, uses};

/// The uses of keys that a call took for sure, and those that it may have taken.
pub(in crate::iam) fn key_uses(call: &Call<'_, '_>, rules: &ServiceRules) -> (Vec<Permission>, Vec<Permission>) {
    if let Some(by_headers) = rules.key_uses_by_headers {
        return by_headers(call);
    }
    let Call { catalog, request, operation, .. } = *call;
    let is_it = |known: &&KeyUse| known.operations.iter().any(|name| operation.starts_with(name));
    let Some(known) = rules.key_uses.iter().find(is_it) else { return (Vec::new(), Vec::new()) };
    let keys: BTreeSet<String> = request.parameters.kms_keys().map(|text| key_arn(text, request)).collect();
    if keys.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let is_exact = keys.iter().all(|key| !key.ends_with('*'));
    let uses = uses(catalog, known.actions, &keys, known.source);
    if known.is_certain && is_exact { (uses, Vec::new()) } else { (Vec::new(), uses) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::{Catalog, Event, permissions};

    const HEADER: &str = "x-amz-server-side-encryption-aws-kms-key-id";

    const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    const ANY: &str = "arn:aws:kms:eu-west-1:111122223333:key/*";

    /// Actions of KMS with their resources: needed, and suggested.
    fn uses_of(event: &Event<'_>) -> (Vec<String>, Vec<String>) {
        let event = Event {
            event_type: Some("AwsApiCall"),
            aws_region: Some("eu-west-1"),
            account_id: Some("111122223333"),
            ..*event
        };
        let found = permissions(Catalog::embedded(), &event);
        let of_kms = |found: Vec<Permission>| {
            let found = found.into_iter().filter(|p| p.action.starts_with("kms:"));
            found.map(|p| format!("{} {}", p.action, p.resources.join(" "))).collect()
        };
        (of_kms(found.needed), of_kms(found.suggestions))
    }

    fn put(parameters: &str, response: &str, additional: &str) -> (Vec<String>, Vec<String>) {
        uses_of(&Event {
            event_source: "s3.amazonaws.com",
            event_name: "PutObject",
            request_parameters: Some(parameters),
            response_elements: Some(response),
            additional_event_data: Some(additional),
            ..Default::default()
        })
    }

    #[test]
    fn an_object_written_with_a_key_took_its_use() {
        let plain = r#"{"bucketName":"b","key":"k"}"#;
        let named = format!(r#"{{"bucketName":"b","key":"k","{HEADER}":"{KEY}"}}"#);
        let answered = format!(r#"{{"x-amz-server-side-encryption":"aws:kms","{HEADER}":"{KEY}"}}"#);
        let took = (vec![format!("kms:GenerateDataKey {KEY}")], vec![]);
        assert_eq!(put(&named, "null", "{}"), took);
        assert_eq!(put(plain, &answered, "{}"), took);
        let may = (vec![], vec![format!("kms:GenerateDataKey {ANY}")]);
        assert_eq!(put(plain, "null", r#"{"SSEApplied":"Default_SSE_KMS"}"#), may);
        assert_eq!(put(plain, "null", "{}"), may);
        assert_eq!(put(plain, "null", r#"{"SSEApplied":"Default_SSE_S3"}"#), (vec![], vec![]));
        let by_s3 = r#"{"bucketName":"b","key":"k","x-amz-server-side-encryption":"AES256"}"#;
        assert_eq!(put(by_s3, "null", "{}"), (vec![], vec![]));
    }

    #[test]
    fn a_key_by_its_alias_may_be_any() {
        let uses = |named: &str| {
            let parameters = format!(r#"{{"name":"n","type":"SecureString","kmsKeyId":"{named}"}}"#);
            uses_of(&Event {
                event_source: "ssm.amazonaws.com",
                event_name: "PutParameter",
                request_parameters: Some(&parameters),
                ..Default::default()
            })
        };
        assert_eq!(uses(KEY), (vec![format!("kms:Encrypt {KEY}")], vec![]));
        for named in ["alias/a", "arn:aws:kms:eu-west-1:111122223333:alias/a", "arn:aws:iam::1:role/*", "a*"] {
            assert_eq!(uses(named), (vec![], vec![format!("kms:Encrypt {ANY}")]), "{named}");
        }
    }
}
