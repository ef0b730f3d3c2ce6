//! Generated policies and requests, judged twice.

use proptest::prelude::*;
use proptest::sample::select;
use trailpare::iam::document::{ActionSpec, Condition, Effect, Policy, ResourceSpec, Statement};
use trailpare::iam::evaluate::{
    Compiled, Context, ContextValue, Coverage, PolicySet, Request, Verdict, covers_resource,
};

use super::slow::{self, Facts};

const ACTIONS: [&str; 4] = ["s3:GetObject", "S3:PUTOBJECT", "ec2:RunInstances", "sqs:SendMessage"];
const ACTION_PATTERNS: [&str; 9] =
    ["*", "s3:*", "s3:Get*", "S3:getobject", "*:Put*", "ec2:Run?nstances", "s?:*", "sqs:SendMessage", "s3:?utObject"];
const RESOURCES: [&str; 6] = [
    "*",
    "arn:aws:s3:::a/x",
    "arn:aws:s3:::a/y:z",
    "arn:aws:s3:::b",
    "arn:aws:ec2:eu-west-1:1:instance/i",
    "arn:aws:ec2:eu-west-1:2:volume/i",
];
const RESOURCE_PATTERNS: [&str; 13] = [
    "*",
    "arn:aws:s3:::a/*",
    "arn:aws:s3:::?",
    "arn:aws:*",
    "arn:aws:s3:::a/${k:user, 'x'}",
    "arn:aws:ec2:*:1:instance/*",
    "arn:*:ec2:eu*1:?:*",
    "arn:aws:s3:::a/?:*",
    "arn:aws:s3:::a/x",
    "arn:a*s:s3:::*z",
    "arn:aws:ec2:*:i",
    "arn:aws:s3:::${k:user, 'b'}*",
    "arn:aws:ec2:eu-west-1:2:volume/i",
];
const REQUEST_PATTERNS: [&str; 8] = [
    "arn:aws:s3:::a/*",
    "arn:aws:s3:::?",
    "arn:aws:s3:::*",
    "arn:aws:s3:::a/x*",
    "arn:aws:ec2:*:1:instance/*",
    "arn:*",
    "arn:aws:ec2:eu-*-1:2:volume/?",
    "arn:aws:s3:::a/*:z",
];

/// Operator, key, values: one value a request at most, but for `k:many`.
const TESTS: [(&str, &str, &[&str]); 33] = [
    ("StringEquals", "k:one", &["a"]),
    ("StringEquals", "K:ONE", &["a", "b"]),
    ("StringEquals", "k:two", &["${k:user, 'b'}"]),
    ("StringNotEquals", "k:one", &["a"]),
    ("StringNotEqualsIfExists", "k:one", &["a", "ab"]),
    ("StringEqualsIfExists", "k:two", &["b"]),
    ("StringEqualsIgnoreCase", "k:one", &["AB"]),
    ("StringNotEqualsIgnoreCase", "k:two", &["A"]),
    ("StringLike", "k:one", &["a*"]),
    ("StringLike", "k:two", &["*"]),
    ("StringLike", "k:two", &["${k:user, 'b'}*"]),
    ("StringLikeIfExists", "k:one", &["?"]),
    ("StringNotLike", "k:one", &["?b", "t*"]),
    ("Null", "k:one", &["true"]),
    ("Null", "k:two", &["false"]),
    ("Bool", "k:one", &["true"]),
    ("BoolIfExists", "k:two", &["false"]),
    ("NumericLessThan", "k:one", &["6"]),
    ("NumericNotEquals", "k:two", &["5.0"]),
    ("NumericGreaterThanEquals", "k:two", &["5"]),
    ("DateLessThan", "k:one", &["2020-06-01"]),
    ("DateGreaterThanEquals", "k:two", &["2020-06-01"]),
    ("DateNotEquals", "k:one", &["2020-06-01"]),
    ("IpAddress", "k:one", &["10.0.0.0/8"]),
    ("NotIpAddress", "k:two", &["10.1.0.0/15", "1.2.3.4"]),
    ("ArnLike", "k:one", &["arn:aws:iam::*:role/a*"]),
    ("ArnNotEqualsIfExists", "k:two", &["arn:*:iam::1:role/*"]),
    ("ForAllValues:StringEquals", "k:many", &["a", "b"]),
    ("ForAnyValue:StringLike", "k:many", &["a*"]),
    ("ForAllValues:StringNotEquals", "k:many", &["a"]),
    ("ForAnyValue:StringNotLike", "k:many", &["a", "b"]),
    ("Null", "k:many", &["true"]),
    ("ForAnyValue:StringEquals", "k:many", &["${k:user, 'zz'}"]),
];
/// Tests of texts, for which the values below stand for all there are.
const TEXT_TESTS: [(&str, &str, &[&str]); 9] = [
    ("StringEquals", "k:one", &["a"]),
    ("StringEquals", "k:one", &["a", "b"]),
    ("StringNotEquals", "k:one", &["b"]),
    ("StringNotEqualsIfExists", "k:one", &["a", "ab"]),
    ("StringEqualsIfExists", "k:one", &["b", "zz"]),
    ("Null", "k:one", &["true"]),
    ("Null", "k:one", &["false"]),
    ("StringEquals", "k:two", &["5"]),
    ("StringNotEquals", "k:two", &["5"]),
];
const SINGLE: [&str; 12] = [
    "a",
    "b",
    "ab",
    "A",
    "zz",
    "true",
    "FALSE",
    "5",
    "2020-01-01",
    "10.1.2.3",
    "arn:aws:iam::1:role/a",
    "arn:aws:iam::1:role/x:y",
];
const MANY: [&[&str]; 6] = [&[], &["a"], &["b", "a"], &["zz"], &["a", "zz"], &[""]];
const KEYS: [&str; 4] = ["k:one", "k:two", "k:user", "k:many"];

