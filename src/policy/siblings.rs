//! By option: actions that nobody used and that whoever makes a resource will need, so that infrastructure code does
//! not fail on its next change: who creates also deletes, describes, changes and tags.
//!
//! By the catalogue: actions of the same service on the same type of resource, whose names say the same thing with
//! another verb. They stand in statements of their own, are counted, and are never made unless somebody asks.

use std::collections::{BTreeMap, BTreeSet};

use super::disclosing::{is_data_read, is_secret_read};
use super::limits::Limits;
use super::made::Made;
use super::options::{Kind, Options};
use super::privilege_escalation;
use super::recipe::placed;
use crate::iam::document::{ActionSpec, Effect, ResourceSpec, Statement};
use crate::iam::evaluate::ActionMatcher;
use crate::iam::{AccessLevel, Action, Catalog};

/// Verbs of actions that make something.
const MAKING: [&str; 6] = ["Create", "Run", "Allocate", "Register", "Request", "Import"];

/// Verbs whose object is exactly what was made.
const EXACT: [&str; 9] = ["Delete", "Terminate", "Deregister", "Release", "Describe", "Get", "List", "Tag", "Untag"];

/// Verbs whose object may be a part of it: `UpdateFunctionCode`, `ModifyInstanceAttribute`.
const CHANGING: [&str; 3] = ["Update", "Modify", "Set"];

/// Verbs that look at it, and whose object may be a part of it: `GetQueueAttributes`; but for what discloses secrets,
/// code and data.
const LOOKING: [&str; 3] = ["Describe", "Get", "List"];

/// Names of actions that look after tags of any resource.
const TAGS: [&str; 3] = ["TagResource", "UntagResource", "ListTagsForResource"];

/// What begins the names of the statements.
const SID: &str = "Siblings";

/// Policies with siblings need more room than there is; characters, and what there is room for.
pub(super) struct NoRoom(pub usize, pub Limits);

/// Adds the siblings of what is granted.
pub(super) fn with_siblings(mut made: Made, options: &Options, catalog: &Catalog) -> Result<Made, NoRoom> {
    if !matches!(made.kind, Kind::Identity | Kind::PermissionSet | Kind::Boundary) {
        return Ok(made);
    }
    let found = siblings(&made, catalog);
    let mut by_resources: BTreeMap<BTreeSet<String>, Vec<String>> = BTreeMap::new();
    for (action, resources) in found {
        by_resources.entry(resources).or_default().push(action);
    }
    let taken: BTreeSet<&str> = made
        .documents
        .iter()
        .flat_map(|document| &document.policy.statements)
        .filter_map(|statement| statement.sid.as_deref())
        .collect();
    let mut names = (1..).map(|n| if n == 1 { SID.to_owned() } else { format!("{SID}{n}") });
    let mut statements = Vec::new();
    for (resources, actions) in &by_resources {
        let sid = names.by_ref().find(|name| !taken.contains(name.as_str()));
        let resources = ResourceSpec::Resource(resources.iter().cloned().collect());
        let statement = Statement::new(Effect::Allow, ActionSpec::Action(actions.clone()), resources);
        statements.push(Statement { sid, ..statement });
    }
    let limits = Limits::of(options);
    let documents = placed(made.documents.clone(), &statements, limits.size_max, &options.name);
    let largest = documents.iter().map(|document| document.policy.size()).max().unwrap_or_default();
    if largest > limits.size_max || documents.len() > limits.policies_max {
        let size = documents.iter().map(|document| document.policy.size()).sum();
        return Err(NoRoom(size, limits));
    }
    made.siblings = by_resources.into_values().flatten().collect();
    let more =
        made.siblings.iter().filter_map(|action| Some((action.clone(), privilege_escalation::escalation(action)?)));
    made.escalations.extend(more.collect::<Vec<_>>());
    made.documents = documents;
    Ok(made)
}

