//! Archives in tars and zips are verified as those in folders, with the same verdicts.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Output;

use trailpare::store::Store;
use trailpare::verify::{Kind, Options, Verdict};

use super::archives::{Archive, gzip};
use super::ingested::objects;
use super::tampering::archive;
use super::{Told, command, text, three};
use crate::pack::write::{Entry, ZipOptions, bzip2, tar, xz, zip, zip_with, zstd};

type Verdicts = BTreeMap<(String, Kind), (Verdict, String)>;

/// Puts entries into one file.
type Pack = fn(&[Entry<'_>]) -> Vec<u8>;

/// What is told of each object, without the container that it is in.
fn verdicts(options: &Options) -> Verdicts {
    let without = |text: &str| text.rsplit('!').next().unwrap_or(text).to_owned();
    let told = Told::of(options);
    let finding = |one: trailpare::verify::Finding| {
        // Reasons name digests, not containers.
        ((without(&one.object), one.kind), (one.verdict, one.reason))
    };
    told.findings.into_iter().map(finding).collect()
}

/// Verdicts of an archive as it lies there, and in containers of every kind.
fn compare(archive: &Archive) -> Verdicts {
    let expected = verdicts(&archive.options());
    let files = archive.files();
    let all: Vec<Entry<'_>> = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let (some, others) = all.split_at(all.len() / 2);
    let folder = tempfile::tempdir().unwrap();
    for (name, containers) in [
        ("tar", vec![tar(&all)]),
        ("zip", vec![zip(&all)]),
        ("tar.xz", vec![xz(&tar(&all))]),
        ("two", vec![bzip2(&tar(some)), zip(others)]),
        ("nested", vec![gzip(&tar(&[("some.zip", &zip(some)), ("others.tar.zst", &zstd(&tar(others)))]))]),
    ] {
        let root = folder.path().join(name);
        fs::create_dir(&root).unwrap();
        for (at, bytes) in containers.iter().enumerate() {
            fs::write(root.join(format!("{at}.packed")), bytes).unwrap();
        }
        let options = Options { archives: vec![root], ..archive.options() };
        assert_eq!(verdicts(&options), expected, "{name}");
        let told = Told::of(&options);
        // What is missing is called as the digest calls it.
        let is_named = |object: &str| object.starts_with("0.packed!") || object.starts_with("1.packed!");
        let is_there = |verdict| matches!(verdict, Verdict::Valid | Verdict::Altered | Verdict::NotCovered);
        let odd: Vec<_> = told.findings.iter().filter(|one| is_there(one.verdict) && !is_named(&one.object)).collect();
        assert!(odd.is_empty(), "{odd:?}");
    }
    expected
}

#[test]
fn clean_altered_missing_and_further_objects_are_told_as_in_a_folder() {
    let archive = three();
    archive.write_sidecars();
    assert!(compare(&archive).values().all(|(verdict, _)| *verdict == Verdict::Valid));
    let [first, second, third] = [0, 1, 2].map(|trail| {
        let digest = &archive.trails[trail].digests[2];
        (digest.key.clone(), digest.logs[0].key.clone(), digest.logs[1].key.clone(), digest.logs[0].json.clone())
    });
    archive.remove(&first.1);
    let mut json = second.3.clone();
    let at = json.len() / 2;
    json[at] ^= 1;
    archive.write(&second.1, &gzip(&json));
    archive.remove(&third.0);
    archive.write(&third.1.replace("0010Z", "0011Z").replace("_2024", "_2025"), &gzip(&third.3));
    let found = compare(&archive);
    let count = |verdict| found.values().filter(|(found, _)| *found == verdict).count();
    assert_eq!(count(Verdict::Altered), 1);
    assert!(count(Verdict::Missing) == 1 && count(Verdict::NotCovered) >= 1, "{found:?}");
}

#[test]
fn what_is_not_taken_of_a_container_is_a_problem() {
    let archive = three();
    let files = archive.files();
    let all: Vec<Entry<'_>> = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let bytes = tar(&[&all[..], &[("../x.json.gz", &b"{}"[..])]].concat());
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.tar"), &bytes[..bytes.len() - 1024]).unwrap();
    let options = Options { archives: vec![folder.path().to_owned()], ..archive.options() };
    let verified = trailpare::verify::verify(&options).unwrap();
    assert_eq!(verified.problems.len(), 2, "{:?}", verified.problems);
    assert!(verified.problems[0].contains("a.tar!../x.json.gz"), "{:?}", verified.problems);
    assert!(verified.problems[1].contains("truncated"), "{:?}", verified.problems);
}

impl Archive {
    /// Packs what is in the archive, half of it each.
    fn pack(&self, pack: [Pack; 2]) {
        let files = self.files();
        let all: Vec<Entry<'_>> = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        let halves: [&[Entry<'_>]; 2] = all.split_at(all.len() / 2).into();
        fs::create_dir_all(self.folder("packed")).unwrap();
        for (at, (pack, half)) in pack.iter().zip(halves).enumerate() {
            fs::write(self.folder("packed").join(format!("{at}.packed")), pack(half)).unwrap();
        }
    }

    /// Takes in what is packed; with or without proof.
    fn ingest_packed(&self, store: &str, is_verified: bool) -> (Output, PathBuf) {
        let [packed, store, keys] = ["packed", store, "keys.json"].map(|name| self.folder(name));
        let args = ["ingest", packed.to_str().unwrap(), "--store", store.to_str().unwrap(), "--threads", "2"];
        let verified = ["--verify", "--public-keys", keys.to_str().unwrap()];
        (command(&[&args[..], if is_verified { &verified } else { &[] }].concat()), store)
    }
}

