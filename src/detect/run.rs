//! Rules over a store: what they find.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type, Int64Type};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::functions_nested::expr_fn::array_element;
use datafusion::logical_expr::{Expr, col, lit};
use datafusion::prelude::{DataFrame, SessionContext};
use futures::StreamExt;

use super::correlate::{Correlator, Match, field_of};
use super::expr::texts_of;
use super::field::{Field, Source as FieldSource};
use super::rule::{Header, Kind};
use super::rules::{Linked, Rules, Source};
use super::scan::{HITS, TOLD, Window, events, scan};
use super::tally::Input;
use crate::query::{QueryError, answer};

/// What a rule found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finding {
    /// The rule's place in [`Rules::headers`].
    pub rule: usize,
    /// When the first of its events was, microseconds since 1970-01-01 UTC.
    pub first_us: i64,
    /// When the last was.
    pub last_us: i64,
    /// Who acted: the principal's ARN, where it was one.
    pub principal: Option<String>,
    /// Of a single event: what it was.
    pub event: Option<Event>,
    /// Of a correlation: fields that its events have in common, and their values.
    pub group: Vec<(String, String)>,
    /// How many events.
    pub events: usize,
    /// Ids of these events; of a correlation the first ones.
    pub ids: Vec<String>,
}

/// What is told of one event beside its time, its id and its principal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// The session of a role.
    pub session_name: Option<String>,
    /// The principal's account, else the one that logged it.
    pub account_id: Option<String>,
    /// Service.
    pub event_source: Option<String>,
    /// Operation.
    pub event_name: Option<String>,
    /// Region.
    pub aws_region: Option<String>,
    /// Caller's address.
    pub source_ip_address: Option<String>,
    /// Why it failed.
    pub error_code: Option<String>,
}

/// What rules about single events found: rule by rule, the gravest first, by time.
pub struct Findings {
    stream: Option<SendableRecordBatchStream>,
    ready: VecDeque<Finding>,
}

impl Findings {
    /// Begins a scan for all rules that are told.
    ///
    /// # Errors
    /// Those of the query.
    pub async fn begin(context: &SessionContext, rules: &Rules, window: &Window) -> Result<Findings, QueryError> {
        let told = rules.told();
        if told.is_empty() {
            return Ok(Findings { stream: None, ready: VecDeque::new() });
        }
        let predicates: Vec<_> =
            told.iter().filter_map(|at| rules.rules.get(*at)).map(|rule| &rule.predicate).collect();
        let found = scan(context, window, &predicates, &[]).await?.unnest_columns(&[HITS])?;
        let order = [HITS, "event_time", "event_id"].map(|name| col(name).sort(true, false));
        Ok(Findings { stream: Some(answer(found.sort(order.into())?).await?), ready: VecDeque::new() })
    }

    /// The next one.
    ///
    /// # Errors
    /// Those of the query.
    pub async fn next(&mut self) -> Result<Option<Finding>, QueryError> {
        loop {
            if let Some(finding) = self.ready.pop_front() {
                return Ok(Some(finding));
            }
            let Some(stream) = &mut self.stream else { return Ok(None) };
            match stream.next().await.transpose()? {
                Some(batch) => self.ready.extend(singles(&batch)?),
                None => return Ok(None),
            }
        }
    }
}

/// A column of a batch as texts.
fn texts(batch: &RecordBatch, name: &str) -> Result<StringViewArray, QueryError> {
    match batch.column_by_name(name) {
        Some(column) => Ok(cast(column, &DataType::Utf8View)?.as_string_view().clone()),
        None => Ok(StringViewArray::new_null(batch.num_rows())),
    }
}

/// A column of a batch as whole numbers.
fn numbers(batch: &RecordBatch, name: &str) -> Result<Vec<i64>, QueryError> {
    match batch.column_by_name(name) {
        Some(column) => {
            let numbers = cast(column, &DataType::Int64)?;
            Ok(numbers.as_primitive::<Int64Type>().iter().map(Option::unwrap_or_default).collect())
        }
        None => Ok(vec![0; batch.num_rows()]),
    }
}

/// The findings of single events in a batch.
fn singles(batch: &RecordBatch) -> Result<Vec<Finding>, QueryError> {
    let (rules, times) = (numbers(batch, HITS)?, numbers(batch, "event_time")?);
    let columns = TOLD.iter().map(|name| texts(batch, name)).collect::<Result<Vec<_>, _>>()?;
    let text = |name: &str, row: usize| {
        let column = TOLD.iter().position(|told| *told == name).and_then(|at| columns.get(at))?;
        column.is_valid(row).then(|| column.value(row).to_owned())
    };
    let finding = |(row, (rule, time_us)): (usize, (i64, i64))| Finding {
        rule: usize::try_from(rule).unwrap_or_default(),
        first_us: time_us,
        last_us: time_us,
        principal: text("principal_arn", row),
        event: Some(Event {
            session_name: text("session_name", row),
            account_id: text("account_id", row),
            event_source: text("event_source", row),
            event_name: text("event_name", row),
            aws_region: text("aws_region", row),
            source_ip_address: text("source_ip_address", row),
            error_code: text("error_code", row),
        }),
        group: Vec::new(),
        events: 1,
        ids: text("event_id", row).into_iter().collect(),
    };
    Ok(rules.into_iter().zip(times).enumerate().map(finding).collect())
}

