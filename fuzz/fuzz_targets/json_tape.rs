//! The tape of a request's texts beside serde_json.

#![no_main]
#![allow(dead_code)]

#[path = "../../tests/it/record/oracle.rs"]
mod oracle;
#[path = "../../tests/it/parsers/properties.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|data: &str| {
    properties::json_tape(data);
});
