//! The organisation that an archive is about: accounts, what is in them, and who works in them.

use std::collections::HashMap;
use std::rc::Rc;

use super::Config;
use super::agents::Agent;
use super::identity::{Caller, session_seconds};
use super::rng::{self, HEX, Rng, UPPER};
use super::template::{fixed, write_day};

pub(super) use super::actors::{Actor, Kind};

/// The organisation.
#[derive(Debug)]
pub(super) struct World {
    pub seed: u64,
    pub org_id: String,
    pub home_region: String,
    pub regions: Vec<String>,
    pub accounts: Vec<Account>,
    pub actors: Vec<Actor>,
}

/// One account.
#[derive(Debug)]
pub(super) struct Account {
    /// Twelve digits.
    pub id: String,
    /// Names and ids of what is in it, by [`Pool`].
    pools: Vec<Vec<String>>,
}

macro_rules! pools {
    ($($variant:ident $name:literal $size:literal,)*) => {
        /// A kind of resource.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Pool { $($variant,)* }

        impl Pool {
            /// Every kind: its name in templates, how many of it an account has.
            const ALL: &[(Pool, &'static str, usize)] = &[$((Pool::$variant, $name, $size),)*];
        }
    };
}

pools! {
    Bucket "bucket" 24,
    Table "table" 16,
    Function "function" 40,
    Instance "instance" 60,
    Volume "volume" 60,
    SecurityGroup "security-group" 20,
    Vpc "vpc" 3,
    Subnet "subnet" 9,
    Image "image" 8,
    Role "role" 40,
    User "user" 8,
    Policy "policy" 20,
    KmsKey "kms-key" 8,
    LogGroup "log-group" 50,
    Parameter "parameter" 60,
    Secret "secret" 20,
    Queue "queue" 16,
    Topic "topic" 10,
    Database "database" 8,
    Cluster "cluster" 3,
    EksCluster "eks-cluster" 2,
    Service "service" 20,
    Repository "repository" 20,
    Stack "stack" 25,
    Alarm "alarm" 40,
    ScalingGroup "scaling-group" 8,
    LoadBalancer "load-balancer" 6,
    TargetGroup "target-group" 12,
    Zone "zone" 4,
    Distribution "distribution" 4,
    RestApi "rest-api" 6,
    Workgroup "workgroup" 3,
    GlueDatabase "glue-database" 5,
    GlueTable "glue-table" 30,
    Model "model" 5,
    Rule "rule" 12,
    StateMachine "state-machine" 8,
}

impl Pool {
    /// The kind that has this name in templates.
    pub fn named(name: &str) -> Option<Pool> {
        Pool::ALL.iter().find(|(_, known, _)| *known == name).map(|(pool, ..)| *pool)
    }
}

const SYSTEMS: [&str; 24] = [
    "orders",
    "billing",
    "catalog",
    "search",
    "users",
    "payments",
    "shipping",
    "analytics",
    "ingest",
    "notify",
    "reports",
    "inventory",
    "pricing",
    "sessions",
    "media",
    "auth",
    "chat",
    "fraud",
    "loyalty",
    "returns",
    "suppliers",
    "tickets",
    "warehouse",
    "web",
];
const PARTS: [&str; 8] = ["api", "worker", "events", "export", "sync", "daily", "cache", "stream"];
const STAGES: [&str; 8] = ["prod", "staging", "dev", "data", "security", "shared", "sandbox", "test"];
const MODELS: [&str; 5] = [
    "anthropic.claude-3-5-sonnet-20240620-v1:0",
    "amazon.titan-embed-text-v2:0",
    "meta.llama3-70b-instruct-v1:0",
    "anthropic.claude-3-haiku-20240307-v1:0",
    "amazon.nova-lite-v1:0",
];

impl World {
    pub fn new(config: &Config) -> World {
        let mut rng = Rng::at(config.seed, &[0x0001]);
        let text = |rng: &mut Rng, alphabet: &[u8], len| {
            let mut out = Vec::new();
            rng.text(&mut out, alphabet, len);
            String::from_utf8_lossy(&out).into_owned()
        };
        let org_id = format!("o-{}", text(&mut rng, b"abcdefghijklmnopqrstuvwxyz012345", 10));
        let company = SYSTEMS.get(fixed(config.seed, 2, 2, 8)).copied().unwrap_or("acme");
        let accounts = (0..config.accounts)
            .map(|i| Account::new(config.seed, i, &format!("{company}-{}", text(&mut rng, HEX, 4))))
            .collect();
        let regions = config.regions.clone();
        let home_region = regions.first().cloned().unwrap_or_else(|| "us-east-1".to_owned());
        let actors = super::actors::actors(config);
        World { seed: config.seed, org_id, home_region, regions, accounts, actors }
    }
}

impl Account {
    fn new(seed: u64, index: usize, company: &str) -> Account {
        let mut rng = Rng::at(seed, &[0x0002, index as u64]);
        // Ids with a leading zero are as good as any, and often handled wrongly.
        let first = if index == 2 { 0 } else { rng.below(10) as u64 };
        let id = format!("{:012}", first * 100_000_000_000 + rng.next() % 100_000_000_000);
        let stage = match index / STAGES.len() {
            0 => STAGES.get(index).copied().unwrap_or("prod").to_owned(),
            more => format!("{}{}", STAGES.get(index % STAGES.len()).copied().unwrap_or("prod"), more + 1),
        };
        let name = |pool, i| {
            resource(&mut Rng::at(seed, &[0x0003, index as u64, pool as u64, i as u64]), pool, i, &stage, company)
        };
        let pools = Pool::ALL.iter().map(|(pool, _, size)| (0..*size).map(|i| name(*pool, i)).collect()).collect();
        Account { id, pools }
    }
}

/// The name or id of one resource.
fn resource(rng: &mut Rng, pool: Pool, i: usize, stage: &str, company: &str) -> String {
    let system = SYSTEMS.get(rng.below(SYSTEMS.len())).copied().unwrap_or("app");
    let part = PARTS.get(i % PARTS.len()).copied().unwrap_or("api");
    let mut id = |prefix: &str, alphabet: &[u8], len| {
        let mut out = prefix.as_bytes().to_vec();
        rng.text(&mut out, alphabet, len);
        String::from_utf8_lossy(&out).into_owned()
    };
    match pool {
        Pool::Bucket => format!("{company}-{system}-{part}-{stage}-{i}"),
        Pool::Instance => id("i-0", HEX, 16),
        Pool::Volume => id("vol-0", HEX, 16),
        Pool::SecurityGroup => id("sg-0", HEX, 16),
        Pool::Vpc => id("vpc-0", HEX, 16),
        Pool::Subnet => id("subnet-0", HEX, 16),
        Pool::Image => id("ami-0", HEX, 16),
        Pool::KmsKey => {
            let mut out = Vec::new();
            rng::uuid(rng, &mut out);
            String::from_utf8_lossy(&out).into_owned()
        }
        Pool::Zone => id("Z0", UPPER, 19),
        Pool::Distribution => id("E", UPPER, 13),
        Pool::RestApi => id("", b"abcdefghijklmnopqrstuvwxyz012345", 10),
        Pool::LogGroup if i.is_multiple_of(2) => format!("/aws/lambda/{system}-{part}-{stage}-{i}"),
        Pool::LogGroup => format!("/ecs/{system}-{part}"),
        Pool::Parameter => format!("{stage}/{system}/{part}/{i}"),
        Pool::Secret => format!("{stage}/{system}/{part}-{i}"),
        Pool::TargetGroup | Pool::LoadBalancer => id(&format!("{system}-{part}/"), HEX, 16),
        Pool::GlueDatabase | Pool::GlueTable => format!("{system}_{part}_{i}"),
        Pool::Model => MODELS.get(i).copied().unwrap_or(MODELS[0]).to_owned(),
        Pool::Role => format!("{system}-{part}-role-{i}"),
        Pool::User => format!("{system}-{part}-user"),
        Pool::Function | Pool::Table | Pool::Queue | Pool::Topic | Pool::Database => {
            format!("{system}-{part}-{stage}-{i}")
        }
        _ => format!("{system}-{part}-{i}"),
    }
}

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
    pub kept: [Vec<u8>; super::template::KEPT_MAX],
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