/// Action → resources.
fn siblings(made: &Made, catalog: &Catalog) -> BTreeMap<String, BTreeSet<String>> {
    let statements: Vec<&Statement> = made
        .documents
        .iter()
        .flat_map(|document| &document.policy.statements)
        .filter(|statement| statement.effect == Effect::Allow)
        .collect();
    let granted: Vec<ActionMatcher> =
        statements.iter().map(|statement| ActionMatcher::new(&statement.actions)).collect();
    let is_granted = |action: &str| granted.iter().any(|matcher| matcher.matches(action));
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for statement in &statements {
        for maker in statement.actions.patterns().iter().filter_map(|pattern| catalog.action(pattern)) {
            let Some(service) = maker.name.split(':').next().and_then(|prefix| catalog.service(prefix)) else {
                continue;
            };
            for action in service.actions().into_iter().filter(|action| is_sibling(maker, action)) {
                if is_granted(&action.name) {
                    continue;
                }
                let resources = resources(action, statement.resources.patterns(), catalog);
                if !resources.is_empty() {
                    found.entry(action.name.to_string()).or_default().extend(resources);
                }
            }
        }
    }
    // What is granted on everything needs no names beside it.
    for resources in found.values_mut().filter(|resources| resources.contains("*")) {
        *resources = BTreeSet::from(["*".to_owned()]);
    }
    found
}

/// On which of the maker's resources an action can be; an action without any is on `*`.
fn resources(action: &Action, patterns: &[String], catalog: &Catalog) -> BTreeSet<String> {
    if action.resource_types.is_empty() {
        return BTreeSet::from(["*".to_owned()]);
    }
    let takes = |pattern: &&String| *pattern != "*" && catalog.does_take(action, pattern);
    patterns.iter().filter(takes).cloned().collect()
}

/// The action's name without service and verb, if the verb is one of these.
fn object<'a>(action: &'a Action, verbs: &[&str]) -> Option<&'a str> {
    let name = action.name.split_once(':')?.1;
    verbs.iter().find_map(|verb| name.strip_prefix(verb)).filter(|object| object.starts_with(char::is_uppercase))
}

fn is_sibling(maker: &Action, action: &Action) -> bool {
    let Some(made) = object(maker, &MAKING) else { return false };
    if action.is_permission_only || action.access_level == AccessLevel::PermissionsManagement {
        return false;
    }
    let types = |action: &Action| action.resource_types.iter().map(|(name, _)| name.clone()).collect::<BTreeSet<_>>();
    let shares_type = !types(maker).is_disjoint(&types(action));
    let one = singular(made);
    let is_look = matches!(action.access_level, AccessLevel::List | AccessLevel::Read);
    if is_look && (is_secret_read(&action.name) || is_data_read(&action.name)) {
        return false;
    }
    let name = action.name.split_once(':').map_or("", |(_, name)| name);
    if TAGS.contains(&name) {
        return shares_type;
    }
    if let Some(object) = object(action, &EXACT) {
        let is_of_all = is_look && action.resource_types.is_empty() && !maker.resource_types.is_empty();
        if singular(object) == one {
            return shares_type || is_of_all;
        }
    }
    if is_look && object(action, &LOOKING).is_some_and(|object| object.starts_with(one)) {
        return shares_type;
    }
    let changes = object(action, &CHANGING).is_some_and(|object| object.starts_with(one));
    changes && shares_type && action.access_level == AccessLevel::Write
}

fn singular(object: &str) -> &str {
    object.strip_suffix('s').unwrap_or(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(maker: &str) -> Vec<String> {
        let catalog = Catalog::embedded();
        let maker = catalog.action(maker).unwrap();
        let service = catalog.service(maker.name.split(':').next().unwrap()).unwrap();
        let all = service.actions().into_iter().filter(|action| is_sibling(maker, action));
        all.map(|action| action.name.to_string()).collect()
    }

    #[test]
    fn who_creates_also_deletes() {
        let queue = of("sqs:CreateQueue");
        for action in ["sqs:DeleteQueue", "sqs:GetQueueAttributes", "sqs:TagQueue", "sqs:UntagQueue", "sqs:ListQueues"]
        {
            assert!(queue.contains(&action.to_owned()), "{action} {queue:?}");
        }
        for action in ["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:SetQueueAttributes", "sqs:PurgeQueue"] {
            assert!(!queue.contains(&action.to_owned()), "{action}");
        }
        let instance = of("ec2:RunInstances");
        for action in ["ec2:TerminateInstances", "ec2:DescribeInstances", "ec2:ModifyInstanceAttribute"] {
            assert!(instance.contains(&action.to_owned()), "{action} {instance:?}");
        }
        assert!(!instance.contains(&"ec2:DeleteVolume".to_owned()));
        // A value is not the secret itself, and reading makes nothing.
        assert!(!of("secretsmanager:CreateSecret").contains(&"secretsmanager:GetSecretValue".to_owned()));
        assert!(of("s3:GetObject").is_empty());
    }
}
