//! Values of `$1`, `$2`, … as clients send them: texts, or bytes in PostgreSQL's forms of its types.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::{ParamValues, ScalarValue};
use datafusion_postgres::arrow_pg::datatypes::into_pg_type;
use datafusion_postgres::pgwire::api::Type;
use datafusion_postgres::pgwire::messages::data::ParameterDescription;

use super::message::Bind;
use super::problem::Problem;

/// Parameters of a statement at the most.
const PARAMETERS_MAX: usize = 1_000;

/// Days from 1970-01-01 to 2000-01-01, from which PostgreSQL counts.
const EPOCH_DAYS: i32 = 10_957;

/// The same in microseconds.
const EPOCH_US: i64 = 10_957 * 86_400_000_000;

/// What is known of a parameter.
#[derive(Clone, Debug)]
struct Parameter {
    /// What the client sends, by PostgreSQL's number of the type.
    sent: u32,
    /// What the statement takes; `None`: anything.
    taken: Option<DataType>,
}

/// The parameters of a statement.
#[derive(Clone, Debug, Default)]
pub(super) struct Parameters(Vec<Parameter>);

impl Parameters {
    /// Those that a statement takes, and the types that the client gave: 0 where it gave none.
    ///
    /// # Errors
    /// One that is no number, or too many.
    pub fn of(taken: &HashMap<String, Option<DataType>>, given: &[u32]) -> Result<Parameters, Problem> {
        let mut count = given.len();
        for name in taken.keys() {
            let number = name.strip_prefix('$').and_then(|digits| digits.parse::<usize>().ok()).filter(|at| *at > 0);
            let number = number.ok_or_else(|| Problem::new("42P02", format!("there is no parameter {name}")))?;
            count = count.max(number);
        }
        if count > PARAMETERS_MAX {
            return Err(Problem::new("54000", format!("a statement has {PARAMETERS_MAX} parameters at the most")));
        }
        let parameter = |place: usize| {
            let taken = taken.get(&format!("${}", place + 1)).cloned().flatten();
            let sent = match given.get(place) {
                Some(0) | None => taken.as_ref().map_or(Type::TEXT, own_type).oid(),
                Some(given) => *given,
            };
            Parameter { sent, taken }
        };
        Ok(Parameters((0..count).map(parameter).collect()))
    }

    /// What clients are told of them.
    pub fn description(&self) -> ParameterDescription {
        ParameterDescription::new(self.0.iter().map(|parameter| parameter.sent).collect())
    }

    /// Their values; `None` where there are no parameters.
    ///
    /// # Errors
    /// Other values than there are parameters, and those that can't be read.
    pub fn values(&self, bind: &Bind) -> Result<Option<ParamValues>, Problem> {
        if bind.values.len() != self.0.len() {
            let (given, taken) = (bind.values.len(), self.0.len());
            return Err(Problem::new("08P01", format!("the statement takes {taken} values, and was given {given}")));
        }
        if !matches!(bind.formats.len(), 0 | 1) && bind.formats.len() != bind.values.len() {
            return Err(Problem::new("08P01", "formats are none, one for all, or one a value"));
        }
        if self.0.is_empty() {
            return Ok(None);
        }
        let value = |(place, (parameter, bytes)): (usize, (&Parameter, &Option<bytes::Bytes>))| {
            let is_binary = bind.formats.get(if bind.formats.len() == 1 { 0 } else { place }) == Some(&1);
            parameter.value(bytes.as_deref(), is_binary).map_err(|why| {
                Problem::new("22P02", format!("${} can't be read as {}: {why}", place + 1, parameter.name()))
            })
        };
        let values = self.0.iter().zip(&bind.values).enumerate().map(value).collect::<Result<Vec<_>, _>>()?;
        Ok(Some(ParamValues::from(values)))
    }
}

/// What a client is to send for a type.
fn own_type(data_type: &DataType) -> Type {
    match data_type {
        DataType::Null => Type::TEXT,
        DataType::Dictionary(_, of) => own_type(of),
        other => into_pg_type(other).ok().filter(|own| Type::from_oid(own.oid()).is_some()).unwrap_or(Type::TEXT),
    }
}

impl Parameter {
    fn name(&self) -> String {
        Type::from_oid(self.sent).map_or_else(|| format!("type {}", self.sent), |own| own.name().to_owned())
    }

