//! What a store names: markers, paths of the catalog, names of the ledger. Nothing leads out of the store.

#![no_main]
#![allow(dead_code)]

#[path = "../../tests/it/record/oracle.rs"]
mod oracle;
#[path = "../../tests/it/parsers/properties.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    properties::marker(data);
    let (first, rest) = data.split_first().unwrap_or((&0, &[]));
    let text = String::from_utf8_lossy(rest);
    // A part of what is read makes the marker's paths, so that they need no JSON of the fuzzer's.
    let paths: Vec<&str> = text.split('\n').collect();
    let (add, replace) = paths.split_at(paths.len() / 2);
    properties::marker(serde_json::json!({"add": add, "replace": replace}).to_string().as_bytes());
    for path in paths {
        properties::data_path(i64::from(first % 4), path, first & 16 == 0);
        properties::ledger_names(path, [*first; 32]);
    }
});
