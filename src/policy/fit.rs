//! Keeping to AWS's limits: what costs only a reader's comfort first, then splitting, then opening reads, and refusing
//! last.
//!
//! What costs nothing but comfort: what several services do on `*` stands together; statements of the same actions or
//! resources are one, whatever their service, with short names. Nothing is ever opened but reads (see `widen`), those
//! first that open least. Where that does not do, the error says what would, and at what price.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use super::catalog_view::Class;
use super::choice::{self, Choice};
use super::classify::Grant;
use super::condition::Conditions;
use super::excess::weight;
use super::layout::{Layout, Widened};
use super::limits::Limits;
use super::options::{Fit, Options, Preset};
use super::split::{self, split};
use super::statement::Draft;
use super::widen::{Numbered, Scope, Step};

/// The statements cannot be brought within the limits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FitError {
    /// More policies than can be attached.
    #[error(
        "the statements need {needed} policies of {size_max} characters, and {name} may be {policies_max}{}",
        choice::hint(choices)
    )]
    TooMany {
        /// Policies that the statements take.
        needed: usize,
        /// Characters that a policy may have.
        size_max: usize,
        /// Policies that may be attached.
        policies_max: usize,
        /// What the message calls such policies: `managed policies`.
        name: &'static str,
        /// Options that would make them fit, or bring them nearer.
        choices: Vec<Choice>,
    },
    /// One statement that cannot be cut is too large.
    #[error(
        "a statement about {service} has {size} characters, and {name} may have {size_max}{}",
        choice::hint(choices)
    )]
    TooLarge {
        /// The service that the statement is about.
        service: String,
        /// Characters that a policy with this statement alone has.
        size: usize,
        /// Characters that a policy may have.
        size_max: usize,
        /// What the message calls such policies: `managed policies`.
        name: &'static str,
        /// Options that would make them fit, or bring them nearer.
        choices: Vec<Choice>,
    },
}

/// Statements within the limits, one list a policy, and what was widened for it.
#[derive(Debug)]
pub(crate) struct Fitted {
    pub(crate) policies: Vec<Vec<Draft>>,
    pub(crate) widened: Vec<Widened>,
    pub(crate) layout: Layout,
}

/// Stands for the service of a statement about several; no prefix is empty, so it comes first.
const SERVICES: &str = "";

/// The statements that were asked for, before anything is done to fit them: what fits of the same width have in common.
pub(crate) struct Ready<'a> {
    services: Vec<Service<'a>>,
    scope: &'a Scope<'a>,
    /// See [`Ready::least_of_widest`].
    least_of_widest: OnceLock<usize>,
}

impl<'a> Ready<'a> {
    pub(crate) fn new(grants: &'a [Grant], scope: &'a Scope<'a>) -> Ready<'a> {
        Ready { services: services(grants, scope), scope, least_of_widest: OnceLock::new() }
    }

    /// Characters that all take at the widest step, however statements stand together. Wider steps take no more than
    /// narrower ones: where this is too much, nothing has to be tried.
    fn least_of_widest(&self) -> usize {
        let least = |service: &Service<'_>| {
            let list = self.scope.drafts(service.name, &service.grants, Step::Unconditional);
            least_chars(service.name, &list).min(service.drafts.least)
        };
        *self.least_of_widest.get_or_init(|| self.services.iter().map(least).sum())
    }
}

/// One service: its grants, how wide they are, and the statements that come of it.
#[derive(Clone)]
struct Service<'a> {
    name: &'a str,
    grants: Vec<Numbered<'a>>,
    step: Step,
    drafts: Drafts,
    /// The next step that makes its statements shorter; `None` if there is none.
    next: Option<Candidate>,
}

/// The statements of a service at a step, with what is asked of them again and again.
#[derive(Clone)]
struct Drafts {
    list: Vec<Draft>,
    /// Characters, about.
    chars: usize,
    /// Characters that they take however statements stand together: see [`least_chars`].
    least: usize,
    /// What they open, by [`weight`]; worked out where it is asked for.
    weight: Option<u128>,
}

impl Drafts {
    fn of(service: &str, list: Vec<Draft>) -> Drafts {
        Drafts { chars: list.iter().map(Draft::size).sum(), least: least_chars(service, &list), list, weight: None }
    }
}

