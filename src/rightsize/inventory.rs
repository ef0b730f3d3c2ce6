//! What is granted today, put together from all that files tell.

use std::collections::{BTreeMap, BTreeSet};

use super::answers::Answers;
use super::rules::Rules;
use super::subject::{Subject, SubjectKind};
use crate::iam::Catalog;
use crate::iam::document::Policy;
use crate::iam::evaluate::PolicySet;
use crate::policy::unused::{Details, Entity, Identity, granted_actions, name};
use crate::record::permission_set;

/// All that files tell of who may do what.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// Roles and users with their policies.
    pub details: Details,
    /// Identity Center and the organisation.
    pub answers: Answers,
    /// What is kept as it is.
    pub rules: Rules,
    /// Places of roles and users in `details`, by account, kind and name.
    by_name: BTreeMap<(String, String, String), usize>,
    /// Places of Identity Center's roles, by permission set.
    by_set: BTreeMap<String, Vec<usize>>,
    /// Accounts of which `details` tells.
    accounts: BTreeSet<String>,
}

/// What somebody is granted today.
#[derive(Clone, Debug, Default)]
pub struct Today<'c> {
    /// By account; of a role or user one.
    pub sets: BTreeMap<String, PolicySet>,
    /// The identity policies by name, each once.
    pub policies: Vec<Identity>,
    /// Policies that are attached and whose text no file holds.
    pub missing: BTreeSet<String>,
    /// Actions granted, in one account at least.
    pub granted: BTreeSet<&'c str>,
    /// When it was made, the earliest of several.
    pub created_us: Option<i64>,
    /// When IAM itself says that it was last used.
    pub iam_last_used_us: Option<i64>,
}

impl Inventory {
    /// Puts together what files tell.
    pub fn new(details: Details, answers: Answers, rules: Rules) -> Inventory {
        let (mut by_name, mut by_set) = (BTreeMap::new(), BTreeMap::<String, Vec<usize>>::new());
        for (at, entity) in details.entities.iter().enumerate() {
            match permission_set(&entity.arn) {
                Some(set) => by_set.entry(set).or_default().push(at),
                None => {
                    if let Some((account, kind, name)) = name(&entity.arn) {
                        by_name.insert((account.to_owned(), kind.to_owned(), name.to_owned()), at);
                    }
                }
            }
        }
        let accounts = details.entities.iter().filter_map(|entity| entity.arn.split(':').nth(4)).map(str::to_owned);
        Inventory { accounts: accounts.collect(), details, answers, rules, by_name, by_set }
    }

    /// Whether any file tells of an account.
    pub fn knows_account(&self, account: &str) -> bool {
        self.accounts.contains(account)
    }

    /// Every role, user and permission set that files tell of.
    pub fn subjects(&self) -> Vec<Subject> {
        let named = self.by_name.values().filter_map(|at| self.details.entities.get(*at)).filter_map(of_entity);
        let sets: BTreeSet<&str> = self.by_set.keys().map(String::as_str).chain(self.set_names()).collect();
        named.chain(sets.into_iter().map(|set| self.permission_set(set))).collect()
    }

    fn set_names(&self) -> impl Iterator<Item = &str> {
        self.answers.permission_sets.values().map(|set| set.name.as_str()).filter(|name| !name.is_empty())
    }

    /// Names of the people that files tell of.
    pub fn people(&self) -> BTreeSet<&str> {
        self.answers.users.values().map(String::as_str).collect()
    }

    /// A permission set by its name.
    pub fn permission_set(&self, set: &str) -> Subject {
        let known = self.answers.permission_sets.values().find(|known| known.name == set);
        let tags = known.map(|known| known.tags.clone()).unwrap_or_default();
        Subject { tags, ..Subject::new(SubjectKind::PermissionSet, set) }
    }

    /// A role or user of which usage tells, with what files tell of it.
    pub fn subject(&self, arn: &str) -> Option<Subject> {
        self.entity(arn).and_then(of_entity).or_else(|| Subject::of_arn(arn))
    }

    /// A role or user, by an ARN with or without its path.
    pub fn entity(&self, arn: &str) -> Option<&Entity> {
        let (account, kind, name) = name(arn)?;
        let at = self.by_name.get(&(account.to_owned(), kind.to_owned(), name.to_owned()))?;
        self.details.entities.get(*at)
    }

