//! The commands of the shell: what they are called, as in psql, sqlite3 and DuckDB, and what they take.

use std::path::PathBuf;

use super::script::words;
use crate::query::Format;
use crate::util::closest::closest;

/// A command as it is told of.
pub(super) struct Known {
    /// Its names, the first of which help shows.
    pub names: &'static [&'static str],
    /// What it takes.
    pub takes: &'static str,
    /// What it does.
    pub what: &'static str,
}

const fn known(names: &'static [&'static str], takes: &'static str, what: &'static str) -> Known {
    Known { names, takes, what }
}

/// Every command, in the order of help.
pub(super) const COMMANDS: &[Known] = &[
    known(&[".help", "\\?", "\\h"], "[TOPIC]", "this list; of one command, table, column, query or function"),
    known(&[".tables", "\\dt", "\\dv"], "", "tables and views, and what a row of each is"),
    known(&[".schema", "\\d"], "[TABLE]", "columns of a table or a view: type and meaning; without TABLE those of all"),
    known(&[".queries"], "[WORD]", "named queries; of one: what it answers and takes"),
    known(&[".run"], "NAME [PARAM=VALUE ...]", "runs a named query; its NAME alone does too"),
    known(
        &[".mode"],
        "[MODE]",
        "how answers are written: table, line, csv, tsv, json, ndjson, markdown, html, parquet, arrow",
    ),
    known(&["\\x"], "[on|off]", "a line a value instead of a table"),
    known(&[".output", "\\o"], "[FILE|stdout]", "where answers go from now on"),
    known(&[".read", "\\i"], "FILE", "runs the statements and commands of a file"),
    known(&[".maxrows"], "[N]", "rows that a table shows at the most"),
    known(&[".timer", "\\timing"], "[on|off]", "says how long each statement took"),
    known(&[".explain"], "[SQL]", "how a statement is run: the one given, or the last one"),
    known(&[".quit", "\\q", ".exit"], "", "leaves, as Ctrl-D does"),
];

/// A command with what it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Help(Option<String>),
    Tables,
    Schema(Option<String>),
    Queries(Option<String>),
    Run(String, Vec<(String, String)>),
    Mode(Option<Format>),
    Expanded(Option<bool>),
    Output(Option<PathBuf>),
    Read(PathBuf),
    MaxRows(Option<usize>),
    Timer(Option<bool>),
    Explain(Option<String>),
    Quit,
}

/// Finds a command by one of its names.
pub(super) fn find(name: &str) -> Option<&'static Known> {
    COMMANDS.iter().find(|known| known.names.contains(&name))
}

/// Reads a command's line.
///
/// # Errors
/// In words: there is no such command, or it takes something else.
pub(super) fn parse(line: &str, parameter: fn(&str) -> Result<(String, String), String>) -> Result<Command, String> {
    let mut words = words(line).into_iter();
    let name = words.next().unwrap_or_default();
    let rest: Vec<String> = words.collect();
    let one = || rest.first().cloned();
    if !name.starts_with(['.', '\\']) {
        return run(name, &rest, parameter);
    }
    let Some(known) = find(&name) else {
        let names = COMMANDS.iter().flat_map(|known| known.names).copied();
        let meant = closest(name.trim_start_matches(['.', '\\']), names);
        let hint = match meant.first() {
            Some(meant) => format!("did you mean {meant}?"),
            None => ".help lists the commands".to_owned(),
        };
        return Err(format!("no command {name}\nhint: {hint}"));
    };
    let first = known.names.first().copied().unwrap_or_default();
    let is_long = !matches!(first, ".run" | ".explain");
    if is_long && rest.len() > 1 || known.takes.is_empty() && !rest.is_empty() {
        return Err(format!("{name} takes {}", if known.takes.is_empty() { "nothing" } else { known.takes }));
    }
    let needed = |what: Option<String>| what.ok_or_else(|| format!("{name} takes {}", known.takes));
    Ok(match first {
        ".help" => Command::Help(one()),
        ".tables" => Command::Tables,
        ".schema" => Command::Schema(one()),
        ".queries" => Command::Queries(one()),
        ".run" => return run(needed(one())?, rest.get(1..).unwrap_or_default(), parameter),
        ".mode" => Command::Mode(one().map(|name| mode(&name)).transpose()?),
        "\\x" => Command::Expanded(one().map(|word| on(&word)).transpose()?),
        ".output" => Command::Output(one().filter(|name| name != "stdout").map(PathBuf::from)),
        ".read" => Command::Read(needed(one())?.into()),
        ".maxrows" => {
            let number = |text: String| text.parse().map_err(|_| format!("{text} is no number of rows"));
            Command::MaxRows(one().map(number).transpose()?)
        }
        ".timer" => Command::Timer(one().map(|word| on(&word)).transpose()?),
        ".explain" => {
            let sql = line.trim_start().get(name.len()..).unwrap_or_default().trim();
            Command::Explain((!sql.is_empty()).then(|| sql.to_owned()))
        }
        _ => Command::Quit,
    })
}

