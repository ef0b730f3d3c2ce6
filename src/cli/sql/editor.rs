//! The line editor: what a statement looks like while it is typed, when it is complete, and what was typed before.

use std::borrow::Cow;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::rc::Rc;

use rustyline::completion::{Candidate, Completer};
use rustyline::config::BellStyle;
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Config, Context, Editor, Helper};

use super::complete::{KEYWORDS, offered};
use super::known::Known;
use super::script::{script, skipped};
use crate::query::Library;

/// Statements that are remembered.
const HISTORY_MAX: usize = 5_000;

/// Candidates that are shown without asking.
const SHOWN_MAX: usize = 200;

const PROMPT: &str = "trailpare> ";

/// What the editor asks while people type.
pub(super) struct Assistant {
    known: Known,
    library: Rc<Library>,
    color: bool,
}

/// A candidate: what is shown, and what takes the place.
pub(super) struct Offer(String, String);

impl Candidate for Offer {
    fn display(&self) -> &str {
        &self.0
    }

    fn replacement(&self) -> &str {
        &self.1
    }
}

impl Completer for Assistant {
    type Candidate = Offer;

    fn complete(&self, line: &str, cursor: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Offer>)> {
        let (before, behind) = line.split_at_checked(cursor).unwrap_or((line, ""));
        let found = offered(before, behind, &self.known, &self.library);
        Ok((found.start, found.candidates.into_iter().map(|(shown, put)| Offer(shown, put)).collect()))
    }
}

impl Hinter for Assistant {
    type Hint = String;
}

impl Validator for Assistant {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let is_complete = script(context.input(), |name| is_query(&self.library, name)).is_complete;
        Ok(if is_complete { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}

/// Whether a word that begins a line is a named query's.
pub(super) fn is_query(library: &Library, word: &str) -> bool {
    let is_sql = KEYWORDS.iter().any(|keyword| keyword.eq_ignore_ascii_case(word));
    !word.is_empty() && !is_sql && library.get(word).is_ok()
}

impl Highlighter for Assistant {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        if self.color { Cow::Owned(colored(line)) } else { Cow::Borrowed(line) }
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        if self.color { Cow::Owned(format!("\x1b[1;36m{prompt}\x1b[0m")) } else { Cow::Borrowed(prompt) }
    }

    fn highlight_char(&self, _: &str, _: usize, kind: CmdKind) -> bool {
        self.color && kind != CmdKind::MoveCursor
    }
}

impl Helper for Assistant {}

/// SQL in colours: words of the language, texts, numbers, comments.
fn colored(line: &str) -> String {
    let mut out = String::with_capacity(line.len() * 2);
    let mut at = 0;
    while let Some(rest) = line.get(at..).filter(|rest| !rest.is_empty()) {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let (length, color) = if let Some(length) = skipped(line, at) {
            (length, if rest.starts_with(['-', '/']) { "2" } else { "32" })
        } else if rest.starts_with(is_word) {
            let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let word = rest.get(..length).unwrap_or_default();
            let is_keyword = KEYWORDS.iter().any(|keyword| keyword.eq_ignore_ascii_case(word));
            let is_number = word.chars().all(|c| c.is_ascii_digit());
            (
                length,
                if is_keyword {
                    "1;34"
                } else if is_number {
                    "35"
                } else {
                    ""
                },
            )
        } else {
            (rest.find(|c| is_word(c) || matches!(c, '\'' | '"' | '-' | '/' | '$')).unwrap_or(rest.len()).max(1), "")
        };
        let length = (length..=rest.len()).find(|end| rest.is_char_boundary(*end)).unwrap_or(rest.len());
        let part = rest.get(..length).unwrap_or_default();
        if color.is_empty() {
            out += part;
        } else {
            out += &format!("\x1b[{color}m{part}\x1b[0m");
        }
        at += length;
    }
    out
}

/// What was read.
pub(super) enum Line {
    /// Statements and commands.
    Text(String),
    /// Ctrl-C: what was typed is thrown away.
    Nothing,
    /// Ctrl-D, or the terminal went away.
    End,
}

/// The editor with its history.
pub(super) struct LineEditor {
    editor: Editor<Assistant, FileHistory>,
    history: Option<PathBuf>,
}

impl LineEditor {
    /// An editor with the history of earlier sessions.
    ///
    /// # Errors
    /// The terminal's.
    pub fn new(known: Known, library: Rc<Library>, color: bool) -> rustyline::Result<LineEditor> {
        let config = Config::builder()
            .max_history_size(HISTORY_MAX)?
            .history_ignore_space(true)
            .auto_add_history(false)
            .completion_type(CompletionType::List)
            .completion_prompt_limit(SHOWN_MAX)
            .bell_style(BellStyle::None)
            .build();
        let history = FileHistory::with_config(&config);
        let mut editor = Editor::with_history(config, history)?;
        editor.set_helper(Some(Assistant { known, library, color }));
        let history = history_file();
        if let Some(path) = &history {
            // The first session has none.
            let _ = editor.load_history(path);
        }
        Ok(LineEditor { editor, history })
    }

    /// Reads until a statement is complete.
    ///
    /// # Errors
    /// The terminal's.
    pub fn read(&mut self) -> Result<Line, ReadlineError> {
        match self.editor.readline(PROMPT) {
            Ok(text) => {
                self.remember(&text);
                Ok(Line::Text(text))
            }
            Err(ReadlineError::Interrupted) => Ok(Line::Nothing),
            Err(ReadlineError::Eof) => Ok(Line::End),
            Err(error) => Err(error),
        }
    }

    fn remember(&mut self, text: &str) {
        let text = text.trim_end();
        if text.is_empty() || !self.editor.add_history_entry(text).unwrap_or(false) {
            return;
        }
        if let Some(path) = &self.history {
            // A history that can't be written is no reason to end; the file is its owner's alone.
            let _ = self.editor.append_history(path);
        }
    }
}

/// Where statements are remembered: `$XDG_STATE_HOME/trailpare/sql-history`, `~/.local/state/…` where nothing is said.
fn history_file() -> Option<PathBuf> {
    let of = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = of("XDG_STATE_HOME").or_else(|| Some(of("HOME")?.join(".local/state")))?;
    let folder = state.join("trailpare");
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
    made.is_ok().then(|| folder.join("sql-history"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_change_no_letter() {
        let line = "SELECT 'é' || $1, 42 -- x\nFROM \"a b\" /* c */ t WHERE a >= 1";
        let mut plain = colored(line);
        for code in ["\x1b[1;34m", "\x1b[32m", "\x1b[35m", "\x1b[2m", "\x1b[0m"] {
            assert!(plain.contains(code), "{code:?}");
            plain = plain.replace(code, "");
        }
        assert_eq!(plain, line);
        assert!(colored(line).starts_with("\x1b[1;34mSELECT\x1b[0m \x1b[32m'é'\x1b[0m"));
    }

    proptest::proptest! {
        #[test]
        fn no_line_panics(line in "([a-z;'\"$\\\\/*. é-]|\n|--|/\\*|\\*/){0,24}") {
            let plain = colored(&line).replace("\x1b[1;34m", "").replace("\x1b[32m", "").replace("\x1b[35m", "");
            proptest::prop_assert_eq!(plain.replace("\x1b[2m", "").replace("\x1b[0m", ""), line);
        }
    }
}
