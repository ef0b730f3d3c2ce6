//! IAM's evaluation logic once more, slow and obvious: no index, no compiled patterns, no unknowns. Only what every
//! completion of a request's context can be asked.

use std::collections::BTreeMap;

use trailpare::iam::document::{ActionSpec, Effect, Policy, ResourceSpec, Statement};
use trailpare::iam::evaluate::PolicySet;

/// Key in lower case → its values; `None` and no entry are both absent.
pub type Facts = BTreeMap<String, Option<Vec<String>>>;

pub fn is_allowed(set: &PolicySet, action: &str, resource: &str, facts: &Facts) -> bool {
    let mut levels: Vec<Vec<&Policy>> = vec![set.identity.iter().collect()];
    levels.extend(set.boundary.iter().map(|boundary| vec![boundary]));
    levels.extend(set.scps.iter().map(|level| level.iter().collect()));
    if !set.session.is_empty() {
        levels.push(set.session.iter().collect());
    }
    let applies = |policies: &[&Policy], effect: Effect| {
        let mut statements = policies.iter().flat_map(|policy| &policy.statements);
        statements.any(|statement| statement.effect == effect && does_apply(statement, action, resource, facts))
    };
    let nobody_denies = levels.iter().all(|level| !applies(level, Effect::Deny));
    let all_allow = levels.iter().all(|level| applies(level, Effect::Allow));
    nobody_denies && all_allow
}

fn does_apply(statement: &Statement, action: &str, resource: &str, facts: &Facts) -> bool {
    let action = action.to_lowercase();
    let named = |list: &[String]| list.iter().any(|pattern| plain(&pattern.to_lowercase(), &action));
    let action_fits = match &statement.actions {
        ActionSpec::Action(list) => named(list),
        ActionSpec::NotAction(list) => !named(list),
    };
    let listed = |list: &[String]| list.iter().any(|pattern| resource_matches(&replaced(pattern, facts), resource));
    let resource_fits = match &statement.resources {
        ResourceSpec::Resource(list) => listed(list),
        ResourceSpec::NotResource(list) => !listed(list),
        ResourceSpec::Omitted => true,
    };
    let tests =
        statement.condition.iter().flat_map(|test| test.keys.iter().map(move |(key, values)| (test, key, values)));
    action_fits
        && resource_fits
        && tests.into_iter().all(|(test, key, values)| holds(&test.operator, key, values, facts))
}

/// Every key that the generated policies use as a variable has a default or a value.
fn replaced(text: &str, facts: &Facts) -> String {
    let Some((before, rest)) = text.split_once("${") else { return text.to_owned() };
    let (inside, after) = rest.split_once('}').unwrap();
    let (key, default) = inside.split_once(", ").unwrap();
    let value = facts.get(key).cloned().flatten().map(|values| values[0].clone());
    format!("{before}{}{}", value.unwrap_or(default.trim_matches('\'').to_owned()), replaced(after, facts))
}

/// `*` and `?` without more ado.
pub fn plain(pattern: &str, text: &str) -> bool {
    fn from(pattern: &[char], text: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['*', rest @ ..] => (0..=text.len()).any(|skip| from(rest, &text[skip..])),
            ['?', rest @ ..] => !text.is_empty() && from(rest, &text[1..]),
            [c, rest @ ..] => text.first() == Some(c) && from(rest, &text[1..]),
        }
    }
    from(&pattern.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>())
}

/// A resource `*` is matched by patterns of stars only.
fn resource_matches(pattern: &str, resource: &str) -> bool {
    if resource == "*" { pattern.chars().all(|c| c == '*') } else { arn(pattern, resource) }
}

/// Before the pattern's fifth colon wildcards stay within the segment, but for a `*` at its end.
pub fn arn(pattern: &str, text: &str) -> bool {
    fn from(pattern: &[char], colons: usize, text: &[char]) -> bool {
        let Some((&first, rest)) = pattern.split_first() else { return text.is_empty() };
        let anywhere = colons >= 5
            || first == '*'
                && (rest.is_empty()
                    || rest[0] == ':'
                    || rest[0] == '*' && {
                        let after = rest.iter().find(|c| **c != '*');
                        after.is_none() || after == Some(&':')
                    });
        match first {
            '*' => {
                let reach = if anywhere { text.len() } else { text.iter().take_while(|c| **c != ':').count() };
                (0..=reach).any(|skip| from(rest, colons, &text[skip..]))
            }
            '?' => !text.is_empty() && (anywhere || text[0] != ':') && from(rest, colons, &text[1..]),
            ':' => text.first() == Some(&':') && from(rest, colons + 1, &text[1..]),
            c => text.first() == Some(&c) && from(rest, colons, &text[1..]),
        }
    }
    from(&pattern.chars().collect::<Vec<_>>(), 0, &text.chars().collect::<Vec<_>>())
}

