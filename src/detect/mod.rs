//! Sigma rules for CloudTrail, run as queries over `events`.
//!
//! `load` reads files into documents: `document` and `detection` read one, `condition` what stands in its condition,
//! `modifiers` a field with its values, `pattern` a text with wildcards; `rule` is what they come to, `problem` says
//! what can't be run. `field` knows where a field is, `predicate` is what a rule asks, `expr` makes a condition of it.
//! `rules` puts the rules of a run together, `scan` looks for all of them at once, `run` gives what they find,
//! `correlate` and `tally` put several events together, `report` says it.

mod condition;
mod correlate;
mod detection;
mod document;
mod expr;
mod field;
mod load;
mod modifiers;
mod pattern;
mod predicate;
mod problem;
pub mod report;
mod rule;
mod rules;
mod run;
mod scan;
mod sql;
mod tally;

pub use correlate::IDS_MAX;
pub use problem::{Place, Problem};
pub use rule::{Correlation, Header, Level, Rule};
pub use rules::{Linked, Rules, Skipped};
pub use run::{Event, Finding, Findings, correlated, has_events};
pub use scan::Window;
pub use sql::sql;
