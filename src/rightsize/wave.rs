//! When to act: at once, after a question, or not at all.

use std::collections::BTreeSet;

use crate::time::{MICROS_PER_DAY, format_date};

/// What is to be done about somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wave {
    /// Nobody used it, and the log would tell: take it away.
    Delete,
    /// Cut it down: the proof is complete, nobody loses what was used.
    Tighten,
    /// Cut it down, or take it away, after a question: something is not known.
    Ask,
    /// Leave it: nothing is too much, or somebody says so.
    Keep,
}

impl Wave {
    /// Every wave, in the order to act in.
    pub const ALL: [Wave; 4] = [Wave::Delete, Wave::Tighten, Wave::Ask, Wave::Keep];

    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Wave::Delete => "delete",
            Wave::Tighten => "tighten",
            Wave::Ask => "ask",
            Wave::Keep => "keep",
        }
    }

    /// What it means.
    pub fn about(self) -> &'static str {
        match self {
            Wave::Delete => "never used: take it away",
            Wave::Tighten => "tighten without risk: the proof is complete",
            Wave::Ask => "ask the owner first",
            Wave::Keep => "keep as it is",
        }
    }
}

/// What of the log counts: days with events within what was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// First day with events, days since 1970-01-01.
    pub first_day: i32,
    /// Last day with events.
    pub last_day: i32,
    /// Days between them, both counted, without any event.
    pub empty_days: usize,
    /// Fewer days than these tell too little.
    pub days_min: u32,
}

impl Window {
    /// Of the days that have events.
    pub fn new(days: &BTreeSet<i32>, days_min: u32) -> Window {
        let (first_day, last_day) = (days.first().copied().unwrap_or_default(), days.last().copied().unwrap_or(-1));
        let span = usize::try_from(i64::from(last_day) - i64::from(first_day) + 1).unwrap_or_default();
        Window { first_day, last_day, empty_days: span.saturating_sub(days.len()), days_min }
    }

    /// Days from the first to the last.
    pub fn days(&self) -> u32 {
        u32::try_from(i64::from(self.last_day) - i64::from(self.first_day) + 1).unwrap_or_default()
    }

    /// In words.
    pub fn said(&self) -> String {
        if self.days() == 0 {
            return "no day with events".to_owned();
        }
        let (first, last) = (format_date(self.first_day), format_date(self.last_day));
        let gaps = if self.empty_days > 0 { format!(", {} without any event", self.empty_days) } else { String::new() };
        format!("{first} to {last}, {} days{gaps}", self.days())
    }

    /// Why it tells too little, if it does.
    pub fn shortness(&self) -> Option<String> {
        let (days, days_min) = (self.days(), self.days_min);
        (days < days_min).then(|| format!("short window: {days} days of the {days_min} that are asked for"))
    }

    /// Why somebody is too new for what it did to tell much: made in the window, or first seen late in it.
    pub fn newness(&self, created_us: Option<i64>, first_use_us: Option<i64>) -> Option<String> {
        // What a short window says of everybody is said once.
        if self.days() < self.days_min {
            return None;
        }
        let age = |since: i64| i64::from(self.last_day) + 1 - since.div_euclid(MICROS_PER_DAY);
        let (since, what, least) = match (created_us, first_use_us) {
            (Some(created), _) => (created, "made", self.days_min),
            // Who is old may have come late in the window for the first time.
            (None, Some(first)) => (first, "first seen", self.days_min.min(self.days() / 3)),
            (None, None) => return None,
        };
        let days = age(since);
        (days < i64::from(least)).then(|| format!("new principal: {what} {days} days before the window's end"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows() {
        let window = Window::new(&BTreeSet::from([10, 11, 40]), 30);
        assert_eq!((window.days(), window.empty_days), (31, 28));
        assert_eq!(window.shortness(), None);
        let at = |day: i64| Some(day * MICROS_PER_DAY);
        assert!(window.newness(at(12), None).unwrap().contains("made 29 days"));
        assert_eq!(window.newness(at(11), at(40)), None);
        assert!(window.newness(None, at(40)).unwrap().contains("first seen 1 days"));
        assert_eq!(window.newness(None, at(30)), None);
        let short = Window::new(&BTreeSet::from([10, 12]), 30);
        assert_eq!(short.shortness().unwrap(), "short window: 3 days of the 30 that are asked for");
        assert_eq!(short.newness(at(12), None), None);
        assert_eq!(Window::new(&BTreeSet::new(), 30).said(), "no day with events");
    }
}
