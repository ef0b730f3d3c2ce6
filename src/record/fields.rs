//! From a key in a record to the column that holds its value: the paths of [`schema::COLUMNS`] as a tree.

use std::sync::LazyLock;

use super::schema::{COLUMNS, Kind};

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
    /// Keys by length.
    by_length: Vec<Vec<(&'static str, Target)>>,
}

/// Objects with known keys that a record may have: the record and what lies in it.
pub(super) const GROUPS_MAX: usize = 16;

impl Group {
    /// What a key leads to.
    pub fn target(&self, key: &[u8]) -> Option<Target> {
        let keys = self.by_length.get(key.len())?;
        keys.iter().find(|(known, _)| known.as_bytes() == key).map(|(_, target)| *target)
    }
}

/// The groups; the first one is the record itself.
pub(super) fn groups() -> &'static [Group] {
    static GROUPS: LazyLock<Vec<Group>> = LazyLock::new(build);
    &GROUPS
}

fn build() -> Vec<Group> {
    let mut groups = vec![Group { path: String::new(), by_length: Vec::new() }];
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

fn subgroup(groups: &mut Vec<Group>, parent: usize, key: &'static str, path: &str) -> usize {
    if let Some(known) = groups.iter().position(|g| g.path == path) {
        return known;
    }
    let group = groups.len();
    groups.push(Group { path: path.to_owned(), by_length: Vec::new() });
    add(&mut groups[parent], key, Target::Group(group));
    group
}

fn add(group: &mut Group, key: &'static str, target: Target) {
    if group.by_length.len() <= key.len() {
        group.by_length.resize_with(key.len() + 1, Vec::new);
    }
    group.by_length[key.len()].push((key, target));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_leads_to_its_column() {
        let groups = groups();
        assert!(groups.len() <= GROUPS_MAX);
        assert!(COLUMNS.len() <= 128);
        for (i, column) in COLUMNS.iter().enumerate().filter(|(_, c)| !c.path.is_empty()) {
            let mut group = &groups[0];
            let mut found = None;
            for key in column.path.split('.') {
                match group.target(key.as_bytes()) {
                    Some(Target::Group(next)) => group = &groups[next],
                    other => found = other,
                }
            }
            assert_eq!(found, Some(Target::Column(i, column.kind)), "{}", column.path);
        }
        assert_eq!(groups[0].target(b"nonsense"), None);
    }
}
