//! Containers that take several batches: what is in the store is what unpacked objects give, whatever they are packed
//! with, and however often the program was killed between two batches.

use std::collections::BTreeMap;
use std::fs;
use std::process::Stdio;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use trailpare::store::Table;
use trailpare::synth::{Config, generate};

use super::write::{ZipOptions, gzip, tar, zip, zip_with, zstd};
use super::{Place, entries, read_all};

const DAYS: u32 = 4;

/// About twice as much text as a batch holds within the least memory limit.
const EVENTS: u64 = 6_000;

/// Account after account, as a folder that was packed has them.
static OBJECTS: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        objects: Some(60),
        events: Some(EVENTS),
        days: DAYS,
        accounts: 4,
        duplicate_rate: 0.05,
        ..Config::default()
    };
    generate(&config, folder.path(), |_, _| {}).unwrap();
    read_all(folder.path())
});

/// What a store has: its events, its usage, its objects with their records, its days.
#[derive(PartialEq)]
struct State {
    events: BTreeMap<String, usize>,
    usage: String,
    objects: Vec<(String, i64, Option<Vec<u8>>, i64)>,
    days: Vec<(String, String, String, i64)>,
}

impl State {
    fn of(place: &Place) -> State {
        let usage = place.command(&["sql", "--format", "csv", "SELECT * FROM usage"]).output().unwrap();
        assert!(usage.status.success(), "{usage:?}");
        let mut usage: Vec<String> = String::from_utf8(usage.stdout).unwrap().lines().map(str::to_owned).collect();
        usage.sort_unstable();
        let catalog = rusqlite::Connection::open(place.path("store/catalog.sqlite")).unwrap();
        let mut objects =
            catalog.prepare("SELECT name, size_bytes, sha256, records FROM trailpare_objects ORDER BY 1").unwrap();
        let objects = objects.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).unwrap();
        let mut days = catalog.prepare("SELECT * FROM trailpare_days ORDER BY 1, 2, 3").unwrap();
        let days = days.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).unwrap();
        State {
            events: place.events(),
            usage: usage.join("\n"),
            objects: objects.map(Result::unwrap).collect(),
            days: days.map(Result::unwrap).collect(),
        }
    }

    fn assert_is(&self, expected: &State, of: &str) {
        assert!(self.events == expected.events, "{of}: events");
        assert!(self.usage == expected.usage, "{of}: usage");
        assert!(self.objects == expected.objects, "{of}: objects");
        assert!(self.days == expected.days, "{of}: days");
    }
}

/// Of the objects as they lie in a folder.
static UNPACKED: LazyLock<State> = LazyLock::new(|| {
    let mut place = Place::new();
    place.options.memory_limit_bytes = 1 << 30;
    for (name, bytes) in &*OBJECTS {
        place.write(&format!("archive/{name}"), bytes);
    }
    let summary = place.take_in("archive");
    assert_eq!((summary.run.taken, summary.run.refused), (OBJECTS.len() as u64, 0));
    assert!(summary.duplicates > 100, "{summary:?}");
    State::of(&place)
});

/// The least memory, of which one thread has batches of a few megabytes, and what two such threads take.
const LIMITS: [u64; 2] = [256 << 20, 400 << 20];

#[test]
fn in_several_batches_a_container_gives_what_its_objects_give() {
    let own = entries(&OBJECTS);
    let (first, rest) = own.split_at(OBJECTS.len() / 2);
    let deflated = ZipOptions { method: 8, ..ZipOptions::default() };
    let nested = tar(&[("a.zip", &zip(first)), ("b.tar.zst", &zstd(&tar(rest)))]);
    let containers = [
        ("tar", tar(&own)),
        ("tar.gz", gzip(&tar(&own))),
        ("tar.zst", zstd(&tar(&own))),
        ("zip, stored", zip(&own)),
        ("zip, deflated", zip_with(&own, deflated)),
        ("zip and tar.zst in tar", nested),
    ];
    for (at, (name, bytes)) in containers.iter().enumerate() {
        let mut place = Place::new();
        place.options.memory_limit_bytes = LIMITS[at % LIMITS.len()];
        place.options.commit_interval = Duration::ZERO;
        place.write("archive/packed", bytes);
        let summary = place.take_in("archive");
        assert_eq!((summary.run.taken, summary.run.refused), (OBJECTS.len() as u64, 0), "{name}");
        let files = place.store().snapshot(None).unwrap().files(Table::Events).len();
        assert!(files > DAYS as usize + 1, "{name}: one batch, {files} files");
        State::of(&place).assert_is(&UNPACKED, name);
        assert_eq!(place.take_in("archive").records, 0, "{name} is known");
    }
}

/// Objects that the ledger has as taken, while another process writes.
fn taken(place: &Place) -> usize {
    let Ok(catalog) = rusqlite::Connection::open(place.path("store/catalog.sqlite")) else { return 0 };
    let count = catalog.query_row("SELECT count(*) FROM trailpare_objects WHERE state = 'taken'", [], |row| row.get(0));
    count.unwrap_or(0)
}

#[test]
fn killed_between_two_batches_of_a_container_it_goes_on_and_ends_as_undisturbed() {
    let own = entries(&OBJECTS);
    for (name, bytes) in [("a.tar", tar(&own)), ("a.tar.gz", gzip(&tar(&own))), ("a.zip", zip(&own))] {
        let place = Place::new();
        place.write(name, &bytes);
        let arguments = ["ingest", name, "--memory-limit", "256MiB", "--commit-interval", "0", "--quiet"];
        place.store();
        let mut child = place.command(&arguments).stderr(Stdio::null()).spawn().unwrap();
        let began = Instant::now();
        while taken(&place) == 0 {
            assert!(began.elapsed() < Duration::from_secs(300), "{name}: nothing is committed");
            assert!(child.try_wait().unwrap().is_none(), "{name}: it ended");
            std::thread::sleep(Duration::from_millis(2));
        }
        // SIGKILL: nothing in the process gets to tidy up.
        child.kill().unwrap();
        child.wait().unwrap();
        let some = taken(&place);
        assert!((1..OBJECTS.len()).contains(&some), "{name}: {some} objects");
        let staged = fs::read_dir(place.path("store/data/.staging")).map(Iterator::count);
        assert!(place.command(&arguments).status().unwrap().success(), "{name}: after {staged:?} staged files");
        State::of(&place).assert_is(&UNPACKED, name);
    }
}
