//! Arguments that several subcommands share: the store, the archive to take in first, whose usage, when.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::builder::NonEmptyStringValueParser;

use super::machine::MemoryArgs;
use super::recorded::{Begun, WaitArgs};
use super::take_in::take_in;
use super::{CliError, Context, Exit, allocator, hint, s3};
use crate::archive::Settings;
use crate::iam::Catalog;
use crate::ingest::{MEMORY_LIMIT_BYTES, Options, Refreshed, refresh_usage_if_outdated};
use crate::store::{Snapshot, Store};
use crate::time::{Moment, format_time, now_us};
use crate::usage::{self, KeySource, RequestValues, Selection, Sessions, Space, TimeRange, UsageRow, Uses};
use crate::util::closest::closest;
use crate::util::shown::{self, count};

/// Where a store is when nothing is said.
pub const DEFAULT_STORE: &str = ".trailpare";

/// Which store.
#[derive(Clone, Debug, clap::Args)]
pub struct StoreArgs {
    /// The store's folder.
    #[arg(long, value_name = "DIR", env = "TRAILPARE_STORE", default_value = DEFAULT_STORE)]
    pub store: PathBuf,
}

/// A window of time.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct RangeArgs {
    /// From this time on: a day (2023-07-10), a time (2023-07-10T12:00:00Z, UTC where no offset is given), so long ago
    /// (90d, 24h, 2w), `now`, `today` or `yesterday`.
    #[arg(long, value_name = "TIME", value_parser = parse_from)]
    pub from: Option<i64>,
    /// Up to this time: a day is taken whole, a time is not part of the window.
    #[arg(long, value_name = "TIME", value_parser = parse_to)]
    pub to: Option<i64>,
}

impl RangeArgs {
    /// The window.
    pub fn range(&self) -> Result<TimeRange, CliError> {
        if let (Some(from), Some(to)) = (self.from, self.to)
            && from >= to
        {
            return Err(CliError::Usage("--from must be before --to".to_owned()));
        }
        Ok(TimeRange { from_us: self.from, to_us: self.to })
    }
}

fn parse_from(text: &str) -> Result<i64, String> {
    Moment::parse(text, now_us()).map(|moment| moment.begin_us).ok_or_else(|| Moment::HINT.to_owned())
}

fn parse_to(text: &str) -> Result<i64, String> {
    Moment::parse(text, now_us()).map(|moment| moment.end_us).ok_or_else(|| Moment::HINT.to_owned())
}

/// Whose usage, when, out of which store.
#[derive(Clone, Debug, clap::Args)]
pub struct SelectArgs {
    /// Roles: a name, an ARN, or a glob over either.
    #[arg(long, value_name = "PATTERN", value_parser = NonEmptyStringValueParser::new(), help_heading = "Whose")]
    pub role: Vec<String>,
    /// IAM users: a name, an ARN, or a glob over either; `root` for an account's root.
    #[arg(long, value_name = "PATTERN", value_parser = NonEmptyStringValueParser::new(), help_heading = "Whose")]
    pub user: Vec<String>,
    /// Identity Center permission sets: a name or a glob, in all accounts that have it.
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new(), help_heading = "Whose")]
    pub permission_set: Vec<String>,
    /// Any principal: a glob over its ARN.
    #[arg(long, value_name = "PATTERN", value_parser = NonEmptyStringValueParser::new(), help_heading = "Whose")]
    pub principal: Vec<String>,
    /// Only sessions of this name, for Identity Center roles the person: a name or a glob.
    #[arg(long, value_name = "PATTERN", value_parser = NonEmptyStringValueParser::new(), help_heading = "Whose")]
    pub session: Vec<String>,
    /// Only principals of this account.
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new(), help_heading = "Whose")]
    pub account: Vec<String>,
    /// When.
    #[command(flatten, next_help_heading = "When")]
    pub range: RangeArgs,
    /// Take these archives in first (only what is new), then answer.
    #[arg(long, value_name = "PATH", help_heading = "From where")]
    pub archive: Vec<PathBuf>,
    /// How long that waits for another writer.
    #[command(flatten, next_help_heading = "From where")]
    pub wait: WaitArgs,
    /// Which store.
    #[command(flatten, next_help_heading = "From where")]
    pub store: StoreArgs,
    /// Answer from this snapshot instead of the newest.
    #[arg(long, value_name = "SNAPSHOT", help_heading = "From where", conflicts_with = "archive")]
    pub at: Option<i64>,
    #[command(flatten)]
    pub memory: MemoryArgs,
}

