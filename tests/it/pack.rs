//! Tars and zips: whatever they are packed with, they give the events of what is in them; cut, damaged and hostile ones
//! give what can be had, and say what could not.

mod batches;
mod hostile;
mod properties;
pub mod write;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use trailpare::iam::Catalog;
use trailpare::ingest::{Options, Progress, Summary, ingest};
use trailpare::store::{RefusedObject, Store, Table, read_batches};
use trailpare::synth::{Config, generate};

use write::{Entry, ZipOptions, bzip2, gzip, lz4, tar, xz, zip, zip_with, zstd};

/// Log objects as they lie in a folder: names below it, and bytes.
pub static OBJECTS: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    // More are for whoever doubts.
    let events = std::env::var("TRAILPARE_PACK_EVENTS").ok().and_then(|events| events.parse().ok()).unwrap_or(200);
    let config = Config { objects: Some(12), events: Some(events), days: 2, ..Config::default() };
    generate(&config, folder.path(), |_, _| {}).unwrap();
    read_all(folder.path())
});

/// The log objects below a folder, by their names.
fn read_all(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let files = walkdir::WalkDir::new(folder).into_iter().flatten();
    let objects = files.filter(|entry| entry.path().extension().is_some_and(|end| end == "gz")).map(|entry| {
        let name = entry.path().strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
        (name, fs::read(entry.path()).unwrap())
    });
    let mut objects: Vec<(String, Vec<u8>)> = objects.collect();
    objects.sort();
    objects
}

pub fn entries(objects: &[(String, Vec<u8>)]) -> Vec<Entry<'_>> {
    objects.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect()
}

fn plain(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(bytes), &mut text).unwrap();
    text
}

/// A folder with a store.
pub struct Place {
    folder: tempfile::TempDir,
    pub options: Options,
}

impl Place {
    pub fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { threads: 2, memory_limit_bytes: 256 << 20, ..Options::of(Vec::new()) };
        Place { folder, options }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    pub fn store(&self) -> Store {
        Store::open_or_create(&self.path("store")).unwrap()
    }

    /// Takes in what lies below a name.
    pub fn take_in(&self, name: &str) -> Summary {
        let options = Options { archives: vec![self.path(name)], ..self.options.clone() };
        ingest(&self.store(), &options, Catalog::embedded(), &Progress::default()).unwrap()
    }

    /// How often each event is in the store.
    pub fn events(&self) -> BTreeMap<String, usize> {
        let store = self.store();
        let mut events = BTreeMap::new();
        for file in store.snapshot(None).unwrap().files(Table::Events) {
            for batch in read_batches(&file.path, None, None).unwrap() {
                let batch = batch.unwrap();
                for row in 0..batch.num_rows() {
                    let event = trailpare::record::to_json(&batch, row).to_string();
                    *events.entry(event).or_default() += 1;
                }
            }
        }
        events
    }

    pub fn refused(&self) -> Vec<RefusedObject> {
        self.store().refused_objects().unwrap()
    }

