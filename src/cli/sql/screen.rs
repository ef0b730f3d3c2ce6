//! The screen that answers go to: what is longer than it goes through a pager.

use std::io::{self, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::cli::terminal;

/// What `less` is told where the user says nothing: to end where everything fits, and to leave the screen as it is.
const LESS: &str = "FRX";

/// Text on its way to a terminal, held back until it is more than fits.
pub(super) struct Screen {
    held: Vec<u8>,
    /// Rows that are taken, lines that go on in the next row counted.
    rows: usize,
    column: usize,
    size: (usize, usize),
    pager: Option<String>,
    running: Option<Child>,
}

impl Screen {
    /// A screen with the pager that the environment names; none of it where `is_paged` is false.
    pub fn new(is_paged: bool) -> Screen {
        let size = terminal::size().unwrap_or((usize::MAX, usize::MAX));
        let pager = if is_paged { pager() } else { None };
        Screen { held: Vec::new(), rows: 0, column: 0, size, pager, running: None }
    }

    /// Shows what is held back, and waits until the pager is left.
    pub fn finish(&mut self) -> io::Result<()> {
        match self.running.take() {
            Some(mut pager) => {
                drop(pager.stdin.take());
                pager.wait()?;
            }
            None => {
                let mut out = io::stdout().lock();
                out.write_all(&std::mem::take(&mut self.held))?;
                out.flush()?;
            }
        }
        (self.rows, self.column) = (0, 0);
        Ok(())
    }

    fn count(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'\n' => (self.rows, self.column) = (self.rows + 1, 0),
                // The further bytes of a character.
                0x80..0xc0 => {}
                _ if self.column >= self.size.0 => (self.rows, self.column) = (self.rows + 1, 1),
                _ => self.column += 1,
            }
        }
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(input) = self.running.as_mut().and_then(|pager| pager.stdin.as_mut()) {
            return input.write(bytes);
        }
        self.held.extend_from_slice(bytes);
        self.count(bytes);
        if self.pager.is_none() {
            // Nothing is gained by waiting.
            io::stdout().lock().write_all(&std::mem::take(&mut self.held))?;
        } else if self.rows + 1 >= self.size.1 {
            let command = self.pager.take().unwrap_or_default();
            let mut pager = Command::new("sh");
            pager.args(["-c", &command]).stdin(Stdio::piped());
            if std::env::var_os("LESS").is_none() {
                pager.env("LESS", LESS);
            }
            // Without a pager everything goes to the terminal.
            if let Ok(mut child) = pager.spawn() {
                if let Some(input) = &mut child.stdin {
                    input.write_all(&std::mem::take(&mut self.held))?;
                }
                self.running = Some(child);
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.running.as_mut().and_then(|pager| pager.stdin.as_mut()) {
            Some(input) => input.flush(),
            None => io::stdout().lock().flush(),
        }
    }
}

/// A screen that a query writes to and the shell finishes, also where the query does not come to its end.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<Screen>>);

impl Shared {
    pub fn new(screen: Screen) -> Shared {
        Shared(Arc::new(Mutex::new(screen)))
    }

    /// The screen, while nobody else writes to it.
    pub fn screen(&self) -> MutexGuard<'_, Screen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.screen().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.screen().flush()
    }
}

/// `$PAGER`, else `less`; none where it is empty or `cat`.
fn pager() -> Option<String> {
    let command = std::env::var("PAGER").unwrap_or_else(|_| "less".to_owned());
    let is_none = matches!(command.trim(), "" | "cat");
    (!is_none).then_some(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_the_screen_are_counted() {
        let mut screen = Screen { held: vec![], rows: 0, column: 0, size: (4, 100), pager: None, running: None };
        screen.count("abcd\nabcde\né日本語\n".as_bytes());
        assert_eq!((screen.rows, screen.column), (4, 0));
    }
}
