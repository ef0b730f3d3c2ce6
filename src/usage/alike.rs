//! Calls on objects that are counted alike, brought to one text before the step looks at them.
//!
//! `usage` counts an object by the pattern of its key, so that of a call's key only the pattern matters. The step is given
//! the plainest key of that pattern (`logs/0/0.json` for `logs/2023-07-10/a1b2.json`), and remembers what it came to for
//! all of them. It asks nothing of a key but where it stands in an ARN, if it has no letter that ARNs or policies read
//! in a way of their own: others, and those that the record repeats elsewhere, are left as they are.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::generalise::plainest_key;
use crate::iam::{Event, ResourceRef};

/// How a parameter names what is counted by a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// `key`
    Key,
    /// `bucket/key`
    Source,
    /// `https://s3.region.amazonaws.com/bucket/key`, `https://bucket.s3.region.amazonaws.com/key`
    Url,
    /// A log stream.
    Stream,
}

/// Parameters that name what is counted by a pattern: the calls' source, and how the parameter stands in the JSON of the
/// others.
static NAMED_BY: LazyLock<[(&str, Finder<'static>, Form); 5]> = LazyLock::new(|| {
    [
        ("s3.amazonaws.com", Finder::new("\"key\":\""), Form::Key),
        ("s3.amazonaws.com", Finder::new("\"x-amz-copy-source\":\""), Form::Source),
        ("lambda.amazonaws.com", Finder::new("\"s3Key\":\""), Form::Key),
        ("cloudformation.amazonaws.com", Finder::new("\"templateURL\":\""), Form::Url),
        ("logs.amazonaws.com", Finder::new("\"logStreamName\":\""), Form::Stream),
    ]
});

impl Form {
    /// The part of a parameter that is the name.
    fn name(self, value: &str) -> Option<&str> {
        match self {
            Form::Key | Form::Stream => Some(value),
            Form::Source => {
                let (bucket, key) = value.strip_prefix('/').unwrap_or(value).split_once('/')?;
                // Of an access point's ARN the point's name is no part of the key.
                (!bucket.contains(':')).then_some(key)
            }
            Form::Url => {
                let (host, path) = value.strip_prefix("https://")?.split_once('/')?;
                match host.starts_with("s3.") || host.starts_with("s3-") {
                    // A bucket of such a name, or the bucket behind it: what stands behind both is a key's end.
                    true => Some(path.split_once('/')?.1),
                    false => Some(path),
                }
            }
        }
    }

    /// The plainest name that is counted alike.
    fn plainest(self, name: &str) -> Option<String> {
        match self {
            Form::Stream => plainest_stream(name),
            _ => plainest_key(name).filter(|_| name.bytes().all(is_plain)),
        }
    }
}

/// Bytes at a name's end by which it is looked for elsewhere: for longer ones making ready takes longer than looking.
const SOUGHT_BYTES: usize = 16;

/// Brings calls to the texts by which they are counted; its room is used again for each.
#[derive(Debug, Default)]
pub struct Alike {
    parameters: String,
    /// The parameters before the last name was brought.
    earlier: String,
    arn: String,
    listed: String,
}

impl Alike {
    /// What `take` makes of the event, or of one that is counted as it is.
    pub fn with<T>(&mut self, event: &Event<'_>, take: impl FnOnce(&Event<'_>) -> T) -> T {
        let (mut is_brought, mut listed_at) = (false, None);
        for (_, parameter, form) in NAMED_BY.iter().filter(|(source, ..)| *source == event.event_source) {
            std::mem::swap(&mut self.parameters, &mut self.earlier);
            let parameters = if is_brought { Some(self.earlier.as_str()) } else { event.request_parameters };
            let earlier = Event { request_parameters: parameters, ..*event };
            let room = (&mut self.parameters, &mut self.listed);
            match bring(&earlier, (parameter, *form), room) {
                Some(at) if at.is_none() || listed_at.is_none() => {
                    is_brought = true;
                    if at.is_some() {
                        listed_at = at;
                        std::mem::swap(&mut self.arn, &mut self.listed);
                    }
                }
                // What was brought before stands.
                _ => std::mem::swap(&mut self.parameters, &mut self.earlier),
            }
        }
        if !is_brought {
            return take(event);
        }
        let mut resources = event.resources.to_vec();
        if let Some(listed) = listed_at.and_then(|at| resources.get_mut(at)) {
            listed.arn = Some(&self.arn);
        }
        take(&Event { request_parameters: Some(&self.parameters), resources: &resources, ..*event })
    }
}

