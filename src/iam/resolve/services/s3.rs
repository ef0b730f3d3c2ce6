//! Amazon S3: copies between buckets, tables of metadata, access points, encrypted objects.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use percent_encoding::percent_decode_str;

use crate::iam::arn::arn_format::ArnFormat;
use crate::iam::arn::{Arn, escape, partition_of};
use crate::iam::catalog::{Action, Catalog};
use crate::iam::event::Permission;
use crate::iam::request::Request;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, ServiceRules, passed_to};
use crate::iam::resolve::services::kms::{key_arn, plain_key_arn, uses};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    special: Some(|call| if is_copy(call.operation) { copy(call, "s3") } else { None }),
    passed_to: &[
        passed_to(&["CreateJob"], &[], &["batchoperations.s3"]),
        passed_to(&["CreateAccessGrantsLocation", "UpdateAccessGrantsLocation"], &[], &["access-grants.s3"]),
    ],
    key_uses_by_headers: Some(of_objects),
    // TagResource takes no such configuration. Source: S3 User Guide, "Setting permissions to use S3 Storage Lens".
    tag_actions: &[("PutStorageLensConfiguration", "PutStorageLensConfigurationTagging")],
    also_needed: Some(|call| metadata_tables(call).unwrap_or_default()),
    reached_through: Some(reached_through),
    ..ServiceRules::new("s3")
};

/// Tables that metadata is written into are made in the caller's name: in the bucket that the request names, and by the
/// newer operations in the one that S3 keeps in each account.
/// Source: S3 API Reference, CreateBucketMetadataTableConfiguration, CreateBucketMetadataConfiguration,
/// UpdateBucketMetadataInventoryTableConfiguration, Permissions; S3 User Guide, "Setting up permissions for configuring
/// metadata tables".
fn metadata_tables(call: &Call<'_, '_>) -> Option<Vec<Permission>> {
    let parameters = &call.request.parameters;
    let named = parameters.texts_anywhere("TableBucketArn").first().map(|arn| escape(arn));
    let managed = || format!("{}:bucket/aws-s3", call.request.event.arn("s3tables"));
    let (bucket, is_managed) = match call.operation {
        "CreateBucketMetadataTableConfiguration" => (named?, false),
        "CreateBucketMetadataConfiguration" => (managed(), true),
        "UpdateBucketMetadataInventoryTableConfiguration" => {
            let is_on = parameters.texts_anywhere("ConfigurationState").contains(&"ENABLED");
            (is_on.then(managed)?, true)
        }
        _ => return None,
    };
    let tables = format!("{bucket}/table/*");
    let of = |name: &str, resource: &str| {
        let action = call.catalog.action(name)?;
        Some(permission(action, vec![resource.to_owned()], "metadata-table", "S3 User Guide, metadata tables"))
    };
    let mut needed = vec![
        of("s3tables:CreateNamespace", &bucket),
        of("s3tables:CreateTable", &bucket),
        of("s3tables:GetTable", &tables),
        of("s3tables:PutTablePolicy", &tables),
    ];
    if is_managed {
        needed.extend([
            of("s3tables:CreateTableBucket", &bucket),
            of("s3tables:PutTableBucketPolicy", &bucket),
            of("s3tables:PutTableEncryption", &tables),
        ]);
    }
    Some(needed.into_iter().flatten().collect())
}

const BECAUSE: &str = "S3 API Reference, CopyObject";

/// How names of directory buckets end. Source: S3 User Guide, "Directory bucket naming rules".
const DIRECTORY: &str = "--x-s3";

/// Headers of a copy that put more on it than its bytes.
const BESIDE: &[(&str, &str)] = &[
    ("x-amz-acl", "s3:PutObjectAcl"),
    ("x-amz-tagging", "s3:PutObjectTagging"),
    ("x-amz-object-lock-mode", "s3:PutObjectRetention"),
    ("x-amz-object-lock-legal-hold", "s3:PutObjectLegalHold"),
];

/// Reading, then writing.
pub(in crate::iam) fn copy(call: &Call<'_, '_>, prefix: &str) -> Option<Vec<Permission>> {
    let Call { catalog, request, .. } = *call;
    let (read, from) = reading(catalog, request)?;
    let (write, to) = writing(call, prefix)?;
    if read.name == write.name {
        // Two directory buckets: a session for each.
        let mut both = to;
        both.extend((!both.contains(&from)).then_some(from));
        return Some(vec![needed(write, both)]);
    }
    let mut permissions = vec![needed(read, vec![from]), needed(write, to.clone())];
    if prefix == "s3" {
        let asked = BESIDE.iter().filter(|(header, _)| request.parameters.has(header));
        let beside = asked.filter_map(|(_, name)| catalog.action(name));
        permissions.extend(beside.map(|action| needed(action, to.clone())));
    }
    Some(permissions)
}

fn needed(action: &Action, resources: Vec<String>) -> Permission {
    permission(action, resources, "s3-copy", BECAUSE)
}

