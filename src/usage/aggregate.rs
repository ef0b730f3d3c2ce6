//! Counting: events in, rows of `usage` out, whatever the order in which the events come.

use hashbrown::HashMap;

use super::columns::{EventColumns, Words};
use super::cross_account::is_foreign_copy;
use super::generalise::generalise;
use super::interner::{NONE, Numbered, Texts};
use super::origin::{CallOrigin, Origin};
use super::row::{Outcome, UsageRow};
use crate::iam::{Catalog, Confidence, Permissions, Remembered, Step};
use crate::time::MICROS_PER_DAY;

/// Which copies of a call that two accounts logged are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Copies {
    /// The caller's own account's.
    Own,
    /// The called account's.
    Foreign,
}

/// What rows hold, beside the catalogue by which they are derived; counted up when they get more columns, and when the
/// step's rules change.
const FORM: u32 = 5;

/// The version of usage derived by `catalog`: what was derived under another one is derived anew.
pub fn version(catalog: &Catalog) -> String {
    format!("{} form {FORM}", catalog.version())
}

/// What the rows of one event share, each text as its number.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Base {
    event_date: i32,
    account_id: u32,
    principal_arn: u32,
    principal_type: u32,
    permission_set: u32,
    session_name: u32,
    event_source: u32,
    event_name: u32,
    aws_region: u32,
    via: u32,
}

/// What one of its permissions adds, for one resource.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Part {
    action: u32,
    resource: u32,
    outcome: Outcome,
    confidence: u32,
    rule: u32,
    passed_to_service: u32,
}

/// A row's identity: everything but counts and times.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    base: u32,
    part: u32,
}

/// How often and when, for each [`Key`] by its number.
struct Counts {
    event_count: u64,
    first_time_us: i64,
    last_time_us: i64,
    example_event_id: String,
    origin: Origin<u32>,
}

impl Default for Counts {
    fn default() -> Self {
        Counts {
            event_count: 0,
            first_time_us: i64::MAX,
            last_time_us: i64::MIN,
            example_event_id: String::new(),
            origin: Origin::default(),
        }
    }
}

/// What one event adds to the rows that it counts for.
#[derive(Clone, Copy)]
struct Call<'a> {
    time_us: i64,
    event_id: Option<&'a str>,
    origin: CallOrigin<u32>,
}

impl Counts {
    fn add(&mut self, call: &Call<'_>, texts: &Texts) {
        let Call { time_us, event_id, origin } = *call;
        self.event_count += 1;
        self.last_time_us = self.last_time_us.max(time_us);
        let is_earlier = time_us < self.first_time_us
            || time_us == self.first_time_us && event_id.is_some_and(|id| id < self.example_event_id.as_str());
        if is_earlier {
            self.first_time_us = time_us;
            self.example_event_id.clear();
            self.example_event_id.push_str(event_id.unwrap_or_default());
        }
        self.origin.add(&origin, |a, b| texts.text(*a).cmp(texts.text(*b)));
    }
}

/// The row before, whose numbers hold for what is the same in the next.
#[derive(Clone, Copy)]
struct Before {
    row: usize,
    base: Base,
    base_number: u32,
    source_ip: u32,
    vpc_endpoint_id: u32,
}

/// A run of row numbers in [`Counter::listed`].
type Run = (u32, u32);

/// What events were counted as, in numbers.
struct Counter {
    texts: Texts,
    bases: Numbered<Base>,
    parts: Numbered<Part>,
    keys: Numbered<Key>,
    /// One for each key.
    counts: Vec<Counts>,
    /// The rows for which an event of this base and these permissions (by their number in the step) counts.
    uses: HashMap<(u32, u64), Run, foldhash::fast::FixedState>,
    listed: Vec<u32>,
    parts_of: HashMap<u64, Vec<u32>, foldhash::fast::FixedState>,
}

/// Entries of what is only remembered to save work; when there are more it starts anew.
const REMEMBERED_MAX: usize = 64 * 1024;

