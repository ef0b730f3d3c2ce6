//! Texts with holes: `{"bucketName":"<bucket>","id":"<hex:17>"}`, taken apart once, filled millions of times.

use super::rng::{self, Rng};
use super::world::{Pool, Scene};

/// A text taken apart.
#[derive(Clone, Debug, Default)]
pub(super) struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    Text(Box<[u8]>),
    Hole(Hole),
    /// A hole whose filling is wanted again: `<a=hex:17>` … `<a>`.
    Keep(u8, Hole),
    Again(u8),
}

#[derive(Clone, Debug)]
enum Hole {
    /// `<bucket>`: a resource of the account.
    Pool(Pool),
    /// `<account>`
    Account,
    /// `<region>`
    Region,
    /// `<home>`: the organisation's home region.
    Home,
    /// `<org>`
    Org,
    /// `<other>`: another account of the organisation.
    OtherAccount,
    /// `<caller>`: ARN of the session or user.
    Caller,
    /// `<session>`: name of the session, or of the user.
    Session,
    /// `<own-role>`: path and name of the caller's role.
    OwnRole,
    /// `<own-role-name>`: its name alone.
    OwnRoleName,
    /// `<ip>`: address of the caller.
    Address,
    /// `<private-ip>`
    PrivateAddress,
    /// `<key>`: an object key, in a folder that belongs to the bucket.
    ObjectKey,
    /// `<stream>`: a log stream of the day.
    LogStream,
    /// `<uuid>`
    Uuid,
    /// `<hex:N>`
    Hex(usize),
    /// `<upper:N>`
    Upper(usize),
    /// `<alnum:N>`
    Alnum(usize),
    /// `<base64:N>`, without the padding
    Base64(usize),
    /// `<int:FROM-TO>`
    Int(u64, u64),
    /// `<epoch>`, `<epoch:SECONDS>`: seconds since 1970, of the event or before it.
    Epoch(i64),
    /// `<iso>`, `<iso:SECONDS>`: the same as `2023-07-10T11:45:00Z`.
    Iso(i64),
    /// `<us>`: the same as `Jul 10, 2023, 11:45:00 AM`.
    UsTime,
    /// `<one:a|b|c>`
    One(Vec<Box<str>>),
}

/// A hole that nothing is known to fill.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("<{0}>: no such hole")]
pub(super) struct UnknownHole(pub String);

/// Kept fillings of one record.
pub(super) const KEPT_MAX: usize = 4;

impl Template {
    /// Takes a text apart.
    pub fn parse(text: &str) -> Result<Template, UnknownHole> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('<') {
            let (hole, behind) = after.split_once('>').ok_or_else(|| UnknownHole(after.to_owned()))?;
            if !before.is_empty() {
                parts.push(Part::Text(before.as_bytes().into()));
            }
            parts.push(part(hole)?);
            rest = behind;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.as_bytes().into()));
        }
        Ok(Template { parts })
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Writes it, filled.
    pub fn render(&self, scene: &mut Scene<'_>, out: &mut Vec<u8>) {
        for part in &self.parts {
            match part {
                Part::Text(text) => out.extend_from_slice(text),
                Part::Hole(hole) => hole.fill(scene, out),
                Part::Keep(slot, hole) => {
                    let start = out.len();
                    hole.fill(scene, out);
                    let filled = out.get(start..).unwrap_or_default();
                    if let Some(kept) = scene.kept.get_mut(usize::from(*slot)) {
                        kept.clear();
                        kept.extend_from_slice(filled);
                    }
                }
                Part::Again(slot) => {
                    out.extend_from_slice(scene.kept.get(usize::from(*slot)).map_or(&[], Vec::as_slice));
                }
            }
        }
    }
}

