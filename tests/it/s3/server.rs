//! A server on loopback that speaks as much of S3's protocol as reading an archive takes, and fails as it is told to.
//!
//! Source: AWS's API reference, `ListObjectsV2`, `GetObject`, `HeadObject`, and "Error responses".

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use std::{fs, io};

use percent_encoding::percent_decode_str;
use sha2::{Digest as _, Sha256};

/// The one bucket that there is.
pub const BUCKET: &str = "logs";

/// Keys of a page, where nobody says.
const PAGE: usize = 1_000;

/// An object.
#[derive(Clone)]
pub struct Object {
    pub content: Content,
    pub etag: String,
    pub metadata: Vec<(String, String)>,
    pub version: Option<String>,
}

/// An object's bytes.
#[derive(Clone)]
pub enum Content {
    Bytes(Vec<u8>),
    File(PathBuf),
}

impl Object {
    pub fn new(bytes: &[u8]) -> Object {
        let content = Content::Bytes(bytes.to_vec());
        Object { content, etag: etag(bytes), metadata: Vec::new(), version: None }
    }

    fn bytes(&self) -> Vec<u8> {
        match &self.content {
            Content::Bytes(bytes) => bytes.clone(),
            Content::File(path) => fs::read(path).expect("a file"),
        }
    }

    fn len(&self) -> u64 {
        match &self.content {
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::File(path) => path.metadata().expect("a file").len(),
        }
    }
}

fn etag(bytes: &[u8]) -> String {
    let hash: [u8; 32] = Sha256::digest(bytes).into();
    format!("\"{}\"", hash.iter().take(16).fold(String::new(), |hex, byte| format!("{hex}{byte:02x}")))
}

/// What goes wrong with a request.
#[derive(Clone)]
pub enum Fault {
    /// An error of this status, code and message.
    Error(u16, &'static str, String),
    /// The same without a body.
    Status(u16),
    /// The connection ends after so many bytes of the body.
    Cut(usize),
    /// So long between one piece of the body and the next.
    Slow(Duration),
    /// The object has these bytes from just before it is asked for.
    Changed(Vec<u8>),
    /// Nothing but these bytes as the body.
    Body(String),
}

/// With which requests something goes wrong: those whose target has this text, so many times.
pub struct Trouble {
    pub with: String,
    pub fault: Fault,
    pub times: usize,
}

/// A request, as it was logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub method: String,
    pub target: String,
    pub range: Option<String>,
    pub if_match: Option<String>,
    pub is_signed: bool,
    pub payer: Option<String>,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Object>,
    troubles: Vec<Trouble>,
    asked: Vec<Asked>,
    page: Option<usize>,
    delay: Duration,
}

/// The server; it ends with this.
pub struct Server {
    pub endpoint: String,
    state: Arc<Mutex<State>>,
    is_over: Arc<AtomicBool>,
    /// Requests on their way at once, at the most.
    most: Arc<AtomicUsize>,
}

impl Server {
    pub fn new() -> Server {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let (state, is_over) = (Arc::<Mutex<State>>::default(), Arc::<AtomicBool>::default());
        let (most, at_once) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let server =
            Server { endpoint, state: Arc::clone(&state), is_over: Arc::clone(&is_over), most: Arc::clone(&most) };
        thread::spawn(move || {
            for stream in listener.incoming() {
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let (state, most, at_once) = (Arc::clone(&state), Arc::clone(&most), Arc::clone(&at_once));
                thread::spawn(move || serve(stream, &state, &most, &at_once));
            }
        });
        server
    }

    /// One with all files below a folder, below a prefix.
    pub fn of(folder: &Path, prefix: &str) -> Server {
        let server = Server::new();
        server.put_all(folder, prefix);
        server
    }

    pub fn put_all(&self, folder: &Path, prefix: &str) {
        for entry in walkdir::WalkDir::new(folder).sort_by_file_name() {
            let entry = entry.expect("an entry");
            if !entry.file_type().is_file() {
                continue;
            }
            let key = entry.path().strip_prefix(folder).expect("below it").to_str().expect("UTF-8").to_owned();
            let etag = etag(&fs::read(entry.path()).expect("a file"));
            let content = Content::File(entry.path().to_owned());
            self.put(&format!("{prefix}{key}"), Object { content, etag, metadata: Vec::new(), version: None });
        }
    }

    pub fn put(&self, key: &str, object: Object) {
        self.state().objects.insert(key.to_owned(), object);
    }

    pub fn keys(&self) -> Vec<String> {
        self.state().objects.keys().cloned().collect()
    }

