//! How many events of a batch are of which account and region.

use arrow::array::{AsArray, StringArray, TypedDictionaryArray};
use arrow::datatypes::UInt32Type;
use arrow::record_batch::RecordBatch;
use hashbrown::HashMap;

/// Counts a batch's rows by account and region.
pub(super) fn count(batch: &RecordBatch, counts: &mut HashMap<(String, String), u64>) {
    let words = |name: &str| {
        let column = batch.column_by_name(name)?.as_dictionary_opt::<UInt32Type>()?;
        column.downcast_dict::<StringArray>()
    };
    let (Some(accounts), Some(regions)) = (words("recipient_account_id"), words("aws_region")) else { return };
    let mut runs: HashMap<(Option<u32>, Option<u32>), u64> = HashMap::new();
    for pair in accounts.keys().iter().zip(regions.keys().iter()) {
        *runs.entry(pair).or_default() += 1;
    }
    let word = |words: &TypedDictionaryArray<'_, UInt32Type, StringArray>, place: Option<u32>| {
        place.map_or(String::new(), |place| words.values().value(place as usize).to_owned())
    };
    for ((account, region), events) in runs {
        *counts.entry((word(&accounts, account), word(&regions, region))).or_default() += events;
    }
}
