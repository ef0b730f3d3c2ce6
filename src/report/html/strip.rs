//! The coverage of one account and region, drawn as a strip of days.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::report::Day;
use crate::report::coverage::{Missing, Place, State};

/// Runs of missing hours that are listed; the command line has all.
const MISSING_MAX: usize = 5;

/// A strip of days, each as bad as the worst of its hours.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Strip<'a> {
    pub(super) account_id: &'a str,
    pub(super) region: &'a str,
    pub(super) has_digests: bool,
    pub(super) first: Option<Day>,
    pub(super) last: Option<Day>,
    /// One unit a day.
    pub(super) width: usize,
    /// Name of a state → an SVG path of its days.
    pub(super) paths: Vec<(&'static str, String)>,
    pub(super) proved: u64,
    pub(super) present: u64,
    pub(super) unknown: u64,
    pub(super) missing: u64,
    pub(super) runs: &'a [Missing],
    pub(super) more_runs: usize,
}

impl<'a> Strip<'a> {
    pub(super) fn of(place: &'a Place) -> Strip<'a> {
        let mut hours: BTreeMap<State, u64> = BTreeMap::new();
        let mut paths: BTreeMap<State, String> = BTreeMap::new();
        for day in &place.days {
            day.hours.iter().for_each(|state| *hours.entry(*state).or_default() += 1);
        }
        let mut at = 0;
        for run in place.days.chunk_by(|a, b| a.state == b.state) {
            let state = run.first().map_or(State::Outside, |day| day.state);
            *paths.entry(state).or_default() += &format!("M{at} 0h{0}v10h-{0}z", run.len());
            at += run.len();
        }
        let of = |state: State| hours.get(&state).copied().unwrap_or(0);
        let shown = place.missing.get(..MISSING_MAX.min(place.missing.len())).unwrap_or_default();
        Strip {
            account_id: &place.account_id,
            region: &place.region,
            has_digests: place.has_digests,
            first: place.days.first().map(|day| day.day),
            last: place.days.last().map(|day| day.day),
            width: place.days.len(),
            paths: paths.into_iter().map(|(state, path)| (name(state), path)).collect(),
            proved: of(State::Proved),
            present: of(State::Present),
            unknown: of(State::Unknown),
            missing: of(State::Missing),
            runs: shown,
            more_runs: place.missing.len() - shown.len(),
        }
    }
}

/// Of its class in the style sheet.
fn name(state: State) -> &'static str {
    match state {
        State::Outside => "outside",
        State::Proved => "proved",
        State::Present => "present",
        State::Unknown => "unknown",
        State::Missing => "missing",
    }
}
