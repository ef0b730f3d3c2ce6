//! Every way to tamper with an archive, and what is said about it.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};
use trailpare::verify::{Options, Verdict};

use super::archives::{Archive, Trail, gzip, key_pair, sha256, signature_of};
use super::{Told, text};

/// Five hours of one trail, whose newest digest has its metadata beside it.
pub(super) fn archive() -> Archive {
    let mut archive = Archive::new();
    archive.add(Trail::new("111122223333", "eu-west-1", "main").hours(0..5));
    archive.add(Trail::new("444455556666", "eu-west-1", "main").hours(0..5));
    archive.write_sidecars();
    archive
}

impl Archive {
    pub(super) fn digest(&self, hour: usize) -> &str {
        &self.trails[0].digests[hour].key
    }

    pub(super) fn log(&self, hour: usize, place: usize) -> &str {
        &self.trails[0].digests[hour].logs[place].key
    }

    fn json(&self, hour: usize, place: usize) -> &[u8] {
        &self.trails[0].digests[hour].logs[place].json
    }

    /// Changes what stands in a digest; its signature stays as it was.
    fn change_digest(&self, hour: usize, change: impl Fn(&mut Value)) -> Vec<u8> {
        let digest = &self.trails[0].digests[hour];
        let mut value: Value = serde_json::from_slice(&digest.bytes).unwrap();
        change(&mut value);
        let bytes = value.to_string().into_bytes();
        assert_ne!(bytes, digest.bytes);
        self.write(&digest.key, &gzip(&bytes));
        bytes
    }
}

/// A name that no log object has, and its place.
const OTHER: &str = "AWSLogs/x.txt";
const O: usize = 9;

/// What is to be said: hour, place (2: the digest itself), verdict.
type Expected = &'static [(usize, usize, Verdict)];

struct Case {
    name: &'static str,
    tamper: fn(&Archive),
    expected: Expected,
    /// Whether that is a fault.
    is_fault: bool,
}

const fn fault(name: &'static str, tamper: fn(&Archive), expected: Expected) -> Case {
    Case { name, tamper, expected, is_fault: true }
}

/// The place of the digest itself in what is expected.
const D: usize = 2;

