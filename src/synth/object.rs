//! One object: its events, its bytes, its place in the archive.

use super::actors::{Actor, Kind};
use super::config::Config;
use super::dates::write_day;
use super::error::SynthError;
use super::plan::{Across, Plan, Planned};
use super::record::{self, End, Script, Side};
use super::rng::{self, ALNUM, Rng};
use super::scene::Scene;
use super::world::World;

/// Share of events that fail though they are allowed.
const FAILED: f64 = 0.015;

/// Who works in one account and region, and what they do there.
#[derive(Debug, Default)]
struct Cast {
    /// Each with the sum of the weights up to it.
    members: Vec<(f64, Member)>,
}

#[derive(Debug)]
struct Member {
    actor: usize,
    allowed: Vec<usize>,
    denied: Vec<usize>,
}

/// All that objects are written from; the same for every thread.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    config: &'a Config,
    world: &'a World,
    pub plan: &'a Plan,
    scripts: Vec<Script>,
    /// By account, then region.
    casts: Vec<Cast>,
}

/// What one object came to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Times {
    pub oldest: i64,
    pub newest: i64,
}

impl<'a> Writer<'a> {
    pub fn new(config: &'a Config, world: &'a World, plan: &'a Plan) -> Result<Writer<'a>, SynthError> {
        let scripts = Script::all().map_err(|hole| SynthError::Template(hole.to_string()))?;
        let mut casts = Vec::new();
        for account in 0..world.accounts.len() {
            for (region, name) in world.regions.iter().enumerate() {
                casts.push(Cast::new(world, &scripts, account, region, name == "us-east-1"));
            }
        }
        Ok(Writer { config, world, plan, scripts, casts })
    }

    /// Writes the JSON of one object. Returns the times of its events, and how many of them stand in no object before.
    pub fn write(&self, index: u32, out: &mut Vec<u8>) -> (Times, u64) {
        out.clear();
        let Some(object) = self.plan.objects.get(index as usize) else { return Default::default() };
        let Some(mut scene) = self.scene(object) else { return Default::default() };
        out.extend_from_slice(b"{\"Records\":[");
        let across = self.plan.across(index);
        let mut times = Times { oldest: i64::MAX, newest: i64::MIN };
        let mut fresh = 0;
        for place in 0..object.events {
            if place > 0 {
                out.push(b',');
            }
            match across.get(place as usize) {
                Some(across) => {
                    self.write_across(across, out);
                    fresh += 1;
                }
                None => {
                    let (source, source_place) = self.source(index, place);
                    fresh += u64::from(source == index);
                    self.write_event(source, source_place, &mut scene, out);
                    times.oldest = times.oldest.min(scene.time);
                    times.newest = times.newest.max(scene.time);
                }
            }
        }
        out.extend_from_slice(b"]}");
        if times.oldest > times.newest {
            times = Times { oldest: object.delivered, newest: object.delivered };
        }
        (times, fresh)
    }

    fn scene(&self, object: &Planned) -> Option<Scene<'a>> {
        let account = self.world.accounts.get(object.account as usize)?;
        let region = self.world.regions.get(object.region as usize)?;
        Some(Scene::new(self.world, account, region, self.world.actors.first()?))
    }

