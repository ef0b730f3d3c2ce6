//! `trailpare self-check`: what support would ask first.

use std::io::{self, Write};
use std::path::Path;

use indicatif::HumanBytes;
use serde::Serialize;

use super::catalog::source::Source;
use super::select::StoreArgs;
use super::table::{Format, render, row, table};
use super::{CliError, Context, Exit};
use crate::report::status::Status;
use crate::store::Store;
use crate::time::{day_of, format_date, now_us};
use crate::util::{process, shown};

/// Say what support would ask first: the program, the age of its catalogue, the configuration, the store, who may read
/// it, the disk, and whether an ingest is due.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
It reads what is quickly read; `trailpare fsck` looks at every byte. The exit code is 0 where all is well, 3 where something
is to be looked at, 1 where something is wrong.

Examples:
  trailpare self-check
  trailpare self-check --store /data/store --format json")]
pub struct SelfCheckArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// How to print it.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    Look,
    Wrong,
}

#[derive(Debug, Serialize)]
struct Check {
    check: &'static str,
    state: State,
    text: String,
}

#[derive(Debug, Serialize)]
struct Shown {
    schema: &'static str,
    program: &'static str,
    state: State,
    checks: Vec<Check>,
}

/// Days after which a catalogue is old: AWS adds actions every week.
const CATALOGUE_DAYS: i32 = 180;

/// Hours without anything new after which an ingest is due.
const DUE_HOURS: i64 = 36;

/// Room that merging and taking in need at the least.
const FREE_MIN_BYTES: u64 = 1 << 30;

