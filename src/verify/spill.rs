//! What is put aside on the way: records by a key, and sorted runs of them. In memory while there are few, else in
//! files that have no name, so that they go with the process whatever ends it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufRead, BufReader, Seek as _, Write as _};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::SpooledTempFile;

/// Parts that records are put into. A part is held in memory when it is its turn; more parts are more open files.
const PARTS: usize = 48;

/// Bytes of a part that stay in memory.
const IN_MEMORY_BYTES: usize = 256 << 10;

/// Records by their key: those of one key are in one part.
pub(super) struct Parts {
    parts: Vec<Part>,
    /// Nobody who chooses names knows which of them come together.
    hasher: RandomState,
}

impl Parts {
    pub fn new() -> Parts {
        Parts { parts: (0..PARTS).map(|_| Part::new()).collect(), hasher: RandomState::new() }
    }

    #[expect(clippy::cast_possible_truncation, reason = "a remainder by the number of parts")]
    pub fn add<T: Serialize>(&mut self, key: &str, record: &T) -> io::Result<()> {
        let part = self.hasher.hash_one(key) % PARTS as u64;
        match self.parts.get_mut(part as usize) {
            Some(part) => part.add(record),
            None => Ok(()),
        }
    }

    /// Part by part; each goes when the next is taken.
    pub fn into_parts(self) -> impl Iterator<Item = Part> {
        self.parts.into_iter()
    }
}

/// Some records.
pub(super) struct Part(SpooledTempFile);

impl Part {
    fn new() -> Part {
        Part(tempfile::spooled_tempfile(IN_MEMORY_BYTES))
    }

    fn add<T: Serialize>(&mut self, record: &T) -> io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        self.0.write_all(&line)
    }

    /// The records, from the first.
    pub fn records<T: DeserializeOwned>(&mut self) -> io::Result<impl Iterator<Item = io::Result<T>>> {
        self.0.rewind()?;
        let mut reader = BufReader::new(&mut self.0);
        Ok(std::iter::from_fn(move || read_record(&mut reader).transpose()))
    }
}

fn read_record<T: DeserializeOwned>(reader: &mut impl BufRead) -> io::Result<Option<T>> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    Ok(Some(serde_json::from_slice(&line)?))
}

/// Sorted runs.
#[derive(Default)]
pub(super) struct Runs(Vec<Part>);

impl Runs {
    pub fn add<T: Serialize + Ord>(&mut self, mut records: Vec<T>) -> io::Result<()> {
        records.sort_unstable();
        let mut part = Part::new();
        records.iter().try_for_each(|record| part.add(record))?;
        self.0.push(part);
        Ok(())
    }

    /// All of them in their order.
    pub fn merge<T: DeserializeOwned + Ord>(self) -> io::Result<Merged<T>> {
        let mut merged = Merged { runs: Vec::new(), next: BinaryHeap::new() };
        for (run, mut part) in self.0.into_iter().enumerate() {
            part.0.rewind()?;
            let mut reader = BufReader::new(part.0);
            if let Some(record) = read_record(&mut reader)? {
                merged.next.push(Reverse((record, run)));
            }
            merged.runs.push(reader);
        }
        Ok(merged)
    }
}

/// The records of sorted runs in their order.
pub(super) struct Merged<T> {
    runs: Vec<BufReader<SpooledTempFile>>,
    /// The first of each run.
    next: BinaryHeap<Reverse<(T, usize)>>,
}

impl<T: DeserializeOwned + Ord> Iterator for Merged<T> {
    type Item = io::Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut first = self.next.peek_mut()?;
        let Reverse((_, run)) = &*first;
        let run = *run;
        let following = self.runs.get_mut(run).map(read_record).transpose();
        match following.map(Option::flatten) {
            Ok(Some(record)) => {
                let Reverse((found, _)) = std::mem::replace(&mut *first, Reverse((record, run)));
                Some(Ok(found))
            }
            Ok(None) => {
                let Reverse((found, _)) = PeekMut::pop(first);
                Some(Ok(found))
            }
            Err(error) => {
                PeekMut::pop(first);
                Some(Err(error))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_by_key_and_in_order() {
        let mut parts = Parts::new();
        // More than stays in memory.
        let texts: Vec<String> = (0..20_000).map(|i| format!("{:0>1000}", i * 7_919 % 20_000)).collect();
        for (i, text) in texts.iter().enumerate() {
            parts.add(&(i % 3).to_string(), &(i % 3, text)).unwrap();
        }
        let mut runs = Runs::default();
        for mut part in parts.into_parts() {
            for _ in 0..2 {
                let records: Vec<(usize, String)> = part.records().unwrap().map(|record| record.unwrap()).collect();
                let keys = [0, 1, 2].map(|key| records.iter().filter(|(found, _)| *found == key).count());
                assert!(keys.iter().all(|count| *count == 0 || *count >= 6_666), "{keys:?}");
                runs.add(records.into_iter().map(|(_, text)| text).collect()).unwrap();
            }
        }
        let merged: Vec<String> = runs.merge().unwrap().map(|text| text.unwrap()).collect();
        assert!(merged.is_sorted());
        assert_eq!(merged.len(), 40_000);
    }
}
