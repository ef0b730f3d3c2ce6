//! One row of a CSV file of events.

/// One row with the titles of its cells.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    pub titles: &'a [String],
    pub cells: &'a [String],
}

/// Makes JSON that holds the event of a row, or says why there is none.
pub(super) type ReadRow = fn(Row<'_>) -> Result<String, String>;