fn owned(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

fn some_of(list: &'static [&'static str], up_to: usize) -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(select(list), 1..=up_to).prop_map(|list| owned(&list))
}

type Tests = BoxedStrategy<Condition>;

/// One of a list.
fn of(tests: &'static [(&'static str, &'static str, &'static [&'static str])]) -> Tests {
    let test = |(operator, key, values): (&str, &str, &[&str])| Condition {
        operator: operator.to_owned(),
        keys: vec![(key.to_owned(), owned(values))],
    };
    select(tests).prop_map(test).boxed()
}

type Family = (&'static [&'static str], &'static [&'static str]);

/// Operators by what they compare, with values that they may be given.
const FAMILIES: [Family; 7] = [
    (
        &[
            "StringEquals",
            "StringNotEquals",
            "StringEqualsIgnoreCase",
            "StringNotEqualsIgnoreCase",
            "StringLike",
            "StringNotLike",
        ],
        &["a", "B", "a*", "?", "*", "TRUE", "${k:user, 'b'}", "${k:user, 'z'}?"],
    ),
    (
        &[
            "NumericEquals",
            "NumericNotEquals",
            "NumericLessThan",
            "NumericLessThanEquals",
            "NumericGreaterThan",
            "NumericGreaterThanEquals",
        ],
        &["5", "5.0", "4", "6.5", "-5"],
    ),
    (
        &[
            "DateEquals",
            "DateNotEquals",
            "DateLessThan",
            "DateLessThanEquals",
            "DateGreaterThan",
            "DateGreaterThanEquals",
        ],
        &["2020-01-01", "2020-06-01", "1999-12-31"],
    ),
    (&["Bool"], &["true", "false"]),
    (&["IpAddress", "NotIpAddress"], &["10.0.0.0/8", "10.1.2.3", "0.0.0.0/0", "1.2.3.4/31"]),
    (
        &["ArnEquals", "ArnNotEquals", "ArnLike", "ArnNotLike"],
        &["arn:aws:iam::*:role/a*", "arn:*:iam::1:role/x:?", "arn:aws:iam::1:role/a", "arn:aws:sts:*:*:*"],
    ),
    (&["Null"], &["true", "false"]),
];