const CASES: &[Case] = &[
    fault(
        "a byte of a log object",
        |a| {
            let mut json = a.json(1, 0).to_vec();
            *json.iter_mut().find(|byte| **byte == b'B').unwrap() = b'C';
            a.write(a.log(1, 0), &gzip(&json));
        },
        &[(1, 0, Verdict::Altered)],
    ),
    fault(
        "an event left out of a log object",
        |a| {
            let mut value: Value = serde_json::from_slice(a.json(1, 0)).unwrap();
            value["Records"].as_array_mut().unwrap().pop();
            a.write(a.log(1, 0), &gzip(value.to_string().as_bytes()));
        },
        &[(1, 0, Verdict::Altered)],
    ),
    fault(
        "a log object that ends early",
        |a| {
            let stored = gzip(a.json(1, 0));
            a.write(a.log(1, 0), &stored[..stored.len() / 2]);
        },
        &[(1, 0, Verdict::Altered)],
    ),
    fault(
        "a member behind a log object",
        |a| {
            let stored = [gzip(a.json(1, 0)), gzip(b"{\"Records\":[]}")].concat();
            a.write(a.log(1, 0), &stored);
        },
        &[(1, 0, Verdict::Altered)],
    ),
    fault(
        "bytes behind a log object",
        |a| {
            a.write(a.log(1, 0), &[gzip(a.json(1, 0)), b"more".to_vec()].concat());
        },
        &[(1, 0, Verdict::Altered)],
    ),
    fault("an empty log object", |a| a.write(a.log(1, 0), b""), &[(1, 0, Verdict::Altered)]),
    fault(
        "a flipped bit in a compressed log object",
        |a| {
            let mut stored = gzip(a.json(1, 0));
            let middle = stored.len() / 2;
            stored[middle] ^= 4;
            a.write(a.log(1, 0), &stored);
        },
        &[(1, 0, Verdict::Altered)],
    ),
    fault(
        "two log objects in each other's place",
        |a| {
            a.write(a.log(1, 0), &gzip(a.json(1, 1)));
            a.write(a.log(1, 1), &gzip(a.json(1, 0)));
        },
        &[(1, 0, Verdict::Altered), (1, 1, Verdict::Altered)],
    ),
    fault("no log object", |a| a.remove(a.log(1, 0)), &[(1, 0, Verdict::Missing)]),
    fault(
        "a folder in place of a log object",
        |a| {
            a.remove(a.log(1, 0));
            fs::create_dir(a.path(a.log(1, 0))).unwrap();
        },
        &[(1, 0, Verdict::Missing)],
    ),
    fault(
        "a log object under another name",
        |a| {
            fs::rename(a.path(a.log(1, 0)), a.path(OTHER)).unwrap();
        },
        &[(1, 0, Verdict::Missing), (1, O, Verdict::NotCovered)],
    ),
    fault(
        "no log object, and its entry left out of the digest",
        |a| {
            a.remove(a.log(1, 0));
            a.change_digest(1, |digest| drop(digest["logFiles"].as_array_mut().unwrap().remove(0)));
        },
        &[(1, D, Verdict::DigestAltered), (1, 1, Verdict::NotCovered)],
    ),
    fault(
        "a log object, and its hash in the digest",
        |a| {
            let json = b"{\"Records\":[]}";
            a.write(a.log(1, 0), &gzip(json));
            a.change_digest(1, |digest| digest["logFiles"][0]["hashValue"] = json!(sha256(json)));
        },
        &[(1, D, Verdict::DigestAltered), (1, 0, Verdict::NotCovered), (1, 1, Verdict::NotCovered)],
    ),
    fault(
        "the same, and the digest signed by another",
        |a| {
            let json = b"{\"Records\":[]}";
            a.write(a.log(1, 0), &gzip(json));
            let bytes = a.change_digest(1, |digest| digest["logFiles"][0]["hashValue"] = json!(sha256(json)));
            a.write_sidecar(a.digest(1), &signature_of(&key_pair("forger.pem"), &bytes));
        },
        &[(1, D, Verdict::DigestAltered), (1, 0, Verdict::NotCovered), (1, 1, Verdict::NotCovered)],
    ),
    fault(
        "the same, and all that follows written anew",
        |a| {
            let (mut before, forger) = (None, key_pair("forger.pem"));
            for hour in 1..5 {
                let bytes = a.change_digest(hour, |digest| match &before {
                    None => digest["logFiles"] = json!([]),
                    Some((hash, signature)) => {
                        digest["previousDigestHashValue"] = json!(hash);
                        digest["previousDigestSignature"] = json!(signature);
                    }
                });
                let signature = signature_of(&forger, &bytes);
                a.write_sidecar(a.digest(hour), &signature);
                before = Some((sha256(&bytes), signature));
            }
        },
        &[
            (1, D, Verdict::DigestAltered),
            (1, 0, Verdict::NotCovered),
            (1, 1, Verdict::NotCovered),
            (2, D, Verdict::DigestAltered),
            (2, 0, Verdict::NotCovered),
            (2, 1, Verdict::NotCovered),
            (3, D, Verdict::DigestAltered),
            (3, 0, Verdict::NotCovered),
            (3, 1, Verdict::NotCovered),
            (4, D, Verdict::DigestAltered),
            (4, 0, Verdict::NotCovered),
            (4, 1, Verdict::NotCovered),
        ],
    ),
    fault(
        "no digest",
        |a| a.remove(a.digest(2)),
        &[
            (2, D, Verdict::DigestMissing),
            (2, 0, Verdict::NotCovered),
            (2, 1, Verdict::NotCovered),
            (1, D, Verdict::Unchecked),
            (1, 0, Verdict::Unchecked),
            (1, 1, Verdict::Unchecked),
        ],
    ),
    fault(
        "no two digests one after the other",
        |a| [1, 2].iter().for_each(|hour| a.remove(a.digest(*hour))),
        &[
            (2, D, Verdict::DigestMissing),
            (2, 0, Verdict::NotCovered),
            (2, 1, Verdict::NotCovered),
            (1, 0, Verdict::NotCovered),
            (1, 1, Verdict::NotCovered),
            (0, D, Verdict::Unchecked),
            (0, 0, Verdict::Unchecked),
            (0, 1, Verdict::Unchecked),
        ],
    ),
    fault(
        "no hour",
        |a| [a.digest(2), a.log(2, 0), a.log(2, 1)].iter().for_each(|key| a.remove(key)),
        &[
            (2, D, Verdict::DigestMissing),
            (1, D, Verdict::Unchecked),
            (1, 0, Verdict::Unchecked),
            (1, 1, Verdict::Unchecked),
        ],
    ),
    fault(
        "no beginning",
        |a| [a.digest(0), a.log(0, 0), a.log(0, 1)].iter().for_each(|key| a.remove(key)),
        &[(0, D, Verdict::DigestMissing)],
    ),
    fault(
        "a digest that is none",
        |a| a.write(a.digest(2), b"{\"Records\":[]}"),
        &[
            (2, D, Verdict::DigestAltered),
            (2, 0, Verdict::NotCovered),
            (2, 1, Verdict::NotCovered),
            (1, D, Verdict::Unchecked),
            (1, 0, Verdict::Unchecked),
            (1, 1, Verdict::Unchecked),
        ],
    ),
    fault(
        "a digest that ends early",
        |a| {
            let stored = fs::read(a.path(a.digest(2))).unwrap();
            a.write(a.digest(2), &stored[..stored.len() / 2]);
        },
        &[
            (2, D, Verdict::DigestAltered),
            (2, 0, Verdict::NotCovered),
            (2, 1, Verdict::NotCovered),
            (1, D, Verdict::Unchecked),
            (1, 0, Verdict::Unchecked),
            (1, 1, Verdict::Unchecked),
        ],
    ),
    fault(
        "a digest in place of another",
        |a| {
            fs::copy(a.path(a.digest(1)), a.path(a.digest(2))).unwrap();
        },
        &[
            (2, D, Verdict::DigestAltered),
            (2, 0, Verdict::NotCovered),
            (2, 1, Verdict::NotCovered),
            (1, D, Verdict::Unchecked),
            (1, 0, Verdict::Unchecked),
            (1, 1, Verdict::Unchecked),
        ],
    ),
    fault(
        "a digest with white space",
        |a| {
            a.write(a.digest(2), &gzip(&[&a.trails[0].digests[2].bytes[..], b"\n"].concat()));
        },
        &[(2, D, Verdict::DigestAltered), (2, 0, Verdict::NotCovered), (2, 1, Verdict::NotCovered)],
    ),
    fault(
        "another end of a digest's time",
        |a| {
            drop(a.change_digest(2, |digest| digest["digestEndTime"] = json!("2024-03-01T03:00:01Z")));
        },
        &[(2, D, Verdict::DigestAltered), (2, 0, Verdict::NotCovered), (2, 1, Verdict::NotCovered)],
    ),
    fault(
        "another key of a digest",
        |a| {
            drop(a.change_digest(2, |digest| digest["digestPublicKeyFingerprint"] = json!("00")));
        },
        &[(2, D, Verdict::DigestAltered), (2, 0, Verdict::NotCovered), (2, 1, Verdict::NotCovered)],
    ),
    fault(
        "another signature of the digest before",
        |a| {
            drop(a.change_digest(2, |digest| digest["previousDigestSignature"] = json!("00".repeat(256))));
        },
        &[
            (2, D, Verdict::DigestAltered),
            (2, 0, Verdict::NotCovered),
            (2, 1, Verdict::NotCovered),
            (1, D, Verdict::Unchecked),
            (1, 0, Verdict::Unchecked),
            (1, 1, Verdict::Unchecked),
        ],
    ),
    fault(
        "a chain that begins in the middle",
        |a| {
            drop(a.change_digest(2, |digest| {
                for field in ["S3Bucket", "S3Object", "HashValue", "HashAlgorithm", "Signature"] {
                    digest[format!("previousDigest{field}")] = Value::Null;
                }
            }));
        },
        &[
            (2, D, Verdict::DigestAltered),
            (2, 0, Verdict::NotCovered),
            (2, 1, Verdict::NotCovered),
            (1, D, Verdict::Unchecked),
            (1, 0, Verdict::Unchecked),
            (1, 1, Verdict::Unchecked),
        ],
    ),
    fault(
        "the newest digest",
        |a| {
            drop(a.change_digest(4, |digest| digest["logFiles"] = json!([])));
        },
        &[(4, D, Verdict::DigestAltered), (4, 0, Verdict::NotCovered), (4, 1, Verdict::NotCovered)],
    ),
    fault(
        "the metadata of the newest digest",
        |a| a.write_sidecar(a.digest(4), &"00".repeat(256)),
        &[(4, D, Verdict::DigestAltered), (4, 0, Verdict::NotCovered), (4, 1, Verdict::NotCovered)],
    ),
    fault(
        "the metadata of another digest",
        |a| a.write_sidecar(a.digest(4), &a.trails[0].digests[3].signature),
        &[(4, D, Verdict::DigestAltered), (4, 0, Verdict::NotCovered), (4, 1, Verdict::NotCovered)],
    ),
    Case {
        name: "metadata of a digest that has its signature elsewhere",
        tamper: |a| a.write_sidecar(a.digest(2), &"00".repeat(256)),
        expected: &[],
        is_fault: false,
    },
];

