//! Digests as CloudTrail writes them.
//!
//! Source: AWS CloudTrail User Guide, "CloudTrail digest file structure".

use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use super::names::stem;
use crate::time::parse_time;
use crate::util::hex::hex;

/// A digest, as much of it as is needed to judge it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Digest {
    /// The file that it stands in: its path below the archive.
    pub object: String,
    /// Whether the file has the name of another digest.
    pub is_misplaced: bool,
    /// The name that CloudTrail gave it.
    pub name: String,
    /// The key that CloudTrail gave it.
    pub key: String,
    pub bucket: String,
    pub start_us: i64,
    pub end_us: i64,
    /// The end as it stands there: that is what is signed.
    pub end: String,
    /// SHA-256 of its inflated bytes, in lower-case hexadecimal.
    pub sha256: String,
    /// Of the key that signed it.
    pub fingerprint: String,
    pub previous: Option<Previous>,
    pub previous_signature: Option<String>,
}

/// What a digest says about the one before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Previous {
    pub name: String,
    pub key: String,
    /// SHA-256, in lower-case hexadecimal.
    pub sha256: String,
}

/// What a digest says about a log object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct File {
    pub key: String,
    /// SHA-256, in lower-case hexadecimal.
    pub sha256: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    digest_start_time: String,
    digest_end_time: String,
    digest_s3_bucket: String,
    digest_s3_object: String,
    digest_public_key_fingerprint: String,
    previous_digest_s3_object: Option<String>,
    previous_digest_hash_value: Option<String>,
    previous_digest_signature: Option<String>,
    log_files: Option<Vec<RawFile>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawFile {
    s3_object: String,
    hash_value: String,
}

impl Digest {
    /// Reads the digest in a file; what it lists comes beside it.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(bytes: &[u8], object: &str) -> Result<(Digest, Vec<File>), String> {
        let raw: Raw = serde_json::from_slice(bytes).map_err(|error| format!("not a digest: {error}"))?;
        let time = |text: &str| parse_time(text).ok_or_else(|| format!("not a digest: {text:?} is no time"));
        let previous = raw.previous_digest_s3_object.map(|key| Previous {
            name: stem(&key).to_owned(),
            sha256: raw.previous_digest_hash_value.unwrap_or_default().to_ascii_lowercase(),
            key,
        });
        let files = raw.log_files.unwrap_or_default().into_iter();
        let files = files.map(|file| File { key: file.s3_object, sha256: file.hash_value.to_ascii_lowercase() });
        let digest = Digest {
            object: object.to_owned(),
            is_misplaced: false,
            name: stem(&raw.digest_s3_object).to_owned(),
            bucket: raw.digest_s3_bucket,
            start_us: time(&raw.digest_start_time)?,
            end_us: time(&raw.digest_end_time)?,
            end: raw.digest_end_time,
            sha256: hex(&sha2::Sha256::digest(bytes)),
            fingerprint: raw.digest_public_key_fingerprint,
            previous,
            previous_signature: raw.previous_digest_signature,
            key: raw.digest_s3_object,
        };
        Ok((digest, files.collect()))
    }

    /// What is signed. Source: AWS CloudTrail User Guide, "Custom implementations of CloudTrail log file integrity
    /// validation"; the first digest of a chain has `null` for the signature before it.
    pub fn signed_text(&self) -> String {
        let Digest { end, bucket, key, sha256, previous_signature, .. } = self;
        format!("{end}\n{bucket}/{key}\n{sha256}\n{}", previous_signature.as_deref().unwrap_or("null"))
    }
}
