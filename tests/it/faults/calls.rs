//! System calls that fail, are cut short, or are a process's last.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use libc::{EACCES, EDQUOT, EINTR, EIO, EMFILE, ENOSPC};

use super::program::{Action, Ended, Faults, KINDS, Plan, store_in};
use super::scenes::{ARCHIVES, Ready};
use super::state::{State, consistent, files_by_day, tidy};

/// One run to disturb.
#[derive(Clone, Debug)]
pub struct Case {
    /// In the list of scenes.
    pub scene: usize,
    pub faults: Faults,
    /// In the table of figures.
    pub row: String,
}

/// How an attacked run ended, all being well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The call never came: threads work in another order every time.
    NotHit,
    /// Exit code 0 and everything as it should be.
    Done,
    /// Some objects refused, exit code 3.
    Refused,
    /// Exit code 1 and a reason.
    Failed,
    Killed,
}

/// What may happen to calls of a kind.
fn actions(kind: &str) -> Vec<Action> {
    let numbers: &[i32] = match kind {
        "open" => &[EIO, EACCES, EMFILE, ENOSPC, EINTR],
        "read" | "sync" => &[EIO, EINTR],
        "write" => &[EIO, ENOSPC, EDQUOT, EINTR],
        "rename" | "link" | "mkdir" => &[EIO, EACCES, ENOSPC, EDQUOT],
        "truncate" => &[EIO, ENOSPC],
        _ => &[EIO, EACCES],
    };
    let short = matches!(kind, "read" | "write").then_some(Action::Short);
    numbers.iter().map(|number| Action::Errno(*number)).chain(short).chain([Action::Before, Action::After]).collect()
}

/// Every kind of call of a scene with everything that may happen to it, `each` times, spread over its calls.
pub fn cases(scene: usize, ready: &Ready, each: u64) -> Vec<Case> {
    let mut cases = Vec::new();
    for (kind, calls) in KINDS.iter().zip(ready.calls) {
        for (nth, action) in actions(kind).into_iter().enumerate() {
            let count = each.min(calls);
            let lasting = matches!(action, Action::Errno(number) if number != EINTR);
            for i in 0..count {
                // Other places for other actions.
                let first = 1 + (i * calls + nth as u64 * calls / 7) / count % calls;
                for times in [1, 0].into_iter().take(if lasting && i % 2 == 0 { 2 } else { 1 }) {
                    let row = format!("{kind} {}{}", action.name(), if times == 0 { " from there on" } else { "" });
                    let faults = Faults::of(Plan { kind, first, times, action });
                    cases.push(Case { scene, faults, row });
                }
            }
        }
    }
    cases
}

/// The disk is full after so many bytes, in `steps` steps up to what the scene writes.
pub fn full_disk(scene: usize, bytes: u64, steps: u64) -> Vec<Case> {
    let case = |step: u64| {
        let faults = Faults { bytes: Some(bytes * step / steps), ..Faults::default() };
        Case { scene, faults, row: "disk full".to_owned() }
    };
    (0..steps).map(case).collect()
}

/// Disturbs a run; all that must hold then, holds.
pub fn disturb(case: &Case, ready: &Ready) -> Result<Outcome, String> {
    let sandbox = ready.sandbox();
    let store = store_in(sandbox.path());
    let ended = ready.attack(sandbox.path(), &case.faults);
    let outcome = outcome(case, ready, &ended)?;
    let nothing = State::default();
    let before = ready.before.as_ref().unwrap_or(&nothing);
    let (least, all) = ready.bounds(&nothing);
    // A store that is damaged can't be read until it is repaired.
    let state = match !ready.scene.is_damaged() {
        true => consistent(&store, least, all).map_err(|error| format!("behind the fault: {error}"))?,
        false => None,
    };
    if outcome == Outcome::Done && ended.hits > 0 && !ready.scene.reads {
        let state = state.map_or_else(|| State::read(&store), Ok)?;
        let difference = ready.after.as_ref().and_then(|after| state.difference(after));
        difference.map_or(Ok(()), |what| Err(format!("exit code 0, but {what}")))?;
    }
    if ready.scene.reads {
        return match consistent(&store, before, before)?.and_then(|state| state.difference(before)) {
            Some(what) => Err(format!("a reader changed the store: {what}")),
            None => Ok(outcome),
        };
    }
    finish(ready, sandbox.path()).map(|()| outcome)
}