/// What is said without a look at the digests' signatures: the same faults, by their hashes.
fn is_found_by_hashes(case: &Case) -> bool {
    // All hashes were made to fit.
    !["the same, and all that follows written anew", "the newest digest"].contains(&case.name)
        && !case.name.starts_with("the metadata")
        && case.is_fault
}

#[test]
fn every_kind_is_found_and_named_and_nothing_else() {
    for case in CASES {
        let archive = archive();
        (case.tamper)(&archive);
        let told = Told::of(&archive.options());
        let place = |hour: usize, place: usize| match place {
            D => archive.digest(hour).to_owned(),
            O => OTHER.to_owned(),
            place => archive.log(hour, place).to_owned(),
        };
        let expected: BTreeMap<String, Verdict> =
            case.expected.iter().map(|(hour, at, verdict)| (place(*hour, *at), *verdict)).collect();
        assert_eq!(told.odd(), expected, "{}", case.name);
        assert!(told.findings.iter().all(|finding| !finding.reason.is_empty()));
        assert_eq!(told.sums.faults() > 0, case.is_fault, "{}", case.name);
        let out = archive.run(&[]);
        assert_eq!(out.status.code(), Some(if case.is_fault { 5 } else { 0 }), "{}: {}", case.name, text(&out.stdout));
        for (object, verdict) in &expected {
            let line = text(&out.stdout).lines().any(|line| line.contains(object) && line.starts_with(verdict.name()));
            assert!(line, "{}: {object}: {}", case.name, text(&out.stdout));
        }
        let without = Told::of(&Options { public_keys: Vec::new(), ..archive.options() });
        assert_eq!(without.sums.faults() > 0, is_found_by_hashes(case), "{}: {:?}", case.name, without.odd());
    }
}

