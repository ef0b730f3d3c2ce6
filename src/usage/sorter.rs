//! Rows added up in as much memory as they may take; what doesn't fit is in sorted runs on the disk, merged as they are
//! read back. The sums are those of [`summed`](super::sum).

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::io;
use std::path::{Path, PathBuf};

use super::error::ReadError;
use super::overflow::container;
use super::rollup::Rollup;
use super::row::UsageRow;
use super::run::{RunReader, RunWriter};
use super::shared_str::Text;
use super::stored_order::{RESOURCE, identity};
use super::sum::summed;

/// Memory for rows, and where those beyond it go.
#[derive(Clone, Debug)]
pub struct Space {
    folder: PathBuf,
    bytes: u64,
}

impl Space {
    /// As much memory as there is.
    pub fn unlimited() -> Space {
        Space { folder: std::env::temp_dir(), bytes: u64::MAX }
    }

    /// So many bytes of memory, and the file system of `folder`.
    pub fn new(folder: &Path, bytes: u64) -> Space {
        Space { folder: folder.to_owned(), bytes }
    }

    /// How much memory.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The share of one of several threads.
    pub fn share(&self, threads: usize) -> Space {
        Space { folder: self.folder.clone(), bytes: self.bytes / threads.max(1) as u64 }
    }

    /// Whether so many rows are likely to stay in memory.
    pub fn fits(&self, rows: u64) -> bool {
        rows.saturating_mul(ROW_BYTES + ROW_TEXTS_BYTES) <= self.bytes
    }

    fn failed(&self) -> impl Fn(io::Error) -> ReadError + use<> {
        let folder = self.folder.clone();
        move |source| ReadError::Spill { folder: folder.clone(), source }
    }
}

/// What a row takes beside its texts, with what becomes of it while rows are put in order: itself twice, its numbers
/// and its place, the ids and addresses that hardly any other row has.
pub(super) const ROW_BYTES: u64 = 1_100;

/// What its texts take that few others have.
const ROW_TEXTS_BYTES: u64 = 400;

/// What a text takes beside its bytes: counts, its place in a table, what the allocator adds.
const TEXT_BYTES: u64 = 56;

/// Runs that are merged into one as soon as there are so many of about one size.
const RUNS_MAX: usize = 48;

/// In which order rows are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Order {
    /// As they are stored.
    Stored,
    /// Those side by side that differ in nothing but the resource within a container: the exact ones first, by their
    /// resources.
    Groups,
    /// As somebody wants them.
    Given(fn(&UsageRow, &UsageRow) -> Ordering),
}

impl Order {
    pub fn compare(self, a: &UsageRow, b: &UsageRow) -> Ordering {
        match self {
            Order::Stored => {
                let key = |row| identity(row, |text: Option<&Text>| text.map(Text::as_str));
                a.event_date.cmp(&b.event_date).then_with(|| key(a).cmp(&key(b)))
            }
            Order::Groups => Self::compare_groups(a, b)
                .then_with(|| a.overflow.cmp(&b.overflow))
                .then_with(|| a.resource.cmp(&b.resource)),
            Order::Given(order) => order(a, b),
        }
    }

    /// The order of the groups of two rows.
    pub fn compare_groups(a: &UsageRow, b: &UsageRow) -> Ordering {
        let key = |row| {
            let mut key = identity(row, |text: Option<&Text>| text.map(Text::as_str));
            if let Some(resource) = key.0.get_mut(RESOURCE) {
                *resource = resource.map(container);
            }
            key.3[1] = false;
            key
        };
        a.event_date.cmp(&b.event_date).then_with(|| key(a).cmp(&key(b)))
    }
}

impl UsageRow {
    /// The order of rows in a file of one day.
    pub fn compare(a: &UsageRow, b: &UsageRow) -> Ordering {
        Order::Stored.compare(a, b)
    }
}

/// Rows in order, each use once.
pub(super) enum Sorted {
    /// They fitted.
    All(Vec<UsageRow>),
    /// They didn't.
    Merged(Merge),
}