/// The runs that follow make of it what they would have made of an undisturbed store.
pub fn finish(ready: &Ready, sandbox: &std::path::Path) -> Result<(), String> {
    let store = store_in(sandbox);
    let (mut codes, mut said) = (Vec::new(), String::new());
    for ended in ready.finish(sandbox) {
        codes.push(ended.code);
        said += &ended.said;
        if let Some(outside) = ended.outside {
            return Err(format!("the next run changed {outside}"));
        }
    }
    // What was forgotten already can't be forgotten again; a repair that was done has nothing to repair.
    let is_fine = |code: &Option<i32>| matches!(code, Some(0 | 3)) || ready.scene.name == "forget" && *code == Some(1);
    if !codes.iter().all(is_fine) || codes.last() != ready.end_codes.last() && ready.scene.name != "forget" {
        return Err(format!("the next run ends with {codes:?}: {said}"));
    }
    let state = State::read(&store).map_err(|error| format!("behind the next run: {error}"))?;
    if let Some(what) = state.difference(&ready.end) {
        return Err(format!("behind the next run: {what}"));
    }
    tidy(&store).map_err(|what| format!("behind the next run: {what}"))?;
    if ready.scene.name == "optimize" && files_by_day(&store) != ready.files {
        return Err("behind the next run: other files a day".to_owned());
    }
    Ok(())
}

/// How the run itself ended.
fn outcome(case: &Case, ready: &Ready, ended: &Ended) -> Result<Outcome, String> {
    if let Some(outside) = &ended.outside {
        return Err(format!("it changed {outside}"));
    }
    let Ended { code, signal, said, out, .. } = ended;
    let is_meant = matches!(&case.faults.plan, Some(Plan { action: Action::Before | Action::After, .. }));
    let is_hit = ended.hits > 0 || case.faults.plan.is_none();
    match code {
        None if ended.is_killed() && is_meant => Ok(Outcome::Killed),
        None if *signal == Some(0) => Err(format!("it does not end: {said}")),
        None => Err(format!("ended by signal {signal:?}: {said}")),
        _ if !is_hit && *code == ready.code => Ok(Outcome::NotHit),
        Some(0) if ready.scene.reads && *out != ready.out && ready.scene.name != "status" => {
            Err("exit code 0 and another answer".to_owned())
        }
        Some(0) => Ok(Outcome::Done),
        Some(3) if ready.code == Some(3) => Ok(Outcome::Done),
        Some(3) => Ok(Outcome::Refused),
        Some(1) => {
            let names =
                [ARCHIVES.path(), std::path::Path::new("/store")].map(|path| path.to_string_lossy().into_owned());
            match names.iter().any(|name| said.contains(name)) || ready.scene.name == "fsck" {
                true => Ok(Outcome::Failed),
                false => Err(format!("the error names no place: {said}")),
            }
        }
        code => Err(format!("exit code {code:?}: {said}")),
    }
}

/// A table of figures: what was attacked, and what happened.
pub struct Figures<O>(BTreeMap<(String, String), BTreeMap<O, usize>>);

impl<O: Ord + Copy + std::fmt::Debug> Figures<O> {
    pub fn new() -> Figures<O> {
        Figures(BTreeMap::new())
    }

    pub fn add(&mut self, group: &str, row: &str, outcome: O) {
        *self.0.entry((group.to_owned(), row.to_owned())).or_default().entry(outcome).or_default() += 1;
    }

    /// For people; failures are not among these.
    pub fn table(&self) -> String {
        let mut sums = BTreeMap::<O, usize>::new();
        for (outcome, count) in self.0.values().flatten() {
            *sums.entry(*outcome).or_default() += count;
        }
        let line = |group: &str, row: &str, counts: &BTreeMap<O, usize>| {
            let counts = sums.keys().map(|outcome| counts.get(outcome).copied().unwrap_or(0));
            counts.fold(format!("\n{group:<14}{row:<36}"), |line, count| line + &format!("{count:>10}"))
        };
        let mut out = format!("{:<50}", "");
        sums.keys().for_each(|outcome| _ = write!(out, "{:>10}", format!("{outcome:?}")));
        self.0.iter().for_each(|((group, row), counts)| out += &line(group, row, counts));
        out + &line("all", "", &sums)
    }
}
