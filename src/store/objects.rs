//! The log objects in the ledger: which were taken in, and which are refused.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, OptionalExtension, Row};
use serde::Serialize;

use super::change::LedgerEntry;
use super::containers::{Container, containers};
use super::error::StoreError;
use super::forget::forgotten;
use super::layout::catalog_path;
use super::object_rows::split;
use super::open::Store;
use super::passed_over::{ALTERED, key, refusal_key};
use super::writer::Writer;

/// The objects taken in so far. A million of them take 25 MB.
#[derive(Debug, Default)]
pub struct Known {
    /// Those of the store, and those that came later.
    parts: Vec<Part>,
    /// Names and paths of what stands as refused.
    standing: HashSet<NameKey>,
    /// What stands as refused, and what was refused and is accepted: see [`super::refusal_key`].
    refused: HashSet<u128>,
    forgotten: HashSet<u128>,
    /// What was ever refused as altered, accepted or not, by the SHA-256 of its bytes as stored: names and reasons.
    altered: Altered,
    /// By place.
    containers: HashMap<String, Container>,
}

/// Names and reasons, by SHA-256.
type Altered = HashMap<[u8; 32], Vec<(String, String)>>;

/// Bit of a size that says that records of the object were kept out, so that a mended one is taken in its place.
const IS_PARTIAL: u64 = 1 << 63;

/// The ledger's name of an object that has none of CloudTrail's: its place, and as much of its SHA-256 as nobody makes
/// two contents for.
pub fn placed_name(place: &str, sha256: &[u8; 32]) -> String {
    use std::fmt::Write as _;
    let mut name = String::with_capacity(place.len() + 33);
    name.push_str(place);
    name.push('#');
    for byte in sha256.iter().take(16) {
        let _ = write!(name, "{byte:02x}");
    }
    name
}

/// The place in the name of an object that has none of CloudTrail's; any other name as it is.
pub fn place_in(name: &str) -> &str {
    let is_content = |content: &str| content.len() == 32 && content.bytes().all(|byte| byte.is_ascii_hexdigit());
    name.rsplit_once('#').filter(|(_, content)| is_content(content)).map_or(name, |(place, _)| place)
}

/// 128 bits of a name, so that two names never meet by chance.
pub type NameKey = [u64; 2];

/// Sizes by name, in the order of the keys.
#[derive(Debug)]
struct Part {
    sizes: Vec<(NameKey, u64)>,
    /// Where the keys of each slice of all numbers begin, and where the last ends: they are spread evenly, so that a
    /// slice has a few.
    begins: Vec<u32>,
}

/// Keys in a slice, about.
const SLICE_KEYS: usize = 8;

impl Part {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the ledger holds fewer than 2^32 objects in memory; the product is below the number of slices"
    )]
    fn new(mut sizes: Vec<(NameKey, u64)>) -> Part {
        sizes.sort_unstable();
        sizes.shrink_to_fit();
        let slices = sizes.len() / SLICE_KEYS + 1;
        let mut begins = vec![0; slices + 1];
        let mut at = 0;
        for (slice, begin) in begins.iter_mut().enumerate() {
            let before = sizes.get(at..).unwrap_or_default();
            at += before.iter().take_while(|(key, _)| slice_of(key, slices) < slice).count();
            *begin = at as u32;
        }
        Part { sizes, begins }
    }

    fn size_bytes(&self, wanted: &NameKey) -> Option<u64> {
        let slice = slice_of(wanted, self.begins.len() - 1);
        let (begin, end) = (self.begins.get(slice)?, self.begins.get(slice + 1)?);
        let keys = self.sizes.get(*begin as usize..*end as usize)?;
        let at = keys.binary_search_by_key(wanted, |(key, _)| *key).ok()?;
        keys.get(at).map(|(_, size_bytes)| *size_bytes)
    }
}

/// In which of so many slices of all numbers a key lies.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the ledger holds fewer than 2^32 objects in memory; the product is below the number of slices"
)]
fn slice_of(key: &NameKey, slices: usize) -> usize {
    ((u128::from(key[0]) * slices as u128) >> 64) as usize
}

impl Known {
    /// Size as stored of the object of this name, if it was taken in.
    pub fn size_bytes(&self, name: &str) -> Option<u64> {
        Some(self.find(name)? & !IS_PARTIAL)
    }

    /// Whether records of the object of this name were kept out.
    pub fn is_partial(&self, name: &str) -> bool {
        self.find(name).is_some_and(|size| size & IS_PARTIAL != 0)
    }

    /// The last one noted.
    fn find(&self, name: &str) -> Option<u64> {
        let wanted = name_key(name);
        self.parts.iter().rev().find_map(|part| part.size_bytes(&wanted))
    }

    /// Whether an object without a name of CloudTrail's was taken in, by place and content.
    pub fn has_placed(&self, place: &str, sha256: &[u8; 32]) -> bool {
        self.find(&placed_name(place, sha256)).is_some()
    }

