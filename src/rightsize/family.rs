//! Roles that are copies of one: what their names share, once what differs from copy to copy is left out.
//!
//! What makes a role in every account gives it the same name everywhere, or one in which the account, the region or a
//! random ending of CloudFormation's stands (CloudFormation User Guide, "Name type": the stack's name, the logical id
//! and a random text).

use std::borrow::Cow;

/// Letters and digits of CloudFormation's random endings: 12 or 13, of either case since 2022.
const RANDOM: std::ops::RangeInclusive<usize> = 12..=13;

/// What the names of copies share: `{account}`, `{region}` and `{random}` stand for what differs.
pub fn family<'n>(account: &str, name: &'n str) -> Cow<'n, str> {
    let mut shared = Cow::Borrowed(name);
    if account.len() == 12 && name.contains(account) {
        shared = Cow::Owned(name.replace(account, "{account}"));
    }
    if let Some((from, to)) = region(&shared) {
        let (before, behind) = (shared.get(..from).unwrap_or_default(), shared.get(to..).unwrap_or_default());
        shared = Cow::Owned(format!("{before}{{region}}{behind}"));
    }
    match shared.rsplit_once('-') {
        Some((before, ending)) if is_random(ending) && !before.is_empty() => Cow::Owned(format!("{before}-{{random}}")),
        _ => shared,
    }
}

/// Capitals and digits, or with small letters among them, as no word of a language is.
fn is_random(ending: &str) -> bool {
    let has = |is: fn(&u8) -> bool| ending.bytes().any(|byte| is(&byte));
    RANDOM.contains(&ending.len())
        && ending.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_uppercase)
}

/// Where a region's name stands: `eu-west-1`, `us-gov-west-1`, `us-isob-east-1`.
fn region(name: &str) -> Option<(usize, usize)> {
    let is_small = |part: &str, len: std::ops::RangeInclusive<usize>| {
        len.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_lowercase())
    };
    let mut parts: Vec<(usize, &str)> = Vec::new();
    let mut at = 0;
    for part in name.split('-') {
        parts.push((at, part));
        at += part.len() + 1;
    }
    let found = |window: &[(usize, &str)]| {
        let [(from, area), partition @ .., (_, side), (at, number)] = window else { return None };
        let is_partition =
            |(_, part): &(usize, &str)| *part == "gov" || part.starts_with("iso") && is_small(part, 3..=4);
        let is_side = ["north", "south", "east", "west", "central"].iter().any(|of| side.starts_with(of));
        let is_number = number.len() == 1 && number.bytes().all(|byte| byte.is_ascii_digit());
        let is_one = is_small(area, 2..=2)
            && partition.iter().all(is_partition)
            && is_side
            && is_small(side, 4..=9)
            && is_number;
        is_one.then_some((*from, at + number.len()))
    };
    parts.windows(4).chain(parts.windows(3)).find_map(found)
}

#[cfg(test)]
mod tests {
    use super::family;

    #[test]
    fn copies_share_a_name() {
        for (name, shared) in [
            ("deploy", "deploy"),
            ("cdk-hnb659fds-deploy-role-111122223333-eu-west-1", "cdk-hnb659fds-deploy-role-{account}-{region}"),
            ("cdk-hnb659fds-deploy-role-111122223333-ap-northeast-2", "cdk-hnb659fds-deploy-role-{account}-{region}"),
            ("audit-WriterRole-1XQ2ZW3ABCDE4", "audit-WriterRole-{random}"),
            ("audit-WriterRole-aB3dEf6hIj9k", "audit-WriterRole-{random}"),
            ("deploy-us-gov-west-1", "deploy-{region}"),
            ("deploy-us-isob-east-1-x", "deploy-{region}-x"),
            ("deploy-my-prod-west-1", "deploy-my-prod-west-1"),
            // A word, another account, nothing before it.
            ("audit-notification", "audit-notification"),
            ("audit-NOTIFICATION", "audit-NOTIFICATION"),
            ("from-444455556666", "from-444455556666"),
            ("eu-west-1", "{region}"),
            ("build-west-1", "build-west-1"),
            ("", ""),
        ] {
            assert_eq!(family("111122223333", name), shared, "{name}");
        }
    }
}
