//! Containers: whatever the bytes, walking them ends, hands out no name that leads out, and holds no more than it may.

#![no_main]

#[path = "../../tests/it/pack/properties.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    properties::walked(data);
});
