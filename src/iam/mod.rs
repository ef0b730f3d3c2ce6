//! Knowing IAM: actions, resource types, operations; event → permissions; ARNs; the policy grammar and its evaluation.
//!
//! * `catalog`: services, actions and resource types, out of `tables/catalogue.txt` (written by `generate/`).
//! * `overrides`: hand-written rules, `tables/overrides.txt`.
//! * `step`: an event → the permissions that it took. A wrong action for an event is mended in the overrides, or in
//!   `special` where it depends on what the request carries.
//! * `denial`: what a denial's message states.
//! * `flat`, `params`, `response`, `form`: what a request says, what came back, and the ARN forms that they fill.
//! * `sight`: what the rules look at in a request, by which the step remembers.
//! * `plan`, `candidates`, `variable`, `of_type`, `resources`: which resources an action was taken on; `aside`, `queue`,
//!   `numbered`: those that requests don't name under their names, or by URLs, or by ids that say what they are.
//! * `document`, `evaluate`: policies, and whether they allow a request.
//!
//! Knows nobody, does no I/O.

pub mod arn;
mod aside;
mod candidates;
mod catalog;
mod conditional;
mod denial;
pub mod document;
pub mod evaluate;
mod event;
mod flat;
mod form;
#[cfg(test)]
mod hostile;
mod memory;
mod numbered;
mod of_type;
mod overrides;
mod params;
mod passing;
mod plan;
mod prefixes;
mod queue;
mod resources;
mod response;
mod sight;
mod special;
mod step;
mod variable;
mod wildcard;

pub use catalog::{AccessLevel, Action, Catalog, CatalogError, ResourceType, Service};
pub use event::{Confidence, Event, Outcome, Permission, Permissions, ResourceRef};
pub use memory::Remembered;
pub use step::{Step, permissions};
pub use wildcard::wildcard_match;
