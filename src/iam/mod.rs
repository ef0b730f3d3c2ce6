//! Knowing IAM: actions, resource types, operations; event → permissions; ARNs; the policy grammar and its evaluation.
//!
//! * `catalog`: services, actions and resource types, out of `tables/catalogue.txt` (written by `generate/`).
//! * `overrides`, `ruled`: hand-written rules, `tables/overrides.txt`.
//! * `outcome`: whether a call was authorised; `stated`: what denials say themselves.
//! * `step`: an event → the permissions that it took. A wrong action for an event is mended in the overrides, or in
//!   `special` where it depends on what the request carries (`copies`: those between buckets; `named`: what is called
//!   otherwise than the ARN forms say).
//! * `flat`, `params`, `response`, `form`: what a request says, what came back, and the ARN forms that they fill.
//! * `sight`: what the rules look at in a request, by which the step remembers.
//! * `plan`, `candidates`, `variable`, `of_type`, `resources`: which resources an action was taken on; `aside`,
//!   `queue`, `numbered`: those that requests don't name under their names, or by URLs, or by ids that say what they
//!   are; `written`: how policies write what requests name otherwise; `aws_owned`: what is AWS's own.
//! * `conditional`: what else it took: `passing`, `passed`: roles handed over, and to whom; `tagging`, `carried`: tags
//!   on what is made; `also`: what parameters bring (`tables/also.txt`); `key_use`: keys of KMS; `answered`: resources
//!   that the response names; `alongside`: resources of other services (`delivery`: of logs; `fetched`: objects of S3;
//!   `restored`: tables' items); `behind`: what no log tells.
//! * `document`, `evaluate`: policies, and whether they allow a request.
//!
//! Knows nobody, does no I/O.

mod alongside;
mod also;
mod answered;
mod apigateway;
pub mod arn;
mod aside;
mod aws_owned;
mod behind;
mod candidates;
mod carried;
mod catalog;
mod common;
mod conditional;
mod copies;
mod delivery;
pub mod document;
pub mod evaluate;
mod event;
mod fetched;
mod flat;
mod form;
#[cfg(test)]
mod hostile;
mod key_use;
mod memory;
mod named;
mod numbered;
mod of_type;
mod outcome;
mod overrides;
mod params;
mod passed;
mod passing;
mod plan;
mod prefixes;
mod queue;
mod resolved;
mod resources;
mod response;
mod restored;
mod ruled;
mod shape;
mod sight;
mod special;
mod stated;
mod step;
mod tagging;
mod variable;
mod wildcard;
mod written;

pub use behind::unlogged_behind;
pub use catalog::{AccessLevel, Action, Catalog, CatalogError, ResourceType, Service};
pub use common::Common;
pub use event::{Confidence, Event, Permission, Permissions, ResourceRef};
pub use memory::Remembered;
pub use outcome::Outcome;
pub use step::{Step, permissions};
pub use wildcard::wildcard_match;
