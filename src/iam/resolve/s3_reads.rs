//! Objects of S3 that a service reads in the caller's name, because its request names them. S3 logs that only where data
//! events are logged.

use serde_json::Value;

use crate::iam::arn::{escape, partition_of};
use crate::iam::event::Permission;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::resources::fill::RESOURCES_MAX;
use crate::iam::resolve::service_rules::{Call, member_text};

/// An object that is read.
pub(in crate::iam) struct Object {
    pub bucket: String,
    pub key: String,
    /// Whether one of its versions is meant.
    pub is_version: bool,
}

/// Reading an object.
pub(in crate::iam) fn read(call: &Call<'_, '_>, object: &Object, source: &str) -> Option<Permission> {
    let action = call.catalog.action(if object.is_version { "s3:GetObjectVersion" } else { "s3:GetObject" })?;
    let partition = partition_of(call.request.event.aws_region);
    let arn = format!("arn:{partition}:s3:::{}/{}", escape(&object.bucket), escape(&object.key));
    call.catalog.does_take(action, &arn).then(|| permission(action, vec![arn], "fetched-object", source))
}

/// An object by its URL: with the bucket before the host, or before the key.
/// Source: S3 User Guide, "Virtual hosting of buckets".
pub(in crate::iam) fn of_url(url: &str) -> Option<Object> {
    let (host, path) = url.strip_prefix("https://")?.split_once('/')?;
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let host = host.strip_suffix(".amazonaws.com").or_else(|| host.strip_suffix(".amazonaws.com.cn"))?;
    let (bucket, key) = match is_of_s3(host) {
        true => path.split_once('/')?,
        false => (bucket_before(host)?, path),
    };
    let is_whole = !bucket.is_empty() && !key.is_empty() && !key.contains('%');
    let is_version = query.split('&').any(|part| part.starts_with("versionId="));
    is_whole.then(|| Object { bucket: bucket.to_owned(), key: key.to_owned(), is_version })
}

/// Whether a host is S3's own, of one region or of all: `s3`, `s3-eu-west-1`, `s3.eu-west-1`, `s3.dualstack.eu-west-1`.
fn is_of_s3(host: &str) -> bool {
    let region = ["s3.dualstack.", "s3.", "s3-"].iter().find_map(|front| host.strip_prefix(front));
    host == "s3" || region.is_some_and(is_region)
}

/// `eu-west-1`, `us-gov-west-1`.
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let is_word = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    match parts.as_slice() {
        [words @ .., number] => words.len() > 1 && words.iter().all(is_word) && is_number(number),
        [] => false,
    }
}

/// `bucket` of `bucket.s3` and `bucket.s3.eu-west-1`: names of buckets may have dots, so the last that fits counts.
fn bucket_before(host: &str) -> Option<&str> {
    let mut dots = host.rmatch_indices('.').map(|(at, _)| host.split_at(at));
    dots.find(|(_, end)| end.strip_prefix('.').is_some_and(is_of_s3)).map(|(bucket, _)| bucket)
}

/// Objects that a request names by `s3://` or by their URL, or by bucket and name under `s3Object`.
/// Source: Textract API Reference, S3Object; Transcribe API Reference, Media.
pub(in crate::iam) fn named(call: &Call<'_, '_>, source: &str) -> Vec<Permission> {
    let parameters = &call.request.parameters;
    let of_texts = parameters.all().filter(|text| text.starts_with("s3://") || text.starts_with("https://"));
    let of_texts = of_texts.filter_map(|text| of_uri(text).or_else(|| of_url(text)));
    let held = HOLDERS.iter().filter_map(|name| parameters.get(name));
    let mut objects: Vec<Object> = of_texts.take(RESOURCES_MAX).collect();
    held.for_each(|value| objects.extend(of_value(&value)));
    let mut found: Vec<Permission> = Vec::new();
    for one in objects.iter().take(RESOURCES_MAX).filter_map(|object| read(call, object, source)) {
        match found.iter_mut().find(|known| known.action == one.action) {
            Some(known) => known.resources.extend(one.resources),
            None => found.push(one),
        }
    }
    for permission in &mut found {
        permission.resources.sort_unstable();
        permission.resources.dedup();
    }
    found
}

/// Parameters that hold an object under `s3Object`, or a list of what does.
const HOLDERS: [&str; 3] = ["Document", "DocumentLocation", "DocumentPages"];

/// An object by its URI, if that says more than a folder.
fn of_uri(uri: &str) -> Option<Object> {
    let (bucket, key) = uri.strip_prefix("s3://")?.split_once('/')?;
    let is_whole = !bucket.is_empty() && !key.is_empty() && !key.ends_with('/');
    is_whole.then(|| Object { bucket: bucket.to_owned(), key: key.to_owned(), is_version: false })
}

/// The objects under `s3Object`.
fn of_value(value: &Value) -> Vec<Object> {
    let all = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    let of = |value: &Value| {
        let (_, object) = value.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case("S3Object"))?;
        let (bucket, key) = (member_text(object, "Bucket")?, member_text(object, "Name")?);
        let is_version = member_text(object, "Version").is_some();
        Some(Object { bucket: bucket.to_owned(), key: key.to_owned(), is_version })
    };
    all.iter().filter_map(of).take(RESOURCES_MAX).collect()
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
        for (url, bucket, key) in [
            ("https://s3-templates.s3.amazonaws.com/prod/vpc.yml", "s3-templates", "prod/vpc.yml"),
            ("https://my.s3.files.s3.amazonaws.com/k", "my.s3.files", "k"),
            ("https://b.s3.dualstack.us-gov-west-1.amazonaws.com/k", "b", "k"),
        ] {
            let found = of_url(url).map(|object| (object.bucket, object.key));
            assert_eq!(found, Some((bucket.to_owned(), key.to_owned())), "{url}");
        }
        assert!(of_url("https://my.bucket.s3.amazonaws.com/k?versionId=v").is_some_and(|object| object.is_version));
        for url in ["https://x", "https://example.com/a/b", "s3://b/k", "https://s3.amazonaws.com/b", "x"] {
            assert!(of_url(url).is_none(), "{url}");
        }
    }
}
