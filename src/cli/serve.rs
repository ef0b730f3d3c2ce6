//! `trailpare serve`: clients of PostgreSQL ask the store, on this machine or over the network.

use std::fs::File;
use std::io::{self, Read};
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use super::machine::parse_wait;
use super::serving::ServingArgs;
use super::spill_folder::SpillFolder;
use super::{CliError, Context, Exit};
use crate::serve::pg::{Entry, Room, Server, Tls, Users};
use crate::util::shown;

/// Bytes of a file of passwords, certificates or keys at the most.
const FILE_MAX_BYTES: u64 = 1 << 20;

/// Threads that read what clients say and write to them what queries give.
const NETWORK_THREADS: usize = 2;

/// Answer clients of PostgreSQL: psql, drivers, Grafana, Metabase, DBeaver. Read-only.
///
/// Who asks gets SQL over the store as with `trailpare sql`: nothing can be changed, and no file is read but the
/// store's. Each query sees the newest snapshot, also beside an ingest.
///
/// It listens on this machine alone, where everybody may ask who can connect. Any other address takes a password
/// (SCRAM-SHA-256) or clients' certificates, and TLS.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
It ends by Ctrl-C or SIGTERM, which is no error: exit code 0.

docs/serve.md shows how to set up Grafana, Metabase, DBeaver and drivers.

Examples:
  trailpare serve --store ./store
  psql -h 127.0.0.1 -c \"SELECT * FROM denied_calls() LIMIT 10\"
  trailpare serve --store ./store --listen 0.0.0.0:5432 --users users --tls-cert server.pem --tls-key server.key
  trailpare serve --store ./store --timeout 30s --max-rows 100000 --max-clients 8")]
pub struct ServeArgs {
    /// Where to listen: an address and a port; port 0: one that is free.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5432", help_heading = "Who may ask")]
    listen: String,
    /// A file whose first line is the password of every user. Others on the machine must not be able to read it.
    #[arg(long, value_name = "FILE", conflicts_with = "users", help_heading = "Who may ask")]
    password_file: Option<PathBuf>,
    /// A file of users, NAME:PASSWORD in each line. Others on the machine must not be able to read it.
    #[arg(long, value_name = "FILE", help_heading = "Who may ask")]
    users: Option<PathBuf>,
    /// The server's certificate and those between it and its authority, in PEM. Clients have to use TLS then.
    #[arg(long, value_name = "FILE", requires = "tls_key", help_heading = "Who may ask")]
    tls_cert: Option<PathBuf>,
    /// The key of the certificate, in PEM, without a password. Others on the machine must not be able to read it.
    #[arg(long, value_name = "FILE", requires = "tls_cert", help_heading = "Who may ask")]
    tls_key: Option<PathBuf>,
    /// Authorities, in PEM: clients have to show a certificate of one of them.
    #[arg(long, value_name = "FILE", requires = "tls_cert", help_heading = "Who may ask")]
    client_ca: Option<PathBuf>,
    /// Listen beyond this machine without TLS: only where something else keeps what is sent secret.
    #[arg(long, conflicts_with = "tls_cert", help_heading = "Who may ask")]
    without_tls: bool,
    /// Connections at once; further ones are refused.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 32,
        help_heading = "Limits",
        value_parser = clap::value_parser!(u16).range(1..=1024)
    )]
    max_clients: u16,
    /// A connection that says nothing for so long is ended: 10m, 1h.
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = parse_wait, help_heading = "Limits")]
    idle_timeout: Duration,
    /// Rows of an answer at the most: one that has more ends with an error.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1_000_000,
        help_heading = "Limits",
        value_parser = clap::value_parser!(u64).range(1..=1_000_000_000)
    )]
    max_rows: u64,
    #[command(flatten)]
    serving: ServingArgs,
}

pub fn run(args: &ServeArgs, context: &Context) -> Result<Exit, CliError> {
    let addresses = args.addresses()?;
    args.check(&addresses)?;
    let entry = args.entry()?;
    let room = Room { clients: usize::from(args.max_clients), idle: args.idle_timeout };
    let spill = SpillFolder::create()?;
    let source = args.serving.open(args.max_rows, &spill, context)?;
    let runtime = args.serving.runtime()?;
    // The network has a runtime of its own, so that clients connect and cancel while queries compute.
    let network =
        Builder::new_multi_thread().worker_threads(NETWORK_THREADS).thread_name("network").enable_all().build()?;
    let (server, mut notes) = Server::new(source, entry, room, runtime.handle());
    let outcome = network.block_on(async {
        server.check().await.map_err(|error| CliError::failed(error.to_string()))?;
        let listener = TcpListener::bind(addresses.as_slice()).await.map_err(|error| args.unbound(&error))?;
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        context.say(&format!("listening on {}", listener.local_addr()?));
        let end = async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        };
        let say = async {
            while let Some(note) = notes.recv().await {
                context.detail(&note);
            }
        };
        tokio::select! {
            () = server.serve(listener, end) => {}
            () = say => {}
        }
        Ok::<Exit, CliError>(Exit::Done)
    });
    while let Ok(note) = notes.try_recv() {
        context.detail(&note);
    }
    // Queries that are slow to end go with the process.
    network.shutdown_background();
    runtime.shutdown_background();
    outcome
}

