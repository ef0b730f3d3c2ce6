//! The dialect that queries are written in: PostgreSQL's, and what Trino and DuckDB add to it that a parser has to know.
//!
//! `CAST(x AS array(json))` and lambdas are read here. An arrow is a lambda only among the arguments of the functions that
//! take one: elsewhere `request_parameters -> 'key'` reaches into JSON.

use std::any::TypeId;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, CastKind, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident,
    LambdaFunction, LambdaFunctionParameter, LambdaSyntax, ObjectName, OneOrManyWithParens, Subscript, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::{Dialect, PostgreSqlDialect, Precedence};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

use super::expr::{call, literal};
use super::types::{TrinoType, type_name};
use crate::query::walk::walk;

/// Functions of which an argument may be a lambda.
pub(in crate::query) const TAKE_LAMBDAS: &[&str] = &[
    "all_match",
    "any_match",
    "array_any_match",
    "array_filter",
    "array_transform",
    "filter",
    "list_filter",
    "list_transform",
    "map_filter",
    "none_match",
    "reduce",
    "transform",
    "transform_keys",
    "transform_values",
    "zip_with",
];

/// PostgreSQL's dialect with these additions.
#[derive(Debug)]
pub(in crate::query) struct AnalystDialect;

const POSTGRES: PostgreSqlDialect = PostgreSqlDialect {};

/// What PostgreSQL's dialect answers.
macro_rules! as_postgres {
    ($($name:ident),* $(,)?) => { $(fn $name(&self) -> bool { POSTGRES.$name() })* };
}

impl Dialect for AnalystDialect {
    /// The parser asks for dialects by their types.
    fn dialect(&self) -> TypeId {
        TypeId::of::<PostgreSqlDialect>()
    }

    fn parse_prefix(&self, parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
        let Token::Word(word) = &parser.peek_token_ref().token else { return None };
        if word.quote_style.is_some() {
            return None;
        }
        let name = word.value.to_ascii_lowercase();
        if let ("ipaddress" | "ipprefix", Token::SingleQuotedString(_)) =
            (name.as_str(), &parser.peek_nth_token_ref(1).token)
        {
            return Some(typed_address(parser, &name));
        }
        if parser.peek_nth_token_ref(1).token != Token::LParen {
            return None;
        }
        match name.as_str() {
            "cast" => Some(cast(parser, CastKind::Cast)),
            "try_cast" => Some(cast(parser, CastKind::TryCast)),
            name if TAKE_LAMBDAS.contains(&name) => Some(call_with_lambdas(parser)),
            _ => None,
        }
    }

    /// The parser takes `a IS DISTINCT FROM b AND c` for `a IS DISTINCT FROM (b AND c)`.
    fn parse_infix(&self, parser: &mut Parser, expr: &Expr, precedence: u8) -> Option<Result<Expr, ParserError>> {
        let is = |parser: &Parser, at: usize, keyword: Keyword| matches!(&parser.peek_nth_token_ref(at).token, Token::Word(word) if word.keyword == keyword);
        let negated = is(parser, 1, Keyword::NOT);
        let at = 1 + usize::from(negated);
        let is_distinct =
            is(parser, 0, Keyword::IS) && is(parser, at, Keyword::DISTINCT) && is(parser, at + 1, Keyword::FROM);
        if !is_distinct {
            return None;
        }
        (0..at + 2).for_each(|_| parser.advance_token());
        let left = Box::new(expr.clone());
        Some(parser.parse_subexpr(precedence).map(|right| match negated {
            true => Expr::IsNotDistinctFrom(left, Box::new(right)),
            false => Expr::IsDistinctFrom(left, Box::new(right)),
        }))
    }

    fn identifier_quote_style(&self, identifier: &str) -> Option<char> {
        POSTGRES.identifier_quote_style(identifier)
    }

    fn is_delimited_identifier_start(&self, letter: char) -> bool {
        POSTGRES.is_delimited_identifier_start(letter)
    }

    fn is_identifier_start(&self, letter: char) -> bool {
        POSTGRES.is_identifier_start(letter)
    }

    fn is_identifier_part(&self, letter: char) -> bool {
        POSTGRES.is_identifier_part(letter)
    }

    fn is_reserved_for_identifier(&self, keyword: Keyword) -> bool {
        POSTGRES.is_reserved_for_identifier(keyword)
    }

    fn is_custom_operator_part(&self, letter: char) -> bool {
        POSTGRES.is_custom_operator_part(letter)
    }

    fn get_next_precedence(&self, parser: &Parser) -> Option<Result<u8, ParserError>> {
        POSTGRES.get_next_precedence(parser)
    }

    fn prec_value(&self, precedence: Precedence) -> u8 {
        POSTGRES.prec_value(precedence)
    }

    /// `FROM events SELECT event_name`, as DuckDB has it.
    fn supports_from_first_select(&self) -> bool {
        true
    }

    as_postgres!(
        supports_unicode_string_literal,
        supports_filter_during_aggregation,
        supports_group_by_expr,
        allow_extract_custom,
        allow_extract_single_quotes,
        supports_create_index_with_clause,
        supports_explain_with_utility_options,
        supports_listen_notify,
        supports_factorial_operator,
        supports_bitwise_shift_operators,
        supports_comment_on,
        supports_load_extension,
        supports_named_fn_args_with_colon_operator,
        supports_named_fn_args_with_expr_name,
        supports_empty_projections,
        supports_nested_comments,
        supports_string_escape_constant,
        supports_numeric_literal_underscores,
        supports_array_typedef_with_brackets,
        supports_geometric_types,
        supports_set_names,
        supports_alter_column_type_using,
        supports_notnull_operator,
        supports_interval_options,
        supports_insert_table_alias,
        supports_create_table_like_parenthesized,
        supports_select_wildcard_with_alias,
        supports_comma_separated_trim,
        supports_xml_expressions,
        supports_comment_optimizer_hint,
    );

