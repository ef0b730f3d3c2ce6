//! Patterns of `LIKE`: Trino has no escape character but the one that `ESCAPE` names; DataFusion always has `\`.

use datafusion::sql::sqlparser::ast::{Expr, Value, ValueWithSpan};

use super::expr::{call, literal};
use crate::query::functions::escaped;

/// The pattern with `\` for its escape character.
pub(super) fn escape(pattern: &mut Box<Expr>, escape: &mut Option<ValueWithSpan>) {
    let letter = match escape.take().map(|escape| escape.value) {
        Some(Value::SingleQuotedString(letter)) => letter,
        _ => String::new(),
    };
    if let Expr::Value(value) = pattern.as_mut()
        && let Value::SingleQuotedString(text) = &mut value.value
    {
        *text = escaped(text, letter.chars().next());
        return;
    }
    **pattern = call("like_pattern", vec![(**pattern).clone(), literal(&letter)]);
}
