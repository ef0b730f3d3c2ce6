//! Archives in tars and zips are verified as those in folders, with the same verdicts.

use std::collections::BTreeMap;
use std::fs;

use trailpare::verify::{Kind, Options, Verdict};

use super::archives::{Archive, gzip};
use super::{Told, three};
use crate::pack::write::{Entry, bzip2, tar, xz, zip, zstd};

type Verdicts = BTreeMap<(String, Kind), (Verdict, String)>;

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
