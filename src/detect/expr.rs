//! What a rule asks of an event, as a condition over `events`.

use datafusion::error::Result;
use datafusion::functions::expr_fn::{date_part, lower};
use datafusion::logical_expr::{BinaryExpr, Expr, Like, Operator, col, lit};

use super::field::{Field, Source};
use super::pattern::Pattern;
use super::predicate::{Predicate, Test};
use crate::query::call;
use crate::record::schema::{ADDITIONAL_FIELDS, COLUMNS, Column, EMPTY_FIELDS, Kind};

/// Texts of one field from which on they are looked up in a set.
const SET_MIN: usize = 16;

/// The condition. It is true where the rule is met, and false or NULL elsewhere.
pub(super) fn condition(predicate: &Predicate) -> Result<Expr> {
    expr(predicate, false)
}

/// `is_negated`: whether a `NOT` is around it, so that what an event lacks must be false and not NULL.
fn expr(predicate: &Predicate, is_negated: bool) -> Result<Expr> {
    let sides = |sides: &[Predicate], operator| {
        let sides = sides.iter().map(|side| expr(side, is_negated)).collect::<Result<Vec<_>>>()?;
        Ok(balanced(sides, operator))
    };
    match predicate {
        Predicate::Always(value) => Ok(lit(*value)),
        Predicate::Not(inner) => Ok(Expr::Not(Box::new(expr(inner, true)?))),
        Predicate::All(inner) => sides(inner, Operator::And),
        Predicate::Any(inner) => sides(inner, Operator::Or),
        Predicate::Test(test) => {
            let (condition, is_known) = asked(&test.0, &test.1)?;
            Ok(if is_negated && !is_known { condition.is_true() } else { condition })
        }
    }
}

/// A tree that is no deeper than it must be: rules may list thousands of values.
pub(super) fn balanced(mut sides: Vec<Expr>, operator: Operator) -> Expr {
    match sides.len() {
        0 => lit(operator == Operator::And),
        1 => sides.pop().unwrap_or_else(|| lit(false)),
        count => {
            let behind = sides.split_off(count / 2);
            let (left, right) = (balanced(sides, operator), balanced(behind, operator));
            Expr::BinaryExpr(BinaryExpr::new(Box::new(left), operator, Box::new(right)))
        }
    }
}

/// The condition of a test, and whether it is never NULL.
fn asked(field: &Field, test: &Test) -> Result<(Expr, bool)> {
    match (&field.source, test) {
        (Source::Column(column), Test::Exists) => Ok((exists(column), false)),
        (Source::Column(column), Test::Null) => Ok((col(column.name).is_null(), true)),
        (Source::Column(column), Test::Text { patterns, is_cased }) => text_of(column, patterns, *is_cased),
        (Source::Column(column), Test::Regex(texts)) => {
            let value = column_text(column)?;
            let each = texts.iter().map(|text| found(value.clone(), text));
            Ok((balanced(each.collect(), Operator::Or), false))
        }
        (Source::Column(column), Test::Cidr(networks)) if is_text(column) => {
            let each = networks.iter().map(|network| call("cidr_contains", vec![lit(network), col(column.name)]));
            Ok((balanced(each.collect::<Result<_>>()?, Operator::Or), false))
        }
        (Source::Column(column), Test::Number { part: Some(part), operator, numbers }) if column.kind == Kind::Time => {
            let value = date_part(lit(*part), col(column.name));
            let each = numbers.iter().map(|number| compared(value.clone(), operator, number));
            Ok((balanced(each.collect(), Operator::Or), false))
        }
        (Source::Json { column, path }, Test::Exists) if path.is_empty() => Ok((exists(column), false)),
        (_, Test::Exists) => Ok((texts_of(field)?.is_not_null(), true)),
        (_, Test::Null) => {
            let anything = call("any_text", vec![texts_of(field)?, lit("like"), lit("%")])?;
            Ok((Expr::Not(Box::new(anything)), true))
        }
        (_, Test::Text { patterns, is_cased }) => {
            let operator = if *is_cased { "like" } else { "ilike" };
            any_text(texts_of(field)?, operator, patterns.iter().map(Pattern::like))
        }
        (_, Test::Regex(texts)) => any_text(texts_of(field)?, "regex", texts.iter().cloned()),
        (_, Test::Cidr(networks)) => any_text(texts_of(field)?, "cidr", networks.iter().cloned()),
        (_, Test::Number { part, operator, numbers }) => {
            let texts = match part {
                Some(part) => call("date_parts", vec![texts_of(field)?, lit(*part)])?,
                None => texts_of(field)?,
            };
            any_text(texts, operator, numbers.iter().cloned())
        }
        (_, Test::Same { other, how, is_cased }) => {
            let how = if *is_cased { (*how).to_owned() } else { format!("i{how}") };
            Ok((call("any_same_text", vec![texts_of(field)?, texts_of(other)?, lit(how)])?, true))
        }
    }
}

