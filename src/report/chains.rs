//! Who acted behind chains of roles.

use serde::Serialize;

use crate::time::format_time;
use crate::trust::{Chain, Chains};

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChainsValue {
    /// Sessions of the chains.
    pub sessions: u64,
    /// Sessions of which the log does not say how they came about.
    pub unknown: u64,
    /// By the last role, then by who began.
    pub chains: Vec<ChainValue>,
}

/// Sessions that came about in the same way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChainValue {
    /// ARN of the last role.
    pub role_arn: String,
    /// Who began: name of the person, user, subject or service; null where it is not known.
    pub person: Option<String>,
    /// `identity-center`, `saml`, `user`, `root`, `web-identity`, `source-identity`, `service`, `other-account`,
    /// `unknown`.
    pub kind: &'static str,
    /// Whether it is a person as far as a log can tell.
    pub is_person: bool,
    /// What stands for who began in the log.
    pub by: String,
    /// The roles on the way; times and events of the last time.
    pub hops: Vec<HopValue>,
    /// Sessions of the last role.
    pub sessions: u64,
    /// Events of these.
    pub events: u64,
    /// First of either.
    pub first_time: String,
    /// Last of either.
    pub last_time: String,
    /// Source identities, some.
    pub source_identities: Vec<String>,
}

/// One role on the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HopValue {
    /// Its ARN.
    pub role_arn: String,
    /// Name of the session.
    pub session_name: String,
    /// When the session was made; null where that is not in the log.
    pub time: Option<String>,
    /// `eventID` of the call.
    pub event_id: Option<String>,
}

impl ChainsValue {
    /// Of an answer.
    pub fn of(found: &Chains) -> ChainsValue {
        let chains = found.chains.iter().map(ChainValue::of).collect();
        ChainsValue { sessions: found.sessions, unknown: found.unknown, chains }
    }
}

impl ChainValue {
    fn of(chain: &Chain) -> ChainValue {
        let hop = |hop: &crate::trust::Hop| HopValue {
            role_arn: hop.role_arn.clone(),
            session_name: hop.session_name.clone(),
            time: hop.time_us.map(format_time),
            event_id: hop.event_id.clone(),
        };
        ChainValue {
            role_arn: chain.hops.last().map(|hop| hop.role_arn.clone()).unwrap_or_default(),
            person: Some(chain.origin.name.clone()).filter(|name| !name.is_empty()),
            kind: chain.origin.kind.as_str(),
            is_person: chain.origin.kind.is_person(),
            by: chain.origin.by.clone(),
            hops: chain.hops.iter().map(hop).collect(),
            sessions: chain.sessions,
            events: chain.events,
            first_time: format_time(chain.times_us.0),
            last_time: format_time(chain.times_us.1),
            source_identities: chain.source_identities.items.iter().cloned().collect(),
        }
    }

    /// The roles on the way by their names, the last one last: `ops > deploy`.
    pub fn through(&self) -> String {
        let names: Vec<&str> = self.hops.iter().map(|hop| short(&hop.role_arn)).collect();
        names.join(" > ")
    }
}

/// A role's name out of its ARN.
fn short(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}