    /// Where an event was delivered first: CloudTrail delivers some twice, in one object and in a later one.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "made-up numbers within the bounds that the configuration sets"
    )]
    fn source(&self, mut object: u32, mut place: u32) -> (u32, u32) {
        loop {
            let mut rng = self.rng(object, place);
            let before = self.plan.objects.get(object as usize).and_then(|planned| planned.before);
            let Some(before) = before.filter(|_| rng.chance(self.config.duplicate_rate)) else {
                return (object, place);
            };
            let first = self.plan.across(before).len() as u32;
            let events = self.plan.objects.get(before as usize).map_or(0, |planned| planned.events);
            if events <= first {
                return (object, place);
            }
            // A run of events is delivered again in the order in which it was.
            (object, place) = (before, first + place % (events - first));
        }
    }

    fn rng(&self, object: u32, place: u32) -> Rng {
        Rng::at(self.config.seed, &[0x0050, u64::from(object), u64::from(place)])
    }

    fn write_event(&self, object: u32, place: u32, scene: &mut Scene<'a>, out: &mut Vec<u8>) {
        let mut rng = self.rng(object, place);
        rng.next();
        let Some(planned) = self.plan.objects.get(object as usize) else { return };
        let cast = planned.account as usize * self.world.regions.len() + planned.region as usize;
        let Some(member) = self.casts.get(cast).and_then(|cast| cast.pick(&mut rng)) else { return };
        let Some(actor) = self.world.actors.get(member.actor) else { return };
        let is_denied = !member.denied.is_empty() && rng.chance(self.config.denial_rate);
        let choices = if is_denied { &member.denied } else { &member.allowed };
        let Some(script) = choices.get(rng.zipf(choices.len())).and_then(|at| self.scripts.get(*at)) else { return };
        let can_fail = !script.event.fault.is_empty();
        let end = match () {
            () if is_denied => End::Denied,
            () if can_fail && rng.chance(FAILED) => End::Failed,
            () => End::Done,
        };
        // Minutes before the delivery, a few hours.
        let age = if rng.chance(0.01) { 900 + rng.below(5 * 3600) } else { 45 + rng.below(855) };
        scene.place = [0x0050, u64::from(object), u64::from(place)];
        scene.begin(actor, planned.account as usize, planned.delivered - age as i64, rng);
        record::write(script, end, Side::Only, scene, out);
    }

    /// One account's copy of a call across accounts: both are written from the same numbers.
    fn write_across(&self, across: &Across, out: &mut Vec<u8>) {
        const CALLS: [(&str, &str); 3] = [("sts", "AssumeRole"), ("s3", "GetObject"), ("kms", "Decrypt")];
        let rng = &mut Rng::at(self.config.seed, &[0x0060, u64::from(across.call)]);
        let object = |at: u32| self.plan.objects.get(at as usize);
        let Some((caller, owner)) = object(across.caller_object).zip(object(across.owner_object)) else { return };
        let is_fit = |actor: &&Actor| {
            actor.accounts.contains(&(caller.account as usize))
                && matches!(actor.kind, Kind::Person | Kind::Pipeline | Kind::Function | Kind::Instance | Kind::User)
        };
        let fit: Vec<&'a Actor> = self.world.actors.iter().filter(is_fit).collect();
        let anybody = self.world.actors.first();
        let Some(actor) = rng.pick(&fit).copied().or(anybody) else { return };
        let calls = if self.config.data_events { &CALLS[..] } else { &CALLS[..1] };
        let Some((source, name)) = rng.pick(calls) else { return };
        let is_it = |script: &&Script| script.event.source == *source && script.event.name == *name;
        let Some(script) = self.scripts.iter().find(is_it) else { return };
        let Some(mut scene) = self.scene(owner) else { return };
        let time = caller.delivered - 45 - rng.below(800) as i64;
        scene.place = [0x0060, 0, u64::from(across.call)];
        scene.begin(actor, caller.account as usize, time, *rng);
        let side = if across.object == across.caller_object { Side::Caller } else { Side::Owner };
        record::write(script, End::Done, side, &mut scene, out);
    }

    /// The object's canonical name, without its extension.
    pub fn name(&self, index: u32) -> String {
        let Some(object) = self.plan.objects.get(index as usize) else { return String::new() };
        let mut random = Vec::new();
        Rng::at(self.config.seed, &[0x0051, u64::from(index)]).text(&mut random, ALNUM, 16);
        let (account, region) = self.whose(object);
        let time = chrono::DateTime::from_timestamp(object.delivered, 0).unwrap_or_default().format("%Y%m%dT%H%MZ");
        format!("{account}_CloudTrail_{region}_{time}_{}", String::from_utf8_lossy(&random))
    }

    /// The folder of an account's and region's objects of one day, below the archive root.
    pub fn folder(&self, object: &Planned, kind: &str, time: i64) -> String {
        let (account, region) = self.whose(object);
        let mut folder = format!("AWSLogs/{}/{account}/{kind}/{region}/", self.world.org_id).into_bytes();
        write_day(time, b'/', &mut folder);
        String::from_utf8_lossy(&folder).into_owned()
    }

    /// Account and region of an object.
    pub fn whose(&self, object: &Planned) -> (&'a str, &'a str) {
        let account = self.world.accounts.get(object.account as usize).map_or("", |account| account.id.as_str());
        (account, self.world.regions.get(object.region as usize).map_or("", String::as_str))
    }

    /// The organisation's home region.
    pub fn home_region(&self) -> &'a str {
        &self.world.home_region
    }

    /// Hex digits that belong to a place.
    pub fn hex(&self, place: u64, len: usize) -> String {
        let mut out = Vec::new();
        Rng::at(self.config.seed, &[0x0070, place]).text(&mut out, rng::HEX, len);
        String::from_utf8_lossy(&out).into_owned()
    }
}

impl Cast {
    fn new(world: &World, scripts: &[Script], account: usize, region: usize, is_global: bool) -> Cast {
        let mut cast = Cast::default();
        let mut sum = 0.0;
        for (at, actor) in world.actors.iter().enumerate().filter(|(_, actor)| actor.accounts.contains(&account)) {
            // What is global is logged in us-east-1, wherever it was called from.
            let is_here = |index: &usize| match scripts.get(*index) {
                Some(script) if script.event.global => is_global,
                Some(_) => actor.regions.contains(&region),
                None => false,
            };
            let only = |all: &[usize]| all.iter().copied().filter(is_here).collect::<Vec<_>>();
            let allowed = only(&actor.habit.allowed);
            if !allowed.is_empty() {
                sum += actor.weight;
                cast.members.push((sum, Member { actor: at, allowed, denied: only(&actor.habit.denied) }));
            }
        }
        cast
    }

    fn pick(&self, rng: &mut Rng) -> Option<&Member> {
        let place = rng.unit() * self.members.last()?.0;
        let at = self.members.partition_point(|(sum, _)| *sum <= place);
        self.members.get(at).or(self.members.last()).map(|(_, member)| member)
    }
}