/// Whether a window holds any event at all.
///
/// # Errors
/// Those of the query.
pub async fn has_events(context: &SessionContext, window: &Window) -> Result<bool, QueryError> {
    let first = events(context, window).await?.select(vec![col("event_id")])?.limit(0, Some(1))?;
    Ok(first.collect().await?.iter().any(|batch| batch.num_rows() > 0))
}

/// What correlations found: correlation by correlation, the gravest first, by time.
///
/// # Errors
/// Those of the query.
pub async fn correlated(context: &SessionContext, rules: &Rules, window: &Window) -> Result<Vec<Finding>, QueryError> {
    if rules.told_correlations().is_empty() {
        return Ok(Vec::new());
    }
    let plan = Plan::new(rules);
    let mut stream = answer(plan.events(context, window).await?).await?;
    let mut correlators: Vec<Correlator<'_>> =
        rules.correlations.iter().map(|linked| Correlator::new(&linked.correlation, linked.sources.len())).collect();
    while let Some(batch) = stream.next().await.transpose()? {
        plan.feed(&batch, &mut correlators)?;
    }
    let first = rules.told().len();
    let mut found: Vec<Option<Vec<_>>> = correlators.into_iter().map(|one| Some(one.finish())).collect();
    let mut findings = Vec::new();
    for (number, at) in rules.told_correlations().into_iter().enumerate() {
        let names = rules.correlations.get(at).map(|linked| linked.correlation.group_by.as_slice()).unwrap_or_default();
        let matches = found.get_mut(at).and_then(Option::take).unwrap_or_default();
        findings.extend(matches.into_iter().map(|one| Finding {
            rule: first + number,
            first_us: one.first_us,
            last_us: one.last_us,
            principal: one.principal.as_deref().map(str::to_owned),
            event: None,
            group: names.iter().cloned().zip(one.group.iter().map(|value| value.to_string())).collect(),
            events: one.events,
            ids: one.ids.iter().map(|id| id.to_string()).collect(),
        }));
    }
    Ok(findings)
}

/// What correlations need of events.
struct Plan<'a> {
    rules: &'a Rules,
    /// Places of the rules that they are over.
    base: Vec<usize>,
    /// Fields that they group by or count, each a column.
    fields: Vec<String>,
    /// By correlation and source: places of the fields that it groups by, and of those that it counts. Empty where a
    /// correlation is not needed: it gets no events.
    wanted: Vec<Vec<[Vec<usize>; 2]>>,
}

impl<'a> Plan<'a> {
    fn new(rules: &'a Rules) -> Plan<'a> {
        let mut plan = Plan { rules, base: Vec::new(), fields: Vec::new(), wanted: Vec::new() };
        for (linked, is_needed) in rules.correlations.iter().zip(rules.needed()) {
            let mut wanted = Vec::new();
            for source in linked.sources.iter().filter(|_| is_needed) {
                if let Source::Rule(at) = source
                    && !plan.base.contains(at)
                {
                    plan.base.push(*at);
                }
                wanted.push(
                    [plan.grouped(linked, *source), plan.counted(linked, *source)].map(|names| plan.places(names)),
                );
            }
            plan.wanted.push(wanted);
        }
        plan
    }

    /// Places of fields among the columns, which get those that they lack.
    fn places(&mut self, names: Vec<String>) -> Vec<usize> {
        let place = |name: String| match self.fields.iter().position(|field| *field == name) {
            Some(place) => place,
            None => {
                self.fields.push(name);
                self.fields.len() - 1
            }
        };
        names.into_iter().map(place).collect()
    }

    fn header(&self, source: Source) -> Option<&'a Header> {
        match source {
            Source::Rule(at) => self.rules.rules.get(at).map(|rule| &rule.header),
            Source::Correlation(at) => self.rules.correlations.get(at).map(|linked| &linked.correlation.header),
        }
    }

    /// The fields of a correlation's group in events of one of its sources.
    fn grouped(&self, linked: &Linked, source: Source) -> Vec<String> {
        self.fields_of(linked, source, &linked.correlation.group_by)
    }

    /// The fields that it counts or sums up.
    fn counted(&self, linked: &Linked, source: Source) -> Vec<String> {
        match &linked.correlation.kind {
            Kind::ValueCount(fields) => self.fields_of(linked, source, fields),
            Kind::ValueSum(field) | Kind::ValueAverage(field) => {
                self.fields_of(linked, source, std::slice::from_ref(field))
            }
            Kind::EventCount | Kind::Temporal | Kind::TemporalOrdered => Vec::new(),
        }
    }

    fn fields_of(&self, linked: &Linked, source: Source, names: &[String]) -> Vec<String> {
        let called = self.header(source).map_or([None; 2], |header| [header.name.as_deref(), header.id.as_deref()]);
        names.iter().map(|name| field_of(&linked.correlation, name, &called).to_owned()).collect()
    }

