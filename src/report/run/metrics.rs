//! Metrics for Prometheus, in a text that is both its own format 0.0.4 and OpenMetrics 1.0: gauges alone, whose names
//! end with their units. Sources: Prometheus, "Exposition formats" and "Metric and label naming"; OpenMetrics 1.0.0.

use std::fmt::Write as _;

use serde_json::Value;

use super::{Figures, Head};
use crate::report::status::Status;
use crate::time::{MICROS_PER_DAY, parse_time};

/// A value of a metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The metric.
    name: &'static str,
    /// One label beside those that all have.
    label: Option<(&'static str, String)>,
    value: f64,
}

/// Metrics: name, unit, what they say. The order of the text.
const METRICS: &[(&str, &str, &str)] = &[
    ("trailpare_last_run_start_timestamp_seconds", "seconds", "When the last run began."),
    ("trailpare_last_run_end_timestamp_seconds", "seconds", "When the last run ended."),
    ("trailpare_last_run_duration_seconds", "seconds", "How long the last run took."),
    ("trailpare_last_run_success", "", "Whether the last run was done with nothing to complain of: 1, else 0."),
    ("trailpare_last_run_exit_code", "", "The exit code of the last run."),
    ("trailpare_last_run_step_exit_code", "", "The exit code of each step of the last night."),
    ("trailpare_last_run_peak_memory_bytes", "bytes", "The most memory that the last run had, resident."),
    ("trailpare_last_run_warnings", "", "How often the last run warned."),
    ("trailpare_last_run_objects", "", "Log objects of the last ingest, by what became of them."),
    ("trailpare_last_run_events", "", "Records of the last ingest, by what became of them."),
    (
        "trailpare_last_run_object_bytes",
        "bytes",
        "Bytes of the objects that the last ingest took in, as they are stored.",
    ),
    ("trailpare_last_run_stage_seconds", "seconds", "Time of all threads of the last ingest, by stage."),
    ("trailpare_last_run_altered_or_missing", "", "What the last ingest found altered or missing by digests."),
    ("trailpare_store_snapshot", "", "The newest snapshot of the store."),
    ("trailpare_store_objects", "", "Log objects taken into the store."),
    ("trailpare_store_events", "", "Events in the store."),
    ("trailpare_store_data_bytes", "bytes", "Bytes of the store's data files."),
    ("trailpare_store_refused_objects", "", "Log objects that stand as refused."),
    ("trailpare_store_kept_out_records", "", "Records that were kept out of sound objects."),
    ("trailpare_store_mergeable_files", "", "Files that `trailpare optimize` would merge away."),
    ("trailpare_store_gap_days", "", "Days without events between an account's first and last day, of all accounts."),
    (
        "trailpare_store_newest_events_timestamp_seconds",
        "seconds",
        "When the last ingest or import ended that brought events.",
    ),
    ("trailpare_store_newest_day_timestamp_seconds", "seconds", "The first instant of the newest day with events."),
];

/// Metrics of a run.
pub fn of_run(head: &Head<'_>, figures: &Figures) -> Vec<Sample> {
    let mut samples = Vec::new();
    let mut add = |name: &'static str, label: Option<(&'static str, String)>, value: f64| {
        samples.push(Sample { name, label, value });
    };
    let seconds = |time_us: i64| time_us as f64 / 1e6;
    add("trailpare_last_run_start_timestamp_seconds", None, seconds(head.started_us));
    add("trailpare_last_run_end_timestamp_seconds", None, seconds(head.ended_us));
    add("trailpare_last_run_duration_seconds", None, head.seconds());
    add("trailpare_last_run_success", None, f64::from(u8::from(head.exit_code == 0)));
    add("trailpare_last_run_exit_code", None, f64::from(head.exit_code));
    let warnings = head.warnings.len() as u64 + head.warnings_left_out;
    add("trailpare_last_run_warnings", None, warnings as f64);
    if let Some(bytes) = head.peak_memory_bytes {
        add("trailpare_last_run_peak_memory_bytes", None, bytes as f64);
    }
    let steps = figures.get("steps").and_then(Value::as_object);
    for (step, value) in steps.into_iter().flatten() {
        if let Some(code) = value.get("exit_code").and_then(Value::as_f64) {
            add("trailpare_last_run_step_exit_code", Some(("step", step.clone())), code);
        }
    }
    let of_step = steps.and_then(|steps| steps.get("ingest")?.get("document")?.as_object());
    let figures = match of_step {
        Some(of_step) => of_step,
        None if head.command == "ingest" => figures,
        None => return samples,
    };
    let maps = [
        ("objects", "trailpare_last_run_objects", "state"),
        ("events", "trailpare_last_run_events", "state"),
        ("seconds_by_stage", "trailpare_last_run_stage_seconds", "stage"),
    ];
    for (key, name, label) in maps {
        for (of, value) in figures.get(key).and_then(Value::as_object).into_iter().flatten() {
            if let Some(value) = value.as_f64() {
                add(name, Some((label, of.clone())), value);
            }
        }
    }
    let inner = |of: &str, name: &str| figures.get(of).and_then(|value| value.get(name)).and_then(Value::as_f64);
    for (of, name, metric) in [
        ("bytes", "objects", "trailpare_last_run_object_bytes"),
        ("proof", "altered_or_missing", "trailpare_last_run_altered_or_missing"),
    ] {
        if let Some(value) = inner(of, name) {
            add(metric, None, value);
        }
    }
    samples
}

