//! Which objects there are: account, region, time of delivery, number of events; all drawn before anything is written.

use super::config::Config;
use super::rng::Rng;
use super::world::World;

/// Seconds between deliveries.
pub(super) const DELIVERY_SECONDS: i64 = 300;

/// Share of events that are calls across accounts, each logged in both.
const ACROSS: f64 = 0.01;

/// One object to write.
#[derive(Clone, Copy, Debug)]
pub(super) struct Planned {
    pub account: u32,
    pub region: u32,
    /// Time of delivery, seconds since 1970.
    pub delivered: i64,
    pub events: u32,
    /// The object delivered before it for the same account and region.
    pub before: Option<u32>,
}

/// One account's copy of a call across accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Across {
    /// In which object it stands.
    pub object: u32,
    /// Which call.
    pub call: u32,
    /// The caller's object; equal to `object` in the caller's own copy.
    pub caller_object: u32,
    /// The object of whose resource it is.
    pub owner_object: u32,
}

/// Every object, by time of delivery.
#[derive(Debug)]
pub(super) struct Plan {
    pub objects: Vec<Planned>,
    /// By object.
    across: Vec<Across>,
}

impl Plan {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "made-up numbers within the bounds that the configuration sets"
    )]
    pub fn new(config: &Config, world: &World, objects: usize, events: u64) -> Plan {
        let mut plan = Plan { objects: draw(config, world, objects), across: Vec::new() };
        plan.share_out(config, events);
        plan.link();
        if world.accounts.len() > 1 {
            plan.cross(config, (events as f64 * ACROSS / 2.0) as u32);
        }
        plan
    }

    /// The calls across accounts that stand in an object.
    pub fn across(&self, object: u32) -> &[Across] {
        let from = self.across.partition_point(|across| across.object < object);
        let to = self.across.partition_point(|across| across.object <= object);
        self.across.get(from..to).unwrap_or_default()
    }

    /// Gives each object at least one event, the rest in lumps.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "made-up numbers within the bounds that the configuration sets"
    )]
    fn share_out(&mut self, config: &Config, events: u64) {
        let mut rng = Rng::at(config.seed, &[0x0041]);
        let weights: Vec<f64> = self.objects.iter().map(|_| rng.lumpy()).collect();
        let total: f64 = weights.iter().sum();
        let spare = events.saturating_sub(self.objects.len() as u64) as f64;
        let (mut sum, mut given) = (0.0, 0);
        let last = self.objects.len().saturating_sub(1);
        for (i, (object, weight)) in self.objects.iter_mut().zip(weights).enumerate() {
            sum += weight;
            let until = if i == last { spare as u64 } else { (spare * (sum / total)) as u64 };
            object.events = u32::try_from(1 + until.saturating_sub(given)).unwrap_or(u32::MAX);
            given = until.max(given);
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "made-up numbers within the bounds that the configuration sets"
    )]
    fn link(&mut self) {
        let mut last = std::collections::HashMap::new();
        for (i, object) in self.objects.iter_mut().enumerate() {
            object.before = last.insert((object.account, object.region), i as u32);
        }
    }

    /// Draws calls across accounts: into two objects of the same region and nearly the same time.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "made-up numbers within the bounds that the configuration sets"
    )]
    fn cross(&mut self, config: &Config, calls: u32) {
        const FAR: usize = 400;
        let mut taken = vec![0_u32; self.objects.len()];
        for call in 0..calls {
            let mut rng = Rng::at(config.seed, &[0x0042, u64::from(call)]);
            let from = rng.below(self.objects.len());
            let Some(caller) = self.objects.get(from) else { break };
            let fits = |object: &&Planned| {
                object.account != caller.account
                    && object.region == caller.region
                    && object.delivered - caller.delivered <= 2 * DELIVERY_SECONDS
            };
            let later = self.objects.iter().skip(from).take(FAR).position(|object| fits(&object));
            let Some(to) = later.map(|steps| from + steps) else { continue };
            // At most half of an object.
            let has_room = |at: usize| {
                taken.get(at).zip(self.objects.get(at)).is_some_and(|(taken, object)| *taken < object.events / 2)
            };
            if !has_room(from) || !has_room(to) {
                continue;
            }
            for at in [from, to] {
                if let Some(taken) = taken.get_mut(at) {
                    *taken += 1;
                }
                let (caller_object, owner_object) = (from as u32, to as u32);
                self.across.push(Across { object: at as u32, call, caller_object, owner_object });
            }
        }
        self.across.sort_unstable();
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "made-up numbers within the bounds that the configuration sets"
)]
fn draw(config: &Config, world: &World, objects: usize) -> Vec<Planned> {
    let mut rng = Rng::at(config.seed, &[0x0040]);
    let start = config.start.and_time(chrono::NaiveTime::MIN).and_utc().timestamp();
    let slots = (i64::from(config.days) * 86_400 / DELIVERY_SECONDS).max(1) as usize;
    let mut planned: Vec<Planned> = (0..objects)
        .map(|_| {
            let region = rng.zipf(world.regions.len());
            let account = rng.zipf(world.accounts.len());
            // More by day than by night.
            let mut slot = rng.below(slots);
            if is_night(slot) && rng.chance(0.55) {
                slot = rng.below(slots);
            }
            // Delivered somewhat after the slot begins: names tell the minute.
            let delivered = start + (slot as i64 + 1) * DELIVERY_SECONDS;
            Planned { account: account as u32, region: region as u32, delivered, events: 0, before: None }
        })
        .collect();
    planned.sort_by_key(|object| (object.delivered, object.account, object.region));
    planned
}

fn is_night(slot: usize) -> bool {
    let hour = slot as i64 * DELIVERY_SECONDS / 3600 % 24;
    !(7..19).contains(&hour)
}
