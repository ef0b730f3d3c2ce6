//! Chains of roles back to where they began: the person, the user, the program.

use std::collections::BTreeMap;

use hashbrown::{HashMap, HashSet};

use super::acting::{Acting, each_acting};
use super::assumption::Who;
use super::few::Few;
use super::links::{Link, Links};
use super::read::read_assumptions;
use super::role_name::RoleName;
use super::sessions::{LASTS_US, hash};
use crate::iam::wildcard_match;
use crate::record::permission_set;
use crate::store::Snapshot;
use crate::usage::{ReadError, Selection, Space, TimeRange};

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct ChainQuestion<'a> {
    /// Which state of the store.
    pub snapshot: &'a Snapshot,
    /// Which window.
    pub range: &'a TimeRange,
    /// Which roles at the end of chains.
    pub selection: &'a Selection,
    /// Whom at their beginning: globs; none means everybody.
    pub persons: &'a [String],
    /// Memory.
    pub space: &'a Space,
}

/// Where a chain began.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// What it is.
    pub kind: OriginKind,
    /// Name of the person, user, subject or service; empty where it is not known.
    pub name: String,
    /// What stands for it in the log: an ARN, an identity provider.
    pub by: String,
}

/// What a chain began with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OriginKind {
    /// Somebody who came through Identity Center.
    IdentityCenter,
    /// Somebody with an assertion of an identity provider.
    Saml,
    /// An IAM user.
    User,
    /// An account's root.
    Root,
    /// Somebody or something with a token of an identity provider.
    WebIdentity,
    /// Whoever set the source identity; how they came is not in the log.
    SourceIdentity,
    /// An AWS service.
    Service,
    /// Somebody of an account that is not logged.
    OtherAccount,
    /// A session of which the log does not say how it came about.
    Unknown,
}

/// One role of a chain, of its last time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// ARN of the role.
    pub role_arn: String,
    /// Name of the session.
    pub session_name: String,
    /// When it was made, microseconds since 1970-01-01 UTC; `None` where that is not in the log.
    pub time_us: Option<i64>,
    /// `eventID` of the call.
    pub event_id: Option<String>,
}

/// Sessions that came about in the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Where it began.
    pub origin: Origin,
    /// The roles, the first one that was taken first; the last time that it was so.
    pub hops: Vec<Hop>,
    /// Sessions of the last role.
    pub sessions: u64,
    /// Events of these sessions.
    pub events: u64,
    /// First and last of either, microseconds since 1970-01-01 UTC.
    pub times_us: (i64, i64),
    /// Source identities.
    pub source_identities: Few,
}

/// The answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chains {
    /// By the last role, then by who began.
    pub chains: Vec<Chain>,
    /// Sessions of the chains, and how many of them lead to nobody.
    pub sessions: u64,
    /// Sessions of which the log does not say how they came about.
    pub unknown: u64,
}

/// Roles of a chain that are followed: AWS ends a session of a chained role after an hour, and keys may be made up.
const HOPS_MAX: usize = 16;

/// What a chain takes, about.
const CHAIN_BYTES: u64 = 1_500;

/// How far back links are looked for that chains within the window need.
const BEFORE_US: i64 = 2 * LASTS_US;

impl OriginKind {
    /// For people and programs.
    pub fn as_str(self) -> &'static str {
        match self {
            OriginKind::IdentityCenter => "identity-center",
            OriginKind::Saml => "saml",
            OriginKind::User => "user",
            OriginKind::Root => "root",
            OriginKind::WebIdentity => "web-identity",
            OriginKind::SourceIdentity => "source-identity",
            OriginKind::Service => "service",
            OriginKind::OtherAccount => "other-account",
            OriginKind::Unknown => "unknown",
        }
    }

    /// Whether somebody is a person as far as a log can tell.
    pub fn is_person(self) -> bool {
        use OriginKind::{IdentityCenter, Root, Saml, SourceIdentity, User};
        matches!(self, IdentityCenter | Saml | User | Root | SourceIdentity)
    }
}

/// Where it began, and the roles.
type Key = (Origin, Vec<String>);

/// Finds the chains of a window.
///
/// # Errors
/// The store; [`ReadError::TooMany`] where the sessions take more memory than there is.
pub fn chains(question: &ChainQuestion<'_>) -> Result<Chains, ReadError> {
    let ChainQuestion { snapshot, range, space, .. } = *question;
    let earlier = TimeRange { from_us: range.from_us.map(|from| from.saturating_sub(BEFORE_US)), ..*range };
    let mut links = Links::default();
    read_assumptions(snapshot, &earlier, &space.share(4), &mut |call| links.add(&call, &space.share(2)))?;
    links.sort();
    let mut found =
        Found { question, links: &links, chains: BTreeMap::new(), known: HashSet::new(), of: HashMap::new() };
    for at in 0..links.links.len() {
        found.made(u32::try_from(at).unwrap_or(u32::MAX))?;
    }
    each_acting(snapshot, range, &mut |acting| found.acted(acting))?;
    Ok(found.finish())
}

