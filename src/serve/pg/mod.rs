//! The store over PostgreSQL's protocol, read-only.
//!
//! `greeting` is a connection's beginning: `tls`, and who it is by `users`. `session` is what it says then (`message`)
//! and gets: `command` is what is about the session itself, with its `settings`; `ask` takes a query to its answer,
//! `catalog` is what clients ask about the server, `rewrite` what of that DataFusion has not, `parameters` are values
//! that come with a query, `columns` those of its answer, `problem` is what went wrong. `wire` moves the bytes,
//! `cancel` ends what another connection runs, `lobby` holds those who are not in yet.
//!
//! Messages, types and SCRAM are those of the crate `pgwire`. What reads a client's bytes is written here: that crate's
//! readers end the process at some that are malformed, and take a client for one that is in after some errors.

mod ask;
mod cancel;
mod catalog;
mod columns;
mod command;
mod greeting;
mod lobby;
mod message;
mod parameters;
mod problem;
mod rewrite;
mod session;
mod settings;
mod tls;
mod users;
mod wire;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

pub use greeting::Entry;
pub use tls::{Tls, TlsError};
pub use users::{Users, UsersError};

use self::ask::Asking;
use self::cancel::{Cancels, Runs};
use self::greeting::{First, Greeted, Refusal, greet, too_many};
use self::lobby::Lobby;
use self::message::Message;
use self::problem::Problem;
use self::session::{Fault, Session};
use self::wire::MESSAGE_MAX_BYTES;
use super::job::{End, Failure, Jobs};
use super::source::Source;
use crate::util::shown;

/// What a client has for telling who it is.
const GREETING: Duration = Duration::from_secs(10);

/// How long a client may take to read what is written to it.
const PATIENCE: Duration = Duration::from_secs(60);

/// What connections have for ending when the server does.
const FAREWELL: Duration = Duration::from_secs(1);

/// Notes that wait to be said; further ones are left out.
const NOTES_MAX: usize = 256;

/// How many may come, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Connections at once.
    pub clients: usize,
    /// How long one may say nothing.
    pub idle: Duration,
}

/// What answers over PostgreSQL's protocol.
pub struct Server {
    asking: Asking,
    entry: Entry,
    room: Room,
    cancels: Arc<Cancels>,
    clients: Arc<Semaphore>,
    notes: mpsc::Sender<String>,
}

impl Server {
    /// One over a store, on this runtime. What it has to say of connections comes out at the receiver.
    pub fn new(source: Source, entry: Entry, room: Room, runtime: &Handle) -> (Server, mpsc::Receiver<String>) {
        let source = Arc::new(source.dressed(catalog::dress));
        let jobs = Jobs::new(runtime.clone(), source.limits());
        let (notes, said) = mpsc::channel(NOTES_MAX);
        let clients = Arc::new(Semaphore::new(room.clients.max(1)));
        let server = Server { asking: Asking { source, jobs }, entry, room, cancels: Arc::default(), clients, notes };
        (server, said)
    }

    /// Looks whether there is an answer at all.
    ///
    /// # Errors
    /// The store can't be read.
    pub async fn check(&self) -> Result<(), Failure> {
        let source = Arc::clone(&self.asking.source);
        self.asking.jobs.deep(async move { source.world().await.map(drop) }).await
    }

