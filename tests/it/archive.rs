//! Finding and reading log objects: real ones, every public form, and objects as bad as they come.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use trailpare::archive::{
    Buffers, FindError, FindFault, Found, OVER_CAP, ObjectKind, ReadFault, find, find_following, normalise, read,
};

const CAP_BYTES: u64 = 1 << 30;

fn all(root: &Path) -> Vec<Found> {
    find(&[root.to_owned()]).map(|found| found.unwrap()).collect()
}

fn logs(root: &Path) -> Vec<Found> {
    all(root).into_iter().filter(|found| found.kind == ObjectKind::Log).collect()
}

fn records(json: &[u8]) -> Vec<serde_json::Value> {
    let wholes = serde_json::Deserializer::from_slice(json).into_iter::<serde_json::Value>();
    wholes.flat_map(|whole| whole.unwrap()["Records"].as_array().unwrap().clone()).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Reads stored bytes through a file. What has gaps is an error of its first.
fn read_bytes(stored: &[u8], cap_bytes: u64) -> Result<Vec<u8>, (ReadFault, Option<u64>)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.json.gz");
    fs::write(&path, stored).unwrap();
    match read(&path, &mut Buffers::default(), cap_bytes) {
        Ok(read) => {
            assert_eq!((read.sha256, read.size_bytes), (Sha256::digest(stored).into(), stored.len() as u64));
            assert_eq!(trailpare::archive::digest(&path).unwrap(), read.sha256);
            let Some(gap) = read.gaps.first() else { return Ok(read.bytes) };
            let (offset_bytes, reason) = (gap.offset_bytes, gap.reason.clone());
            assert!(offset_bytes <= read.bytes.len() as u64);
            let fault = match reason.starts_with("truncated") {
                true => ReadFault::Truncated { offset_bytes, stored_bytes: stored.len() as u64 },
                false => ReadFault::Corrupt { offset_bytes, reason },
            };
            Err((fault, Some(offset_bytes)))
        }
        Err(error) => {
            assert_eq!((error.path.as_path(), error.sha256()), (path.as_path(), Some(Sha256::digest(stored).into())));
            let offset = error.offset_bytes();
            Err((error.fault, offset))
        }
    }
}

#[test]
fn the_real_archives_hold_what_was_counted_independently() {
    for (name, objects, events, bytes) in
        [("invictus", 55, 2_900, None), ("sans-s3-lab", 2_394, 19_623, Some(28_400_000))]
    {
        let Some(data) = crate::data::dir() else { return };
        let root = data.join("real").join(name);
        let (mut buffers, mut read_events, mut read_bytes) = (Buffers::default(), 0, 0);
        let logs = logs(&root);
        assert_eq!(logs.len(), objects, "{name}");
        for found in &logs {
            assert!(found.date.is_some() && found.region.is_some() && found.account_id.is_some(), "{}", found.relative);
            assert_eq!(found.name.split('_').nth(1), Some("CloudTrail"), "{}", found.name);
            let read = read(&found.path, &mut buffers, CAP_BYTES).unwrap();
            assert_eq!(read.size_bytes, found.size_bytes);
            read_bytes += read.bytes.len();
            let json = normalise(read.bytes).unwrap().json;
            read_events += records(&json).len();
            buffers.recycle(json);
        }
        assert_eq!(read_events, events, "{name}");
        assert!(
            bytes.is_none_or(|bytes: usize| read_bytes.abs_diff(bytes) < bytes / 100),
            "{name}: {read_bytes} bytes"
        );
        assert_eq!(all(&root), all(&root), "the order changes");
        let names: Vec<_> = logs.iter().map(|found| &found.relative).collect();
        assert!(names.is_sorted());
    }
}

