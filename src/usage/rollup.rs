//! Rows of usage in numbers: each text as its number, so that counting, adding up and ordering compare numbers.
//!
//! What comes out depends on the rows alone, not on how they were parted before: sums of sums are the sum of all.

use hashbrown::HashMap;
use rayon::prelude::*;

use super::interner::{Mapping, NONE, Numbered, Texts};
use super::origin::{CallOrigin, Origin};
use super::overflow::{RESOURCES_MAX, container, of_container};
use super::row::{Outcome, UsageRow};
use super::shared_str::Text;
use super::stored_order::identity;

/// What the rows of one event share, each text as its number.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Base {
    pub event_date: i32,
    pub account_id: u32,
    pub principal_arn: u32,
    pub principal_type: u32,
    pub permission_set: u32,
    pub session_name: u32,
    pub event_source: u32,
    pub event_name: u32,
    pub aws_region: u32,
    pub via: u32,
}

/// What one of its permissions adds, for one resource.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Part {
    pub action: u32,
    pub resource: u32,
    pub outcome: Outcome,
    pub confidence: u32,
    pub rule: u32,
    pub passed_to_service: u32,
    /// As [`UsageRow::overflow`].
    pub overflow: bool,
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
pub(super) struct Call<'a> {
    pub time_us: i64,
    pub event_id: Option<&'a str>,
    pub origin: CallOrigin<u32>,
}

impl Counts {
    fn add(&mut self, call: &Call<'_>, texts: &Texts) {
        let Call { time_us, event_id, origin } = *call;
        self.event_count += 1;
        self.last_time_us = self.last_time_us.max(time_us);
        let is_earlier = time_us < self.first_time_us
            || time_us == self.first_time_us && event_id.unwrap_or_default() < self.example_event_id.as_str();
        if is_earlier {
            self.first_time_us = time_us;
            self.example_event_id.clear();
            self.example_event_id.push_str(event_id.unwrap_or_default());
        }
        self.origin.add(&origin, |a, b| texts.order(*a, *b));
    }

    /// Adds what others counted, their texts numbered as here.
    fn absorb(&mut self, other: Counts, texts: &Texts) {
        self.event_count += other.event_count;
        self.last_time_us = self.last_time_us.max(other.last_time_us);
        if (other.first_time_us, &other.example_event_id) < (self.first_time_us, &self.example_event_id) {
            self.first_time_us = other.first_time_us;
            self.example_event_id = other.example_event_id;
        }
        self.origin.absorb_by(&other.origin, |a, b| texts.order(*a, *b));
    }
}

/// What a row takes: what is counted of it, its key and the table's place for it, room in which these grow, and its
/// identity while rows are put in order.
const ROW_BYTES: u64 = 560;

/// What its base takes, with room in which they grow.
const BASE_BYTES: u64 = 2 * (size_of::<Base>() as u64 + 8);

/// Likewise its part.
const PART_BYTES: u64 = 2 * (size_of::<Part>() as u64 + 8);

/// Usage counted, each row by its number.
#[derive(Default)]
pub struct Rollup {
    pub(super) texts: Texts,
    bases: Numbered<Base>,
    parts: Numbered<Part>,
    keys: Numbered<Key>,
    /// One for each key.
    counts: Vec<Counts>,
    /// Whether only the called accounts logged it.
    cross_account: bool,
    /// Rows when too many resources were looked for the last time.
    contained: usize,
}

impl Rollup {
    /// Nothing yet; `cross_account` where only the called accounts' copies are counted.
    pub(super) fn new(cross_account: bool) -> Self {
        Rollup { cross_account, ..Rollup::default() }
    }

    pub(super) fn is_cross_account(&self) -> bool {
        self.cross_account
    }

    /// Rows so far.
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Memory that it takes, about, with what it takes to put it in order.
    pub fn size_bytes(&self) -> u64 {
        let of = |count: usize, bytes: u64| count as u64 * bytes;
        self.texts.size_bytes()
            + of(self.counts.len(), ROW_BYTES)
            + of(self.bases.len(), BASE_BYTES)
            + of(self.parts.len(), PART_BYTES)
    }

