//! What all formats have in common.

use std::fmt::Debug;

use crate::policy::made::Made;
use crate::policy::options::Provenance;
use crate::policy::replay::Replay;

/// A format in which policies are written.
pub trait Renderer: Debug + Sync {
    /// Its name, lower case with hyphens.
    fn name(&self) -> &'static str;

    /// What it is, in a few words.
    fn about(&self) -> &'static str;

    /// Of its files' names, without the dot.
    fn extension(&self) -> &'static str;

    /// Whether it tells sessions apart.
    fn shows_sessions(&self) -> bool {
        false
    }

    /// All of it as one text that ends with a newline.
    ///
    /// # Errors
    /// The format cannot hold it.
    fn render(&self, source: &Source<'_>) -> Result<String, RenderError>;

    /// The same as files: one, if the format does not say otherwise.
    ///
    /// # Errors
    /// The format cannot hold it.
    fn files(&self, source: &Source<'_>) -> Result<Vec<String>, RenderError> {
        Ok(vec![self.render(source)?])
    }
}

/// What is written. Only this room can make one.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    pub(in crate::policy) made: &'a Made,
    pub(in crate::policy) provenance: &'a Provenance,
    /// The replay under the policy, where it was proved by one.
    pub(in crate::policy) replay: Option<&'a Replay>,
    /// Of a policy that was cut down: what was not used, in words.
    pub(in crate::policy) unused: Option<&'a str>,
}

impl<'a> Source<'a> {
    /// Beside it, in words, what was not used of the policy that it was cut from.
    pub fn with_unused(self, unused: &'a str) -> Source<'a> {
        Source { unused: Some(unused), ..self }
    }
}

/// A format cannot hold a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct RenderError {
    problem: String,
    /// Name of a format that can.
    pub instead: &'static str,
}

impl RenderError {
    pub(super) fn new(problem: impl Into<String>, instead: &'static str) -> RenderError {
        RenderError { problem: problem.into(), instead }
    }
}

/// A name as identifiers have it: letters, digits and `other`, beginning with a letter.
pub(super) fn identifier(name: &str, other: Option<char>) -> String {
    let kept: String = name.chars().filter_map(|c| if c.is_ascii_alphanumeric() { Some(c) } else { other }).collect();
    if kept.starts_with(|c: char| c.is_ascii_alphabetic()) { kept } else { format!("P{kept}") }
}
