//! Correlations: what comes together within a time span, group by group.
//! Source: Sigma Correlation Rules Specification 2.1.0.
//!
//! Events come in the order of their times. A condition that more events can't make false (`gt`, `gte`) is judged at
//! each event, over the time span that ends there; what follows from windows that overlap is one match. Any other
//! condition is judged once a time span is over that began with a group's first event.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use super::rule::{Correlation, Kind};
use super::tally::{Input, Tally};

/// Ids of events that a match lists; it counts all.
pub const IDS_MAX: usize = 100;

/// Events between two looks for groups whose time is over.
const SWEEP: usize = 10_000;

/// What a correlation found.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Match {
    pub first_us: i64,
    pub last_us: i64,
    pub group: Vec<Arc<str>>,
    /// Who acted, where it was one.
    pub principal: Option<Arc<str>>,
    /// How many events.
    pub events: usize,
    /// The first of their ids.
    pub ids: Vec<Arc<str>>,
}

/// What one more event comes to.
#[derive(Debug)]
pub(super) struct Met<'a> {
    /// The event before did not meet it.
    pub is_new: bool,
    /// The match that it belongs to, as far as it has come.
    pub found: &'a Match,
}

/// A correlation while events come.
#[derive(Debug)]
pub(super) struct Correlator<'a> {
    correlation: &'a Correlation,
    sources: usize,
    groups: HashMap<Vec<Arc<str>>, Group>,
    /// Matches that are over.
    done: Vec<Match>,
    since_sweep: usize,
}

/// What a group has come to.
#[derive(Debug, Default)]
struct Group {
    window: VecDeque<Input>,
    tally: Tally,
    /// Events of the window, from its end, that no match has yet.
    fresh: usize,
    /// For an order of rules: the latest chain that has come to each of them.
    chains: Vec<Option<Vec<Input>>>,
    is_met: bool,
    open: Option<Open>,
}

/// A match that may still grow.
#[derive(Debug, Default)]
struct Open {
    found: Match,
    /// Of an order of rules: events that are in it.
    seen: HashSet<Arc<str>>,
}

impl<'a> Correlator<'a> {
    pub fn new(correlation: &'a Correlation, sources: usize) -> Correlator<'a> {
        Correlator { correlation, sources, groups: HashMap::new(), done: Vec::new(), since_sweep: 0 }
    }

    /// Takes an event, later than those before or as late. Whether it meets a condition that is judged at each event.
    pub fn push(&mut self, input: Input) -> Option<Met<'_>> {
        self.sweep(input.time_us);
        let (correlation, sources) = (self.correlation, self.sources);
        let group = self.groups.entry(input.group.clone()).or_default();
        let is_met = match (&correlation.kind, correlation.slides()) {
            (Kind::TemporalOrdered, _) => group.ordered(input, correlation.timespan_us, sources, &mut self.done),
            (_, true) => group.slide(input, correlation, &mut self.done),
            (_, false) => {
                group.tumble(input, correlation, &mut self.done);
                false
            }
        };
        let is_new = is_met && !group.is_met;
        group.is_met = is_met;
        let open = group.open.as_ref().filter(|_| is_met)?;
        Some(Met { is_new, found: &open.found })
    }

    /// All matches, once there are no more events, by time.
    pub fn finish(mut self) -> Vec<Match> {
        for (_, group) in self.groups.drain() {
            close(group, self.correlation, &mut self.done);
        }
        self.done.sort_by(|a, b| (a.first_us, a.last_us, &a.group).cmp(&(b.first_us, b.last_us, &b.group)));
        self.done
    }

    /// Forgets groups whose time is over.
    fn sweep(&mut self, now_us: i64) {
        self.since_sweep += 1;
        if self.since_sweep < SWEEP {
            return;
        }
        self.since_sweep = 0;
        let before_us = now_us.saturating_sub(self.correlation.timespan_us);
        let over: Vec<Vec<Arc<str>>> =
            self.groups.iter().filter(|(_, group)| group.last_us() < before_us).map(|(key, _)| key.clone()).collect();
        for key in over {
            if let Some(group) = self.groups.remove(&key) {
                close(group, self.correlation, &mut self.done);
            }
        }
    }
}

fn close(mut group: Group, correlation: &Correlation, done: &mut Vec<Match>) {
    if !correlation.slides() {
        group.judge(correlation, done);
    }
    done.extend(group.open.map(|open| open.found));
}

impl Group {
    /// When it was last heard of.
    fn last_us(&self) -> i64 {
        let window = self.window.back().map(|input| input.time_us);
        let chains = self.chains.iter().flatten().filter_map(|chain| chain.last()).map(|input| input.time_us);
        let open = self.open.as_ref().map(|open| open.found.last_us);
        chains.chain(window).chain(open).max().unwrap_or(i64::MIN)
    }

