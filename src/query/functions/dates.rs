//! Trino's functions over times: `from_iso8601_timestamp`, `date_parse`, `date_format`, `date_diff`, `date_add`, ….

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Float64Array, Int64Array, StringViewArray, TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use chrono::format::{Parsed, StrftimeItems, parse};
use chrono::{DateTime, Datelike, Months, NaiveDate, TimeDelta, Utc};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::functions::datetime::date_trunc;
use datafusion::functions::utils::make_scalar_function;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, create_udf,
};

use super::joda;
use super::over_texts::{first, text_function};
use super::plain::{Plain, TEXT, returns, text_at, texts};
use super::time::{CLOUDTRAIL_FORMAT, time_type};
use super::zone::offset_seconds;
use crate::time::{format_time, parse_time};

/// The functions of this file.
pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![
        reading(from_iso8601_timestamp("from_iso8601_timestamp")),
        reading(date_parse("date_parse")),
        reading(parse_datetime("parse_datetime")),
        reading(from_iso8601_date("from_iso8601_date")),
        from_iso8601_timestamp("try_from_iso8601_timestamp"),
        date_parse("try_date_parse"),
        parse_datetime("try_parse_datetime"),
        from_iso8601_date("try_from_iso8601_date"),
        to_iso8601(),
        date_diff(),
        Plain::of_any("at_timezone", 2, zoned_type, zoned),
        Plain::of_any("date_add", 3, date_add_type, date_add),
        Plain::of_any("date_format", 2, returns!(TEXT), |arrays, _| formatted(arrays, chrono_format)),
        Plain::of_any("format_datetime", 2, returns!(TEXT), |arrays, _| formatted(arrays, joda::format)),
        Plain::of_any("strftime", 2, returns!(TEXT), strftime),
        Plain::of("to_unixtime", &[&[time_type()]], returns!(DataType::Float64), to_unixtime),
        Plain::of("from_unixtime", &[&[DataType::Float64]], returns!(time_type()), from_unixtime),
        ScalarUDF::from(DateTrunc { signature: Signature::any(2, Volatility::Immutable) }),
    ]
}

fn times(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
}

fn from_iso8601_timestamp(name: &'static str) -> ScalarUDF {
    text_function(name, 1, time_type(), |texts| Ok(times(first(texts)?.iter().map(|text| text.and_then(parse_time)))))
}

/// `date_parse(text, format)`, the format in MySQL's letters.
fn date_parse(name: &'static str) -> ScalarUDF {
    text_function(name, 2, time_type(), |texts| {
        let [texts, formats] = texts else { return datafusion::common::internal_err!("date_parse wants two texts") };
        let mut rows = Vec::with_capacity(texts.len());
        for (text, format) in texts.iter().zip(formats.iter()) {
            rows.push(match (text, format) {
                (Some(text), Some(format)) => parse_with(text, &chrono_format(format)?),
                _ => None,
            });
        }
        Ok(times(rows.into_iter()))
    })
}