/// A step of one service that could be taken.
#[derive(Clone)]
struct Candidate {
    step: Step,
    drafts: Drafts,
    /// What it opens more.
    price: u128,
}

/// A step of widening with what it replaced.
struct Taken {
    /// Index of the service.
    at: usize,
    before: (Step, Drafts),
    widened: Widened,
}

type Found = (Vec<Vec<Draft>>, Layout);

/// Brings statements within the limits. Of `options` the limits and the way of fitting hold: how wide statements are is
/// settled.
pub(crate) fn fit(ready: &Ready<'_>, options: &Options) -> Result<Fitted, FitError> {
    let limits = Limits::of(options);
    let found = |(policies, layout)| Fitted { policies, widened: Vec::new(), layout };
    let mut fitting = Fitting { services: ready.services.clone(), taken: Vec::new(), ready, limits };
    if options.fit == Fit::Widen
        && let Some(fitted) = fitting.widened(1)
    {
        return Ok(fitted);
    }
    fitting.as_asked();
    // What a person is to read stands in as few policies as can be.
    let fewest = if options.preset == Preset::People { 1 } else { fitting.limits.policies_max };
    if let Some(policies) = (fewest..=fitting.limits.policies_max).find_map(|policies| fitting.attempt(policies)) {
        return Ok(found(policies));
    }
    // One policy was tried already.
    let is_tried = options.fit == Fit::Widen && fitting.limits.policies_max == 1;
    let may_widen = options.fit != Fit::Exact && !is_tried;
    let widened = if may_widen { fitting.widened(fitting.limits.policies_max) } else { None };
    widened.ok_or_else(|| {
        fitting.as_asked();
        fitting.refusal()
    })
}

/// What is to fit, and the steps taken for it.
struct Fitting<'a> {
    services: Vec<Service<'a>>,
    taken: Vec<Taken>,
    ready: &'a Ready<'a>,
    limits: Limits,
}

impl<'a> Fitting<'a> {
    /// Opens reads until everything fits, those first that open least; what was opened in vain is taken back.
    fn widened(&mut self, policies_max: usize) -> Option<Fitted> {
        let mut found = self.attempt(policies_max);
        if found.is_none() {
            if self.ready.least_of_widest() > self.limits.size_max.saturating_mul(policies_max) {
                return None;
            }
            self.services.iter_mut().for_each(|service| service.look(self.ready.scope));
        }
        while found.is_none() {
            self.take_cheapest()?;
            found = self.attempt(policies_max);
        }
        let mut found = found?;
        self.take_back(policies_max, &mut found);
        let widened = std::mem::take(&mut self.taken).into_iter().map(|taken| taken.widened).collect();
        let (policies, layout) = found;
        Some(Fitted { policies, widened, layout })
    }

    fn take_cheapest(&mut self) -> Option<()> {
        let price = |service: &Service<'_>| service.next.as_ref().map(|next| (next.price, next.drafts.chars));
        let priced = self.services.iter().enumerate().filter_map(|(at, service)| Some((price(service)?, at)));
        let (_, at) = priced.min()?;
        let service = self.services.get_mut(at)?;
        let next = service.next.take()?;
        let widened = Widened {
            service: service.name.to_owned(),
            step: next.step.as_str(),
            chars_before: service.drafts.chars,
            chars_after: next.drafts.chars,
        };
        let before = (service.step, std::mem::replace(&mut service.drafts, next.drafts));
        service.step = next.step;
        service.look(self.ready.scope);
        self.taken.push(Taken { at, before, widened });
        Some(())
    }

    /// Undoes every step without which everything still fits, the dearest first. Only the last step of a service can be
    /// undone.
    fn take_back(&mut self, policies_max: usize, found: &mut Found) {
        for index in (0..self.taken.len()).rev() {
            let Some(at) = self.taken.get(index).map(|taken| taken.at) else { continue };
            if self.taken.iter().skip(index + 1).any(|later| later.at == at) {
                continue;
            }
            let taken = self.taken.remove(index);
            let Some(service) = self.services.get_mut(at) else { continue };
            let wider = (service.step, std::mem::replace(&mut service.drafts, taken.before.1.clone()));
            service.step = taken.before.0;
            // What is longer does not fit in a layout that what is shorter did not fit in.
            match self.attempt_from(found.1, policies_max) {
                Some(narrower) => *found = narrower,
                None => {
                    if let Some(service) = self.services.get_mut(at) {
                        (service.step, service.drafts) = wider;
                    }
                    self.taken.insert(index, taken);
                }
            }
        }
    }

