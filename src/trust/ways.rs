//! Assumptions added up by role: in how many ways each was taken, and by whom it was refused.

use std::collections::BTreeMap;

use super::assumption::{Assumption, Call, Outcome, Who};
use super::few::Few;
use super::role_name::RoleName;
use crate::usage::{ReadError, Space};

/// One way to take a role: all that a trust policy can tell apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Way {
    /// How.
    pub call: Call,
    /// Who.
    pub who: Who,
    /// `externalId`.
    pub external_id: Option<String>,
    /// Audience of the token or assertion.
    pub audience: Option<String>,
    /// Subject of the token, for providers whose subjects a policy lists.
    pub subject: Option<String>,
    /// Whether the session has a source identity.
    pub has_source_identity: bool,
    /// Whether the session has tags.
    pub has_tags: bool,
    /// Whether context is passed.
    pub has_context: bool,
    /// Tags of a pod by which EKS says which it is.
    pub pod: BTreeMap<String, String>,
    /// Account of the resource for which a service acts.
    pub source_account: Option<String>,
    /// Whether the caller gave a second factor; `None` where nothing tells.
    pub mfa: Option<bool>,
}

/// How often, when, and what differed from time to time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Calls.
    pub calls: u64,
    /// Switches in the console, which are calls as well.
    pub switches: u64,
    /// Sessions that tell by themselves how they came about, where no call is in the log.
    pub sessions: u64,
    /// First and last, microseconds since 1970-01-01 UTC.
    pub times_us: Option<(i64, i64)>,
    /// The last one's `eventID`.
    pub example_event_id: String,
    /// Names of the sessions.
    pub session_names: Few,
    /// Addresses.
    pub source_ips: Few,
    /// Source identities.
    pub source_identities: Few,
    /// Subjects of assertions and tokens.
    pub subjects: Few,
    /// Issuers of assertions.
    pub issuers: Few,
    /// Keys of session tags.
    pub tag_keys: Few,
    /// Keys of the tags that go on.
    pub transitive_tag_keys: Few,
}

/// Somebody to whom a role was refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Denial {
    /// How.
    pub call: Call,
    /// Who.
    pub who: Who,
    /// `externalId`.
    pub external_id: Option<String>,
    /// Subject of the token or assertion.
    pub subject: Option<String>,
    /// [`Outcome::Denied`] or [`Outcome::Failed`].
    pub outcome: Outcome,
}

/// What is known of one role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleWays {
    /// Its ARN, with its path where a record has it.
    pub arn: String,
    /// How it was taken.
    pub ways: BTreeMap<Way, Seen>,
    /// To whom it was refused.
    pub denials: BTreeMap<Denial, Seen>,
    /// Calls that are in none of the above, because there are too many ways.
    pub left_out: u64,
}

/// All roles.
#[derive(Debug, Default)]
pub struct Ways {
    /// By account and name.
    pub roles: BTreeMap<RoleName, RoleWays>,
    bytes: u64,
}

/// Ways of one role: more cannot be in a policy of 4,096 characters, and somebody may make up any number.
const WAYS_MAX: usize = 2_000;

/// Refusals of one role.
const DENIALS_MAX: usize = 200;

/// What a way takes, about.
const WAY_BYTES: u64 = 3_000;

/// Tags that EKS sets on the sessions of pods (EKS User Guide, "Enable or disable session tags"), by which a policy may
/// tell pods apart: names of pods and their uids change.
pub(super) const POD_TAGS: [&str; 3] = ["eks-cluster-arn", "kubernetes-namespace", "kubernetes-service-account"];

/// The service that takes roles for pods.
pub(super) const PODS: &str = "pods.eks.amazonaws.com";

impl Way {
    /// Of a call.
    pub fn of(call: &Assumption) -> Way {
        let is_pod = call.who == Who::Service(PODS.to_owned());
        let pod = POD_TAGS.iter().filter(|_| is_pod).filter_map(|key| {
            let value = call.tags.get(*key).filter(|value| !value.is_empty())?;
            Some(((*key).to_owned(), value.clone()))
        });
        let lists_subjects = match &call.who {
            Who::Provider(provider) => super::providers::lists_subjects(provider),
            _ => false,
        };
        Way {
            call: call.call,
            who: call.who.clone(),
            external_id: call.external_id.clone(),
            audience: call.audience.clone(),
            subject: call.subject.clone().filter(|_| call.call == Call::WithWebIdentity && lists_subjects),
            has_source_identity: call.source_identity.is_some(),
            has_tags: !call.tags.is_empty(),
            has_context: call.has_context,
            pod: pod.collect(),
            source_account: call.source_account.clone(),
            mfa: call.mfa,
        }
    }
}

