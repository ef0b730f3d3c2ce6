//! A policy as JSON text, always the same text for the same policy.
//!
//! Elements come in the order IAM's documentation writes them; every list is a list, also of one element, so that
//! adding a second action changes one line of a diff.

use serde_json::{Map, Value, json};

use super::{ActionSpec, Condition, Policy, Principal, PrincipalSpec, ResourceSpec, Statement};

impl Policy {
    /// JSON with two spaces of indentation, for people and for files. No newline at the end.
    pub fn pretty(&self) -> String {
        format!("{:#}", self.to_value())
    }

    /// JSON without white space between tokens.
    pub fn compact(&self) -> String {
        self.to_value().to_string()
    }

    /// Size as quotas count it: "Policy size calculations do not include white space characters" (IAM User Guide,
    /// `reference_policies_grammar`; the quotas are in `reference_iam-quotas`). Control policies of AWS Organizations are
    /// counted as they are sent: this is their size if they are sent [`compact`](Policy::compact).
    ///
    /// A policy thought too long is split, while one thought too short is refused on the day it is deployed. So white
    /// space *inside* strings is counted, for the page does not say whether IAM leaves it out; and bytes are, for
    /// Organizations and Identity Center have quotas in bytes, IAM in characters. Of ASCII they are the same.
    pub fn size(&self) -> usize {
        self.compact().len()
    }

    /// The document as a JSON value, elements in IAM's order.
    pub fn to_value(&self) -> Value {
        let mut document = Map::new();
        if let Some(version) = self.version {
            document.insert("Version".to_owned(), json!(version.as_str()));
        }
        if let Some(id) = &self.id {
            document.insert("Id".to_owned(), json!(id));
        }
        let statements = self.statements.iter().map(Statement::to_value).collect();
        document.insert("Statement".to_owned(), Value::Array(statements));
        Value::Object(document)
    }
}

impl Statement {
    /// The statement as a JSON value, elements in IAM's order.
    pub fn to_value(&self) -> Value {
        let mut object = Map::new();
        if let Some(sid) = &self.sid {
            object.insert("Sid".to_owned(), json!(sid));
        }
        object.insert("Effect".to_owned(), json!(self.effect.as_str()));
        match &self.principal {
            Some(PrincipalSpec::Principal(who)) => {
                object.insert("Principal".to_owned(), principal(who));
            }
            Some(PrincipalSpec::NotPrincipal(who)) => {
                object.insert("NotPrincipal".to_owned(), principal(who));
            }
            None => {}
        }
        let (ActionSpec::Action(actions) | ActionSpec::NotAction(actions)) = &self.actions;
        object.insert(self.actions.element().to_owned(), json!(actions));
        match &self.resources {
            ResourceSpec::Resource(list) => object.insert("Resource".to_owned(), json!(list)),
            ResourceSpec::NotResource(list) => object.insert("NotResource".to_owned(), json!(list)),
            ResourceSpec::Omitted => None,
        };
        if !self.condition.is_empty() {
            object.insert("Condition".to_owned(), condition(&self.condition));
        }
        Value::Object(object)
    }
}

fn principal(who: &Principal) -> Value {
    match who {
        Principal::Everyone => json!("*"),
        Principal::Of(map) => Value::Object(map.iter().map(|(kind, ids)| (kind.clone(), json!(ids))).collect()),
    }
}

fn condition(block: &[Condition]) -> Value {
    let mut operators = Map::new();
    for test in block {
        // Two entries of one operator cannot stand in JSON: their keys are joined, which means the same (all must hold).
        let entry = operators.entry(test.operator.clone()).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(keys) = entry {
            for (key, values) in &test.keys {
                keys.insert(key.clone(), json!(values));
            }
        }
    }
    Value::Object(operators)
}

impl std::fmt::Display for Policy {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.pretty())
    }
}
