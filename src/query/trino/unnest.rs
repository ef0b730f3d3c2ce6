//! `CROSS JOIN UNNEST(list) AS u(entry)` in `FROM`: DataFusion unnests in the select list.
//!
//! `FROM t CROSS JOIN UNNEST(list) AS u(entry)` becomes `FROM (SELECT *, unnest(list) AS entry FROM t) AS t`. With several
//! columns the entries are taken apart: the members of a row, key and value of a map, several lists side by side, and the
//! number with `WITH ORDINALITY`.

use std::ops::ControlFlow;

use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, Join, JoinConstraint, JoinOperator, Select, SetExpr, Statement as SqlStatement, TableFactor,
    TableWithJoins, Value, VisitMut, VisitorMut,
};

use super::dialect::AnalystDialect;
use crate::query::walk::walk;

/// The alias of an unnested list, and its columns.
pub(super) struct Unnested {
    table: String,
    columns: Vec<String>,
}

/// Rewrites what a select unnests in `FROM`; gives the names that are gone.
pub(super) fn in_place(select: &mut Select) -> Vec<Unnested> {
    let mut gone = Vec::new();
    let from = &mut select.from;
    for tables in from.iter_mut() {
        if let Some((unnested, name)) = alone(&tables.relation) {
            tables.relation = unnested;
            gone.push(name);
        }
        while let Some(Join { relation: entries, join_operator, .. }) = tables.joins.first()
            && let Some(is_outer) = kind(join_operator)
            && let Some((unnested, name)) = unnested(&tables.relation, entries, is_outer)
        {
            tables.relation = unnested;
            tables.joins.remove(0);
            gone.push(name);
        }
    }
    while let [first, second, ..] = from.as_mut_slice()
        && first.joins.is_empty()
        && let Some((unnested, name)) = unnested(&first.relation, &second.relation, false)
    {
        first.relation = unnested;
        first.joins = std::mem::take(&mut second.joins);
        from.remove(1);
        gone.push(name);
    }
    rename(select, &gone);
    gone
}

/// A table of one row and of a column that nobody asks for.
const ONE_ROW: &str = "(SELECT 1 AS \"__one\")";

/// `FROM UNNEST(…) WITH ORDINALITY AS t(a, n)` with nothing before it, which DataFusion has without numbers alone.
fn alone(table: &TableFactor) -> Option<(TableFactor, Unnested)> {
    let TableFactor::UNNEST { with_ordinality: true, alias: Some(alias), .. } = table else { return None };
    let one = relation(&format!("SELECT 1 FROM {ONE_ROW} AS {}", alias.name))?;
    let (unnested, gone) = unnested(&one, table, false)?;
    let sql = format!("SELECT 1 FROM (SELECT * EXCLUDE (\"__one\") FROM {unnested}) AS {}", alias.name);
    Some((relation(&sql)?, gone))
}

/// The first table of a query.
fn relation(sql: &str) -> Option<TableFactor> {
    let dialect = AnalystDialect;
    let statement = DFParserBuilder::new(sql).with_dialect(&dialect).build().ok()?.parse_statement().ok()?;
    let Statement::Statement(statement) = statement else { return None };
    let SqlStatement::Query(query) = *statement else { return None };
    let SetExpr::Select(select) = *query.body else { return None };
    let TableWithJoins { relation, .. } = select.from.into_iter().next()?;
    Some(relation)
}

/// `u.entry` is `entry` now.
pub(super) fn rename<T: VisitMut>(what: &mut T, gone: &[Unnested]) {
    if !gone.is_empty() {
        let _ = walk(what, &mut Rename { gone });
    }
}

struct Rename<'a> {
    gone: &'a [Unnested],
}

impl VisitorMut for Rename<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::CompoundIdentifier(names) = expr
            && let [table, column, rest @ ..] = names.as_slice()
            && self.gone.iter().any(|gone| {
                gone.table.eq_ignore_ascii_case(&table.value)
                    && gone.columns.iter().any(|name| name.eq_ignore_ascii_case(&column.value))
            })
        {
            *expr = match rest {
                [] => Expr::Identifier(column.clone()),
                _ => Expr::CompoundIdentifier(names.iter().skip(1).cloned().collect()),
            };
        }
        ControlFlow::Continue(())
    }
}

/// Whether rows without entries stay, of a join that may unnest.
fn kind(operator: &JoinOperator) -> Option<bool> {
    let is_true = |constraint: &JoinConstraint| match constraint {
        JoinConstraint::On(Expr::Value(value)) => value.value == Value::Boolean(true),
        JoinConstraint::None => true,
        _ => false,
    };
    match operator {
        JoinOperator::CrossJoin(_) => Some(false),
        JoinOperator::Join(constraint) | JoinOperator::Inner(constraint) if is_true(constraint) => Some(false),
        JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) if is_true(constraint) => Some(true),
        _ => None,
    }
}

fn unnested(table: &TableFactor, entries: &TableFactor, is_outer: bool) -> Option<(TableFactor, Unnested)> {
    let TableFactor::UNNEST { alias: Some(alias), array_exprs, with_offset: false, with_ordinality, .. } = entries
    else {
        return None;
    };
    let name = match table {
        TableFactor::Table { alias: Some(alias), .. } | TableFactor::Derived { alias: Some(alias), .. } => {
            alias.name.to_string()
        }
        TableFactor::Table { name, .. } => name.0.last()?.to_string(),
        _ => return None,
    };
    let columns: Vec<Ident> = match alias.columns.as_slice() {
        [] => vec![alias.name.clone()],
        columns => columns.iter().map(|column| column.name.clone()).collect(),
    };
    let unnest = if is_outer { "unnest_outer" } else { "unnest" };
    let list = match array_exprs.as_slice() {
        [list] => list.to_string(),
        lists => format!("arrays_zip({})", lists.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
    };
    let sql = match (columns.as_slice(), with_ordinality) {
        ([entry], false) => format!("SELECT 1 FROM (SELECT *, {unnest}({list}) AS {entry} FROM {table}) AS {name}"),
        (columns, with_ordinality) => {
            let list = match (columns.len(), with_ordinality) {
                (2, true) => format!("numbered({list})"),
                (_, true) => format!("numbered_entries(entries({list}))"),
                (_, false) => format!("entries({list})"),
            };
            // A name of its own, so that several can stand in one `FROM`.
            let row = format!("__{}", columns.first()?.value.to_lowercase());
            let fields = columns.iter().enumerate();
            let fields: Vec<String> =
                fields.map(|(at, column)| format!("field_at(\"{row}\", {}) AS {column}", at + 1)).collect();
            let fields = fields.join(", ");
            format!(
                "SELECT 1 FROM (SELECT * EXCLUDE (\"{row}\"), {fields} FROM \
                 (SELECT *, {unnest}({list}) AS \"{row}\" FROM {table}) AS {name}) AS {name}"
            )
        }
    };
    let gone = Unnested {
        table: alias.name.value.clone(),
        columns: columns.iter().map(|column| column.value.clone()).collect(),
    };
    Some((relation(&sql)?, gone))
}