    fn value(&self, bytes: Option<&[u8]>, is_binary: bool) -> Result<ScalarValue, String> {
        let value = match bytes {
            None => ScalarValue::Utf8(None),
            Some(bytes) => {
                let own = Type::from_oid(self.sent).unwrap_or(Type::TEXT);
                if is_binary { binary(&own, bytes)? } else { text(&own, bytes, self.taken.as_ref())? }
            }
        };
        match &self.taken {
            Some(DataType::Null) | None => Ok(value),
            Some(taken) if value.data_type() == *taken => Ok(value),
            // A list has the elements that the client says.
            Some(_) if value.data_type().is_nested() => Ok(value),
            Some(taken) => value.cast_to(taken).map_err(|error| error.strip_backtrace()),
        }
    }
}

/// The type of the values of PostgreSQL's types.
fn type_of(own: &Type) -> DataType {
    match *own {
        Type::BOOL => DataType::Boolean,
        Type::INT2 | Type::INT4 | Type::INT8 | Type::OID => DataType::Int64,
        Type::FLOAT4 | Type::FLOAT8 | Type::NUMERIC => DataType::Float64,
        Type::DATE => DataType::Date32,
        Type::TIME => DataType::Time64(TimeUnit::Microsecond),
        Type::TIMESTAMP => DataType::Timestamp(TimeUnit::Microsecond, None),
        Type::TIMESTAMPTZ => DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())),
        Type::BYTEA => DataType::Binary,
        _ => DataType::Utf8,
    }
}

/// The type of the elements of an array.
fn element_of(own: &Type) -> Option<Type> {
    Some(match *own {
        Type::BOOL_ARRAY => Type::BOOL,
        Type::INT2_ARRAY => Type::INT2,
        Type::INT4_ARRAY => Type::INT4,
        Type::INT8_ARRAY => Type::INT8,
        Type::FLOAT4_ARRAY => Type::FLOAT4,
        Type::FLOAT8_ARRAY => Type::FLOAT8,
        Type::TEXT_ARRAY => Type::TEXT,
        Type::VARCHAR_ARRAY => Type::VARCHAR,
        Type::DATE_ARRAY => Type::DATE,
        Type::TIMESTAMP_ARRAY => Type::TIMESTAMP,
        Type::TIMESTAMPTZ_ARRAY => Type::TIMESTAMPTZ,
        Type::UUID_ARRAY => Type::UUID,
        _ => return None,
    })
}

fn text(own: &Type, bytes: &[u8], taken: Option<&DataType>) -> Result<ScalarValue, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not in UTF-8".to_owned())?;
    if let Some(element) = element_of(own) {
        let texts = elements(text)?;
        let one = |value: &Option<String>| match value {
            None => Ok(ScalarValue::Utf8(None)),
            Some(value) => one_text(&element, value, None),
        };
        return list(&element, texts.iter().map(one).collect::<Result<_, _>>()?);
    }
    one_text(own, text, taken)
}

fn one_text(own: &Type, text: &str, taken: Option<&DataType>) -> Result<ScalarValue, String> {
    let value = ScalarValue::from(text);
    match type_of(own) {
        DataType::Utf8 => Ok(value),
        DataType::Boolean => match text.trim().to_lowercase().as_str() {
            "t" | "true" | "y" | "yes" | "on" | "1" => Ok(ScalarValue::from(true)),
            "f" | "false" | "n" | "no" | "off" | "0" => Ok(ScalarValue::from(false)),
            _ => Err("it is neither true nor false".to_owned()),
        },
        DataType::Binary => hexadecimal(text).map(|bytes| ScalarValue::Binary(Some(bytes))),
        // More digits than a float has, where what is taken has them.
        DataType::Float64 if *own == Type::NUMERIC && taken.is_some() => Ok(value),
        other => ScalarValue::from(text.trim()).cast_to(&other).map_err(|error| error.strip_backtrace()),
    }
}

fn hexadecimal(text: &str) -> Result<Vec<u8>, String> {
    let wrong = || "it is no \\x and hexadecimal digits".to_owned();
    let digits = text.strip_prefix("\\x").ok_or_else(wrong)?.as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    digits.chunks(2).map(pair).collect::<Option<Vec<u8>>>().ok_or_else(wrong)
}