    /// Undoes all.
    fn as_asked(&mut self) {
        while let Some(Taken { at, before, .. }) = self.taken.pop() {
            if let Some(service) = self.services.get_mut(at) {
                (service.step, service.drafts) = before;
            }
        }
    }

    /// The policies, if they keep to the limits.
    fn attempt(&self, policies_max: usize) -> Option<Found> {
        let first = match self.ready.scope.options.preset {
            Preset::Workload => Layout::ByService,
            Preset::People => Layout::Joined,
        };
        self.attempt_from(first, policies_max)
    }

    /// The same, in a layout or one behind it. Quick sums come first: cutting and naming cost more.
    fn attempt_from(&self, first: Layout, policies_max: usize) -> Option<Found> {
        let room = self.limits.size_max.saturating_mul(policies_max);
        if self.services.iter().map(|service| service.drafts.least).sum::<usize>() > room {
            return None;
        }
        Layout::ALL.into_iter().filter(|layout| *layout >= first).find_map(|layout| {
            let drafts = all(&self.services, layout);
            if drafts.iter().map(least_size).sum::<usize>() > room {
                return None;
            }
            let policies = split(&drafts, self.limits.size_max, layout).ok()?;
            (policies.len() <= policies_max).then_some((policies, layout))
        })
    }

    fn refusal(&self) -> FitError {
        let Limits { size_max, policies_max, name } = self.limits;
        let choices = Vec::new();
        match split(&all(&self.services, Layout::Terse), size_max, Layout::Terse) {
            Err(split::TooLarge { service, size }) => FitError::TooLarge { service, size, size_max, name, choices },
            Ok(policies) => FitError::TooMany { needed: policies.len(), size_max, policies_max, name, choices },
        }
    }
}

impl Service<'_> {
    /// Finds the next step that makes the statements shorter.
    fn look(&mut self, scope: &Scope<'_>) {
        let chars = self.drafts.chars;
        // What may not be opened is the same at every step.
        if !self.grants.iter().any(|(_, grant)| scope.may_open(&grant.action)) {
            self.next = None;
            return;
        }
        let steps = Step::ALL.into_iter().filter(|step| *step > self.step);
        let mut shorter = steps.filter_map(|step| {
            let drafts = Drafts::of(self.name, scope.drafts(self.name, &self.grants, step));
            (drafts.chars < chars).then_some((step, drafts))
        });
        let Some((step, mut drafts)) = shorter.next() else {
            self.next = None;
            return;
        };
        let before = match self.drafts.weight {
            Some(weight) => weight,
            None => self.weight(&self.drafts.list, scope),
        };
        let after = self.weight(&drafts.list, scope);
        (self.drafts.weight, drafts.weight) = (Some(before), Some(after));
        self.next = Some(Candidate { step, drafts, price: after.saturating_sub(before) });
    }

    /// What statements for this service open beyond what was used.
    fn weight(&self, drafts: &[Draft], scope: &Scope<'_>) -> u128 {
        weight(drafts, self.grants.iter().map(|(_, grant)| *grant), scope.knowledge)
    }
}

/// Characters that statements of a service take, however statements stand together: each of its actions stands somewhere,
/// and so does each resource. Only resources of the service's own kind are counted, for others may stand with another's.
fn least_chars(service: &str, drafts: &[Draft]) -> usize {
    let length = |texts: BTreeSet<&String>| texts.into_iter().map(|text| text.len() + 3).sum::<usize>();
    let own = |resource: &&String| resource.split(':').nth(2) == Some(service);
    let actions = drafts.iter().flat_map(|draft| &draft.actions).collect();
    let resources = drafts.iter().flat_map(|draft| &draft.resources).filter(own).collect();
    length(actions) + length(resources)
}

