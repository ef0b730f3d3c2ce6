//! What was met lately, by its letters: a table of fixed size that nobody can fill up or wear out by inventing names.

/// Values by texts. Each text has one place, told by its hash, which must be seeded at random: texts are anybody's choice.
#[derive(Debug)]
pub(crate) struct DirectMappedCache<T> {
    /// None until a second text comes: whoever has one only needs no table.
    places: Vec<Slot<T>>,
    count: usize,
    is_begun: bool,
    /// Bytes of a text that is worth remembering.
    one_max: usize,
}

#[derive(Debug)]
struct Slot<T> {
    held: Option<(Box<[u8]>, T)>,
    /// The hash of the last text that was not it.
    other: u64,
}

impl<T> DirectMappedCache<T> {
    /// Room for as many texts as there are places, of so many bytes each.
    pub fn new(places: usize, one_max: usize) -> DirectMappedCache<T> {
        DirectMappedCache { places: Vec::new(), count: places, is_begun: false, one_max }
    }

    #[expect(clippy::cast_possible_truncation, reason = "the low bits of a hash choose the slot")]
    fn place(&self, hash: u64) -> usize {
        hash as usize % self.count.max(1)
    }

    /// The text at a hash's place with its value, if `is_it`.
    pub fn find(&self, hash: u64, is_it: impl FnOnce(&[u8]) -> bool) -> Option<(&[u8], &T)> {
        let (text, value) = self.places.get(self.place(hash))?.held.as_ref()?;
        is_it(text).then_some((text, value))
    }

    /// Remembers a text that was not found; in the place of another one only when it is met again, since many come once.
    pub fn learn(&mut self, hash: u64, text: &[u8], value: impl FnOnce() -> Option<T>) {
        if self.places.is_empty() && std::mem::replace(&mut self.is_begun, true) {
            self.places.resize_with(self.count, || Slot { held: None, other: 0 });
        }
        let at = self.place(hash);
        let Some(place) = self.places.get_mut(at).filter(|_| text.len() <= self.one_max) else { return };
        if place.held.is_some() && place.other != hash {
            place.other = hash;
        } else if let Some(value) = value() {
            place.held = Some((text.into(), value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_again_takes_the_place_of_what_does_not() {
        let mut recent = DirectMappedCache::new(1, 4);
        let found =
            |recent: &DirectMappedCache<u32>, text: &[u8]| recent.find(7, |held| held == text).map(|(_, value)| *value);
        recent.learn(6, b"first", || Some(0));
        recent.learn(7, b"a", || Some(1));
        assert_eq!((found(&recent, b"a"), found(&recent, b"b")), (Some(1), None));
        recent.learn(8, b"b", || Some(2));
        assert_eq!(found(&recent, b"a"), Some(1));
        recent.learn(8, b"b", || Some(2));
        assert_eq!((found(&recent, b"a"), found(&recent, b"b")), (None, Some(2)));
        recent.learn(8, b"large", || Some(3));
        recent.learn(8, b"none", || None);
        assert_eq!(found(&recent, b"b"), Some(2));
    }
}
