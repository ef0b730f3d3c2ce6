//! Does one pattern match all, some or none of the strings that another matches?
//!
//! Both patterns are read as automata over characters. The outer one is made deterministic on the fly (a state is the
//! set of its positions reached) and walked together with the inner one, over an alphabet of the characters that occur
//! plus one that stands for all others. The answer is exact; beyond a bound on the walk it is `Some`, which claims
//! neither that everything matches nor that nothing does.

use std::collections::{HashSet, VecDeque};

use super::glob::{Coverage, Glob, Token, agree};

/// States visited before giving up. Patterns of 200 characters with a dozen wildcards stay below a tenth of it.
const STATES_MAX: usize = 4_000;

/// One position of an automaton: what leads on from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Char(char),
    One {
        colon: bool,
    },
    /// Stays here on any character, and can be passed for nothing.
    Star {
        colon: bool,
    },
}

/// A symbol of the alphabet: a character that occurs in a pattern, or any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Symbol {
    Char(char),
    Other,
}

impl Step {
    fn takes(self, symbol: Symbol) -> bool {
        match self {
            Step::Char(c) => symbol == Symbol::Char(c),
            Step::One { colon } | Step::Star { colon } => colon || symbol != Symbol::Char(':'),
        }
    }

    fn is_star(self) -> bool {
        matches!(self, Step::Star { .. })
    }
}

fn steps(glob: &Glob) -> Vec<Step> {
    let mut steps = Vec::new();
    for token in glob.tokens() {
        match *token {
            Token::Literal { start, end } => {
                let text = String::from_utf8_lossy(glob.literal_bytes(start..end));
                steps.extend(text.chars().map(Step::Char));
            }
            Token::One { colon } => steps.push(Step::One { colon }),
            Token::Star { colon } => steps.push(Step::Star { colon }),
        }
    }
    steps
}

/// Adds `position` and all that is reached from it for nothing; positions stay sorted and single.
fn reach(steps: &[Step], mut position: usize, into: &mut Vec<usize>) {
    loop {
        match into.binary_search(&position) {
            Ok(_) => return,
            Err(place) => into.insert(place, position),
        }
        match steps.get(position) {
            Some(step) if step.is_star() => position += 1,
            _ => return,
        }
    }
}

/// The positions after reading `symbol` in any of `from`.
fn read(steps: &[Step], from: &[usize], symbol: Symbol) -> Vec<usize> {
    let mut next = Vec::new();
    for &position in from {
        if let Some(step) = steps.get(position)
            && step.takes(symbol)
        {
            reach(steps, if step.is_star() { position } else { position + 1 }, &mut next);
        }
    }
    drop_dominated(steps, &mut next);
    next
}

/// Whatever an earlier position accepts, the last free star accepts too: it swallows what leads up to it.
fn drop_dominated(steps: &[Step], set: &mut Vec<usize>) {
    let last_free = set.iter().rposition(|&at| matches!(steps.get(at), Some(Step::Star { colon: true })));
    if let Some(index) = last_free {
        set.drain(..index);
    }
}

fn start(steps: &[Step]) -> Vec<usize> {
    let mut set = Vec::new();
    reach(steps, 0, &mut set);
    drop_dominated(steps, &mut set);
    set
}

impl Glob {
    /// How much of what `inner` matches this pattern matches. `inner` may itself be a pattern.
    pub(super) fn covers(&self, inner: &Glob) -> Coverage {
        if let Some(text) = inner.as_literal() {
            return if self.matches(text) { Coverage::All } else { Coverage::None };
        }
        if self.is_any() || self == inner {
            return Coverage::All;
        }
        // One text is never all of a pattern, which has a wildcard.
        if let Some(text) = self.as_literal() {
            return if inner.matches(text) { Coverage::Some } else { Coverage::None };
        }
        let ((mine, my_end), (theirs, their_end)) = (self.ends(), inner.ends());
        if !agree(mine.iter(), theirs.iter()) || !agree(my_end.iter().rev(), their_end.iter().rev()) {
            return Coverage::None;
        }
        if self.is_prefix() && theirs.len() >= mine.len() {
            return Coverage::All;
        }
        // All that this matches begins with more than the inner one asks for, which matches others beside that.
        if inner.is_prefix() && mine.len() > theirs.len() {
            return Coverage::Some;
        }
        if self.matches_general(&inner.symbols()) {
            return Coverage::All;
        }
        coverage(self, inner)
    }
}

