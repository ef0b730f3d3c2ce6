//! The public keys that digests are signed with, as `aws cloudtrail list-public-keys` prints them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use num_bigint::BigUint;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::Value;

use super::error::VerifyError;
use crate::archive::{Buffers, read};
use crate::time::{MICROS_PER_DAY, format_time, parse_time};
use crate::util::hex::unhex;

/// A file of keys has some kilobytes.
const FILE_MAX_BYTES: u64 = 64 << 20;

/// A digest is signed when it is written, which is at its end or soon after it.
const SIGNED_WITHIN_US: i64 = MICROS_PER_DAY;

/// Keys by their fingerprints.
#[derive(Debug, Default)]
pub(super) struct PublicKeys(HashMap<String, Vec<Key>>);

/// A key, and when AWS signed with it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Key {
    der: Vec<u8>,
    start_us: Option<i64>,
    end_us: Option<i64>,
}

impl Key {
    /// Whether AWS may have signed with it a digest that ends then. What a backfill digest tells of came late, nobody
    /// knows how late.
    pub fn was_valid(&self, digest_end_us: i64, is_backfill: bool) -> bool {
        let latest_us = if is_backfill { i64::MAX } else { digest_end_us.saturating_add(SIGNED_WITHIN_US) };
        self.start_us.is_none_or(|start_us| start_us <= latest_us)
            && self.end_us.is_none_or(|end_us| digest_end_us <= end_us)
    }

    /// When it was valid, in words.
    pub fn validity(&self) -> String {
        let time = |time_us: Option<i64>| time_us.map_or("ever".to_owned(), format_time);
        format!("it was from {} to {}", time(self.start_us), time(self.end_us))
    }
}

/// What is read of one answer.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    public_key_list: Vec<PublicKey>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PublicKey {
    /// Base64 of the DER of a PKCS#1 `RSAPublicKey`.
    value: String,
    fingerprint: String,
    validity_start_time: Option<Value>,
    validity_end_time: Option<Value>,
}

/// A time as the two versions of the AWS CLI print it: ISO 8601, or seconds since 1970.
fn time_us(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => parse_time(text),
        #[expect(clippy::cast_possible_truncation, reason = "microseconds; beyond their bounds they are these")]
        value => value.as_f64().map(|seconds| (seconds * 1e6) as i64),
    }
}

impl PublicKeys {
    /// Reads files of answers, which may follow one another in a file: each region has keys of its own.
    pub fn read(paths: &[PathBuf]) -> Result<PublicKeys, VerifyError> {
        let mut keys = PublicKeys::default();
        for path in paths {
            keys.read_one(path)?;
        }
        Ok(keys)
    }

    /// Reads the answers in these bytes.
    pub fn parse(bytes: &[u8]) -> Result<PublicKeys, String> {
        let mut keys = PublicKeys::default();
        keys.add(bytes).map(|()| keys)
    }

    fn read_one(&mut self, path: &Path) -> Result<(), VerifyError> {
        let bytes = read(path, &mut Buffers::default(), FILE_MAX_BYTES)?.bytes;
        self.add(&bytes).map_err(|reason| {
            let reason = format!("not the output of `aws cloudtrail list-public-keys`: {reason}");
            VerifyError::File { path: path.to_owned(), reason }
        })
    }

    fn add(&mut self, bytes: &[u8]) -> Result<(), String> {
        for answer in serde_json::Deserializer::from_slice(bytes).into_iter::<Answer>() {
            for key in answer.map_err(|error| error.to_string())?.public_key_list {
                let der = STANDARD
                    .decode(key.value.split_ascii_whitespace().collect::<String>())
                    .map_err(|_| format!("the key {} is no base64", key.fingerprint))?;
                let [start_us, end_us] = [key.validity_start_time, key.validity_end_time].map(|time| match time {
                    None | Some(Value::Null) => Ok(None),
                    Some(value) => time_us(&value)
                        .map(Some)
                        .ok_or_else(|| format!("{value}, of the key {}, is no time", key.fingerprint)),
                });
                let keys = self.0.entry(key.fingerprint.to_ascii_lowercase()).or_default();
                let key = Key { der, start_us: start_us?, end_us: end_us? };
                if !keys.contains(&key) {
                    keys.push(key);
                }
            }
        }
        Ok(())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn has(&self, fingerprint: &str) -> bool {
        self.0.contains_key(&fingerprint.to_ascii_lowercase())
    }

    /// The keys of this fingerprint that made this signature (in hexadecimal) of this text: one, but it may be listed
    /// with several times.
    pub fn fitting(&self, fingerprint: &str, text: &str, signature: &str) -> Vec<&Key> {
        let Some(signature) = unhex(signature) else { return Vec::new() };
        let keys = self.0.get(&fingerprint.to_ascii_lowercase()).into_iter().flatten();
        let fits = |key: &&Key| {
            let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &key.der);
            public.verify(text.as_bytes(), &signature).is_ok()
        };
        keys.filter(fits).collect()
    }
}

