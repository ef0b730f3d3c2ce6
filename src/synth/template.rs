//! Texts with holes: `{"bucketName":"<bucket>","id":"<hex:17>"}`, taken apart once, filled millions of times.

use super::dates::{write_iso, write_us};
use super::rng;
use super::scene::Scene;
use super::world::Pool;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_holes_are_refused() {
        for text in ["<nothing>", "<hex>", "<int:5>", "<hex:x>", "a < b", "<a=nothing>"] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
        assert!(Template::parse("{\"x\":\"<a=hex:17> <a> <bucket>\"}").is_ok());
    }
}
