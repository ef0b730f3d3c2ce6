//! The table for people: columns as wide as their widest cell, folded where a terminal is narrower.
//!
//! What does not fit is cut, and a mark (`…`) stands for it: cells first, ARNs in their middle, since their ends tell
//! most; then columns in the middle of the table, which become one `…`.

use std::ops::Range;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::cells::texts;
use crate::query::error::QueryError;

/// What stands for what was cut.
const MARK: &str = "…";

/// Blanks between columns.
const GAP: usize = 2;

/// Columns of a terminal that a cell which was cut has at the least: where that makes the table fit, and where columns
/// are left out anyway.
const CELL_MIN: usize = 12;
const CELL_MIN_OF_MANY: usize = 16;

/// Rows for people, kept until the widths are known.
pub(super) struct TextTable {
    names: Vec<String>,
    numbers: Vec<bool>,
    rows: Vec<Vec<String>>,
    max_rows: usize,
    width: Option<usize>,
    kind: Kind,
    printable: fn(&str) -> String,
}

/// What is to be laid out otherwise than rows of data are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Data,
    /// What `EXPLAIN` answers, which is a tree of lines.
    Plan,
    /// What `DESCRIBE` answers: the last columns are wrapped.
    Description,
}

/// A table as text, and what of it is not there.
pub(super) struct Rendered {
    pub text: String,
    pub columns_left_out: usize,
    pub is_cut: bool,
}

impl TextTable {
    pub fn new(schema: &SchemaRef, max_rows: usize, width: Option<usize>, printable: fn(&str) -> String) -> Self {
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let kind = match names.as_slice() {
            ["plan_type", "plan"] => Kind::Plan,
            ["column_name", "data_type", "comment"] => Kind::Description,
            _ => Kind::Data,
        };
        let names = names.into_iter().map(|name| cell(printable, name)).collect();
        let numbers = schema.fields().iter().map(|field| field.data_type().is_numeric()).collect();
        TextTable { names, numbers, rows: Vec::new(), max_rows, width, kind, printable }
    }

    /// Keeps rows; returns how many it left out.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<u64, QueryError> {
        let fit = batch.num_rows().min(self.max_rows.saturating_sub(self.rows.len()));
        let cell = if self.kind == Kind::Plan { lines } else { cell };
        let (rows, printable) = (&mut self.rows, self.printable);
        texts(batch, fit, |cells| {
            rows.push(cells.iter().map(|text| cell(printable, text)).collect());
            Ok(())
        })?;
        Ok((batch.num_rows() - fit) as u64)
    }

    /// The whole table.
    pub fn render(mut self) -> Rendered {
        let mut rendered = Rendered { text: String::new(), columns_left_out: 0, is_cut: false };
        if let (Some(width), Kind::Data) = (self.width, self.kind) {
            let widths = self.widths();
            let folds = Folds::new(&widths, &self.numbers, width);
            rendered.columns_left_out = folds.left_out.len();
            rendered.is_cut = folds.widths.iter().zip(&widths).any(|(fold, natural)| fold < natural);
            self.fold(&folds);
        }
        let table = self.laid_out();
        rendered.text = table.lines().map(|line| format!("{}\n", line.trim_end())).collect();
        rendered
    }

    fn laid_out(&self) -> Table {
        let mut table = Table::new();
        table.load_preset(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(&self.names);
        for row in &self.rows {
            table.add_row(row);
        }
        let wrapped = if self.kind == Kind::Description { self.width } else { None };
        if let Some(width) = wrapped {
            table.set_content_arrangement(ContentArrangement::Dynamic);
            table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
        }
        let gap = u16::try_from(GAP).unwrap_or_default();
        for (place, (column, is_number)) in table.column_iter_mut().zip(&self.numbers).enumerate() {
            column.set_padding((0, gap));
            if *is_number {
                column.set_cell_alignment(CellAlignment::Right);
            }
            match (wrapped, place) {
                (Some(_), 0) => column.set_constraint(ColumnConstraint::ContentWidth),
                (Some(width), 1) => {
                    let part = u16::try_from(width / 5).unwrap_or(u16::MAX);
                    column.set_constraint(ColumnConstraint::UpperBoundary(Width::Fixed(part)))
                }
                _ => column,
            };
        }
        table
    }

    /// The widest cell of each column.
    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.names.iter().map(|name| name.width()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        widths
    }

    fn fold(&mut self, folds: &Folds) {
        let cut_row = |row: &mut Vec<String>| {
            for (cell, width) in row.iter_mut().zip(&folds.widths) {
                *cell = cut(cell, *width);
            }
            if !folds.left_out.is_empty() {
                row.splice(folds.left_out.clone(), [MARK.to_owned()]);
            }
        };
        self.rows.iter_mut().chain([&mut self.names]).for_each(cut_row);
        if !folds.left_out.is_empty() {
            self.numbers.splice(folds.left_out.clone(), [false]);
        }
    }
}