/// Every operator with and without `IfExists`, `ForAllValues` and `ForAnyValue`, on every key that it may be used on. What
/// `ForAnyValue` with `IfExists` does to an absent key is documented in two ways, so they do not go together.
fn any_test() -> Tests {
    let parts = (select(&FAMILIES[..]), any::<prop::sample::Index>(), 0..3u8, any::<bool>(), 0..3usize);
    type Parts = (Family, prop::sample::Index, u8, bool, usize);
    let test = |((operators, values), operator, set, if_exists, key): Parts| {
        let operator = *operator.get(operators);
        let (set, if_exists) = match (operator, set, key) {
            ("Null", ..) => ("", false),
            // Several values want a set operator.
            (_, 0, 0..=1) => ("", if_exists),
            (_, 1, _) => ("ForAnyValue:", false),
            _ => ("ForAllValues:", if_exists),
        };
        let operator = format!("{set}{operator}{}", if if_exists { "IfExists" } else { "" });
        let key = ["k:one", "K:Two", "k:many"][key].to_owned();
        some_of(values, 2)
            .prop_map(move |values| Condition { operator: operator.clone(), keys: vec![(key.clone(), values)] })
    };
    parts.prop_flat_map(test).boxed()
}

fn statement(tests: Tests) -> impl Strategy<Value = Statement> {
    let condition = prop::collection::vec(tests, 0..=2);
    let parts =
        (any::<bool>(), 0..5u8, some_of(&ACTION_PATTERNS, 3), 0..5u8, some_of(&RESOURCE_PATTERNS, 2), condition);
    parts.prop_map(|(allow, not_action, actions, not_resource, resources, condition)| {
        let effect = if allow { Effect::Allow } else { Effect::Deny };
        let actions = if not_action == 0 { ActionSpec::NotAction(actions) } else { ActionSpec::Action(actions) };
        let resources =
            if not_resource == 0 { ResourceSpec::NotResource(resources) } else { ResourceSpec::Resource(resources) };
        Statement { condition, ..Statement::new(effect, actions, resources) }
    })
}

fn policy(tests: Tests) -> impl Strategy<Value = Policy> {
    prop::collection::vec(statement(tests), 1..=4).prop_map(Policy::new)
}

/// Mostly identity policies; the other kinds one time in four, with a policy that allows all beside them.
fn policy_set(tests: Tests) -> impl Strategy<Value = PolicySet> {
    let full = || {
        let (actions, resources) = (ActionSpec::Action(owned(&["*"])), ResourceSpec::Resource(owned(&["*"])));
        Policy::new(vec![Statement::new(Effect::Allow, actions, resources)])
    };
    let parts = (prop::collection::vec(policy(tests.clone()), 1..=2), policy(tests.clone()), policy(tests), 0..8u8);
    parts.prop_map(move |(identity, second, third, shape)| {
        let mut set = PolicySet::of_identity(identity);
        match shape {
            0 => set.boundary = Some(second),
            1 => set.scps = vec![vec![full(), second], vec![third]],
            2 => set.session = vec![second, third],
            3 => set.identity.push(full()),
            _ => {}
        }
        set
    })
}

/// One completion of a context.
fn facts(chosen: &[usize; 4]) -> Facts {
    let value = |key: usize| match (KEYS[key], chosen[key]) {
        (_, 0) => None,
        ("k:many", at) => Some(owned(MANY[at % MANY.len()])),
        (_, at) => Some(vec![SINGLE[at % SINGLE.len()].to_owned()]),
    };
    (0..4).map(|key| (KEYS[key].to_owned(), value(key))).collect()
}

fn context(facts: &Facts, unknown: &[bool; 4]) -> Context {
    let mut context = Context::new();
    for (at, key) in KEYS.iter().enumerate() {
        match &facts[*key] {
            _ if unknown[at] => {}
            Some(values) => context.set(key, ContextValue::Known(values.clone())),
            None => context.set(key, ContextValue::Absent),
        }
    }
    context
}

