//! What of a rule can't be run, and why.

use std::fmt;

use serde::Serialize;

use crate::util::shown;

/// Where in the files of rules something stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file, as it was found.
    pub file: String,
    /// Which document of the file, from 1.
    pub document: usize,
    /// Keys from the document's root, `.` between them; empty for the document itself.
    pub path: String,
}

impl Place {
    /// A key of what stands here.
    pub fn key(&self, key: &str) -> Place {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        Place { path, ..self.clone() }
    }

    /// An element of the list that stands here, from 0.
    pub fn element(&self, index: usize) -> Place {
        Place { path: format!("{}[{index}]", self.path), ..self.clone() }
    }

    /// What is wrong here, and what to do.
    pub fn problem(&self, what: impl Into<String>, hint: impl Into<String>) -> Problem {
        Problem { place: self.clone(), what: cut(what.into()), hint: hint.into() }
    }
}

/// Characters of what is wrong that are shown: a file may hold as many as it likes.
const SHOWN: usize = 400;

fn cut(text: String) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", shown::name(&self.file))?;
        if self.document > 1 {
            write!(f, ", document {}", self.document)?;
        }
        if !self.path.is_empty() {
            write!(f, ", {}", shown::name(&self.path))?;
        }
        Ok(())
    }
}

/// Something that can't be run, or read. The rule that it is about is left out; the others go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where it stands.
    pub place: Place,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub hint: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, shown::name(&self.what))?;
        if !self.hint.is_empty() {
            write!(f, "\nhint: {}", shown::name(&self.hint))?;
        }
        Ok(())
    }
}
