//! Named queries within statements: `FROM denied_calls(principal => '%deploy%')` stands for the text of the query with
//! its parameters, `CALL denied_calls('%deploy%')` for all of its rows.
//!
//! A query goes by its name, or by its name with `_` for `-`, which needs no quotes. What it is given are values:
//! literals, parameters of the statement, and what is worked out of these.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as Parsed;
use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, ObjectNamePart, Query, SetExpr,
    Statement as SqlStatement, TableAlias, TableFactor, TableFunctionArgs, TableWithJoins, Value, ValueWithSpan,
    VisitorMut,
};

use super::depth::Part;
use super::error::QueryError;
use super::library::{Library, Named, day};
use super::statement::{Statement, parsed};
use super::walk::walk;
use crate::util::shown;

/// Named queries that one statement may come to: one that asks for itself would have no end.
const WRITTEN_MAX: usize = 64;

/// A statement with what it names of the library written out: `FROM denied_calls(principal => '%deploy%')`.
///
/// # Errors
/// A query that does not take what it is given; of `CALL` one that is not there; a statement that is too deep then.
pub fn with_library(statement: Statement, library: &Library) -> Result<Statement, QueryError> {
    statement.changed(|part| write_out(part, library))
}

fn write_out(part: &mut Part<'_>, library: &Library) -> Result<(), QueryError> {
    if let Part::Statement(statement) = part
        && let SqlStatement::Call(call) = &**statement
    {
        **statement = called(call, library)?;
    }
    let query = match part {
        Part::Query(query) => Some(&mut **query),
        Part::Statement(SqlStatement::Query(query)) => Some(&mut **query),
        Part::Statement(_) => None,
    };
    if let Some(query) = query
        && let Some(whole) = whole(query, library)?
    {
        *query = whole;
    }
    let mut written = WriteOut { library, written: 0, error: None };
    let _ = part.walk(&mut written);
    written.error.map_or(Ok(()), Err)
}

/// `CALL name(…)` as `SELECT * FROM name(…)`.
fn called(call: &Function, library: &Library) -> Result<SqlStatement, QueryError> {
    let name = sole(&call.name).unwrap_or_default();
    let named = library.called(&name)?;
    let arguments = match &call.args {
        FunctionArguments::List(list) => list.args.as_slice(),
        FunctionArguments::None => &[],
        FunctionArguments::Subquery(_) => return Err(wrong(named, "it takes values, no query".to_owned())),
    };
    Ok(SqlStatement::Query(Box::new(text(named, arguments)?)))
}

/// `SELECT * FROM name(…) LIMIT n` as the query itself: rows of a table have no order, and those of the query have one.
fn whole(query: &Query, library: &Library) -> Result<Option<Query>, QueryError> {
    let SetExpr::Select(select) = query.body.as_ref() else { return Ok(None) };
    let [TableWithJoins { relation, .. }] = select.from.as_slice() else { return Ok(None) };
    let TableFactor::Table { name, alias: None, args: Some(TableFunctionArgs { args, .. }), .. } = relation else {
        return Ok(None);
    };
    let Some(named) = sole(name).and_then(|name| library.called(&name).ok()) else { return Ok(None) };
    let limit = query.limit_clause.clone();
    let unlimited = Query { limit_clause: None, ..query.clone() };
    if unlimited.to_string() != format!("SELECT * FROM {relation}") {
        return Ok(None);
    }
    let whole = text(named, args)?;
    Ok(match (limit, &whole.limit_clause) {
        (None, _) => Some(whole),
        (limit, None) => Some(Query { limit_clause: limit, ..whole }),
        _ => None,
    })
}

struct WriteOut<'a> {
    library: &'a Library,
    written: usize,
    /// What it broke off for.
    error: Option<QueryError>,
}

impl VisitorMut for WriteOut<'_> {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        let TableFactor::Table { name, alias, args: Some(TableFunctionArgs { args, .. }), sample: None, .. } = factor
        else {
            return ControlFlow::Continue(());
        };
        let Some(named) = sole(name).and_then(|name| self.library.called(&name).ok()) else {
            return ControlFlow::Continue(());
        };
        self.written += 1;
        if self.written > WRITTEN_MAX {
            let why = format!("a statement may come to {WRITTEN_MAX} named queries, and this one to more");
            self.error = Some(wrong(named, why));
            return ControlFlow::Break(());
        }
        let subquery = match text(named, args) {
            Ok(query) => Box::new(query),
            Err(error) => {
                self.error = Some(error);
                return ControlFlow::Break(());
            }
        };
        let own = || TableAlias { explicit: true, name: Ident::new(named.sql_name()), columns: Vec::new(), at: None };
        let alias = Some(alias.take().unwrap_or_else(own));
        *factor = TableFactor::Derived { lateral: false, subquery, alias, sample: None };
        ControlFlow::Continue(())
    }
}

