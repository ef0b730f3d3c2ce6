//! Trino's functions over URLs, and percent encoding.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, StringViewArray};
use arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::ScalarUDF;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::over_texts::text_to_text;
use super::plain::{Plain, TEXT, returns, text_at, texts};

/// What a query's value keeps as it is, as Java's URL encoder does.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*');

/// The functions of this file.
pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![
        text_to_text("url_extract_protocol", |url| Some(Url::parse(url)?.scheme.to_owned())),
        text_to_text("url_extract_host", |url| Url::parse(url)?.host.map(str::to_owned)),
        text_to_text("url_extract_path", |url| decoded(Url::parse(url)?.path, false)),
        text_to_text("url_extract_query", |url| decoded(Url::parse(url)?.query?, false)),
        text_to_text("url_extract_fragment", |url| decoded(Url::parse(url)?.fragment?, false)),
        Plain::of("url_extract_port", &[&[TEXT]], returns!(DataType::Int64), port),
        Plain::of("url_extract_parameter", &[&[TEXT, TEXT]], returns!(TEXT), parameter),
        text_to_text("url_encode", |text| Some(utf8_percent_encode(text, KEPT).to_string().replace("%20", "+"))),
        text_to_text("url_decode", |text| decoded(text, true)),
    ]
}

fn decoded(text: &str, plus_is_space: bool) -> Option<String> {
    let text = if plus_is_space { text.replace('+', " ") } else { text.to_owned() };
    Some(percent_decode_str(&text).decode_utf8().ok()?.into_owned())
}

/// The parts of a URL. Source: RFC 3986, appendix B.
struct Url<'a> {
    scheme: &'a str,
    host: Option<&'a str>,
    port: Option<i64>,
    path: &'a str,
    query: Option<&'a str>,
    fragment: Option<&'a str>,
}

impl<'a> Url<'a> {
    fn parse(text: &'a str) -> Option<Url<'a>> {
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return None;
        }
        let (text, fragment) = text.split_once('#').map_or((text, None), |(text, fragment)| (text, Some(fragment)));
        let (text, query) = text.split_once('?').map_or((text, None), |(text, query)| (text, Some(query)));
        let scheme = text.split_once(':').map(|(scheme, _)| scheme).filter(|scheme| {
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
        });
        let rest = scheme.map_or(Some(text), |scheme| text.get(scheme.len() + 1..))?;
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => {
                let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                (Some(authority), path)
            }
            None => (None, rest),
        };
        let place = authority.map(|authority| authority.rsplit_once('@').map_or(authority, |(_, place)| place));
        let (host, port) = match place.map(|place| (place, place.rsplit_once(':'))) {
            // A colon within brackets is part of an address.
            Some((_, Some((host, port)))) if !port.contains(']') => (Some(host), port.parse().ok()),
            Some((host, _)) => (Some(host), None),
            None => (None, None),
        };
        let host = host.filter(|host| !host.is_empty());
        Some(Url { scheme: scheme.unwrap_or_default(), host, port, path, query, fragment })
    }
}

fn port(arrays: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    let rows = texts(arrays, 0)?.iter().map(|url| Url::parse(url?)?.port);
    Ok(Arc::new(rows.collect::<Int64Array>()))
}

/// `url_extract_parameter(url, name)`: the first of this name.
fn parameter(arrays: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    let (urls, names) = (texts(arrays, 0)?, texts(arrays, 1)?);
    let row = |row: usize| {
        let (url, name) = (text_at(urls, row)?, text_at(names, row)?);
        let pairs = Url::parse(url)?.query?.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let (_, value) = pairs.into_iter().find(|(key, _)| decoded(key, true).as_deref() == Some(name))?;
        decoded(value, true)
    };
    Ok(Arc::new((0..urls.len()).map(row).collect::<StringViewArray>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_urls() {
        let url = Url::parse("https://user@sqs.eu-west-1.amazonaws.com:8443/1/a%20b?x=1&y=a%2Bb+c#top").unwrap();
        assert_eq!(
            (url.scheme, url.host, url.port, url.path, url.query, url.fragment),
            ("https", Some("sqs.eu-west-1.amazonaws.com"), Some(8443), "/1/a%20b", Some("x=1&y=a%2Bb+c"), Some("top"))
        );
        assert_eq!(Url::parse("https://[2001:db8::1]/").unwrap().host, Some("[2001:db8::1]"));
        let plain = Url::parse("sqs.amazonaws.com/queue").unwrap();
        assert_eq!((plain.scheme, plain.host, plain.path), ("", None, "sqs.amazonaws.com/queue"));
        assert!(Url::parse("not a url").is_none());
    }
}
