//! What `rightsize` writes: a folder fit for version control. The same answers give the same bytes.
//!
//! `document` is one principal as a value with a JSON form, `page` the same to be read, `files` all files of one;
//! `summary` is everybody in a list, as JSON and as a page, `sarif` what is to be done, for tools that collect findings.

mod document;
mod files;
mod page;
mod sarif;
mod summary;

pub use document::{Document, PresetValue, document};
pub use files::{File, files, is_ours};
pub use sarif::sarif;
pub use summary::{Entry, Summary, entry, index};
