//! `verify`: archives signed by the tests' own key, every way to tamper with them, and no false alarm.

pub mod archives;
mod contradicted;
mod hostile;
mod ingested;
mod packed;
mod removed;
mod tampering;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use trailpare::verify::{Finding, GapCause, Kind, Options, Sums, Verdict, VerifyError, Window, verify};

use archives::{Archive, HOUR_US, Trail, sign_synth};

/// Findings, sums and gaps.
struct Told {
    findings: Vec<Finding>,
    sums: Sums,
    gaps: Vec<trailpare::verify::Gap>,
}

impl Told {
    fn of(options: &Options) -> Told {
        let verified = verify(options).unwrap();
        assert_eq!(verified.problems, Vec::<String>::new());
        let findings: Vec<Finding> = verified.findings.map(|finding| finding.unwrap()).collect();
        assert!(findings.is_sorted(), "{findings:?}");
        for kind in [Kind::Log, Kind::Digest] {
            for verdict in Verdict::ALL {
                let count = findings.iter().filter(|one| one.kind == kind && one.verdict == verdict).count();
                assert_eq!(verified.sums.of(kind, verdict), count as u64);
            }
        }
        Told { findings, sums: verified.sums, gaps: verified.gaps }
    }

    /// What is not valid: the object and its verdict.
    fn odd(&self) -> BTreeMap<String, Verdict> {
        let odd = self.findings.iter().filter(|finding| finding.verdict != Verdict::Valid);
        odd.map(|finding| (finding.object.clone(), finding.verdict)).collect()
    }

    fn reason(&self, object: &str) -> &str {
        let found = self.findings.iter().find(|finding| finding.object == object);
        &found.unwrap_or_else(|| panic!("nothing about {object}")).reason
    }

    /// Log objects and digests.
    fn counts(&self, verdict: Verdict) -> (u64, u64) {
        (self.sums.of(Kind::Log, verdict), self.sums.of(Kind::Digest, verdict))
    }
}

