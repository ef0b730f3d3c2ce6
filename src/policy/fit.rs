//! Keeping to AWS's limits: split, or widened step by step with a list of what was widened.
//!
//! Before anything is widened, what several services do on `*` is put together into one statement: that costs a reader
//! more and grants nothing more. And what was widened in vain, because a later step saved more, is taken back.

use std::collections::{BTreeMap, BTreeSet};

use super::condition::Conditions;
use super::excess::excess;
use super::knowledge::Class;
use super::limits::Limits;
use super::options::{Fit, Options};
use super::sift::Grant;
use super::split::{self, split};
use super::statement::Draft;
use super::widen::{Numbered, Scope, Step};

/// One step of widening that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Widened {
    /// Service prefix.
    pub service: String,
    /// What was done.
    pub step: &'static str,
    /// Characters of the service's statements before.
    pub chars_before: usize,
    /// And after.
    pub chars_after: usize,
    /// Excess pairs of action and resource before, of this service.
    pub excess_before: usize,
    /// And after.
    pub excess_after: usize,
}

/// The statements cannot be brought within the limits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FitError {
    /// More policies than can be attached, and widening is not allowed.
    #[error(
        "the statements need {needed} policies of {size_max} characters, and {name} may be {policies_max}\n\
         hint: allow widening (leave out `--fit exact`), ask for a coarser --granularity, or raise --max-policies (AWS attaches \
         up to 20 managed policies on request)"
    )]
    TooMany { needed: usize, size_max: usize, policies_max: usize, name: &'static str },
    /// One statement that cannot be cut is too large.
    #[error(
        "a statement about {service} has {size} characters, and {name} may have {size_max}\n\
         hint: raise --max-size, or ask for a coarser --granularity"
    )]
    TooLarge { service: String, size: usize, size_max: usize, name: &'static str },
    /// Everything was widened as far as it goes.
    #[error(
        "even widened as far as it goes the statements need {needed} policies of {size_max} characters, and {name} may be \
         {policies_max}\nhint: select fewer principals, or raise --max-policies"
    )]
    Exhausted { needed: usize, size_max: usize, policies_max: usize, name: &'static str },
}

/// Statements within the limits, one list a policy, and what was widened for it.
#[derive(Debug)]
pub(crate) struct Fitted {
    pub(crate) policies: Vec<Vec<Draft>>,
    pub(crate) widened: Vec<Widened>,
    /// Statements of several services were joined.
    pub(crate) joined: bool,
}

/// How statements of several services stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// Each service has its own, but for whole services.
    ByService,
    /// What has the resource `*` stands together.
    Joined,
}

/// Stands for the service of a statement about several; no prefix is empty, so it comes first.
const SERVICES: &str = "";

/// One service: its grants, how wide they are, and the statements that come of it.
#[derive(Clone)]
struct Service<'a> {
    name: &'a str,
    grants: Vec<Numbered<'a>>,
    drafts: Vec<Draft>,
}

/// Makes statements of all grants, within the limits.
pub(crate) fn fit(grants: &[Grant], scope: &Scope<'_>, options: &Options) -> Result<Fitted, FitError> {
    let limits = Limits::of(options);
    let policies_max = if options.fit == Fit::Widen { 1 } else { limits.policies_max };
    let mut services = services(grants, scope);
    if let Some((policies, layout)) = attempt(&services, &limits, policies_max) {
        return Ok(Fitted { policies, widened: Vec::new(), joined: layout == Layout::Joined });
    }
    if options.fit == Fit::Exact {
        return Err(refusal(&services, &limits, policies_max, false));
    }
    let mut taken = Vec::new();
    for step in Step::ALL.into_iter().skip(1) {
        for at in largest_first(&services) {
            let Some(service) = services.get_mut(at) else { continue };
            let Some((widened, narrower)) = widen(service, grants, scope, step) else { continue };
            taken.push(Taken { at, step, widened, narrower });
            if let Some(found) = attempt(&services, &limits, policies_max) {
                let fitting = Fitting { services, taken, found, limits, policies_max };
                let Fitting { taken, found: (policies, layout), .. } = fitting.narrowed(grants, scope);
                let widened = taken.into_iter().map(|taken| taken.widened).collect();
                return Ok(Fitted { policies, widened, joined: layout == Layout::Joined });
            }
        }
    }
    Err(refusal(&services, &limits, policies_max, true))
}

