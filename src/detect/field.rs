//! Fields as rules name them, CloudTrail's own names with dots, and where `events` has them.

use std::collections::BTreeSet;

use crate::record::schema::{COLUMNS, Column, Kind};
use crate::util::closest::closest;

/// A field of a record.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    /// As the rule names it; empty for the whole record.
    pub name: String,
    /// Where it is.
    pub source: Source,
}

/// Where a field is.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// A column holds it, and nothing else.
    Column(&'static Column),
    /// Within the JSON of a column, at a path; an empty one for all of it.
    Json { column: &'static Column, path: String },
    /// No column is for it: `additional_fields` has it where a record does.
    Additional,
    /// Several columns together hold it: it is read from the record as it was logged.
    Record,
}

impl PartialEq for Source {
    fn eq(&self, other: &Source) -> bool {
        match (self, other) {
            (Source::Column(a), Source::Column(b)) => a.name == b.name,
            (Source::Json { column: a, path: of_a }, Source::Json { column: b, path: of_b }) => {
                a.name == b.name && of_a == of_b
            }
            (Source::Additional, Source::Additional) | (Source::Record, Source::Record) => true,
            _ => false,
        }
    }
}

impl Field {
    /// The whole record, which keywords are looked for in.
    pub fn record() -> Field {
        Field { name: String::new(), source: Source::Record }
    }

    /// The field of this name.
    pub fn named(name: &str) -> Field {
        Field { name: name.to_owned(), source: source(name) }
    }

    /// Whether it is cheap to read: a column of its own that isn't JSON.
    pub fn is_cheap(&self) -> bool {
        matches!(self.source, Source::Column(_))
    }

    /// What is said of a field that no record of CloudTrail has by its documentation.
    pub fn note(&self) -> Option<String> {
        if !matches!(self.source, Source::Additional) {
            return None;
        }
        let known: BTreeSet<&str> =
            COLUMNS.iter().filter_map(|column| column.path.split('.').next()).filter(|key| !key.is_empty()).collect();
        let first = self.name.split('.').next().unwrap_or_default();
        if known.contains(first) {
            return None;
        }
        let meant = closest(first, known.iter().copied());
        let meant = meant.first().map(|name| format!(" (did you mean {name}?)")).unwrap_or_default();
        Some(format!(
            "CloudTrail documents no field `{first}`{meant}: only records that have it nevertheless can match"
        ))
    }
}

fn source(name: &str) -> Source {
    let with_path = || COLUMNS.iter().filter(|column| !column.path.is_empty());
    if name.is_empty() {
        return Source::Record;
    }
    for column in with_path() {
        let rest = match name.strip_prefix(column.path) {
            Some("") => "",
            Some(rest) => match rest.strip_prefix('.') {
                Some(rest) => rest,
                None => continue,
            },
            None => continue,
        };
        return match column.kind {
            Kind::Json => Source::Json { column, path: rest.to_owned() },
            Kind::Resources => Source::Record,
            _ if rest.is_empty() => Source::Column(column),
            _ => Source::Additional,
        };
    }
    // An object whose members have columns.
    let is_group = with_path().any(|column| column.path.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')));
    if is_group { Source::Record } else { Source::Additional }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_fields_are() {
        let place = |name: &str| match Field::named(name).source {
            Source::Column(column) => column.name.to_owned(),
            Source::Json { column, path } => format!("{}:{path}", column.name),
            Source::Additional => "additional".to_owned(),
            Source::Record => "record".to_owned(),
        };
        for (name, expected) in [
            ("eventName", "event_name"),
            ("userIdentity.sessionContext.sessionIssuer.type", "session_issuer_type"),
            ("requestParameters", "request_parameters:"),
            ("requestParameters.ipPermissions.items.cidrIp", "request_parameters:ipPermissions.items.cidrIp"),
            ("insightDetails.insightContext.statistics", "insight_context:statistics"),
            ("userIdentity", "record"),
            ("userIdentity.sessionContext", "record"),
            ("resources.ARN", "record"),
            ("userIdentity.further", "additional"),
            ("eventNames", "additional"),
            ("eventName.x", "additional"),
            ("status", "additional"),
            ("", "record"),
        ] {
            assert_eq!(place(name), expected, "{name}");
        }
    }

    #[test]
    fn fields_that_nobody_documents() {
        assert!(Field::named("evntName").note().unwrap().contains("did you mean eventName?"));
        assert!(Field::named("status").note().is_some());
        assert_eq!(Field::named("userIdentity.further").note(), None);
        assert_eq!(Field::named("eventName").note(), None);
    }
}
