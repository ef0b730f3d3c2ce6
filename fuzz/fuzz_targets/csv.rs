//! Cells of CSV: one cell each for whoever reads them, no control characters, no formulas.

#![no_main]
#![allow(dead_code)]

#[path = "../../tests/it/record/oracle.rs"]
mod oracle;
#[path = "../../tests/it/parsers/properties.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|data: &str| {
    properties::cell(data);
});
