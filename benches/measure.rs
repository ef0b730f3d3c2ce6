//! Running a program to its end: how long, and how much memory at its peak.

// Each benchmark looks at what it needs.
#![allow(dead_code)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

pub struct Ran {
    pub seconds: f64,
    /// User and system time of all its threads.
    pub cpu_seconds: f64,
    /// Peak resident memory.
    pub peak_bytes: u64,
    /// The first 64 KiB of what it printed.
    pub stdout: String,
    pub stderr: String,
}

/// The program to measure: the one built with the benchmarks, or what `TRAILPARE_BENCH_PROGRAM` names.
pub fn program() -> PathBuf {
    std::env::var_os("TRAILPARE_BENCH_PROGRAM").map_or_else(|| env!("CARGO_BIN_EXE_trailpare").into(), PathBuf::from)
}

/// What is kept of a program's output.
const KEPT_BYTES: usize = 64 << 10;

/// Runs a command; `None`, with its words, when it fails.
pub fn run(command: &mut Command) -> Option<Ran> {
    let (ran, succeeded) = run_any(command)?;
    if !succeeded {
        eprintln!("{command:?} failed: {}", ran.stderr);
    }
    succeeded.then_some(ran)
}

/// Runs a command, and whether it succeeded.
pub fn run_any(command: &mut Command) -> Option<(Ran, bool)> {
    settle();
    let began = Instant::now();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null()).spawn().ok()?;
    let (out, err) = (child.stdout.take()?, child.stderr.take()?);
    let (stdout, stderr) = std::thread::scope(|scope| {
        let stdout = scope.spawn(|| head(out));
        let stderr = head(err);
        (stdout.join().unwrap_or_default(), stderr)
    });
    let (succeeded, cpu_seconds, peak_bytes) = wait(&child);
    let seconds = began.elapsed().as_secs_f64();
    Some((Ran { seconds, cpu_seconds, peak_bytes, stdout, stderr }, succeeded))
}

/// Sees to it that nobody pays for others: for what they wrote and the disk hasn't got yet, or for our own peak memory,
/// with which a child begins that shares our memory until it has its own.
pub fn settle() {
    // SAFETY: it takes nothing and cannot fail.
    unsafe { libc::sync() };
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// Reads to the end, keeps the beginning.
fn head(mut from: impl std::io::Read) -> String {
    let (mut kept, mut buffer) = (Vec::new(), vec![0; KEPT_BYTES]);
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        kept.extend_from_slice(&buffer[..read.min(KEPT_BYTES - kept.len())]);
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// Waits for a child; whether it succeeded, its user and system seconds, and its peak resident memory in bytes.
fn wait(child: &Child) -> (bool, f64, u64) {
    let (mut status, mut usage) = (0, std::mem::MaybeUninit::<libc::rusage>::zeroed());
    // SAFETY: both pointers are to locals that live through the call; a zeroed `rusage` is a valid one.
    let (waited, usage) = unsafe {
        let waited = libc::wait4(child.id() as libc::pid_t, &mut status, 0, usage.as_mut_ptr());
        (waited, usage.assume_init())
    };
    let succeeded = waited > 0 && libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0;
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    (succeeded, seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss as u64 * 1024)
}

/// Bytes of all files below a folder.
pub fn folder_bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => folder_bytes(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.map(size).sum()
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
