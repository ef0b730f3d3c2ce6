//! Objects of S3 that a service fetches in the caller's name, because its request names them. S3 logs that only where data
//! events are logged.

use super::arn::{escape, partition_of};
use super::catalog::{Catalog, Service};
use super::event::Permission;
use super::resources::Request;
use super::special::permission;

/// Reading what the request names.
pub(super) fn needed(
    catalog: &Catalog,
    service: &Service,
    operation: &str,
    request: &Request<'_>,
) -> Option<Permission> {
    let (object, source) = match (service.prefix(), operation) {
        ("lambda", "CreateFunction" | "UpdateFunctionCode" | "PublishLayerVersion") => {
            // Source: denials of these calls, `your request credentials have permission to GetObject for bucket/key`:
            // awslabs/dynamodb-continuous-backup#7, buildkite/elastic-ci-stack-for-aws#564.
            (code(request)?, "what denials of Lambda name")
        }
        ("cloudformation", _) => (
            of_url(request.parameters.text("templateURL")?)?,
            "AWS Prescriptive Guidance, Sample identity-based policies for CloudFormation",
        ),
        _ => return None,
    };
    let action = catalog.action(if object.is_version { "s3:GetObjectVersion" } else { "s3:GetObject" })?;
    let partition = partition_of(request.event.aws_region);
    let arn = format!("arn:{partition}:s3:::{}/{}", escape(&object.bucket), escape(&object.key));
    catalog.does_take(action, &arn).then(|| permission(action, vec![arn], "fetched-object", source))
}

struct Object {
    bucket: String,
    key: String,
    /// Whether one of its versions is meant.
    is_version: bool,
}

/// Where a function's code is.
fn code(request: &Request<'_>) -> Option<Object> {
    let one = |name: &str| match request.parameters.texts(name).as_slice() {
        [one] => Some((*one).to_owned()),
        _ => None,
    };
    let bucket = one("s3Bucket").filter(|bucket| !bucket.contains(['/', ':']))?;
    Some(Object { bucket, key: one("s3Key")?, is_version: one("s3ObjectVersion").is_some() })
}

/// An object by its URL: with the bucket before the host, or before the key.
/// Source: S3 User Guide, "Virtual hosting of buckets".
fn of_url(url: &str) -> Option<Object> {
    let (host, path) = url.strip_prefix("https://")?.split_once('/')?;
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let host = host.strip_suffix(".amazonaws.com").or_else(|| host.strip_suffix(".amazonaws.com.cn"))?;
    let is_plain = host == "s3" || host.starts_with("s3.") || host.starts_with("s3-");
    let (bucket, key) = match is_plain {
        true => path.split_once('/')?,
        false => (host.split_once(".s3.").map(|(bucket, _)| bucket).or_else(|| bucket_before(host))?, path),
    };
    let is_whole = !bucket.is_empty() && !key.is_empty() && !key.contains('%');
    let is_version = query.split('&').any(|part| part.starts_with("versionId="));
    is_whole.then(|| Object { bucket: bucket.to_owned(), key: key.to_owned(), is_version })
}

/// `bucket` of `bucket.s3` and `bucket.s3-region`.
fn bucket_before(host: &str) -> Option<&str> {
    let (bucket, end) = host.rsplit_once('.')?;
    (end == "s3" || end.starts_with("s3-")).then_some(bucket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_by_their_urls() {
        for url in [
            "https://b.s3.amazonaws.com/a/k.yml",
            "https://b.s3.eu-west-1.amazonaws.com/a/k.yml",
            "https://b.s3-eu-west-1.amazonaws.com/a/k.yml",
            "https://b.s3.cn-north-1.amazonaws.com.cn/a/k.yml",
            "https://s3.amazonaws.com/b/a/k.yml",
            "https://s3-eu-west-1.amazonaws.com/b/a/k.yml",
            "https://s3.eu-west-1.amazonaws.com/b/a/k.yml",
        ] {
            let found = of_url(url).map(|object| (object.bucket, object.key, object.is_version));
            assert_eq!(found, Some(("b".to_owned(), "a/k.yml".to_owned(), false)), "{url}");
        }
        assert!(of_url("https://my.bucket.s3.amazonaws.com/k?versionId=v").is_some_and(|object| object.is_version));
        for url in ["https://x", "https://example.com/a/b", "s3://b/k", "https://s3.amazonaws.com/b", "x"] {
            assert!(of_url(url).is_none(), "{url}");
        }
    }
}
