//! Names of objects, days, times and ARNs come apart and together again.

#![no_main]
#![allow(dead_code)]

#[path = "../../tests/it/record/oracle.rs"]
mod oracle;
#[path = "../../tests/it/parsers/properties.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|data: &str| {
    properties::names(data);
    properties::arn(data);
});
