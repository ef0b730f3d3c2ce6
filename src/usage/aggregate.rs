//! Counting: events in, rows of `usage` out, whatever the order in which the events come.

use std::ops::Range;

use hashbrown::HashMap;

use super::columns::{EventColumns, Words};
use super::copies::is_foreign_copy;
use super::error::ReadError;
use super::interner::{NONE, Texts};
use super::key_canonicalisation::{Held, KeyCanonicalisation, Names};
use super::origin::CallOrigin;
use super::rollup::{Base, Call, Part, Rollup};
use super::sorter::{Sorter, Space};
use crate::iam::{Catalog, Confidence, Permissions, Remembered, Resolver};
use crate::time::day_of;

/// Which copies of a call that two accounts logged are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Copies {
    /// The caller's own account's.
    Own,
    /// The called account's.
    Foreign,
}

/// A number of the code and the tables that lead from events to rows, beside the catalogue: `build.rs` makes it of their
/// text, so that no change of a rule can be forgotten.
const RULES: &str = env!("TRAILPARE_USAGE_RULES");

/// The version of usage derived by `catalog`: what was derived under another one is derived anew.
pub fn version(catalog: &Catalog) -> String {
    format!("{} rules {RULES}", catalog.version())
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

/// Counts events, and remembers for which rows.
struct Counter {
    counted: Rollup,
    /// The rows for which an event of this base and these permissions (by their number in the resolver) counts.
    uses: HashMap<(u32, u64), Run, foldhash::fast::FixedState>,
    listed: Vec<u32>,
    parts_of: HashMap<u64, Vec<u32>, foldhash::fast::FixedState>,
    /// The same of calls in which placeholders stand for names; `None` where names cannot be put back.
    named_of: HashMap<u64, Option<Vec<Named>>, foldhash::fast::FixedState>,
    /// The parts of the call that is counted, and room for its resources.
    found: Vec<u32>,
    resource: String,
}

/// What a permission adds to the rows of a call in which placeholders stand for names.
enum Named {
    /// A part without a name.
    Plain(u32),
    /// A part whose resource is made anew for each name.
    Restored { part: Part, front: Box<str>, placeholder: usize, back: Box<str> },
}

/// Entries of what is only remembered to save work; when there are more it starts anew.
const REMEMBERED_MAX: usize = 64 * 1024;

impl Counter {
    fn new(copies: Copies) -> Self {
        let counted = Rollup::new(copies == Copies::Foreign);
        Counter {
            counted,
            uses: HashMap::default(),
            listed: Vec::new(),
            parts_of: HashMap::default(),
            named_of: HashMap::default(),
            found: Vec::new(),
            resource: String::new(),
        }
    }

    /// As [`Rollup::bound`]: then no number holds any more.
    fn bound(&mut self) {
        if self.counted.bound() {
            self.uses.clear();
            self.listed.clear();
            self.parts_of.clear();
            self.named_of.clear();
        }
    }

    /// What was counted so far; nothing is afterwards.
    fn take(&mut self) -> Rollup {
        let empty = Rollup::new(self.counted.is_cross_account());
        self.uses.clear();
        self.listed.clear();
        self.parts_of.clear();
        self.named_of.clear();
        std::mem::replace(&mut self.counted, empty)
    }

    /// The numbers of a row.
    fn numbers(&mut self, events: &EventColumns, row: usize, before: Option<&Before>) -> Before {
        let texts = &mut self.counted.texts;
        let mut optional = |words: &Words, held: fn(&Before) -> u32| match before {
            Some(before) if words.is_same(before.row, row) => held(before),
            _ => texts.number(words.value(row)),
        };
        let permission_set = optional(&events.permission_set, |b| b.base.permission_set);
        let session_name = optional(&events.session_name, |b| b.base.session_name);
        let via = optional(&events.invoked_by, |b| b.base.via);
        let vpc_endpoint_id = optional(&events.vpc_endpoint_id, |b| b.vpc_endpoint_id);
        // Nothing and an empty text are the same in the table.
        let mut number = |words: &Words, held: fn(&Before) -> u32| match before {
            Some(before) if words.is_same(before.row, row) => held(before),
            _ => texts.number(words.value(row).filter(|text| !text.is_empty())),
        };
        let base = Base {
            event_date: day_of(events.time_us(row)),
            account_id: NONE,
            principal_arn: number(&events.principal_arn, |b| b.base.principal_arn),
            principal_type: number(&events.principal_type, |b| b.base.principal_type),
            permission_set,
            session_name,
            event_source: number(&events.event_source, |b| b.base.event_source),
            event_name: number(&events.event_name, |b| b.base.event_name),
            aws_region: number(&events.aws_region, |b| b.base.aws_region),
            via,
        };
        let source_ip = number(&events.source_ip_address, |b| b.source_ip);
        let accounts = [&events.principal_account_id, &events.recipient_account_id];
        let account_id = match before {
            Some(before) if accounts.iter().all(|words| words.is_same(before.row, row)) => before.base.account_id,
            _ => {
                let account = accounts.iter().find_map(|words| words.value(row));
                texts.number(account.filter(|text| !text.is_empty()))
            }
        };
        let base = Base { account_id, ..base };
        let base_number = match before {
            Some(before) if before.base == base => before.base_number,
            _ => self.counted.base(base),
        };
        Before { row, base, base_number, source_ip, vpc_endpoint_id }
    }

    /// The rows for which an event counts.
    #[expect(clippy::cast_possible_truncation, reason = "days of readable times, and rows of a day, have 32 bits")]
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
        let Counter { counted, uses, listed, parts_of, .. } = self;
        let parts = parts_of.entry(took.number).or_insert_with(|| parts_in(&took.permissions, counted));
        let begin = listed.len() as u32;
        listed.extend(parts.iter().map(|part| counted.row(base, *part)));
        let run = (begin, listed.len() as u32);
        uses.insert((base, took.number), run);
        run
    }

    /// Counts a call whose names are put back. Whether they could be.
    fn count_named(&mut self, base: u32, took: &Remembered, names: Names<'_>, call: &Call<'_>) -> bool {
        if self.named_of.len() >= REMEMBERED_MAX {
            self.named_of.clear();
        }
        let Counter { counted, named_of, found, resource, .. } = self;
        let named = named_of.entry(took.number).or_insert_with(|| named_in(&took.permissions, counted));
        let Some(named) = named else { return false };
        found.clear();
        for one in named.iter() {
            let part = match one {
                Named::Plain(part) => *part,
                Named::Restored { part, front, placeholder, back } => {
                    let Some(name) = names.get(*placeholder) else { return false };
                    resource.clear();
                    [front, name, back].iter().for_each(|text| resource.push_str(text));
                    let resource = counted.texts.number(Some(resource));
                    counted.part(Part { resource, ..*part })
                }
            };
            if !found.contains(&part) {
                found.push(part);
            }
        }
        for part in found.iter() {
            let row = counted.row(base, *part);
            counted.count(row, call);
        }
        true
    }

    fn count(&mut self, base: u32, took: &Remembered, call: &Call<'_>) {
        let (begin, end) = self.rows_of(base, took);
        let Counter { counted, listed, .. } = self;
        for row in listed.get(begin as usize..end as usize).unwrap_or_default() {
            counted.count(*row, call);
        }
    }
}

