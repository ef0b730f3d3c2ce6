//! What every subcommand gets: how much to say, where, and in which colours.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use super::CliError;
use crate::iam::Catalog;
use crate::util::shown;

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
    /// Actions, resource types, operations.
    pub catalog: &'static Catalog,
}

impl Context {
    /// Reads the surroundings.
    pub fn new(quiet: bool, verbose: u8) -> Context {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let stderr_is_terminal = io::stderr().is_terminal();
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Context {
            quiet,
            verbose,
            stdout_is_terminal: io::stdout().is_terminal(),
            stderr_is_terminal,
            color: stderr_is_terminal && !is_set("NO_COLOR") && !is_dumb,
            catalog: Catalog::embedded(),
        }
    }

    /// The same with a catalogue out of a file.
    ///
    /// # Errors
    /// A file that can't be read or is no catalogue.
    pub fn with_catalog(self, path: &Path) -> Result<Context, CliError> {
        let bytes = std::fs::read(path)
            .map_err(|error| CliError::failed(format!("cannot read the catalogue {}: {error}", shown::path(path))))?;
        let catalog =
            Catalog::load(&bytes).map_err(|error| CliError::failed(format!("{}: {error}", shown::path(path))))?;
        // One a run, for as long as it runs.
        Ok(Context { catalog: Box::leak(Box::new(catalog)), ..self })
    }

    /// Whether progress bars are drawn.
    pub fn shows_progress(&self) -> bool {
        self.stderr_is_terminal && !self.quiet
    }

    /// Says something on standard error, unless told to be quiet.
    pub fn say(&self, text: &str) {
        if !self.quiet {
            let _ = writeln!(io::stderr(), "{}", printable(text));
        }
    }

    /// Says something on standard error when asked to say more.
    pub fn detail(&self, text: &str) {
        if self.verbose > 0 {
            self.say(text);
        }
    }

    /// Says what is wrong, on standard error, whatever was asked for.
    pub fn warn(&self, text: &str) {
        let label = if self.color { "\x1b[33mwarning:\x1b[0m" } else { "warning:" };
        let _ = writeln!(io::stderr(), "{label} {}", printable(text));
    }

    /// Says what went wrong, on standard error, whatever was asked for.
    pub fn error(&self, text: &str) {
        let label = if self.color { "\x1b[31merror:\x1b[0m" } else { "error:" };
        let _ = writeln!(io::stderr(), "{label} {}", printable(text));
    }
}

/// Text made harmless for a terminal: control characters but line ends and tabs are shown as escapes. Names in it have
/// gone through `shown::name` before, so that none ends a line.
pub fn printable(text: &str) -> String {
    let is_harmless = |c: char| !shown::is_harmful(c) || matches!(c, '\n' | '\t');
    if text.chars().all(is_harmless) {
        return text.to_owned();
    }
    text.chars().map(|c| if is_harmless(c) { c.to_string() } else { c.escape_default().to_string() }).collect()
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn control_characters_are_shown() {
        assert_eq!(printable("a\x1b[31mb\n"), "a\\u{1b}[31mb\n");
        assert_eq!(printable("arn:aws:iam::1:role/é"), "arn:aws:iam::1:role/é");
        assert_eq!(printable("a\u{202e}b"), "a\\u{202e}b");
    }
}
