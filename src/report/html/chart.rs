//! The numbers of a page's charts.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::report::Day;
use crate::report::overview::{AccountSummary, Overview, Principal};

/// Bars of a chart over time at the most: days if they are fewer, else runs of days.
const BARS_MAX: i32 = 120;

/// A chart's height, in its own units.
const HEIGHT: u64 = 40;

/// Bars over time, and where there are no logs at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Bars {
    /// Its width: four units a bar.
    pub(super) width: i32,
    pub(super) height: u64,
    /// An SVG path whose strokes are the bars, each three units wide.
    pub(super) bars: String,
    /// An SVG path of where the account has no events.
    pub(super) gaps: String,
    /// Uses of the highest bar.
    pub(super) highest: u64,
    /// Days of a bar.
    pub(super) days: i32,
    pub(super) first: Day,
    pub(super) last: Day,
    /// Days with uses.
    pub(super) active_days: usize,
}

impl Bars {
    /// The uses of a principal, by day.
    pub(super) fn of_principal(principal: &Principal, overview: &Overview) -> Option<Bars> {
        let account = overview.accounts.iter().find(|account| account.account_id == principal.account_id);
        Bars::of(&principal.days, account.map(|account| &account.days), overview)
    }

    /// The events of an account, by day.
    pub(super) fn of_account(account: &AccountSummary, overview: &Overview) -> Option<Bars> {
        Bars::of(&account.days, Some(&account.days), overview)
    }

    /// Uses by day, beside the days with logs.
    pub(super) fn of(
        days: &BTreeMap<Day, u64>,
        logged: Option<&BTreeMap<Day, u64>>,
        overview: &Overview,
    ) -> Option<Bars> {
        let (first, last) = overview.evidence.first_day.zip(overview.evidence.last_day)?;
        let span = last.0.checked_sub(first.0)?.checked_add(1)?;
        let run = span.div_euclid(BARS_MAX) + i32::from(span.rem_euclid(BARS_MAX) > 0);
        let bars = span.div_euclid(run) + i32::from(span.rem_euclid(run) > 0);
        let place = |day: &Day| (day.0 - first.0).div_euclid(run);
        let mut heights: BTreeMap<i32, u64> = BTreeMap::new();
        for (day, uses) in days.range(first..=last) {
            *heights.entry(place(day)).or_default() += uses;
        }
        let highest = heights.values().copied().max().unwrap_or(0);
        let (mut path, mut pen) = (String::new(), (0, HEIGHT));
        for (at, uses) in &heights {
            // What is there is seen, however little it is.
            let height = (uses.saturating_mul(HEIGHT) / highest.max(1)).max(1);
            path += &match path.is_empty() {
                true => format!("M{} {HEIGHT}v-{height}", at * 4 + 2),
                false => format!("m{} {}v-{height}", at * 4 + 2 - pen.0, pen.1),
            };
            pen = (at * 4 + 2, height);
        }
        let with_logs: std::collections::BTreeSet<i32> =
            logged.into_iter().flat_map(|days| days.range(first..=last)).map(|(day, _)| place(day)).collect();
        let without = (0..bars).filter(|at| logged.is_some() && !with_logs.contains(at));
        let gaps: String = without.map(|at| format!("M{} 0h4v{HEIGHT}h-4z", at * 4)).collect();
        Some(Bars {
            width: bars * 4,
            height: HEIGHT,
            bars: path,
            gaps,
            highest,
            days: run,
            first,
            last,
            active_days: days.range(first..=last).count(),
        })
    }
}

/// Rows and columns of a heat map at the most.
const ROWS_MAX: usize = 60;
const COLUMNS_MAX: usize = 40;

/// How much the most active principals used of the most used services.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct HeatMap<'a> {
    pub(super) services: Vec<&'a str>,
    pub(super) rows: Vec<HeatRow<'a>>,
    /// Principals and services that are left out.
    pub(super) more_principals: usize,
    pub(super) more_services: usize,
}

/// A principal's row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct HeatRow<'a> {
    pub(super) name: &'a str,
    /// The number of its section.
    pub(super) number: usize,
    pub(super) cells: Vec<HeatCell<'a>>,
}

/// A cell that is not empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct HeatCell<'a> {
    pub(super) column: usize,
    pub(super) service: &'a str,
    pub(super) uses: u64,
    /// From 1 to 6: a power of ten each.
    pub(super) level: u32,
}

impl<'a> HeatMap<'a> {
    pub(super) fn of(overview: &'a Overview) -> HeatMap<'a> {
        let mut uses: BTreeMap<&str, u64> = BTreeMap::new();
        for service in overview.principals.iter().flat_map(|principal| &principal.services) {
            *uses.entry(&service.service).or_default() += service.counts.total();
        }
        let mut services: Vec<(&str, u64)> = uses.into_iter().collect();
        services.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        let more_services = services.len().saturating_sub(COLUMNS_MAX);
        let mut services: Vec<&str> = services.into_iter().take(COLUMNS_MAX).map(|(service, _)| service).collect();
        services.sort_unstable();
        let active = || overview.principals.iter().enumerate().filter(|(_, of)| !of.services.is_empty());
        let row = |(number, principal): (usize, &'a Principal)| HeatRow {
            name: &principal.name,
            number,
            cells: cells(principal, &services),
        };
        let rows = active().take(ROWS_MAX).map(row).collect();
        HeatMap { rows, more_principals: active().count().saturating_sub(ROWS_MAX), more_services, services }
    }
}

fn cells<'a>(principal: &'a Principal, services: &[&str]) -> Vec<HeatCell<'a>> {
    let of = |service: &'a crate::report::overview::ServiceUse| {
        let column = services.binary_search(&service.service.as_str()).ok()?;
        let uses = service.counts.total();
        Some(HeatCell { column, service: &service.service, uses, level: (uses.max(1).ilog10() + 1).min(6) })
    };
    principal.services.iter().filter_map(of).collect()
}
