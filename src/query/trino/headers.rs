//! Names for the columns of an answer: `max(user_agent)` as it was written, `arn` for `useridentity.arn`.

use std::collections::HashMap;

use datafusion::sql::sqlparser::ast::{Expr, Ident, OrderByKind, Query, Select, SelectItem, SetExpr};

/// A name that is longer is cut.
const NAME_MAX_CHARS: usize = 80;

/// Names what a query leaves unnamed. Run before anything is rewritten.
pub(super) fn name(query: &mut Query) {
    let Some(select) = leftmost(&mut query.body) else { return };
    let named = name_items(select);
    let is_distinct = select.distinct.is_some();
    // What is ordered by has to be among what is distinct: by the name that it has there now.
    if is_distinct
        && let Some(order_by) = &mut query.order_by
        && let OrderByKind::Expressions(expressions) = &mut order_by.kind
    {
        for ordered in expressions {
            if let Some(name) = named.get(&ordered.expr.to_string()) {
                ordered.expr = Expr::Identifier(name.clone());
            }
        }
    }
}

/// The select that gives a query its names.
fn leftmost(body: &mut SetExpr) -> Option<&mut Select> {
    match body {
        SetExpr::Select(select) => Some(select),
        SetExpr::Query(query) => leftmost(&mut query.body),
        SetExpr::SetOperation { left, .. } => leftmost(left),
        _ => None,
    }
}

/// Names items; gives the names of what they are.
fn name_items(select: &mut Select) -> HashMap<String, Ident> {
    let has_wildcard = select
        .projection
        .iter()
        .any(|item| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(_, _)));
    // How often each short name would stand there.
    let mut counts: HashMap<String, usize> = HashMap::new();
    for item in &select.projection {
        *counts.entry(short_name(item)).or_default() += 1;
    }
    let mut taken: HashMap<String, usize> = HashMap::new();
    let mut named = HashMap::new();
    for item in &mut select.projection {
        let short = short_name(item);
        let SelectItem::UnnamedExpr(expr) = item else {
            taken.insert(short, 1);
            continue;
        };
        if matches!(expr, Expr::Identifier(_)) {
            taken.insert(short, 1);
            continue;
        }
        if has_wildcard && matches!(expr, Expr::CompoundIdentifier(_)) {
            // Beside `*` a short name may be another column's.
            continue;
        }
        let is_shared = counts.get(&short).is_some_and(|count| *count > 1);
        let wanted = if is_shared { cut(&expr.to_string()) } else { short };
        let times = taken.entry(wanted.clone()).or_default();
        *times += 1;
        let name = if *times > 1 { format!("{wanted} {times}") } else { wanted };
        let alias = Ident::with_quote('"', name);
        named.insert(expr.to_string(), alias.clone());
        *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
    }
    named
}

fn short_name(item: &SelectItem) -> String {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => folded(alias),
        SelectItem::UnnamedExpr(expr) => match expr {
            Expr::Identifier(name) => folded(name),
            Expr::CompoundIdentifier(names) => names.last().map(folded).unwrap_or_default(),
            other => cut(&other.to_string()),
        },
        other => other.to_string(),
    }
}

/// The name as the planner takes it.
fn folded(name: &Ident) -> String {
    if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= NAME_MAX_CHARS {
        return text.to_owned();
    }
    text.chars().take(NAME_MAX_CHARS - 1).chain(['…']).collect()
}
