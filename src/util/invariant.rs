//! Broken invariants are loud: a bug ends the work with its place, instead of turning into an empty value that looks like data.

/// What cannot be absent, unless the program has a bug.
pub(crate) trait Invariant<T> {
    /// The value.
    ///
    /// # Panics
    /// When it is absent, with the place of the call. `what` says what should have held. Input never leads here: what comes
    /// from a log, a store or a policy is checked where it is read, and gives an error.
    #[track_caller]
    fn invariant(self, what: &'static str) -> T;
}

impl<T> Invariant<T> for Option<T> {
    #[inline]
    fn invariant(self, what: &'static str) -> T {
        match self {
            Some(value) => value,
            None => broken(what),
        }
    }
}

#[cold]
#[inline(never)]
#[track_caller]
#[expect(clippy::panic, reason = "the one place where a broken invariant ends the work")]
fn broken(what: &str) -> ! {
    panic!("broken invariant: {what}; please report this")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_given() {
        assert_eq!("abc".get(1..2).invariant("within the text"), "b");
    }

    #[test]
    #[should_panic(expected = "broken invariant: within the text")]
    fn what_is_not_there_is_loud() {
        "abc".get(1..9).invariant("within the text");
    }
}
