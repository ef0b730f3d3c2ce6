//! `trailpare chains`: who acted behind roles, back to the person.

use std::io::{self, BufWriter, Write};

use clap::builder::NonEmptyStringValueParser;

use super::select::EverybodyArgs;
use super::table::{render, row, table};
use super::trust::roles;
use super::{CliError, Context, Exit};
use crate::query::csv;
use crate::report::chains::{ChainValue, ChainsValue};
use crate::trust::{ChainQuestion, chains};

/// Show who acted behind roles: sessions followed from role to role back to the person, user, service or token with
/// which they began.
///
/// Sessions are followed by their access keys; where records lack them by role, session name and time. A source
/// identity is taken at its word where nothing else is known.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
--role names the last role of a chain. A session of which the log does not say how it came about begins with nobody:
kind unknown.

Examples:
  trailpare chains --role deploy
  trailpare chains --person 'ann@example.com' --from 30d
  trailpare chains --role 'Admin*' --account 111122223333 --format csv")]
pub struct ChainsArgs {
    /// Roles at the end of chains: a name, an ARN, or a glob over either; all where nothing is said.
    #[arg(long, value_name = "PATTERN", value_parser = NonEmptyStringValueParser::new(), help_heading = "Which")]
    role: Vec<String>,
    /// Only roles of this account.
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new(), help_heading = "Which")]
    account: Vec<String>,
    /// Who began: a glob over the name of the person, user, subject or service, or an ARN.
    #[arg(long, value_name = "PATTERN", value_parser = NonEmptyStringValueParser::new(), help_heading = "Which")]
    person: Vec<String>,
    /// How to print it.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    #[command(flatten)]
    everybody: EverybodyArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people.
    Table,
    /// One JSON object.
    Json,
    /// Comma-separated values with a header: one line a chain.
    Csv,
}

pub fn run(args: &ChainsArgs, context: &Context) -> Result<Exit, CliError> {
    let selection = roles(&args.role, &args.account);
    let select = args.everybody.select();
    let (snapshot, range, exit) = select.snapshot(context)?;
    let space = select.memory.space();
    let question = ChainQuestion {
        snapshot: &snapshot,
        range: &range,
        selection: &selection,
        persons: &args.person,
        space: &space,
    };
    let value = ChainsValue::of(&chains(&question)?);
    if value.chains.is_empty() {
        let text = "no session of such a role, begun by such a person, in the window\n\
                    hint: `trailpare chains` without --role and --person shows all";
        return Err(CliError::failed(text));
    }
    let mut out = BufWriter::new(io::stdout().lock());
    match args.format {
        Format::Table => out.write_all(text(&value).as_bytes())?,
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&value)?)?,
        Format::Csv => write_csv(&value, &mut out)?,
    }
    out.flush()?;
    context.detail(&format!("snapshot {}, {range}", snapshot.id));
    Ok(exit)
}

/// Each role once, below it who was behind it.
fn text(value: &ChainsValue) -> String {
    let mut out = format!("{} sessions, {} of them begun by nobody known\n", value.sessions, value.unknown);
    for chains in value.chains.chunk_by(|a, b| a.role_arn == b.role_arn) {
        let Some(first) = chains.first() else { continue };
        out += &format!("\n{}\n", super::printable(&crate::util::shown::name(&first.role_arn)));
        let mut table = table(&["  WHO", "KIND", "THROUGH", "SESSIONS", "EVENTS", "FIRST", "LAST"], &[3, 4]);
        for chain in chains {
            let who = format!("  {}", chain.person.as_deref().unwrap_or("(nobody known)"));
            row(
                &mut table,
                [
                    &who,
                    chain.kind,
                    &through(chain),
                    &chain.sessions.to_string(),
                    &chain.events.to_string(),
                    &chain.first_time,
                    &chain.last_time,
                ],
            );
        }
        out += &render(&table);
    }
    out
}

/// The roles before the last one.
fn through(chain: &ChainValue) -> String {
    if chain.hops.len() < 2 { "(directly)".to_owned() } else { chain.through() }
}

fn write_csv(value: &ChainsValue, out: &mut impl Write) -> Result<(), CliError> {
    let mut rows = csv::Rows::new(out, super::printable);
    rows.write([
        "role_arn",
        "person",
        "kind",
        "is_person",
        "by",
        "through",
        "sessions",
        "events",
        "first_time",
        "last_time",
        "example_event_id",
    ])?;
    for chain in &value.chains {
        let example = chain.hops.last().and_then(|hop| hop.event_id.clone()).unwrap_or_default();
        let (sessions, events, through) = (chain.sessions.to_string(), chain.events.to_string(), chain.through());
        rows.write([
            chain.role_arn.as_str(),
            chain.person.as_deref().unwrap_or_default(),
            chain.kind,
            if chain.is_person { "true" } else { "false" },
            &chain.by,
            &through,
            &sessions,
            &events,
            &chain.first_time,
            &chain.last_time,
            &example,
        ])?;
    }
    Ok(rows.finish()?)
}