    /// A container that was taken in whole.
    pub fn container(&self, place: &str) -> Option<&Container> {
        self.containers.get(place)
    }

    /// What an object is noted by: its name's key, its size, and whether records of it were kept out.
    pub fn noted(name: &str, size_bytes: u64, is_partial: bool) -> (NameKey, u64) {
        (name_key(name), size_bytes | if is_partial { IS_PARTIAL } else { 0 })
    }

    /// Whether a noted size is that of an object of which records were kept out.
    pub fn noted_size(noted: u64) -> (u64, bool) {
        (noted & !IS_PARTIAL, noted & IS_PARTIAL != 0)
    }

    /// Notes objects that were [`Known::noted`].
    pub fn extend_noted(&mut self, noted: Vec<(NameKey, u64)>) {
        self.parts.push(Part::new(noted));
    }

    /// Whether anything stands as refused.
    pub fn has_standing(&self) -> bool {
        !self.standing.is_empty()
    }

    /// Whether something of this name or path stands as refused.
    pub fn is_standing(&self, name_or_path: &str) -> bool {
        !self.standing.is_empty() && self.standing.contains(&name_key(name_or_path))
    }

    /// Whether a refusal stands in the ledger as it is.
    pub fn has_refused(&self, entry: &LedgerEntry) -> bool {
        !self.refused.is_empty() && self.refused.contains(&refusal_key(entry))
    }

    /// Whether a refusal is one that was accepted.
    pub fn is_forgotten(&self, entry: &LedgerEntry) -> bool {
        !self.forgotten.is_empty() && self.forgotten.contains(&refusal_key(entry))
    }

    /// Under which names these bytes were refused as altered, and why. Swapped objects are altered under each other's
    /// name and right under their own.
    pub fn altered(&self, sha256: &[u8; 32]) -> &[(String, String)] {
        self.altered.get(sha256).map(Vec::as_slice).unwrap_or_default()
    }

    /// Notes objects by their names and sizes.
    pub fn extend<'n>(&mut self, objects: impl Iterator<Item = (&'n str, u64)>) {
        self.parts.push(Part::new(objects.map(|(name, size_bytes)| (name_key(name), size_bytes)).collect()));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.parts.iter().map(|part| part.sizes.len()).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Memory that they take.
    pub fn bytes(&self) -> u64 {
        let begins: usize = self.parts.iter().map(|part| part.begins.len()).sum();
        let refused = 2 * (self.standing.capacity() + self.refused.capacity() + self.forgotten.capacity());
        let containers = self.containers.keys().map(|place| 2 * place.capacity() + 2 * size_of::<Container>());
        let refused = refused * size_of::<u128>() + containers.sum::<usize>();
        let altered = self.altered.values().flatten().map(|(name, reason)| 128 + name.capacity() + reason.capacity());
        let refused = refused + altered.sum::<usize>();
        (self.len() * size_of::<(NameKey, u64)>() + begins * size_of::<u32>() + refused) as u64
    }
}

/// Keys of the names and paths of what stands as refused, and of the refusals.
fn standing(connection: &Connection) -> rusqlite::Result<(HashSet<NameKey>, HashSet<u128>)> {
    let mut statement = connection.prepare("SELECT name, path, sha256, reason FROM trailpare_refused_objects")?;
    let mut rows = statement.query([])?;
    let (mut names, mut refused) = (HashSet::new(), HashSet::new());
    while let Some(row) = rows.next()? {
        let name = row.get_ref(0)?.as_str()?;
        names.insert(name_key(name));
        names.insert(name_key(row.get_ref(1)?.as_str()?));
        let sha256: Option<[u8; 32]> = row.get(2)?;
        refused.insert(key(name, sha256.as_ref(), row.get_ref(3)?.as_str()?));
    }
    Ok((names, refused))
}

/// What was refused as altered and was not replaced since; also where somebody has accepted that it was not taken.
fn altered(connection: &Connection) -> rusqlite::Result<Altered> {
    let mut statement = connection.prepare(
        "SELECT sha256, name, reason FROM trailpare_refused_objects WHERE sha256 IS NOT NULL AND reason GLOB ?1 \
         UNION \
         SELECT sha256, name, reason FROM trailpare_forgotten \
         WHERE what = 'refused' AND sha256 IS NOT NULL AND reason GLOB ?1",
    )?;
    let mut rows = statement.query([format!("{ALTERED}: *")])?;
    let mut altered = Altered::new();
    while let Some(row) = rows.next()? {
        altered.entry(row.get(0)?).or_default().push((row.get(1)?, row.get(2)?));
    }
    Ok(altered)
}

pub(super) fn name_key(name: &str) -> NameKey {
    use std::hash::BuildHasher;
    [1, 2].map(|seed| foldhash::quality::FixedState::with_seed(seed).hash_one(name))
}

