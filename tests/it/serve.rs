//! `trailpare serve` as a client of PostgreSQL talks to it, byte by byte: the messages are put together here, by the
//! protocol's documentation. `tests/serve/serve.py` has psql and a driver do the same.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::num::NonZeroU32;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac, pbkdf2};

use super::mcp::{MANY, endless, program, samples, trailpare};

/// The program, listening on a port of its own.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn begin(store: &Path, more: &[&str]) -> Server {
        let args = [&["serve", "--store", store.to_str().unwrap(), "--listen", "127.0.0.1:0"], more].concat();
        let mut child = program(&args).stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        let port = loop {
            line.clear();
            assert!(said.read_line(&mut line).unwrap() > 0, "it ended before it listened");
            if let Some(address) = line.trim().strip_prefix("listening on 127.0.0.1:") {
                break address.parse().unwrap();
            }
        };
        // Nobody is to wait for somebody who reads.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        Server { child, port }
    }

    fn raw(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        stream
    }

    fn client(&self) -> Client {
        let mut client = self.knock("ann");
        let (messages, _) = client.until(b'Z');
        assert!(messages.iter().any(|(kind, body)| *kind == b'R' && body == &[0, 0, 0, 0]), "{messages:?}");
        client
    }

    /// A client that has said who it is.
    fn knock(&self, user: &str) -> Client {
        let mut client = Client { stream: self.raw(), key: Vec::new() };
        let body = [&196_608_u32.to_be_bytes()[..], b"user\0", user.as_bytes(), b"\0database\0store\0\0"].concat();
        client.packet(&body);
        client
    }

    fn cancel(&self, key: &[u8]) {
        let mut client = Client { stream: self.raw(), key: Vec::new() };
        client.packet(&[&80_877_102_u32.to_be_bytes()[..], key].concat());
        assert_eq!(client.stream.read(&mut [0; 8]).unwrap(), 0, "a request to cancel has no answer");
    }

    fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

type Message = (u8, Vec<u8>);

struct Client {
    stream: TcpStream,
    /// Number and secret, with which its query can be cancelled.
    key: Vec<u8>,
}

/// An answer: rows of cells; or the code of an error, its message, and its place.
#[derive(Debug, PartialEq)]
enum Answer {
    Rows(Vec<Vec<Option<String>>>),
    Error { code: String, message: String, position: Option<usize> },
}

impl Answer {
    fn code(&self) -> &str {
        match self {
            Answer::Error { code, .. } => code,
            Answer::Rows(_) => "00000",
        }
    }

    fn cell(&self) -> &str {
        match self {
            Answer::Rows(rows) => rows[0][0].as_deref().unwrap(),
            Answer::Error { .. } => panic!("{self:?}"),
        }
    }
}

impl Client {
    fn packet(&mut self, body: &[u8]) {
        let length = (body.len() + 4) as u32;
        self.stream.write_all(&[&length.to_be_bytes()[..], body].concat()).unwrap();
    }

    fn send(&mut self, kind: u8, body: &[u8]) {
        let length = (body.len() + 4) as u32;
        self.stream.write_all(&[&[kind][..], &length.to_be_bytes(), body].concat()).unwrap();
    }

    /// The next message; `None` where the server has gone.
    fn hear(&mut self) -> Option<Message> {
        let mut head = [0; 5];
        self.stream.read_exact(&mut head).ok()?;
        let length = u32::from_be_bytes(head[1..].try_into().unwrap()) as usize;
        let mut body = vec![0; length - 4];
        self.stream.read_exact(&mut body).ok()?;
        if head[0] == b'K' {
            self.key.clone_from(&body);
        }
        Some((head[0], body))
    }

    /// Messages up to one of a kind, and whether that came.
    fn until(&mut self, kind: u8) -> (Vec<Message>, bool) {
        let mut messages = Vec::new();
        while let Some(message) = self.hear() {
            let is_last = message.0 == kind;
            messages.push(message);
            if is_last {
                return (messages, true);
            }
        }
        (messages, false)
    }

    fn ask(&mut self, sql: &str) -> Answer {
        self.send(b'Q', &[sql.as_bytes(), b"\0"].concat());
        let (messages, is_ready) = self.until(b'Z');
        assert!(is_ready, "{sql}: {messages:?}");
        answer(&messages)
    }
}

