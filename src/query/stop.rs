//! Queries that can be asked to end while they compute.
//!
//! A future that is dropped ends where it waits. A join that finds many rows does not wait for a long time: so each of
//! them looks whether it is to end, whenever it has rows, and one that compares row by row before each comparison of a
//! batch.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use arrow::array::RecordBatch;
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{NestedLoopJoinExec, NestedLoopJoinExecBuilder};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{Stream, StreamExt};

/// Asks the queries of a session to end. Clones are of the same session.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Numbers>);

/// Queries are numbered, so that one which is slow to end is still asked when the next one runs.
#[derive(Debug, Default)]
struct Numbers {
    /// Queries that began.
    begun: AtomicU64,
    /// Those of them that were asked to end, the last one's number and one more.
    asked: AtomicU64,
}

impl Stop {
    /// A query begins.
    pub fn begin(&self) {
        self.0.begun.fetch_add(1, Ordering::Relaxed);
    }

    /// Queries that run end soon, with an error.
    pub fn ask(&self) {
        self.0.asked.store(self.0.begun.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// Whether the query that began last was asked to.
    pub fn is_asked(&self) -> bool {
        self.of_this().is_asked()
    }

    fn of_this(&self) -> Asked {
        Asked { numbers: Arc::clone(&self.0), number: self.0.begun.load(Ordering::Relaxed) }
    }
}

/// Whether one query is to end.
#[derive(Clone, Debug)]
struct Asked {
    numbers: Arc<Numbers>,
    number: u64,
}

impl Asked {
    fn is_asked(&self) -> bool {
        self.numbers.asked.load(Ordering::Relaxed) > self.number
    }

    fn check(&self) -> Result<()> {
        match self.is_asked() {
            true => Err(DataFusionError::Execution("the query was stopped".to_owned())),
            false => Ok(()),
        }
    }
}

/// The plan with joins that look whether they are to end.
pub(super) fn stoppable(plan: Arc<dyn ExecutionPlan>, stop: &Stop) -> Result<Arc<dyn ExecutionPlan>> {
    let stop = stop.of_this();
    plan.transform_up(|node| {
        if !node.name().ends_with("JoinExec") {
            return Ok(Transformed::no(node));
        }
        let join = match node.downcast_ref::<NestedLoopJoinExec>() {
            Some(join) => Arc::new(looking(join, &stop)?),
            None => node,
        };
        Ok(Transformed::yes(Arc::new(Looking { join, stop: stop.clone() })))
    })
    .data()
}

/// A join row by row that looks before each comparison.
fn looking(join: &NestedLoopJoinExec, stop: &Asked) -> Result<NestedLoopJoinExec> {
    let filter = join.filter().map(|filter| {
        let looking = Comparison { inner: Arc::clone(filter.expression()), stop: stop.clone() };
        JoinFilter::new(Arc::new(looking), filter.column_indices().to_vec(), Arc::clone(filter.schema()))
    });
    NestedLoopJoinExecBuilder::from(join).with_filter(filter).build()
}

/// A join and the question whether it is to end.
#[derive(Debug)]
struct Looking {
    join: Arc<dyn ExecutionPlan>,
    stop: Asked,
}

impl DisplayAs for Looking {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stoppable")
    }
}

impl ExecutionPlan for Looking {
    fn name(&self) -> &str {
        "Stoppable"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.join.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.join]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let join = children.pop().unwrap_or_else(|| Arc::clone(&self.join));
        Ok(Arc::new(Looking { join, stop: self.stop.clone() }))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let rows = self.join.execute(partition, context)?;
        Ok(Box::pin(LookingStream { rows, stop: self.stop.clone() }))
    }
}

struct LookingStream {
    rows: SendableRecordBatchStream,
    stop: Asked,
}

impl Stream for LookingStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.stop.check() {
            Ok(()) => self.rows.poll_next_unpin(context),
            Err(error) => Poll::Ready(Some(Err(error))),
        }
    }
}

impl RecordBatchStream for LookingStream {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }
}

/// The condition of a join, and the question whether it is to end.
#[derive(Debug)]
struct Comparison {
    inner: Arc<dyn PhysicalExpr>,
    stop: Asked,
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl PartialEq for Comparison {
    fn eq(&self, other: &Self) -> bool {
        self.inner.eq(&other.inner)
    }
}

impl Eq for Comparison {}

impl Hash for Comparison {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

impl PhysicalExpr for Comparison {
    fn return_field(&self, schema: &Schema) -> Result<FieldRef> {
        self.inner.return_field(schema)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        self.stop.check()?;
        self.inner.evaluate(batch)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.inner]
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn PhysicalExpr>>) -> Result<Arc<dyn PhysicalExpr>> {
        let inner = children.pop().unwrap_or_else(|| Arc::clone(&self.inner));
        Ok(Arc::new(Comparison { inner, stop: self.stop.clone() }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt_sql(f)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::query::fixture::{large, run, snapshot};
    use crate::query::{Options, execute, finish, parse, session};

    /// Each of these joins would run for hours.
    #[test]
    fn joins_that_compute_end_when_they_are_asked() {
        let dir = tempfile::tempdir().unwrap();
        for join in ["a.event_id < b.event_id || 'x' AND a.event_id > b.event_name", "a.event_source = b.event_source"]
        {
            let stop = Stop::default();
            let snapshot = large(&dir.path().join(join.len().to_string()));
            let options = Options { threads: Some(2), stop: Some(stop.clone()), ..Options::default() };
            let asking = std::thread::spawn(move || {
                std::thread::sleep(std::time::Duration::from_millis(300));
                stop.ask();
                std::time::Instant::now()
            });
            let error = run(async {
                let context = session(&snapshot, &options).await.unwrap();
                let statement =
                    parse(&format!("SELECT count(*) FROM events a JOIN events b ON {join}")).unwrap().remove(0);
                match execute(&context, statement, &HashMap::new()).await {
                    Ok(answer) => finish(answer).await.unwrap_err(),
                    Err(error) => error,
                }
            });
            let asked = asking.join().unwrap();
            assert!(error.to_string().contains("stopped"), "{error}");
            assert!(asked.elapsed().as_secs() < 5, "{join}: {:?}", asked.elapsed());
        }
    }

    #[test]
    fn a_query_that_is_slow_to_end_stays_asked() {
        let stop = Stop::default();
        let first = stop.of_this();
        stop.ask();
        assert!(stop.is_asked() && first.is_asked());
        stop.begin();
        assert!(!stop.is_asked() && first.is_asked());
    }

    #[test]
    fn joins_that_are_not_asked_answer_as_ever() {
        let dir = tempfile::tempdir().unwrap();
        let options = Options { threads: Some(2), stop: Some(Stop::default()), ..Options::default() };
        run(async {
            let context = session(&snapshot(dir.path()), &options).await.unwrap();
            for (on, expected) in [("a.event_id < b.event_id", "10"), ("a.event_source = b.event_source", "9")] {
                let sql = format!("SELECT count(*) FROM events a JOIN events b ON {on}");
                assert_eq!(crate::query::fixture::answer(&context, &sql).await, [expected], "{on}");
            }
        });
    }
}
