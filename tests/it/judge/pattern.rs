//! Patterns of IAM: `*`, `?`, and what of one pattern lies within another.

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Char(char),
    /// `?`
    One,
    /// `*`
    Any,
}

/// A text with wildcards.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// None: holds a policy variable whose value no request here has, so it matches nothing.
    tokens: Option<Vec<Token>>,
}

impl Pattern {
    /// As it stands in a policy: `${*}`, `${?}` and `${$}` are the characters themselves.
    pub fn of_policy(text: &str, ignore_case: bool) -> Pattern {
        let mut tokens = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if let Some(variable) = rest.strip_prefix("${") {
                let Some((name, after)) = variable.split_once('}') else { return Pattern { tokens: None } };
                let mut literal = name.chars();
                match (literal.next(), literal.next()) {
                    (Some(c @ ('*' | '?' | '$')), None) => tokens.push(Token::Char(c)),
                    _ => return Pattern { tokens: None },
                }
                rest = after;
                continue;
            }
            tokens.push(match first {
                '*' => Token::Any,
                '?' => Token::One,
                c => Token::Char(c),
            });
            rest = &rest[first.len_utf8()..];
        }
        Pattern { tokens: Some(lowered(tokens, ignore_case)) }
    }

    /// As an expectation writes it: only `*` and `?` are special.
    pub fn of_request(text: &str, ignore_case: bool) -> Pattern {
        let token = |c: char| match c {
            '*' => Token::Any,
            '?' => Token::One,
            c => Token::Char(c),
        };
        Pattern { tokens: Some(lowered(text.chars().map(token).collect(), ignore_case)) }
    }

    /// Whether it can match nothing at all.
    pub fn is_nothing(&self) -> bool {
        self.tokens.is_none()
    }

    /// Whether everything that the other matches is matched by this one.
    pub fn covers(&self, other: &Pattern) -> bool {
        let (Some(outer), Some(inner)) = (&self.tokens, &other.tokens) else { return other.tokens.is_none() };
        // reached[i]: the first i tokens of `outer` cover what was read of `inner`.
        let mut reached = vec![false; outer.len() + 1];
        reached[0] = true;
        skip_stars(outer, &mut reached);
        for token in inner {
            let mut next = vec![false; outer.len() + 1];
            for (i, _) in reached.iter().enumerate().filter(|(_, reached)| **reached) {
                match (outer.get(i), token) {
                    (Some(Token::Any), _) => next[i] = true,
                    (Some(Token::One), Token::One | Token::Char(_)) => next[i + 1] = true,
                    (Some(Token::Char(a)), Token::Char(b)) if a == b => next[i + 1] = true,
                    _ => {}
                }
            }
            skip_stars(outer, &mut next);
            reached = next;
        }
        reached[outer.len()]
    }

    /// Whether there is a text that both match.
    pub fn touches(&self, other: &Pattern) -> bool {
        let (Some(a), Some(b)) = (&self.tokens, &other.tokens) else { return false };
        let mut reached = vec![vec![false; b.len() + 1]; a.len() + 1];
        reached[0][0] = true;
        for i in 0..=a.len() {
            for j in 0..=b.len() {
                if !reached[i][j] {
                    continue;
                }
                let (x, y) = (a.get(i), b.get(j));
                if x == Some(&Token::Any) {
                    reached[i + 1][j] = true;
                }
                if y == Some(&Token::Any) {
                    reached[i][j + 1] = true;
                }
                match (x, y) {
                    (Some(Token::Any), Some(Token::Any)) => {}
                    (Some(Token::Any), Some(_)) => reached[i][j + 1] = true,
                    (Some(_), Some(Token::Any)) => reached[i + 1][j] = true,
                    (Some(Token::Char(x)), Some(Token::Char(y))) if x != y => {}
                    (Some(_), Some(_)) => reached[i + 1][j + 1] = true,
                    _ => {}
                }
            }
        }
        reached[a.len()][b.len()]
    }
}

/// In one form: within a run of wildcards every `?` first, then one `*`, so that equal runs are written equally.
fn lowered(mut tokens: Vec<Token>, ignore_case: bool) -> Vec<Token> {
    tokens.chunk_by_mut(|a, b| matches!(a, Token::Char(_)) == matches!(b, Token::Char(_))).for_each(|run| {
        run.sort_by_key(|token| *token == Token::Any);
    });
    tokens.dedup_by(|a, b| *a == Token::Any && *b == Token::Any);
    if ignore_case {
        for token in &mut tokens {
            if let Token::Char(c) = token {
                *c = c.to_ascii_lowercase();
            }
        }
    }
    tokens
}

/// A `*` may stand for nothing.
fn skip_stars(outer: &[Token], reached: &mut [bool]) {
    for (i, token) in outer.iter().enumerate() {
        if reached[i] && *token == Token::Any {
            reached[i + 1] = true;
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(tokens) = &self.tokens else { return f.write_str("(nothing)") };
        tokens.iter().try_for_each(|token| match token {
            Token::Char(c) => write!(f, "{c}"),
            Token::One => f.write_str("?"),
            Token::Any => f.write_str("*"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_within_another() {
        let covers =
            |outer: &str, inner: &str| Pattern::of_policy(outer, false).covers(&Pattern::of_request(inner, false));
        for (outer, inner) in [
            ("*", ""),
            ("*", "*"),
            ("a*", "a*b"),
            ("a*c", "abc"),
            ("a??", "abc"),
            ("a*", "a??"),
            ("*?", "?*"),
            ("a**", "a*"),
            ("x*y*z", "x1*y?z"),
        ] {
            assert!(covers(outer, inner), "{outer} {inner}");
        }
        for (outer, inner) in
            [("a", "*"), ("a?", "a*"), ("a??", "ab"), ("a*c", "a*"), ("", "a"), ("a?c", "a*c"), ("x*y", "x*")]
        {
            assert!(!covers(outer, inner), "{outer} {inner}");
        }
        assert!(!covers("${aws:username}", "x") && !covers("${*}", "x") && covers("x${$}", "x$"));
    }

    #[test]
    fn two_that_meet() {
        let touches = |a: &str, b: &str| Pattern::of_policy(a, false).touches(&Pattern::of_request(b, false));
        for (a, b) in [("*", ""), ("a*", "*b"), ("a?c", "a*"), ("*x*", "axb"), ("a", "a")] {
            assert!(touches(a, b) && touches(b, a), "{a} {b}");
        }
        for (a, b) in [("a*", "b*"), ("a?", "a"), ("abc", "ab*d"), ("", "?")] {
            assert!(!touches(a, b) && !touches(b, a), "{a} {b}");
        }
    }
}
