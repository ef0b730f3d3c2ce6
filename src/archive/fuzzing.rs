//! Doors for fuzzing and tests to what has none of its own. No part of what the library promises.

use super::parquet;

/// The rows of a Parquet file, one a line, or why there are none.
pub fn parquet_rows(file: Vec<u8>, cap_bytes: u64) -> Result<Vec<u8>, String> {
    parquet::json_lines(file, cap_bytes).map(|(lines, _)| lines).map_err(|fault| fault.to_string())
}
