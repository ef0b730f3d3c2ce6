//! Functions that DataFusion has under another name or with another meaning, as expressions of those that it has.
//!
//! `docs/functions.md` compares the meaning of every function with Trino's; a test keeps the two together.

use std::ops::ControlFlow;

use datafusion::sql::parser::DFParserBuilder;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CaseWhen, Expr, Function, FunctionArgumentClause, FunctionArguments, Value, VisitorMut,
};

use super::dialect::AnalystDialect;
use super::expr::{arguments, call as built, grouped, literal, name_of};
use crate::query::walk::walk;

/// Functions by name and number of arguments, and what they are here. `_1` is the first argument.
/// Source of what they mean: <https://trino.io/docs/current/functions.html>; of those that DuckDB names so:
/// <https://duckdb.org/docs/stable/sql/functions/overview>.
#[rustfmt::skip]
pub(super) const FUNCTIONS: &[(&str, usize, &str)] = &[
    // Times.
    ("year", 1, "date_part('year', _1)"),
    ("quarter", 1, "date_part('quarter', _1)"),
    ("month", 1, "date_part('month', _1)"),
    ("week", 1, "date_part('week', _1)"),
    ("week_of_year", 1, "date_part('week', _1)"),
    ("day", 1, "date_part('day', _1)"),
    ("day_of_month", 1, "date_part('day', _1)"),
    ("day_of_week", 1, DAY_OF_WEEK),
    ("dow", 1, DAY_OF_WEEK),
    ("day_of_year", 1, "date_part('doy', _1)"),
    ("doy", 1, "date_part('doy', _1)"),
    ("year_of_week", 1, "CAST(to_char(_1, '%G') AS BIGINT)"),
    ("yow", 1, "CAST(to_char(_1, '%G') AS BIGINT)"),
    ("hour", 1, "date_part('hour', _1)"),
    ("minute", 1, "date_part('minute', _1)"),
    ("second", 1, "date_part('second', _1)"),
    ("millisecond", 1, "(date_part('millisecond', _1) % 1000)"),
    ("date", 1, "CAST(_1 AS DATE)"),
    ("last_day_of_month", 1, "CAST(date_trunc('month', _1) + INTERVAL '1 month' - INTERVAL '1 day' AS DATE)"),
    ("from_unixtime", 2, "at_timezone(from_unixtime(_1), _2)"),
    ("current_timezone", 0, "'UTC'"),
    ("epoch", 1, "to_unixtime(_1)"),
    ("epoch_ms", 1, "from_unixtime(_1 / 1000.0)"),
    ("today", 0, "current_date()"),
    // Conditions.
    ("if", 2, "CASE WHEN _1 THEN _2 END"),
    ("if", 3, "CASE WHEN _1 THEN _2 ELSE _3 END"),
    // Aggregates.
    ("count_if", 1, "count(CASE WHEN _1 THEN 1 END)"),
    ("arbitrary", 1, "any_value(_1)"),
    ("every", 1, "bool_and(_1)"),
    ("max_by", 2, "last_value(_1 ORDER BY _2 ASC NULLS FIRST) FILTER (WHERE _2 IS NOT NULL)"),
    ("min_by", 2, "first_value(_1 ORDER BY _2 ASC NULLS LAST) FILTER (WHERE _2 IS NOT NULL)"),
    ("max", 2, "array_slice(array_sort(array_agg(_1) FILTER (WHERE _1 IS NOT NULL), 'DESC', 'NULLS LAST'), 1, _2)"),
    ("min", 2, "array_slice(array_sort(array_agg(_1) FILTER (WHERE _1 IS NOT NULL), 'ASC', 'NULLS LAST'), 1, _2)"),
    ("approx_percentile", 2, "approx_percentile_cont(_1, _2)"),
    ("approx_percentile", 3, "approx_percentile_cont_with_weight(_1, _2, _3)"),
    ("map_agg", 2, "map_of_lists(array_agg(_1), array_agg(_2))"),
    ("histogram", 1, "histogram_of_list(array_agg(_1))"),
    ("bitwise_and_agg", 1, "bit_and(_1)"),
    ("bitwise_or_agg", 1, "bit_or(_1)"),
    ("geometric_mean", 1, "exp(avg(ln(_1)))"),
    ("list", 1, "array_agg(_1)"),
    // Text.
    ("codepoint", 1, "ascii(_1)"),
    ("replace", 2, "replace(_1, _2, '')"),
    ("ltrim", 1, "ltrim(_1, E' \\t\\n\\r\\u000b\\u000c')"),
    ("rtrim", 1, "rtrim(_1, E' \\t\\n\\r\\u000b\\u000c')"),
    ("levenshtein_distance", 2, "levenshtein(_1, _2)"),
    ("to_base64", 1, "encode(_1, 'base64pad')"),
    ("from_base64", 1, "decode(_1, 'base64pad')"),
    ("to_hex", 1, "upper(encode(_1, 'hex'))"),
    ("from_hex", 1, "decode(lower(_1), 'hex')"),
    ("to_utf8", 1, "arrow_cast(_1, 'Binary')"),
    ("from_utf8", 1, "arrow_cast(_1, 'Utf8')"),
    ("string_split", 2, "split(_1, _2)"),
    ("regexp_matches", 2, "regexp_like(_1, _2)"),
    // Numbers.
    ("mod", 2, "(_1 % _2)"),
    ("sign", 1, "signum(_1)"),
    ("truncate", 1, "trunc(_1)"),
    ("truncate", 2, "trunc(_1, _2)"),
    ("rand", 0, "random()"),
    ("is_nan", 1, "isnan(_1)"),
    ("is_infinite", 1, "(abs(_1) = CAST('Infinity' AS DOUBLE))"),
    ("is_finite", 1, "(abs(_1) < CAST('Infinity' AS DOUBLE))"),
    ("infinity", 0, "CAST('Infinity' AS DOUBLE)"),
    ("nan", 0, "CAST('NaN' AS DOUBLE)"),
    ("e", 0, "exp(1)"),
    ("bitwise_and", 2, "(_1 & _2)"),
    ("bitwise_or", 2, "(_1 | _2)"),
    ("bitwise_xor", 2, "(_1 # _2)"),
    // JSON.
    ("json_format", 1, "_1"),
    // Lists and maps.
    ("array_position", 2,
        "CASE WHEN _1 IS NULL OR _2 IS NULL THEN NULL ELSE coalesce(CAST(array_position(_1, _2) AS BIGINT), 0) END"),
    ("array_remove", 2, "array_remove_all(_1, _2)"),
    ("array_sort", 1, "array_sort(_1, 'ASC', 'NULLS LAST')"),
    ("array_join", 2, "array_to_string(_1, _2)"),
    ("array_join", 3, "array_to_string(_1, _2, _3)"),
    ("arrays_overlap", 2, ARRAYS_OVERLAP),
    ("list_contains", 2, "contains(_1, _2)"),
    ("slice", 3,
        "CASE WHEN list_place(_2) > 0 THEN array_slice(_1, _2, _2 + list_count(_3) - 1) \
         WHEN cardinality(_1) + _2 < 0 THEN array_slice(_1, 1, 0) \
         ELSE array_slice(_1, cardinality(_1) + _2 + 1, cardinality(_1) + _2 + list_count(_3)) END"),
    ("zip", 2, "arrays_zip(_1, _2)"),
    ("zip", 3, "arrays_zip(_1, _2, _3)"),
    // Lambdas.
    ("transform", 2, "array_transform(_1, _2)"),
    ("filter", 2, "array_filter(_1, _2)"),
    ("none_match", 2, "(NOT array_any_match(_1, _2))"),
    // Addresses.
    ("is_subnet_of", 2, "cidr_contains(_1, _2)"),
];

