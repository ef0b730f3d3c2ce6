//! One key of a `Condition` block under one operator.
//!
//! IAM User Guide, "IAM JSON policy elements: Condition operators" (`reference_policies_elements_condition_operators`)
//! and "Single-valued vs. multivalued context keys" (`reference_policies_condition-single-vs-multi-valued-context-keys`).

use super::Truth;
use super::context::{Context, ContextValue};
use super::glob::{Glob, Kind, Piece};
use super::operator::{Operator, Order, Set, Test};
use super::value::{Decimal, Instant, Network, base64};
use super::variable::{self, Resolved, Template};

/// A key, its operator and the values, compiled.
#[derive(Debug, Clone)]
pub(super) struct KeyTest {
    /// As the policy spells it.
    key: String,
    /// `None`: an operator this evaluator does not know, whose outcome is therefore unknown.
    operator: Option<Operator>,
    values: Vec<Expected>,
    templates: Vec<Template>,
}

/// A value of the policy, ready to be compared with one of the request.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expected {
    Pattern(Glob),
    /// In lower case.
    Folded(Glob),
    /// Where the pattern matches, the outcome is open all the same.
    Perhaps(Glob),
    Number(Order, Decimal),
    Date(Order, Instant),
    Bool(bool),
    Bytes(Vec<u8>),
    Network(Network),
    /// Not a value of the operator's type: no value of a request matches it.
    Nothing,
}

/// The policy's values with the variables replaced.
struct Resolution {
    values: Vec<Expected>,
    /// A variable had no value: what is true otherwise is open, since "this might cause the entire statement to be
    /// invalid" (IAM User Guide, `reference_policies_variables`).
    invalid: bool,
}

