//! What a policy that exists allows: the ceiling of what is cut out of it.

use super::catalog_view::CatalogView;
use crate::iam::document::{Effect, Policy, ResourceSpec, Statement};
use crate::iam::evaluate::{Coverage, covers_resource};

/// The statement that a grant is cut out of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Home {
    /// Index in the policy.
    pub(crate) statement: usize,
    /// The statement's `NotResource` stays as it is: nothing narrower can be said of the grant.
    pub(crate) is_as_written: bool,
}

/// What a statement that is cut down says besides its actions and resources: its parts say it too.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Carried {
    /// Operator, key, values.
    pub(crate) conditions: Vec<(String, String, Vec<String>)>,
    /// `NotResource`, where nothing narrower can be said.
    pub(crate) not_resources: Vec<String>,
    /// Whether the resource has a variable. IAM may take a statement for invalid as a whole in which a variable has no
    /// value: such resources stand apart from those that other statements allow.
    pub(crate) has_variable: bool,
}

/// The statements of a policy, in the language of 2012-10-17.
pub(crate) struct Ceiling {
    statements: Vec<Statement>,
}

impl Ceiling {
    pub(crate) fn of(policy: &Policy) -> Ceiling {
        Ceiling { statements: policy.statements.clone() }
    }

    /// Whether the statement allows its actions on all that a pattern matches.
    pub(crate) fn holds(&self, home: Home, pattern: &str) -> bool {
        match self.statements.get(home.statement) {
            Some(statement) if statement.effect == Effect::Allow => {
                home.is_as_written || holds(&statement.resources, pattern)
            }
            _ => false,
        }
    }

    /// What a part of the statement on a resource says as well.
    pub(crate) fn carried(&self, home: Home, resource: &str) -> Carried {
        let Some(statement) = self.statements.get(home.statement) else { return Carried::default() };
        let tests = statement.condition.iter().flat_map(|test| {
            test.keys.iter().map(|(key, values)| (test.operator.clone(), key.clone(), values.clone()))
        });
        let not_resources = match &statement.resources {
            ResourceSpec::NotResource(list) if home.is_as_written => list.clone(),
            _ => Vec::new(),
        };
        Carried { conditions: tests.collect(), not_resources, has_variable: has_variable(resource) }
    }

    /// What a statement and a used resource have in common: the used resource where the statement holds all of it, else
    /// the statement's own patterns that it falls under or that fall under it. A resource that no event tells is what
    /// the statement says, as far as the action takes it.
    pub(crate) fn common(
        &self,
        statement: usize,
        action: &str,
        resource: &str,
        knowledge: &CatalogView<'_>,
    ) -> Vec<(String, Home)> {
        let home = Home { statement, is_as_written: false };
        if self.holds(home, resource) {
            return vec![(resource.to_owned(), home)];
        }
        match self.statements.get(statement).map(|statement| &statement.resources) {
            Some(ResourceSpec::Resource(patterns)) => {
                let is_open = resource == "*";
                let falls_under = |pattern: &&String| match is_open {
                    true => pattern.as_str() == "*" || knowledge.may_take(action, pattern),
                    false => covers_resource(pattern, resource) != Coverage::None,
                };
                let common: Vec<&String> = patterns.iter().filter(falls_under).collect();
                // Neither a form of ARN that the catalogue does not know may cost a permission, nor a variable that the
                // request may have lacked.
                let is_certain = common.iter().any(|pattern| !pattern.contains("${"));
                let common = if is_open && !is_certain { patterns.iter().collect() } else { common };
                common.into_iter().map(|pattern| (pattern.clone(), home)).collect()
            }
            Some(ResourceSpec::NotResource(_)) => {
                vec![("*".to_owned(), Home { statement, is_as_written: true })]
            }
            _ => Vec::new(),
        }
    }
}

/// Whether a pattern has a variable, other than those that stand for what they look like.
fn has_variable(pattern: &str) -> bool {
    let is_text = |text: &str| ["${*}", "${?}", "${$}"].iter().any(|escaped| text.starts_with(escaped));
    pattern.match_indices("${").filter_map(|(at, _)| pattern.get(at..)).any(|text| !is_text(text))
}

fn holds(resources: &ResourceSpec, pattern: &str) -> bool {
    match resources {
        ResourceSpec::Resource(list) => {
            list.iter().any(|outer| outer == pattern || covers_resource(outer, pattern) == Coverage::All)
        }
        // `*` is also what actions without resources have, of which no exception holds.
        ResourceSpec::NotResource(list) => {
            pattern != "*" && list.iter().all(|outer| covers_resource(outer, pattern) == Coverage::None)
        }
        ResourceSpec::Omitted => false,
    }
}

