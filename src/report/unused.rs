//! What roles and users may do and never did.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use crate::policy::Access;
use crate::policy::narrow::UnusedAction;
use crate::policy::unused::EntityUse;
use crate::time::format_time;
use crate::usage::{RoleLife, RoleLives};

/// Most names of one list.
const NAMES_MAX: usize = 12;

/// For people, in the order given.
pub fn text(uses: &[EntityUse], lives: &RoleLives) -> String {
    let mut out = String::new();
    let idle = uses.iter().filter(|entity| entity.is_idle()).count();
    let (granted, used): (usize, usize) =
        uses.iter().fold((0, 0), |(g, u), entity| (g + entity.granted, u + entity.used));
    let _ = writeln!(
        out,
        "{} roles and users, {idle} without any use; {used} of {granted} granted actions used",
        uses.len()
    );
    for entity in uses {
        out.push('\n');
        one(&mut out, entity, lives);
    }
    out
}

fn one(out: &mut String, entity: &EntityUse, lives: &RoleLives) {
    let _ = writeln!(out, "{} {}", entity.kind.as_str(), entity.arn);
    match entity.last_time_us {
        Some(last) => {
            let _ = writeln!(
                out,
                "  {} of {} actions used in {} uses, last {}",
                entity.used,
                entity.granted,
                entity.events,
                format_time(last)
            );
        }
        None => {
            let _ = writeln!(out, "  no event at all; grants {} actions", entity.granted);
        }
    }
    if let Some(used) = entity.iam_last_used_us {
        let used = format_time(used);
        let _ = writeln!(
            out,
            "  but IAM says that it was used {used}: that is not in the store, so do not take it for unused"
        );
    }
    if let Some(said) = lives.said(&entity.arn) {
        let _ = writeln!(out, "  {said}: what the earlier did counts as used");
    }
    let levels: Vec<String> =
        entity.unused_by_access.iter().rev().map(|(access, n)| format!("{n} {}", access.as_str())).collect();
    line(out, "unused actions", &levels);
    let ways = |action: &UnusedAction| format!("{} ({})", action.action, action.escalation.unwrap_or_default());
    line(out, "unused ways to more", &entity.escalations.iter().map(ways).collect::<Vec<_>>());
    let services: Vec<String> =
        entity.unused_services.iter().map(|service| format!("{} ({})", service.service, service.actions)).collect();
    line(out, "unused services", &services);
    let actions: Vec<String> = entity.unused_actions.iter().map(|action| action.action.clone()).collect();
    line(out, "unused actions of used services", &actions);
    line(out, "not known, no data events", &entity.unseen);
    line(out, "policies never needed", &entity.unused_policies);
    line(out, "policies not in the file, not looked at", &entity.missing_policies);
}

fn line(out: &mut String, title: &str, names: &[String]) {
    if names.is_empty() {
        return;
    }
    let shown = names.get(..NAMES_MAX.min(names.len())).unwrap_or_default().join(", ");
    let more = if names.len() > NAMES_MAX { format!(", … {} more", names.len() - NAMES_MAX) } else { String::new() };
    let _ = writeln!(out, "  {title}: {shown}{more}");
}

/// What of one role or user was not used, nothing left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entity<'a> {
    /// The role's or user's ARN.
    pub arn: &'a str,
    /// `role` or `user`.
    pub kind: &'static str,
    /// Nothing says that anybody was it in the window.
    pub is_unused: bool,
    /// Events in the window, of any outcome.
    pub events: u64,
    /// Time of the last event.
    pub last_time: Option<String>,
    /// When IAM says that it was used, where that is later than the last event.
    pub iam_last_used_later: Option<String>,
    /// Actions that its policies grant.
    pub granted_actions: usize,
    /// Granted actions that were used.
    pub used_actions: usize,
    /// Granted actions that were not used, counted by access level.
    pub unused_by_access_level: BTreeMap<Level, usize>,
    /// Services of which nothing was used.
    pub unused_services: Vec<Service<'a>>,
    /// Unused actions of services of which something was used, the riskiest first.
    pub unused_actions_of_used_services: Vec<Action<'a>>,
    /// Unused actions, of any service, that open a way to more.
    pub unused_escalations: Vec<Action<'a>>,
    /// Granted actions of which nothing is said: their calls are data events, which could not have been seen.
    pub unseen_actions: &'a [String],
    /// Policies under which nothing was used.
    pub unused_policies: &'a [String],
    /// Policies that are attached and whose text the file does not hold.
    pub missing_policies: &'a [String],
    /// Of a role that was deleted and made again under its name, each with its time; what any did counts as used.
    pub made_again: Vec<Life>,
}

/// When a role of a name acted under one unique id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Life {
    /// `AROA…`.
    pub unique_id: String,
    /// Time of the first event.
    pub first_time: String,
    /// Time of the last event.
    pub last_time: String,
}

/// The lives of a role, as values.
pub fn lives(all: &RoleLives, arn: &str) -> Vec<Life> {
    let one = |life: &RoleLife| Life {
        unique_id: life.unique_id.clone(),
        first_time: format_time(life.first_us),
        last_time: format_time(life.last_us),
    };
    all.of(arn).iter().map(one).collect()
}

/// An access level, written as the Service Authorization Reference has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level(Access);

impl Serialize for Level {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

/// A service of which nothing was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Service<'a> {
    /// Service prefix: `s3`.
    pub service: &'a str,
    /// Actions granted of it.
    pub actions: usize,
    /// The highest access level among them.
    pub highest_access_level: Option<Level>,
}

/// A granted action that was not used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Action<'a> {
    /// The action: `s3:GetObject`.
    pub action: &'a str,
    /// `None` where the catalogue does not say.
    pub access_level: Option<Level>,
    /// What it opens to its holder, if it is known to be a way to more.
    pub escalation: Option<&'static str>,
}

impl<'a> From<&'a UnusedAction> for Action<'a> {
    fn from(unused: &'a UnusedAction) -> Action<'a> {
        let UnusedAction { action, access, escalation } = unused;
        Action { action, access_level: access.map(Level), escalation: *escalation }
    }
}

impl<'a> Entity<'a> {
    fn of(entity: &'a EntityUse, all: &RoleLives) -> Entity<'a> {
        let services = entity.unused_services.iter().map(|of| Service {
            service: &of.service,
            actions: of.actions,
            highest_access_level: of.access.map(Level),
        });
        Entity {
            arn: &entity.arn,
            kind: entity.kind.as_str(),
            is_unused: entity.is_idle(),
            events: entity.events,
            last_time: entity.last_time_us.map(format_time),
            iam_last_used_later: entity.iam_last_used_us.map(format_time),
            granted_actions: entity.granted,
            used_actions: entity.used,
            unused_by_access_level: entity.unused_by_access.iter().map(|(access, n)| (Level(*access), *n)).collect(),
            unused_services: services.collect(),
            unused_actions_of_used_services: entity.unused_actions.iter().map(Action::from).collect(),
            unused_escalations: entity.escalations.iter().map(Action::from).collect(),
            unseen_actions: &entity.unseen,
            unused_policies: &entity.unused_policies,
            missing_policies: &entity.missing_policies,
            made_again: lives(all, &entity.arn),
        }
    }
}

/// The values that are printed as JSON, in the order given.
pub fn entities<'a>(uses: &'a [EntityUse], lives: &RoleLives) -> Vec<Entity<'a>> {
    uses.iter().map(|entity| Entity::of(entity, lives)).collect()
}