#[test]
fn every_public_form_gives_its_events() {
    let Some(data) = crate::data::dir() else { return };
    let root = data.join("public");
    let mut events = BTreeMap::new();
    let mut refused: BTreeMap<String, String> = BTreeMap::new();
    for found in logs(&root) {
        let read = read(&found.path, &mut Buffers::default(), CAP_BYTES).unwrap();
        let source = found.relative.split('/').next().unwrap().to_owned();
        match normalise(read.bytes) {
            // Broken on purpose: that is for the record parser to find.
            Ok(_) if found.relative.ends_with("bad_cloudtrail.json") => {}
            Ok(normal) => *events.entry(source).or_insert(0) += records(&normal.json).len(),
            Err(error) => refused.entry(source).or_default().push_str(&error.reason),
        }
    }
    let expected = [
        ("aws-docs-cloudtrail-guide", 40),
        ("aws-docs-iam-guide", 10),
        ("cloud-custodian", 25),
        ("cloudgrep", 2),
        ("console-csv-danomisik", 35),
        ("cribl-pack", 44),
        ("elastic-firehose", 1),
        ("fivexl-to-slack", 9),
        ("grycap-cloudtrail-tracker", 142),
        // Those with an extension of logs.
        ("ocsf-examples", 6),
        ("plaso", 6),
        ("stratus-red-team", 310),
        ("trailscraper", 7),
    ];
    assert_eq!(events, expected.map(|(source, count)| (source.to_owned(), count)).into());
    let why: Vec<(&str, bool)> = refused.iter().map(|(s, reason)| (s.as_str(), reason.contains("foreign"))).collect();
    let foreign = ["_stats.json", "aws-docs-cloudtrail-guide", "useridentity-shapes-aws"];
    assert_eq!(why, foreign.map(|source| (source, true)), "{refused:?}");
}

#[test]
fn digests_are_told_by_their_key() {
    let Some(data) = crate::data::dir() else { return };
    let root = data.join("public/digest-llm-guard");
    assert_eq!(all(&root)[0].kind, ObjectKind::Digest);
}

#[test]
fn bad_objects_are_refused_with_place_and_reason() {
    let json = br#"{"Records":[{"eventVersion":"1.08"}]}"#.repeat(50);
    let whole = gzip(&json);
    assert_eq!(read_bytes(&whole, CAP_BYTES).unwrap(), json);

    assert!(matches!(read_bytes(b"", CAP_BYTES), Err((ReadFault::Empty, Some(0)))));
    assert!(matches!(read_bytes(&gzip(b""), CAP_BYTES), Err((ReadFault::EmptyStream, Some(0)))));
    assert!(matches!(read_bytes(b"PK\x03\x04rest", CAP_BYTES), Err((ReadFault::Container, None))));

    let mut wrong_sum = whole.clone();
    let at = wrong_sum.len() - 8;
    wrong_sum[at] ^= 1;
    let Err((ReadFault::Corrupt { offset_bytes, .. }, _)) = read_bytes(&wrong_sum, CAP_BYTES) else { panic!() };
    assert_eq!(offset_bytes, json.len() as u64);

    let mut garbage = whole.clone();
    garbage.extend_from_slice(b"garbage");
    assert!(matches!(read_bytes(&garbage, CAP_BYTES), Err((ReadFault::Corrupt { .. }, _))));
    let mut padded = whole.clone();
    padded.extend_from_slice(&[0; 512]);
    assert_eq!(read_bytes(&padded, CAP_BYTES).unwrap(), json);
}

#[test]
fn an_object_that_breaks_off_anywhere_is_truncated() {
    let json: Vec<u8> =
        (0..400_u32).flat_map(|i| format!("{{\"eventID\":{}}},", i.wrapping_mul(2_654_435_761)).into_bytes()).collect();
    let whole = gzip(&json);
    for len in 3..whole.len() {
        match read_bytes(&whole[..len], CAP_BYTES) {
            Err((ReadFault::Truncated { offset_bytes, stored_bytes }, _)) => {
                assert!(offset_bytes <= json.len() as u64 && stored_bytes == len as u64);
            }
            other => panic!("{len} of {} bytes: {other:?}", whole.len()),
        }
    }
}

