//! On which of an action's resource types a call is: what was found for each is weighed against what was found for the
//! others.

use crate::iam::arn::{Arn, RegionAccount, is_account_id, is_plain};
use crate::iam::request::Request;
use crate::iam::resolve::resources::by_resource_type::{ResourcesOfType, of_type};
use crate::iam::resolve::resources::fill::fill;
use crate::iam::resolve::resources::plan::Plan;
use crate::iam::resolve::resources::plan::resource_type::TypePlan;
use crate::iam::resolve::resources::plan::variable::cut;
use crate::iam::resolve::resources::typed_names::told;

/// What was found for each of an action's types.
pub(in crate::iam) struct Selection<'r, 'a> {
    plan: &'r Plan,
    request: &'r Request<'a>,
    place: RegionAccount<'a>,
    by_type: Vec<ResourcesOfType>,
    /// Whether the request tells the type of what it names.
    is_told: bool,
    /// Whether something was found of which nothing is left open.
    some_whole: bool,
    /// Whether the action requires one of its types.
    some_required: bool,
}

/// A type, and what was found for it.
type Found<'s> = (&'s TypePlan, &'s ResourcesOfType);

/// The resources chosen so far, and the names of the types that have theirs.
#[derive(Default)]
struct Chosen<'s> {
    arns: Vec<String>,
    met: Vec<&'s str>,
}

impl<'r, 'a> Selection<'r, 'a> {
    pub fn new(plan: &'r Plan, request: &'r Request<'a>) -> Selection<'r, 'a> {
        let types = &plan.types;
        let place = plan.place(request);
        let told = if types.len() > 1 { told(request, types) } else { None };
        let mut by_type: Vec<ResourcesOfType> =
            types.iter().map(|kind| of_type(kind, request, kind.place(request, place), told.as_ref())).collect();
        for at in needless(types, &by_type) {
            if let Some(of_type) = by_type.get_mut(at) {
                of_type.arns.clear();
            }
        }
        Selection {
            plan,
            request,
            place,
            is_told: told.is_some(),
            some_whole: by_type.iter().any(|of_type| of_type.is_whole && !of_type.arns.is_empty()),
            some_required: types.iter().any(|kind| kind.is_required),
            by_type,
        }
    }

    /// The resources of all types, sorted, each once.
    pub fn resources(&self) -> Vec<String> {
        let all_met: Vec<Found<'_>> = self.found().filter(|(kind, of_type)| self.is_met(kind, of_type)).collect();
        let mut chosen = Chosen::default();
        self.found().for_each(|found| self.choose(found, &all_met, &mut chosen));
        if chosen.arns.is_empty() && self.plan.is_on_caller {
            chosen.arns.extend(self.request.calling_user());
            chosen
                .met
                .extend(self.plan.types.iter().filter(|_| !chosen.arns.is_empty()).map(|kind| kind.name.as_str()));
        }
        if chosen.arns.is_empty() {
            self.choose_named_otherwise(&mut chosen);
        }
        self.choose_required(&all_met, &mut chosen);
        if chosen.arns.is_empty() {
            let single = self.plan.single.and_then(|at| self.plan.types.get(at));
            chosen.arns.extend(single.map(|kind| any_of(kind, self.request, self.place)));
        }
        chosen.arns.sort_unstable();
        chosen.arns.dedup();
        chosen.arns
    }