pub fn run(args: &SelfCheckArgs, context: &Context) -> Result<Exit, CliError> {
    let mut checks = Checks(Vec::new());
    checks.program();
    checks.catalogue(context);
    checks.configuration(context);
    checks.store(&args.store.store);
    let state = checks.0.iter().map(|check| check.state).max().unwrap_or(State::Ok);
    let program = concat!("trailpare ", env!("CARGO_PKG_VERSION"));
    let shown = Shown { schema: "trailpare/self-check/1", program, state, checks: checks.0 };
    let text = match args.format {
        Format::Json => serde_json::to_string_pretty(&shown)? + "\n",
        Format::Table => {
            let mut rows = table(&["CHECK", "STATE", "WHAT"], &[]);
            for Check { check, state, text } in &shown.checks {
                let state = match state {
                    State::Ok => "ok",
                    State::Look => "look",
                    State::Wrong => "wrong",
                };
                row(&mut rows, [check, state, text]);
            }
            render(&rows)
        }
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(match state {
        State::Ok => Exit::Done,
        State::Look => Exit::Refused,
        State::Wrong => Exit::Failed,
    })
}

struct Checks(Vec<Check>);

impl Checks {
    fn add(&mut self, check: &'static str, state: State, text: impl Into<String>) {
        self.0.push(Check { check, state, text: text.into() });
    }

    fn program(&mut self) {
        let profile = if cfg!(debug_assertions) { "development build, slow" } else { "release build" };
        let (arch, system) = (std::env::consts::ARCH, std::env::consts::OS);
        let text = format!(
            "trailpare {} ({profile}), {system} {arch}, as {} on {}",
            env!("CARGO_PKG_VERSION"),
            shown::name(&process::user()),
            shown::name(&process::host())
        );
        self.add("program", State::Ok, text);
    }

    fn catalogue(&mut self, context: &Context) {
        let version = context.catalog.version();
        let source = match context.catalog_source {
            Source::BuiltIn => "built in".to_owned(),
            Source::Imported(path) => format!("imported: {}", shown::path(path)),
            Source::Given(path) => format!("from {}", shown::path(path)),
        };
        let older = context.passed_over.map_or_else(String::new, |version| {
            format!("; {version} is imported and older: `trailpare catalog reset` removes it")
        });
        match context.catalog.made_on() {
            Some(day) => {
                let days = day_of(now_us()) - day;
                let is_old = days > CATALOGUE_DAYS;
                let state = if is_old { State::Look } else { State::Ok };
                let newer = if is_old { ": `trailpare catalog import` takes a newer one" } else { "" };
                let text = format!("{version}, {source}, of {}: {days} days old{newer}{older}", format_date(day));
                self.add("catalogue", state, text);
            }
            None => self.add("catalogue", State::Ok, format!("{version}, {source}{older}")),
        }
    }

    fn configuration(&mut self, context: &Context) {
        let files: Vec<String> =
            context.config.files.iter().filter(|(_, is_there)| *is_there).map(|(path, _)| shown::path(path)).collect();
        let profile =
            context.config.profile.as_ref().map_or_else(String::new, |name| format!(", profile {}", shown::name(name)));
        let files = if files.is_empty() { "no file".to_owned() } else { files.join(", ") };
        self.add("configuration", State::Ok, format!("{files}{profile}"));
    }

    fn store(&mut self, dir: &Path) {
        let opened = Store::open(dir).and_then(|store| Ok((Status::read(&store)?, store.is_cut_short())));
        let (status, is_cut_short) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                let text = error.to_string();
                self.add("store", State::Wrong, text.lines().next().unwrap_or_default());
                return;
            }
        };
        let days = status.days.first_key_value().zip(status.days.last_key_value());
        let days = days.map_or_else(String::new, |((first, _), (last, _))| format!(", {first} to {last}"));
        let text = format!(
            "{}: snapshot {}, {} events{days}, {}",
            shown::path(dir),
            status.snapshot,
            status.events,
            HumanBytes(status.data_bytes)
        );
        self.add("store", State::Ok, text);
        match &status.writer {
            Some(process) => self.add("writer", State::Ok, format!("process {process} is writing")),
            None if is_cut_short => {
                self.add("writer", State::Look, "the last commit was cut short: the next ingest or optimize mends it")
            }
            None => {}
        }
        self.standing(&status);
        self.due(&status);
        self.permissions(dir);
        self.disk(dir, status.data_bytes);
    }

    fn standing(&mut self, status: &Status) {
        let counts = [
            (status.refused_objects.len() as u64, "objects refused"),
            (status.broken_records.len() as u64, "records kept out"),
            (status.conflicts.len() as u64, "records of other content than stored"),
            (status.due.missing_objects, "objects missing by digests"),
            (status.altered_objects.len() as u64, "objects altered by digests"),
        ];
        let parts: Vec<String> =
            counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
        match parts.is_empty() {
            true => self.add("standing", State::Ok, "nothing was left out"),
            false => self.add("standing", State::Look, parts.join(", ") + " (trailpare status)"),
        }
        if status.due.optimize {
            let files = status.due.mergeable_files;
            self.add("optimize", State::Look, format!("due: {files} files could be merged away"));
        }
        if let Some((newest, _)) = status.days.last_key_value().filter(|(day, _)| day.0 > day_of(now_us()) + 1) {
            self.add("clock", State::Look, format!("the newest day with events is {newest}: is the clock right?"));
        }
    }

    fn due(&mut self, status: &Status) {
        if let Some(run) = &status.last_done {
            let is_well = matches!(run.outcome.as_str(), "done" | "running");
            let state = if is_well { State::Ok } else { State::Look };
            self.add("last run", state, format!("{} of {}: {}", run.command, run.started, run.outcome));
        }
        match (&status.silent.since, status.silent.hours) {
            (Some(since), Some(hours)) => {
                let state = if hours >= DUE_HOURS { State::Look } else { State::Ok };
                let due = if hours >= DUE_HOURS { "an ingest is due: " } else { "" };
                self.add("ingest", state, format!("{due}events came last {hours} hours ago ({since})"));
            }
            _ => self.add("ingest", State::Look, "an ingest is due: the history knows of none that brought events"),
        }
    }

    fn permissions(&mut self, dir: &Path) {
        use std::os::unix::fs::PermissionsExt;
        let mode = dir.metadata().map(|found| found.permissions().mode() & 0o777);
        match mode {
            Ok(mode) if mode & 0o007 != 0 => self.add(
                "permissions",
                State::Look,
                format!("everybody may look into the store ({mode:o}): --mode private"),
            ),
            Ok(mode) => self.add("permissions", State::Ok, format!("{mode:o}")),
            Err(error) => self.add("permissions", State::Wrong, error.to_string()),
        }
        // Without a name: nobody ever sees it.
        match tempfile::tempfile_in(dir) {
            Ok(_) => self.add("writable", State::Ok, "the store can be written to"),
            Err(error) => self.add("writable", State::Look, format!("the store can't be written to: {error}")),
        }
    }

    fn disk(&mut self, dir: &Path, data_bytes: u64) {
        for (check, path) in [("disk", dir), ("temporary", std::env::temp_dir().as_path())] {
            let Ok(found) = rustix::fs::statvfs(path) else { continue };
            let free = found.f_bavail.saturating_mul(found.f_frsize);
            let wanted = if check == "disk" { FREE_MIN_BYTES.max(data_bytes / 4) } else { FREE_MIN_BYTES };
            let state = if free < wanted { State::Look } else { State::Ok };
            let text = format!("{} free in {}", HumanBytes(free), shown::path(path));
            self.add(check, state, if free < wanted { format!("little room: {text}") } else { text });
        }
    }
}
