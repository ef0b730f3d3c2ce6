//! Wildcards: `*` is any run of characters, `?` any one character, all else is itself. Compared byte for byte; who
//! compares without regard to case lowers both sides first.
//!
//! In the ARN of a `Resource` element the first five colons part segments: a wildcard inside such a segment stays
//! within it, but "if the `*` wildcard is the last character of a resource ARN segment, it can expand to match beyond
//! the colon boundaries" (IAM User Guide, `reference_policies_elements_resource`). After the fifth colon there are no
//! segments any more, and `*` alone matches everything.

use std::ops::Range;

/// What a wildcard may run over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// Bytes of the pattern's text.
    Literal { start: usize, end: usize },
    /// One character; a colon only if `colon`.
    One { colon: bool },
    /// Any number of characters; colons only if `colon`.
    Star { colon: bool },
}

/// How a pattern's text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One string without structure: wildcards match everything.
    Plain,
    /// A resource ARN: wildcards before the fifth colon keep to their segment, as told above.
    Arn,
    /// The ARN of an `ArnLike` condition: "each of the six colon-delimited components of the ARN is checked separately"
    /// (`reference_policies_elements_condition_operators`), so that not even a segment's last `*` leaves it.
    ArnComponents,
}

/// A piece of a pattern: text to be taken literally, or text whose `*` and `?` are wildcards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Literal(&'a str),
    Wild(&'a str),
    /// Text that is not known: as good as a `*` over everything.
    Anything,
}

/// A character of a pattern while it is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Literal(char),
    /// `*` and `?` are wildcards.
    Wild(char),
    Anything,
}

impl Unit {
    /// A colon or nothing follows: the segment ends here.
    fn ends_segment(next: Option<&Unit>) -> bool {
        matches!(next, None | Some(Unit::Literal(':') | Unit::Wild(':')))
    }
}

/// A compiled pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Glob {
    /// The literal bytes, in order, without the wildcards.
    text: Box<[u8]>,
    tokens: Box<[Token]>,
    shape: Shape,
}

/// The frequent forms, which need no backtracking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// `*`
    Any,
    /// No wildcard.
    Exact,
    /// Text, then `*`.
    Prefix,
    /// Everything else: literal bytes at the start and at the end that must be there.
    General { prefix: usize, suffix: usize },
}

/// What is known of all strings of one pattern against another pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// Every string of the inner pattern matches the outer one.
    All,
    /// Some match and some do not, or it could not be found out within bounds.
    Some,
    /// No string matches both.
    None,
}

impl Glob {
    pub(super) fn new(pattern: &str, kind: Kind) -> Glob {
        Glob::from_pieces(&[Piece::Wild(pattern)], kind)
    }

    /// The pattern that only `text` matches.
    pub(super) fn literal(text: &str) -> Glob {
        Glob::from_pieces(&[Piece::Literal(text)], Kind::Plain)
    }

