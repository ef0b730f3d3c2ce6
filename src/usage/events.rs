//! Usage derived from `events` alone: what a proof goes back to.
//!
//! A second way to the same rows, plain and slow: each event by itself through [`iam::permissions`](crate::iam), no
//! numbers, no placeholders, nothing remembered, nothing overflowing. Nothing of `usage` is read.

use hashbrown::HashSet;

use super::columns::{EVENT_COLUMNS, EventColumns};
use super::copies::is_foreign_copy;
use super::cross_account::{SharedIds, hash};
use super::error::ReadError;
use super::interner::Texts;
use super::origin::{Origin, Smallest};
use super::read::{Sessions, event_days, finish, is_wanted};
use super::role_paths::RolePaths;
use super::row::UsageRow;
use super::select::{Cover, Selection, TimeRange};
use super::shared_str::Text;
use super::sum::summed;
use crate::iam::{Catalog, Confidence, Permissions, permissions};
use crate::store::{Snapshot, read_batches};
use crate::time::day_of;

/// Rows that wait until they are added up.
const ROWS_WAITING: usize = 200_000;

/// The usage of the selected principals in a window, from their events: the rows that
/// [`read_exact`](super::read_exact) gives.
///
/// # Errors
/// When the store can't be read.
pub fn from_events(
    snapshot: &Snapshot,
    selection: &Selection,
    range: &TimeRange,
    sessions: Sessions,
    catalog: &Catalog,
) -> Result<Vec<UsageRow>, ReadError> {
    let (is_wanted, paths) = (is_wanted(selection, range), &selection.role_paths);
    let (mut rows, mut known, mut held) = (Vec::new(), Texts::new(), 0);
    for files in event_days(snapshot, |date| range.cover(date) != Cover::None) {
        let shared = SharedIds::read(&files)?;
        let mut counted = HashSet::new();
        for file in files {
            for batch in read_batches(file, Some(EVENT_COLUMNS), None)? {
                let events = EventColumns::try_new(&batch?)?;
                for row in 0..events.len() {
                    let is_foreign = is_foreign_copy(&events, row);
                    let shared_id = events.shared_event_id(row).filter(|_| is_foreign).map(hash);
                    let is_copy = |id: u128| shared.own.contains(&id) || !counted.insert(id);
                    if !shared_id.is_some_and(is_copy) && is_wanted(&events, row) {
                        add(&mut rows, &events, row, (is_foreign, paths), (catalog, &mut known));
                    }
                }
                if rows.len() > held + ROWS_WAITING {
                    rows = summed(rows);
                    held = rows.len();
                }
            }
        }
    }
    Ok(finish(rows, sessions))
}

/// Adds a row for each action and resource of an event.
fn add(
    rows: &mut Vec<UsageRow>,
    events: &EventColumns,
    row: usize,
    (is_foreign, paths): (bool, &RolePaths),
    (catalog, known): (&Catalog, &mut Texts),
) {
    let resources = events.resources(row);
    let event = events.event(row, &resources);
    let took = permissions(catalog, &event);
    let mut text = |text: Option<&str>| known.text_of(text.unwrap_or_default());
    let time_us = events.time_us(row);
    let common = UsageRow {
        event_date: day_of(time_us),
        account_id: text(events.principal_account_id(row).or(events.recipient_account_id(row))),
        principal_arn: text(events.principal_arn(row).map(|arn| paths.whole(arn))),
        principal_type: text(events.principal_type(row)),
        permission_set: events.permission_set(row).map(|name| text(Some(name))),
        session_name: events.session_name(row).map(|name| text(Some(name))),
        action: None,
        resource: text(Some("*")),
        outcome: took.outcome,
        confidence: text(Some(Confidence::Documented.as_str())),
        rule: text(took.no_permission),
        passed_to_service: None,
        event_source: text(Some(event.event_source)),
        event_name: text(Some(event.event_name)),
        aws_region: text(event.aws_region),
        via: events.invoked_by(row).map(|name| text(Some(name))),
        event_count: 1,
        first_time_us: time_us,
        last_time_us: time_us,
        example_event_id: text(events.event_id(row)),
        cross_account: is_foreign,
        overflow: false,
        origin: Some(origin(events, row, &mut text)),
    };
    if took.no_permission.is_some() {
        rows.push(common);
    } else {
        add_needed(rows, &took, &common, &mut text);
    }
}

fn add_needed(
    rows: &mut Vec<UsageRow>,
    took: &Permissions,
    common: &UsageRow,
    text: &mut impl FnMut(Option<&str>) -> Text,
) {
    let begin = rows.len();
    for permission in &took.needed {
        for resource in &permission.resources {
            let row = UsageRow {
                action: Some(text(Some(&permission.action))),
                resource: text(Some(resource)),
                confidence: text(Some(permission.confidence.as_str())),
                rule: text(Some(permission.rule)),
                passed_to_service: permission.passed_to_service.as_deref().map(|service| text(Some(service))),
                ..common.clone()
            };
            // It is one call, however often it is named.
            if !rows.iter().skip(begin).any(|other| *other == row) {
                rows.push(row);
            }
        }
    }
}

fn origin(events: &EventColumns, row: usize, text: &mut impl FnMut(Option<&str>) -> Text) -> Origin {
    let (endpoint, mfa) = (events.vpc_endpoint_id(row), events.mfa_authenticated(row));
    let only = |item: Option<Text>| Smallest { items: item.into_iter().collect(), more: false };
    let endpoint = endpoint.map(|id| text(Some(id)));
    let source_ip = text(events.source_ip_address(row));
    Origin {
        without_vpc_endpoint: endpoint.is_none(),
        source_ips: only(Some(source_ip).filter(|_| endpoint.is_none())),
        vpc_endpoint_ids: only(endpoint),
        with_mfa: mfa == Some(true),
        without_mfa: mfa == Some(false),
        mfa_not_recorded: mfa.is_none(),
    }
}
