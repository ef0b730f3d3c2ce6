//! Who took which role: assumptions of roles out of the log, the trust policy that allows just them, and the chains of
//! roles back to the person.
//!
//! `assumption` is one call out of a record, `read` finds them in a store, `callers` puts names to unique ids, `ways`
//! adds them up by role, `providers` knows the keys of tokens, `sessions` says which sessions no assumption explains.
//! `propose` makes a trust policy of the ways, `prove` proves it and compares it with today's, `look` does all of it
//! for the roles that are asked about. `links` and `chain` follow sessions back to where they began.
//!
//! No output here: `report::trust` and `report::chains` have it.

mod acting;
mod assumption;
mod callers;
mod chain;
mod few;
mod links;
mod look;
mod propose;
mod prove;
mod providers;
mod read;
mod role_name;
mod sessions;
mod ways;

pub use assumption::{Assumption, Call, Outcome, Who};
pub use chain::{Chain, ChainQuestion, Chains, Hop, Origin, OriginKind, chains};
pub use few::Few;
pub use look::{Knowledge, Looked, RoleTrust, Today, TrustQuestion, trust};
pub use propose::{NoTrust, Options, Proposed, SIZE_MAX, TrustStatement};
pub use prove::{Comparison, Disagreement, Proof};
pub use read::read_assumptions;
pub use role_name::{Keeper, RoleName};
pub use sessions::RoleSessions;
pub use ways::{Denial, RoleWays, Seen, Way, Ways};