    pub(super) fn from_pieces(pieces: &[Piece<'_>], kind: Kind) -> Glob {
        let units: Vec<Unit> = pieces
            .iter()
            .flat_map(|piece| match *piece {
                Piece::Literal(text) => text.chars().map(Unit::Literal).collect::<Vec<_>>(),
                Piece::Wild(text) => text.chars().map(Unit::Wild).collect(),
                Piece::Anything => vec![Unit::Anything],
            })
            .collect();
        let mut text = Vec::new();
        let mut tokens: Vec<Token> = Vec::new();
        let mut colons = 0;
        for (index, unit) in units.iter().enumerate() {
            let free = kind == Kind::Plain || colons >= 5;
            match *unit {
                Unit::Wild('*') => {
                    let ends = kind == Kind::Arn && Unit::ends_segment(units.get(index + 1));
                    push_star(&mut tokens, free || ends);
                }
                Unit::Wild('?') => tokens.push(Token::One { colon: free }),
                Unit::Anything => push_star(&mut tokens, true),
                Unit::Literal(c) | Unit::Wild(c) => {
                    colons += usize::from(c == ':');
                    push_literal(&mut tokens, &mut text, c);
                }
            }
        }
        let shape = shape(&tokens);
        Glob { text: text.into(), tokens: tokens.into(), shape }
    }

    pub(super) fn is_any(&self) -> bool {
        self.shape == Shape::Any
    }

    /// No wildcard at all: only one string matches.
    pub(super) fn as_literal(&self) -> Option<&[u8]> {
        (self.shape == Shape::Exact).then_some(&*self.text)
    }

    /// Whether it is a text, then `*`.
    pub(super) fn is_prefix(&self) -> bool {
        self.shape == Shape::Prefix
    }

    pub(super) fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    pub(super) fn literal_bytes(&self, range: Range<usize>) -> &[u8] {
        self.text.get(range).unwrap_or_default()
    }

    /// What every match begins with.
    pub(super) fn prefix(&self) -> &[u8] {
        self.ends().0
    }

    /// The literal bytes that every match begins with, and ends with.
    pub(super) fn ends(&self) -> (&[u8], &[u8]) {
        let (prefix, suffix) = match self.shape {
            Shape::Any => (0, 0),
            Shape::Exact => (self.text.len(), self.text.len()),
            Shape::Prefix => (self.text.len(), 0),
            Shape::General { prefix, suffix } => (prefix, suffix),
        };
        (self.literal_bytes(0..prefix), self.literal_bytes(self.text.len() - suffix..self.text.len()))
    }

    /// Whether `text` matches as a whole.
    pub(super) fn matches(&self, text: &[u8]) -> bool {
        match self.shape {
            Shape::Any => true,
            Shape::Exact => *self.text == *text,
            Shape::Prefix => text.starts_with(&self.text),
            Shape::General { .. } => {
                let (prefix, suffix) = self.ends();
                text.starts_with(prefix) && text.ends_with(suffix) && self.matches_general(text)
            }
        }
    }

    /// Greedy matching with two places to go back to: the last `*` that keeps to its segment and the last that does
    /// not. Nothing before the last free `*` need be tried again, since it can swallow whatever an earlier choice would
    /// leave; and a segment's `*` is stopped by the same colon wherever the tokens before it matched.
    pub(super) fn matches_general(&self, text: &[u8]) -> bool {
        let mut at = 0;
        let mut token = 0;
        let mut free: Option<(usize, usize)> = None;
        let mut segment: Option<(usize, usize)> = None;
        loop {
            match self.tokens.get(token) {
                None if at == text.len() => return true,
                Some(Token::Star { colon }) => {
                    token += 1;
                    if *colon {
                        (free, segment) = (Some((token, at)), None);
                    } else {
                        segment = Some((token, at));
                    }
                    continue;
                }
                Some(step) => {
                    if let Some(length) = self.step(*step, text, at) {
                        at += length;
                        token += 1;
                        continue;
                    }
                }
                None => {}
            }
            // Let a star take one more character and try again behind it.
            let more = segment.and_then(|(back, from)| take(text, from, false).map(|end| (back, end)));
            if let Some((back, end)) = more {
                segment = Some((back, end));
                (token, at) = (back, end);
                continue;
            }
            match free.and_then(|(back, from)| take(text, from, true).map(|end| (back, end))) {
                Some((back, end)) => {
                    (free, segment) = (Some((back, end)), None);
                    (token, at) = (back, end);
                }
                None => return false,
            }
        }
    }

    fn step(&self, token: Token, text: &[u8], at: usize) -> Option<usize> {
        match token {
            Token::Literal { start, end } => {
                text.get(at..)?.starts_with(self.literal_bytes(start..end)).then_some(end - start)
            }
            Token::One { .. } if matches!(text.get(at), Some(&(FREE_STAR | SEGMENT_STAR))) => None,
            Token::One { colon } => take(text, at, colon).map(|end| end - at),
            Token::Star { .. } => None,
        }
    }

    /// The pattern as a text whose wildcards are bytes that no UTF-8 text has. A pattern that matches this text matches
    /// all that the pattern matches: its stars swallow wildcards whole, and its `?` takes a `?`.
    pub(super) fn symbols(&self) -> Vec<u8> {
        let mut symbols = Vec::with_capacity(self.text.len() + self.tokens.len());
        for token in &self.tokens {
            match *token {
                Token::Literal { start, end } => symbols.extend_from_slice(self.literal_bytes(start..end)),
                Token::Star { colon } => symbols.push(if colon { FREE_STAR } else { SEGMENT_STAR }),
                Token::One { colon } => symbols.push(if colon { FREE_ONE } else { SEGMENT_ONE }),
            }
        }
        symbols
    }
}

const FREE_STAR: u8 = 0xf8;
const SEGMENT_STAR: u8 = 0xf9;
const FREE_ONE: u8 = 0xfa;
const SEGMENT_ONE: u8 = 0xfb;

/// One sequence begins with the other.
pub(super) fn agree<'a>(mut one: impl Iterator<Item = &'a u8>, mut other: impl Iterator<Item = &'a u8>) -> bool {
    loop {
        match (one.next(), other.next()) {
            (Some(a), Some(b)) if a != b => return false,
            (Some(_), Some(_)) => {}
            _ => return true,
        }
    }
}

