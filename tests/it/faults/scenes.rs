//! What is attacked: a store, a command that works on it, and the commands that must bring about the same as if nothing
//! had happened.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use trailpare::store::{DataFile, Store, Table};

use super::program::{Action, Ended, Faults, KINDS, Plan, run, store_in};
use super::state::{State, files_by_day};

/// Three parts of one archive, days on end so that usage is summed up, and a folder with what can't be taken.
pub static ARCHIVES: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    for part in 1..=3 {
        let (archive, slice) = (folder.path().join(format!("part{part}")), format!("{part}/3"));
        let size = ["--objects", "36", "--events", "540", "--days", "12", "--slice", &slice];
        let args = [&["synth", archive.to_str().expect("UTF-8")], &size[..]].concat();
        let ended = run(folder.path(), &texts(&args), folder.path(), &Faults::default());
        assert_eq!(ended.code, Some(0), "{}", ended.said);
    }
    for args in [&["ingest", "part1", "part2"][..], &["export", "--out", "../export.tar"]] {
        let in_folder = |arg: &&str| if arg.starts_with("part") { format!("../{arg}") } else { (*arg).to_owned() };
        let args: Vec<String> = args.iter().map(in_folder).collect();
        let ended = run(folder.path(), &args, folder.path(), &Faults::default());
        assert_eq!(ended.code, Some(0), "{}", ended.said);
    }
    let odd = folder.path().join("odd/111122223333_CloudTrail_eu-west-1_20240301T0710Z_AAAAAAAAAAAAAAAA.json.gz");
    fs::create_dir_all(odd.parent().expect("a folder")).expect("made");
    fs::write(odd, "no log at all").expect("written");
    folder
});

fn texts(args: &[&str]) -> Vec<String> {
    args.iter().map(|arg| (*arg).to_owned()).collect()
}

/// Arguments, split at blanks outside quotes, in which `@` stands for the folder of the archives.
pub fn args(line: &str) -> Vec<String> {
    let folder = format!("{}/", ARCHIVES.path().to_str().expect("UTF-8"));
    let quoted = |(at, part): (usize, &str)| -> Vec<String> {
        if at % 2 == 1 {
            vec![part.to_owned()]
        } else {
            part.split_whitespace().map(|word| word.replace('@', &folder)).collect()
        }
    };
    line.split('"').enumerate().flat_map(quoted).collect()
}

/// A command on a store.
pub struct Scene {
    pub name: &'static str,
    /// Commands that make the store.
    made_by: &'static [&'static str],
    /// What is done to it then, in its sandbox: it can't be read until it is repaired.
    damage: Option<fn(&Path)>,
    /// Whether a commit is cut short then.
    is_cut: bool,
    /// The command that is disturbed.
    pub attacked: &'static str,
    /// The commands that follow, undisturbed.
    pub followed_by: &'static [&'static str],
    /// Whether the calls that are hit are those on the archive.
    pub is_archive: bool,
    /// Whether the command only reads.
    pub reads: bool,
}

pub const PARTS: [&str; 3] = ["ingest @part1", "ingest @part2", "ingest @part3"];
pub const ALL: &str = "ingest @part1 @part2 @part3";
const OF_ONE: Scene = Scene {
    name: "",
    made_by: &[],
    damage: None,
    is_cut: false,
    attacked: ALL,
    followed_by: &[ALL],
    is_archive: false,
    reads: false,
};

/// All scenes.
pub const SCENES: [Scene; 13] = [
    Scene { name: "ingest", ..OF_ONE },
    Scene { name: "ingest more", made_by: &["ingest @part1"], ..OF_ONE },
    Scene { name: "recover", made_by: &["ingest @part1"], is_cut: true, ..OF_ONE },
    Scene { name: "archive", is_archive: true, ..OF_ONE },
    Scene {
        name: "optimize",
        made_by: &PARTS,
        attacked: "optimize --expire-older-than 0",
        followed_by: &["optimize --expire-older-than 0"],
        ..OF_ONE
    },
    Scene {
        name: "prune",
        made_by: &PARTS,
        attacked: "prune --before 2024-03-05 --expire-older-than 0",
        followed_by: &["prune --before 2024-03-05 --expire-older-than 0"],
        ..OF_ONE
    },
    Scene {
        name: "repair",
        made_by: &[PARTS[0], PARTS[1], PARTS[2], "optimize"],
        damage: Some(damage),
        attacked: "fsck --repair",
        followed_by: &["fsck --repair", ALL],
        ..OF_ONE
    },
    Scene {
        name: "import",
        made_by: &["ingest @part2"],
        attacked: "import @export.tar",
        followed_by: &["import @export.tar"],
        ..OF_ONE
    },
    Scene {
        name: "export",
        made_by: &PARTS,
        attacked: "export --out out.tar",
        followed_by: &[],
        reads: true,
        ..OF_ONE
    },
    Scene {
        name: "forget",
        made_by: &[PARTS[0], "ingest @odd"],
        attacked: "forget **/odd/* --by somebody",
        followed_by: &["forget **/odd/* --by somebody"],
        ..OF_ONE
    },
    Scene {
        name: "sql",
        made_by: &PARTS,
        attacked: "sql --format csv \"SELECT * FROM events ORDER BY event_id\"",
        followed_by: &[],
        reads: true,
        ..OF_ONE
    },
    Scene {
        name: "status",
        made_by: &PARTS,
        attacked: "status --format json",
        followed_by: &[],
        reads: true,
        ..OF_ONE
    },
    Scene { name: "fsck", made_by: &PARTS, attacked: "fsck --format json", followed_by: &[], reads: true, ..OF_ONE },
];