fn list(element: &Type, values: Vec<ScalarValue>) -> Result<ScalarValue, String> {
    let data_type = type_of(element);
    let own = |value: ScalarValue| value.cast_to(&data_type).map_err(|error| error.strip_backtrace());
    let values = values.into_iter().map(own).collect::<Result<Vec<_>, _>>()?;
    Ok(ScalarValue::List(ScalarValue::new_list(&values, &data_type, true)))
}

/// The elements of an array's text: `{a,"b, c",NULL}`. Arrays within arrays are refused.
fn elements(text: &str) -> Result<Vec<Option<String>>, String> {
    let wrong = || "it is no array of one dimension: {a,b}".to_owned();
    let inner = text.trim().strip_prefix('{').and_then(|text| text.strip_suffix('}')).ok_or_else(wrong)?;
    let mut elements = Vec::new();
    if inner.trim().is_empty() {
        return Ok(elements);
    }
    let (mut element, mut is_quoted, mut is_open) = (String::new(), false, false);
    let finish = |element: &mut String, is_quoted: &mut bool| {
        let text = std::mem::take(element);
        match std::mem::take(is_quoted) {
            true => Some(text),
            false if text.trim().eq_ignore_ascii_case("null") => None,
            false => Some(text.trim().to_owned()),
        }
    };
    let mut characters = inner.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => element.push(characters.next().ok_or_else(wrong)?),
            '"' if !is_open && !is_quoted && element.trim().is_empty() => {
                element.clear();
                (is_open, is_quoted) = (true, true);
            }
            '"' => (is_open, is_quoted) = (!is_open, true),
            ',' if !is_open => elements.push(finish(&mut element, &mut is_quoted)),
            '{' | '}' if !is_open => return Err(wrong()),
            c if is_quoted && !is_open && c.is_whitespace() => {}
            other => element.push(other),
        }
    }
    if is_open {
        return Err(wrong());
    }
    elements.push(finish(&mut element, &mut is_quoted));
    Ok(elements)
}

fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N], String> {
    bytes.try_into().map_err(|_| format!("it has {} bytes, not {N}", bytes.len()))
}

fn binary(own: &Type, bytes: &[u8]) -> Result<ScalarValue, String> {
    if let Some(element) = element_of(own) {
        return array(&element, bytes);
    }
    let too_far = || "it is too far in time".to_owned();
    Ok(match *own {
        Type::BOOL => ScalarValue::from(fixed::<1>(bytes)? != [0]),
        Type::INT2 => ScalarValue::from(i64::from(i16::from_be_bytes(fixed(bytes)?))),
        Type::INT4 => ScalarValue::from(i64::from(i32::from_be_bytes(fixed(bytes)?))),
        Type::OID => ScalarValue::from(i64::from(u32::from_be_bytes(fixed(bytes)?))),
        Type::INT8 => ScalarValue::from(i64::from_be_bytes(fixed(bytes)?)),
        Type::FLOAT4 => ScalarValue::from(f64::from(f32::from_be_bytes(fixed(bytes)?))),
        Type::FLOAT8 => ScalarValue::from(f64::from_be_bytes(fixed(bytes)?)),
        Type::NUMERIC => ScalarValue::from(numeric(bytes)?),
        Type::BYTEA => ScalarValue::Binary(Some(bytes.to_vec())),
        Type::DATE => {
            let days = i32::from_be_bytes(fixed(bytes)?).checked_add(EPOCH_DAYS).ok_or_else(too_far)?;
            ScalarValue::Date32(Some(days))
        }
        Type::TIME => ScalarValue::Time64Microsecond(Some(i64::from_be_bytes(fixed(bytes)?))),
        Type::TIMESTAMP | Type::TIMESTAMPTZ => {
            let time_us = i64::from_be_bytes(fixed(bytes)?).checked_add(EPOCH_US).ok_or_else(too_far)?;
            let zone: Option<Arc<str>> = (*own == Type::TIMESTAMPTZ).then(|| "+00:00".into());
            ScalarValue::TimestampMicrosecond(Some(time_us), zone)
        }
        Type::UUID => ScalarValue::from(uuid::Uuid::from_bytes(fixed(bytes)?).to_string()),
        // A byte of its version stands before it.
        Type::JSONB => utf8(bytes.strip_prefix(&[1]).ok_or("it is of no known version")?)?,
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN | Type::JSON | Type::XML => utf8(bytes)?,
        _ => return Err("it is to be sent as text".to_owned()),
    })
}

