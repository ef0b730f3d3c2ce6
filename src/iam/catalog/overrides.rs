//! The hand-written rules of `tables/overrides.txt`, which win over everything generated.

use std::collections::HashMap;
use std::sync::LazyLock;

/// When an action of a rule is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::iam) enum When {
    Always,
    /// The request has this parameter.
    With(String),
    /// It has it with this value.
    Is(String, String),
    /// It has it with another value.
    IsNot(String, String),
    /// It has not.
    Without(String),
}

/// What one operation needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::iam) struct Rule {
    /// Full names of actions; empty where none is needed.
    pub actions: Vec<(String, When)>,
    /// Whether no source says it in so many words.
    pub is_guess: bool,
    /// Where the fact comes from.
    pub source: std::sync::Arc<str>,
}

#[derive(Debug, Default)]
pub(in crate::iam) struct Overrides {
    /// Host of the event source → prefixes.
    pub sources: HashMap<String, Vec<String>>,
    /// `prefix:operation` in lower case → rule.
    pub operations: HashMap<String, Rule>,
    /// `prefix:variable` of an ARN form → parameters that fill it.
    parameters: HashMap<String, Vec<String>>,
    /// `prefix:type` → its ARN form.
    forms: HashMap<String, String>,
    /// Prefix → resource types that the tables lack, with their ARN forms.
    added_types: HashMap<String, Vec<(String, String)>>,
    /// Full name of an action in lower case → types that it takes beside those of the tables.
    taken: HashMap<String, Vec<String>>,
    /// Prefix, or `prefix:type` → the parameter that says whose the resources are.
    owners: HashMap<String, String>,
    /// `prefix:action` in lower case and a variable of an ARN form → parameters, and what is meant where they are left
    /// out.
    left_out: HashMap<(String, String), (Vec<String>, String)>,
}

impl Overrides {
    /// Parameters that fill a variable of a service's ARN forms: of one type's, and of any's.
    pub fn parameters(&self, prefix: &str, kind: &str, variable: &str) -> impl Iterator<Item = &String> {
        self.of_variable(prefix, kind, variable).filter(|name| !name.starts_with(['!', '+']))
    }

    /// Parameters that fill it beside those others, not in their place.
    pub fn additional_parameters(&self, prefix: &str, kind: &str, variable: &str) -> impl Iterator<Item = &str> {
        self.of_variable(prefix, kind, variable).filter_map(|name| name.strip_prefix('+'))
    }

    /// Parameters that don't fill it, whatever their names say.
    pub fn others_parameters(&self, prefix: &str, kind: &str, variable: &str) -> impl Iterator<Item = &str> {
        self.of_variable(prefix, kind, variable).filter_map(|name| name.strip_prefix('!'))
    }

    fn of_variable(&self, prefix: &str, kind: &str, variable: &str) -> impl Iterator<Item = &String> {
        let keys = [format!("{prefix}:{kind}/{variable}"), format!("{prefix}:{variable}")];
        keys.into_iter().filter_map(|key| self.parameters.get(&key)).flatten()
    }

    /// The ARN form of a service's resource type, where the tables' is not that of all.
    pub fn form(&self, prefix: &str, kind: &str) -> Option<&str> {
        self.forms.get(&format!("{prefix}:{kind}")).map(String::as_str)
    }

    /// A service's resource types that the tables lack, with their ARN forms.
    pub fn added_types(&self, prefix: &str) -> &[(String, String)] {
        self.added_types.get(prefix).map(Vec::as_slice).unwrap_or_default()
    }

    /// Resource types that an action takes and the tables don't say.
    pub fn taken(&self, prefix: &str, action: &str) -> &[String] {
        let key = format!("{prefix}:{action}").to_ascii_lowercase();
        self.taken.get(&key).map(Vec::as_slice).unwrap_or_default()
    }

    /// The parameter of a service's requests that holds the account whose resources they are about.
    pub fn owner(&self, prefix: &str) -> Option<&str> {
        self.owners.get(prefix).map(String::as_str)
    }

    /// The same for the resources of one type alone.
    pub fn owner_of_type(&self, prefix: &str, kind: &str) -> Option<&str> {
        self.owners.get(&format!("{prefix}:{kind}")).map(String::as_str)
    }

    /// The parameters that may be left out where an action's resources have a variable, and what is meant then.
    pub fn left_out(&self, action: &str, variable: &str) -> Option<(&[String], &str)> {
        let (parameters, value) = self.left_out.get(&(action.to_ascii_lowercase(), variable.to_owned()))?;
        Some((parameters, value))
    }
}

pub(in crate::iam) fn overrides() -> &'static Overrides {
    static OVERRIDES: LazyLock<Overrides> = LazyLock::new(|| parse(include_str!("tables/overrides.txt")));
    &OVERRIDES
}

