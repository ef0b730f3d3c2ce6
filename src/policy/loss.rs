//! What somebody may no longer do once a policy takes the place of what is granted today.

use std::collections::{BTreeMap, BTreeSet};

use super::catalog_view::{Access, CatalogView};
use super::privilege_escalation;
use crate::iam::Catalog;
use crate::iam::evaluate::{Compiled, Context, PolicySet, Request};

/// Actions that are granted today and not by what is to come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loss {
    /// How many actions.
    pub actions: usize,
    /// The same by access level; what the catalogue does not say is in none.
    pub by_access: BTreeMap<Access, usize>,
    /// Services of which nothing is left, with how many actions are gone.
    pub services: BTreeMap<String, usize>,
    /// The ways to more among them, and what they open: paths that are closed.
    pub escalations: BTreeMap<String, &'static str>,
    /// Those among them that read credentials, secrets or code.
    pub secret_reads: BTreeSet<String>,
    /// Actions that stay, and no longer on every resource.
    pub narrowed: usize,
    /// The ways to more among these.
    pub narrowed_escalations: BTreeMap<String, &'static str>,
}

/// What `after` no longer grants of `before`. An action is narrowed where each of the sets of `before` that grants it does
/// so on every resource, and `after` does not.
pub fn loss(before: &BTreeSet<&str>, today: &[PolicySet], after: &PolicySet, catalog: &Catalog) -> Loss {
    let knowledge = CatalogView::new(catalog);
    let kept = super::unused::granted_actions(after, catalog);
    let mut loss = Loss::default();
    let service = |action: &str| action.split(':').next().unwrap_or_default().to_owned();
    let left: BTreeSet<String> = kept.iter().map(|action| service(action)).collect();
    for action in before.difference(&kept) {
        loss.actions += 1;
        if let Some(access) = knowledge.access(action) {
            *loss.by_access.entry(access).or_default() += 1;
        }
        if let Some(opens) = privilege_escalation::escalation(action) {
            loss.escalations.insert((*action).to_owned(), opens);
        }
        if privilege_escalation::is_secret_read(action) {
            loss.secret_reads.insert((*action).to_owned());
        }
        let service = service(action);
        if !left.contains(&service) {
            *loss.services.entry(service).or_default() += 1;
        }
    }
    let (today, after): (Vec<Compiled>, Compiled) = (today.iter().map(Compiled::new).collect(), Compiled::new(after));
    for action in before.intersection(&kept).filter(|action| knowledge.takes_any_resource(action)) {
        if today.iter().any(|set| is_open(set, action)) && !is_open(&after, action) {
            loss.narrowed += 1;
            if let Some(opens) = privilege_escalation::escalation(action) {
                loss.narrowed_escalations.insert((*action).to_owned(), opens);
            }
        }
    }
    loss
}

/// Whether an action is allowed on every resource, whatever the request tells.
fn is_open(set: &Compiled, action: &str) -> bool {
    let context = Context::new();
    set.evaluate(&Request { action, resource: "arn:*", context: &context }).is_allowed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::document::Policy;

    fn set(text: &str) -> PolicySet {
        PolicySet::of_identity(vec![Policy::parse(text).unwrap()])
    }

    #[test]
    fn what_is_gone_and_what_is_narrower() {
        let catalog = Catalog::embedded();
        let today = set(
            r#"{"Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject","iam:PassRole","kms:Decrypt","sqs:*"],"Resource":"*"}]}"#,
        );
        let after = set(r#"{"Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"},
                {"Effect":"Allow","Action":"sqs:SendMessage","Resource":"*"},
                {"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::1:role/x"}]}"#);
        let before = super::super::unused::granted_actions(&today, catalog);
        let loss = loss(&before, std::slice::from_ref(&today), &after, catalog);
        assert_eq!(loss.actions, before.len() - 3);
        assert_eq!(loss.secret_reads, BTreeSet::from(["kms:Decrypt".to_owned()]));
        assert_eq!(loss.services, BTreeMap::from([("kms".to_owned(), 1)]));
        assert!(loss.escalations.is_empty());
        assert_eq!(loss.narrowed, 2);
        assert_eq!(loss.narrowed_escalations.keys().collect::<Vec<_>>(), ["iam:PassRole"]);
        assert_eq!(loss.by_access.values().sum::<usize>(), loss.actions);
    }
}
