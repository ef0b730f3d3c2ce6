//! Entries of the catalogue: a service, an action, all actions that a pattern means.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};

use crate::iam::{Action, Catalog, evaluate};
use crate::report::rows::{Columns, Type};

/// Entries that were asked for.
#[derive(Clone, Debug, Serialize)]
pub struct Entries<'a> {
    /// Name and version of the form.
    pub schema: &'static str,
    /// Which catalogue says it.
    pub version: &'a str,
    /// Services that were asked for by name.
    pub services: Vec<ServiceEntry<'a>>,
    /// Actions that were asked for, and all of those services.
    pub actions: Vec<ActionEntry<'a>>,
}

/// A service.
#[derive(Clone, Debug, Serialize)]
pub struct ServiceEntry<'a> {
    /// The IAM prefix.
    pub prefix: &'a str,
    /// How many actions it has.
    pub actions: usize,
    /// Its resource types, with their ARN formats.
    pub resource_types: BTreeMap<&'a str, Vec<&'a str>>,
}

/// An action.
#[derive(Clone, Debug, Serialize)]
pub struct ActionEntry<'a> {
    /// `s3:GetObject`.
    pub action: &'a str,
    /// In IAM's words.
    pub access_level: &'static str,
    /// Whether no operation of the API has it.
    pub permission_only: bool,
    /// The resource types that it takes; none: only `*`.
    pub resource_types: Vec<TypeEntry<'a>>,
    /// Condition keys that it takes.
    pub condition_keys: Vec<&'a str>,
    /// Actions that its documentation lists as dependent.
    pub dependent_actions: &'a [String],
}

/// A resource type of an action.
#[derive(Clone, Debug, Serialize)]
pub struct TypeEntry<'a> {
    /// Its name.
    pub name: &'a str,
    /// Whether the action needs one.
    pub required: bool,
    /// Its ARN formats.
    pub arns: Vec<&'a str>,
}

impl<'a> ActionEntry<'a> {
    fn new(catalog: &'a Catalog, action: &'a Action) -> ActionEntry<'a> {
        let arns = catalog.resource_arns(action);
        let types = action.resource_types.iter().map(|(name, required)| TypeEntry {
            name,
            required: *required,
            arns: arns.iter().filter(|kind| kind.name == *name).map(|kind| kind.arn.as_str()).collect(),
        });
        ActionEntry {
            action: &action.name,
            access_level: action.access_level.as_str(),
            permission_only: action.is_permission_only,
            resource_types: types.collect(),
            condition_keys: catalog.condition_keys(action),
            dependent_actions: &action.dependent_actions,
        }
    }
}

impl<'a> Entries<'a> {
    /// What a name means each: a service (`s3`), an action (`s3:GetObject`), a pattern of actions as policies have them
    /// (`s3:Get*`, `*:*Tag*`). Names that mean nothing are given back.
    pub fn find<'n>(catalog: &'a Catalog, names: &'n [String]) -> (Entries<'a>, Vec<&'n str>) {
        let mut entries = Entries {
            schema: "trailpare/catalog-entries/1",
            version: catalog.version(),
            services: vec![],
            actions: vec![],
        };
        let (mut unknown, mut actions) = (Vec::new(), BTreeMap::<&str, &Action>::new());
        let mut services = BTreeSet::new();
        for name in names {
            let found = match name.contains(':') || name.contains(['*', '?']) {
                true => matching(catalog, name),
                false => match catalog.service(&name.to_ascii_lowercase()) {
                    Some(service) => {
                        services.insert(service.prefix());
                        service.actions()
                    }
                    None => Vec::new(),
                },
            };
            if found.is_empty() {
                unknown.push(name.as_str());
            }
            actions.extend(found.into_iter().map(|action| (&*action.name, action)));
        }
        for service in services.into_iter().filter_map(|prefix| catalog.service(prefix)) {
            let mut resource_types = BTreeMap::<&str, Vec<&str>>::new();
            service
                .resource_types()
                .iter()
                .for_each(|kind| resource_types.entry(&kind.name).or_default().push(&kind.arn));
            entries.services.push(ServiceEntry {
                prefix: service.prefix(),
                actions: service.actions().len(),
                resource_types,
            });
        }
        entries.actions = actions.into_values().map(|action| ActionEntry::new(catalog, action)).collect();
        (entries, unknown)
    }

    /// The columns of [`Entries::rows`].
    pub const COLUMNS: &'static Columns = &[
        ("action", Type::Text),
        ("access_level", Type::Text),
        ("permission_only", Type::Flag),
        ("resource_types", Type::Text),
        ("condition_keys", Type::Text),
        ("dependent_actions", Type::Text),
    ];

    /// The actions as flat rows.
    pub fn rows(&self) -> impl Iterator<Item = Value> + '_ {
        self.actions.iter().map(|entry| {
            json!({
                "action": entry.action,
                "access_level": entry.access_level,
                "permission_only": entry.permission_only,
                "resource_types": entry.types(),
                "condition_keys": entry.condition_keys.join(" "),
                "dependent_actions": entry.dependent_actions.join(" "),
            })
        })
    }
}

impl ActionEntry<'_> {
    /// The names of its resource types, `!` behind those that are required.
    pub fn types(&self) -> String {
        let name = |kind: &TypeEntry<'_>| format!("{}{}", kind.name, if kind.required { "!" } else { "" });
        self.resource_types.iter().map(name).collect::<Vec<_>>().join(" ")
    }
}

/// The actions that a pattern means, as in a policy.
fn matching<'a>(catalog: &'a Catalog, pattern: &str) -> Vec<&'a Action> {
    if !pattern.contains(['*', '?']) {
        return catalog.action(pattern).into_iter().collect();
    }
    let services = catalog.prefixes().into_iter().filter_map(|prefix| catalog.service(prefix));
    let actions = services.flat_map(|service| service.actions());
    actions.filter(|action| evaluate::covers_action(pattern, &action.name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(names: &[&str]) -> (Vec<String>, usize, usize) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let (entries, unknown) = Entries::find(Catalog::embedded(), &names);
        (unknown.into_iter().map(str::to_owned).collect(), entries.services.len(), entries.actions.len())
    }

    #[test]
    fn services_actions_and_patterns() {
        assert_eq!(find(&["s3:getobject"]), (vec![], 0, 1));
        let (unknown, services, actions) = find(&["S3", "s3:Get*"]);
        assert!(unknown.is_empty() && services == 1 && actions > 100, "{actions}");
        assert_eq!(
            find(&["s4", "s3:GetNothing", "s3:Dance*", "s3:ListBucket"]).0,
            ["s4", "s3:GetNothing", "s3:Dance*"]
        );
        assert!(find(&["*"]).2 > 20_000);
    }

    #[test]
    fn an_entry_says_all_that_is_known() {
        let name = ["iam:PassRole".to_owned()];
        let (entries, _) = Entries::find(Catalog::embedded(), &name);
        let [pass] = entries.actions.as_slice() else { panic!("{entries:?}") };
        assert_eq!((pass.access_level, pass.permission_only, pass.types().as_str()), ("Write", false, "role!"));
        assert_eq!(pass.resource_types[0].arns, ["arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}"]);
        assert!(pass.condition_keys.contains(&"iam:PassedToService"));
    }
}
