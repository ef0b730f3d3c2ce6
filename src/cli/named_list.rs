//! The list of named queries: by topic, by a word, or as JSON.

use std::io::{self, Write};

use super::{CliError, Exit, printable};
use crate::query::{Format, Library, Named};

/// Prints the queries about a word, or all of them where it is empty.
///
/// # Errors
/// When no query is about the word, or standard output is gone.
pub fn print(library: &Library, word: &str, format: Format) -> Result<Exit, CliError> {
    let topics = library.by_topic(word);
    if topics.is_empty() {
        let text = format!("no query is about {}\nhint: `trailpare sql --list` has them all", printable(word));
        return Err(CliError::Usage(text));
    }
    let mut out = io::stdout().lock();
    let queries: Vec<&Named> = topics.values().flatten().copied().collect();
    match format {
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&queries)?)?,
        Format::Ndjson => queries
            .iter()
            .try_for_each(|named| Ok::<_, CliError>(writeln!(out, "{}", serde_json::to_string(named)?)?))?,
        _ if word.is_empty() => {
            let width = queries.iter().map(|named| printable(&named.name).chars().count()).max().unwrap_or_default();
            for (topic, queries) in &topics {
                writeln!(out, "{}", printable(topic))?;
                for named in queries {
                    writeln!(out, "  {:width$}  {}", printable(&named.name), printable(named.summary()))?;
                }
                writeln!(out)?;
            }
        }
        _ => {
            for named in queries {
                writeln!(out, "{}\n{}\n", printable(&named.name), printable(&named.describe()))?;
            }
        }
    }
    Ok(Exit::Done)
}
