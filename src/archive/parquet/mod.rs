//! Parquet files of events: Amazon Security Lake's, and what Athena writes of CloudTrail's table (CTAS, UNLOAD).
//!
//! Parquet is read as one more compression: of a JSON object a row, one a line, which the forms then take. Row group comes
//! after row group; one that is unsound costs its rows from the fault on, and the others are taken.
//!
//! Whoever wrote the file chose every number in it. What would make the `parquet` crate set aside memory is checked before it
//! sees it: the footer ([`footer`]) and the header of each page ([`pages`]). It checks, and inflates pages; Arrow's
//! readers behind it end the process where levels or lengths make no sense, so that values ([`decode`]), levels ([`column`])
//! and rows ([`rows`]) are read here, one after the other: in memory is a page of each column, and lines end at the cap.

mod column;
mod decode;
mod footer;
mod pages;
mod rows;
mod schema;
mod thrift;

use ::parquet::file::metadata::{
    ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader, ParquetStatisticsPolicy,
};
use bytes::Bytes;

use super::error::{OVER_CAP, ReadFault};
use super::forms::of_names;
use super::members::Gap;
use rows::Stop;

const MAGIC: &[u8] = b"PAR1";

/// Columns of OCSF that repeat what others say.
const DERIVED: [&str; 2] = ["observables", "enrichments"];

/// Columns that tell events: all of one of these.
const EVENTS: [&[&str]; 8] = [
    &["class_uid"],
    &["eventversion"],
    &["eventsource", "eventname"],
    &["eventjson"],
    &["eventdata"],
    &["cloudtrailevent"],
    &["_raw"],
    &["message"],
];

/// Whether bytes begin as a Parquet file does.
pub(super) fn is_form(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// The rows as JSON objects, one a line.
///
/// # Errors
/// No Parquet file; none with events; one of which no row can be read; more than `cap_bytes` of JSON.
pub(super) fn json_lines(file: Vec<u8>, cap_bytes: u64) -> Result<(Vec<u8>, Vec<Gap>), ReadFault> {
    let file = Bytes::from(file);
    let metadata = metadata(&file)?;
    is_of_events(&metadata)?;
    let nodes = schema::tree(metadata.file_metadata().schema_descr().root_schema(), &DERIVED);
    let (mut lines, mut gaps, mut rows_before) = (Vec::new(), Vec::new(), 0_u64);
    for (index, group) in metadata.row_groups().iter().enumerate() {
        let before = lines.len();
        let outcome = match pages::check(&file, group, cap_bytes) {
            Ok(true) => rows::write(&file, group, &nodes, cap_bytes, &mut lines),
            Ok(false) => {
                // A later run with more memory reads the file again. Until then the other row groups' rows are taken.
                let reason = format!(
                    "{OVER_CAP} of {cap_bytes} bytes: the pages of row group {index}, behind row {rows_before}, which \
                     are inflated together; none of its rows is taken\nhint: raise --memory-limit, or write it anew \
                     with smaller row groups"
                );
                gaps.push(Gap { offset_bytes: lines.len() as u64, reason });
                Ok(())
            }
            Err(reason) => Err(Stop::Unsound(reason)),
        };
        match outcome {
            Ok(()) => {}
            Err(Stop::OverCap) => return Err(ReadFault::OverCap { cap_bytes }),
            Err(Stop::Unsound(reason)) => {
                let rows =
                    rows_before + memchr::memchr_iter(b'\n', lines.get(before..).unwrap_or_default()).count() as u64;
                let place = format!("{reason} in row group {index}, behind row {rows}");
                gaps.push(Gap { offset_bytes: lines.len() as u64, reason: corrupt(0, &place).to_string() });
            }
        }
        rows_before = rows_before.saturating_add(u64::try_from(group.num_rows()).unwrap_or_default());
    }
    match gaps.first() {
        Some(gap) if lines.is_empty() && gap.reason.starts_with(OVER_CAP) => Err(ReadFault::OverCap { cap_bytes }),
        Some(gap) if lines.is_empty() => Err(corrupt(0, gap.reason.trim_start_matches("corrupt: "))),
        // As an empty list of events.
        None if lines.is_empty() => Ok((b"[]".to_vec(), gaps)),
        _ => Ok((lines, gaps)),
    }
}

/// How many rows of a file of a table that somebody else wrote may be read at once by the `parquet` crate, so that what
/// they come to stays around `memory_bytes`: rows may share a large value, and each has its own copy of it in memory.
///
/// # Errors
/// In words: a file that is none, that claims what isn't there, or whose pages alone take more.
pub fn rows_at_once(file: &[u8], memory_bytes: u64) -> Result<usize, String> {
    let metadata = metadata(file).map_err(|fault| fault.to_string())?;
    let mut value_bytes = 1;
    for group in metadata.row_groups() {
        let claims = pages::claims(file, group)?;
        if claims.page_bytes.saturating_add(claims.dictionary_bytes) > memory_bytes {
            return Err(format!("its pages take more than {memory_bytes} bytes, inflated"));
        }
        if claims.has_prefixes {
            return Err("it is encoded as no file of a store is".to_owned());
        }
        value_bytes = value_bytes.max(claims.dictionary_bytes);
    }
    Ok(usize::try_from(memory_bytes / value_bytes).unwrap_or(usize::MAX).clamp(1, ROWS_MAX))
}

/// Rows that are read at once where they are small.
const ROWS_MAX: usize = 8 * 1024;

fn corrupt(offset_bytes: u64, reason: &str) -> ReadFault {
    // It may have words of the file in it.
    let reason = crate::util::shown::name(reason.lines().next().unwrap_or_default()).chars().take(300).collect();
    ReadFault::Corrupt { offset_bytes, reason }
}

fn metadata(file: &[u8]) -> Result<ParquetMetaData, ReadFault> {
    let footer = footer::of(file).map_err(|reason| corrupt(0, reason))?;
    let mut options = ParquetMetaDataOptions::new();
    options.set_column_stats_policy(ParquetStatisticsPolicy::SkipAll);
    options.set_size_stats_policy(ParquetStatisticsPolicy::SkipAll);
    ParquetMetaDataReader::decode_metadata_with_options(footer, Some(&options))
        .map_err(|error| corrupt(0, &error.to_string()))
}

/// Turns away what has no columns of events.
fn is_of_events(metadata: &ParquetMetaData) -> Result<(), ReadFault> {
    const SHOWN: usize = 12;
    let root = metadata.file_metadata().schema_descr().root_schema();
    let names: Vec<String> = root.get_fields().iter().map(|field| field.name().to_ascii_lowercase()).collect();
    let has = |name: &str| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    if EVENTS.iter().any(|columns| columns.iter().all(|name| has(name))) {
        return Ok(());
    }
    if let Some(kind) = of_names(&has) {
        return Err(ReadFault::Other(kind));
    }
    let some = names.iter().take(SHOWN).map(|name| crate::util::shown::name(name).chars().take(40).collect::<String>());
    let shown = some.collect::<Vec<_>>().join(", ");
    Err(ReadFault::Foreign(format!("a Parquet file without columns of CloudTrail events; it has {shown}")))
}