/// Everybody's usage: when, out of which store.
#[derive(Clone, Debug, clap::Args)]
pub struct EverybodyArgs {
    /// When.
    #[command(flatten, next_help_heading = "When")]
    range: RangeArgs,
    /// Take these archives in first (only what is new), then answer.
    #[arg(long, value_name = "PATH", help_heading = "From where")]
    archive: Vec<PathBuf>,
    #[command(flatten, next_help_heading = "From where")]
    wait: WaitArgs,
    /// Which store.
    #[command(flatten, next_help_heading = "From where")]
    store: StoreArgs,
    /// Answer from this snapshot instead of the newest.
    #[arg(long, value_name = "SNAPSHOT", help_heading = "From where", conflicts_with = "archive")]
    at: Option<i64>,
    #[command(flatten)]
    memory: MemoryArgs,
}

impl EverybodyArgs {
    /// Everybody, in the window.
    pub fn select(&self) -> SelectArgs {
        let everybody = everybody(&self.range, &self.archive, &self.store, self.at, &self.memory);
        SelectArgs { wait: self.wait, ..everybody }
    }
}

/// Everybody, in a window.
pub fn everybody(
    range: &RangeArgs,
    archive: &[PathBuf],
    store: &StoreArgs,
    at: Option<i64>,
    memory: &MemoryArgs,
) -> SelectArgs {
    SelectArgs {
        role: Vec::new(),
        user: Vec::new(),
        permission_set: Vec::new(),
        principal: vec!["*".to_owned()],
        session: Vec::new(),
        account: Vec::new(),
        range: range.clone(),
        archive: archive.to_vec(),
        wait: WaitArgs::default(),
        store: store.clone(),
        at,
        memory: memory.clone(),
    }
}

/// The usage that was asked for.
pub struct Selected {
    /// Which snapshot of the store it comes from.
    pub snapshot: Snapshot,
    /// Who was asked for.
    pub selection: Selection,
    /// Which window.
    pub range: TimeRange,
    /// One row a use, where they are all there at once.
    pub rows: Vec<UsageRow>,
    /// How taking in the archives ended, [`Exit::Done`] where there were none.
    pub exit: Exit,
}

/// A way of reading usage.
type Read = fn(&Snapshot, &Selection, &TimeRange, Sessions, &Catalog, &Space) -> Result<Uses, usage::ReadError>;

impl Selected {
    /// Says that nothing was found, and what there is.
    pub fn nobody(&self) -> Result<CliError, CliError> {
        nobody(&self.snapshot, &self.selection, &self.range)
    }

    /// What the selected requests told of condition keys.
    pub fn requests(&self, sources: &[KeySource], catalog: &Catalog) -> Result<RequestValues, CliError> {
        Ok(usage::read_requests(&self.snapshot, &self.selection, &self.range, sources, catalog)?)
    }

    /// Its uses, each resource in a row of its own.
    pub fn exact_uses(
        &self,
        sessions: Sessions,
        catalog: &Catalog,
        space: &Space,
        context: &Context,
    ) -> Result<Uses, CliError> {
        self.uses(usage::read_exact_within, sessions, catalog, space, context)
    }

    fn uses(
        &self,
        read: Read,
        sessions: Sessions,
        catalog: &Catalog,
        space: &Space,
        context: &Context,
    ) -> Result<Uses, CliError> {
        let uses = read(&self.snapshot, &self.selection, &self.range, sessions, catalog, space)?;
        say_left_out(&self.snapshot, context);
        Ok(uses)
    }

    /// The same rows, derived anew from the selected events.
    pub fn usage_of_events(&self, sessions: Sessions, catalog: &Catalog) -> Result<Vec<UsageRow>, CliError> {
        Ok(usage::from_events(&self.snapshot, &self.selection, &self.range, sessions, catalog)?)
    }
}

impl SelectArgs {
    /// Nobody is named: neither a principal nor a session nor an account.
    pub fn is_open(&self) -> bool {
        let named = [&self.role, &self.user, &self.permission_set, &self.principal, &self.session, &self.account];
        named.iter().all(|patterns| patterns.is_empty())
    }