/// Unknown where they have nothing in common and one of them holds something unknown; of an empty one nothing is
/// unknown.
const ARRAYS_OVERLAP: &str = "CASE WHEN _1 IS NULL OR _2 IS NULL THEN NULL \
     WHEN cardinality(_1) = 0 OR cardinality(_2) = 0 THEN false \
     WHEN array_has_any(array_filter(_1, x -> x IS NOT NULL), array_filter(_2, x -> x IS NOT NULL)) THEN true \
     WHEN array_any_match(_1, x -> x IS NULL) OR array_any_match(_2, x -> x IS NULL) THEN NULL ELSE false END";

/// Monday is 1 and Sunday 7.
pub(super) const DAY_OF_WEEK: &str = "CAST(to_char(_1, '%u') AS BIGINT)";

/// The call in our spelling, where it has another one.
pub(super) fn respelled(call: &Function) -> Option<Expr> {
    let name = name_of(call);
    let given = arguments(call)?;
    match (name.as_str(), given.as_slice()) {
        ("concat", [first, rest @ ..]) if !rest.is_empty() => return Some(concatenated(first, rest)),
        ("greatest" | "least", [_, _, ..]) => return Some(unless_unknown(call, &given)),
        ("listagg", [_] | [_, _]) => return listagg(call, &given),
        ("approx_percentile", [value, Expr::Array(percentages)]) => {
            let one =
                |percentage: &Expr| template("approx_percentile_cont(_1, _2)", &[value.clone(), percentage.clone()]);
            let each: Option<Vec<Expr>> = percentages.elem.iter().map(one).collect();
            return Some(built("make_array", each?));
        }
        ("from_json", [json, Expr::Value(value)]) => {
            let Value::SingleQuotedString(shape) = &value.value else { return None };
            return Some(built("json_as", vec![json.clone(), literal(&duckdb_shape(shape)?)]));
        }
        _ => {}
    }
    let (_, _, sql) = FUNCTIONS.iter().find(|(n, arguments, _)| *n == name && *arguments == given.len())?;
    let FunctionArguments::List(list) = &call.args else { return None };
    let is_plain = call.within_group.is_empty() && list.duplicate_treatment.is_none() && list.clauses.is_empty();
    if !is_plain {
        return None;
    }
    let mut expr = template(sql, &given)?;
    if call.filter.is_some() || call.over.is_some() {
        let Expr::Function(inner) = &mut expr else { return None };
        narrow(inner, call)?;
    }
    Some(expr)
}

