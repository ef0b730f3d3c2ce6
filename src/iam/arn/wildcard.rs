//! IAM's `*` and `?`.

/// Whether `pattern` matches all of `text`: `*` any run of characters, `?` any one.
///
/// Takes time in proportion to the product of both lengths at worst, whatever the pattern.
pub fn wildcard_match(pattern: &str, text: &str, ignore_case: bool) -> bool {
    let same = |a: char, b: char| a == b || ignore_case && a.eq_ignore_ascii_case(&b);
    let (mut pattern_rest, mut text_rest) = (pattern.chars(), text.chars());
    // Where to go on when what follows the last star doesn't match here.
    let mut retry: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
    loop {
        let mut after = pattern_rest.clone();
        match (after.next(), text_rest.clone().next()) {
            (Some('*'), _) => {
                pattern_rest = after;
                retry = Some((pattern_rest.clone(), text_rest.clone()));
                continue;
            }
            (Some(p), Some(t)) if p == '?' || same(p, t) => {
                pattern_rest = after;
                text_rest.next();
                continue;
            }
            (None, None) => return true,
            _ => {}
        }
        let Some((behind_star, from)) = retry.as_mut() else { return false };
        if from.next().is_none() {
            return false;
        }
        pattern_rest = behind_star.clone();
        text_rest = from.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*c", "abbbc", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a*b", "xxaxxb", true),
            ("*a*b", "xxbxxa", false),
            ("", "a", false),
            ("é?", "éü", true),
        ] {
            assert_eq!(wildcard_match(pattern, text, false), expected, "{pattern} {text}");
        }
        assert!(wildcard_match("S3:get*", "s3:GetObject", true));
        assert!(!wildcard_match("S3:get*", "s3:GetObject", false));
    }

    #[test]
    fn a_hostile_pattern_takes_no_time() {
        let text = "a".repeat(5_000);
        assert!(!wildcard_match(&format!("{}b", "*a".repeat(50)), &text, false));
    }

    /// The obvious way.
    fn slow(pattern: &[char], text: &[char]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (Some(('*', rest)), _) => slow(rest, text) || !text.is_empty() && slow(pattern, &text[1..]),
            (Some((p, rest)), Some((t, tail))) => (*p == '?' || p == t) && slow(rest, tail),
            (None, None) => true,
            _ => false,
        }
    }

    proptest::proptest! {
        #[test]
        fn agrees_with_the_obvious_way(pattern in "[ab*?]{0,8}", text in "[ab]{0,8}") {
            let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
            proptest::prop_assert_eq!(wildcard_match(&pattern, &text, false), slow(&p, &t));
        }
    }
}