/// A name of one part.
fn sole(name: &ObjectName) -> Option<String> {
    match name.0.as_slice() {
        [ObjectNamePart::Identifier(name)] => Some(name.value.clone()),
        _ => None,
    }
}

fn wrong(named: &Named, why: String) -> QueryError {
    let takes = named.parameters.iter().map(|parameter| match &parameter.default {
        Some(default) => format!("{} => '{default}'", parameter.name),
        None => format!("{} => {}", parameter.name, parameter.what),
    });
    QueryError::Arguments { name: named.sql_name(), why, takes: takes.collect::<Vec<_>>().join(", ") }
}

/// The query with values in the place of its parameters.
fn text(named: &Named, arguments: &[FunctionArg]) -> Result<Query, QueryError> {
    let mut values = values(named, arguments)?;
    for parameter in &named.parameters {
        if values.contains_key(&parameter.name) {
            continue;
        }
        let Some(default) = &parameter.default else {
            return Err(wrong(named, format!("{} is missing: {}", parameter.name, parameter.what)));
        };
        values.insert(parameter.name.clone(), literal(default.clone()));
    }
    let mut statements = parsed(&named.sql)?;
    let query = match (statements.pop(), statements.is_empty()) {
        (Some(Parsed::Statement(statement)), true) => match *statement {
            SqlStatement::Query(query) => Some(query),
            _ => None,
        },
        _ => None,
    };
    let Some(mut query) = query else {
        return Err(wrong(named, "it is more than one query: trailpare sql --named runs it".to_owned()));
    };
    let _ = walk(&mut query, &mut Fill { values });
    Ok(*query)
}

fn literal(text: String) -> Expr {
    Expr::Value(Value::SingleQuotedString(text).into())
}

/// What a query is given, by the names of its parameters.
fn values(named: &Named, arguments: &[FunctionArg]) -> Result<HashMap<String, Expr>, QueryError> {
    let mut values = HashMap::new();
    for (place, argument) in arguments.iter().enumerate() {
        let (name, value) = match argument {
            FunctionArg::Unnamed(value) => match named.parameters.get(place) {
                Some(parameter) => (parameter.name.clone(), value),
                None => {
                    return Err(wrong(named, format!("it takes {}", shown::count(named.parameters.len(), "value"))));
                }
            },
            FunctionArg::Named { name, arg, .. } => (name.value.clone(), arg),
            FunctionArg::ExprNamed { name: Expr::Identifier(name), arg, .. } => (name.value.clone(), arg),
            FunctionArg::ExprNamed { name, arg, .. } => (name.to_string(), arg),
        };
        let Some(parameter) = named.parameters.iter().find(|known| known.name.eq_ignore_ascii_case(&name)) else {
            return Err(wrong(named, format!("it has no parameter {name}")));
        };
        let FunctionArgExpr::Expr(value) = value else {
            return Err(wrong(named, format!("{} takes a value", parameter.name)));
        };
        if values.insert(parameter.name.clone(), checked(named, parameter.name.as_str(), value)?).is_some() {
            return Err(wrong(named, format!("{} is given twice", parameter.name)));
        }
    }
    Ok(values)
}

/// A value as the query has it: texts and numbers as texts, which is what its parameters are.
fn checked(named: &Named, parameter: &str, value: &Expr) -> Result<Expr, QueryError> {
    if let Expr::Value(ValueWithSpan { value: plain, .. }) = value {
        match plain {
            Value::SingleQuotedString(text) => return Ok(literal(day(parameter, text))),
            Value::Number(digits, _) => return Ok(literal(digits.clone())),
            _ => {}
        }
    }
    let mut value = value.clone();
    match walk(&mut value, &mut OnlyValues) {
        ControlFlow::Continue(()) => Ok(Expr::Nested(Box::new(value))),
        ControlFlow::Break(()) => Err(wrong(named, format!("{parameter} takes a value, no column and no query"))),
    }
}

struct OnlyValues;

