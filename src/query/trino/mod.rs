//! SQL as Athena's, CloudTrail Lake's and Tailpipe's analysts write it, in the words of DataFusion's planner.
//!
//! `dialect` and `types` read what PostgreSQL's grammar lacks, `tables` finds what a table's name stands for; then
//! `headers` names the columns of the answer, and the expressions are rewritten: `functions` and `lambdas` by name,
//! `attempt` is `try`, `patterns` are those of `LIKE`, `unnest` moves lists out of `FROM`.
//!
//! Trino's meaning wins where it differs from DataFusion's: `docs/functions.md` has them side by side.

mod attempt;
pub(super) mod dialect;
mod expr;
mod functions;
mod headers;
mod lambdas;
mod patterns;
mod tables;
mod types;
mod unnest;

use std::ops::ControlFlow;

use datafusion::sql::parser::{CopyToSource, Statement};
use datafusion::sql::sqlparser::ast::{
    AccessExpr, BinaryOperator, CastKind, CharacterLength, DataType, DateTimeField, Expr, Function, FunctionArg,
    FunctionArgExpr, FunctionArguments, Ident, OrderByKind, Query, Select, SetExpr, Statement as SqlStatement,
    TypedString, Value, VisitorMut,
};

use self::expr::{call, literal, name_of, number};
use super::functions::EVENT_ARGUMENTS;
use crate::query::walk::walk;

pub(super) use tables::{LAKE, resolve, stores_named};

/// The names of functions that are rewritten.
pub(super) fn rewritten() -> impl Iterator<Item = &'static str> {
    functions::FUNCTIONS.iter().map(|(name, _, _)| *name)
}

/// Rewrites a statement in place.
pub(super) fn adapt(statement: &mut Statement) {
    match statement {
        Statement::Statement(statement) => {
            match statement.as_mut() {
                SqlStatement::Query(query) => headers::name(query),
                SqlStatement::CreateView(view) => headers::name(&mut view.query),
                SqlStatement::CreateTable(table) => table.query.iter_mut().for_each(|query| headers::name(query)),
                _ => {}
            }
            // The visitor never breaks off.
            let _ = walk(statement.as_mut(), &mut Adapt::default());
        }
        Statement::Explain(explain) => adapt(&mut explain.statement),
        Statement::CopyTo(copy) => {
            if let CopyToSource::Query(query) = &mut copy.source {
                headers::name(query);
                let _ = walk(query.as_mut(), &mut Adapt::default());
            }
        }
        _ => {}
    }
}

#[derive(Default)]
struct Adapt {
    /// Lists that were moved out of `FROM`, of the query that is being left.
    gone: Vec<unnest::Unnested>,
}

