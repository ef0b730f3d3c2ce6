//! Events → permissions.

pub mod also_needed;
pub mod denial_message;
pub mod event_source;
pub mod operation_match;
pub mod outcome;
pub mod override_rules;
pub mod resolver;
pub mod resources;
pub mod s3_reads;
pub mod service_rules;
pub mod services;
