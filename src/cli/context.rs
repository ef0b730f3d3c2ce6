//! What every subcommand gets: how much to say, where, and in which colours.

use std::io::{self, IsTerminal, Write};

use super::catalog::source::Source;
use super::config::Config;
use super::log::{self, Level, LogFormat, Warned};
use crate::iam::Catalog;

/// How the program talks, and what it knows of IAM.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// Say only errors.
    pub quiet: bool,
    /// Say more: 0, 1, 2.
    pub verbose: u8,
    /// Whether standard output is a terminal.
    pub stdout_is_terminal: bool,
    /// Whether standard error is a terminal: progress bars.
    pub stderr_is_terminal: bool,
    /// Whether colours are wanted (`NO_COLOR`, `TERM=dumb`).
    pub color: bool,
    /// How messages look.
    pub log_format: LogFormat,
    /// Actions, resource types, operations.
    pub catalog: &'static Catalog,
    /// Where they are from.
    pub catalog_source: Source,
    /// The version of an imported catalogue that is not used, because it is older than the one built in.
    pub passed_over: Option<&'static str>,
    /// Where settings come from.
    pub config: &'static Config,
    /// The command line, as the history keeps it.
    pub args: &'static [String],
    /// What was warned of.
    pub warned: &'static Warned,
}

impl Context {
    /// Reads the surroundings.
    pub fn new(quiet: bool, verbose: u8, log_format: LogFormat, args: Vec<String>, config: Config) -> Context {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let stderr_is_terminal = io::stderr().is_terminal();
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Context {
            quiet,
            verbose,
            stdout_is_terminal: io::stdout().is_terminal(),
            stderr_is_terminal,
            color: stderr_is_terminal && !is_set("NO_COLOR") && !is_dumb,
            log_format,
            catalog: Catalog::embedded(),
            catalog_source: Source::BuiltIn,
            passed_over: None,
            config: Box::leak(Box::new(config)),
            // One of each a run, for as long as it runs.
            args: Box::leak(args.into_boxed_slice()),
            warned: Box::leak(Box::default()),
        }
    }

    /// Whether progress bars are drawn.
    pub fn shows_progress(&self) -> bool {
        self.stderr_is_terminal && !self.quiet && self.log_format == LogFormat::Text
    }

    /// Says something on standard error, unless told to be quiet.
    pub fn say(&self, text: &str) {
        if !self.quiet {
            self.write(Level::Info, "", text);
        }
    }

    /// Says something on standard error when asked to say more.
    pub fn detail(&self, text: &str) {
        if self.verbose > 0 && !self.quiet {
            self.write(Level::Debug, "", text);
        }
    }

    /// Says what is wrong, on standard error, whatever was asked for.
    pub fn warn(&self, text: &str) {
        self.warned.add(text);
        self.write(Level::Warning, if self.color { "\x1b[33mwarning:\x1b[0m " } else { "warning: " }, text);
    }

    /// Says what went wrong, on standard error, whatever was asked for.
    pub fn error(&self, text: &str) {
        self.write(Level::Error, if self.color { "\x1b[31merror:\x1b[0m " } else { "error: " }, text);
    }

    fn write(&self, level: Level, label: &str, text: &str) {
        let _ = io::stderr().write_all(log::line(self.log_format, level, label, text).as_bytes());
    }
}
