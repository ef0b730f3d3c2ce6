//! A window of time, by the names of log objects.

use crate::archive::ObjectKey;

/// A window of time, microseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// From then on.
    pub from_us: Option<i64>,
    /// Before then.
    pub to_us: Option<i64>,
}

impl Window {
    /// Whether a time has a part in the window.
    pub(super) fn overlaps(&self, start_us: i64, end_us: i64) -> bool {
        self.from_us.is_none_or(|from_us| end_us > from_us) && self.to_us.is_none_or(|to_us| start_us < to_us)
    }

    /// Whether a log object was delivered in the window, as far as its key tells.
    pub(super) fn has(&self, key: &str) -> bool {
        if *self == Window::default() {
            return true;
        }
        let Some(time) = ObjectKey::parse(key).delivery_time else { return true };
        let time_us = time.and_utc().timestamp_micros();
        self.overlaps(time_us, time_us + 1)
    }
}