/// Writes the parameters with the plainest name, and the listed ARN that ends with it, of which it gives the place.
/// `None` where the event is to stay as it is.
fn bring(
    event: &Event<'_>,
    (parameter, form): (&Finder<'_>, Form),
    (parameters, arn): (&mut String, &mut String),
) -> Option<Option<usize>> {
    let before = event.request_parameters?;
    let begin = parameter.find(before.as_bytes())? + parameter.needle().len();
    let (before, rest) = before.split_at_checked(begin)?;
    let (value, behind) = rest.split_at_checked(memchr::memchr(b'"', rest.as_bytes())?)?;
    let name = form.name(value)?;
    let front = value.get(..value.len() - name.len())?;
    let plainest = form.plainest(name)?;
    let finder = Finder::new(name.as_bytes().get(name.len().saturating_sub(SOUGHT_BYTES)..)?);
    let is_in = |text: &str| finder.find(text.as_bytes()).is_some();
    if [before, front, behind].into_iter().any(is_in) || event.response_elements.is_some_and(is_in) {
        return None;
    }
    let listed_at = bring_listed(event.resources, name, &plainest, arn, is_in)?;
    parameters.clear();
    [before, front, &plainest, behind].iter().for_each(|part| parameters.push_str(part));
    Some(listed_at)
}

/// `None` where the name stands in the list in another way than at the end of one ARN.
fn bring_listed(
    listed: &[ResourceRef<'_>],
    name: &str,
    plainest: &str,
    arn: &mut String,
    is_in: impl Fn(&str) -> bool,
) -> Option<Option<usize>> {
    let mut holding =
        listed.iter().enumerate().filter(|(_, one)| [one.arn, one.arn_prefix].into_iter().flatten().any(&is_in));
    let Some((at, one)) = holding.next() else { return Some(None) };
    let front = one.arn?.strip_suffix(name).filter(|front| front.ends_with('/') && !is_in(front))?;
    if holding.next().is_some() || one.arn_prefix.is_some() {
        return None;
    }
    arn.clear();
    [front, plainest].iter().for_each(|part| arn.push_str(part));
    Some(Some(at))
}

/// Letters that mean themselves wherever they stand: in JSON, ARNs, URLs and policies.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'=' | b'@' | b',' | b'~')
}

/// Streams are counted by their groups. Those named by their date can be nothing else.
fn plainest_stream(name: &str) -> Option<String> {
    let is_dated = name.starts_with(|c: char| c.is_ascii_digit()) && name != "0";
    let is_plain_stream = |byte: u8| is_plain(byte) || matches!(byte, b'[' | b']' | b'$');
    (is_dated && name.bytes().all(is_plain_stream)).then(|| "0".to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::iam::{Catalog, Permissions, permissions};
    use crate::usage::generalise;

    /// What of permissions is counted.
    fn counted(permissions: &Permissions) -> BTreeSet<String> {
        let needed = permissions.needed.iter();
        let one = |p: &crate::iam::Permission, resource: &String| {
            format!("{} {} {:?} {} {:?}", p.action, generalise(resource), p.confidence, p.rule, p.passed_to_service)
        };
        needed.flat_map(|p| p.resources.iter().map(move |resource| one(p, resource))).collect()
    }

    /// Whether a call is counted the same brought to the plainest name, and whether it was brought there.
    fn agree(event: &Event<'_>) -> Result<bool, TestCaseError> {
        let catalog = Catalog::embedded();
        let (mut alike, mut is_brought) = (Alike::default(), false);
        let brought = alike.with(event, |brought| {
            is_brought = brought.request_parameters != event.request_parameters;
            permissions(catalog, brought)
        });
        let by_itself = permissions(catalog, event);
        prop_assert_eq!(counted(&brought), counted(&by_itself), "{:?}", event);
        prop_assert_eq!((brought.outcome, brought.no_permission), (by_itself.outcome, by_itself.no_permission));
        Ok(is_brought)
    }

    fn call<'a>(source: &'a str, name: &'a str, parameters: &'a str, resources: &'a [ResourceRef<'a>]) -> Event<'a> {
        Event {
            event_source: source,
            event_name: name,
            aws_region: Some("eu-west-1"),
            account_id: Some("111122223333"),
            request_parameters: Some(parameters),
            resources,
            ..Event::default()
        }
    }

    #[test]
    fn keys_of_one_pattern_are_one() {
        let arn = |arn| ResourceRef { arn: Some(arn), ..ResourceRef::default() };
        for (source, parameters, listed, expected) in [
            (
                "s3",
                r#"{"bucketName":"b1","key":"logs/2023-07-10/a1b2.json"}"#,
                "arn:aws:s3:::b1/logs/2023-07-10/a1b2.json",
                Some("logs/0/0.json"),
            ),
            ("s3", r#"{"bucketName":"b1","key":"logs/a.json"}"#, "arn:aws:s3:::b1/logs/a.json", None),
            ("s3", r#"{"bucketName":"b1","key":"b1"}"#, "arn:aws:s3:::b1/b1", None),
            ("s3", r#"{"bucketName":"b","key":"a*1"}"#, "arn:aws:s3:::b/a*1", None),
            ("s3", r#"{"bucketName":"b","key":"a\"1"}"#, "arn:aws:s3:::b/a1", None),
            ("s3", r#"{"bucketName":"b","key":"k1"}"#, "arn:aws:s3:::b/k1/k1", None),
            ("s3", r#"{"bucketName":"b","key":"k1","x-amz-copy-source":"b/k1"}"#, "arn:aws:s3:::b/k1", None),
            ("s3", r#"{"bucketName":"b","key":"k1"}"#, "arn:aws:s3:::b", Some("0")),
            ("lambda", r#"{"functionName":"f","s3Bucket":"b","s3Key":"f/v12.zip"}"#, "", Some("f/0.zip")),
            ("logs", r#"{"logGroupName":"/aws/lambda/f2","logStreamName":"2024/03/03/[$LATEST]a3"}"#, "", Some("0")),
            ("logs", r#"{"logGroupName":"g","logStreamName":"web/i-1"}"#, "", None),
            ("s3", r#"{"bucketName":"b","x-amz-copy-source":"c/a/1.txt","key":"k2"}"#, "", Some("c/a/0.txt")),
            ("s3", r#"{"bucketName":"b","x-amz-copy-source":"/c/a/1.txt","key":"k"}"#, "", Some("/c/a/0.txt")),
            ("s3", r#"{"x-amz-copy-source":"arn:aws:s3:eu-west-1:1:accesspoint/p1/object/k","key":"k"}"#, "", None),
            (
                "cloudformation",
                r#"{"stackName":"s","templateURL":"https://s3.eu-west-1.amazonaws.com/b1/t/v12.yml"}"#,
                "",
                Some("https://s3.eu-west-1.amazonaws.com/b1/t/0.yml"),
            ),
            (
                "cloudformation",
                r#"{"stackName":"s","templateURL":"https://b1.s3.amazonaws.com/t/v12.yml"}"#,
                "",
                Some("https://b1.s3.amazonaws.com/t/0.yml"),
            ),
            ("cloudformation", r#"{"templateURL":"https://b1.s3.amazonaws.com/t/v12.yml?versionId=1"}"#, "", None),
            ("sqs", r#"{"key":"k1"}"#, "", None),
        ] {
            let (source, listed) = (format!("{source}.amazonaws.com"), [arn(listed)]);
            let event = call(&source, "GetObject", parameters, &listed);
            let found = Alike::default().with(&event, |event| {
                (
                    event.request_parameters.map(str::to_owned),
                    event.resources.first().and_then(|one| one.arn.map(str::to_owned)),
                )
            });
            let changed = expected.map(|expected| format!(":\"{expected}\""));
            match changed {
                Some(changed) => {
                    assert!(found.0.as_ref().is_some_and(|p| p != parameters && p.contains(&changed)), "{found:?}")
                }
                None => assert_eq!(found, (Some(parameters.to_owned()), listed[0].arn.map(str::to_owned))),
            }
            if let (Some(expected), true) = (expected, parameters.contains("a1b2")) {
                assert_eq!(found.1, Some(format!("arn:aws:s3:::b1/{expected}")));
            }
        }
    }

    const KEYS: &str = "(object/|arn:|accesspoint|/|)([a-c01]{0,3}[/._=*:+ -]){0,10}[a-z0-9%$?\\[\\]]{0,4}";

    fn operations() -> impl Strategy<Value = (&'static str, &'static str)> {
        let of_objects = [
            "GetObject",
            "HeadObject",
            "PutObject",
            "DeleteObject",
            "CopyObject",
            "UploadPart",
            "UploadPartCopy",
            "CreateMultipartUpload",
            "CompleteMultipartUpload",
            "AbortMultipartUpload",
            "ListParts",
            "RestoreObject",
            "GetObjectAcl",
            "PutObjectAcl",
            "GetObjectTagging",
            "PutObjectTagging",
            "DeleteObjectTagging",
            "GetObjectAttributes",
            "GetObjectTorrent",
            "PutObjectRetention",
            "GetObjectLegalHold",
            "SelectObjectContent",
            "WriteGetObjectResponse",
            "RenameObject",
            "ListObjects",
            "DeleteObjects",
            "PutBucketPolicy",
            "Unknown",
        ];
        let s3 = prop::sample::select(of_objects.to_vec()).prop_map(|name| ("s3.amazonaws.com", name));
        let lambda =
            ["CreateFunction20150331", "UpdateFunctionCode20150331v2", "PublishLayerVersion20181031", "Invoke"];
        let lambda = prop::sample::select(lambda.to_vec()).prop_map(|name| ("lambda.amazonaws.com", name));
        let logs = [
            "CreateLogStream",
            "PutLogEvents",
            "GetLogEvents",
            "DeleteLogStream",
            "DescribeLogStreams",
            "FilterLogEvents",
        ];
        let logs = prop::sample::select(logs.to_vec()).prop_map(|name| ("logs.amazonaws.com", name));
        let templates = ["CreateStack", "UpdateStack", "CreateChangeSet", "ValidateTemplate", "CreateStackSet"];
        let templates =
            prop::sample::select(templates.to_vec()).prop_map(|name| ("cloudformation.amazonaws.com", name));
        prop_oneof![6 => s3, 2 => lambda, 2 => logs, 2 => templates]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn what_is_brought_to_one_text_is_counted_the_same(
            (source, name) in operations(),
            key in KEYS,
            copied in "(/|)(b|b1|b-2|arn:aws:s3:eu-west-1:1:accesspoint/p1/object)/",
            copied_key in KEYS,
            host in "https://(s3|s3.eu-west-1|s3-eu-west-1|b1.s3|s3-b1.s3.eu-west-1|s3.b1.s3|b1.example)\\.(amazonaws\\.com|com)/",
            bucket in "(b1|accesspoint|bucket--use1-az1--x-s3)",
            others in prop::collection::vec(prop::sample::select(vec![
                ("versionId", "v1"), ("x-amz-copy-source", ""), ("x-amz-tagging", "a=1"), ("x-amz-acl", "private"),
                ("uploadId", "u"), ("x-amz-server-side-encryption-aws-kms-key-id", "k1"), ("functionName", "f"),
                ("logGroupName", "/aws/lambda/f2"), ("s3ObjectVersion", "1"),
            ]), 0..4),
            listed in 0..5_usize,
            is_nested: bool,
        ) {
            let (bucket_name, key_name) = match source {
                "s3.amazonaws.com" => ("bucketName", "key"),
                "lambda.amazonaws.com" => ("s3Bucket", "s3Key"),
                "cloudformation.amazonaws.com" => ("stackName", "templateURL"),
                _ => ("logGroupName", "logStreamName"),
            };
            let mut parameters = serde_json::Map::new();
            others.iter().for_each(|(name, value)| drop(parameters.insert((*name).to_owned(), (*value).into())));
            if let Some(source) = parameters.get_mut("x-amz-copy-source") {
                *source = format!("{copied}{copied_key}").into();
            }
            parameters.insert(bucket_name.to_owned(), bucket.clone().into());
            let key = if key_name == "templateURL" { format!("{host}{key}") } else { key };
            let named = serde_json::json!({ key_name: key.clone() });
            match is_nested {
                true => drop(parameters.insert("code".to_owned(), named)),
                false => drop(parameters.insert(key_name.to_owned(), key.clone().into())),
            }
            let parameters = serde_json::Value::Object(parameters).to_string();
            let object = format!("arn:aws:s3:::{bucket}/{key}");
            let point = format!("arn:aws:s3:eu-west-1:111122223333:accesspoint/p1/object/{key}");
            let of = |arn| ResourceRef { arn: Some(arn), ..ResourceRef::default() };
            let point_alone = "arn:aws:s3:eu-west-1:111122223333:accesspoint/p1";
            let source_object = format!("arn:aws:s3:::b1/{copied_key}");
            let lists = [
                vec![],
                vec![of(&object)],
                vec![of(&object), of(point_alone)],
                vec![of(&point)],
                vec![of(&object), of(&source_object)],
            ];
            agree(&call(source, name, &parameters, &lists[listed]))?;
        }
    }

    #[test]
    fn most_keys_are_brought_to_one_text() {
        let brought = (0..100).filter(|i| {
            let parameters = format!(r#"{{"bucketName":"bucket","key":"logs/dt=2023-07-{i}/part-{i}77.json"}}"#);
            agree(&call("s3.amazonaws.com", "GetObject", &parameters, &[])).expect("agree")
        });
        assert_eq!(brought.count(), 100);
    }
}
