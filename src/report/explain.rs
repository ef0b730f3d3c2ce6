//! How one event became actions and resources.

use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use serde::Serialize;
use serde_json::Value;

use super::evidence::Proofs;
use super::unused::{Life, lives};
use crate::iam::{Catalog, Event, Outcome, Permission, Permissions, Resolver};
use crate::record;
use crate::time::{day_of, format_time};
use crate::usage::{EventColumns, RoleLives};

/// One event and what it took.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// CloudTrail's `eventID`.
    pub event_id: String,
    /// When: `2024-01-31T12:00:00Z`.
    pub event_time: String,
    /// Who it was, in words.
    #[serde(skip)]
    pub principal: String,
    /// What was called, where, in words.
    #[serde(skip)]
    pub call: String,
    /// Whether the call was authorised.
    #[serde(serialize_with = "outcome")]
    pub outcome: Outcome,
    /// Error code and message.
    pub error: Option<String>,
    /// How far it is proved by CloudTrail's digests; `None` where nothing was ever verified.
    pub evidence: Option<String>,
    /// Why it takes no permission at all.
    pub no_permission: Option<&'static str>,
    /// The actions without which it would have been denied.
    pub actions: Vec<Action>,
    /// Actions that may have been needed too but leave no trace of their own.
    pub suggestions: Vec<Action>,
    /// Of a role that was deleted and made again under its name, each with its time.
    pub made_again: Vec<Life>,
    /// The record as CloudTrail wrote it.
    pub record: Value,
}

/// An action that an event took, and how that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Action {
    /// The action: `s3:GetObject`.
    pub action: String,
    /// ARNs or ARN patterns; `*` where the action has no resource type or none is known. Never empty.
    pub resources: Vec<String>,
    /// How certain it is.
    pub confidence: &'static str,
    /// The rule that led here.
    pub rule: &'static str,
    /// Where the fact comes from.
    pub source: String,
    /// The service that the role is handed to.
    pub passed_to_service: Option<String>,
}

fn outcome<S: serde::Serializer>(outcome: &Outcome, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(outcome.as_str())
}

impl From<&Permission> for Action {
    fn from(permission: &Permission) -> Action {
        Action {
            action: permission.action.to_string(),
            resources: permission.resources.clone(),
            confidence: permission.confidence.as_str(),
            rule: permission.rule,
            source: permission.source.to_string(),
            passed_to_service: permission.passed_to_service.as_deref().map(str::to_owned),
        }
    }
}

/// Explains rows of `events`.
///
/// # Errors
/// Rows that have not the columns of `events`.
pub fn explanations(
    batch: &RecordBatch,
    catalog: &Catalog,
    proofs: Option<&Proofs>,
    all: &RoleLives,
) -> Result<Vec<Explanation>, ArrowError> {
    let events = EventColumns::try_new(batch)?;
    let mut resolver = Resolver::new(catalog);
    let explain = |row: usize| {
        let resources = events.resources(row);
        let event = events.event(row, &resources);
        let permissions: Permissions = Permissions::clone(&resolver.permissions(&event));
        let list = |permissions: &[Permission]| permissions.iter().map(Action::from).collect();
        Explanation {
            event_id: events.event_id(row).unwrap_or_default().to_owned(),
            event_time: format_time(events.time_us(row)),
            principal: principal(&events, row),
            call: call(&event, events.invoked_by(row)),
            outcome: permissions.outcome,
            error: event.error_code.map(|code| match event.error_message {
                Some(message) => format!("{code}: {message}"),
                None => code.to_owned(),
            }),
            evidence: proofs.map(|proofs| {
                let account_id = event.account_id.unwrap_or_default();
                proofs.of_event(account_id, event.aws_region.unwrap_or_default(), day_of(events.time_us(row)))
            }),
            no_permission: permissions.no_permission,
            actions: list(&permissions.needed),
            suggestions: list(&permissions.suggestions),
            made_again: lives(all, events.principal_arn(row).unwrap_or_default()),
            record: record::to_json(batch, row),
        }
    };
    Ok((0..events.len()).map(explain).collect())
}

fn principal(events: &EventColumns, row: usize) -> String {
    let mut text = events.principal_arn(row).unwrap_or("unknown").to_owned();
    let more = [
        events.principal_type(row).map(str::to_owned),
        events.session_name(row).map(|name| format!("session {name}")),
        events.permission_set(row).map(|name| format!("permission set {name}")),
    ];
    let more: Vec<String> = more.into_iter().flatten().collect();
    if !more.is_empty() {
        text += &format!(" ({})", more.join(", "));
    }
    text
}

fn call(event: &Event<'_>, invoked_by: Option<&str>) -> String {
    let mut text = format!("{} {}", event.event_source, event.event_name);
    let places = [("region", event.aws_region), ("account", event.account_id), ("by way of", invoked_by)];
    for (what, value) in places {
        if let Some(value) = value {
            text += &format!(", {what} {value}");
        }
    }
    text
}
