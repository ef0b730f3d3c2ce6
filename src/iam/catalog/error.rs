//! Why a file is no catalogue.

/// What a catalogue's file may have at the most; the one that is built in has less than 2 MB.
pub const CATALOG_MAX_BYTES: u64 = 64 << 20;

/// A file that is no catalogue.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// Not text.
    #[error("the catalogue is not UTF-8\nhint: give a file that `trailpare catalog export` wrote")]
    NotText,
    /// Larger than any.
    #[error(
        "more than {CATALOG_MAX_BYTES} bytes: no catalogue\nhint: give a file that `trailpare catalog export` wrote"
    )]
    TooLarge,
    /// Its checksum is that of other lines.
    #[error(
        "its lines are not those that its checksum was made of: it was changed or cut on its way\nhint: copy it anew"
    )]
    Damaged,
    /// A line that no catalogue has.
    #[error("line {line}: {reason}\nhint: give a file that `trailpare catalog export` wrote")]
    Malformed {
        /// Where, from 1.
        line: usize,
        /// What is wrong.
        reason: &'static str,
    },
}
