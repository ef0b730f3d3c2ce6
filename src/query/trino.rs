//! Spellings of Athena (Trino) that DataFusion's planner doesn't read, rewritten to those that it does.

use std::ops::ControlFlow;

use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Join, JoinOperator, Select,
    SetExpr, Statement as SqlStatement, TableFactor, TableWithJoins, Value, VisitMut, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;

use super::functions::EVENT_ARGUMENTS;

/// Functions by name and number of arguments, and what they are here. `{1}` is the first argument.
/// Source of what they mean: <https://trino.io/docs/current/functions.html>
const FUNCTIONS: &[(&str, usize, &str)] = &[
    ("year", 1, "date_part('year', {1})"),
    ("quarter", 1, "date_part('quarter', {1})"),
    ("month", 1, "date_part('month', {1})"),
    ("week", 1, "date_part('week', {1})"),
    ("day", 1, "date_part('day', {1})"),
    ("day_of_week", 1, "CAST(to_char({1}, '%u') AS BIGINT)"),
    ("hour", 1, "date_part('hour', {1})"),
    ("minute", 1, "date_part('minute', {1})"),
    ("second", 1, "date_part('second', {1})"),
    ("date", 1, "CAST({1} AS DATE)"),
    ("if", 2, "CASE WHEN {1} THEN {2} END"),
    ("if", 3, "CASE WHEN {1} THEN {2} ELSE {3} END"),
    ("try", 1, "{1}"),
    ("count_if", 1, "count(CASE WHEN {1} THEN 1 END)"),
    ("arbitrary", 1, "first_value({1})"),
    ("any_value", 1, "first_value({1})"),
    ("max_by", 2, "last_value({1} ORDER BY {2} ASC NULLS FIRST)"),
    ("min_by", 2, "first_value({1} ORDER BY {2} ASC NULLS LAST)"),
    ("approx_percentile", 2, "approx_percentile_cont({1}, {2})"),
    ("regexp_extract", 2, "array_element(regexp_match({1}, concat('(', {2}, ')')), 1)"),
    ("regexp_extract", 3, "array_element(regexp_match({1}, concat('(', {2}, ')')), {3} + 1)"),
    ("split", 2, "string_to_array({1}, {2})"),
    ("typeof", 1, "arrow_typeof({1})"),
    ("json_array_length", 1, "json_length({1})"),
    ("json_parse", 1, "{1}"),
    ("json_format", 1, "{1}"),
];

/// Rewrites a statement in place.
pub(super) fn adapt(statement: &mut Statement) {
    match statement {
        Statement::Statement(statement) => {
            // The visitor never breaks off.
            let _ = statement.visit(&mut Adapt);
        }
        Statement::Explain(explain) => adapt(&mut explain.statement),
        _ => {}
    }
}

struct Adapt;