    /// Lets something go wrong.
    pub fn trouble(&self, with: &str, fault: Fault, times: usize) {
        self.state().troubles.push(Trouble { with: with.to_owned(), fault, times });
    }

    /// Nothing goes wrong any more.
    pub fn calm(&self) {
        self.state().troubles.clear();
    }

    /// Keys of a page.
    pub fn page(&self, keys: usize) {
        self.state().page = Some(keys);
    }

    /// How long every answer takes.
    pub fn delay(&self, delay: Duration) {
        self.state().delay = delay;
    }

    /// What was asked since it was looked at before.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.state().asked)
    }

    /// Requests on their way at once, at the most.
    pub fn most_at_once(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("nobody died")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.endpoint.trim_start_matches("http://"));
    }
}

/// Answers one request after the other.
fn serve(stream: TcpStream, state: &Mutex<State>, most: &AtomicUsize, at_once: &AtomicUsize) {
    let _ = stream.set_nodelay(true);
    let mut reader = BufReader::new(stream);
    loop {
        let Ok(Some(asked)) = read(&mut reader) else { return };
        let now = at_once.fetch_add(1, Ordering::Relaxed) + 1;
        most.fetch_max(now, Ordering::Relaxed);
        let goes_on = answer(&asked, state, reader.get_mut());
        at_once.fetch_sub(1, Ordering::Relaxed);
        if !goes_on.unwrap_or(false) {
            return;
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> io::Result<Option<Asked>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return Ok(None) };
    let mut asked = Asked { method, target, range: None, if_match: None, is_signed: false, payer: None };
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { return Ok(Some(asked)) };
        match name.to_ascii_lowercase().as_str() {
            "range" => asked.range = Some(value.to_owned()),
            "if-match" => asked.if_match = Some(value.to_owned()),
            "authorization" => asked.is_signed = value.starts_with("AWS4-HMAC-SHA256 "),
            "x-amz-request-payer" => asked.payer = Some(value.to_owned()),
            _ => {}
        }
    }
}

/// Whether the connection goes on.
fn answer(asked: &Asked, state: &Mutex<State>, out: &mut TcpStream) -> io::Result<bool> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let (path, query) = asked.target.split_once('?').unwrap_or((&asked.target, ""));
    let (path, target) = (decoded(path), decoded(&asked.target));
    let (mut guard, mut trouble) = (state.lock().expect("nobody died"), None);
    guard.asked.push(Asked { target: target.clone(), ..asked.clone() });
    if let Some(at) = guard.troubles.iter().position(|one| one.times > 0 && target.contains(&one.with)) {
        guard.troubles[at].times -= 1;
        trouble = Some(guard.troubles[at].fault.clone());
    }
    let key = path.strip_prefix(&format!("/{BUCKET}/")).map(str::to_owned);
    if let (Some(Fault::Changed(bytes)), Some(key)) = (&trouble, &key) {
        guard.objects.insert(key.clone(), Object::new(bytes));
    }
    let delay = guard.delay;
    let is_list = path.trim_end_matches('/') == format!("/{BUCKET}");
    let listed = is_list.then(|| list(&guard, query));
    let object = key.and_then(|key| guard.objects.get(&key).cloned());
    drop(guard);
    thread::sleep(delay);
    match trouble {
        Some(Fault::Error(status, code, message)) => return error(asked, status, code, &message, out),
        Some(Fault::Status(status)) => return send(asked, status, &[], b"", None, out),
        Some(Fault::Body(body)) => return send(asked, 200, &[], body.as_bytes(), None, out),
        _ => {}
    }
    if let Some(page) = listed {
        return send(asked, 200, &[], page.as_bytes(), trouble.as_ref(), out);
    }
    let Some(object) = object else {
        let code = if path.starts_with(&format!("/{BUCKET}")) { "NoSuchKey" } else { "NoSuchBucket" };
        return error(asked, 404, code, "it does not exist", out);
    };
    if asked.if_match.as_ref().is_some_and(|etag| *etag != object.etag) {
        return error(asked, 412, "PreconditionFailed", "at least one of the conditions did not hold", out);
    }
    give(asked, &object, trouble.as_ref(), out)
}