impl Seen {
    fn add(&mut self, call: &Assumption) {
        self.calls += 1;
        self.switches += u64::from(call.is_switch);
        self.time(call.time_us, &call.event_id);
        let each = [
            (&mut self.session_names, &call.session_name),
            (&mut self.source_ips, &call.source_ip),
            (&mut self.source_identities, &call.source_identity),
            (&mut self.subjects, &call.subject),
            (&mut self.issuers, &call.issuer),
        ];
        each.into_iter().for_each(|(few, text)| text.iter().for_each(|text| few.add(text)));
        call.tags.keys().for_each(|key| self.tag_keys.add(key));
        call.transitive.iter().for_each(|key| self.transitive_tag_keys.add(key));
    }

    /// Takes over what others have seen of the same.
    pub(super) fn absorb(&mut self, other: Seen) {
        self.calls += other.calls;
        self.switches += other.switches;
        self.sessions += other.sessions;
        if let Some((first, last)) = other.times_us {
            self.time(last, &other.example_event_id);
            self.times_us = self.times_us.map(|(own, last)| (own.min(first), last));
        }
        let each = [
            (&mut self.session_names, other.session_names),
            (&mut self.source_ips, other.source_ips),
            (&mut self.source_identities, other.source_identities),
            (&mut self.subjects, other.subjects),
            (&mut self.issuers, other.issuers),
            (&mut self.tag_keys, other.tag_keys),
            (&mut self.transitive_tag_keys, other.transitive_tag_keys),
        ];
        for (few, others) in each {
            few.more |= others.more;
            others.items.iter().for_each(|text| few.add(text));
        }
    }

    pub(super) fn time(&mut self, time_us: i64, event_id: &str) {
        let (first, last) = self.times_us.unwrap_or((time_us, time_us));
        if self.times_us.is_none() || (time_us, event_id) >= (last, self.example_event_id.as_str()) {
            event_id.clone_into(&mut self.example_event_id);
        }
        self.times_us = Some((first.min(time_us), last.max(time_us)));
    }
}

impl Ways {
    /// Adds a call.
    ///
    /// # Errors
    /// [`ReadError::TooMany`] where all of it takes more than `space`.
    pub fn add(&mut self, call: &Assumption, space: &Space) -> Result<(), ReadError> {
        let role = self.role(&call.role, &call.role_arn);
        let before = role.ways.len() + role.denials.len();
        if call.outcome == Outcome::Succeeded {
            let way = Way::of(call);
            let is_full = role.ways.len() >= WAYS_MAX && !role.ways.contains_key(&way);
            match is_full {
                true => role.left_out += 1,
                false => role.ways.entry(way).or_default().add(call),
            }
        } else {
            let denial = Denial {
                call: call.call,
                who: call.who.clone(),
                external_id: call.external_id.clone(),
                subject: call.subject.clone(),
                outcome: call.outcome.clone(),
            };
            if role.denials.len() < DENIALS_MAX || role.denials.contains_key(&denial) {
                role.denials.entry(denial).or_default().add(call);
            }
        }
        let added = role.ways.len() + role.denials.len() - before;
        self.note(added as u64, space)
    }

    /// A role, known from now on.
    pub fn role(&mut self, name: &RoleName, arn: &str) -> &mut RoleWays {
        let role = self.roles.entry(name.clone()).or_default();
        // Of several ARNs of one the longest has its path.
        if (arn.len(), arn) > (role.arn.len(), role.arn.as_str()) {
            arn.clone_into(&mut role.arn);
        }
        role
    }

    fn note(&mut self, added: u64, space: &Space) -> Result<(), ReadError> {
        self.bytes = self.bytes.saturating_add(added * WAY_BYTES);
        if self.bytes <= space.bytes() {
            return Ok(());
        }
        Err(ReadError::TooMany { rows: self.bytes / WAY_BYTES, bytes: self.bytes, space_bytes: space.bytes() })
    }
}
