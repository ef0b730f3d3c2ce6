//! Why an object is refused, or a record kept out of it.

use crate::scan::Fault;

/// Why an object is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at byte {offset}: {reason}")]
pub struct ParseError {
    /// Where, in the inflated bytes.
    pub offset: usize,
    /// What is wrong there.
    pub reason: &'static str,
}

impl From<Fault> for ParseError {
    fn from(fault: Fault) -> Self {
        ParseError { offset: fault.offset, reason: fault.reason }
    }
}

/// A record kept out of an otherwise sound object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenRecord {
    /// Position in `Records`, from 0; of objects put together, in all of theirs.
    pub index: usize,
    /// Where it begins.
    pub offset: usize,
    /// What is wrong with it.
    pub reason: &'static str,
}
