//! One bit of a store is another: nothing wrong is ever answered, `fsck` finds it, `--repair` and the next ingest mend it.

use std::fs;
use std::path::{Path, PathBuf};

use super::program::{Faults, run, store_in};
use super::scenes::{ALL, PARTS, args, copy, cut_short};
use super::state::{State, tidy};

/// A store whose files are attacked.
pub struct Target {
    folder: tempfile::TempDir,
    /// What it says when it is sound, and all archives are taken in.
    end: State,
    /// What it says before that; `None` where a commit was cut short.
    now: Option<State>,
}

/// One bit.
#[derive(Clone, Debug)]
pub struct Flip {
    pub target: usize,
    /// What file it is, for the figures.
    pub kind: &'static str,
    /// Below the store.
    pub path: PathBuf,
    pub byte: usize,
    pub bit: u8,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Found {
    /// Nothing says anything else than before.
    Harmless,
    /// Found and mended: the same as before.
    Mended,
    /// Found, but nothing mends it: an error says so, and all that is left is a copy, or to make the store anew.
    Stuck,
    /// Not found, and something beside events and usage says something else: SQLite's pages have no checksums.
    Unseen,
}

fn command(sandbox: &Path, line: &str, faults: &Faults) -> super::program::Ended {
    run(sandbox, &args(line), &sandbox.join("at"), faults)
}

impl Target {
    /// A store with files of every kind: merged, replaced, months.
    pub fn sound() -> Target {
        let folder = tempfile::tempdir().expect("a folder");
        for line in PARTS.iter().chain(&["optimize"]) {
            let ended = command(folder.path(), line, &Faults::default());
            assert_eq!(ended.code, Some(0), "{line}: {}", ended.said);
        }
        let end = State::read(&store_in(folder.path())).expect("a state");
        Target { folder, now: Some(end.clone()), end }
    }

    /// A store with a commit that was cut short within SQLite's: a marker, a journal, files in place.
    pub fn cut_short(end: &State) -> Target {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(command(folder.path(), PARTS[0], &Faults::default()).code, Some(0));
        cut_short(folder.path(), ALL);
        Target { folder, now: None, end: end.clone() }
    }

    /// What the store says in the end.
    pub fn end(&self) -> &State {
        &self.end
    }

    /// `each` bits of every kind of file, spread over all files of the kind.
    pub fn flips(&self, target: usize, each: usize) -> Vec<Flip> {
        let store = store_in(self.folder.path());
        let mut flips = Vec::new();
        let entries = walkdir::WalkDir::new(&store).sort_by_file_name().into_iter().flatten();
        let files = entries.filter(|entry| entry.file_type().is_file()).map(|entry| entry.into_path());
        let files: Vec<(&str, PathBuf)> = files.map(|path| (kind_of(&store, &path), path)).collect();
        let mut kinds: Vec<&str> = files.iter().map(|(kind, _)| *kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        for kind in kinds {
            let of_kind: Vec<&PathBuf> = files.iter().filter(|file| file.0 == kind).map(|file| &file.1).collect();
            for i in 0..each {
                let path = of_kind[i * of_kind.len() / each];
                let size = fs::metadata(path).expect("a file").len() as usize;
                // Other places in every file: steps of the golden section.
                let byte = ((i + 1) as f64 * 0.618_033_988_75).fract() * size as f64;
                let path = path.strip_prefix(&store).expect("below it").to_owned();
                if size > 0 {
                    flips.push(Flip { target, kind, path, byte: byte as usize, bit: (i * 5 % 8) as u8 });
                }
            }
        }
        flips
    }
}

fn kind_of(store: &Path, path: &Path) -> &'static str {
    let below = path.strip_prefix(store).expect("below it").to_str().expect("UTF-8");
    let starts = [
        ("data/main/events", "events"),
        ("data/main/usage", "usage"),
        ("data/replaced", "replaced file"),
        ("data/.staging", "staged file"),
        ("usage-months", "month of usage"),
        ("catalog.sqlite-journal", "catalog's journal"),
        ("catalog.sqlite", "catalog"),
        ("commit-in-progress", "marker"),
        ("ingest.lock", "lock"),
    ];
    starts.iter().find(|(start, _)| below.starts_with(start)).unwrap_or_else(|| panic!("{below}: of no kind")).1
}

/// Flips a bit; all that must hold then, holds.
pub fn flip(flip: &Flip, target: &Target) -> Result<Found, String> {
    let sandbox = tempfile::tempdir().expect("a folder");
    let store = store_in(sandbox.path());
    copy(&store_in(target.folder.path()), &store);
    let path = store.join(&flip.path);
    let mut bytes = fs::read(&path).expect("read");
    bytes[flip.byte] ^= 1 << flip.bit;
    fs::write(&path, bytes).expect("written");

    let quiet = checks(sandbox.path(), "fsck --format json", &[0, 1])? == 0;
    checks(sandbox.path(), "status", &[0, 1, 3])?;
    let mut is_unseen = false;
    if let Some(now) = &target.now
        && let Ok(state) = State::read(&store)
    {
        // Whatever is answered is right.
        let rows = State { ledger: now.ledger.clone(), ..state.clone() };
        if let Some(what) = rows.difference(now) {
            return Err(format!("a wrong answer: {what}"));
        }
        is_unseen = quiet && state != *now;
    }
    let repaired = checks(sandbox.path(), "fsck --repair", &[0, 1, 3])?;
    let ingested = checks(sandbox.path(), ALL, &[0, 1])?;
    if is_unseen {
        return Ok(Found::Unseen);
    }
    // Of these there is no second copy.
    let may_be_stuck = flip.kind.starts_with("catalog") || flip.kind == "marker";
    let is_stuck = repaired == 1 || ingested == 1 || State::read(&store).is_err() || tidy(&store).is_err();
    if may_be_stuck && is_stuck {
        return Ok(Found::Stuck);
    }
    if repaired == 1 || ingested == 1 {
        return Err(format!("not mended: {repaired}, {ingested}"));
    }
    let state = State::read(&store).map_err(|error| format!("not mended: {error}"))?;
    if let Some(what) = state.without_shares().difference(&target.end.without_shares()) {
        // What only the ledger says can't be told from what it was, in the catalog as in the pages that its journal puts back.
        let rows = State { ledger: target.end.ledger.clone(), ..state };
        let is_ledger = rows.without_shares().difference(&target.end.without_shares()).is_none();
        return match is_ledger && flip.kind.starts_with("catalog") {
            true => Ok(Found::Unseen),
            false => Err(format!("mended to something else: {what}")),
        };
    }
    tidy(&store).map_err(|what| format!("not mended: {what}"))?;
    Ok(if quiet { Found::Harmless } else { Found::Mended })
}

/// Runs a command; its exit code, which must be one of these.
fn checks(sandbox: &Path, line: &str, codes: &[i32]) -> Result<i32, String> {
    let ended = command(sandbox, line, &Faults::default());
    if let Some(outside) = ended.outside {
        return Err(format!("{line} changed {outside}"));
    }
    match ended.code.filter(|code| codes.contains(code)) {
        Some(1) if ended.said.trim().is_empty() => Err(format!("{line} fails without a word")),
        Some(code) => Ok(code),
        None => Err(format!("{line}: exit code {:?}, signal {:?}: {}", ended.code, ended.signal, ended.said)),
    }
}
