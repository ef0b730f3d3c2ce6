//! Roles that are asked about: who took them, the policy for that, and today's beside it.

use std::collections::{BTreeMap, BTreeSet};

use super::acting::each_acting;
use super::assumption::Outcome;
use super::callers::Callers;
use super::propose::{NoTrust, Options, Proposed, propose};
use super::prove::{Comparison, Proof, compare, prove};
use super::read::read_assumptions;
use super::role_name::{Keeper, RoleName};
use super::sessions::{Issued, LASTS_US, RoleSessions, Sessions};
use super::ways::{RoleWays, Ways};
use crate::iam::document::Policy;
use crate::store::Snapshot;
use crate::usage::{ReadError, Selection, Space, TimeRange};

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct TrustQuestion<'a> {
    /// Which state of the store.
    pub snapshot: &'a Snapshot,
    /// Which window.
    pub range: &'a TimeRange,
    /// Which roles: those that `roles` and `principals` name, in these `accounts`.
    pub selection: &'a Selection,
    /// What files tell.
    pub known: &'a Knowledge,
    /// How policies are made.
    pub options: Options,
    /// Memory.
    pub space: &'a Space,
}

/// What files tell of roles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Knowledge {
    /// Roles that exist today.
    pub roles: BTreeMap<RoleName, Today>,
    /// ARNs of roles and users by their unique ids.
    pub ids: BTreeMap<String, String>,
}

/// A role as it is today.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Today {
    /// Its ARN.
    pub arn: String,
    /// Its trust policy; `None` where it cannot be read.
    pub policy: Option<Policy>,
    /// When IAM itself says that it was last used, microseconds since 1970-01-01 UTC.
    pub iam_last_used_us: Option<i64>,
}

/// All that is said of one role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleTrust {
    /// Account and name.
    pub name: RoleName,
    /// ARN, with its path where one is known.
    pub arn: String,
    /// Who keeps its trust policy.
    pub keeper: Keeper,
    /// Who took it, and to whom it was refused.
    pub ways: RoleWays,
    /// Who took it shortly before the window in a way that is not in it: such sessions may act in the window.
    pub earlier: BTreeSet<String>,
    /// Sessions that acted.
    pub sessions: RoleSessions,
    /// The policy with its proof, or why there is none.
    pub proposed: Result<(Proposed, Proof), NoTrust>,
    /// Today's, where a file has the role.
    pub today: Option<Today>,
    /// What of today's policy was used, and what not.
    pub comparison: Option<Comparison>,
}

/// The answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// By account and name.
    pub roles: BTreeMap<RoleName, RoleTrust>,
    /// Assumptions in the window that were looked at, of all roles.
    pub calls: u64,
}

/// Looks at the roles that are asked about.
///
/// # Errors
/// The store; [`ReadError::TooMany`] where the answer takes more memory than there is.
pub fn trust(question: &TrustQuestion<'_>) -> Result<Looked, ReadError> {
    let TrustQuestion { snapshot, range, selection, known, options, space } = *question;
    let is_meant = |arn: &str, account: &str| selection.means_role(arn, account);
    // Sessions that act in the window may have begun before it.
    let earlier = TimeRange { from_us: range.from_us.map(|from| from.saturating_sub(LASTS_US)), ..*range };
    let (mut ways, mut issued, mut callers, mut calls) = (Ways::default(), Issued::default(), Callers::default(), 0);
    let mut before = Ways::default();
    known.ids.iter().for_each(|(id, arn)| callers.insert(id, arn));
    read_assumptions(snapshot, &earlier, &space.share(4), &mut |call| {
        issued.note(&call);
        callers.note(&call);
        let is_in = range.contains(call.time_us);
        calls += u64::from(is_in);
        if !is_meant(&call.role_arn, &call.role.account) {
            return Ok(());
        }
        match (is_in, &call.outcome) {
            // Who fails may have made the role's name up.
            (true, Outcome::Failed(_)) if !known.roles.contains_key(&call.role) => Ok(()),
            (true, _) => ways.add(&call, &space.share(2)),
            (false, Outcome::Succeeded) => before.add(&call, &space.share(4)),
            (false, _) => Ok(()),
        }
    })?;
    callers.look_for(&ways, snapshot, range)?;
    callers.name_all(&mut ways);
    callers.name_all(&mut before);
    let mut sessions = Sessions::default();
    each_acting(snapshot, range, &mut |acting| {
        let account = RoleName::of(acting.role_arn).map(|role| role.account).unwrap_or_default();
        if !is_meant(acting.role_arn, &account) {
            return Ok(());
        }
        sessions.look(acting, &issued, &mut ways, &space.share(4))
    })?;
    let mut looked = Looked { calls, ..Looked::default() };
    for (name, today) in known.roles.iter().filter(|(name, today)| is_meant(&today.arn, &name.account)) {
        ways.role(name, &today.arn);
    }
    let mut of_role = sessions.of_role;
    for (name, ways) in ways.roles {
        let sessions = of_role.remove(&name).unwrap_or_default();
        let today = known.roles.get(&name).cloned();
        let earlier = before.roles.remove(&name).unwrap_or_default();
        looked.roles.insert(name.clone(), role_trust(name, (ways, earlier), sessions, today, &options));
    }
    Ok(looked)
}