    /// Whether the window that ends with an event meets the condition.
    fn slide(&mut self, input: Input, correlation: &Correlation, done: &mut Vec<Match>) -> bool {
        let first_us = input.time_us.saturating_sub(correlation.timespan_us);
        self.take(input, &correlation.kind);
        while self.window.front().is_some_and(|front| front.time_us < first_us) {
            if let Some(front) = self.window.pop_front() {
                self.tally.remove(&front, &correlation.kind);
            }
        }
        self.fresh = self.fresh.min(self.window.len());
        if !self.tally.meets(correlation) {
            return false;
        }
        let begin_us = self.window.front().map_or(i64::MAX, |front| front.first_us);
        if self.open.as_ref().is_some_and(|open| open.found.last_us < begin_us) {
            done.extend(self.open.take().map(|open| open.found));
            self.fresh = self.window.len();
        }
        let open = self.open.get_or_insert_default();
        let known = self.window.len() - self.fresh;
        self.window.iter().skip(known).for_each(|input| open.add(input));
        self.fresh = 0;
        true
    }

    /// Puts an event into the window. One that several rules match counts as one event.
    fn take(&mut self, input: Input, kind: &Kind) {
        let is_repeated = self.window.back().is_some_and(|back| back.ids == input.ids);
        let input = Input { events: if is_repeated { 0 } else { input.events }, ..input };
        self.tally.add(&input, kind);
        self.window.push_back(input);
        self.fresh += 1;
    }

    /// Adds an event to the window that runs, or judges that one and begins another.
    fn tumble(&mut self, input: Input, correlation: &Correlation, done: &mut Vec<Match>) {
        let end_us = self.window.front().map(|front| front.time_us.saturating_add(correlation.timespan_us));
        if end_us.is_some_and(|end_us| input.time_us > end_us) {
            self.judge(correlation, done);
        }
        self.take(input, &correlation.kind);
    }

    fn judge(&mut self, correlation: &Correlation, done: &mut Vec<Match>) {
        if !self.window.is_empty() && self.tally.meets(correlation) {
            let mut open = Open::default();
            self.window.iter().for_each(|input| open.add(input));
            done.push(open.found);
        }
        self.window.clear();
        self.tally = Tally::default();
    }

    /// Whether an event belongs to a chain of one event a rule, in their order. CloudTrail's times are whole seconds:
    /// of events of one second any may have been the first.
    fn ordered(&mut self, input: Input, span_us: i64, rules: usize, done: &mut Vec<Match>) -> bool {
        let now_us = input.time_us;
        if self.window.front().is_some_and(|front| front.time_us < now_us) {
            self.window.clear();
        }
        let ids = input.ids.clone();
        // A chain takes one event a place: more of one rule and second than places add nothing.
        let is_alike = |other: &Input| other.source == input.source;
        if self.window.iter().filter(|other| is_alike(other)).count() > rules {
            let oldest = self.window.iter().position(is_alike);
            oldest.and_then(|at| self.window.remove(at));
        }
        self.window.push_back(input);
        self.chains.resize_with(rules, || None);
        let mut completed = None;
        for place in 0..rules {
            for event in self.window.iter().filter(|event| event.source == place) {
                let chain = match place.checked_sub(1) {
                    None => vec![event.clone()],
                    Some(before) => match self.chains.get(before).and_then(Option::as_ref) {
                        Some(chain) if leads_on(chain, event, span_us) => {
                            chain.iter().chain([event]).cloned().collect()
                        }
                        _ => continue,
                    },
                };
                let Some(slot) = self.chains.get_mut(place) else { continue };
                if slot.as_ref().is_some_and(|old| begun_us(old) > begun_us(&chain)) {
                    continue;
                }
                // A rule that is named twice: the event stands at its first place as well.
                if place + 1 == rules && chain.iter().any(|link| link.ids == ids) {
                    completed = Some(chain.clone());
                }
                *slot = Some(chain);
            }
        }
        let Some(chain) = completed else { return false };
        if self.open.as_ref().is_some_and(|open| open.found.last_us < begun_us(&chain)) {
            done.extend(self.open.take().map(|open| open.found));
        }
        let open = self.open.get_or_insert_default();
        for link in &chain {
            if link.ids.iter().any(|id| !open.seen.contains(id)) {
                open.seen.extend(link.ids.iter().cloned());
                open.add(link);
            }
        }
        true
    }
}

fn begun_us(chain: &[Input]) -> i64 {
    chain.first().map_or(i64::MIN, |first| first.time_us)
}

/// Whether an event may follow a chain.
fn leads_on(chain: &[Input], event: &Input, span_us: i64) -> bool {
    event.time_us.saturating_sub(begun_us(chain)) <= span_us && chain.iter().all(|link| link.ids != event.ids)
}

impl Open {
    fn add(&mut self, input: &Input) {
        let found = &mut self.found;
        if found.ids.is_empty() {
            (found.first_us, found.last_us) = (input.first_us, input.time_us);
            (found.principal, found.group) = (input.principal.clone(), input.group.clone());
        } else if found.principal != input.principal {
            found.principal = None;
        }
        found.first_us = found.first_us.min(input.first_us);
        found.last_us = found.last_us.max(input.time_us);
        found.events += input.events;
        for id in &input.ids {
            if found.ids.len() < IDS_MAX && found.ids.last() != Some(id) {
                found.ids.push(Arc::clone(id));
            }
        }
    }
}

/// The field that stands for a name of `group-by` in events of a rule.
pub(super) fn field_of<'a>(correlation: &'a Correlation, name: &'a str, rule: &[Option<&str>]) -> &'a str {
    let by_rule: Option<&BTreeMap<String, String>> = correlation.aliases.get(name);
    by_rule.and_then(|fields| rule.iter().flatten().find_map(|called| fields.get(*called))).map_or(name, String::as_str)
}
