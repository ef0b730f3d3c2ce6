//! Containers that somebody made to harm: what can be had is had, the rest is named, within bounds.

use std::time::Instant;

use trailpare::archive::{Limits, Visit, each_member};

use super::write::{Entry, ZipOptions, end_zip, gzip, tar, tar_entry, tar_header, xz, zip, zip_with, zstd};
use super::{EVENTS, OBJECTS, Place, entries, lists, plain, properties, said};

/// Entries with others before and behind.
fn among(place: &Place, bytes: &[u8], name: &str) -> (u64, Vec<(String, String)>) {
    place.write(name, bytes);
    let summary = place.take_in(name);
    let refused = place.refused().into_iter().map(|one| (one.path, one.reason)).collect();
    (summary.run.taken, refused)
}

#[test]
fn names_that_lead_out_are_refused_and_the_rest_is_taken() {
    let own = entries(&OBJECTS);
    let hostile = ["../../etc/x.json.gz", "/etc/x.json.gz", "a/../../x.json.gz", "C:\\y.json.gz", "..\\y.json.gz"];
    for pack in [tar as fn(&[Entry<'_>]) -> Vec<u8>, zip] {
        let place = Place::new();
        let mut all = own.clone();
        for (at, name) in hostile.into_iter().enumerate() {
            all.insert(at * 2, (name, own[0].1));
        }
        place.write("archive/packed", &pack(&all));
        let (code, words) = said(&place.command(&["ingest", "archive"]).output().unwrap());
        assert_eq!(code, 3, "{words}");
        assert!(place.events() == *EVENTS);
        let refused = place.refused();
        assert_eq!(refused.len(), hostile.len(), "{refused:?}");
        for name in hostile {
            assert!(lists(&place, format!("archive/packed!{name}").as_ref()), "{name}: {refused:?}");
            assert!(words.contains(&format!("packed!{name}")), "{name}: {words}");
        }
        assert!(refused.iter().all(|one| one.reason.contains("its name")), "{refused:?}");
        // It is told as long as it is there.
        assert_eq!(said(&place.command(&["ingest", "archive"]).output().unwrap()).0, 3);
    }
}

#[test]
fn links_devices_and_pipes_are_named_and_not_followed() {
    let own = entries(&OBJECTS);
    let mut bytes: Vec<u8> = own[..12].iter().flat_map(|(name, bytes)| tar_entry(name, bytes)).collect();
    for (name, kind, link) in
        [("l", b'2', "/etc/passwd"), ("h", b'1', "../x"), ("c", b'3', ""), ("b", b'4', ""), ("p", b'6', "")]
    {
        bytes.extend(tar_header(name, 0, kind, link));
    }
    bytes.extend(tar_header("folder", 0, b'5', ""));
    bytes.extend(tar(&own[12..]));
    let place = Place::new();
    let (taken, refused) = among(&place, &bytes, "a.tar");
    assert_eq!((taken, refused.len()), (own.len() as u64, 5), "{refused:?}");
    let of = |name: &str| &refused.iter().find(|(path, _)| path.ends_with(name)).unwrap().1;
    assert_eq!(of("!l"), "a symbolic link to /etc/passwd; not followed");
    assert_eq!(of("!h"), "a hard link to ../x; not followed");
    assert_eq!((of("!c"), of("!p")), (&"a device; not followed".to_owned(), &"a pipe; not followed".to_owned()));
}

#[test]
fn what_is_encrypted_or_packed_in_an_unknown_way_is_refused_with_its_reason() {
    let own = entries(&OBJECTS);
    for (options, reason) in [
        (ZipOptions { is_encrypted: true, method: 8, ..ZipOptions::default() }, "encrypted"),
        (ZipOptions { method: 99, ..ZipOptions::default() }, "encrypted"),
        (ZipOptions { method: 9, ..ZipOptions::default() }, "packed by Deflate64"),
        (ZipOptions { method: 14, ..ZipOptions::default() }, "packed by LZMA"),
        (ZipOptions { is_crc_wrong: true, method: 8, ..ZipOptions::default() }, "corrupt: its checksum"),
        (ZipOptions { is_crc_wrong: true, ..ZipOptions::default() }, "corrupt: its checksum"),
        (ZipOptions { size_said: Some(77), method: 8, ..ZipOptions::default() }, "corrupt: its size"),
    ] {
        let place = Place::new();
        let (taken, refused) = among(&place, &zip_with(&own, options), "a.zip");
        assert_eq!((taken, refused.len()), (0, own.len()), "{reason}: {refused:?}");
        assert!(refused.iter().all(|(_, why)| why.starts_with(reason)), "{reason}: {refused:?}");
    }
}

/// A gzip of so many MiB of zeros, behind whatever.
fn zeros(before: &[u8], mib: usize) -> Vec<u8> {
    gzip(&[before, &vec![0; mib << 20]].concat())
}

#[test]
fn bombs_are_told_before_they_go_off() {
    let own = entries(&OBJECTS);
    let limits = Limits {
        growth_free_bytes: 4 << 20,
        growth_max: 30,
        inflated_max_bytes: 1 << 30,
        entries_max: 1_000,
        ..Limits::default()
    };
    let place = Place::new();
    let walked = |bytes: &[u8]| {
        let path = place.write("bomb", bytes);
        let (mut members, mut refused) = (0, Vec::new());
        let begun = Instant::now();
        let opened = each_member(&path, &limits, 1 << 20, &mut |visit| {
            match visit {
                Visit::Held(..) => members += 1,
                Visit::Large(_, walk) => {
                    members += 1;
                    let _ = walk.read(1 << 20);
                }
                Visit::Refused(refusal) => refused.push(refusal.reason.clone()),
            }
            true
        });
        assert!(begun.elapsed().as_secs() < 60);
        assert!(opened.is_ok(), "{opened:?}");
        (members, refused)
    };
    // A tar of what is sound, and of zeros; more than there may be for what is stored.
    let tarred = [tar(&own[..3]), [tar_header("z", 64 << 20, b'0', "").to_vec(), vec![0; 64 << 20]].concat()].concat();
    for packed in [gzip(&tarred), xz(&tarred), zstd(&tarred), gzip(&gzip(&tarred))] {
        let (members, refused) = walked(&packed);
        assert!(members >= 3 && refused.iter().any(|reason| reason.starts_with("a bomb")), "{members} {refused:?}");
    }
    // Zips in a zip that inflate to more and more.
    let inner = zip(&[("z", &vec![0; 16 << 20])]);
    let names: Vec<String> = (0..16).map(|n| format!("{n}.zip")).collect();
    let all: Vec<Entry<'_>> = names.iter().map(|name| (name.as_str(), inner.as_slice())).collect();
    let (_, refused) = walked(&gzip(&tar(&[("outer.tar.gz", &zeros(&tar(&all), 40))])));
    assert!(refused.iter().any(|reason| reason.starts_with("a bomb")), "{refused:?}");
    // Too many.
    let names: Vec<String> = (0..1_200).map(|n| n.to_string()).collect();
    let all: Vec<Entry<'_>> = names.iter().map(|name| (name.as_str(), &b"{}"[..])).collect();
    for bytes in [tar(&all), zip(&all)] {
        let (members, refused) = walked(&bytes);
        assert_eq!(members, 1_000);
        assert!(refused.len() == 1 && refused[0].contains("more than 1000 entries"), "{refused:?}");
    }
}

#[test]
fn entries_that_lie_over_one_another_are_told() {
    let own = entries(&OBJECTS);
    let whole = zip_with(&own[..2], ZipOptions::default());
    // The directory lists the first again and again.
    let start = whole.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
    let first = 46 + own[0].0.len();
    let listed = whole[start..start + first].to_vec();
    let bytes = end_zip(whole[..start].to_vec(), &vec![listed; 5], false);
    let place = Place::new();
    let (taken, refused) = among(&place, &bytes, "a.zip");
    assert_eq!((taken, refused.len()), (1, 2), "{refused:?}");
    assert!(refused.iter().any(|(_, reason)| reason.contains("lies over another")), "{refused:?}");
    // The second one is in no directory.
    let hidden = format!("a.zip!@{}", zip_with(&own[..1], ZipOptions::default()).len() - first - 22);
    assert!(refused.iter().any(|(path, _)| path.ends_with(&hidden)), "{hidden}: {refused:?}");
}

/// What is before the directory of a zip without larger fields, and what the directory lists.
fn taken_apart(bytes: &[u8]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let end = bytes.len() - 22;
    let start = u32::from_le_bytes(bytes[end + 16..end + 20].try_into().unwrap()) as usize;
    let (mut listed, mut at) = (Vec::new(), start);
    while at < end {
        let len = 46 + usize::from(u16::from_le_bytes([bytes[at + 28], bytes[at + 29]]));
        listed.push(bytes[at..at + len].to_vec());
        at += len;
    }
    (bytes[..start].to_vec(), listed)
}

#[test]
fn a_zip_has_the_entries_of_its_directory_whatever_it_says_of_their_number() {
    let own = entries(&OBJECTS);
    for is_reversed in [false, true] {
        let whole = zip_with(&own, ZipOptions { method: 8, is_reversed, ..ZipOptions::default() });
        let end = whole.len() - 22;
        for (said, refusals) in [(1_u16, 1), (0, 1), (own.len() as u16, 0)] {
            let mut bytes = whole.clone();
            bytes[end + 10..end + 12].copy_from_slice(&said.to_le_bytes());
            let place = Place::new();
            let (taken, refused) = among(&place, &bytes, "a.zip");
            assert_eq!((taken, refused.len()), (own.len() as u64, refusals), "{said}: {refused:?}");
            assert!(refused.iter().all(|(path, reason)| {
                path.ends_with(&format!("a.zip!@{end}")) && reason.contains(&format!("says that it has {said} entries"))
            }));
        }
        // More than are there: what stands before each tells.
        let mut bytes = whole;
        bytes[end + 10..end + 12].copy_from_slice(&999_u16.to_le_bytes());
        let (taken, refused) = among(&Place::new(), &bytes, "a.zip");
        assert!(taken == own.len() as u64 && !refused.is_empty(), "{refused:?}");
    }
    // Writers without larger fields count on from 0.
    let names: Vec<String> = (0..65_540).map(|n| n.to_string()).collect();
    let all: Vec<Entry<'_>> = names.iter().map(|name| (name.as_str(), &b"{}"[..])).collect();
    let place = Place::new();
    let path = place.write("many.zip", &zip_with(&all, ZipOptions::default()));
    let (mut members, mut refused) = (0, Vec::new());
    let opened = each_member(&path, &Limits::default(), 1 << 20, &mut |visit| {
        match visit {
            Visit::Held(..) | Visit::Large(..) => members += 1,
            Visit::Refused(refusal) => refused.push(refusal.reason.clone()),
        }
        true
    });
    assert!(opened.is_ok());
    assert_eq!((members, refused), (65_540, Vec::new()));
}

#[test]
fn bytes_of_a_zip_that_are_in_no_entry_are_told_with_their_place() {
    let own = entries(&OBJECTS);
    for descriptors in [false, true] {
        let options = ZipOptions { method: 8, descriptors, ..ZipOptions::default() };
        let (before, listed) = taken_apart(&zip_with(&own, options));
        for hidden in [0, 4, own.len() - 1] {
            let mut rest = listed.clone();
            let entry = rest.remove(hidden);
            let at = u32::from_le_bytes(entry[42..46].try_into().unwrap());
            let place = Place::new();
            let (taken, refused) = among(&place, &end_zip(before.clone(), &rest, false), "a.zip");
            assert_eq!((taken, refused.len()), (own.len() as u64 - 1, 1), "{hidden}: {refused:?}");
            assert!(refused[0].0.ends_with(&format!("a.zip!@{at}")), "{hidden}: {refused:?}");
            assert!(refused[0].1.contains("in no entry of the zip's directory"), "{refused:?}");
            assert_eq!(said(&place.command(&["ingest", "a.zip"]).output().unwrap()).0, 3);
        }
        // Zeros between entries and before the directory are none.
        let padded = [&before[..], &[0; 100]].concat();
        let (taken, refused) = among(&Place::new(), &end_zip(padded, &listed, false), "a.zip");
        assert_eq!((taken, refused), (own.len() as u64, Vec::new()));
    }
    let whole = zip(&own);
    let len = whole.len();
    let mut comment = whole.clone();
    comment[len - 2] = 5;
    comment.extend(b"12345");
    for sound in [&comment[..], &[&whole[..], &[0; 70_000]].concat(), &[&comment[..], &[0; 9]].concat()] {
        for (bytes, name) in [(sound.to_vec(), "a.zip"), (gzip(sound), "a.gz"), (tar(&[("a.zip", sound)]), "a.tar")] {
            let (taken, refused) = among(&Place::new(), &bytes, name);
            assert_eq!((taken, refused), (own.len() as u64, Vec::new()), "{name}");
        }
    }
    let tails = [b"trailing".to_vec(), tar(&own[..1]), [&[0; 90_000][..], b"x"].concat()];
    for (index, tail) in tails.into_iter().enumerate() {
        let bytes = [&whole[..], &tail].concat();
        let at = len + if index == 2 { 90_000 } else { 0 };
        for (bytes, place_name) in [
            (bytes.clone(), format!("a!@{at}")),
            (gzip(&bytes), format!("a!@{at}")),
            (tar(&[("a.zip", &bytes), own[0]]), format!("a!a.zip!@{at}")),
        ] {
            let (taken, refused) = among(&Place::new(), &bytes, "a");
            assert_eq!((taken, refused.len()), (own.len() as u64, 1), "{place_name}: {refused:?}");
            assert!(refused[0].0.ends_with(&place_name), "{place_name}: {refused:?}");
        }
        let place = Place::new();
        let (code, words) = place.pipe(&bytes);
        assert_eq!((code, place.events().len()), (3, EVENTS.len()), "{words}");
    }
    // Of two zips one is read: the other one is told.
    let (first, second) = own.split_at(5);
    let two = [zip(first), zip(second)].concat();
    let (taken, refused) = among(&Place::new(), &two, "a.zip");
    assert_eq!((taken, refused.len()), (second.len() as u64, 1), "{refused:?}");
    assert!(refused[0].0.ends_with("a.zip!@0"), "{refused:?}");
    let (taken, refused) = among(&Place::new(), &gzip(&two), "a.gz");
    assert_eq!((taken, refused.len()), (first.len() as u64, 1), "{refused:?}");
}

#[test]
fn folders_and_labels_that_have_bytes_are_refused() {
    let own = entries(&OBJECTS);
    let full = ("full.json.gz/", own[0].1);
    for pack in [tar as fn(&[Entry<'_>]) -> Vec<u8>, zip] {
        let (taken, refused) = among(&Place::new(), &pack(&[&[full, ("empty/", b"")], &own[1..]].concat()), "packed");
        assert_eq!((taken, refused.len()), (own.len() as u64 - 1, 1), "{refused:?}");
        assert!(refused[0].0.contains("!full.json.gz") && refused[0].1.contains("has bytes"), "{refused:?}");
    }
    let typed = |kind: u8, bytes: &[u8]| {
        let mut all = [&tar_header("typed", bytes.len() as u64, kind, ""), bytes].concat();
        all.resize(all.len().next_multiple_of(512), 0);
        all.extend(tar(&entries(&OBJECTS)[1..]));
        all
    };
    for (kind, bytes, refusals) in [
        (b'D', own[0].1, 1),
        (b'D', &b"Ya.json\0Nb.json\0Dfolder\0\0"[..], 0),
        (b'D', &b"Ya.json\0{}\0\0"[..], 1),
        (b'D', b"", 0),
        (b'V', own[0].1, 1),
        (b'V', b"", 0),
    ] {
        let (taken, refused) = among(&Place::new(), &typed(kind, bytes), "a.tar");
        assert_eq!((taken, refused.len()), (own.len() as u64 - 1, refusals), "{kind} {bytes:?}: {refused:?}");
        assert!(refused.iter().all(|(path, why)| path.ends_with("a.tar!typed") && why.contains("has bytes")));
    }
}

#[test]
fn no_more_than_four_containers_lie_in_one_another() {
    let own = entries(&OBJECTS);
    let mut bytes = tar(&own[..2]);
    for (depth, beside) in own.iter().copied().enumerate().take(7).skip(2) {
        let name = format!("{depth}.tar");
        bytes = if depth % 2 == 0 { zip(&[(&name, &bytes), beside]) } else { gzip(&tar(&[(&name, &bytes), beside])) };
        let place = Place::new();
        let (taken, refused) = among(&place, &bytes, "outer");
        match depth {
            ..=4 => assert_eq!((taken, refused.len()), (depth as u64 + 1, 0), "{depth}: {refused:?}"),
            _ => {
                assert_eq!((taken, refused.len()), (4, 1), "{depth}: {refused:?}");
                assert!(refused[0].1.contains("lies in 4 containers"), "{refused:?}");
                assert!(refused[0].0.matches('!').count() == 4, "{refused:?}");
            }
        }
    }
}

/// What stands in pax's headers beside their records is told, and so is one that no entry follows.
#[test]
fn bytes_in_headers_that_are_none_of_their_records_are_told() {
    let own = entries(&OBJECTS);
    let header = |kind: u8, content: &[u8]| {
        let mut all = [&tar_header("pax", content.len() as u64, kind, "")[..], content].concat();
        all.resize(all.len().next_multiple_of(512), 0);
        all
    };
    let event = br#"{"Records":[{"eventSource":"s3.amazonaws.com","eventName":"A","eventID":"x"}]}"#;
    let behind = [&b"19 comment=nothing\n"[..], event].concat();
    let cases: [(u8, &[u8], bool); 10] = [
        (b'g', event, true),
        (b'x', event, true),
        (b'g', &behind, true),
        (b'x', &behind, true),
        (b'x', b"9999 path=x\n", true),
        (b'g', b"15 path=x.json\n", true),
        (b'g', b"13 size=1024\n", true),
        (b'g', b"19 comment=nothing\n", false),
        (b'x', b"19 comment=nothing\n", false),
        (b'x', b"19 comment=nothing\n\0\0\0", false),
    ];
    for (kind, content, is_told) in cases {
        let bytes = [header(kind, content), tar(&own)].concat();
        let place = Place::new();
        let (taken, refused) = among(&place, &bytes, "a.tar");
        let case = format!("{} {:?}: {refused:?}", char::from(kind), String::from_utf8_lossy(content));
        assert_eq!((taken, refused.len()), (own.len() as u64, usize::from(is_told)), "{case}");
        assert!(refused.iter().all(|(_, reason)| reason.contains("a pax header")), "{case}");
    }
    for kind in [b'x', b'L'] {
        let content: &[u8] = if kind == b'x' { b"12 path=x.j\n" } else { event };
        let all = tar(&own);
        let bytes = [&all[..all.len() - 1024], &header(kind, content), &[0; 1024]].concat();
        let place = Place::new();
        let (taken, refused) = among(&place, &bytes, "a.tar");
        assert_eq!((taken, refused.len()), (own.len() as u64, 1), "{refused:?}");
        assert!(refused[0].1.contains("none follows"), "{refused:?}");
    }
}

#[test]
fn headers_that_ask_for_memory_get_none() {
    let own = entries(&OBJECTS);
    // A name of a gigabyte, and one that says so and has none.
    let long = [tar_header("pax", 8 << 20, b'x', "").to_vec(), vec![b'a'; 8 << 20]].concat();
    let bytes = [long, tar(&own)].concat();
    let place = Place::new();
    let (taken, refused) = among(&place, &bytes, "a.tar");
    assert_eq!((taken, refused.len()), (own.len() as u64 - 1, 1), "{refused:?}");
    assert!(refused[0].1.contains("longer than a name may be"), "{refused:?}");
    let said_more = [tar_entry(own[0].0, own[0].1), tar_header("pax", 8 << 30, b'L', "").to_vec()].concat();
    let place = Place::new();
    let (taken, refused) = among(&place, &said_more, "a.tar");
    assert_eq!((taken, refused.len()), (1, 1), "{refused:?}");
    // An entry that says that it has 8 EiB.
    let mut header = tar_header("x.json", 0, b'0', "");
    header[124..136].copy_from_slice(&[0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    header[148..156].copy_from_slice(b"        ");
    let sum: u64 = header.iter().map(|byte| u64::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let bytes = [tar_entry(own[0].0, own[0].1), header.to_vec(), vec![b' '; 9 << 20]].concat();
    let place = Place::new();
    let (taken, refused) = among(&place, &bytes, "a.tar");
    assert!(taken == 1 && !refused.is_empty(), "{refused:?}");
}

#[test]
fn damage_costs_what_it_is_in() {
    let own = entries(&OBJECTS);
    let names: Vec<String> = (0..own.len()).map(|at| format!("{at}.json.gz")).collect();
    let named: Vec<Entry<'_>> = names.iter().zip(&own).map(|(name, (_, bytes))| (name.as_str(), *bytes)).collect();
    let mut bytes = tar(&named);
    // A header in the middle; and one at the start.
    for at in [5, 0] {
        let offset: usize = named[..at].iter().map(|(name, bytes)| tar_entry(name, bytes).len()).sum();
        bytes[offset + 3] ^= 0x55;
    }
    let place = Place::new();
    let (taken, refused) = among(&place, &bytes, "a.tar");
    assert_eq!((taken, refused.len()), (own.len() as u64 - 2, 2), "{refused:?}");
    assert!(refused.iter().all(|(path, reason)| path.contains("a.tar!@") && reason.contains("no tar header")));
    // Of a zip whose directory is damaged the entries themselves tell.
    let mut bytes = zip(&own);
    let start = bytes.windows(4).rposition(|bytes| bytes == b"PK\x01\x02").unwrap();
    bytes[start] = b'X';
    let place = Place::new();
    let (taken, refused) = among(&place, &bytes, "a.zip");
    assert!(taken == own.len() as u64 && !refused.is_empty(), "{taken} {refused:?}");
    assert!(refused.iter().any(|(_, reason)| reason.contains("directory makes no sense")), "{refused:?}");
}

#[test]
fn what_is_no_object_is_refused_and_named() {
    let own = entries(&OBJECTS);
    let others: [Entry<'_>; 4] = [
        ("x.pdf", b"%PDF-1.7"),
        ("empty.json", b""),
        ("x.7z", b"7z\xbc\xaf\x27\x1c\0\0"),
        ("cut.json.gz", &own[0].1[..12]),
    ];
    for pack in [tar as fn(&[Entry<'_>]) -> Vec<u8>, zip] {
        let place = Place::new();
        let (taken, refused) = among(&place, &pack(&[&own[..], &others].concat()), "packed");
        assert_eq!((taken, refused.len()), (own.len() as u64, others.len()), "{refused:?}");
    }
}

#[test]
fn a_member_larger_than_a_batch_is_taken_alone() {
    let own = entries(&OBJECTS);
    let records: Vec<String> = own
        .iter()
        .flat_map(|(_, bytes)| {
            let text: serde_json::Value = serde_json::from_slice(&plain(bytes)).unwrap();
            text["Records"].as_array().unwrap().iter().map(ToString::to_string).collect::<Vec<_>>()
        })
        .collect();
    let mut large = records.join(",");
    while large.len() < LARGE_BYTES {
        large = format!("{large},{large}");
    }
    let large = format!("{{\"Records\":[{large}]}}");
    let packed = gzip(large.as_bytes());
    for (pack, name, entry) in [
        (tar as fn(&[Entry<'_>]) -> Vec<u8>, "large.json", large.as_bytes()),
        (zip, "large.json", large.as_bytes()),
        (|entries| xz(&tar(entries)), "large.json.gz", packed.as_slice()),
    ] {
        let mut place = Place::new();
        place.options.memory_limit_bytes = 512 << 20;
        place.write("packed", &pack(&[&own[..3], &[(name, entry)], &own[3..]].concat()));
        let summary = place.take_in("packed");
        assert_eq!((summary.run.refused, summary.run.taken), (0, own.len() as u64 + 1), "{:?}", summary.problems);
        assert!(summary.json_bytes > large.len() as u64 && place.events() == *EVENTS);
        // With less memory it is refused for that alone.
        let place = Place::new();
        place.write("packed", &pack(&[&own[..3], &[(name, entry)], &own[3..]].concat()));
        let summary = place.take_in("packed");
        assert_eq!((summary.run.refused, summary.run.taken), (1, own.len() as u64), "{:?}", summary.problems);
        assert!(place.refused()[0].reason.contains("raise --memory-limit") && place.events() == *EVENTS);
    }
}

/// Larger than a batch where the limit is 512 MiB.
const LARGE_BYTES: usize = 20 << 20;

#[test]
fn every_prefix_and_every_flipped_byte_is_survived() {
    let small: Vec<Entry<'_>> = vec![("a/b.json", b"{\"Records\":[]}"), ("c.json", b"[]")];
    for bytes in [
        tar(&small),
        zip(&small),
        zip_with(&small, ZipOptions { method: 8, descriptors: true, is_64: true, ..ZipOptions::default() }),
        gzip(&tar(&small)),
        xz(&zip(&small)),
    ] {
        let step = (bytes.len() / 400).max(1);
        let cuts = (0..bytes.len()).step_by(step).map(|len| bytes[..len].to_vec());
        let flips = (0..bytes.len()).step_by(step).flat_map(|at| {
            [0x01, 0x80, 0xff].map(|mask| {
                let mut flipped = bytes.clone();
                flipped[at] ^= mask;
                flipped
            })
        });
        for bytes in cuts.chain(flips) {
            properties::walked(&bytes);
        }
    }
}
