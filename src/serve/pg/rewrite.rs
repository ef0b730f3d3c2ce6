//! What psql asks about the server and DataFusion can't answer: arrays made of queries, texts of arrays where there are
//! none. What they would tell (members, options, privileges) no store has: they are empty.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::functions_nested::string::array_to_string_udf;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, DataType as SqlType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
    FunctionArguments, Ident, ObjectName, ObjectNamePart, Query, SelectItem, SetExpr, Statement, Value,
};

use crate::query::each_expression;

/// Stands for PostgreSQL's `array_to_string` in statements about the server.
const ARRAY_TEXT: &str = "pg_array_to_string";

/// Columns that the catalog here has not: privileges and options, which nothing has, and which table a row is of.
const COLUMNS: &[&str] = &["relacl", "reloptions", "tableoid"];

/// Takes out of a statement about the server what DataFusion has not.
pub(super) fn rewrite(statement: &mut Statement) {
    each_expression(statement, |expr| match expr {
        Expr::Function(function) if is_called(function, "array_to_string") => {
            function.name = ObjectName::from(vec![Ident::new(ARRAY_TEXT)]);
        }
        _ if is_nothing(expr) => *expr = no_text(),
        Expr::Subquery(query) => ask_for_one(query),
        _ => {}
    });
}

/// `(SELECT c.relkind = 'c' FROM pg_class c WHERE c.oid = t.typrelid)` finds one row, as people know; DataFusion doesn't,
/// and wants an aggregate.
fn ask_for_one(query: &mut Query) {
    let SetExpr::Select(select) = query.body.as_mut() else { return };
    if let [SelectItem::UnnamedExpr(compared @ Expr::BinaryOp { op: BinaryOperator::Eq, .. })] =
        select.projection.as_mut_slice()
    {
        let argument = FunctionArg::Unnamed(FunctionArgExpr::Expr(compared.clone()));
        *compared = call("bool_or", argument);
    }
}

/// A function of one argument.
fn call(name: &str, argument: FunctionArg) -> Expr {
    let args = FunctionArgumentList { duplicate_treatment: None, args: vec![argument], clauses: Vec::new() };
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(args),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

/// `CAST(NULL AS TEXT)`: by itself nothing says of which type it is.
fn no_text() -> Expr {
    Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(Expr::Value(Value::Null.into())),
        data_type: SqlType::Text,
        array: false,
        format: None,
    }
}

/// Whether it is what nothing here has.
fn is_nothing(expr: &Expr) -> bool {
    match expr {
        Expr::Function(function) => {
            is_called(function, "array") && matches!(function.args, FunctionArguments::Subquery(_))
        }
        Expr::CompoundIdentifier(parts) => {
            parts.last().is_some_and(|part| COLUMNS.iter().any(|column| part.value.eq_ignore_ascii_case(column)))
        }
        _ => false,
    }
}

/// Whether a function goes by a name, in whatever schema.
fn is_called(function: &Function, name: &str) -> bool {
    let last = function.name.0.last();
    last.and_then(ObjectNamePart::as_ident).is_some_and(|ident| ident.value.eq_ignore_ascii_case(name))
}

/// The text of an array. The catalog's arrays that are texts here stay as they are.
pub(super) fn array_text() -> ScalarUDF {
    ScalarUDF::from(ArrayText { signature: Signature::variadic_any(Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ArrayText {
    signature: Signature,
}

impl ScalarUDFImpl for ArrayText {
    fn name(&self) -> &str {
        ARRAY_TEXT
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.first() {
            Some(array) if array.data_type().is_nested() => array_to_string_udf().invoke_with_args(args),
            Some(text) => text.cast_to(&DataType::Utf8, None),
            None => Ok(ColumnarValue::Scalar(ScalarValue::Utf8(None))),
        }
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    #[test]
    fn what_nothing_has_is_empty() {
        let sql = "SELECT pg_catalog.array_to_string(c.reloptions || array(SELECT 'a' || x FROM t), ', '), c.relname";
        let mut statements = Parser::parse_sql(&PostgreSqlDialect {}, sql).unwrap();
        statements.iter_mut().for_each(rewrite);
        assert_eq!(
            statements[0].to_string(),
            "SELECT pg_array_to_string(CAST(NULL AS TEXT) || CAST(NULL AS TEXT), ', '), c.relname"
        );
        let sql = "SELECT (SELECT c.relkind = 'c' FROM c WHERE c.oid = t.typrelid) FROM t";
        let mut statements = Parser::parse_sql(&PostgreSqlDialect {}, sql).unwrap();
        statements.iter_mut().for_each(rewrite);
        assert_eq!(
            statements[0].to_string(),
            "SELECT (SELECT bool_or(c.relkind = 'c') FROM c WHERE c.oid = t.typrelid) FROM t"
        );
    }
}