/// How a table is made to fit.
struct Folds {
    /// The width of each column, also of those that are left out.
    widths: Vec<usize>,
    /// Columns that are left out.
    left_out: Range<usize>,
}

impl Folds {
    /// Numbers are never cut: another number would be left.
    fn new(natural: &[usize], numbers: &[bool], width: usize) -> Folds {
        let total = |widths: &[usize]| widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
        let is_number = |place: usize| numbers.get(place).copied().unwrap_or_default();
        let at_least = |cell: usize| -> Vec<usize> {
            let widths = natural.iter().enumerate();
            widths.map(|(place, width)| if is_number(place) { *width } else { (*width).min(cell) }).collect()
        };
        let mut least = at_least(CELL_MIN);
        let mut left_out = 0..0;
        if total(&least) > width {
            least = at_least(CELL_MIN_OF_MANY.min(width.saturating_sub(MARK.width() + GAP)));
            left_out = middle(&least, width);
        }
        let kept = |place: &usize| !left_out.contains(place);
        let mark = if left_out.is_empty() { 0 } else { MARK.width() + GAP };
        let places: Vec<usize> = (0..natural.len()).filter(kept).collect();
        let mut widths = least;
        let mut space = width.saturating_sub(mark + GAP * places.len().saturating_sub(1));
        space = space.saturating_sub(places.iter().filter_map(|place| widths.get(*place)).sum());
        // The narrowest columns first: what one does not need is there for the others.
        let mut open: Vec<usize> = places;
        open.sort_by_key(|place| natural.get(*place).copied().unwrap_or_default());
        let mut rest = open.len();
        for place in open {
            let (Some(now), Some(wanted)) = (widths.get_mut(place), natural.get(place)) else { continue };
            let more = (wanted.saturating_sub(*now)).min(space / rest.max(1));
            *now += more;
            space -= more;
            rest -= 1;
        }
        Folds { widths, left_out }
    }
}

/// The columns in the middle that have to go, so that the others have their least width.
fn middle(least: &[usize], width: usize) -> Range<usize> {
    let (mut front, mut back) = (0, least.len());
    let mut space = width.saturating_sub(MARK.width());
    let mut is_front = true;
    while front < back {
        let place = if is_front { front } else { back - 1 };
        let wanted = least.get(place).copied().unwrap_or_default() + GAP;
        // The first column stays, however narrow the terminal is.
        if wanted > space && place > 0 {
            break;
        }
        space = space.saturating_sub(wanted);
        if is_front {
            front += 1;
        } else {
            back -= 1;
        }
        is_front = !is_front;
    }
    front..back
}

/// A cell of this width at the most.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let space = width.saturating_sub(MARK.width());
    if !text.starts_with("arn:") {
        return front(text, space) + MARK;
    }
    let end = space * 2 / 3;
    let back: String = front(&text.chars().rev().collect::<String>(), end).chars().rev().collect();
    front(text, space - end) + MARK + &back
}

/// The first characters that fit.
fn front(text: &str, width: usize) -> String {
    let mut space = width;
    let fits = |c: &char| {
        let needs = c.width().unwrap_or_default();
        let is_fit = needs <= space;
        space = space.saturating_sub(needs);
        is_fit
    };
    text.chars().take_while(fits).collect()
}

/// The lines as they are, nothing in them that a terminal would act on.
fn lines(printable: fn(&str) -> String, text: &str) -> String {
    printable(text).replace('\t', " ")
}

/// One line, nothing in it that a terminal would act on.
fn cell(printable: fn(&str) -> String, text: &str) -> String {
    printable(text).replace(['\n', '\t'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_cut_where_they_tell_least() {
        assert_eq!(cut("RunInstances", 12), "RunInstances");
        assert_eq!(cut("DescribeInstances", 12), "DescribeIns…");
        assert_eq!(cut("arn:aws:iam::111122223333:role/deploy", 16), "arn:a…ole/deploy");
        assert_eq!(cut("日本語日本語", 7), "日本語…");
        assert_eq!(cut("日本語日本語", 6), "日本…");
    }

    #[test]
    fn a_table_fits_whatever_its_columns() {
        for natural in [vec![3, 4], vec![40, 40, 5], vec![100; 30], vec![1; 100], vec![200], vec![8, 300, 4]] {
            for width in [20, 40, 80, 200] {
                let folds = Folds::new(&natural, &[], width);
                let kept: Vec<usize> = (0..natural.len()).filter(|at| !folds.left_out.contains(at)).collect();
                let mark = if folds.left_out.is_empty() { 0 } else { 1 };
                let columns = kept.len() + mark;
                let used = kept.iter().map(|at| folds.widths[*at]).sum::<usize>() + mark + GAP * (columns - 1);
                assert!(used <= width, "{natural:?} in {width}: {used}");
                assert!(!kept.is_empty());
                let is_whole = natural.iter().sum::<usize>() + GAP * (natural.len() - 1) <= width;
                assert_eq!(is_whole, folds.widths == natural && mark == 0, "{natural:?} in {width}");
            }
        }
    }
}
