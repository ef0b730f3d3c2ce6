//! Keeping what varies without end out of `usage`.
//!
//! The rule, applied to every resource before it is counted:
//!
//! * **S3 object keys** (`arn:…:s3:::bucket/key`, and objects behind access points): the bucket stays. Of the key the
//!   first eight segments are kept; in each, everything from the first to the last word that holds a digit becomes one `*`
//!   (words end at `-`, `_`, `.`, `=`, `+`, `@`, `,`, `~` and blanks), so `logs/2023/07/10/a1b2.json.gz` is `logs/*/*/*/*.json.gz` and `app/config.json`
//!   stays. What lies below the eighth segment becomes one `*`.
//! * **Names made for one occasion**: the stream of a log group, the execution of a state machine, the build of a build
//!   project, the session of an assumed role and its like ([`OCCASIONAL`]): what comes after the lasting part is `*`.
//!
//! Everything else stays as it is. The rule never crosses a bucket, table, log group or role, looks at one resource at
//! a time (so that counting is the same in whatever order events come), and only ever widens: the pattern matches the
//! resource that it stands for. What IAM would read as a wildcard or variable is escaped before it comes here
//! (`${*}`), and stays escaped.

use std::borrow::Cow;

use crate::iam::arn::Arn;

/// Segments of an object key that are kept.
const KEY_SEGMENTS: usize = 8;

/// Resources that are made for one occasion: service, what the resource part begins with, and how many `:` or `/`
/// separated parts of it last.
/// Source of the ARN forms: Service Authorization Reference, "Resource types defined by …" of each service.
const OCCASIONAL: &[(&str, &str, usize)] = &[
    ("states", "execution:", 2),
    ("states", "express:", 2),
    ("codebuild", "build/", 1),
    ("codebuild", "build:", 1),
    ("sts", "assumed-role/", 2),
    ("sts", "federated-user/", 1),
    ("ssm", "session/", 1),
    ("ssm", "automation-execution/", 1),
    ("ecs", "task/", 2),
    ("batch", "job/", 1),
    ("athena", "queryexecution/", 1),
    ("elasticmapreduce", "cluster/", 1),
    ("redshift", "query:", 2),
    ("transcribe", "transcription-job/", 1),
    ("sagemaker", "training-job/", 1),
    ("sagemaker", "processing-job/", 1),
    ("sagemaker", "transform-job/", 1),
    ("bedrock", "async-invoke/", 1),
];

/// The pattern under which a resource is counted.
pub fn generalise(resource: &str) -> Cow<'_, str> {
    let Some(Arn { service, region, account, resource: rest, .. }) = Arn::parse(resource) else {
        return Cow::Borrowed(resource);
    };
    let tail = match service {
        // ARNs of buckets alone have neither: one may well be called `accesspoint` or `job`.
        "s3" if region.is_empty() && account.is_empty() => object_key(rest, behind_bucket(rest)),
        "s3" | "s3-outposts" | "s3express" | "s3-object-lambda" => object_key(rest, key_start(rest)),
        "logs" => log_stream(rest),
        _ => occasional(service, rest),
    };
    match tail {
        Some(tail) => {
            // INVARIANT: `rest` is the end of `resource`.
            let head = &resource[..resource.len() - rest.len()];
            Cow::Owned([head, &tail].concat())
        }
        None => Cow::Borrowed(resource),
    }
}

/// The part of an S3 resource up to where the key begins: behind the bucket, or behind `accesspoint/<name>/object/`.
fn key_start(rest: &str) -> Option<usize> {
    if let Some(point) = rest.strip_prefix("accesspoint/") {
        return Some(rest.len() - point.len() + point.find("/object/")? + "/object/".len());
    }
    let is_named_type = ["accesspoint:", "job/", "storage-lens", "access-grants", "async-request", "outpost/"]
        .iter()
        .any(|t| rest.starts_with(t));
    if is_named_type { None } else { behind_bucket(rest) }
}

fn behind_bucket(rest: &str) -> Option<usize> {
    Some(rest.find('/')? + 1)
}

fn object_key(rest: &str, key_start: Option<usize>) -> Option<String> {
    let (container, key) = rest.split_at_checked(key_start?)?;
    if key == "*" {
        return None;
    }
    let mut pattern = String::with_capacity(rest.len());
    pattern.push_str(container);
    push_key(&mut pattern, key, '*');
    Some(pattern)
}

/// A key of the same pattern, with `0` for what varies; `None` where it is that key already.
pub(super) fn plainest_key(key: &str) -> Option<String> {
    let mut plainest = String::with_capacity(key.len());
    push_key(&mut plainest, key, '0');
    (plainest != key).then_some(plainest)
}

/// Adds a key with `varying` for what varies.
fn push_key(pattern: &mut String, key: &str, varying: char) {
    let ends = memchr::memchr_iter(b'/', key.as_bytes()).chain([key.len()]);
    let mut begin = 0;
    for (number, end) in ends.enumerate() {
        let segment = key.get(begin..end).unwrap_or_default();
        begin = end + 1;
        if number > 0 {
            pattern.push('/');
        }
        if number == KEY_SEGMENTS {
            pattern.push(varying);
            break;
        }
        push_segment(pattern, segment, varying);
    }
}

