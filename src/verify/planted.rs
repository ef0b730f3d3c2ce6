//! Whether a digest that no signature vouches for can be AWS's, by what it says of the one before it.
//!
//! Whoever plants a digest at the end of a chain chooses what it says of the digest before it, and has no key of AWS's.
//! Where the two contradict each other one of them was altered; which one, tells the signature that the later has of
//! the earlier. AWS's fits, or was made by one of its keys for what the earlier one was before somebody altered it.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap};

use super::claims::TRIED_MAX;
use super::digest::{Digest, Previous};
use super::keys::PublicKeys;
use super::links::{Chain, Named};

/// A chain, and whose each signature in it is said to be.
pub(super) struct Contradictions<'a> {
    chain: &'a Chain,
    names: &'a BTreeMap<&'a str, Named<'a>>,
    keys: &'a PublicKeys,
    /// Names of digests by their signatures, worked out where somebody asks.
    signed: OnceCell<HashMap<String, Vec<&'a str>>>,
}

impl<'a> Contradictions<'a> {
    pub fn new(chain: &'a Chain, names: &'a BTreeMap<&'a str, Named<'a>>, keys: &'a PublicKeys) -> Self {
        Contradictions { chain, names, keys, signed: OnceCell::new() }
    }

    /// Why a digest is not AWS's, where what it says of the one before it can't be. `previous`: which one that is.
    pub fn with(&self, digest: &Digest, previous: &Previous) -> Option<String> {
        let signature = digest.previous_signature.as_deref()?;
        let before: Vec<&Digest> = self.digests(&previous.name).collect();
        let meant: Vec<&Digest> = before.iter().copied().filter(|one| one.sha256 == previous.sha256).collect();
        let name = &previous.name;
        if before.iter().any(|one| self.is_signed_beside(one)) && !meant.iter().any(|one| self.is_signed_beside(one)) {
            return Some(format!("it gives another hash of {name} than that of the one which is signed"));
        }
        let known: Vec<&Digest> = before.iter().copied().filter(|one| self.keys.has(&one.fingerprint)).collect();
        let meant: Vec<&Digest> = known.iter().copied().filter(|one| one.sha256 == previous.sha256).collect();
        if !meant.is_empty() {
            // AWS's would have both right.
            let fits = meant.iter().any(|one| self.fits(one, signature));
            return (!fits).then(|| format!("the signature of {name} that it has does not fit, and the hash does"));
        }
        if known.is_empty() {
            return None;
        }
        if !self.keys.may_have_made(signature) {
            return Some(format!("the signature of {name} that it has was made by none of the public keys"));
        }
        let other = self.owner(signature, name)?;
        Some(format!("the signature of {name} that it has is that of {other}"))
    }

    fn digests(&self, name: &str) -> impl Iterator<Item = &'a Digest> {
        let places = self.names.get(name).map(|named| named.digests.as_slice()).unwrap_or_default();
        places.iter().filter_map(|place| self.chain.digests.get(*place))
    }

    fn fits(&self, digest: &Digest, signature: &str) -> bool {
        !self.keys.fitting(&digest.fingerprint, &digest.signed_text(), signature).is_empty()
    }

    /// Whether a signature that is kept beside a digest fits.
    fn is_signed_beside(&self, digest: &Digest) -> bool {
        let beside = self.chain.signatures.get(&digest.name).into_iter().flatten();
        beside.take(TRIED_MAX).any(|signature| self.fits(digest, signature))
    }

    /// Another digest than the named one that a signature fits.
    fn owner(&self, signature: &str, name: &str) -> Option<&'a str> {
        let signed = self.signed.get_or_init(|| {
            let mut signed: HashMap<String, Vec<&'a str>> = HashMap::new();
            let mut add = |signature: &str, name: &'a str| {
                let names = signed.entry(signature.to_ascii_lowercase()).or_default();
                if names.len() < TRIED_MAX && !names.contains(&name) {
                    names.push(name);
                }
            };
            for digest in &self.chain.digests {
                if let (Some(previous), Some(signature)) = (&digest.previous, &digest.previous_signature) {
                    add(signature, &previous.name);
                }
            }
            for (name, signatures) in &self.chain.signatures {
                signatures.iter().for_each(|signature| add(signature, name));
            }
            signed
        });
        let owners = signed.get(&signature.to_ascii_lowercase())?;
        let is_its = |other: &&&str| **other != name && self.digests(other).any(|digest| self.fits(digest, signature));
        owners.iter().find(is_its).copied()
    }
}
