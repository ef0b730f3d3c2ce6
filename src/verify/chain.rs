//! The digests of one chain, from the newest back: each is vouched for by the one that follows it.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::claims::{Claim, Claims, Trust};
use super::digest::{Digest, Previous};
use super::finding::{Finding, Gap, GapCause, Kind, Verdict};
use super::keys::PublicKeys;
use super::links::{Broken, Chain, Named, by_name, following};
use super::names::{DigestName, chain_of, is_backfill, stem};
use super::planted::Contradictions;

/// What is known of a digest.
#[derive(Clone, Debug)]
pub(super) struct Judgement {
    pub trust: Trust,
    pub reason: String,
}

/// What is known of a chain.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// By the place in [`Chain::digests`].
    pub judgements: Vec<Judgement>,
    pub findings: Vec<Finding>,
    pub gaps: Vec<Gap>,
}

pub(super) fn judge(chain: &Chain, keys: &PublicKeys, is_wanted: impl Fn(i64, i64) -> bool) -> Judged {
    let names = by_name(chain);
    let (heads, contradictions) = (Heads::new(chain, &names), Contradictions::new(chain, &names, keys));
    let mut judgements: Vec<Option<Judgement>> = vec![None; chain.digests.len()];
    let mut waits_for: HashMap<&str, usize> = names.iter().map(|(name, named)| (*name, named.waits_for)).collect();
    let mut ready: Vec<&str> = waits_for.iter().filter(|(_, count)| **count == 0).map(|(name, _)| *name).collect();
    loop {
        let Some(name) = ready.pop() else {
            ready = break_circles(chain, &names, &mut waits_for, &mut judgements, keys);
            if ready.is_empty() {
                break;
            }
            continue;
        };
        let Some(named) = names.get(name) else { continue };
        let claims = claims(chain, name, named, &judgements);
        for place in &named.digests {
            let (Some(digest), Some(slot)) = (chain.digests.get(*place), judgements.get_mut(*place)) else { continue };
            if slot.is_none() {
                *slot = Some(judge_one(digest, &claims, keys, &heads, &contradictions));
            }
            let Some(previous) = following(digest) else { continue };
            if let Some(count) = waits_for.get_mut(previous.name.as_str()).filter(|count| **count > 0) {
                *count -= 1;
                if *count == 0 {
                    ready.push(&previous.name);
                }
            }
        }
    }
    let unjudged = || Judgement { trust: Trust::Altered, reason: IN_CIRCLE.to_owned() };
    let judgements: Vec<Judgement> = judgements.into_iter().map(|judged| judged.unwrap_or_else(unjudged)).collect();
    let mut findings = Vec::new();
    for (digest, judgement) in chain.digests.iter().zip(&judgements) {
        // Another hour's digest in the place of one of these hours is theirs as well.
        let is_in_their_place = digest.is_misplaced && is_end_wanted(stem(&digest.object), &is_wanted);
        if is_wanted(digest.start_us, digest.end_us) || is_in_their_place {
            findings.push(finding(digest, judgement));
        }
    }
    findings.extend(broken(chain, &is_wanted));
    findings.extend(missing(chain, &names, &judgements, &is_wanted));
    Judged { gaps: gaps(chain, &names, &is_wanted), judgements, findings }
}

/// Why what AWS never wrote is none of its digests.
const IN_CIRCLE: &str = "it follows itself by way of others";