struct Found<'a> {
    question: &'a ChainQuestion<'a>,
    links: &'a Links,
    chains: BTreeMap<Key, Chain>,
    /// Sessions that no link made.
    known: HashSet<u128>,
    /// The chain of each link that is asked for again.
    of: HashMap<u32, Option<Key>>,
}

impl Found<'_> {
    fn is_meant(&self, role_arn: &str, origin: &Origin) -> bool {
        let account = RoleName::of(role_arn).map(|role| role.account).unwrap_or_default();
        let persons = self.question.persons;
        let is_one = |pattern: &String| wildcard_match(pattern, &origin.name, true) || *pattern == origin.by;
        self.question.selection.means_role(role_arn, &account) && (persons.is_empty() || persons.iter().any(is_one))
    }

    /// Notes a session that was made.
    fn made(&mut self, at: u32) -> Result<(), ReadError> {
        let Some(link) = self.links.get(at) else { return Ok(()) };
        let time = link.time_us;
        if !self.question.range.contains(time) {
            return Ok(());
        }
        let (key, hops) = self.follow(at);
        let source_identity = self.links.texts.text(link.source_identity);
        self.note(key, hops, (time, time), |chain| {
            chain.sessions += 1;
            chain.source_identities.add(source_identity);
        })
    }

    fn note(
        &mut self,
        key: Key,
        hops: Vec<Hop>,
        times: (i64, i64),
        change: impl FnOnce(&mut Chain),
    ) -> Result<(), ReadError> {
        let role = hops.last().map_or("", |hop| hop.role_arn.as_str());
        if !self.is_meant(role, &key.0) {
            return Ok(());
        }
        let rows = self.chains.len() as u64;
        let (bytes, space_bytes) = (rows * CHAIN_BYTES, self.question.space.bytes() / 4);
        if bytes > space_bytes {
            return Err(ReadError::TooMany { rows, bytes, space_bytes });
        }
        let origin = key.0.clone();
        let chain = self.chains.entry(key).or_insert_with(|| Chain {
            origin,
            hops: hops.clone(),
            sessions: 0,
            events: 0,
            times_us: times,
            source_identities: Few::default(),
        });
        // The hops are those of the last time.
        let when = |hops: &[Hop]| hops.last().map(|hop| (hop.time_us, hop.event_id.clone()));
        if when(&hops) > when(&chain.hops) {
            chain.hops = hops;
        }
        chain.times_us = (chain.times_us.0.min(times.0), chain.times_us.1.max(times.1));
        change(chain);
        Ok(())
    }

    /// Counts the events of a session; one that no link made begins where it tells itself.
    fn acted(&mut self, acting: &Acting<'_>) -> Result<(), ReadError> {
        let Some(role) = RoleName::of(acting.role_arn) else { return Ok(()) };
        let key = (!acting.key.is_empty()).then(|| hash(&[acting.key]));
        let made = acting.created_us.unwrap_or(acting.times_us.0);
        if let Some(at) = self.links.find(&role, acting.session_name, key, made) {
            let key = match self.of.get(&at) {
                Some(known) => known.clone(),
                None => {
                    let key = Some(self.follow(at).0);
                    self.of.insert(at, key.clone());
                    key
                }
            };
            let Some(key) = key else { return Ok(()) };
            return match self.chains.get_mut(&key) {
                Some(chain) => {
                    chain.acted(acting);
                    Ok(())
                }
                None => {
                    let hops = self.follow(at).1;
                    self.note(key, hops, acting.times_us, |chain| chain.acted(acting))
                }
            };
        }
        let is_new = self.known.insert(hash(&[&role.account, &role.name, acting.session_name, acting.key]));
        let (bytes, space_bytes) = (self.known.len() as u64 * 40, self.question.space.bytes() / 4);
        if bytes > space_bytes {
            return Err(ReadError::TooMany { rows: self.known.len() as u64, bytes, space_bytes });
        }
        let hop = Hop {
            role_arn: acting.role_arn.to_owned(),
            session_name: acting.session_name.to_owned(),
            time_us: acting.created_us,
            event_id: None,
        };
        let key = (of_session(acting), vec![acting.role_arn.to_owned()]);
        self.note(key, vec![hop], acting.times_us, |chain| {
            chain.sessions += u64::from(is_new);
            chain.source_identities.add(acting.source_identity);
            chain.acted(acting);
        })
    }

    /// Goes back from a link to where its chain began.
    fn follow(&self, at: u32) -> (Key, Vec<Hop>) {
        let mut ats = vec![at];
        while let Some(link) = ats.last().and_then(|at| self.links.get(*at)) {
            match self.links.before(link) {
                Some(before) if ats.len() < HOPS_MAX && !ats.contains(&before) => ats.push(before),
                _ => break,
            }
        }
        let texts = &self.links.texts;
        let mut hops: Vec<Hop> = Vec::new();
        let mut origin = None;
        for link in ats.iter().rev().filter_map(|at| self.links.get(*at)) {
            if origin.is_none() {
                let (found, first) = self.origin(link);
                origin = Some(found);
                hops.extend(first);
            }
            hops.push(Hop {
                role_arn: texts.text(link.role).to_owned(),
                session_name: texts.text(link.session_name).to_owned(),
                time_us: Some(link.time_us),
                event_id: Some(link.event_id.to_string()),
            });
        }
        let origin = origin.unwrap_or_else(|| Origin::new(OriginKind::Unknown, "", ""));
        let roles = hops.iter().map(|hop| hop.role_arn.clone()).collect();
        ((origin, roles), hops)
    }

    /// Who made the first session of a chain; a role whose own session no link made is a hop before it.
    fn origin(&self, link: &Link) -> (Origin, Option<Hop>) {
        let texts = &self.links.texts;
        let (subject, session) = (texts.text(link.subject), texts.text(link.session_name));
        let source_identity = texts.text(link.source_identity);
        let role = texts.text(link.role);
        let or_source = |origin: Origin| match source_identity {
            "" => origin,
            said => Origin::new(OriginKind::SourceIdentity, said, &origin.by),
        };
        match &link.who {
            Who::Provider(provider) if permission_set(role).is_some() => {
                let name = if session.is_empty() { subject } else { session };
                (Origin::new(OriginKind::IdentityCenter, name, provider), None)
            }
            Who::Provider(provider) if provider.contains(":saml-provider/") => {
                (Origin::new(OriginKind::Saml, if subject.is_empty() { session } else { subject }, provider), None)
            }
            Who::Provider(provider) => (Origin::new(OriginKind::WebIdentity, subject, provider), None),
            Who::Service(name) => (Origin::new(OriginKind::Service, name, name), None),
            Who::Unnamed(_, id) => (or_source(Origin::new(OriginKind::OtherAccount, id, &link.who.text())), None),
            Who::Other(..) => (or_source(Origin::new(OriginKind::Unknown, "", &link.who.text())), None),
            Who::Principal(arn, _) => {
                let name = arn.rsplit(['/', ':']).next().unwrap_or_default();
                if RoleName::of(arn).is_none() {
                    let kind = if name == "root" { OriginKind::Root } else { OriginKind::User };
                    return (Origin::new(kind, name, arn), None);
                }
                let session_name = texts.text(link.caller_session).to_owned();
                let origin = match permission_set(arn) {
                    Some(_) => Origin::new(OriginKind::IdentityCenter, &session_name, arn),
                    None => or_source(Origin::new(OriginKind::Unknown, "", arn)),
                };
                (origin, Some(Hop { role_arn: arn.clone(), session_name, time_us: None, event_id: None }))
            }
        }
    }

    fn finish(self) -> Chains {
        let mut chains: Vec<Chain> = self.chains.into_values().collect();
        let last = |chain: &Chain| chain.hops.last().map(|hop| hop.role_arn.clone());
        let roles = |chain: &Chain| chain.hops.iter().map(|hop| hop.role_arn.clone()).collect::<Vec<_>>();
        chains.sort_by_cached_key(|chain| (last(chain), chain.origin.clone(), roles(chain)));
        let sum = |chains: &[Chain], is_meant: fn(&Chain) -> bool| {
            chains.iter().filter(|chain| is_meant(chain)).fold(0, |sum: u64, chain| sum.saturating_add(chain.sessions))
        };
        let sessions = sum(&chains, |_| true);
        let unknown = sum(&chains, |chain| chain.origin.kind == OriginKind::Unknown);
        Chains { chains, sessions, unknown }
    }
}

