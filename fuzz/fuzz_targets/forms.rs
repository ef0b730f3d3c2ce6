//! Recognition: any bytes become a list of events that is sound, or are refused with a reason that is plain.

#![no_main]
#![allow(dead_code)]

#[path = "../../tests/it/record/oracle.rs"]
mod oracle;
#[path = "../../tests/it/parsers/properties.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    properties::forms(data);
});