    pub(super) fn base(&mut self, base: Base) -> u32 {
        self.bases.number(base)
    }

    pub(super) fn part(&mut self, part: Part) -> u32 {
        self.parts.number(part)
    }

    /// The number of a row.
    pub(super) fn row(&mut self, base: u32, part: u32) -> u32 {
        let row = self.keys.number(Key { base, part });
        self.counts.resize_with(self.keys.len(), Counts::default);
        row
    }

    /// Counts an event for a row.
    pub(super) fn count(&mut self, row: u32, call: &Call<'_>) {
        if let Some(counts) = self.counts.get_mut(row as usize) {
            counts.add(call, &self.texts);
        }
    }

    /// Adds what was counted of other events of the same accounts' copies.
    pub fn absorb(&mut self, other: Rollup) {
        let (mut larger, smaller) = match self.len() < other.len() {
            true => (other, std::mem::take(self)),
            false => (std::mem::take(self), other),
        };
        larger.add_all(smaller);
        *self = larger;
        self.bound();
    }

    /// Where names are made up without end, what is held must not grow with them. Whether rows were put together: then
    /// no number of a row, part or text holds any more.
    pub fn bound(&mut self) -> bool {
        self.len() > self.contained.max(RESOURCES_MAX) * 2 && self.contain()
    }

    fn add_all(&mut self, other: Rollup) {
        self.cross_account |= other.cross_account;
        let keys = other.keys.into_values();
        self.add_rows((&other.texts, &other.bases, &other.parts), keys.into_iter().zip(other.counts));
    }

    /// Adds rows whose numbers are others'; of their texts it takes those that the rows have.
    fn add_rows(
        &mut self,
        (texts, bases, parts): (&Texts, &Numbered<Base>, &Numbered<Part>),
        rows: impl Iterator<Item = (Key, Counts)>,
    ) {
        let Rollup { texts: own, bases: own_bases, parts: own_parts, keys, counts: held, .. } = self;
        let (mut text_map, mut base_map, mut part_map) =
            (Mapping::new(texts.len()), Mapping::new(bases.len()), Mapping::new(parts.len()));
        for (key, mut counts) in rows {
            let (Some(base), Some(part)) = (bases.get(key.base), parts.get(key.part)) else { continue };
            let mut text = |number: u32| text_map.of(number, || own.number_in(texts, number));
            let key = Key {
                base: base_map.of(key.base, || own_bases.number(base.map(&mut text))),
                part: part_map.of(key.part, || own_parts.number(part.map(&mut text))),
            };
            counts.origin.renumber(&mut text);
            let row = keys.number(key) as usize;
            match held.get_mut(row) {
                Some(held) => held.absorb(counts, own),
                None => held.push(counts),
            }
        }
    }

    /// Counts what is one too many of its group in the row for the further resources of its container. Whether there
    /// was any.
    pub fn contain(&mut self) -> bool {
        self.contained = self.len();
        let surplus = self.surplus();
        if surplus.is_empty() {
            return false;
        }
        let empty = Rollup::new(self.cross_account);
        let Rollup { mut texts, bases, mut parts, keys, counts, .. } = std::mem::replace(self, empty);
        let (mut keys, mut overflowed) = (keys.into_values(), Mapping::new(parts.len()));
        for row in surplus {
            if let Some(key) = keys.get_mut(row as usize)
                && let Some(part) = parts.get(key.part).copied()
            {
                key.part = overflowed.of(key.part, || {
                    let resource = of_container(container(texts.text(part.resource)));
                    parts.number(Part { resource: texts.number(Some(&resource)), overflow: true, ..part })
                });
            }
        }
        // Texts that no row has any more are left behind.
        self.add_rows((&texts, &bases, &parts), keys.into_iter().zip(counts));
        self.contained = self.len();
        true
    }

