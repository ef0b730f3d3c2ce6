//! What commands say, as flat rows: for every mode that has rows and columns, beside the JSON forms with all details.

use serde_json::{Value, json};

use super::coverage::Coverage;
use super::everyone::Everyone;
use super::explain::{Action, Explanation};
use super::oddities::Oddities;
use super::status::Status;
use super::unused::Entity;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// A text.
    Text,
    /// A whole number.
    Count,
    /// True or false.
    Flag,
}

/// Names and types of the columns of rows.
pub type Columns = [(&'static str, Type)];

use Type::{Count, Flag, Text};

/// The columns of [`status`]: what a row is about decides what its name and its number are.
pub const STATUS: &Columns =
    &[("about", Text), ("name", Text), ("count", Count), ("from", Text), ("to", Text), ("detail", Text)];

/// The figures of a store, then its days, accounts, gaps and regions, then what was not taken.
pub fn status(status: &Status) -> Vec<Value> {
    let figures = [
        ("snapshot", u64::try_from(status.snapshot).unwrap_or_default()),
        ("objects", status.objects),
        ("object bytes", status.object_bytes),
        ("records", status.records),
        ("events", status.events),
        ("duplicates", status.duplicates),
        ("records kept out", status.records_kept_out),
        ("usage rows", status.usage_rows),
        ("data bytes", status.data_bytes),
        ("staged files", status.staged_files),
        ("files without checksum", status.files_without_checksum),
    ];
    let mut rows: Vec<Value> =
        figures.iter().map(|(name, count)| json!({"about": "store", "name": name, "count": count})).collect();
    if let Some(evidence) = &status.evidence {
        rows.push(json!({"about": "store", "name": "proved events", "count": evidence.proved_events}));
    }
    rows.extend(status.days.iter().map(|(day, count)| json!({"about": "day", "name": day, "count": count})));
    for account in &status.accounts {
        let (from, to) = (account.first_day, account.last_day);
        let id = &account.account_id;
        rows.push(json!({"about": "account", "name": id, "count": account.events, "from": from, "to": to}));
        rows.extend(account.gaps.iter().map(|gap| json!({"about": "gap", "name": id, "from": gap.from, "to": gap.to})));
    }
    rows.extend(status.regions.iter().map(|(name, count)| json!({"about": "region", "name": name, "count": count})));
    let other = status.other_logs.iter();
    rows.extend(other.map(|(kind, count)| json!({"about": "other log", "name": kind, "count": count})));
    let refused = status.refused_objects.iter();
    rows.extend(refused.map(|one| json!({"about": "refused object", "name": one.path, "detail": one.reason})));
    let altered = status.altered_objects.iter();
    rows.extend(altered.map(|one| json!({"about": "altered object", "name": one.object, "detail": one.reason})));
    let missing = status.missing_objects.iter();
    rows.extend(missing.map(|one| json!({"about": "missing object", "name": one.object, "detail": one.reason})));
    rows.extend(status.broken_records.iter().map(|one| {
        let detail = format!("record {} at byte {}: {}", one.index, one.offset_bytes, one.reason);
        json!({"about": "record kept out", "name": one.object, "detail": detail})
    }));
    rows.extend(status.conflicts.iter().map(|one| {
        let detail = format!("{}: record {} at byte {}", one.path, one.index, one.offset_bytes);
        json!({"about": "conflict", "name": one.event_id, "detail": detail})
    }));
    rows.extend(status.no_logs.iter().map(|one| json!({"about": "no log", "name": one.path, "detail": one.reason})));
    rows.extend(status.forgotten.iter().map(|one| {
        json!({"about": "forgotten", "name": one.name, "to": one.time, "detail": format!("{}, by {}", one.reason, one.by)})
    }));
    rows
}

/// The columns of [`coverage`].
pub const COVERAGE: &Columns =
    &[("account_id", Text), ("region", Text), ("day", Text), ("state", Text), ("hours", Text), ("has_digests", Flag)];

/// One row a place and day; letters stand for the states of hours, as in the JSON form.
pub fn coverage(coverage: &Coverage) -> Vec<Value> {
    let day = |place: &super::coverage::Place, day: &super::coverage::DayHours| {
        json!({
            "account_id": place.account_id, "region": place.region, "day": day.day, "state": day.state,
            "hours": day.hours.iter().map(|state| state.letter()).collect::<String>(), "has_digests": place.has_digests,
        })
    };
    coverage.places.iter().flat_map(|place| place.days.iter().map(move |of| day(place, of))).collect()
}

/// The columns of [`oddities`].
pub const ODDITIES: &Columns = &[("kind", Text), ("from", Text), ("to", Text), ("about", Text), ("what", Text)];

/// One row an oddity.
pub fn oddities(oddities: &Oddities) -> Vec<Value> {
    let row = |odd: &super::oddities::Oddity| json!({"kind": odd.kind.name(), "from": odd.from, "to": odd.to, "about": odd.about, "what": odd.what});
    oddities.oddities.iter().map(row).collect()
}

/// The columns of [`explained`].
pub const EXPLAINED: &Columns = &[
    ("event_id", Text),
    ("event_time", Text),
    ("principal", Text),
    ("call", Text),
    ("outcome", Text),
    ("error", Text),
    ("evidence", Text),
    ("action", Text),
    ("resource", Text),
    ("confidence", Text),
    ("rule", Text),
    ("source", Text),
    ("passed_to_service", Text),
    ("suggested", Flag),
    ("no_permission", Text),
];

/// One row an event, action and resource; an event without actions has one row.
pub fn explained(explanations: &[Explanation]) -> Vec<Value> {
    let mut rows = Vec::new();
    for event in explanations {
        let row = |of: Option<(&Action, &str, bool)>| {
            let (action, resource, suggested) = (of.map(|of| of.0), of.map(|of| of.1), of.map(|of| of.2));
            json!({
                "event_id": event.event_id, "event_time": event.event_time, "principal": event.principal,
                "call": event.call, "outcome": event.outcome.as_str(), "error": event.error, "evidence": event.evidence,
                "action": action.map(|action| &action.action), "resource": resource,
                "confidence": action.map(|action| action.confidence), "rule": action.map(|action| action.rule),
                "source": action.map(|action| &action.source),
                "passed_to_service": action.and_then(|action| action.passed_to_service.as_ref()),
                "suggested": suggested, "no_permission": event.no_permission,
            })
        };
        let of = |actions: &[Action], suggested: bool| -> Vec<Value> {
            let pairs =
                actions.iter().flat_map(|action| action.resources.iter().map(move |resource| (action, resource)));
            pairs.map(|(action, resource)| row(Some((action, resource, suggested)))).collect()
        };
        let all = [of(&event.actions, false), of(&event.suggestions, true)].concat();
        rows.extend(if all.is_empty() { vec![row(None)] } else { all });
    }
    rows
}

/// The columns of [`unused`].
pub const UNUSED: &Columns = &[
    ("arn", Text),
    ("kind", Text),
    ("is_unused", Flag),
    ("events", Count),
    ("last_time", Text),
    ("what", Text),
    ("name", Text),
    ("access_level", Text),
    ("escalation", Text),
    ("actions", Count),
];

/// One row for each service, action and policy of a role or user that was not used; who used everything has one row.
pub fn unused(entities: &[Entity<'_>]) -> Vec<Value> {
    let mut rows = Vec::new();
    for entity in entities {
        let row =
            |what: Option<&str>, name: Option<&str>, level: Value, escalation: Option<&str>, actions: Option<usize>| {
                json!({
                    "arn": entity.arn, "kind": entity.kind, "is_unused": entity.is_unused, "events": entity.events,
                    "last_time": entity.last_time, "what": what, "name": name, "access_level": level,
                    "escalation": escalation, "actions": actions,
                })
            };
        let before = rows.len();
        for service in &entity.unused_services {
            let level = json!(service.highest_access_level);
            rows.push(row(Some("service"), Some(service.service), level, None, Some(service.actions)));
        }
        for action in &entity.unused_actions_of_used_services {
            rows.push(row(Some("action"), Some(action.action), json!(action.access_level), action.escalation, None));
        }
        for action in &entity.unused_escalations {
            rows.push(row(
                Some("escalation"),
                Some(action.action),
                json!(action.access_level),
                action.escalation,
                None,
            ));
        }
        for policy in entity.unused_policies {
            rows.push(row(Some("policy"), Some(policy), Value::Null, None, None));
        }
        for action in entity.unseen_actions {
            rows.push(row(Some("not known"), Some(action), Value::Null, None, None));
        }
        if rows.len() == before {
            rows.push(row(None, None, Value::Null, None, None));
        }
    }
    rows
}

/// The columns of [`checked`] and [`stopped`].
pub const CHECKED: &Columns = &[
    ("verdict", Text),
    ("by", Text),
    ("statement", Text),
    ("depends_on", Text),
    ("account_id", Text),
    ("principal_arn", Text),
    ("action", Text),
    ("resource", Text),
    ("uses", Count),
    ("first_time", Text),
    ("example_event_id", Text),
];

/// The groups of a check's JSON form, lists in them as texts.
pub fn checked(groups: &[Value]) -> Vec<Value> {
    groups.iter().cloned().map(flat).collect()
}

/// What everybody would have been stopped at: the examples of each.
pub fn stopped(everyone: &Everyone) -> Vec<Value> {
    let of_one = |whom: &super::everyone::Whom| -> Vec<Value> {
        let row = |example: &super::everyone::Example| {
            let mut row = json!(example);
            if let Value::Object(row) = &mut row {
                row.insert("account_id".to_owned(), json!(whom.account_id));
                row.insert("principal_arn".to_owned(), json!(whom.principal_arn));
            }
            flat(row)
        };
        whom.examples.iter().map(row).collect()
    };
    everyone.whom.iter().flat_map(of_one).collect()
}

fn flat(mut row: Value) -> Value {
    if let Value::Object(members) = &mut row {
        for member in members.values_mut() {
            if let Value::Array(list) = member {
                let texts = list.iter().map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned));
                *member = if list.is_empty() { Value::Null } else { json!(texts.collect::<Vec<_>>().join(", ")) };
            } else if member.is_object() {
                *member = json!(member.to_string());
            }
        }
    }
    row
}
