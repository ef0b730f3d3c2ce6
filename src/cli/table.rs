//! Tables for people: aligned columns, no frames, nothing in them that a terminal would act on.

use comfy_table::{CellAlignment, ContentArrangement, Table};

use super::printable;

/// How a command that tells of a store as a whole prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// For people.
    Table,
    /// One JSON object.
    Json,
}

/// A table with these headings; columns in `right` are numbers.
pub(super) fn table(headings: &[&str], right: &[usize]) -> Table {
    let mut table = Table::new();
    table.load_preset(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(headings.iter().copied());
    for (i, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if right.contains(&i) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Adds a row of texts from a log.
pub(super) fn row<const N: usize>(table: &mut Table, cells: [&str; N]) {
    table.add_row(cells.map(|cell| printable(cell).replace(['\n', '\t'], " ")));
}

/// The table as text, without blanks at line ends.
pub(super) fn render(table: &Table) -> String {
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// The same within so many columns of a terminal: the last column is wrapped.
pub(super) fn wrapped(table: &mut Table, width: usize) -> String {
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    if let Some(first) = table.column_mut(0) {
        first.set_constraint(comfy_table::ColumnConstraint::ContentWidth);
    }
    render(table)
}
