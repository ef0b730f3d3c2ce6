//! What to make.

use chrono::NaiveDate;

/// How large objects are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One to some five events, as quiet accounts have them.
    Tiny,
    /// About 250 KB as stored.
    Typical,
    /// Tens of thousands of events.
    Huge,
}

impl Shape {
    /// Events of an object, on average.
    pub fn events_per_object(self) -> f64 {
        match self {
            Shape::Tiny => 2.5,
            Shape::Typical => 1_100.0,
            Shape::Huge => 60_000.0,
        }
    }
}

/// What to make.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Log objects; from `events` and `shape` where not given.
    pub objects: Option<u64>,
    /// Records; from `objects` and `shape` where not given.
    pub events: Option<u64>,
    /// The same seed gives the same archive.
    pub seed: u64,
    /// How large objects are, where not both `objects` and `events` are given.
    pub shape: Shape,
    /// Accounts of the organisation.
    pub accounts: usize,
    /// People, roles and users; AWS services and the roles linked to them come on top.
    pub principals: usize,
    /// People among them; three of ten where not given.
    pub people: Option<usize>,
    /// Permission sets that people have, `AdministratorAccess` among them.
    pub permission_sets: usize,
    /// Regions; the first is the organisation's home, and most happens there.
    pub regions: Vec<String>,
    /// First day.
    pub start: NaiveDate,
    /// How many days.
    pub days: u32,
    /// Share of events that IAM refuses.
    pub denial_rate: f64,
    /// Share of records that stand in an earlier object already.
    pub duplicate_rate: f64,
    /// Whether there are data events (objects, items, invocations, messages).
    pub data_events: bool,
    /// Whether to write digest objects.
    pub digests: bool,
    /// Compression level, 1 to 12: 6 is near CloudTrail's own, 1 is fastest.
    pub level: u8,
    /// Write only the k-th (from 0) of n parts of the archive, consecutive in time.
    pub slice: Option<(u64, u64)>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            objects: None,
            events: None,
            seed: 1,
            shape: Shape::Typical,
            accounts: 5,
            principals: 60,
            people: None,
            permission_sets: 6,
            regions: ["eu-west-1", "us-east-1", "eu-central-1"].map(str::to_owned).to_vec(),
            start: NaiveDate::from_ymd_opt(2024, 3, 1).unwrap_or_default(),
            days: 30,
            denial_rate: 0.02,
            duplicate_rate: 0.01,
            data_events: true,
            digests: false,
            level: 6,
            slice: None,
        }
    }
}