impl Chain {
    fn acted(&mut self, acting: &Acting<'_>) {
        self.events = self.events.saturating_add(acting.events);
        self.times_us = (self.times_us.0.min(acting.times_us.0), self.times_us.1.max(acting.times_us.1));
    }
}

impl Origin {
    fn new(kind: OriginKind, name: &str, by: &str) -> Origin {
        Origin { kind, name: name.to_owned(), by: by.to_owned() }
    }
}

/// Where a session began that no call made, as far as it tells.
fn of_session(acting: &Acting<'_>) -> Origin {
    let Acting { role_arn, session_name, web_provider, .. } = *acting;
    if permission_set(role_arn).is_some() {
        return Origin::new(OriginKind::IdentityCenter, session_name, "");
    }
    if !acting.ec2_delivery.is_empty() {
        return Origin::new(OriginKind::Service, "ec2.amazonaws.com", session_name);
    }
    if acting.issuer_type == "AWS::Lambda::Function" {
        return Origin::new(OriginKind::Service, "lambda.amazonaws.com", "");
    }
    match (acting.source_identity, web_provider) {
        ("", "") => Origin::new(OriginKind::Unknown, "", ""),
        ("", provider) => Origin::new(OriginKind::WebIdentity, "", provider),
        (said, _) => Origin::new(OriginKind::SourceIdentity, said, ""),
    }
}