fn give(asked: &Asked, object: &Object, trouble: Option<&Fault>, out: &mut TcpStream) -> io::Result<bool> {
    let mut headers = vec![
        ("ETag".to_owned(), object.etag.clone()),
        ("Last-Modified".to_owned(), "Wed, 01 May 2024 10:00:00 GMT".to_owned()),
    ];
    headers.extend(object.metadata.iter().map(|(name, value)| (format!("x-amz-meta-{name}"), value.clone())));
    headers.extend(object.version.iter().map(|version| ("x-amz-version-id".to_owned(), version.clone())));
    let bytes = object.bytes();
    let Some(range) = asked.range.as_deref().and_then(|range| range.strip_prefix("bytes=")) else {
        return send(asked, 200, &headers, &bytes, trouble, out);
    };
    let (from, to) = range.split_once('-').expect("a range");
    let from: usize = from.parse().expect("a number");
    let to = to.parse().map_or(bytes.len(), |to: usize| (to + 1).min(bytes.len()));
    headers.push(("Content-Range".to_owned(), format!("bytes {from}-{}/{}", to - 1, bytes.len())));
    send(asked, 206, &headers, &bytes[from..to], trouble, out)
}

fn error(asked: &Asked, status: u16, code: &str, message: &str, out: &mut TcpStream) -> io::Result<bool> {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message>\
         <RequestId>4442587FB7D0A2F9</RequestId></Error>"
    );
    send(asked, status, &[], body.as_bytes(), None, out)
}

fn send(
    asked: &Asked,
    status: u16,
    headers: &[(String, String)],
    body: &[u8],
    trouble: Option<&Fault>,
    out: &mut TcpStream,
) -> io::Result<bool> {
    let mut head = format!("HTTP/1.1 {status} It\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    out.write_all(format!("{head}\r\n").as_bytes())?;
    if asked.method == "HEAD" {
        return Ok(true);
    }
    match trouble {
        Some(Fault::Cut(after)) => {
            out.write_all(&body[..body.len().min(*after)])?;
            return Ok(false);
        }
        Some(Fault::Slow(between)) => {
            for piece in body.chunks(body.len().div_ceil(8).max(1)) {
                thread::sleep(*between);
                out.write_all(piece)?;
            }
        }
        _ => out.write_all(body)?,
    }
    Ok(true)
}

fn list(state: &State, query: &str) -> String {
    let value = |name: &str| {
        query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| {
            let value = value.replace('+', "%20");
            percent_decode_str(&value).decode_utf8_lossy().into_owned()
        })
    };
    let (prefix, delimiter) = (value("prefix").unwrap_or_default(), value("delimiter"));
    // Where it goes on: behind a key, or behind all keys of a common prefix.
    let after = value("continuation-token").or(value("start-after")).unwrap_or_default();
    let page = state.page.unwrap_or(PAGE);
    let (mut contents, mut prefixes, mut last, mut is_truncated) =
        (String::new(), BTreeSet::new(), String::new(), false);
    let mut count = 0;
    for (key, object) in state.objects.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix)) {
        if *key <= after || !after.is_empty() && after.ends_with('/') && key.starts_with(&after) {
            continue;
        }
        let rest = &key[prefix.len()..];
        let common =
            delimiter.as_ref().and_then(|delimiter| rest.find(delimiter.as_str()).map(|at| at + delimiter.len()));
        let common = common.map(|len| format!("{prefix}{}", &rest[..len]));
        if common.as_ref().is_some_and(|common| prefixes.contains(common)) {
            continue;
        }
        if count == page {
            is_truncated = true;
            break;
        }
        count += 1;
        last = common.clone().unwrap_or_else(|| key.clone());
        match common {
            Some(common) => drop(prefixes.insert(common)),
            None => {
                let (key, etag) = (escaped(key), escaped(&object.etag));
                let _ = write!(
                    contents,
                    "<Contents><Key>{key}</Key><LastModified>2024-05-01T10:00:00.000Z</LastModified>\
                     <ETag>{etag}</ETag><Size>{}</Size><StorageClass>STANDARD</StorageClass></Contents>",
                    object.len()
                );
            }
        }
    }
    let prefixes: String = prefixes
        .iter()
        .map(|prefix| format!("<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>", escaped(prefix)))
        .collect();
    let next = match is_truncated {
        true => format!("<NextContinuationToken>{}</NextContinuationToken>", escaped(&last)),
        false => String::new(),
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
         <Name>{BUCKET}</Name><Prefix>{}</Prefix><KeyCount>{count}</KeyCount><MaxKeys>{page}</MaxKeys>\
         <IsTruncated>{is_truncated}</IsTruncated>{contents}{prefixes}{next}</ListBucketResult>",
        escaped(&prefix)
    )
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c if c.is_control() => drop(write!(escaped, "&#x{:x};", c as u32)),
            c => escaped.push(c),
        }
    }
    escaped
}