/// A step of widening with what it replaced.
#[derive(Clone)]
struct Taken {
    /// Index of the service.
    at: usize,
    step: Step,
    widened: Widened,
    narrower: Vec<Draft>,
}

type Found = (Vec<Vec<Draft>>, Layout);

/// What fits, and the steps that led to it.
#[derive(Clone)]
struct Fitting<'a> {
    services: Vec<Service<'a>>,
    taken: Vec<Taken>,
    found: Found,
    limits: Limits,
    policies_max: usize,
}

impl Fitting<'_> {
    /// Without what was widened in vain. Room that one service gives back another one takes, so the order matters; the
    /// better of two is taken.
    fn narrowed(self, grants: &[Grant], scope: &Scope<'_>) -> Self {
        let (mut first, mut second) = (self.clone(), self);
        first.take_back();
        first.spell_out(grants, scope);
        second.spell_out(grants, scope);
        second.take_back();
        let beyond = |fitting: &Self| {
            let excess = excess(fitting.found.0.iter().flatten(), grants, scope.knowledge);
            (excess.unused, excess.total())
        };
        if beyond(&second) < beyond(&first) { second } else { first }
    }

    /// Takes other statements for a service if everything fits with them; gives back those that are not taken.
    fn replace(&mut self, at: usize, drafts: Vec<Draft>) -> Result<(), Vec<Draft>> {
        let Some(service) = self.services.get_mut(at) else { return Err(drafts) };
        let before = std::mem::replace(&mut service.drafts, drafts);
        match attempt(&self.services, &self.limits, self.policies_max) {
            Some(found) => {
                self.found = found;
                Ok(())
            }
            None => match self.services.get_mut(at) {
                Some(service) => Err(std::mem::replace(&mut service.drafts, before)),
                None => Err(before),
            },
        }
    }

    /// Undoes every step without which everything still fits, the widest first. Only the last step of a service can be
    /// undone.
    fn take_back(&mut self) {
        // Without the very last one it did not fit.
        for index in (0..self.taken.len().saturating_sub(1)).rev() {
            let is_last = |step: &Taken| self.taken.iter().skip(index + 1).all(|later| later.at != step.at);
            if !self.taken.get(index).is_some_and(is_last) {
                continue;
            }
            let mut step = self.taken.remove(index);
            if let Err(narrower) = self.replace(step.at, std::mem::take(&mut step.narrower)) {
                step.narrower = narrower;
                self.taken.insert(index, step);
            }
        }
    }

    /// Writes actions out again where the step after it, by leaving resources open, made room for them.
    fn spell_out(&mut self, grants: &[Grant], scope: &Scope<'_>) {
        for at in 0..self.services.len() {
            let mut of_service =
                (0..self.taken.len()).rev().filter(|index| self.step(*index).is_some_and(|s| s.0 == at));
            let (Some(last), Some(collapsed)) = (of_service.next(), of_service.next()) else { continue };
            let Some((_, step)) = self.step(last).filter(|(_, step)| *step < Step::Service) else { continue };
            let Some(service) = self.services.get(at).filter(|_| self.step(collapsed) == Some((at, Step::Collapsed)))
            else {
                continue;
            };
            let drafts = scope.drafts_with(service.name, &service.grants, step, false);
            let (chars_after, excess_after) = (size(&drafts), service.excess(&drafts, grants, scope));
            if self.replace(at, drafts).is_err() {
                continue;
            }
            let undone = self.taken.remove(collapsed);
            if let Some(taken) = self.taken.get_mut(last - 1) {
                let Widened { chars_before, excess_before, .. } = undone.widened;
                let widened = taken.widened.clone();
                taken.widened = Widened { chars_before, excess_before, chars_after, excess_after, ..widened };
                taken.narrower = undone.narrower;
            }
        }
    }

    /// The service and what was done.
    fn step(&self, index: usize) -> Option<(usize, Step)> {
        self.taken.get(index).map(|taken| (taken.at, taken.step))
    }
}

impl Service<'_> {
    /// Excess pairs of statements for this service.
    fn excess(&self, drafts: &[Draft], grants: &[Grant], scope: &Scope<'_>) -> usize {
        let of_service: Vec<Grant> = self.grants.iter().filter_map(|(index, _)| grants.get(*index)).cloned().collect();
        excess(drafts, &of_service, scope.knowledge).total()
    }
}

