//! Digests, their names, keys and signatures: read without a panic; chains of whatever links come to an end.

#![no_main]
#![allow(dead_code)]

#[path = "../../tests/it/record/oracle.rs"]
mod oracle;
#[path = "../../tests/it/parsers/properties.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    properties::digest(data);
    String::from_utf8_lossy(data).lines().for_each(properties::digest_name);
    let (first, rest) = data.split_first().unwrap_or((&0, &[]));
    let links: Vec<(u8, Option<u8>)> =
        rest.chunks(2).take(64).map(|link| (link[0] % 96, link.get(1).filter(|before| **before < 192).map(|before| before % 96))).collect();
    properties::digest_chain(&links, first & 1 == 1);
});
