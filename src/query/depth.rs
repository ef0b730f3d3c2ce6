//! How deep a statement may be nested: planning it goes down to the bottom, and the stack has an end.
//!
//! The parser refuses brackets within brackets by itself, but not chains: `a || b || …`, `… OR …`, `x::text::text`,
//! `… UNION ALL …` lean to the left without end. A thread of queries has the stack for [`DEPTH_MAX`] of them.

use std::mem;
use std::ops::ControlFlow;

use datafusion::common::plan_err;
use datafusion::error::Result;
use datafusion::sql::parser::{CopyToSource, Statement};
use datafusion::sql::sqlparser::ast::{Expr, Query, SetExpr, Statement as SqlStatement, Value, Values, VisitorMut};
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use super::trino::dialect::AnalystDialect;
use super::walk::{Visiting, walk};

/// How deep expressions may be nested, and how many queries `UNION` may join.
pub(super) const DEPTH_MAX: usize = 2_000;

/// How deep brackets may be nested: more than what the parser takes anyway, which looks for long before it says so.
const BRACKETS_MAX: usize = 50;

/// What a thread needs for a statement of `DEPTH_MAX`, built without optimisation. Measured: 1,200 levels take less
/// than 32 MiB. Of this only what is used is memory.
pub const STACK_BYTES: usize = 256 << 20;

/// The same of a thread that only works expressions out.
pub const WORKER_STACK_BYTES: usize = 64 << 20;

/// Refuses text whose brackets are nested too deep for the parser.
///
/// # Errors
/// Such a text.
pub fn brackets(sql: &str) -> Result<()> {
    let dialect = AnalystDialect;
    // What is no token is the parser's to say.
    let Ok(tokens) = Tokenizer::new(&dialect, sql).tokenize() else { return Ok(()) };
    let (mut depth, mut deepest) = (0_usize, 0);
    for token in &tokens {
        match token {
            Token::LParen | Token::LBracket | Token::LBrace => depth += 1,
            Token::RParen | Token::RBracket | Token::RBrace => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    match deepest {
        0..=BRACKETS_MAX => Ok(()),
        _ => plan_err!(
            "brackets are nested {deepest} deep, and {BRACKETS_MAX} is the most\nhint: give parts of it names in WITH"
        ),
    }
}

/// Refuses statements that are nested too deep, and takes those apart without going down into them.
pub(super) fn checked(mut statement: Statement) -> Result<Statement> {
    let mut measure = Measure::default();
    let _ = each_query(&mut statement, &mut |query| query.walk(&mut measure));
    if !measure.is_too_deep {
        return Ok(statement);
    }
    let mut dismantle = Dismantle::default();
    let _ = each_query(&mut statement, &mut |query| query.walk(&mut dismantle));
    dismantle.finish();
    plan_err!(
        "expressions are nested more than {DEPTH_MAX} deep\n\
         hint: write `x IN ('a', 'b', …)` for `x = 'a' OR x = 'b' OR …`, or put the values into a file and join it"
    )
}

/// A statement or a query, whichever there is.
pub(super) enum Part<'a> {
    Statement(&'a mut SqlStatement),
    Query(&'a mut Query),
}

impl Part<'_> {
    pub(super) fn walk(&mut self, visitor: &mut Visiting<'_>) -> ControlFlow<()> {
        match self {
            Part::Statement(statement) => walk(*statement, visitor),
            Part::Query(query) => walk(*query, visitor),
        }
    }
}

/// Visits what is a query in a statement.
pub(super) fn each_query(
    statement: &mut Statement,
    visit: &mut dyn FnMut(&mut Part<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    match statement {
        Statement::Statement(statement) => visit(&mut Part::Statement(statement)),
        Statement::Explain(explain) => each_query(&mut explain.statement, visit),
        Statement::CopyTo(copy) => match &mut copy.source {
            CopyToSource::Query(query) => visit(&mut Part::Query(query)),
            CopyToSource::Relation(_) => ControlFlow::Continue(()),
        },
        Statement::CreateExternalTable(_) | Statement::Reset(_) => ControlFlow::Continue(()),
    }
}

/// How many queries a chain of `UNION` joins to the left.
fn joined(mut body: &SetExpr) -> usize {
    let mut count = 1;
    while let SetExpr::SetOperation { left, .. } = body {
        count += 1;
        body = left;
    }
    count
}

#[derive(Default)]
struct Measure {
    depth: usize,
    is_too_deep: bool,
}

impl VisitorMut for Measure {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        self.is_too_deep |= joined(&query.body) > DEPTH_MAX;
        if self.is_too_deep { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn pre_visit_expr(&mut self, _: &mut Expr) -> ControlFlow<()> {
        self.depth += 1;
        self.is_too_deep |= self.depth > DEPTH_MAX;
        if self.is_too_deep { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn post_visit_expr(&mut self, _: &mut Expr) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }
}

/// Cuts off what lies deep, piece by piece: to drop a tree at once goes down to its bottom.
#[derive(Default)]
struct Dismantle {
    depth: usize,
    pieces: Vec<Expr>,
    queries: Vec<SetExpr>,
}

impl Dismantle {
    fn finish(mut self) {
        loop {
            if let Some(mut piece) = self.pieces.pop() {
                self.depth = 0;
                let _ = walk(&mut piece, &mut self);
            } else if let Some(mut query) = self.queries.pop() {
                self.unjoin(&mut query);
                self.depth = 0;
                let _ = walk(&mut query, &mut self);
            } else {
                return;
            }
        }
    }

    fn unjoin(&mut self, body: &mut SetExpr) {
        if let SetExpr::SetOperation { left, .. } = body
            && matches!(**left, SetExpr::SetOperation { .. })
        {
            let nothing =
                Box::new(SetExpr::Values(Values { explicit_row: false, value_keyword: false, rows: Vec::new() }));
            self.queries.push(*mem::replace(left, nothing));
        }
    }
}

impl VisitorMut for Dismantle {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        self.unjoin(&mut query.body);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        self.depth += 1;
        if self.depth > DEPTH_MAX / 4 {
            self.pieces.push(mem::replace(expr, Expr::Value(Value::Null.into())));
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, _: &mut Expr) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }
}