    /// Who is asked for; a session or an account alone means everybody who had it or lives in it.
    pub fn selection(&self) -> Selection {
        let named = [&self.role, &self.user, &self.permission_set, &self.principal];
        let is_narrowed = !self.session.is_empty() || !self.account.is_empty();
        if is_narrowed && named.iter().all(|patterns| patterns.is_empty()) {
            return SelectArgs { principal: vec!["*".to_owned()], ..self.clone() }.selection();
        }
        Selection {
            roles: self.role.clone(),
            users: self.user.clone(),
            permission_sets: self.permission_set.clone(),
            principals: self.principal.clone(),
            sessions: self.session.clone(),
            accounts: self.account.clone(),
            ..Selection::default()
        }
    }

    /// Takes in what is to be taken in and reads the usage that is asked for: all of it at once.
    ///
    /// Uses that don't fit in memory are an error.
    pub fn read_exact(&self, sessions: Sessions, catalog: &Catalog, context: &Context) -> Result<Selected, CliError> {
        let (selected, uses) = self.open_exact(sessions, catalog, context)?;
        let rows = uses.collect(&self.memory.space())?;
        if rows.is_empty() {
            return Err(selected.nobody()?);
        }
        Ok(Selected { rows, ..selected })
    }

    /// The same, one use after the other, with further resources of a container counted in rows of their own. Where there
    /// is none, [`Selected::nobody`] says so.
    pub fn open(&self, sessions: Sessions, catalog: &Catalog, context: &Context) -> Result<(Selected, Uses), CliError> {
        self.open_by(usage::read_within, sessions, catalog, context)
    }

    /// The same, with a row for each resource, however many there are in one container.
    pub fn open_exact(
        &self,
        sessions: Sessions,
        catalog: &Catalog,
        context: &Context,
    ) -> Result<(Selected, Uses), CliError> {
        self.open_by(usage::read_exact_within, sessions, catalog, context)
    }

    fn open_by(
        &self,
        read: Read,
        sessions: Sessions,
        catalog: &Catalog,
        context: &Context,
    ) -> Result<(Selected, Uses), CliError> {
        let selected = self.selected(context)?;
        let uses = selected.uses(read, sessions, catalog, &self.memory.space(), context)?;
        Ok((selected, uses))
    }

    fn valid_selection(&self) -> Result<Selection, CliError> {
        let selection = self.selection();
        selection.validate().map_err(|error| CliError::Usage(hint::said(&error)))?;
        Ok(selection)
    }

    /// Who and when of which snapshot, before anything is read.
    pub fn selected(&self, context: &Context) -> Result<Selected, CliError> {
        let selection = self.valid_selection()?;
        let (snapshot, range, exit) = self.snapshot(context)?;
        let selection = selection.knowing(&snapshot)?;
        Ok(Selected { snapshot, selection, range, rows: Vec::new(), exit })
    }

    /// Takes in what is to be taken in: the state of the store to answer from, the window, and how taking in ended.
    pub fn snapshot(&self, context: &Context) -> Result<(Snapshot, TimeRange, Exit), CliError> {
        let range = self.range.range()?;
        let memory_limit_bytes = self.memory.memory_limit;
        allocator::stay_below(memory_limit_bytes);
        let mut exit = Exit::Done;
        let store = if self.archive.is_empty() {
            open_store(&self.store.store, context)?
        } else {
            let store = self.wait.store(Store::open_or_create(&self.store.store)?, context);
            let ingest_bytes = memory_limit_bytes.min(MEMORY_LIMIT_BYTES);
            let mut options = Options { memory_limit_bytes: ingest_bytes, ..Options::of(self.archive.clone()) };
            s3::connect(&mut options, &Settings::default())?;
            let mut begun = Begun::new("ingest", &self.store.store, None, context);
            let outcome = take_in(&store, &options, &mut begun, context);
            exit = begun.end(outcome, false).outcome?;
            if exit == Exit::Interrupted {
                return Err(CliError::Interrupted);
            }
            store
        };
        refresh_usage(&store, memory_limit_bytes, context)?;
        Ok((store.snapshot_with(self.at, usage::STATISTICS)?, range, exit))
    }
}

/// Opens a store for a command that reads: what is not whole is said, not mended.
pub(super) fn open_store(dir: &Path, context: &Context) -> Result<Store, CliError> {
    let store = Store::open(dir)?;
    if store.is_cut_short() {
        context.warn(
            "the last commit to this store was cut short: this is the last whole snapshot\nhint: the next `trailpare ingest` or `trailpare optimize` mends it",
        );
    }
    Ok(store)
}