impl KeyTest {
    /// `variables`: the document's language has policy variables.
    pub(super) fn new(operator: &str, key: &str, values: &[String], variables: bool) -> KeyTest {
        let operator = Operator::parse(operator);
        let mut test = KeyTest { key: key.to_owned(), operator, values: Vec::new(), templates: Vec::new() };
        let Some(Operator { test: kind, .. }) = operator else { return test };
        let takes_variables = variables
            && matches!(
                kind,
                Test::StringEquals | Test::StringEqualsIgnoreCase | Test::StringLike | Test::Arn | Test::Bool
            );
        for value in values {
            match takes_variables.then(|| Template::new(value)).flatten() {
                Some(template) => match template.constant() {
                    Some(pieces) => test.values.push(from_pieces(kind, pieces)),
                    None => test.templates.push(template),
                },
                None => test.values.push(expected(kind, value)),
            }
        }
        test
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// The operator and the values, if there is no variable among them.
    pub(super) fn without_variables(&self) -> Option<(Operator, &[Expected])> {
        self.operator.filter(|_| self.templates.is_empty()).map(|operator| (operator, self.values.as_slice()))
    }

    /// Whether the test is met in `context`.
    pub(super) fn truth(&self, context: &Context) -> Truth {
        let value = context.get(&self.key);
        let Some(operator) = self.operator else { return Truth::Unknown };
        if operator.test == Test::Null {
            return self.null(value);
        }
        match value {
            ContextValue::Absent => operator.if_absent(),
            ContextValue::Known(values) if values.is_empty() => operator.if_absent(),
            ContextValue::Known(values) if self.templates.is_empty() => known(operator, &self.values, values),
            ContextValue::Known(values) => {
                let resolution = self.resolve(operator, context);
                let truth = known(operator, &resolution.values, values);
                if resolution.invalid { truth.min(Truth::Unknown) } else { truth }
            }
            ContextValue::Unknown if self.templates.is_empty() => open(operator, &self.values),
            ContextValue::Unknown => {
                let resolution = self.resolve(operator, context);
                let truth = open(operator, &resolution.values);
                if resolution.invalid { truth.min(Truth::Unknown) } else { truth }
            }
        }
    }

    /// Whether the key's own value, if it is unknown, and the variables' are what leaves the test open; pushes the keys.
    pub(super) fn push_open_keys(&self, context: &Context, keys: &mut Vec<String>) {
        if self.truth(context) != Truth::Unknown {
            return;
        }
        let before = keys.len();
        let open_variables = self.templates.iter().flat_map(|template| template.open_keys(context));
        keys.extend(open_variables.map(str::to_owned));
        if *context.get(&self.key) == ContextValue::Unknown || keys.len() == before {
            keys.push(self.key.clone());
        }
    }

    /// "Use either true (the key doesn't exist — it is null) or false (the key exists and its value is not null)."
    fn null(&self, value: &ContextValue) -> Truth {
        let wants = |absent: bool| self.values.iter().any(|value| matches!(value, Expected::Bool(b) if *b == absent));
        match value {
            ContextValue::Absent => wants(true).into(),
            ContextValue::Known(values) => wants(values.is_empty()).into(),
            ContextValue::Unknown if wants(true) == wants(false) => wants(true).into(),
            ContextValue::Unknown => Truth::Unknown,
        }
    }

    fn resolve(&self, operator: Operator, context: &Context) -> Resolution {
        let mut resolution = Resolution { values: self.values.clone(), invalid: false };
        for template in &self.templates {
            match template.resolve(context) {
                Resolved::Pieces(pieces) => resolution.values.push(from_pieces(operator.test, pieces)),
                Resolved::Unknown(pieces) => resolution.values.push(perhaps(operator.test, pieces)),
                Resolved::Unresolvable => resolution.invalid = true,
            }
        }
        resolution
    }
}

/// The outcome for values that the request carried; there is at least one.
fn known(operator: Operator, expected: &[Expected], values: &[String]) -> Truth {
    let mut each = values.iter().map(|value| {
        let met = any(expected, value);
        if operator.negated { met.not() } else { met }
    });
    // A "null dataset, such as an empty string" counts as no value at all.
    let null_dataset = values.iter().all(String::is_empty);
    match operator.set {
        Some(Set::All) if null_dataset => Truth::True,
        Some(Set::Any) if null_dataset => Truth::False,
        Some(Set::All) => each.min().unwrap_or(Truth::True),
        Some(Set::Any) => each.max().unwrap_or(Truth::False),
        // Several values "require a condition set operator": what IAM does without one is not written. Where every
        // value gives the same outcome it does not matter.
        None => {
            let first = each.next().unwrap_or(Truth::Unknown);
            if each.all(|other| other == first) { first } else { Truth::Unknown }
        }
    }
}

/// The outcome where the key's presence and values are unknown: definite only if they cannot matter.
fn open(operator: Operator, expected: &[Expected]) -> Truth {
    let match_possible = expected.iter().any(|value| !matches!(value, Expected::Nothing));
    let miss_possible = !always_matches(expected);
    let (met_possible, unmet_possible) =
        if operator.negated { (miss_possible, match_possible) } else { (match_possible, miss_possible) };
    let can_be_met = met_possible || operator.set == Some(Set::All);
    let can_be_unmet = unmet_possible || operator.set == Some(Set::Any);
    match operator.if_absent() {
        Truth::True if !can_be_unmet => Truth::True,
        Truth::False if !can_be_met => Truth::False,
        _ => Truth::Unknown,
    }
}

/// Whatever value a request carries, one of these matches it. `true` and `false` together do not: a key may hold what is
/// neither.
fn always_matches(expected: &[Expected]) -> bool {
    expected.iter().any(|value| matches!(value, Expected::Pattern(glob) | Expected::Folded(glob) if glob.is_any()))
}

fn any(expected: &[Expected], value: &str) -> Truth {
    expected.iter().map(|expected| one(expected, value)).max().unwrap_or(Truth::False)
}

/// Whether one value of a request matches one of the policy.
pub(super) fn one(expected: &Expected, value: &str) -> Truth {
    match expected {
        Expected::Pattern(glob) => glob.matches(value.as_bytes()).into(),
        Expected::Folded(glob) => glob.matches(value.to_lowercase().as_bytes()).into(),
        Expected::Perhaps(glob) if glob.matches(value.as_bytes()) => Truth::Unknown,
        Expected::Perhaps(_) | Expected::Nothing => Truth::False,
        Expected::Number(order, number) => {
            Decimal::parse(value).is_some_and(|value| order.holds(value.cmp(number))).into()
        }
        Expected::Date(order, date) => Instant::parse(value).is_some_and(|value| order.holds(value.cmp(date))).into(),
        Expected::Bool(wanted) => (boolean(value) == Some(*wanted)).into(),
        Expected::Bytes(bytes) => (base64(value).as_ref() == Some(bytes)).into(),
        Expected::Network(network) => value.parse().is_ok_and(|address| network.contains(address)).into(),
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// A value without variables.
fn expected(test: Test, value: &str) -> Expected {
    let or_nothing = |expected: Option<Expected>| expected.unwrap_or(Expected::Nothing);
    match test {
        Test::StringEquals | Test::StringEqualsIgnoreCase | Test::StringLike | Test::Arn => {
            from_pieces(test, vec![Piece::Wild(value)])
        }
        Test::Number(order) => or_nothing(Decimal::parse(value).map(|number| Expected::Number(order, number))),
        Test::Date(order) => or_nothing(Instant::parse(value).map(|date| Expected::Date(order, date))),
        Test::Bool | Test::Null => or_nothing(boolean(value).map(Expected::Bool)),
        Test::Binary => or_nothing(base64(value).map(Expected::Bytes)),
        Test::IpAddress => or_nothing(Network::parse(value).map(Expected::Network)),
    }
}

/// A value with its variables replaced.
fn from_pieces(test: Test, pieces: Vec<Piece<'_>>) -> Expected {
    match test {
        Test::StringLike => Expected::Pattern(variable::glob(pieces, Kind::Plain, true)),
        Test::StringEqualsIgnoreCase => Expected::Folded(Glob::literal(&text(&pieces).to_lowercase())),
        Test::Arn => arn(pieces),
        Test::Bool => boolean(&text(&pieces)).map_or(Expected::Nothing, Expected::Bool),
        _ => Expected::Pattern(Glob::literal(&text(&pieces))),
    }
}

/// A value some variable of which is unknown.
fn perhaps(test: Test, pieces: Vec<Piece<'_>>) -> Expected {
    match test {
        Test::StringEquals => Expected::Perhaps(variable::glob(pieces, Kind::Plain, false)),
        Test::StringLike => Expected::Perhaps(variable::glob(pieces, Kind::Plain, true)),
        Test::Arn => Expected::Perhaps(variable::glob(pieces, Kind::Arn, true)),
        // Case folding and booleans are not followed through an unknown text.
        _ => Expected::Perhaps(Glob::new("*", Kind::Plain)),
    }
}

/// A pattern of fewer than six components that would match as plain text leaves the outcome open: the documentation
/// compares component by component and does not say what `*` alone is compared with.
fn arn(pieces: Vec<Piece<'_>>) -> Expected {
    let written = text(&pieces);
    if written.matches(':').count() < 5 {
        return Expected::Perhaps(variable::glob(pieces, Kind::Plain, true));
    }
    Expected::Pattern(variable::glob(pieces, Kind::ArnComponents, true))
}

fn text(pieces: &[Piece<'_>]) -> String {
    let text = |piece: &Piece<'_>| match *piece {
        Piece::Literal(text) | Piece::Wild(text) => text.to_owned(),
        Piece::Anything => "*".to_owned(),
    };
    pieces.iter().map(text).collect()
}