/// Makes a constant that can't be read an error, as it is in Trino: somebody has misspelt it. What a column holds may
/// be anything, and is nothing then.
fn reading(read: ScalarUDF) -> ScalarUDF {
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

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.read.return_type(types)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let given = match args.args.first() {
            Some(ColumnarValue::Scalar(text)) => text.try_as_str().flatten().map(str::to_owned),
            _ => None,
        };
        let is_constant = args.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(text) if !text.is_null()));
        let answer = self.read.invoke_with_args(args)?;
        let is_unread = match &answer {
            ColumnarValue::Scalar(time) => time.is_null(),
            ColumnarValue::Array(times) => times.len() == 1 && times.null_count() == 1,
        };
        match given.filter(|_| is_constant && is_unread) {
            Some(text) => {
                datafusion::common::exec_err!("{}: {text:?} can't be read\nhint: try({0}(…)) is NULL then", self.name())
            }
            None => Ok(answer),
        }
    }

    fn simplify(&self, args: Vec<Expr>, _: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let format = args.get(1).map(|format| match format {
            Expr::Literal(format, _) => format.try_as_str().flatten().and_then(|format| chrono_format(format).ok()),
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

/// A time by chrono's letters. What a format doesn't name is that of the beginning of 1970, as in Trino.
fn parse_with(text: &str, letters: &str) -> Option<i64> {
    let mut parsed = Parsed::new();
    parse(&mut parsed, text, StrftimeItems::new(letters)).ok()?;
    // Two digits are of 1970 to 2069, as in Trino.
    let of_two_digits = parsed.year_mod_100().map(|year| if year < 70 { 2000 + year } else { 1900 + year });
    let year = parsed.year().or(of_two_digits).unwrap_or(1970);
    let (month, day) = (parsed.month().unwrap_or(1), parsed.day().unwrap_or(1));
    let date = match parsed.to_naive_date() {
        Ok(date) => date,
        Err(_) => NaiveDate::from_ymd_opt(year, month, day)?,
    };
    let hour = match (parsed.hour_div_12(), parsed.hour_mod_12()) {
        (half, Some(hour)) => half.unwrap_or(0) * 12 + hour,
        _ => 0,
    };
    let (minute, second) = (parsed.minute().unwrap_or(0), parsed.second().unwrap_or(0));
    let time = date.and_hms_nano_opt(hour, minute, second.min(59), parsed.nanosecond().unwrap_or(0))?;
    let offset = i64::from(parsed.offset().unwrap_or(0));
    time.and_utc().timestamp_micros().checked_sub(offset.checked_mul(1_000_000)?)
}

/// MySQL's letters that chrono spells otherwise.
///
/// # Errors
/// For those that Trino has no meaning for either: <https://trino.io/docs/current/functions/datetime.html>.
fn chrono_format(format: &str) -> Result<String> {
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
            Some('l') => "%-I",
            Some('p') => "%p",
            Some('a') => "%a",
            Some('b') => "%b",
            Some('j') => "%j",
            Some('v') => "%V",
            Some('x') => "%G",
            Some('%') => "%%",
            Some(letter @ ('D' | 'U' | 'u' | 'V' | 'w' | 'X')) => {
                return datafusion::common::exec_err!("%{letter} is not supported in the format {format:?}");
            }
            // Without a meaning: the letter itself, as in MySQL.
            Some(other) => {
                out.push(other);
                continue;
            }
            None => "%%",
        });
    }
    Ok(out)
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

/// A time as the clock of its zone shows it, as if that were UTC.
fn clock(times: &ArrayRef) -> Result<TimestampMicrosecondArray> {
    let zone = match times.data_type() {
        DataType::Timestamp(_, Some(zone)) => Arc::clone(zone),
        _ => "UTC".into(),
    };
    let times = cast(times, &DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::clone(&zone))))?;
    let times = times.as_primitive::<TimestampMicrosecondType>();
    if *zone == *"UTC" {
        return Ok(times.clone().with_timezone("UTC"));
    }
    let mut shown = Vec::with_capacity(times.len());
    for time in times {
        shown.push(match time {
            Some(time_us) => time_us.checked_add(offset_seconds(&zone, time_us)? * 1_000_000),
            None => None,
        });
    }
    Ok(shown.into_iter().collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
}

/// Times in a format that `read` gives chrono's letters of.
fn formatted(arrays: &[ArrayRef], read: fn(&str) -> Result<String>) -> Result<ArrayRef> {
    let [times, formats] = arrays else { return datafusion::common::internal_err!("a time and a format are wanted") };
    let (times, formats) = (clock(times)?, cast(formats, &TEXT)?);
    let mut last: Option<(&str, String)> = None;
    let mut rows = Vec::with_capacity(times.len());
    for (time, format) in times.iter().zip(formats.as_string_view().iter()) {
        let (Some(time_us), Some(format)) = (time, format) else {
            rows.push(None);
            continue;
        };
        let letters = match last.take() {
            Some((known, letters)) if known == format => letters,
            _ => read(format)?,
        };
        rows.push(DateTime::from_timestamp_micros(time_us).and_then(|time| shown(time, &letters)));
        last = Some((format, letters));
    }
    Ok(Arc::new(rows.into_iter().collect::<StringViewArray>()))
}

