//! Running the program with system calls that fail, or that are its last.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// What a process is killed for that does not end.
const PATIENCE: Duration = Duration::from_secs(120);

/// Kinds of system calls, in the order of `preload.c`.
pub const KINDS: [&str; 12] =
    ["open", "read", "write", "sync", "rename", "unlink", "link", "truncate", "mkdir", "stat", "list", "mode"];

/// The library that is put before the system's, compiled once a run.
static PRELOAD: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (own, shared) = (folder.join(format!("faults-{}.so", std::process::id())), folder.join("faults.so"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/faults/preload.c");
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let mut command = Command::new(compiler);
    command.args(["-O1", "-shared", "-fPIC", "-o"]).arg(&own).arg(source).args(["-ldl", "-lpthread"]);
    assert!(command.status().expect("a C compiler, as SQLite needs one").success(), "preload.c does not compile");
    fs::rename(own, &shared).expect("renamed");
    shared
});

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// It fails with this number.
    Errno(i32),
    /// It does half of what was asked.
    Short,
    /// The process is killed instead.
    Before,
    /// The process is killed behind it.
    After,
}

impl Action {
    /// As `preload.c` reads it.
    fn text(self) -> String {
        match self {
            Action::Errno(number) => number.to_string(),
            Action::Short => "short".to_owned(),
            Action::Before => "before".to_owned(),
            Action::After => "after".to_owned(),
        }
    }

    /// For people.
    pub fn name(self) -> String {
        let names = [
            (libc::EINTR, "EINTR"),
            (libc::EIO, "EIO"),
            (libc::EACCES, "EACCES"),
            (libc::EMFILE, "EMFILE"),
            (libc::ENOSPC, "ENOSPC"),
            (libc::EDQUOT, "EDQUOT"),
        ];
        match self {
            Action::Errno(number) => names.iter().find(|(n, _)| *n == number).expect("a name").1.to_owned(),
            Action::Before => "killed before".to_owned(),
            Action::After => "killed after".to_owned(),
            Action::Short => "cut short".to_owned(),
        }
    }
}

/// Which calls are hit, and how.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub kind: &'static str,
    /// From the how manieth call of the kind on, from 1.
    pub first: u64,
    /// How many; 0: all from there on.
    pub times: u64,
    pub action: Action,
}

/// What is wrong with the system while a program runs.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    pub plan: Option<Plan>,
    /// Bytes until the disk is full.
    pub bytes: Option<u64>,
    /// Seconds by which the clock is off; `~`: it jumps.
    pub clock: Option<String>,
    /// Where changes are written down.
    pub log: Option<PathBuf>,
}

impl Faults {
    /// A plan and nothing else.
    pub fn of(plan: Plan) -> Faults {
        Faults { plan: Some(plan), ..Faults::default() }
    }
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// The signal; 0 for one that did not end by itself.
    pub signal: Option<i32>,
    pub out: Vec<u8>,
    /// Standard error.
    pub said: String,
    /// Calls that the plan met.
    pub hits: u64,
    /// Calls by kind, as in [`KINDS`].
    pub calls: [u64; KINDS.len()],
    /// The first change of a file that is none of its own.
    pub outside: Option<String>,
}

impl Ended {
    /// Whether the harness killed it as planned.
    pub fn is_killed(&self) -> bool {
        self.signal == Some(libc::SIGKILL)
    }
}

/// Where the store of a sandbox lies: in a folder of its own.
pub fn store_in(sandbox: &Path) -> PathBuf {
    sandbox.join("at/store")
}

/// Runs the program on the store in `sandbox`; calls on `root` are hit and counted. The working folder, the temporary
/// folder and the home lie in the sandbox too: changes elsewhere are counted.
pub fn run(sandbox: &Path, args: &[String], root: &Path, faults: &Faults) -> Ended {
    let desk = sandbox.join("desk");
    fs::create_dir_all(&desk).expect("a folder");
    fs::create_dir_all(sandbox.join("at")).expect("a folder");
    let (shared, out, said) = (desk.join("shared"), desk.join("out"), desk.join("said"));
    fs::write(&shared, [0; 4096]).expect("written");
    let program = std::env::var_os("TRAILPARE_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_trailpare").into());
    let mut command = Command::new(program);
    command.args(args).current_dir(&desk).stdin(Stdio::null());
    command.stdout(fs::File::create(&out).expect("a file")).stderr(fs::File::create(&said).expect("a file"));
    command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", &desk).env("TMPDIR", &desk);
    command.env("TRAILPARE_STORE", store_in(sandbox));
    command.env("LD_PRELOAD", &*PRELOAD).env("FAULT_ROOT", root).env("FAULT_ALLOW", sandbox);
    command.env("FAULT_SHARED", &shared);
    if let Some(Plan { kind, first, times, action }) = &faults.plan {
        command.env("FAULT_PLAN", format!("{kind}:{first}:{times}:{}", action.text()));
    }
    faults.bytes.inspect(|bytes| _ = command.env("FAULT_BYTES", bytes.to_string()));
    faults.clock.as_ref().inspect(|clock| _ = command.env("FAULT_CLOCK", clock));
    faults.log.as_ref().inspect(|log| _ = command.env("FAULT_LOG", log));
    let mut child = command.spawn().expect("the program starts");
    let begun = Instant::now();
    let (status, is_hung) = loop {
        if let Some(status) = child.try_wait().expect("waited for") {
            break (status, false);
        }
        if begun.elapsed() > PATIENCE {
            child.kill().expect("killed");
            break (child.wait().expect("waited for"), true);
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let counted = fs::read(&shared).expect("read");
    let number = |at: usize| u64::from_ne_bytes(counted[8 * at..][..8].try_into().expect("eight bytes"));
    assert_eq!(number(0), 1, "the library was not loaded: is the program linked statically?");
    let text = &counted[8 * (3 + KINDS.len())..][..512];
    let what = String::from_utf8_lossy(text.split(|byte| *byte == 0).next().expect("one")).into_owned();
    Ended {
        code: status.code(),
        signal: if is_hung { Some(0) } else { status.signal() },
        out: fs::read(out).expect("read"),
        said: String::from_utf8_lossy(&fs::read(said).expect("read")).into_owned(),
        hits: number(1),
        calls: std::array::from_fn(|kind| number(3 + kind)),
        outside: (number(2) > 0).then_some(what),
    }
}
