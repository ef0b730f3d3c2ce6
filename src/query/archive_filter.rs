//! What a query's filters say of days, accounts and regions: enough to leave out log objects by their keys.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Operator};

use crate::time::MICROS_PER_DAY;
use crate::usage::TimeRange;

/// What of an archive may matter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Wanted {
    /// When the events happened.
    pub range: TimeRange,
    /// Of these accounts; all where empty.
    pub accounts: Vec<String>,
    /// Of these regions; all where empty.
    pub regions: Vec<String>,
}

impl Wanted {
    /// What passes all of these filters; what is not understood leaves out nothing.
    pub fn of(filters: &[Expr]) -> Wanted {
        let mut wanted = Wanted::default();
        filters.iter().flat_map(split_conjunction).for_each(|filter| wanted.narrow(filter));
        wanted
    }

    fn narrow(&mut self, filter: &Expr) {
        match filter {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => match (left.as_ref(), right.as_ref()) {
                (Expr::Column(column), Expr::Literal(value, _)) => self.compare(&column.name, *op, value),
                (Expr::Literal(value, _), Expr::Column(column)) => {
                    if let Some(op) = op.swap() {
                        self.compare(&column.name, op, value);
                    }
                }
                _ => self.one_of(filter),
            },
            Expr::Between(Between { expr, negated: false, low, high }) => {
                if let (Expr::Column(column), Expr::Literal(low, _), Expr::Literal(high, _)) =
                    (expr.as_ref(), low.as_ref(), high.as_ref())
                {
                    self.compare(&column.name, Operator::GtEq, low);
                    self.compare(&column.name, Operator::LtEq, high);
                }
            }
            Expr::InList(list) if !list.negated => {
                let texts: Option<Vec<String>> = list.list.iter().map(text).collect();
                if let (Expr::Column(column), Some(texts)) = (list.expr.as_ref(), texts) {
                    self.texts(&column.name, texts);
                }
            }
            _ => {}
        }
    }

    /// `a = 'x' OR a = 'y'`, which DataFusion makes of short lists.
    fn one_of(&mut self, filter: &Expr) {
        let (mut column, mut texts, mut rest) = (None, Vec::new(), vec![filter]);
        while let Some(part) = rest.pop() {
            match part {
                Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => rest.extend([&**left, &**right]),
                Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
                    let (Expr::Column(name), Some(value)) = (left.as_ref(), text(right)) else { return };
                    if column.get_or_insert(&name.name) != &&name.name {
                        return;
                    }
                    texts.push(value);
                }
                _ => return,
            }
        }
        if let Some(column) = column {
            self.texts(column, texts);
        }
    }

    fn compare(&mut self, column: &str, op: Operator, value: &ScalarValue) {
        match column {
            "event_date" => {
                let ScalarValue::Date32(Some(day)) = value else { return };
                let begin = i64::from(*day) * MICROS_PER_DAY;
                self.between(op, begin, begin + MICROS_PER_DAY);
            }
            "event_time" => {
                let ScalarValue::TimestampMicrosecond(Some(time_us), _) = value else { return };
                self.between(op, *time_us, time_us.saturating_add(1));
            }
            "recipient_account_id" | "aws_region" if op == Operator::Eq => {
                if let Some(text) = value.try_as_str().flatten() {
                    self.texts(column, vec![text.to_owned()]);
                }
            }
            _ => {}
        }
    }

    /// Narrows the window by what begins at `begin` and ends before `behind`.
    fn between(&mut self, op: Operator, begin: i64, behind: i64) {
        let from = match op {
            Operator::Eq | Operator::GtEq => Some(begin),
            Operator::Gt => Some(behind),
            _ => None,
        };
        let to = match op {
            Operator::Eq | Operator::LtEq => Some(behind),
            Operator::Lt => Some(begin),
            _ => None,
        };
        self.range.from_us = self.range.from_us.max(from);
        self.range.to_us = match (self.range.to_us, to) {
            (Some(known), Some(to)) => Some(known.min(to)),
            (known, to) => known.or(to),
        };
    }

    fn texts(&mut self, column: &str, texts: Vec<String>) {
        let known = match column {
            "recipient_account_id" => &mut self.accounts,
            "aws_region" => &mut self.regions,
            _ => return,
        };
        // Of two conditions the first one is enough: the scan has both.
        if known.is_empty() {
            *known = texts;
        }
    }
}

fn text(value: &Expr) -> Option<String> {
    match value {
        Expr::Literal(value, _) => value.try_as_str().flatten().map(str::to_owned),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{col, lit};

    use super::*;

    fn day(number: i32) -> Expr {
        lit(ScalarValue::Date32(Some(number)))
    }

    #[test]
    fn filters_narrow() {
        let range = |filter: Expr| {
            let range = Wanted::of(&[filter]).range;
            (range.from_us.map(|us| us / MICROS_PER_DAY), range.to_us.map(|us| us / MICROS_PER_DAY))
        };
        assert_eq!(range(col("event_date").eq(day(3))), (Some(3), Some(4)));
        assert_eq!(range(col("event_date").gt(day(3))), (Some(4), None));
        assert_eq!(range(day(3).gt(col("event_date"))), (None, Some(3)));
        assert_eq!(range(col("event_date").between(day(3), day(5))), (Some(3), Some(6)));
        assert_eq!(range(col("event_date").gt_eq(day(3)).and(col("event_date").gt_eq(day(1)))), (Some(3), None));
        assert_eq!(range(col("event_date").eq(day(3)).or(col("event_date").eq(day(9)))), (None, None));
        let time = lit(ScalarValue::TimestampMicrosecond(Some(MICROS_PER_DAY), Some("UTC".into())));
        assert_eq!(range(col("event_time").gt_eq(time)), (Some(1), None));
        let wanted = Wanted::of(&[
            col("recipient_account_id").eq(lit("1")).or(col("recipient_account_id").eq(lit("2"))),
            col("aws_region").in_list(vec![lit("a"), lit("b")], false),
            col("event_name").eq(lit("x")),
        ]);
        assert_eq!((wanted.accounts.len(), wanted.regions.as_slice()), (2, &["a".to_owned(), "b".to_owned()][..]));
        let other = Wanted::of(&[col("aws_region").eq(lit("a")).or(col("event_name").eq(lit("b")))]);
        assert_eq!(other, Wanted::default());
        let negated =
            Wanted::of(&[col("aws_region").in_list(vec![lit("a")], true), col("aws_region").not_eq(lit("b"))]);
        assert_eq!(negated, Wanted::default());
    }
}