fn answer(messages: &[Message]) -> Answer {
    match messages.iter().find(|(kind, _)| *kind == b'E') {
        Some((_, body)) => error(body),
        None => Answer::Rows(messages.iter().filter(|(kind, _)| *kind == b'D').map(|(_, body)| cells(body)).collect()),
    }
}

fn error(body: &[u8]) -> Answer {
    let fields: Vec<String> =
        body.split(|byte| *byte == 0).map(|field| String::from_utf8(field.to_vec()).unwrap()).collect();
    let field = |kind: char| fields.iter().find_map(|field| field.strip_prefix(kind)).map(str::to_owned);
    Answer::Error {
        code: field('C').unwrap(),
        message: field('M').unwrap(),
        position: field('P').map(|place| place.parse().unwrap()),
    }
}

fn cells(body: &[u8]) -> Vec<Option<String>> {
    let count = u16::from_be_bytes([body[0], body[1]]);
    let mut rest = &body[2..];
    (0..count)
        .map(|_| {
            let length = i32::from_be_bytes(rest[..4].try_into().unwrap());
            rest = &rest[4..];
            let length = usize::try_from(length).ok()?;
            let (cell, behind) = rest.split_at(length);
            rest = behind;
            Some(String::from_utf8(cell.to_vec()).unwrap())
        })
        .collect()
}

/// What the README says of the sample: 889 events.
const EVENTS: &str = "889";

