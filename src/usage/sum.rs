//! Adding up rows: one row a use.
//!
//! Rows that were kept apart once stay apart: only what has the same identity is added up, so that reading loses
//! nothing that was stored.

use hashbrown::HashMap;

use super::overflow::{RESOURCES_MAX, container, of_container};
use super::row::UsageRow;
use super::stored_order::{Identity, RESOURCE, identity, ordered};

/// Adds up rows that count the same use of one day, from several batches or files; in stored order.
pub(super) fn summed(rows: Vec<UsageRow>) -> Vec<UsageRow> {
    let mut sums: Vec<UsageRow> = Vec::with_capacity(rows.len());
    for (row, is_same) in ordered(rows) {
        match sums.last_mut() {
            Some(last) if is_same => last.absorb(&row),
            _ => sums.push(row),
        }
    }
    sums
}

/// The same of rows that are to be stored: of each day and group, no more resources are kept apart than
/// [`RESOURCES_MAX`].
pub(crate) fn bounded(rows: Vec<UsageRow>) -> Vec<UsageRow> {
    let mut rows = summed(rows);
    let surplus = surplus(&rows);
    if surplus.is_empty() {
        return rows;
    }
    for at in surplus {
        if let Some(row) = rows.get_mut(at) {
            row.resource = of_container(container(&row.resource)).into();
            row.overflow = true;
        }
    }
    summed(rows)
}

/// A day and all else that tells rows apart, with the container in the place of the resource.
type Group<'a> = (i32, Identity<Option<&'a str>>);

/// The places of rows that are one too many of their group. The rows are summed: so a group's resources come one after
/// the other, the smallest first.
fn surplus(rows: &[UsageRow]) -> Vec<usize> {
    let mut surplus = Vec::new();
    let mut begin = 0;
    // Rows of one principal's action lie together, and few have so many.
    for chunk in
        rows.chunk_by(|a, b| a.action == b.action && a.event_name == b.event_name && a.principal_arn == b.principal_arn)
    {
        if chunk.len() > RESOURCES_MAX {
            let mut sizes: HashMap<Group<'_>, usize> = HashMap::new();
            for (row, at) in chunk.iter().zip(begin..).filter(|(row, _)| !row.overflow) {
                let size = sizes.entry(group(row)).or_default();
                *size += 1;
                if *size > RESOURCES_MAX {
                    surplus.push(at);
                }
            }
        }
        begin += chunk.len();
    }
    surplus
}

fn group(row: &UsageRow) -> Group<'_> {
    let mut identity = identity(row, |text| text.map(|text| text.as_str()));
    if let Some(resource) = identity.0.get_mut(RESOURCE) {
        *resource = resource.map(container);
    }
    (row.event_date, identity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::Outcome;

    fn row(resource: String) -> UsageRow {
        UsageRow::example(&resource)
    }

    fn rows(of: impl Iterator<Item = usize>) -> Vec<UsageRow> {
        of.map(|i| row(format!("arn:aws:s3:::b/{i:05}"))).collect()
    }

    #[test]
    fn further_resources_are_counted_in_one_row_whatever_the_parts() {
        let many = 3 * RESOURCES_MAX;
        let all = bounded(rows((0..many).chain(0..7)));
        assert_eq!(all.len(), RESOURCES_MAX + 1);
        let (further, exact): (Vec<&UsageRow>, Vec<&UsageRow>) = all.iter().partition(|row| row.overflow);
        assert_eq!(further.len(), 1);
        assert_eq!(
            (further[0].resource.as_str(), further[0].event_count),
            ("arn:aws:s3:::b/*", 2 * RESOURCES_MAX as u64)
        );
        for (i, row) in exact.iter().enumerate() {
            assert_eq!(
                (row.resource.as_str(), row.event_count),
                (&*format!("arn:aws:s3:::b/{i:05}"), 1 + u64::from(i < 7))
            );
        }
        for cut in [1, RESOURCES_MAX - 1, RESOURCES_MAX, 2 * RESOURCES_MAX, many - 1] {
            let parts = [bounded(rows((cut..many).rev())), bounded(rows((0..cut).chain(0..7)))].concat();
            assert_eq!(bounded(parts), all, "{cut}");
        }
        assert_eq!(summed(all.clone()), all);
        assert_eq!(bounded(rows(0..RESOURCES_MAX)).len(), RESOURCES_MAX);
    }

    #[test]
    fn names_without_a_container_overflow_as_well() {
        let buckets = (0..RESOURCES_MAX + 5).map(|i| row(format!("arn:aws:s3:::bucket-{i:05}"))).collect();
        let rows = bounded(buckets);
        assert_eq!(rows.len(), RESOURCES_MAX + 1);
        assert!(rows.iter().any(|row| row.overflow && &*row.resource == "arn:aws:s3:::*" && row.event_count == 5));
    }

    /// What an event's own pattern matches stays apart from it, and so does every other outcome and session.
    #[test]
    fn nothing_is_taken_in_by_a_pattern_or_by_another_group() {
        let pattern = row("arn:aws:s3:::b/*".to_owned());
        let denied = UsageRow { outcome: Outcome::Denied, ..pattern.clone() };
        let undecided = UsageRow { outcome: Outcome::Undecided, ..pattern.clone() };
        let of_ann = UsageRow { session_name: Some("ann".into()), ..pattern.clone() };
        let key = row("arn:aws:s3:::b/k".to_owned());
        let mut all = bounded(vec![pattern, denied.clone(), undecided, of_ann, key.clone()]);
        assert_eq!(all.len(), 5);
        assert!(all.contains(&key) && all.contains(&denied));
        all.extend(rows(0..RESOURCES_MAX).into_iter().map(|row| UsageRow { outcome: Outcome::Denied, ..row }));
        let all = bounded(all);
        assert!(all.contains(&key) && all.iter().filter(|row| row.overflow).all(|row| row.outcome == Outcome::Denied));
        assert_eq!(all.iter().filter(|row| row.overflow).count(), 1);
    }

    #[test]
    fn days_stay_apart() {
        let rows = (0..4).map(|i| UsageRow { event_date: i / 2, ..row("*".to_owned()) }).collect();
        let counts: Vec<_> = bounded(rows).iter().map(|row| (row.event_date, row.event_count)).collect();
        assert_eq!(counts, [(0, 2), (1, 2)]);
    }
}
