//! Archives that somebody made to break the program.

use std::fs;

use serde_json::json;
use trailpare::verify::{Kind, Verdict, verify};

use super::archives::{Archive, Trail, gzip, signature_of};
use super::{Told, text};

const FRONT: &str =
    "AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2024/03/01/111122223333_CloudTrail-Digest_eu-west-1_x_eu-west-1_";

fn digest(key: &str, previous: Option<&str>) -> serde_json::Value {
    json!({
        "digestStartTime": "2024-03-01T00:00:00Z", "digestEndTime": "2024-03-01T01:00:00Z",
        "digestS3Bucket": "b", "digestS3Object": key, "digestPublicKeyFingerprint": "31",
        "previousDigestS3Object": previous, "previousDigestHashValue": "00", "previousDigestSignature": "zz",
        "logFiles": [{"s3Object": "AWSLogs/../../etc/passwd", "hashValue": "é"}],
    })
}

#[test]
fn digests_that_follow_themselves() {
    let archive = Archive::new();
    let key = |hour: u32| format!("{FRONT}20240301T{hour:02}0000Z.json.gz");
    for hour in 0..4 {
        archive.write(&key(hour), digest(&key(hour), Some(&key((hour + 1) % 4))).to_string().as_bytes());
    }
    archive.write(&key(5), digest(&key(5), Some(&key(5))).to_string().as_bytes());
    let told = Told::of(&archive.options());
    // The third follows the first, as it may.
    assert_eq!(told.counts(Verdict::DigestAltered), (0, 4), "{:?}", told.odd());
    assert!(told.reason(&key(5)).contains("it names itself"));
    assert!(told.reason(&key(1)).contains("it names a later digest"));
    assert_eq!(told.sums.of(Kind::Log, Verdict::Missing), 1);
}

/// What is planted beside a chain accuses itself, and nothing else.
#[test]
fn what_is_planted_beside_a_chain_is_altered_and_the_chain_is_not() {
    let of = |planted: &[(usize, usize)], is_backfill: bool| {
        let mut archive = Archive::new();
        let mut trail = Trail::new("111122223333", "eu-west-1", "main").hours(0..5);
        // Each for an hour before that of the one before it.
        (0..4).rev().for_each(|hour| trail.backfill(hour));
        archive.add(trail);
        archive.write_sidecars();
        let digests = &archive.trails[0].digests[if is_backfill { 5..9 } else { 0..5 }];
        for (place, (named, previous)) in planted.iter().enumerate() {
            let mut value: serde_json::Value = serde_json::from_slice(&digests[*named].bytes).unwrap();
            value["logFiles"] = json!([]);
            value["previousDigestS3Object"] = json!(digests[*previous].key);
            value["previousDigestHashValue"] = json!(super::archives::sha256(&digests[*previous].bytes));
            value["previousDigestSignature"] = json!("00".repeat(256));
            let name = digests[*named].key.rsplit('/').next().unwrap();
            archive.write(&format!("planted{place}/{name}"), value.to_string().as_bytes());
        }
        archive
    };
    for is_backfill in [false, true] {
        for planted in [&[(2, 2)][..], &[(1, 3)], &[(0, 4 - usize::from(is_backfill))], &[(1, 3), (2, 2), (0, 1)]] {
            let archive = of(planted, is_backfill);
            let told = Told::of(&archive.options());
            assert_eq!(told.counts(Verdict::DigestAltered), (0, planted.len() as u64), "{planted:?} {:?}", told.odd());
            assert!(told.odd().keys().all(|object| object.starts_with("planted")), "{planted:?} {:?}", told.odd());
            assert_eq!(told.counts(Verdict::Valid), (14, 9), "{planted:?} {is_backfill}");
        }
    }
}

