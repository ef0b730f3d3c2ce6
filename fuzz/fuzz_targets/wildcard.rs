//! Wildcards beside a table of all prefixes; ARNs come apart and together again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use trailpare::iam::arn::Arn;
use trailpare::iam::wildcard_match;

/// The obvious way: whether the first `p` of the pattern match the first `t` of the text, for all `p` and `t`.
fn matches(pattern: &str, text: &str, ignore_case: bool) -> bool {
    let text: Vec<char> = text.chars().collect();
    let mut row: Vec<bool> = (0..=text.len()).map(|t| t == 0).collect();
    for p in pattern.chars() {
        let mut next = vec![p == '*' && row[0]];
        for (t, c) in text.iter().enumerate() {
            let same = p == '?' || p == *c || ignore_case && p.eq_ignore_ascii_case(c);
            next.push(if p == '*' { row[t + 1] || next[t] } else { same && row[t] });
        }
        row = next;
    }
    row[text.len()]
}

fuzz_target!(|input: (&str, &str, bool)| {
    let (pattern, text, ignore_case) = input;
    if pattern.len() * text.len() <= 1 << 16 {
        let expected = matches(pattern, text, ignore_case);
        assert_eq!(wildcard_match(pattern, text, ignore_case), expected, "{pattern:?} {text:?} {ignore_case}");
    }
    if let Some(Arn { partition, service, region, account, resource }) = Arn::parse(text) {
        assert_eq!(format!("arn:{partition}:{service}:{region}:{account}:{resource}"), text);
    }
});
