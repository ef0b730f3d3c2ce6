//! How the program ends: exit codes, and errors that decide them.

use std::fmt;
use std::process::ExitCode;

use super::hint;

/// The exit codes, as documented in `--help` and the README.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// It could not be done.
    Failed,
    /// The arguments don't make sense.
    Usage,
    /// Done, but some objects were refused or records kept out.
    Refused,
    /// A policy would deny what was allowed.
    WouldDeny,
    /// A policy was printed that lacks something that was used.
    Incomplete,
    /// Of an archive something is altered or missing. No command ends with both this and `Incomplete`.
    Tampered,
    /// Something was done that the deployed policies would not allow, or for which there are none.
    Drifted,
    /// A rule found something.
    Found,
    /// Ended by Ctrl-C or a signal.
    Interrupted,
}

impl Exit {
    /// All of them, the gravest last: of several the one that counts.
    pub const ALL: [Exit; 10] = [
        Exit::Done,
        Exit::Refused,
        Exit::Incomplete,
        Exit::WouldDeny,
        Exit::Drifted,
        Exit::Found,
        Exit::Tampered,
        Exit::Usage,
        Exit::Failed,
        Exit::Interrupted,
    ];

    /// In a word, as documents, the history and metrics have it.
    pub fn name(self) -> &'static str {
        match self {
            Exit::Done => "done",
            Exit::Failed => "failed",
            Exit::Usage => "usage",
            Exit::Refused => "refused",
            Exit::WouldDeny => "would-deny",
            Exit::Incomplete => "incomplete",
            Exit::Tampered => "tampered",
            Exit::Drifted => "drifted",
            Exit::Found => "found",
            Exit::Interrupted => "interrupted",
        }
    }

    /// The graver of two.
    pub fn worst(self, other: Exit) -> Exit {
        let rank = |exit: Exit| Exit::ALL.iter().position(|one| *one == exit);
        if rank(other) > rank(self) { other } else { self }
    }

    /// The number for the shell.
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Refused => 3,
            Exit::WouldDeny => 4,
            Exit::Incomplete | Exit::Tampered | Exit::Drifted | Exit::Found => 5,
            Exit::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// An error that ends a command.
#[derive(Debug)]
pub enum CliError {
    /// Exit code 2.
    Usage(String),
    /// Exit code 1.
    Failed(Box<dyn std::error::Error + Send + Sync>),
    /// Somebody asked it to end: exit code 130.
    Interrupted,
    /// Whoever read standard output went away: nothing to say, exit code 0.
    BrokenPipe,
}

impl CliError {
    /// An error in words, exit code 1.
    pub fn failed(text: impl Into<String>) -> CliError {
        CliError::Failed(text.into().into())
    }

    /// How the program ends with this error.
    pub fn exit(&self) -> Exit {
        match self {
            CliError::Usage(_) => Exit::Usage,
            CliError::Failed(_) => Exit::Failed,
            CliError::Interrupted => Exit::Interrupted,
            CliError::BrokenPipe => Exit::Done,
        }
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CliError::Usage(text) => f.write_str(text),
            CliError::Failed(error) => f.write_str(&hint::said(error.as_ref())),
            CliError::Interrupted => f.write_str("interrupted"),
            CliError::BrokenPipe => f.write_str("broken pipe"),
        }
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for CliError {
    fn from(error: E) -> CliError {
        let error: Box<dyn std::error::Error + Send + Sync> = Box::new(error);
        match error.downcast_ref::<std::io::Error>() {
            Some(io) if io.kind() == std::io::ErrorKind::BrokenPipe => CliError::BrokenPipe,
            _ => CliError::Failed(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_of_several_counts() {
        assert_eq!(Exit::Done.worst(Exit::Refused), Exit::Refused);
        assert_eq!(Exit::Tampered.worst(Exit::Refused), Exit::Tampered);
        assert_eq!(Exit::Drifted.worst(Exit::Failed), Exit::Failed);
        for exit in Exit::ALL {
            assert_eq!((Exit::Done.worst(exit), Exit::Interrupted.worst(exit)), (exit, Exit::Interrupted));
        }
    }

    /// The table of the documentation has every exit, in the order of gravity, and nothing else.
    #[test]
    fn the_documentation_has_them_all() {
        let documented = include_str!("../../docs/exit-codes.md");
        let rows = documented.lines().filter_map(|line| line.strip_prefix("| `"));
        let told: Vec<(String, String)> = rows
            .map(|row| {
                let mut cells = row.split('|').map(str::trim);
                let name = cells.next().unwrap_or_default().trim_end_matches('`').to_owned();
                (name, cells.next().unwrap_or_default().to_owned())
            })
            .collect();
        let expected: Vec<(String, String)> =
            Exit::ALL.iter().map(|exit| (exit.name().to_owned(), exit.code().to_string())).collect();
        assert_eq!(told, expected);
        for exit in Exit::ALL {
            let line = format!("\n  {:<5}", exit.code());
            assert!(super::super::AFTER_HELP.contains(line.trim_end()), "--help lacks {}", exit.code());
        }
    }
}
