//! Wildcards in actions, only where they add nothing of a higher access level than was used.

use std::collections::{BTreeMap, BTreeSet};

use super::catalog_view::CatalogView;
use super::privilege_escalation;

/// Replaces actions of one statement by `service:Word*` wherever at least two of them begin with the same whole words
/// and every other action that begins so has at most the highest access level of theirs, can't be used to gain
/// privileges, and reads no secrets and no data. The shortest such beginning is taken.
pub(crate) fn collapse(actions: &BTreeSet<String>, knowledge: &CatalogView<'_>) -> BTreeSet<String> {
    let mut collapsed = BTreeSet::new();
    let mut by_service: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for action in actions {
        match action.split_once(':') {
            Some((service, name)) if !name.contains(['*', '?']) => {
                by_service.entry(service).or_default().insert(name);
            }
            _ => {
                collapsed.insert(action.clone());
            }
        }
    }
    for (service, names) in by_service {
        let known: Vec<&str> = knowledge.actions_of(service);
        take_words(service, names.into_iter().collect(), 1, &known, knowledge, &mut collapsed);
    }
    collapsed
}

fn take_words(
    service: &str,
    names: Vec<&str>,
    words: usize,
    known: &[&str],
    knowledge: &CatalogView<'_>,
    collapsed: &mut BTreeSet<String>,
) {
    let mut beginnings: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in names {
        match beginning(name, words) {
            Some(start) => beginnings.entry(start).or_default().push(name),
            None => {
                collapsed.insert(format!("{service}:{name}"));
            }
        }
    }
    for (start, used) in beginnings {
        if let [only] = used.as_slice() {
            collapsed.insert(format!("{service}:{only}"));
        } else if adds_nothing_higher(service, start, &used, known, knowledge) {
            collapsed.insert(format!("{service}:{start}*"));
        } else {
            take_words(service, used, words + 1, known, knowledge, collapsed);
        }
    }
}

/// The first words of a name in upper camel case; `None` if it has fewer.
fn beginning(name: &str, words: usize) -> Option<&str> {
    let mut ends = name.char_indices().skip(1).filter(|(_, c)| c.is_ascii_uppercase()).map(|(at, _)| at);
    let nth = ends.nth(words - 1).unwrap_or(name.len());
    let before = if words == 1 {
        0
    } else {
        name.char_indices()
            .skip(1)
            .filter(|(_, c)| c.is_ascii_uppercase())
            .nth(words - 2)
            .map_or(name.len(), |(at, _)| at)
    };
    if before >= name.len() { None } else { name.get(..nth) }
}

fn adds_nothing_higher(service: &str, start: &str, used: &[&str], known: &[&str], knowledge: &CatalogView<'_>) -> bool {
    let access = |name: &str| knowledge.access(&format!("{service}:{name}"));
    let Some(highest) = used.iter().filter_map(|name| access(name)).max() else { return false };
    let lower = start.to_ascii_lowercase();
    known.iter().filter(|name| name.to_ascii_lowercase().starts_with(&lower)).all(|name| {
        used.contains(name)
            || (access(name).is_some_and(|level| level <= highest)
                && privilege_escalation::escalation(&format!("{service}:{name}")).is_none()
                && !privilege_escalation::is_secret_read(&format!("{service}:{name}"))
                && !privilege_escalation::is_data_read(&format!("{service}:{name}")))
    })
}
