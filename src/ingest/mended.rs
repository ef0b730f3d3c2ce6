//! Which records that were kept out have come since: the object is mended, or another one has the same records.
//!
//! What was kept out has no id that anybody could read. It is told by the events before and behind it. An object at the
//! same place that has both is another version of it, and says itself what of it is still unsound. In an object elsewhere
//! there must be as many records between the two as were kept out, all of them sound; where only one of the two is known,
//! or not how many were lost, it must be a file of the same name as well.

use std::collections::{HashMap, HashSet};

use crate::store::{KeptOut, Neighbours, place_in};

/// What an object has, as far as it matters here.
pub(super) struct Elements<'a> {
    /// Its name in the ledger.
    pub name: &'a str,
    /// Positions and keys of its events, in order.
    pub events: &'a [(u64, u128)],
    /// Positions of the records that are kept out of it, in order.
    pub kept_out: &'a [u64],
}

impl Elements<'_> {
    /// What stands beside a record that is kept out of it.
    pub fn neighbours(&self, index: u64, is_gap: impl Fn(u64) -> bool) -> Neighbours {
        let behind = self.events.partition_point(|(at, _)| *at < index);
        let before = behind.checked_sub(1).and_then(|at| self.events.get(at));
        let after = self.events.get(behind);
        let is_between =
            |at: &&u64| before.is_none_or(|(before, _)| **at > *before) && after.is_none_or(|(a, _)| **at < *a);
        let between: Vec<u64> = self.kept_out.iter().filter(is_between).copied().collect();
        Neighbours {
            before: before.map(|(_, key)| *key),
            after: after.map(|(_, key)| *key),
            between: (!between.iter().any(|at| is_gap(*at))).then_some(between.len() as u64),
        }
    }
}

/// Records that are kept out, to be found by what stands beside them.
#[derive(Default)]
pub(super) struct Standing {
    records: Vec<KeptOut>,
    by_key: HashMap<u128, Vec<usize>, foldhash::fast::RandomState>,
}

impl Standing {
    pub fn new(records: Vec<KeptOut>) -> Standing {
        let mut standing = Standing::default();
        records.into_iter().for_each(|record| standing.add(record));
        standing
    }

    pub fn add(&mut self, record: KeptOut) {
        let Neighbours { before, after, .. } = record.neighbours;
        for key in before.into_iter().chain(after) {
            self.by_key.entry(key).or_default().push(self.records.len());
        }
        self.records.push(record);
    }

    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Those that an object has.
    pub fn mended_by(&self, object: &Elements<'_>) -> Vec<(String, u64)> {
        let mut likely: HashMap<usize, [Option<u64>; 2]> = HashMap::new();
        for (at, key) in object.events {
            for record in self.by_key.get(key).into_iter().flatten() {
                let Some(Neighbours { before, after, .. }) = self.records.get(*record).map(|r| r.neighbours) else {
                    continue;
                };
                let found = likely.entry(*record).or_default();
                for (neighbour, found) in [before, after].into_iter().zip(found) {
                    if neighbour == Some(*key) {
                        *found = found.or(Some(*at));
                    }
                }
            }
        }
        let mended: HashSet<usize> =
            likely.into_iter().filter(|(r, at)| self.is_mended(*r, *at, object)).map(|(r, _)| r).collect();
        let record = |at: usize| self.records.get(at).map(|record| (record.name.clone(), record.index));
        mended.into_iter().filter_map(record).collect()
    }