fn run(
    name: String,
    rest: &[String],
    parameter: fn(&str) -> Result<(String, String), String>,
) -> Result<Command, String> {
    // `--param a=b`, as on the command line, is `a=b`.
    let given = rest.iter().filter(|word| *word != "--param").map(|word| word.trim_start_matches("--param="));
    let given = given.map(|word| parameter(word).map_err(|error| format!("{word}: {error}")));
    Ok(Command::Run(name, given.collect::<Result<_, _>>()?))
}

fn mode(name: &str) -> Result<Format, String> {
    let name = if name == "box" || name == "column" { "table" } else { name };
    let found = Format::all().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, format)| format).ok_or_else(|| {
        let names: Vec<String> = Format::all().map(|(name, _)| name).collect();
        format!("no mode {name}\nhint: there are {}", names.join(", "))
    })
}

fn on(word: &str) -> Result<bool, String> {
    match word.to_ascii_lowercase().as_str() {
        "on" | "true" | "1" => Ok(true),
        "off" | "false" | "0" => Ok(false),
        _ => Err(format!("{word} is neither on nor off")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Result<Command, String> {
        parse(line, |text| {
            text.split_once('=').map(|(a, b)| (a.to_owned(), b.to_owned())).ok_or_else(|| "no".to_owned())
        })
    }

    #[test]
    fn commands_have_the_names_that_people_know() {
        for (line, expected) in [
            (".tables", Command::Tables),
            ("\\d", Command::Schema(None)),
            ("\\d events", Command::Schema(Some("events".to_owned()))),
            ("\\x", Command::Expanded(None)),
            ("\\timing on", Command::Timer(Some(true))),
            (".mode CSV", Command::Mode(Some(Format::Csv))),
            (".output stdout", Command::Output(None)),
            (".output 'a b.csv'", Command::Output(Some("a b.csv".into()))),
            (".maxrows 5", Command::MaxRows(Some(5))),
            (".explain SELECT 'a  b'", Command::Explain(Some("SELECT 'a  b'".to_owned()))),
            ("\\q", Command::Quit),
            (".exit", Command::Quit),
            ("root-use", Command::Run("root-use".to_owned(), vec![])),
            (
                ".run denied-calls --param principal='%a b'",
                Command::Run("denied-calls".to_owned(), vec![("principal".to_owned(), "%a b".to_owned())]),
            ),
        ] {
            assert_eq!(of(line), Ok(expected), "{line}");
        }
        assert!(of(".tabels").is_err_and(|why| why.contains("did you mean .tables?")));
        assert!(of(".mode xml").is_err_and(|why| why.contains("parquet")));
        assert!(of(".read").is_err_and(|why| why.contains("FILE")));
        assert!(of(".quit now").is_err());
    }

    /// The list of modes is one.
    #[test]
    fn help_names_every_mode() {
        let told = find(".mode").unwrap().what;
        for (name, _) in Format::all() {
            assert!(told.contains(&name), "{name}");
        }
    }
}
