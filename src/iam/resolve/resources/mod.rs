//! Which resources an action was taken on: what the record names, and ARN patterns filled from what the request says.
//!
//! For each resource type that the action takes, the first of these that finds something:
//!
//! 1. ARNs in the record's `resources` that have the type's form.
//! 2. ARNs in the request's parameters that have it: those under the type's own names, if some are. Those that stand
//!    elsewhere (the destination in a bucket's replication) only if the request doesn't name one by its name.
//! 3. ARNs in the response whose last name the request gave: what a call made under a name of the caller's choice.
//! 4. Where the request tells the type of what it names (`resourceType` beside `resourceId`), the pattern of that type
//!    filled with that name, and of no other.
//! 5. The type's ARN pattern filled from the request, in the account that it names as the owner's. What the resource is
//!    in may be told by the response: the file system of a volume. A variable that nobody tells becomes `*` in its
//!    place. What a service numbers itself (instance ids) stays `*` too: IAM asks for `instance/*` before the instance
//!    is there. Copies and restores are on what is copied and on what it becomes.
//! 6. For IAM's operations on a user whom the request doesn't name, the calling user.
//! 7. For a type that the action requires, the pattern with `*` for every variable.
//! 8. Where nothing is found, the type of which an account has one only.
//!
//! Every name from a record is escaped, so that it means itself and nothing more. A call that failed and told a name that is
//! none (an empty one, two names in one) is on `NO_NAME` there, which policies do not grant; where the call worked, AWS
//! took an empty name for one that was left out. `null` is left out too: Smithy, "AWS JSON 1.1 protocol", null values.

pub mod by_resource_type;
pub mod fill;
pub mod from_response;
pub mod parameter_fallbacks;
pub mod parameter_names;
pub mod plan;
pub mod queue_urls;
pub mod typed_names;
pub mod variable;

use crate::iam::arn::{Arn, RegionAccount, is_account_id, is_plain};
use crate::iam::catalog::{Action, Catalog};
use crate::iam::request::Request;
use by_resource_type::{ResourcesOfType, of_type};
use fill::fill;
use plan::{Plan, TypePlan};
use typed_names::told;
use variable::cut;

/// The resources of one action; `*` where it takes none or none is known.
pub(in crate::iam) fn resources(catalog: &Catalog, action: &Action, request: &Request<'_>) -> Vec<String> {
    let plan = Plan::of(catalog, action);
    if plan.types.is_empty() {
        return vec!["*".to_owned()];
    }
    let mut found = of_types(plan, request);
    if found.is_empty() {
        return vec!["*".to_owned()];
    }
    if let Some(reached_through) = plan.rules.reached_through {
        found = reached_through(found, &|arn| plan.takes(arn), request);
    }
    let mut written: Vec<String> = match plan.rules.policy_arns {
        Some(policy_arns) => found.into_iter().flat_map(|arn| policy_arns(&action.name, arn, request)).collect(),
        None => found,
    };
    written.sort_unstable();
    written.dedup();
    if written.is_empty() {
        written.push("*".to_owned());
    }
    written
}