    /// `SELECT a, b, FROM t`: DuckDB takes it.
    fn supports_trailing_commas(&self) -> bool {
        true
    }

    /// `SELECT * EXCLUDE (a)`: DuckDB's.
    fn supports_select_wildcard_exclude(&self) -> bool {
        true
    }
}

/// `IPADDRESS '10.0.0.1'`, `IPPREFIX '10.0.0.0/8'`.
fn typed_address(parser: &mut Parser, name: &str) -> Result<Expr, ParserError> {
    parser.advance_token();
    let value = parser.parse_value()?;
    Ok(if name == "ipaddress" { call("ip_address", vec![Expr::Value(value)]) } else { Expr::Value(value) })
}

/// `CAST(x AS type)`, the type in Trino's words or in any that the parser knows.
fn cast(parser: &mut Parser, kind: CastKind) -> Result<Expr, ParserError> {
    parser.advance_token();
    parser.expect_token(&Token::LParen)?;
    let expr = parser.parse_expr()?;
    parser.expect_keyword_is(Keyword::AS)?;
    let cast = match type_name(parser)? {
        TrinoType::Other(data_type) => Expr::Cast { kind, expr: Box::new(expr), data_type, array: false, format: None },
        TrinoType::Json => call("to_json", vec![expr]),
        TrinoType::IpAddress => call("ip_address", vec![expr]),
        nested => call("json_as", vec![expr, literal(&nested.to_string())]),
    };
    parser.expect_token(&Token::RParen)?;
    Ok(cast)
}

fn call_with_lambdas(parser: &mut Parser) -> Result<Expr, ParserError> {
    let name = parser.parse_identifier()?;
    parser.expect_token(&Token::LParen)?;
    let mut args = Vec::new();
    while parser.peek_token_ref().token != Token::RParen {
        let argument = lambda(parser)?;
        args.push(FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)));
        if !parser.consume_token(&Token::Comma) {
            break;
        }
    }
    parser.expect_token(&Token::RParen)?;
    let list = FunctionArgumentList { duplicate_treatment: None, args, clauses: Vec::new() };
    Ok(Expr::Function(Function {
        name: ObjectName::from(vec![name]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(list),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    }))
}

/// `x -> …`, `(x, y) -> …`, or any other expression.
fn lambda(parser: &mut Parser) -> Result<Expr, ParserError> {
    let is_word = |parser: &Parser, at: usize| matches!(parser.peek_nth_token_ref(at).token, Token::Word(_));
    let is = |parser: &Parser, at: usize, token: &Token| parser.peek_nth_token_ref(at).token == *token;
    if is_word(parser, 0) && is(parser, 1, &Token::Arrow) {
        let name = parser.parse_identifier()?;
        return body(parser, OneOrManyWithParens::One(parameter(name)));
    }
    // `(x, y, …) ->`: words and commas up to the bracket.
    let mut at = 1;
    while is_word(parser, at) && is(parser, at + 1, &Token::Comma) {
        at += 2;
    }
    let is_list = is(parser, 0, &Token::LParen)
        && is_word(parser, at)
        && is(parser, at + 1, &Token::RParen)
        && is(parser, at + 2, &Token::Arrow);
    if !is_list {
        return parser.parse_expr();
    }
    parser.advance_token();
    let names = parser.parse_comma_separated(Parser::parse_identifier)?;
    parser.expect_token(&Token::RParen)?;
    let mut parameters: Vec<LambdaFunctionParameter> = names.into_iter().map(parameter).collect();
    let parameters = match parameters.len() {
        1 => OneOrManyWithParens::One(parameters.remove(0)),
        _ => OneOrManyWithParens::Many(parameters),
    };
    body(parser, parameters)
}

fn parameter(name: Ident) -> LambdaFunctionParameter {
    LambdaFunctionParameter { name, data_type: None }
}

fn body(parser: &mut Parser, params: OneOrManyWithParens<LambdaFunctionParameter>) -> Result<Expr, ParserError> {
    parser.expect_token(&Token::Arrow)?;
    let mut body = Box::new(parser.parse_expr()?);
    let names = match &params {
        OneOrManyWithParens::One(parameter) => std::slice::from_ref(parameter),
        OneOrManyWithParens::Many(parameters) => parameters.as_slice(),
    };
    let _ = walk(&mut *body, &mut MembersOf { parameters: names });
    Ok(Expr::Lambda(LambdaFunction { params, body, syntax: LambdaSyntax::Arrow }))
}

/// `r.arn` where `r` is a lambda's parameter: the planner takes it for a column of a table `r`, but for `r['arn']` as it is
/// meant.
struct MembersOf<'a> {
    parameters: &'a [LambdaFunctionParameter],
}

impl VisitorMut for MembersOf<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let Expr::CompoundIdentifier(names) = expr else { return ControlFlow::Continue(()) };
        let [root, members @ ..] = names.as_slice() else { return ControlFlow::Continue(()) };
        let is_parameter =
            self.parameters.iter().any(|parameter| parameter.name.value.eq_ignore_ascii_case(&root.value));
        if is_parameter {
            let folded = |name: &Ident| match name.quote_style {
                Some(_) => name.value.clone(),
                None => name.value.to_lowercase(),
            };
            let member = |name: &Ident| AccessExpr::Subscript(Subscript::Index { index: literal(&folded(name)) });
            let access_chain = members.iter().map(member).collect();
            *expr = Expr::CompoundFieldAccess { root: Box::new(Expr::Identifier(root.clone())), access_chain };
        }
        ControlFlow::Continue(())
    }
}