#[test]
fn a_bomb_is_not_inflated_beyond_the_cap() {
    let zeros = vec![b' '; 64 << 20];
    let bomb = gzip(&zeros);
    assert!(bomb.len() < 1 << 20);
    for stored in [bomb.clone(), [bomb.clone(), gzip(b"{}")].concat(), bomb[..bomb.len() - 4].to_vec()] {
        let Err((fault, offset)) = read_bytes(&stored, 1 << 20) else { panic!() };
        assert!(fault.to_string().starts_with(OVER_CAP) && offset == Some(1 << 20), "{fault}");
    }
    assert_eq!(read_bytes(&bomb, 64 << 20).unwrap(), zeros);
    // A size in the trailer that so few bytes can't have: nothing is set aside for it.
    let mut liar = gzip(b"{}");
    let at = liar.len() - 4;
    liar[at..].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(matches!(read_bytes(&liar, u64::MAX), Err((ReadFault::Corrupt { .. }, _))));
}

#[test]
fn plain_json_is_read_as_it_is() {
    for text in [&b"{\"Records\":[]}"[..], b"\xef\xbb\xbf{\"Records\":[]}", b"\xff\xfe", b"{\"Records\":[\0]}", b" "] {
        assert_eq!(read_bytes(text, CAP_BYTES).unwrap(), text);
    }
    assert!(read_bytes(b"{\"Records\":[]}", 5).is_err());
}

#[test]
fn large_objects_are_read_as_a_stream() {
    // Bytes that hardly compress, so that it is large as stored as well.
    let mut state = 1_u64;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    };
    let json: Vec<u8> = (0..70 << 20).map(|_| noise()).collect();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
    encoder.write_all(&json).unwrap();
    let stored = encoder.finish().unwrap();
    assert!(read_bytes(&stored, CAP_BYTES).unwrap() == json);
    assert!(matches!(read_bytes(&stored[..stored.len() - 9], CAP_BYTES), Err((ReadFault::Truncated { .. }, _))));
    let plain = vec![b'{'; 65 << 20];
    assert!(read_bytes(&plain, CAP_BYTES).unwrap() == plain);
}

#[test]
fn a_missing_file_is_named() {
    let error = read(Path::new("nowhere/x.json.gz"), &mut Buffers::default(), CAP_BYTES).unwrap_err();
    assert!(error.to_string().contains("nowhere") && error.sha256().is_none() && error.offset_bytes().is_none());
    let errors: Vec<_> = find(&[PathBuf::from("nowhere")]).collect();
    assert!(matches!(errors.as_slice(), [Err(FindError { fault: FindFault::Missing, .. })]));
}

#[test]
fn a_file_named_by_hand_is_taken_for_a_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.txt");
    fs::write(&path, "[]").unwrap();
    let found = find(std::slice::from_ref(&path)).next().unwrap().unwrap();
    assert_eq!((found.kind, found.relative.as_str(), found.size_bytes), (ObjectKind::Log, "events.txt", 2));
    let place = fs::canonicalize(&path).unwrap();
    assert!(found.is_by_hand && !found.is_canonical && Some(found.name.as_str()) == place.to_str());
    assert_eq!(all(folder.path())[0].kind, ObjectKind::Foreign);
}