    /// What a subject is granted today; `None` where no file tells.
    pub fn today<'c>(&self, subject: &Subject, catalog: &'c Catalog) -> Option<Today<'c>> {
        let mut today = match subject.kind {
            SubjectKind::Role | SubjectKind::User => self.of_entities([self.entity(subject.arn.as_deref()?)?]),
            SubjectKind::PermissionSet => self.of_set(&subject.name)?,
            SubjectKind::Persona => self.of_set(subject.of.as_deref()?)?,
            SubjectKind::Person => self.of_person(&subject.name)?,
            SubjectKind::RoleGroup => {
                let known: Vec<&Entity> = subject.roles.iter().filter_map(|arn| self.entity(arn)).collect();
                if known.is_empty() {
                    return None;
                }
                self.of_entities(known)
            }
        };
        // The same policies in many accounts are looked at once.
        let mut seen: Vec<&PolicySet> = Vec::new();
        for set in today.sets.values() {
            if !seen.contains(&set) {
                seen.push(set);
                today.granted.extend(granted_actions(set, catalog));
            }
        }
        Some(today)
    }

    fn of_entities<'e, 'c>(&self, entities: impl IntoIterator<Item = &'e Entity>) -> Today<'c> {
        let mut today = Today::default();
        for entity in entities {
            let account = entity.arn.split(':').nth(4).unwrap_or_default();
            let identity = entity.identity.iter().map(|identity| identity.policy.clone()).collect();
            self.add_set(&mut today, account, identity, entity.boundary.clone());
            add_policies(&mut today, entity.identity.iter().cloned());
            today.missing.extend(entity.missing_policies.iter().cloned());
            today.created_us = least(today.created_us, entity.created_us);
            today.iam_last_used_us = today.iam_last_used_us.max(entity.iam_last_used_us);
        }
        today
    }

    fn add_set(&self, today: &mut Today<'_>, account: &str, identity: Vec<Policy>, boundary: Option<Policy>) {
        let scps = self.scps(account);
        let set = today.sets.entry(account.to_owned()).or_insert_with(|| PolicySet {
            boundary,
            scps,
            ..PolicySet::default()
        });
        set.identity.extend(identity);
    }

    /// By the roles that the permission set became; where there is none, by what Identity Center says.
    fn of_set<'c>(&self, set: &str) -> Option<Today<'c>> {
        if let Some(places) = self.by_set.get(set) {
            return Some(self.of_entities(places.iter().filter_map(|at| self.details.entities.get(*at))));
        }
        let (arn, known) = self.answers.permission_sets.iter().find(|(_, known)| known.name == set)?;
        let mut today = Today::default();
        let inline = known.inline.iter().map(|policy| Identity { name: "inline".to_owned(), policy: policy.clone() });
        add_policies(&mut today, inline);
        for managed in &known.managed {
            match self.details.managed.get(managed) {
                Some(policy) => {
                    add_policies(&mut today, [Identity { name: managed.clone(), policy: policy.clone() }]);
                }
                None => drop(today.missing.insert(managed.clone())),
            }
        }
        today.missing.extend(known.customer_managed.iter().map(|name| format!("{name} (an account's own)")));
        today.missing.extend(known.boundary.iter().map(|name| format!("{name} (the boundary)")));
        let identity: Vec<Policy> = today.policies.iter().map(|identity| identity.policy.clone()).collect();
        let assigned = self.answers.assignments.iter().filter(|one| one.set_arn == *arn);
        let accounts: BTreeSet<&str> = assigned.map(|one| one.account.as_str()).collect();
        for account in accounts {
            self.add_set(&mut today, account, identity.clone(), None);
        }
        Some(today)
    }

    fn of_person<'c>(&self, person: &str) -> Option<Today<'c>> {
        let sets = self.sets_of(person);
        if sets.is_empty() {
            return None;
        }
        let mut today = Today::default();
        for (set, accounts) in sets {
            let Some(of_set) = self.of_set(&set) else { continue };
            for (account, policies) in of_set.sets {
                if accounts.contains(&account) {
                    self.add_set(&mut today, &account, policies.identity, None);
                }
            }
            add_policies(&mut today, of_set.policies);
            today.missing.extend(of_set.missing);
        }
        Some(today)
    }

    /// The permission sets that a person has, by itself or by its groups, each with the accounts.
    pub fn sets_of(&self, person: &str) -> BTreeMap<String, BTreeSet<String>> {
        let ids: BTreeSet<&str> =
            self.answers.users.iter().filter(|(_, name)| *name == person).map(|(id, _)| id.as_str()).collect();
        let mut sets = BTreeMap::<String, BTreeSet<String>>::new();
        for one in &self.answers.assignments {
            let is_theirs = match one.is_group {
                true => self
                    .answers
                    .members
                    .get(&one.principal)
                    .is_some_and(|all| all.iter().any(|id| ids.contains(id.as_str()))),
                false => ids.contains(one.principal.as_str()),
            };
            let known = self.answers.permission_sets.get(&one.set_arn).filter(|set| !set.name.is_empty());
            if let (true, Some(set)) = (is_theirs, known) {
                sets.entry(set.name.clone()).or_default().insert(one.account.clone());
            }
        }
        sets
    }

    /// The people who have a permission set, each with the accounts.
    pub fn people_of(&self, set: &str) -> BTreeMap<String, BTreeSet<String>> {
        let mut people = BTreeMap::<String, BTreeSet<String>>::new();
        for one in &self.answers.assignments {
            if self.answers.permission_sets.get(&one.set_arn).is_none_or(|known| known.name != set) {
                continue;
            }
            let own = std::iter::once(&one.principal).filter(|_| !one.is_group);
            let members = self.answers.members.get(&one.principal).filter(|_| one.is_group).into_iter().flatten();
            for id in own.chain(members) {
                // Whose name no answer tells is known by the id.
                let name = self.answers.users.get(id).unwrap_or(id);
                people.entry(name.clone()).or_default().insert(one.account.clone());
            }
        }
        people
    }
}

fn of_entity(entity: &Entity) -> Option<Subject> {
    Subject::of_arn(&entity.arn).map(|subject| Subject { tags: entity.tags.clone(), ..subject })
}

/// Each policy once, by its name.
fn add_policies(today: &mut Today<'_>, policies: impl IntoIterator<Item = Identity>) {
    for identity in policies {
        if !today.policies.iter().any(|known| known.name == identity.name) {
            today.policies.push(identity);
        }
    }
}

fn least(a: Option<i64>, b: Option<i64>) -> Option<i64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
