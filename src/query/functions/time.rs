//! `cloudtrail_time`: a time as CloudTrail writes it, and comparisons with it that still prune.

use std::sync::Arc;

use arrow::array::{AsArray, StringViewArray};
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use chrono::{DateTime, NaiveDateTime};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::interval_arithmetic::Interval;
use datafusion::logical_expr::preimage::PreimageResult;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// How CloudTrail writes a time.
pub(super) const CLOUDTRAIL_FORMAT: &str = "%Y-%m-%dT%H:%M:%SZ";

pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![ScalarUDF::from(CloudtrailTime::new())]
}

/// `cloudtrail_time(time)`: `2023-07-10T12:00:00Z`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct CloudtrailTime {
    signature: Signature,
}

/// The type of every time in the store.
pub(super) fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

impl CloudtrailTime {
    fn new() -> Self {
        CloudtrailTime { signature: Signature::exact(vec![time_type()], Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for CloudtrailTime {
    fn name(&self) -> &str {
        "cloudtrail_time"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let Some(times) = arrays.first().and_then(|array| array.as_primitive_opt::<TimestampMicrosecondType>()) else {
            return datafusion::common::internal_err!("cloudtrail_time wants a time");
        };
        let texts: StringViewArray = times.iter().map(|time| time.and_then(format)).collect();
        Ok(ColumnarValue::Array(Arc::new(texts)))
    }

    /// `cloudtrail_time(t) >= '2023-07-10'` is a comparison of `t` itself, so that it prunes files and pages.
    fn preimage(&self, args: &[Expr], literal: &Expr, _: &SimplifyContext) -> Result<PreimageResult> {
        let (Some(time), Expr::Literal(literal, _)) = (args.first(), literal) else {
            return Ok(PreimageResult::None);
        };
        let Some((lower_us, upper_us)) = literal.try_as_str().flatten().and_then(preimage) else {
            return Ok(PreimageResult::None);
        };
        let bound = |us| ScalarValue::TimestampMicrosecond(Some(us), Some("UTC".into()));
        let interval = Interval::try_new(bound(lower_us), bound(upper_us))?;
        Ok(PreimageResult::Range { expr: time.clone(), interval: Box::new(interval) })
    }
}

fn format(time_us: i64) -> Option<String> {
    Some(DateTime::from_timestamp_micros(time_us)?.format(CLOUDTRAIL_FORMAT).to_string())
}

/// The times, lower bound included and upper not, whose text is `text`. A prefix such as `2023-07-10T12` is no time's
/// text, but stands at one place in their order: the empty interval at the first time after it.
fn preimage(text: &str) -> Option<(i64, i64)> {
    const FIRST: &str = "0001-01-01T00:00:00Z";
    /// Where a component of the text ends: "2023-1" could go on as October, so it is no prefix to reckon with.
    const ENDS: [usize; 12] = [4, 5, 7, 8, 10, 11, 13, 14, 16, 17, 19, 20];
    if !ENDS.contains(&text.len()) {
        return None;
    }
    let filled = format!("{text}{}", FIRST.get(text.len()..)?);
    let time_us = NaiveDateTime::parse_from_str(&filled, CLOUDTRAIL_FORMAT).ok()?.and_utc().timestamp_micros();
    // Only the canonical spelling of a four-digit year sorts as time does.
    if format(time_us)? != filled || !filled.as_bytes().first()?.is_ascii_digit() {
        return None;
    }
    let is_whole = text.len() == FIRST.len();
    Some((time_us, if is_whole { time_us + 1_000_000 } else { time_us }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preimages() {
        let noon = 1_688_990_400_000_000;
        assert_eq!(preimage("2023-07-10T12:00:00Z"), Some((noon, noon + 1_000_000)));
        assert_eq!(preimage("2023-07-10T12"), Some((noon, noon)));
        assert_eq!(preimage("2023-07"), Some((1_688_169_600_000_000, 1_688_169_600_000_000)));
        assert_eq!(preimage("2023-07-10 12:00"), None);
        assert_eq!(preimage("2023-07-10T12:00:00.5Z"), None);
        assert_eq!(preimage("2023-1"), None);
        assert_eq!(preimage("2023-13"), None);
        assert_eq!(preimage("2023-07-10Z"), None);
        assert_eq!(preimage(""), None);
        assert_eq!(preimage("yesterday"), None);
    }
}
