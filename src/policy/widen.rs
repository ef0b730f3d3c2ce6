//! How wide the grants of one service become, from as asked for to everything, in steps.
//!
//! A step beyond what was asked for opens nothing but reads: a write, a change of permissions, tags, what leads to more
//! permissions and what reads secrets stays on exactly what was asked for ([`Scope::may_open`]). What reads the data that
//! people keep is opened within a bucket, a log group and their like at most ([`Scope::step_of`]).

use std::collections::{BTreeMap, BTreeSet};

use super::binding::{PASS_ROLE, PASSED_TO_SERVICE};
use super::catalog_view::{Access, CatalogView, Class};
use super::ceiling::{Carried, Ceiling, Home};
use super::classify::Grant;
use super::collapse::collapse;
use super::condition::{Conditions, conditions};
use super::evidence::Evidence;
use super::generalise::{generalise, of_type, similar};
use super::options::{ConditionKind, Generalize, Granularity, Kind, Options, Preset};
use super::origin;
use super::pattern::{with_any, without_covered};
use super::privilege_escalation;
use super::statement::{Draft, Reach, Reached, group, reach, without_covered_resources};
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
    /// Names that begin alike become one pattern.
    Similar,
    /// Wildcards in actions that add nothing of a higher access level than was used.
    Collapsed,
    /// Everything of the types, in the accounts and regions where they were used.
    OfType,
    /// The actions on `*`.
    Anywhere,
    /// Without the conditions that were asked for.
    Unconditional,
}

impl Step {
    pub(crate) const ALL: [Step; 8] = [
        Step::Asked,
        Step::Balanced,
        Step::Broad,
        Step::Similar,
        Step::Collapsed,
        Step::OfType,
        Step::Anywhere,
        Step::Unconditional,
    ];

    /// What it does, for the list of what was widened.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Step::Asked => "as asked for",
            Step::Balanced => "reads: names that vary generalised (balanced)",
            Step::Broad => "reads: names that vary generalised (broad)",
            Step::Similar => "reads: names that begin alike",
            Step::Collapsed => "reads: wildcards in actions, within the access level used",
            Step::OfType => "reads: everything of the types used",
            Step::Anywhere => "reads: resources left open (*)",
            Step::Unconditional => "reads: conditions left out",
        }
    }
}

/// The principals' own accounts and what else is the same for all services.
pub(crate) struct Scope<'a> {
    pub(crate) options: &'a Options,
    pub(crate) knowledge: &'a CatalogView<'a>,
    /// Accounts in which the principals live.
    pub(crate) accounts: BTreeSet<String>,
    /// More than one region is used in resources.
    pub(crate) several_regions: bool,
    /// What nothing may go beyond, where a policy is cut down.
    pub(crate) ceiling: Option<&'a Ceiling>,
}

/// What the conditions of one service's grants are made of.
struct Terms {
    /// Regions in which the service was used.
    regions: BTreeSet<String>,
    wanted: BTreeSet<ConditionKind>,
}

/// A grant with its place among all grants.
pub(crate) type Numbered<'a> = (usize, &'a Grant);

