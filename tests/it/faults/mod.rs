//! The fault harness: the real program, and a system that fails it.
//!
//! * [`calls`]: system calls that fail, are cut short or are a process's last; a full disk; clocks that jump.
//! * [`cuts`]: power cuts; [`power`] works out what they leave from the order of writes, renames and syncs.
//! * [`flips`]: bits flipped in every kind of file of a store.
//! * [`nights`]: a year of `trailpare nightly` with something wrong in most of them; [`metrics`] reads what they measure.
//!
//! A short sample of each runs with all tests. The long run is
//! `cargo test --test it faults -- --ignored --nocapture`: `TRAILPARE_FAULTS` is how often each call is hit in each way
//! (6 if not given), `TRAILPARE_SCENES` the scenes, with commas between, `TRAILPARE_PROGRAM` another build of the
//! program. A failure says which call was hit, and how.

mod calls;
mod cuts;
mod flips;
mod metrics;
mod nights;
mod power;
mod program;
mod scenes;
mod state;

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock};

use rayon::prelude::*;

use calls::{Case, Figures, cases, disturb, full_disk};
use cuts::Course;
use flips::{Flip, Target, flip};
use power::Left;
use program::{Action, Faults, Plan, run, store_in};
use scenes::{ALL, PARTS, Ready, SCENES, args};
use state::{State, tidy};

/// Scenes by their place in [`SCENES`].
type Scenes = BTreeMap<usize, &'static Ready>;

/// The scenes of these names, all where none is given. Each is made once.
fn scenes(names: &[&str]) -> Scenes {
    static READY: [OnceLock<Ready>; SCENES.len()] = [const { OnceLock::new() }; SCENES.len()];
    let chosen = SCENES.iter().zip(&READY).enumerate();
    let chosen: Vec<_> = chosen.filter(|(_, (scene, _))| names.is_empty() || names.contains(&scene.name)).collect();
    chosen.into_par_iter().map(|(at, (scene, ready))| (at, ready.get_or_init(|| Ready::new(scene)))).collect()
}

/// So many of a list, spread over it.
fn sample<T: Clone>(all: &[T], count: usize) -> Vec<T> {
    let count = count.min(all.len());
    (0..count).map(|i| all[i * all.len() / count].clone()).collect()
}

/// How thorough the long run is.
fn thoroughness() -> u64 {
    std::env::var("TRAILPARE_FAULTS").map_or(6, |each| each.parse().expect("a number"))
}

/// The scenes of the long run.
fn asked_for() -> Scenes {
    let names = std::env::var("TRAILPARE_SCENES").unwrap_or_default();
    scenes(&names.split(',').filter(|name| !name.is_empty()).collect::<Vec<_>>())
}