    fn is_mended(&self, record: usize, [before, after]: [Option<u64>; 2], object: &Elements<'_>) -> bool {
        let Some(KeptOut { name, neighbours, .. }) = self.records.get(record) else { return false };
        let has_both = neighbours.before.is_some() == before.is_some() && neighbours.after.is_some() == after.is_some();
        if name == object.name || !has_both {
            return false;
        }
        if place_in(name) == place_in(object.name) {
            return true;
        }
        let count = object.events.len() as u64 + object.kept_out.len() as u64;
        let (first, last) = (before.map_or(0, |at| at + 1), after.unwrap_or(count));
        let is_sound = !object.kept_out.iter().any(|at| (first..last).contains(at));
        let is_as_many = |between: u64| last.checked_sub(first) == Some(between);
        match neighbours.between {
            Some(between) if before.is_some() && after.is_some() => is_sound && is_as_many(between),
            between => {
                is_sound && last > first && last - first >= between.unwrap_or(1) && file(name) == file(object.name)
            }
        }
    }
}

/// The file's name in an object's.
fn file(name: &str) -> &str {
    let place = place_in(name);
    place.rsplit('/').next().unwrap_or(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements<'a>(name: &'a str, events: &'a [(u64, u128)], kept_out: &'a [u64]) -> Elements<'a> {
        Elements { name, events, kept_out }
    }

    fn place(folder: &str, digit: char) -> String {
        format!("/{folder}/a.json#{}", digit.to_string().repeat(32))
    }

    #[test]
    fn what_has_come_since_is_known_by_its_neighbours() {
        let bad = [(0, 10), (3, 13), (4, 14)];
        let name = place("logs", '0');
        let object = elements(&name, &bad, &[1, 2, 5]);
        let no_gap = |_: u64| false;
        let records = [1, 2, 5].map(|index| {
            let neighbours = object.neighbours(index, no_gap);
            KeptOut { name: name.clone(), index, neighbours }
        });
        assert_eq!(records[0].neighbours, Neighbours { before: Some(10), after: Some(13), between: Some(2) });
        assert_eq!(records[2].neighbours, Neighbours { before: Some(14), after: None, between: Some(1) });
        let standing = Standing::new(records.to_vec());
        let mended = |name: &str, events: &[(u64, u128)], kept_out: &[u64]| {
            let mut mended = standing.mended_by(&elements(name, events, kept_out));
            mended.sort_unstable();
            mended.into_iter().map(|(_, index)| index).collect::<Vec<_>>()
        };
        let whole = [(0, 10), (1, 11), (2, 12), (3, 13), (4, 14), (5, 15)];
        let short = [(0, 10), (1, 13), (2, 14)];
        assert!(mended(&name, &whole, &[]).is_empty(), "itself");
        // At the same place, mended, without the bad lines, or with one still bad.
        assert_eq!(mended(&place("logs", '1'), &whole, &[]), [1, 2, 5]);
        assert_eq!(mended(&place("logs", '1'), &short, &[]), [1, 2, 5]);
        assert_eq!(mended(&place("logs", '1'), &bad, &[1, 2, 5]), [1, 2, 5]);
        // Another object at the same place says nothing of the first.
        assert!(mended(&place("logs", '1'), &[(0, 20), (1, 21)], &[]).is_empty());
        // Elsewhere: a copy of the file, or its records in another one.
        assert_eq!(mended(&place("copy", '1'), &whole, &[]), [1, 2, 5]);
        assert_eq!(mended("/copy/b.json", &whole, &[]), [1, 2]);
        for other in [&short[..], &whole[..1], &[(0, 10), (1, 11), (3, 13)]] {
            assert!(mended("/copy/b.json", other, &[2]).is_empty(), "{other:?}");
        }
        // Where bytes are missing, nobody knows how many.
        let gap = object.neighbours(2, |index| index == 2);
        assert_eq!(gap.between, None);
        let standing = Standing::new(vec![KeptOut { name: name.clone(), index: 2, neighbours: gap }]);
        let long = [(0, 10), (1, 11), (2, 12), (3, 1), (4, 2), (5, 13)];
        assert!(standing.mended_by(&elements("/copy/b.json", &long, &[])).is_empty());
        assert_eq!(standing.mended_by(&elements("/copy/a.json", &long, &[])).len(), 1);
    }
}