impl Counter {
    fn new() -> Self {
        Counter {
            texts: Texts::new(),
            bases: Numbered::new(),
            parts: Numbered::new(),
            keys: Numbered::new(),
            counts: Vec::new(),
            uses: HashMap::default(),
            listed: Vec::new(),
            parts_of: HashMap::default(),
        }
    }

    /// The numbers of a row.
    fn numbers(&mut self, events: &EventColumns, row: usize, before: Option<&Before>) -> Before {
        let texts = &mut self.texts;
        let mut number = |words: &Words, held: fn(&Before) -> u32| match before {
            Some(before) if words.is_same(before.row, row) => held(before),
            _ => texts.number(words.value(row)),
        };
        let base = Base {
            event_date: events.time_us(row).div_euclid(MICROS_PER_DAY) as i32,
            account_id: NONE,
            principal_arn: number(&events.principal_arn, |b| b.base.principal_arn),
            principal_type: number(&events.principal_type, |b| b.base.principal_type),
            permission_set: number(&events.permission_set, |b| b.base.permission_set),
            session_name: number(&events.session_name, |b| b.base.session_name),
            event_source: number(&events.event_source, |b| b.base.event_source),
            event_name: number(&events.event_name, |b| b.base.event_name),
            aws_region: number(&events.aws_region, |b| b.base.aws_region),
            via: number(&events.invoked_by, |b| b.base.via),
        };
        let source_ip = number(&events.source_ip_address, |b| b.source_ip);
        let vpc_endpoint_id = number(&events.vpc_endpoint_id, |b| b.vpc_endpoint_id);
        let accounts = [&events.principal_account_id, &events.recipient_account_id];
        let account_id = match before {
            Some(before) if accounts.iter().all(|words| words.is_same(before.row, row)) => before.base.account_id,
            _ => texts.number(accounts.iter().find_map(|words| words.value(row))),
        };
        let base = Base { account_id, ..base };
        let base_number = match before {
            Some(before) if before.base == base => before.base_number,
            _ => self.bases.number(base),
        };
        Before { row, base, base_number, source_ip, vpc_endpoint_id }
    }

    /// The rows for which an event counts.
    fn rows_of(&mut self, base: u32, took: &Remembered) -> Run {
        if let Some(run) = self.uses.get(&(base, took.number)) {
            return *run;
        }
        if self.uses.len() >= REMEMBERED_MAX {
            self.uses.clear();
            self.listed.clear();
        }
        if self.parts_of.len() >= REMEMBERED_MAX {
            self.parts_of.clear();
        }
        let Counter { texts, parts, keys, counts, uses, listed, parts_of, .. } = self;
        let parts = parts_of.entry(took.number).or_insert_with(|| parts_in(&took.permissions, texts, parts));
        let begin = listed.len() as u32;
        listed.extend(parts.iter().map(|part| keys.number(Key { base, part: *part })));
        counts.resize_with(keys.len(), Counts::default);
        let run = (begin, listed.len() as u32);
        uses.insert((base, took.number), run);
        run
    }

    fn count(&mut self, base: u32, took: &Remembered, call: &Call<'_>) {
        let (begin, end) = self.rows_of(base, took);
        let Counter { texts, counts, listed, .. } = self;
        for row in listed.get(begin as usize..end as usize).unwrap_or_default() {
            if let Some(counts) = counts.get_mut(*row as usize) {
                counts.add(call, texts);
            }
        }
    }
}

/// What permissions add to the rows of an event, none twice: two objects of one call may share a pattern, and it is one
/// call all the same.
fn parts_in(permissions: &Permissions, texts: &mut Texts, parts: &mut Numbered<Part>) -> Vec<u32> {
    let outcome = permissions.outcome;
    if let Some(reason) = permissions.no_permission {
        let (resource, rule) = (texts.number(Some("*")), texts.number(Some(reason)));
        let confidence = texts.number(Some(Confidence::Documented.as_str()));
        return vec![parts.number(Part { action: NONE, resource, outcome, confidence, rule, passed_to_service: NONE })];
    }
    let mut found = Vec::with_capacity(permissions.needed.len());
    for permission in &permissions.needed {
        let action = texts.number(Some(&permission.action));
        let rule = texts.number(Some(permission.rule));
        let passed_to_service = texts.number(permission.passed_to_service.as_deref());
        let confidence = texts.number(Some(permission.confidence.as_str()));
        for resource in &permission.resources {
            let resource = texts.number(Some(&generalise(resource)));
            let part = parts.number(Part { action, resource, outcome, confidence, rule, passed_to_service });
            if !found.contains(&part) {
                found.push(part);
            }
        }
    }
    found
}

