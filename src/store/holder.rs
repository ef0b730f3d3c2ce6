//! Who holds a store's lock, as its file says it.
//!
//! The file has the number of the process in its first line, what it does in the second, since when in the third; older
//! versions wrote the first alone. Anybody may have written it: what is not of that form is not repeated.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use super::layout::lock_path;
use crate::time::{format_time, now_us, parse_time};
use crate::util::process;

/// Bytes of the file that are looked at.
const TEXT_MAX: u64 = 256;

/// Characters of a command's name.
const COMMAND_MAX: usize = 32;

/// Who writes to a store, as far as that is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockHolder {
    /// The number of the process.
    pub process: Option<u32>,
    /// The subcommand that it runs.
    pub command: Option<String>,
    /// Since when it writes (UTC).
    pub since: Option<String>,
}

impl LockHolder {
    /// The one that a store's lock names, whether or not it holds it still.
    pub(super) fn of(dir: &Path) -> LockHolder {
        let mut text = String::new();
        // Bytes that are no text name nobody.
        let read = File::open(lock_path(dir)).and_then(|file| file.take(TEXT_MAX).read_to_string(&mut text));
        if read.is_ok() { LockHolder::parse(&text) } else { LockHolder::default() }
    }

    fn parse(text: &str) -> LockHolder {
        let mut lines = text.lines().map(str::trim);
        let is_name = |name: &&str| {
            let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
            !name.is_empty() && name.len() <= COMMAND_MAX && name.bytes().all(is_letter)
        };
        let process = lines.next().and_then(|line| line.parse().ok());
        let command = lines.next().filter(is_name).map(str::to_owned);
        let since = lines.next().filter(|line| parse_time(line).is_some()).map(str::to_owned);
        LockHolder { process, command, since }
    }

    /// Writes down that this process holds the lock from now on.
    pub(super) fn note(mut lock: &File) -> io::Result<()> {
        let command = process::command().unwrap_or_default();
        write!(lock, "{}\n{command}\n{}\n", std::process::id(), format_time(now_us()))
    }
}

impl fmt::Display for LockHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.process {
            Some(process) => write!(f, "process {process}")?,
            None => f.write_str("another process")?,
        }
        match (&self.command, &self.since) {
            (Some(command), Some(since)) => write!(f, " (trailpare {command}, since {since})"),
            (Some(command), None) => write!(f, " (trailpare {command})"),
            (None, Some(since)) => write!(f, " (since {since})"),
            (None, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_of_the_form_is_repeated() {
        let said = |text: &str| LockHolder::parse(text).to_string();
        assert_eq!(
            said("17\nnightly\n2026-01-02T03:04:05Z\n"),
            "process 17 (trailpare nightly, since 2026-01-02T03:04:05Z)"
        );
        assert_eq!(said("17\n"), "process 17");
        assert_eq!(said("17\n\n2026-01-02T03:04:05Z"), "process 17 (since 2026-01-02T03:04:05Z)");
        for odd in ["", "x\x1b[2J\nrm -rf\nsoon\n", "-1\nA\n1\n"] {
            assert_eq!(said(odd), "another process", "{odd:?}");
        }
    }
}
