//! What a grant opens beyond what events named: how broad it is, what the action may do there, and in words.

use std::collections::BTreeMap;

use super::generalise::container;
use super::knowledge::Access;
use super::pattern::comparable;
use super::risk;
use crate::iam::arn::Arn;

/// How much a pattern matches beyond one resource, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Breadth {
    /// Characters of a name that a policy cannot hold.
    Characters,
    /// One name, on which the action was not used.
    Name,
    /// One name, in any account or region.
    AnyAccount,
    /// A part of the names in one container: of a bucket's keys.
    Part,
    /// Everything in one container.
    Container,
    /// A part of the names of a type.
    Names,
    /// Everything of one type in one account.
    Type,
    /// Everything of one type in any account.
    TypeAnywhere,
    /// Everything.
    Everything,
}

/// An action on a pattern that is wider than what events named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    pub action: String,
    pub pattern: String,
    pub breadth: Breadth,
    /// `None` where the catalogue does not say.
    pub access: Option<Access>,
    /// Distinct resources under the pattern on which events used the action.
    pub named: usize,
}

impl Breadth {
    pub(crate) fn of(pattern: &str) -> Breadth {
        let Some(arn) = Arn::parse(pattern) else {
            return if pattern.contains('*') { Breadth::Everything } else { Breadth::Name };
        };
        let is_anywhere = [arn.region, arn.account].iter().any(|part| part.contains(['*', '?']));
        let resource = comparable(arn.resource);
        let Some(wild) = resource.find('*') else {
            return match (resource.contains('?'), is_anywhere) {
                (_, true) => Breadth::AnyAccount,
                (true, false) => Breadth::Characters,
                (false, false) => Breadth::Name,
            };
        };
        let breadth = match container(&arn) {
            Some(end) if wild == end && resource.len() == end + 1 => Breadth::Container,
            Some(end) if wild >= end => Breadth::Part,
            _ if resource.len() == wild + 1 && resource.get(..wild).is_some_and(is_kind) => Breadth::Type,
            // `*/*`: the objects of all buckets.
            _ if arn.service == "s3" && resource == "*/*" => Breadth::Type,
            _ => Breadth::Names,
        };
        if is_anywhere && breadth == Breadth::Type { Breadth::TypeAnywhere } else { breadth }
    }

    /// Each step outweighs any number of openings of the step before that a policy has room for.
    fn weight(self) -> u128 {
        10_u128.pow(4 * self as u32)
    }
}

/// Whether the text before a wildcard is but the kind of the resource: `table/`, `key/`, or nothing.
fn is_kind(text: &str) -> bool {
    let name = text.trim_end_matches(['/', ':']);
    !name.contains(['/', ':']) && (name.len() < text.len() || text.is_empty())
}

impl Opening {
    /// How much there is to lose; for comparing.
    pub fn weight(&self) -> u128 {
        let access = match self.access {
            _ if risk::escalation(&self.action).is_some() => 1_000,
            Some(Access::List) => 1,
            _ if risk::is_secret_read(&self.action) => 500,
            Some(Access::Read) => 4,
            Some(Access::Tagging) => 10,
            Some(Access::Write) | None => 100,
            Some(Access::PermissionsManagement) => 1_000,
        };
        self.breadth.weight().saturating_mul(access)
    }
}

/// In words, the heaviest first: actions of the same pattern together.
pub(crate) fn words(openings: &[Opening]) -> Vec<String> {
    let mut of_pattern: BTreeMap<&str, (u128, Vec<&Opening>)> = BTreeMap::new();
    for opening in openings.iter().filter(|opening| opening.breadth != Breadth::AnyAccount) {
        let (weight, list) = of_pattern.entry(&opening.pattern).or_default();
        *weight = weight.saturating_add(opening.weight());
        list.push(opening);
    }
    let mut lines: Vec<(u128, String)> =
        of_pattern.into_iter().map(|(pattern, (weight, list))| (weight, line(pattern, &list))).collect();
    lines.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    lines.into_iter().map(|(_, line)| line).collect()
}

/// Most actions named in one line.
const ACTIONS_MAX: usize = 6;