fn parse(text: &str) -> Overrides {
    let mut overrides = Overrides::default();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (rule, source) = line.split_once(" | ").unwrap_or((line, "hand-written"));
        let words: Vec<&str> = rule.split_ascii_whitespace().collect();
        match words.as_slice() {
            ["source", host, prefixes @ ..] => {
                overrides.sources.insert((*host).to_owned(), prefixes.iter().map(|p| (*p).to_owned()).collect());
            }
            [kind @ ("op" | "guess"), prefix, operation, actions @ ..] => {
                let actions = actions.iter().filter(|a| **a != "-").map(|a| action(prefix, a)).collect();
                let key = format!("{prefix}:{operation}").to_ascii_lowercase();
                let rule = Rule { actions, is_guess: *kind == "guess", source: source.into() };
                let known = overrides.operations.insert(key, rule);
                debug_assert!(known.is_none(), "twice: {line}");
            }
            ["var", prefix, variable, parameters @ ..] => {
                let parameters = parameters.iter().map(|p| (*p).to_owned()).collect();
                let known = overrides.parameters.insert(format!("{prefix}:{variable}"), parameters);
                debug_assert!(known.is_none(), "twice: {line}");
            }
            ["type", prefix, kind, form] => {
                overrides.forms.insert(format!("{prefix}:{kind}"), (*form).to_owned());
            }
            ["new-type", prefix, kind, form, actions @ ..] => {
                let types = overrides.added_types.entry((*prefix).to_owned()).or_default();
                types.push(((*kind).to_owned(), (*form).to_owned()));
                for action in actions {
                    let key = format!("{prefix}:{action}").to_ascii_lowercase();
                    overrides.taken.entry(key).or_default().push((*kind).to_owned());
                }
            }
            ["takes", prefix, action, types @ ..] => {
                let types = types.iter().map(|kind| (*kind).to_owned());
                overrides.taken.entry(format!("{prefix}:{action}").to_ascii_lowercase()).or_default().extend(types);
            }
            ["owner", prefix, parameter] => {
                let (of, parameter) = match parameter.rsplit_once('/') {
                    Some((kind, parameter)) => (format!("{prefix}:{kind}"), parameter),
                    None => ((*prefix).to_owned(), *parameter),
                };
                overrides.owners.insert(of, parameter.to_owned());
            }
            ["default", prefix, variable, parameters, value, actions @ ..] => {
                let parameters: Vec<String> = parameters.split('|').map(str::to_owned).collect();
                let value = if *value == "-" { "" } else { value };
                overrides.left_out.extend(actions.iter().map(|action| {
                    let key = (format!("{prefix}:{action}").to_ascii_lowercase(), (*variable).to_owned());
                    (key, (parameters.clone(), value.to_owned()))
                }));
            }
            _ => debug_assert!(false, "no rule: {line}"),
        }
    }
    overrides
}

fn action(prefix: &str, text: &str) -> (String, When) {
    let (name, when) = if let Some((name, parameter)) = text.split_once('?') {
        let when = match (parameter.split_once("!="), parameter.split_once('=')) {
            (Some((parameter, value)), _) => When::IsNot(parameter.to_owned(), value.to_owned()),
            (_, Some((parameter, value))) => When::Is(parameter.to_owned(), value.to_owned()),
            _ => When::With(parameter.to_owned()),
        };
        (name, when)
    } else if let Some((name, parameter)) = text.split_once('!') {
        (name, When::Without(parameter.to_owned()))
    } else {
        (text, When::Always)
    };
    let full = if name.contains(':') { name.to_owned() } else { format!("{prefix}:{name}") };
    (full, when)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::Catalog;

    #[test]
    fn every_rule_names_actions_that_exist_and_its_source() {
        let catalog = Catalog::embedded();
        assert!(overrides().operations.len() > 80);
        for (operation, rule) in &overrides().operations {
            assert_ne!(&*rule.source, "hand-written", "{operation}");
            for (action, _) in &rule.actions {
                assert_eq!(catalog.action(action).map(|a| &*a.name), Some(action.as_str()), "{operation}");
            }
        }
        for variable in overrides().parameters.keys() {
            let (prefix, variable) = variable.split_once(':').unwrap();
            let variable = variable.rsplit('/').next().unwrap();
            let types = catalog.service(prefix).unwrap().resource_types();
            assert!(types.iter().any(|kind| kind.arn.contains(&format!("${{{variable}}}"))), "{prefix} {variable}");
        }
        for kind in overrides().forms.keys() {
            let (prefix, kind) = kind.split_once(':').unwrap();
            assert!(catalog.service(prefix).unwrap().resource_types().iter().any(|known| known.name == kind), "{kind}");
        }
        for (action, types) in &overrides().taken {
            let service = catalog.service(action.split(':').next().unwrap()).unwrap();
            assert!(catalog.action(action).is_some(), "{action}");
            let is_known = |kind: &String| service.resource_types().iter().any(|known| known.name == *kind);
            assert!(types.iter().all(is_known), "{action}");
        }
        for (action, variable) in overrides().left_out.keys() {
            let action = catalog.action(action).expect(action);
            let has = |form: &&str| form.contains(&format!("${{{variable}}}"));
            let forms: Vec<&str> = catalog.resource_arns(action).into_iter().map(|kind| kind.arn.as_str()).collect();
            assert!(forms.iter().any(has), "{} {variable}: {forms:?}", action.name);
        }
        for of in overrides().owners.keys() {
            let (prefix, kind) = of.split_once(':').map_or((of.as_str(), None), |(prefix, kind)| (prefix, Some(kind)));
            let service = catalog.service(prefix).expect(prefix);
            let is_known = |kind: &str| service.resource_types().iter().any(|known| known.name == kind);
            assert!(kind.is_none_or(is_known), "{of}");
        }
        for prefixes in overrides().sources.values() {
            assert!(prefixes.iter().any(|p| catalog.service(p).is_some()), "{prefixes:?}");
        }
    }
}