/// Brings the usage of a store up to date, where it can be written to.
pub(super) fn refresh_usage(store: &Store, memory_limit_bytes: u64, context: &Context) -> Result<(), CliError> {
    if let Refreshed::Waiting(days @ 1.., why) = refresh_usage_if_outdated(store, context.catalog, memory_limit_bytes)?
    {
        context.warn(&format!("the usage of {days} days is not up to date: {why}"));
    }
    Ok(())
}

/// Says which copies of usage could not be read.
pub(super) fn say_left_out(snapshot: &Snapshot, context: &Context) {
    snapshot.take_left_out().iter().for_each(|text| context.warn(text));
}

/// Says that nothing was found, and what there is.
fn nobody(snapshot: &Snapshot, selection: &Selection, range: &TimeRange) -> Result<CliError, CliError> {
    let known = usage::known(snapshot, selection)?;
    let mut text = format!("no event of {selection} in {range}, snapshot {}", snapshot.id);
    let Some((first_us, last_us)) = known.times else {
        text += "\nhint: the store is empty; take an archive in with `trailpare ingest ARCHIVE`";
        return Ok(CliError::failed(text));
    };
    let times = |(first_us, last_us): (i64, i64)| format!("from {} to {}", format_time(first_us), format_time(last_us));
    if let Some(selected) = known.times_of_selected {
        text += &format!("\nhint: outside of this window there are events of theirs, {}", times(selected));
        return Ok(CliError::failed(text));
    }
    let meant = meant(&known, selection);
    if !meant.is_empty() {
        text += &format!("\nhint: did you mean {}?", meant.join(" or "));
    }
    text += &format!(
        "\nhint: the store has events {}, of {} in {}; `trailpare actions --principal '*' --by principal` lists who",
        times((first_us, last_us)),
        count(known.principals.len(), "principal"),
        count(known.accounts.len(), "account"),
    );
    Ok(CliError::failed(text))
}

/// What is close to what was asked for, as options say it.
fn meant(known: &usage::Known, selection: &Selection) -> Vec<String> {
    let arns = |kind: &'static str| known.principals.iter().map(String::as_str).filter(move |arn| arn.contains(kind));
    let names = |kind: &'static str| arns(kind).map(|arn| arn.rsplit('/').next().unwrap_or(arn)).collect::<Vec<_>>();
    let of = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<String>>();
    let mut meant = Vec::new();
    let mut add = |option: &str, patterns: &[String], names: &[&str]| {
        for pattern in patterns {
            for name in closest(pattern, names.iter().copied()) {
                let name = format!("--{option} {}", shown::name(name));
                if !meant.contains(&name) {
                    meant.push(name);
                }
            }
        }
    };
    let by = |patterns: &[String], kind: &'static str| match patterns.iter().any(|pattern| pattern.starts_with("arn:"))
    {
        true => arns(kind).collect(),
        false => names(kind),
    };
    let (sets, sessions, accounts) = (of(&known.permission_sets), of(&known.sessions), of(&known.accounts));
    let (roles, users) = (by(&selection.roles, ":role/"), by(&selection.users, ":user/"));
    add("role", &selection.roles, &roles);
    add("user", &selection.users, &users);
    add("permission-set", &selection.permission_sets, &sets.iter().map(String::as_str).collect::<Vec<_>>());
    add("principal", &selection.principals, &arns("").collect::<Vec<_>>());
    add("session", &selection.sessions, &sessions.iter().map(String::as_str).collect::<Vec<_>>());
    add("account", &selection.accounts, &accounts.iter().map(String::as_str).collect::<Vec<_>>());
    // A name of another kind: a role that was taken for a permission set, a user for a role.
    if meant.is_empty() {
        let all: Vec<&String> =
            selection.roles.iter().chain(&selection.users).chain(&selection.permission_sets).collect();
        for pattern in all {
            let found = |names: &[&str]| {
                closest(pattern, names.iter().copied()).first().map(|name| shown::name(name).to_string())
            };
            let kinds = [
                ("role", found(&names(":role/"))),
                ("user", found(&names(":user/"))),
                ("permission-set", found(&sets.iter().map(String::as_str).collect::<Vec<_>>())),
            ];
            meant.extend(kinds.into_iter().filter_map(|(kind, name)| Some(format!("--{kind} {}", name?))));
        }
    }
    meant.truncate(5);
    meant
}
