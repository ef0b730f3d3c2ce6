//! Calls that differ only in the name of an object, brought to one text before the resolver looks at them.
//!
//! The resolver asks nothing of a plain key but where it stands in an ARN. So it is given a placeholder in the key's place,
//! and remembers what it came to for all of them; [`Names::restored`] puts the key back where the placeholder stands.
//! Only names are brought that have no letter that ARNs, URLs or policies read in a way of their own, and that the
//! record does not repeat elsewhere; and only where no text of the record holds a placeholder of itself.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::iam::{Event, ResourceRef};

/// How a parameter names what is brought.
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

/// Parameters that name what is brought: the calls' source, and how the parameter stands in the JSON of the others.
static NAMED_BY: LazyLock<[(&str, Finder<'static>, Form); 5]> = LazyLock::new(|| {
    [
        ("s3.amazonaws.com", Finder::new("\"key\":\""), Form::Key),
        ("s3.amazonaws.com", Finder::new("\"x-amz-copy-source\":\""), Form::Source),
        ("lambda.amazonaws.com", Finder::new("\"s3Key\":\""), Form::Key),
        ("cloudformation.amazonaws.com", Finder::new("\"templateURL\":\""), Form::Url),
        ("logs.amazonaws.com", Finder::new("\"logStreamName\":\""), Form::Stream),
    ]
});

/// What all placeholders begin with: no text that holds it is touched.
static MARK: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(MARK_TEXT));
const MARK_TEXT: &str = "trailpareplaceholder";

/// What stands in the place of the first and of the second name of a call.
const PLACEHOLDERS: [&str; 2] = ["trailpareplaceholderkey", "trailpareplaceholdersource"];

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

    /// Whether a name may give way to a placeholder.
    fn is_brought(self, name: &str) -> bool {
        // Streams named by their date can be nothing else.
        let is_stream = self == Form::Stream;
        let is_letter = |byte: u8| is_plain(byte) || is_stream && matches!(byte, b'[' | b']' | b'$');
        let is_dated = || name.starts_with(|c: char| c.is_ascii_digit());
        name.len() <= NAME_MAX
            && (!is_stream || is_dated())
            && name.bytes().all(is_letter)
            && name.split('/').all(|segment| !matches!(segment, "" | "." | ".."))
    }
}

/// Bytes of a name that is brought: of longer ones it may matter how long they are.
const NAME_MAX: usize = 512;

/// Bytes at a name's end by which it is looked for elsewhere: for longer ones making ready takes longer than looking.
const SOUGHT_BYTES: usize = 16;

/// The names in whose places the placeholders stand.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a>([Option<&'a str>; 2]);

impl<'a> Names<'a> {
    /// No placeholder stands anywhere.
    pub const NONE: Names<'static> = Names([None; 2]);

    /// Whether no placeholder stands anywhere.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// The name for a placeholder by its number.
    pub(super) fn get(&self, placeholder: usize) -> Option<&'a str> {
        self.0.get(placeholder).copied().flatten()
    }

    /// A resource with the names where their placeholders stand; `None` where it cannot be told what it was.
    pub fn restored<'r>(&self, resource: &'r str) -> Option<Cow<'r, str>> {
        match Held::of(resource)? {
            Held::Nothing => Some(Cow::Borrowed(resource)),
            Held::Name { front, placeholder, back } => Some([front, self.get(placeholder)?, back].concat().into()),
        }
    }
}

/// What a resource that the resolver gave holds of the placeholders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held<'r> {
    Nothing,
    Name { front: &'r str, placeholder: usize, back: &'r str },
}