fn role_trust(
    name: RoleName,
    (ways, earlier): (RoleWays, RoleWays),
    sessions: RoleSessions,
    today: Option<Today>,
    options: &Options,
) -> RoleTrust {
    let only_earlier = earlier.ways.keys().filter(|way| !ways.ways.contains_key(way));
    let earlier = only_earlier.map(|way| way.who.text()).collect();
    let arn = today.as_ref().map_or_else(|| ways.arn.clone(), |today| today.arn.clone());
    let keeper = Keeper::of(&arn);
    let proposed = match keeper {
        Keeper::Service => Err(NoTrust::ServiceLinked),
        Keeper::IdentityCenter => Err(NoTrust::IdentityCenter),
        Keeper::Account => propose(&arn, &ways.ways, ways.left_out, options),
    };
    let proposed = proposed.and_then(|proposed| {
        let proof = prove(&proposed.policy, &ways);
        match proof.refused.iter().chain(&proof.unspoken).next() {
            Some(first) => Err(NoTrust::Unproved(first.clone())),
            None => Ok((proposed, proof)),
        }
    });
    let comparison = today.as_ref().and_then(|today| today.policy.as_ref()).map(|policy| compare(policy, &ways));
    RoleTrust { name, arn, keeper, ways, earlier, sessions, proposed, today, comparison }
}

/// Words about a number of sessions.
fn sessions_said(count: u64) -> String {
    if count == 1 { "1 session".to_owned() } else { format!("{count} sessions") }
}

impl RoleTrust {
    /// The proposed policy.
    pub fn policy(&self) -> Option<&Policy> {
        self.proposed.as_ref().ok().map(|(proposed, _)| &proposed.policy)
    }

    /// Nobody took it, nor acted with it.
    pub fn is_idle(&self) -> bool {
        self.ways.ways.is_empty() && self.ways.left_out == 0 && self.sessions.seen == 0
    }

    /// Calls that took it.
    pub fn calls(&self) -> u64 {
        let calls = self.ways.ways.values().map(|seen| seen.calls);
        calls.fold(self.ways.left_out, u64::saturating_add)
    }

    /// Why the proposed policy may shut somebody out, or let somebody in whom nobody saw; none where it is safe to
    /// take.
    pub fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        let RoleSessions { unexplained, hints, .. } = &self.sessions;
        if *unexplained > 0 && self.keeper == Keeper::Account {
            let names: Vec<String> = hints.keys().map(|hint| crate::util::shown::name(hint).into_owned()).collect();
            let from =
                if names.is_empty() { String::new() } else { format!(", some of them from {}", names.join(", ")) };
            doubts.push(format!(
                "of {} that acted nothing in the log says who took the role{from}",
                sessions_said(*unexplained)
            ));
        }
        if !self.earlier.is_empty() && self.keeper == Keeper::Account {
            let names: Vec<_> = self.earlier.iter().take(3).map(|who| crate::util::shown::name(who)).collect();
            doubts.push(format!("shortly before the window it was taken by {}: sessions last", names.join(", ")));
        }
        if let Ok((proposed, _)) = &self.proposed {
            for provider in &proposed.widened {
                let provider = crate::util::shown::name(provider);
                doubts.push(format!("subjects of {provider} are too many and stand by what they begin with"));
            }
            doubts.extend(proposed.open.iter().cloned());
        }
        if let Some(comparison) = &self.comparison
            && !comparison.disagreements.is_empty()
        {
            doubts.push("it was taken in a way that today's policy does not allow: log and file disagree".to_owned());
        }
        doubts
    }
}
