//! Counting: events in, rows of `usage` out, whatever the order in which the events come.

use std::hash::BuildHasher;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::columns::EventColumns;
use super::cross_account::is_foreign_copy;
use super::generalise::generalise;
use super::origin::{CallOrigin, Origin};
use super::row::{Outcome, UsageRow};
use crate::iam::{Catalog, Confidence, Permissions, Step};
use crate::time::MICROS_PER_DAY;

/// Which copies of a call that two accounts logged are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Copies {
    /// The caller's own account's.
    Own,
    /// The called account's.
    Foreign,
}

const NONE: u32 = 0;

/// What rows hold, beside the catalogue by which they are derived; counted up when they get more columns.
const FORM: u32 = 2;

/// The version of usage derived by `catalog`: what was derived under another one is derived anew.
pub fn version(catalog: &Catalog) -> String {
    format!("{} form {FORM}", catalog.version())
}

/// A row's identity: everything but counts and times, each text as its number in the interner.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    event_date: i32,
    account_id: u32,
    principal_arn: u32,
    principal_type: u32,
    permission_set: u32,
    session_name: u32,
    action: u32,
    resource: u32,
    outcome: Outcome,
    confidence: Confidence,
    rule: u32,
    passed_to_service: u32,
    event_source: u32,
    event_name: u32,
    aws_region: u32,
    via: u32,
}

struct Counts {
    key: Key,
    event_count: u64,
    first_time_us: i64,
    last_time_us: i64,
    example_event_id: u32,
    origin: Origin<u32>,
}

/// What one event adds to the rows that it counts for.
#[derive(Clone, Copy)]
struct Call<'a> {
    time_us: i64,
    event_id: Option<&'a str>,
    origin: CallOrigin<u32>,
}

/// Texts by number. Number 0 is "none".
struct Interner {
    hasher: foldhash::fast::FixedState,
    table: HashTable<u32>,
    texts: Vec<Box<str>>,
}

impl Interner {
    fn new() -> Self {
        Interner { hasher: Default::default(), table: HashTable::new(), texts: vec![Box::default()] }
    }

    fn number(&mut self, text: Option<&str>) -> u32 {
        let Some(text) = text else { return NONE };
        let hash = self.hasher.hash_one(text);
        let Interner { hasher, table, texts } = self;
        let known = |number: &u32| texts.get(*number as usize).is_some_and(|t| &**t == text);
        let rehash = |number: &u32| hasher.hash_one(texts.get(*number as usize).map_or("", |t| t));
        match table.entry(hash, known, rehash) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                let number = texts.len() as u32;
                entry.insert(number);
                texts.push(text.into());
                number
            }
        }
    }

    fn text(&self, number: u32) -> &str {
        self.texts.get(number as usize).map_or("", |t| t)
    }

    fn optional(&self, number: u32) -> Option<String> {
        (number != NONE).then(|| self.text(number).to_owned())
    }
}

