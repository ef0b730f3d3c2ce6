//! Names that somebody may have meant.

use std::collections::BTreeMap;

/// Names that are told.
const TOLD: usize = 3;

/// Names longer than this are compared by what they contain alone: a distance takes the product of two lengths.
const DISTANCE_MAX_CHARS: usize = 128;

/// The names closest to what was asked for, the closest first; none where nothing is close.
pub(crate) fn closest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    // What a pattern says beside its wildcards.
    let wanted: String = wanted.chars().filter(|c| !matches!(c, '*' | '?')).collect::<String>().to_lowercase();
    let letters: Vec<char> = wanted.chars().collect();
    if letters.is_empty() {
        return Vec::new();
    }
    let mut found: BTreeMap<(usize, &str), ()> = BTreeMap::new();
    for name in names {
        if let Some(distance) = distance(&wanted, &letters, &name.to_lowercase()) {
            found.insert((distance, name), ());
            if found.len() > TOLD {
                found.pop_last();
            }
        }
    }
    found.into_keys().map(|(_, name)| name).collect()
}

/// How far a name is; nothing where it is too far.
fn distance(wanted: &str, letters: &[char], name: &str) -> Option<usize> {
    let other: Vec<char> = name.chars().collect();
    let difference = letters.len().abs_diff(other.len());
    // A part of a name is close, whatever the rest is; and the other way round.
    let shorter = letters.len().min(other.len());
    if shorter >= 3 && (name.contains(wanted) || wanted.contains(name)) {
        return Some(if difference == 0 { 0 } else { 1 });
    }
    let allowed = (letters.len() / 3).clamp(1, 3);
    if difference > allowed || letters.len() > DISTANCE_MAX_CHARS || other.len() > DISTANCE_MAX_CHARS {
        return None;
    }
    Some(edits(letters, &other)).filter(|edits| *edits <= allowed)
}

/// Letters to add, leave out, change or swap with their neighbour (optimal string alignment).
fn edits(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let at = |row: &[usize], place: usize| row.get(place).copied().unwrap_or(usize::MAX / 2);
    for (i, letter) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, other) in b.iter().enumerate() {
            let change = at(&last, j) + usize::from(letter != other);
            let mut best = change.min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            let is_swapped = i > 0 && j > 0 && a.get(i - 1) == Some(other) && b.get(j - 1) == Some(letter);
            if is_swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant() {
        let names = ["deploy", "deploy-staging", "Administrator", "reader", "111122223333"];
        assert_eq!(closest("deplyo", names), ["deploy"]);
        assert_eq!(closest("deploy", names), ["deploy", "deploy-staging"]);
        assert_eq!(closest("administrator*", names), ["Administrator"]);
        assert_eq!(closest("111122223334", names), ["111122223333"]);
        assert_eq!(closest("nobody", names), Vec::<&str>::new());
        assert_eq!(closest("*", names), Vec::<&str>::new());
        assert_eq!(closest("", names), Vec::<&str>::new());
    }

    #[test]
    fn edits_are_counted() {
        let count = |a: &str, b: &str| edits(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>());
        for (a, b, expected) in [
            ("", "", 0),
            ("a", "", 1),
            ("", "ab", 2),
            ("kitten", "sitting", 3),
            ("ab", "ba", 1),
            ("größe", "grosse", 3),
        ] {
            assert_eq!(count(a, b), expected, "{a} {b}");
            assert_eq!(count(b, a), expected, "{b} {a}");
        }
    }
}
