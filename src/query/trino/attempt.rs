//! `try(x)`: `x`, or nothing where working it out fails.
//!
//! Three things fail in an expression: a cast, a division by zero, a function's argument. Casts become `TRY_CAST`, a divisor
//! of zero becomes unknown, and our own functions give NULL for arguments that they can't read.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{BinaryOperator, CastKind, Expr, Value, VisitorMut};

use super::expr::{arguments, call, grouped, name_of};
use crate::query::walk::walk;

/// What `try` is about, made to fail without an error.
pub(super) fn argument(expr: &Expr) -> Option<Expr> {
    let Expr::Function(function) = expr else { return None };
    if name_of(function) != "try" {
        return None;
    }
    let [argument] = <[Expr; 1]>::try_from(arguments(function)?).ok()?;
    let mut argument = grouped(argument);
    let _ = walk(&mut argument, &mut Attempt);
    Some(argument)
}

/// Functions that fail where a constant can't be read.
const READ: &[&str] = &["from_iso8601_timestamp", "from_iso8601_date", "date_parse", "parse_datetime"];

struct Attempt;

impl VisitorMut for Attempt {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Cast { kind: kind @ (CastKind::Cast | CastKind::DoubleColon), .. } => *kind = CastKind::TryCast,
            Expr::BinaryOp { op: BinaryOperator::Divide | BinaryOperator::Modulo, right, .. } => {
                let zero = Expr::Value(Value::Number("0".to_owned(), false).into());
                **right = call("nullif", vec![grouped((**right).clone()), zero]);
            }
            Expr::Function(function) if name_of(function) == "mod" => {
                if let Some([left, right]) = arguments(function).and_then(|given| <[Expr; 2]>::try_from(given).ok()) {
                    let zero = Expr::Value(Value::Number("0".to_owned(), false).into());
                    *expr = call("mod", vec![left, call("nullif", vec![right, zero])]);
                }
            }
            Expr::Function(function) if name_of(function) == "json_parse" => {
                if let Some(given) = arguments(function) {
                    *expr = call("try_json_parse", given);
                }
            }
            Expr::Function(function) if READ.contains(&name_of(function).as_str()) => {
                if let Some(given) = arguments(function) {
                    *expr = call(&format!("try_{}", name_of(function)), given);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
