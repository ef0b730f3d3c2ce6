//! What the program says on standard error, line by line: for people, or as JSON for whatever collects it.

use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value};

use crate::time::{format_time, now_us};
use crate::util::shown;

/// How messages on standard error look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// The same, each with its time and level in front.
    Timed,
    /// One JSON object a message: `time`, `level`, `message`, `hint`.
    Json,
}

/// How grave a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Debug,
    Info,
    Warning,
    Error,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warning => "warning",
            Level::Error => "error",
        }
    }
}

/// A message with its line end. `label` stands before it for people.
pub(super) fn line(format: LogFormat, level: Level, label: &str, text: &str) -> String {
    line_at(now_us(), format, level, label, text)
}

fn line_at(time_us: i64, format: LogFormat, level: Level, label: &str, text: &str) -> String {
    match format {
        LogFormat::Text => format!("{label}{}\n", printable(text)),
        LogFormat::Timed => {
            format!("{} {:<7} {}\n", format_time(time_us), level.name(), printable(text))
        }
        LogFormat::Json => {
            let (message, hint) = text.split_once("\nhint: ").map_or((text, None), |(text, hint)| (text, Some(hint)));
            let mut object = Map::new();
            object.insert("time".to_owned(), format_time(time_us).into());
            object.insert("level".to_owned(), level.name().into());
            object.insert("message".to_owned(), message.into());
            if let Some(hint) = hint {
                object.insert("hint".to_owned(), hint.into());
            }
            let mut line = String::new();
            // JSON leaves some alone that a terminal would act on; none of them is beyond 16 bits.
            for c in Value::Object(object).to_string().chars() {
                match shown::is_harmful(c) {
                    true => line += &format!("\\u{:04x}", u32::from(c)),
                    false => line.push(c),
                }
            }
            line + "\n"
        }
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

/// Warnings that are kept for documents.
const KEPT_MAX: usize = 200;

/// What was warned of so far.
#[derive(Debug, Default)]
pub struct Warned(Mutex<(Vec<String>, u64)>);

impl Warned {
    pub(super) fn add(&self, text: &str) {
        let mut warned = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.0.len() < KEPT_MAX {
            warned.0.push(text.to_owned());
        } else {
            warned.1 += 1;
        }
    }

    /// The first warnings, and how many there were behind them, since this was asked last.
    pub(super) fn take(&self) -> (Vec<String>, u64) {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown() {
        assert_eq!(printable("a\x1b[31mb\n"), "a\\u{1b}[31mb\n");
        assert_eq!(printable("arn:aws:iam::1:role/é"), "arn:aws:iam::1:role/é");
        assert_eq!(printable("a\u{202e}b"), "a\\u{202e}b");
    }

    #[test]
    fn messages_in_every_format() {
        let text = "no such file: a\u{1b}\u{9b}b\nhint: look elsewhere\nhint: or here";
        let of = |format| line_at(0, format, Level::Error, "error: ", text);
        assert_eq!(of(LogFormat::Text), "error: no such file: a\\u{1b}\\u{9b}b\nhint: look elsewhere\nhint: or here\n");
        assert!(of(LogFormat::Timed).starts_with("1970-01-01T00:00:00Z error   no such file: a\\u{1b}\\u{9b}b\n"));
        assert_eq!(
            of(LogFormat::Json),
            "{\"time\":\"1970-01-01T00:00:00Z\",\"level\":\"error\",\"message\":\"no such file: a\\u001b\\u009bb\",\
             \"hint\":\"look elsewhere\\nhint: or here\"}\n"
        );
    }

    #[test]
    fn warnings_are_kept_up_to_a_number() {
        let warned = Warned::default();
        (0..KEPT_MAX + 3).for_each(|n| warned.add(&n.to_string()));
        let (kept, more) = warned.take();
        assert_eq!((kept.len(), kept[0].as_str(), more), (KEPT_MAX, "0", 3));
        assert_eq!(warned.take(), (Vec::new(), 0));
    }
}