impl Writer {
    /// Every object taken in so far.
    pub fn known_objects(&self) -> Result<Known, StoreError> {
        let read = || {
            let mut statement = self.connection().prepare("SELECT prefix_id, prefix FROM trailpare_name_prefixes")?;
            let pair = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
            let prefixes: HashMap<i64, String> = statement.query_map([], pair)?.collect::<Result<_, _>>()?;
            let count =
                self.connection().query_row("SELECT count(*) FROM trailpare_taken_objects", [], |row| row.get(0));
            let mut known = Vec::with_capacity(count?);
            let mut statement =
                self.connection().prepare("SELECT prefix_id, tail, size_bytes, broken FROM trailpare_taken_objects")?;
            let mut rows = statement.query([])?;
            let mut name = String::new();
            while let Some(row) = rows.next()? {
                name.clear();
                name.push_str(prefixes.get(&row.get(0)?).map_or("", String::as_str));
                name.push_str(row.get_ref(1)?.as_str()?);
                let is_partial = row.get::<_, u64>(3)? > 0;
                known.push((name_key(&name), row.get::<_, u64>(2)? | if is_partial { IS_PARTIAL } else { 0 }));
            }
            let ((standing, refused), forgotten) = (standing(self.connection())?, forgotten(self.connection())?);
            let altered = altered(self.connection())?;
            let containers = containers(self.connection())?.into_iter().map(|one| (one.place.clone(), one)).collect();
            Ok(Known { parts: vec![Part::new(known)], standing, refused, forgotten, altered, containers })
        };
        read().map_err(StoreError::catalog(&catalog_path(self.store().dir())))
    }

    /// SHA-256 of the bytes of an object that was taken in.
    pub fn known_digest(&self, name: &str) -> Result<Option<[u8; 32]>, StoreError> {
        known_digest(self.connection(), name).map_err(StoreError::catalog(&catalog_path(self.store().dir())))
    }
}

fn known_digest(connection: &Connection, name: &str) -> rusqlite::Result<Option<[u8; 32]>> {
    let (prefix, tail) = split(name);
    let sql = "SELECT sha256 FROM trailpare_taken_objects WHERE tail = ?1 AND prefix_id = \
               (SELECT prefix_id FROM trailpare_name_prefixes WHERE prefix = ?2)";
    let digest: Option<Option<[u8; 32]>> =
        connection.prepare_cached(sql)?.query_row([tail, prefix], |row| row.get(0)).optional()?;
    Ok(digest.flatten())
}

impl Store {
    /// The objects that are refused, by name. Asked so that stores of every version can answer.
    pub fn refused_objects(&self) -> Result<Vec<RefusedObject>, StoreError> {
        self.query(|connection| {
            let mut statement = connection.prepare(
                "SELECT name, path, reason, offset_bytes FROM trailpare_objects WHERE state = 'refused' ORDER BY name",
            )?;
            let rows = statement.query_map([], |r| {
                Ok(RefusedObject { name: r.get(0)?, path: r.get(1)?, reason: r.get(2)?, offset_bytes: r.get(3)? })
            })?;
            rows.collect()
        })
    }
}

/// One refused object, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RefusedObject {
    /// Its ledger name.
    pub name: String,
    /// Where it was read.
    pub path: String,
    /// Why.
    pub reason: String,
    /// Where in the inflated bytes.
    pub offset_bytes: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::{Known, SLICE_KEYS, split};

    #[test]
    fn of_many_names_each_is_found_and_no_other() {
        let mut known = Known::default();
        assert_eq!(known.size_bytes("0"), None);
        let names: Vec<String> = (0..10_000).map(|i| i.to_string()).collect();
        let sized = |from: usize, to: usize| (from..to).map(|i| (names[i].as_str(), i as u64));
        for (from, to) in [(0, 0), (0, 1), (1, SLICE_KEYS), (SLICE_KEYS, 4_000), (4_000, 9_000)] {
            known.extend(sized(from, to));
            assert_eq!((known.len(), known.is_empty()), (to, to == 0));
            for (i, name) in names.iter().enumerate() {
                assert_eq!(known.size_bytes(name), Some(i as u64).filter(|_| i < to), "{name} of {to}");
            }
        }
        assert!(known.bytes() < 26 * known.len() as u64);
    }

    #[test]
    fn names_are_split_where_many_are_alike() {
        for (prefix, tail) in [
            ("111122223333_CloudTrail_eu-west-1_", "20240302T0710Z_AAAAAAAAAAAAAAAA"),
            ("111122223333_CloudTrail-Insight_eu-west-1_", "20240302T0710Z_AAAAAAAAAAAAAAAA"),
            ("a/111122223333_CloudTrail_eu-west-1_/", "b_c.json"),
            ("", "a_b_c.json"),
            ("a_", "b_CloudTrail"),
            ("", "a_CloudTrail"),
            ("", "_CloudTrail"),
            ("a/", ""),
            ("", ""),
        ] {
            assert_eq!(split(&format!("{prefix}{tail}")), (prefix, tail));
        }
    }
}