fn command(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trailpare")).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Three chains: two regions, two accounts.
fn three() -> Archive {
    let mut archive = Archive::new();
    for (account, region) in
        [("111122223333", "eu-west-1"), ("111122223333", "us-east-1"), ("444455556666", "eu-west-1")]
    {
        archive.add(Trail::new(account, region, "main").hours(0..6));
    }
    archive
}

#[test]
fn clean_archives_are_valid() {
    let archive = three();
    archive.write_sidecars();
    let told = Told::of(&archive.options());
    assert_eq!(told.odd(), BTreeMap::new());
    assert_eq!((told.counts(Verdict::Valid), told.gaps.len()), ((36, 18), 0));
    // Without its metadata the newest digest of a chain is unsigned, and what it lists.
    fs::remove_dir_all(archive.sidecars()).unwrap();
    let told = Told::of(&archive.options());
    assert_eq!((told.counts(Verdict::Valid), told.counts(Verdict::Unchecked)), ((30, 15), (6, 3)));
    assert!(told.odd().keys().all(|object| object.contains("T06") || object.contains("T05")), "{:?}", told.odd());
    let newest = told.findings.iter().find(|one| one.verdict == Verdict::Unchecked && one.kind == Kind::Digest);
    assert!(newest.unwrap().reason.contains("the newest of its chain"), "{newest:?}");
    let out = archive.run(&["--format", "json"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    let value: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(value["findings"].as_array().unwrap().len(), 54);
    assert_eq!(value["sums"]["valid"], json!(45));
    assert_eq!(value["sums"]["hash right, signature not checkable"], json!(9));
}

#[test]
fn without_keys_hashes_are_compared() {
    let archive = three();
    let told = Told::of(&Options { public_keys: Vec::new(), ..archive.options() });
    assert_eq!((told.counts(Verdict::Unchecked), told.sums.faults()), ((36, 18), 0));
    let first = archive.trails[0].digests[0].key.clone();
    assert!(told.reason(&first).contains("no public keys"), "{}", told.reason(&first));
    // Keys of another region.
    let other = archive.folder("other.json");
    fs::write(&other, archives::keys_json("ffff", &archives::public_key("forger.pem"))).unwrap();
    let told = Told::of(&Options { public_keys: vec![other], ..archive.options() });
    assert_eq!((told.counts(Verdict::Unchecked), told.sums.faults()), ((36, 18), 0));
    assert!(told.reason(&first).contains("is not among the public keys"), "{}", told.reason(&first));
}

/// A key signs while it is valid. A digest is written soon after its end.
#[test]
fn a_signature_by_a_key_that_was_not_valid_proves_nothing() {
    let archive = three();
    archive.write_sidecars();
    let keys = archive.folder("other.json");
    let time = |seconds: i64| json!(archives::DAY_US / 1_000_000 + seconds);
    let hour = 3_600;
    for (validity, valid) in [
        ([time(-hour), time(24 * hour)], 18),
        ([time(-hour), time(3 * hour)], 9),
        ([json!("2024-03-01T04:30:00Z"), json!("2024-03-09T00:00:00Z")], 18),
        ([json!("2024-03-03"), json!("2024-03-09")], 0),
        ([json!("2024-01-01"), json!("2024-02-01")], 0),
        ([Value::Null, Value::Null], 18),
    ] {
        let public = archives::public_key("key.pem");
        fs::write(&keys, archives::keys_valid(archives::FINGERPRINT, &public, validity.clone())).unwrap();
        let told = Told::of(&Options { public_keys: vec![keys.clone()], ..archive.options() });
        assert_eq!((told.counts(Verdict::Valid).1, told.sums.faults()), (valid, 0), "{validity:?} {:?}", told.odd());
        assert_eq!(told.counts(Verdict::Valid).1 + told.counts(Verdict::Unchecked).1, 18);
        if valid < 18 {
            let newest = &archive.trails[0].digests[5].key;
            assert!(told.reason(newest).contains("its key was not valid then"), "{}", told.reason(newest));
        }
    }
    fs::write(&keys, archives::keys_valid("ab", &[1], [json!("x"), json!("y")])).unwrap();
    assert!(matches!(verify(&Options { public_keys: vec![keys], ..archive.options() }), Err(VerifyError::File { .. })));
}

/// One clear line where no key is the right one, and where some are.
#[test]
fn keys_that_are_not_there_are_said_once() {
    let archive = three();
    let other = archive.folder("other.json");
    fs::write(&other, archives::keys_json("ffff", &archives::public_key("forger.pem"))).unwrap();
    let root = archive.root();
    let out = command(&["verify", root.to_str().unwrap(), "--public-keys", other.to_str().unwrap()]);
    let words = text(&out.stderr);
    assert_eq!(words.matches("no signature can be checked").count(), 1, "{words}");
    assert!(words.contains(archives::FINGERPRINT) && words.contains("eu-west-1, us-east-1"), "{words}");
    assert!(!text(&archive.run(&[]).stderr).contains("can be checked"));
}

/// What verify says names no option that it doesn't have.
#[cfg(unix)]
#[test]
fn no_option_of_another_command_is_named() {
    let archive = three();
    let elsewhere = archive.folder("elsewhere");
    let digest = archive.trails[0].digests[0].key.clone();
    fs::create_dir(&elsewhere).unwrap();
    fs::rename(archive.path(&digest), elsewhere.join("d.json.gz")).unwrap();
    std::os::unix::fs::symlink(elsewhere.join("d.json.gz"), archive.path(&digest)).unwrap();
    archive.write(&archive.trails[1].digests[0].key, &archives::gzip(&vec![b' '; 65 << 20]));
    let out = archive.run(&[]);
    let words = text(&out.stderr) + &text(&out.stdout);
    assert!(words.contains("a symbolic link out of the archive") && words.contains("once inflated"), "{words}");
    assert!(!words.contains("--memory-limit"), "{words}");
    // It has --follow-links.
    let options = Options { follow_links: true, ..archive.options() };
    assert!(!Told::of(&options).odd().contains_key(&digest));
}

/// What people and systems put beside anything.
#[test]
fn strays_are_no_alarm() {
    let archive = three();
    archive.write_sidecars();
    let digest = &archive.trails[0].digests[1].key;
    let folder = digest.rsplit_once('/').unwrap().0;
    let log = &archive.trails[0].digests[1].logs[0].key;
    for name in [".DS_Store", "README.md", "empty", "x.json.gz.tmp"] {
        archive.write(&format!("{folder}/{name}"), b"hello");
    }
    for key in [digest, log] {
        archive.write(&format!("{key}.sha256"), b"0000  x\n");
        archive.write(&format!("{key}.tmp"), b"");
    }
    archive.write("AWSLogs/111122223333/Config/eu-west-1/2024/3/1/ConfigHistory/x.json.gz", b"{}");
    let told = Told::of(&archive.options());
    assert_eq!((told.odd(), told.counts(Verdict::Valid)), (BTreeMap::new(), (36, 18)));
}

/// Copies have their upper folders cut off, everything in one folder, objects unpacked or packed otherwise.
#[test]
fn copies_in_any_layout_are_valid() {
    let archive = three();
    archive.write_sidecars();
    type Rename = fn(&str) -> String;
    let layouts: [(&str, Rename); 4] = [
        ("cut", |key| match key.strip_prefix("AWSLogs/") {
            Some(key) => key.split('/').skip(2).collect::<Vec<_>>().join("/"),
            None => key.to_owned(),
        }),
        ("flat", |key| key.rsplit('/').next().unwrap().to_owned()),
        ("plain", |key| key.trim_end_matches(".gz").to_owned()),
        ("zstd", |key| match key.strip_suffix(".gz") {
            Some(key) => format!("{key}.zst"),
            None => key.to_owned(),
        }),
    ];
    for (name, rename) in layouts {
        let copy = archive.folder(name);
        for (key, bytes) in archive.files() {
            let path = copy.join(rename(&key));
            let bytes = match name {
                "plain" if key.ends_with(".gz") => archives::inflate(&bytes),
                "zstd" if path.extension().is_some_and(|end| end == "zst") => {
                    zstd::encode_all(&*archives::inflate(&bytes), 1).unwrap()
                }
                _ => bytes,
            };
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        let told = Told::of(&Options { archives: vec![copy], ..archive.options() });
        assert_eq!(told.odd(), BTreeMap::new(), "{name}");
        assert_eq!(told.counts(Verdict::Valid), (36, 18), "{name}");
    }
    // Copies of the same in two archives.
    let both = vec![archive.root(), archive.folder("flat")];
    let told = Told::of(&Options { archives: both, ..archive.options() });
    assert_eq!((told.odd(), told.counts(Verdict::Valid)), (BTreeMap::new(), (72, 36)));
}

#[test]
fn signatures_may_stand_in_one_file() {
    let archive = three();
    let file = archive.folder("signatures.json");
    let signatures = archive.trails.iter().flat_map(|trail| &trail.digests);
    let by_key: BTreeMap<&str, Value> = signatures
        .map(|digest| (digest.key.as_str(), json!({"Metadata": {"Signature": digest.signature.to_uppercase()}})))
        .collect();
    fs::write(&file, serde_json::to_vec(&by_key).unwrap()).unwrap();
    let told = Told::of(&Options { signatures: vec![file.clone()], ..archive.options() });
    assert_eq!((told.odd(), told.counts(Verdict::Valid)), (BTreeMap::new(), (36, 18)));
    let out = archive.run(&["--signatures", file.to_str().unwrap()]);
    assert_eq!(text(&out.stdout), "36 log objects: 36 valid\n18 digests: 18 valid\n");
}

#[test]
fn a_trail_that_was_stopped_and_started_is_no_fault() {
    let mut archive = Archive::new();
    let mut trail = Trail::new("111122223333", "eu-west-1", "main").hours(0..3);
    trail.stop();
    archive.add(trail.hours(10..12));
    let told = Told::of(&archive.options());
    assert_eq!(told.sums.faults(), 0, "{:?}", told.odd());
    // The last before the stop and the newest.
    assert_eq!((told.counts(Verdict::Valid), told.counts(Verdict::Unchecked)), ((6, 3), (4, 2)));
    let gap = &told.gaps[..];
    assert_eq!(gap.len(), 1);
    assert_eq!((gap[0].cause, gap[0].to_us - gap[0].from_us), (GapCause::Stopped, 7 * HOUR_US));
    let stopped = &archive.trails[0].digests[2].key;
    assert!(told.reason(stopped).contains("before its trail was stopped"), "{}", told.reason(stopped));
    assert!(text(&archive.run(&[]).stdout).contains("the trail was stopped"));
}

#[test]
fn backfill_digests_have_a_chain_of_their_own() {
    let mut archive = Archive::new();
    let mut trail = Trail::new("111122223333", "eu-west-1", "main").hours(0..4);
    // What came late: listed by a backfill digest of its hour.
    trail.backfill(3);
    trail.backfill(1);
    archive.add(trail);
    archive.write_sidecars();
    let told = Told::of(&archive.options());
    assert_eq!((told.odd(), told.counts(Verdict::Valid), told.gaps.len()), (BTreeMap::new(), (10, 6), 0));
    // Without it what came late is in none, and its name is known from the next of its chain.
    let backfill = archive.trails[0].digests[4].key.clone();
    archive.remove(&backfill);
    let told = Told::of(&archive.options());
    assert_eq!(told.counts(Verdict::NotCovered), (1, 0));
    assert_eq!(told.odd().get(&backfill), Some(&Verdict::DigestMissing));
}

#[test]
fn several_trails_of_one_account_and_region() {
    let mut archive = Archive::new();
    archive.add(Trail::new("111122223333", "eu-west-1", "my_trail.json").hours(0..3));
    archive.add(Trail::new("111122223333", "eu-west-1", "other").hours(0..3).at_second(7));
    archive.write_sidecars();
    let told = Told::of(&archive.options());
    assert_eq!((told.odd(), told.counts(Verdict::Valid)), (BTreeMap::new(), (12, 6)));
}

#[test]
fn windows() {
    let archive = three();
    let day_us = archives::DAY_US;
    // In the middle, with the digests before and after it there.
    let hours =
        |from: i64, to: i64| Window { from_us: Some(day_us + from * HOUR_US), to_us: Some(day_us + to * HOUR_US) };
    let told = Told::of(&Options { window: hours(1, 4), ..archive.options() });
    assert_eq!((told.odd(), told.counts(Verdict::Valid)), (BTreeMap::new(), (18, 9)));
    // An archive that begins within a chain.
    for trail in &archive.trails {
        for digest in &trail.digests[..2] {
            archive.remove(&digest.key);
            digest.logs.iter().for_each(|log| archive.remove(&log.key));
        }
    }
    let told = Told::of(&archive.options());
    assert_eq!((told.counts(Verdict::DigestMissing), told.sums.faults()), ((0, 3), 3));
    let missing = &archive.trails[0].digests[1].key;
    assert!(told.reason(missing).contains("begins within a chain"), "{}", told.reason(missing));
    assert!(text(&archive.run(&[]).stderr).contains("--from"));
    let told = Told::of(&Options { window: hours(2, 5), ..archive.options() });
    assert_eq!((told.odd(), told.counts(Verdict::Valid)), (BTreeMap::new(), (18, 9)));
    let out = archive.run(&["--from", "2024-03-01T02:00:00Z"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stdout));
    let told = Told::of(&Options { window: hours(100, 200), ..archive.options() });
    assert_eq!(told.findings, []);
}

/// What is written by `synth`, signed by the tests: an organisation with several accounts and regions.
#[test]
fn made_up_organisations_are_valid() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("archive");
    let config = trailpare::synth::Config {
        objects: Some(200),
        events: Some(2_000),
        seed: 3,
        accounts: 4,
        days: 4,
        digests: true,
        ..trailpare::synth::Config::default()
    };
    let summary = trailpare::synth::generate(&config, &root, |_, _| {}).unwrap();
    let chains = sign_synth(&root);
    assert!(chains >= 8, "{chains}");
    let keys = folder.path().join("keys.json");
    fs::write(&keys, archives::keys_json(archives::FINGERPRINT, &archives::public_key("key.pem"))).unwrap();
    let options = Options { archives: vec![root], public_keys: vec![keys], ..Options::default() };
    let told = Told::of(&options);
    assert_eq!(told.sums.faults() + told.sums.of(Kind::Log, Verdict::NotCovered), 0, "{:?}", told.odd());
    assert_eq!((told.sums.all(Kind::Log), told.sums.all(Kind::Digest)), (summary.objects, summary.digests));
    assert_eq!(told.sums.of(Kind::Digest, Verdict::Unchecked), chains);
    assert!(told.gaps.iter().all(|gap| gap.cause == GapCause::Linked));
}

#[test]
fn the_sample_archive_is_whole() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-logs");
    let told = Told::of(&Options { archives: vec![root], ..Options::default() });
    assert_eq!((told.counts(Verdict::Unchecked), told.findings.len()), ((60, 54), 114));
}

/// A digest that AWS wrote, alone: what it says is there is not.
#[test]
fn a_real_digest_is_read() {
    let Some(data) = crate::data::dir() else { return };
    let told = Told::of(&Options { archives: vec![data.join("public/digest-llm-guard")], ..Options::default() });
    assert_eq!((told.counts(Verdict::Missing), told.counts(Verdict::DigestMissing)), ((5, 0), (0, 1)));
    assert_eq!(told.counts(Verdict::Unchecked), (0, 1));
}

#[test]
fn archives_without_digests_prove_nothing() {
    let archive = three();
    for trail in &archive.trails {
        trail.digests.iter().for_each(|digest| archive.remove(&digest.key));
    }
    let told = Told::of(&archive.options());
    assert_eq!(told.counts(Verdict::NotCovered), (36, 0));
    let out = archive.run(&[]);
    assert_eq!(out.status.code(), Some(0));
    assert!(text(&out.stderr).contains("no digests: nothing is proved"), "{}", text(&out.stderr));
}

#[test]
fn what_cannot_be_asked_fails() {
    let archive = three();
    let broken = archive.folder("broken.json");
    let root = archive.root();
    let root = root.to_str().unwrap();
    for content in ["{\"PublicKeyList\":[{\"Value\":\"é\",\"Fingerprint\":\"x\"}]}", "{}", "hello", "{"] {
        fs::write(&broken, content).unwrap();
        let out = command(&["verify", root, "--public-keys", broken.to_str().unwrap()]);
        let words = text(&out.stderr);
        assert_eq!(out.status.code(), Some(1), "{content}: {words}");
        assert!(words.contains("broken.json") && words.contains("list-public-keys"), "{words}");
        let out = command(&["verify", root, "--signatures", broken.to_str().unwrap()]);
        let words = text(&out.stderr);
        assert_eq!(out.status.code(), Some(1), "{content}: {words}");
        assert!(words.contains("broken.json"), "{words}");
    }
    let missing = verify(&Options { archives: vec![PathBuf::from("not-there")], ..Options::default() });
    assert!(matches!(missing, Err(VerifyError::Archive(_))));
    let out = command(&["verify", root, "--from", "2024-03-02", "--to", "2024-03-01"]);
    assert_eq!(out.status.code(), Some(2));
    assert_eq!(command(&["verify"]).status.code(), Some(2));
}

/// As people see it.
#[test]
fn a_report_reads_well() {
    let archive = tampering::archive();
    archive.write(archive.log(1, 0), &archives::gzip(b"{\"Records\":[]}"));
    archive.remove(archive.log(1, 1));
    archive.remove(archive.digest(3));
    insta::assert_snapshot!(text(&archive.run(&[]).stdout));
}
