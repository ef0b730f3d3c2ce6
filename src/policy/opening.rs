//! What a grant opens beyond what events named: how broad it is, what the action may do there, and in words.

use std::collections::{BTreeMap, BTreeSet};

use super::catalog_view::Access;
use super::generalise::container;
use super::pattern::comparable;
use super::privilege_escalation;
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
    /// The action: `s3:GetObject`.
    pub action: String,
    /// The resource pattern that grants it.
    pub pattern: String,
    /// How much the pattern takes in beyond one name.
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
            _ if resource.len() == wild + 1 && resource.get(..wild).is_some_and(|text| is_all(arn.service, text)) => {
                Breadth::Type
            }
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

/// What every id of these kinds begins with (EC2 User Guide, "Resource IDs"; EMR API Reference, `ClusterId`): with it
/// nothing of the kind is left out.
const ID_PREFIXES: &[(&str, &[&str])] = &[
    (
        "ec2",
        &[
            "elastic-ip/eipalloc-",
            "export-image-task/export-ami-",
            "fleet/fleet-",
            "image/ami-",
            "import-image-task/import-ami-",
            "instance/i-",
            "network-interface/eni-",
            "snapshot/snap-",
            "spot-instances-request/sir-",
            "volume/vol-",
        ],
    ),
    ("elasticmapreduce", &["cluster/j-"]),
];

/// Whether the text before a wildcard is but the kind of the resource, and what all its ids begin with.
fn is_all(service: &str, text: &str) -> bool {
    let has_prefix = |(of, prefixes): &(&str, &[&str])| *of == service && prefixes.contains(&text);
    is_kind(text) || ID_PREFIXES.iter().any(has_prefix)
}

/// Whether the text before a wildcard is but the kind of the resource: `table/`, `key/`, or nothing.
fn is_kind(text: &str) -> bool {
    let name = text.trim_end_matches(['/', ':']);
    !name.contains(['/', ':']) && (name.len() < text.len() || text.is_empty())
}

/// What there is to lose by an action, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Danger {
    List,
    Read,
    /// Reads what people keep there: objects, items, messages, log lines.
    DataRead,
    Tagging,
    Write,
    /// Reads credentials, secrets, or code.
    SecretRead,
    PermissionsManagement,
    /// A way to more.
    Escalation,
}

impl Danger {
    pub(crate) fn of(action: &str, access: Option<Access>) -> Danger {
        match access {
            _ if privilege_escalation::escalation(action).is_some() => Danger::Escalation,
            _ if privilege_escalation::is_secret_read(action) => Danger::SecretRead,
            _ if privilege_escalation::is_data_read(action) => Danger::DataRead,
            Some(Access::List) => Danger::List,
            Some(Access::Read) => Danger::Read,
            Some(Access::Tagging) => Danger::Tagging,
            Some(Access::Write) | None => Danger::Write,
            Some(Access::PermissionsManagement) => Danger::PermissionsManagement,
        }
    }

    /// How much there is to lose where something is so broad; for comparing.
    pub(crate) fn weigh(self, breadth: Breadth) -> u128 {
        breadth.weight().saturating_mul(self.weight())
    }

    fn weight(self) -> u128 {
        match self {
            Danger::List => 1,
            Danger::Read => 4,
            Danger::DataRead => 8,
            Danger::Tagging => 10,
            Danger::Write => 100,
            Danger::SecretRead => 500,
            Danger::PermissionsManagement | Danger::Escalation => 1_000,
        }
    }
}

impl Opening {
    pub(crate) fn danger(&self) -> Danger {
        Danger::of(&self.action, self.access)
    }

    /// How much there is to lose; for comparing.
    pub fn weight(&self) -> u128 {
        self.danger().weigh(self.breadth)
    }
}

/// One line about what was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpeningLine {
    /// The line, for people.
    pub text: String,
    /// The actions in it with which more can be gained.
    pub escalating: BTreeSet<String>,
}

