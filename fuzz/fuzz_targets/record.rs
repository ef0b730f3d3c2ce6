//! The record parser beside serde_json: both take the same bytes and make the same of them.

#![no_main]

#[path = "../../tests/it/record/oracle.rs"]
mod oracle;

use libfuzzer_sys::fuzz_target;
use trailpare::record::Dictionaries;

fuzz_target!(|data: &[u8]| {
    // As an object, and as what stands in two records of one: what is learnt of the first must not show in the second.
    let record = [br#"{"eventTime":"2024-03-01T07:00:00Z","#, data, b"}"].concat();
    let records = [br#"{"Records":["#, &record[..], b",", &record, b"]}"].concat();
    for bytes in [data, &records] {
        if let Err(difference) = oracle::check(bytes, &mut Dictionaries::default()) {
            panic!("{}: {difference}", String::from_utf8_lossy(bytes));
        }
    }
});