/// Takes rows in any order.
pub(super) struct Sorter {
    order: Order,
    space: Space,
    rows: Vec<UsageRow>,
    /// Bytes of `rows`.
    held_bytes: u64,
    /// By how often its rows were merged before.
    runs: Vec<Vec<RunReader>>,
}

impl Sorter {
    pub fn new(order: Order, space: &Space) -> Sorter {
        Sorter { order, space: space.clone(), rows: Vec::new(), held_bytes: 0, runs: Vec::new() }
    }

    /// Whether some rows are on the disk.
    pub fn has_spilled(&self) -> bool {
        !self.runs.is_empty()
    }

    /// Adds a row. Whether it and all before are on the disk now, so that nobody needs their texts any more.
    pub fn push(&mut self, row: UsageRow) -> Result<bool, ReadError> {
        self.held_bytes += row_bytes(&row, self.rows.last());
        self.rows.push(row);
        if self.held_bytes <= self.space.bytes {
            return Ok(false);
        }
        self.spill()?;
        Ok(true)
    }

    /// Puts on the disk what is held.
    fn spill(&mut self) -> Result<(), ReadError> {
        self.held_bytes = 0;
        let rows = in_order(std::mem::take(&mut self.rows), self.order);
        self.add_run(rows.into_iter().map(Ok), 0)
    }

    /// Adds what was counted, all of it on the disk.
    pub fn push_counted(&mut self, counted: Rollup) -> Result<(), ReadError> {
        let failed = self.space.failed();
        let mut run = RunWriter::create(&self.space.folder).map_err(&failed)?;
        counted.each_in_order(|row| run.write(&row)).map_err(&failed)?;
        let run = run.finish().map_err(&failed)?;
        self.keep_run(run, 0)
    }

    fn add_run(
        &mut self,
        rows: impl Iterator<Item = Result<UsageRow, ReadError>>,
        level: usize,
    ) -> Result<(), ReadError> {
        let failed = self.space.failed();
        let mut run = RunWriter::create(&self.space.folder).map_err(&failed)?;
        for row in rows {
            run.write(&row?).map_err(&failed)?;
        }
        let run = run.finish().map_err(&failed)?;
        self.keep_run(run, level)
    }

    fn keep_run(&mut self, run: RunReader, level: usize) -> Result<(), ReadError> {
        if self.runs.len() <= level {
            self.runs.resize_with(level + 1, Vec::new);
        }
        let Some(runs) = self.runs.get_mut(level) else { return Ok(()) };
        runs.push(run);
        if runs.len() < RUNS_MAX {
            return Ok(());
        }
        let runs = std::mem::take(runs);
        let merged = Merge::new(self.order, runs, &self.space)?;
        self.add_run(merged, level + 1)
    }

    /// All rows, in order.
    pub fn finish(mut self) -> Result<Sorted, ReadError> {
        if !self.has_spilled() {
            return Ok(Sorted::All(in_order(self.rows, self.order)));
        }
        if !self.rows.is_empty() {
            self.spill()?;
        }
        let runs = self.runs.into_iter().flatten().collect();
        Ok(Sorted::Merged(Merge::new(self.order, runs, &self.space)?))
    }
}

/// What a row takes, when texts that it shares with the one before are counted with that one.
pub(super) fn row_bytes(row: &UsageRow, before: Option<&UsageRow>) -> u64 {
    let places = |row: &UsageRow| identity(row, |text: Option<&Text>| text.map(|text| (text.place(), text.len())));
    let (now, before) = (places(row), before.map(places));
    let before = before.as_ref().map(|(main, _, how, _)| main.iter().chain(how));
    let mut before = before.into_iter().flatten();
    let texts = now.0.iter().chain(&now.2).filter(|text| Some(*text) != before.next());
    ROW_BYTES + texts.flatten().map(|(_, length)| *length as u64 + TEXT_BYTES).sum::<u64>()
}

