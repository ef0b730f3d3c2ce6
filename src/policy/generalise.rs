//! Tomorrow's call is not yesterday's: names that vary become `*`. This is the only place that makes names wider.
//!
//! The rule. Of a resource of a kind listed in [`VARYING`], what comes after the lasting part (the bucket, the log
//! group, the cluster) is taken segment by segment, `/` and `:` between them. Segments in the same place, after the
//! same beginning, are *siblings*.
//!
//! * `none`: every name stays.
//! * `balanced`: what is made for one occasion ([`Tail::Once`]: an execution, a build, a session, a log stream) is `*`.
//!   Of other kinds more than N distinct siblings (N is `Options::distinct_max`) become one pattern: their common
//!   beginning and end, as far as whole words go, and `*` between (`app-*.log`). Where names were given by people as
//!   well as by machines ([`Tail::Names`]) all siblings count; where only AWS numbers things ([`Tail::Ids`]) only
//!   siblings in the form of an id do: ids with a prefix, UUIDs, hashes, numbers, times. What follows is then treated
//!   together.
//! * `broad`: everything after the lasting part is `*` (of [`Tail::Ids`] kinds, where it has the form of an id).
//!
//! A resource of any other kind stays as it is: a bucket, table, function, queue, key, secret or role is never crossed.
//! The caller decides for reading and writing apart, so that many reads never widen a write.
//!
//! [`similar`] and [`of_type`] go further. Only fitting uses them, and only for reads.

use std::collections::{BTreeMap, BTreeSet};

use super::options::Generalize;
use super::pattern::{comparable, with_resource};
use crate::iam::arn::Arn;

/// What stands after the lasting part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tail {
    /// Names that people and programs give without end.
    Names,
    /// Ids that AWS makes; other names among them last.
    Ids,
    /// Names made for one occasion in a container of their own, which does not come again.
    Once,
}

use Tail::{Ids, Names, Once};

/// Kinds of resources with names that vary: service, how the resource part begins, how many segments last.
/// S3 objects and log streams are in [`lasting`].
/// ARN forms: Service Authorization Reference, "Resource types defined by …".
const VARYING: &[(&str, &str, usize, Tail)] = &[
    ("ssm", "parameter/", 2, Names),
    ("ssm", "session/", 1, Names),
    ("ssm", "automation-execution/", 1, Ids),
    ("states", "execution:", 2, Once),
    ("states", "express:", 2, Once),
    ("codebuild", "build/", 2, Once),
    ("codebuild", "build:", 2, Once),
    ("codebuild", "report/", 2, Names),
    ("ecs", "task/", 2, Once),
    ("ecs", "container-instance/", 2, Ids),
    ("ecs", "task-definition/", 2, Ids),
    ("athena", "queryexecution/", 1, Ids),
    ("batch", "job/", 1, Ids),
    ("batch", "job-definition/", 2, Ids),
    ("cloudformation", "stack/", 2, Ids),
    ("cloudformation", "changeSet/", 2, Ids),
    ("sts", "assumed-role/", 2, Once),
    ("sts", "federated-user/", 1, Names),
    ("lambda", "function:", 2, Ids),
    ("lambda", "layer:", 2, Ids),
    ("dynamodb", "table/", 3, Ids),
    ("execute-api", "", 1, Names),
    ("iot", "topic/", 2, Names),
    ("elasticmapreduce", "cluster/", 1, Ids),
    ("redshift", "query:", 2, Once),
    ("sagemaker", "training-job/", 1, Names),
    ("sagemaker", "processing-job/", 1, Names),
    ("sagemaker", "transform-job/", 1, Names),
    ("transcribe", "transcription-job/", 1, Names),
    ("bedrock", "async-invoke/", 1, Ids),
    ("backup", "recovery-point:", 1, Ids),
    ("ec2", "instance/", 1, Ids),
    ("ec2", "volume/", 1, Ids),
    ("ec2", "snapshot/", 1, Ids),
    ("ec2", "image/", 1, Ids),
    ("ec2", "network-interface/", 1, Ids),
    ("ec2", "elastic-ip/", 1, Ids),
    ("ec2", "spot-instances-request/", 1, Ids),
    ("ec2", "fleet/", 1, Ids),
    ("ec2", "import-image-task/", 1, Ids),
    ("ec2", "export-image-task/", 1, Ids),
];

/// Segments looked at; what lies deeper counts as one.
const SEGMENTS_MAX: usize = 16;

