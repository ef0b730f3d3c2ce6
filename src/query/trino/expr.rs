//! Building expressions, and taking calls apart.

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident, ObjectName, Value,
};

/// A number literal of digits that somebody counted.
pub(super) fn number(digits: &str) -> Expr {
    Expr::Value(Value::Number(digits.to_owned(), false).into())
}

/// `name(arguments)`.
pub(super) fn call(name: &str, arguments: Vec<Expr>) -> Expr {
    let args = arguments.into_iter().map(|argument| FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))).collect();
    let list = FunctionArgumentList { duplicate_treatment: None, args, clauses: Vec::new() };
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(list),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

/// The name of a function, which may stand in quotes.
pub(super) fn name_of(call: &Function) -> String {
    let parts = call.name.0.iter().filter_map(|part| part.as_ident());
    parts.map(|part| part.value.to_lowercase()).collect::<Vec<_>>().join(".")
}

/// The arguments of a call, where all of them are values.
pub(super) fn arguments(call: &Function) -> Option<Vec<Expr>> {
    match &call.args {
        FunctionArguments::None => Some(Vec::new()),
        FunctionArguments::Subquery(_) => None,
        FunctionArguments::List(list) => list.args.iter().map(value_of).collect(),
    }
}

/// A text literal.
pub(super) fn literal(text: &str) -> Expr {
    Expr::Value(Value::SingleQuotedString(text.to_owned()).into())
}

/// An expression that keeps together whatever stands beside it, also when it is written out as text.
pub(super) fn grouped(expr: Expr) -> Expr {
    match expr {
        Expr::Identifier(_)
        | Expr::CompoundIdentifier(_)
        | Expr::CompoundFieldAccess { .. }
        | Expr::Function(_)
        | Expr::Value(_)
        | Expr::Array(_)
        | Expr::Nested(_)
        | Expr::Lambda(_)
        | Expr::Subquery(_)
        | Expr::Cast { .. } => expr,
        other => Expr::Nested(Box::new(other)),
    }
}

/// The value of an argument that is one.
fn value_of(argument: &FunctionArg) -> Option<Expr> {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    }
}
