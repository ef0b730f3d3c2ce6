//! Conditions. A key that the context does not have is not known from a record: it counts as met, so that the judge
//! answers about what the record tells. `Null` of an unknown key counts as met too.

use serde_json::Value;

use super::pattern::Pattern;
use super::{Context, strings};

#[derive(Debug)]
pub struct Condition {
    operator: String,
    key: String,
    values: Vec<String>,
}

impl Condition {
    pub fn read_all(block: &Value) -> Vec<Condition> {
        let Some(operators) = block.as_object() else { return Vec::new() };
        let conditions = operators.iter().flat_map(|(operator, keys)| {
            let keys = keys.as_object().unwrap_or_else(|| panic!("condition {block}"));
            keys.iter().map(|(key, values)| Condition {
                operator: operator.clone(),
                key: key.to_ascii_lowercase(),
                values: strings(values),
            })
        });
        conditions.collect()
    }

    pub fn meets(&self, context: &Context) -> bool {
        let Some(known) = context.get(&self.key) else { return true };
        let (quantifier, operator) = match self.operator.split_once(':') {
            Some((quantifier, operator)) => (Some(quantifier), operator),
            None => (None, self.operator.as_str()),
        };
        let operator = operator.strip_suffix("IfExists").unwrap_or(operator);
        if operator == "Null" {
            return self.values.iter().any(|value| (value == "false") != known.is_empty());
        }
        let one = |known: &String| single(operator, known, &self.values);
        match quantifier {
            Some("ForAllValues") => known.iter().all(one),
            // A key with several possible values here is one of them, and it is not known which.
            Some("ForAnyValue") | None => known.iter().any(one),
            Some(other) => panic!("quantifier {other}"),
        }
    }
}

/// One value of the request against all values of the policy.
fn single(operator: &str, known: &str, values: &[String]) -> bool {
    let any = |test: &dyn Fn(&str) -> bool| values.iter().any(|value| test(value));
    let like = |value: &str| {
        Pattern::of_policy(value, false).covers(&Pattern::of_request(&known.replace(['*', '?'], "_"), false))
    };
    match operator {
        "StringEquals" => any(&|value| value == known),
        "StringNotEquals" => !any(&|value| value == known),
        "StringEqualsIgnoreCase" | "Bool" => any(&|value| value.eq_ignore_ascii_case(known)),
        "StringNotEqualsIgnoreCase" => !any(&|value| value.eq_ignore_ascii_case(known)),
        "StringLike" | "ArnLike" | "ArnEquals" => any(&like),
        "StringNotLike" | "ArnNotLike" | "ArnNotEquals" => !any(&like),
        "IpAddress" => any(&|value| is_within(known, value)),
        "NotIpAddress" => !any(&|value| is_within(known, value)),
        "NumericEquals" => any(&|value| number(value) == number(known)),
        "NumericLessThanEquals" => any(&|value| number(known) <= number(value)),
        "NumericLessThan" => any(&|value| number(known) < number(value)),
        other => panic!("the judge does not know the operator {other}"),
    }
}

fn number(text: &str) -> f64 {
    text.parse().unwrap_or(f64::NAN)
}

fn is_within(address: &str, range: &str) -> bool {
    use std::net::IpAddr;
    let (network, bits) = match range.split_once('/') {
        Some((network, bits)) => (network, bits.parse::<u32>().ok()),
        None => (range, None),
    };
    match (address.parse::<IpAddr>(), network.parse::<IpAddr>()) {
        (Ok(IpAddr::V4(a)), Ok(IpAddr::V4(n))) => {
            let shift = 32 - bits.unwrap_or(32).min(32);
            (u64::from(a.to_bits()) >> shift) == (u64::from(n.to_bits()) >> shift)
        }
        (Ok(IpAddr::V6(a)), Ok(IpAddr::V6(n))) => {
            let shift = 128 - bits.unwrap_or(128).min(128);
            shift == 128 || (a.to_bits() >> shift) == (n.to_bits() >> shift)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn operators() {
        let context = Context::from([
            ("iam:passedtoservice".to_owned(), vec!["ec2.amazonaws.com".to_owned()]),
            ("aws:sourceip".to_owned(), vec!["198.51.100.7".to_owned()]),
            ("aws:tagkeys".to_owned(), vec!["a".to_owned(), "b".to_owned()]),
        ]);
        let meets = |block: Value| Condition::read_all(&block).iter().all(|condition| condition.meets(&context));
        assert!(meets(json!({"StringEquals": {"iam:PassedToService": ["x", "ec2.amazonaws.com"]}})));
        assert!(!meets(json!({"StringEquals": {"iam:PassedToService": "EC2.amazonaws.com"}})));
        assert!(meets(json!({"StringLike": {"iam:PassedToService": "ec2.*"}})));
        assert!(!meets(json!({"StringNotLikeIfExists": {"iam:PassedToService": "ec2.*"}})));
        assert!(meets(json!({"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "198.51.100.0/24"]}})));
        assert!(!meets(json!({"IpAddress": {"aws:SourceIp": "198.51.100.8"}})));
        assert!(meets(json!({"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b", "c"]}})));
        assert!(!meets(json!({"ForAllValues:StringEquals": {"aws:TagKeys": "a"}})));
        assert!(meets(json!({"ForAnyValue:StringEquals": {"aws:TagKeys": "a"}})));
        assert!(meets(json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}})), "not known");
        assert!(!meets(json!({"Null": {"aws:TagKeys": "true"}})) && meets(json!({"Null": {"aws:TagKeys": false}})));
    }
}
