//! Resource patterns: made safe to stand in a policy, compared, and shortened.
//!
//! A resource in `usage` is an IAM pattern: `*` and `?` are wildcards, `${*}`, `${?}` and `${$}` the characters
//! themselves. Everything in it may have been chosen by an attacker.

use std::borrow::{Borrow, Cow};
use std::collections::BTreeSet;
use std::ops::Bound;

use crate::iam::arn::Arn;
use crate::iam::document::is_policy_char;

/// The ARN with another resource part.
pub(crate) fn with_resource(arn: &Arn<'_>, resource: &str) -> String {
    format!("arn:{}:{}:{}:{}:{resource}", arn.partition, arn.service, arn.region, arn.account)
}

/// The ARN with `*` for its account, its region, or both, where it has any.
pub(crate) fn with_any(arn: &Arn<'_>, account: bool, region: bool) -> String {
    let star = |part: &'_ str, any: bool| if any && !part.is_empty() { "*".to_owned() } else { part.to_owned() };
    let (region, account) = (star(arn.region, region), star(arn.account, account));
    format!("arn:{}:{}:{region}:{account}:{}", arn.partition, arn.service, arn.resource)
}

/// The three escapes of IAM's policy language (IAM User Guide, `reference_policies_variables`).
pub(crate) const ESCAPES: [&str; 3] = ["${*}", "${?}", "${$}"];

/// Characters for which a literal `*`, `?`, `$` stand while patterns are compared. They are no policy characters, so
/// they cannot occur in one (see [`is_policy_char`]).
const LITERALS: [&str; 3] = ["\u{e001}", "\u{e002}", "\u{e003}"];

/// A pattern from a log as it may stand in a policy document.
///
/// What would be a policy variable is escaped. A character that a policy cannot hold becomes `?`, "any single
/// character" (IAM User Guide, `reference_policies_elements_resource`): whether there can be such a name is for
/// `names` to say.
pub(crate) fn for_policy(resource: &str) -> Cow<'_, str> {
    if !resource.contains("${") && resource.chars().all(is_policy_char) {
        return Cow::Borrowed(resource);
    }
    let mut safe = String::with_capacity(resource.len() + 4);
    let mut rest = resource;
    while let Some(c) = rest.chars().next() {
        if let Some(escape) = ESCAPES.iter().find(|escape| rest.starts_with(**escape)) {
            safe.push_str(escape);
            rest = rest.get(escape.len()..).unwrap_or_default();
            continue;
        }
        if rest.starts_with("${") {
            safe.push_str("${$}");
        } else {
            safe.push(if is_policy_char(c) { c } else { '?' });
        }
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    Cow::Owned(safe)
}

/// The pattern with a private character for each escape, for comparing: then no `*`, `?` or `${` is ambiguous.
pub(crate) fn comparable(pattern: &str) -> Cow<'_, str> {
    if !pattern.contains("${") {
        return Cow::Borrowed(pattern);
    }
    let mut text = pattern.to_owned();
    for (escape, literal) in ESCAPES.iter().zip(LITERALS) {
        text = text.replace(escape, literal);
    }
    Cow::Owned(text)
}

/// The way back from [`comparable`].
pub(crate) fn escaped(text: &str) -> String {
    let mut text = text.to_owned();
    for (escape, literal) in ESCAPES.iter().zip(LITERALS) {
        text = text.replace(literal, escape);
    }
    text
}

/// What everything that a pattern covers begins with.
fn literal(pattern: &str) -> &str {
    let end = memchr::memchr3(b'*', b'?', b'$', pattern.as_bytes()).unwrap_or(pattern.len());
    pattern.get(..end).unwrap_or_default()
}

/// Those of sorted texts that a pattern covers.
pub(crate) fn covered<'a, T: Ord + Borrow<str>>(
    pattern: &'a str,
    texts: &'a BTreeSet<T>,
) -> impl Iterator<Item = &'a T> {
    let literal = literal(pattern);
    let from = (Bound::Included(literal), Bound::Unbounded);
    let likes = texts.range::<str, _>(from).take_while(move |text| (*text).borrow().starts_with(literal));
    likes.filter(move |text| covers(pattern, (*text).borrow()))
}

