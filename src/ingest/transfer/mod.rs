//! Days of a store on their way to another machine: `export` writes them into one file, `import` takes them in there.
//!
//! An export has the events of whole days as they lie in the store, the log objects that go with them, and a manifest with
//! the SHA-256 of each file (`manifest`, `ledger`). It is a tar of plain files (`tar`), or a folder of the same files.
//! Usage is not in it: what is derived from events is derived where they come to, by the catalogue that is used there, and
//! an export cannot claim uses that its events do not have.
//!
//! Whoever hands over an export chose every byte of it. `import` reads no more than the manifest says (`source`), takes
//! nothing for a data file of its own: rows are read, checked and written anew (`rows`), and commits all or nothing.

mod export;
mod import;
mod ledger;
mod manifest;
mod rows;
mod source;
mod tar;

pub use export::{ExportOptions, Exported, export};
pub use import::{ImportOptions, Imported, import};
pub use manifest::digest_of as sha256_of;
