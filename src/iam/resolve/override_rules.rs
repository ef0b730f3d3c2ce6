//! A hand-written rule with its actions at hand.

use std::sync::Arc;

use serde_json::Value;

use crate::iam::catalog::overrides::{Rule, When, overrides};
use crate::iam::catalog::{Action, Catalog, Service, bare_name};
use crate::iam::event::Confidence;
use crate::iam::request::Request;
use crate::iam::resolve::operation_match::OperationMatch;

/// A hand-written rule with its actions at hand.
#[derive(Debug)]
pub(in crate::iam) struct OverrideRule<'c> {
    actions: Vec<(&'c Action, &'static When)>,
    rule: &'static Rule,
}

impl<'c> OverrideRule<'c> {
    /// The rule of the first prefix that knows the operation, by a rule or by an action of its name.
    pub fn find(catalog: &'c Catalog, prefixes: &[String], name: &str) -> Option<OverrideRule<'c>> {
        let own = catalog.service(prefixes.first()?)?;
        for prefix in prefixes {
            if let Some(rule) = overrides().operations.get(&format!("{prefix}:{name}").to_ascii_lowercase()) {
                return Some(OverrideRule::new(catalog, own, prefix, rule));
            }
            if catalog.service(prefix).is_some_and(|service| service.action(name).is_some()) {
                return None;
            }
        }
        None
    }

    /// A rule of the own service or of a related one: of that one's actions the own ones of the same names.
    fn new(catalog: &'c Catalog, own: &'c Service, prefix: &str, rule: &'static Rule) -> OverrideRule<'c> {
        let is_related = |name: &str| own.prefix() != prefix && name.split_once(':').is_some_and(|(p, _)| p == prefix);
        let shared = |name: &str| is_related(name).then(|| own.action(bare_name(name))).flatten();
        let action = |name: &str| shared(name).or_else(|| catalog.action(name));
        let actions = rule.actions.iter().filter_map(|(name, when)| Some((action(name)?, when)));
        OverrideRule { actions: actions.collect(), rule }
    }

    /// What the rule says of a request; `None` where none of its actions applies.
    pub fn resolve(&self, request: &Request<'_>) -> Option<OperationMatch<'c>> {
        if self.rule.actions.is_empty() {
            return Some(OperationMatch::None("needs no permission"));
        }
        let mut actions: Vec<&Action> = Vec::with_capacity(self.actions.len());
        for (action, _) in self.actions.iter().filter(|(_, when)| applies(when, request)) {
            if !actions.iter().any(|known| known.name == action.name) {
                actions.push(action);
            }
        }
        let confidence = if self.rule.is_guess { Confidence::Inferred } else { Confidence::Documented };
        (!actions.is_empty()).then(|| OperationMatch::Actions {
            actions,
            confidence,
            rule: "override",
            source: Arc::clone(&self.rule.source),
        })
    }
}

fn applies(when: &When, request: &Request<'_>) -> bool {
    match when {
        When::Always => true,
        When::With(parameter) => request.parameters.has(parameter),
        When::Without(parameter) => !request.parameters.has(parameter),
        When::Is(parameter, value) => has_value(request, parameter, value),
        When::IsNot(parameter, value) => request.parameters.has(parameter) && !has_value(request, parameter, value),
    }
}

/// Whether a parameter at the top has a value. S3 logs headers as lists.
pub(in crate::iam) fn has_value(request: &Request<'_>, parameter: &str, value: &str) -> bool {
    let is_it = |found: &Value| match found {
        Value::String(text) => text == value,
        other => format!("{other}") == value,
    };
    match request.parameters.get(parameter) {
        Some(Value::Array(found)) => found.iter().any(is_it),
        found => found.is_some_and(|found| is_it(&found)),
    }
}
