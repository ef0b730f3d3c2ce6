//! Names of policies and files, made of names out of a log.

use std::collections::BTreeSet;

use crate::policy::Options;
use crate::usage::UsageRow;

/// A file name, also good as a policy name, that no other has: what comes after `role/` and their like, letters, digits,
/// `-` and `_`. Names come from a log, so that nothing else is let through.
pub(super) fn file_name(name: &str, taken: &mut BTreeSet<String>) -> String {
    let short = if name.starts_with("arn:") {
        name.splitn(6, ':').skip(4).collect::<Vec<_>>().join("-")
    } else {
        name.to_owned()
    };
    let safe: String =
        short.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).take(100).collect();
    let safe = match safe.trim_matches('-') {
        "" => "unnamed".to_owned(),
        safe => safe.to_owned(),
    };
    let mut candidate = safe.clone();
    let mut number = 2;
    // File systems that don't tell cases apart are the reason for the lower case.
    while !taken.insert(candidate.to_ascii_lowercase()) {
        candidate = format!("{safe}-{number}");
        number += 1;
    }
    candidate
}

/// Longest name of a policy (IAM API Reference, `CreatePolicy`: 128), with some left for the number of a part.
pub(super) const NAME_MAX: usize = 120;

/// `prefix-name`; what is too long is cut, the prefix first, for the name is what differs.
pub(super) fn prefixed(prefix: &str, name: &str) -> String {
    let room = NAME_MAX.saturating_sub(name.len() + 1);
    let prefix: String = prefix.chars().take(room).collect();
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}-{name}") }
}

/// The one permission set's name, or the one role's or user's, or that of the default.
pub(super) fn name_of(rows: &[UsageRow]) -> String {
    let sets: BTreeSet<Option<&str>> = rows.iter().map(|row| row.permission_set.as_deref()).collect();
    let principals: BTreeSet<&str> = rows.iter().map(|row| row.principal_arn.as_str()).collect();
    let name = match (sets.first(), principals.first()) {
        (Some(Some(set)), _) if sets.len() == 1 => *set,
        (_, Some(arn)) if principals.len() == 1 => arn.rsplit(['/', ':']).next().unwrap_or_default(),
        _ => return Options::default().name,
    };
    file_name(name, &mut BTreeSet::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_not_too_long() {
        let long = "x".repeat(120);
        assert_eq!(prefixed("team", "app"), "team-app");
        assert_eq!(prefixed(&long, &"y".repeat(100)).len(), NAME_MAX);
        assert_eq!(prefixed(&long, &long), long);
    }

    #[test]
    fn file_names_are_safe_and_single() {
        let mut taken = BTreeSet::new();
        let mut name = |text: &str| file_name(text, &mut taken);
        assert_eq!(name("arn:aws:iam::111122223333:role/team/App"), "111122223333-role-team-App");
        assert_eq!(name("arn:aws:iam::111122223333:role/team/app"), "111122223333-role-team-app-2");
        assert_eq!(name("../../etc/passwd"), "etc-passwd");
        assert_eq!(name("jane@example.org"), "jane-example-org");
        assert_eq!(name("…"), "unnamed");
    }
}
