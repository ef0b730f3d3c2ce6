//! Trino's functions over times: `from_iso8601_timestamp`, `date_parse`, `date_format`, `date_diff`, `date_add`, ….

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, StringViewArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use datafusion::error::Result;
use datafusion::functions::utils::make_scalar_function;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, create_udf,
};

use super::over_texts::{first, text_function};
use super::time::{CLOUDTRAIL_FORMAT, time_type};
use crate::time::{format_time, parse_time};

/// The functions of this file.
pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![from_iso8601_timestamp(), date_parse(), date_format(), to_iso8601(), date_diff(), date_add()]
}

fn times(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
}

fn from_iso8601_timestamp() -> ScalarUDF {
    let read = text_function("from_iso8601_timestamp", 1, time_type(), |texts| {
        Ok(times(first(texts)?.iter().map(|text| text.and_then(parse_time))))
    });
    ScalarUDF::from(ReadTime { read })
}

/// `date_parse(text, format)`, the format in MySQL's letters.
fn date_parse() -> ScalarUDF {
    let read = text_function("date_parse", 2, time_type(), |texts| {
        let [texts, formats] = texts else { return datafusion::common::internal_err!("date_parse wants two texts") };
        Ok(times(texts.iter().zip(formats.iter()).map(|(text, format)| parse_by(text?, format?))))
    });
    ScalarUDF::from(ReadTime { read })
}

/// A function from text to time. Of `cloudtrail_time(t)` in the form that CloudTrail writes it gives `t`, unread, so
/// that what Athena queries say of `eventtime` prunes files.
#[derive(Debug, PartialEq, Eq, Hash)]
struct ReadTime {
    read: ScalarUDF,
}

impl ScalarUDFImpl for ReadTime {
    fn name(&self) -> &str {
        self.read.name()
    }

    fn signature(&self) -> &Signature {
        self.read.signature()
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(time_type())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.read.invoke_with_args(args)
    }

    fn simplify(&self, args: Vec<Expr>, _: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let format = args.get(1).map(|format| match format {
            Expr::Literal(format, _) => format.try_as_str().flatten().map(chrono_format),
            _ => None,
        });
        let reads_whole = format.is_none_or(|format| format.as_deref() == Some(CLOUDTRAIL_FORMAT));
        match args.first() {
            // INVARIANT: CloudTrail's times have whole seconds; `events` has no others.
            Some(Expr::ScalarFunction(call)) if reads_whole && call.name() == "cloudtrail_time" => {
                match call.args.first() {
                    Some(time) => Ok(ExprSimplifyResult::Simplified(time.clone())),
                    None => Ok(ExprSimplifyResult::Original(args)),
                }
            }
            _ => Ok(ExprSimplifyResult::Original(args)),
        }
    }
}

fn parse_by(text: &str, format: &str) -> Option<i64> {
    let format = chrono_format(format);
    let time = NaiveDateTime::parse_from_str(text, &format).ok().or_else(|| {
        let day = NaiveDate::parse_from_str(text, &format).ok()?;
        day.and_hms_opt(0, 0, 0)
    })?;
    Some(time.and_utc().timestamp_micros())
}

/// MySQL's letters that chrono spells otherwise.
fn chrono_format(format: &str) -> String {
    let mut out = String::new();
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            out.push(letter);
            continue;
        }
        out.push_str(match letters.next() {
            Some('i') => "%M",
            Some('s' | 'S') => "%S",
            Some('h' | 'I') => "%I",
            Some('M') => "%B",
            Some('c') => "%-m",
            Some('W') => "%A",
            Some('f') => "%6f",
            Some('r') => "%I:%M:%S %p",
            Some('T') => "%H:%M:%S",
            Some('Y') => "%Y",
            Some('y') => "%y",
            Some('m') => "%m",
            Some('d') => "%d",
            Some('e') => "%-d",
            Some('H') => "%H",
            Some('k') => "%-H",
            Some('p') => "%p",
            Some('a') => "%a",
            Some('b') => "%b",
            Some('j') => "%j",
            Some('v') => "%V",
            Some('x') => "%G",
            Some('%') => "%%",
            // Without a meaning: the letter itself, as in MySQL.
            Some(other) => {
                out.push(other);
                continue;
            }
            None => "%%",
        });
    }
    out
}

/// A function of the arguments as arrays.
fn function(
    name: &str,
    takes: Vec<DataType>,
    returns: DataType,
    body: impl Fn(&[ArrayRef]) -> Option<ArrayRef> + Send + Sync + 'static,
) -> ScalarUDF {
    let owned = name.to_owned();
    let checked = move |arrays: &[ArrayRef]| -> Result<ArrayRef> {
        body(arrays).map_or_else(|| datafusion::common::internal_err!("{owned}: arguments of other types"), Ok)
    };
    create_udf(name, takes, returns, Volatility::Immutable, Arc::new(make_scalar_function(checked, Vec::new())))
}

fn date_format() -> ScalarUDF {
    function("date_format", vec![time_type(), DataType::Utf8View], DataType::Utf8View, |arrays| {
        let [times, formats] = arrays else { return None };
        let (times, formats) = (times.as_primitive_opt::<TimestampMicrosecondType>()?, formats.as_string_view_opt()?);
        let format = |time_us: i64, format: &str| {
            Some(DateTime::from_timestamp_micros(time_us)?.format(&chrono_format(format)).to_string())
        };
        let texts = times.iter().zip(formats.iter()).map(|(time, pattern)| format(time?, pattern?));
        Some(Arc::new(texts.collect::<StringViewArray>()))
    })
}

