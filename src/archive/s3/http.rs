//! What goes over the wire. Requests are counted, and the keys of a listing are made harmless before anybody parses
//! them: one key that `object_store` has no form for (`a//b`, `..`, a control character) would else fail a whole page,
//! and a leading slash would make it another key.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use bytes::BytesMut;
use futures::StreamExt as _;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
    ReqwestConnector,
};
use object_store::path::Path;

use super::shared::Counts;

/// A page of a thousand keys has less, whatever stands for their characters.
const PAGE_MAX_BYTES: usize = 16 << 20;

/// A number that no server knows, so that no key can be taken for a replaced one.
#[derive(Clone, Debug)]
pub(super) struct Mark(String);

impl Mark {
    pub fn new() -> Mark {
        Mark(format!("unusable-{}/", uuid::Uuid::new_v4().simple()))
    }

    /// What stands for a key.
    fn replaced(&self, key: &str) -> String {
        let mut text = self.0.clone();
        for byte in key.bytes() {
            let _ = write!(text, "{byte:02x}");
        }
        text
    }

    /// The key that something stands for.
    pub fn original(&self, path: &str) -> Option<String> {
        let hex = path.strip_prefix(&self.0)?.as_bytes();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let bytes: Vec<u8> = hex.chunks(2).map(byte).collect::<Option<_>>()?;
        String::from_utf8(bytes).ok()
    }
}

/// Makes clients that count and look.
#[derive(Debug)]
pub(super) struct Connector {
    pub counts: Arc<Counts>,
    pub mark: Mark,
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let inner = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(Client { inner, counts: Arc::clone(&self.counts), mark: self.mark.clone() }))
    }
}

#[derive(Debug)]
struct Client {
    inner: HttpClient,
    counts: Arc<Counts>,
    mark: Mark,
}

#[async_trait]
impl HttpService for Client {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let is_get = request.method().as_str() == "GET";
        let is_list = is_get && request.uri().query().is_some_and(|query| query.split('&').any(|q| q == "list-type=2"));
        let count = match (is_list, is_get) {
            (true, _) => &self.counts.lists,
            (false, true) => &self.counts.gets,
            (false, false) => &self.counts.others,
        };
        count.fetch_add(1, Ordering::Relaxed);
        let response = self.inner.execute(request).await?;
        if !response.status().is_success() {
            let region = response.headers().get("x-amz-bucket-region").and_then(|region| region.to_str().ok());
            if let Some(region) = region {
                let _ = self.counts.region.set(region.to_owned());
            }
        } else if is_list {
            let (parts, body) = response.into_parts();
            let page = whole(body).await?;
            return Ok(HttpResponse::from_parts(parts, harmless(&page, &self.mark).into()));
        }
        Ok(response)
    }
}

/// All of a page.
async fn whole(body: HttpResponseBody) -> Result<String, HttpError> {
    let mut bytes = BytesMut::new();
    let mut body = body.bytes_stream();
    while let Some(more) = body.next().await {
        // What breaks off is asked for again.
        let more = more.map_err(|error| HttpError::new(HttpErrorKind::Interrupted, error))?;
        bytes.extend_from_slice(&more);
        if bytes.len() > PAGE_MAX_BYTES {
            let error = std::io::Error::other("a listing of a thousand keys is larger than it can be");
            return Err(HttpError::new(HttpErrorKind::Decode, error));
        }
    }
    String::from_utf8(bytes.into()).map_err(|error| HttpError::new(HttpErrorKind::Decode, error))
}

/// A page in which every key can be asked for, or says that it can't.
fn harmless(page: &str, mark: &Mark) -> String {
    let keys = replace(page, "Key", &|key| (!is_usable(key)).then(|| mark.replaced(key)));
    replace(&keys, "Prefix", &|prefix| {
        let is_usable = prefix.is_empty() || prefix != "/" && is_usable(prefix.strip_suffix('/').unwrap_or(prefix));
        (!is_usable).then(|| mark.replaced(prefix))
    })
}

/// Whether a key is one that `object_store` asks for as it is.
pub(super) fn is_usable(key: &str) -> bool {
    Path::parse(key).is_ok_and(|path| path.as_ref() == key)
}

/// Replaces the contents of elements of a name.
fn replace(page: &str, name: &str, new: &dyn Fn(&str) -> Option<String>) -> String {
    let (begin, end) = (format!("<{name}>"), format!("</{name}>"));
    let mut out = String::with_capacity(page.len());
    let mut rest = page;
    while let Some((before, behind)) = rest.split_once(&begin) {
        out.push_str(before);
        out.push_str(&begin);
        let Some((content, after)) = behind.split_once(&end) else {
            out.push_str(behind);
            return out;
        };
        out.push_str(&new(&unescaped(content)).unwrap_or_else(|| content.to_owned()));
        out.push_str(&end);
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The text that an element's content stands for. What stands for nothing becomes a character that no key may have.
fn unescaped(content: &str) -> String {
    let mut text = String::with_capacity(content.len());
    let mut rest = content;
    while let Some((before, behind)) = rest.split_once('&') {
        text.push_str(before);
        let Some((entity, after)) = behind.split_once(';') else {
            text.push('\0');
            return text;
        };
        let number = entity.strip_prefix('#').map(|number| match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        });
        text.push(match (entity, number) {
            ("amp", _) => '&',
            ("lt", _) => '<',
            ("gt", _) => '>',
            ("quot", _) => '"',
            ("apos", _) => '\'',
            (_, Some(Ok(number))) => char::from_u32(number).unwrap_or('\0'),
            _ => '\0',
        });
        rest = after;
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_nobody_can_ask_for_are_named_and_harm_no_page() {
        let mark = Mark::new();
        for (content, key) in [
            ("a//b", "a//b"),
            ("../../etc/passwd", "../../etc/passwd"),
            ("/AWSLogs/x.json", "/AWSLogs/x.json"),
            ("a/&#x1;b", "a/\u{1}b"),
            ("a/&#13;b", "a/\rb"),
            ("folder/", "folder/"),
            ("a/&bogus;", "a/\0"),
            ("a/./b&amp;c", "a/./b&c"),
        ] {
            let page = format!("<R><Contents><Key>{content}</Key><Size>1</Size></Contents></R>");
            let harmless = harmless(&page, &mark);
            let (_, rest) = harmless.split_once("<Key>").expect("a key");
            let (replaced, _) = rest.split_once("</Key>").expect("its end");
            assert_eq!(mark.original(replaced).as_deref(), Some(key), "{content}");
            assert!(is_usable(replaced), "{replaced}");
        }
        let page = "<R><Prefix>a/</Prefix><Contents><Key>a/b &amp; c%2F.json</Key></Contents>\
                    <CommonPrefixes><Prefix>a/é/</Prefix></CommonPrefixes></R>";
        assert_eq!(harmless(page, &mark), page);
        assert!(harmless("<CommonPrefixes><Prefix>a//</Prefix>", &mark).contains(&mark.0));
        assert_eq!(harmless("<Key>a", &mark), "<Key>a");
        assert_eq!(Mark::new().original(&mark.replaced("x")), None);
    }
}
