//! CloudFormation templates as JSON.

use super::cloudformation_template::template;
use super::renderer::{RenderError, Renderer, Source};

#[derive(Debug)]
pub(super) struct CloudFormationJson;

impl Renderer for CloudFormationJson {
    fn name(&self) -> &'static str {
        "cloudformation-json"
    }

    fn about(&self) -> &'static str {
        "A JSON template"
    }

    fn extension(&self) -> &'static str {
        "json"
    }

    fn render(&self, source: &Source<'_>) -> Result<String, RenderError> {
        Ok(format!("{:#}\n", template(source.made)?))
    }
}
