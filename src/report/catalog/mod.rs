//! What the catalogue of IAM's actions says, and how two of them differ.

pub mod compare;
pub mod entries;

use std::collections::BTreeMap;

use serde::Serialize;

use super::rows::{Columns, Type};
use crate::iam::{AccessLevel, Catalog};
use crate::time::format_date;

/// A catalogue as a whole.
#[derive(Clone, Debug, Serialize)]
pub struct Overview<'a> {
    /// Name and version of the form.
    pub schema: &'static str,
    /// Which one it is; what was derived under another version is derived anew.
    pub version: &'a str,
    /// `built-in`, `imported` or `given`.
    pub source: &'static str,
    /// The file that it was read from.
    pub path: Option<String>,
    /// The day on which its list of actions was made.
    pub made: Option<String>,
    /// Days since then.
    pub age_days: Option<i32>,
    /// What it says of where it is from.
    pub origins: Vec<&'a str>,
    /// The SHA-256 of its text.
    pub sha256: String,
    /// How many services it has.
    pub services: usize,
    /// How many actions.
    pub actions: usize,
    /// How many resource types; one with several ARN formats counts once.
    pub resource_types: usize,
    /// How many actions of each access level.
    pub actions_by_access_level: BTreeMap<&'static str, usize>,
    /// An imported catalogue that is older than the built-in one, and so is not used.
    pub passed_over: Option<String>,
}

impl<'a> Overview<'a> {
    /// Of a catalogue, on a day (in days since 1970).
    pub fn new(catalog: &'a Catalog, today: i32) -> Overview<'a> {
        let mut overview = Overview {
            schema: "trailpare/catalog/1",
            version: catalog.version(),
            source: "built-in",
            path: None,
            made: catalog.made_on().map(format_date),
            age_days: catalog.made_on().map(|day| today - day),
            origins: catalog.origins(),
            sha256: catalog.digest(),
            services: 0,
            actions: 0,
            resource_types: 0,
            actions_by_access_level: AccessLevel::ALL.map(|level| (level.as_str(), 0)).into(),
            passed_over: None,
        };
        for service in catalog.prefixes().into_iter().filter_map(|prefix| catalog.service(prefix)) {
            overview.services += 1;
            let types = service.resource_types().iter().map(|kind| kind.name.as_str());
            overview.resource_types += types.collect::<std::collections::BTreeSet<_>>().len();
            for action in service.actions() {
                overview.actions += 1;
                *overview.actions_by_access_level.entry(action.access_level.as_str()).or_default() += 1;
            }
        }
        overview
    }

    /// The columns of [`Overview::rows`].
    pub const COLUMNS: &'static Columns = &[("name", Type::Text), ("count", Type::Count), ("detail", Type::Text)];

    /// As flat rows.
    pub fn rows(&self) -> Vec<serde_json::Value> {
        use serde_json::json;
        let mut rows = vec![
            json!({"name": "version", "detail": self.version}),
            json!({"name": "source", "detail": self.source}),
            json!({"name": "path", "detail": self.path}),
            json!({"name": "made", "count": self.age_days, "detail": self.made}),
            json!({"name": "sha256", "detail": self.sha256}),
            json!({"name": "services", "count": self.services}),
            json!({"name": "actions", "count": self.actions}),
            json!({"name": "resource types", "count": self.resource_types}),
        ];
        let levels = self.actions_by_access_level.iter();
        rows.extend(levels.map(|(level, count)| json!({"name": "access level", "count": count, "detail": level})));
        rows.extend(self.origins.iter().map(|origin| json!({"name": "origin", "detail": origin})));
        rows
    }
}
