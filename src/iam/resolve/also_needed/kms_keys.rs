//! What a service does with a KMS key in the caller's name.
//!
//! KMS asks for the caller's permission, and logs these calls itself, as the caller's through the service, where its
//! events are logged. Where a record says with which key, and the service's documentation what it does with it, the
//! call has taken that; else it is suggested.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::iam::arn::{Arn, escape};
use crate::iam::catalog::{Catalog, Service};
use crate::iam::event::{Confidence, Permission};
use crate::iam::request::Request;

/// What a service does with a key that the request names: what the operation's name begins with, actions, source.
struct KeyUse {
    prefix: &'static str,
    operations: &'static [&'static str],
    actions: &'static [&'static str],
    /// Whether each call does just that; others do some of it.
    is_certain: bool,
    source: &'static str,
}

const KEY_USES: &[KeyUse] = &[
    KeyUse {
        prefix: "ec2",
        operations: &["Create", "Copy", "Run", "Import"],
        actions: &["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext"],
        is_certain: false,
        source: "EBS User Guide, Requirements for EBS encryption",
    },
    KeyUse {
        prefix: "rds",
        operations: &["Create", "Copy", "Restore", "Start"],
        actions: &["kms:CreateGrant", "kms:DescribeKey"],
        is_certain: false,
        source: "RDS User Guide, Encrypting resources",
    },
    KeyUse {
        prefix: "secretsmanager",
        operations: &["CreateSecret", "PutSecretValue", "UpdateSecret"],
        actions: &["kms:GenerateDataKey", "kms:Decrypt"],
        is_certain: true,
        source: "Secrets Manager API Reference, CreateSecret, Required permissions",
    },
    KeyUse {
        prefix: "dynamodb",
        operations: &["CreateTable", "UpdateTable", "Restore"],
        actions: &["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey"],
        is_certain: false,
        source: "DynamoDB developer guide, Encryption at rest",
    },
    KeyUse {
        prefix: "ssm",
        operations: &["PutParameter"],
        actions: &["kms:Encrypt"],
        is_certain: true,
        source: "Systems Manager User Guide, Secure string parameters",
    },
    KeyUse {
        prefix: "lambda",
        operations: &["CreateFunction", "UpdateFunctionConfiguration"],
        actions: &["kms:CreateGrant"],
        is_certain: false,
        source: "Lambda developer guide, Environment variables",
    },
    KeyUse {
        prefix: "elasticfilesystem",
        operations: &["CreateFileSystem"],
        actions: &["kms:CreateGrant", "kms:DescribeKey"],
        is_certain: false,
        source: "EFS User Guide, Encrypting data at rest",
    },
];

/// The uses of keys that a call took for sure, and those that it may have taken.
pub(in crate::iam) fn key_uses(
    catalog: &Catalog,
    service: &Service,
    operation: &str,
    request: &Request<'_>,
) -> (Vec<Permission>, Vec<Permission>) {
    if service.prefix() == "s3" {
        return of_objects(catalog, operation, request);
    }
    let is_it = |known: &&KeyUse| {
        known.prefix == service.prefix() && known.operations.iter().any(|name| operation.starts_with(name))
    };
    let Some(known) = KEY_USES.iter().find(is_it) else { return (Vec::new(), Vec::new()) };
    let keys: BTreeSet<String> = request.parameters.kms_keys().map(|text| key_arn(text, request)).collect();
    if keys.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let is_exact = keys.iter().all(|key| !key.ends_with('*'));
    let uses = uses(catalog, known.actions, &keys, known.source);
    if known.is_certain && is_exact { (uses, Vec::new()) } else { (Vec::new(), uses) }
}

/// The header by which a key is named in requests for objects and in answers to them.
const HEADER: &str = "x-amz-server-side-encryption-aws-kms-key-id";

const WRITING: &[&str] =
    &["PutObject", "CopyObject", "CreateMultipartUpload", "UploadPart", "UploadPartCopy", "CompleteMultipartUpload"];
const READING: &[&str] = &["GetObject", "HeadObject", "SelectObjectContent"];

/// Objects are written with a data key and read with its decryption; what is uploaded in parts takes both.
/// Source: S3 User Guide, "Using server-side encryption with AWS KMS keys", "Required permissions", "Multipart
/// uploads".
fn of_objects(catalog: &Catalog, operation: &str, request: &Request<'_>) -> (Vec<Permission>, Vec<Permission>) {
    let (writes, reads) = (WRITING.contains(&operation), READING.contains(&operation));
    if !writes && !reads {
        return (Vec::new(), Vec::new());
    }
    let in_parts = operation.contains("Multipart") || operation.starts_with("UploadPart");
    let actions: &[&str] = match (writes, in_parts) {
        (true, true) => &["kms:GenerateDataKey", "kms:Decrypt"],
        (true, false) => &["kms:GenerateDataKey"],
        _ => &["kms:Decrypt"],
    };
    let source = "S3 User Guide, Using server-side encryption with AWS KMS keys";
    let named = request.parameters.texts_anywhere(HEADER).into_iter().map(str::to_owned);
    let keys: BTreeSet<String> =
        request.answered(HEADER).into_iter().chain(named).map(|text| key_arn(&text, request)).collect();
    let (any, exact): (BTreeSet<String>, BTreeSet<String>) = keys.into_iter().partition(|key| key.ends_with('*'));
    if !exact.is_empty() {
        return (uses(catalog, actions, &exact, source), Vec::new());
    }
    let is_by_header = || request.parameters.texts_anywhere("x-amz-server-side-encryption").contains(&"AES256");
    let is_other = match request.encryption() {
        Some(applied) => !applied.contains("KMS"),
        None => is_by_header(),
    };
    if is_other {
        return (Vec::new(), Vec::new());
    }
    let any = if any.is_empty() { BTreeSet::from([plain_key_arn("*", request)]) } else { any };
    (Vec::new(), uses(catalog, actions, &any, source))
}

fn uses(catalog: &Catalog, actions: &[&str], keys: &BTreeSet<String>, source: &str) -> Vec<Permission> {
    let known = actions.iter().filter_map(|name| catalog.action(name));
    let one = known.map(|action| Permission {
        action: Arc::clone(&action.name),
        resources: keys.iter().cloned().collect(),
        confidence: Confidence::Documented,
        rule: "named-key",
        source: source.into(),
        passed_to_service: None,
    });
    one.collect()
}

/// A key's ARN by its ARN or id; by an alias any key of the account, since policies name keys and not aliases.
fn key_arn(text: &str, request: &Request<'_>) -> String {
    let is_id = |id: &str| !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    match Arn::parse(text) {
        Some(arn) if arn.service == "kms" && arn.resource.strip_prefix("key/").is_some_and(is_id) => escape(text),
        None if is_id(text) => plain_key_arn(text, request),
        _ => plain_key_arn("*", request),
    }
}

fn plain_key_arn(id: &str, request: &Request<'_>) -> String {
    format!("{}:key/{id}", request.event.arn("kms"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::{Event, permissions};

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
