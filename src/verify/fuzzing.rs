//! What reads digests, their names, keys and signatures, for fuzz targets outside the library.

use super::digest::Digest;
use super::keys::PublicKeys;
use super::names::{DigestName, chain_of, object_of_metadata, stem};
use super::signatures;

/// Reads bytes as a digest; what is signed of it, and what it lists, each by its key.
pub fn digest(bytes: &[u8]) -> Option<(String, Vec<String>)> {
    let (digest, files) = Digest::parse(bytes, "x").ok()?;
    Some((digest.signed_text(), files.into_iter().map(|file| file.key).collect()))
}

/// Reads bytes as the answer that has public keys; whether they are one.
pub fn public_keys(bytes: &[u8]) -> bool {
    PublicKeys::parse(bytes).is_ok()
}

/// Reads bytes as metadata with signatures: the names of their digests.
pub fn signatures(bytes: &[u8]) -> Option<Vec<String>> {
    let found = signatures::parse(bytes, Some("x.json.gz")).ok()?;
    Some(found.into_iter().map(|signature| signature.name).collect())
}

/// What is made of a key: name without extensions, chain, end of the digest's time, and the object whose metadata it has.
pub fn name(key: &str) -> (&str, String, Option<i64>, Option<&str>) {
    let stem = stem(key);
    (stem, chain_of(stem), DigestName::parse(stem).map(|name| name.end_us), object_of_metadata(key))
}

/// Judges digests of which only the names are given: each with the name of the one before it. How many are said to be altered,
/// and how many findings there are.
pub fn chain(names: &[(&str, Option<&str>)]) -> (usize, usize) {
    super::chain::judge_names(names)
}