    fn found(&self) -> impl Iterator<Item = Found<'_>> {
        self.plan.types.iter().zip(&self.by_type)
    }

    fn place_of(&self, kind: &TypePlan) -> RegionAccount<'a> {
        kind.place(self.request, self.place)
    }

    /// Whether the call is on what was found for a type.
    ///
    /// Types that share a variable (an object's key) are told apart by the ones that only one of them has. What an
    /// action may do without is left out where the request names what it is in, and not itself: queues of an instance
    /// in which something else is made.
    fn is_met(&self, kind: &TypePlan, of_type: &ResourcesOfType) -> bool {
        let is_wanted = kind.is_required || !self.some_required || of_type.is_whole || of_type.is_told(kind);
        let is_named = self.some_required && !self.plan.is_of_any && !kind.is_required && of_type.is_named(kind);
        let knows_more = || knows_more(kind, of_type, &self.plan.types, &self.by_type);
        let is_sure = of_type.is_whole || !self.some_whole || is_named || knows_more();
        !of_type.arns.is_empty() && is_wanted && is_sure
    }

    /// Chooses what was found for one type, if the call is on it, and says which types need nothing more.
    fn choose<'s>(&'s self, (kind, of_type): Found<'s>, all_met: &[Found<'s>], chosen: &mut Chosen<'s>) {
        let closer: Vec<&ResourcesOfType> =
            all_met.iter().filter(|(other, _)| other.is_closer_than(kind)).map(|(_, of_type)| *of_type).collect();
        if self.is_met(kind, of_type) && (kind.is_required || closer.is_empty()) {
            chosen.met.push(kind.name.as_str());
            let suffices = self.plan.rules.closer_suffices;
            let is_within = |arn: &&String| suffices && closer.iter().any(|closer| closer.is_within(arn));
            chosen.arns.extend(of_type.arns.iter().filter(|arn| !is_within(arn)).cloned());
        }
        // What it is in is asked for too, if the call is on both: the store of the versions that it deletes.
        let inner: Vec<Found<'_>> =
            all_met.iter().filter(|(other, of)| !of.is_by_arn && other.is_within_one_of(kind)).copied().collect();
        if kind.is_required && of_type.arns.is_empty() && !inner.is_empty() {
            let place = self.place_of(kind);
            // What the action may do without doesn't stand for what it requires: a session for its workgroup.
            let is_optional = inner.iter().all(|(other, _)| !other.is_required);
            let any = || is_optional.then(|| any_of(kind, self.request, place));
            chosen.arns.extend(outer(kind, &inner, place).or_else(any));
        }
        let is_said_by = |(other, of_other): &Found<'_>| {
            // One of a family of types stands for all. What an ARN of one type says another doesn't say again, if the
            // call doesn't make that.
            let is_said_by_arn = !kind.is_made && of_other.is_by_arn && kind.holds_all_of(other);
            other.is_like(kind) || kind.is_alternative_to(other) || is_said_by_arn
        };
        // What is told more closely is told.
        if all_met.iter().any(is_said_by) || of_type.arns.is_empty() && !closer.is_empty() {
            chosen.met.push(&kind.name);
        }
    }

    /// What is named by a name, while its ARN has an id, is any of its type.
    fn choose_named_otherwise<'s>(&'s self, chosen: &mut Chosen<'s>) {
        for kind in self.plan.types.iter().filter(|kind| kind.is_named_otherwise(self.request)) {
            chosen.arns.push(any_of(kind, self.request, self.place_of(kind)));
            chosen.met.push(&kind.name);
        }
    }

    /// Chooses something for each type that the action requires and that has nothing yet.
    fn choose_required<'s>(&'s self, all_met: &[Found<'s>], chosen: &mut Chosen<'s>) {
        let is_about_one = self.found().any(|(kind, of_type)| kind.is_required && of_type.is_resource);
        let is_enough = !chosen.arns.is_empty() && (self.plan.is_of_any || self.is_told || is_about_one);
        let is_asked_for =
            |kind: &TypePlan| kind.is_required && (!is_enough || kind.is_made && (kind.is_said || !is_about_one));
        for (kind, of_type) in self.found().filter(|(kind, _)| is_asked_for(kind)) {
            if !chosen.met.contains(&kind.name.as_str()) {
                chosen.met.push(&kind.name);
                chosen.arns.extend(of_type.arns.iter().cloned());
                let is_open = of_type.arns.is_empty();
                chosen.arns.extend(is_open.then(|| around(kind, all_met, self.request, self.place_of(kind))));
            }
        }
        // What a record that is called `arn` is of: the response plan of an incident.
        if is_about_one && is_enough && !self.plan.is_of_any && !self.is_told {
            let required = self.plan.types.iter().filter(|kind| kind.is_required);
            for kind in required.filter(|kind| !chosen.met.contains(&kind.name.as_str())) {
                let given: Vec<Found<'_>> =
                    all_met.iter().filter(|(_, of)| of.is_by_arn && of.arns.len() == 1).copied().collect();
                chosen.arns.extend(outer(kind, &given, self.place_of(kind)));
            }
        }
    }
}