/// Where the lasting part of a resource ends (in bytes), and what follows it.
fn lasting(arn: &Arn<'_>) -> Option<(usize, Tail)> {
    let rest = arn.resource;
    match arn.service {
        // ARNs of buckets alone have neither region nor account: one may well be called `job` or `accesspoint`.
        "s3" if arn.region.is_empty() && arn.account.is_empty() => Some((rest.find('/')? + 1, Names)),
        "s3" | "s3-outposts" | "s3-object-lambda" => object_key(rest).map(|end| (end, Names)),
        "logs" => rest.find(":log-stream:").map(|at| (at + ":log-stream:".len(), Once)),
        service => {
            let (_, _, parts, tail) =
                VARYING.iter().find(|(s, prefix, ..)| *s == service && rest.starts_with(prefix))?;
            let mut end = 0;
            for _ in 0..*parts {
                end += rest.get(end..)?.find(['/', ':'])? + 1;
            }
            Some((end, *tail))
        }
    }
}

/// Where the key of an object begins: after `accesspoint/<name>/object/`.
fn object_key(rest: &str) -> Option<usize> {
    let at = rest.find("accesspoint/").filter(|at| *at == 0 || rest.starts_with("outpost/"))?;
    Some(at + rest.get(at..)?.find("/object/")? + "/object/".len())
}

/// Where what varies begins in the resource part, behind the name of a container. What varies right behind the type is in
/// none: it is all of the type.
pub(crate) fn container(arn: &Arn<'_>) -> Option<usize> {
    let (end, _) = lasting(arn)?;
    let before = arn.resource.get(..end)?;
    let is_named = match arn.service {
        "s3" | "s3-outposts" | "s3-object-lambda" | "logs" => true,
        service => {
            let row = VARYING.iter().find(|(s, kind, ..)| *s == service && arn.resource.starts_with(kind));
            row.is_some_and(|(_, kind, parts, _)| *parts > kind.matches(['/', ':']).count())
        }
    };
    (is_named && !comparable(before).contains(['*', '?'])).then_some(end)
}

/// One resource on its way.
struct Item<'a> {
    original: &'a str,
    arn: Arn<'a>,
    lasting: &'a str,
    tail: Tail,
    /// Each but the first begins with its separator.
    segments: Vec<String>,
}

/// Each of `resources` with the pattern that stands for it: itself, or a wider one.
pub(crate) fn generalise(
    resources: &BTreeSet<String>,
    how: Generalize,
    distinct_max: usize,
) -> BTreeMap<String, String> {
    let mut patterns: BTreeMap<String, String> = resources.iter().map(|r| (r.clone(), r.clone())).collect();
    if how == Generalize::None {
        return patterns;
    }
    let mut groups: BTreeMap<String, Vec<Item<'_>>> = BTreeMap::new();
    for original in resources {
        if let Some(item) = item(original) {
            groups.entry(with_resource(&item.arn, item.lasting)).or_default().push(item);
        }
    }
    for mut items in groups.into_values() {
        match how {
            Generalize::None => {}
            Generalize::Balanced => {
                items.iter_mut().filter(|item| item.tail == Once).for_each(broaden);
                settle(items.iter_mut().filter(|item| item.tail != Once).collect(), 0, distinct_max);
            }
            Generalize::Broad => items.iter_mut().for_each(broaden),
        }
        for item in items {
            let pattern = with_resource(&item.arn, &format!("{}{}", item.lasting, item.segments.concat()));
            patterns.insert(item.original.to_owned(), pattern);
        }
    }
    patterns
}

fn item(original: &str) -> Option<Item<'_>> {
    let arn = Arn::parse(original)?;
    let (end, tail) = lasting(&arn)?;
    let (lasting, rest) = arn.resource.split_at_checked(end)?;
    if rest.is_empty() || rest == "*" {
        return None;
    }
    Some(Item { original, arn, lasting, tail, segments: segments(rest) })
}

/// Splits before each `/` and `:`.
fn segments(rest: &str) -> Vec<String> {
    let mut segments = vec![String::new()];
    for c in rest.chars() {
        if matches!(c, '/' | ':') && segments.len() < SEGMENTS_MAX {
            segments.push(String::new());
        }
        if let Some(last) = segments.last_mut() {
            last.push(c);
        }
    }
    segments
}

fn broaden(item: &mut Item<'_>) {
    match item.tail {
        Names | Once => item.segments = vec!["*".to_owned()],
        Ids => {
            for segment in item.segments.iter_mut().filter(|segment| is_id(name(segment))) {
                let separator = separator(segment);
                *segment = format!("{separator}*");
            }
        }
    }
}