/// Every completion of the unknown keys: what is known stays.
fn completions(known: &[usize; 4], unknown: &[bool; 4]) -> Vec<Facts> {
    let mut all = vec![*known];
    for key in (0..4).filter(|key| unknown[*key]) {
        let count = if KEYS[key] == "k:many" { MANY.len() + 1 } else { SINGLE.len() + 1 };
        all = all
            .into_iter()
            .flat_map(|one| {
                (0..count).map(move |choice| {
                    let mut next = one;
                    next[key] = choice;
                    next
                })
            })
            .collect();
    }
    all.iter().map(facts).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// Where everything is known, both implementations say the same.
    #[test]
    fn agrees_where_all_is_known(
        set in policy_set(prop_oneof![of(&TESTS), any_test()].boxed()), action in select(&ACTIONS[..]), resource in select(&RESOURCES[..]),
        chosen in prop::array::uniform4(0..14usize),
    ) {
        let facts = facts(&chosen);
        let context = context(&facts, &[false; 4]);
        let verdict = Compiled::new(&set).evaluate(&Request { action, resource, context: &context });
        let expected = slow::is_allowed(&set, action, resource, &facts);
        match verdict {
            Verdict::Allowed { statement } => {
                prop_assert!(expected);
                prop_assert_eq!(set.statement(statement).unwrap().1.effect, Effect::Allow);
            }
            Verdict::Denied { explicit, .. } => {
                prop_assert!(!expected);
                if let Some(place) = explicit {
                    prop_assert_eq!(set.statement(place).unwrap().1.effect, Effect::Deny);
                }
            }
            depends => prop_assert!(false, "{depends:?}"),
        }
    }

    /// A definite verdict holds in every completion of the unknown keys; keys that it depends on are unknown ones.
    #[test]
    fn unknown_keys_are_never_guessed(
        set in policy_set(prop_oneof![of(&TESTS), any_test()].boxed()), action in select(&ACTIONS[..]), resource in select(&RESOURCES[..]),
        known in prop::array::uniform4(0..14usize), first in 0..4usize, second in 0..4usize,
    ) {
        let mut unknown = [false; 4];
        unknown[first] = true;
        unknown[second] = true;
        let context = context(&facts(&known), &unknown);
        let verdict = Compiled::new(&set).evaluate(&Request { action, resource, context: &context });
        let completions = completions(&known, &unknown);
        let mut outcomes = completions.iter().map(|facts| slow::is_allowed(&set, action, resource, facts));
        match verdict {
            Verdict::Allowed { .. } => prop_assert!(outcomes.all(|allowed| allowed)),
            Verdict::Denied { .. } => prop_assert!(outcomes.all(|allowed| !allowed)),
            Verdict::Depends { keys, on_resource } => {
                prop_assert!(!on_resource && !keys.is_empty());
                for key in keys {
                    let at = KEYS.iter().position(|name| name.eq_ignore_ascii_case(&key)).unwrap();
                    prop_assert!(unknown[at], "{key} is known");
                }
            }
        }
    }

    /// "Depends" is said only where both outcomes are possible.
    #[test]
    fn unknown_keys_are_asked_for_only_where_they_decide(
        set in policy_set(of(&TEXT_TESTS)), action in select(&ACTIONS[..]), resource in select(&RESOURCES[..]),
        user in 0..14usize, unknown in prop::array::uniform2(any::<bool>()),
    ) {
        let (known, unknown) = ([1, 8, user, 0], [unknown[0], unknown[1], false, false]);
        let context = context(&facts(&known), &unknown);
        let verdict = Compiled::new(&set).evaluate(&Request { action, resource, context: &context });
        let completions = completions(&known, &unknown);
        let outcomes: Vec<bool> =
            completions.iter().map(|facts| slow::is_allowed(&set, action, resource, facts)).collect();
        match verdict {
            Verdict::Allowed { .. } => prop_assert!(!outcomes.contains(&false)),
            Verdict::Denied { .. } => prop_assert!(!outcomes.contains(&true)),
            Verdict::Depends { .. } => prop_assert!(outcomes.contains(&true) && outcomes.contains(&false)),
        }
    }

    /// A verdict over a pattern of resources holds for each of them.
    #[test]
    fn a_pattern_is_judged_as_a_whole(
        set in policy_set(of(&TESTS)), action in select(&ACTIONS[..]), resource in select(&REQUEST_PATTERNS[..]),
        fill in prop::collection::vec("[axyz:/0-9]{0,6}", 8), chosen in prop::array::uniform4(0..14usize),
    ) {
        let facts = facts(&chosen);
        let context = context(&facts, &[false; 4]);
        let verdict = Compiled::new(&set).evaluate(&Request { action, resource, context: &context });
        for sample in samples(resource, &fill) {
            let allowed = slow::is_allowed(&set, action, &sample, &facts);
            match &verdict {
                Verdict::Allowed { .. } => prop_assert!(allowed, "{sample}"),
                Verdict::Denied { .. } => prop_assert!(!allowed, "{sample}"),
                Verdict::Depends { keys, on_resource } => prop_assert!(*on_resource && keys.is_empty()),
            }
        }
    }
}

