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
pub mod plan;
pub mod queue_urls;
pub mod selection;
pub mod typed_names;

use crate::iam::catalog::{Action, Catalog};
use crate::iam::request::Request;
use plan::Plan;
use selection::Selection;

/// The resources of one action; `*` where it takes none or none is known.
pub(in crate::iam) fn resources(catalog: &Catalog, action: &Action, request: &Request<'_>) -> Vec<String> {
    let plan = Plan::of(catalog, action);
    if plan.types.is_empty() {
        return vec!["*".to_owned()];
    }
    let mut found = Selection::new(plan, request).resources();
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