/// A signature of a key of 8,192 bits has so many bytes: more are those of none.
const SIGNATURE_MAX_BYTES: usize = 1024;

impl PublicKeys {
    /// Whether one of the keys made this signature (in hexadecimal), of whatever text: only such a one has the padding
    /// of PKCS#1 v1.5 before a hash once it is raised to the key's exponent.
    ///
    /// Source: RFC 8017, 8.2.2 and 9.2.
    pub fn may_have_made(&self, signature: &str) -> bool {
        let Some(signature) = unhex(signature).filter(|bytes| bytes.len() <= SIGNATURE_MAX_BYTES) else { return false };
        let number = BigUint::from_bytes_be(&signature);
        let is_padded = |(modulus, exponent): (BigUint, BigUint)| {
            let is_in = exponent.bits() <= 64 && number < modulus && modulus.bits() <= 8 * SIGNATURE_MAX_BYTES as u64;
            is_in && is_padded(&number.modpow(&exponent, &modulus).to_bytes_be(), modulus.bits().div_ceil(8))
        };
        self.0.values().flatten().filter_map(|key| public_numbers(&key.der)).any(is_padded)
    }
}

/// What stands before the hash: the algorithm, as DER has it.
const SHA256_INFO: [u8; 19] =
    [0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];

/// `00 01 ff … ff 00`, the algorithm, a hash; of a number without its first zero.
fn is_padded(bytes: &[u8], modulus_bytes: u64) -> bool {
    let Some(rest) = bytes.strip_prefix(&[1]).filter(|_| bytes.len() as u64 + 1 == modulus_bytes) else { return false };
    let ones = rest.iter().take_while(|byte| **byte == 0xff).count();
    let info = rest.get(ones..).and_then(|rest| rest.strip_prefix(&[0])?.strip_prefix(&SHA256_INFO));
    ones >= 8 && info.is_some_and(|hash| hash.len() == 32)
}

/// Modulus and exponent of a PKCS#1 `RSAPublicKey`.
fn public_numbers(der: &[u8]) -> Option<(BigUint, BigUint)> {
    let (inner, _) = element(der, 0x30)?;
    let (modulus, rest) = element(inner, 0x02)?;
    let (exponent, _) = element(rest, 0x02)?;
    let [modulus, exponent] = [modulus, exponent].map(BigUint::from_bytes_be);
    (modulus.bits() > 0).then_some((modulus, exponent))
}

/// The content of a DER element of this tag, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, rest) = der.strip_prefix(&[tag])?.split_first()?;
    let (len, rest) = match usize::from(*first) {
        short @ ..0x80 => (short, rest),
        long => {
            let (len, rest) = rest.split_at_checked(long & 0x7f)?;
            let len = len.iter().try_fold(0_usize, |len, byte| Some(len.checked_mul(256)? + usize::from(*byte)))?;
            (len, rest)
        }
    };
    rest.split_at_checked(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_valid_from_its_start_to_its_end() {
        let key = |start_us, end_us| Key { der: Vec::new(), start_us, end_us };
        let hour_us = 3_600_000_000;
        let day = key(Some(0), Some(24 * hour_us));
        for (end_us, is_backfill, expected) in [
            (hour_us, false, true),
            (24 * hour_us, false, true),
            (24 * hour_us + 1, false, false),
            // Written a little later than it ends, when the key was there already.
            (-hour_us, false, true),
            (-25 * hour_us, false, false),
            (-25 * hour_us, true, true),
            (25 * hour_us, true, false),
        ] {
            assert_eq!(day.was_valid(end_us, is_backfill), expected, "{end_us} {is_backfill}");
        }
        assert!(key(None, None).was_valid(i64::MAX, false) && key(None, None).was_valid(i64::MIN, false));
        assert_eq!(time_us(&serde_json::json!(1_436_317_441.5)), Some(1_436_317_441_500_000));
        assert_eq!(time_us(&serde_json::json!("2015-07-08T01:04:01+00:00")), Some(1_436_317_441_000_000));
        assert_eq!(time_us(&serde_json::json!([])), None);
    }
}
