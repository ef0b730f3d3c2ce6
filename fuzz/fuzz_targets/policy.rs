//! A policy document that is read, written and read again is the same; whatever is no policy is refused without a panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use trailpare::iam::document::Policy;

fuzz_target!(|text: &str| {
    let _ = Policy::parse_all(text);
    let Ok(policy) = Policy::parse(text) else { return };
    for rendered in [policy.pretty(), policy.compact()] {
        match Policy::parse(&rendered) {
            Ok(again) => assert_eq!(again, policy, "{rendered}"),
            Err(error) => panic!("{rendered}: {error}"),
        }
    }
});
