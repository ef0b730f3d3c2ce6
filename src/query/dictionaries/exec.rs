//! The operator.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt64Array, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::internal_err;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{StreamExt, stream};

use super::aggregates::{Aggregate, State};
use super::column::Source;
use super::groups::Groups;

/// Groups and counted values that a partition holds at the most. Then it hands on what it has, and starts anew: the
/// aggregation behind puts together what belongs together. Tests have little, so that they see that.
const HELD: usize = if cfg!(test) { 1 << 6 } else { 1 << 17 };

/// What is to be done, as the rule found it.
#[derive(Clone, Debug)]
pub(super) struct Grouping {
    /// By which columns.
    pub sources: Vec<Source>,
    pub aggregates: Vec<Aggregate>,
    /// The grouping sets: which of the columns are NULL in each. One without any is the plain `GROUP BY`.
    pub sets: Vec<Vec<bool>>,
    /// Whether the sets have a number, as a column behind those of the groups.
    pub has_set_numbers: bool,
    /// The columns of the groups, that number, and the states of the aggregates.
    pub schema: SchemaRef,
}

/// The first step of an aggregation over columns that come with their dictionaries.
#[derive(Debug)]
pub(super) struct DictionaryAggregateExec {
    grouping: Grouping,
    input: Arc<dyn ExecutionPlan>,
    /// Those of the step that it stands for.
    properties: Arc<PlanProperties>,
    /// How that one is shown.
    shown: String,
    /// Its expressions.
    expressions: Vec<Arc<dyn PhysicalExpr>>,
    metrics: ExecutionPlanMetricsSet,
}

impl DictionaryAggregateExec {
    pub fn new(
        grouping: Grouping,
        input: Arc<dyn ExecutionPlan>,
        properties: Arc<PlanProperties>,
        shown: String,
        expressions: Vec<Arc<dyn PhysicalExpr>>,
    ) -> DictionaryAggregateExec {
        let metrics = ExecutionPlanMetricsSet::new();
        DictionaryAggregateExec { grouping, input, properties, shown, expressions, metrics }
    }
}

impl DisplayAs for DictionaryAggregateExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "DictionaryAggregateExec: {}", self.shown)
    }
}

impl ExecutionPlan for DictionaryAggregateExec {
    fn name(&self) -> &'static str {
        "DictionaryAggregateExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let (Some(input), true) = (children.pop(), children.is_empty()) else {
            return internal_err!("an aggregation has one input");
        };
        let (grouping, properties) = (self.grouping.clone(), Arc::clone(&self.properties));
        let (shown, expressions) = (self.shown.clone(), self.expressions.clone());
        Ok(Arc::new(DictionaryAggregateExec::new(grouping, input, properties, shown, expressions)))
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        for expression in &self.expressions {
            if f(expression)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let grouping = self.grouping.clone();
        let schema = Arc::clone(&grouping.schema);
        let consumer = MemoryConsumer::new(format!("DictionaryAggregate[{partition}]"));
        let running = Running {
            groups: Groups::new(&grouping.sources),
            states: grouping.aggregates.iter().map(State::new).collect::<Result<_>>()?,
            grouping,
            input: Some(self.input.execute(partition, Arc::clone(&context))?),
            reservation: consumer.register(context.memory_pool()),
            batch_rows: context.session_config().batch_size(),
            ready: VecDeque::new(),
            metrics: BaselineMetrics::new(&self.metrics, partition),
        };
        let batches = stream::try_unfold(running, |mut running| async move {
            Ok(running.next().await?.map(|batch| (batch, running)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

/// One partition at work.
struct Running {
    grouping: Grouping,
    groups: Groups,
    states: Vec<State>,
    /// Gone when it has ended.
    input: Option<SendableRecordBatchStream>,
    reservation: MemoryReservation,
    batch_rows: usize,
    ready: VecDeque<RecordBatch>,
    metrics: BaselineMetrics,
}

impl Running {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                self.metrics.output_rows().add(batch.num_rows());
                return Ok(Some(batch));
            }
            let Some(input) = &mut self.input else { return Ok(None) };
            let batch = input.next().await.transpose()?;
            let timer = self.metrics.elapsed_compute().clone();
            let _timer = timer.timer();
            match batch {
                Some(batch) => self.take_in(&batch)?,
                None => {
                    self.input = None;
                    self.hand_on()?;
                }
            }
        }
    }

    fn take_in(&mut self, batch: &RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let (rows, count) = self.groups.of(batch)?;
        self.states.iter_mut().try_for_each(|state| state.take_in(batch, rows, count))?;
        let held = count + self.states.iter().map(State::count).sum::<usize>();
        let bytes = self.groups.size_bytes() + self.states.iter().map(State::size_bytes).sum::<usize>();
        if held >= HELD || self.reservation.try_resize(bytes).is_err() {
            self.hand_on()?;
        }
        Ok(())
    }

    /// Makes what is known the next batches, and forgets it.
    fn hand_on(&mut self) -> Result<()> {
        let count = self.groups.count();
        if count == 0 {
            return Ok(());
        }
        let Grouping { sources, sets, has_set_numbers, schema, .. } = &self.grouping;
        let types: Vec<DataType> = schema.fields().iter().map(|field| field.data_type().clone()).collect();
        let (group_types, other_types) = types.split_at_checked(sources.len()).unwrap_or_default();
        let values = self.groups.values(group_types)?;
        let states = self.states.iter_mut().map(|state| state.give(count)).collect::<Result<Vec<_>>>()?.concat();
        self.groups.clear();
        for set in sets {
            let column = |(values, is_null): (&ArrayRef, &bool)| {
                if *is_null { new_null_array(values.data_type(), count) } else { Arc::clone(values) }
            };
            let mut columns: Vec<ArrayRef> = values.iter().zip(set).map(column).collect();
            if let (true, Some(data_type)) = (*has_set_numbers, other_types.first()) {
                columns.push(cast(&UInt64Array::from_value(set_number(set), count), data_type)?);
            }
            columns.extend(states.iter().cloned());
            let options = RecordBatchOptions::new().with_row_count(Some(count));
            let batch = RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?;
            let starts = (0..count).step_by(self.batch_rows.max(1));
            self.ready.extend(starts.map(|start| batch.slice(start, self.batch_rows.min(count - start))));
        }
        self.reservation.free();
        // The states are empty, and some accumulators don't like to be used again.
        self.states = self.grouping.aggregates.iter().map(State::new).collect::<Result<_>>()?;
        Ok(())
    }
}

/// A set's number, as DataFusion 55.2 gives them (`datafusion_physical_plan::aggregates::group_id_array`): a bit a
/// column, the first one's highest, set where it is NULL.
fn set_number(set: &[bool]) -> u64 {
    set.iter().fold(0, |number, is_null| number << 1 | u64::from(*is_null))
}
