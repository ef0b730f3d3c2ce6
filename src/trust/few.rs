//! Some of many texts: the smallest ones, so that the same many always give the same few.

use std::collections::BTreeSet;

/// Texts kept.
const KEPT_MAX: usize = 20;

/// Bytes of a text that are kept.
const TEXT_MAX: usize = 2_048;

/// The smallest of a set of texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Few {
    /// In ascending order.
    pub items: BTreeSet<String>,
    /// Whether others were left out.
    pub more: bool,
}

impl Few {
    /// Adds one; empty ones don't count.
    pub fn add(&mut self, text: &str) {
        if text.is_empty() || self.items.contains(text) {
            return;
        }
        if text.len() > TEXT_MAX {
            self.more = true;
            return;
        }
        if self.items.len() >= KEPT_MAX {
            self.more = true;
            if self.items.last().is_some_and(|last| last.as_str() <= text) {
                return;
            }
            self.items.pop_last();
        }
        self.items.insert(text.to_owned());
    }

    /// The only one, where there is one.
    pub fn only(&self) -> Option<&str> {
        let is_one = self.items.len() == 1 && !self.more;
        self.items.first().filter(|_| is_one).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_stay_in_any_order() {
        let texts: Vec<String> = (0..50).map(|n| format!("t{n:02}")).collect();
        let mut few = Few::default();
        texts.iter().for_each(|text| few.add(text));
        let mut other = Few::default();
        texts.iter().rev().for_each(|text| other.add(text));
        assert_eq!(few, other);
        assert!(few.more && few.items.len() == KEPT_MAX && few.items.contains("t00"));
    }
}