/// Replaces varying siblings at `depth`, then goes on below each name that is left. Recursion is as deep as there are
/// segments.
fn settle(mut items: Vec<&mut Item<'_>>, depth: usize, distinct_max: usize) {
    items.retain(|item| item.segments.len() > depth);
    let varies = |item: &Item<'_>, text: &str| item.tail != Ids || is_id(name(text));
    let varying: BTreeSet<String> =
        items.iter().filter_map(|item| item.segments.get(depth).filter(|text| varies(item, text)).cloned()).collect();
    // Ids among names given by people: the ids alone may be many.
    let ids: BTreeSet<String> = varying.iter().filter(|text| is_id(name(text))).cloned().collect();
    let chosen = if ids.len() > distinct_max && varying.len() - ids.len() <= distinct_max { ids } else { varying };
    if chosen.len() > distinct_max {
        let shape = common_shape(&chosen);
        for item in &mut items {
            if let Some(segment) = item.segments.get_mut(depth).filter(|segment| chosen.contains(*segment)) {
                segment.clone_from(&shape);
            }
        }
    }
    let mut below: BTreeMap<String, Vec<&mut Item<'_>>> = BTreeMap::new();
    for item in items {
        let key = item.segments.get(depth).cloned().unwrap_or_default();
        below.entry(key).or_default().push(item);
    }
    for siblings in below.into_values() {
        settle(siblings, depth + 1, distinct_max);
    }
}

/// Each pattern with one that stands for it and its likes: names of the same kind that begin with the same word, if
/// they are more than `distinct_max`.
pub(crate) fn similar(patterns: &BTreeSet<String>, distinct_max: usize) -> BTreeMap<String, String> {
    let mut alike: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for pattern in patterns {
        let Some(arn) = Arn::parse(pattern) else { continue };
        let at = kind_end(arn.resource);
        let Some((kind, name)) = arn.resource.split_at_checked(at) else { continue };
        let word = name.split(WORD_ENDS).next().unwrap_or_default();
        // Without a word in common there is nothing alike.
        if word.len() < name.len() && !word.is_empty() && !word.contains(['*', '?', '$', '/', ':']) {
            alike.entry(with_resource(&arn, &format!("{kind}{word}"))).or_default().insert(pattern.clone());
        }
    }
    let mut map: BTreeMap<String, String> = patterns.iter().map(|p| (p.clone(), p.clone())).collect();
    for (_, group) in alike.into_iter().filter(|(_, group)| group.len() > distinct_max.max(1)) {
        let names = group.iter().filter_map(|pattern| Arn::parse(pattern));
        let names: BTreeSet<String> = names.map(|arn| arn.resource.to_owned()).collect();
        let shape = common_shape(&names);
        for pattern in group {
            if let Some(wider) = Arn::parse(&pattern).map(|arn| with_resource(&arn, &shape)) {
                map.insert(pattern, wider);
            }
        }
    }
    map
}

/// Everything of the same type in the same account and region; the pattern itself where it is not known what that is.
pub(crate) fn of_type(pattern: &str) -> String {
    match Arn::parse(pattern) {
        Some(arn) => {
            let kind = arn.resource.get(..kind_end(arn.resource)).unwrap_or_default();
            // Objects stay objects: a bucket is another type.
            let is_object = arn.service == "s3" && arn.account.is_empty() && arn.resource.contains('/');
            with_resource(&arn, &if is_object { "*/*".to_owned() } else { format!("{kind}*") })
        }
        None => pattern.to_owned(),
    }
}

/// Where a resource's kind ends: `table/`, `function:`, or nothing.
fn kind_end(resource: &str) -> usize {
    let end = resource.find(['/', ':']).map_or(0, |at| at + 1);
    let is_kind =
        resource.get(..end).is_some_and(|kind| kind.bytes().all(|b| b.is_ascii_lowercase() || b"-/:".contains(&b)));
    if is_kind { end } else { 0 }
}

fn separator(segment: &str) -> &str {
    if segment.starts_with(['/', ':']) { segment.get(..1).unwrap_or_default() } else { "" }
}

fn name(segment: &str) -> &str {
    segment.strip_prefix(['/', ':']).unwrap_or(segment)
}

const WORD_ENDS: [char; 9] = ['-', '_', '.', '=', '+', '@', ',', '~', ' '];

