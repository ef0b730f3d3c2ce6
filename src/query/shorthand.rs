//! Shorthands of DuckDB that the grammar lacks, written out among the tokens of a statement, so that every error keeps
//! its place: `FROM events WHERE …` is `SELECT * FROM events WHERE …`, `SUMMARIZE events` is `SUMMARIZE SELECT * FROM
//! events`.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

/// The tokens of one statement.
pub(super) struct Tokens {
    /// The statement, shorthands written out.
    pub tokens: Vec<TokenWithSpan>,
    /// Whether its answer is to be summed up (`SUMMARIZE`).
    pub is_summarized: bool,
}

/// The statements of a text, empty ones left out.
pub(super) fn statements(tokens: Vec<TokenWithSpan>) -> Vec<Tokens> {
    let mut statements = Vec::new();
    let mut tokens = tokens.into_iter().peekable();
    while tokens.peek().is_some() {
        // What ends a statement belongs to it: errors at its end have a place then.
        let mut statement: Vec<TokenWithSpan> = Vec::new();
        for token in tokens.by_ref() {
            let is_end = token.token == Token::SemiColon;
            statement.push(token);
            if is_end {
                break;
            }
        }
        let is_empty =
            |token: &TokenWithSpan| matches!(token.token, Token::Whitespace(_) | Token::SemiColon | Token::EOF);
        if !statement.iter().all(is_empty) {
            statements.push(written_out(statement));
        }
    }
    statements
}

fn is_blank(token: &TokenWithSpan) -> bool {
    matches!(token.token, Token::Whitespace(_))
}

fn keyword(token: &TokenWithSpan) -> Option<Keyword> {
    match &token.token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.keyword),
        _ => None,
    }
}

fn is_word(token: &TokenWithSpan, wanted: &str) -> bool {
    matches!(&token.token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(wanted))
}

fn written_out(mut tokens: Vec<TokenWithSpan>) -> Tokens {
    let first = tokens.iter().position(|token| !is_blank(token)).unwrap_or_default();
    let is_summarized = tokens.get(first).is_some_and(|token| is_word(token, "summarize"));
    if is_summarized {
        tokens.drain(..=first);
        let next = tokens.iter().position(|token| !is_blank(token)).unwrap_or_default();
        let is_query = tokens.get(next).is_some_and(|token| {
            token.token == Token::LParen
                || matches!(
                    keyword(token),
                    Some(Keyword::SELECT | Keyword::WITH | Keyword::FROM | Keyword::VALUES | Keyword::TABLE)
                )
        });
        if !is_query && let Some(token) = tokens.get(next) {
            let before = ["SELECT", "*", "FROM"].map(|text| at(token, text));
            tokens.splice(next..next, before);
        }
    }
    Tokens { tokens: selects(parameters_named(tokens)), is_summarized }
}

/// A token where another one is.
fn at(place: &TokenWithSpan, text: &str) -> TokenWithSpan {
    let token = if text == "*" { Token::Mul } else { Token::make_keyword(text) };
    TokenWithSpan { token, span: place.span }
}

/// `denied_calls(from => '90d')`: `from` names a parameter there, which the grammar takes in quotes alone.
fn parameters_named(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let named = |place: usize| {
        let mut behind = tokens.iter().skip(place + 1).filter(|token| !is_blank(token));
        behind.next().is_some_and(|token| token.token == Token::RArrow)
    };
    let is_from = |token: &TokenWithSpan| keyword(token) == Some(Keyword::FROM);
    let places: Vec<usize> =
        (0..tokens.len()).filter(|place| tokens.get(*place).is_some_and(is_from) && named(*place)).collect();
    for place in places {
        if let Some(token) = tokens.get_mut(place) {
            token.token = Token::make_word("from", Some('"'));
        }
    }
    tokens
}

/// `SELECT *` before every `FROM` that begins a query without one.
fn selects(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let starts: Vec<bool> = (0..tokens.len()).map(|place| begins_query(&tokens, place)).collect();
    if !starts.contains(&true) {
        return tokens;
    }
    let mut out = Vec::with_capacity(tokens.len() + 8);
    for (token, is_start) in tokens.into_iter().zip(starts) {
        if is_start {
            out.extend([at(&token, "SELECT"), at(&token, "*")]);
        }
        out.push(token);
    }
    out
}