impl VisitorMut for OnlyValues {
    type Break = ();

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        ControlFlow::Break(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Wildcard(_) | Expr::QualifiedWildcard(..) => {
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

/// Puts values into the places of parameters.
struct Fill {
    values: HashMap<String, Expr>,
}

impl VisitorMut for Fill {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Value(ValueWithSpan { value: Value::Placeholder(name), .. }) = expr
            && let Some(value) = name.strip_prefix('$').and_then(|name| self.values.get(name))
        {
            *expr = value.clone();
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::query::fixture::{context, run};
    use crate::query::{execute, parse};

    fn library() -> (tempfile::TempDir, Library) {
        let folder = tempfile::tempdir().unwrap();
        let own = "-- Own.\n-- Parameters:\n--   who  whom [%]\n--   from  since\n\
                   SELECT event_id FROM events WHERE principal_arn LIKE $who AND event_date >= $from ORDER BY 1";
        fs::write(folder.path().join("own-calls.sql"), own).unwrap();
        fs::write(folder.path().join("endless.sql"), "-- Endless.\nSELECT * FROM endless()").unwrap();
        let library = Library::open(Some(folder.path())).unwrap();
        (folder, library)
    }

    /// The rows, or the error. Asked on a thread as queries have it: names within names go deep.
    fn said(sql: &str) -> Result<Vec<String>, String> {
        let sql = sql.to_owned();
        let thread = std::thread::Builder::new().stack_size(crate::query::STACK_BYTES);
        thread.spawn(move || said_here(&sql)).unwrap().join().unwrap()
    }

    fn said_here(sql: &str) -> Result<Vec<String>, String> {
        let dir = tempfile::tempdir().unwrap();
        let (_folder, library) = library();
        run(async {
            let context = context(dir.path()).await;
            let asked = async {
                let statement = with_library(parse(sql)?.remove(0), &library)?;
                execute(&context, statement, &HashMap::new()).await
            };
            match asked.await {
                Ok(stream) => {
                    let batches: Vec<_> = futures::TryStreamExt::try_collect(stream).await.unwrap();
                    let text = arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string();
                    Ok(text.lines().filter(|line| line.starts_with('|')).skip(1).map(str::to_owned).collect())
                }
                Err(error) => Err(error.to_string()),
            }
        })
    }

    #[test]
    fn a_query_is_a_table() {
        let all = said("SELECT * FROM own_calls(from => '2000-01-01')").unwrap();
        assert_eq!(all.len(), 5, "{all:?}");
        assert_eq!(said("CALL own_calls('%', '2000-01-01')").unwrap(), all);
        assert_eq!(said("SELECT * FROM \"own-calls\"(from => DATE '2000-01-01')").unwrap(), all);
        assert_eq!(said("SELECT * FROM own_calls(\"from\" => '2000-01-01')").unwrap(), all);
        let alice = said("SELECT * FROM own_calls(who => '%/ali' || 'ce', from => '2000-01-01')").unwrap();
        assert!(!alice.is_empty() && alice.len() < 5, "{alice:?}");
        assert_eq!(said("SELECT * FROM own_calls(from => '2000-01-01') LIMIT 2").unwrap(), all[..2]);
        let joined = "SELECT count(*) FROM own_calls(from => '2000-01-01') c JOIN events e ON e.event_id = c.event_id";
        assert_eq!(said(joined).unwrap(), ["| 5        |"]);
        let explained = said("EXPLAIN SELECT * FROM own_calls(from => '2000-01-01')").unwrap();
        assert!(explained.iter().any(|line| line.contains("events")), "{explained:?}");
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("x.csv");
        let copy = format!("COPY (SELECT * FROM own_calls('%', '2000-01-01')) TO '{}'", out.display());
        assert_eq!(said(&copy).unwrap(), ["| 5     |"]);
        // So long ago, as with --param.
        assert_eq!(said("SELECT * FROM own_calls(from => '1d')").unwrap(), Vec::<String>::new());
    }

    #[test]
    fn what_is_given_wrongly_is_said() {
        for (sql, expected) in [
            ("SELECT * FROM own_calls()", "from is missing: since\nhint: own_calls(who => '%', from => since)"),
            ("SELECT * FROM own_calls(to => '1')", "it has no parameter to"),
            ("SELECT * FROM own_calls('a', 'b', 'c')", "it takes 2 values"),
            ("SELECT * FROM own_calls(who => 'a', who => 'b')", "who is given twice"),
            ("SELECT * FROM events, own_calls(from => event_date)", "from takes a value, no column and no query"),
            ("SELECT * FROM own_calls(from => (SELECT 1))", "from takes a value, no column and no query"),
            ("CALL own_cals()", "did you mean own-calls"),
            ("SELECT * FROM endless()", "64 named queries"),
            ("SELECT * FROM nothing_there()", "nothing_there"),
        ] {
            let error = said(sql).unwrap_err();
            assert!(error.contains(expected), "{sql}: {error}");
        }
    }
}