/// Whoever plants a digest behind the newest one chooses what it says of that one, and has no key to sign it with.
#[test]
fn a_digest_planted_behind_the_newest_accuses_only_itself() {
    let right = |archive: &Archive| super::archives::sha256(&archive.trails[0].digests[4].bytes);
    let signature = |archive: &Archive, hour: usize| archive.trails[0].digests[hour].signature.clone();
    for has_signature in [true, false] {
        let planted = |hash: &str, said: &str| {
            let mut archive = Archive::new();
            archive.add(Trail::new("111122223333", "eu-west-1", "main").hours(0..5));
            if has_signature {
                archive.write_sidecars();
            }
            let newest = &archive.trails[0].digests[4];
            let key = newest.key.replace("T050000Z", "T060000Z");
            let mut value: serde_json::Value = serde_json::from_slice(&newest.bytes).unwrap();
            value["digestS3Object"] = json!(key);
            value["digestStartTime"] = json!("2024-03-01T05:00:00Z");
            value["digestEndTime"] = json!("2024-03-01T06:00:00Z");
            value["previousDigestS3Object"] = json!(newest.key);
            value["previousDigestHashValue"] = json!(if hash.is_empty() { right(&archive) } else { hash.to_owned() });
            value["previousDigestSignature"] = json!(said);
            value["logFiles"] = json!([]);
            archive.write(&key, &gzip(value.to_string().as_bytes()));
            (archive, key)
        };
        let (other, _) = planted("", "");
        let (wrong_hash, bogus, replayed) = ("ab".repeat(32), "17".repeat(256), signature(&other, 2));
        for (hash, said) in [
            ("", &bogus),
            (wrong_hash.as_str(), &bogus),
            (&wrong_hash, &replayed),
            ("", &replayed),
            (&wrong_hash, &"00".into()),
        ] {
            let (archive, key) = planted(hash, said);
            let told = Told::of(&archive.options());
            let newest = archive.trails[0].digests[4].key.clone();
            let odd = told.odd().into_iter();
            let altered: Vec<String> =
                odd.filter(|(_, verdict)| *verdict == Verdict::DigestAltered).map(|(object, _)| object).collect();
            assert_eq!(altered, [key], "{hash} {}: {:?}", &said[..8.min(said.len())], told.odd());
            let expected = if has_signature { Verdict::Valid } else { Verdict::Unchecked };
            let of_newest = told.findings.iter().find(|finding| finding.object == newest).unwrap();
            assert_eq!(of_newest.verdict, expected, "{}", of_newest.reason);
        }
        // Where the one before it is what was altered, that is what is said: the signature is one of the key's.
        let mut archive = Archive::new();
        archive.add(Trail::new("111122223333", "eu-west-1", "main").hours(0..5));
        let altered = &archive.trails[0].digests[3];
        let mut value: serde_json::Value = serde_json::from_slice(&altered.bytes).unwrap();
        value["logFiles"] = json!([]);
        archive.write(&altered.key, &gzip(value.to_string().as_bytes()));
        let told = Told::of(&archive.options());
        let faults: Vec<String> =
            told.odd().into_iter().filter(|(_, verdict)| verdict.is_fault()).map(|(object, _)| object).collect();
        assert_eq!(faults, std::slice::from_ref(&altered.key), "{:?}", told.odd());
    }
}

#[test]
fn digests_that_are_none() {
    let archive = Archive::new();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let contents: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"\0\0\0\0".to_vec(),
        b"null".to_vec(),
        b"[]".to_vec(),
        deep.clone().into_bytes(),
        format!("{{\"digestEndTime\":{deep}}}").into_bytes(),
        json!({"digestStartTime": 7}).to_string().into_bytes(),
        json!({"digestStartTime": "x", "digestEndTime": "y", "digestS3Bucket": "", "digestS3Object": "",
               "digestPublicKeyFingerprint": ""})
        .to_string()
        .into_bytes(),
        // Larger than a digest may be once inflated.
        gzip(&vec![b' '; 65 << 20]),
        vec![0x1f, 0x8b, 8, 0],
    ];
    for (i, content) in contents.iter().enumerate() {
        archive.write(&format!("{FRONT}20240301T{i:02}0000Z.json.gz"), content);
    }
    let told = Told::of(&archive.options());
    assert_eq!(told.sums.of(Kind::Digest, Verdict::DigestAltered), contents.len() as u64, "{:?}", told.odd());
    assert!(told.findings.iter().all(|finding| !finding.reason.is_empty() && finding.reason.len() < 300));
}

