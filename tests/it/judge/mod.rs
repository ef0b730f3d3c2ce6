//! A judge of policies that shares no code with the program: whether policies allow a request, and whether they
//! grant more than a list of pairs. It reads the policies' JSON and knows IAM's evaluation rules, nothing else.
//! Source: IAM User Guide, "IAM JSON policy elements reference" and "Policy evaluation logic".

mod condition;
pub mod harness;
mod metamorphic;
mod pattern;
mod records;

use std::collections::BTreeMap;

use serde_json::Value;

use condition::Condition;
use pattern::Pattern;

/// What a request tells beside action and resource: values by condition key, in lower case.
pub type Context = BTreeMap<String, Vec<String>>;

/// An action and a resource; either may be a pattern.
pub type Pair = (String, String);

#[derive(Debug)]
struct Statement {
    is_allow: bool,
    actions: Matcher,
    resources: Matcher,
    conditions: Vec<Condition>,
}

/// `Action` or `NotAction`, `Resource` or `NotResource`.
#[derive(Debug)]
struct Matcher {
    is_not: bool,
    patterns: Vec<Pattern>,
}

/// The identity-based policies of one principal.
#[derive(Debug, Default)]
pub struct Policies {
    statements: Vec<Statement>,
}

/// A string or a list of strings.
fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(values) => values.iter().flat_map(strings).collect(),
        Value::String(text) => vec![text.clone()],
        other => vec![other.to_string()],
    }
}

impl Matcher {
    fn read(statement: &Value, name: &str, ignore_case: bool) -> Matcher {
        let not = format!("Not{name}");
        let is_not = !statement[&not].is_null();
        let texts = strings(&statement[if is_not { &not } else { name }]);
        assert!(!texts.is_empty(), "a statement without {name} or {not}: {statement}");
        Matcher { is_not, patterns: texts.iter().map(|text| Pattern::of_policy(text, ignore_case)).collect() }
    }

    /// All of what the asked pattern stands for is matched.
    fn covers(&self, asked: &Pattern) -> bool {
        match self.is_not {
            false => self.patterns.iter().any(|pattern| pattern.covers(asked)),
            true => !self.touches_any(asked),
        }
    }

    /// Something of what the asked pattern stands for is matched.
    fn touches(&self, asked: &Pattern) -> bool {
        match self.is_not {
            false => self.touches_any(asked),
            true => !self.patterns.iter().any(|pattern| pattern.covers(asked)),
        }
    }

    fn touches_any(&self, asked: &Pattern) -> bool {
        self.patterns.iter().any(|pattern| pattern.touches(asked))
    }
}

impl Policies {
    /// Reads one document, or a list of them, into the same set.
    ///
    /// # Panics
    /// When it is no policy.
    pub fn add(&mut self, document: &Value) {
        if let Value::Array(documents) = document {
            return documents.iter().for_each(|document| self.add(document));
        }
        // Numbered parts come with their names.
        let document = document.get("PolicyDocument").unwrap_or(document);
        let statements = match &document["Statement"] {
            Value::Array(statements) => statements.as_slice(),
            Value::Null => panic!("no policy: {document}"),
            one => std::slice::from_ref(one),
        };
        for statement in statements {
            self.statements.push(Statement {
                is_allow: match statement["Effect"].as_str() {
                    Some("Allow") => true,
                    Some("Deny") => false,
                    other => panic!("effect {other:?}"),
                },
                actions: Matcher::read(statement, "Action", true),
                resources: Matcher::read(statement, "Resource", false),
                conditions: Condition::read_all(&statement["Condition"]),
            });
        }
    }

    /// Whether a request is allowed: an explicit denial wins, and what no statement allows is denied.
    pub fn allow(&self, action: &str, resource: &str, context: &Context) -> bool {
        let (action, resource) = (Pattern::of_request(action, true), Pattern::of_request(resource, false));
        let meets = |statement: &&Statement| statement.conditions.iter().all(|condition| condition.meets(context));
        let denied = self
            .statements
            .iter()
            .filter(|statement| !statement.is_allow && statement.actions.touches(&action))
            .filter(meets)
            .any(|statement| statement.resources.touches(&resource));
        let mut allowing = self.statements.iter().filter(|statement| statement.is_allow).filter(meets);
        !denied && allowing.any(|statement| statement.actions.covers(&action) && statement.resources.covers(&resource))
    }

