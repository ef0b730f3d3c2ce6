//! A policy that exists, in parts that fit: its statements stay as they are, or are cut by their actions or resources.

use super::make::NamedPolicy;
use crate::iam::document::{ActionSpec, Policy, ResourceSpec, Statement};

/// Documents of at most `size_max` characters that together say what `policy` says; `None` if one statement cannot be cut
/// so far. A denial holds in whichever document it stands.
pub fn parts(policy: &Policy, name: &str, size_max: usize) -> Option<Vec<NamedPolicy>> {
    if policy.size() <= size_max {
        return Some(vec![NamedPolicy { name: name.to_owned(), policy: policy.clone() }]);
    }
    let mut pieces = Vec::new();
    for statement in &policy.statements {
        cut(policy, statement, size_max, &mut pieces)?;
    }
    let mut documents: Vec<Policy> = Vec::new();
    for statement in pieces {
        let alone = |document: &Policy| {
            let mut statements = document.statements.clone();
            statements.push(statement.clone());
            Policy { statements, ..document.clone() }
        };
        match documents.iter_mut().find_map(|document| {
            let longer = alone(document);
            (longer.size() <= size_max).then_some((document, longer))
        }) {
            Some((document, longer)) => *document = longer,
            None => documents.push(Policy { statements: vec![statement], ..policy.clone() }),
        }
    }
    let named = |(index, policy)| NamedPolicy { name: format!("{name}-{}", index + 1), policy };
    Some(documents.into_iter().enumerate().map(named).collect())
}

/// Halves a statement until each piece fits; each but the first has a number behind its name.
fn cut(policy: &Policy, statement: &Statement, size_max: usize, pieces: &mut Vec<Statement>) -> Option<()> {
    let mut waiting = vec![statement.clone()];
    let first = pieces.len();
    while let Some(mut piece) = waiting.pop() {
        // Room for the number.
        if (Policy { statements: vec![piece.clone()], ..policy.clone() }).size() + 4 <= size_max {
            pieces.push(piece);
            continue;
        }
        let other = halved(&mut piece)?;
        waiting.push(other);
        waiting.push(piece);
    }
    for (number, piece) in pieces.iter_mut().skip(first).enumerate().skip(1) {
        if let Some(sid) = &mut piece.sid {
            *sid = format!("{sid}{}", number + 1);
        }
    }
    Some(())
}

/// Takes the second half of the longer list out; lists that say *not* cannot be parted.
fn halved(piece: &mut Statement) -> Option<Statement> {
    let mut other = piece.clone();
    let length = |list: &[String]| list.iter().map(String::len).sum::<usize>();
    let (by_actions, by_resources) = match (&piece.actions, &piece.resources) {
        (ActionSpec::Action(actions), ResourceSpec::Resource(resources)) => {
            (actions.len() > 1 && (length(actions) >= length(resources) || resources.len() < 2), resources.len() > 1)
        }
        (ActionSpec::Action(actions), _) => (actions.len() > 1, false),
        (_, ResourceSpec::Resource(resources)) => (false, resources.len() > 1),
        _ => (false, false),
    };
    match (&mut piece.actions, &mut other.actions, &mut piece.resources, &mut other.resources) {
        (ActionSpec::Action(first), ActionSpec::Action(second), ..) if by_actions => halve(first, second),
        (.., ResourceSpec::Resource(first), ResourceSpec::Resource(second)) if by_resources => halve(first, second),
        _ => return None,
    }
    Some(other)
}

fn halve(first: &mut Vec<String>, second: &mut Vec<String>) {
    *second = first.split_off(first.len() / 2);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::iam::document::Effect;

    #[test]
    fn parts_say_the_same() {
        let actions: Vec<String> = (0..90).map(|n| format!("\"s3:Action{n}\"")).collect();
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":[
            {{"Sid":"Many","Effect":"Allow","Action":[{}],"Resource":["arn:aws:s3:::a","arn:aws:s3:::b"]}},
            {{"Sid":"No","Effect":"Deny","NotAction":"s3:*","Resource":"*"}}]}}"#,
            actions.join(",")
        );
        let policy = Policy::parse(&text).unwrap();
        let parts = parts(&policy, "p", 600).unwrap();
        assert!(parts.len() > 2 && parts.iter().all(|part| part.policy.size() <= 600), "{parts:?}");
        assert_eq!(parts[1].name, "p-2");
        let statements = || parts.iter().flat_map(|part| &part.policy.statements);
        let sids: BTreeSet<&str> = statements().filter_map(|statement| statement.sid.as_deref()).collect();
        assert_eq!(sids.len(), statements().count());
        let allowed = statements().filter(|statement| statement.effect == Effect::Allow);
        assert_eq!(allowed.map(|statement| statement.actions.patterns().len()).sum::<usize>(), 90);
        assert_eq!(super::parts(&policy, "p", 100), None);
        assert_eq!(super::parts(&policy, "p", 10_000).unwrap()[0].policy, policy);
    }
}
