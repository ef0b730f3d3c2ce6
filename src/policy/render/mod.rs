//! Policies as files: one file a format, all of one shape, [`Renderer`]. Each goes through a library that knows it.
//!
//! A format is added with a file here and its entry in [`RENDERERS`]; the command line takes its name and help from there.
//!
//! What a renderer is given is a [`Source`], and only a policy that is proved has one for the asking (see `propose`).

mod access_analyzer;
mod cloudformation;
mod cloudformation_json;
mod cloudformation_template;
mod json;
mod markdown;
mod terraform;

use std::fmt::Debug;

use super::made::Made;
use super::options::Provenance;
use super::replay::Replay;

/// The formats, in the order in which they are shown; the first is the default.
pub static RENDERERS: &[&dyn Renderer] = &[
    &json::Json,
    &terraform::Terraform,
    &cloudformation::CloudFormation,
    &cloudformation_json::CloudFormationJson,
    &access_analyzer::AccessAnalyzer,
    &markdown::Markdown,
];

/// The renderer of that name.
pub fn renderer(name: &str) -> Option<&'static dyn Renderer> {
    RENDERERS.iter().copied().find(|renderer| renderer.name() == name)
}

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
    pub(super) made: &'a Made,
    pub(super) provenance: &'a Provenance,
    /// The replay under the policy, where it was proved by one.
    pub(super) replay: Option<&'a Replay>,
    /// Of a policy that was cut down: what was not used, in words.
    pub(super) unused: Option<&'a str>,
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
    fn new(problem: impl Into<String>, instead: &'static str) -> RenderError {
        RenderError { problem: problem.into(), instead }
    }
}

/// A name as identifiers have it: letters, digits and `other`, beginning with a letter.
fn identifier(name: &str, other: Option<char>) -> String {
    let kept: String = name.chars().filter_map(|c| if c.is_ascii_alphanumeric() { Some(c) } else { other }).collect();
    if kept.starts_with(|c: char| c.is_ascii_alphabetic()) { kept } else { format!("P{kept}") }
}