    /// What is granted that none of the pairs holds, as action and resource.
    pub fn beyond(&self, pairs: &[Pair]) -> Vec<Pair> {
        let known: Vec<(Pattern, Pattern)> = pairs
            .iter()
            .map(|(action, resource)| (Pattern::of_request(action, true), Pattern::of_request(resource, false)))
            .collect();
        let mut beyond = Vec::new();
        for statement in self.statements.iter().filter(|statement| statement.is_allow) {
            if statement.actions.is_not || statement.resources.is_not {
                beyond.push(("Not…".to_owned(), "Not…".to_owned()));
                continue;
            }
            for action in &statement.actions.patterns {
                let known: Vec<_> = known.iter().filter(|(known, _)| known.covers(action)).collect();
                let unknown = statement.resources.patterns.iter().filter(|resource| {
                    !resource.is_nothing() && !known.iter().any(|(_, known)| known.covers(resource))
                });
                beyond.extend(unknown.map(|resource| (action.to_string(), resource.to_string())));
            }
        }
        beyond
    }

    /// Every action with every resource that the statements allow, as they are written.
    pub fn grants(&self) -> Vec<Pair> {
        let allowing = self.statements.iter().filter(|statement| statement.is_allow);
        let pairs = allowing.flat_map(|statement| {
            let resources = &statement.resources.patterns;
            let of = move |action: &Pattern| {
                let action = action.to_string();
                resources.iter().map(move |resource| (action.clone(), resource.to_string()))
            };
            statement.actions.patterns.iter().flat_map(of)
        });
        pairs.collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn policies(statements: Value) -> Policies {
        let mut policies = Policies::default();
        policies.add(&json!({ "Version": "2012-10-17", "Statement": statements }));
        policies
    }

    fn pair(action: &str, resource: &str) -> Pair {
        (action.to_owned(), resource.to_owned())
    }

    #[test]
    fn a_request_needs_one_statement_that_holds_all_of_it() {
        let policies = policies(json!([
            {"Effect": "Allow", "Action": "s3:Get*", "Resource": ["arn:aws:s3:::a/*", "arn:aws:s3:::b/${*}/?"]},
            {"Effect": "Deny", "Action": "s3:*", "NotResource": "arn:aws:s3:::?/*"},
            {"Effect": "Deny", "Action": "s3:GetObjectAcl", "Resource": "arn:aws:s3:::a/secret"},
        ]));
        let allow = |action: &str, resource: &str| policies.allow(action, resource, &Context::new());
        assert!(allow("s3:getobject", "arn:aws:s3:::a/k") && allow("s3:GetObject", "arn:aws:s3:::a/*"));
        assert!(!allow("s3:GetObject", "arn:aws:s3:::*") && !allow("s3:PutObject", "arn:aws:s3:::a/k"));
        assert!(!allow("s3:GetObject", "arn:aws:s3:::A/k"), "names keep their case");
        assert!(!allow("s3:GetObject", "arn:aws:s3:::b/x/c"), "a star that is meant as one");
        assert!(!allow("s3:GetObjectAcl", "arn:aws:s3:::a/*"), "part of it is denied");
        assert!(!allow("s3:GetBucketAcl", "arn:aws:s3:::bb"));
    }

    #[test]
    fn what_is_granted_beyond_the_pairs_is_found() {
        let granted = policies(json!({"Effect": "Allow", "Action": ["s3:GetObject", "s3:Put*"],
            "Resource": ["arn:aws:s3:::a/k", "arn:aws:s3:::a/m-*"]}));
        let pairs = [pair("s3:GetObject", "arn:aws:s3:::a/*"), pair("s3:PutObject", "*")];
        let beyond = granted.beyond(&pairs);
        assert_eq!(beyond, [pair("s3:put*", "arn:aws:s3:::a/k"), pair("s3:put*", "arn:aws:s3:::a/m-*")]);
        assert_eq!(granted.beyond(&[pair("s3:*", "*")]), []);
        let pairs = [pair("s3:*", "arn:aws:s3:::a/k"), pair("s3:GetObject", "arn:aws:s3:::a/m-1")];
        assert_eq!(granted.beyond(&pairs).len(), 2);
        let all_but = policies(json!({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}));
        assert_eq!(all_but.beyond(&[pair("*", "*")]).len(), 1);
    }
}
