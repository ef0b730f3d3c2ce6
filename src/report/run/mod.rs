//! What a run that changes a store came to: one document, whoever reads it. `docs/schemas/` describes each.

mod figures;
mod metrics;

use std::path::Path;

use serde_json::{Map, Value, json};

pub use figures::{export, forget, import, ingest, optimize, prune};
pub use metrics::{Sample, of_run, of_store, text as metrics_text};

use crate::time::format_time;

/// Figures of a run, by their names.
pub type Figures = Map<String, Value>;

/// What every run has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head<'a> {
    /// What was done: `ingest`, `optimize`, …
    pub command: &'a str,
    /// The store's folder.
    pub store: &'a str,
    /// When it began, microseconds since 1970-01-01 UTC.
    pub started_us: i64,
    /// When it ended.
    pub ended_us: i64,
    /// In a word.
    pub outcome: &'a str,
    /// The exit code.
    pub exit_code: u8,
    /// What went wrong, where it could not be done.
    pub error: Option<&'a str>,
    /// What was warned of, the first of it.
    pub warnings: Vec<String>,
    /// What was warned of behind that.
    pub warnings_left_out: u64,
    /// The most memory that the process had so far.
    pub peak_memory_bytes: Option<u64>,
}

impl Head<'_> {
    /// How long it took.
    pub fn seconds(&self) -> f64 {
        self.ended_us.saturating_sub(self.started_us).max(0) as f64 / 1e6
    }
}

/// The document of a run; without figures where it could not be done.
pub fn document(head: &Head<'_>, figures: &Figures) -> Value {
    let mut document = Map::new();
    let mut add = |name: &str, value: Value| document.insert(name.to_owned(), value);
    add("schema", format!("trailpare/{}/1", head.command).into());
    add("program", concat!("trailpare ", env!("CARGO_PKG_VERSION")).into());
    add("store", head.store.into());
    add("started", format_time(head.started_us).into());
    add("ended", format_time(head.ended_us).into());
    add("seconds", seconds(head.seconds()));
    add("outcome", head.outcome.into());
    add("exit_code", head.exit_code.into());
    add("error", head.error.into());
    figures.iter().for_each(|(name, value)| {
        add(name, value.clone());
    });
    add("peak_memory_bytes", json!(head.peak_memory_bytes));
    add("warnings", json!(head.warnings));
    add("warnings_left_out", head.warnings_left_out.into());
    Value::Object(document)
}

/// The same figures with numbers in the place of lists, as the history keeps them.
pub fn brief(figures: &Figures) -> Figures {
    let short = |value: &Value| match value {
        Value::Array(list) => json!(list.len()),
        Value::Object(object) => Value::Object(brief(object)),
        value => value.clone(),
    };
    figures.iter().map(|(name, value)| (name.clone(), short(value))).collect()
}

/// A path as documents have it.
pub fn path_text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Seconds to the millisecond.
fn seconds(seconds: f64) -> Value {
    json!((seconds * 1e3).round() / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_has_its_head_and_its_figures() {
        let head = Head { command: "ingest", started_us: 0, ended_us: 1_234_567, outcome: "done", ..Head::default() };
        let Value::Object(figures) = json!({"days": [1, 2], "objects": {"new": 3, "list": []}}) else { panic!() };
        let value = document(&head, &figures);
        assert_eq!((&value["schema"], &value["seconds"]), (&json!("trailpare/ingest/1"), &json!(1.235)));
        assert_eq!(value["days"], json!([1, 2]));
        assert_eq!(Value::Object(brief(&figures)), json!({"days": 2, "objects": {"new": 3, "list": 0}}));
    }
}
