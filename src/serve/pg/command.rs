//! Statements that are about the session: settings, transactions, cursors, what clients say to tidy up. They are told
//! by their first words, before anything is parsed. All others are queries, or refused as such.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::problem::Problem;
use super::settings::default_of;
use crate::query::Piece;

/// A statement about the session.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Command {
    /// `SET x = y`; no value: its default.
    Set {
        name: String,
        value: Option<String>,
    },
    /// `RESET ALL`.
    ResetAll,
    Show(String),
    ShowAll,
    /// `BEGIN`, `START TRANSACTION`: which of them.
    Begin(&'static str),
    /// `COMMIT`, `END`; `chain`: another transaction begins at once.
    Commit {
        chain: bool,
    },
    /// `ROLLBACK`, `ABORT`.
    Rollback {
        chain: bool,
    },
    /// `SAVEPOINT x`, `RELEASE x`: nothing changes.
    Savepoint(&'static str),
    RollbackToSavepoint,
    /// `DISCARD ALL`; what else is discarded there is not.
    Discard,
    /// A prepared statement; `None`: all.
    Deallocate(Option<String>),
    /// What is said to tidy up, or about transactions: done by doing nothing.
    Accept(&'static str),
    /// `DECLARE x CURSOR FOR …`: the query, and the characters before it.
    Declare {
        name: String,
        outlives: bool,
        sql: String,
        before: usize,
    },
    /// `FETCH`, `MOVE`; no number: all rows.
    Fetch {
        name: String,
        rows_max: Option<u64>,
        is_move: bool,
    },
    /// A cursor; `None`: all.
    CloseCursor(Option<String>),
}

impl Command {
    /// The statement, if it is one about the session.
    ///
    /// # Errors
    /// One that is refused, or is not as it should be.
    pub fn of(piece: &Piece) -> Result<Option<Command>, Problem> {
        let words = Words(piece);
        let Some(first) = piece.word(0) else { return Ok(None) };
        Ok(Some(match first.as_str() {
            "set" => words.set()?,
            "reset" => words.reset()?,
            "show" => match words.show() {
                Some(command) => command,
                None => return Ok(None),
            },
            "begin" => Command::Begin("BEGIN"),
            "start" => Command::Begin("START TRANSACTION"),
            "commit" | "end" => Command::Commit { chain: words.chains() },
            "rollback" if words.has("to") => Command::RollbackToSavepoint,
            "rollback" | "abort" => Command::Rollback { chain: words.chains() },
            "savepoint" => Command::Savepoint("SAVEPOINT"),
            "release" => Command::Savepoint("RELEASE"),
            "discard" => words.discard()?,
            "deallocate" => {
                let place = if words.is(1, "prepare") { 2 } else { 1 };
                Command::Deallocate(if words.is(place, "all") { None } else { Some(words.name(place)?) })
            }
            "unlisten" => Command::Accept("UNLISTEN"),
            "close" => Command::CloseCursor(if words.is(1, "all") { None } else { Some(words.name(1)?) }),
            "declare" => words.declare()?,
            "fetch" => words.fetch(false)?,
            "move" => words.fetch(true)?,
            "copy" => {
                return Err(refused("42501", "COPY", "no file is read or written, and no rows but those of queries"));
            }
            "listen" | "notify" => {
                return Err(refused("0A000", &first.to_uppercase(), "there is nothing to be told of"));
            }
            "prepare" | "execute" => {
                return Err(refused(
                    "0A000",
                    &first.to_uppercase(),
                    "drivers prepare by the protocol; in psql: \\bind",
                ));
            }
            "load" | "do" | "lock" | "vacuum" | "analyze" | "cluster" | "reindex" | "checkpoint" | "comment"
            | "grant" | "revoke" | "refresh" | "security" | "import" | "reassign" => {
                return Err(refused(
                    "25006",
                    &first.to_uppercase(),
                    "this server answers queries, and changes nothing",
                ));
            }
            _ => return Ok(None),
        }))
    }

    /// What clients are told when it is done, where that is always the same.
    pub fn tag(&self) -> &'static str {
        match self {
            Command::Set { .. } => "SET",
            Command::ResetAll => "RESET",
            Command::Show(_) | Command::ShowAll => "SHOW",
            Command::Begin(tag) | Command::Savepoint(tag) | Command::Accept(tag) => tag,
            Command::Commit { .. } => "COMMIT",
            Command::Rollback { .. } | Command::RollbackToSavepoint => "ROLLBACK",
            Command::Discard => "DISCARD ALL",
            Command::Deallocate(None) => "DEALLOCATE ALL",
            Command::Deallocate(Some(_)) => "DEALLOCATE",
            Command::Declare { .. } => "DECLARE CURSOR",
            Command::Fetch { is_move: false, .. } => "FETCH",
            Command::Fetch { is_move: true, .. } => "MOVE",
            Command::CloseCursor(_) => "CLOSE CURSOR",
        }
    }
}

fn refused(code: &'static str, what: &str, why: &str) -> Problem {
    Problem::new(code, format!("{what} is refused: {why}"))
}

fn malformed(what: &str) -> Problem {
    Problem::new("42601", format!("{what} is not understood"))
}

/// The words of a statement.
struct Words<'a>(&'a Piece);

