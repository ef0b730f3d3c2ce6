//! The first words of a connection: TLS or not, who asks, and whether it is them. Until that is known nothing is done
//! for a client, no byte of it is kept for long, and it has little time.

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use bytes::{Buf, Bytes};
use datafusion_postgres::pgwire::api::auth::sasl::scram::ScramServerAuth;
use datafusion_postgres::pgwire::messages::PgWireBackendMessage;
use datafusion_postgres::pgwire::messages::startup::{Authentication, NegotiateProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::problem::Problem;
use super::tls::{PROTOCOL, Tls};
use super::users::Users;
use super::wire::{GREETING_MAX_BYTES, Input, Output, Socket, directions};

/// Codes in the place of a version. Source: PostgreSQL's `pqcomm.h`.
const CANCEL_CODE: u32 = 80_877_102;
const TLS_CODE: u32 = 80_877_103;
const GSS_CODE: u32 = 80_877_104;

/// The version that is spoken: 3.0.
const VERSION: i32 = 3 << 16;

/// Requests before the first that says who asks: one for TLS, one for GSS, and no more.
const REQUESTS_MAX: usize = 3;

/// What a wrong password costs of time.
const WRONG_PASSWORD: Duration = Duration::from_secs(1);

const SCRAM: &str = "SCRAM-SHA-256";
const SCRAM_BOUND: &str = "SCRAM-SHA-256-PLUS";

/// Who may come in, and how.
#[derive(Default)]
pub struct Entry {
    /// Whose passwords are asked for; `None`: nobody's.
    pub users: Option<Users>,
    /// What speaks TLS; everybody has to then.
    pub tls: Option<Tls>,
}

/// What a client wants first.
pub(super) enum First {
    /// To ask: who it is, and what it said of itself.
    Ask(Box<Greeted>),
    /// To end the query of another connection.
    Cancel { number: i32, secret: i32 },
}

/// A client that is let in.
pub(super) struct Greeted {
    pub input: Input,
    pub output: Output,
    pub user: String,
    pub parameters: HashMap<String, String>,
}

/// Why a client is not let in.
pub(super) enum Refusal {
    /// It has gone, or speaks something else.
    Gone(io::Error),
    /// It was told why.
    Told(Problem),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Refusal {
        Refusal::Gone(error)
    }
}

/// Hears out what a client wants. `patience` is how long it may take to read an answer.
///
/// # Errors
/// A client that is not let in.
pub(super) async fn greet(stream: TcpStream, entry: &Entry, patience: Duration) -> Result<First, Refusal> {
    stream.set_nodelay(true)?;
    let mut socket: Box<dyn Socket>;
    let mut is_tls = false;
    if starts_with_tls(&stream).await? {
        let tls = entry.tls.as_ref().ok_or_else(|| wrong("TLS, which this server does not speak"))?;
        let stream = tls.acceptor.accept(stream).await?;
        if stream.get_ref().1.alpn_protocol() != Some(PROTOCOL) {
            return Err(wrong("TLS for another protocol").into());
        }
        socket = Box::new(stream);
        is_tls = true;
    } else {
        socket = Box::new(stream);
    }
    for _ in 0..REQUESTS_MAX {
        let (code, body) = packet(&mut socket).await?;
        match (code, &entry.tls) {
            (TLS_CODE, Some(tls)) if !is_tls => {
                socket.write_all(b"S").await?;
                socket = Box::new(tls.acceptor.accept(socket).await?);
                is_tls = true;
            }
            (TLS_CODE | GSS_CODE, _) => socket.write_all(b"N").await?,
            (CANCEL_CODE, _) => return cancel(body),
            (version, _) => return ask(socket, version, body, entry, is_tls, patience).await,
        }
    }
    Err(wrong("too many requests before the first that says who asks").into())
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the client sends {what}"))
}

/// Whether the first byte is one of TLS.
async fn starts_with_tls(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [0];
    stream.peek(&mut first).await.map(|bytes| bytes > 0 && first == [0x16])
}

/// A packet without a kind: the code in front, and what is behind it. Not one byte more is read: what follows a request
/// for TLS is not to be taken for what follows TLS.
async fn packet(socket: &mut (impl Socket + ?Sized)) -> io::Result<(u32, Bytes)> {
    let length = socket.read_u32().await? as usize;
    let code = socket.read_u32().await?;
    if !(8..=GREETING_MAX_BYTES).contains(&length) {
        return Err(wrong("a first packet of a length that none has"));
    }
    let mut body = vec![0; length - 8];
    socket.read_exact(&mut body).await?;
    Ok((code, body.into()))
}

fn cancel(mut body: Bytes) -> Result<First, Refusal> {
    // Longer secrets are those of a protocol that is not spoken here.
    match body.len() {
        8 => Ok(First::Cancel { number: body.get_i32(), secret: body.get_i32() }),
        _ => Err(wrong("a request to cancel that is none").into()),
    }
}

/// Pairs of names and values up to an empty name.
fn parameters(body: &[u8]) -> Option<HashMap<String, String>> {
    let mut parameters = HashMap::new();
    let mut texts = body.strip_suffix(b"\0")?.split(|byte| *byte == 0).map(|text| std::str::from_utf8(text).ok());
    loop {
        match texts.next()?? {
            "" => return Some(parameters),
            name => drop(parameters.insert(name.to_owned(), texts.next()??.to_owned())),
        }
    }
}

async fn ask(
    socket: Box<dyn Socket>,
    version: u32,
    body: Bytes,
    entry: &Entry,
    is_tls: bool,
    patience: Duration,
) -> Result<First, Refusal> {
    let (input, output) = directions(socket, patience);
    let mut greeted = Greeted { input, output, user: String::new(), parameters: HashMap::new() };
    let problem = match greeted.enter(version, &body, entry, is_tls).await {
        Ok(()) => return Ok(First::Ask(Box::new(greeted))),
        Err(Refusal::Told(problem)) => problem,
        Err(gone) => return Err(gone),
    };
    greeted.output.add(&problem.message())?;
    greeted.output.close().await;
    Err(Refusal::Told(problem))
}

impl Greeted {
    async fn enter(&mut self, version: u32, body: &[u8], entry: &Entry, is_tls: bool) -> Result<(), Refusal> {
        let told = |code, message: &str| Err(Refusal::Told(Problem::fatal(code, message)));
        if version >> 16 != 3 {
            return told("0A000", "of the protocol, version 3.0 is spoken here");
        }
        let Some(mut parameters) = parameters(body) else {
            return told("08P01", "the first packet is not as the protocol has it");
        };
        let Some(user) = parameters.remove("user").filter(|user| !user.is_empty()) else {
            return told("28000", "the first packet names no user");
        };
        if parameters.get("replication").is_some_and(|value| !matches!(value.as_str(), "false" | "off" | "no" | "0")) {
            return told("0A000", "there is nothing to replicate");
        }
        if entry.tls.is_some() && !is_tls {
            return told("28000", "this server takes connections by TLS only\nhint: sslmode=require, or verify-full");
        }
        (self.user, self.parameters) = (user, parameters);
        self.negotiate(version)?;
        match &entry.users {
            Some(users) => self.authenticate(users, entry.tls.as_ref()).await,
            None => Ok(()),
        }
    }

    /// Says what of the client's version and options is not spoken.
    fn negotiate(&mut self, version: u32) -> io::Result<()> {
        let mut options: Vec<String> =
            self.parameters.keys().filter(|name| name.starts_with("_pq_.")).cloned().collect();
        if version & 0xffff == 0 && options.is_empty() {
            return Ok(());
        }
        options.sort();
        let message = NegotiateProtocolVersion::new(VERSION, options);
        self.output.add(&PgWireBackendMessage::NegotiateProtocolVersion(message))
    }

    /// Asks for the password by SCRAM. Whatever is wrong, the answer is the same, and as slow.
    async fn authenticate(&mut self, users: &Users, tls: Option<&Tls>) -> Result<(), Refusal> {
        let bound = tls.and_then(Tls::bound);
        match self.scram(users, bound).await {
            Ok(true) => Ok(()),
            Ok(false) => {
                sleep(WRONG_PASSWORD).await;
                let user = crate::util::shown::name(&self.user).into_owned();
                let message = format!("password authentication failed for user \"{user}\"");
                Err(Refusal::Told(Problem::fatal("28P01", message)))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn scram(&mut self, users: &Users, bound: Option<ScramServerAuth>) -> io::Result<bool> {
        let is_offered = bound.is_some();
        let mut offered = vec![SCRAM.to_owned()];
        if is_offered {
            offered.insert(0, SCRAM_BOUND.to_owned());
        }
        self.say(Authentication::SASL(offered)).await?;
        let Some(mut first) = self.hear().await? else { return Ok(false) };
        let Some((mechanism, first)) = initial(&mut first) else { return Ok(false) };
        // A client that could have bound its proof and was kept from it says `y`.
        let is_fit = match mechanism.as_str() {
            SCRAM_BOUND => is_offered && first.starts_with(b"p=tls-server-end-point,"),
            SCRAM => first.starts_with(b"n,") || !is_offered && first.starts_with(b"y,"),
            _ => false,
        };
        if !is_fit {
            return Ok(false);
        }
        let scram = bound.unwrap_or_default();
        let Ok((question, waiting)) = scram.on_client_first_message(&first, users.password(&self.user)) else {
            return Ok(false);
        };
        self.say(Authentication::SASLContinue(question.into())).await?;
        let Some(last) = self.hear().await? else { return Ok(false) };
        let Ok(proof) = waiting.on_client_final_message(&last) else { return Ok(false) };
        self.say(Authentication::SASLFinal(proof.into())).await?;
        Ok(true)
    }

    async fn say(&mut self, message: Authentication) -> io::Result<()> {
        self.output.add(&PgWireBackendMessage::Authentication(message))?;
        self.output.flush().await
    }

    /// What the client answers; `None` where it is no answer.
    async fn hear(&mut self) -> io::Result<Option<Bytes>> {
        match self.input.next(GREETING_MAX_BYTES).await? {
            Some((b'p', body)) => Ok(Some(body)),
            Some(_) => Ok(None),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// The mechanism that a client chose, and its first message.
fn initial(body: &mut Bytes) -> Option<(String, Bytes)> {
    let end = body.iter().position(|byte| *byte == 0)?;
    let mechanism = std::str::from_utf8(&body.split_to(end)).ok()?.to_owned();
    body.advance(1);
    if body.len() < 4 {
        return None;
    }
    let length = usize::try_from(body.get_i32()).ok()?;
    (length == body.len()).then(|| (mechanism, body.clone()))
}

/// What clients hear when there is no more room.
pub(super) fn too_many() -> Problem {
    Problem::fatal("53300", "sorry, too many clients already\nhint: --max-clients where the server is started")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_packets_are_read() {
        let read = parameters(b"user\0ann\0database\0store\0\0").unwrap();
        assert_eq!((read["user"].as_str(), read["database"].as_str()), ("ann", "store"));
        assert_eq!(parameters(b"\0").unwrap().len(), 0);
        for wrong in [&b""[..], b"user", b"user\0ann", b"user\0ann\0", b"\xff\0a\0\0"] {
            let read = parameters(wrong);
            assert!(read.is_none() || !read.unwrap().contains_key("user"), "{wrong:?}");
        }
        let mut body = Bytes::from_static(b"SCRAM-SHA-256\0\0\0\0\x03n,,");
        assert_eq!(initial(&mut body), Some((SCRAM.to_owned(), Bytes::from_static(b"n,,"))));
        for wrong in [&b"SCRAM"[..], b"SCRAM\0\0\0", b"SCRAM\0\xff\xff\xff\xff", b"SCRAM\0\0\0\0\x04n,,"] {
            assert_eq!(initial(&mut Bytes::copy_from_slice(wrong)), None, "{wrong:?}");
        }
    }
}
