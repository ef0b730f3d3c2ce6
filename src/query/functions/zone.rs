//! Time zones.

use arrow::array::timezone::Tz;
use chrono::{DateTime, Offset, TimeZone};
use datafusion::error::Result;

/// Seconds that a zone's clock is ahead of UTC at a time.
pub(super) fn offset_seconds(zone: &str, time_us: i64) -> Result<i64> {
    if matches!(zone, "UTC" | "+00:00" | "Z") {
        return Ok(0);
    }
    let zone: Tz = zone.parse()?;
    let Some(time) = DateTime::from_timestamp_micros(time_us) else { return Ok(0) };
    Ok(i64::from(zone.offset_from_utc_datetime(&time.naive_utc()).fix().local_minus_utc()))
}