/// What reads the source, and where.
fn reading<'c>(catalog: &'c Catalog, request: &Request<'_>) -> Option<(&'c Action, String)> {
    let source = request.parameters.text("x-amz-copy-source").or(request.parameters.text("copySource"));
    let decoded = source.map(|text| percent_decode_str(text).decode_utf8_lossy());
    let (path, version) = match decoded.as_deref().map(|text| text.trim_start_matches('/')) {
        Some(text) => match text.split_once("?versionId=") {
            Some((path, _)) => (Some(path), true),
            None => (Some(text), false),
        },
        None => (None, false),
    };
    let bucket = path.and_then(|path| path.split('/').next()).filter(|bucket| bucket.ends_with(DIRECTORY));
    if let Some(bucket) = bucket {
        return Some((catalog.action("s3express:CreateSession")?, directory_bucket(bucket, request)));
    }
    let partition = partition_of(request.event.aws_region);
    let from = match path {
        Some(arn) if Arn::parse(arn).is_some() => escape(arn),
        Some(path) => format!("arn:{partition}:s3:::{}", escape(path)),
        None => format!("arn:{partition}:s3:::*/*"),
    };
    Some((catalog.action(if version { "s3:GetObjectVersion" } else { "s3:GetObject" })?, from))
}

/// What writes the target, and where.
fn writing<'c>(call: &Call<'c, '_>, prefix: &str) -> Option<(&'c Action, Vec<String>)> {
    let Call { catalog, request, .. } = *call;
    let text = |name: &str| request.parameters.text(name);
    let is_directory = prefix == "s3express";
    let write = catalog.action(if is_directory { "s3express:CreateSession" } else { "s3:PutObject" })?;
    let partition = partition_of(request.event.aws_region);
    let to = match (text("bucketName"), text("key")) {
        (Some(bucket), _) if is_directory => vec![directory_bucket(bucket, request)],
        (Some(bucket), Some(key)) => vec![format!("arn:{partition}:s3:::{}/{}", escape(bucket), escape(key))],
        _ => call.resources(write),
    };
    Some((write, to))
}

fn directory_bucket(name: &str, request: &Request<'_>) -> String {
    format!("{}:bucket/{}", request.event.arn("s3express"), escape(name))
}

/// ARNs that are reached through access points.
const POINTS_MAX: usize = 100;

/// Of a call through an access point the record lists the bucket too, which the request names; the caller is asked for
/// the access point. Source: S3 User Guide, "Monitoring and logging access points"; "Configuring IAM policies for using
/// access points".
fn through_access_points(takes: &dyn Fn(&str) -> bool, request: &Request<'_>, found: &[String]) -> Vec<String> {
    static POINT: LazyLock<ArnFormat> =
        LazyLock::new(|| ArnFormat::new("arn:${Partition}:s3:${Region}:${Account}:accesspoint/${AccessPointName}"));
    let is_point = |arn: &&String| arn.split_once(":accesspoint/").is_some_and(|(_, name)| !name.contains('/'));
    let points = request.listed(&POINT);
    let of_bucket = |arn: &String| arn.split_once(":s3:::").map(|(_, rest)| rest.to_owned());
    let buckets: Vec<String> = found.iter().filter_map(of_bucket).collect();
    let points = points.iter().filter(is_point);
    let all = points.flat_map(|point| buckets.iter().map(|rest| through(point, rest)).collect::<Vec<_>>());
    all.filter(|arn| takes(arn)).take(POINTS_MAX).collect()
}

/// What is reached through an access point: the bucket, or the object whose bucket and key these are.
fn through(point: &str, bucket_and_key: &str) -> String {
    match bucket_and_key.split_once('/') {
        Some((_, key)) => format!("{point}/object/{key}"),
        None => point.to_owned(),
    }
}

/// The access point whose alias stands where a bucket's name would: policies know it by its ARN alone. The alias has
/// the front of its name, then what S3 adds, and says nothing of its account.
/// Source: S3 User Guide, "Access point aliases".
fn by_alias(arn: &str, request: &Request<'_>) -> Option<String> {
    let (front, named) = arn.split_once(":s3:::")?;
    let bucket = named.split('/').next()?;
    let (point, _) = bucket.strip_suffix("-s3alias")?.rsplit_once('-')?;
    let region = request.event.region();
    Some(through(&format!("{front}:s3:{region}:*:accesspoint/{point}*"), named))
}

/// The header by which a key is named in requests for objects and in answers to them.
const HEADER: &str = "x-amz-server-side-encryption-aws-kms-key-id";

const WRITING: &[&str] =
    &["PutObject", "CopyObject", "CreateMultipartUpload", "UploadPart", "UploadPartCopy", "CompleteMultipartUpload"];

const READING: &[&str] = &["GetObject", "HeadObject", "SelectObjectContent"];

/// Objects are written with a data key and read with its decryption; what is uploaded in parts takes both.
/// Source: S3 User Guide, "Using server-side encryption with AWS KMS keys", "Required permissions", "Multipart
/// uploads".
fn of_objects(call: &Call<'_, '_>) -> (Vec<Permission>, Vec<Permission>) {
    let Call { catalog, request, operation, .. } = *call;
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

/// Whether an operation copies.
pub(in crate::iam) fn is_copy(operation: &str) -> bool {
    matches!(operation, "CopyObject" | "UploadPartCopy")
}

/// What calls through access points are authorised on instead of the bucket and its objects.
fn reached_through(found: Vec<String>, takes: &dyn Fn(&str) -> bool, request: &Request<'_>) -> Vec<String> {
    let through = through_access_points(takes, request, &found);
    let mut found = found;
    if through.is_empty() {
        let by_alias = |arn: String| by_alias(&arn, request).filter(|point| takes(point)).unwrap_or(arn);
        found = found.into_iter().map(by_alias).collect();
    }
    found.extend(through);
    found.sort_unstable();
    found.dedup();
    found
}