impl Words<'_> {
    fn is(&self, place: usize, wanted: &str) -> bool {
        self.0.word(place).as_deref() == Some(wanted)
    }

    fn has(&self, wanted: &str) -> bool {
        (0..self.0.tokens.len()).any(|place| self.is(place, wanted))
    }

    /// A name at a place, in quotes or not.
    fn name(&self, place: usize) -> Result<String, Problem> {
        match self.0.tokens.get(place) {
            Some(Token::Word(word)) if word.quote_style.is_some() => Ok(word.value.clone()),
            Some(Token::Word(word)) => Ok(word.value.to_lowercase()),
            _ => Err(malformed("the name")),
        }
    }

    fn set(&self) -> Result<Command, Problem> {
        let place = if self.is(1, "session") || self.is(1, "local") { 2 } else { 1 };
        if self.is(place, "characteristics") || self.is(place, "transaction") || self.is(place, "constraints") {
            return Ok(Command::Accept("SET"));
        }
        let (name, place) = match self.0.word(place).as_deref() {
            Some("time") if self.is(place + 1, "zone") => ("TimeZone".to_owned(), place + 2),
            Some("names") => ("client_encoding".to_owned(), place + 1),
            Some("role") => ("role".to_owned(), place + 1),
            Some("authorization") if self.is(place + 1, "default") => return Ok(Command::Accept("SET")),
            Some("authorization") => {
                return Err(refused("42501", "SET SESSION AUTHORIZATION", "a user stays that user"));
            }
            _ => {
                let mut name = self.name(place)?;
                let mut behind = place + 1;
                while self.0.tokens.get(behind) == Some(&Token::Period) {
                    name = format!("{name}.{}", self.name(behind + 1)?);
                    behind += 2;
                }
                if self.0.tokens.get(behind) != Some(&Token::Eq) && !self.is(behind, "to") {
                    return Err(malformed("SET"));
                }
                (name, behind + 1)
            }
        };
        let value = self.value(place)?;
        Ok(Command::Set { name, value })
    }

    /// What stands from a place on, as a value; `None`: the default.
    fn value(&self, place: usize) -> Result<Option<String>, Problem> {
        let tokens = self.0.tokens.get(place..).unwrap_or_default();
        if tokens.is_empty() {
            return Err(malformed("SET without a value"));
        }
        if tokens.len() == 1 && (self.is(place, "default") || self.is(place, "local")) {
            return Ok(None);
        }
        let mut value = String::new();
        for token in tokens {
            match token {
                Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text) => value += text,
                Token::Word(word) => value += &word.value,
                Token::Number(number, _) => value += number,
                Token::Minus => value.push('-'),
                Token::Comma => value += ", ",
                _ => return Err(malformed("the value")),
            }
        }
        Ok(Some(value))
    }

    /// Whether the next transaction begins where this one ends: `AND CHAIN`, not `AND NO CHAIN`.
    fn chains(&self) -> bool {
        (1..self.0.tokens.len()).any(|place| self.is(place, "chain") && self.is(place - 1, "and"))
    }

    fn discard(&self) -> Result<Command, Problem> {
        Ok(match self.0.word(1).as_deref() {
            Some("all") => Command::Discard,
            Some("plans") => Command::Accept("DISCARD PLANS"),
            Some("sequences") => Command::Accept("DISCARD SEQUENCES"),
            Some("temp" | "temporary") => Command::Accept("DISCARD TEMP"),
            _ => return Err(malformed("DISCARD")),
        })
    }

    fn reset(&self) -> Result<Command, Problem> {
        if self.is(1, "all") {
            return Ok(Command::ResetAll);
        }
        let name = if self.is(1, "time") { "TimeZone".to_owned() } else { self.name(1)? };
        match name.as_str() {
            "session" => Ok(Command::Accept("RESET")),
            _ => Ok(Command::Set { name, value: None }),
        }
    }

    /// A setting that is asked for; `None` for what is asked of tables.
    fn show(&self) -> Option<Command> {
        let words: Vec<String> = (1..self.0.tokens.len()).filter_map(|place| self.0.word(place)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let name = match words.as_slice() {
            ["all"] => return Some(Command::ShowAll),
            ["time", "zone"] => "TimeZone",
            ["transaction", "isolation", "level"] => "transaction_isolation",
            ["session", "authorization"] => "session_authorization",
            [name] if default_of(name).is_some() || *name == "session_authorization" => name,
            _ => return None,
        };
        Some(Command::Show(name.to_owned()))
    }

    fn declare(&self) -> Result<Command, Problem> {
        let name = self.name(1)?;
        let cursor = (2..self.0.tokens.len()).find(|place| self.is(*place, "cursor"));
        let begin = cursor.and_then(|cursor| (cursor..self.0.tokens.len()).find(|place| self.is(*place, "for")));
        let (Some(cursor), Some(begin)) = (cursor, begin) else { return Err(malformed("DECLARE")) };
        let known = ["insensitive", "asensitive", "no", "scroll"];
        if (2..cursor).any(|place| self.0.word(place).is_none_or(|word| !known.contains(&word.as_str()))) {
            return Err(malformed("DECLARE"));
        }
        if (2..cursor).any(|place| self.is(place, "scroll") && !self.is(place - 1, "no")) {
            return Err(refused("0A000", "SCROLL", "a cursor goes forward"));
        }
        let outlives = self.is(cursor + 1, "with") && self.is(cursor + 2, "hold");
        let (sql, before) = self.0.behind(begin);
        Ok(Command::Declare { name, outlives, sql, before })
    }

    fn fetch(&self, is_move: bool) -> Result<Command, Problem> {
        let (mut place, mut rows_max) = (1, Some(1));
        if self.is(place, "forward") || self.is(place, "next") {
            place += 1;
        }
        match self.0.tokens.get(place) {
            Some(Token::Number(number, _)) => {
                rows_max = Some(number.parse().map_err(|_| malformed("the number of rows"))?);
                place += 1;
            }
            _ if self.is(place, "all") => {
                rows_max = None;
                place += 1;
            }
            Some(Token::Minus) => return Err(backwards()),
            _ if ["backward", "prior", "first", "last", "absolute", "relative"]
                .iter()
                .any(|word| self.is(place, word)) =>
            {
                return Err(backwards());
            }
            _ => {}
        }
        if self.is(place, "from") || self.is(place, "in") {
            place += 1;
        }
        Ok(Command::Fetch { name: self.name(place)?, rows_max, is_move })
    }
}

