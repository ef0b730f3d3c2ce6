//! What can go wrong with a query, in words that say what to do.

use std::path::{Path, PathBuf};

use datafusion::error::DataFusionError;

/// A query that could not be answered.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// DataFusion said no: syntax, names, types, or a failure while running.
    #[error("{}", explain(.0))]
    Sql(Box<DataFusionError>),
    /// The same, and where in the SQL.
    #[error("{}", explain_at(.error, .excerpt, .meant))]
    At {
        /// What went wrong.
        error: Box<DataFusionError>,
        /// The line of the SQL with a caret below the place; empty where it is not known.
        excerpt: String,
        /// Names that may have been meant.
        meant: Vec<String>,
    },
    /// A file could not be read or written.
    #[error("cannot {what} {path}: {source}", path = .path.display())]
    Io {
        /// `read`, `write`.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is no named query of this name.
    #[error("no query is named {name}\nhint: {}`trailpare sql --list` has them all, `--list WORD` those about something", did_you_mean(.meant))]
    UnknownQuery {
        /// What was asked for.
        name: String,
        /// What is close to it.
        meant: Option<String>,
    },
    /// A parameter that the named query doesn't have.
    #[error("the query has no parameter {name}\nhint: it has {known}")]
    UnknownParameter {
        /// What was given.
        name: String,
        /// What there is.
        known: String,
    },
    /// A parameter without a default that was not given.
    #[error("the query needs {name}: {what}")]
    MissingParameter {
        /// Its name.
        name: String,
        /// What it is.
        what: String,
    },
    /// A file of SQL that cannot be one.
    #[error("{path} has {size_bytes} bytes, more than the {max_bytes} that a query may have", path = .path.display())]
    TooLarge {
        /// Which file.
        path: PathBuf,
        /// Its size.
        size_bytes: u64,
        /// The limit.
        max_bytes: u64,
    },
    /// A statement that would not do what it says.
    #[error(
        "{what} would change nothing\nhint: a store is written by `trailpare ingest`; views and tables that a statement makes go with the command"
    )]
    ChangesNothing {
        /// Which statement.
        what: String,
    },
    /// A statement about files, where only the store may be read.
    #[error("{what}, and this session is read-only")]
    ReadOnly {
        /// What it does.
        what: &'static str,
    },
    /// A statement that is no query, in a session that answers queries alone.
    #[error(
        "{what} is no query, and this session answers queries only\nhint: views and tables of one's own: trailpare sql"
    )]
    QueriesOnly {
        /// What it does.
        what: String,
    },
    /// No statement or several, in a session that answers queries alone.
    #[error("this session answers queries only, one statement at a time\nhint: give exactly one statement")]
    OneStatement,
    /// A query of the library that is given what it doesn't take.
    #[error("{name}: {why}\nhint: {name}({takes})")]
    Arguments {
        /// The query, as SQL calls it.
        name: String,
        /// What is wrong.
        why: String,
        /// What it takes.
        takes: String,
    },
    /// Standard output went away or is full.
    #[error("cannot write the answer: {0}")]
    Output(#[from] std::io::Error),
}

impl From<DataFusionError> for QueryError {
    fn from(error: DataFusionError) -> Self {
        QueryError::Sql(Box::new(error))
    }
}

impl From<arrow::error::ArrowError> for QueryError {
    fn from(error: arrow::error::ArrowError) -> Self {
        DataFusionError::from(error).into()
    }
}

impl From<parquet::errors::ParquetError> for QueryError {
    fn from(error: parquet::errors::ParquetError) -> Self {
        DataFusionError::from(error).into()
    }
}

impl QueryError {
    /// Whether it needs more memory than it may have.
    pub fn is_of_memory(&self) -> bool {
        matches!(self, QueryError::Sql(error) | QueryError::At { error, .. } if explain(error).contains("Resources exhausted"))
    }

    /// Names the file in an I/O error.
    pub fn io(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> QueryError {
        let path = path.to_owned();
        move |source| QueryError::Io { what, path, source }
    }
}

fn did_you_mean(names: &Option<String>) -> String {
    names.as_ref().map(|names| format!("did you mean {names}? ")).unwrap_or_default()
}

/// The message without DataFusion's wrappers, and what to do where that is clear.
fn explain(error: &DataFusionError) -> String {
    let text = message(error);
    match hint(&text) {
        Some(hint) => format!("{text}\nhint: {hint}"),
        None => text,
    }
}

/// The same with the place, which its words need not tell then.
fn explain_at(error: &DataFusionError, excerpt: &str, meant: &[String]) -> String {
    let text = message(error);
    let mut lines = vec![match text.rsplit_once(" at Line: ") {
        Some((text, _)) if !excerpt.is_empty() => text.to_owned(),
        _ => text.clone(),
    }];
    lines.extend((!excerpt.is_empty()).then(|| excerpt.to_owned()));
    let hint = match meant {
        [] => hint(&text).map(str::to_owned),
        [name] => Some(format!("did you mean {name}?")),
        [names @ .., last] => Some(format!("did you mean {} or {last}?", names.join(", "))),
    };
    lines.extend(hint.map(|hint| format!("hint: {hint}")));
    lines.join("\n")
}

/// The message without DataFusion's wrappers and suggestions.
pub(super) fn message(error: &DataFusionError) -> String {
    let text = error.find_root().strip_backtrace();
    // The list of every column of every table says less than the hint, and names that may have been meant are ours to
    // say.
    let text = text.split("\nValid fields are").next().unwrap_or(&text);
    let text = text.split("\nDid you mean").next().unwrap_or(text);
    let text = text.split(". Did you mean").next().unwrap_or(text);
    let text = ["Error during planning: ", "Schema error: ", "SQL error: "]
        .iter()
        .fold(text, |text, prefix| text.strip_prefix(prefix).unwrap_or(text));
    // `ParserError("…")`: the parser's own form.
    let inner = text.strip_prefix("ParserError(\"").or_else(|| text.strip_prefix("TokenizerError(\""));
    match inner.and_then(|inner| inner.strip_suffix("\")")) {
        Some(inner) => inner.replace("\\\"", "\"").replace("\\'", "'"),
        None => text.replace("table 'store.main.", "table '"),
    }
}

fn hint(text: &str) -> Option<&'static str> {
    let has = |needle: &str| text.contains(needle);
    if has("table '") && has("not found") {
        return Some(
            "`SHOW TABLES` lists what there is: events, usage, event_actions, cloudtrail_logs, cloudtrail_lake, aws_cloudtrail_log",
        );
    }
    if has("No field named") {
        return Some("`DESCRIBE events` lists the columns of a table; text stands in 'single quotes'");
    }
    if has("Invalid function") {
        return Some(
            "`SHOW FUNCTIONS` lists the functions; CloudTrail's nested fields: json_get_str(request_parameters, 'bucketName')",
        );
    }
    if has("sql parser error") || has("ParserError") {
        return Some(
            "statements end with `;`, text stands in 'single quotes', names with capitals in \"double quotes\"",
        );
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_say_what_to_do() {
        let error =
            DataFusionError::Plan("No field named x.\nValid fields are a, b.".to_owned()).context("while planning");
        let text = QueryError::from(error).to_string();
        assert!(text.contains("No field named x") && text.contains("\nhint: `DESCRIBE"), "{text}");
        assert!(!text.contains("Valid fields"), "{text}");
        assert_eq!(hint("something else"), None);
    }
}