/// What stands behind a call, `FILTER` and `OVER`, behind the one that takes its place.
fn narrow(inner: &mut Function, call: &Function) -> Option<()> {
    // An aggregate within another function would be narrowed in vain.
    let is_aggregate = [
        "count",
        "any_value",
        "bool_and",
        "last_value",
        "first_value",
        "approx_percentile_cont",
        "approx_percentile_cont_with_weight",
        "bit_and",
        "bit_or",
        "array_agg",
    ];
    if !is_aggregate.contains(&name_of(inner).as_str()) {
        return None;
    }
    inner.filter = match (inner.filter.take(), call.filter.clone()) {
        (Some(own), Some(given)) => {
            let nested = |expr: Box<Expr>| Box::new(Expr::Nested(expr));
            Some(Box::new(Expr::BinaryOp { left: nested(own), op: BinaryOperator::And, right: nested(given) }))
        }
        (own, given) => own.or(given),
    };
    inner.over.clone_from(&call.over);
    Some(())
}

/// `concat(a, b)` as `a || b`: unknown where a part is.
fn concatenated(first: &Expr, rest: &[Expr]) -> Expr {
    let joined = rest.iter().fold(grouped(first.clone()), |left, right| Expr::BinaryOp {
        left: Box::new(left),
        op: BinaryOperator::StringConcat,
        right: Box::new(grouped(right.clone())),
    });
    Expr::Nested(Box::new(joined))
}

/// `greatest(a, b)`: unknown where one of them is.
fn unless_unknown(call: &Function, given: &[Expr]) -> Expr {
    let unknown = given.iter().map(|argument| Expr::IsNull(Box::new(grouped(argument.clone()))));
    let any = unknown.reduce(|left, right| Expr::BinaryOp {
        left: Box::new(left),
        op: BinaryOperator::Or,
        right: Box::new(right),
    });
    let Some(condition) = any else { return Expr::Function(call.clone()) };
    Expr::Case {
        case_token: datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken::empty(),
        end_token: datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen { condition, result: Expr::Value(Value::Null.into()) }],
        else_result: Some(Box::new(Expr::Function(call.clone()))),
    }
}

/// `listagg(x, ', ') WITHIN GROUP (ORDER BY y)` as `string_agg(x, ', ' ORDER BY y)`.
fn listagg(listagg: &Function, given: &[Expr]) -> Option<Expr> {
    let FunctionArguments::List(list) = &listagg.args else { return None };
    let separator = given.get(1).cloned().unwrap_or_else(|| literal(""));
    let Expr::Function(mut aggregate) = built("string_agg", vec![given.first()?.clone(), separator]) else {
        return None;
    };
    if let FunctionArguments::List(arguments) = &mut aggregate.args {
        arguments.duplicate_treatment = list.duplicate_treatment;
        if !listagg.within_group.is_empty() {
            arguments.clauses.push(FunctionArgumentClause::OrderBy(listagg.within_group.clone()));
        }
    }
    aggregate.filter.clone_from(&listagg.filter);
    aggregate.over.clone_from(&listagg.over);
    Some(Expr::Function(aggregate))
}

/// The shapes of DuckDB's `from_json` that are lists.
fn duckdb_shape(shape: &str) -> Option<String> {
    let element = shape.trim().strip_prefix("[\"")?.strip_suffix("\"]")?;
    Some(format!("array({})", element.to_lowercase()))
}

/// The template with its places filled.
pub(super) fn template(sql: &str, arguments: &[Expr]) -> Option<Expr> {
    let dialect = AnalystDialect;
    let mut expr = DFParserBuilder::new(sql).with_dialect(&dialect).build().ok()?.parse_expr().ok()?.expr;
    let _ = walk(&mut expr, &mut Fill { arguments });
    Some(expr)
}

struct Fill<'a> {
    arguments: &'a [Expr],
}

impl VisitorMut for Fill<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Identifier(name) = expr
            && let Some(argument) = place(&name.value).and_then(|place| self.arguments.get(place))
        {
            *expr = grouped(argument.clone());
        }
        ControlFlow::Continue(())
    }
}

/// `_1` is place 0.
fn place(name: &str) -> Option<usize> {
    name.strip_prefix('_')?.parse::<usize>().ok()?.checked_sub(1)
}