/// Where all that is left waits for itself: judges what does so without the others, by its signature alone, and gives the
/// names that are ready then. What is only waited for by a circle keeps waiting.
fn break_circles<'a>(
    chain: &'a Chain,
    names: &BTreeMap<&'a str, Named<'a>>,
    waits_for: &mut HashMap<&'a str, usize>,
    judgements: &mut [Option<Judgement>],
    keys: &PublicKeys,
) -> Vec<&'a str> {
    let is_stuck = |name: &str| waits_for.get(name).is_some_and(|count| *count > 0);
    let mut circle: HashSet<&str> = names.keys().copied().filter(|name| is_stuck(name)).collect();
    // Those that lead to none that is stuck are behind the circles, not in them.
    let targets = |name: &str| -> Vec<&'a str> {
        let digests = names.get(name).into_iter().flat_map(|named| &named.digests);
        let previous = digests.filter_map(|place| following(chain.digests.get(*place)?));
        previous.map(|previous| previous.name.as_str()).collect()
    };
    let mut leads_to: HashMap<&str, usize> = HashMap::new();
    let mut from: HashMap<&str, Vec<&str>> = HashMap::new();
    for name in &circle {
        let within: Vec<&str> = targets(name).into_iter().filter(|target| circle.contains(target)).collect();
        leads_to.insert(name, within.len());
        within.into_iter().for_each(|target| from.entry(target).or_default().push(name));
    }
    let mut ends: Vec<&str> = leads_to.iter().filter(|(_, count)| **count == 0).map(|(name, _)| *name).collect();
    while let Some(end) = ends.pop() {
        circle.remove(end);
        for name in from.get(end).into_iter().flatten() {
            if let Some(count) = leads_to.get_mut(name) {
                *count -= 1;
                if *count == 0 {
                    ends.push(name);
                }
            }
        }
    }
    for name in &circle {
        let Some(named) = names.get(name) else { continue };
        let mut claims = claims(chain, name, named, &[]);
        named
            .nexts
            .iter()
            .filter_map(|place| chain.digests.get(*place))
            .for_each(|next| claims.add(next, Trust::Altered));
        for place in &named.digests {
            let (Some(digest), Some(slot)) = (chain.digests.get(*place), judgements.get_mut(*place)) else { continue };
            let unproved = || Judgement { trust: Trust::Altered, reason: IN_CIRCLE.to_owned() };
            *slot = Some(by_signature(digest, &claims, keys).unwrap_or_else(unproved));
        }
    }
    let mut ready: Vec<&str> = circle.into_iter().collect();
    ready.sort_unstable();
    waits_for.extend(ready.iter().map(|name| (*name, 0)));
    ready
}

/// What is said about the digests of a name by those that follow, all of which are judged.
fn claims<'a>(chain: &'a Chain, name: &str, named: &Named<'_>, judgements: &[Option<Judgement>]) -> Claims<'a> {
    let mut claims = Claims::default();
    let trust = |place: &usize| judgements.get(*place)?.as_ref().map(|judgement| judgement.trust);
    for wanted in [Trust::Signed, Trust::Unchecked, Trust::Altered] {
        for place in named.nexts.iter().filter(|place| trust(place) == Some(wanted)) {
            if let Some(next) = chain.digests.get(*place) {
                claims.add(next, wanted);
            }
        }
    }
    for signature in chain.signatures.get(name).into_iter().flatten() {
        claims.sign(Claim { signature, by: None, is_doubtful: false });
    }
    claims
}

/// What a signature that fits says.
fn by_signature(digest: &Digest, claims: &Claims<'_>, keys: &PublicKeys) -> Option<Judgement> {
    let text = digest.signed_text();
    let fitting = |claim: &Claim<'_>| keys.fitting(&digest.fingerprint, &text, claim.signature);
    let (claim, fitting) =
        claims.signatures.iter().map(|claim| (claim, fitting(claim))).find(|(_, fitting)| !fitting.is_empty())?;
    let from = claim.by.map_or("beside it".to_owned(), |next| format!("in {next}"));
    let is_backfill = is_backfill(&chain_of(&digest.name));
    if fitting.iter().any(|key| key.was_valid(digest.end_us, is_backfill)) {
        return Some(Judgement { trust: Trust::Signed, reason: format!("signed, as the signature {from} shows") });
    }
    let key = fitting.first()?;
    let reason = format!("the signature {from} fits, but its key was not valid then: {}", key.validity());
    Some(Judgement { trust: Trust::Unchecked, reason })
}