/// An ingest that proves what it takes finds the same, names it, and takes nothing that was altered.
#[test]
fn an_ingest_finds_every_kind_and_takes_nothing_altered() {
    for case in CASES {
        let archive = archive();
        (case.tamper)(&archive);
        let out = archive.ingest_verified();
        let words = text(&out.stderr);
        // An archive may begin within a chain: `status --oddities` has that.
        let is_fault = case.is_fault && case.name != "no beginning";
        assert_eq!(out.status.code() == Some(5), is_fault, "{}: {words}", case.name);
        let (_, days) = archive.status(&["--coverage"]);
        let missing: Vec<&Value> =
            days["places"].as_array().unwrap().iter().flat_map(|p| p["missing"].as_array()).flatten().collect();
        for (hour, place, verdict) in case.expected {
            let object = match *place {
                O => continue,
                D => archive.digest(*hour),
                place => archive.log(*hour, place),
            };
            let name = object.rsplit('/').next().unwrap();
            match verdict {
                Verdict::Altered | Verdict::Missing | Verdict::DigestAltered => {
                    let line = words.lines().any(|line| line.contains(name));
                    assert!(line, "{}: {name}: {words}", case.name);
                }
                Verdict::DigestMissing if is_fault => {
                    assert!(words.contains("is missing") && !missing.is_empty(), "{}: {words}", case.name);
                }
                _ => {}
            }
        }
        // Whatever is in the store is not what was altered.
        let altered = case.expected.iter().filter(|(_, _, verdict)| *verdict == Verdict::Altered).count();
        let gone = case.expected.iter().filter(|(_, _, verdict)| *verdict == Verdict::Missing).count();
        let unlisted = usize::from(case.name == "no log object, and its entry left out of the digest");
        let hidden = match case.name {
            "no hour" | "no beginning" => 2,
            _ => unlisted,
        };
        let days = trailpare::store::Store::open(&archive.store()).unwrap().coverage().unwrap().unwrap();
        let objects: u64 = days.iter().map(|day| day.objects).sum();
        assert_eq!(objects as usize, 20 - altered - gone - hidden, "{}: {words}", case.name);
        assert_eq!(days.iter().map(|day| day.altered_objects).sum::<u64>(), 0, "{}", case.name);
    }
}