fn begins_query(tokens: &[TokenWithSpan], place: usize) -> bool {
    if tokens.get(place).and_then(keyword) != Some(Keyword::FROM) {
        return false;
    }
    let mut before = tokens.get(..place).unwrap_or_default().iter().rev().filter(|token| !is_blank(token));
    let is_begin = match before.next() {
        None => true,
        // `trim(FROM x)` is none.
        Some(token) if token.token == Token::LParen => !before.next().is_some_and(|token| is_word(token, "trim")),
        Some(token) => match keyword(token) {
            Some(Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT | Keyword::EXPLAIN | Keyword::ANALYZE) => true,
            // `CREATE VIEW v AS FROM t`; elsewhere `AS` names a column.
            Some(Keyword::AS) => {
                let first = tokens.iter().find(|token| !is_blank(token));
                first.and_then(keyword) == Some(Keyword::CREATE)
            }
            Some(Keyword::ALL | Keyword::DISTINCT) => {
                let set = before.next().and_then(keyword);
                matches!(set, Some(Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT))
            }
            _ => false,
        },
    };
    is_begin && !selects_behind(tokens.get(place..).unwrap_or_default())
}

/// Whether the query that begins here has its `SELECT` behind `FROM`.
fn selects_behind(tokens: &[TokenWithSpan]) -> bool {
    let mut depth = 0_usize;
    for token in tokens {
        match &token.token {
            Token::LParen => depth += 1,
            Token::RParen if depth == 0 => return false,
            Token::RParen => depth -= 1,
            Token::SemiColon if depth == 0 => return false,
            _ if depth == 0 => match keyword(token) {
                Some(Keyword::SELECT) => return true,
                Some(Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT) => return false,
                _ => {}
            },
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
    use datafusion::sql::sqlparser::tokenizer::Tokenizer;

    use super::*;

    fn written(sql: &str) -> Vec<String> {
        let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize_with_location().unwrap();
        let text = |statement: &Tokens| {
            let words = statement.tokens.iter().filter(|token| !is_blank(token)).map(|token| token.token.to_string());
            let words = words.collect::<Vec<_>>().join(" ");
            if statement.is_summarized { format!("SUM {words}") } else { words }
        };
        statements(tokens).iter().map(text).collect()
    }

    #[test]
    fn what_is_left_out_is_written_out() {
        for (sql, expected) in [
            ("FROM t", "SELECT * FROM t"),
            ("FROM t WHERE a IN (FROM u)", "SELECT * FROM t WHERE a IN ( SELECT * FROM u )"),
            ("FROM t SELECT a", "FROM t SELECT a"),
            ("SELECT 1 UNION ALL FROM t", "SELECT 1 UNION ALL SELECT * FROM t"),
            ("SELECT a IS DISTINCT FROM b FROM t", "SELECT a IS DISTINCT FROM b FROM t"),
            ("SELECT trim(FROM a), extract(day FROM b)", "SELECT trim ( FROM a ) , extract ( day FROM b )"),
            ("SHOW COLUMNS FROM t", "SHOW COLUMNS FROM t"),
            ("EXPLAIN FROM t", "EXPLAIN SELECT * FROM t"),
            ("CREATE VIEW v AS FROM t", "CREATE VIEW v AS SELECT * FROM t"),
            ("SELECT a AS FROM t", "SELECT a AS FROM t"),
            ("SUMMARIZE t", "SUM SELECT * FROM t"),
            ("summarize FROM t LIMIT 5", "SUM SELECT * FROM t LIMIT 5"),
            ("SUMMARIZE SELECT a FROM t", "SUM SELECT a FROM t"),
            ("WITH a AS (FROM t) FROM a", "WITH a AS ( SELECT * FROM t ) FROM a"),
        ] {
            assert_eq!(written(sql), [expected], "{sql}");
        }
        assert_eq!(written(" ; FROM t ;; SELECT 1; "), ["SELECT * FROM t ;", "SELECT 1 ;"]);
    }
}
