//! The organisation that an archive is about: accounts, what is in them, and who works in them.

use super::actors::{Actor, actors};
use super::config::Config;
use super::rng::{self, HEX, Rng, UPPER, fixed};

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
    pub pools: Vec<Vec<String>>,
}

macro_rules! pools {
    ($($variant:ident $name:literal $size:literal,)*) => {
        /// A kind of resource.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Pool { $($variant,)* }

        impl Pool {
            /// Every kind: its name in templates, how many of it an account has.
            pub const ALL: &[(Pool, &'static str, usize)] = &[$((Pool::$variant, $name, $size),)*];
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

pub(super) const SYSTEMS: [&str; 24] = [
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
        let actors = actors(config);
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
