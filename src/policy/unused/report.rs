//! What was not used, for people and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::EntityUse;
use crate::policy::knowledge::Access;
use crate::policy::narrow::UnusedAction;
use crate::time::format_time;

/// Most names of one list.
const NAMES_MAX: usize = 12;

/// For people, in the order given.
pub fn text(uses: &[EntityUse]) -> String {
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
        one(&mut out, entity);
    }
    out
}

fn one(out: &mut String, entity: &EntityUse) {
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

/// As a JSON list, nothing left out.
pub fn value(uses: &[EntityUse]) -> Value {
    let access = |access: Option<Access>| access.map(Access::as_str);
    let action = |unused: &UnusedAction| json!({"action": unused.action, "access_level": access(unused.access), "escalation": unused.escalation});
    let entity = |entity: &EntityUse| {
        let services = entity.unused_services.iter();
        let services: Vec<Value> = services
            .map(|s| json!({"service": s.service, "actions": s.actions, "highest_access_level": access(s.access)}))
            .collect();
        let levels: serde_json::Map<String, Value> =
            entity.unused_by_access.iter().map(|(access, n)| (access.as_str().to_owned(), json!(n))).collect();
        json!({
            "arn": entity.arn,
            "kind": entity.kind.as_str(),
            "is_unused": entity.is_idle(),
            "events": entity.events,
            "last_time": entity.last_time_us.map(format_time),
            "iam_last_used_later": entity.iam_last_used_us.map(format_time),
            "granted_actions": entity.granted,
            "used_actions": entity.used,
            "unused_by_access_level": levels,
            "unused_services": services,
            "unused_actions_of_used_services": entity.unused_actions.iter().map(action).collect::<Vec<_>>(),
            "unused_escalations": entity.escalations.iter().map(action).collect::<Vec<_>>(),
            "unused_policies": entity.unused_policies,
            "missing_policies": entity.missing_policies,
        })
    };
    uses.iter().map(entity).collect()
}
