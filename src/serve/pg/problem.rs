//! What went wrong, as a client of PostgreSQL hears of it: a code (SQLSTATE), a message, a hint, a place in the
//! statement.
//!
//! Codes: <https://www.postgresql.org/docs/16/errcodes-appendix.html>.

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;
use datafusion_postgres::pgwire::messages::PgWireBackendMessage;
use datafusion_postgres::pgwire::messages::response::ErrorResponse;

use crate::query::{self, QueryError};
use crate::serve::job::{End, Failure};
use crate::util::shown;

/// Characters of a message at the most: what a statement names may be long.
const MESSAGE_MAX_CHARS: usize = 4_000;

/// What went wrong.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Problem {
    is_fatal: bool,
    code: &'static str,
    message: String,
    hint: Option<String>,
    /// Characters of the text before the place, and one more.
    position: Option<usize>,
}

impl Problem {
    /// One that ends a statement.
    pub fn new(code: &'static str, message: impl Into<String>) -> Problem {
        let text = message.into();
        let (message, hint) = match text.split_once("\nhint: ") {
            Some((message, hint)) => (message.to_owned(), Some(hint.to_owned())),
            None => (text, None),
        };
        Problem { is_fatal: false, code, message, hint, position: None }
    }

    /// One that ends the connection.
    pub fn fatal(code: &'static str, message: impl Into<String>) -> Problem {
        Problem { is_fatal: true, ..Problem::new(code, message) }
    }

    /// Whether it ends the connection.
    pub fn is_fatal(&self) -> bool {
        self.is_fatal
    }

    /// In a line, for the log.
    pub fn line(&self) -> String {
        shown::name(&self.message).into_owned()
    }

    /// Why there is no answer. The statement begins behind `before` characters of what the client sent.
    pub fn of(failure: Failure, sql: &str, before: usize, context: &SessionContext) -> Problem {
        let Failure::Query(error) = failure else { return failure.into() };
        let position = query::position(&error, sql, context).map(|place| before + place);
        let error = match query::at(error, sql, context) {
            // The place is told by its number: whoever shows it draws the line.
            QueryError::At { error, meant, .. } => QueryError::At { error, excerpt: String::new(), meant },
            error => error,
        };
        let mut problem = Problem::from(Failure::Query(error));
        if position.is_some() {
            problem.message = without_place(&problem.message);
        }
        Problem { position, ..problem }
    }

    /// As it is sent.
    pub fn message(&self) -> PgWireBackendMessage {
        let severity = if self.is_fatal { "FATAL" } else { "ERROR" };
        let mut fields = vec![(b'S', severity.to_owned()), (b'V', severity.to_owned()), (b'C', self.code.to_owned())];
        fields.push((b'M', harmless(&self.message)));
        fields.extend(self.hint.as_ref().map(|hint| (b'H', harmless(hint))));
        fields.extend(self.position.map(|position| (b'P', position.to_string())));
        PgWireBackendMessage::ErrorResponse(ErrorResponse::new(fields))
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Problem {
        let code = match &failure {
            Failure::Query(error) => code(error),
            Failure::Store(_) => "58000",
            Failure::Ended(End::Leaving) => return Problem::fatal("57P01", failure.to_string()),
            Failure::Ended(_) => "57014",
            Failure::TooManyRows(_) => "54000",
            Failure::BrokeOff => "XX000",
        };
        Problem::new(code, failure.to_string())
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Problem {
        Failure::Query(error).into()
    }
}

/// The text without what a terminal would act on, and not without end.
fn harmless(text: &str) -> String {
    let text = shown::lines(text);
    match text.char_indices().nth(MESSAGE_MAX_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

fn without_place(message: &str) -> String {
    match message.rsplit_once(" at Line: ") {
        Some((text, place)) if place.len() < 40 => text.to_owned(),
        _ => message.to_owned(),
    }
}

fn code(error: &QueryError) -> &'static str {
    match error {
        QueryError::Sql(error) | QueryError::At { error, .. } => code_of(error),
        QueryError::Io { .. } | QueryError::Output(_) => "58030",
        QueryError::UnknownQuery { .. } => "42883",
        QueryError::UnknownParameter { .. } | QueryError::MissingParameter { .. } | QueryError::Arguments { .. } => {
            "22023"
        }
        QueryError::TooLarge { .. } => "54000",
        QueryError::ChangesNothing { .. } | QueryError::QueriesOnly { .. } => "25006",
        QueryError::ReadOnly { .. } => "42501",
        QueryError::OneStatement => "42601",
    }
}

fn code_of(error: &DataFusionError) -> &'static str {
    let root = error.find_root();
    let text = root.strip_backtrace();
    let has = |needle: &str| text.contains(needle);
    match root {
        DataFusionError::SchemaError(schema, _) => match schema.as_ref() {
            SchemaError::FieldNotFound { .. } => "42703",
            SchemaError::AmbiguousReference { .. } => "42702",
            _ => "42701",
        },
        DataFusionError::SQL(..) => "42601",
        DataFusionError::NotImplemented(_) => "0A000",
        DataFusionError::ResourcesExhausted(_) => "53200",
        DataFusionError::Internal(_) => "XX000",
        _ if has("Resources exhausted") => "53200",
        _ if has("the query was stopped") => "57014",
        _ if has("this session is read-only") => "42501",
        _ if has("table '") && has("not found") => "42P01",
        _ if has("Invalid function") || has("No function matches") => "42883",
        _ if has("Divide by zero") => "22012",
        _ if has("Cast error") || has("Parser error") => "22P02",
        _ if has("verflow") => "22003",
        _ if has("sql parser error") || has("ParserError") => "42601",
        DataFusionError::Plan(_) => "42804",
        DataFusionError::IoError(_) | DataFusionError::ObjectStore(_) | DataFusionError::ParquetError(_) => "58030",
        _ => "22000",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_stand_by_themselves_and_nothing_acts_on_a_terminal() {
        let problem = Problem::new("42601", "a\u{1b}[31m\nb\nhint: c\u{202e}");
        let PgWireBackendMessage::ErrorResponse(response) = problem.message() else { panic!() };
        let field =
            |wanted: u8| response.fields.iter().find(|(kind, _)| *kind == wanted).map(|(_, text)| text.as_str());
        assert_eq!((field(b'C'), field(b'M')), (Some("42601"), Some("a\\u{1b}[31m\nb")));
        assert_eq!((field(b'S'), field(b'H')), (Some("ERROR"), Some("c\\u{202e}")));
        assert!(harmless(&"x".repeat(100_000)).len() < 5_000);
    }

    #[test]
    fn codes_are_postgresqls() {
        let plan = |text: &str| DataFusionError::Plan(text.to_owned());
        for (error, expected) in [
            (plan("table 'store.main.x' not found"), "42P01"),
            (plan("Invalid function 'x'"), "42883"),
            (DataFusionError::NotImplemented("x".to_owned()), "0A000"),
            (DataFusionError::ResourcesExhausted("x".to_owned()).context("y"), "53200"),
        ] {
            assert_eq!(code_of(&error), expected, "{error}");
        }
        assert_eq!(Problem::from(Failure::Ended(End::TimedOut)).code, "57014");
        assert!(Problem::from(Failure::Ended(End::Leaving)).is_fatal());
    }
}
