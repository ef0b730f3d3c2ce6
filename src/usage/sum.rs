//! Adding up rows: one row a use, and one for all resources of a container once there are too many.
//!
//! The outcome depends on the rows alone, not on how they were parted before: sums of sums are the sum of all.

use hashbrown::{HashMap, HashSet};

use super::order::ordered;
use super::row::UsageRow;

/// Distinct resources that one principal's action may have within one day and one container (bucket, log group, …)
/// before they are counted under the container alone: the limit on what an attacker's names can make `usage` grow to.
pub(super) const RESOURCES_MAX: usize = 1_000;

/// Adds up rows that count the same use of one day, from several batches or files; in stored order.
pub(crate) fn summed(mut rows: Vec<UsageRow>) -> Vec<UsageRow> {
    contain(&mut rows);
    let mut sums: Vec<UsageRow> = Vec::with_capacity(rows.len());
    for (row, is_same) in ordered(rows) {
        match sums.last_mut() {
            Some(last) if is_same => last.absorb(&row),
            _ => sums.push(row),
        }
    }
    sums
}

/// Puts the resources of a container with too many of them under its pattern.
fn contain(rows: &mut [UsageRow]) {
    if rows.len() <= RESOURCES_MAX && !rows.iter().any(|row| is_pattern(&row.resource)) {
        return;
    }
    let full = in_full_containers(rows);
    for (row, is_in_full) in rows.iter_mut().zip(full) {
        if let Some(container) = container(&row.resource).filter(|_| is_in_full) {
            row.resource = format!("{container}*").into();
        }
    }
}

/// For each row, whether its container has too many resources. Counted by day, principal, action and container.
fn in_full_containers(rows: &[UsageRow]) -> Vec<bool> {
    fn key(row: &UsageRow) -> Option<(i32, &str, Option<&str>, &str)> {
        Some((row.event_date, row.principal_arn.as_str(), row.action.as_deref(), container(&row.resource)?))
    }
    let mut resources: HashMap<_, (HashSet<&str>, bool)> = HashMap::new();
    for row in rows {
        if let Some(key) = key(row) {
            let (known, is_full) = resources.entry(key).or_default();
            known.insert(&row.resource);
            *is_full |= is_pattern(&row.resource) || known.len() > RESOURCES_MAX;
        }
    }
    rows.iter().map(|row| key(row).and_then(|key| resources.get(&key)).is_some_and(|(_, is_full)| *is_full)).collect()
}

/// What holds a resource that can come in any number: `arn:aws:s3:::bucket/` for an object, `…:instance/` for an
/// instance. `None` for resources that hold nothing.
pub(super) fn container(resource: &str) -> Option<&str> {
    // Bytes, because every row of every sum is asked for it.
    let bytes = resource.as_bytes();
    let (mut start, mut colons) = (0, 0);
    while colons < 5 {
        start += memchr::memchr(b':', bytes.get(start..)?)? + 1;
        colons += 1;
    }
    let at = start + memchr::memchr2(b'/', b':', bytes.get(start..)?)?;
    resource.get(..=at)
}

/// Whether a resource stands for all of a container.
fn is_pattern(resource: &str) -> bool {
    container(resource).is_some_and(|container| is_pattern_of(resource, container))
}

/// Whether a resource stands for all of its container.
pub(super) fn is_pattern_of(resource: &str, container: &str) -> bool {
    resource.strip_prefix(container) == Some("*")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::Outcome;

    fn row(resource: String) -> UsageRow {
        UsageRow {
            event_date: 0,
            account_id: "111122223333".into(),
            principal_arn: "arn:aws:iam::111122223333:user/ann".into(),
            principal_type: "IAMUser".into(),
            permission_set: None,
            session_name: None,
            action: Some("s3:GetObject".into()),
            resource: resource.into(),
            outcome: Outcome::Allowed,
            confidence: "documented".into(),
            rule: "override".into(),
            passed_to_service: None,
            event_source: "s3.amazonaws.com".into(),
            event_name: "GetObject".into(),
            aws_region: "eu-west-1".into(),
            via: None,
            event_count: 1,
            first_time_us: 7,
            last_time_us: 7,
            example_event_id: "x".into(),
            cross_account: false,
            overflow: false,
            origin: None,
        }
    }

    #[test]
    fn too_many_resources_are_one_whatever_the_parts() {
        let rows =
            |from: usize, to: usize| (from..to).map(|i| row(format!("arn:aws:s3:::b/{i:b}"))).collect::<Vec<_>>();
        let all = summed(rows(0, 1_500));
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].resource.as_str(), all[0].event_count), ("arn:aws:s3:::b/*", 1_500));
        for cut in [1, 400, 750, 1_100, 1_499] {
            let parts = [summed(rows(0, cut)), summed(rows(cut, 1_500))].concat();
            assert_eq!(summed(parts), all, "{cut}");
        }
        assert_eq!(summed(rows(0, 1_000)).len(), 1_000);
    }

    #[test]
    fn days_stay_apart() {
        let rows = (0..4).map(|i| UsageRow { event_date: i / 2, ..row("*".to_owned()) }).collect();
        let counts: Vec<_> = summed(rows).iter().map(|row| (row.event_date, row.event_count)).collect();
        assert_eq!(counts, [(0, 2), (1, 2)]);
    }

    #[test]
    fn containers() {
        for (resource, expected) in [
            ("arn:aws:s3:::b/a/b", Some("arn:aws:s3:::b/")),
            ("arn:aws:s3:::b", None),
            ("arn:aws:ec2:us-east-1:111122223333:instance/i-1", Some("arn:aws:ec2:us-east-1:111122223333:instance/")),
            ("*", None),
        ] {
            assert_eq!(container(resource), expected);
        }
    }
}