fn part(text: &str) -> Result<Part, UnknownHole> {
    let slot = |name: &str| match name {
        "a" => Some(0),
        "b" => Some(1),
        "c" => Some(2),
        "d" => Some(3),
        _ => None,
    };
    if let Some(slot) = slot(text) {
        return Ok(Part::Again(slot));
    }
    match text.split_once('=').and_then(|(name, hole)| Some((slot(name)?, hole))) {
        Some((slot, hole_text)) => Ok(Part::Keep(slot, hole(hole_text)?)),
        None => Ok(Part::Hole(hole(text)?)),
    }
}

fn hole(text: &str) -> Result<Hole, UnknownHole> {
    let unknown = || UnknownHole(text.to_owned());
    let (name, argument) = text.split_once(':').unwrap_or((text, ""));
    let len = || argument.parse().map_err(|_| unknown());
    let seconds = || if argument.is_empty() { Ok(0) } else { argument.parse().map_err(|_| unknown()) };
    Ok(match name {
        "account" => Hole::Account,
        "region" => Hole::Region,
        "home" => Hole::Home,
        "org" => Hole::Org,
        "other" => Hole::OtherAccount,
        "caller" => Hole::Caller,
        "session" => Hole::Session,
        "own-role" => Hole::OwnRole,
        "own-role-name" => Hole::OwnRoleName,
        "ip" => Hole::Address,
        "private-ip" => Hole::PrivateAddress,
        "key" => Hole::ObjectKey,
        "stream" => Hole::LogStream,
        "uuid" => Hole::Uuid,
        "hex" => Hole::Hex(len()?),
        "upper" => Hole::Upper(len()?),
        "alnum" => Hole::Alnum(len()?),
        "base64" => Hole::Base64(len()?),
        "int" => {
            let (from, to) = argument.split_once('-').ok_or_else(unknown)?;
            Hole::Int(from.parse().map_err(|_| unknown())?, to.parse().map_err(|_| unknown())?)
        }
        "epoch" => Hole::Epoch(seconds()?),
        "iso" => Hole::Iso(seconds()?),
        "us" => Hole::UsTime,
        "one" => Hole::One(argument.split('|').map(Box::from).collect()),
        _ => Hole::Pool(Pool::named(text).ok_or_else(unknown)?),
    })
}

impl Hole {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "made-up numbers within the bounds that the configuration sets"
    )]
    fn fill(&self, scene: &mut Scene<'_>, out: &mut Vec<u8>) {
        match self {
            Hole::Pool(pool) => out.extend_from_slice(scene.resource(*pool).as_bytes()),
            Hole::Account => out.extend_from_slice(scene.account.id.as_bytes()),
            Hole::Region => out.extend_from_slice(scene.region.as_bytes()),
            Hole::Home => out.extend_from_slice(scene.world.home_region.as_bytes()),
            Hole::Org => out.extend_from_slice(scene.world.org_id.as_bytes()),
            Hole::OtherAccount => out.extend_from_slice(scene.other_account().as_bytes()),
            Hole::Caller => out.extend_from_slice(scene.caller.arn.as_bytes()),
            Hole::Session => out.extend_from_slice(scene.caller.session.as_bytes()),
            Hole::OwnRole => {
                out.extend_from_slice(scene.caller.role_path.as_bytes());
                out.extend_from_slice(scene.caller.role.as_bytes());
            }
            Hole::OwnRoleName => out.extend_from_slice(scene.caller.role.as_bytes()),
            Hole::Address => out.extend_from_slice(scene.caller.address.as_bytes()),
            Hole::PrivateAddress => {
                out.extend_from_slice(b"10.");
                for (i, bound) in [4, 256, 254].into_iter().enumerate() {
                    if i > 0 {
                        out.push(b'.');
                    }
                    rng::number(scene.rng.below(bound) as u64, out);
                }
            }
            Hole::ObjectKey => scene.object_key(out),
            Hole::LogStream => scene.log_stream(out),
            Hole::Uuid => rng::uuid(&mut scene.rng, out),
            Hole::Hex(len) => scene.rng.text(out, rng::HEX, *len),
            Hole::Upper(len) => scene.rng.text(out, rng::UPPER, *len),
            Hole::Alnum(len) => scene.rng.text(out, rng::ALNUM, *len),
            Hole::Base64(len) => scene.rng.text(out, rng::BASE64, *len),
            Hole::Int(from, to) => {
                // Sizes and the like spread over magnitudes rather than evenly.
                let spread = (to.saturating_sub(*from) + 1) as f64;
                let n = from + spread.powf(scene.rng.unit()) as u64 - 1;
                rng::number(n, out);
            }
            Hole::Epoch(before) => rng::number(u64::try_from(scene.time - before).unwrap_or_default(), out),
            Hole::Iso(before) => write_iso(scene.time - before, out),
            Hole::UsTime => write_us(scene.time, out),
            Hole::One(choices) => {
                let at = scene.rng.zipf(choices.len());
                out.extend_from_slice(choices.get(at).map_or(&[], |choice| choice.as_bytes()));
            }
        }
    }
}

