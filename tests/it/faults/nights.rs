//! A year of nights: each brings the objects of its day and runs `trailpare nightly`, and something is wrong in most of
//! them. Afterwards the history tells each night as it was, the metrics were right behind each, and the store is the one
//! that a single ingest of the whole archive makes.
//!
//! A dozen nights run with all tests. The year is
//! `cargo test --test it a_year_of_nights -- --ignored --nocapture`: `TRAILPARE_NIGHTS` is how many (365 if not given),
//! `TRAILPARE_SEED` another plan.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::metrics::Metrics;
use super::program::{Faults, run, store_in};
use super::state::{State, sound};

/// What is wrong in a night.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wrong {
    Nothing,
    /// The archive's folder is not there.
    NoFolder,
    /// It is there and empty: its disk is not mounted.
    NotMounted,
    FullDisk,
    /// Two nights at once.
    Twice,
    /// Two nights at once, which wait for each other.
    TwiceWaiting,
    /// Another ingest writes as long as the night lasts.
    Held,
    /// Another ingest writes when the night begins, and ends while it waits.
    HeldWaiting,
    Killed,
    /// An object that was cut on its way, and is whole the next night.
    Damaged,
    /// The clock is a day behind.
    ClockBack,
}

const ALL: [Wrong; 11] = [
    Wrong::Nothing,
    Wrong::NoFolder,
    Wrong::NotMounted,
    Wrong::FullDisk,
    Wrong::Twice,
    Wrong::TwiceWaiting,
    Wrong::Held,
    Wrong::HeldWaiting,
    Wrong::Killed,
    Wrong::Damaged,
    Wrong::ClockBack,
];

/// Numbers that look like any. Source: Marsaglia, "Xorshift RNGs".
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    /// All kinds of faults again and again, in an order of its own each time.
    fn plan(&mut self, nights: usize) -> Vec<Wrong> {
        let mut plan = Vec::new();
        while plan.len() < nights {
            let mut some = ALL.to_vec();
            while !some.is_empty() {
                let at = self.below(some.len() as u64) as usize;
                plan.push(some.swap_remove(at));
            }
        }
        plan.truncate(nights);
        plan
    }
}

/// A log object, as this test reads it.
struct Object {
    /// Below the archive.
    path: PathBuf,
    bytes: Vec<u8>,
    /// Ids and days of its events.
    events: Vec<(String, String)>,
}

/// The objects below a folder by the day in their names.
fn objects_by_day(folder: &Path) -> Vec<Vec<Object>> {
    let mut days: BTreeMap<String, Vec<Object>> = BTreeMap::new();
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(day) = name.split('_').nth(3).filter(|_| entry.file_type().is_file()) else { continue };
        let bytes = fs::read(entry.path()).expect("an object");
        let mut text = String::new();
        flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).expect("gzip");
        let log: Value = serde_json::from_str(&text).expect("JSON");
        let records = log["Records"].as_array().expect("records").iter();
        let field = |record: &Value, name: &str| record[name].as_str().expect("text").to_owned();
        let events =
            records.map(|record| (field(record, "eventID"), field(record, "eventTime")[..10].to_owned())).collect();
        let path = entry.path().strip_prefix(folder).expect("below it").to_owned();
        days.entry(day[..8].to_owned()).or_default().push(Object { path, bytes, events });
    }
    days.into_values().collect()
}

/// How a night ended, and what the history has to say of it.
struct Told {
    marker: String,
    wrong: Wrong,
    /// In a word each.
    outcomes: Vec<&'static str>,
    /// Whether the history may lack it: it was killed before, or the disk was full.
    may_lack: bool,
    /// What it printed.
    document: Option<Value>,
}

fn outcome(code: Option<i32>) -> &'static str {
    match code {
        Some(0) => "done",
        Some(1) => "failed",
        Some(3) => "refused",
        code => panic!("exit code {code:?}"),
    }
}