fn services<'a>(grants: &'a [Grant], scope: &Scope<'_>) -> Vec<Service<'a>> {
    let mut of_service: BTreeMap<&str, Vec<Numbered<'a>>> = BTreeMap::new();
    for (index, grant) in grants.iter().enumerate() {
        let service = grant.action.split(':').next().unwrap_or_default();
        of_service.entry(service).or_default().push((index, grant));
    }
    of_service
        .into_iter()
        .map(|(name, grants)| {
            let step = scope.first_step();
            let drafts = Drafts::of(name, scope.drafts(name, &grants, step));
            Service { name, grants, step, drafts, next: None }
        })
        .collect()
}

fn all(services: &[Service<'_>], layout: Layout) -> Vec<Draft> {
    let mut drafts: Vec<Draft> = services.iter().flat_map(|service| service.drafts.list.iter().cloned()).collect();
    drafts = together(drafts, layout);
    if layout >= Layout::Merged {
        drafts = merged(drafts);
    }
    let first = |draft: &Draft| draft.resources.first().cloned();
    drafts.sort_by(|a, b| {
        let (x, y) = ((&a.service, a.class, first(a)), (&b.service, b.class, first(b)));
        x.cmp(&y).then_with(|| a.cmp(b))
    });
    drafts
}

/// Whole services stand together in one statement: there is nothing to read about each. If the layout wants it, so does
/// everything else that has the resource `*`, reading and writing apart.
fn together(drafts: Vec<Draft>, layout: Layout) -> Vec<Draft> {
    let (mut apart, mut joined) = (Vec::new(), BTreeMap::<(bool, Class, Conditions), Draft>::new());
    for draft in drafts {
        let is_whole = draft.actions.len() == 1 && draft.actions.iter().all(|action| action.ends_with(":*"));
        let is_open = draft.resources.len() == 1 && draft.resources.contains("*");
        let is_joined = is_whole || is_open && layout >= Layout::Joined;
        if !is_joined {
            apart.push(draft);
            continue;
        }
        let class = if is_whole { Class::Write } else { draft.class };
        match joined.get_mut(&(is_whole, class, draft.conditions.clone())) {
            Some(first) => first.take_in(draft),
            None => {
                joined.insert((is_whole, class, draft.conditions.clone()), draft);
            }
        }
    }
    apart.extend(joined.into_values());
    apart
}

/// Statements of the same conditions and resources are one, then those of the same conditions and actions. What they
/// allow together stays the same.
fn merged(drafts: Vec<Draft>) -> Vec<Draft> {
    let mut by_resources: BTreeMap<(Conditions, BTreeSet<String>), Draft> = BTreeMap::new();
    for draft in drafts {
        match by_resources.get_mut(&(draft.conditions.clone(), draft.resources.clone())) {
            Some(first) => first.take_in(draft),
            None => {
                by_resources.insert((draft.conditions.clone(), draft.resources.clone()), draft);
            }
        }
    }
    let mut by_actions: BTreeMap<(Conditions, BTreeSet<String>), Draft> = BTreeMap::new();
    for draft in by_resources.into_values() {
        match by_actions.get_mut(&(draft.conditions.clone(), draft.actions.clone())) {
            Some(first) => first.take_in(draft),
            None => {
                by_actions.insert((draft.conditions.clone(), draft.actions.clone()), draft);
            }
        }
    }
    by_actions.into_values().collect()
}

impl Draft {
    /// Adds what another statement of the same conditions, and the same actions or resources, allows.
    fn take_in(&mut self, other: Draft) {
        if self.service != other.service {
            self.service = SERVICES.to_owned();
        }
        self.class = self.class.max(other.class);
        self.actions.extend(other.actions);
        self.resources.extend(other.resources);
        self.grants.extend(other.grants);
    }
}

/// Less than the statement can possibly take: `Draft::size` counts a comma behind every list, and an operator again for
/// each of its keys.
fn least_size(draft: &Draft) -> usize {
    let conditions = &draft.conditions;
    let own = conditions.own.keys().map(|(operator, _)| operator.len() + 12);
    // What usage tells may stand in place of what is carried.
    let carried = conditions.carried.conditions.iter().map(|(op, key, values)| {
        op.len() + key.len() + 28 + values.iter().map(|value| 2 * value.len() + 4).sum::<usize>()
    });
    let operators = own.sum::<usize>() + carried.sum::<usize>();
    draft.size().saturating_sub(16 + operators)
}