impl<'r> Held<'r> {
    /// `None` where it holds more than one whole placeholder, or less.
    pub fn of(resource: &'r str) -> Option<Held<'r>> {
        let Some(at) = MARK.find(resource.as_bytes()) else {
            return Some(Held::Nothing);
        };
        let (front, rest) = resource.split_at_checked(at)?;
        let (placeholder, text) = PLACEHOLDERS.iter().enumerate().find(|(_, text)| rest.starts_with(**text))?;
        let back = rest.get(text.len()..)?;
        MARK.find(back.as_bytes()).is_none().then_some(Held::Name { front, placeholder, back })
    }
}

/// Brings calls to one text; its room is used again for each.
#[derive(Debug, Default)]
pub struct KeyCanonicalisation {
    parameters: String,
    /// The parameters before the last name was brought.
    earlier: String,
    arn: String,
    listed: String,
    names: [String; 2],
}

impl KeyCanonicalisation {
    /// What `take` makes of the event brought to placeholders, with the names for which they stand; or, where nothing
    /// is brought or `take` cannot make anything of it, of the event itself.
    pub fn with<T>(
        &mut self,
        event: &Event<'_>,
        mut take: impl FnMut(&Event<'_>, Names<'_>) -> Option<T>,
    ) -> Option<T> {
        let listed_at = self.bring(event);
        if let Some(listed_at) = listed_at {
            let mut resources = event.resources.to_vec();
            if let Some(listed) = listed_at.and_then(|at| resources.get_mut(at)) {
                listed.arn = Some(&self.arn);
            }
            let brought = Event { request_parameters: Some(&self.parameters), resources: &resources, ..*event };
            let names = self.names.each_ref().map(|name| Some(name.as_str()).filter(|name| !name.is_empty()));
            if let Some(taken) = take(&brought, Names(names)) {
                return Some(taken);
            }
        }
        take(event, Names::NONE)
    }