fn judge_one(
    digest: &Digest,
    claims: &Claims<'_>,
    keys: &PublicKeys,
    heads: &Heads,
    contradictions: &Contradictions<'_>,
) -> Judgement {
    let judgement = |trust, reason: String| Judgement { trust, reason };
    if let Some(signed) = by_signature(digest, claims, keys) {
        return signed;
    }
    if digest.previous.is_some() && following(digest).is_none() {
        let what = if digest.previous.as_ref().is_some_and(|previous| previous.name == digest.name) {
            "itself"
        } else {
            "a later digest"
        };
        return judgement(Trust::Altered, format!("it names {what} as the digest before it"));
    }
    let has_key = keys.has(&digest.fingerprint);
    if digest.previous.is_some() && digest.previous_signature.is_none() {
        // Nobody could ever check that one: CloudTrail never leaves it out.
        return judgement(Trust::Altered, "it names the digest before it and leaves out its signature".to_owned());
    }
    // What a signed digest gives the hash of is AWS's, whatever the key that nobody has.
    let contradicts = || following(digest).and_then(|previous| contradictions.with(digest, previous));
    if !claims.vouch(&digest.sha256)
        && let Some(reason) = contradicts()
    {
        return judgement(Trust::Altered, reason);
    }
    if !claims.allow(&digest.sha256) {
        let by = claims.by.map_or("the next digest", |(next, _)| next);
        return judgement(Trust::Altered, format!("its hash is not the one that {by} gives"));
    }
    let Some(sure) = claims.signatures.iter().find(|claim| !claim.is_doubtful).or(claims.signatures.first()) else {
        return judgement(Trust::Unchecked, heads.reason(digest, claims));
    };
    if has_key && !sure.is_doubtful {
        let from = sure.by.map_or("beside it".to_owned(), |next| format!("in {next}"));
        return judgement(Trust::Altered, format!("the signature {from} does not fit"));
    }
    judgement(
        Trust::Unchecked,
        match sure.by {
            Some(next) if sure.is_doubtful => format!("{next}, which has its signature, was altered"),
            _ if keys.is_empty() => "no public keys were given".to_owned(),
            _ => format!("the key {} is not among the public keys that were given", digest.fingerprint),
        },
    )
}

fn finding(digest: &Digest, judgement: &Judgement) -> Finding {
    let (verdict, reason) = match judgement.trust {
        _ if digest.is_misplaced => (Verdict::DigestAltered, format!("the file holds another digest: {}", digest.name)),
        Trust::Signed => (Verdict::Valid, judgement.reason.clone()),
        Trust::Unchecked => (Verdict::Unchecked, judgement.reason.clone()),
        Trust::Altered => (Verdict::DigestAltered, judgement.reason.clone()),
    };
    Finding { object: digest.object.clone(), kind: Kind::Digest, verdict, reason }
}

fn broken(chain: &Chain, is_wanted: &impl Fn(i64, i64) -> bool) -> Vec<Finding> {
    let is_wanted = |broken: &&Broken| is_end_wanted(&broken.name, is_wanted);
    let finding = |broken: &Broken| Finding {
        object: broken.object.clone(),
        kind: Kind::Digest,
        verdict: Verdict::DigestAltered,
        reason: broken.reason.clone(),
    };
    // What has no reason has a finding of its own.
    chain.broken.iter().filter(is_wanted).filter(|broken| !broken.reason.is_empty()).map(finding).collect()
}

/// How long a digest's time is: CloudTrail User Guide, "CloudTrail digest file structure".
const HOUR_US: i64 = 3_600_000_000;

/// Whether a digest is wanted of which only the name is known.
fn is_end_wanted(name: &str, is_wanted: impl Fn(i64, i64) -> bool) -> bool {
    // A digest is of an hour. What ends at the beginning of a window is before it.
    DigestName::parse(name).is_none_or(|name| is_wanted(name.end_us - HOUR_US, name.end_us))
}

/// Digests that others name and that aren't there.
fn missing(
    chain: &Chain,
    names: &BTreeMap<&str, Named<'_>>,
    judgements: &[Judgement],
    is_wanted: &impl Fn(i64, i64) -> bool,
) -> Vec<Finding> {
    let is_missing = |named: &Named<'_>| named.digests.is_empty() && !named.is_broken;
    let missing = names.iter().filter(|(name, named)| is_missing(named) && is_end_wanted(name, is_wanted));
    let oldest_us = chain.digests.iter().map(|digest| digest.end_us).min();
    let finding = |(_, named): (&&str, &Named<'_>)| {
        let next = *named.nexts.first()?;
        let digest = chain.digests.get(next)?;
        let was_altered = judgements.get(next).is_some_and(|judged| judged.trust == Trust::Altered);
        let reason = match () {
            () if was_altered => format!("{} names it, which was altered", digest.name),
            () if oldest_us == Some(digest.end_us) => {
                format!("{}, the oldest there is, names it: the archive begins within a chain", digest.name)
            }
            () => format!("{} names it as the one before", digest.name),
        };
        let object = named.key.unwrap_or_default().to_owned();
        Some(Finding { object, kind: Kind::Digest, verdict: Verdict::DigestMissing, reason })
    };
    missing.filter_map(finding).collect()
}

