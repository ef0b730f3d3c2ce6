//! Runs that a power cut ends, at every place where it makes a difference.

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::sync::Mutex;

use super::calls::finish;
use super::power::{Change, Disk, Left, Tree, points, read_log, write_tree};
use super::program::{Faults, store_in};
use super::scenes::Ready;
use super::state::{State, consistent};

/// What a run did, and from where.
pub struct Course {
    start: Disk,
    changes: Vec<Change>,
    seen: Mutex<HashSet<u64>>,
}

/// How much of what was not synced is there, one after the other.
fn variants(seeds: u64) -> impl Iterator<Item = Left> {
    [Left::Synced, Left::All, Left::Names, Left::Bytes].into_iter().chain((1..=seeds).map(Left::Some))
}

impl Course {
    /// Plays a scene undisturbed and writes its changes down.
    ///
    /// # Panics
    /// When what its end promises does not last.
    pub fn of(ready: &Ready) -> Course {
        let sandbox = ready.sandbox();
        let (at, log) = (sandbox.path().join("at"), sandbox.path().join("log"));
        fs::create_dir_all(&at).expect("made");
        let start = Disk::of(&at);
        let ended = ready.attack(sandbox.path(), &Faults { log: Some(log.clone()), ..Faults::default() });
        assert_eq!(ended.code, ready.code, "{}", ended.said);
        Course { start, changes: read_log(&log, &at), seen: Mutex::default() }
    }

    /// All cuts: behind how many changes, and what is left.
    pub fn cuts(&self, seeds: u64) -> Vec<(usize, Left)> {
        let points = points(&self.changes);
        points.into_iter().flat_map(|point| variants(seeds).map(move |left| (point, left))).collect()
    }

    /// A little behind the first removal of a marker, when other things were synced since: what was done before it must last.
    pub fn behind_recovery(&self) -> Option<usize> {
        let is_marker =
            |change: &Change| matches!(change, Change::Remove(path) if path.ends_with("commit-in-progress"));
        let removed = self.changes.iter().position(is_marker)?;
        let syncs =
            self.changes.iter().enumerate().skip(removed).filter(|(_, change)| matches!(change, Change::Sync(_)));
        syncs.map(|(at, _)| at + 1).nth(3)
    }

    fn tree(&self, point: usize, left: Left) -> Tree {
        let mut disk = self.start.clone();
        self.changes[..point].iter().for_each(|change| disk.apply(change));
        disk.cut(match left {
            Left::Some(seed) => Left::Some(seed + 7919 * point as u64),
            left => left,
        })
    }

    /// What the run promised with its end is on the disk.
    pub fn lasts(&self, ready: &Ready) -> Result<(), String> {
        let sandbox = tempfile::tempdir().expect("a folder");
        write_tree(&self.tree(self.changes.len(), Left::Synced), &at(sandbox.path()));
        let state = State::read(&store_in(sandbox.path()));
        let state = state.map_err(|error| format!("a power cut behind the end of the run: {error}"))?;
        let difference = ready.after.as_ref().and_then(|after| state.difference(after));
        difference.map_or(Ok(()), |what| Err(format!("a power cut behind the end of the run: {what}")))
    }

    /// Cuts the power; `false`: the disk is as behind another cut.
    pub fn cut(&self, ready: &Ready, point: usize, left: Left) -> Result<bool, String> {
        let tree = self.tree(point, left);
        let mut hasher = DefaultHasher::new();
        tree.hash(&mut hasher);
        if !self.seen.lock().expect("no panic").insert(hasher.finish()) {
            return Ok(false);
        }
        let sandbox = tempfile::tempdir().expect("a folder");
        write_tree(&tree, &at(sandbox.path()));
        let place = || format!("behind {:?}", self.changes[..point].last().map(Change::name));
        if !ready.scene.is_damaged() {
            let nothing = State::default();
            let (least, all) = ready.bounds(&nothing);
            consistent(&store_in(sandbox.path()), least, all)
                .map_err(|what| format!("{}, behind the cut: {what}", place()))?;
        }
        finish(ready, sandbox.path()).map_err(|what| format!("{}, {what}", place()))?;
        Ok(true)
    }
}

fn at(sandbox: &Path) -> std::path::PathBuf {
    let at = sandbox.join("at");
    fs::create_dir_all(&at).expect("made");
    at
}
