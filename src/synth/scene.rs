//! All that one event is written from.

use std::collections::HashMap;
use std::rc::Rc;

use super::actors::{Actor, Kind};
use super::agents::Agent;
use super::dates::write_day;
use super::identity::{Caller, session_seconds};
use super::rng::{self, HEX, Rng, fixed};
use super::world::{Account, Pool, SYSTEMS, World};

/// Kept fillings of one record.
pub(super) const KEPT_MAX: usize = 4;

/// All that one event is written from.
pub(super) struct Scene<'w> {
    pub world: &'w World,
    pub account: &'w Account,
    pub region: &'w str,
    /// Seconds since 1970, UTC.
    pub time: i64,
    pub actor: &'w Actor,
    pub caller: Rc<Caller>,
    /// Which of the caller's agents.
    agent: usize,
    /// Sessions met so far: by actor, account, number since 1970, instance.
    sessions: HashMap<(u64, usize, i64, &'w str), Rc<Caller>>,
    /// Room for a text that waits.
    pub scratch: Vec<u8>,
    pub rng: Rng,
    /// Which record of the archive it is.
    pub place: [u64; 3],
    /// Fillings kept for later holes of the same record.
    pub kept: [Vec<u8>; KEPT_MAX],
    /// The resource taken of each pool, plus 1; 0: none yet.
    taken: [u16; Pool::ALL.len()],
    /// Whether resources are taken that the actor has nothing to do with.
    pub is_astray: bool,
}

impl<'w> Scene<'w> {
    pub fn new(world: &'w World, account: &'w Account, region: &'w str, actor: &'w Actor) -> Scene<'w> {
        Scene {
            world,
            account,
            region,
            time: 0,
            actor,
            caller: Rc::default(),
            agent: 0,
            sessions: HashMap::new(),
            scratch: Vec::new(),
            rng: Rng::at(0, &[]),
            place: [0; 3],
            kept: Default::default(),
            taken: [0; Pool::ALL.len()],
            is_astray: false,
        }
    }

    /// Begins another record. The caller may be of another account than what it calls for.
    pub fn begin(&mut self, actor: &'w Actor, caller_account: usize, time: i64, rng: Rng) {
        (self.actor, self.time, self.rng, self.is_astray) = (actor, time, rng, false);
        self.taken = [0; Pool::ALL.len()];
        let mut instance = "";
        if actor.kind == Kind::Instance {
            // An instance works on itself.
            instance = self.resource(Pool::Instance);
        }
        let Some(account) = self.world.accounts.get(caller_account) else { return };
        let epoch = time.div_euclid(session_seconds(actor.kind));
        let world = self.world;
        let session = self.sessions.entry((actor.id, caller_account, epoch, instance));
        let new = || Rc::new(Caller::new(world, actor, (caller_account, &account.id), instance, epoch));
        self.caller = Rc::clone(session.or_insert_with(new));
        self.agent = self.rng.below(self.caller.agents.len());
    }

    /// What the caller calls with.
    pub fn agent(&self) -> Option<&Agent> {
        self.caller.agents.get(self.agent)
    }

    fn pool(&self, pool: Pool) -> &'w [String] {
        self.account.pools.get(pool as usize).map_or(&[], Vec::as_slice)
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "made-up numbers within the bounds that the configuration sets"
    )]
    fn take(&mut self, pool: Pool, at: usize) {
        if let Some(taken) = self.taken.get_mut(pool as usize) {
            *taken = at as u16 + 1;
        }
    }

    /// The record's resource of a kind: one of the few that the actor works with, some much more often than others.
    pub fn resource(&mut self, pool: Pool) -> &'w str {
        let all = self.pool(pool);
        let at = match self.taken.get(pool as usize) {
            Some(&taken) if taken > 0 => usize::from(taken) - 1,
            _ => {
                let (first, span) = self.own(pool, all.len());
                let step = if self.is_astray { span } else { self.rng.zipf(span) };
                let at = (first + step) % all.len().max(1);
                self.take(pool, at);
                at
            }
        };
        all.get(at).map_or("", String::as_str)
    }

    /// The actor's own part of a pool: where it begins and how many there are.
    fn own(&self, pool: Pool, len: usize) -> (usize, usize) {
        let first = fixed(self.world.seed, self.actor.id, pool as u64, len);
        let most = (len / 3).clamp(1, 8);
        (first, 1 + fixed(self.world.seed, self.actor.id, 1000 + pool as u64, most))
    }

    /// Some account of the organisation.
    pub fn other_account(&mut self) -> &'w str {
        let at = self.rng.below(self.world.accounts.len());
        self.world.accounts.get(at).map_or("", |account| account.id.as_str())
    }

    /// An object key: a folder that belongs to the bucket, the day, something that is new each time.
    pub fn object_key(&mut self, out: &mut Vec<u8>) {
        const FOLDERS: [&str; 8] = ["raw", "exports", "uploads", "daily", "thumbnails", "models", "state", "archive"];
        let bucket = self.resource(Pool::Bucket).len() + self.taken.first().copied().map_or(0, usize::from);
        let folder = FOLDERS.get((bucket + self.rng.zipf(2)) % FOLDERS.len()).copied().unwrap_or("raw");
        out.extend_from_slice(folder.as_bytes());
        out.push(b'/');
        match self.rng.below(4) {
            0 => {
                out.extend_from_slice(SYSTEMS.get(self.rng.zipf(SYSTEMS.len())).map_or(b"app", |s| s.as_bytes()));
                out.extend_from_slice(b"/config.json");
            }
            1 => {
                out.extend_from_slice(b"dt=");
                write_day(self.time, b'-', out);
                out.extend_from_slice(b"/part-");
                rng::number(self.rng.below(400) as u64 + 10_000, out);
                out.extend_from_slice(b".snappy.parquet");
            }
            2 => {
                write_day(self.time, b'/', out);
                out.push(b'/');
                rng::uuid(&mut self.rng, out);
                out.extend_from_slice(b".json.gz");
            }
            _ => {
                rng::uuid(&mut self.rng, out);
                out.extend_from_slice(b".jpg");
            }
        }
    }

    /// A log stream, as functions name theirs.
    pub fn log_stream(&mut self, out: &mut Vec<u8>) {
        write_day(self.time, b'/', out);
        out.extend_from_slice(b"/[$LATEST]");
        self.rng.text(out, HEX, 32);
    }
}