/// Counts usage. Aggregators may count parts of the events each: rows with the same key add up.
pub struct Aggregator<'c> {
    step: Step<'c>,
    counter: Counter,
    copies: Copies,
}

impl<'c> Aggregator<'c> {
    /// An aggregator of the caller's own copies that maps events to actions by `catalog`.
    pub fn new(catalog: &'c Catalog) -> Self {
        Self::of_copies(catalog, Copies::Own)
    }

    pub(super) fn of_copies(catalog: &'c Catalog, copies: Copies) -> Self {
        Self::with_step(Step::new(catalog), copies)
    }

    /// An aggregator that goes on with a step that remembers earlier events; [`Aggregator::finish`] gives it back.
    pub fn resume(step: Step<'c>) -> Self {
        Self::with_step(step, Copies::Own)
    }

    fn with_step(step: Step<'c>, copies: Copies) -> Self {
        Aggregator { step, counter: Counter::new(), copies }
    }

    /// Rows so far.
    pub fn len(&self) -> usize {
        self.counter.counts.len()
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.counter.counts.is_empty()
    }

    /// Counts every event of a batch, or with `keep` those rows for which it says so.
    pub fn add(&mut self, events: &EventColumns, keep: impl Fn(usize) -> bool) {
        let (mut resources, mut before) = (Vec::new(), None);
        for row in (0..events.len()).filter(|row| keep(*row)) {
            if is_foreign_copy(events, row) == (self.copies == Copies::Foreign) {
                events.put_resources(row, &mut resources);
                let took = self.step.remembered(&events.event(row, &resources));
                let numbers = self.counter.numbers(events, row, before.as_ref());
                let origin = CallOrigin {
                    source_ip: numbers.source_ip,
                    vpc_endpoint_id: Some(numbers.vpc_endpoint_id).filter(|id| *id != NONE),
                    mfa: events.mfa_authenticated(row),
                };
                let call = Call { time_us: events.time_us(row), event_id: events.event_id(row), origin };
                self.counter.count(numbers.base_number, took, &call);
                before = Some(numbers);
            }
        }
    }

    /// The rows counted, in no order, and the step. `summed` puts them in order.
    pub fn finish(self) -> (Vec<UsageRow>, Step<'c>) {
        let Aggregator { step, counter, copies, .. } = self;
        let Counter { texts, bases, parts, keys, counts, .. } = counter;
        let rows = counts.into_iter().zip(keys.into_values()).filter_map(|(counts, key)| {
            let (base, part) = (bases.get(key.base)?, parts.get(key.part)?);
            Some(usage_row(&texts, base, part, counts, copies))
        });
        (rows.collect(), step)
    }
}

fn usage_row(texts: &Texts, base: &Base, part: &Part, counts: Counts, copies: Copies) -> UsageRow {
    let text = |number| texts.shared(number);
    UsageRow {
        event_date: base.event_date,
        account_id: text(base.account_id),
        principal_arn: text(base.principal_arn),
        principal_type: text(base.principal_type),
        permission_set: texts.optional(base.permission_set),
        session_name: texts.optional(base.session_name),
        action: texts.optional(part.action),
        resource: text(part.resource),
        outcome: part.outcome,
        confidence: text(part.confidence),
        rule: text(part.rule),
        passed_to_service: texts.optional(part.passed_to_service),
        event_source: text(base.event_source),
        event_name: text(base.event_name),
        aws_region: text(base.aws_region),
        via: texts.optional(base.via),
        event_count: counts.event_count,
        first_time_us: counts.first_time_us,
        last_time_us: counts.last_time_us,
        example_event_id: counts.example_event_id.into(),
        cross_account: copies == Copies::Foreign,
        origin: Some(counts.origin.map(|number| text(*number))),
    }
}