impl VisitorMut for Adapt {
    type Break = ();

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        self.gone.extend(unnest::in_place(select));
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        // Names in `ORDER BY`: those of the select itself are changed with it.
        if let (SetExpr::Select(_), Some(order_by)) = (query.body.as_ref(), &mut query.order_by)
            && let OrderByKind::Expressions(expressions) = &mut order_by.kind
        {
            expressions.iter_mut().for_each(|expr| unnest::rename(expr, &self.gone));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Some(argument) = attempt::argument(expr) {
            *expr = argument;
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Some(other) = respelled(expr) {
            *expr = other;
        }
        ControlFlow::Continue(())
    }
}

/// What takes an expression's place.
fn respelled(expr: &mut Expr) -> Option<Expr> {
    match expr {
        Expr::CompoundFieldAccess { root, access_chain } => {
            field_names(root, access_chain);
            None
        }
        Expr::Function(call) => {
            whole_event(call);
            lambdas::by_others(call).or_else(|| functions::respelled(call))
        }
        Expr::Identifier(name) if name.quote_style.is_none() && name.value.eq_ignore_ascii_case("localtimestamp") => {
            Some(call("now", Vec::new()))
        }
        Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. } => {
            patterns::escape(pattern, escape_char);
            None
        }
        Expr::Substring { expr, substring_from, substring_for, .. } => {
            let from = substring_from.as_deref().cloned().unwrap_or_else(|| number("1"));
            let mut given = vec![(**expr).clone(), from];
            given.extend(substring_for.as_deref().cloned());
            Some(call("substr", given))
        }
        Expr::Trim { trim_where, trim_what: None, expr, trim_characters: None } => {
            use datafusion::sql::sqlparser::ast::TrimWhereField::{Both, Leading, Trailing};
            let name = match trim_where {
                Some(Leading) => "ltrim",
                Some(Trailing) => "rtrim",
                Some(Both) | None => "btrim",
            };
            let white = literal(" \t\n\r\u{b}\u{c}");
            Some(call(name, vec![(**expr).clone(), white]))
        }
        Expr::Extract { field, expr, .. } => extracted(field, expr),
        // A time without a zone is UTC's, as elsewhere here; in PostgreSQL it would be the named zone's.
        Expr::AtTimeZone { timestamp, time_zone } => {
            Some(call("at_timezone", vec![(**timestamp).clone(), (**time_zone).clone()]))
        }
        Expr::Cast { kind, expr, data_type, .. } => cast(kind, expr, data_type),
        Expr::TypedString(TypedString { data_type, value, .. }) => typed(data_type, &value.value),
        Expr::BinaryOp { left, op, right } => binary(left, op, right),
        Expr::Between { expr, negated, low, high } => {
            let is_address = [&expr, &low, &high].into_iter().any(|side| is_address(side));
            is_address.then(|| Expr::Between {
                expr: Box::new(in_order(expr)),
                negated: *negated,
                low: Box::new(in_order(low)),
                high: Box::new(in_order(high)),
            })
        }
        _ => None,
    }
}

/// `EXTRACT(DOW FROM t)`: as `day_of_week(t)`.
fn extracted(field: &DateTimeField, expr: &Expr) -> Option<Expr> {
    let name = match field {
        DateTimeField::Dow | DateTimeField::DayOfWeek => "day_of_week",
        DateTimeField::DayOfYear => "day_of_year",
        DateTimeField::Custom(name) => match name.value.to_lowercase().as_str() {
            "day_of_week" => "day_of_week",
            "day_of_year" => "day_of_year",
            "day_of_month" => "day_of_month",
            "week_of_year" => "week_of_year",
            "year_of_week" | "yow" => "year_of_week",
            _ => return None,
        },
        _ => return None,
    };
    let Expr::Function(call) = call(name, vec![expr.clone()]) else { return None };
    functions::respelled(&call)
}

/// Casts of which DataFusion means something else: numbers are rounded, text has its length, JSON loses its quotes.
fn cast(kind: &CastKind, expr: &Expr, data_type: &DataType) -> Option<Expr> {
    let same = |expr: Expr, data_type: &DataType| Expr::Cast {
        kind: kind.clone(),
        expr: Box::new(expr),
        data_type: data_type.clone(),
        array: false,
        format: None,
    };
    match data_type {
        DataType::TinyInt(_)
        | DataType::SmallInt(_)
        | DataType::Int(_)
        | DataType::Integer(_)
        | DataType::BigInt(_)
        | DataType::Int2(_)
        | DataType::Int4(_)
        | DataType::Int8(_) => {
            let is_literal = matches!(expr, Expr::Value(value) if !matches!(value.value, Value::Number(..)));
            (!is_literal).then(|| same(call("whole", vec![expr.clone()]), data_type))
        }
        DataType::Varchar(length) | DataType::CharacterVarying(length) => {
            let text = match is_json(expr) {
                true => call("json_text", vec![expr.clone()]),
                false => call("varchar", vec![expr.clone()]),
            };
            Some(match length {
                Some(CharacterLength::IntegerLength { length, .. }) => {
                    call("left", vec![text, number(&length.to_string())])
                }
                _ => text,
            })
        }
        DataType::Char(Some(CharacterLength::IntegerLength { length, .. }))
        | DataType::Character(Some(CharacterLength::IntegerLength { length, .. })) => {
            Some(call("rpad", vec![call("varchar", vec![expr.clone()]), number(&length.to_string())]))
        }
        DataType::Text | DataType::String(_) if is_json(expr) => Some(call("json_text", vec![expr.clone()])),
        DataType::Boolean | DataType::Double(_) | DataType::DoublePrecision | DataType::Real if is_json(expr) => {
            Some(same(call("json_text", vec![expr.clone()]), data_type))
        }
        _ => None,
    }
}

