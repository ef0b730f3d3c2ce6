//! Parsers of what somebody else may have written into a store, for tests and fuzz targets outside the library.

use std::path::Path;

use super::error::StoreError;
use super::marker::Marker;
use super::place::DataPath;

/// The files that a marker of a commit names, below `data/`; `None` for one that was cut short.
///
/// # Errors
/// A marker that names what no commit of a store can have named.
pub fn marker(text: &[u8]) -> Result<Option<Vec<String>>, StoreError> {
    let marker = Marker::parse(Path::new("/store"), text)?;
    let paths = |marker: Marker| marker.add.into_iter().chain(marker.replace.into_iter().map(|(_, path)| path));
    Ok(marker.map(|marker| paths(marker).map(|path| path.as_str().to_owned()).collect()))
}

/// Where the file of a row of the catalog lies, below `data/`.
pub fn data_path(table_id: i64, path: &str, is_relative: bool) -> Option<String> {
    DataPath::of_row(table_id, path, is_relative).ok().map(|path| path.as_str().to_owned())
}

/// A ledger name's prefix and tail.
pub fn split_name(name: &str) -> (&str, &str) {
    super::object_rows::split(name)
}