#[test]
#[cfg(unix)]
fn links_pipes_and_odd_names() {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    fs::create_dir_all(root.join("a/b")).unwrap();
    fs::create_dir(root.join("folder.json.gz")).unwrap();
    fs::write(root.join("a/b/1.json"), "[]").unwrap();
    fs::write(root.join(std::ffi::OsStr::from_bytes(b"odd\xff.json")), "[]").unwrap();
    symlink(&root, root.join("a/b/loop")).unwrap();
    symlink(root.join("nothing"), root.join("dangling.json")).unwrap();
    symlink(root.join("self"), root.join("self")).unwrap();
    symlink(root.join("a/b/1.json"), root.join("linked.json")).unwrap();
    let outside = folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("2.json"), "[]").unwrap();
    symlink(&outside, root.join("z")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket.json")).unwrap();

    let looked_at = |walk: trailpare::archive::Walk| {
        let (mut names, mut faults) = (Vec::new(), BTreeMap::new());
        for found in walk {
            match found {
                Ok(found) => names.push(found.relative),
                Err(FindError { fault, path, .. }) => {
                    let kind = match fault {
                        FindFault::Io(_) => "io",
                        FindFault::DanglingLink => "dangling",
                        FindFault::LinkLoop(_) => "loop",
                        FindFault::LeavesArchive(_) => "leaves",
                        FindFault::Remote { .. } => "remote",
                        FindFault::Special(kind) => kind,
                        FindFault::Missing => "missing",
                    };
                    let name = path.file_name().unwrap().to_string_lossy().into_owned();
                    assert!(faults.insert(name, kind).is_none());
                }
            }
        }
        (names, faults)
    };
    let faults = |more: &[(&str, &'static str)]| -> BTreeMap<String, &'static str> {
        let all = [("loop", "loop"), ("dangling.json", "dangling"), ("self", "io"), ("socket.json", "a socket")];
        all.iter().chain(more).map(|(name, kind)| ((*name).to_owned(), *kind)).collect()
    };
    let inside = ["a/b/1.json", "linked.json", "odd\\xff.json"];
    let (names, found) = looked_at(find(std::slice::from_ref(&root)));
    assert_eq!((names, found), (inside.map(str::to_owned).to_vec(), faults(&[("z", "leaves")])));
    let (names, found) = looked_at(find_following(std::slice::from_ref(&root)));
    assert_eq!(
        (names, found),
        ([&inside[..], &["z/2.json"]].concat().iter().map(|n| (*n).to_owned()).collect(), faults(&[]))
    );
}

#[test]
#[cfg(unix)]
fn what_may_not_be_read_is_reported_and_the_rest_found() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::write(folder.path().join("x.json"), "[]").unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read_dir(&closed).is_ok() {
        eprintln!("SKIPPED: root may read everything");
        return;
    }
    let found: Vec<_> = find(&[folder.path().to_owned()]).collect();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    assert!(matches!(found.as_slice(), [Err(FindError { fault: FindFault::Io(_), .. }), Ok(_)]));
}

#[test]
fn objects_put_together_by_cat_are_read_whole() {
    let json = br#"{"Records":[{"eventVersion":"1.08","eventID":"x"}]}"#;
    // Twice the same member: checksum and size of the first stand at the end as well.
    for stored in [[gzip(json), gzip(json)].concat(), gzip(&json.repeat(2)), json.repeat(2)] {
        let inflated = read_bytes(&stored, CAP_BYTES).unwrap();
        assert_eq!(records(&normalise(inflated).unwrap().json).len(), 2);
    }
}

proptest! {
    /// flate2 reading member by member is the slower second opinion.
    #[test]
    fn members_are_read_as_flate2_reads_them(
        members in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..4),
        is_repeated in any::<bool>(),
        flip in prop::option::of((any::<prop::sample::Index>(), 0_u8..8)),
    ) {
        let mut stored: Vec<u8> = members.iter().flat_map(|member| gzip(member)).collect();
        if is_repeated {
            stored.extend(stored.clone());
        }
        if let Some((at, bit)) = flip {
            let at = at.index(stored.len());
            // The magic number decides what it is, not whether it is sound.
            prop_assume!(at > 1);
            stored[at] ^= 1 << bit;
        }
        let mut expected = Vec::new();
        let outcome = std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(stored.as_slice()), &mut expected);
        match read_bytes(&stored, CAP_BYTES) {
            Ok(bytes) => prop_assert_eq!(bytes, expected),
            Err((ReadFault::EmptyStream, _)) => prop_assert!(expected.is_empty()),
            // It also wants the magic number of a further member, which flate2 doesn't mind lacking.
            Err(_) => prop_assert!(outcome.is_err() || flip.is_some()),
        }
    }

    #[test]
    fn any_bytes_are_normalised_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = normalise(bytes);
    }

    #[test]
    fn anything_like_json_is_normalised_or_refused(text in r#"[\[\]{}",:a-zR0-9 \n\\]{0,80}"#) {
        if let Ok(json) = normalise(text.clone().into_bytes()).map(|normal| normal.json)
            && !text.trim_start().starts_with("{\"Records\"")
            && !text.trim_start().starts_with("{ \"Records\"")
        {
            prop_assert!(serde_json::from_slice::<serde_json::Value>(&json).is_ok());
        }
    }
}