/// What stands for itself: as many digests of one name, and as many that follow it.
#[test]
fn many_of_one_name() {
    let archive = Archive::new();
    let key = |hour: u32| format!("{FRONT}20240301T{hour:02}0000Z.json.gz");
    for i in 0..300 {
        for (hour, previous) in [(1, None), (2, Some(key(1)))] {
            let mut value = digest(&key(hour), previous.as_deref());
            value["n"] = json!(i);
            let name = key(hour).rsplit('/').next().unwrap().to_owned();
            archive.write(&format!("{i}/{name}"), value.to_string().as_bytes());
        }
    }
    let told = Told::of(&archive.options());
    assert_eq!(told.sums.all(Kind::Digest), 600);
}

#[test]
fn names_end_no_line() {
    let archive = Archive::new();
    let evil = "AWSLogs/\u{1b}[31mx\nvalid  y.json";
    let mut value = digest(&format!("{FRONT}20240301T010000Z.json.gz"), None);
    value["logFiles"] = json!([{"s3Object": evil, "hashValue": "00"}]);
    archive.write(&format!("{FRONT}20240301T010000Z.json.gz"), value.to_string().as_bytes());
    archive.write("a\nvalid b.json", b"{}");
    let out = archive.run(&[]);
    let shown = text(&out.stdout);
    assert_eq!(out.status.code(), Some(5));
    assert!(!shown.contains('\u{1b}') && !shown.lines().any(|line| line.starts_with("valid")), "{shown}");
}

#[cfg(unix)]
#[test]
fn what_cannot_be_looked_at_is_said() {
    let mut archive = Archive::new();
    archive.add(Trail::new("111122223333", "eu-west-1", "main").hours(0..2));
    let outside = archive.folder("outside.json");
    fs::write(&outside, "{}").unwrap();
    std::os::unix::fs::symlink(&outside, archive.path("link.json")).unwrap();
    let verified = verify(&archive.options()).unwrap();
    assert_eq!(verified.problems.len(), 1);
    assert!(verified.problems[0].contains("link.json"), "{:?}", verified.problems);
    assert!(text(&archive.run(&[]).stderr).contains("link.json"));
}

/// A name that is no text: it is shown with escapes, and found all the same.
#[cfg(target_os = "linux")]
#[test]
fn paths_that_are_no_text() {
    use std::os::unix::ffi::OsStrExt as _;
    let mut archive = Archive::new();
    archive.add(Trail::new("111122223333", "eu-west-1", "main").hours(0..2));
    archive.write_sidecars();
    let strange = archive.root().join(std::ffi::OsStr::from_bytes(b"str\xff"));
    fs::rename(archive.path("AWSLogs"), strange).unwrap();
    let told = Told::of(&archive.options());
    assert_eq!((told.counts(Verdict::Valid), told.odd().len()), ((4, 2), 0), "{:?}", told.odd());
}

/// A signature over another text than the digest's own.
#[test]
fn a_key_that_is_no_rsa_key_proves_nothing() {
    let mut archive = Archive::new();
    archive.add(Trail::new("111122223333", "eu-west-1", "main").hours(0..2));
    let digest = &archive.trails[0].digests[1];
    let forger = super::archives::key_pair("forger.pem");
    archive.write_sidecar(&digest.key, &signature_of(&forger, &digest.bytes));
    for der in [&b""[..], b"\x30\x00", &[0xff; 300]] {
        fs::write(archive.folder("keys.json"), super::archives::keys_json(super::archives::FINGERPRINT, der)).unwrap();
        let told = Told::of(&archive.options());
        assert_eq!(told.counts(Verdict::Valid), (0, 0), "{:?}", told.odd());
    }
}

/// A chain of which each digest leaves out the signature of the one before: none of them could ever be checked.
#[test]
fn a_made_up_chain_without_signatures_is_no_chain() {
    let archive = Archive::new();
    let key = |hour: u32| format!("{FRONT}20240301T{hour:02}0000Z.json.gz");
    let mut before = None;
    for hour in 1..5 {
        let mut value = digest(&key(hour), before.as_deref());
        value["previousDigestSignature"] = json!(null);
        value["logFiles"] = json!([]);
        archive.write(&key(hour), value.to_string().as_bytes());
        before = Some(key(hour));
    }
    let told = Told::of(&archive.options());
    // The first names none.
    assert_eq!(told.counts(Verdict::DigestAltered), (0, 3), "{:?}", told.odd());
}