fn in_order(mut rows: Vec<UsageRow>, order: Order) -> Vec<UsageRow> {
    if matches!(order, Order::Stored) && rows.is_sorted_by(|a, b| a.event_date == b.event_date) {
        return summed(rows);
    }
    rows.sort_unstable_by(|a, b| order.compare(a, b));
    rows.dedup_by(|row, kept| {
        let is_same = order.compare(row, kept) == Ordering::Equal;
        if is_same {
            kept.absorb(row);
        }
        is_same
    });
    rows
}

/// The next row of a run.
struct Head {
    order: Order,
    row: UsageRow,
    run: RunReader,
}

impl PartialEq for Head {
    fn eq(&self, other: &Head) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head {}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Head) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Head {
    /// The greatest is the one to come first.
    fn cmp(&self, other: &Head) -> Ordering {
        self.order.compare(&other.row, &self.row)
    }
}

/// Sorted runs, read back as one: rows of the same use are added up.
pub(super) struct Merge {
    order: Order,
    space: Space,
    heads: BinaryHeap<Head>,
    failed: bool,
}

impl Merge {
    fn new(order: Order, runs: Vec<RunReader>, space: &Space) -> Result<Merge, ReadError> {
        let mut heads = BinaryHeap::with_capacity(runs.len());
        for mut run in runs {
            if let Some(row) = run.next() {
                heads.push(Head { order, row: row.map_err(space.failed())?, run });
            }
        }
        Ok(Merge { order, space: space.clone(), heads, failed: false })
    }

    /// The smallest row of all runs.
    fn pop(&mut self) -> Result<Option<UsageRow>, ReadError> {
        let Some(mut head) = self.heads.peek_mut() else { return Ok(None) };
        let row = match head.run.next() {
            Some(next) => std::mem::replace(&mut head.row, next.map_err(self.space.failed())?),
            None => PeekMut::pop(head).row,
        };
        Ok(Some(row))
    }

    fn next_sum(&mut self) -> Result<Option<UsageRow>, ReadError> {
        let Some(mut row) = self.pop()? else { return Ok(None) };
        while self.heads.peek().is_some_and(|head| self.order.compare(&head.row, &row) == Ordering::Equal) {
            if let Some(same) = self.pop()? {
                row.absorb(&same);
            }
        }
        Ok(Some(row))
    }
}

impl Iterator for Merge {
    type Item = Result<UsageRow, ReadError>;

    fn next(&mut self) -> Option<Result<UsageRow, ReadError>> {
        if self.failed {
            return None;
        }
        let row = self.next_sum().transpose();
        self.failed = matches!(row, Some(Err(_)));
        row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: u32) -> UsageRow {
        UsageRow { event_count: 1, ..UsageRow::example(&format!("arn:aws:s3:::b/{number:06}")) }
    }

    /// So many runs that runs of runs are made, each use in many of them.
    #[test]
    fn runs_of_runs_add_up() {
        let folder = tempfile::tempdir().expect("a folder");
        let space = Space::new(folder.path(), 4 * (ROW_BYTES + 500));
        let mut sorter = Sorter::new(Order::Stored, &space);
        let count = 4 * RUNS_MAX as u32 * 7;
        for number in 0..count {
            sorter.push(row(number.wrapping_mul(7_919) % 500)).expect("room");
            let held = sorter.rows.len();
            assert!(held <= 5 && sorter.runs.iter().all(|runs| runs.len() < RUNS_MAX), "{held}");
        }
        assert!(sorter.runs.len() > 1);
        let Sorted::Merged(merged) = sorter.finish().expect("runs") else { panic!("it fitted") };
        let rows: Vec<UsageRow> = merged.collect::<Result<_, _>>().expect("rows");
        assert_eq!(rows.len(), 500);
        assert!(rows.windows(2).all(|pair| pair[0].resource < pair[1].resource));
        assert_eq!(rows.iter().map(|row| row.event_count).sum::<u64>(), u64::from(count));
    }

    #[test]
    fn no_room_on_the_disk_is_said() {
        let space = Space::new(Path::new("/nowhere"), 1);
        let error = Sorter::new(Order::Stored, &space).push(row(0)).map(drop).unwrap_err().to_string();
        assert!(error.contains("/nowhere") && error.contains("hint"), "{error}");
    }
}