fn any_text(texts: Expr, operator: &str, values: impl Iterator<Item = String>) -> Result<(Expr, bool)> {
    let arguments = [texts, lit(operator)].into_iter().chain(values.map(lit)).collect();
    Ok((call("any_text", arguments)?, true))
}

/// The texts of a field: those at its path, or the text of its column.
pub(super) fn texts_of(field: &Field) -> Result<Expr> {
    match &field.source {
        Source::Column(column) => column_text(column),
        Source::Json { column, path } => call("json_texts", vec![col(column.name), lit(path)]),
        Source::Additional => call("json_texts", vec![col(ADDITIONAL_FIELDS), lit(&field.name)]),
        Source::Record => {
            let record = call("event_json", COLUMNS.iter().map(|column| col(column.name)).collect())?;
            call("json_texts", vec![record, lit(&field.name)])
        }
    }
}

fn is_text(column: &Column) -> bool {
    !matches!(column.kind, Kind::Bool | Kind::BoolText | Kind::Time)
}

/// What a column holds, as CloudTrail spells it.
fn column_text(column: &Column) -> Result<Expr> {
    let value = col(column.name);
    match column.kind {
        Kind::Time => call("cloudtrail_time", vec![value]),
        Kind::Bool | Kind::BoolText => Ok(Expr::Case(datafusion::logical_expr::Case::new(
            Some(Box::new(value)),
            [true, false].map(|truth| (Box::new(lit(truth)), Box::new(lit(truth.to_string())))).into(),
            None,
        ))),
        _ => Ok(value),
    }
}

/// The field is there, null or not. `empty_fields` marks fields logged as null, and columns that have a value although
/// the record lacked the field.
fn exists(column: &Column) -> Expr {
    let marked = |what: &str| {
        let path = regex::escape(column.path);
        found(col(EMPTY_FIELDS), &format!("(^|,){path}={what}(,|$)")).is_true()
    };
    let has_value = col(column.name).is_not_null().and(Expr::Not(Box::new(marked("absent"))));
    has_value.or(marked("null"))
}

/// `value ~ 'regex'`.
fn found(value: Expr, regex: &str) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(value), Operator::RegexMatch, Box::new(lit(regex))))
}

fn compared(value: Expr, operator: &str, number: &str) -> Expr {
    let operator = match operator {
        "<" => Operator::Lt,
        "<=" => Operator::LtEq,
        ">" => Operator::Gt,
        ">=" => Operator::GtEq,
        _ => Operator::Eq,
    };
    // It was read as a number before.
    let number = lit(number.parse::<f64>().unwrap_or(f64::NAN));
    Expr::BinaryExpr(BinaryExpr::new(Box::new(value), operator, Box::new(number)))
}

/// A column that is one of these texts.
fn text_of(column: &Column, patterns: &[Pattern], is_cased: bool) -> Result<(Expr, bool)> {
    if matches!(column.kind, Kind::Bool | Kind::BoolText) {
        let [truth, untruth] = ["true", "false"].map(|text| patterns.iter().any(|one| one.matches(text, is_cased)));
        let value = col(column.name);
        return Ok(match (truth, untruth) {
            (true, true) => (value.is_not_null(), true),
            (true, false) => (value.is_true(), true),
            (false, true) => (value.is_false(), true),
            (false, false) => (lit(false), true),
        });
    }
    let value = column_text(column)?;
    if patterns.iter().any(Pattern::is_anything) {
        return Ok((value.is_not_null(), true));
    }
    let (mut exact, mut caseless, mut like) = (Vec::new(), Vec::new(), Vec::new());
    for pattern in patterns {
        match pattern.plain() {
            Some(text) if is_cased || pattern.has_no_case() => exact.push(lit(text)),
            Some(text) => caseless.push((text, pattern)),
            None => like.push(pattern),
        }
    }
    let mut sides = Vec::new();
    if caseless.len() < SET_MIN {
        like.extend(caseless.into_iter().map(|(_, pattern)| pattern));
    } else {
        let texts = caseless.into_iter().map(|(text, _)| lit(text.to_lowercase())).collect();
        sides.push(lower(value.clone()).in_list(texts, false));
    }
    match exact.len() {
        0 => {}
        1 => sides.extend(exact.pop().map(|text| value.clone().eq(text))),
        _ => sides.push(value.clone().in_list(exact, false)),
    }
    sides.extend(like.into_iter().map(|pattern| {
        Expr::Like(Like::new(false, Box::new(value.clone()), Box::new(lit(pattern.like())), Some('\\'), !is_cased))
    }));
    Ok((balanced(sides, Operator::Or), false))
}