#[test]
fn queries_are_answered_as_on_the_command_line() {
    let (_folder, store) = samples();
    let server = Server::begin(&store, &[]);
    let mut client = server.client();
    assert_eq!(client.ask("SELECT count(*) FROM events").cell(), EVENTS);
    for sql in [
        "SELECT event_name, count(*) FROM events GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20",
        "SELECT eventname, useridentity.arn FROM cloudtrail_logs ORDER BY eventid LIMIT 20",
        "SELECT principal_arn, action, event_count FROM usage ORDER BY 1, 2, 3 LIMIT 50",
        "SELECT action, sum(calls) FROM denied_calls() GROUP BY 1 ORDER BY 2 DESC, 1",
        "SELECT e.event_name, a.action FROM events e JOIN event_actions a ON a.event_id = e.event_id \
         ORDER BY e.event_id, a.action LIMIT 20",
    ] {
        let expected = trailpare(&["sql", "--store", store.to_str().unwrap(), "--format", "json", sql]);
        let expected: Vec<serde_json::Map<String, serde_json::Value>> =
            serde_json::from_slice(&expected.stdout).unwrap();
        let text = |value: &serde_json::Value| match value {
            serde_json::Value::Null => None,
            serde_json::Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        let expected: Vec<Vec<Option<String>>> = expected.iter().map(|row| row.values().map(text).collect()).collect();
        assert!(!expected.is_empty(), "{sql}");
        assert_eq!(client.ask(sql), Answer::Rows(expected), "{sql}");
    }
    // Several statements, an empty one, settings.
    assert_eq!(client.ask("SELECT 1; SELECT 2"), Answer::Rows(vec![vec![Some("1".into())], vec![Some("2".into())]]));
    assert_eq!(client.ask(" ; "), Answer::Rows(vec![]));
    client.ask("SET application_name = 'x'");
    assert_eq!(client.ask("SHOW application_name").cell(), "x");
    let (messages, _) = {
        client.send(b'Q', b"SELECT event_time FROM events LIMIT 1\0");
        client.until(b'Z')
    };
    let described = &messages.iter().find(|(kind, _)| *kind == b'T').unwrap().1;
    // timestamptz has the number 1184.
    assert_eq!(described[described.len() - 12..][..4], 1_184_u32.to_be_bytes());
}

#[test]
fn statements_are_prepared_bound_and_read_in_parts() {
    let (_folder, store) = samples();
    let server = Server::begin(&store, &[]);
    let mut client = server.client();
    client.send(b'P', b"s\0SELECT event_id FROM events WHERE event_source = $1 ORDER BY event_id\0\0\0");
    client.send(b'D', b"Ss\0");
    client.send(b'B', b"\0s\0\0\0\0\x01\0\0\0\x11ec2.amazonaws.com\0\0");
    client.send(b'E', b"\0\0\0\0\x02");
    client.send(b'E', b"\0\0\0\0\0");
    client.send(b'S', b"");
    let (messages, _) = client.until(b'Z');
    let kinds: String = messages.iter().map(|(kind, _)| char::from(*kind)).filter(|kind| *kind != 'D').collect();
    assert_eq!(kinds, "1tT2sCZ", "{messages:?}");
    let suspended = messages.iter().position(|(kind, _)| *kind == b's').unwrap();
    assert_eq!(messages[..suspended].iter().filter(|(kind, _)| *kind == b'D').count(), 2);
    let expected = client.ask("SELECT event_id FROM events WHERE event_source = 'ec2.amazonaws.com' ORDER BY event_id");
    assert_eq!(answer(&messages), expected);
    // What is wrong ends the series, and nothing of it is done up to the Sync.
    client.send(b'P', b"\0SELECT nonsense FROM events\0\0\0");
    client.send(b'B', b"\0\0\0\0\0\0\0\0");
    client.send(b'E', b"\0\0\0\0\0");
    client.send(b'S', b"");
    let (messages, _) = client.until(b'Z');
    assert_eq!(messages.iter().map(|(kind, _)| *kind).collect::<Vec<u8>>(), b"EZ");
    assert_eq!(answer(&messages).code(), "42703");
    // Flush brings the error, before the Sync.
    client.send(b'P', b"\0SELECT nonsense FROM events\0\0\0");
    client.send(b'H', b"");
    let (messages, is_there) = client.until(b'E');
    assert!(is_there && messages.len() == 1, "{messages:?}");
    client.send(b'S', b"");
    assert_eq!(client.until(b'Z').0.len(), 1);
    // Rows that are there are given though further ones take hours.
    let sql = format!("SELECT 7 AS one UNION ALL ({})", endless(MANY));
    client.send(b'P', &[b"\0", sql.as_bytes(), b"\0\0\0"].concat());
    client.send(b'B', b"\0\0\0\0\0\0\0\0");
    client.send(b'E', b"\0\0\0\0\x01");
    client.send(b'S', b"");
    let begun = Instant::now();
    let (messages, _) = client.until(b'Z');
    assert_eq!(messages.iter().map(|(kind, _)| *kind).collect::<Vec<u8>>(), b"12DsZ", "{messages:?}");
    assert_eq!(answer(&messages).cell(), "7");
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    // A connection does not keep as much as it likes.
    let long = format!("SELECT '{}'", "x".repeat(900_000));
    for (name, expected) in [("a", b"1Z"), ("b", b"1Z"), ("c", b"1Z"), ("d", b"1Z"), ("e", b"EZ")] {
        client.send(b'P', &[name.as_bytes(), b"\0", long.as_bytes(), b"\0\0\0"].concat());
        client.send(b'S', b"");
        let kinds: Vec<u8> = client.until(b'Z').0.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, expected, "{name}");
    }
    client.ask("DEALLOCATE ALL");
    // A prepared statement sees what came since it was prepared.
    client.send(b'P', b"n\0SELECT count(*) FROM events\0\0\0");
    client.send(b'S', b"");
    client.until(b'Z');
    let more = tempfile::tempdir().unwrap();
    let archive = more.path().join("more");
    let out = archive.to_str().unwrap();
    trailpare(&["--quiet", "synth", out, "--objects", "3", "--events", "10", "--seed", "5"]);
    trailpare(&["--quiet", "ingest", out, "--store", store.to_str().unwrap()]);
    std::thread::sleep(Duration::from_millis(1_200));
    client.send(b'B', b"\0n\0\0\0\0\0\0\0");
    client.send(b'E', b"\0\0\0\0\0");
    client.send(b'S', b"");
    let (messages, _) = client.until(b'Z');
    let counted: u64 = answer(&messages).cell().parse().unwrap();
    assert!(counted > EVENTS.parse().unwrap(), "{counted}");
}

