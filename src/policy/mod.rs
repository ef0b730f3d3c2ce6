//! Usage → policies: statements a person can read, within AWS's limits, proved against the usage they came from.
//!
//! The way in is [`propose`]: policies are made, proved, and handed out as [`Proved`]; renderers take nothing else.
//!
//! How they are made: `classify` parts the rows into what is granted and what is only shown, `names` says which names
//! there can be; `generalise` and `widen` decide how wide each grant is, `excess` and `opening` what that opens; `statement`
//! groups grants into statements and `sid` names them; `fit` and `split` keep to the limits, `choices` says what else
//! would; `binding`, `condition` and `origin` say what limits them further; `make` puts it together by a `recipe`.
//! `replay` and `prove` prove it, with the `request_contexts` of the rows; `explain` and `render` show it. `existing`,
//! `narrow`, `loss` and `unused` compare with policies that exist already; `ceiling` is what such a policy allows.
//!
//! No I/O and no SQL: rows come in, documents and reports go out. The same rows give the same bytes, in whatever order
//! they come.

mod binding;
mod catalog_view;
mod ceiling;
mod choice;
mod choices;
mod classify;
mod collapse;
mod condition;
mod disclosing;
mod evidence;
mod excess;
pub mod existing;
pub mod explain;
mod fit;
mod generalise;
pub mod key_sources;
mod layout;
mod limits;
pub mod loss;
mod made;
mod make;
mod names;
pub mod narrow;
mod opening;
mod options;
mod origin;
mod pattern;
pub mod privilege_escalation;
mod propose;
pub mod prove;
mod recipe;
mod render;
pub mod replay;
mod request_contexts;
mod siblings;
mod sid;
mod split;
mod statement;
pub mod unused;
mod widen;

pub use catalog_view::Access;
pub use choice::Choice;
pub use classify::{Shown, Suggestion};
pub use evidence::Evidence;
pub use excess::Excess;
pub use fit::FitError;
pub use layout::{Layout, Widened};
pub use limits::Limits;
pub use made::{Granted, Made, NamedPolicy, StatementNote};
pub use make::{MakeError, make, make_with};
pub use opening::{Breadth, Opening, OpeningLine};
pub use options::{
    Attach, ConditionKind, Evidenced, Fit, Generalize, Granularity, Kind, MAY_BE_UNNAMED, Options, Preset, Provenance,
};
pub use propose::{Cut, Existing, Findings, Proposal, ProposeError, Proved, Proving, Task, Unproved, propose};
pub(crate) use propose::{Unchecked, propose_unchecked};
pub use render::{
    RENDERERS, RenderError, Renderer, Source, renderer, trust_cloudformation, trust_label, trust_terraform,
};

#[cfg(test)]
mod properties;
