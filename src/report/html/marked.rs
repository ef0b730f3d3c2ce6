//! Documents with each line marked by what became of it.

use serde::Serialize;

use crate::iam::wildcard_match;
use crate::report::overview::Document;

/// A document of today, its lines marked by what became of them.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Marked<'a> {
    pub(super) name: &'a str,
    pub(super) size: usize,
    pub(super) lines: Vec<Line<'a>>,
    /// Lines that are left out.
    pub(super) more: usize,
}

/// A line: `unused` where nothing that it allows was used, `wide` where it allows more than one action, `new` where the
/// policy of today does not have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Line<'a> {
    pub(super) text: &'a str,
    pub(super) mark: &'static str,
}

/// A document, each line with what became of it; no more than so many characters.
pub(super) fn marked<'a>(document: &'a Document, used: &[&str], chars_max: usize) -> Marked<'a> {
    let mut left = chars_max;
    let mut lines = Vec::new();
    for text in document.text.lines() {
        if text.len() > left {
            break;
        }
        left -= text.len();
        lines.push(Line { text, mark: mark(text, used) });
    }
    let more = document.text.lines().count() - lines.len();
    Marked { name: &document.name, size: document.size, lines, more }
}

/// What became of the action pattern on a line of a policy's JSON, if there is one.
fn mark(line: &str, used: &[&str]) -> &'static str {
    let value = line.trim().trim_end_matches(',');
    let value = value.strip_prefix("\"Action\": ").unwrap_or(value).trim_matches('"');
    let is_action = value == "*" && line.contains("Action")
        || value.split_once(':').is_some_and(|(service, name)| {
            let is_service = |c: char| c.is_ascii_alphanumeric() || c == '-';
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '*' || c == '?';
            !service.is_empty() && service.chars().all(is_service) && !name.is_empty() && name.chars().all(is_name)
        });
    if !is_action {
        return "";
    }
    match used.iter().any(|action| wildcard_match(value, action, true)) {
        false => "unused",
        true if value.contains(['*', '?']) => "wide",
        true => "used",
    }
}

#[cfg(test)]
mod tests {
    use super::mark;

    #[test]
    fn lines_are_marked_by_what_was_used() {
        let used = ["s3:GetObject", "ec2:DescribeInstances"];
        assert_eq!(mark("      \"s3:GetObject\",", &used), "used");
        assert_eq!(mark("      \"s3:*\"", &used), "wide");
        assert_eq!(mark("      \"Action\": \"ec2:Describe*\",", &used), "wide");
        assert_eq!(mark("      \"iam:*\",", &used), "unused");
        assert_eq!(mark("  \"Action\": \"*\",", &used), "wide");
        assert_eq!(mark("  \"Resource\": \"*\"", &used), "");
        assert_eq!(mark("  \"arn:aws:s3:::bucket\"", &used), "");
        assert_eq!(mark("  \"Effect\": \"Allow\",", &used), "");
    }
}