/// A time by chrono's letters; nothing where they aren't all letters of its.
fn shown(time: DateTime<Utc>, letters: &str) -> Option<String> {
    let mut text = String::new();
    std::fmt::write(&mut text, format_args!("{}", time.format(letters))).ok()?;
    Some(text)
}

/// DuckDB's `strftime(time, format)`, in either order.
fn strftime(arrays: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    match arrays {
        [format, time] if format.data_type().is_string() && !time.data_type().is_string() => {
            formatted(&[Arc::clone(time), Arc::clone(format)], |format| Ok(format.to_owned()))
        }
        _ => formatted(arrays, |format| Ok(format.to_owned())),
    }
}

fn parse_datetime(name: &'static str) -> ScalarUDF {
    Plain::of(name, &[&[TEXT, TEXT]], returns!(time_type()), |arrays, _| {
        let (text, formats) = (texts(arrays, 0)?, texts(arrays, 1)?);
        let mut rows = Vec::with_capacity(text.len());
        for row in 0..text.len() {
            rows.push(match (text_at(text, row), text_at(formats, row)) {
                (Some(text), Some(format)) => parse_with(text, &joda::format(format)?),
                _ => None,
            });
        }
        Ok(times(rows.into_iter()))
    })
}

fn from_iso8601_date(name: &'static str) -> ScalarUDF {
    Plain::of(name, &[&[TEXT]], returns!(DataType::Date32), |arrays, _| {
        let day = |text: &str| crate::time::parse_date(text.get(..10).unwrap_or(text));
        Ok(Arc::new(texts(arrays, 0)?.iter().map(|text| day(text?)).collect::<Date32Array>()))
    })
}

/// `at_timezone(time, zone)`, `time AT TIME ZONE zone`: the same time, shown in the zone.
fn zoned_type(types: &[DataType], constants: &[Option<&ScalarValue>]) -> Result<DataType> {
    let zone = constants.get(1).copied().flatten().and_then(|zone| zone.try_as_str().flatten());
    match (types.first(), zone) {
        (Some(DataType::Timestamp(_, _) | DataType::Date32 | DataType::Null), Some(zone)) => {
            // A zone that there isn't is said while planning.
            offset_seconds(zone, 0)?;
            Ok(DataType::Timestamp(TimeUnit::Microsecond, Some(zone.into())))
        }
        (Some(text), Some(_)) if text.is_string() => zoned_type(&[time_type()], constants),
        (_, None) => datafusion::common::plan_err!("at_timezone: the zone has to be a constant, as 'Europe/Berlin'"),
        (Some(other), _) => datafusion::common::plan_err!("at_timezone takes a time and a zone, not {other}"),
        (None, _) => datafusion::common::plan_err!("at_timezone takes a time and a zone"),
    }
}

fn zoned(arrays: &[ArrayRef], returns: &DataType) -> Result<ArrayRef> {
    let Some(given) = arrays.first() else { return datafusion::common::internal_err!("at_timezone wants a time") };
    // A time without a zone is UTC's.
    let utc = match given.data_type() {
        DataType::Timestamp(_, Some(_)) => Arc::clone(given),
        _ => cast(given, &time_type())?,
    };
    Ok(cast(&utc, returns)?)
}

/// Seconds since 1970, with their fraction.
fn to_unixtime(arrays: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    let Some(times) = arrays.first().and_then(|times| times.as_primitive_opt::<TimestampMicrosecondType>()) else {
        return datafusion::common::internal_err!("to_unixtime wants a time");
    };
    let seconds = times.iter().map(|time| time.map(|time_us| time_us as f64 / 1e6));
    Ok(Arc::new(seconds.collect::<Float64Array>()))
}

fn from_unixtime(arrays: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    let Some(seconds) = arrays.first().and_then(|seconds| seconds.as_primitive_opt::<Float64Type>()) else {
        return datafusion::common::internal_err!("from_unixtime wants seconds");
    };
    // As far as chrono's years go.
    #[expect(clippy::cast_possible_truncation, reason = "checked to be within the range of `i64`")]
    let micros = |seconds: f64| (seconds.abs() < 8e12).then(|| (seconds * 1e6).round() as i64);
    Ok(times(seconds.iter().map(|seconds| micros(seconds?))))
}

