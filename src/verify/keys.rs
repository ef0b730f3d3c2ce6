//! The public keys that digests are signed with, as `aws cloudtrail list-public-keys` prints them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde::Deserialize;

use super::error::VerifyError;
use crate::archive::{Buffers, read};

/// A file of keys has some kilobytes.
const FILE_MAX_BYTES: u64 = 64 << 20;

/// Keys by their fingerprints.
#[derive(Debug, Default)]
pub(super) struct PublicKeys(HashMap<String, Vec<Vec<u8>>>);

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

    fn read_one(&mut self, path: &Path) -> Result<(), VerifyError> {
        let fail = |reason: String| {
            let reason = format!("not the output of `aws cloudtrail list-public-keys`: {reason}");
            VerifyError::File { path: path.to_owned(), reason }
        };
        let bytes = read(path, &mut Buffers::default(), FILE_MAX_BYTES)?.bytes;
        for answer in serde_json::Deserializer::from_slice(&bytes).into_iter::<Answer>() {
            for key in answer.map_err(|error| fail(error.to_string()))?.public_key_list {
                let der = STANDARD
                    .decode(key.value.split_ascii_whitespace().collect::<String>())
                    .map_err(|_| fail(format!("the key {} is no base64", key.fingerprint)))?;
                let keys = self.0.entry(key.fingerprint.to_ascii_lowercase()).or_default();
                if !keys.contains(&der) {
                    keys.push(der);
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

    /// Whether the key of this fingerprint made this signature (in hexadecimal) of this text.
    pub fn fits(&self, fingerprint: &str, text: &str, signature: &str) -> bool {
        let Some(signature) = unhex(signature) else { return false };
        let keys = self.0.get(&fingerprint.to_ascii_lowercase()).into_iter().flatten();
        let mut keys = keys.map(|der| UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der));
        keys.any(|key| key.verify(text.as_bytes(), &signature).is_ok())
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal() {
        assert_eq!(unhex("00fFA1"), Some(vec![0, 255, 161]));
        assert_eq!(unhex(""), Some(Vec::new()));
        for text in ["0", "0g", "é"] {
            assert_eq!(unhex(text), None, "{text}");
        }
    }
}