    /// The rows that are one too many of their group: see [`super::overflow`].
    fn surplus(&self) -> Vec<u32> {
        let kinds = self.kinds();
        let mut groups: HashMap<(u32, u32), Vec<u32>, foldhash::fast::FixedState> = HashMap::default();
        for (key, row) in self.keys.values().iter().zip(0..) {
            if let Some(kind) = kinds.get(key.part as usize).copied().flatten() {
                groups.entry((key.base, kind)).or_default().push(row);
            }
        }
        let resource = |row: u32| {
            let part = self.keys.get(row).and_then(|key| self.parts.get(key.part));
            part.map_or(NONE, |part| part.resource)
        };
        let mut surplus = Vec::new();
        for rows in groups.values_mut().filter(|rows| rows.len() > RESOURCES_MAX) {
            rows.select_nth_unstable_by(RESOURCES_MAX, |a, b| self.texts.order(resource(*a), resource(*b)));
            surplus.extend(rows.drain(RESOURCES_MAX..));
        }
        surplus
    }

    /// For each part a number that it shares with those that differ from it in nothing but the resource within one
    /// container. `None` where there are too few for any group to be full, and for parts that overflowed already.
    #[expect(clippy::cast_possible_truncation, reason = "rows of a day have 32 bits")]
    fn kinds(&self) -> Vec<Option<u32>> {
        let mut containers: HashMap<&str, u32, foldhash::fast::RandomState> = HashMap::default();
        let mut kinds = Numbered::default();
        let mut sizes: Vec<usize> = Vec::new();
        let found = self.parts.values().iter().map(|part| {
            let name = container(self.texts.text(part.resource));
            let next = containers.len() as u32;
            let resource = *containers.entry(name).or_insert(next);
            let kind = kinds.number(Part { resource, ..*part });
            sizes.resize(kinds.len(), 0);
            if let Some(size) = sizes.get_mut(kind as usize) {
                *size += 1;
            }
            (!part.overflow).then_some(kind)
        });
        let found: Vec<Option<u32>> = found.collect();
        let is_large = |kind: &u32| sizes.get(*kind as usize).is_some_and(|size| *size > RESOURCES_MAX);
        found.into_iter().map(|kind| kind.filter(is_large)).collect()
    }

    /// The rows by day, each day's in stored order.
    pub fn days(&mut self) -> Vec<(i32, Vec<UsageRow<&str>>)> {
        self.contain();
        let mut days: Vec<(i32, Vec<UsageRow<&str>>)> = Vec::new();
        for row in self.stored_order() {
            let Some(row) = self.whole_row(row, |number| self.texts.text(number), |id| id) else { continue };
            match days.last_mut() {
                Some((date, rows)) if *date == row.event_date => rows.push(row),
                _ => days.push((row.event_date, vec![row])),
            }
        }
        days
    }

