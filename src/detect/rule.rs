//! Rules, correlations and filters, as they are read.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::predicate::Predicate;
use super::problem::Place;

/// How grave a match is. Source: Sigma Rules Specification 2.1.0, "Level".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Tells something of an event, no more.
    Informational,
    /// Notable, rarely an incident.
    Low,
    /// To be reviewed now and then.
    Medium,
    /// To be reviewed soon.
    High,
    /// To be reviewed at once.
    Critical,
}

impl Level {
    /// Every one by its name.
    pub const ALL: [(&str, Level); 5] = [
        ("informational", Level::Informational),
        ("low", Level::Low),
        ("medium", Level::Medium),
        ("high", Level::High),
        ("critical", Level::Critical),
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        Level::ALL.iter().find(|(_, level)| *level == self).map_or("", |(name, _)| name)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What every kind of document has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Header {
    /// What it detects.
    pub title: String,
    /// Its id, mostly a UUID.
    pub id: Option<String>,
    /// The name by which correlations know it.
    pub name: Option<String>,
    /// How grave it is.
    pub level: Option<Level>,
    /// Tags: techniques of MITRE ATT&CK among them (`attack.t1078.004`).
    pub tags: Vec<String>,
    /// Where it stands.
    pub place: Place,
}

impl Header {
    /// Whether it is called so by others.
    pub(super) fn is_called(&self, reference: &str) -> bool {
        [&self.id, &self.name].into_iter().flatten().any(|own| own == reference)
    }
}

/// A rule about single events.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// What it is.
    pub header: Header,
    pub(super) logsource: LogSource,
    pub(super) predicate: Predicate,
    /// Only a correlation asks for it.
    pub(super) is_hidden: bool,
}

/// Which log a rule is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LogSource {
    pub category: Option<String>,
    pub product: Option<String>,
    pub service: Option<String>,
}

impl LogSource {
    /// Whether it is CloudTrail's.
    pub fn is_cloudtrail(&self) -> bool {
        let is = |value: &Option<String>, wanted: &str| {
            value.as_ref().is_none_or(|value| value.eq_ignore_ascii_case(wanted))
        };
        let says_something = self.product.is_some() || self.service.is_some();
        says_something && self.category.is_none() && is(&self.product, "aws") && is(&self.service, "cloudtrail")
    }

    /// Whether another log is this one or a part of it.
    pub fn holds(&self, other: &LogSource) -> bool {
        let pairs =
            [(&self.category, &other.category), (&self.product, &other.product), (&self.service, &other.service)];
        pairs.iter().all(|(own, other)| own.is_none() || own == other)
    }
}

impl fmt::Display for LogSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = [("category", &self.category), ("product", &self.product), ("service", &self.service)];
        let said: Vec<String> =
            keys.iter().filter_map(|(key, value)| Some(format!("{key} {}", value.as_ref()?))).collect();
        f.write_str(&said.join(", "))
    }
}

/// What a correlation counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    EventCount,
    /// Different values of these fields together.
    ValueCount(Vec<String>),
    ValueSum(String),
    ValueAverage(String),
    Temporal,
    TemporalOrdered,
}

/// `gte: 10` of a condition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bound {
    pub operator: Operator,
    pub number: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Above,
    AtLeast,
    Below,
    AtMost,
    Equal,
    Different,
}

impl Bound {
    pub fn is_met(self, value: f64) -> bool {
        match self.operator {
            Operator::Above => value > self.number,
            Operator::AtLeast => value >= self.number,
            Operator::Below => value < self.number,
            Operator::AtMost => value <= self.number,
            Operator::Equal => value == self.number,
            Operator::Different => value != self.number,
        }
    }

    /// Whether more events can't make it false.
    pub fn grows(self) -> bool {
        matches!(self.operator, Operator::Above | Operator::AtLeast)
    }
}

/// A rule about several events together.
#[derive(Clone, Debug, PartialEq)]
pub struct Correlation {
    /// What it is.
    pub header: Header,
    pub(super) kind: Kind,
    /// Rules and correlations, by id or name.
    pub(super) rules: Vec<String>,
    pub(super) group_by: Vec<String>,
    /// Alias → rule → field.
    pub(super) aliases: BTreeMap<String, BTreeMap<String, String>>,
    pub(super) timespan_us: i64,
    pub(super) bounds: Vec<Bound>,
    /// Its rules are run by themselves too.
    pub(super) generates: bool,
}

/// What narrows rules that exist.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Filter {
    pub header: Header,
    pub logsource: LogSource,
    /// Rules by id, name or title; `None`: every one.
    pub rules: Option<Vec<String>>,
    pub predicate: Predicate,
}

/// A document that was read.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Document {
    Rule(Rule),
    Correlation(Correlation),
    Filter(Filter),
    /// A rule whose condition counts, as rules did before Sigma 2.
    Counted(Rule, Correlation),
    /// One for another log.
    Skipped(Header, LogSource),
}