/// The outer resource of one whose ARN says it: the service of a deployment. If none does, any.
fn around(kind: &TypePlan, given: &[Found<'_>], request: &Request<'_>, place: RegionAccount<'_>) -> String {
    let by_arn: Vec<Found<'_>> =
        given.iter().filter(|(_, of_type)| of_type.is_by_arn && of_type.arns.len() == 1).copied().collect();
    outer(kind, &by_arn, place).unwrap_or_else(|| any_of(kind, request, place))
}

/// The outer resource of one whose ARN says it.
fn outer(kind: &TypePlan, given: &[Found<'_>], place: RegionAccount<'_>) -> Option<String> {
    let of = |(inner, of_type): &Found<'_>| {
        let arn = of_type.arns.first()?;
        let parts = Arn::parse(arn).filter(|_| inner.holds_all_of(kind))?;
        let at = |name: &String| inner.form.variables.iter().position(|own| own == name);
        let values: Option<Vec<&str>> = kind.form.variables.iter().map(|v| cut(&inner.form, at(v)?, arn)).collect();
        let is_there = is_plain(parts.region) && is_account_id(parts.account);
        let there = RegionAccount { aws_region: Some(parts.region), account_id: Some(parts.account) };
        let values = values.filter(|values| !values.iter().any(|value| value.contains(['*', '?'])))?;
        Some(fill(&kind.form, if is_there { there } else { place }, |at| values.get(at).copied()))
    };
    given.iter().find_map(of)
}

/// A type's form with nothing in it but what is meant where the request says nothing.
fn any_of(kind: &TypePlan, request: &Request<'_>, place: RegionAccount<'_>) -> String {
    fill(&kind.form, place, |at| kind.variables.get(at)?.left_out(request))
}

/// Whether something is known by its own name, if not what it is in, and all that is known of another type besides: a
/// session of some app, `application/${ApplicationId}/qapp/${AppId}/session/${SessionId}`, beside the application.
fn knows_more(kind: &TypePlan, of_type: &ResourcesOfType, types: &[TypePlan], by_type: &[ResourcesOfType]) -> bool {
    let known = of_type.known(kind);
    let is_named = kind.form.variables.last().is_some_and(|last| known.contains(&last.as_str()));
    let is_less = |(other, of_other): Found<'_>| {
        of_other.is_whole
            && !of_other.arns.is_empty()
            && kind.holds_all_of(other)
            && other.form.variables.iter().all(|name| known.contains(&name.as_str()))
            && kind.form.variables.last() != other.form.variables.last()
    };
    is_named && types.iter().zip(by_type).any(is_less)
}

/// Places of types that say nothing beside others: those of a family one of which was given by its ARN, and where
/// nothing is whole those that the action may do without and of which less is known.
fn needless(types: &[TypePlan], by_type: &[ResourcesOfType]) -> Vec<usize> {
    let all = || types.iter().zip(by_type).filter(|(_, of_type)| !of_type.arns.is_empty());
    let some_whole = all().any(|(_, of_type)| of_type.is_whole);
    let is_needless = |kind: &TypePlan, of_type: &ResourcesOfType| {
        let is_like_given = all().any(|(other, of_other)| of_other.is_by_arn && other.is_like(kind));
        let is_less = |other: &TypePlan, of_other: &ResourcesOfType| {
            let known = of_other.known(other);
            known.len() > of_type.known(kind).len() && of_type.known(kind).iter().all(|name| known.contains(name))
        };
        let knows_less = !some_whole && !kind.is_required && all().any(|(other, of_other)| is_less(other, of_other));
        let is_lesser_variant =
            all().any(|(other, of_other)| kind.is_variant_of(other) && of_other.rank() > of_type.rank());
        is_lesser_variant || !of_type.is_by_arn && (is_like_given || knows_less)
    };
    let places = types.iter().zip(by_type).enumerate();
    places.filter(|(_, (kind, of_type))| is_needless(kind, of_type)).map(|(at, _)| at).collect()
}