fn utf8(bytes: &[u8]) -> Result<ScalarValue, String> {
    std::str::from_utf8(bytes).map(ScalarValue::from).map_err(|_| "it is not in UTF-8".to_owned())
}

/// PostgreSQL's decimal, as its text: digits in base 10,000 and where the point stands among them.
fn numeric(bytes: &[u8]) -> Result<String, String> {
    let wrong = || "it is no number".to_owned();
    let words: Vec<u16> =
        bytes.chunks(2).map(fixed::<2>).map(|pair| pair.map(u16::from_be_bytes)).collect::<Result<_, _>>()?;
    let [count, weight, sign, scale, digits @ ..] = words.as_slice() else { return Err(wrong()) };
    let sign = match sign {
        0 => "",
        0x4000 => "-",
        _ => return Err(wrong()),
    };
    let weight = i32::from(weight.cast_signed());
    if digits.len() != usize::from(*count)
        || digits.iter().any(|digit| *digit > 9_999)
        || !(-100..=100).contains(&weight)
    {
        return Err(wrong());
    }
    let group = |place: i32| usize::try_from(place).ok().and_then(|place| digits.get(place)).copied().unwrap_or(0);
    let whole: String = (0..=weight).map(|place| format!("{:04}", group(place))).collect();
    let whole = whole.trim_start_matches('0');
    let groups = i32::from(scale.div_ceil(4)).min(1_000);
    let fraction: String = (1..=groups).map(|place| format!("{:04}", group(weight + place))).collect();
    let fraction = fraction.get(..usize::from(*scale)).unwrap_or(&fraction);
    let whole = if whole.is_empty() { "0" } else { whole };
    Ok(if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

/// An array of one dimension.
fn array(element: &Type, bytes: &[u8]) -> Result<ScalarValue, String> {
    let wrong = || "it is no array of one dimension".to_owned();
    let word = |bytes: &mut &[u8]| -> Result<i32, String> {
        let (word, rest) = bytes.split_first_chunk::<4>().ok_or_else(wrong)?;
        *bytes = rest;
        Ok(i32::from_be_bytes(*word))
    };
    let mut rest = bytes;
    let (dimensions, _, _) = (word(&mut rest)?, word(&mut rest)?, word(&mut rest)?);
    let count = match dimensions {
        0 => 0,
        1 => {
            let count = word(&mut rest)?;
            word(&mut rest)?;
            count
        }
        _ => return Err(wrong()),
    };
    let mut values = Vec::new();
    for _ in 0..count {
        values.push(match usize::try_from(word(&mut rest)?) {
            Err(_) => ScalarValue::Utf8(None),
            Ok(length) => {
                let (value, behind) = rest.split_at_checked(length).ok_or_else(wrong)?;
                rest = behind;
                binary(element, value)?
            }
        });
    }
    list(element, values)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn value(own: &Type, taken: Option<DataType>, bytes: &[u8], is_binary: bool) -> Result<ScalarValue, String> {
        Parameter { sent: own.oid(), taken }.value(Some(bytes), is_binary)
    }

    #[test]
    fn values_are_read_as_they_are_sent() {
        let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let in_2000 = |us: i64| ScalarValue::TimestampMicrosecond(Some(EPOCH_US + us), Some("UTC".into()));
        type Case<'a> = (Type, Option<DataType>, &'a [u8], bool, ScalarValue);
        let cases: Vec<Case<'_>> = vec![
            (Type::TEXT, None, b"a", false, "a".into()),
            (Type::BOOL, Some(DataType::Boolean), b"t", false, true.into()),
            (Type::INT4, Some(DataType::Int64), b"\0\0\0\x05", true, 5_i64.into()),
            (Type::INT8, Some(DataType::Int32), b"5", false, 5_i32.into()),
            (Type::TIMESTAMPTZ, Some(time.clone()), &[0, 0, 0, 0, 0, 0, 0, 7], true, in_2000(7)),
            (Type::TIMESTAMPTZ, Some(time.clone()), b"2000-01-01 01:00:00+01", false, in_2000(0)),
            (Type::TEXT, Some(time), b"2000-01-01 00:00:00.000007+00", false, in_2000(7)),
            (Type::DATE, Some(DataType::Date32), &[0, 0, 0, 1], true, ScalarValue::Date32(Some(10_958))),
            (Type::UNKNOWN, Some(DataType::Date32), b"1970-01-02", false, ScalarValue::Date32(Some(1))),
            (Type::BYTEA, None, b"\\x00ff", false, ScalarValue::Binary(Some(vec![0, 255]))),
            (Type::NUMERIC, None, &[0, 2, 0, 0, 0x40, 0, 0, 2, 0, 12, 0x13, 0x88], true, "-12.50".into()),
            (Type::NUMERIC, Some(DataType::Float64), b"12.5", false, 12.5.into()),
        ];
        for (own, taken, bytes, is_binary, expected) in cases {
            assert_eq!(value(&own, taken, bytes, is_binary), Ok(expected), "{own} {bytes:?}");
        }
        for (own, bytes, is_binary) in [
            (Type::INT4, &b"\0\x05"[..], true),
            (Type::INT4, b"five", false),
            (Type::BOOL, b"maybe", false),
            (Type::TIMESTAMPTZ, &[0x7f, 255, 255, 255, 255, 255, 255, 255], true),
            (Type::NUMERIC, &[0, 2, 0, 0, 0, 0, 0, 2, 0, 12], true),
            (Type::TEXT, b"\xff", false),
            (Type::BYTEA, b"\\x0", false),
        ] {
            assert!(value(&own, None, bytes, is_binary).is_err(), "{own} {bytes:?}");
        }
    }

    #[test]
    fn arrays_are_lists() {
        let texts = |texts: &[Option<&str>]| {
            let values: Vec<ScalarValue> = texts.iter().map(|text| ScalarValue::from(*text)).collect();
            ScalarValue::List(ScalarValue::new_list(&values, &DataType::Utf8, true))
        };
        let sent = b"{a,\"b \\\"c\\\", d\",NULL,\"null\"}";
        let expected = texts(&[Some("a"), Some("b \"c\", d"), None, Some("null")]);
        assert_eq!(value(&Type::TEXT_ARRAY, None, sent, false), Ok(expected));
        assert_eq!(value(&Type::TEXT_ARRAY, None, b"{}", false), Ok(texts(&[])));
        assert_eq!(value(&Type::TEXT_ARRAY, None, b"{ a , \"b\" }", false), Ok(texts(&[Some("a"), Some("b")])));
        let binary = b"\0\0\0\x01\0\0\0\x01\0\0\0\x19\0\0\0\x02\0\0\0\x01\0\0\0\x01a\xff\xff\xff\xff";
        assert_eq!(value(&Type::TEXT_ARRAY, None, binary, true), Ok(texts(&[Some("a"), None])));
        for (bytes, is_binary) in [
            (&b"{a"[..], false),
            (b"{{a}}", false),
            (b"{\"a}", false),
            (b"\0\0\0\x02", true),
            (b"\0\0\0\x01\0\0\0\0\0\0\0\x19\x7f\xff\xff\xff\0\0\0\x01", true),
        ] {
            assert!(value(&Type::TEXT_ARRAY, None, bytes, is_binary).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn counts_have_to_fit() {
        let taken = HashMap::from([("$2".to_owned(), Some(DataType::Int64)), ("$1".to_owned(), None)]);
        let parameters = Parameters::of(&taken, &[0, 23]).unwrap();
        assert_eq!(parameters.description().types, [25, 23]);
        let bind = |values: Vec<Option<Bytes>>, formats: Vec<i16>| Bind { values, formats, ..Bind::default() };
        assert!(parameters.values(&bind(vec![None], vec![])).is_err());
        assert!(parameters.values(&bind(vec![None, None], vec![0, 0, 0])).is_err());
        assert!(parameters.values(&bind(vec![None, None], vec![1])).unwrap().is_some());
        assert!(Parameters::default().values(&bind(vec![], vec![])).unwrap().is_none());
        for name in ["$who", "$0", "$4000000000"] {
            assert!(Parameters::of(&HashMap::from([(name.to_owned(), None)]), &[]).is_err(), "{name}");
        }
    }
}
