//! Where the catalogue that is used comes from.

use std::path::Path;

/// Where the catalogue that is used comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The program has it.
    BuiltIn,
    /// The user's imported one.
    Imported(&'static Path),
    /// A file that was asked for.
    Given(&'static Path),
}

impl Source {
    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Source::BuiltIn => "built-in",
            Source::Imported(_) => "imported",
            Source::Given(_) => "given",
        }
    }

    /// The file that it was read from.
    pub fn path(self) -> Option<&'static Path> {
        match self {
            Source::BuiltIn => None,
            Source::Imported(path) | Source::Given(path) => Some(path),
        }
    }
}