    /// The events of all rules that correlations are over, by time.
    async fn events(&self, context: &SessionContext, window: &Window) -> Result<DataFrame, QueryError> {
        let rules = self.base.iter().filter_map(|at| self.rules.rules.get(*at));
        let predicates: Vec<_> = rules.map(|rule| &rule.predicate).collect();
        let value = |(at, name): (usize, &String)| -> Result<(String, Expr), QueryError> {
            let field = Field::named(name);
            let texts = texts_of(&field)?;
            let value = match field.source {
                FieldSource::Column(_) => texts,
                // Of several the first.
                _ => array_element(texts, lit(1_i64)),
            };
            Ok((column(at), value))
        };
        let more = self.fields.iter().enumerate().map(value).collect::<Result<Vec<_>, _>>()?;
        let order = ["event_time", "event_id"].map(|name| col(name).sort(true, false));
        Ok(scan(context, window, &predicates, &more).await?.sort(order.into())?)
    }

    /// Gives the events of a batch to correlations, and what these find to those that are over them.
    fn feed(&self, batch: &RecordBatch, correlators: &mut [Correlator<'_>]) -> Result<(), QueryError> {
        let times = numbers(batch, "event_time")?;
        let (ids, principals) = (texts(batch, "event_id")?, texts(batch, "principal_arn")?);
        let fields = (0..self.fields.len()).map(|at| texts(batch, &column(at))).collect::<Result<Vec<_>, _>>()?;
        let Some(hits) = batch.column_by_name(HITS).and_then(|hits| hits.as_list_opt::<i32>()) else { return Ok(()) };
        for (row, time_us) in times.into_iter().enumerate() {
            let hits = hits.value(row);
            let rules = hits.as_primitive::<Int32Type>().iter().flatten();
            let rules = rules.filter_map(|hit| self.base.get(usize::try_from(hit).ok()?).map(|at| Source::Rule(*at)));
            let text = |column: &StringViewArray| column.is_valid(row).then(|| Arc::<str>::from(column.value(row)));
            let event = Row {
                time_us,
                id: text(&ids).unwrap_or_else(|| Arc::from("")),
                principal: text(&principals),
                fields: fields.iter().map(text).collect(),
            };
            self.row(&event, rules.collect(), correlators);
        }
        Ok(())
    }

    fn row(&self, event: &Row, rules: Vec<Source>, correlators: &mut [Correlator<'_>]) {
        // What the event is to correlations: a match of rules, then one of correlations.
        let mut seen: Vec<(Source, bool, Input)> =
            rules.into_iter().map(|source| (source, true, event.input())).collect();
        let all = self.rules.correlations.iter().zip(&self.wanted).zip(correlators);
        for (at, ((linked, wanted), correlator)) in all.enumerate() {
            let is_temporal = matches!(linked.correlation.kind, Kind::Temporal | Kind::TemporalOrdered);
            let mut met: Option<(Source, bool, Input)> = None;
            // From the last place on, so that an event of two places ends one chain before it begins another.
            for (place, (source, [grouped, counted])) in linked.sources.iter().zip(wanted).enumerate().rev() {
                let Some((_, is_new, input)) = seen.iter().find(|(seen, ..)| seen == source) else { continue };
                // A match that goes on is one match. An event without a value of the group belongs to none.
                let group: Option<Vec<Arc<str>>> = event.values(grouped).into_iter().collect();
                let (Some(group), true) = (group, *is_new || is_temporal) else { continue };
                let input = Input { source: place, group, values: event.values(counted), ..input.clone() };
                if let Some(outcome) = correlator.push(input) {
                    let is_new = outcome.is_new || met.as_ref().is_some_and(|(_, is_new, _)| *is_new);
                    met = Some((Source::Correlation(at), is_new, event.behind(outcome.found)));
                }
            }
            seen.extend(met.filter(|_| self.is_source(at)));
        }
    }

    fn is_source(&self, at: usize) -> bool {
        self.rules.correlations.iter().any(|linked| linked.sources.contains(&Source::Correlation(at)))
    }
}

/// The column of a field.
fn column(at: usize) -> String {
    format!("trailpare_field_{at}")
}

/// An event as correlations need it.
struct Row {
    time_us: i64,
    id: Arc<str>,
    principal: Option<Arc<str>>,
    fields: Vec<Option<Arc<str>>>,
}

impl Row {
    fn input(&self) -> Input {
        Input {
            source: 0,
            time_us: self.time_us,
            first_us: self.time_us,
            events: 1,
            ids: vec![Arc::clone(&self.id)],
            principal: self.principal.clone(),
            group: Vec::new(),
            values: Vec::new(),
        }
    }

    /// A match that ends with the event, as correlations over it see it.
    fn behind(&self, found: &Match) -> Input {
        Input {
            first_us: found.first_us,
            events: found.events,
            ids: found.ids.clone(),
            principal: found.principal.clone(),
            ..self.input()
        }
    }

    fn values(&self, places: &[usize]) -> Vec<Option<Arc<str>>> {
        places.iter().map(|place| self.fields.get(*place).cloned().flatten()).collect()
    }
}
