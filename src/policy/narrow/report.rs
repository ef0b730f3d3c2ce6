//! What of a policy was not used, for people.

use std::collections::BTreeMap;

use super::{StatementUse, UnusedAction};
use crate::policy::Access;

/// The report, for people; `names_max` actions of an access level by name, the rest counted.
pub fn report(statements: &[StatementUse], names_max: usize) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    for note in statements {
        let name = note.sid.clone().unwrap_or_else(|| format!("statement {}", note.statement + 1));
        let granted = note.used_actions.len() + note.unused_actions.len();
        let _ = writeln!(out, "{name}: {} of {granted} actions used", note.used_actions.len());
        let escalating: Vec<&UnusedAction> = note.unused_actions.iter().filter(|a| a.escalation.is_some()).collect();
        for action in escalating {
            let _ = writeln!(
                out,
                "  unused, opens a way to more: {} ({})",
                action.action,
                action.escalation.unwrap_or_default()
            );
        }
        for (access, actions) in by_access(&note.unused_actions) {
            let shown: Vec<&str> = actions.iter().take(names_max).map(|action| action.action.as_str()).collect();
            let more = if actions.len() > shown.len() {
                format!(", … {} more", actions.len() - shown.len())
            } else {
                String::new()
            };
            let _ = writeln!(out, "  unused, {access}: {} ({}{more})", actions.len(), shown.join(", "));
        }
        for resource in &note.unused_resources {
            let _ = writeln!(out, "  unused resource: {resource}");
        }
    }
    out
}

fn by_access(actions: &[UnusedAction]) -> Vec<(&'static str, Vec<&UnusedAction>)> {
    let mut by: BTreeMap<std::cmp::Reverse<Option<Access>>, Vec<&UnusedAction>> = BTreeMap::new();
    for action in actions {
        by.entry(std::cmp::Reverse(action.access)).or_default().push(action);
    }
    by.into_iter().map(|(access, list)| (access.0.map_or("access level not known", Access::as_str), list)).collect()
}