/// Strings of `pattern`, its wildcards filled in turn with the pieces (a `?` with their first character).
fn samples(pattern: &str, fill: &[String]) -> Vec<String> {
    let parts: Vec<&str> = pattern.split_inclusive(['*', '?']).collect();
    let mut found = Vec::new();
    for start in 0..fill.len() {
        let mut text = String::new();
        for (at, part) in parts.iter().enumerate() {
            let piece = &fill[(start + at) % fill.len()];
            text.push_str(part.trim_end_matches(['*', '?']));
            match part.chars().last() {
                Some('*') => text.push_str(piece),
                Some('?') => text.push(piece.chars().next().unwrap_or('q')),
                _ => {}
            }
        }
        if slow::arn(pattern, &text) && text != "*" {
            found.push(text);
        }
    }
    found
}

/// Every text of up to five characters over an alphabet that has one letter no pattern has.
fn all_texts() -> Vec<String> {
    let mut all = vec![String::new()];
    let mut from = 0;
    for _ in 0..5 {
        let to = all.len();
        for at in from..to {
            for c in ['a', 'b', ':', 'z'] {
                all.push(format!("{}{c}", all[at]));
            }
        }
        from = to;
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    /// Containment of patterns is exact: checked against every short text.
    #[test]
    fn coverage_is_what_the_texts_say(outer in "[ab:*?]{1,4}", inner in "[ab:*?]{1,3}") {
        let texts = all_texts();
        let within: Vec<bool> =
            texts.iter().filter(|text| slow::arn(&inner, text)).map(|text| slow::arn(&outer, text)).collect();
        let expected = match (within.contains(&true), within.contains(&false)) {
            (true, false) => Coverage::All,
            (true, true) => Coverage::Some,
            (false, _) => Coverage::None,
        };
        prop_assert_eq!(covers_resource(&outer, &inner), expected);
    }

    /// Longer patterns: what is claimed holds for every sample.
    #[test]
    fn coverage_claims_nothing_false(
        outer in "arn:a(w|[*?])s:[*s]3?:[*]?:[*1]?:[ab*?/:]{0,8}", inner in "arn:aws:s3:[*]?:[*1]?:[ab*?/:]{0,8}",
        fill in prop::collection::vec("[ab:/]{0,4}", 12),
    ) {
        let coverage = covers_resource(&outer, &inner);
        for sample in samples(&inner, &fill) {
            match coverage {
                Coverage::All => prop_assert!(slow::arn(&outer, &sample), "{sample}"),
                Coverage::None => prop_assert!(!slow::arn(&outer, &sample), "{sample}"),
                Coverage::Some => {}
            }
        }
    }

    /// Reading what was written gives the same policy, and the size is that of the text without white space.
    #[test]
    fn a_policy_survives_being_written(policy in policy(of(&TESTS))) {
        // An operator stands once in a block: tests of the same one are joined when written.
        let distinct = policy.statements.iter().all(|statement| {
            let mut operators: Vec<&str> = statement.condition.iter().map(|test| test.operator.as_str()).collect();
            operators.dedup();
            operators.len() == statement.condition.len()
        });
        prop_assume!(distinct);
        prop_assert_eq!(&Policy::parse(&policy.pretty()).unwrap(), &policy);
        prop_assert_eq!(&Policy::parse(&policy.compact()).unwrap(), &policy);
    }

    /// Nothing that is read makes the reader panic; a mistake's place lies within the text.
    #[test]
    fn any_text_is_read_or_refused(
        policy in policy(of(&TESTS)), from in 0..400usize, length in 0..30usize,
        put in select(&["", "{", "}", "[]", "null", "\"", "\"Action\":", ",", "7", "é\u{0}", "%7B", "\\u00"][..]),
    ) {
        let mut text = policy.compact();
        let from = from.min(text.len());
        text.replace_range(from..(from + length).min(text.len()), put);
        match Policy::parse(&text) {
            Ok(read) => prop_assert_eq!(&Policy::parse(&read.compact()).unwrap(), &read),
            Err(error) => {
                prop_assert!(text.is_char_boundary(error.offset) && error.offset <= text.len(), "{error}");
                prop_assert!(error.line == 1 && error.column <= text.chars().count() + 1, "{error}");
            }
        }
    }
}
