//! Archives with digests that are signed: by a key of the tests, as AWS does it with its own.

use std::fs;
use std::io::{Read as _, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Output;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use trailpare::verify::Options;

/// 2024-03-01.
pub const DAY_US: i64 = 1_709_251_200_000_000;
pub const HOUR_US: i64 = 3_600_000_000;
pub const FINGERPRINT: &str = "31e8b5433410dfb61a9dc45cc65b22ff";
const BUCKET: &str = "the-bucket";

pub fn key_pair(file: &str) -> RsaKeyPair {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/verify").join(file);
    let pem = fs::read_to_string(path).unwrap();
    let text = pem.split("-----BEGIN PRIVATE KEY-----").nth(1).unwrap().split("-----END").next().unwrap();
    let der = STANDARD.decode(text.split_whitespace().collect::<String>()).unwrap();
    RsaKeyPair::from_pkcs8(&der).unwrap()
}

/// DER of a PKCS#1 `RSAPublicKey`.
pub fn public_key(file: &str) -> Vec<u8> {
    key_pair(file).public_key().as_ref().to_vec()
}

/// As `aws cloudtrail list-public-keys` prints it.
pub fn keys_json(fingerprint: &str, der: &[u8]) -> String {
    keys_valid(fingerprint, der, [json!("2024-01-01T00:00:00+00:00"), json!("2025-01-01T00:00:00+00:00")])
}

/// Likewise a key that was valid from then to then.
pub fn keys_valid(fingerprint: &str, der: &[u8], [start, end]: [Value; 2]) -> String {
    let key = json!({
        "Value": STANDARD.encode(der),
        "ValidityStartTime": start,
        "ValidityEndTime": end,
        "Fingerprint": fingerprint,
    });
    json!({ "PublicKeyList": [key] }).to_string()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn inflate(bytes: &[u8]) -> Vec<u8> {
    let mut inflated = Vec::new();
    flate2::read::GzDecoder::new(bytes).read_to_end(&mut inflated).unwrap();
    inflated
}

fn sign(key: &RsaKeyPair, text: &str) -> String {
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
    hex(&signature)
}

/// Signs a digest as documented, from what stands in it.
pub fn signature_of(key: &RsaKeyPair, digest: &[u8]) -> String {
    let value: Value = serde_json::from_slice(digest).unwrap();
    let of = |name: &str| value[name].as_str().unwrap_or("null").to_owned();
    let place = format!("{}/{}", of("digestS3Bucket"), of("digestS3Object"));
    sign(key, &format!("{}\n{place}\n{}\n{}", of("digestEndTime"), sha256(digest), of("previousDigestSignature")))
}

fn iso(time_us: i64, form: &str) -> String {
    chrono::DateTime::from_timestamp_micros(time_us).unwrap().format(form).to_string()
}

pub struct Log {
    pub key: String,
    pub json: Vec<u8>,
}

pub struct Signed {
    pub key: String,
    /// Inflated.
    pub bytes: Vec<u8>,
    pub signature: String,
    pub logs: Vec<Log>,
}

/// The digests of one trail in one account and region, and what they list: two log objects an hour.
pub struct Trail {
    account: &'static str,
    region: &'static str,
    name: &'static str,
    second: i64,
    key: RsaKeyPair,
    /// Where the chains end: of plain digests, of backfill digests.
    last: [Option<usize>; 2],
    pub digests: Vec<Signed>,
}

impl Trail {
    pub fn new(account: &'static str, region: &'static str, name: &'static str) -> Trail {
        Trail { account, region, name, second: 0, key: key_pair("key.pem"), last: [None, None], digests: Vec::new() }
    }

    /// Digests that end at another second than those of another trail.
    pub fn at_second(mut self, second: i64) -> Trail {
        let (digests, hours) = (std::mem::take(&mut self.digests), 3);
        assert_eq!(digests.len(), hours as usize);
        (self.second, self.last) = (second, [None, None]);
        self.hours(0..hours)
    }

    pub fn hours(mut self, hours: Range<i64>) -> Trail {
        for hour in hours {
            let logs = [10, 40].map(|minute| self.log(hour, minute, "in time"));
            self.digest(hour, logs.into(), false);
        }
        self
    }

    /// A digest of what came late.
    pub fn backfill(&mut self, hour: i64) {
        let log = self.log(hour, 20, "late");
        self.digest(hour, vec![log], true);
    }

    /// A log object of one hour that the digest of another lists.
    pub fn digest_of(&mut self, hour: i64, digest_hour: i64) {
        let log = self.log(hour, 30, "late");
        self.digest(digest_hour, vec![log], false);
    }

    /// The next digest begins a chain.
    pub fn stop(&mut self) {
        self.last = [None, None];
    }

    fn log(&self, hour: i64, minute: i64, text: &str) -> Log {
        let time_us = DAY_US + hour * HOUR_US + minute * 60_000_000;
        let Trail { account, region, name, .. } = self;
        let day = iso(time_us, "%Y/%m/%d");
        let random = &sha256(format!("{account}{region}{name}{time_us}").as_bytes())[..16];
        let stamp = iso(time_us, "%Y%m%dT%H%MZ");
        let key = format!(
            "AWSLogs/{account}/CloudTrail/{region}/{day}/{account}_CloudTrail_{region}_{stamp}_{random}.json.gz"
        );
        let event = json!({
            "eventVersion": "1.08",
            "userIdentity": {"type": "IAMUser", "accountId": account, "userName": text},
            "eventTime": iso(time_us - 60_000_000, "%Y-%m-%dT%H:%M:%SZ"),
            "eventSource": "s3.amazonaws.com", "eventName": "ListBuckets", "awsRegion": region,
            "eventID": format!("{random}-{minute}"), "eventType": "AwsApiCall", "recipientAccountId": account,
        });
        let mut other = event.clone();
        other["eventID"] = json!(format!("{random}-2"));
        Log { key, json: json!({ "Records": [event, other] }).to_string().into_bytes() }
    }

    fn digest(&mut self, hour: i64, logs: Vec<Log>, is_backfill: bool) {
        let (start_us, end_us) = (DAY_US + hour * HOUR_US, DAY_US + (hour + 1) * HOUR_US);
        let Trail { account, region, name, second, .. } = self;
        let (start_us, end_us) = (start_us + *second * 1_000_000, end_us + *second * 1_000_000);
        let (day, stamp) = (iso(end_us, "%Y/%m/%d"), iso(end_us, "%Y%m%dT%H%M%SZ"));
        let end = if is_backfill { "_backfill" } else { "" };
        let key = format!(
            "AWSLogs/{account}/CloudTrail-Digest/{region}/{day}/{account}_CloudTrail-Digest_{region}_{name}_eu-west-1_\
             {stamp}{end}.json.gz"
        );
        let files: Vec<Value> = logs
            .iter()
            .map(|log| {
                json!({"s3Bucket": BUCKET, "s3Object": log.key, "hashValue": sha256(&log.json),
                       "hashAlgorithm": "SHA-256"})
            })
            .collect();
        let before = self.last[usize::from(is_backfill)].map(|place| &self.digests[place]);
        let digest = json!({
            "awsAccountId": account,
            "digestStartTime": iso(start_us, "%Y-%m-%dT%H:%M:%SZ"),
            "digestEndTime": iso(end_us, "%Y-%m-%dT%H:%M:%SZ"),
            "digestS3Bucket": BUCKET,
            "digestS3Object": key,
            "digestPublicKeyFingerprint": FINGERPRINT,
            "digestSignatureAlgorithm": "SHA256withRSA",
            "newestEventTime": null,
            "oldestEventTime": null,
            "previousDigestS3Bucket": before.map(|_| BUCKET),
            "previousDigestS3Object": before.map(|before| &before.key),
            "previousDigestHashValue": before.map(|before| sha256(&before.bytes)),
            "previousDigestHashAlgorithm": before.map(|_| "SHA-256"),
            "previousDigestSignature": before.map(|before| &before.signature),
            "logFiles": files,
        });
        let bytes = digest.to_string().into_bytes();
        let signature = signature_of(&self.key, &bytes);
        self.last[usize::from(is_backfill)] = Some(self.digests.len());
        self.digests.push(Signed { key, bytes, signature, logs });
    }
}

/// Trails as files.
pub struct Archive {
    folder: TempDir,
    pub trails: Vec<Trail>,
}

impl Archive {
    pub fn new() -> Archive {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("keys.json"), keys_json(FINGERPRINT, &public_key("key.pem"))).unwrap();
        fs::create_dir(folder.path().join("archive")).unwrap();
        Archive { folder, trails: Vec::new() }
    }

    pub fn add(&mut self, trail: Trail) {
        for digest in &trail.digests {
            self.write(&digest.key, &gzip(&digest.bytes));
            digest.logs.iter().for_each(|log| self.write(&log.key, &gzip(&log.json)));
        }
        self.trails.push(trail);
    }

    /// Something beside the archive.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn root(&self) -> PathBuf {
        self.folder("archive")
    }

    /// Where [`Archive::write_sidecars`] writes, within the archive.
    pub fn sidecars(&self) -> PathBuf {
        self.root().join("metadata")
    }

    /// The metadata of each chain's newest digest.
    pub fn write_sidecars(&self) {
        for trail in &self.trails {
            for place in trail.last.into_iter().flatten() {
                self.write_sidecar(&trail.digests[place].key, &trail.digests[place].signature);
            }
        }
    }

    pub fn write_sidecar(&self, key: &str, signature: &str) {
        let name = key.rsplit('/').next().unwrap();
        let head = json!({
            "AcceptRanges": "bytes",
            "ContentType": "application/json",
            "Metadata": {"signature": signature, "signature-algorithm": "SHA256withRSA"},
        });
        self.write(&format!("metadata/{name}.metadata.json"), head.to_string().as_bytes());
    }

    pub fn path(&self, key: &str) -> PathBuf {
        self.root().join(key)
    }

    pub fn write(&self, key: &str, bytes: &[u8]) {
        let path = self.path(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub fn remove(&self, key: &str) {
        fs::remove_file(self.path(key)).unwrap();
    }

    /// Every file of it: its key and its bytes.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        let found = trailpare::archive::find(&[self.root()]).map(|found| found.unwrap());
        found.map(|found| (found.relative, fs::read(found.path).unwrap())).collect()
    }

    pub fn options(&self) -> Options {
        let public_keys = vec![self.folder("keys.json")];
        Options { archives: vec![self.root()], public_keys, ..Options::default() }
    }

    pub fn run(&self, args: &[&str]) -> Output {
        let (root, keys) = (self.root(), self.folder("keys.json"));
        let all = ["verify", root.to_str().unwrap(), "--public-keys", keys.to_str().unwrap()];
        super::command(&[&all[..], args].concat())
    }
}

/// Signs the digests that `synth` wrote, chain by chain. How many chains.
pub fn sign_synth(root: &Path) -> u64 {
    let key = key_pair("key.pem");
    let found = trailpare::archive::find(&[root.to_owned()]).map(|found| found.unwrap());
    let digests = found.filter(|found| found.kind == trailpare::archive::ObjectKind::Digest);
    // In the order of their paths: chain by chain, each from its oldest.
    let (mut chains, mut before) = (0, None);
    for found in digests {
        let mut digest: Value = serde_json::from_slice(&inflate(&fs::read(&found.path).unwrap())).unwrap();
        if digest["previousDigestS3Object"].is_null() {
            (chains, before) = (chains + 1, None);
        }
        digest["digestPublicKeyFingerprint"] = json!(FINGERPRINT);
        if let Some((sha256, signature)) = before {
            digest["previousDigestHashValue"] = json!(sha256);
            digest["previousDigestSignature"] = Value::String(signature);
        }
        let bytes = digest.to_string().into_bytes();
        before = Some((sha256(&bytes), signature_of(&key, &bytes)));
        fs::write(&found.path, gzip(&bytes)).unwrap();
    }
    chains
}
