//! What a window of events comes to: counted as events come and go.

use std::collections::HashMap;
use std::sync::Arc;

use super::rule::{Correlation, Kind};

/// An event, or the match of a correlation, as another correlation sees it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Input {
    /// Which of the correlation's sources it is from.
    pub source: usize,
    pub time_us: i64,
    /// When the first event behind it was.
    pub first_us: i64,
    /// How many events are behind it, and ids of them.
    pub events: usize,
    pub ids: Vec<Arc<str>>,
    pub principal: Option<Arc<str>>,
    /// Values of `group-by`.
    pub group: Vec<Arc<str>>,
    /// Values of the fields that are counted or summed.
    pub values: Vec<Option<Arc<str>>>,
}

/// Values of the fields that are counted together.
type Values = Vec<Arc<str>>;

/// The figures of a window.
#[derive(Debug, Default)]
pub(super) struct Tally {
    events: usize,
    sources: HashMap<usize, usize>,
    values: HashMap<Values, usize>,
    sum: f64,
    numbers: usize,
}

impl Tally {
    /// An event comes into the window.
    pub fn add(&mut self, input: &Input, kind: &Kind) {
        // One that is the match of a correlation is one, however many are behind it.
        self.events += usize::from(input.events > 0);
        match kind {
            Kind::EventCount => {}
            Kind::ValueCount(_) => {
                if let Some(values) = known(input) {
                    *self.values.entry(values).or_default() += 1;
                }
            }
            Kind::ValueSum(_) | Kind::ValueAverage(_) => {
                if let Some(number) = number(input) {
                    self.sum += number;
                    self.numbers += 1;
                }
            }
            Kind::Temporal | Kind::TemporalOrdered => *self.sources.entry(input.source).or_default() += 1,
        }
    }

    /// An event leaves the window.
    pub fn remove(&mut self, input: &Input, kind: &Kind) {
        self.events -= usize::from(input.events > 0);
        match kind {
            Kind::EventCount => {}
            Kind::ValueCount(_) => {
                if let Some(values) = known(input) {
                    fewer(&mut self.values, &values);
                }
            }
            Kind::ValueSum(_) | Kind::ValueAverage(_) => {
                if let Some(number) = number(input) {
                    self.numbers -= 1;
                    // So that what rounding leaves doesn't add up.
                    self.sum = if self.numbers == 0 { 0.0 } else { self.sum - number };
                }
            }
            Kind::Temporal | Kind::TemporalOrdered => fewer(&mut self.sources, &input.source),
        }
    }

    /// Whether a window of these figures meets the condition.
    pub fn meets(&self, correlation: &Correlation) -> bool {
        let value = match &correlation.kind {
            Kind::EventCount => self.events as f64,
            Kind::ValueCount(_) => self.values.len() as f64,
            Kind::ValueSum(_) => self.sum,
            Kind::ValueAverage(_) if self.numbers == 0 => return false,
            Kind::ValueAverage(_) => self.sum / self.numbers as f64,
            Kind::Temporal | Kind::TemporalOrdered => self.sources.len() as f64,
        };
        correlation.bounds.iter().all(|bound| bound.is_met(value))
    }
}

fn fewer<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

/// The values, where an event has all of them.
fn known(input: &Input) -> Option<Values> {
    input.values.iter().cloned().collect()
}

fn number(input: &Input) -> Option<f64> {
    // An event that several rules match is summed up once.
    let value = input.values.first().filter(|_| input.events > 0)?;
    value.as_deref()?.trim().parse().ok().filter(|number: &f64| number.is_finite())
}