/// `date_trunc(unit, x)`: DataFusion's, and a day of a day as in Trino.
#[derive(Debug, PartialEq, Eq, Hash)]
struct DateTrunc {
    signature: Signature,
}

impl ScalarUDFImpl for DateTrunc {
    fn name(&self) -> &str {
        "date_trunc"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [_, time @ (DataType::Date32 | DataType::Timestamp(_, _))] => Ok(time.clone()),
            [_, text] if text.is_string() || *text == DataType::Null => Ok(time_type()),
            _ => datafusion::common::plan_err!("date_trunc takes a unit and a time"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [unit, time] = <[ColumnarValue; 2]>::try_from(args.args)
            .map_err(|_| datafusion::common::internal_datafusion_err!("date_trunc takes two arguments"))?;
        let (inner, outer) = match args.return_field.data_type() {
            DataType::Date32 => (DataType::Timestamp(TimeUnit::Microsecond, None), DataType::Date32),
            other => (other.clone(), other.clone()),
        };
        let unit = unit.cast_to(&DataType::Utf8, None)?;
        let time = time.cast_to(&inner, None)?;
        let truncated = date_trunc().invoke_with_args(ScalarFunctionArgs {
            arg_fields: vec![
                Arc::new(Field::new("unit", DataType::Utf8, true)),
                Arc::new(Field::new("time", inner.clone(), true)),
            ],
            args: vec![unit, time],
            number_rows: args.number_rows,
            return_field: Arc::new(Field::new("date_trunc", inner, true)),
            config_options: args.config_options,
        })?;
        truncated.cast_to(&outer, None)
    }

    fn output_ordering(&self, input: &[ExprProperties]) -> Result<SortProperties> {
        date_trunc().output_ordering(input)
    }
}

fn to_iso8601() -> ScalarUDF {
    function("to_iso8601", vec![time_type()], DataType::Utf8View, |arrays| {
        let times = arrays.first()?.as_primitive_opt::<TimestampMicrosecondType>()?;
        Some(Arc::new(times.iter().map(|time| time.map(format_time)).collect::<StringViewArray>()))
    })
}

/// `date_diff(unit, from, to)`: whole units between two times.
fn date_diff() -> ScalarUDF {
    let takes: &[&[DataType]] = &[&[TEXT, time_type(), time_type()]];
    Plain::of("date_diff", takes, returns!(DataType::Int64), |arrays, _| {
        let [units, from, to] = arrays else {
            return datafusion::common::internal_err!("date_diff takes a unit and two times");
        };
        let units = units.as_string_view();
        let (from, to) =
            (from.as_primitive::<TimestampMicrosecondType>(), to.as_primitive::<TimestampMicrosecondType>());
        let mut rows = Vec::with_capacity(units.len());
        for ((unit, from), to) in units.iter().zip(from).zip(to) {
            rows.push(match (unit, from, to) {
                (Some(unit), Some(from), Some(to)) => difference(known_unit(unit)?, from, to),
                _ => None,
            });
        }
        Ok(Arc::new(rows.into_iter().collect::<Int64Array>()))
    })
}

fn difference(unit: Unit, from_us: i64, to_us: i64) -> Option<i64> {
    match unit {
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
    let between = months(to) - months(from);
    // A month after the 31st of January is the last day of February, as `date_add` has it.
    let reached = u32::try_from(between).ok().and_then(|between| from.checked_add_months(Months::new(between)));
    between - i64::from(reached.is_none_or(|reached| reached > to))
}

/// A day stays a day, unless hours are added to it.
fn date_add_type(types: &[DataType], constants: &[Option<&ScalarValue>]) -> Result<DataType> {
    let unit = constants.first().copied().flatten().and_then(|unit| unit.try_as_str().flatten());
    let is_of_days = unit.is_some_and(|unit| match unit_of(unit) {
        Some(Unit::Micros(length_us)) => length_us % DAY_US == 0,
        Some(Unit::Months(_)) => true,
        None => false,
    });
    match types {
        [_, _, DataType::Date32] if is_of_days => Ok(DataType::Date32),
        [_, _, DataType::Timestamp(_, Some(zone))] => {
            Ok(DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::clone(zone))))
        }
        [_, _, DataType::Timestamp(_, None) | DataType::Date32 | DataType::Null] => Ok(time_type()),
        [_, _, text] if text.is_string() => Ok(time_type()),
        _ => datafusion::common::plan_err!("date_add takes a unit, a number and a time"),
    }
}

