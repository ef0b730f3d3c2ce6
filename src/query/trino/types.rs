//! Trino's types that the parser doesn't know: `json`, `array(…)`, `map(…, …)`, `row(…)`, `ipaddress`.

use std::fmt;

use datafusion::sql::sqlparser::ast::DataType;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

/// How deep types may be nested.
const NESTED_MAX: usize = 16;

/// The type of a cast.
pub(super) enum TrinoType {
    Json,
    IpAddress,
    Array(Box<TrinoType>),
    Map(Box<TrinoType>, Box<TrinoType>),
    Row(Vec<(Option<String>, TrinoType)>),
    Other(DataType),
}

/// As `json_as` takes it.
impl fmt::Display for TrinoType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrinoType::Json => f.write_str("json"),
            TrinoType::IpAddress => f.write_str("varchar"),
            TrinoType::Array(element) => write!(f, "array({element})"),
            TrinoType::Map(key, value) => write!(f, "map({key},{value})"),
            TrinoType::Row(fields) => {
                f.write_str("row(")?;
                for (at, (name, field)) in fields.iter().enumerate() {
                    let comma = if at > 0 { "," } else { "" };
                    match name {
                        Some(name) => write!(f, "{comma}\"{}\" {field}", name.replace('"', "\"\""))?,
                        None => write!(f, "{comma}{field}")?,
                    }
                }
                f.write_str(")")
            }
            TrinoType::Other(data_type) => write!(f, "{}", data_type.to_string().to_lowercase()),
        }
    }
}

/// Reads a type.
pub(super) fn type_name(parser: &mut Parser) -> Result<TrinoType, ParserError> {
    nested(parser, NESTED_MAX)
}

fn nested(parser: &mut Parser, depth: usize) -> Result<TrinoType, ParserError> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(ParserError::ParserError(format!("a type is nested more than {NESTED_MAX} deep")));
    };
    let Token::Word(word) = &parser.peek_token_ref().token else {
        return Ok(TrinoType::Other(parser.parse_data_type()?));
    };
    let name = word.value.to_ascii_lowercase();
    let has_arguments = parser.peek_nth_token_ref(1).token == Token::LParen;
    match (name.as_str(), has_arguments) {
        ("json", false) => {
            parser.advance_token();
            Ok(TrinoType::Json)
        }
        ("ipaddress", false) => {
            parser.advance_token();
            Ok(TrinoType::IpAddress)
        }
        ("array", true) => {
            parser.advance_token();
            parser.expect_token(&Token::LParen)?;
            let element = nested(parser, depth)?;
            parser.expect_token(&Token::RParen)?;
            Ok(TrinoType::Array(Box::new(element)))
        }
        ("map", true) => {
            parser.advance_token();
            parser.expect_token(&Token::LParen)?;
            let key = nested(parser, depth)?;
            parser.expect_token(&Token::Comma)?;
            let value = nested(parser, depth)?;
            parser.expect_token(&Token::RParen)?;
            Ok(TrinoType::Map(Box::new(key), Box::new(value)))
        }
        ("row", true) => {
            parser.advance_token();
            parser.expect_token(&Token::LParen)?;
            let fields = parser.parse_comma_separated(|parser| field(parser, depth))?;
            parser.expect_token(&Token::RParen)?;
            Ok(TrinoType::Row(fields))
        }
        _ => Ok(TrinoType::Other(parser.parse_data_type()?)),
    }
}

/// `name type`, or a type alone.
fn field(parser: &mut Parser, depth: usize) -> Result<(Option<String>, TrinoType), ParserError> {
    // `double precision`, `timestamp with time zone` are types of several words.
    let is_type_of_words = matches!(&parser.peek_nth_token_ref(1).token,
        Token::Word(word) if matches!(word.keyword, Keyword::PRECISION | Keyword::WITH | Keyword::WITHOUT | Keyword::VARYING));
    let is_named = matches!(parser.peek_nth_token_ref(1).token, Token::Word(_)) && !is_type_of_words;
    let name = match is_named {
        true => {
            let name = parser.parse_identifier()?;
            Some(if name.quote_style.is_some() { name.value } else { name.value.to_lowercase() })
        }
        false => None,
    };
    Ok((name, nested(parser, depth)?))
}