impl VisitorMut for Adapt {
    type Break = ();

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        unnest_in_place(&mut select.from);
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::CompoundFieldAccess { root, access_chain } => field_names(root, access_chain),
            Expr::Function(call) => {
                whole_event(call);
                if let Some(other) = function(expr) {
                    *expr = other;
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// `resources[1].arn`, `element_at(resources, 1).arn`: behind anything but names a field's name has to be a text.
fn field_names(root: &Expr, chain: &mut [AccessExpr]) {
    let is_name = matches!(root, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
    let first =
        if !is_name { Some(0) } else { chain.iter().position(|access| matches!(access, AccessExpr::Subscript(_))) };
    for access in chain.iter_mut().skip(first.unwrap_or(usize::MAX)) {
        if let AccessExpr::Dot(Expr::Identifier(name)) = access {
            let name = if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() };
            *access = AccessExpr::Dot(Expr::Value(Value::SingleQuotedString(name).into()));
        }
    }
}

/// `FROM t CROSS JOIN UNNEST(list) AS u(entry)`, also with a comma: DataFusion unnests in the select list,
/// `FROM (SELECT *, unnest(list) AS entry FROM t) AS t`.
fn unnest_in_place(from: &mut Vec<TableWithJoins>) {
    for tables in from.iter_mut() {
        while let Some(Join { relation: entries, join_operator: JoinOperator::CrossJoin(_), .. }) = tables.joins.first()
            && let Some(unnested) = unnested(&tables.relation, entries)
        {
            tables.relation = unnested;
            tables.joins.remove(0);
        }
    }
    while let [first, second, ..] = from.as_mut_slice()
        && first.joins.is_empty()
        && let Some(unnested) = unnested(&first.relation, &second.relation)
    {
        first.relation = unnested;
        first.joins = std::mem::take(&mut second.joins);
        from.remove(1);
    }
}

fn unnested(table: &TableFactor, entries: &TableFactor) -> Option<TableFactor> {
    let TableFactor::UNNEST { alias: Some(alias), array_exprs, with_offset: false, with_ordinality: false, .. } =
        entries
    else {
        return None;
    };
    let entry = match alias.columns.as_slice() {
        [] => &alias.name,
        [column] => &column.name,
        _ => return None,
    };
    let [list] = array_exprs.as_slice() else { return None };
    let name = match table {
        TableFactor::Table { alias: Some(alias), .. } | TableFactor::Derived { alias: Some(alias), .. } => {
            alias.name.to_string()
        }
        TableFactor::Table { name, .. } => name.0.last()?.to_string(),
        _ => return None,
    };
    let sql = format!("SELECT 1 FROM (SELECT *, unnest({list}) AS {entry} FROM {table}) AS {name}");
    let Statement::Statement(statement) =
        DFParser::parse_sql_with_dialect(&sql, &PostgreSqlDialect {}).ok()?.pop_front()?
    else {
        return None;
    };
    let SqlStatement::Query(query) = *statement else { return None };
    let SetExpr::Select(select) = *query.body else { return None };
    Some(select.from.into_iter().next()?.relation)
}

/// `iam_actions(*)`, `iam_actions(e.*)`: the columns of `events` that it looks at.
fn whole_event(call: &mut Function) {
    let FunctionArguments::List(list) = &mut call.args else { return };
    let prefix = match list.args.as_slice() {
        [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)] => None,
        [FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(table))] => Some(table.clone()),
        _ => return,
    };
    if !call.name.to_string().eq_ignore_ascii_case("iam_actions") {
        return;
    }
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

/// The call in our spelling, where it has another one and is a plain call.
fn function(expr: &Expr) -> Option<Expr> {
    let Expr::Function(call) = expr else { return None };
    let FunctionArguments::List(list) = &call.args else { return None };
    let is_plain = call.filter.is_none()
        && call.over.is_none()
        && call.within_group.is_empty()
        && list.duplicate_treatment.is_none()
        && list.clauses.is_empty();
    let name = call.name.to_string().to_lowercase();
    let (_, _, template) = FUNCTIONS.iter().find(|(n, arguments, _)| *n == name && *arguments == list.args.len())?;
    if !is_plain {
        return None;
    }
    let mut arguments = Vec::new();
    for argument in &list.args {
        let FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)) = argument else { return None };
        arguments.push(argument.to_string());
    }
    Some(DFParser::parse_sql_into_expr_with_dialect(&fill(template, &arguments), &PostgreSqlDialect {}).ok()?.expr)
}

/// The template with its places filled; what an argument says is not looked at.
fn fill(template: &str, arguments: &[String]) -> String {
    let mut sql = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        sql.push_str(before);
        let Some((place, behind)) = after.split_once('}') else { break };
        let argument = place.parse::<usize>().ok().and_then(|number| arguments.get(number.checked_sub(1)?));
        sql.push_str(argument.map_or("", String::as_str));
        rest = behind;
    }
    sql.push_str(rest);
    sql
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapted(sql: &str) -> String {
        let mut statement = DFParser::parse_sql_with_dialect(sql, &PostgreSqlDialect {}).unwrap().pop_front().unwrap();
        adapt(&mut statement);
        statement.to_string()
    }

    #[test]
    fn spellings() {
        for (athena, ours) in [
            ("SELECT resources[1].arn", "SELECT resources[1].'arn'"),
            ("SELECT a.b.c[2].D.\"E\"", "SELECT a.b.c[2].'d'.'E'"),
            ("SELECT year(date(x))", "SELECT date_part('year', CAST(x AS DATE))"),
            ("SELECT IF(a = '{2}', 1, 0)", "SELECT CASE WHEN a = '{2}' THEN 1 ELSE 0 END"),
            ("SELECT count_if(x) FILTER (WHERE y)", "SELECT count_if(x) FILTER (WHERE y)"),
            (
                "SELECT 1 FROM logs CROSS JOIN UNNEST(resources) AS t(r), UNNEST(tags) g",
                "SELECT 1 FROM (SELECT *, unnest(tags) AS g FROM (SELECT *, unnest(resources) AS r FROM logs) AS logs) AS logs",
            ),
            ("SELECT 1 FROM a CROSS JOIN b", "SELECT 1 FROM a CROSS JOIN b"),
            ("EXPLAIN SELECT split(x, ',')[1]", "EXPLAIN SELECT string_to_array(x, ',')[1]"),
        ] {
            assert_eq!(adapted(athena), ours);
        }
    }
}