    /// Answers whoever comes, until `end`. Those who are there are told then, and what they run ends.
    pub async fn serve(self, listener: TcpListener, end: impl Future<Output = ()>) {
        let server = Arc::new(self);
        let lobby = Arc::new(Lobby::default());
        let (leave, leaving) = watch::channel(false);
        let mut tasks = JoinSet::new();
        tokio::pin!(end);
        loop {
            tokio::select! {
                () = &mut end => break,
                Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, from)) => {
                        let (server, lobby, leaving) = (Arc::clone(&server), Arc::clone(&lobby), leaving.clone());
                        tasks.spawn(async move { server.receive(stream, from, lobby, leaving).await });
                    }
                    Err(error) => {
                        // The system has no more to give for now.
                        server.note(format!("a connection could not be taken: {error}"));
                        sleep(Duration::from_millis(100)).await;
                    }
                },
            }
        }
        drop(listener);
        let _ = leave.send(true);
        let _ = timeout(FAREWELL, async { while tasks.join_next().await.is_some() {} }).await;
        tasks.abort_all();
    }

    fn note(&self, text: String) {
        let _ = self.notes.try_send(text);
    }

    async fn receive(
        &self,
        stream: TcpStream,
        from: SocketAddr,
        lobby: Arc<Lobby>,
        mut leaving: watch::Receiver<bool>,
    ) {
        let place = lobby.enter();
        let first = tokio::select! {
            first = timeout(GREETING, greet(stream, &self.entry, GREETING)) => first,
            () = place.pushed_out() => return,
            () = left(&mut leaving) => return,
        };
        drop(place);
        match first {
            Err(_) => self.note(format!("{from}: said for too long nothing of who it is")),
            Ok(Err(Refusal::Gone(error))) => self.note(format!("{from}: {}", shown::name(&error.to_string()))),
            Ok(Err(Refusal::Told(problem))) => self.note(format!("{from}: {}", problem.line())),
            Ok(Ok(First::Cancel { number, secret })) => self.cancels.cancel(number, secret),
            Ok(Ok(First::Ask(greeted))) => {
                let user = shown::name(&greeted.user).into_owned();
                self.note(format!("{from}: {user} is in"));
                let why = self.converse(*greeted, leaving).await;
                self.note(format!("{from}: {user} is out: {why}"));
            }
        }
    }

    /// Talks to a client that is let in, until one of both has enough. Tells which.
    async fn converse(&self, greeted: Greeted, mut leaving: watch::Receiver<bool>) -> String {
        let Greeted { mut input, mut output, user, parameters } = greeted;
        let Ok(_client) = self.clients.try_acquire() else { return tell(&mut output, &too_many()).await };
        let runs = Arc::new(Runs::default());
        let key = match self.cancels.enter(&runs) {
            Ok(key) => key,
            Err(error) => return tell(&mut output, &Problem::fatal("58000", error.to_string())).await,
        };
        output.be_patient(PATIENCE);
        let mut session = Session::new(self.asking.clone(), &user, &parameters, runs);
        if let Err(error) = session.welcome(&key, &mut output).await {
            return error.to_string();
        }
        loop {
            let said = tokio::select! {
                said = timeout(self.room.idle, input.next(MESSAGE_MAX_BYTES)) => said,
                () = left(&mut leaving) => return tell(&mut output, &farewell()).await,
            };
            let mut is_simple = false;
            let read = match said {
                Ok(Ok(Some((kind, body)))) => {
                    is_simple = kind == b'Q';
                    Message::read(kind, body)
                }
                Ok(Ok(None)) => return "it left".to_owned(),
                Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => {
                    Err(Problem::fatal("08P01", error.to_string()))
                }
                Ok(Err(error)) => return error.to_string(),
                Err(_) => Err(Problem::fatal("57P05", "the connection said nothing for too long")),
            };
            let outcome = match read {
                Ok(Message::Terminate) => return "it left".to_owned(),
                Ok(message) => tokio::select! {
                    biased;
                    outcome = session.handle(message, &mut output) => outcome,
                    () = left(&mut leaving) => Err(Fault::Problem(farewell())),
                    () = input.gone() => return "it left while it was answered".to_owned(),
                },
                Err(problem) if problem.is_fatal() => Err(Fault::Problem(problem)),
                Err(problem) => session.refuse(&problem, is_simple, &mut output).await.map_err(Fault::Gone),
            };
            match outcome {
                Ok(()) => {}
                Err(Fault::Problem(problem)) => return tell(&mut output, &problem).await,
                Err(Fault::Gone(error)) => return error.to_string(),
            }
        }
    }
}

/// Waits until the server ends.
async fn left(leaving: &mut watch::Receiver<bool>) {
    let _ = leaving.wait_for(|leaving| *leaving).await;
}

fn farewell() -> Problem {
    Failure::Ended(End::Leaving).into()
}

/// Tells a client why it is over.
async fn tell(output: &mut wire::Output, problem: &Problem) -> String {
    if output.add(&problem.message()).is_ok() {
        output.close().await;
    }
    problem.line()
}
