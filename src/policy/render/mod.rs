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
mod renderer;
mod terraform;
mod trust;

pub use renderer::{RenderError, Renderer, Source};
pub use trust::{trust_cloudformation, trust_label, trust_terraform};

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
