//! A policy document that is read, written and read again is the same; whatever is no policy is refused without a panic.

#![no_main]
#![allow(dead_code)]

#[path = "../../tests/it/record/oracle.rs"]
mod oracle;
#[path = "../../tests/it/parsers/properties.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|data: &str| {
    properties::policy(data);
});