struct Year {
    folder: tempfile::TempDir,
    days: Vec<Vec<Object>>,
    seeded: Seeded,
    /// Objects in the archive, by day and place in it, and which of them are cut.
    present: BTreeSet<(usize, usize)>,
    cut: BTreeSet<(usize, usize)>,
    /// Those that the store took, as far as a night that ended tells; what one that failed took is not known.
    taken: Option<BTreeSet<(usize, usize)>>,
    /// Objects that came by another way than the archive.
    others: usize,
    /// How many stand as refused, where that is known; and whether the archive itself is among them.
    stands: Option<usize>,
    archive_stands: bool,
    told: Vec<Told>,
    /// What a night takes that nothing disturbs.
    usual: Duration,
}

impl Year {
    fn new(nights: usize, seed: u64) -> Year {
        let folder = tempfile::tempdir().expect("a folder");
        let all = folder.path().join("all");
        let (objects, events, days) = ((nights * 4).to_string(), (nights * 40).to_string(), nights.to_string());
        let size = ["--objects", &objects, "--events", &events, "--days", &days, "--duplicates", "0.03"];
        let who = ["--accounts", "2", "--principals", "12", "--regions", "eu-west-1,us-east-1"];
        let args = [&["synth", all.to_str().expect("text")], &size[..], &who[..]].concat();
        let made = run(folder.path(), &texts(&args), folder.path(), &Faults::default());
        assert_eq!(made.code, Some(0), "{}", made.said);
        let year = Year {
            days: objects_by_day(&all),
            folder,
            seeded: Seeded(seed.max(1)),
            present: BTreeSet::new(),
            cut: BTreeSet::new(),
            taken: Some(BTreeSet::new()),
            others: 0,
            stands: Some(0),
            archive_stands: false,
            told: Vec::new(),
            usual: Duration::from_secs(1),
        };
        fs::create_dir_all(year.archive()).expect("made");
        fs::create_dir_all(year.at("out")).expect("made");
        let config = format!(
            "store = \"{}\"\narchives = [\"{}\"]\nmetrics = \"{}\"\noptimize-after = 12\nexpire-older-than = \"0\"\n",
            store_in(year.folder.path()).display(),
            year.archive().display(),
            year.metrics().display()
        );
        fs::write(year.at("trailpare.toml"), config).expect("written");
        year
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn archive(&self) -> PathBuf {
        self.at("archive/AWSLogs")
    }

    fn metrics(&self) -> PathBuf {
        self.at("out/night.prom")
    }

    fn store(&self) -> PathBuf {
        store_in(self.folder.path())
    }

    fn put(&self, (day, at): (usize, usize), is_cut: bool) {
        let object = &self.days[day][at];
        let path = self.archive().join(&object.path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        // The head of gzip, and nothing behind it.
        fs::write(path, if is_cut { &object.bytes[..6] } else { &object.bytes[..] }).expect("written");
    }

    /// The arguments of a night, and what tells it in the history: a size that no file reaches.
    fn args(&self, more: &[&str]) -> (String, Vec<String>) {
        let marker = (200_000_000 + self.told.len()).to_string();
        let config = self.at("trailpare.toml");
        let base =
            ["--config", config.to_str().expect("text"), "nightly", "--create", "--format", "json", "--file-size"];
        let args = base.iter().copied().chain([marker.as_str()]).chain(more.iter().copied());
        (marker.clone(), args.map(str::to_owned).collect())
    }

    fn command(&self, args: &[String]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trailpare"));
        let desk = self.at("desk");
        fs::create_dir_all(&desk).expect("made");
        command.args(args).current_dir(&desk).env_clear().env("PATH", "/usr/bin:/bin").env("HOME", desk);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn tell(&mut self, marker: String, wrong: Wrong, outcomes: Vec<&'static str>, document: Option<Value>) {
        self.told.push(Told { marker, wrong, outcomes, may_lack: false, document });
    }

    /// Notes what came of a night that ended by itself.
    fn ended(&mut self, marker: String, wrong: Wrong, output: &Output) -> Option<i32> {
        let code = output.status.code();
        let document: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{wrong:?}: {error}: {}", String::from_utf8_lossy(&output.stderr)));
        assert_eq!(document["exit_code"].as_i64(), code.map(i64::from), "{wrong:?}");
        self.tell(marker, wrong, vec![outcome(code)], Some(document));
        code
    }

    /// One more night.
    fn night(&mut self, day: usize, wrong: Wrong) {
        // What was cut is whole by now.
        for cut in std::mem::take(&mut self.cut) {
            self.put(cut, false);
        }
        for at in 0..self.days[day].len() {
            self.put((day, at), false);
            self.present.insert((day, at));
        }
        match wrong {
            Wrong::Nothing | Wrong::NoFolder | Wrong::NotMounted | Wrong::Damaged => self.plain(day, wrong),
            Wrong::FullDisk | Wrong::ClockBack => self.faulty(wrong),
            Wrong::Twice | Wrong::TwiceWaiting => self.twice(wrong),
            Wrong::Held | Wrong::HeldWaiting => self.held(wrong),
            Wrong::Killed => self.killed(),
        }
    }

    fn plain(&mut self, day: usize, wrong: Wrong) {
        let (away, archive) = (self.at("away"), self.at("archive"));
        match wrong {
            Wrong::NoFolder => fs::rename(&archive, &away).expect("moved"),
            Wrong::NotMounted => {
                fs::rename(&archive, &away).expect("moved");
                fs::create_dir_all(self.archive()).expect("made");
            }
            Wrong::Damaged => {
                let one = (day, self.seeded.below(self.days[day].len() as u64) as usize);
                self.put(one, true);
                self.cut.insert(one);
            }
            _ => {}
        }
        let (marker, args) = self.args(&[]);
        let began = Instant::now();
        let output = self.command(&args).output().expect("it runs");
        let code = self.ended(marker, wrong, &output);
        let expected = match wrong {
            Wrong::NoFolder => 1,
            Wrong::NotMounted | Wrong::Damaged => 3,
            _ => 0,
        };
        assert_eq!(code, Some(expected), "{wrong:?}: {}", String::from_utf8_lossy(&output.stderr));
        match wrong {
            Wrong::NoFolder => fs::rename(&away, &archive).expect("moved"),
            Wrong::NotMounted => {
                fs::remove_dir_all(&archive).expect("removed");
                fs::rename(&away, &archive).expect("moved");
                let more = usize::from(!std::mem::replace(&mut self.archive_stands, true));
                self.stands = self.stands.map(|stands| stands + more);
            }
            _ => self.took_all(),
        }
        if wrong == Wrong::Nothing {
            self.usual = began.elapsed();
        }
        self.measured(code);
    }

    /// A night that looked at all of the archive.
    fn took_all(&mut self) {
        self.taken = Some(self.present.difference(&self.cut).copied().collect());
        (self.stands, self.archive_stands) = (Some(self.cut.len()), false);
    }

    /// With a system that is wrong.
    fn faulty(&mut self, wrong: Wrong) {
        let faults = match wrong {
            Wrong::FullDisk => Faults { bytes: Some(1_000 * (1 + self.seeded.below(120))), ..Faults::default() },
            _ => Faults { clock: Some("-86400".to_owned()), ..Faults::default() },
        };
        let (marker, args) = self.args(&[]);
        let ended = run(self.folder.path(), &args, &self.at("at"), &faults);
        assert_eq!(ended.outside, None, "{wrong:?}");
        let document: Value = serde_json::from_slice(&ended.out).unwrap_or_else(|_| panic!("{}", ended.said));
        assert_eq!(document["exit_code"].as_i64(), ended.code.map(i64::from));
        assert!(ended.code == Some(0) || wrong == Wrong::FullDisk && ended.code == Some(1), "{}", ended.said);
        assert!(ended.code == Some(0) || ended.said.contains("make room"), "{}", ended.said);
        let lacks_end = ended.said.contains("the history does not have what this run came to");
        let outcomes = if lacks_end { vec!["cut-short"] } else { vec![outcome(ended.code)] };
        self.tell(marker, wrong, outcomes, Some(document));
        let told = self.told.last_mut().expect("one");
        told.may_lack = ended.said.contains("the history does not have this run");
        if ended.code == Some(0) {
            self.took_all();
        } else {
            (self.taken, self.stands) = (None, None);
        }
        self.measured(ended.code);
    }

    /// Two nights at once: without `--wait` one of them may find the other at work.
    fn twice(&mut self, wrong: Wrong) {
        let wait: &[&str] = if wrong == Wrong::TwiceWaiting { &["--wait=5m"] } else { &[] };
        let (first, mut args) = self.args(wait);
        let one = self.command(&args).spawn().expect("it runs");
        // Both have a number of their own.
        let second = format!("{first}9");
        args.iter_mut().filter(|arg| **arg == first).for_each(|arg| arg.clone_from(&second));
        let two = self.command(&args).spawn().expect("it runs");
        let outputs = [one, two].map(|child: Child| child.wait_with_output().expect("it ends"));
        let mut codes = Vec::new();
        for (marker, output) in [first, second].into_iter().zip(&outputs) {
            codes.push(self.ended(marker, wrong, output));
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let is_told = output.status.code() == Some(0) || said.contains("is writing to this store");
            assert!(is_told, "{wrong:?}: {said}");
        }
        assert!(codes.contains(&Some(0)), "{codes:?}");
        assert!(wrong == Wrong::Twice || codes == [Some(0), Some(0)], "{codes:?}");
        self.took_all();
        // Whoever was the last to end wrote the metrics: its exit code is one of these.
        self.measured(None);
    }

    /// Beside an ingest that waits for standard input.
    fn held(&mut self, wrong: Wrong) {
        let (store, others) = (self.store(), self.others);
        let args = ["ingest", "-", "--store", store.to_str().expect("text")].map(str::to_owned);
        let mut other = self.command(&args).stdin(Stdio::piped()).spawn().expect("it runs");
        let lock = store.join("ingest.lock");
        let number = other.id().to_string();
        while fs::read_to_string(&lock).unwrap_or_default().lines().next() != Some(number.as_str()) {
            assert_eq!(other.try_wait().expect("a child"), None, "it ended early");
            std::thread::sleep(Duration::from_millis(10));
        }
        let wait: &[&str] = if wrong == Wrong::HeldWaiting { &["--wait=5m"] } else { &[] };
        let (marker, args) = self.args(wait);
        let night = self.command(&args).spawn().expect("it runs");
        let output = if wrong == Wrong::HeldWaiting {
            std::thread::sleep(self.usual / 2);
            self.feed(&mut other);
            night.wait_with_output().expect("it ends")
        } else {
            let output = night.wait_with_output().expect("it ends");
            self.feed(&mut other);
            output
        };
        assert!(other.wait_with_output().expect("it ends").status.success());
        let code = self.ended(marker, wrong, &output);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if wrong == Wrong::Held {
            assert_eq!(code, Some(1), "{said}");
            assert!(said.contains(&format!("process {number} (trailpare ingest, since ")), "{said}");
            // It measured before the other one was done.
            let fed = std::mem::replace(&mut self.others, others);
            self.measured(code);
            self.others = fed;
        } else {
            assert_eq!(code, Some(0), "{said}");
            self.took_all();
            self.measured(code);
        }
    }

    /// Gives the other ingest what it waits for: events that the store has, in an object of another place.
    fn feed(&mut self, other: &mut Child) {
        let mut input = other.stdin.take().expect("a pipe");
        input.write_all(&self.days[0][0].bytes).expect("written");
        self.others = 1;
    }

    /// Killed at any instant.
    fn killed(&mut self) {
        let (marker, args) = self.args(&[]);
        let mut child = self.command(&args).spawn().expect("it runs");
        let instant = self.usual.mul_f64(self.seeded.below(1_000) as f64 / 1_000.0);
        std::thread::sleep(instant);
        // It may have ended already.
        child.kill().expect("killed");
        let output = child.wait_with_output().expect("it ends");
        if output.status.code().is_some() {
            self.ended(marker, Wrong::Killed, &output);
            self.took_all();
        } else {
            // It may have been killed before it was noted, or when all was done.
            self.tell(marker, Wrong::Killed, vec!["cut-short", "done"], None);
            self.told.last_mut().expect("one").may_lack = true;
            (self.taken, self.stands) = (None, None);
        }
        if self.metrics().exists() {
            Metrics::parse(&fs::read_to_string(self.metrics()).expect("text"));
        }
    }

    /// Compares the metrics with what this test knows. `code`: the exit code that they have to tell, where only one can be.
    fn measured(&self, code: Option<i32>) {
        let told = self.told.last().expect("a night");
        let wrong = told.wrong;
        let metrics = Metrics::parse(&fs::read_to_string(self.metrics()).expect("metrics"));
        let value = |name: &str| metrics.value(&format!("trailpare_{name}"), &[]);
        let exit_code = value("last_run_exit_code").expect("an exit code");
        assert!(code.is_none_or(|code| f64::from(code) == exit_code), "{wrong:?}: {exit_code}");
        assert_eq!(value("last_run_success"), Some(f64::from(u8::from(exit_code == 0.0))), "{wrong:?}");
        let [start, end, took] =
            ["start_timestamp", "end_timestamp", "duration"].map(|name| value(&format!("last_run_{name}_seconds")));
        let (start, end, took) = (start.expect("a time"), end.expect("a time"), took.expect("a duration"));
        assert!((end - start - took).abs() < 0.01 && took >= 0.0, "{wrong:?}: {start} {end} {took}");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs_f64();
        let now = if wrong == Wrong::ClockBack { now - 86_400.0 } else { now };
        assert!((now - end).abs() < 120.0, "{wrong:?}: {end}, now {now}");
        let ingest = metrics.value("trailpare_last_run_step_exit_code", &[("step", "ingest")]);
        if matches!(wrong, Wrong::NoFolder | Wrong::Held) {
            assert_eq!(ingest, Some(1.0), "{wrong:?}");
        }
        let Some(taken) = &self.taken else { return };
        let events: BTreeMap<&str, &str> = taken
            .iter()
            .flat_map(|(day, at)| &self.days[*day][*at].events)
            .map(|(id, day)| (id.as_str(), day.as_str()))
            .collect();
        assert_eq!(value("store_events"), Some(events.len() as f64), "{wrong:?}");
        assert_eq!(value("store_objects"), Some((taken.len() + self.others) as f64), "{wrong:?}");
        if let Some(stands) = self.stands {
            assert_eq!(value("store_refused_objects"), Some(stands as f64), "{wrong:?}");
        }
        let newest = events.values().max().map(|day| midnight(day));
        assert_eq!(value("store_newest_day_timestamp_seconds"), newest, "{wrong:?}");
    }

    /// The history has each night as it ended, with its steps.
    fn history(&self) {
        let store = self.store();
        let args = ["history", "--store", store.to_str().expect("text"), "--last", "100000", "--format", "json"];
        let output = self.command(&args.map(str::to_owned)).output().expect("it runs");
        let history: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let runs = history["runs"].as_array().expect("runs");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let nights: Vec<&Value> = runs.iter().filter(|run| run["command"] == "nightly").collect();
        for told in &self.told {
            let is_it =
                |run: &&&Value| run["options"].as_array().expect("a list").contains(&told.marker.as_str().into());
            let rows: Vec<&&Value> = nights.iter().filter(is_it).collect();
            let [row] = rows[..] else {
                assert!(rows.is_empty() && told.may_lack, "{:?}: {} rows", told.wrong, rows.len());
                continue;
            };
            let outcome = text(&row["outcome"]);
            assert!(told.outcomes.contains(&outcome.as_str()), "{:?}: {outcome}, not {:?}", told.wrong, told.outcomes);
            let Some(document) = &told.document else { continue };
            if outcome != "cut-short" {
                assert_eq!(row["exit_code"], document["exit_code"], "{:?}", told.wrong);
                assert_eq!(row["new_events"], document["events"]["new"], "{:?}", told.wrong);
            }
            let ingest = runs.iter().find(|run| run["parent"] == row["run"] && run["command"] == "ingest");
            // A step on a full disk may lack as well.
            let Some(ingest) = ingest.filter(|_| told.wrong != Wrong::FullDisk) else { continue };
            assert_eq!(ingest["outcome"], document["steps"]["ingest"]["outcome"], "{:?}", told.wrong);
        }
        let least = self.told.iter().filter(|told| !told.may_lack).count();
        assert!((least..=self.told.len()).contains(&nights.len()), "{} nights", nights.len());
    }

    /// What is there after all of it.
    fn end(&mut self) {
        let last = self.days.len() - 1;
        self.night(last, Wrong::Nothing);
        self.history();
        sound(&self.store(), false).expect("sound");
        let whole = self.at("whole");
        fs::create_dir_all(&whole).expect("made");
        let archive = self.at("all");
        let args = ["ingest", archive.to_str().expect("text")].map(str::to_owned);
        let ended = run(&whole, &args, &whole, &Faults::default());
        assert_eq!(ended.code, Some(0), "{}", ended.said);
        // Which way an object came, and how often it was read, may differ; what happened may not.
        let rows = |dir: &Path| State { ledger: Vec::new(), ..State::read(dir).expect("a state") };
        let (is, expected) = (rows(&self.store()), rows(&store_in(&whole)));
        assert!(!expected.events.is_empty() && !expected.usage.is_empty());
        assert_eq!(is.difference(&expected), None);
        let store = self.store();
        let args = ["fsck", "--usage", "--store", store.to_str().expect("text")].map(str::to_owned);
        let checked = self.command(&args).output().expect("it runs");
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    }
}

/// The first second of a day.
fn midnight(day: &str) -> f64 {
    let date = chrono::NaiveDate::parse_from_str(day, "%Y-%m-%d").expect("a day");
    date.and_hms_opt(0, 0, 0).expect("a time").and_utc().timestamp() as f64
}

fn texts(args: &[&str]) -> Vec<String> {
    args.iter().map(|text| (*text).to_owned()).collect()
}

fn nights(count: usize, seed: u64) {
    let mut year = Year::new(count, seed);
    let plan = year.seeded.plan(year.days.len());
    let mut counts: BTreeMap<Wrong, usize> = BTreeMap::new();
    for (day, wrong) in plan.into_iter().enumerate() {
        // The first night makes the store.
        let wrong = if day == 0 { Wrong::Nothing } else { wrong };
        *counts.entry(wrong).or_default() += 1;
        year.night(day, wrong);
    }
    println!("{counts:?}");
    year.end();
}

#[test]
fn a_dozen_nights_with_faults_lose_nothing() {
    nights(13, 20_260_301);
}

#[test]
#[ignore = "long: see the head of this module"]
fn a_year_of_nights_with_faults_loses_nothing() {
    let number = |name: &str, default: u64| std::env::var(name).map_or(default, |text| text.parse().expect("a number"));
    nights(number("TRAILPARE_NIGHTS", 365) as usize, number("TRAILPARE_SEED", 1));
}