fn backwards() -> Problem {
    Problem::new("55000", "a cursor goes forward: FETCH FORWARD, FETCH ALL")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::pieces;

    fn of(sql: &str) -> Result<Option<Command>, Problem> {
        Command::of(&pieces(sql)[0])
    }

    #[test]
    fn what_clients_say_is_understood() {
        let set =
            |name: &str, value: Option<&str>| Command::Set { name: name.to_owned(), value: value.map(str::to_owned) };
        for (sql, expected) in [
            ("SET extra_float_digits = 3", set("extra_float_digits", Some("3"))),
            ("set session client_encoding to 'UTF8'", set("client_encoding", Some("UTF8"))),
            ("SET search_path = \"$user\", public", set("search_path", Some("$user, public"))),
            ("SET LOCAL TIME ZONE 'Europe/Berlin'", set("TimeZone", Some("Europe/Berlin"))),
            ("SET x.y TO DEFAULT", set("x.y", None)),
            ("RESET statement_timeout", set("statement_timeout", None)),
            ("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", Command::Accept("SET")),
            ("SHOW TRANSACTION ISOLATION LEVEL", Command::Show("transaction_isolation".to_owned())),
            ("show search_path", Command::Show("search_path".to_owned())),
            ("BEGIN READ ONLY", Command::Begin("BEGIN")),
            ("START TRANSACTION ISOLATION LEVEL REPEATABLE READ", Command::Begin("START TRANSACTION")),
            ("ROLLBACK TO SAVEPOINT a", Command::RollbackToSavepoint),
            ("ABORT", Command::Rollback { chain: false }),
            ("COMMIT AND CHAIN", Command::Commit { chain: true }),
            ("END AND NO CHAIN", Command::Commit { chain: false }),
            ("DISCARD ALL", Command::Discard),
            ("DISCARD TEMPORARY", Command::Accept("DISCARD TEMP")),
            ("SET SESSION AUTHORIZATION DEFAULT", Command::Accept("SET")),
            ("DEALLOCATE \"_pg3_0\"", Command::Deallocate(Some("_pg3_0".to_owned()))),
            ("DEALLOCATE PREPARE ALL", Command::Deallocate(None)),
            ("CLOSE ALL", Command::CloseCursor(None)),
            (
                "DECLARE \"c\" NO SCROLL CURSOR WITH HOLD FOR SELECT 1",
                Command::Declare { name: "c".to_owned(), outlives: true, sql: "SELECT 1".to_owned(), before: 43 },
            ),
            ("FETCH FORWARD 100 FROM c", Command::Fetch { name: "c".to_owned(), rows_max: Some(100), is_move: false }),
            ("FETCH c", Command::Fetch { name: "c".to_owned(), rows_max: Some(1), is_move: false }),
            ("MOVE ALL IN c", Command::Fetch { name: "c".to_owned(), rows_max: None, is_move: true }),
        ] {
            assert_eq!(of(sql), Ok(Some(expected)), "{sql}");
        }
    }

    #[test]
    fn queries_are_left_alone_and_the_rest_is_refused() {
        for sql in ["SELECT 1", "SHOW TABLES", "SHOW COLUMNS FROM events", "CALL x()", "CREATE TABLE a AS SELECT 1"] {
            assert_eq!(of(sql), Ok(None), "{sql}");
        }
        for sql in [
            "COPY events TO '/tmp/x'",
            "COPY events FROM STDIN",
            "PREPARE a AS SELECT 1",
            "SET",
            "SET x",
            "SET x = ",
            "SET x = (SELECT 1)",
            "SET SESSION AUTHORIZATION root",
            "FETCH BACKWARD c",
            "DECLARE c SCROLL CURSOR FOR SELECT 1",
            "DECLARE c INSENSITIVE SCROLL CURSOR FOR SELECT 1",
            "DECLARE c BINARY CURSOR FOR SELECT 1",
            "DO $$ x $$",
            "DISCARD",
            "LOAD 'x'",
        ] {
            assert!(of(sql).is_err(), "{sql}");
        }
    }
}
