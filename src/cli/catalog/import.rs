//! `trailpare catalog import` and `catalog reset`.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::compare::summary;
use super::incoming::{IncomingArgs, RefusedFile};
use super::place::{imported_path, write};
use super::source::Source;
use crate::cli::table::Format;
use crate::cli::{CliError, Context, Exit};
use crate::iam::Catalog;
use crate::report::catalog::compare::{Comparison, Counts};
use crate::time::format_date;
use crate::util::shown;

/// Take a catalogue over: verified, then kept for every later command of this user, or written where --out says.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
It is kept as $XDG_DATA_HOME/trailpare/catalogue.txt (or ~/.local/share/…). For a service, write it with --out and name
it as `catalog` in trailpare.toml. Service Reference JSON is put into the catalogue that is used: an action that it
doesn't list stays, no access level falls, and what it doesn't tell of (event sources, parameters that name resources
and roles) stays.

A catalogue decides what is granted where a policy has to be made to fit: import what comes from whom you trust. The
checksum in the file proves that it arrived whole; whose it is, --sha256 proves.

The exit code is 3 where a file could not be taken.

Examples:
  trailpare catalog import catalogue.txt --sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
  trailpare catalog import service-reference/ --made 2026-11-30
  trailpare catalog import catalogue.txt --out /etc/trailpare/catalogue.txt")]
pub struct ImportArgs {
    #[command(flatten)]
    incoming: IncomingArgs,
    /// Where to write it instead.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How to print what came of it.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// Forget the imported catalogue: the one built in is used again.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  trailpare catalog reset")]
pub struct ResetArgs {}

#[derive(Serialize)]
struct Imported<'a> {
    schema: &'static str,
    version: &'a str,
    made: Option<String>,
    path: String,
    /// Whether later commands of this user go by it.
    is_used: bool,
    sha256: String,
    from: &'a str,
    counts: Counts,
    lowered: &'a [String],
    unlisted: &'a [String],
    refused: &'a [RefusedFile],
}

pub fn run(args: &ImportArgs, context: &Context) -> Result<Exit, CliError> {
    let incoming = args.incoming.read(context)?;
    let catalog = &incoming.catalog;
    let own = imported_path();
    let path =
        args.out.clone().or(own).ok_or_else(|| {
            CliError::failed("there is no folder for it: HOME is not set\nhint: name a file with --out")
        })?;
    if args.out.is_none() && catalog.made_on() < Catalog::embedded().made_on() {
        let text = format!(
            "{} is older than the catalogue built in, {}: it would not be used\n\
             hint: --out FILE, and --catalog FILE for the commands that are to go by it",
            catalog.version(),
            Catalog::embedded().version()
        );
        return Err(CliError::failed(text));
    }
    let mut comparison = Comparison::new(context.catalog, catalog);
    comparison.unlisted = incoming.unlisted;
    write(&path, &catalog.to_file())?;
    let is_used = args.out.is_none() && !matches!(context.catalog_source, Source::Given(_));
    let said = match args.format {
        Format::Table => text(&comparison, &path, is_used, context),
        Format::Json => {
            let imported = Imported {
                schema: "trailpare/catalog-import/1",
                version: catalog.version(),
                made: catalog.made_on().map(format_date),
                path: path.to_string_lossy().into_owned(),
                is_used,
                sha256: catalog.digest(),
                from: context.catalog.version(),
                counts: comparison.counts,
                lowered: &comparison.lowered,
                unlisted: &comparison.unlisted,
                refused: &incoming.refused,
            };
            serde_json::to_string_pretty(&imported)? + "\n"
        }
    };
    io::stdout().write_all(said.as_bytes())?;
    Ok(if incoming.refused.is_empty() { Exit::Done } else { Exit::Refused })
}

fn text(comparison: &Comparison, path: &Path, is_used: bool, context: &Context) -> String {
    let mut out = summary(comparison) + &format!("written to {}\n", shown::path(path));
    out += &match (is_used, context.catalog_source) {
        (true, _) => "later commands go by it; usage that another catalogue derived is derived anew\n".to_owned(),
        (false, Source::Given(given)) if given != path => {
            format!("not used yet: --catalog or the configuration says {}\n", shown::path(given))
        }
        (false, Source::Given(_)) => "later commands with that --catalog go by it\n".to_owned(),
        (false, _) => format!("used with --catalog {}\n", shown::path(path)),
    };
    out
}

pub fn reset(_: &ResetArgs, context: &Context) -> Result<Exit, CliError> {
    let version = Catalog::embedded().version();
    let path = imported_path().ok_or_else(|| CliError::failed("nothing is imported: HOME is not set"))?;
    match fs::remove_file(&path) {
        Ok(()) => context.say(&format!("removed {}; the catalogue built in is {version}", shown::path(&path))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            context.say(&format!("nothing was imported; the catalogue built in is {version}"));
        }
        Err(error) => return Err(CliError::failed(format!("cannot remove {}: {error}", shown::path(&path)))),
    }
    Ok(Exit::Done)
}
