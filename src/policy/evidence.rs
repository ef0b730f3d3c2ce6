//! What a grant rests on: how often, when, by whom, and how sure.

use std::collections::BTreeSet;

use crate::iam::Confidence;
use crate::usage::{Origin, Text, UsageRow};

/// The events behind a grant or a statement, summed up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Events; one that needed two actions counts for each.
    pub events: u64,
    /// Time of the first event, microseconds since 1970-01-01 UTC.
    pub first_time_us: i64,
    /// Time of the last event, microseconds since 1970-01-01 UTC.
    pub last_time_us: i64,
    /// `eventID` of the earliest event.
    pub example_event_id: Text,
    /// The least sure of the confidences.
    pub confidence: Confidence,
    /// Principals, by ARN.
    pub principals: BTreeSet<Text>,
    /// Role session names.
    pub sessions: BTreeSet<Text>,
    /// Regions in which it was called.
    pub regions: BTreeSet<Text>,
    /// Services that called on the principal's behalf.
    pub via: BTreeSet<Text>,
    /// Whether the principal also called itself.
    pub direct: bool,
    /// Where it was called from; `None` where that was not recorded of all.
    pub origin: Option<Origin>,
}

/// The row's confidence; a word that is not known is not trusted.
pub(crate) fn confidence(row: &UsageRow) -> Confidence {
    Confidence::parse(&row.confidence).unwrap_or(Confidence::Unverified)
}

impl Evidence {
    /// The evidence in one row.
    pub(crate) fn of(row: &UsageRow) -> Evidence {
        Evidence {
            events: row.event_count,
            first_time_us: row.first_time_us,
            last_time_us: row.last_time_us,
            example_event_id: row.example_event_id.clone(),
            confidence: confidence(row),
            principals: BTreeSet::from([row.principal_arn.clone()]),
            sessions: row.session_name.iter().cloned().collect(),
            regions: BTreeSet::from([row.aws_region.clone()]),
            via: row.via.iter().cloned().collect(),
            direct: row.via.is_none(),
            origin: row.origin.clone(),
        }
    }

    /// Adds other evidence.
    pub(crate) fn absorb(&mut self, other: &Evidence) {
        self.events = self.events.saturating_add(other.events);
        self.last_time_us = self.last_time_us.max(other.last_time_us);
        if (other.first_time_us, &other.example_event_id) < (self.first_time_us, &self.example_event_id) {
            self.first_time_us = other.first_time_us;
            self.example_event_id.clone_from(&other.example_event_id);
        }
        self.confidence = self.confidence.max(other.confidence);
        self.principals.extend(other.principals.iter().cloned());
        self.sessions.extend(other.sessions.iter().cloned());
        self.regions.extend(other.regions.iter().cloned());
        self.via.extend(other.via.iter().cloned());
        self.direct |= other.direct;
        Origin::sum(&mut self.origin, other.origin.as_ref());
    }

    /// The sum of several; `None` of none.
    pub(crate) fn sum<'a>(parts: impl IntoIterator<Item = &'a Evidence>) -> Option<Evidence> {
        let mut parts = parts.into_iter();
        let mut sum = parts.next()?.clone();
        for part in parts {
            sum.absorb(part);
        }
        Some(sum)
    }
}
