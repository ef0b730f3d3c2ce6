//! Sessions of roles as links of chains: which session made which.

use hashbrown::HashMap;

use super::assumption::{Assumption, Outcome, Who};
use super::role_name::RoleName;
use super::sessions::{LASTS_US, SAME_US, hash};
use crate::usage::{ReadError, Space};

/// The number of a text.
pub(super) type Number = u32;

/// Texts that many links share.
#[derive(Debug, Default)]
pub(super) struct Texts {
    texts: Vec<Box<str>>,
    numbers: HashMap<Box<str>, Number>,
    bytes: u64,
}

/// One session that was made.
#[derive(Debug)]
pub(super) struct Link {
    pub time_us: i64,
    /// ARN of the role.
    pub role: Number,
    pub session_name: Number,
    pub who: Who,
    pub caller_session: Number,
    pub subject: Number,
    pub source_identity: Number,
    pub event_id: Box<str>,
    caller_key: Option<u128>,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Links {
    pub texts: Texts,
    pub links: Vec<Link>,
    by_key: HashMap<u128, u32>,
    /// Role and session name → links by time.
    by_name: HashMap<u128, Vec<u32>>,
    /// The same, of sessions whose assumption tells no access key.
    keyless: HashMap<u128, Vec<u32>>,
    bytes: u64,
}

/// What a link takes beside its texts, with its places in the tables.
const LINK_BYTES: u64 = 400;

impl Texts {
    pub fn number(&mut self, text: &str) -> Number {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = Number::try_from(self.texts.len()).unwrap_or(Number::MAX);
        self.texts.push(text.into());
        self.numbers.insert(text.into(), number);
        self.bytes += 2 * text.len() as u64 + 80;
        number
    }

    pub fn text(&self, number: Number) -> &str {
        self.texts.get(number as usize).map_or("", AsRef::as_ref)
    }
}

fn name_of(role: &RoleName, session: &str) -> u128 {
    hash(&[&role.account, &role.name, session])
}

impl Links {
    /// Adds a session that was made. Calls come in no order within a day.
    ///
    /// # Errors
    /// [`ReadError::TooMany`] where all of them take more than `space`.
    pub fn add(&mut self, call: &Assumption, space: &Space) -> Result<(), ReadError> {
        if call.outcome != Outcome::Succeeded {
            return Ok(());
        }
        let session = call.session_name.as_deref().unwrap_or_default();
        let at = u32::try_from(self.links.len()).unwrap_or(u32::MAX);
        let name = name_of(&call.role, session);
        self.by_name.entry(name).or_default().push(at);
        match &call.issued_key {
            Some(key) => drop(self.by_key.insert(hash(&[key]), at)),
            None => self.keyless.entry(name).or_default().push(at),
        }
        let mut number = |text: Option<&str>| self.texts.number(text.unwrap_or_default());
        let link = Link {
            time_us: call.time_us,
            role: number(Some(&call.role_arn)),
            session_name: number(Some(session)),
            caller_session: number(call.caller_session.as_deref()),
            subject: number(call.subject.as_deref()),
            source_identity: number(call.source_identity.as_deref()),
            who: call.who.clone(),
            event_id: call.event_id.as_str().into(),
            caller_key: call.caller_key.as_ref().map(|key| hash(&[key])),
        };
        self.links.push(link);
        self.bytes += LINK_BYTES;
        let bytes = self.bytes + self.texts.bytes;
        if bytes <= space.bytes() {
            return Ok(());
        }
        Err(ReadError::TooMany { rows: self.links.len() as u64, bytes, space_bytes: space.bytes() })
    }

    /// Puts the links of a name in the order of time.
    pub fn sort(&mut self) {
        let links = &self.links;
        let time = |at: &u32| links.get(*at as usize).map_or(0, |link| link.time_us);
        self.by_name.values_mut().chain(self.keyless.values_mut()).for_each(|all| all.sort_by_key(time));
    }

    pub fn get(&self, at: u32) -> Option<&Link> {
        self.links.get(at as usize)
    }

    /// The session by its access key, else the last of its name within the time that sessions last.
    pub fn find(&self, role: &RoleName, session: &str, key: Option<u128>, time_us: i64) -> Option<u32> {
        if let Some(at) = key.and_then(|key| self.by_key.get(&key)) {
            return Some(*at);
        }
        // Whoever tells a key that nobody was given is none of those whose keys are known.
        let names = if key.is_none() { &self.by_name } else { &self.keyless };
        let all = names.get(&name_of(role, session))?;
        let time = |at: &u32| self.get(*at).map_or(0, |link| link.time_us);
        let behind = all.partition_point(|at| time(at) <= time_us.saturating_add(SAME_US));
        let at = behind.checked_sub(1).and_then(|at| all.get(at))?;
        (time(at) >= time_us.saturating_sub(LASTS_US)).then_some(*at)
    }

    /// The link whose session made this one.
    pub fn before(&self, link: &Link) -> Option<u32> {
        let Who::Principal(arn, _) = &link.who else { return None };
        let role = RoleName::of(arn)?;
        let found = self.find(&role, self.texts.text(link.caller_session), link.caller_key, link.time_us)?;
        // A key may be made up: nothing is made by what comes behind it.
        self.get(found).filter(|before| before.time_us <= link.time_us.saturating_add(SAME_US)).map(|_| found)
    }
}