    /// Gives each row, by day and in stored order.
    pub(crate) fn each_in_order<'a, E>(
        &'a self,
        mut with: impl FnMut(UsageRow<&'a str>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.stored_order().try_for_each(|row| {
            let row = self.whole_row(row, |number| self.texts.text(number), |id| id);
            row.map_or(Ok(()), &mut with)
        })
    }

    /// The rows in no order.
    pub fn into_rows(self) -> Vec<UsageRow> {
        let row = |row: usize| self.whole_row(row, |number| self.texts.shared(number), Text::from);
        (0..self.len()).filter_map(row).collect()
    }

    /// The rows' numbers, by day and in stored order.
    fn stored_order(&self) -> impl Iterator<Item = usize> {
        let ranks = self.texts.ranks();
        let rank = |number: Option<&u32>| ranks.get(*number.unwrap_or(&NONE) as usize).copied();
        let key = |row: usize| {
            let row = self.usage_row(row, |number| number, |_| NONE, None)?;
            Some((row.event_date, identity(&row, rank)))
        };
        let mut order: Vec<_> = (0..self.len()).map(|row| (key(row), row)).collect();
        order.par_sort_unstable();
        order.into_iter().map(|(_, row)| row)
    }

    /// A row with its origin.
    fn whole_row<'a, T>(
        &'a self,
        row: usize,
        text: impl Fn(u32) -> T,
        id: impl Fn(&'a str) -> T,
    ) -> Option<UsageRow<T>> {
        let origin = self.counts.get(row)?.origin.map(|number| text(*number));
        self.usage_row(row, text, id, Some(origin))
    }

    /// A row; `text` gives what stands for a text's number, `id` for an event's id.
    #[expect(clippy::cast_possible_truncation, reason = "rows of a day have 32 bits")]
    fn usage_row<'a, T>(
        &'a self,
        row: usize,
        text: impl Fn(u32) -> T,
        id: impl Fn(&'a str) -> T,
        origin: Option<Origin<T>>,
    ) -> Option<UsageRow<T>> {
        let (key, counts) = (self.keys.get(row as u32)?, self.counts.get(row)?);
        let (base, part) = (self.bases.get(key.base)?, self.parts.get(key.part)?);
        let optional = |number: u32| (number != NONE).then(|| text(number));
        Some(UsageRow {
            event_date: base.event_date,
            account_id: text(base.account_id),
            principal_arn: text(base.principal_arn),
            principal_type: text(base.principal_type),
            permission_set: optional(base.permission_set),
            session_name: optional(base.session_name),
            action: optional(part.action),
            resource: text(part.resource),
            outcome: part.outcome,
            confidence: text(part.confidence),
            rule: text(part.rule),
            passed_to_service: optional(part.passed_to_service),
            event_source: text(base.event_source),
            event_name: text(base.event_name),
            aws_region: text(base.aws_region),
            via: optional(base.via),
            event_count: counts.event_count,
            first_time_us: counts.first_time_us,
            last_time_us: counts.last_time_us,
            example_event_id: id(&counts.example_event_id),
            cross_account: self.cross_account,
            overflow: part.overflow,
            origin,
        })
    }
}

impl Base {
    fn map(self, mut text: impl FnMut(u32) -> u32) -> Base {
        Base {
            event_date: self.event_date,
            account_id: text(self.account_id),
            principal_arn: text(self.principal_arn),
            principal_type: text(self.principal_type),
            permission_set: text(self.permission_set),
            session_name: text(self.session_name),
            event_source: text(self.event_source),
            event_name: text(self.event_name),
            aws_region: text(self.aws_region),
            via: text(self.via),
        }
    }
}