/// The separator, the common beginning and end in whole words, and `*` between.
fn common_shape(segments: &BTreeSet<String>) -> String {
    // INVARIANT of sorted text: what the first and the last begin with, all begin with.
    let (Some(first), Some(last)) = (segments.first(), segments.last()) else { return "*".to_owned() };
    let separator =
        if segments.iter().all(|s| self::separator(s) == self::separator(first)) { self::separator(first) } else { "" };
    let shared: usize = first.chars().zip(last.chars()).take_while(|(a, b)| a == b).map(|(c, _)| c.len_utf8()).sum();
    let beginning = first.get(..shared).unwrap_or_default();
    let beginning = beginning.rfind(WORD_ENDS).and_then(|at| beginning.get(..=at)).unwrap_or(separator);
    let room = segments.iter().map(|s| s.len().saturating_sub(beginning.len())).min().unwrap_or(0);
    let ending = common_ending(segments, room);
    // INVARIANT: no escape (`${*}`) is cut in two, for none has a word end in it.
    format!("{beginning}*{ending}")
}

/// What all end with, from a word end on, in at most `room` bytes.
fn common_ending(segments: &BTreeSet<String>, room: usize) -> &str {
    let Some(first) = segments.first() else { return "" };
    let mut length = room.min(first.len());
    for other in segments {
        let same = first.bytes().rev().zip(other.bytes().rev()).take_while(|(a, b)| a == b).count();
        length = length.min(same);
    }
    let start = (first.len() - length..=first.len()).find(|at| first.is_char_boundary(*at)).unwrap_or(first.len());
    let ending = first.get(start..).unwrap_or_default();
    ending.find(WORD_ENDS).and_then(|at| ending.get(at..)).unwrap_or_default()
}

