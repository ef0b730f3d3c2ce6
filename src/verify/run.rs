//! From archives to findings.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;

use super::aside::{Aside, Bounded, Brief, Record};
use super::chain::{self, Judged};
use super::claims::Trust;
use super::days::DigestDays;
use super::digest::File;
use super::error::VerifyError;
use super::finding::{Finding, Findings, Gap, Sums};
use super::keys::PublicKeys;
use super::links::Chain;
use super::names::{chain_of, stem};
use super::objects::{self, Listed, Standing};
use super::signatures::{self, Signature};
use super::spans::Spans;
use super::spill::{Part, Parts, Runs};
use super::window::Window;
use crate::archive::{ObjectKey, find, find_following};

/// What to verify.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Folders and files.
    pub archives: Vec<PathBuf>,
    /// Files with the output of `aws cloudtrail list-public-keys`.
    pub public_keys: Vec<PathBuf>,
    /// Files with the signatures of many digests.
    pub signatures: Vec<PathBuf>,
    /// Only what was delivered then. Digests are read whatever they tell of: each may list what was.
    pub window: Window,
    /// Whether links out of the archives are followed.
    pub follow_links: bool,
}

/// What is known of archives.
#[derive(Debug)]
pub struct Verified {
    /// How many of each verdict.
    pub sums: Sums,
    /// Times of which no digest tells.
    pub gaps: Vec<Gap>,
    /// Those of them that are in no list.
    pub gaps_left_out: u64,
    /// What could not be looked at.
    pub problems: Vec<String>,
    /// Those of them that are in no list.
    pub problems_left_out: u64,
    /// Whose keys the digests name.
    pub signers: Signers,
    /// About each object.
    pub findings: Findings,
}

/// Which keys digests name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signers {
    /// Digests whose key was given.
    pub known: u64,
    /// Digests whose key was not.
    pub unknown: u64,
    /// Fingerprints of keys that were not given, some of them.
    pub fingerprints: BTreeSet<String>,
    /// Regions of their digests, which have keys of their own.
    pub regions: BTreeSet<String>,
}

/// Fingerprints and regions that are named at the most.
const SIGNERS_MAX: usize = 20;

impl Signers {
    fn add(&mut self, fingerprint: &str, key: &str, keys: &PublicKeys) {
        if keys.has(fingerprint) {
            self.known += 1;
            return;
        }
        self.unknown += 1;
        if self.fingerprints.len() < SIGNERS_MAX {
            self.fingerprints.insert(fingerprint.to_owned());
        }
        if let Some(region) = ObjectKey::parse(key).region.filter(|_| self.regions.len() < SIGNERS_MAX) {
            self.regions.insert(region);
        }
    }
}

/// Verifies archives.
///
/// # Errors
/// An archive that isn't there, keys or signatures that can't be read, no room for temporary files.
pub fn verify(options: &Options) -> Result<Verified, VerifyError> {
    let keys = PublicKeys::read(&options.public_keys)?;
    let mut aside = Aside::new(Some(Parts::new()), options.window, options.archives.len() == 1);
    for path in &options.signatures {
        let signatures = signatures::read_file(path, None)?;
        signatures.into_iter().try_for_each(|signature| aside.add_signature(signature))?;
    }
    let walk = if options.follow_links { find_following } else { find };
    aside.walk(walk(&options.archives))?;
    let mut told = Told::default();
    let Aside { chains, objects, problems, .. } = aside;
    let mut objects = objects.unwrap_or_else(Parts::new);
    for part in chains.into_parts() {
        told.judge(part, &keys, options.window, &mut objects)?;
    }
    for part in objects.into_parts() {
        let mut findings = Vec::new();
        objects::compare(part, &told.spans, &mut findings)?;
        told.add(findings)?;
    }
    told.gaps.list.sort_unstable();
    Ok(Verified {
        sums: told.sums,
        gaps: told.gaps.list,
        gaps_left_out: told.gaps.left_out,
        problems: problems.list,
        problems_left_out: problems.left_out,
        signers: told.signers,
        findings: Findings(told.runs.merge()?),
    })
}

/// What is told.
#[derive(Default)]
pub(super) struct Told {
    pub sums: Sums,
    pub gaps: Bounded<Gap>,
    pub days: DigestDays,
    spans: Spans,
    pub signers: Signers,
    pub runs: Runs,
}

impl Told {
    fn add(&mut self, findings: Vec<Finding>) -> Result<(), VerifyError> {
        findings.iter().for_each(|finding| self.sums.add(finding));
        Ok(self.runs.add(findings)?)
    }

    /// Judges the chains of a part, and puts what their digests list beside what is there.
    pub fn judge(
        &mut self,
        mut part: Part,
        keys: &PublicKeys,
        window: Window,
        objects: &mut Parts,
    ) -> Result<(), VerifyError> {
        let mut findings = Vec::new();
        let mut standings: HashMap<(String, String), Standing> = HashMap::new();
        for (_, chain) in chains(&mut part)? {
            let is_wanted = |start_us, end_us| window.overlaps(start_us, end_us);
            let Judged { judgements, findings: found, gaps } = chain::judge(&chain, keys, is_wanted);
            findings.extend(found);
            gaps.into_iter().for_each(|gap| self.gaps.add(gap));
            let mut digests: Vec<_> = chain.digests.into_iter().zip(judgements).collect();
            digests.sort_by_key(|(digest, _)| digest.end_us);
            for (digest, judgement) in digests {
                self.signers.add(&digest.fingerprint, &digest.key, keys);
                self.days.add(&digest, judgement.trust);
                if judgement.trust != Trust::Altered {
                    self.spans.add(&digest);
                }
                let standing = Standing::new(judgement.trust, &judgement.reason);
                standings.insert((digest.name, digest.sha256), standing);
            }
        }
        self.add(findings)?;
        let mut listed: HashSet<(String, String)> = HashSet::new();
        for record in part.records::<Record>()? {
            let Record::Digest { digest, files } = record? else { continue };
            let id = (digest.name, digest.sha256);
            let Some(standing) = standings.get(&id) else { continue };
            // A copy of a digest lists the same.
            if listed.contains(&id) {
                continue;
            }
            for file in files.into_iter().filter(|file| window.has(&file.key)) {
                let name = stem(&file.key).to_owned();
                let File { key, sha256 } = file;
                let listed = Listed { key, sha256, digest: id.0.clone(), standing: standing.clone() };
                objects.add(&name.clone(), &objects::Record::Listed { name, listed })?;
            }
            listed.insert(id);
        }
        Ok(())
    }
}

/// The chains of a part.
fn chains(part: &mut Part) -> Result<BTreeMap<String, Chain>, VerifyError> {
    let mut chains: BTreeMap<String, Chain> = BTreeMap::new();
    for record in part.records::<Brief>()? {
        match record? {
            Brief::Digest { digest } => chains.entry(chain_of(&digest.name)).or_default().digests.push(*digest),
            Brief::Broken(broken) => chains.entry(chain_of(&broken.name)).or_default().broken.push(broken),
            Brief::Signature(Signature { name, signature }) => {
                let chain = chains.entry(chain_of(&name)).or_default();
                chain.signatures.entry(name).or_default().push(signature);
            }
        }
    }
    Ok(chains)
}