/// Metrics of a store.
pub fn of_store(status: &Status) -> Vec<Sample> {
    let mut samples: Vec<Sample> = [
        ("trailpare_store_snapshot", status.snapshot as f64),
        ("trailpare_store_objects", status.objects as f64),
        ("trailpare_store_events", status.events as f64),
        ("trailpare_store_data_bytes", status.data_bytes as f64),
        ("trailpare_store_refused_objects", status.refused_objects.len() as f64),
        ("trailpare_store_kept_out_records", status.broken_records.len() as f64),
        ("trailpare_store_mergeable_files", status.due.mergeable_files as f64),
        ("trailpare_store_gap_days", status.due.gap_days as f64),
    ]
    .map(|(name, value)| Sample { name, label: None, value })
    .into();
    if let Some(since_us) = status.silent.since.as_deref().and_then(parse_time) {
        let value = since_us as f64 / 1e6;
        samples.push(Sample { name: "trailpare_store_newest_events_timestamp_seconds", label: None, value });
    }
    if let Some((day, _)) = status.days.last_key_value() {
        let value = (i64::from(day.0) * MICROS_PER_DAY) as f64 / 1e6;
        samples.push(Sample { name: "trailpare_store_newest_day_timestamp_seconds", label: None, value });
    }
    samples
}

/// The text of a file of metrics; all have these labels.
pub fn text(samples: &[Sample], labels: &[(&str, &str)]) -> String {
    let mut out = String::new();
    for (name, unit, help) in METRICS {
        let of_it: Vec<&Sample> = samples.iter().filter(|sample| sample.name == *name).collect();
        if of_it.is_empty() {
            continue;
        }
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge");
        if !unit.is_empty() {
            let _ = writeln!(out, "# UNIT {name} {unit}");
        }
        for sample in of_it {
            let own = sample.label.iter().map(|(name, value)| (*name, value.as_str()));
            let all: Vec<String> = labels
                .iter()
                .copied()
                .chain(own)
                .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
                .collect();
            let _ = writeln!(out, "{name}{{{}}} {}", all.join(","), sample.value);
        }
    }
    out + "# EOF\n"
}

/// A label's value.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_end_with_their_units_and_labels_are_escaped() {
        for (name, unit, help) in METRICS {
            assert!(unit.is_empty() || name.ends_with(&format!("_{unit}")), "{name}");
            assert!(name.starts_with("trailpare_") && help.ends_with('.') && !help.contains('\n'), "{name}");
            assert!(!name.ends_with("_total") && !name.ends_with("_info"), "{name}");
        }
        let samples = [Sample { name: "trailpare_last_run_exit_code", label: None, value: 3.0 }];
        let expected = "# HELP trailpare_last_run_exit_code The exit code of the last run.\n\
                        # TYPE trailpare_last_run_exit_code gauge\n\
                        trailpare_last_run_exit_code{store=\"/a\\\"b\\\\c\\nd\"} 3\n# EOF\n";
        assert_eq!(text(&samples, &[("store", "/a\"b\\c\nd")]), expected);
    }

    #[test]
    fn every_sample_is_of_a_metric_that_is_listed() {
        let head = Head { command: "ingest", peak_memory_bytes: Some(1), ..Head::default() };
        let figures = crate::report::run::ingest(&[], &crate::ingest::Summary::default(), &[("find", 0.5)]);
        let samples = of_run(&head, &figures);
        assert!(samples.iter().all(|sample| METRICS.iter().any(|(name, ..)| *name == sample.name)));
        let written = text(&samples, &[]);
        assert_eq!(written.lines().filter(|line| !line.starts_with('#')).count(), samples.len());
        assert!(written.contains("trailpare_last_run_stage_seconds{stage=\"find\"} 0.5\n"), "{written}");
    }
}
