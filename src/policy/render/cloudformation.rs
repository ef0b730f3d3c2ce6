//! CloudFormation templates as YAML.

use std::borrow::Cow;

use super::cloudformation_template::{is_ambiguous, template};
use super::renderer::{RenderError, Renderer, Source};

#[derive(Debug)]
pub(super) struct CloudFormation;

impl Renderer for CloudFormation {
    fn name(&self) -> &'static str {
        "cloudformation"
    }

    fn about(&self) -> &'static str {
        "A YAML template"
    }

    fn extension(&self) -> &'static str {
        "yaml"
    }

    fn render(&self, source: &Source<'_>) -> Result<String, RenderError> {
        let text = template(source.made)?.to_string();
        yaml(&text).map_err(|error| {
            RenderError::new(format!("cannot write the template as YAML: {error}"), "cloudformation-json")
        })
    }
}

pub(super) fn yaml(json: &str) -> Result<String, serde_yaml_ng::Error> {
    let value: serde_yaml_ng::Value = serde_yaml_ng::from_str(json)?;
    Ok(serde_yaml_ng::to_string(&value)?.lines().map(unambiguous).fold(String::new(), |text, line| text + &line + "\n"))
}

/// The library writes YAML 1.2, in which `off` and `2001:10:20:30::` are text; in the YAML 1.1 of CloudFormation and its
/// tools they are a boolean and a number. There is one scalar on a line: in quotes it is text in both.
fn unambiguous(line: &str) -> Cow<'_, str> {
    let indent = line.len() - line.trim_start().len();
    let after_dash = line.trim_start().starts_with("- ").then_some(indent);
    let from = line.find(": ").or(after_dash).map_or(line.len(), |at| at + 2);
    match line.split_at_checked(from) {
        Some((before, scalar)) if is_ambiguous(scalar) => Cow::Owned(format!("{before}'{scalar}'")),
        _ => Cow::Borrowed(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        for (line, written) in [
            ("      ManagedPolicyName: off", "      ManagedPolicyName: 'off'"),
            ("Version: 2012-10-17", "Version: '2012-10-17'"),
            ("          - 2001:10:20:30:40:50:12:13", "          - '2001:10:20:30:40:50:12:13'"),
            ("        - Sid: On", "        - Sid: 'On'"),
            ("          - 1- 2", "          - '1- 2'"),
            ("          - 'true'", "          - 'true'"),
            ("          - s3:GetObject", "          - s3:GetObject"),
            ("          - arn:aws:s3:::b/a-- 1", "          - arn:aws:s3:::b/a-- 1"),
            ("        Statement:", "        Statement:"),
        ] {
            assert_eq!(unambiguous(line), written);
        }
    }
}