/// Whether one Allow statement allows no more than another.
pub(crate) fn is_within(inner: &Statement, outer: &Statement) -> bool {
    let holds_resources = match (&inner.resources, &outer.resources) {
        (ResourceSpec::NotResource(inner), ResourceSpec::NotResource(outer)) => {
            outer.iter().all(|excepted| inner.contains(excepted))
        }
        (ResourceSpec::Resource(inner), outer) => inner.iter().all(|pattern| holds(outer, pattern)),
        _ => false,
    };
    holds_resources && holds_conditions(inner, outer)
}

/// Whether every test of `outer` stands in `inner`, with the same values or some of them. Fewer values are narrower
/// only where one of them has to be met.
fn holds_conditions(inner: &Statement, outer: &Statement) -> bool {
    let tests = |statement: &'_ Statement| -> Vec<(String, String, Vec<String>)> {
        let tests = statement.condition.iter().flat_map(|test| {
            test.keys
                .iter()
                .map(|(key, values)| (test.operator.to_ascii_lowercase(), key.to_ascii_lowercase(), values.clone()))
        });
        tests.collect()
    };
    let inner = tests(inner);
    tests(outer).iter().all(|(operator, key, values)| {
        inner.iter().any(|(o, k, v)| {
            let is_positive = !operator.contains("not") && !operator.contains("null");
            o == operator && k == key && (v == values || is_positive && v.iter().all(|value| values.contains(value)))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(text: &str) -> Statement {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{text}]}}"#);
        Policy::parse(&text).unwrap().statements.remove(0)
    }

    /// Found by `cut_down_is_between`: of two patterns the one with a variable was kept, which this request had not.
    #[test]
    fn a_use_that_names_no_resource_keeps_more_than_variables() {
        let variable = r#""arn:aws:s3:::lake/${aws:username}/*""#;
        let of = |resources: &str| {
            let text = format!(r#"{{"Effect":"Allow","Action":"s3:*","Resource":[{resources}]}}"#);
            let ceiling = Ceiling { statements: vec![statement(&text)] };
            let knowledge = CatalogView::new(crate::iam::Catalog::embedded());
            ceiling.common(0, "s3:ListBucket", "*", &knowledge).len()
        };
        assert_eq!(of(&format!(r#"{variable},"arn:aws:iam::*:role/deploy""#)), 2);
        assert_eq!(of(&format!(r#"{variable},"arn:aws:iam::*:role/deploy","arn:aws:s3:::lake""#)), 2);
    }

    #[test]
    fn within() {
        let outer = statement(
            r#"{"Effect":"Allow","Action":"s3:*","Resource":["arn:aws:s3:::a/*","arn:aws:s3:::b/${aws:username}"],
                "Condition":{"StringEquals":{"aws:RequestedRegion":["x","y"]},"StringNotEquals":{"aws:k":["1","2"]}}}"#,
        );
        let inner = |resource: &str, condition: &str| {
            let text = format!(
                r#"{{"Effect":"Allow","Action":"s3:GetObject","Resource":"{resource}","Condition":{condition}}}"#
            );
            is_within(&statement(&text), &outer)
        };
        let same = r#"{"StringEquals":{"aws:RequestedRegion":["x","y"]},"StringNotEquals":{"aws:K":["1","2"]}}"#;
        let fewer = r#"{"StringEquals":{"aws:RequestedRegion":["x"]},"StringNotEquals":{"aws:k":["1","2"]}}"#;
        let wider = r#"{"StringEquals":{"aws:RequestedRegion":["x"]},"StringNotEquals":{"aws:k":["1"]}}"#;
        let lacking = r#"{"StringEquals":{"aws:RequestedRegion":["x"]}}"#;
        assert!(inner("arn:aws:s3:::a/k", same) && inner("arn:aws:s3:::a/k", fewer));
        assert!(inner("arn:aws:s3:::b/${aws:username}", same));
        assert!(!inner("arn:aws:s3:::b/jane", same) && !inner("arn:aws:s3:::a*", same) && !inner("*", same));
        assert!(!inner("arn:aws:s3:::a/k", wider) && !inner("arn:aws:s3:::a/k", lacking));
        let but = statement(r#"{"Effect":"Allow","Action":"s3:*","NotResource":["arn:aws:s3:::a/*"]}"#);
        let inner = |resource: &str| {
            is_within(&statement(&format!(r#"{{"Effect":"Allow","Action":"s3:*",{resource}}}"#)), &but)
        };
        assert!(inner(r#""Resource":"arn:aws:s3:::b/k""#) && inner(r#""NotResource":["arn:aws:s3:::a/*","x"]"#));
        assert!(!inner(r#""Resource":"arn:aws:s3:::a/k""#) && !inner(r#""Resource":"arn:aws:s3:::*""#));
        assert!(!inner(r#""Resource":"*""#) && !inner(r#""NotResource":["x"]"#));
    }
}