impl Part {
    fn map(self, mut text: impl FnMut(u32) -> u32) -> Part {
        Part {
            action: text(self.action),
            resource: text(self.resource),
            confidence: text(self.confidence),
            rule: text(self.rule),
            passed_to_service: text(self.passed_to_service),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::record_batch::RecordBatch;
    use proptest::prelude::*;

    use super::super::encode::encode;
    use super::super::sum::bounded;
    use super::*;

    /// One call: its day, who made it, on what, from where and when.
    type Made = (i32, u8, u8, Option<u8>, i64);

    fn counted(calls: &[Made]) -> Rollup {
        let mut counted = Rollup::new(false);
        for call in calls.iter().copied() {
            let name = if call.2 == 0 { "*".to_owned() } else { call.2.to_string() };
            add(&mut counted, call, format!("arn:aws:s3:::b/{name}"));
        }
        counted
    }

    fn add(counted: &mut Rollup, (event_date, principal, _, passed_to, time_us): Made, resource: String) {
        let id = format!("{time_us}-{resource}");
        let mut text = |text: String| counted.texts.number(Some(&text));
        let base = Base {
            event_date,
            account_id: text("111122223333".to_owned()),
            principal_arn: text(format!("arn:aws:iam::111122223333:role/{principal}")),
            principal_type: text("AssumedRole".to_owned()),
            permission_set: NONE,
            session_name: NONE,
            event_source: text("s3.amazonaws.com".to_owned()),
            event_name: text("GetObject".to_owned()),
            aws_region: NONE,
            via: NONE,
        };
        let part = Part {
            action: text("s3:GetObject".to_owned()),
            resource: text(resource),
            outcome: Outcome::Allowed,
            confidence: text("documented".to_owned()),
            rule: text("override".to_owned()),
            passed_to_service: passed_to.map_or(NONE, |service| text(format!("{service}"))),
            overflow: false,
        };
        let origin = CallOrigin { source_ip: text(format!("10.0.0.{time_us}")), vpc_endpoint_id: None, mfa: None };
        let (base, part) = (counted.base(base), counted.part(part));
        let row = counted.row(base, part);
        counted.count(row, &Call { time_us, event_id: Some(&id), origin });
    }

    /// The rows of all days as the table has them.
    fn rows(mut counted: Rollup) -> RecordBatch {
        let rows: Vec<UsageRow<&str>> = counted.days().into_iter().flat_map(|(_, rows)| rows).collect();
        encode(&rows).expect("columns")
    }

    fn calls() -> impl Strategy<Value = Vec<Made>> {
        let call = (0..3, 0..3_u8, prop_oneof![4 => 1..6_u8, 1 => Just(0)], proptest::option::of(0..2_u8), 0..40_i64);
        proptest::collection::vec(call, 0..60)
    }

    proptest! {
        /// However calls are parted and in whatever order the parts are added, the rows are those of all calls, and
        /// those that adding up rows with their texts gives.
        #[test]
        fn sums_of_sums_are_the_sum_of_all(calls in calls(), cut in 0..60_usize, contain: bool, turn: bool) {
            let (a, b) = calls.split_at(cut.min(calls.len()));
            let (mut first, mut second) = (counted(a), counted(b));
            if contain {
                first.contain();
            }
            if turn {
                std::mem::swap(&mut first, &mut second);
            }
            first.absorb(second);
            let mut by_text: Vec<UsageRow> = Vec::new();
            for date in 0..3 {
                let of_day = counted(&calls).into_rows().into_iter().filter(|row| row.event_date == date);
                by_text.extend(bounded(of_day.collect()));
            }
            let by_text = encode(&by_text).expect("columns");
            prop_assert_eq!(&rows(first), &by_text);
            prop_assert_eq!(rows(counted(&calls)), by_text);
        }
    }

    /// As by their texts, where a group has more resources than are kept apart, wherever the calls are parted.
    #[test]
    fn further_resources_are_those_that_texts_give() {
        let call = |i: u32| -> Made { (0, u8::from(!i.is_multiple_of(3)), 0, None, i64::from(i)) };
        let of = |range: std::ops::Range<u32>| {
            let mut counted = Rollup::new(false);
            for i in range {
                add(&mut counted, call(i), format!("arn:aws:s3:::b/{}", i.wrapping_mul(7_919) % 3_000));
            }
            counted
        };
        let expected = bounded(of(0..6_000).into_rows());
        for cut in [1, 900, 3_100, 5_999] {
            let mut parts = of(0..cut);
            parts.bound();
            parts.absorb(of(cut..6_000));
            assert_eq!(rows(parts), encode(&expected).expect("columns"), "{cut}");
        }
        assert_eq!(expected.len(), 2 * (RESOURCES_MAX + 1));
        assert_eq!(expected.iter().map(|row| row.event_count).sum::<u64>(), 6_000);
    }

    #[test]
    fn further_resources_leave_no_text_behind() {
        let mut all = Rollup::new(true);
        for i in 0..5_000 {
            let mut one = Rollup::new(true);
            add(&mut one, (0, 0, 0, None, 0), format!("arn:aws:s3:::b/{i}"));
            all.absorb(one);
            assert!(all.len() <= 2 * (RESOURCES_MAX + 1), "{i}: {}", all.len());
            assert!(all.texts.len() <= 2 * (RESOURCES_MAX + 1) + 16, "{i}: {}", all.texts.len());
        }
        let days = all.days();
        let [(0, rows)] = days.as_slice() else { panic!("{} days", days.len()) };
        assert_eq!(rows.len(), RESOURCES_MAX + 1);
        let further: Vec<_> = rows.iter().filter(|row| row.overflow).collect();
        let [further] = further.as_slice() else { panic!("{} rows", further.len()) };
        assert_eq!((further.resource, further.event_count), ("arn:aws:s3:::b/*", 5_000 - RESOURCES_MAX as u64));
        assert!(rows.iter().all(|row| row.cross_account));
    }
}
