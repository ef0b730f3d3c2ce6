//! One way through sqlparser's syntax trees, for whoever changes them.
//!
//! The parser compiles a walk of its own for each type of visitor, some 400 KiB of code. Here all visitors go by one.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, ObjectName, Query, Select, Statement, TableFactor, ValueWithSpan, VisitMut, VisitorMut,
};

/// A visitor that may break off.
pub type Visiting<'a> = dyn VisitorMut<Break = ()> + 'a;

/// Visits a tree.
pub fn walk<T: VisitMut>(tree: &mut T, visitor: &mut Visiting<'_>) -> ControlFlow<()> {
    tree.visit(&mut Any(visitor))
}

/// Visits every expression of a tree, inner ones first.
pub fn each_expression<T: VisitMut>(tree: &mut T, mut visit: impl FnMut(&mut Expr)) {
    let _ = walk(tree, &mut Each(&mut visit));
}

struct Each<'a>(&'a mut dyn FnMut(&mut Expr));

impl VisitorMut for Each<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        (self.0)(expr);
        ControlFlow::Continue(())
    }
}

struct Any<'a, 'b>(&'a mut Visiting<'b>);

/// Hands each node on.
macro_rules! hand_on {
    ($($name:ident: $node:ty),*) => {
        impl VisitorMut for Any<'_, '_> {
            type Break = ();

            $(fn $name(&mut self, node: &mut $node) -> ControlFlow<()> {
                self.0.$name(node)
            })*
        }
    };
}

hand_on!(
    pre_visit_query: Query,
    post_visit_query: Query,
    pre_visit_select: Select,
    post_visit_select: Select,
    pre_visit_relation: ObjectName,
    post_visit_relation: ObjectName,
    pre_visit_table_factor: TableFactor,
    post_visit_table_factor: TableFactor,
    pre_visit_expr: Expr,
    post_visit_expr: Expr,
    pre_visit_statement: Statement,
    post_visit_statement: Statement,
    pre_visit_value: ValueWithSpan,
    post_visit_value: ValueWithSpan
);