/// Times between digests. Backfill digests are written where there is something to say.
fn gaps(chain: &Chain, names: &BTreeMap<&str, Named<'_>>, is_wanted: &impl Fn(i64, i64) -> bool) -> Vec<Gap> {
    let is_hourly = |digest: &&Digest| !is_backfill(&chain_of(&digest.name));
    let mut digests: Vec<&Digest> = chain.digests.iter().filter(is_hourly).collect();
    digests.sort_unstable_by_key(|digest| (digest.end_us, digest.start_us));
    let mut gaps = Vec::new();
    let mut told_us = i64::MAX;
    let mut before: Option<&Digest> = None;
    for digest in digests {
        if told_us < digest.start_us && is_wanted(told_us, digest.start_us) {
            let cause = match &digest.previous {
                None => GapCause::Stopped,
                Some(previous) if before.is_some_and(|before| before.name == previous.name) => GapCause::Linked,
                Some(previous) if names.get(previous.name.as_str()).is_some_and(|named| named.digests.is_empty()) => {
                    GapCause::Missing
                }
                Some(_) => GapCause::Unlinked,
            };
            let chain = DigestName::parse(&digest.name).map_or_else(|| digest.name.clone(), |name| name.chain);
            gaps.push(Gap { chain, from_us: told_us, to_us: digest.start_us, cause });
        }
        told_us = if told_us == i64::MAX { digest.end_us } else { told_us.max(digest.end_us) };
        before = Some(digest);
    }
    gaps
}

/// Why the last digests of chains have nobody to vouch for them.
struct Heads {
    newest_us: Option<i64>,
    /// The ends of digests that are missing or broken.
    lost_us: Vec<i64>,
}

impl Heads {
    fn new(chain: &Chain, names: &BTreeMap<&str, Named<'_>>) -> Heads {
        let lost = names.iter().filter(|(_, named)| named.digests.is_empty());
        let mut lost_us: Vec<i64> =
            lost.filter_map(|(name, _)| DigestName::parse(name)).map(|name| name.end_us).collect();
        lost_us.sort_unstable();
        Heads { newest_us: chain.digests.iter().map(|digest| digest.end_us).max(), lost_us }
    }

    fn reason(&self, digest: &Digest, claims: &Claims<'_>) -> String {
        let is_lost = self.lost_us.last().is_some_and(|lost_us| *lost_us > digest.end_us);
        match claims.by {
            Some((next, _)) => format!("{next} has no signature of it"),
            None if self.newest_us == Some(digest.end_us) && !is_lost => {
                "the newest of its chain: its signature is metadata of its object, which is not there".to_owned()
            }
            None if is_lost => "the digest that follows it, which has its signature, is missing".to_owned(),
            None => {
                "the last before its trail was stopped: its signature is metadata of its object, which is not there"
                    .to_owned()
            }
        }
    }
}

/// Judges digests that say nothing but which one they follow: see [`super::fuzzing`].
pub(super) fn judge_names(names: &[(&str, Option<&str>)]) -> (usize, usize) {
    let digest = |(name, previous): &(&str, Option<&str>)| Digest {
        object: (*name).to_owned(),
        is_misplaced: false,
        name: (*name).to_owned(),
        key: (*name).to_owned(),
        bucket: String::new(),
        start_us: 0,
        end_us: 0,
        end: String::new(),
        sha256: (*name).to_owned(),
        fingerprint: String::new(),
        previous: previous.map(|name| Previous {
            name: name.to_owned(),
            key: name.to_owned(),
            sha256: name.to_owned(),
        }),
        previous_signature: previous.map(str::to_owned),
    };
    let chain = Chain { digests: names.iter().map(digest).collect(), ..Chain::default() };
    let judged = judge(&chain, &PublicKeys::default(), |_, _| true);
    let altered = judged.judgements.iter().filter(|judgement| judgement.trust == Trust::Altered).count();
    (altered, judged.findings.len())
}