/// Whether an expression is JSON by what it calls.
fn is_json(expr: &Expr) -> bool {
    match expr {
        Expr::Function(call) => matches!(
            name_of(call).as_str(),
            "json_extract" | "json_parse" | "json_array_get" | "json_query" | "to_json"
        ),
        Expr::Nested(expr) => is_json(expr),
        _ => false,
    }
}

/// `JSON '…'`, `IPADDRESS '…'`.
fn typed(data_type: &DataType, value: &Value) -> Option<Expr> {
    let Value::SingleQuotedString(text) = value else { return None };
    match data_type {
        DataType::JSON => Some(call("json_parse", vec![literal(text)])),
        DataType::Timestamp(..) => zoned(text),
        DataType::Custom(name, _) => match name.to_string().to_lowercase().as_str() {
            "ipaddress" => Some(call("ip_address", vec![literal(text)])),
            "ipprefix" => Some(literal(text)),
            _ => None,
        },
        _ => None,
    }
}

/// `TIMESTAMP '2024-03-01 09:00:00 Europe/Berlin'`: a time in its zone.
fn zoned(text: &str) -> Option<Expr> {
    let behind = text.trim().get(10..)?.trim_start_matches(['T', 't']).trim_start();
    let zone = behind.find(|c: char| !matches!(c, '0'..='9' | ':' | '.')).and_then(|at| behind.get(at..))?.trim();
    let zone = if matches!(zone, "Z" | "z") { "UTC" } else { zone };
    let utc = call("arrow_cast", vec![literal(text), literal("Timestamp(Microsecond, Some(\"UTC\"))")]);
    (!zone.is_empty()).then(|| call("at_timezone", vec![utc, literal(zone)]))
}

fn binary(left: &Expr, op: &BinaryOperator, right: &Expr) -> Option<Expr> {
    use BinaryOperator::{Arrow, Eq, Gt, GtEq, LongArrow, Lt, LtEq, NotEq};
    match op {
        // DuckDB's: a key that begins with `$` is a path.
        Arrow if is_path(right) => Some(call("json_extract", vec![left.clone(), right.clone()])),
        LongArrow if is_path(right) => Some(call("json_extract_string", vec![left.clone(), right.clone()])),
        Arrow | LongArrow => keys(left, right, if *op == Arrow { "json_get" } else { "json_as_text" }),
        Lt | LtEq | Gt | GtEq if is_address(left) || is_address(right) => {
            Some(Expr::BinaryOp { left: Box::new(in_order(left)), op: op.clone(), right: Box::new(in_order(right)) })
        }
        // A JSON value beside a plain one is compared as its text.
        Eq | NotEq if is_arrow(left) => {
            Some(Expr::BinaryOp { left: Box::new(as_text(left)?), op: op.clone(), right: Box::new(plain_text(right)?) })
        }
        _ => None,
    }
}

/// The arrows in a row from which on they are one call: planning them one by one takes twice as long for each.
const ARROWS_MAX: usize = 4;