impl Scene {
    /// Whether the store is made sound before.
    pub fn is_damaged(&self) -> bool {
        self.damage.is_some()
    }
}

/// A flipped bit, a file that is gone and one too many.
fn damage(store: &Path) {
    let snapshot = Store::open(store).and_then(|store| store.snapshot(None)).expect("a snapshot");
    let middle = |table| -> &DataFile { &snapshot.files(table)[snapshot.files(table).len() / 2] };
    let file = &middle(Table::Events).path;
    let mut bytes = fs::read(file).expect("read");
    let at = bytes.len() / 2;
    bytes[at] ^= 8;
    fs::write(file, bytes).expect("written");
    fs::remove_file(&middle(Table::Usage).path).expect("removed");
    fs::write(file.with_file_name("stray.parquet"), "nobody's").expect("written");
}

/// A scene with its store, and what undisturbed runs make of it.
pub struct Ready {
    pub scene: &'static Scene,
    base: tempfile::TempDir,
    /// What it says before, unless it is damaged.
    pub before: Option<State>,
    /// Behind the attacked command, and its exit code and output.
    pub after: Option<State>,
    pub code: Option<i32>,
    pub out: Vec<u8>,
    /// Behind all.
    pub end: State,
    /// Of the last command that follows.
    pub end_codes: Vec<Option<i32>>,
    pub files: BTreeMap<(Table, i32), usize>,
    pub calls: [u64; KINDS.len()],
}

impl Ready {
    /// Makes a scene's store and plays it undisturbed.
    pub fn new(scene: &'static Scene) -> Ready {
        let base = tempfile::tempdir().expect("a folder");
        for line in scene.made_by {
            let ended = run(base.path(), &args(line), base.path(), &Faults::default());
            assert!(matches!(ended.code, Some(0 | 3)), "{line}: {}", ended.said);
        }
        let store = store_in(base.path());
        let before = store.exists().then(|| State::read(&store).expect("a state"));
        scene.damage.inspect(|damage| damage(&store));
        if scene.is_cut {
            cut_short(base.path(), ALL);
        }
        let mut ready = Ready {
            scene,
            base,
            before: before.filter(|_| scene.damage.is_none()),
            after: None,
            code: None,
            out: Vec::new(),
            end: State::default(),
            end_codes: Vec::new(),
            files: BTreeMap::new(),
            calls: [0; KINDS.len()],
        };
        let sandbox = ready.sandbox();
        let ended = ready.attack(sandbox.path(), &Faults::default());
        assert_eq!(ended.signal, None, "{}: {}", scene.name, ended.said);
        (ready.code, ready.calls, ready.out) = (ended.code, ended.calls, ended.out);
        let store = store_in(sandbox.path());
        ready.after = Some(State::read(&store).expect("a state"));
        ready.end_codes = ready.finish(sandbox.path()).iter().map(|ended| ended.code).collect();
        ready.end = State::read(&store).expect("a state");
        ready.files = files_by_day(&store);
        ready
    }

    /// What the store has at the least and at the most while the command is at work: one that lets go of something
    /// begins with the most.
    pub fn bounds<'s>(&'s self, nothing: &'s State) -> (&'s State, &'s State) {
        let before = self.before.as_ref().unwrap_or(nothing);
        match self.scene.name {
            "prune" => (&self.end, before),
            _ if self.scene.reads => (before, before),
            _ => (before, &self.end),
        }
    }

    /// A copy of the store, alone in a folder.
    pub fn sandbox(&self) -> tempfile::TempDir {
        let sandbox = tempfile::tempdir().expect("a folder");
        copy(&store_in(self.base.path()), &store_in(sandbox.path()));
        sandbox
    }

    /// Runs the command that is disturbed.
    pub fn attack(&self, sandbox: &Path, faults: &Faults) -> Ended {
        let root = if self.scene.is_archive { ARCHIVES.path().to_owned() } else { sandbox.join("at") };
        run(sandbox, &args(self.scene.attacked), &root, faults)
    }

    /// Runs what follows.
    pub fn finish(&self, sandbox: &Path) -> Vec<Ended> {
        let run = |line: &&str| run(sandbox, &args(line), &sandbox.join("at"), &Faults::default());
        self.scene.followed_by.iter().map(run).collect()
    }
}

/// Runs a command so that it is killed within a commit, before SQLite's: its marker, a journal and files in place stay.
pub fn cut_short(sandbox: &Path, line: &str) {
    for first in 1..200 {
        let trial = tempfile::tempdir().expect("a folder");
        copy(&sandbox.join("at"), &trial.path().join("at"));
        let plan = Plan { kind: "unlink", first, times: 1, action: Action::Before };
        let ended = run(trial.path(), &args(line), &trial.path().join("at"), &Faults::of(plan));
        assert!(ended.is_killed(), "no commit was ever cut short");
        let store = store_in(trial.path());
        if ["commit-in-progress", "catalog.sqlite-journal"].iter().all(|name| store.join(name).exists()) {
            fs::remove_dir_all(sandbox.join("at")).expect("removed");
            copy(&trial.path().join("at"), &sandbox.join("at"));
            return;
        }
    }
    panic!("no commit was ever cut short");
}

/// Copies a folder.
pub fn copy(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from).into_iter().flatten() {
        let target = to.join(entry.path().strip_prefix(from).expect("below it"));
        if entry.file_type().is_dir() {
            fs::create_dir_all(target).expect("made");
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}