/// A zip whose sizes stand behind the entries.
fn streamed(entries: &[Entry<'_>]) -> Vec<u8> {
    zip_with(entries, ZipOptions { method: 8, descriptors: true, ..ZipOptions::default() })
}

fn tar_gz(entries: &[Entry<'_>]) -> Vec<u8> {
    gzip(&tar(entries))
}

/// Digests and objects in containers are known, and proved, as those of a folder; also afterwards.
#[test]
fn an_ingest_proves_what_is_in_containers_as_what_is_in_a_folder() {
    let archive = archive();
    archive.pack([tar_gz, zip]);
    let days = |store: &PathBuf| Store::open(store).unwrap().digest_days().unwrap();
    assert_eq!(archive.ingest_verified().status.code(), Some(0));
    let expected = days(&archive.store());
    assert_eq!((objects(&archive.store()), expected.len()), ([20, 0, 0, 20], 2));
    let (out, store) = archive.ingest_packed("at-once", true);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    assert!(text(&out.stderr).contains("by the digests: 20 proved\n"), "{}", text(&out.stderr));
    assert_eq!((objects(&store), days(&store)), ([20, 0, 0, 20], expected.clone()));
    // Without proof it is known for which hours there are digests; nothing is read again, and nothing forgotten.
    for _ in 0..2 {
        let (out, store) = archive.ingest_packed("later", false);
        assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
        assert_eq!(objects(&store), [0, 0, 0, 20]);
        let told: Vec<_> = days(&store).iter().map(|day| (day.chain.clone(), day.day, day.told, day.named)).collect();
        let wanted: Vec<_> = expected.iter().map(|day| (day.chain.clone(), day.day, day.told, day.named)).collect();
        assert_eq!(told, wanted);
    }
    let (out, store) = archive.ingest_packed("later", true);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    assert!(text(&out.stderr).contains("20 proved"), "{}", text(&out.stderr));
    assert_eq!((objects(&store), days(&store)), ([20, 0, 0, 20], expected));
}

#[test]
fn what_was_altered_in_a_container_is_not_taken_and_told_if_it_was() {
    let packs: [Pack; 3] = [tar_gz, zip, streamed];
    for pack in packs {
        let archive = archive();
        let key = archive.log(1, 0).to_owned();
        let name = key.rsplit('/').next().unwrap().split('.').next().unwrap();
        let event = r#"{"Records":[{"eventVersion":"1.08","eventID":"0c1f2a3e-0000-4000-8000-00000000beef","eventTime":"2024-03-01T01:00:00Z","eventSource":"s3.amazonaws.com","eventName":"ListBuckets","awsRegion":"eu-west-1","userIdentity":{"type":"Root","accountId":"111122223333"}}]}"#;
        archive.write(&key, &gzip(event.as_bytes()));
        archive.pack([pack, pack]);
        let has = |store: &PathBuf| {
            let sql = ["sql", "SELECT count(*) AS n FROM events WHERE event_id LIKE '%beef'", "--format", "csv"];
            text(&command(&[&sql[..], &["--store", store.to_str().unwrap()]].concat()).stdout).contains('1')
        };
        for _ in 0..2 {
            let (out, store) = archive.ingest_packed("at-once", true);
            assert_eq!(out.status.code(), Some(5), "{}", text(&out.stderr));
            let told = text(&out.stderr);
            assert!(told.lines().any(|line| line.contains(name) && line.contains("refused: altered")), "{told}");
            assert!(!has(&store), "{told}");
        }
        let (out, store) = archive.ingest_packed("later", false);
        assert!(out.status.code() == Some(0) && has(&store), "{}", text(&out.stderr));
        let (out, _) = archive.ingest_packed("later", true);
        assert_eq!(out.status.code(), Some(5), "{}", text(&out.stderr));
        let told = text(&out.stderr);
        assert!(told.lines().any(|line| line.contains(name) && line.contains("altered")), "{told}");
    }
}
