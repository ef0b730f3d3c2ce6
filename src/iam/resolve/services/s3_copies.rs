//! Copies between buckets: reading the source, writing the target, and what the copy's headers put on it.
//!
//! Source: S3 API Reference, CopyObject, UploadPartCopy, "Permissions".

use crate::iam::arn::{Arn, escape, partition_of};
use crate::iam::catalog::{Action, Catalog};
use crate::iam::event::Permission;
use crate::iam::request::Request;
use crate::iam::resolve::operation_match::OperationMatch;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::resources::resources;

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
pub(in crate::iam) fn copy<'c>(
    catalog: &'c Catalog,
    request: &Request<'_>,
    prefix: &str,
) -> Option<OperationMatch<'c>> {
    let (read, from) = reading(catalog, request)?;
    let (write, to) = writing(catalog, request, prefix)?;
    if read.name == write.name {
        // Two directory buckets: a session for each.
        let mut both = to;
        both.extend((!both.contains(&from)).then_some(from));
        return Some(OperationMatch::Special(vec![needed(write, both)]));
    }
    let mut permissions = vec![needed(read, vec![from]), needed(write, to.clone())];
    if prefix == "s3" {
        let asked = BESIDE.iter().filter(|(header, _)| request.parameters.has(header));
        let beside = asked.filter_map(|(_, name)| catalog.action(name));
        permissions.extend(beside.map(|action| needed(action, to.clone())));
    }
    Some(OperationMatch::Special(permissions))
}

fn needed(action: &Action, resources: Vec<String>) -> Permission {
    permission(action, resources, "s3-copy", BECAUSE)
}

/// What reads the source, and where.
fn reading<'c>(catalog: &'c Catalog, request: &Request<'_>) -> Option<(&'c Action, String)> {
    let source = request.parameters.text("x-amz-copy-source").or(request.parameters.text("copySource"));
    let decoded = source.map(percent_decode);
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
fn writing<'c>(catalog: &'c Catalog, request: &Request<'_>, prefix: &str) -> Option<(&'c Action, Vec<String>)> {
    let text = |name: &str| request.parameters.text(name);
    let is_directory = prefix == "s3express";
    let write = catalog.action(if is_directory { "s3express:CreateSession" } else { "s3:PutObject" })?;
    let partition = partition_of(request.event.aws_region);
    let to = match (text("bucketName"), text("key")) {
        (Some(bucket), _) if is_directory => vec![directory_bucket(bucket, request)],
        (Some(bucket), Some(key)) => vec![format!("arn:{partition}:s3:::{}/{}", escape(bucket), escape(key))],
        _ => resources(catalog, write, request),
    };
    Some((write, to))
}

fn directory_bucket(name: &str, request: &Request<'_>) -> String {
    format!("{}:bucket/{}", request.event.arn("s3express"), escape(name))
}

/// `%2F` and its like; what is no escape stays.
fn percent_decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let code = tail
            .get(..2)
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (first, code) {
            (b'%', Some(byte)) => {
                out.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                out.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
