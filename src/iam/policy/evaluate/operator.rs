//! The names of condition operators.

use super::Truth;

/// A condition operator with its set qualifier and `IfExists`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Operator {
    pub(super) set: Option<Set>,
    pub(super) test: Test,
    /// `…Not…`: true where the test is not met.
    pub(super) negated: bool,
    pub(super) if_exists: bool,
}

/// How several values of one key in a request count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Set {
    /// `ForAllValues:`
    All,
    /// `ForAnyValue:`
    Any,
}

/// What one value of the request is compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Test {
    StringEquals,
    StringEqualsIgnoreCase,
    StringLike,
    Number(Order),
    Date(Order),
    Bool,
    Binary,
    IpAddress,
    /// `ArnEquals` and `ArnLike` "behave identically".
    Arn,
    Null,
}

/// The request's value is … the policy's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Order {
    pub(super) fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Order::Equal => order.is_eq(),
            Order::Less => order.is_lt(),
            Order::LessOrEqual => order.is_le(),
            Order::Greater => order.is_gt(),
            Order::GreaterOrEqual => order.is_ge(),
        }
    }
}

impl Operator {
    /// The outcome where the request does not carry the key, for all operators but `Null`.
    ///
    /// "If the key that you specify in a policy condition is not present in the request context, the values do not match
    /// and the condition is false. If the policy condition requires that the key is not matched […] the condition is
    /// true"; with `IfExists` it is true (`reference_policies_elements_condition_operators`). `ForAllValues` is true and
    /// `ForAnyValue` false (`reference_policies_condition-single-vs-multi-valued-context-keys`). What comes of
    /// `ForAnyValue` with `IfExists` the two pages do not agree upon.
    pub(super) fn if_absent(self) -> Truth {
        match (self.set, self.if_exists) {
            (Some(Set::Any), true) => Truth::Unknown,
            (Some(Set::Any), false) => Truth::False,
            (Some(Set::All), _) | (None, true) => Truth::True,
            (None, false) => self.negated.into(),
        }
    }

    /// `None` for a name that the documentation does not know. Names are compared without regard to case.
    pub(super) fn parse(name: &str) -> Option<Operator> {
        let name = name.to_ascii_lowercase();
        let (set, name) = match name.split_once(':') {
            Some(("forallvalues", rest)) => (Some(Set::All), rest),
            Some(("foranyvalue", rest)) => (Some(Set::Any), rest),
            Some(_) => return None,
            None => (None, name.as_str()),
        };
        let (base, if_exists) = match name.strip_suffix("ifexists") {
            Some(base) => (base, true),
            None => (name, false),
        };
        let (test, negated) = base_operator(base)?;
        // "You can add IfExists to the end of any condition operator name except the Null condition."
        let valid = test != Test::Null || !if_exists;
        valid.then_some(Operator { set, test, negated, if_exists })
    }
}

fn base_operator(name: &str) -> Option<(Test, bool)> {
    Some(match name {
        "stringequals" => (Test::StringEquals, false),
        "stringnotequals" => (Test::StringEquals, true),
        "stringequalsignorecase" => (Test::StringEqualsIgnoreCase, false),
        "stringnotequalsignorecase" => (Test::StringEqualsIgnoreCase, true),
        "stringlike" => (Test::StringLike, false),
        "stringnotlike" => (Test::StringLike, true),
        "bool" => (Test::Bool, false),
        "binaryequals" => (Test::Binary, false),
        "ipaddress" => (Test::IpAddress, false),
        "notipaddress" => (Test::IpAddress, true),
        "arnequals" | "arnlike" => (Test::Arn, false),
        "arnnotequals" | "arnnotlike" => (Test::Arn, true),
        "null" => (Test::Null, false),
        _ => {
            let (number, comparison) = match (name.strip_prefix("numeric"), name.strip_prefix("date")) {
                (Some(comparison), _) => (true, comparison),
                (None, Some(comparison)) => (false, comparison),
                (None, None) => return None,
            };
            let (order, negated) = match comparison {
                "equals" => (Order::Equal, false),
                "notequals" => (Order::Equal, true),
                "lessthan" => (Order::Less, false),
                "lessthanequals" => (Order::LessOrEqual, false),
                "greaterthan" => (Order::Greater, false),
                "greaterthanequals" => (Order::GreaterOrEqual, false),
                _ => return None,
            };
            (if number { Test::Number(order) } else { Test::Date(order) }, negated)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_qualifiers() {
        let operator = Operator::parse("ForAnyValue:StringNotLikeIfExists").unwrap();
        assert_eq!(operator, Operator { set: Some(Set::Any), test: Test::StringLike, negated: true, if_exists: true });
        assert_eq!(Operator::parse("arnequals"), Operator::parse("ArnLike"));
        for name in ["", "StringMatches", "NullIfExists", "ForSome:StringLike", "NumericLike", "DateNotLessThan"] {
            assert_eq!(Operator::parse(name), None, "{name}");
        }
    }
}