fn line(pattern: &str, openings: &[&Opening]) -> String {
    let mut openings = openings.to_vec();
    openings.sort_by(|a, b| b.weight().cmp(&a.weight()).then_with(|| a.action.cmp(&b.action)));
    let actions: Vec<&str> = openings.iter().take(ACTIONS_MAX).map(|opening| opening.action.as_str()).collect();
    let more = match openings.len() - actions.len() {
        0 => String::new(),
        more => format!(" and {more} more actions"),
    };
    let named = openings.iter().map(|opening| opening.named).max().unwrap_or(0);
    let named = match named {
        0 => "events named none there".to_owned(),
        1 => "events named 1".to_owned(),
        named => format!("events named {named}"),
    };
    format!("{}{more} on {} ({named})", actions.join(", "), place(pattern))
}

/// A pattern in words.
fn place(pattern: &str) -> String {
    let Some(arn) = Arn::parse(pattern) else { return "everything".to_owned() };
    match Breadth::of(pattern) {
        Breadth::Everything => "everything".to_owned(),
        Breadth::Type | Breadth::TypeAnywhere => format!("any {}{}", kind(&arn), owner(&arn)),
        Breadth::Container => {
            format!("everything in {}", arn.resource.trim_end_matches('*').trim_end_matches(['/', ':']))
        }
        Breadth::Characters => format!("{pattern} (? for characters that a policy cannot hold)"),
        _ => pattern.to_owned(),
    }
}

fn kind(arn: &Arn<'_>) -> String {
    let kind = arn.resource.split(['/', ':', '*']).next().unwrap_or_default();
    match (arn.service, kind) {
        ("s3", _) if arn.resource == "*" => "bucket and object".to_owned(),
        ("s3", "") => "object".to_owned(),
        ("sqs", _) => "queue".to_owned(),
        ("sns", _) => "topic".to_owned(),
        (service, "") => format!("resource of {service}"),
        (_, kind) => kind.replace('-', " "),
    }
}

fn owner(arn: &Arn<'_>) -> String {
    let account = match arn.account {
        "" => String::new(),
        "*" => " of any account".to_owned(),
        account => format!(" of the account {account}"),
    };
    match arn.region {
        "" => account,
        "*" => format!("{account}, in any region"),
        region => format!("{account}, in {region}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breadths() {
        for (pattern, expected) in [
            ("*", Breadth::Everything),
            ("arn:aws:s3:::*", Breadth::Type),
            ("arn:aws:kms:eu-west-1:1:key/*", Breadth::Type),
            ("arn:aws:kms:eu-west-1:*:key/*", Breadth::TypeAnywhere),
            ("arn:aws:sqs:eu-west-1:1:*", Breadth::Type),
            ("arn:aws:sqs:eu-west-1:1:orders-*", Breadth::Names),
            ("arn:aws:s3:::lake/*", Breadth::Container),
            ("arn:aws:s3:::lake/logs/*", Breadth::Part),
            ("arn:aws:logs:r:1:log-group:g:log-stream:*", Breadth::Container),
            ("arn:aws:dynamodb:r:*:table/t", Breadth::AnyAccount),
            ("arn:aws:s3:::lake/a?", Breadth::Characters),
            ("arn:aws:s3:::lake/a${*}", Breadth::Name),
            ("arn:aws:iam::1:role/team/*", Breadth::Names),
            ("arn:aws:iam::1:role/*/app", Breadth::Names),
            ("arn:aws:s3:::*/*", Breadth::Type),
        ] {
            assert_eq!(Breadth::of(pattern), expected, "{pattern}");
        }
        assert_eq!(place("arn:aws:kms:eu-west-1:1:key/*"), "any key of the account 1, in eu-west-1");
        assert_eq!(place("arn:aws:s3:::lake/*"), "everything in lake");
    }

    /// Taking everything is never an improvement over any number of narrower openings.
    #[test]
    fn everything_outweighs() {
        let opening = |pattern: &str, action: &str| Opening {
            action: action.to_owned(),
            pattern: pattern.to_owned(),
            breadth: Breadth::of(pattern),
            access: Some(Access::List),
            named: 0,
        };
        let all = opening("*", "dynamodb:ListTables").weight();
        let types = opening("arn:aws:dynamodb:r:1:table/*", "dynamodb:ListTables").weight();
        assert!(all > types * 1_000);
    }
}
