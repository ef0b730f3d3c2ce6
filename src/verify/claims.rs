//! What the digests that follow a digest say about it, and how much that is worth.

use super::digest::Digest;

/// How far a digest can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trust {
    /// It is not what AWS wrote.
    Altered,
    /// Nothing speaks against it, and no signature for it.
    Unchecked,
    /// Signed.
    Signed,
}

/// Signatures of one digest that are tried at the most. It has one; who keeps more keeps wrong ones.
pub(super) const TRIED_MAX: usize = 8;

/// What is said about the digests of one name.
#[derive(Debug, Default)]
pub(super) struct Claims<'a> {
    /// Hashes by digests that are signed.
    signed: Vec<&'a str>,
    /// Hashes by digests that nothing speaks against.
    unchecked: Vec<&'a str>,
    /// Signatures, with the digest that has it if one has, and whether that can be trusted.
    pub signatures: Vec<Claim<'a>>,
    /// A digest that says something, the most trusted one.
    pub by: Option<(&'a str, Trust)>,
}

/// A signature.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim<'a> {
    pub signature: &'a str,
    /// `None`: it was kept beside the digest.
    pub by: Option<&'a str>,
    /// Whether it was altered, as far as is known: then it may be right and need not be.
    pub is_doubtful: bool,
}

impl<'a> Claims<'a> {
    /// Adds what a digest says about the one before it. The most trusted ones come first.
    pub fn add(&mut self, next: &'a Digest, trust: Trust) {
        let Some(previous) = &next.previous else { return };
        let hashes = match trust {
            Trust::Signed => Some(&mut self.signed),
            Trust::Unchecked => Some(&mut self.unchecked),
            Trust::Altered => None,
        };
        if let Some(hashes) = hashes
            && !hashes.contains(&previous.sha256.as_str())
            && hashes.len() < TRIED_MAX
        {
            hashes.push(&previous.sha256);
        }
        self.by.get_or_insert((&next.name, trust));
        if let Some(signature) = &next.previous_signature {
            self.sign(Claim { signature, by: Some(&next.name), is_doubtful: trust == Trust::Altered });
        }
    }

    /// Adds a signature. One that is kept in two places is as sure as the surer of them.
    pub fn sign(&mut self, claim: Claim<'a>) {
        let is_same = |known: &&mut Claim<'_>| known.signature.eq_ignore_ascii_case(claim.signature);
        let has_room = self.signatures.len() < TRIED_MAX;
        match self.signatures.iter_mut().find(is_same) {
            Some(known) => known.is_doubtful &= claim.is_doubtful,
            None if has_room => self.signatures.push(claim),
            None => {}
        }
    }

    /// Whether a digest that is signed gives this hash.
    pub fn vouch(&self, sha256: &str) -> bool {
        self.signed.contains(&sha256)
    }

    /// Whether a digest with this hash can be the one that is meant.
    pub fn allow(&self, sha256: &str) -> bool {
        let hashes = if self.signed.is_empty() { &self.unchecked } else { &self.signed };
        hashes.is_empty() || hashes.contains(&sha256)
    }
}