#[test]
fn errors_have_a_code_and_a_place() {
    let (_folder, store) = samples();
    let server = Server::begin(&store, &["--max-rows", "100"]);
    let mut client = server.client();
    for (sql, code, position) in [
        ("SELECT event_nmae FROM events", "42703", Some(8)),
        ("SELECT 1;\nSELECT * FROM evnets", "42P01", Some(25)),
        ("SELECT json_extrat(a, 'b') FROM events", "42883", Some(8)),
        ("SELEC 1", "42601", Some(1)),
        ("SELECT 1 FROM events a, events b WHERE event_id = ''", "42702", Some(40)),
        ("SELECT CAST(event_name AS INT) FROM events", "22P02", None),
        ("SELECT 1 / (event_size - event_size) FROM (SELECT 1 AS event_size)", "22012", None),
        ("SELECT event_id FROM events", "54000", None),
        ("SET nothing_like_it = 1", "42704", None),
        ("SELECT * FROM denied_calls(nobody => 'x')", "22023", None),
    ] {
        let Answer::Error { code: said, position: place, message } = client.ask(sql) else { panic!("{sql}") };
        assert_eq!((said.as_str(), place), (code, position), "{sql}: {message}");
    }
    // Nothing of a text acts on a terminal.
    let Answer::Error { message, .. } = client.ask("SELECT \"a\u{1b}[31m\u{202e}\" FROM events") else { panic!() };
    assert!(!message.contains(['\u{1b}', '\u{202e}']), "{message:?}");
    // A transaction that failed does nothing more.
    client.ask("BEGIN");
    assert_eq!(client.ask("SELECT nonsense").code(), "42703");
    assert_eq!(client.ask("SELECT 1").code(), "25P02");
    client.ask("ROLLBACK");
    assert_eq!(client.ask("SELECT 1").cell(), "1");
}

#[test]
fn nothing_can_be_changed_and_no_file_read() {
    let (folder, store) = samples();
    let server = Server::begin(&store, &[]);
    let mut client = server.client();
    let out = folder.path().join("out.csv");
    let secret = folder.path().join("secret.csv");
    fs::write(&secret, "a\nhidden\n").unwrap();
    let (out_name, secret) = (out.display(), secret.display());
    for sql in [
        format!("COPY events TO '{out_name}'"),
        format!("COPY (SELECT 1) TO '{out_name}' STORED AS CSV"),
        "COPY events FROM STDIN".to_owned(),
        format!("CREATE EXTERNAL TABLE t (a TEXT) STORED AS CSV LOCATION '{secret}'"),
        format!("SELECT * FROM '{secret}'"),
        format!("SELECT * FROM cloudtrail_archive('{}')", folder.path().display()),
        format!("SELECT * FROM read_csv('{secret}')"),
        format!("SELECT pg_read_file('{secret}')"),
        "CREATE VIEW v AS SELECT 1".to_owned(),
        "CREATE TABLE t AS SELECT 1".to_owned(),
        "CREATE SCHEMA s".to_owned(),
        "INSERT INTO events SELECT * FROM events".to_owned(),
        "DELETE FROM events".to_owned(),
        "UPDATE events SET event_name = 'x'".to_owned(),
        "DROP VIEW usage".to_owned(),
        "EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1".to_owned(),
        "SET datafusion.execution.batch_size = 1".to_owned(),
        "SELECT 1; DROP TABLE events".to_owned(),
        "CREATE VIEW pg_catalog.v AS SELECT 1".to_owned(),
        "PREPARE a AS SELECT 1".to_owned(),
    ] {
        assert_ne!(client.ask(&sql).code(), "00000", "{sql}");
        // The same of the extended protocol.
        client.send(b'P', &[b"\0", sql.as_bytes(), b"\0\0\0"].concat());
        client.send(b'B', b"\0\0\0\0\0\0\0\0");
        client.send(b'E', b"\0\0\0\0\0");
        client.send(b'S', b"");
        assert_ne!(answer(&client.until(b'Z').0).code(), "00000", "{sql}");
    }
    assert!(!out.exists());
    assert_eq!(client.ask("SELECT count(*) FROM events").cell(), EVENTS);
    assert_eq!(client.ask("SELECT count(*) FROM usage WHERE action = 'x'").cell(), "0");
}