/// `date_add(unit, n, time)`.
fn date_add(arrays: &[ArrayRef], returns: &DataType) -> Result<ArrayRef> {
    let [units, counts, from] = arrays else {
        return datafusion::common::internal_err!("date_add takes a unit, a number and a time");
    };
    let (units, counts) = (cast(units, &TEXT)?, cast(counts, &DataType::Int64)?);
    let counts = counts.as_primitive::<Int64Type>();
    let from = cast(from, &time_type())?;
    let from = from.as_primitive::<TimestampMicrosecondType>();
    let mut rows = Vec::with_capacity(from.len());
    for ((unit, count), time) in units.as_string_view().iter().zip(counts).zip(from) {
        rows.push(match (unit, count, time) {
            (Some(unit), Some(count), Some(time_us)) => moved(known_unit(unit)?, count, time_us),
            _ => None,
        });
    }
    Ok(cast(&times(rows.into_iter()), returns)?)
}

fn known_unit(name: &str) -> Result<Unit> {
    match unit_of(name) {
        Some(unit) => Ok(unit),
        None => datafusion::common::exec_err!(
            "{name:?} is no unit of time\nhint: millisecond, second, minute, hour, day, week, month, quarter or year"
        ),
    }
}

fn moved(unit: Unit, count: i64, time_us: i64) -> Option<i64> {
    let time = DateTime::from_timestamp_micros(time_us)?;
    let moved = match unit {
        Unit::Micros(length_us) => time.checked_add_signed(TimeDelta::microseconds(count.checked_mul(length_us)?))?,
        Unit::Months(length) => {
            let months = Months::new(u32::try_from(count.unsigned_abs()).ok()?.checked_mul(length)?);
            if count < 0 { time.checked_sub_months(months)? } else { time.checked_add_months(months)? }
        }
    };
    Some(moved.timestamp_micros())
}

/// A day in microseconds.
const DAY_US: i64 = 86_400_000_000;

#[derive(Clone, Copy)]
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
        "day" => Unit::Micros(DAY_US),
        "week" => Unit::Micros(7 * DAY_US),
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
        let between = |unit, from, to| difference(known_unit(unit).unwrap(), from, to);
        assert_eq!(between("day", from, to), Some(29));
        assert_eq!(between("month", from, to), Some(1));
        assert_eq!(between("month", to, from), Some(-1));
        assert_eq!(between("month", at("2024-01-31"), at("2024-02-29")), Some(1));
        assert_eq!(between("month", at("2024-01-31"), at("2024-02-28")), Some(0));
        assert_eq!(between("year", at("2024-02-29"), at("2025-02-28")), Some(1));
        assert_eq!(between("millisecond", i64::MIN, i64::MAX), None);
        assert!(known_unit("fortnight").is_err());
    }

    #[test]
    fn additions() {
        assert_eq!(moved(Unit::Months(1), 1, at("2024-01-31")), Some(at("2024-02-29")));
        assert_eq!(moved(Unit::Micros(7 * DAY_US), -1, at("2024-01-08")), Some(at("2024-01-01")));
        assert_eq!(moved(Unit::Months(12), i64::MAX, 0), None);
    }

    #[test]
    fn formats() {
        let parse_by = |text: &str, format: &str| parse_with(text, &chrono_format(format).unwrap());
        assert_eq!(parse_by("2023-07-10T12:30:05Z", "%Y-%m-%dT%H:%i:%sZ"), Some(at("2023-07-10T12:30:05Z")));
        assert_eq!(parse_by("10.7.2023", "%e.%c.%Y"), Some(at("2023-07-10")));
        assert_eq!(parse_by("69", "%y"), Some(at("2069-01-01")));
        assert_eq!(parse_by("70", "%y"), Some(at("1970-01-01")));
        assert_eq!(parse_by("x", "%"), None);
        assert!(chrono_format("%D").is_err());
    }
}
