//! What is known of IAM: its actions, its resources, what an event was authorised for, and the policy language.
//!
//! An [`Event`] goes in; [`Permissions`] come out. Nothing here does I/O, and nothing here knows another room but `util`.
//! Each line uses those above it only; a test checks that.
//!
//! * `arn`: what an ARN is: parsing, ARN formats of resource types, wildcards.
//! * `event`: the input and the output: an event, its outcome, permissions.
//! * `catalog`: data: services, actions, resource types, hand-written overrides.
//! * `policy`: the policy language: documents, and whether they allow a request.
//! * `request`: reading request parameters and responses, and recording what was read.
//! * `cache`: caches of resolved calls.
//! * `resolve`: event → permissions. A wrong action of a service is mended in `catalog/tables/overrides.txt`, or in
//!   `resolve/services/` where it depends on what the request carries.

pub mod arn;
mod cache;
mod catalog;
mod event;
#[cfg(test)]
mod injection_tests;
pub mod policy;
mod request;
mod resolve;

pub use arn::wildcard::wildcard_match;
pub use cache::local::Remembered;
pub use cache::shared::SharedCache;
pub use catalog::update::merge::updated_catalog;
pub use catalog::update::reference::{Reference, ReferenceError};
pub use catalog::{AccessLevel, Action, CATALOG_MAX_BYTES, Catalog, CatalogError, ResourceType, Service};
pub use event::{Confidence, Event, Outcome, Permission, Permissions, ResourceRef};
pub use policy::{document, evaluate};
#[doc(hidden)]
pub use request::json_tape::texts_of;
pub use resolve::resolver::{Resolver, permissions};
pub use resolve::services::bedrock::unlogged_behind;