/// What permissions add to the rows of an event, none twice: two of them may be on one resource, and it is one call all
/// the same.
fn parts_in(permissions: &Permissions, counted: &mut Rollup) -> Vec<u32> {
    let mut found = Vec::with_capacity(permissions.needed.len());
    for (part, resource) in each_part(permissions, &mut counted.texts) {
        let resource = counted.texts.number(Some(resource));
        let part = counted.part(Part { resource, ..part });
        if !found.contains(&part) {
            found.push(part);
        }
    }
    found
}

/// The same where placeholders stand for names.
fn named_in(permissions: &Permissions, counted: &mut Rollup) -> Option<Vec<Named>> {
    let parts = each_part(permissions, &mut counted.texts).into_iter();
    let named = parts.map(|(part, resource)| {
        Some(match Held::of(resource)? {
            Held::Nothing => {
                let resource = counted.texts.number(Some(resource));
                Named::Plain(counted.part(Part { resource, ..part }))
            }
            Held::Name { front, placeholder, back } => {
                Named::Restored { part, front: front.into(), placeholder, back: back.into() }
            }
        })
    });
    named.collect()
}

/// Each permission's part, without its resource, and each of its resources.
fn each_part<'p>(permissions: &'p Permissions, texts: &mut Texts) -> Vec<(Part, &'p str)> {
    let outcome = permissions.outcome;
    let none = Part {
        action: NONE,
        resource: NONE,
        outcome,
        confidence: NONE,
        rule: NONE,
        passed_to_service: NONE,
        overflow: false,
    };
    if let Some(reason) = permissions.no_permission {
        let confidence = texts.number(Some(Confidence::Documented.as_str()));
        return vec![(Part { confidence, rule: texts.number(Some(reason)), ..none }, "*")];
    }
    let mut found = Vec::with_capacity(permissions.needed.len());
    for permission in &permissions.needed {
        let action = texts.number(Some(&permission.action));
        let rule = texts.number(Some(permission.rule));
        let passed_to_service = texts.number(permission.passed_to_service.as_deref());
        let confidence = texts.number(Some(permission.confidence.as_str()));
        let part = Part { action, confidence, rule, passed_to_service, ..none };
        found.extend(permission.resources.iter().map(|resource| (part, resource.as_str())));
    }
    found
}

