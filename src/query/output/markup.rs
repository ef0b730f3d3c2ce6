//! Rows between marks, written as they come: Markdown, HTML, and a line a value.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use unicode_width::UnicodeWidthStr;

use super::cells::{shown, texts};
use crate::query::error::QueryError;
use crate::util::markdown;

/// What a mode puts around cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marks {
    Markdown,
    Html,
}

/// Rows in Markdown or HTML.
pub(super) struct Markup<W> {
    marks: Marks,
    /// Which columns are numbers.
    numbers: Vec<bool>,
    printable: fn(&str) -> String,
    out: W,
}

impl<W: Write> Markup<W> {
    /// Begins a table.
    pub fn new(marks: Marks, schema: &SchemaRef, printable: fn(&str) -> String, out: W) -> Result<Self, QueryError> {
        let numbers: Vec<bool> = schema.fields().iter().map(|field| field.data_type().is_numeric()).collect();
        let mut markup = Markup { marks, numbers, printable, out };
        let names = schema.fields().iter().map(|field| field.name().clone()).collect();
        match marks {
            Marks::Markdown => {
                markup.row(names, "th")?;
                let rules = markup.numbers.iter().map(|is_number| if *is_number { "---:" } else { "---" });
                let rules = rules.collect::<Vec<_>>().join("|");
                writeln!(markup.out, "|{rules}|")?;
            }
            Marks::Html => {
                markup.out.write_all(b"<table>\n<thead>\n")?;
                markup.row(names, "th")?;
                markup.out.write_all(b"</thead>\n<tbody>\n")?;
            }
        }
        Ok(markup)
    }

    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), QueryError> {
        texts(batch, usize::MAX, |cells| self.row(cells, "td"))
    }

    fn row(&mut self, cells: Vec<String>, tag: &str) -> Result<(), QueryError> {
        let mut line = String::new();
        match self.marks {
            Marks::Markdown => {
                line.push('|');
                for cell in &cells {
                    line += &format!(" {} |", markdown_cell(&shown(self.printable, cell)));
                }
            }
            Marks::Html => {
                line += "<tr>";
                for (cell, is_number) in cells.iter().zip(&self.numbers) {
                    let aligned = if *is_number { " align=\"right\"" } else { "" };
                    line += &format!("<{tag}{aligned}>{}</{tag}>", html(&shown(self.printable, cell)));
                }
                line += "</tr>";
            }
        }
        Ok(writeln!(self.out, "{line}")?)
    }

    /// Ends the table, and gives the output back.
    pub fn finish(mut self) -> Result<W, QueryError> {
        if self.marks == Marks::Html {
            self.out.write_all(b"</tbody>\n</table>\n")?;
        }
        Ok(self.out)
    }
}

/// Text in Markdown that is text alone: no marks, and no links out of what looks like an address.
fn markdown_cell(text: &str) -> String {
    markdown::plain(text).replace("://", "\\://").replace("www.", "www\\.").replace('&', "&amp;")
}

/// Text in HTML, in whatever encoding the page is said to be.
fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            c if c.is_ascii() => out.push(c),
            c => out += &format!("&#{};", u32::from(c)),
        }
    }
    out
}

/// A line a value, a rule a row, as `\x` of psql has it.
pub(super) struct Lines<W> {
    names: Vec<String>,
    width: usize,
    rows: usize,
    max_rows: usize,
    printable: fn(&str) -> String,
    out: W,
}

impl<W: Write> Lines<W> {
    pub fn new(schema: &SchemaRef, max_rows: usize, printable: fn(&str) -> String, out: W) -> Self {
        let names: Vec<String> = schema.fields().iter().map(|field| shown(printable, field.name())).collect();
        let width = names.iter().map(|name| name.width()).max().unwrap_or_default();
        Lines { names, width, rows: 0, max_rows, printable, out }
    }

    /// Writes rows; returns how many it left out.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<u64, QueryError> {
        let fit = batch.num_rows().min(self.max_rows.saturating_sub(self.rows));
        let (names, width, printable, out) = (&self.names, self.width, self.printable, &mut self.out);
        let mut number = self.rows;
        texts(batch, fit, |cells| {
            number += 1;
            let title = format!("-[ {number} ]");
            writeln!(out, "{title}{}", "-".repeat((width + 2).saturating_sub(title.len()).max(2)))?;
            for (name, cell) in names.iter().zip(&cells) {
                let gap = " ".repeat(width.saturating_sub(name.width()));
                writeln!(out, "{}", format!("{name}{gap} | {}", shown(printable, cell)).trim_end())?;
            }
            Ok(())
        })?;
        self.rows += fit;
        Ok((batch.num_rows() - fit) as u64)
    }

    /// Gives the output back.
    pub fn finish(self) -> W {
        self.out
    }
}