impl<'a> Scope<'a> {
    pub(crate) fn new(
        grants: &[Grant],
        options: &'a Options,
        knowledge: &'a CatalogView<'a>,
        ceiling: Option<&'a Ceiling>,
    ) -> Scope<'a> {
        let principals = grants.iter().flat_map(|grant| &grant.evidence.principals);
        let accounts =
            principals.filter_map(|arn| Arn::parse(arn)).map(|arn| arn.account.to_owned()).filter(|a| !a.is_empty());
        let regions: BTreeSet<&str> = grants
            .iter()
            .filter_map(|grant| Arn::parse(&grant.resource))
            .map(|arn| arn.region)
            .filter(|region| !region.is_empty())
            .collect();
        let several_regions = regions.len() > 1;
        Scope { options, knowledge, accounts: accounts.collect(), several_regions, ceiling }
    }

    fn conditions(&self, grant: &Grant, terms: &Terms) -> Conditions {
        Conditions { carried: self.carried(grant), ..conditions(grant, &terms.regions, &terms.wanted) }
    }

    fn carried(&self, grant: &Grant) -> Carried {
        let carried = |(ceiling, home): (&Ceiling, Home)| ceiling.carried(home, &grant.resource);
        self.ceiling.zip(grant.home).map(carried).unwrap_or_default()
    }

    /// The first of these patterns, the last of which is the grant's own, that does not go beyond the ceiling.
    fn below_ceiling(&self, grant: &Grant, patterns: [Option<&String>; 2]) -> String {
        let is_below = |pattern: &&&String| match self.ceiling.zip(grant.home) {
            Some((ceiling, home)) => ceiling.holds(home, pattern),
            None => true,
        };
        let found = patterns.iter().flatten().find(is_below).map(|pattern| (*pattern).clone());
        found.unwrap_or_else(|| grant.resource.clone())
    }

    /// Where fitting begins.
    pub(crate) fn first_step(&self) -> Step {
        match self.options.preset {
            Preset::Workload => Step::Asked,
            Preset::People => Step::Anywhere,
        }
    }

    /// Whether a step beyond what was asked for may open an action.
    pub(crate) fn may_open(&self, action: &str) -> bool {
        let access = self.knowledge.access(action);
        access.is_some_and(|access| access.class() == Class::Read)
            && privilege_escalation::escalation(action).is_none()
            && !privilege_escalation::is_secret_read(action)
    }

    /// How far a grant goes where its service goes to `step`.
    fn step_of(&self, action: &str, step: Step) -> Step {
        match self.may_open(action) {
            // What people keep is opened within its container, not from one to another, and only to fit.
            true if privilege_escalation::is_data_read(action) && step <= self.first_step() => Step::Asked,
            true if privilege_escalation::is_data_read(action) => step.min(Step::Broad),
            true => step,
            false => Step::Asked,
        }
    }

    /// The statements of one service at a step. Wider steps hold everything that narrower ones do.
    pub(crate) fn drafts(&self, service: &str, grants: &[Numbered<'_>], step: Step) -> Vec<Draft> {
        let granularity = self.granularity(service);
        // Where iam is allowed as a whole, for a service control policy grants nothing, there is nothing to add.
        let is_apart = |grant: &Grant| grant.action == PASS_ROLE && granularity != Granularity::Service;
        let (passes, others): (Vec<_>, Vec<_>) = grants.iter().copied().partition(|(_, grant)| is_apart(grant));
        let terms = Terms {
            regions: grants.iter().flat_map(|(_, grant)| grant.evidence.regions.iter().map(Text::to_string)).collect(),
            wanted: self.options.conditions.clone(),
        };
        let mut drafts = match granularity {
            Granularity::Service => self.whole(service, &others, &terms),
            Granularity::Action => {
                group(service, self.reaches(&others, &terms, (granularity, step), |_| "*".to_owned()))
            }
            Granularity::Resource => self.by_resource(service, &others, &terms, step),
        };
        for draft in &mut drafts {
            let may_collapse = step >= Step::Collapsed && draft.actions.iter().all(|action| self.may_open(action));
            // What a wildcard adds might be beyond what the policy that is cut down allows.
            if self.ceiling.is_none() && (self.options.collapse_actions || may_collapse) {
                draft.actions = collapse(&draft.actions, self.knowledge);
            }
        }
        drafts.extend(self.pass_role(service, &passes, &terms));
        self.bind(&mut drafts, grants, step);
        drafts
    }

    /// `iam:*` would be every permission there is, so iam stays at actions; a service control policy grants nothing.
    fn granularity(&self, service: &str) -> Granularity {
        let asked = self.options.granularity;
        if service == "iam" && self.options.kind != Kind::Scp { asked.max(Granularity::Action) } else { asked }
    }

    fn whole(&self, service: &str, grants: &[Numbered<'_>], terms: &Terms) -> Vec<Draft> {
        let mut drafts: BTreeMap<Conditions, Draft> = BTreeMap::new();
        for (index, grant) in grants {
            let mut conditions = self.conditions(grant, terms);
            conditions.own.retain(|(_, key), _| !BOUND.contains(key));
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
        let mut of_role: BTreeMap<String, Vec<(Conditions, Reached)>> = BTreeMap::new();
        for (index, grant) in passes {
            let role = self.below_ceiling(grant, [Some(&self.located(&grant.resource)), None]);
            let reached = Reached::from([(role.clone(), BTreeSet::from([*index]))]);
            of_role.entry(role).or_default().push((self.conditions(grant, terms), reached));
        }
        let mut sets: BTreeMap<Conditions, Reached> = BTreeMap::new();
        for (conditions, reached) in of_role.into_values().flat_map(unite) {
            let roles = sets.entry(conditions).or_default();
            reached.into_iter().for_each(|(role, grants)| reach(roles, role, grants));
        }
        sets.into_iter()
            .map(|(conditions, reached)| Draft {
                service: service.to_owned(),
                class: Class::Write,
                actions: BTreeSet::from([PASS_ROLE.to_owned()]),
                grants: reached.values().flatten().copied().collect(),
                resources: without_covered(reached.into_keys().collect()),
                conditions,
                is_part: false,
            })
            .collect()
    }

    fn by_resource(&self, service: &str, grants: &[Numbered<'_>], terms: &Terms, step: Step) -> Vec<Draft> {
        // Reading and writing are generalised apart: many reads must not widen a write.
        let mut used: BTreeMap<Key, BTreeSet<String>> = BTreeMap::new();
        let key = |grant: &Grant| (self.class(&grant.action), self.step_of(&grant.action, step), grant.home);
        for (_, grant) in grants {
            used.entry(key(grant)).or_default().insert(self.located(&grant.resource));
        }
        let patterns: BTreeMap<Key, BTreeMap<String, String>> =
            used.into_iter().map(|(key, set)| (key, self.patterns(&set, key.1))).collect();
        let widened = |grant: &Grant| {
            let located = self.located(&grant.resource);
            let pattern = patterns.get(&key(grant)).and_then(|map| map.get(&located));
            self.below_ceiling(grant, [pattern, Some(&located)])
        };
        group(service, self.reaches(grants, terms, (Granularity::Resource, step), widened))
    }

    /// Each resource with the pattern that stands for it at a step.
    fn patterns(&self, set: &BTreeSet<String>, step: Step) -> BTreeMap<String, String> {
        let how = match step {
            Step::Asked => self.options.generalize,
            Step::Balanced => self.options.generalize.max(Generalize::Balanced),
            _ => Generalize::Broad,
        };
        let mut map = generalise(set, how, self.options.distinct_max);
        if step >= Step::Similar {
            let alike = similar(&map.values().cloned().collect(), self.options.distinct_max);
            map.values_mut().for_each(|pattern| {
                if let Some(wider) = alike.get(pattern) {
                    pattern.clone_from(wider);
                }
            });
        }
        if step >= Step::OfType {
            map.values_mut().for_each(|pattern| *pattern = of_type(pattern));
        }
        if step >= Step::Anywhere {
            map.values_mut().for_each(|pattern| "*".clone_into(pattern));
        }
        map
    }

    /// Each action with what it may be used on, for each set of conditions.
    fn reaches(
        &self,
        grants: &[Numbered<'_>],
        terms: &Terms,
        (granularity, step): (Granularity, Step),
        resource: impl Fn(&Grant) -> String,
    ) -> Vec<Reach> {
        let mut reaches: BTreeMap<(&str, Conditions), Reached> = BTreeMap::new();
        for (index, grant) in grants {
            let is_free = self.step_of(&grant.action, step) >= Step::Unconditional;
            let conditions = match is_free {
                true => Conditions { carried: self.carried(grant), ..Conditions::default() },
                false => self.conditions(grant, terms),
            };
            let reached = reaches.entry((grant.action.as_str(), conditions)).or_default();
            reach(reached, resource(grant), [*index]);
        }
        let mut of_action: BTreeMap<&str, Vec<(Conditions, Reached)>> = BTreeMap::new();
        for ((action, conditions), reached) in reaches {
            of_action.entry(action).or_default().push((conditions, reached));
        }
        // On `*` an action stands once for all its bindings.
        let is_once = granularity == Granularity::Action;
        of_action
            .into_iter()
            .flat_map(|(action, list)| {
                let list = if is_once { unite(list) } else { list };
                list.into_iter().map(move |reached| (action, reached))
            })
            .map(|(action, (conditions, reached))| Reach {
                action: action.to_owned(),
                class: self.class(action),
                resources: without_covered_resources(reached),
                conditions,
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

    /// Puts the conditions on the calls' origin on whole statements: by grant they would tear statements apart.
    fn bind(&self, drafts: &mut [Draft], grants: &[Numbered<'_>], step: Step) {
        let wanted = &self.options.conditions;
        if !origin::are_wanted(wanted) {
            return;
        }
        let by_index: BTreeMap<usize, &Grant> = grants.iter().copied().collect();
        for draft in drafts {
            let behind = || draft.grants.iter().filter_map(|index| by_index.get(index));
            if behind().all(|grant| self.step_of(&grant.action, step) >= Step::Unconditional) {
                continue;
            }
            if let Some(evidence) = Evidence::sum(behind().map(|grant| &grant.evidence)) {
                let conditions = origin::conditions(wanted, &evidence);
                draft.conditions.own.extend(conditions);
            }
        }
    }

    fn class(&self, action: &str) -> Class {
        self.knowledge.access(action).unwrap_or(Access::Write).class()
    }
}

/// Grants that are generalised together.
type Key = (Class, Step, Option<Home>);

/// Keys of the conditions that close holes.
const BOUND: [&str; 6] = [
    PASSED_TO_SERVICE,
    "ec2:CreateAction",
    "iam:AWSServiceName",
    "iam:PermissionsBoundary",
    "iam:PolicyARN",
    "lambda:FunctionArn",
];

/// The values of bindings.
type Bound = BTreeMap<(&'static str, &'static str), BTreeSet<String>>;

/// One for each set of the other conditions: the values of bindings together, or no binding where one had none.
fn unite(list: Vec<(Conditions, Reached)>) -> Vec<(Conditions, Reached)> {
    let mut united: BTreeMap<Conditions, (Option<Bound>, Reached)> = BTreeMap::new();
    for (Conditions { own, carried }, reached) in list {
        let (bound, rest): (Bound, Bound) = own.into_iter().partition(|((_, key), _)| BOUND.contains(key));
        let first = || (Some(Bound::new()), Reached::default());
        let rest = Conditions { own: rest, carried };
        let (all, all_reached) = united.entry(rest).or_insert_with(first);
        reached.into_iter().for_each(|(resource, grants)| reach(all_reached, resource, grants));
        match all {
            Some(all) if !bound.is_empty() => {
                bound.into_iter().for_each(|(key, values)| all.entry(key).or_default().extend(values));
            }
            all => *all = None,
        }
    }
    let whole = |(mut rest, (bound, reached)): (Conditions, (Option<Bound>, Reached))| {
        rest.own.extend(bound.unwrap_or_default());
        (rest, reached)
    };
    united.into_iter().map(whole).collect()
}
