//! Patterns found by the text they begin with, so that a policy of thousands of resources is not read from end to end.

use std::sync::Arc;

/// Below this many items reading all of them is faster.
const INDEXED_FROM: usize = 8;

/// What a text must begin with, or is known to begin with.
#[derive(Debug, Clone, Copy)]
pub(super) enum Beginning<'a> {
    /// The whole text: items match only if their prefix begins it.
    Text(&'a [u8]),
    /// The known start of a pattern: items may match if either begins with the other.
    Prefix(&'a [u8]),
}

/// Items under prefixes. Inserted first, then [`ByPrefix::finish`]ed once.
#[derive(Debug, Clone)]
pub(super) struct ByPrefix<T> {
    /// After `finish` sorted by prefix.
    items: Vec<(Arc<[u8]>, T)>,
    /// For each item the nearest one before it whose prefix begins this one's; empty if there are few items.
    parents: Vec<Option<usize>>,
}

impl<T> Default for ByPrefix<T> {
    fn default() -> Self {
        ByPrefix { items: Vec::new(), parents: Vec::new() }
    }
}

impl<T> ByPrefix<T> {
    pub(super) fn insert(&mut self, prefix: Arc<[u8]>, item: T) {
        self.items.push((prefix, item));
    }

    pub(super) fn finish(&mut self) {
        if self.items.len() < INDEXED_FROM {
            return;
        }
        self.items.sort_by(|(one, _), (other, _)| one.cmp(other));
        // The items whose prefixes begin the current one, as a stack: sorting puts them before it, the longest last.
        let mut open: Vec<usize> = Vec::new();
        for (at, (prefix, _)) in self.items.iter().enumerate() {
            while open.last().and_then(|last| self.items.get(*last)).is_some_and(|(p, _)| !prefix.starts_with(p)) {
                open.pop();
            }
            self.parents.push(open.last().copied());
            open.push(at);
        }
    }

    /// Calls `visit` with every item that may match, and perhaps others, until it returns true.
    pub(super) fn visit(&self, beginning: Beginning<'_>, mut visit: impl FnMut(&T) -> bool) -> bool {
        let (Beginning::Text(text) | Beginning::Prefix(text)) = beginning;
        let open = matches!(beginning, Beginning::Prefix(_));
        if self.parents.is_empty() {
            let fits = |prefix: &[u8]| text.starts_with(prefix) || open && prefix.starts_with(text);
            return self.items.iter().any(|(prefix, item)| fits(prefix) && visit(item));
        }
        let after = self.items.partition_point(|(prefix, _)| **prefix <= *text);
        // Whatever begins `text` begins all that sorts between it and `text`, and so stands in this chain.
        let mut at = after.checked_sub(1);
        while let Some((prefix, item)) = at.and_then(|at| self.items.get(at)) {
            if text.starts_with(prefix) && visit(item) {
                return true;
            }
            at = at.and_then(|at| self.parents.get(at).copied().flatten());
        }
        let longer = self.items.get(after..).unwrap_or_default().iter();
        open && longer.take_while(|(prefix, _)| prefix.starts_with(text)).any(|(_, item)| visit(item))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(index: &ByPrefix<usize>, beginning: Beginning<'_>) -> Vec<usize> {
        let mut found = Vec::new();
        index.visit(beginning, |item| {
            found.push(*item);
            false
        });
        found.sort_unstable();
        found
    }

    #[test]
    fn finds_what_looking_at_each_finds() {
        let prefixes = ["", "a", "ab", "ab", "abc", "abd", "ac", "b", "ba", "bb", "bbb", "c"];
        let mut index = ByPrefix::default();
        for (item, prefix) in prefixes.iter().enumerate() {
            index.insert(prefix.as_bytes().into(), item);
        }
        index.finish();
        for text in ["", "a", "abcd", "abz", "ad", "bbbb", "bbc", "d", "A"] {
            let each = |test: &dyn Fn(&str) -> bool| -> Vec<usize> {
                (0..prefixes.len()).filter(|item| test(prefixes[*item])).collect()
            };
            assert_eq!(
                found(&index, Beginning::Text(text.as_bytes())),
                each(&|prefix| text.starts_with(prefix)),
                "{text}"
            );
            let either = each(&|prefix| text.starts_with(prefix) || prefix.starts_with(text));
            assert_eq!(found(&index, Beginning::Prefix(text.as_bytes())), either, "{text}");
        }
    }
}
