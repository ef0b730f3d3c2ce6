//! Digest objects: what was delivered in an hour for an account and region, with the hashes, each naming the one
//! before it.
//!
//! Source: AWS CloudTrail User Guide, "CloudTrail digest file structure". Signatures are made up: nobody but AWS has
//! the key.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::dates::write_iso;
use super::error::SynthError;
use super::object::{Times, Writer};
use super::output::{compress, compressor, store};
use crate::util::hex::hex;

const TRAIL: &str = "organization";

/// What a digest says about one object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delivered {
    pub index: u32,
    /// SHA-256 of the inflated bytes.
    pub sha256: [u8; 32],
    pub times: Times,
}

/// Writes the digests of the delivered objects. Returns how many.
pub(super) fn write(writer: &Writer<'_>, delivered: &[Delivered], out: &Path) -> Result<u64, SynthError> {
    let mut hours: BTreeMap<(u32, u32), BTreeMap<i64, Vec<&Delivered>>> = BTreeMap::new();
    for one in delivered {
        let Some(object) = writer.plan.objects.get(one.index as usize) else { continue };
        let hour = object.delivered.div_euclid(3600);
        hours.entry((object.account, object.region)).or_default().entry(hour).or_default().push(one);
    }
    let mut written = 0;
    for hours in hours.values() {
        let mut before = None;
        for (hour, objects) in hours {
            let (key, sha256) = write_one(writer, *hour, objects, before.as_ref(), out)?;
            before = Some((key, sha256));
            written += 1;
        }
    }
    Ok(written)
}

#[expect(clippy::cast_sign_loss, reason = "made-up numbers within the bounds that the configuration sets")]
fn write_one(
    writer: &Writer<'_>,
    hour: i64,
    objects: &[&Delivered],
    before: Option<&(String, String)>,
    out: &Path,
) -> Result<(String, String), SynthError> {
    let iso = |time| {
        let mut text = Vec::new();
        write_iso(time, &mut text);
        String::from_utf8_lossy(&text).into_owned()
    };
    let Some(first) = objects.first().and_then(|one| writer.plan.objects.get(one.index as usize)) else {
        return Ok(Default::default());
    };
    let (account, region) = writer.whose(first);
    let bucket = format!("organization-trail-{}", writer.hex(0, 8));
    let end = (hour + 1) * 3600;
    let stamp = chrono::DateTime::from_timestamp(end, 0).unwrap_or_default().format("%Y%m%dT%H%M%SZ");
    let home = writer.home_region();
    let folder = writer.folder(first, "CloudTrail-Digest", end);
    let key = format!("{folder}/{account}_CloudTrail-Digest_{region}_{TRAIL}_{home}_{stamp}.json.gz");
    let files = objects.iter().filter_map(|one| {
        let object = writer.plan.objects.get(one.index as usize)?;
        let folder = writer.folder(object, "CloudTrail", object.delivered);
        Some(json!({
            "s3Bucket": bucket,
            "s3Object": format!("{folder}/{}.json.gz", writer.name(one.index)),
            "hashValue": hex(&one.sha256),
            "hashAlgorithm": "SHA-256",
            "newestEventTime": iso(one.times.newest),
            "oldestEventTime": iso(one.times.oldest),
        }))
    });
    let previous = |value: Option<String>| value.map_or(Value::Null, Value::String);
    let digest = json!({
        "awsAccountId": account,
        "digestStartTime": iso(end - 3600),
        "digestEndTime": iso(end),
        "digestS3Bucket": bucket,
        "digestS3Object": key,
        "digestPublicKeyFingerprint": writer.hex(1, 32),
        "digestSignatureAlgorithm": "SHA256withRSA",
        "newestEventTime": objects.iter().map(|one| one.times.newest).max().map_or(Value::Null, |t| json!(iso(t))),
        "oldestEventTime": objects.iter().map(|one| one.times.oldest).min().map_or(Value::Null, |t| json!(iso(t))),
        "previousDigestS3Bucket": previous(before.map(|_| bucket.clone())),
        "previousDigestS3Object": previous(before.map(|(key, _)| key.clone())),
        "previousDigestHashValue": previous(before.map(|(_, hash)| hash.clone())),
        "previousDigestHashAlgorithm": previous(before.map(|_| "SHA-256".to_owned())),
        "previousDigestSignature": previous(before.map(|_| writer.hex(hour as u64, 512))),
        "logFiles": files.collect::<Vec<_>>(),
    });
    let bytes = digest.to_string().into_bytes();
    let sha256 = hex(&Sha256::digest(&bytes));
    store(&out.join(&key), &compress(&bytes, &mut compressor(6)?)?)?;
    Ok((key, sha256))
}
