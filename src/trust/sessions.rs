//! Which sessions an assumption in the log explains, and what the others tell of themselves.
//!
//! A trust policy made of assumptions alone would shut out whose assumption is not in the log: sessions that began
//! before the window, calls to an endpoint in a region that is not logged. So each session that acts is looked for
//! among the assumptions: by its access key, else by role and name within the time that sessions last.

use std::collections::BTreeMap;
use std::hash::BuildHasher;

use hashbrown::{HashMap, HashSet};

use super::acting::Acting;
use super::assumption::{Assumption, Call, Outcome, Who};
use super::few::Few;
use super::providers::token_keys;
use super::role_name::RoleName;
use super::ways::{Way, Ways};
use crate::usage::{ReadError, Space};

/// The longest that a session of a role lasts (IAM User Guide, `reference_iam-quotas`: "Role session duration").
pub(super) const LASTS_US: i64 = 12 * 3_600_000_000;

/// The time of a call and that at which its session was made differ by no more.
pub(super) const SAME_US: i64 = 2_000_000;

/// Sessions that a set of assumptions explains.
#[derive(Debug, Default)]
pub(super) struct Issued {
    /// Access keys that were given out.
    keys: HashSet<u128>,
    /// Role and session name → first and last assumption.
    names: HashMap<u128, (i64, i64)>,
    /// The same, of assumptions that tell no access key.
    keyless: HashMap<u128, (i64, i64)>,
}

/// The sessions of one role that acted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleSessions {
    /// How many; a session without access key counts once a name.
    pub seen: u64,
    /// Of how many nothing tells how they came about.
    pub unexplained: u64,
    /// Names of some of these.
    pub unexplained_names: Few,
    /// What they say of themselves that is not enough: `accounts.google.com`.
    pub hints: BTreeMap<String, u64>,
}

/// Sessions of all roles.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    pub of_role: BTreeMap<RoleName, RoleSessions>,
    known: HashSet<u128>,
}

/// What a session takes that is known.
const KNOWN_BYTES: u64 = 40;

pub(super) fn hash(texts: &[&str]) -> u128 {
    let half = |seed| u128::from(foldhash::quality::FixedState::with_seed(seed).hash_one(texts));
    half(1) << 64 | half(2)
}

/// Lets the times of a name reach to another one.
fn widen(names: &mut HashMap<u128, (i64, i64)>, name: u128, time_us: i64) {
    let times = names.entry(name).or_insert((time_us, time_us));
    *times = (times.0.min(time_us), times.1.max(time_us));
}

impl Issued {
    /// Notes an assumption.
    pub fn note(&mut self, call: &Assumption) {
        if call.outcome != Outcome::Succeeded {
            return;
        }
        let session = call.session_name.as_deref().unwrap_or_default();
        let name = hash(&[&call.role.account, &call.role.name, session]);
        widen(&mut self.names, name, call.time_us);
        match &call.issued_key {
            Some(key) => drop(self.keys.insert(hash(&[key]))),
            None => widen(&mut self.keyless, name, call.time_us),
        }
    }

    /// Whether an assumption explains a session.
    fn explains(&self, role: &RoleName, acting: &Acting<'_>) -> bool {
        if !acting.key.is_empty() && self.keys.contains(&hash(&[acting.key])) {
            return true;
        }
        // Whoever tells a key that nobody was given is none of those whose keys are known.
        let names = if acting.key.is_empty() { &self.names } else { &self.keyless };
        let Some((first, last)) = names.get(&hash(&[&role.account, &role.name, acting.session_name])) else {
            return false;
        };
        let made = acting.created_us.unwrap_or(acting.times_us.0);
        *first - SAME_US <= made && made <= last.saturating_add(LASTS_US)
    }

    /// Bytes, about.
    pub fn bytes(&self) -> u64 {
        KNOWN_BYTES * (self.keys.len() + self.names.len() + self.keyless.len()) as u64
    }
}

impl Sessions {
    /// Looks at a session that acts; what it tells of how it came about becomes a way.
    pub fn look(
        &mut self,
        acting: &Acting<'_>,
        issued: &Issued,
        ways: &mut Ways,
        space: &Space,
    ) -> Result<(), ReadError> {
        let Some(role) = RoleName::of(acting.role_arn) else { return Ok(()) };
        let id = [role.account.as_str(), &role.name, acting.session_name, acting.key];
        let is_new = self.known.insert(hash(&id));
        let bytes = issued.bytes() + KNOWN_BYTES * self.known.len() as u64;
        if bytes > space.bytes() {
            return Err(ReadError::TooMany { rows: self.known.len() as u64, bytes, space_bytes: space.bytes() });
        }
        let is_explained = issued.explains(&role, acting);
        let told = if is_explained { None } else { told(acting) };
        let of_role = ways.role(&role, acting.role_arn);
        if let Some(Ok(way)) = &told {
            let seen = of_role.ways.entry(way.clone()).or_default();
            seen.sessions += u64::from(is_new);
            seen.session_names.add(acting.session_name);
            seen.time(acting.times_us.0, "");
            seen.time(acting.times_us.1, "");
        }
        if !is_new {
            return Ok(());
        }
        let sessions = self.of_role.entry(role).or_default();
        sessions.seen += 1;
        if !is_explained && !matches!(told, Some(Ok(_))) {
            sessions.unexplained += 1;
            sessions.unexplained_names.add(acting.session_name);
            if let Some(Err(hint)) = told {
                *sessions.hints.entry(hint).or_default() += 1;
            }
        }
        Ok(())
    }
}

/// How a session says that it came about (CloudTrail User Guide, "CloudTrail userIdentity element": `ec2RoleDelivery`,
/// `inScopeOf`, `webIdFederationData`); an error where that is not enough for a policy.
fn told(acting: &Acting<'_>) -> Option<Result<Way, String>> {
    let way = |call: Call, who: Who| Way {
        call,
        who,
        external_id: None,
        audience: None,
        subject: None,
        has_source_identity: !acting.source_identity.is_empty(),
        has_tags: false,
        has_context: false,
        pod: BTreeMap::new(),
        source_account: None,
        mfa: None,
    };
    let service = |name: &str| Some(Ok(way(Call::AssumeRole, Who::Service(name.to_owned()))));
    if !acting.ec2_delivery.is_empty() {
        return service("ec2.amazonaws.com");
    }
    if acting.issuer_type == "AWS::Lambda::Function" {
        return service("lambda.amazonaws.com");
    }
    if acting.web_provider.is_empty() {
        return None;
    }
    let provider = acting.web_provider.to_owned();
    let (prefix, audience, subject) = token_keys(&provider);
    let attributes = crate::util::json::value(acting.web_attributes).unwrap_or_default();
    let of = |key: Option<&str>| {
        let found = attributes.get(format!("{prefix}:{}", key?))?.as_str()?;
        (!found.is_empty()).then(|| found.to_owned())
    };
    let (found_audience, found_subject) = (of(audience), of(subject));
    let is_known = audience.is_some() == found_audience.is_some() && subject.is_some() == found_subject.is_some();
    if !is_known {
        return Some(Err(provider));
    }
    let way = way(Call::WithWebIdentity, Who::Provider(provider));
    Some(Ok(Way { audience: found_audience, subject: found_subject, ..way }))
}
