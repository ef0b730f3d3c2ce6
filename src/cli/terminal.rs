//! The terminal that standard output is: its size, and its modes, which a line editor changes.

use std::io::{self, IsTerminal};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

/// What a terminal has where it doesn't say.
const DEFAULT: (usize, usize) = (80, 24);

/// Columns and rows of standard output; `None` where it is no terminal.
pub(super) fn size() -> Option<(usize, usize)> {
    let out = io::stdout();
    if !out.is_terminal() {
        return None;
    }
    let Ok(size) = tcgetwinsize(&out) else { return Some(DEFAULT) };
    let or = |given: u16, default: usize| if given == 0 { default } else { usize::from(given) };
    Some((or(size.ws_col, DEFAULT.0), or(size.ws_row, DEFAULT.1)))
}

/// The modes of standard input as they are now.
#[derive(Debug)]
pub(super) struct Modes(Option<Termios>);

impl Modes {
    pub fn now() -> Modes {
        Modes(tcgetattr(io::stdin()).ok())
    }

    /// Puts them back.
    pub fn restore(&self) {
        if let Some(modes) = &self.0 {
            // A terminal that went away has no modes.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, modes);
        }
    }
}
