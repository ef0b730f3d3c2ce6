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

/// Where calls name what is counted by a pattern: their source, and how the parameter stands in the JSON of the others.
static NAMED_BY: LazyLock<[(&str, Finder<'static>); 3]> = LazyLock::new(|| {
    [
        ("s3.amazonaws.com", Finder::new("\"key\":\"")),
        ("lambda.amazonaws.com", Finder::new("\"s3Key\":\"")),
        ("logs.amazonaws.com", Finder::new("\"logStreamName\":\"")),
    ]
});

/// Bytes at a name's end by which it is looked for elsewhere: for longer ones making ready takes longer than looking.
const SOUGHT_BYTES: usize = 16;

/// Brings calls to the texts by which they are counted; its room is used again for each.
#[derive(Debug, Default)]
pub struct Alike {
    parameters: String,
    arn: String,
}

impl Alike {
    /// What `take` makes of the event, or of one that is counted as it is.
    pub fn with<T>(&mut self, event: &Event<'_>, take: impl FnOnce(&Event<'_>) -> T) -> T {
        let Some(listed_at) = self.bring(event) else { return take(event) };
        let mut resources = event.resources.to_vec();
        if let Some(listed) = listed_at.and_then(|at| resources.get_mut(at)) {
            listed.arn = Some(&self.arn);
        }
        take(&Event { request_parameters: Some(&self.parameters), resources: &resources, ..*event })
    }

    /// Writes the parameters with the plainest name, and the listed ARN that ends with it, of which it gives the place.
    /// `None` where the event is to stay as it is.
    fn bring(&mut self, event: &Event<'_>) -> Option<Option<usize>> {
        let (_, parameter) = NAMED_BY.iter().find(|(source, _)| *source == event.event_source)?;
        let parameters = event.request_parameters?;
        let begin = parameter.find(parameters.as_bytes())? + parameter.needle().len();
        let (before, rest) = parameters.split_at_checked(begin)?;
        let (name, behind) = rest.split_at_checked(memchr::memchr(b'"', rest.as_bytes())?)?;
        let plainest = match event.event_source {
            "logs.amazonaws.com" => plainest_stream(name)?,
            _ => plainest_key(name).filter(|_| name.bytes().all(is_plain))?,
        };
        let finder = Finder::new(name.as_bytes().get(name.len().saturating_sub(SOUGHT_BYTES)..)?);
        let is_in = |text: &str| finder.find(text.as_bytes()).is_some();
        if is_in(before) || is_in(behind) || event.response_elements.is_some_and(is_in) {
            return None;
        }
        let listed_at = self.bring_listed(event.resources, name, &plainest, is_in)?;
        self.parameters.clear();
        [before, &plainest, behind].iter().for_each(|part| self.parameters.push_str(part));
        Some(listed_at)
    }

    /// `None` where the name stands in the list in another way than at the end of one ARN.
    fn bring_listed(
        &mut self,
        listed: &[ResourceRef<'_>],
        name: &str,
        plainest: &str,
        is_in: impl Fn(&str) -> bool,
    ) -> Option<Option<usize>> {
        let mut holding =
            listed.iter().enumerate().filter(|(_, one)| [one.arn, one.arn_prefix].into_iter().flatten().any(&is_in));
        let Some((at, one)) = holding.next() else { return Some(None) };
        let front = one.arn?.strip_suffix(name).filter(|front| front.ends_with('/') && !is_in(front))?;
        if holding.next().is_some() || one.arn_prefix.is_some() {
            return None;
        }
        self.arn.clear();
        [front, plainest].iter().for_each(|part| self.arn.push_str(part));
        Some(Some(at))
    }
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
        prop_oneof![6 => s3, 2 => lambda, 2 => logs]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn what_is_brought_to_one_text_is_counted_the_same(
            (source, name) in operations(),
            key in "(object/|arn:|accesspoint|/|)([a-c01]{0,3}[/._=*:+ -]){0,10}[a-z0-9%$\\[\\]]{0,4}",
            bucket in "(b1|accesspoint|bucket--use1-az1--x-s3)",
            others in prop::collection::vec(prop::sample::select(vec![
                ("versionId", "v1"), ("x-amz-copy-source", "b/k1"), ("x-amz-tagging", "a=1"), ("x-amz-acl", "private"),
                ("uploadId", "u"), ("x-amz-server-side-encryption-aws-kms-key-id", "k1"), ("functionName", "f"),
                ("logGroupName", "/aws/lambda/f2"), ("s3ObjectVersion", "1"),
            ]), 0..4),
            listed in 0..4_usize,
            is_nested: bool,
        ) {
            let (bucket_name, key_name) = match source {
                "s3.amazonaws.com" => ("bucketName", "key"),
                "lambda.amazonaws.com" => ("s3Bucket", "s3Key"),
                _ => ("logGroupName", "logStreamName"),
            };
            let mut parameters = serde_json::Map::new();
            others.iter().for_each(|(name, value)| drop(parameters.insert((*name).to_owned(), (*value).into())));
            parameters.insert(bucket_name.to_owned(), bucket.clone().into());
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
            let lists = [vec![], vec![of(&object)], vec![of(&object), of(point_alone)], vec![of(&point)]];
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
