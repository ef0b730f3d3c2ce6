//! From a key in a record to the column that holds its value: the paths of [`schema::COLUMNS`] as a tree.

use std::sync::LazyLock;

use super::schema::{COLUMNS, Kind};
use crate::scan::Literal;

/// What a key leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The value of a column, by its position in [`COLUMNS`].
    Column(usize, Kind),
    /// An object with known keys.
    Group(usize),
}

/// The known keys of one object.
pub(super) struct Group {
    /// Where the object stands in a record, `.` between keys; empty for the record itself.
    pub path: String,
    /// Whether many records have it letter by letter.
    pub repeats: bool,
    keys: Vec<Key>,
    /// Positions in `keys`, by length.
    by_length: Vec<Vec<usize>>,
}

/// A known key.
pub(super) struct Key {
    name: &'static str,
    /// As CloudTrail writes it: `"name":`.
    pub literal: Literal,
    pub target: Target,
}

/// Objects with known keys that a record may have: the record and what lies in it.
pub(super) const GROUPS_MAX: usize = 16;

/// Keys that an object may have.
pub(super) const KEYS_MAX: usize = 48;

impl Group {
    fn new(path: &str) -> Group {
        let repeats = matches!(path, "userIdentity" | "tlsDetails");
        Group { path: path.to_owned(), repeats, keys: Vec::new(), by_length: Vec::new() }
    }

    /// The position of a key.
    pub fn position(&self, key: &[u8]) -> Option<usize> {
        let is_at = |at: &usize| self.keys.get(*at).is_some_and(|known| known.name.as_bytes() == key);
        self.by_length.get(key.len())?.iter().copied().find(is_at)
    }

    /// The key at a position.
    pub fn key(&self, position: usize) -> Option<&Key> {
        self.keys.get(position)
    }
}

/// Which key came behind which, the last time: records are written field by field in one order, mostly.
#[derive(Debug)]
pub(super) struct KeyOrder([[u8; KEYS_MAX + 1]; GROUPS_MAX]);

impl Default for KeyOrder {
    fn default() -> KeyOrder {
        KeyOrder([[0; KEYS_MAX + 1]; GROUPS_MAX])
    }
}

impl KeyOrder {
    /// The position of the key behind the one at `before`, counted from 1; 0 for the first.
    pub fn behind(&self, group: usize, before: usize) -> usize {
        self.0.get(group).and_then(|keys| keys.get(before)).map_or(0, |position| usize::from(*position))
    }

    #[expect(clippy::cast_possible_truncation, reason = "a group has fewer than 256 keys, which a test shows")]
    pub fn learn(&mut self, group: usize, before: usize, position: usize) {
        if let Some(slot) = self.0.get_mut(group).and_then(|keys| keys.get_mut(before)) {
            *slot = position as u8;
        }
    }
}

/// The groups; the first one is the record itself.
pub(super) fn groups() -> &'static [Group] {
    static GROUPS: LazyLock<Vec<Group>> = LazyLock::new(build);
    &GROUPS
}

#[expect(clippy::indexing_slicing, reason = "positions come from the list that is indexed")]
fn build() -> Vec<Group> {
    let mut groups = vec![Group::new("")];
    for (column, definition) in COLUMNS.iter().enumerate().filter(|(_, c)| !c.path.is_empty()) {
        let mut group = 0;
        let mut begin = 0;
        for (dot, _) in definition.path.match_indices('.') {
            group = subgroup(&mut groups, group, &definition.path[begin..dot], &definition.path[..dot]);
            begin = dot + 1;
        }
        add(&mut groups[group], &definition.path[begin..], Target::Column(column, definition.kind));
    }
    debug_assert!(groups.len() <= GROUPS_MAX, "{} groups", groups.len());
    groups
}

#[expect(clippy::indexing_slicing, reason = "positions come from the list that is indexed")]
fn subgroup(groups: &mut Vec<Group>, parent: usize, key: &'static str, path: &str) -> usize {
    if let Some(known) = groups.iter().position(|g| g.path == path) {
        return known;
    }
    let group = groups.len();
    groups.push(Group::new(path));
    add(&mut groups[parent], key, Target::Group(group));
    group
}

#[expect(clippy::indexing_slicing, reason = "positions come from the list that is indexed")]
fn add(group: &mut Group, key: &'static str, target: Target) {
    if group.by_length.len() <= key.len() {
        group.by_length.resize_with(key.len() + 1, Vec::new);
    }
    group.by_length[key.len()].push(group.keys.len());
    group.keys.push(Key { name: key, literal: Literal::new(format!("\"{key}\":").as_bytes()), target });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::LITERAL_MAX;

    #[test]
    fn every_path_leads_to_its_column() {
        let groups = groups();
        assert!(groups.len() <= GROUPS_MAX);
        assert!(COLUMNS.len() <= 128);
        assert!(groups.iter().all(|group| group.keys.len() <= KEYS_MAX));
        // What is longer is found, but not by its literal.
        assert!(groups.iter().flat_map(|group| &group.keys).all(|key| key.name.len() + 3 <= LITERAL_MAX));
        for (i, column) in COLUMNS.iter().enumerate().filter(|(_, c)| !c.path.is_empty()) {
            let mut group = &groups[0];
            let mut found = None;
            for key in column.path.split('.') {
                match group.position(key.as_bytes()).and_then(|position| group.key(position)).map(|key| key.target) {
                    Some(Target::Group(next)) => group = &groups[next],
                    other => found = other,
                }
            }
            assert_eq!(found, Some(Target::Column(i, column.kind)), "{}", column.path);
        }
        assert_eq!(groups[0].position(b"nonsense"), None);
        let repeated: Vec<_> = groups.iter().filter(|group| group.repeats).map(|group| group.path.as_str()).collect();
        assert_eq!(repeated, ["userIdentity", "tlsDetails"]);
    }
}