fn to_iso8601() -> ScalarUDF {
    function("to_iso8601", vec![time_type()], DataType::Utf8View, |arrays| {
        let times = arrays.first()?.as_primitive_opt::<TimestampMicrosecondType>()?;
        Some(Arc::new(times.iter().map(|time| time.map(format_time)).collect::<StringViewArray>()))
    })
}

/// `date_diff(unit, from, to)`: whole units between two times.
fn date_diff() -> ScalarUDF {
    function("date_diff", vec![DataType::Utf8View, time_type(), time_type()], DataType::Int64, |arrays| {
        let [units, from, to] = arrays else { return None };
        let units = units.as_string_view_opt()?;
        let (from, to) =
            (from.as_primitive_opt::<TimestampMicrosecondType>()?, to.as_primitive_opt::<TimestampMicrosecondType>()?);
        let rows = units.iter().zip(from.iter()).zip(to.iter());
        Some(Arc::new(rows.map(|((unit, from), to)| difference(unit?, from?, to?)).collect::<Int64Array>()))
    })
}

fn difference(unit: &str, from_us: i64, to_us: i64) -> Option<i64> {
    match unit_of(unit)? {
        Unit::Micros(length_us) => to_us.checked_sub(from_us)?.checked_div(length_us),
        Unit::Months(length) => {
            let (from, to) = (DateTime::from_timestamp_micros(from_us)?, DateTime::from_timestamp_micros(to_us)?);
            Some(whole_months(from, to) / i64::from(length))
        }
    }
}

fn whole_months(from: DateTime<Utc>, to: DateTime<Utc>) -> i64 {
    if to < from {
        return -whole_months(to, from);
    }
    let months = |time: DateTime<Utc>| i64::from(time.year()) * 12 + i64::from(time.month0());
    let within = |time: DateTime<Utc>| (time.day(), time.time());
    months(to) - months(from) - i64::from(within(to) < within(from))
}

/// `date_add(unit, n, time)`.
fn date_add() -> ScalarUDF {
    function("date_add", vec![DataType::Utf8View, DataType::Int64, time_type()], time_type(), |arrays| {
        let [units, counts, from] = arrays else { return None };
        let (units, counts) = (units.as_string_view_opt()?, counts.as_primitive_opt::<Int64Type>()?);
        let rows = units.iter().zip(counts.iter()).zip(from.as_primitive_opt::<TimestampMicrosecondType>()?.iter());
        Some(times(rows.map(|((unit, count), time)| moved(unit?, count?, time?))))
    })
}

fn moved(unit: &str, count: i64, time_us: i64) -> Option<i64> {
    let time = DateTime::from_timestamp_micros(time_us)?;
    let moved = match unit_of(unit)? {
        Unit::Micros(length_us) => time.checked_add_signed(TimeDelta::microseconds(count.checked_mul(length_us)?))?,
        Unit::Months(length) => {
            let months = Months::new(u32::try_from(count.unsigned_abs()).ok()?.checked_mul(length)?);
            if count < 0 { time.checked_sub_months(months)? } else { time.checked_add_months(months)? }
        }
    };
    Some(moved.timestamp_micros())
}

enum Unit {
    Micros(i64),
    Months(u32),
}

fn unit_of(name: &str) -> Option<Unit> {
    Some(match name.to_ascii_lowercase().as_str() {
        "millisecond" => Unit::Micros(1_000),
        "second" => Unit::Micros(1_000_000),
        "minute" => Unit::Micros(60_000_000),
        "hour" => Unit::Micros(3_600_000_000),
        "day" => Unit::Micros(86_400_000_000),
        "week" => Unit::Micros(7 * 86_400_000_000),
        "month" => Unit::Months(1),
        "quarter" => Unit::Months(3),
        "year" => Unit::Months(12),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        parse_time(text).unwrap()
    }

    #[test]
    fn differences() {
        let (from, to) = (at("2024-01-31T12:00:00Z"), at("2024-03-01T11:00:00Z"));
        assert_eq!(difference("day", from, to), Some(29));
        assert_eq!(difference("month", from, to), Some(1));
        assert_eq!(difference("month", to, from), Some(-1));
        assert_eq!(difference("fortnight", from, to), None);
        assert_eq!(difference("millisecond", i64::MIN, i64::MAX), None);
    }

    #[test]
    fn additions() {
        assert_eq!(moved("month", 1, at("2024-01-31")), Some(at("2024-02-29")));
        assert_eq!(moved("week", -1, at("2024-01-08")), Some(at("2024-01-01")));
        assert_eq!(moved("year", i64::MAX, 0), None);
    }

    #[test]
    fn formats() {
        assert_eq!(parse_by("2023-07-10T12:30:05Z", "%Y-%m-%dT%H:%i:%sZ"), Some(at("2023-07-10T12:30:05Z")));
        assert_eq!(parse_by("10.7.2023", "%e.%c.%Y"), Some(at("2023-07-10")));
        assert_eq!(parse_by("x", "%"), None);
    }
}