/// Tries all cases; prints figures and panics with what failed. A case says in which rows of which group it counts.
fn all_hold<C: Sync + std::fmt::Debug, O: Ord + Copy + Send + std::fmt::Debug>(
    cases: &[C],
    row: impl Fn(&C) -> (String, String) + Sync,
    holds: impl Fn(&C) -> Result<O, String> + Sync,
) {
    let (figures, failures) = (Mutex::new(Figures::<O>::new()), Mutex::new(Vec::new()));
    cases.par_iter().for_each(|case| {
        let (group, row) = row(case);
        match holds(case) {
            Ok(outcome) => figures.lock().expect("no panic").add(&group, &row, outcome),
            Err(what) => {
                let what = format!("{group}, {row}: {case:?}: {what}");
                eprintln!("FAILED {what}");
                failures.lock().expect("no panic").push(what);
            }
        }
    });
    println!("{}", figures.into_inner().expect("no panic").table());
    let failures = failures.into_inner().expect("no panic");
    assert!(failures.is_empty(), "{} of {} failed:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

/// What a scene writes, about, in bytes.
const WRITTEN_BYTES: u64 = 700_000;

fn all_cases(ready: &Scenes, each: u64) -> Vec<Case> {
    let mut all = Vec::new();
    for (scene, ready) in ready {
        all.extend(cases(*scene, ready, each));
        if !ready.scene.reads && !ready.scene.is_archive {
            all.extend(full_disk(*scene, WRITTEN_BYTES, 8 * each));
        }
    }
    all
}

fn disturb_all(cases: &[Case], ready: &Scenes) {
    let row = |case: &Case| (ready[&case.scene].scene.name.to_owned(), case.row.clone());
    all_hold(cases, row, |case| disturb(case, ready[&case.scene]));
}

#[test]
fn calls_that_fail_cost_nothing_for_good() {
    let ready = scenes(&[]);
    let mut chosen = sample(&all_cases(&ready, 1), 32);
    // A creation that is cut short must not leave its temporary catalog.
    let plan = Plan { kind: "link", first: 1, times: 1, action: Action::Before };
    chosen.push(Case { scene: 0, faults: Faults::of(plan), row: "link killed before".to_owned() });
    disturb_all(&chosen, &ready);
}

#[test]
#[ignore = "long: see the head of this module"]
fn every_call_fails_in_every_way() {
    let ready = asked_for();
    disturb_all(&all_cases(&ready, thoroughness()), &ready);
}

/// What came of a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cut {
    Mended,
    Known,
}

fn cut_all(ready: &Scenes, seeds: u64, count: usize) {
    let courses: BTreeMap<usize, Course> = ready
        .iter()
        .filter(|(_, ready)| !ready.scene.reads && !ready.scene.is_archive)
        .map(|(at, ready)| (*at, Course::of(ready)))
        .collect();
    let mut cuts = Vec::new();
    for (at, course) in &courses {
        let all: Vec<_> = course.cuts(seeds).into_iter().map(|(point, left)| (*at, point, left)).collect();
        cuts.extend(sample(&all, count));
        cuts.extend(course.behind_recovery().map(|point| (*at, point, Left::Synced)));
    }
    let row = |(at, _, left): &(usize, usize, Left)| {
        let left = match left {
            Left::Synced => "what was synced",
            Left::All => "everything",
            Left::Names => "names",
            Left::Bytes => "bytes",
            Left::Some(_) => "some of each",
        };
        (ready[at].scene.name.to_owned(), left.to_owned())
    };
    let mut ends: Vec<String> = Vec::new();
    for (at, course) in &courses {
        ends.extend(course.lasts(ready[at]).err().map(|what| format!("{}: {what}", ready[at].scene.name)));
    }
    all_hold(&cuts, row, |(at, point, left)| {
        Ok(if courses[at].cut(ready[at], *point, *left)? { Cut::Mended } else { Cut::Known })
    });
    assert!(ends.is_empty(), "{}", ends.join("\n"));
}

#[test]
fn power_cuts_cost_nothing_for_good() {
    cut_all(&scenes(&["ingest", "recover", "optimize", "repair"]), 1, 6);
}

#[test]
#[ignore = "long: see the head of this module"]
fn the_power_is_cut_at_every_place() {
    cut_all(&asked_for(), thoroughness(), 100 * thoroughness() as usize);
}

fn flip_all(each: usize) {
    let sound = Target::sound();
    let cut_short = Target::cut_short(sound.end());
    let flips: Vec<Flip> = sound.flips(0, each).into_iter().chain(cut_short.flips(1, each)).collect();
    let targets = [sound, cut_short];
    let row = |flip: &Flip| (["whole store", "cut commit"][flip.target].to_owned(), flip.kind.to_owned());
    all_hold(&flips, row, |one| flip(one, &targets[one.target]));
}

#[test]
fn flipped_bits_are_never_answered_from() {
    flip_all(1);
}

#[test]
#[ignore = "long: see the head of this module"]
fn bits_flip_in_every_file() {
    flip_all(8 * thoroughness() as usize);
}

/// What each night does, and by how many seconds its clock is off.
const NIGHTS: [&[(&str, &str)]; 4] = [
    &[(PARTS[0], "0"), (PARTS[1], "-315360000"), ("optimize", "0"), (PARTS[2], "-86400"), ("optimize", "-86400")],
    &[(PARTS[0], "946080000"), ("optimize", "946080000"), (PARTS[1], "0"), (PARTS[2], "0"), ("optimize", "1")],
    &[(PARTS[0], "~86400"), (PARTS[1], "~86400"), ("optimize --expire-older-than 0", "~86400"), (ALL, "~3600")],
    &[(ALL, "-1750000000"), ("optimize --expire-older-than 1d", "253402300800"), (ALL, "0"), ("fsck", "-1750000000")],
];

#[test]
fn clocks_that_are_wrong_cost_nothing() {
    let sound_folder = tempfile::tempdir().expect("a folder");
    let sound = sound_folder.path();
    for line in PARTS {
        assert_eq!(run(sound, &args(line), sound, &Faults::default()).code, Some(0));
    }
    let sound = State::read(&store_in(sound)).expect("a state");
    NIGHTS.par_iter().for_each(|nights| {
        let sandbox = tempfile::tempdir().expect("a folder");
        for (line, clock) in *nights {
            let clock = Faults { clock: Some((*clock).to_owned()), ..Faults::default() };
            let ended = run(sandbox.path(), &args(line), &sandbox.path().join("at"), &clock);
            assert_eq!((ended.code, ended.outside), (Some(0), None), "{line}, {clock:?}: {}", ended.said);
            tidy(&store_in(sandbox.path())).unwrap_or_else(|what| panic!("{line}, {clock:?}: {what}"));
        }
        let state = State::read(&store_in(sandbox.path())).expect("a state");
        assert_eq!(state.difference(&sound), None, "{nights:?}");
    });
    // No library takes a time before 1970: that is said, and nothing is touched.
    let before_1970 = Faults { clock: Some("-3000000000".to_owned()), ..Faults::default() };
    for line in [PARTS[0], "status", "fsck", "optimize"] {
        let ended = run(sound_folder.path(), &args(line), &sound_folder.path().join("at"), &before_1970);
        assert_eq!(ended.code, Some(1), "{line}: {}", ended.said);
        assert!(ended.said.contains("before 1970") && ended.said.contains("hint:"), "{}", ended.said);
    }
    let state = State::read(&store_in(sound_folder.path())).expect("a state");
    assert_eq!(state.difference(&sound), None);
}