/// The end of the character at `from`, if there is one that may be taken.
fn take(text: &[u8], from: usize, colon: bool) -> Option<usize> {
    let first = *text.get(from)?;
    if matches!(first, b':' | FREE_STAR | FREE_ONE) && !colon {
        return None;
    }
    let mut end = from + 1;
    // UTF-8 continuation bytes belong to the character.
    while text.get(end).is_some_and(|byte| byte & 0xC0 == 0x80) {
        end += 1;
    }
    Some(end)
}

fn push_star(tokens: &mut Vec<Token>, colon: bool) {
    match tokens.last_mut() {
        // Neighbouring stars are one, the freer one.
        Some(Token::Star { colon: before }) => *before |= colon,
        _ => tokens.push(Token::Star { colon }),
    }
}

fn push_literal(tokens: &mut Vec<Token>, text: &mut Vec<u8>, c: char) {
    let start = text.len();
    text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    match tokens.last_mut() {
        Some(Token::Literal { end, .. }) => *end = text.len(),
        _ => tokens.push(Token::Literal { start, end: text.len() }),
    }
}

fn shape(tokens: &[Token]) -> Shape {
    match tokens {
        [Token::Star { colon: true }] => Shape::Any,
        [] | [Token::Literal { .. }] => Shape::Exact,
        [Token::Literal { .. }, Token::Star { colon: true }] => Shape::Prefix,
        _ => {
            let length = |token: Option<&Token>| match token {
                Some(Token::Literal { start, end }) => end - start,
                _ => 0,
            };
            Shape::General { prefix: length(tokens.first()), suffix: length(tokens.last()) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arn(pattern: &str, text: &str) -> bool {
        Glob::new(pattern, Kind::Arn).matches(text.as_bytes())
    }

    /// IAM User Guide, `reference_policies_elements_resource`, "Using wildcards in resource ARNs".
    #[test]
    fn an_asterisk_replaces_everything_of_a_segment_slashes_too() {
        let pattern = "arn:aws:s3:::amzn-s3-demo-bucket/*/test/*";
        for key in [
            "1/test/object.jpg",
            "1/2/test/object.jpg",
            "1/2/test/3/object.jpg",
            "1/2/3/test/4/object.jpg",
            "1///test///object.jpg",
            "1/test/.jpg",
            "/test/object.jpg",
            "1/test/",
        ] {
            assert!(arn(pattern, &format!("arn:aws:s3:::amzn-s3-demo-bucket/{key}")), "{key}");
        }
        for key in ["1-test/object.jpg", "test/object.jpg", "1/2/test.jpg"] {
            assert!(!arn(pattern, &format!("arn:aws:s3:::amzn-s3-demo-bucket/{key}")), "{key}");
        }
    }

    /// The same page: only a `*` that ends its segment goes beyond the colon.
    #[test]
    fn wildcards_keep_to_their_segment_unless_they_end_it() {
        assert!(arn("arn:aws:sqs:us-*:1:q", "arn:aws:sqs:us-east-1:1:q"));
        assert!(arn("arn:aws:sqs:*", "arn:aws:sqs:us-east-1:1:q"));
        assert!(arn("arn:*:q", "arn:aws:sqs:us-east-1:1:q"));
        assert!(arn("arn:aws:x:*:2:r", "arn:aws:x:us-east-1:1:store:2:r"), "a final star may cross");
        assert!(!arn("arn:aws:x:u*1:2:r", "arn:aws:x:us-east-1:1:2:r"), "an inner star may not");
        assert!(!arn("arn:aws:x:?:r:t", "arn:aws:x:::r:t"));
        assert!(arn("arn:aws:s3:::b/a*z", "arn:aws:s3:::b/a:b:z"), "after the fifth colon there are no segments");
        assert!(arn("arn:aws:s3:::b/a?z", "arn:aws:s3:::b/a:z"));
    }

    #[test]
    fn a_question_mark_is_one_character_however_many_bytes() {
        assert!(Glob::new("a?c", Kind::Plain).matches("aéc".as_bytes()));
        assert!(!Glob::new("a?c", Kind::Plain).matches("ac".as_bytes()));
        assert!(!Glob::new("a??c", Kind::Plain).matches("aéc".as_bytes()));
    }

    #[test]
    fn literal_pieces_have_no_wildcards() {
        let glob = Glob::from_pieces(&[Piece::Wild("a*"), Piece::Literal("*"), Piece::Wild("c")], Kind::Plain);
        assert!(glob.matches(b"abb*c"));
        assert!(!glob.matches(b"abbc"));
    }

    #[test]
    fn overlapping_prefix_and_suffix_do_not_share_a_byte() {
        assert!(!Glob::new("aba*aba", Kind::Plain).matches(b"aba"));
        assert!(!Glob::new("ab*ba", Kind::Plain).matches(b"aba"));
        assert!(Glob::new("ab*ba", Kind::Plain).matches(b"abba"));
    }
}