/// A log object more than the digests list.
#[test]
fn what_was_added_is_in_no_digest() {
    let archive = archive();
    let name = |time: &str| {
        format!(
            "AWSLogs/111122223333/CloudTrail/eu-west-1/2024/03/01/111122223333_CloudTrail_eu-west-1_{time}_\
             abcdefgh12345678.json.gz"
        )
    };
    let (within, after) = (name("20240301T0230Z"), name("20240301T0730Z"));
    archive.write(&within, &gzip(b"{\"Records\":[]}"));
    archive.write(&after, &gzip(b"{\"Records\":[]}"));
    archive.write("events.json", b"{\"Records\":[]}");
    let told = Told::of(&archive.options());
    let expected = [&within, &after, "events.json"].map(|object| (object.to_owned(), Verdict::NotCovered));
    assert_eq!(told.odd(), BTreeMap::from(expected));
    assert!(told.reason(&within).contains("does not list it"), "{}", told.reason(&within));
    assert!(told.reason(&after).contains("no digest tells of its time"), "{}", told.reason(&after));
    assert!(told.reason("events.json").contains("not one that CloudTrail gives"));
    let out = archive.run(&[]);
    assert_eq!(out.status.code(), Some(0));
    assert!(text(&out.stderr).contains("3 log objects are not covered"), "{}", text(&out.stderr));
}

/// Events that an ingest would take, whatever their file is called.
#[test]
fn events_under_other_names_are_in_no_digest() {
    let archive = archive();
    let event = gzip(br#"{"Records":[{"eventSource":"iam.amazonaws.com","eventName":"CreateUser"}]}"#);
    let names =
        ["AWSLogs/evil.txt", "AWSLogs/evil", "x/111122223333_vpcflowlogs_eu-west-1_fl-1_20240301T0000Z_a.log.gz"];
    for name in names {
        archive.write(name, &event);
    }
    archive.write("AWSLogs/notes.txt", b"nothing of the kind");
    let expected = names.map(|name| (name.to_owned(), Verdict::NotCovered));
    assert_eq!(Told::of(&archive.options()).odd(), BTreeMap::from(expected));
}

/// A window hides neither a digest in another's place nor one over its edge that is gone.
#[test]
fn windows_hide_no_fault_of_their_time() {
    let archive = archive();
    let newest = archive.digest(4).to_owned();
    let before = fs::read(archive.path(archive.digest(0))).unwrap();
    archive.write(&newest, &before);
    let out = archive.run(&["--from", "2024-03-01T03:30:00Z"]);
    assert_eq!(out.status.code(), Some(5), "{}", text(&out.stdout));
    assert!(text(&out.stdout).contains("the file holds another digest"), "{}", text(&out.stdout));
    let archive = self::archive();
    archive.remove(archive.digest(2));
    let out = archive.run(&["--from", "2024-03-01T00:00:00Z", "--to", "2024-03-01T02:30:00Z"]);
    assert_eq!(out.status.code(), Some(5), "{}", text(&out.stdout));
}

/// A digest may list what was delivered long before it: a window over the objects hides nothing of it.
#[test]
fn a_digest_beyond_the_window_speaks_for_its_objects() {
    let mut archive = Archive::new();
    let mut trail = Trail::new("111122223333", "eu-west-1", "main").hours(0..2);
    trail.digest_of(0, 24 * 9);
    archive.add(trail);
    archive.write_sidecars();
    let window = ["--from", "2024-03-01", "--to", "2024-03-01"];
    assert_eq!(archive.run(&window).status.code(), Some(0));
    let late = archive.trails[0].digests[2].logs[0].key.clone();
    archive.write(&late, &gzip(b"{\"Records\":[]}"));
    let out = archive.run(&window);
    assert_eq!(out.status.code(), Some(5), "{}", text(&out.stdout));
    assert!(text(&out.stdout).lines().any(|line| line.starts_with("altered") && line.contains(&late)));
    archive.remove(&late);
    assert_eq!(archive.run(&window).status.code(), Some(5));
}

/// An altered copy beside one that is right.
#[test]
fn copies_are_judged_each() {
    let archive = archive();
    let key = archive.log(1, 0).to_owned();
    let copy = format!("copy/{}", key.rsplit('/').next().unwrap());
    archive.write(&copy, &gzip(b"{\"Records\":[]}"));
    let digest = archive.digest(2).to_owned();
    let other = format!("copy/{}", digest.rsplit('/').next().unwrap());
    let bytes = archive.change_digest(2, |digest| digest["logFiles"] = json!([]));
    archive.write(&other, &gzip(&bytes));
    archive.write(&digest, &gzip(&archive.trails[0].digests[2].bytes));
    let told = Told::of(&archive.options());
    let expected = [(copy, Verdict::Altered), (other, Verdict::DigestAltered)];
    assert_eq!(told.odd(), BTreeMap::from(expected));
}
