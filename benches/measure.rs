//! Running a program to its end: how long, and how much memory at its peak.

// Each benchmark looks at what it needs.
#![allow(dead_code)]

use std::process::{Child, Command, Stdio};
use std::time::Instant;

pub struct Ran {
    pub seconds: f64,
    /// Peak resident memory.
    pub peak_bytes: u64,
    /// The first 64 KiB of what it printed.
    pub stdout: String,
    pub stderr: String,
}

/// What is kept of a program's output.
const KEPT_BYTES: usize = 64 << 10;

/// Runs a command; `None`, with its words, when it fails.
pub fn run(command: &mut Command) -> Option<Ran> {
    let began = Instant::now();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null()).spawn().ok()?;
    let (out, err) = (child.stdout.take()?, child.stderr.take()?);
    let (stdout, stderr) = std::thread::scope(|scope| {
        let stdout = scope.spawn(|| head(out));
        let stderr = head(err);
        (stdout.join().unwrap_or_default(), stderr)
    });
    let (succeeded, peak_bytes) = wait(&child);
    let seconds = began.elapsed().as_secs_f64();
    if !succeeded {
        eprintln!("{command:?} failed: {stderr}");
        return None;
    }
    Some(Ran { seconds, peak_bytes, stdout, stderr })
}

/// Reads to the end, keeps the beginning.
fn head(mut from: impl std::io::Read) -> String {
    let (mut kept, mut buffer) = (Vec::new(), vec![0; KEPT_BYTES]);
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        kept.extend_from_slice(&buffer[..read.min(KEPT_BYTES - kept.len())]);
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// Waits for a child; whether it succeeded, and its peak resident memory in bytes.
fn wait(child: &Child) -> (bool, u64) {
    let (mut status, mut usage) = (0, std::mem::MaybeUninit::<libc::rusage>::zeroed());
    // SAFETY: both pointers are to locals that live through the call; a zeroed `rusage` is a valid one.
    let (waited, usage) = unsafe {
        let waited = libc::wait4(child.id() as libc::pid_t, &mut status, 0, usage.as_mut_ptr());
        (waited, usage.assume_init())
    };
    let succeeded = waited > 0 && libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0;
    (succeeded, usage.ru_maxrss as u64 * 1024)
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