impl ServeArgs {
    fn addresses(&self) -> Result<Vec<SocketAddr>, CliError> {
        let wrong = |why: &str| {
            let listen = shown::name(&self.listen);
            CliError::Usage(format!(
                "--listen {listen}: {why}\nhint: an address and a port: 127.0.0.1:5432, [::1]:5432"
            ))
        };
        let addresses: Vec<SocketAddr> =
            self.listen.to_socket_addrs().map_err(|error| wrong(&error.to_string()))?.collect();
        if addresses.is_empty() { Err(wrong("there is no such address")) } else { Ok(addresses) }
    }

    /// Beyond this machine clients need a password or a certificate, and TLS unless `--without-tls` is given.
    fn check(&self, addresses: &[SocketAddr]) -> Result<(), CliError> {
        if addresses.iter().all(|address| address.ip().is_loopback()) {
            return Ok(());
        }
        let listen = shown::name(&self.listen);
        if self.password_file.is_none() && self.users.is_none() && self.client_ca.is_none() {
            return Err(CliError::Usage(format!(
                "--listen {listen}: everybody who reaches it could read the store\n\
                 hint: --password-file FILE or --users FILE, or --client-ca FILE for clients with certificates"
            )));
        }
        if self.tls_cert.is_none() && !self.without_tls {
            return Err(CliError::Usage(format!(
                "--listen {listen}: what is in the store would go over the network in the clear\n\
                 hint: --tls-cert FILE and --tls-key FILE; --without-tls where a tunnel or a proxy keeps it secret"
            )));
        }
        Ok(())
    }

    fn entry(&self) -> Result<Entry, CliError> {
        let users = match (&self.password_file, &self.users) {
            (Some(path), _) => {
                let text = secret(path)?;
                let password = text.lines().next().unwrap_or_default();
                Some(Users::anybody(password).map_err(|error| wrong_file(path, &error))?)
            }
            (None, Some(path)) => Some(Users::named(&secret(path)?).map_err(|error| wrong_file(path, &error))?),
            (None, None) => None,
        };
        let tls = match (&self.tls_cert, &self.tls_key) {
            (Some(certificate), Some(key)) => {
                let authority = self.client_ca.as_deref().map(read).transpose()?;
                let (chain, key) = (read(certificate)?, secret(key)?);
                let tls = Tls::new(&chain, key.as_bytes(), authority.as_deref());
                Some(tls.map_err(|error| wrong_file(certificate, &error))?)
            }
            _ => None,
        };
        Ok(Entry { users, tls })
    }

    fn unbound(&self, error: &io::Error) -> CliError {
        let hint = match error.kind() {
            io::ErrorKind::AddrInUse => "\nhint: another server listens there: --listen with another port",
            io::ErrorKind::PermissionDenied => "\nhint: ports below 1024 are the system's",
            _ => "",
        };
        CliError::failed(format!("cannot listen on {}: {error}{hint}", shown::name(&self.listen)))
    }
}

fn wrong_file(path: &Path, error: &dyn std::fmt::Display) -> CliError {
    CliError::failed(format!("{}: {}", shown::path(path), shown::lines(&error.to_string())))
}

fn unread(path: &Path, error: &io::Error) -> CliError {
    CliError::failed(format!("cannot read {}: {error}", shown::path(path)))
}

fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    read_open(open(path)?, path)
}

fn open(path: &Path) -> Result<File, CliError> {
    File::open(path).map_err(|error| unread(path, &error))
}

fn read_open(file: File, path: &Path) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    file.take(FILE_MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| unread(path, &error))?;
    match bytes.len() as u64 {
        0..=FILE_MAX_BYTES => Ok(bytes),
        _ => Err(wrong_file(path, &format!("it has more than {FILE_MAX_BYTES} bytes"))),
    }
}

/// The text of a file that only its owner and group can read.
fn secret(path: &Path) -> Result<String, CliError> {
    let file = open(path)?;
    let mode = file.metadata().map_err(|error| unread(path, &error))?.mode();
    if mode & 0o007 != 0 {
        let path = shown::path(path);
        return Err(CliError::failed(format!("{path}: everybody on this machine may read it\nhint: chmod 600 {path}")));
    }
    String::from_utf8(read_open(file, path)?).map_err(|_| wrong_file(path, &"it is no text in UTF-8"))
}
