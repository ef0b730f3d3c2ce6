//! One scan of `events` for all rules.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int32Builder, ListBuilder};
use arrow::datatypes::{DataType, Field as ArrowField};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::functions::utils::make_scalar_function;
use datafusion::logical_expr::{ColumnarValue, Expr, Operator, ScalarUDF, Volatility, col, create_udf, lit};
use datafusion::prelude::{DataFrame, SessionContext};

use super::expr::{balanced, condition};
use super::predicate::Predicate;
use crate::store::Table;
use crate::time::day_of;
use crate::usage::{Selection, TimeRange};

/// Which events are looked at.
#[derive(Clone, Debug, Default)]
pub struct Window {
    /// When.
    pub range: TimeRange,
    /// Whose; `None`: everybody's.
    pub selection: Option<Selection>,
}

/// The column of [`scan`] that says which predicates an event meets.
pub(super) const HITS: &str = "trailpare_hits";

/// What is told of each event.
pub(super) const TOLD: [&str; 10] = [
    "event_time",
    "event_id",
    "principal_arn",
    "session_name",
    "account_id",
    "event_source",
    "event_name",
    "aws_region",
    "source_ip_address",
    "error_code",
];

/// The events that are looked at.
pub(super) async fn events(context: &SessionContext, window: &Window) -> Result<DataFrame> {
    let mut events = context.table(Table::Events.name()).await?;
    let instant = |time_us: i64| lit(ScalarValue::TimestampMicrosecond(Some(time_us), Some("UTC".into())));
    let day = |time_us: i64| lit(ScalarValue::Date32(Some(day_of(time_us))));
    if let Some(from_us) = window.range.from_us {
        events = events.filter(col("event_date").gt_eq(day(from_us)).and(col("event_time").gt_eq(instant(from_us))))?;
    }
    if let Some(to_us) = window.range.to_us {
        events = events.filter(col("event_date").lt_eq(day(to_us)).and(col("event_time").lt(instant(to_us))))?;
    }
    match &window.selection {
        Some(selection) => events.filter(selected(selection)),
        None => Ok(events),
    }
}

/// Whether an event is one of those who are meant.
fn selected(selection: &Selection) -> Expr {
    let selection = selection.clone();
    let body = move |arrays: &[ArrayRef]| -> Result<ArrayRef> {
        let texts: Vec<_> = arrays.iter().filter_map(|array| array.as_string_view_opt()).collect();
        let [arns, sets, sessions, accounts] = texts.as_slice() else {
            return datafusion::common::internal_err!("who is meant is told by four texts");
        };
        let rows = arns.iter().zip(sets.iter()).zip(sessions.iter()).zip(accounts.iter());
        let is_meant = rows.map(|(((arn, set), session), account)| {
            Some(selection.means(arn.unwrap_or_default(), set, session, account.unwrap_or_default()))
        });
        Ok(Arc::new(is_meant.collect::<BooleanArray>()))
    };
    let takes = vec![DataType::Utf8View; 4];
    let body = Arc::new(make_scalar_function(body, Vec::new()));
    let function = create_udf("trailpare_selected", takes, DataType::Boolean, Volatility::Immutable, body);
    function.call(vec![col("principal_arn"), col("permission_set"), col("session_name"), account()])
}

/// The account in which the principal lives, else the one that logged the event.
fn account() -> Expr {
    datafusion::functions::expr_fn::coalesce(vec![col("principal_account_id"), col("recipient_account_id")])
}

/// Who acted, also where the identity has an ARN of another form than principals have.
fn principal() -> Expr {
    datafusion::functions::expr_fn::coalesce(vec![col("principal_arn"), col("user_identity_arn")])
}

/// The events that meet at least one predicate: columns of [`TOLD`], `more`, and in [`HITS`] the places of the
/// predicates that they meet.
pub(super) async fn scan(
    context: &SessionContext,
    window: &Window,
    predicates: &[&Predicate],
    more: &[(String, Expr)],
) -> Result<DataFrame> {
    // A predicate without a cheap column reads every JSON text, so such ones get a scan of their own.
    let is_open = |predicate: &Predicate| predicate.cheap() == Predicate::Always(true);
    let (open, narrow): (Vec<_>, Vec<_>) =
        predicates.iter().copied().enumerate().partition(|(_, predicate)| is_open(predicate));
    let mut scans = Vec::new();
    for part in [narrow, open].iter().filter(|part| !part.is_empty()) {
        scans.push(part_of(events(context, window).await?, part, more)?);
    }
    let mut scans = scans.into_iter();
    let Some(first) = scans.next() else {
        return part_of(events(context, window).await?, &[(0, &Predicate::Always(false))], more);
    };
    scans.try_fold(first, DataFrame::union)
}

fn part_of(events: DataFrame, part: &[(usize, &Predicate)], more: &[(String, Expr)]) -> Result<DataFrame> {
    // What the Parquet reader decides by cheap columns, it does before it reads JSON.
    let cheap = part.iter().map(|(_, predicate)| condition(&predicate.cheap())).collect::<Result<Vec<_>>>()?;
    let cheap = balanced(cheap, Operator::Or);
    let met = part.iter().map(|(_, predicate)| condition(predicate)).collect::<Result<Vec<_>>>()?;
    let exact = balanced(met.clone(), Operator::Or);
    let places = part.iter().filter_map(|(place, _)| i32::try_from(*place).ok()).collect();
    let told = TOLD.iter().map(|name| match *name {
        "account_id" => account().alias(*name),
        "principal_arn" => principal().alias(*name),
        name => col(name),
    });
    let more = more.iter().map(|(name, expr)| expr.clone().alias(name));
    let columns: Vec<Expr> = told.chain(more).chain([hits(places).call(met).alias(HITS)]).collect();
    let events = events.filter(cheap.clone())?;
    let events = if exact == cheap { events } else { events.filter(exact)? };
    events.select(columns)
}

/// A function of conditions: the places of those that are met.
fn hits(places: Vec<i32>) -> ScalarUDF {
    let list = DataType::List(Arc::new(ArrowField::new_list_field(DataType::Int32, true)));
    let takes = vec![DataType::Boolean; places.len()];
    let body = move |values: &[ColumnarValue]| -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(values)?;
        let met: Vec<&BooleanArray> = arrays.iter().filter_map(|array| array.as_boolean_opt()).collect();
        let rows = met.first().map_or(0, |array| array.len());
        let mut lists = ListBuilder::new(Int32Builder::new());
        for row in 0..rows {
            for (met, place) in met.iter().zip(&places) {
                if met.is_valid(row) && met.value(row) {
                    lists.values().append_value(*place);
                }
            }
            lists.append(true);
        }
        Ok(ColumnarValue::Array(Arc::new(lists.finish())))
    };
    create_udf("trailpare_hits", takes, list, Volatility::Immutable, Arc::new(body))
}