/// Events that are counted before somebody looks at how much memory it takes.
const FEW_EVENTS: usize = 128;

/// Counts usage. Aggregators may count parts of the events each: rows with the same key add up.
pub struct Aggregator<'c> {
    resolver: Resolver<'c>,
    counter: Counter,
    copies: Copies,
    alike: KeyCanonicalisation,
}

impl<'c> Aggregator<'c> {
    /// An aggregator of the caller's own copies that maps events to actions by `catalog`.
    pub fn new(catalog: &'c Catalog) -> Self {
        Self::of_copies(catalog, Copies::Own)
    }

    pub(super) fn of_copies(catalog: &'c Catalog, copies: Copies) -> Self {
        Self::with_resolver(Resolver::new(catalog), copies)
    }

    /// An aggregator that goes on with a resolver that remembers earlier events; [`Aggregator::finish`] gives it back.
    pub fn resume(resolver: Resolver<'c>) -> Self {
        Self::with_resolver(resolver, Copies::Own)
    }

    fn with_resolver(resolver: Resolver<'c>, copies: Copies) -> Self {
        Aggregator { resolver, counter: Counter::new(copies), copies, alike: KeyCanonicalisation::default() }
    }

    /// Rows so far.
    pub fn len(&self) -> usize {
        self.counter.counted.len()
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.counter.counted.is_empty()
    }

    /// Counts every event of a batch, or with `keep` those rows for which it says so.
    pub fn add(&mut self, events: &EventColumns, keep: impl Fn(usize) -> bool) {
        self.add_some(events, 0..events.len(), keep);
    }

    /// The same; `bound` follows every few events, because one may have many rows.
    pub(crate) fn add_bounded<E>(
        &mut self,
        events: &EventColumns,
        keep: impl Fn(usize) -> bool,
        mut bound: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        for begin in (0..events.len()).step_by(FEW_EVENTS) {
            self.add_some(events, begin..events.len().min(begin + FEW_EVENTS), &keep);
            bound(self)?;
        }
        Ok(())
    }

    fn add_some(&mut self, events: &EventColumns, rows: Range<usize>, keep: impl Fn(usize) -> bool) {
        let (mut resources, mut before) = (Vec::new(), None);
        for row in rows.filter(|row| keep(*row)) {
            if is_foreign_copy(events, row) == (self.copies == Copies::Foreign) {
                events.put_resources(row, &mut resources);
                let Aggregator { resolver, alike, counter, .. } = self;
                let numbers = counter.numbers(events, row, before.as_ref());
                let origin = CallOrigin {
                    source_ip: numbers.source_ip,
                    vpc_endpoint_id: Some(numbers.vpc_endpoint_id).filter(|id| *id != NONE),
                    mfa: events.mfa_authenticated(row),
                };
                let call = Call { time_us: events.time_us(row), event_id: events.event_id(row), origin };
                let base = numbers.base_number;
                alike.with(&events.event(row, &resources), |event, names| {
                    let took = resolver.remembered(event);
                    if names.is_empty() {
                        counter.count(base, took, &call);
                        return Some(());
                    }
                    counter.count_named(base, took, names, &call).then_some(())
                });
                before = Some(numbers);
            }
        }
    }

    /// Where names are made up without end, what is held must not grow with them: counts what is one too many of its
    /// kind on a day together, as it will be in the end.
    pub fn bound(&mut self) {
        self.counter.bound();
    }

    /// The same, and puts all of it on the disk where it takes more memory than there is for it.
    pub(super) fn bound_within(&mut self, space: &Space, spilled: &mut Sorter) -> Result<(), ReadError> {
        self.bound();
        self.spill_within(space, spilled)
    }

    /// Memory that what was counted takes, about.
    pub fn size_bytes(&self) -> u64 {
        self.counter.counted.size_bytes()
    }

    /// What was counted so far; nothing is afterwards.
    pub fn take(&mut self) -> Rollup {
        self.counter.take()
    }

    /// Puts what was counted on the disk where it takes more memory than there is for it.
    pub(super) fn spill_within(&mut self, space: &Space, spilled: &mut Sorter) -> Result<(), ReadError> {
        if self.counter.counted.size_bytes() <= space.bytes() {
            return Ok(());
        }
        spilled.push_counted(self.counter.take())
    }

    /// What was counted, and the resolver.
    pub fn finish(self) -> (Rollup, Resolver<'c>) {
        (self.counter.counted, self.resolver)
    }
}