/// Year, month, day, hour, minute, second of seconds since 1970, UTC.
fn civil(time: i64) -> [u32; 6] {
    use chrono::{Datelike, Timelike};
    let time = chrono::DateTime::from_timestamp(time, 0).unwrap_or_default();
    let year = u32::try_from(time.year()).unwrap_or_default();
    [year, time.month(), time.day(), time.hour(), time.minute(), time.second()]
}

fn two(n: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&[b'0' + (n / 10 % 10) as u8, b'0' + (n % 10) as u8]);
}

/// Writes `2023-07-10T11:45:00Z`.
pub(super) fn write_iso(time: i64, out: &mut Vec<u8>) {
    let [year, month, day, hour, minute, second] = civil(time);
    two(year / 100, out);
    two(year % 100, out);
    for (separator, n) in [(b'-', month), (b'-', day), (b'T', hour), (b':', minute), (b':', second)] {
        out.push(separator);
        two(n, out);
    }
    out.push(b'Z');
}

fn write_us(time: i64, out: &mut Vec<u8>) {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let [year, month, day, hour, minute, second] = civil(time);
    let name = MONTHS.get(month.saturating_sub(1) as usize).copied().unwrap_or_default();
    out.extend_from_slice(name.as_bytes());
    out.push(b' ');
    rng::number(u64::from(day), out);
    out.extend_from_slice(b", ");
    rng::number(u64::from(year), out);
    out.extend_from_slice(b", ");
    rng::number(u64::from((hour + 11) % 12 + 1), out);
    for n in [minute, second] {
        out.push(b':');
        two(n, out);
    }
    out.extend_from_slice(if hour < 12 { b" AM" } else { b" PM" });
}

/// `2024/03/01`, as in keys.
pub(super) fn write_day(time: i64, separator: u8, out: &mut Vec<u8>) {
    let [year, month, day, ..] = civil(time);
    two(year / 100, out);
    two(year % 100, out);
    out.push(separator);
    two(month, out);
    out.push(separator);
    two(day, out);
}

/// A number in `0..n` that belongs to two names.
pub(super) fn fixed(seed: u64, a: u64, b: u64, n: usize) -> usize {
    Rng::at(seed, &[a, b]).below(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn times() {
        assert_eq!(text(|out| write_iso(1_688_989_500, out)), "2023-07-10T11:45:00Z");
        assert_eq!(text(|out| write_us(1_688_989_500, out)), "Jul 10, 2023, 11:45:00 AM");
        assert_eq!(text(|out| write_us(1_688_947_205, out)), "Jul 10, 2023, 12:00:05 AM");
        assert_eq!(text(|out| write_day(1_688_989_500, b'/', out)), "2023/07/10");
    }

    #[test]
    fn unknown_holes_are_refused() {
        for text in ["<nothing>", "<hex>", "<int:5>", "<hex:x>", "a < b", "<a=nothing>"] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
        assert!(Template::parse("{\"x\":\"<a=hex:17> <a> <bucket>\"}").is_ok());
    }
}
