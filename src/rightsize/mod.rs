//! Where to cut, for everybody at once: what files say is granted, what the log says was used, the policy for that, and
//! when to act.
//!
//! What is granted: `answers` reads Identity Center and the organisation, `policy::unused` roles and users; `inventory`
//! puts it together, `levels` the organisation; `rules` are what somebody wants kept. `subject` says whom a policy is
//! for, `run` takes one after the other out of the store, `assess` looks at one, `wave` says when to act, `persona`
//! finds people and roles who do the same, `family` says which roles are copies of one, `place` says where the files of
//! one are. `deployed` reads such a folder back; `watch` compares it with what was done since, `diff` two sides of use.
//! `groups` hands out each one's rows.
//!
//! No output here: `report::rightsize` has the documents.

mod answers;
mod assess;
mod deployed;
mod diff;
mod family;
mod groups;
mod inventory;
mod levels;
mod persona;
mod place;
mod rules;
mod run;
mod subject;
mod watch;
mod wave;

pub use answers::{Answers, AnswersError, Assignment, PermissionSet};
pub use assess::{Assessment, DISAGREEMENTS_MAX, NoPolicy, PresetFigures, Proposal, Terms, Used, assess};
pub use deployed::{Deployed, DeployedError, DeployedPolicies};
pub use diff::{Difference, PrincipalDifference, Side, diff};
pub use inventory::{Inventory, Today};
pub use persona::{Persona, personas};
pub use place::{folder, policy_name};
pub use rules::{Rules, RulesError};
pub use run::{Question, Totals, rightsize};
pub use subject::{RowKey, Subject, SubjectKind};
pub use watch::{Drift, DriftKind, WatchQuestion, Watched, watch};
pub use wave::{Wave, Window};
