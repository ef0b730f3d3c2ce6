//! The section of one principal.

use serde::Serialize;

use super::chart::Bars;
use crate::iam::wildcard_match;
use crate::report::overview::{Document, Overview, Principal};

/// Most rows of one table of a section; the rest is counted, and the command line has it.
const ROWS_MAX: usize = 200;

/// A principal as its section shows it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Section<'a> {
    /// Its number on the page, from 0.
    pub(super) number: usize,
    pub(super) p: &'a Principal,
    pub(super) chart: Option<Bars>,
    /// Its policies today, line by line.
    pub(super) today: Vec<Marked<'a>>,
    pub(super) rows_max: usize,
}

/// A document of today, its lines marked by what became of them.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Marked<'a> {
    pub(super) name: &'a str,
    pub(super) size: usize,
    pub(super) lines: Vec<Line<'a>>,
}

/// A line: `unused` where nothing that it allows was used, `wide` where it allows more than one action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Line<'a> {
    pub(super) text: &'a str,
    pub(super) mark: &'static str,
}

impl<'a> Section<'a> {
    pub(super) fn of(number: usize, principal: &'a Principal, overview: &Overview) -> Section<'a> {
        let used: Vec<&str> = principal
            .services
            .iter()
            .flat_map(|service| &service.actions)
            .filter(|action| action.counts.allowed > 0)
            .map(|action| action.action.as_str())
            .collect();
        let documents = principal.granted.iter().flat_map(|granted| &granted.documents);
        Section {
            number,
            p: principal,
            chart: Bars::of_principal(principal, overview),
            today: documents.map(|document| marked(document, &used)).collect(),
            rows_max: ROWS_MAX,
        }
    }
}

fn marked<'a>(document: &'a Document, used: &[&str]) -> Marked<'a> {
    let lines = document.text.lines().map(|text| Line { text, mark: mark(text, used) }).collect();
    Marked { name: &document.name, size: document.size, lines }
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