#[test]
fn a_query_ends_when_it_is_cancelled_or_its_client_leaves() {
    let (_folder, store) = samples();
    let server = Server::begin(&store, &["--max-queries", "1"]);
    let mut client = server.client();
    client.send(b'Q', &[endless(MANY).as_bytes(), b"\0"].concat());
    std::thread::sleep(Duration::from_millis(500));
    let mut wrong = client.key.clone();
    wrong[7] ^= 1;
    server.cancel(&wrong);
    let begun = Instant::now();
    server.cancel(&client.key);
    assert_eq!(answer(&client.until(b'Z').0).code(), "57014");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    assert_eq!(client.ask("SELECT 1").cell(), "1");
    // One that leaves in the middle, and one that was to be cancelled while it waits for its turn.
    client.send(b'Q', &[endless(MANY).as_bytes(), b"\0"].concat());
    std::thread::sleep(Duration::from_millis(500));
    let mut waiting = server.client();
    waiting.send(b'Q', b"SELECT 2\0");
    std::thread::sleep(Duration::from_millis(200));
    server.cancel(&waiting.key);
    assert_eq!(answer(&waiting.until(b'Z').0).code(), "57014");
    client.stream.shutdown(Shutdown::Both).unwrap();
    let begun = Instant::now();
    assert_eq!(waiting.ask("SELECT 3").cell(), "3");
    // It takes a second of a processor, which a busy machine has not at once; the query would hold its turn for 5 minutes.
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

#[test]
fn a_query_has_its_time() {
    let (_folder, store) = samples();
    let server = Server::begin(&store, &["--timeout", "2s"]);
    let mut client = server.client();
    let begun = Instant::now();
    assert_eq!(client.ask(&endless(MANY)).code(), "57014");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    client.ask("SET statement_timeout = '300ms'");
    let begun = Instant::now();
    assert_eq!(client.ask(&endless(MANY)).code(), "57014");
    assert!(begun.elapsed() < Duration::from_millis(1_900), "{:?}", begun.elapsed());
    client.ask("RESET statement_timeout");
    assert_eq!(client.ask("SELECT count(*) FROM events").cell(), EVENTS);
}

#[test]
fn no_bytes_bring_it_down() {
    let (_folder, store) = samples();
    let server = Server::begin(&store, &[]);
    let start = [&196_608_u32.to_be_bytes()[..], b"user\0a\0\0"].concat();
    let length = |body: &[u8]| ((body.len() + 4) as u32).to_be_bytes();
    let beginnings: Vec<Vec<u8>> = vec![
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        vec![0; 64],
        vec![0xff; 64],
        b"\0\0\0\x04\0\0\0\0".to_vec(),
        b"\0\0\0\x08\0\x03\0\0".to_vec(),
        b"\x7f\xff\xff\xff\0\x03\0\0".to_vec(),
        b"\0\0\0\x0c\0\x03\0\0user".to_vec(),
        b"\0\0\0\x0c\0\x02\0\0usr\0".to_vec(),
        [&80_877_103_u32.to_be_bytes()[..]; 4].map(|code| [&8_u32.to_be_bytes()[..], code].concat()).concat(),
    ];
    let messages: Vec<&[u8]> = vec![
        b"Q\0\0\0\0",
        b"Q\0\0\0\x03",
        b"Q\xff\xff\xff\xff",
        b"Q\x7f\xff\xff\xffSELECT",
        b"Q\0\0\0\x06ab",
        b"!\0\0\0\x04",
        b"p\0\0\0\x04",
        b"P\0\0\0\x08\0\0\xff\xff",
        b"B\0\0\0\x0c\0\0\0\0\xff\xff\0\0",
        b"B\0\0\0\x0e\0\0\0\0\0\x01\xff\xff\xff\xfe",
        b"E\0\0\0\x05\0",
        b"D\0\0\0\x06X\0",
    ];
    for bytes in beginnings {
        let mut stream = server.raw();
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(Shutdown::Write);
        let mut heard = Vec::new();
        let _ = stream.read_to_end(&mut heard);
        assert!(!heard.contains(&b'Z'), "{bytes:?} is let in: {heard:?}");
    }
    for bytes in messages {
        let mut stream = server.raw();
        let _ = stream.write_all(&[&length(&start)[..], &start, bytes].concat());
        let _ = stream.shutdown(Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    }
    // A message without an end, and a text that is too deep.
    let mut client = server.client();
    client.send(b'Q', &[&vec![b'x'; 2 << 20][..], b"\0"].concat()[..1_000]);
    let deep = format!("SELECT {}1", "1+".repeat(100_000));
    assert_ne!(server.client().ask(&deep).code(), "00000");
    let deep = format!("SELECT {}1 FROM pg_catalog.pg_class", "1+".repeat(100_000));
    assert_ne!(server.client().ask(&deep).code(), "00000");
    assert_ne!(server.client().ask(&"(".repeat(500_000)).code(), "00000");
    // Values and formats that are none, and more rows than any machine holds.
    let mut client = server.client();
    client.send(b'P', b"\0SELECT $1, event_id FROM events\0\0\x01\0\0\0\x17");
    client.send(b'B', b"\0\0\0\x01\0\x01\0\x01\0\0\0\x01x\0\0");
    client.send(b'S', b"");
    assert_eq!(answer(&client.until(b'Z').0).code(), "22P02");
    client.send(b'B', b"\0\0\0\0\0\x01\0\0\0\x011\0\x03\0\0\0\0\0\0");
    client.send(b'S', b"");
    assert_eq!(answer(&client.until(b'Z').0).code(), "08P01");
    client.send(b'B', b"\0\0\0\0\0\x01\0\0\0\x011\0\0");
    client.send(b'E', b"\0\x7f\xff\xff\xff");
    client.send(b'S', b"");
    let Answer::Rows(rows) = answer(&client.until(b'Z').0) else { panic!() };
    assert_eq!(rows.len().to_string(), EVENTS);
}

#[test]
fn only_those_with_the_password_come_in() {
    let (folder, store) = samples();
    let users = folder.path().join("users");
    fs::write(&users, "ann:s3cret:with colon\nben:other\n").unwrap();
    fs::set_permissions(&users, fs::Permissions::from_mode(0o600)).unwrap();
    let server = Server::begin(&store, &["--users", users.to_str().unwrap()]);
    assert_eq!(log_in(&server, "ann", "s3cret:with colon"), Ok(EVENTS.to_owned()));
    let mut texts = Vec::new();
    for (user, password) in [("ann", "other"), ("ben", "s3cret:with colon"), ("eve", "other"), ("eve", "")] {
        let begun = Instant::now();
        let (code, message) = log_in(&server, user, password).unwrap_err();
        assert_eq!(code, "28P01");
        assert!(begun.elapsed() >= Duration::from_secs(1));
        texts.push(message.replace(user, "USER"));
    }
    texts.dedup();
    assert_eq!(texts.len(), 1, "{texts:?}");
    // Nothing is answered before, whatever is sent in the place of a proof.
    for bytes in [&b"Q\0\0\0\x0dSELECT 1\0"[..], b"p\0\0\0\x04", b"p\0\0\0\x0ax\0\xff\xff\xff\xff", b"X\0\0\0\x04"] {
        let mut client = server.knock("ann");
        let _ = client.stream.write_all(&[bytes, b"Q\0\0\0\x0dSELECT 1\0"].concat());
        let (messages, is_ready) = client.until(b'Z');
        assert!(!is_ready && messages.iter().all(|(kind, _)| matches!(kind, b'R' | b'E')), "{bytes:?}: {messages:?}");
    }
}

/// Proves a password by SCRAM-SHA-256 (RFC 5802, RFC 7677) and counts events; or the error's code and message.
fn log_in(server: &Server, user: &str, password: &str) -> Result<String, (String, String)> {
    let mut client = server.knock(user);
    let (kind, body) = client.hear().unwrap();
    assert_eq!((kind, body), (b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0".to_vec()));
    let bare = "n=,r=abcdefghijklmnop";
    let first = format!("n,,{bare}");
    client.send(b'p', &[b"SCRAM-SHA-256\0", &(first.len() as u32).to_be_bytes()[..], first.as_bytes()].concat());
    let (_, body) = client.hear().unwrap();
    let question = String::from_utf8(body[4..].to_vec()).unwrap();
    let field = |kind: &str| question.split(',').find_map(|field| field.strip_prefix(kind)).unwrap().to_owned();
    let salt = STANDARD.decode(field("s=")).unwrap();
    let rounds = NonZeroU32::new(field("i=").parse().unwrap()).unwrap();
    assert!(rounds.get() >= 4_096);
    let mut salted = [0; 32];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, &salt, password.as_bytes(), &mut salted);
    let sign = |key: &[u8], text: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text).as_ref().to_vec();
    let last = format!("c=biws,r={}", field("r="));
    let all = format!("{bare},{question},{last}");
    let client_key = sign(&salted, b"Client Key");
    let signature = sign(digest::digest(&digest::SHA256, &client_key).as_ref(), all.as_bytes());
    let proof: Vec<u8> = client_key.iter().zip(signature).map(|(a, b)| a ^ b).collect();
    client.send(b'p', format!("{last},p={}", STANDARD.encode(proof)).as_bytes());
    let (kind, body) = client.hear().unwrap();
    if kind == b'E' {
        let Answer::Error { code, message, .. } = error(&body) else { panic!() };
        assert!(client.hear().is_none());
        return Err((code, message));
    }
    // The server proves that it knows the password, too.
    let expected = STANDARD.encode(sign(&sign(&salted, b"Server Key"), all.as_bytes()));
    assert_eq!(String::from_utf8(body[4..].to_vec()).unwrap(), format!("v={expected}"));
    client.until(b'Z');
    Ok(client.ask("SELECT count(*) FROM events").cell().to_owned())
}

#[test]
fn those_who_say_nothing_keep_nobody_out() {
    let (_folder, store) = samples();
    let server = Server::begin(&store, &["--max-clients", "2", "--idle-timeout", "3s"]);
    let silent: Vec<TcpStream> = (0..300).map(|_| server.raw()).collect();
    let mut clients = [server.client(), server.client()];
    assert_eq!(clients[0].ask("SELECT 1").cell(), "1");
    let mut third = server.knock("ann");
    let (messages, is_ready) = third.until(b'Z');
    assert!(!is_ready);
    assert_eq!(answer(&messages).code(), "53300");
    // Who is in and says nothing goes after its time, and leaves its place.
    let (messages, _) = clients[1].until(b'E');
    assert_eq!(answer(&messages).code(), "57P05");
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(server.client().ask("SELECT 1").cell(), "1");
    drop(silent);
}

#[test]
fn a_signal_ends_it_and_those_who_are_there_are_told() {
    let (_folder, store) = samples();
    for signal in ["-INT", "-TERM"] {
        let mut server = Server::begin(&store, &[]);
        let (mut idle, mut busy) = (server.client(), server.client());
        busy.send(b'Q', &[endless(MANY).as_bytes(), b"\0"].concat());
        std::thread::sleep(Duration::from_millis(500));
        let begun = Instant::now();
        server.signal(signal);
        let status = server.child.wait().unwrap();
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
        assert_eq!(status.code(), Some(0));
        assert_eq!(answer(&idle.until(b'Z').0).code(), "57P01");
        assert_eq!(answer(&busy.until(b'Z').0).code(), "57P01");
    }
}

#[test]
fn a_network_takes_a_password_and_tls() {
    let (folder, store) = samples();
    let file = folder.path().join("password");
    fs::write(&file, "s3cret\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let (store, password) = (store.to_str().unwrap(), file.to_str().unwrap());
    let said = |more: &[&str]| {
        let out = program(&[&["serve", "--store", store], more].concat()).stdin(Stdio::null()).output().unwrap();
        (out.status.code(), String::from_utf8(out.stderr).unwrap())
    };
    let (code, text) = said(&["--listen", "0.0.0.0:0"]);
    assert!(code == Some(2) && text.contains("hint: --password-file"), "{code:?} {text}");
    let (code, text) = said(&["--listen", "0.0.0.0:0", "--password-file", password]);
    assert!(code == Some(2) && text.contains("hint: --tls-cert"), "{code:?} {text}");
    let (code, text) = said(&["--password-file", password]);
    assert!(code == Some(1) && text.contains("hint: chmod 600"), "{code:?} {text}");
    let (code, text) = said(&["--listen", "nowhere"]);
    assert!(code == Some(2) && text.contains("--listen nowhere"), "{code:?} {text}");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&file, "\n").unwrap();
    let (code, text) = said(&["--password-file", password]);
    assert!(code == Some(1) && text.contains("no password in it"), "{code:?} {text}");
    let (code, text) = said(&["--tls-cert", password, "--tls-key", password]);
    assert!(code == Some(1) && text.contains("no certificate in it"), "{code:?} {text}");
}