/// In words, the most dangerous first: actions of the same pattern together.
pub(crate) fn words(openings: &[Opening]) -> Vec<OpeningLine> {
    let mut of_pattern: BTreeMap<&str, Vec<&Opening>> = BTreeMap::new();
    for opening in openings.iter().filter(|opening| opening.breadth != Breadth::AnyAccount) {
        of_pattern.entry(&opening.pattern).or_default().push(opening);
    }
    let rank = |list: &[&Opening]| {
        let weight = list.iter().fold(0_u128, |sum, opening| sum.saturating_add(opening.weight()));
        let danger = list.iter().map(|opening| opening.danger()).max();
        let named = list.iter().map(|opening| opening.named).max();
        (std::cmp::Reverse(danger == Some(Danger::Escalation)), std::cmp::Reverse((weight, danger, named)))
    };
    let mut lines: Vec<_> = of_pattern.iter().map(|(pattern, list)| (rank(list), *pattern, list)).collect();
    lines.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    lines.into_iter().map(|(_, pattern, list)| line(pattern, list)).collect()
}

/// The lines of a summary, and the rest: the first, and those with escalating actions, which are never left to a count.
pub(crate) fn foremost(lines: Vec<OpeningLine>, lines_max: usize) -> (Vec<OpeningLine>, Vec<OpeningLine>) {
    let (mut shown, mut rest) = (Vec::new(), Vec::new());
    for (at, line) in lines.into_iter().enumerate() {
        let is_shown = at < lines_max || !line.escalating.is_empty();
        if is_shown { shown.push(line) } else { rest.push(line) }
    }
    (shown, rest)
}

/// Most actions named in one line, but for those with which more can be gained: they all are.
const ACTIONS_MAX: usize = 6;

fn line(pattern: &str, openings: &[&Opening]) -> OpeningLine {
    let mut openings = openings.to_vec();
    openings.sort_by(|a, b| {
        let rank = |opening: &Opening| std::cmp::Reverse((opening.danger(), opening.weight(), opening.named));
        rank(a).cmp(&rank(b)).then_with(|| a.action.cmp(&b.action))
    });
    let of_danger = |opening: &&&Opening| opening.danger() == Danger::Escalation;
    let escalating: BTreeSet<String> = openings.iter().filter(of_danger).map(|o| o.action.clone()).collect();
    let (shown, rest) = openings.split_at(ACTIONS_MAX.max(escalating.len()).min(openings.len()));
    let actions: Vec<&str> = shown.iter().map(|opening| opening.action.as_str()).collect();
    let named = openings.iter().map(|opening| opening.named).max().unwrap_or(0);
    let named = match named {
        0 => "events named none there".to_owned(),
        1 => "events named 1".to_owned(),
        named => format!("events named {named}"),
    };
    let text = format!("{}{} on {} ({named})", actions.join(", "), more(rest), place(pattern));
    OpeningLine { text, escalating }
}