fn holds(operator: &str, key: &str, wanted: &[String], facts: &Facts) -> bool {
    let values = facts.get(&key.to_lowercase()).cloned().flatten().unwrap_or_default();
    if operator == "Null" {
        return wanted.iter().any(|want| (want == "true") == values.is_empty());
    }
    let (set, name) = operator.split_once(':').map_or(("", operator), |(set, name)| (set, name));
    let (name, if_exists) = name.strip_suffix("IfExists").map_or((name, false), |name| (name, true));
    if values.is_empty() {
        return if_exists || set == "ForAllValues" || set.is_empty() && name.contains("Not");
    }
    let one = |value: &String| {
        let positive = name.replace("Not", "");
        let any = wanted.iter().any(|want| compare(&positive, value, &replaced(want, facts)));
        any != name.contains("Not")
    };
    match set {
        "ForAllValues" => values.iter().all(|value| value.is_empty()) || values.iter().all(one),
        "ForAnyValue" => values.iter().any(|value| !value.is_empty()) && values.iter().any(one),
        _ => one(&values[0]),
    }
}

fn compare(operator: &str, value: &str, want: &str) -> bool {
    let numbers = || Some((value.parse::<f64>().ok()?, want.parse::<f64>().ok()?));
    let number = |test: fn(f64, f64) -> bool| numbers().is_some_and(|(value, want)| test(value, want));
    // The generated dates are all of one length, so that text compares like time; the only number is an instant of 1970.
    let instant = if value == "5" { "1970-01-01" } else { value };
    let dated = instant.len() == want.len() && instant.split('-').count() == 3;
    let date = |test: fn(&str, &str) -> bool| dated && test(instant, want);
    match operator {
        "StringEquals" => value == want,
        "StringEqualsIgnoreCase" => value.to_lowercase() == want.to_lowercase(),
        "StringLike" => plain(want, value),
        "Bool" => value.to_lowercase() == want.to_lowercase() && ["true", "false"].contains(&want),
        "NumericEquals" => number(|value, want| value == want),
        "NumericLessThan" => number(|value, want| value < want),
        "NumericLessThanEquals" => number(|value, want| value <= want),
        "NumericGreaterThan" => number(|value, want| value > want),
        "NumericGreaterThanEquals" => number(|value, want| value >= want),
        "DateEquals" => date(|value, want| value == want),
        "DateLessThan" => date(|value, want| value < want),
        "DateLessThanEquals" => date(|value, want| value <= want),
        "DateGreaterThan" => date(|value, want| value > want),
        "DateGreaterThanEquals" => date(|value, want| value >= want),
        "IpAddress" => address(value, want),
        "ArnLike" | "ArnEquals" => {
            let split = |text: &str| text.splitn(6, ':').map(str::to_owned).collect::<Vec<_>>();
            let (value, want) = (split(value), split(want));
            value.len() == 6 && want.len() == 6 && want.iter().zip(&value).all(|(want, value)| plain(want, value))
        }
        other => panic!("{other}"),
    }
}

/// `a.b.c.d/n`, bit by bit.
fn address(value: &str, want: &str) -> bool {
    let bits = |text: &str| {
        let parts: Option<Vec<u8>> = text.split('.').map(|part| part.parse().ok()).collect();
        let parts = parts.filter(|parts| parts.len() == 4)?;
        Some(parts.iter().map(|byte| format!("{byte:08b}")).collect::<String>())
    };
    let (network, prefix) = want.split_once('/').unwrap_or((want, "32"));
    let count: usize = prefix.parse().unwrap();
    bits(value).is_some_and(|value| value[..count] == bits(network).unwrap()[..count])
}
