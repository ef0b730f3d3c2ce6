//! How wide the grants of one service become, from as asked for to the whole service, in steps.

use std::collections::{BTreeMap, BTreeSet};

use super::collapse::collapse;
use super::condition::{Conditions, PASSED_TO_SERVICE, conditions};
use super::evidence::Evidence;
use super::generalise::generalise;
use super::knowledge::{Access, Class, Knowledge};
use super::options::{ConditionKind, Generalize, Granularity, Kind, Options};
use super::origin;
use super::pattern::{with_any, without_covered};
use super::sift::{Grant, PASS_ROLE};
use super::statement::{Draft, Reach, group};
use crate::iam::arn::Arn;
use crate::usage::Text;

/// Steps of widening, the mildest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// As the options say.
    #[default]
    Asked,
    /// `--generalize balanced`.
    Balanced,
    /// `--generalize broad`.
    Broad,
    /// All actions of a class on all resources used by any of them.
    Joined,
    /// Wildcards in actions that add nothing of a higher access level than was used.
    Collapsed,
    /// The actions on `*`.
    Anywhere,
    /// Without the conditions that were asked for; PassRole keeps its own.
    Unconditional,
    /// The whole service.
    Service,
}

impl Step {
    pub(crate) const ALL: [Step; 8] = [
        Step::Asked,
        Step::Balanced,
        Step::Broad,
        Step::Joined,
        Step::Collapsed,
        Step::Anywhere,
        Step::Unconditional,
        Step::Service,
    ];

    /// What it does, for the list of what was widened.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Step::Asked => "as asked for",
            Step::Balanced => "names that vary generalised (balanced)",
            Step::Broad => "names that vary generalised (broad)",
            Step::Joined => "all actions of a kind on all resources used by any of them",
            Step::Collapsed => "wildcards in actions, within the access level used",
            Step::Anywhere => "resources left open (*)",
            Step::Unconditional => "conditions left out",
            Step::Service => "the whole service",
        }
    }
}

/// The principals' own accounts and what else is the same for all services.
pub(crate) struct Scope<'a> {
    pub(crate) options: &'a Options,
    pub(crate) knowledge: &'a Knowledge<'a>,
    /// Accounts in which the principals live.
    pub(crate) accounts: BTreeSet<String>,
    /// More than one region is used in resources.
    pub(crate) several_regions: bool,
}

/// What the conditions of one service's grants are made of.
struct Terms {
    /// Regions in which the service was used.
    regions: BTreeSet<String>,
    wanted: BTreeSet<ConditionKind>,
}

impl Terms {
    fn of(&self, grant: &Grant) -> Conditions {
        conditions(grant, &self.regions, &self.wanted)
    }
}

/// A grant with its place among all grants.
pub(crate) type Numbered<'a> = (usize, &'a Grant);