/// ` and 52 more actions (3 Write, 49 Read)`.
fn more(rest: &[&Opening]) -> String {
    let mut of_access: BTreeMap<std::cmp::Reverse<Option<Access>>, usize> = BTreeMap::new();
    for opening in rest {
        *of_access.entry(std::cmp::Reverse(opening.access)).or_default() += 1;
    }
    let name = |access: Option<Access>| access.map_or("of no known access level", Access::as_str);
    let levels: Vec<String> = of_access.iter().map(|(access, count)| format!("{count} {}", name(access.0))).collect();
    match rest.len() {
        0 => String::new(),
        1 => format!(" and 1 more action ({})", levels.join(", ")),
        count => format!(" and {count} more actions ({})", levels.join(", ")),
    }
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
        ("execute-api", _) => "API".to_owned(),
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
            // What has nothing but its type before the wildcard is no container.
            ("arn:aws:ec2:r:1:instance/*", Breadth::Type),
            // Every instance's id begins so.
            ("arn:aws:ec2:r:1:instance/i-*", Breadth::Type),
            ("arn:aws:ec2:r:1:instance/i-0a*", Breadth::Names),
            ("arn:aws:elasticmapreduce:r:1:cluster/j-*", Breadth::Type),
            ("arn:aws:elasticmapreduce:r:1:cluster/*", Breadth::Type),
            ("arn:aws:sagemaker:r:1:training-job/*", Breadth::Type),
            ("arn:aws:backup:r:1:recovery-point:*", Breadth::Type),
            ("arn:aws:execute-api:r:1:*", Breadth::Type),
            ("arn:aws:execute-api:r:1:abc/*", Breadth::Container),
            ("arn:aws:ssm:r:1:parameter/*", Breadth::Type),
            ("arn:aws:ssm:r:1:parameter/team/*", Breadth::Container),
            ("arn:aws:ecs:r:1:task/c/*", Breadth::Container),
            ("arn:aws:ecs:r:1:task/*", Breadth::Type),
            ("arn:aws:cloudformation:r:1:stack/s/*", Breadth::Container),
        ] {
            assert_eq!(Breadth::of(pattern), expected, "{pattern}");
        }
        assert_eq!(place("arn:aws:kms:eu-west-1:1:key/*"), "any key of the account 1, in eu-west-1");
        assert_eq!(place("arn:aws:ec2:eu-west-1:1:volume/vol-*"), "any volume of the account 1, in eu-west-1");
        assert_eq!(place("arn:aws:s3:::lake/*"), "everything in lake");
    }

    /// What may give more is first, named in full, and never left to a count.
    #[test]
    fn dangers_come_first() {
        let opening = |action: &str, pattern: &str, access: Access| Opening {
            action: action.to_owned(),
            pattern: pattern.to_owned(),
            breadth: Breadth::of(pattern),
            access: Some(access),
            named: 1,
        };
        let bucket = "arn:aws:s3:::catalog-*";
        let mut openings: Vec<Opening> =
            (0..50).map(|n| opening(&format!("s3:GetA{n:02}"), bucket, Access::Read)).collect();
        openings.extend((0..8).map(|n| opening(&format!("s3:PutA{n}"), bucket, Access::Write)));
        openings.push(opening("s3:GetObject", bucket, Access::Read));
        openings.push(opening("s3:PutBucketPolicy", bucket, Access::PermissionsManagement));
        let lines = words(&openings);
        let expected = "s3:PutBucketPolicy, s3:PutA0, s3:PutA1, s3:PutA2, s3:PutA3, s3:PutA4 and 54 more actions \
                        (3 Write, 51 Read) on arn:aws:s3:::catalog-* (events named 1)";
        assert_eq!(lines[0].text, expected);
        assert_eq!(lines[0].escalating, BTreeSet::from(["s3:PutBucketPolicy".to_owned()]));
        let reads: Vec<Opening> = openings.iter().filter(|o| o.access == Some(Access::Read)).cloned().collect();
        assert!(words(&reads)[0].text.starts_with("s3:GetObject, s3:GetA00, "), "{:?}", words(&reads));
        // One pattern with a way to more among many that are wider.
        let mut many: Vec<Opening> =
            (0..20).map(|n| opening("sqs:ListQueues", &format!("arn:aws:sqs:r:{n}:*"), Access::List)).collect();
        many.push(opening("iam:PassRole", "arn:aws:iam::1:role/app-*", Access::Write));
        let (shown, rest) = foremost(words(&many), 10);
        assert_eq!((shown[0].escalating.len(), shown.len(), rest.len()), (1, 10, 11));
        let ways = (0..20).map(|n| opening("iam:PassRole", &format!("arn:aws:iam::1:role/app{n}-*"), Access::Write));
        let ways: Vec<Opening> = ways.collect();
        assert_eq!(foremost(words(&ways), 10).1, []);
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
