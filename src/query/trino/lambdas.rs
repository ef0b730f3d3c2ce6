//! Lambdas that DataFusion lacks, by those that it has: `all_match`, and those over maps and over two lists.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Function, Ident, LambdaFunction, LambdaFunctionParameter, LambdaSyntax, OneOrManyWithParens, UnaryOperator,
    VisitorMut,
};

use super::expr::{arguments, call, grouped, name_of};
use crate::query::walk::walk;

/// The call by other lambdas.
pub(super) fn by_others(function: &Function) -> Option<Expr> {
    let given = arguments(function)?;
    match (name_of(function).as_str(), given.as_slice()) {
        ("all_match", [list, Expr::Lambda(lambda)]) => {
            let negated = Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(grouped((*lambda.body).clone())) };
            let lambda = Expr::Lambda(LambdaFunction { body: Box::new(negated), ..lambda.clone() });
            let some_do_not = call("array_any_match", vec![list.clone(), lambda]);
            let none = Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(some_do_not) };
            Some(Expr::Nested(Box::new(none)))
        }
        ("map_filter", [map, Expr::Lambda(lambda)]) => {
            let kept = call("array_filter", vec![entries(map), over_entry(lambda, &lambda.body)?]);
            Some(call("map_from_entries", vec![kept]))
        }
        ("transform_values", [map, Expr::Lambda(lambda)]) => {
            let values = call("array_transform", vec![entries(map), over_entry(lambda, &lambda.body)?]);
            Some(call("map_of_lists", vec![call("map_keys", vec![map.clone()]), values]))
        }
        ("transform_keys", [map, Expr::Lambda(lambda)]) => {
            let keys = call("array_transform", vec![entries(map), over_entry(lambda, &lambda.body)?]);
            Some(call("map_of_lists", vec![keys, call("map_values", vec![map.clone()])]))
        }
        ("zip_with", [first, second, Expr::Lambda(lambda)]) => {
            let pairs = call("pairs", vec![first.clone(), second.clone()]);
            Some(call("array_transform", vec![pairs, over_entry(lambda, &lambda.body)?]))
        }
        _ => None,
    }
}

fn entries(map: &Expr) -> Expr {
    call("entries", vec![map.clone()])
}

/// A lambda of two parameters as one of an entry with members `key` and `value`.
fn over_entry(lambda: &LambdaFunction, body: &Expr) -> Option<Expr> {
    let OneOrManyWithParens::Many(parameters) = &lambda.params else { return None };
    let [key, value] = parameters.as_slice() else { return None };
    // A name that nobody gives, so that nothing else is meant by it.
    let entry = Ident::new("__entry");
    let mut body = body.clone();
    let mut members = Members { key: &key.name, value: &value.name, entry: &entry };
    let _ = walk(&mut body, &mut members);
    Some(Expr::Lambda(LambdaFunction {
        params: OneOrManyWithParens::One(LambdaFunctionParameter { name: entry.clone(), data_type: None }),
        body: Box::new(body),
        syntax: LambdaSyntax::Arrow,
    }))
}

struct Members<'a> {
    key: &'a Ident,
    value: &'a Ident,
    entry: &'a Ident,
}

impl VisitorMut for Members<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let is = |name: &Ident, other: &Ident| name.value.eq_ignore_ascii_case(&other.value);
        let member = |place: &str| {
            let place = Expr::Value(datafusion::sql::sqlparser::ast::Value::Number(place.to_owned(), false).into());
            call("field_at", vec![Expr::Identifier(self.entry.clone()), place])
        };
        match expr {
            Expr::Identifier(name) if is(name, self.key) => *expr = member("1"),
            Expr::Identifier(name) if is(name, self.value) => *expr = member("2"),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
