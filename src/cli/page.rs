//! The page of a report as the command line asks for it: for `report`, and for the page that `rightsize` writes.

use super::CliError;
use crate::report::html::{Language, Page, render};
use crate::report::overview::Overview;

/// How the page is written.
#[derive(Clone, Debug, clap::Args)]
pub struct PageArgs {
    /// The language of the page.
    #[arg(long, value_enum, default_value = "en")]
    language: LanguageArg,
    /// The heading of the page.
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Principals with a section of their own, the most used first; tables and sums have all.
    #[arg(long, value_name = "N", default_value_t = 500)]
    sections_max: usize,
}

impl PageArgs {
    /// The page.
    pub(super) fn page(&self, overview: &Overview) -> Result<String, CliError> {
        let language = match self.language {
            LanguageArg::En => Language::English,
            LanguageArg::Ja => Language::Japanese,
        };
        let (title, sections_max) = (self.title.as_deref(), self.sections_max);
        let page = Page { overview, language, title, sections_max };
        render(&page).map_err(|error| CliError::failed(error.to_string()))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum LanguageArg {
    /// English.
    En,
    /// Japanese.
    Ja,
}