/// Whether everything that `inner` matches is matched by `outer`. Never true where it is not so; may be false where
/// only a deeper look would show it (IAM's rule that wildcards keep to their ARN segment makes `*` before the fifth
/// colon match one segment).
pub(crate) fn covers(outer: &str, inner: &str) -> bool {
    if outer == "*" || outer == inner {
        return true;
    }
    // Only a wildcard covers what is not the same, so that most pairs are told apart here.
    if !inner.starts_with(literal(outer)) {
        return false;
    }
    let (outer, inner) = (comparable(outer), comparable(inner));
    let (outer_parts, inner_parts): (Vec<&str>, Vec<&str>) =
        (outer.splitn(6, ':').collect(), inner.splitn(6, ':').collect());
    outer_parts.len() == 6
        && inner_parts.len() == 6
        && outer_parts.iter().zip(&inner_parts).all(|(o, i)| text_covers(o.as_bytes(), i.as_bytes()))
}

/// Wildcard matching in which a `*` of `inner` is a character that only a `*` of `outer` matches, and a `?` one that
/// `?` matches as well.
fn text_covers(outer: &[u8], inner: &[u8]) -> bool {
    let (mut o, mut i) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while i < inner.len() {
        match (outer.get(o), inner.get(i)) {
            (Some(b'*'), _) => {
                retry = Some((o + 1, i));
                o += 1;
                continue;
            }
            (Some(b'?'), Some(b)) if *b != b'*' && b.is_ascii() => {}
            (Some(a), Some(b)) if a == b && *b != b'*' => {}
            _ => {
                let Some((after_star, from)) = retry else { return false };
                (o, i) = (after_star, from + 1);
                retry = Some((after_star, from + 1));
                continue;
            }
        }
        (o, i) = (o + 1, i + 1);
    }
    outer.get(o..).unwrap_or_default().iter().all(|b| *b == b'*')
}

/// Leaves out every pattern that another one covers.
pub(crate) fn without_covered(patterns: BTreeSet<String>) -> BTreeSet<String> {
    if patterns.contains("*") {
        return BTreeSet::from(["*".to_owned()]);
    }
    let mut left_out: BTreeSet<String> = BTreeSet::new();
    for outer in patterns.iter().filter(|pattern| pattern.contains(['*', '?'])) {
        let is_other = |inner: &&String| *inner != outer && !(covers(inner, outer) && *inner < outer);
        left_out.extend(covered(outer, &patterns).filter(is_other).cloned());
    }
    patterns.into_iter().filter(|pattern| !left_out.contains(pattern)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_a_log_becomes_a_variable() {
        assert_eq!(for_policy("arn:aws:s3:::b/${aws:username}"), "arn:aws:s3:::b/${$}{aws:username}");
        assert_eq!(for_policy("arn:aws:s3:::b/${*}x${?}${$}"), "arn:aws:s3:::b/${*}x${?}${$}");
        assert_eq!(for_policy("arn:aws:s3:::b/日本/é\u{7}\u{9}z"), "arn:aws:s3:::b/??/é??z");
        assert_eq!(for_policy("arn:aws:s3:::b/$${"), "arn:aws:s3:::b/$${$}{");
    }

    #[test]
    fn covering() {
        assert!(covers("*", "arn:aws:s3:::b/x"));
        assert!(covers("arn:aws:s3:::b/*", "arn:aws:s3:::b/logs/*"));
        assert!(!covers("arn:aws:s3:::b/logs/*", "arn:aws:s3:::b/*"));
        assert!(!covers("arn:aws:s3:::b/?", "arn:aws:s3:::b/*"));
        assert!(covers("arn:aws:s3:::b/*.log", "arn:aws:s3:::b/*/x.log"));
        assert!(!covers("arn:aws:s3:::b/*.log", "arn:aws:s3:::b/*"));
        assert!(!covers("arn:aws:s3:::b/${*}", "arn:aws:s3:::b/*"));
        assert!(!covers("arn:aws:s3:::b/${*}", "arn:aws:s3:::b/x"));
        assert!(covers("arn:aws:s3:::b/*", "arn:aws:s3:::b/${*}"));
        assert!(!covers("arn:aws:s3:::b*", "arn:aws:sns:us-east-1:1:b"));
    }

    #[test]
    fn covered_patterns_go() {
        let set = ["arn:aws:s3:::b/*", "arn:aws:s3:::b/x", "arn:aws:s3:::c/x"].map(str::to_owned);
        let kept: Vec<String> = without_covered(set.into()).into_iter().collect();
        assert_eq!(kept, ["arn:aws:s3:::b/*", "arn:aws:s3:::c/x"]);
        let twins = ["arn:aws:s3:::b/*", "arn:aws:s3:::b/**"].map(str::to_owned);
        assert_eq!(without_covered(twins.into()).len(), 1);
    }
}
