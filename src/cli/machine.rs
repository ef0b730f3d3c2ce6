//! How much of the machine a long job may take, and what it says of sizes.

use std::time::Duration;

use crate::ingest::MEMORY_LIMIT_MIN_BYTES;
use crate::store::Mode;
use crate::usage::Space;

/// Memory, threads, and how often to commit.
#[derive(Debug, clap::Args)]
pub(super) struct MachineArgs {
    /// Peak resident memory to stay below, at least 256MiB.
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = parse_memory)]
    pub memory_limit: u64,
    /// Worker threads; 0: one a core.
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,
    /// Who may read the store's files: kept for later runs. A new store is private.
    #[arg(long, value_enum)]
    pub mode: Option<Mode>,
    /// Commit at least this often: what a crash may cost.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 5_000, hide = true)]
    commit_interval: u64,
}

impl MachineArgs {
    /// Worker threads.
    pub fn threads(&self) -> usize {
        if self.threads == 0 { cores() } else { self.threads }
    }

    /// How long work may wait for a commit.
    pub fn commit_interval(&self) -> Duration {
        Duration::from_millis(self.commit_interval)
    }
}

/// The memory of a command that answers.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct MemoryArgs {
    /// Peak resident memory to stay below, at least 256MiB: what would take more goes by way of the disk.
    #[arg(long, value_name = "SIZE", default_value = "4GiB", value_parser = parse_memory, help_heading = "How")]
    pub memory_limit: u64,
}

impl Default for MemoryArgs {
    fn default() -> Self {
        MemoryArgs { memory_limit: 4 << 30 }
    }
}

impl MemoryArgs {
    /// Memory for the uses that an answer is made of, beside what the program itself takes.
    pub fn space(&self) -> Space {
        Space::new(&std::env::temp_dir(), self.memory_limit.saturating_sub(PROGRAM_BYTES))
    }
}

/// What the program takes beside the uses that it answers from: code, catalogue, readers of files.
const PROGRAM_BYTES: u64 = 144 << 20;

/// Reads a memory limit.
pub(super) fn parse_memory(text: &str) -> Result<u64, String> {
    match parse_size(text)? {
        bytes if bytes < MEMORY_LIMIT_MIN_BYTES => {
            Err(format!("too little; hint: give {}MiB or more", MEMORY_LIMIT_MIN_BYTES >> 20))
        }
        bytes => Ok(bytes),
    }
}

/// Reads a size: `1GiB`, `512MB`, `1073741824`.
pub(super) fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..).unwrap_or_default().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        _ => return Err("not a size; hint: write 1GiB, 512MiB or a number of bytes".to_owned()),
    };
    let number: u64 = digits.trim().parse().map_err(|_| "not a size; hint: write 1GiB or 512MiB".to_owned())?;
    number.checked_mul(unit).ok_or_else(|| "too large".to_owned())
}

/// Reads an age: `7d`, `12h`, `30m`, `45s`, `0`.
pub(super) fn parse_age(text: &str) -> Result<Duration, String> {
    let hint = || "not an age; hint: write 7d, 12h or 30m".to_owned();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| hint())?;
    let unit_seconds = match text.get(digits.len()..).unwrap_or_default() {
        "w" => 7 * 86_400,
        "d" => 86_400,
        "h" => 3_600,
        "m" | "min" => 60,
        "s" => 1,
        "" if number == 0 => 1,
        _ => return Err(hint()),
    };
    number.checked_mul(unit_seconds).map(Duration::from_secs).ok_or_else(|| "too long".to_owned())
}

/// Reads how long to wait.
pub(super) fn parse_wait(text: &str) -> Result<Duration, String> {
    if text == "forever" { Ok(Duration::MAX) } else { parse_age(text) }
}

/// Worker threads for a machine: one a core.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, |n| n.get())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(parse_size("1GiB"), Ok(1 << 30));
        assert_eq!(parse_size("512m"), Ok(512 << 20));
        assert_eq!(parse_size("5MB"), Ok(5_000_000));
        assert_eq!(parse_size("17"), Ok(17));
        assert!(parse_size("1 parsec").is_err());
        assert!(parse_size("GiB").is_err());
        assert_eq!(parse_memory("256MiB"), Ok(256 << 20));
        assert!(parse_memory("255MiB").is_err_and(|why| why.contains("256MiB")));
        assert!(parse_size("99999999999TiB").is_err());
    }

    #[test]
    fn ages() {
        assert_eq!(parse_age("7d"), Ok(Duration::from_secs(604_800)));
        assert_eq!(parse_age("12h"), Ok(Duration::from_secs(43_200)));
        assert_eq!(parse_age("0"), Ok(Duration::ZERO));
        for text in ["7", "d", "1y", "-1d", "99999999999999999d", ""] {
            assert!(parse_age(text).is_err(), "{text}");
        }
    }

    #[test]
    fn waits() {
        assert_eq!(parse_wait("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(parse_wait("forever"), Ok(Duration::MAX));
        assert!(parse_wait("soon").is_err());
    }
}