/// Adds a key segment with everything from its first to its last word that holds a digit replaced.
fn push_segment(pattern: &mut String, segment: &str, varying: char) {
    // Bytes, because nearly every event on objects comes here; all that is looked for is ASCII.
    let bytes = segment.as_bytes();
    let is_separator = |b: &u8| matches!(b, b'-' | b'_' | b'.' | b'=' | b'+' | b'@' | b',' | b'~' | b' ');
    let first = bytes.iter().position(u8::is_ascii_digit);
    let Some((first, last)) = first.zip(bytes.iter().rposition(u8::is_ascii_digit)) else {
        pattern.push_str(segment);
        return;
    };
    let before = bytes.get(..first).and_then(|bytes| bytes.iter().rposition(is_separator)).map_or(0, |at| at + 1);
    let after =
        bytes.get(last..).and_then(|bytes| bytes.iter().position(is_separator)).map_or(bytes.len(), |at| last + at);
    pattern.push_str(segment.get(..before).unwrap_or_default());
    pattern.push(varying);
    pattern.push_str(segment.get(after..).unwrap_or_default());
}

fn log_stream(rest: &str) -> Option<String> {
    let at = rest.find(":log-stream:")? + ":log-stream:".len();
    Some(format!("{}*", &rest[..at]))
}

fn occasional(service: &str, rest: &str) -> Option<String> {
    let (_, prefix, lasting) = OCCASIONAL.iter().find(|(s, prefix, _)| *s == service && rest.starts_with(prefix))?;
    let mut end = 0;
    for _ in 0..*lasting {
        end += rest.get(end..)?.find([':', '/'])? + 1;
    }
    if end < prefix.len() || end >= rest.len() {
        return None;
    }
    Some(format!("{}*", &rest[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::wildcard_match;

    #[test]
    fn what_varies_becomes_a_star() {
        for (resource, expected) in [
            ("arn:aws:s3:::b/logs/2023/07/10/a1b2.json.gz", "arn:aws:s3:::b/logs/*/*/*/*.json.gz"),
            ("arn:aws:s3:::b/app/config.json", "arn:aws:s3:::b/app/config.json"),
            ("arn:aws:s3:::b1/k", "arn:aws:s3:::b1/k"),
            ("arn:aws:s3:::accesspoint/k1", "arn:aws:s3:::accesspoint/*"),
            ("arn:aws:s3:::job/k1", "arn:aws:s3:::job/*"),
            ("arn:aws:s3:us-east-1:111122223333:job/j1", "arn:aws:s3:us-east-1:111122223333:job/j1"),
            ("arn:aws:s3:::b1", "arn:aws:s3:::b1"),
            ("arn:aws:s3:::b/*", "arn:aws:s3:::b/*"),
            ("arn:aws:s3:::b/a/b/c/d/e/f/g/h/i/j", "arn:aws:s3:::b/a/b/c/d/e/f/g/h/*"),
            ("arn:aws:s3:::b/dt=2023-07-10/part-0001", "arn:aws:s3:::b/dt=*/part-*"),
            (
                "arn:aws:s3:us-east-1:111122223333:accesspoint/ap/object/x/1",
                "arn:aws:s3:us-east-1:111122223333:accesspoint/ap/object/x/*",
            ),
            (
                "arn:aws:logs:us-east-1:111122223333:log-group:/aws/lambda/f2:log-stream:2023/x[1]",
                "arn:aws:logs:us-east-1:111122223333:log-group:/aws/lambda/f2:log-stream:*",
            ),
            (
                "arn:aws:states:us-east-1:111122223333:execution:machine1:run7",
                "arn:aws:states:us-east-1:111122223333:execution:machine1:*",
            ),
            ("arn:aws:sts::111122223333:assumed-role/r1/s1", "arn:aws:sts::111122223333:assumed-role/r1/*"),
            (
                "arn:aws:ec2:us-east-1:111122223333:instance/i-0123",
                "arn:aws:ec2:us-east-1:111122223333:instance/i-0123",
            ),
            ("arn:aws:dynamodb:us-east-1:111122223333:table/T1", "arn:aws:dynamodb:us-east-1:111122223333:table/T1"),
            ("*", "*"),
        ] {
            assert_eq!(generalise(resource), expected, "{resource}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_pattern_matches_what_it_stands_for(key in "[a-z0-9/_.=-]{1,60}", bucket in "[a-z0-9-]{3,20}") {
            let resource = format!("arn:aws:s3:::{bucket}/{key}");
            let pattern = generalise(&resource);
            proptest::prop_assert!(wildcard_match(&pattern, &resource, false), "{pattern} {resource}");
            let prefix = format!("arn:aws:s3:::{bucket}/");
            proptest::prop_assert!(pattern.starts_with(&prefix));
            proptest::prop_assert_eq!(generalise(&pattern).into_owned(), pattern.clone().into_owned());
            let plainest = plainest_key(&key).map_or(resource.clone(), |key| format!("{prefix}{key}"));
            proptest::prop_assert_eq!(generalise(&plainest), pattern);
        }
    }
}