impl<'a> Scope<'a> {
    pub(crate) fn new(grants: &[Grant], options: &'a Options, knowledge: &'a Knowledge<'a>) -> Scope<'a> {
        let principals = grants.iter().flat_map(|grant| &grant.evidence.principals);
        let accounts =
            principals.filter_map(|arn| Arn::parse(arn)).map(|arn| arn.account.to_owned()).filter(|a| !a.is_empty());
        let regions: BTreeSet<&str> = grants
            .iter()
            .filter_map(|grant| Arn::parse(&grant.resource))
            .map(|arn| arn.region)
            .filter(|region| !region.is_empty())
            .collect();
        Scope { options, knowledge, accounts: accounts.collect(), several_regions: regions.len() > 1 }
    }

    /// The statements of one service at a step. Wider steps hold everything that narrower ones do.
    pub(crate) fn drafts(&self, service: &str, grants: &[Numbered<'_>], step: Step) -> Vec<Draft> {
        self.drafts_with(service, grants, step, self.options.collapse_actions || step >= Step::Collapsed)
    }

    /// The same, with or without wildcards in actions, whatever the step.
    pub(crate) fn drafts_with(
        &self,
        service: &str,
        grants: &[Numbered<'_>],
        step: Step,
        is_collapsed: bool,
    ) -> Vec<Draft> {
        let granularity = self.granularity(service, step);
        // Where iam is allowed as a whole, for a service control policy grants nothing, there is nothing to add.
        let is_apart = |grant: &Grant| grant.action == PASS_ROLE && granularity != Granularity::Service;
        let (passes, others): (Vec<_>, Vec<_>) = grants.iter().copied().partition(|(_, grant)| is_apart(grant));
        let terms = Terms {
            regions: grants.iter().flat_map(|(_, grant)| grant.evidence.regions.iter().map(Text::to_string)).collect(),
            wanted: if step >= Step::Unconditional { BTreeSet::new() } else { self.options.conditions.clone() },
        };
        let mut drafts = match granularity {
            Granularity::Service => self.whole(service, &others, &terms),
            Granularity::Action => group(service, self.reaches(&others, &terms, |_| "*".to_owned())),
            Granularity::Resource => self.by_resource(service, &others, &terms, step),
        };
        if is_collapsed {
            for draft in &mut drafts {
                draft.actions = collapse(&draft.actions, self.knowledge);
            }
        }
        drafts.extend(self.pass_role(service, &passes, &terms));
        bind(&mut drafts, grants, &terms.wanted);
        drafts
    }

    /// `iam:*` would be every permission there is, so iam stays at actions; a service control policy grants nothing.
    fn granularity(&self, service: &str, step: Step) -> Granularity {
        let asked = match step {
            Step::Service => Granularity::Service,
            Step::Anywhere | Step::Unconditional => self.options.granularity.min(Granularity::Action),
            _ => self.options.granularity,
        };
        if service == "iam" && self.options.kind != Kind::Scp { asked.max(Granularity::Action) } else { asked }
    }

    fn whole(&self, service: &str, grants: &[Numbered<'_>], terms: &Terms) -> Vec<Draft> {
        let mut drafts: BTreeMap<Conditions, Draft> = BTreeMap::new();
        for (index, grant) in grants {
            let mut conditions = terms.of(grant);
            conditions.remove(&PASSED_TO_SERVICE);
            let draft = drafts.entry(conditions.clone()).or_insert_with(|| Draft {
                service: service.to_owned(),
                class: Class::Write,
                actions: BTreeSet::from([format!("{service}:*")]),
                resources: BTreeSet::from(["*".to_owned()]),
                conditions,
                grants: BTreeSet::new(),
                is_part: false,
            });
            draft.grants.insert(*index);
        }
        drafts.into_values().collect()
    }

    /// PassRole is granted for the roles really passed, each to the services it was really passed to.
    fn pass_role(&self, service: &str, passes: &[Numbered<'_>], terms: &Terms) -> Vec<Draft> {
        let mut of_role: BTreeMap<String, (Conditions, BTreeSet<usize>)> = BTreeMap::new();
        for (index, grant) in passes {
            let role = self.located(&grant.resource);
            let (all, grants) = of_role.entry(role).or_default();
            for (key, values) in terms.of(grant) {
                all.entry(key).or_default().extend(values);
            }
            grants.insert(*index);
        }
        let reaches = of_role.into_iter().map(|(role, (conditions, grants))| (conditions, role, grants));
        let mut sets: BTreeMap<Conditions, Reached> = BTreeMap::new();
        for (conditions, role, grants) in reaches {
            let (roles, all) = sets.entry(conditions).or_default();
            roles.insert(role);
            all.extend(grants);
        }
        sets.into_iter()
            .map(|(conditions, (resources, grants))| Draft {
                service: service.to_owned(),
                class: Class::Write,
                actions: BTreeSet::from([PASS_ROLE.to_owned()]),
                resources: without_covered(resources),
                conditions,
                grants,
                is_part: false,
            })
            .collect()
    }

    fn by_resource(&self, service: &str, grants: &[Numbered<'_>], terms: &Terms, step: Step) -> Vec<Draft> {
        let how = match step {
            Step::Asked => self.options.generalize,
            Step::Balanced => self.options.generalize.max(Generalize::Balanced),
            _ => Generalize::Broad,
        };
        // Reading and writing are generalised apart: many reads must not widen a write.
        let mut used: BTreeMap<Class, BTreeSet<String>> = BTreeMap::new();
        for (_, grant) in grants {
            used.entry(self.class(&grant.action)).or_default().insert(self.located(&grant.resource));
        }
        let patterns: BTreeMap<Class, BTreeMap<String, String>> =
            used.into_iter().map(|(class, set)| (class, generalise(&set, how, self.options.distinct_max))).collect();
        let widened = |grant: &Grant| {
            let located = self.located(&grant.resource);
            let pattern = patterns.get(&self.class(&grant.action)).and_then(|map| map.get(&located));
            pattern.cloned().unwrap_or(located)
        };
        let mut reaches = self.reaches(grants, terms, widened);
        if step >= Step::Joined {
            join(&mut reaches);
        }
        group(service, reaches)
    }

    /// Each action with what it may be used on, for each set of conditions.
    fn reaches(&self, grants: &[Numbered<'_>], terms: &Terms, resource: impl Fn(&Grant) -> String) -> Vec<Reach> {
        let mut reaches: BTreeMap<(&str, Conditions), Reached> = BTreeMap::new();
        for (index, grant) in grants {
            let key = (grant.action.as_str(), terms.of(grant));
            let (resources, all) = reaches.entry(key).or_default();
            resources.insert(resource(grant));
            all.insert(*index);
        }
        reaches
            .into_iter()
            .map(|((action, conditions), (resources, grants))| Reach {
                action: action.to_owned(),
                class: self.class(action),
                resources: without_covered(resources),
                conditions,
                grants,
            })
            .collect()
    }

    /// The resource with accounts and regions as the options want them.
    fn located(&self, resource: &str) -> String {
        let any_account = self.options.any_account || self.options.kind == Kind::PermissionSet;
        match Arn::parse(resource) {
            Some(arn) => {
                let own = any_account && self.accounts.contains(arn.account);
                with_any(&arn, own, self.options.any_region && self.several_regions)
            }
            None => resource.to_owned(),
        }
    }

    fn class(&self, action: &str) -> Class {
        self.knowledge.access(action).unwrap_or(Access::Write).class()
    }
}

/// Puts the conditions on the calls' origin on whole statements: by grant they would tear statements apart.
fn bind(drafts: &mut [Draft], grants: &[Numbered<'_>], wanted: &BTreeSet<ConditionKind>) {
    if !origin::are_wanted(wanted) {
        return;
    }
    let by_index: BTreeMap<usize, &Grant> = grants.iter().copied().collect();
    for draft in drafts {
        let behind = draft.grants.iter().filter_map(|index| by_index.get(index));
        if let Some(evidence) = Evidence::sum(behind.map(|grant| &grant.evidence)) {
            draft.conditions.extend(origin::conditions(wanted, &evidence));
        }
    }
}

/// Resources, and the grants that they come from.
type Reached = (BTreeSet<String>, BTreeSet<usize>);

/// All actions of a class and condition get the resources of all, but those that have none of their own.
fn join(reaches: &mut [Reach]) {
    let everything = BTreeSet::from(["*".to_owned()]);
    let mut unions: BTreeMap<(Class, Conditions), BTreeSet<String>> = BTreeMap::new();
    for reach in reaches.iter().filter(|reach| reach.resources != everything) {
        let union = unions.entry((reach.class, reach.conditions.clone())).or_default();
        union.extend(reach.resources.iter().cloned());
    }
    for union in unions.values_mut() {
        *union = without_covered(std::mem::take(union));
    }
    for reach in reaches.iter_mut().filter(|reach| reach.resources != everything) {
        if let Some(union) = unions.get(&(reach.class, reach.conditions.clone())) {
            reach.resources.clone_from(union);
        }
    }
}
