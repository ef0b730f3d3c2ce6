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
    /// Ended by Ctrl-C or a signal.
    Interrupted,
}

impl Exit {
    /// The number for the shell.
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Refused => 3,
            Exit::WouldDeny => 4,
            Exit::Incomplete | Exit::Tampered | Exit::Drifted => 5,
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