/// Counts usage. Aggregators may count parts of the events each: rows with the same key add up.
pub struct Aggregator<'c> {
    step: Step<'c>,
    texts: Interner,
    hasher: foldhash::fast::FixedState,
    rows: HashTable<Counts>,
    copies: Copies,
    foreign_days: Vec<i32>,
    shared_days: Vec<i32>,
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
        Aggregator {
            step,
            texts: Interner::new(),
            hasher: Default::default(),
            rows: HashTable::new(),
            copies,
            foreign_days: Vec::new(),
            shared_days: Vec::new(),
        }
    }

    /// Rows so far.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Days on which a called account's copy of a call was seen: [`super::resolve_day`] counts those that have no
    /// caller's copy.
    pub fn foreign_days(&self) -> &[i32] {
        &self.foreign_days
    }

    /// Days on which a caller's own copy of a shared call was seen.
    pub fn shared_days(&self) -> &[i32] {
        &self.shared_days
    }

    /// Counts every event of a batch, or with `keep` those rows for which it says so.
    pub fn add(&mut self, events: &EventColumns, keep: impl Fn(usize) -> bool) {
        for row in (0..events.len()).filter(|row| keep(*row)) {
            let is_foreign = is_foreign_copy(events, row);
            if self.copies == Copies::Own && events.shared_event_id(row).is_some() {
                let date = events.time_us(row).div_euclid(MICROS_PER_DAY) as i32;
                let days = if is_foreign { &mut self.foreign_days } else { &mut self.shared_days };
                if !days.contains(&date) {
                    days.push(date);
                }
            }
            if is_foreign == (self.copies == Copies::Foreign) {
                self.add_row(events, row);
            }
        }
    }

    fn add_row(&mut self, events: &EventColumns, row: usize) {
        let resources = events.resources(row);
        let event = events.event(row, &resources);
        let permissions = self.step.permissions(&event);
        let time_us = events.time_us(row);
        let principal_account = events.principal_account_id(row).or(events.recipient_account_id(row));
        let base = Key {
            event_date: time_us.div_euclid(MICROS_PER_DAY) as i32,
            account_id: self.texts.number(principal_account),
            principal_arn: self.texts.number(events.principal_arn(row)),
            principal_type: self.texts.number(events.principal_type(row)),
            permission_set: self.texts.number(events.permission_set(row)),
            session_name: self.texts.number(events.session_name(row)),
            action: NONE,
            resource: NONE,
            outcome: permissions.outcome,
            confidence: Confidence::Documented,
            rule: NONE,
            passed_to_service: NONE,
            event_source: self.texts.number(Some(event.event_source)),
            event_name: self.texts.number(Some(event.event_name)),
            aws_region: self.texts.number(event.aws_region),
            via: self.texts.number(events.invoked_by(row)),
        };
        let origin = CallOrigin {
            source_ip: self.texts.number(events.source_ip_address(row)),
            vpc_endpoint_id: events.vpc_endpoint_id(row).map(|id| self.texts.number(Some(id))),
            mfa: events.mfa_authenticated(row),
        };
        self.count(base, &permissions, &Call { time_us, event_id: events.event_id(row), origin });
    }

    fn count(&mut self, base: Key, permissions: &Permissions, call: &Call<'_>) {
        if let Some(reason) = permissions.no_permission {
            let key = Key { rule: self.texts.number(Some(reason)), resource: self.texts.number(Some("*")), ..base };
            self.bump(key, call);
            return;
        }
        let mut counted: Vec<Key> = Vec::with_capacity(4);
        for permission in &permissions.needed {
            let action = self.texts.number(Some(&permission.action));
            for resource in &permission.resources {
                let key = Key {
                    action,
                    resource: self.texts.number(Some(&generalise(resource))),
                    confidence: permission.confidence,
                    rule: self.texts.number(Some(permission.rule)),
                    passed_to_service: self.texts.number(permission.passed_to_service.as_deref()),
                    ..base
                };
                // Two objects of one call may share a pattern: it is one call all the same.
                if !counted.contains(&key) {
                    counted.push(key);
                    self.bump(key, call);
                }
            }
        }
    }

    fn bump(&mut self, key: Key, call: &Call<'_>) {
        let Call { time_us, event_id, origin } = *call;
        let hash = self.hasher.hash_one(key);
        let Aggregator { hasher, rows, texts, .. } = self;
        let fresh = || Counts {
            key,
            event_count: 0,
            first_time_us: i64::MAX,
            last_time_us: time_us,
            example_event_id: NONE,
            origin: Origin::default(),
        };
        let mut entry = rows.entry(hash, |c| c.key == key, |c| hasher.hash_one(c.key)).or_insert_with(fresh);
        let counts = entry.get_mut();
        counts.event_count += 1;
        counts.last_time_us = counts.last_time_us.max(time_us);
        let is_earlier = time_us < counts.first_time_us
            || time_us == counts.first_time_us && event_id.is_some_and(|id| id < texts.text(counts.example_event_id));
        if is_earlier {
            counts.first_time_us = time_us;
            counts.example_event_id = texts.number(event_id);
        }
        counts.origin.add(&origin, |a, b| texts.text(*a).cmp(texts.text(*b)));
    }

    /// The rows counted, in no order, and the step. `summed` puts them in order.
    pub fn finish(self) -> (Vec<UsageRow>, Step<'c>) {
        let Aggregator { step, texts, rows, copies, .. } = self;
        (rows.into_iter().map(|counts| usage_row(&texts, &counts, copies)).collect(), step)
    }
}

fn usage_row(texts: &Interner, counts: &Counts, copies: Copies) -> UsageRow {
    let key = &counts.key;
    let text = |number| texts.text(number).to_owned();
    UsageRow {
        event_date: key.event_date,
        account_id: text(key.account_id),
        principal_arn: text(key.principal_arn),
        principal_type: text(key.principal_type),
        permission_set: texts.optional(key.permission_set),
        session_name: texts.optional(key.session_name),
        action: texts.optional(key.action),
        resource: text(key.resource),
        outcome: key.outcome,
        confidence: key.confidence.as_str().to_owned(),
        rule: text(key.rule),
        passed_to_service: texts.optional(key.passed_to_service),
        event_source: text(key.event_source),
        event_name: text(key.event_name),
        aws_region: text(key.aws_region),
        via: texts.optional(key.via),
        event_count: counts.event_count,
        first_time_us: counts.first_time_us,
        last_time_us: counts.last_time_us,
        example_event_id: text(counts.example_event_id),
        cross_account: copies == Copies::Foreign,
        origin: Some(counts.origin.map(|number| text(*number))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_one_number_each() {
        let mut texts = Interner::new();
        let a = texts.number(Some("a"));
        assert_eq!(texts.number(Some("a")), a);
        assert_ne!(texts.number(Some("")), NONE);
        assert_eq!(texts.number(None), NONE);
        assert_eq!(texts.text(a), "a");
    }
}