/// How much of `inner` is matched by `outer`.
fn coverage(outer: &Glob, inner: &Glob) -> Coverage {
    let (outer, inner) = (steps(outer), steps(inner));
    let mut alphabet: Vec<Symbol> = outer
        .iter()
        .chain(&inner)
        .filter_map(|step| if let Step::Char(c) = step { Some(Symbol::Char(*c)) } else { None })
        .chain([Symbol::Char(':'), Symbol::Other])
        .collect();
    alphabet.sort_unstable();
    alphabet.dedup();

    // A pair is one position of the inner pattern with all positions the outer one may be in. Reached for nothing:
    // the position behind an inner star.
    let mut seen: HashSet<(usize, Vec<usize>)> = HashSet::new();
    let mut queue = VecDeque::from([(0, start(&outer))]);
    let (mut some_match, mut some_do_not) = (false, false);
    while let Some((at, set)) = queue.pop_front() {
        if some_match && some_do_not || seen.len() > STATES_MAX {
            return Coverage::Some;
        }
        let mut visit = |state: (usize, Vec<usize>)| {
            if seen.insert(state.clone()) {
                queue.push_back(state);
            }
        };
        let Some(&step) = inner.get(at) else {
            if set.contains(&outer.len()) {
                some_match = true;
            } else {
                some_do_not = true;
            }
            continue;
        };
        if step.is_star() {
            visit((at + 1, set.clone()));
        }
        for &symbol in &alphabet {
            if step.takes(symbol) {
                let next = read(&outer, &set, symbol);
                // From the empty set nothing matches any more; every pattern matches at least one string.
                if next.is_empty() {
                    some_do_not = true;
                } else {
                    visit((if step.is_star() { at } else { at + 1 }, next));
                }
            }
        }
    }
    match (some_match, some_do_not) {
        (true, true) => Coverage::Some,
        (true, false) => Coverage::All,
        (false, _) => Coverage::None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::glob::Kind;
    use super::*;

    fn check(outer: &str, inner: &str) -> Coverage {
        Glob::new(outer, Kind::Arn).covers(&Glob::new(inner, Kind::Arn))
    }

    #[test]
    fn patterns_over_patterns() {
        assert_eq!(check("arn:aws:s3:::b/*", "arn:aws:s3:::b/logs/*"), Coverage::All);
        assert_eq!(check("arn:aws:s3:::b/logs/*", "arn:aws:s3:::b/*"), Coverage::Some);
        assert_eq!(check("arn:aws:s3:::a/*", "arn:aws:s3:::b/*"), Coverage::None);
        assert_eq!(check("arn:aws:s3:::b/*/x", "arn:aws:s3:::b/*/y/x"), Coverage::All);
        assert_eq!(check("arn:aws:s3:::b/?*", "arn:aws:s3:::b/*?"), Coverage::All);
        assert_eq!(check("arn:aws:s3:::b/?*", "arn:aws:s3:::b/*"), Coverage::Some);
        assert_eq!(check("arn:aws:s3:::b/*a", "arn:*"), Coverage::Some);
        assert_eq!(check("arn:aws:*:*:1:*", "arn:*"), Coverage::Some);
        assert_eq!(check("arn:aws:s3:::b/*a*b*", "arn:aws:s3:::b/*ab*"), Coverage::All);
        assert_eq!(check("arn:aws:s3:::b/*x", "arn:aws:s3:::b/*y"), Coverage::None);
        assert_eq!(check("arn:aws:s3:::b/*x?", "arn:aws:s3:::b/?yz"), Coverage::None);
    }

    #[test]
    fn segments_are_minded() {
        assert_eq!(check("arn:aws:sqs:us-*-1:1:q", "arn:aws:sqs:us-*t-1:1:q"), Coverage::All);
        assert_eq!(check("arn:aws:sqs:u*1:1:q", "arn:aws:sqs:u*:1:q"), Coverage::Some);
        assert_eq!(check("arn:aws:sqs:*:1:*", "arn:aws:sqs:*:1:q*"), Coverage::All);
        assert_eq!(check("*", "arn:aws:sqs:*:1:q*"), Coverage::All);
        assert_eq!(check("arn:*", "arn:aws:sqs:*:1:q*"), Coverage::All);
    }

    /// The inner wildcard stands after its pattern's fifth colon and may be a colon, the outer one may not.
    #[test]
    fn a_wildcard_of_a_segment_does_not_cover_a_free_one() {
        assert_eq!(check("*:?x", "a:b:c:d:e:?x"), Coverage::Some);
        assert_eq!(check("*:u*x", "a:b:c:d:e:u*x"), Coverage::Some);
        assert_eq!(check("*:u*", "a:b:c:d:e:u*x"), Coverage::All);
    }

    #[test]
    fn a_walk_without_end_claims_nothing() {
        let outer = format!("{}z", "a?*".repeat(40));
        let inner = format!("{}*z", "*a?".repeat(40));
        let found = Glob::new(&outer, Kind::Plain).covers(&Glob::new(&inner, Kind::Plain));
        assert_ne!(found, Coverage::None);
    }
}