    /// Brings an event's names; `None` where it is to stay as it is, else the place of the listed ARN that is brought.
    fn bring(&mut self, event: &Event<'_>) -> Option<Option<usize>> {
        let (mut is_brought, mut listed_at) = (false, None);
        self.names.iter_mut().for_each(String::clear);
        let of_source = NAMED_BY.iter().filter(|(source, ..)| *source == event.event_source);
        for (number, (_, parameter, form)) in of_source.enumerate() {
            std::mem::swap(&mut self.parameters, &mut self.earlier);
            let parameters = if is_brought { Some(self.earlier.as_str()) } else { event.request_parameters };
            let earlier = Event { request_parameters: parameters, ..*event };
            let room = (&mut self.parameters, &mut self.listed);
            let found = bring(&earlier, (parameter, *form, number), room);
            match found {
                Some((name, at)) if at.is_none() || listed_at.is_none() => {
                    is_brought = true;
                    if let Some(kept) = self.names.get_mut(number) {
                        kept.push_str(name);
                    }
                    if at.is_some() {
                        listed_at = at;
                        std::mem::swap(&mut self.arn, &mut self.listed);
                    }
                }
                // What was brought before stands.
                _ => std::mem::swap(&mut self.parameters, &mut self.earlier),
            }
        }
        (is_brought && !holds_mark(event)).then_some(listed_at)
    }
}

/// Whether a text that the resolver may look at holds what placeholders begin with.
fn holds_mark(event: &Event<'_>) -> bool {
    let texts = [
        event.request_parameters,
        event.response_elements,
        event.error_message,
        event.additional_event_data,
        event.principal_arn,
        event.aws_region,
        event.account_id,
        Some(event.event_name),
    ];
    let listed = event.resources.iter().flat_map(|one| [one.arn, one.arn_prefix]);
    texts.into_iter().chain(listed).flatten().any(|text| MARK.find(text.as_bytes()).is_some())
}

/// Writes the parameters with the placeholder of that number, and the listed ARN that ends with it; gives the name and
/// the place of the ARN. `None` where the event is to stay as it is.
fn bring<'e>(
    event: &Event<'e>,
    (parameter, form, number): (&Finder<'_>, Form, usize),
    (parameters, arn): (&mut String, &mut String),
) -> Option<(&'e str, Option<usize>)> {
    let before = event.request_parameters?;
    let begin = parameter.find(before.as_bytes())? + parameter.needle().len();
    let (before, rest) = before.split_at_checked(begin)?;
    let (value, behind) = rest.split_at_checked(memchr::memchr(b'"', rest.as_bytes())?)?;
    let name = form.name(value).filter(|name| form.is_brought(name))?;
    let front = value.get(..value.len() - name.len())?;
    let placeholder = PLACEHOLDERS.get(number)?;
    let finder = Finder::new(name.as_bytes().get(name.len().saturating_sub(SOUGHT_BYTES)..)?);
    let is_in = |text: &str| finder.find(text.as_bytes()).is_some();
    if [before, front, behind].into_iter().any(is_in) || event.response_elements.is_some_and(is_in) {
        return None;
    }
    let listed_at = bring_listed(event.resources, name, placeholder, arn, is_in)?;
    parameters.clear();
    [before, front, placeholder, behind].iter().for_each(|part| parameters.push_str(part));
    Some((name, listed_at))
}

/// `None` where the name stands in the list in another way than at the end of one ARN.
fn bring_listed(
    listed: &[ResourceRef<'_>],
    name: &str,
    placeholder: &str,
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
    [front, placeholder].iter().for_each(|part| arn.push_str(part));
    Some(Some(at))
}

/// Letters that mean themselves wherever they stand: in JSON, ARNs, URLs and policies.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'=' | b'@' | b',' | b'~')
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::iam::{Catalog, Permissions, permissions};

    /// What of permissions is counted, with the names where their placeholders stand; `None` where that cannot be told.
    fn counted(permissions: &Permissions, names: Names<'_>) -> Option<BTreeSet<String>> {
        let all = permissions.needed.iter().flat_map(|p| p.resources.iter().map(move |resource| (p, resource)));
        all.map(|(p, resource)| {
            let resource = names.restored(resource)?;
            Some(format!("{} {resource} {:?} {} {:?}", p.action, p.confidence, p.rule, p.passed_to_service))
        })
        .collect()
    }

    /// Whether a call is counted the same brought to placeholders, and whether it was brought there.
    fn agree(event: &Event<'_>) -> Result<bool, TestCaseError> {
        let catalog = Catalog::embedded();
        let taken = KeyCanonicalisation::default().with(event, |brought, names| {
            let took = permissions(catalog, brought);
            let counted = counted(&took, names)?;
            Some((counted, took.outcome, took.no_permission, !names.is_empty()))
        });
        let by_itself = permissions(catalog, event);
        let expected = counted(&by_itself, Names::NONE).map(|c| (c, by_itself.outcome, by_itself.no_permission));
        prop_assert!(expected.is_some());
        let is_brought = taken.as_ref().is_some_and(|(.., is_brought)| *is_brought);
        prop_assert_eq!(taken.map(|(c, outcome, reason, _)| (c, outcome, reason)), expected, "{:?}", event);
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
    fn keys_give_way_to_a_placeholder() {
        let arn = |arn| ResourceRef { arn: Some(arn), ..ResourceRef::default() };
        for (source, parameters, listed, expected) in [
            (
                "s3",
                r#"{"bucketName":"b1","key":"logs/2023-07-10/a1b2.json"}"#,
                "arn:aws:s3:::b1/logs/2023-07-10/a1b2.json",
                Some("KEY"),
            ),
            ("s3", r#"{"bucketName":"b1","key":"logs/a.json"}"#, "arn:aws:s3:::b1/logs/a.json", Some("KEY")),
            ("s3", r#"{"bucketName":"b1","key":"b1"}"#, "arn:aws:s3:::b1/b1", None),
            ("s3", r#"{"bucketName":"b","key":"a*1"}"#, "arn:aws:s3:::b/a*1", None),
            ("s3", r#"{"bucketName":"b","key":"a\"1"}"#, "arn:aws:s3:::b/a1", None),
            ("s3", r#"{"bucketName":"b","key":"k1"}"#, "arn:aws:s3:::b/k1/k1", None),
            ("s3", r#"{"bucketName":"b","key":"a//k1"}"#, "arn:aws:s3:::b/a//k1", None),
            ("s3", r#"{"bucketName":"b","key":"../k1"}"#, "arn:aws:s3:::b/../k1", None),
            ("s3", r#"{"bucketName":"b","key":""}"#, "arn:aws:s3:::b", None),
            ("s3", r#"{"bucketName":"b","key":"trailpareplaceholderkey"}"#, "arn:aws:s3:::b", None),
            ("s3", r#"{"bucketName":"b-trailpareplaceholder","key":"k1"}"#, "arn:aws:s3:::c", None),
            ("s3", r#"{"bucketName":"b","key":"k1"}"#, "arn:aws:s3:::trailpareplaceholdersource/a", None),
            ("s3", r#"{"bucketName":"b","key":"k1","x-amz-copy-source":"b/k1"}"#, "arn:aws:s3:::b/k1", None),
            ("s3", r#"{"bucketName":"b","key":"k1"}"#, "arn:aws:s3:::b", Some("KEY")),
            ("lambda", r#"{"functionName":"f","s3Bucket":"b","s3Key":"x/v12.zip"}"#, "", Some("KEY")),
            ("logs", r#"{"logGroupName":"/aws/lambda/f2","logStreamName":"2024/03/03/[$LATEST]a3"}"#, "", Some("KEY")),
            ("logs", r#"{"logGroupName":"g","logStreamName":"web/i-1"}"#, "", None),
            ("s3", r#"{"bucketName":"b","x-amz-copy-source":"c/a/1.txt","key":"a*"}"#, "", Some("c/SOURCE")),
            ("s3", r#"{"bucketName":"b","x-amz-copy-source":"/c/a/1.txt","key":"a*"}"#, "", Some("/c/SOURCE")),
            ("s3", r#"{"x-amz-copy-source":"arn:aws:s3:eu-west-1:1:accesspoint/p1/object/k","key":"k"}"#, "", None),
            (
                "cloudformation",
                r#"{"stackName":"s","templateURL":"https://s3.eu-west-1.amazonaws.com/b1/t/v12.yml"}"#,
                "",
                Some("https://s3.eu-west-1.amazonaws.com/b1/KEY"),
            ),
            (
                "cloudformation",
                r#"{"stackName":"s","templateURL":"https://b1.s3.amazonaws.com/t/v12.yml"}"#,
                "",
                Some("https://b1.s3.amazonaws.com/KEY"),
            ),
            ("cloudformation", r#"{"templateURL":"https://b1.s3.amazonaws.com/t/v12.yml?versionId=1"}"#, "", None),
            ("sqs", r#"{"key":"k1"}"#, "", None),
        ] {
            let expected = expected.map(|text| text.replace("KEY", PLACEHOLDERS[0]).replace("SOURCE", PLACEHOLDERS[1]));
            let (source, listed) = (format!("{source}.amazonaws.com"), [arn(listed)]);
            let event = call(&source, "GetObject", parameters, &listed);
            let found = KeyCanonicalisation::default().with(&event, |event, _| {
                let listed = event.resources.first().and_then(|one| one.arn.map(str::to_owned));
                Some((event.request_parameters.map(str::to_owned), listed))
            });
            let found = found.expect("taken");
            match expected {
                Some(expected) => {
                    let changed = format!(":\"{expected}\"");
                    assert!(found.0.as_ref().is_some_and(|p| p != parameters && p.contains(&changed)), "{found:?}");
                    if parameters.contains("a1b2") {
                        assert_eq!(found.1, Some(format!("arn:aws:s3:::b1/{expected}")));
                    }
                }
                None => assert_eq!(found, (Some(parameters.to_owned()), listed[0].arn.map(str::to_owned))),
            }
        }
    }

    #[test]
    fn names_are_restored_where_their_placeholder_stands() {
        let names = Names([Some("a/b.txt"), Some("c")]);
        let [key, source] = PLACEHOLDERS;
        for (resource, expected) in [
            ("arn:aws:s3:::b/k".to_owned(), Some("arn:aws:s3:::b/k")),
            (format!("arn:aws:s3:::b/{key}"), Some("arn:aws:s3:::b/a/b.txt")),
            (format!("arn:aws:s3:::b/{source}/*"), Some("arn:aws:s3:::b/c/*")),
            (format!("arn:aws:s3:::b/{key}{source}"), None),
            (format!("arn:aws:s3:::b/{MARK_TEXT}"), None),
        ] {
            assert_eq!(names.restored(&resource).as_deref(), expected, "{resource}");
        }
        assert_eq!(Names::NONE.restored(key), None);
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
        fn what_is_brought_is_counted_as_by_itself(
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