/// Whether a name has the form of something made by a machine: it holds a wildcard already, is a number or time, a UUID
/// or hash, an id with a prefix (`i-0abc1234`), or long and of mixed letters and digits.
fn is_id(name: &str) -> bool {
    if comparable(name).contains('*') {
        return true;
    }
    let digits = name.bytes().filter(u8::is_ascii_digit).count();
    let is_numeric = digits > 0 && name.bytes().all(|b| b.is_ascii_digit() || b"-_.:TZ+".contains(&b));
    let is_hex = |text: &str| text.len() >= 8 && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    let after_prefix = name.split_once('-').filter(|(prefix, _)| prefix.bytes().all(|b| b.is_ascii_lowercase()));
    let is_prefixed = after_prefix.is_some_and(|(_, id)| is_hex(id) && digits > 0);
    let is_mixed = name.len() >= 16 && digits >= 4 && name.bytes().all(|b| b.is_ascii_alphanumeric());
    is_numeric || (is_hex(name) && digits > 0) || is_prefixed || is_mixed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distinct(resources: &[&str], how: Generalize, max: usize) -> Vec<String> {
        let set = resources.iter().map(|r| (*r).to_owned()).collect();
        let patterns: BTreeSet<String> = generalise(&set, how, max).into_values().collect();
        patterns.into_iter().collect()
    }

    #[test]
    fn names_that_vary_collapse_per_segment() {
        let days = [
            "arn:aws:s3:::lake/logs/2024-01-01/app-1.log",
            "arn:aws:s3:::lake/logs/2024-01-02/app-2.log",
            "arn:aws:s3:::lake/logs/2024-01-03/app-3.log",
            "arn:aws:s3:::lake/config.json",
        ];
        let patterns = distinct(&days, Generalize::Balanced, 2);
        assert_eq!(patterns, ["arn:aws:s3:::lake/config.json", "arn:aws:s3:::lake/logs/2024-01-*/app-*.log"]);
        assert_eq!(distinct(&days, Generalize::Balanced, 3).len(), 4, "not more than N: they stay");
        assert_eq!(distinct(&days, Generalize::Broad, 3), ["arn:aws:s3:::lake/*"]);
        assert_eq!(distinct(&days, Generalize::None, 0).len(), 4);
    }

    #[test]
    fn ids_collapse_among_names_that_last() {
        let ids = ["i-0123456789abcdef0", "i-0123456789abcdef1", "i-0a23456789abcdef1"];
        let instances: Vec<String> = ids.iter().map(|id| format!("arn:aws:ec2:eu-west-1:1:instance/{id}")).collect();
        let instances: Vec<&str> = instances.iter().map(String::as_str).collect();
        assert_eq!(distinct(&instances, Generalize::Balanced, 2), ["arn:aws:ec2:eu-west-1:1:instance/i-*"]);
        let versions = [
            "arn:aws:lambda:r:1:function:f:1",
            "arn:aws:lambda:r:1:function:f:2",
            "arn:aws:lambda:r:1:function:f:live",
        ];
        let patterns = distinct(&versions, Generalize::Balanced, 1);
        assert_eq!(patterns, ["arn:aws:lambda:r:1:function:f:*", "arn:aws:lambda:r:1:function:f:live"]);
    }

    #[test]
    fn nothing_that_lasts_is_crossed() {
        let many: Vec<String> = (0..50)
            .flat_map(|n| {
                [
                    format!("arn:aws:s3:::bucket-{n}/x"),
                    format!("arn:aws:s3:::bucket-{n}"),
                    format!("arn:aws:dynamodb:r:1:table/t{n}"),
                    format!("arn:aws:lambda:r:1:function:f{n}"),
                    format!("arn:aws:kms:r:1:key/{n:08x}-0000-4000-8000-000000000000"),
                    format!("arn:aws:iam::1:role/r{n}"),
                    format!("arn:aws:elasticloadbalancing:r:1:loadbalancer/app/a{n}/50dc6c495c0c{n:04}"),
                    format!("arn:aws:logs:r:1:log-group:/aws/lambda/f{n}:*"),
                ]
            })
            .collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(distinct(&many, Generalize::Balanced, 1).len(), many.len());
        assert_eq!(distinct(&many, Generalize::Broad, 1).len(), many.len());
    }

    #[test]
    fn what_is_made_for_one_occasion_does_not_come_again() {
        for (resource, expected) in [
            ("arn:aws:states:r:1:execution:machine:run7", "arn:aws:states:r:1:execution:machine:*"),
            ("arn:aws:logs:r:1:log-group:g:log-stream:2023/x[1]", "arn:aws:logs:r:1:log-group:g:log-stream:*"),
            ("arn:aws:ecs:r:1:task/c/0123456789abcdef", "arn:aws:ecs:r:1:task/c/*"),
            ("arn:aws:codebuild:r:1:build/p:0a1b", "arn:aws:codebuild:r:1:build/p:*"),
        ] {
            assert_eq!(distinct(&[resource], Generalize::Balanced, 5), [expected]);
            assert_eq!(distinct(&[resource], Generalize::Broad, 5), [expected]);
            assert_eq!(distinct(&[resource], Generalize::None, 0), [resource]);
        }
        for resource in [
            "arn:aws:s3:::lake/payroll/2023-07/alice1.csv",
            "arn:aws:s3:::job/k1",
            "arn:aws:elasticmapreduce:r:1:cluster/j-1ABC",
        ] {
            assert_eq!(distinct(&[resource], Generalize::Balanced, 5), [resource]);
        }
        assert_eq!(distinct(&["arn:aws:s3:::job/k1"], Generalize::Broad, 5), ["arn:aws:s3:::job/*"]);
        let express = "arn:aws:s3express:r:1:bucket/fast--euc1-az1--x-s3";
        assert_eq!(distinct(&[express], Generalize::Broad, 0), [express]);
    }

    #[test]
    fn likes_share_a_word() {
        let queues: BTreeSet<String> = (0..4).map(|n| format!("arn:aws:sqs:r:1:orders-{n}-in")).collect();
        let other = "arn:aws:sqs:r:1:payments".to_owned();
        let map = similar(&queues.iter().cloned().chain([other.clone()]).collect(), 2);
        assert_eq!(map[&other], other);
        assert!(queues.iter().all(|queue| map[queue] == "arn:aws:sqs:r:1:orders-*-in"), "{map:?}");
        assert!(similar(&queues, 4).iter().all(|(from, to)| from == to));
        assert_eq!(of_type("arn:aws:kms:r:1:key/0a"), "arn:aws:kms:r:1:key/*");
        assert_eq!(of_type("arn:aws:s3:::lake/k"), "arn:aws:s3:::*/*");
        assert_eq!(of_type("arn:aws:s3:::lake"), "arn:aws:s3:::*");
    }

    #[test]
    fn hostile_names_stay_literal() {
        let names = ["arn:aws:s3:::b/a-${*}", "arn:aws:s3:::b/a-${*}x", "arn:aws:s3:::b/a-${$}{aws:username}"];
        assert_eq!(distinct(&names, Generalize::Balanced, 9).len(), 3);
        for pattern in distinct(&names, Generalize::Balanced, 1) {
            assert!(!comparable(&pattern).contains("${"), "{pattern}");
        }
    }
}
