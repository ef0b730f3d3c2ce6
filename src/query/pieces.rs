//! A text taken apart into its statements, before any of them is parsed: what a session does with `SET` or `BEGIN` is
//! for the session to say, not for the grammar of queries.

use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use super::trino::dialect::AnalystDialect;

/// One statement of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// The statement, without the semicolon.
    pub sql: String,
    /// Characters of the text that stand before it.
    pub before: usize,
    /// Its tokens, without blanks and comments; none where the text is no SQL.
    pub tokens: Vec<Token>,
    /// Where each of them ends, in characters of the statement.
    ends: Vec<usize>,
}

impl Piece {
    /// A word without quotes, in lower case; `None` behind the last token and where there is something else.
    pub fn word(&self, place: usize) -> Option<String> {
        match self.tokens.get(place)? {
            Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_lowercase()),
            _ => None,
        }
    }

    /// What stands behind a token, and the characters of the text before that.
    pub fn behind(&self, place: usize) -> (String, usize) {
        let end = self.ends.get(place).copied().unwrap_or_default();
        let text: String = self.sql.chars().skip(end).collect();
        let blank = text.chars().take_while(|c| c.is_whitespace()).count();
        (text.trim_start().to_owned(), self.before + end + blank)
    }
}

/// The statements of a text, in order, empty ones left out. A text that is no SQL is one statement: the parser says
/// what is wrong with it.
pub fn pieces(sql: &str) -> Vec<Piece> {
    let Ok(tokens) = Tokenizer::new(&AnalystDialect, sql).tokenize_with_location() else {
        return vec![Piece { sql: sql.to_owned(), before: 0, tokens: Vec::new(), ends: Vec::new() }];
    };
    let characters: Vec<char> = sql.chars().collect();
    let lines = line_begins(&characters);
    let mut pieces = Vec::new();
    for statement in tokens.split(|token| token.token == Token::SemiColon) {
        let told: Vec<&TokenWithSpan> = statement.iter().filter(|token| is_told(&token.token)).collect();
        let (Some(first), Some(last)) = (told.first(), told.last()) else { continue };
        let begin = offset(&lines, first.span.start);
        let end = offset(&lines, last.span.end).clamp(begin, characters.len());
        pieces.push(Piece {
            sql: characters.get(begin..end).unwrap_or_default().iter().collect(),
            before: begin,
            ends: told.iter().map(|token| offset(&lines, token.span.end).saturating_sub(begin)).collect(),
            tokens: told.into_iter().map(|token| token.token.clone()).collect(),
        });
    }
    pieces
}

fn is_told(token: &Token) -> bool {
    !matches!(token, Token::Whitespace(_) | Token::EOF)
}

/// Where lines begin, in characters.
fn line_begins(characters: &[char]) -> Vec<usize> {
    let ends = characters.iter().enumerate().filter(|(_, c)| **c == '\n').map(|(place, _)| place + 1);
    std::iter::once(0).chain(ends).collect()
}

/// A place in characters from 0 on.
fn offset(lines: &[usize], place: Location) -> usize {
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1);
    lines.get(number(place.line)).map_or(usize::MAX, |begin| begin.saturating_add(number(place.column)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_stand_between_semicolons() {
        let of = |sql: &str| -> Vec<(String, usize)> {
            pieces(sql).into_iter().map(|piece| (piece.sql, piece.before)).collect()
        };
        for (sql, expected) in [
            ("", vec![]),
            (" ;; -- nothing\n;", vec![]),
            ("SELECT 1", vec![("SELECT 1", 0)]),
            (
                "SELECT ';é' ; -- a;b\n  BEGIN;SELECT \"a;b\" /* ; */ + $$;$$ ",
                vec![("SELECT ';é'", 0), ("BEGIN", 23), ("SELECT \"a;b\" /* ; */ + $$;$$", 29)],
            ),
            ("SELECT 'open; SELECT 2", vec![("SELECT 'open; SELECT 2", 0)]),
        ] {
            let expected: Vec<(String, usize)> = expected.into_iter().map(|(sql, at)| (sql.to_owned(), at)).collect();
            assert_eq!(of(sql), expected, "{sql}");
        }
    }

    #[test]
    fn words_are_told_in_lower_case() {
        let piece = pieces("/* x */ Show \"Time\" zone").remove(0);
        assert_eq!((piece.word(0).as_deref(), piece.word(1), piece.word(3)), (Some("show"), None, None));
        assert_eq!(piece.word(2).as_deref(), Some("zone"));
    }
}