fn size(drafts: &[Draft]) -> usize {
    drafts.iter().map(Draft::size).sum()
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
            let drafts = scope.drafts(name, &grants, Step::Asked);
            Service { name, grants, drafts }
        })
        .collect()
}

/// Takes a step if it makes the service's statements shorter.
/// Says what it did, with what the statements were before.
fn widen(service: &mut Service<'_>, grants: &[Grant], scope: &Scope<'_>, step: Step) -> Option<(Widened, Vec<Draft>)> {
    let drafts = scope.drafts(service.name, &service.grants, step);
    let (chars_before, chars_after) = (size(&service.drafts), size(&drafts));
    if chars_after >= chars_before {
        return None;
    }
    let widened = Widened {
        service: service.name.to_owned(),
        step: step.as_str(),
        chars_before,
        chars_after,
        excess_before: service.excess(&service.drafts, grants, scope),
        excess_after: service.excess(&drafts, grants, scope),
    };
    Some((widened, std::mem::replace(&mut service.drafts, drafts)))
}

fn largest_first(services: &[Service<'_>]) -> Vec<usize> {
    let mut order: Vec<(usize, usize)> =
        services.iter().enumerate().map(|(at, service)| (size(&service.drafts), at)).collect();
    order.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    order.into_iter().map(|(_, at)| at).collect()
}

fn all(services: &[Service<'_>], layout: Layout) -> Vec<Draft> {
    let mut drafts: Vec<Draft> = services.iter().flat_map(|service| service.drafts.iter().cloned()).collect();
    drafts = together(drafts, layout);
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
        let is_joined = is_whole || is_open && layout == Layout::Joined;
        if !is_joined {
            apart.push(draft);
            continue;
        }
        let class = if is_whole { Class::Write } else { draft.class };
        match joined.get_mut(&(is_whole, class, draft.conditions.clone())) {
            Some(first) => {
                first.service = SERVICES.to_owned();
                first.actions.extend(draft.actions);
                first.grants.extend(draft.grants);
            }
            None => {
                joined.insert((is_whole, class, draft.conditions.clone()), draft);
            }
        }
    }
    apart.extend(joined.into_values());
    apart
}

/// The policies, if they keep to the limits. Quick sums come first: cutting and naming cost more.
fn attempt(services: &[Service<'_>], limits: &Limits, policies_max: usize) -> Option<Found> {
    let room = limits.size_max.saturating_mul(policies_max);
    let least: usize = services.iter().flat_map(|s| &s.drafts).map(least_shared).sum();
    if least > room {
        return None;
    }
    [Layout::ByService, Layout::Joined].into_iter().find_map(|layout| {
        let drafts = all(services, layout);
        if drafts.iter().map(least_size).sum::<usize>() > room {
            return None;
        }
        let policies = split(&drafts, limits.size_max).ok()?;
        (policies.len() <= policies_max).then_some((policies, layout))
    })
}

/// Less than the statement can possibly take, also if it stands together with others.
fn least_shared(draft: &Draft) -> usize {
    let texts = |set: &BTreeSet<String>| set.iter().map(String::len).filter(|length| *length > 1).sum::<usize>();
    texts(&draft.actions) + texts(&draft.resources)
}

/// Less than the statement can possibly take: `Draft::size` counts a comma behind every list, and an operator again for
/// each of its keys.
fn least_size(draft: &Draft) -> usize {
    let operators: usize = draft.conditions.keys().map(|(operator, _)| operator.len() + 12).sum();
    draft.size().saturating_sub(16 + operators)
}

fn refusal(services: &[Service<'_>], limits: &Limits, policies_max: usize, exhausted: bool) -> FitError {
    let (size_max, name) = (limits.size_max, limits.name);
    match split(&all(services, Layout::Joined), size_max) {
        Err(split::TooLarge { service, size }) => FitError::TooLarge { service, size, size_max, name },
        Ok(policies) if exhausted => FitError::Exhausted { needed: policies.len(), size_max, policies_max, name },
        Ok(policies) => FitError::TooMany { needed: policies.len(), size_max, policies_max, name },
    }
}