/// The resources of all types of a plan.
fn of_types(plan: &Plan, request: &Request<'_>) -> Vec<String> {
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
    // Types that share a variable (an object's key) are told apart by the ones that only one of them has.
    let some_whole = by_type.iter().any(|of_type| of_type.is_whole && !of_type.arns.is_empty());
    // What an action may do without is left out where the request names what it is in, and not itself: queues of an
    // instance in which something else is made.
    let some_required = types.iter().any(|kind| kind.is_required);
    let is_met = |kind: &TypePlan, of_type: &ResourcesOfType| {
        let is_wanted = kind.is_required || !some_required || of_type.is_whole || of_type.is_told(kind);
        let is_named = some_required && !plan.is_of_any && !kind.is_required && of_type.is_named(kind);
        let is_sure = of_type.is_whole || !some_whole || is_named;
        !of_type.arns.is_empty() && is_wanted && is_sure
    };
    let all_met: Vec<(&TypePlan, &ResourcesOfType)> =
        types.iter().zip(&by_type).filter(|(kind, of_type)| is_met(kind, of_type)).collect();
    let (mut found, mut met) = (Vec::new(), Vec::new());
    for (kind, of_type) in types.iter().zip(&by_type) {
        let closer: Vec<&ResourcesOfType> =
            all_met.iter().filter(|(other, _)| other.is_closer_than(kind)).map(|(_, of_type)| *of_type).collect();
        if is_met(kind, of_type) && (kind.is_required || closer.is_empty()) {
            met.push(kind.name.as_str());
            let is_within = |arn: &&String| plan.rules.closer_suffices && closer.iter().any(|c| c.is_within(arn));
            found.extend(of_type.arns.iter().filter(|arn| !is_within(arn)).cloned());
        }
        // What it is in is asked for too, if the call is on both: the store of the versions that it deletes.
        let inner: Vec<(&TypePlan, &ResourcesOfType)> =
            all_met.iter().filter(|(other, of)| !of.is_by_arn && other.is_within_one_of(kind)).copied().collect();
        if kind.is_required && of_type.arns.is_empty() && !inner.is_empty() {
            found.extend(outer(kind, &inner, kind.place(request, place)));
        }
        // One of a family of types stands for all; what is told more closely is told.
        if all_met.iter().any(|(other, _)| other.is_like(kind)) || of_type.arns.is_empty() && !closer.is_empty() {
            met.push(&kind.name);
        }
        if all_met.iter().any(|(other, _)| kind.is_alternative_to(other)) {
            met.push(&kind.name);
        }
        // What an ARN of one type says another doesn't say again, if the call doesn't make that.
        if !kind.is_made && all_met.iter().any(|(other, of_type)| of_type.is_by_arn && kind.holds_all_of(other)) {
            met.push(&kind.name);
        }
    }
    if found.is_empty() && plan.is_on_caller {
        found.extend(request.calling_user());
        met.extend(types.iter().filter(|_| !found.is_empty()).map(|kind| kind.name.as_str()));
    }
    if found.is_empty() {
        // What is named by a name, while its ARN has an id, is any of its type.
        for kind in types.iter().filter(|kind| kind.is_named_otherwise(request)) {
            found.push(any_of(kind, request, kind.place(request, place)));
            met.push(&kind.name);
        }
    }
    let is_about_one = types.iter().zip(&by_type).any(|(kind, of_type)| kind.is_required && of_type.is_resource);
    let is_enough = !found.is_empty() && (plan.is_of_any || told.is_some() || is_about_one);
    let is_asked_for =
        |kind: &TypePlan| kind.is_required && (!is_enough || kind.is_made && (kind.is_said || !is_about_one));
    for (kind, of_type) in types.iter().zip(&by_type).filter(|(kind, _)| is_asked_for(kind)) {
        if !met.contains(&kind.name.as_str()) {
            met.push(&kind.name);
            found.extend(of_type.arns.iter().cloned());
            found.extend(of_type.arns.is_empty().then(|| around(kind, &all_met, request, kind.place(request, place))));
        }
    }
    // What a record that is called `arn` is of: the response plan of an incident.
    if is_about_one && is_enough && !plan.is_of_any && told.is_none() {
        for kind in types.iter().filter(|kind| kind.is_required && !met.contains(&kind.name.as_str())) {
            let given: Vec<(&TypePlan, &ResourcesOfType)> =
                all_met.iter().filter(|(_, of_type)| of_type.is_by_arn && of_type.arns.len() == 1).copied().collect();
            found.extend(outer(kind, &given, kind.place(request, place)));
        }
    }
    if found.is_empty() {
        let single = plan.single.and_then(|at| types.get(at));
        found.extend(single.map(|kind| any_of(kind, request, place)));
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// The outer resource of one whose ARN says it: the service of a deployment. If none does, any.
fn around(
    kind: &TypePlan,
    given: &[(&TypePlan, &ResourcesOfType)],
    request: &Request<'_>,
    place: RegionAccount<'_>,
) -> String {
    let by_arn: Vec<(&TypePlan, &ResourcesOfType)> =
        given.iter().filter(|(_, of_type)| of_type.is_by_arn && of_type.arns.len() == 1).copied().collect();
    outer(kind, &by_arn, place).unwrap_or_else(|| any_of(kind, request, place))
}

/// The outer resource of one whose ARN says it.
fn outer(kind: &TypePlan, given: &[(&TypePlan, &ResourcesOfType)], place: RegionAccount<'_>) -> Option<String> {
    let of = |(inner, of_type): &(&TypePlan, &ResourcesOfType)| {
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
