//! OCSF: events as JSON and rows of Parquet files, with footers and pages of any content.

#![no_main]
#![allow(dead_code)]

#[path = "../../tests/it/record/oracle.rs"]
mod oracle;
#[path = "../../tests/it/parsers/properties.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    properties::ocsf(data);
});