    /// Ledger names of what was taken, with their paths.
    pub fn taken(&self) -> Vec<(String, String)> {
        let catalog = rusqlite::Connection::open(self.path("store/catalog.sqlite")).unwrap();
        let mut rows =
            catalog.prepare("SELECT name, path FROM trailpare_objects WHERE state = 'taken' ORDER BY 1").unwrap();
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(Result::unwrap).collect()
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trailpare"));
        command.args(args).env("TRAILPARE_STORE", self.path("store")).current_dir(self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Exit code, and what was said, of an ingest of something that comes out of a pipe.
    pub fn pipe(&self, bytes: &[u8]) -> (i32, String) {
        let mut child = self.command(&["ingest", "-"]).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let bytes = bytes.to_vec();
        let writer = std::thread::spawn(move || {
            let _ = stdin.write_all(&bytes);
        });
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        said(&output)
    }
}

pub fn said(output: &Output) -> (i32, String) {
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The events of the objects as they lie in a folder.
static EVENTS: LazyLock<BTreeMap<String, usize>> = LazyLock::new(|| {
    let place = Place::new();
    for (name, bytes) in &*OBJECTS {
        place.write(&format!("archive/{name}"), bytes);
    }
    let summary = place.take_in("archive");
    assert_eq!((summary.run.taken, summary.run.refused), (OBJECTS.len() as u64, 0));
    let events = place.events();
    assert!(events.len() > 150 && events.values().all(|count| *count == 1));
    events
});

/// The objects packed again one by one, under names that say it or not.
fn each(pack: impl Fn(&[u8]) -> Vec<u8>, end: &str) -> Vec<(String, Vec<u8>)> {
    let name = |name: &str| format!("{}{end}", name.trim_end_matches(".json.gz"));
    OBJECTS.iter().map(|(of, bytes)| (name(of), pack(&plain(bytes)))).collect()
}

/// Every container that is read, with the objects in it, whatever it is called.
pub fn containers() -> Vec<(String, Vec<u8>)> {
    let own = entries(&OBJECTS);
    let tarred = tar(&own);
    let texts = each(<[u8]>::to_vec, ".json");
    let texts = entries(&texts);
    let mut all: Vec<(String, Vec<u8>)> = Vec::new();
    let mut add = |name: &str, bytes: Vec<u8>| all.push((name.to_owned(), bytes));
    add("a.tar", tarred.clone());
    add("a.tar.gz", gzip(&tarred));
    add("a.tgz-in-gz", gzip(&gzip(&tarred)));
    add("a.tar.gz of two members", [gzip(&tarred[..3_000]), gzip(&tarred[3_000..])].concat());
    add("a.tar.zst", zstd(&tarred));
    add("a.tar.bz2", bzip2(&tarred));
    add("a.tar.xz", xz(&tarred));
    add("a.tar.lz4", lz4(&tarred));
    add("texts.tar", tar(&texts));
    add("texts.tar.xz", xz(&tar(&texts)));
    add("two tars one after the other", [tar(&own[..5]), tar(&own[5..])].concat());
    for (pack, end) in [(zstd as fn(&[u8]) -> Vec<u8>, ".json.zst"), (bzip2, ".json.bz2"), (xz, ".json"), (lz4, "")] {
        add(&format!("each{end}.tar"), tar(&entries(&each(pack, end))));
    }
    for method in [0, 8, 12, 93, 95] {
        for (descriptors, is_64, is_reversed) in [
            (false, false, false),
            (true, false, false),
            (false, true, false),
            (true, true, false),
            (false, false, true),
        ] {
            let options = ZipOptions { method, descriptors, is_64, is_reversed, ..ZipOptions::default() };
            add(&format!("{method}-{descriptors}-{is_64}-{is_reversed}.zip"), zip_with(&own, options));
        }
        add(&format!("texts-{method}.zip"), zip_with(&texts, ZipOptions { method, ..ZipOptions::default() }));
    }
    add("zip in tar.gz", gzip(&tar(&[("in/a.zip", &zip(&own))])));
    add("tar in zip", zip(&[("in/a.tar", &tarred), ("in/b.tar.gz", &gzip(&tar(&own[..3])))]));
    add("tar in tar in tar", tar(&[("1.tar", &tar(&[("2.tar.zst", &zstd(&tarred))]))]));
    let (first, rest) = own.split_at(7);
    add("zip and tar in zip", zip(&[("x.tar.bz2", &bzip2(&tar(first))), ("y.zip", &zip(rest))]));
    all
}

/// Without the objects that are in two containers, which count twice.
fn sums(summary: &Summary) -> (u64, u64, u64) {
    (summary.events, summary.broken, summary.run.refused)
}

#[test]
fn whatever_it_is_packed_with_it_gives_the_same_events_and_is_known_afterwards() {
    for (name, bytes) in containers() {
        let place = Place::new();
        place.write("archive/packed", &bytes);
        let summary = place.take_in("archive");
        assert_eq!(sums(&summary), (EVENTS.len() as u64, 0, 0), "{name}: {:?}", summary.problems);
        assert_eq!(summary.run.taken, OBJECTS.len() as u64, "{name}");
        assert!(place.events() == *EVENTS, "{name}");
        let taken = place.taken();
        let archive = place.path("archive/packed").to_str().unwrap().to_owned();
        assert!(taken.iter().all(|(_, path)| path.starts_with(&format!("{archive}!"))), "{name}: {taken:?}");
        // Known by its size and time, by its bytes, or by what is in it.
        let known = summary.run.known + summary.run.taken;
        let snapshot = summary.snapshot;
        for round in 0..3 {
            let file = fs::File::options().write(true).open(&archive).unwrap();
            let hours = std::time::Duration::from_secs(3_600 * (round + 1));
            match round {
                0 | 1 => file.set_modified(std::time::SystemTime::now() - hours).unwrap(),
                _ => fs::write(&archive, [&bytes[..], &[0; 1024]].concat()).unwrap(),
            }
            if round == 2 && !name.contains("tar") {
                // Behind a zip nothing stands.
                continue;
            }
            let again = place.take_in("archive");
            assert_eq!(again.run.known, known, "{name} {round}: {:?}", again.run);
            assert_eq!((again.run.taken, again.run.refused, again.records), (0, 0, 0), "{name} {round}");
            assert_eq!((again.snapshot, &again.problems), (snapshot, &Vec::new()), "{name} {round}");
        }
    }
}

#[test]
fn a_container_that_seems_unchanged_is_not_opened_unless_asked_for() {
    let own = entries(&OBJECTS);
    let named: Vec<(String, &[u8])> =
        own.iter().enumerate().map(|(at, (_, bytes))| (format!("{at}.gz"), *bytes)).collect();
    let named: Vec<Entry<'_>> = named.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
    let mut place = Place::new();
    let packed = tar(&named);
    let path = place.write("archive/a.tar", &packed);
    let hour = std::time::SystemTime::now() - std::time::Duration::from_secs(3_600);
    let set_time = || fs::File::options().write(true).open(&path).unwrap().set_modified(hour).unwrap();
    set_time();
    assert_eq!(place.take_in("archive").run.taken, own.len() as u64);
    // Other bytes, of the same size and time.
    let other = tar(&[&named[1..], &named[..1]].concat());
    assert_eq!(other.len(), packed.len());
    place.write("archive/a.tar", &other);
    set_time();
    let again = place.take_in("archive");
    assert_eq!((again.run.known, again.run.found, again.records), (own.len() as u64, own.len() as u64 + 1, 0));
    place.options.rehash = true;
    let again = place.take_in("archive");
    assert_eq!((again.run.known, again.run.taken, again.run.refused), (own.len() as u64, 0, 0), "{:?}", again.problems);
    // What is in it now counts.
    place.write("archive/a.tar", &tar(&named[..3]));
    let again = place.take_in("archive");
    assert_eq!((again.run.known, again.run.found), (3, 4));
}

#[test]
fn a_container_without_files_is_said() {
    let folders = [write::tar_header("folder", 0, b'5', "").to_vec(), vec![0; 1024]].concat();
    for bytes in [zip(&[]), gzip(&folders), folders] {
        let place = Place::new();
        place.write("archive/a", &bytes);
        let summary = place.take_in("archive");
        assert_eq!(summary.run.refused, 1, "{:?}", summary.problems);
        assert!(place.refused()[0].reason.starts_with("empty"), "{:?}", place.refused());
    }
}

#[test]
fn an_object_is_the_same_beside_a_container_and_in_it() {
    let place = Place::new();
    let own = entries(&OBJECTS);
    for (name, bytes) in &OBJECTS[..10] {
        place.write(&format!("archive/{name}"), bytes);
    }
    // One that is bad beside it is good within, whichever is found first.
    place.write(&format!("archive/{}", OBJECTS[0].0), &OBJECTS[0].1[..30]);
    place.write("archive/a.tar", &tar(&own));
    let summary = place.take_in("archive");
    assert_eq!((summary.run.taken, summary.run.known), (OBJECTS.len() as u64, 9), "{:?}", summary.problems);
    assert!(place.events() == *EVENTS);
    // A second container has nothing new.
    place.write("archive/b.zip", &zip(&own));
    let again = place.take_in("archive");
    assert_eq!((again.run.taken, again.events), (0, 0), "{:?}", again.problems);
}

#[test]
fn within_one_container_the_better_of_two_copies_is_taken() {
    let own = entries(&OBJECTS);
    let cut = gzip(&plain(own[0].1)[..plain(own[0].1).len() / 2]);
    for entries in [[(own[0].0, &cut[..]), own[0]], [own[0], (own[0].0, &cut[..])]] {
        let place = Place::new();
        place.write("a.tar", &tar(&[&entries[..], &own[1..]].concat()));
        let summary = place.take_in("a.tar");
        assert!(place.events() == *EVENTS, "{:?}", summary.problems);
    }
    // The same twice is one.
    let place = Place::new();
    place.write("a.tar", &tar(&[&own[..], &own[..5]].concat()));
    let summary = place.take_in("a.tar");
    // A made-up archive has a few events twice itself.
    let twice = summary.records - EVENTS.len() as u64;
    assert_eq!((summary.run.taken, summary.run.known, summary.duplicates), (own.len() as u64, 5, twice));
}

#[test]
fn what_stands_before_a_cut_is_taken_and_the_cut_is_told() {
    // One of each kind.
    let is_meant =
        |name: &str| !name.contains("true-true") && !name.contains("false-true") && !name.starts_with("texts");
    for (name, bytes) in containers().into_iter().filter(|(name, _)| is_meant(name)) {
        let mut before = usize::MAX;
        for part in [97, 70, 40, 3] {
            let place = Place::new();
            let cut = &bytes[..bytes.len() * part / 100];
            place.write("packed", cut);
            let summary = place.take_in("packed");
            assert!(summary.run.refused > 0, "{name} {part}: {:?}", summary.run);
            let events = place.events();
            assert!(events.iter().all(|(event, count)| *count == 1 && EVENTS.contains_key(event)), "{name} {part}");
            assert!(events.len() <= before, "{name} {part}: {} after {before}", events.len());
            before = events.len();
            let told = place.refused();
            let is_told = |one: &RefusedObject| {
                one.reason.contains("truncated") || one.reason.contains("empty") || one.reason.contains("corrupt")
            };
            assert!(told.iter().any(is_told), "{name} {part}: {told:?}");
            // What is whole before the cut is there, where entries are packed one by one.
            let is_by_entry = name == "a.tar" || name.starts_with("0-") || name.starts_with("8-");
            if is_by_entry && part == 70 && !name.contains("true.zip") {
                assert!(events.len() * 2 > EVENTS.len(), "{name}: {} of {}", events.len(), EVENTS.len());
            }
            // Once it is whole, nothing stands any more.
            if part == 40 {
                place.write("packed", &bytes);
                let summary = place.take_in("packed");
                assert_eq!(summary.run.refused, 0, "{name}: {:?}", summary.problems);
                assert!(place.events() == *EVENTS && place.refused().is_empty(), "{name}: {:?}", place.refused());
            }
        }
    }
}

#[test]
fn filters_digests_and_other_services_are_told_as_those_of_files() {
    let own = entries(&OBJECTS);
    let digest = gzip(br#"{"digestStartTime":"2024-05-01T00:00:00Z","digestS3Object":"x","logFiles":[]}"#);
    let beside: [Entry<'_>; 4] = [
        (
            "AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2024/05/01/111122223333_CloudTrail-Digest_eu-west-1_t_eu-west-1_20240501T000000Z.json.gz",
            &digest,
        ),
        ("AWSLogs/111122223333/vpcflowlogs/eu-west-1/2024/05/01/111122223333_vpcflowlogs_eu-west-1_x.log.gz", b"2 1"),
        ("README.md", b"# What this is"),
        ("__MACOSX/._a.json.gz", b"\0\x05\x16\x07"),
    ];
    let mut place = Place::new();
    let account = own[0].0.rsplit('/').next().unwrap()[..12].to_owned();
    let is_of = |name: &str| name.rsplit('/').next().unwrap().starts_with(&account);
    let count = own.iter().filter(|(name, _)| is_of(name)).count() as u64;
    place.write("a.tar.gz", &gzip(&tar(&[&own[..], &beside].concat())));
    place.options.accounts = vec![account];
    let summary = place.take_in("a.tar.gz");
    assert_eq!((summary.run.taken, summary.run.refused), (count, 0), "{:?}", summary.problems);
    assert!(summary.filtered >= own.len() as u64 - count);
    place.options.accounts.clear();
    for round in 0..2 {
        let summary = place.take_in("a.tar.gz");
        let run = &summary.run;
        assert_eq!(run.taken, if round == 0 { own.len() as u64 - count } else { 0 }, "{:?}", summary.problems);
        assert_eq!(run.known + run.taken, own.len() as u64);
        assert_eq!((run.digests, run.other_services, run.foreign_files, run.refused), (1, 1, 2, 0), "{run:?}");
    }
    assert!(place.events() == *EVENTS);
}

#[test]
fn what_comes_out_of_a_pipe_may_be_a_container() {
    for (name, bytes) in containers() {
        if ![
            "a.tar",
            "a.tar.gz",
            "a.tar.xz",
            "8-false-false-false.zip",
            "8-true-false-false.zip",
            "0-true-true-false.zip",
            "zip in tar.gz",
        ]
        .contains(&name.as_str())
        {
            continue;
        }
        let place = Place::new();
        let (code, words) = place.pipe(&bytes);
        assert_eq!(code, 0, "{name}: {words}");
        assert!(place.events() == *EVENTS, "{name}");
        assert!(place.taken().iter().all(|(_, path)| path.starts_with("-!")), "{name}: {:?}", place.taken());
        let (code, words) = place.pipe(&bytes[..bytes.len() / 2]);
        assert_eq!(code, 3, "{name}: {words}");
        assert!(words.contains("truncated") && place.events() == *EVENTS, "{name}: {words}");
    }
}

/// Python's `tarfile` and `zipfile` write everything that they can; what they have written says the same.
/// As files, whatever their size: what is in Parquet has no size before it is read.
#[test]
fn parquet_in_containers_is_taken_as_beside_them() {
    use ::parquet::basic::Compression;

    use crate::forms::{parquet, samples};
    let sample = samples::events().remove(0);
    let numbered = |at: u64| {
        let mut event = sample.clone();
        event["eventID"] = format!("00000000-0000-4000-8000-{at:012x}").into();
        // Nothing that an encoding makes smaller.
        let noise = |part: u64| format!("{:016x}", (at * 41 + part).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        event["userAgent"] = (0..40).map(noise).collect::<String>().into();
        samples::athena(&event)
    };
    let few: Vec<_> = (0..10).map(numbered).collect();
    let many: Vec<_> = (10..3_600).map(numbered).collect();
    let [few, many] =
        [(few, 2), (many, 500)].map(|(rows, group)| parquet::write(&rows, Compression::UNCOMPRESSED, group));
    assert!(many.len() > 2 << 20, "{}", many.len());
    let entries: [Entry<'_>; 2] = [("x/few.parquet", &few), ("x/many", &many)];
    let beside = Place::new();
    entries.iter().for_each(|(name, bytes)| drop(beside.write(&format!("logs/{name}"), bytes)));
    let summary = beside.take_in("logs");
    assert_eq!((summary.run.taken, summary.events, summary.run.refused), (2, 3_600, 0), "{:?}", summary.problems);
    let inner = gzip(&tar(&entries));
    for (name, bytes) in [("a.tar", tar(&entries)), ("a.zip", zip(&entries)), ("b.tar", tar(&[("inner.tgz", &inner)]))]
    {
        let place = Place::new();
        place.write(name, &bytes);
        let summary = place.take_in(name);
        assert_eq!((summary.run.taken, summary.events), (2, 3_600), "{name}: {:?}", summary.problems);
        assert_eq!(summary.run.refused, 0, "{name}: {:?}", summary.problems);
        assert!(place.events() == beside.events(), "{name}");
    }
}

#[test]
fn what_python_packs_gives_the_same() {
    let script = "\
import io, sys, tarfile, zipfile, os
from pathlib import Path
root, out = Path(sys.argv[1]), Path(sys.argv[2])
files = sorted(p for p in root.rglob('*') if p.is_file())
for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
    for mode in ('w', 'w:gz', 'w:bz2', 'w:xz'):
        with tarfile.open(out / f'{form}-{mode[2:]}', mode, format=form) as t:
            t.add(root, arcname='.' if form == tarfile.GNU_FORMAT else 'logs/' + ('x' * 90 if form == tarfile.PAX_FORMAT else 'y'))
for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2):
    with zipfile.ZipFile(out / f'{method}.zip', 'w', method) as z:
        z.comment = b'PK\\x05\\x06 in a comment'
        for p in files: z.write(p, p.relative_to(root))
    class Pipe(io.RawIOBase):
        def __init__(self, f): self.f = f
        def writable(self): return True
        def write(self, b): return self.f.write(b)
    with open(out / f'{method}-streamed.zip', 'wb') as f, zipfile.ZipFile(Pipe(f), 'w', method) as z:
        for p in files:
            with z.open(str(p.relative_to(root)), 'w', force_zip64=True) as w: w.write(p.read_bytes())
";
    let place = Place::new();
    for (name, bytes) in &*OBJECTS {
        place.write(&format!("archive/{name}"), bytes);
    }
    fs::create_dir_all(place.path("packed")).unwrap();
    let python = Command::new("python3")
        .args(["-c", script, place.path("archive").to_str().unwrap(), place.path("packed").to_str().unwrap()])
        .output();
    let Ok(python) = python else {
        eprintln!("skipped: python3 is missing");
        return;
    };
    assert!(python.status.success(), "{}", String::from_utf8_lossy(&python.stderr));
    let mut packed: Vec<PathBuf> = fs::read_dir(place.path("packed")).unwrap().map(|one| one.unwrap().path()).collect();
    packed.sort();
    assert_eq!(packed.len(), 18);
    for path in packed {
        let place = Place::new();
        place.write("packed", &fs::read(&path).unwrap());
        let summary = place.take_in("packed");
        assert_eq!(sums(&summary), (EVENTS.len() as u64, 0, 0), "{}: {:?}", path.display(), summary.problems);
        assert!(place.events() == *EVENTS, "{}", path.display());
    }
}

/// `path` exists as it is written in the ledger.
pub fn lists(place: &Place, path: &Path) -> bool {
    place.refused().iter().any(|one| Path::new(&one.path) == path)
}
