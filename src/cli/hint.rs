//! The option or the command that helps with an error of the library: errors speak of the problem alone.

use std::error::Error;

use crate::ingest::IngestError;
use crate::policy::{MakeError, ProposeError};
use crate::query::QueryError;
use crate::store::StoreError;
use crate::usage::{ReadError, SelectError};

/// An error, and what helps.
pub(super) fn said(error: &(dyn Error + 'static)) -> String {
    if let Some(error) = error.downcast_ref::<StoreError>() {
        return store(error);
    }
    if let Some(error) = error.downcast_ref::<ReadError>() {
        return read(error);
    }
    if let Some(error) = error.downcast_ref::<IngestError>() {
        return ingest(error);
    }
    if let Some(error) = error.downcast_ref::<QueryError>() {
        return query(error);
    }
    if let Some(error @ ProposeError::Make(MakeError::Nothing { .. })) = error.downcast_ref() {
        return format!("{error}\nhint: see them with `trailpare actions` and the same selection");
    }
    match error.downcast_ref::<SelectError>() {
        Some(error @ SelectError::Empty) => {
            format!("{error}\nhint: give --role, --user, --permission-set or --principal")
        }
        None => error.to_string(),
    }
}

fn store(error: &StoreError) -> String {
    match error {
        StoreError::Missing(dir) => {
            format!("{error}\nhint: make one with `trailpare ingest ARCHIVE --store {}`", dir.display())
        }
        StoreError::NotAStore(_) => format!("{error}\nhint: give an empty or new directory with --store"),
        StoreError::Locked { .. } => format!("{error}\nhint: --wait waits for it, or use another --store"),
        StoreError::Expired { .. } => {
            format!("{error}\nhint: `trailpare optimize --expire-older-than` says how long snapshots are kept")
        }
        _ => error.to_string(),
    }
}

fn read(error: &ReadError) -> String {
    match error {
        ReadError::Store(error) => store(error),
        ReadError::Spill { .. } => format!("{error} --memory-limit is how much stays in memory"),
        ReadError::TooMany { bytes, space_bytes, .. } => {
            let more = (bytes - space_bytes.min(bytes)).div_ceil(1 << 20);
            format!(
                "--memory-limit: {error}\n\
                 hint: raise it by {more} MiB, or ask for less: --role, --account, --from"
            )
        }
        ReadError::Columns(_) => error.to_string(),
    }
}

fn ingest(error: &IngestError) -> String {
    match error {
        IngestError::Store(error) => store(error),
        IngestError::Read(error) => read(error),
        IngestError::MemoryLimit { least, .. } | IngestError::KnownObjects { least, .. } => {
            format!("--memory-limit: {error}\nhint: give at least {least} bytes")
        }
        IngestError::Threads(_) => format!("{error}\nhint: give fewer by --threads"),
        _ => error.to_string(),
    }
}

fn query(error: &QueryError) -> String {
    match error {
        QueryError::MissingParameter { name, .. } => format!("{error}\nhint: --param {name}=VALUE"),
        QueryError::Sql(_) if error.is_of_memory() => format!(
            "{error}\nhint: raise --memory-limit, or narrow the query: event_date = DATE '2024-01-31' reads one day"
        ),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Also inside of another error.
    #[test]
    fn what_helps_is_said_with_the_error() {
        let missing = || StoreError::Missing("/lake".into());
        let expected = "/lake: no store here\nhint: make one with `trailpare ingest ARCHIVE --store /lake`";
        assert_eq!(said(&missing()), expected);
        assert_eq!(said(&ReadError::from(missing())), expected);
        assert_eq!(said(&IngestError::from(ReadError::from(missing()))), expected);
        let little = IngestError::KnownObjects { given: 1, least: 2, known: 3 };
        let expected =
            "--memory-limit: 1 bytes is too little for a store that knows 3 objects\nhint: give at least 2 bytes";
        assert_eq!(said(&little), expected);
        let many = ReadError::TooMany { rows: 7, bytes: 3 << 20, space_bytes: 1 << 20 };
        let expected = "--memory-limit: 7 uses take more memory than there is for them\n\
                        hint: raise it by 2 MiB, or ask for less: --role, --account, --from";
        assert_eq!(said(&many), expected);
        assert_eq!(said(&std::io::Error::other("as it is")), "as it is");
    }
}