/// `x -> 'a' -> 'b' -> …` as one call with many keys.
fn keys(left: &Expr, last: &Expr, name: &str) -> Option<Expr> {
    if let Expr::Function(inner) = left
        && name_of(inner) == "json_get"
        && let Some(mut given) = expr::arguments(inner)
        && given.len() > ARROWS_MAX
    {
        given.push(last.clone());
        return Some(call(name, given));
    }
    let (mut keys, mut root) = (vec![last.clone()], left);
    while let Expr::BinaryOp { left, op: BinaryOperator::Arrow, right } = root {
        keys.push((**right).clone());
        root = left;
    }
    keys.push(root.clone());
    keys.reverse();
    (keys.len() > ARROWS_MAX + 1).then(|| call(name, keys))
}

fn is_path(key: &Expr) -> bool {
    matches!(key, Expr::Value(value)
        if matches!(&value.value, Value::SingleQuotedString(path) if path.starts_with("$.") || path.starts_with("$[")))
}

/// `x -> 'key'`, in whatever brackets.
fn is_arrow(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(expr) => is_arrow(expr),
        Expr::BinaryOp { op, .. } => *op == BinaryOperator::Arrow,
        _ => false,
    }
}

/// `x -> 'key'` as `x ->> 'key'`.
fn as_text(expr: &Expr) -> Option<Expr> {
    match expr {
        Expr::Nested(expr) => as_text(expr),
        Expr::BinaryOp { left, op: BinaryOperator::Arrow, right } => Some(Expr::Nested(Box::new(Expr::BinaryOp {
            left: left.clone(),
            op: BinaryOperator::LongArrow,
            right: right.clone(),
        }))),
        _ => None,
    }
}

fn plain_text(value: &Expr) -> Option<Expr> {
    let Expr::Value(value) = value else { return None };
    match &value.value {
        Value::Boolean(value) => Some(literal(if *value { "true" } else { "false" })),
        Value::Number(number, _) => Some(literal(&number.to_string())),
        _ => None,
    }
}

fn is_address(expr: &Expr) -> bool {
    match expr {
        Expr::Function(call) => name_of(call) == "ip_address",
        Expr::Nested(expr) => is_address(expr),
        _ => false,
    }
}

/// An address as a text that sorts as addresses do.
fn in_order(expr: &Expr) -> Expr {
    call("ip_order", vec![expr.clone()])
}

/// `resources[1].arn`, `element_at(resources, 1).arn`: behind anything but names a field's name has to be a text.
fn field_names(root: &Expr, chain: &mut [AccessExpr]) {
    let is_name = matches!(root, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
    let first =
        if !is_name { Some(0) } else { chain.iter().position(|access| matches!(access, AccessExpr::Subscript(_))) };
    for access in chain.iter_mut().skip(first.unwrap_or(usize::MAX)) {
        if let AccessExpr::Dot(Expr::Identifier(name)) = access {
            let name = if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() };
            *access = AccessExpr::Dot(literal(&name));
        }
    }
}

/// `iam_actions(*)`, `iam_actions(e.*)`: the columns of `events` that it looks at.
fn whole_event(call: &mut Function) {
    if name_of(call) != "iam_actions" {
        return;
    }
    let FunctionArguments::List(list) = &mut call.args else { return };
    let prefix = match list.args.as_slice() {
        [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)] => None,
        [FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(table))] => Some(table.clone()),
        _ => return,
    };
    let table: Vec<Ident> =
        prefix.iter().flat_map(|table| &table.0).filter_map(|part| part.as_ident().cloned()).collect();
    let column = |name: &&str| {
        let name = Ident::new(*name);
        let path = [table.as_slice(), std::slice::from_ref(&name)].concat();
        let column = if table.is_empty() { Expr::Identifier(name) } else { Expr::CompoundIdentifier(path) };
        FunctionArg::Unnamed(FunctionArgExpr::Expr(column))
    };
    list.args = EVENT_ARGUMENTS.iter().map(column).collect();
}

#[cfg(test)]
mod tests;
