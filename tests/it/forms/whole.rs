//! One set of events in every form gives the same events, but for what the documentation says is lost.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::samples::{events, samples, without_nulls};
use super::take;

#[test]
fn every_form_gives_the_same_events() {
    let events = events();
    for sample in samples(&events) {
        let taken = take(&sample.bytes);
        let name = format!("{} ({})", sample.form, sample.variant);
        assert!(!taken.is_said(), "{name}: {:?} {:?} {:?}", taken.error, taken.refused, taken.gaps);
        let expected: Vec<Value> = events.iter().map(sample.kept).collect();
        let is_anew = (sample.kept)(&events[0]) != events[0];
        let found: Vec<Value> =
            taken.events.iter().map(|event| if is_anew { without_nulls(event) } else { event.clone() }).collect();
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected, "{name}\n{found:#}\n{expected:#}");
        }
        assert_eq!(found.len(), expected.len(), "{name}");
    }
}

#[test]
fn the_documentation_names_each_form() {
    let text = include_str!("../../../docs/forms.md");
    let in_table: BTreeSet<&str> =
        text.lines().filter_map(|line| line.strip_prefix("| **")?.split_once("** |")).map(|(name, _)| name).collect();
    let sampled: BTreeSet<&str> = samples(&events()).iter().map(|sample| sample.form).collect();
    let missing: Vec<_> = sampled.difference(&in_table).collect();
    assert!(missing.is_empty(), "docs/forms.md lacks {missing:?}");
    // Those that hold no events, or whose samples are files of a test of their own.
    let others = ["digest", "sign file", "other services"];
    let unsampled: Vec<_> = in_table.iter().filter(|name| !sampled.contains(*name) && !others.contains(name)).collect();
    assert!(unsampled.is_empty(), "no sample of {unsampled:?}");
}

fn run(folder: &std::path::Path, store: &str, args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailpare"));
    command.args(args).args(["--store", store]).env_remove("TRAILPARE_STORE").stdin(Stdio::null()).current_dir(folder);
    let output = command.output().expect("the program starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Through the whole program: the same rows of events, and the same actions.
#[test]
fn every_form_gives_the_same_rows() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut rows: BTreeSet<String> = BTreeSet::new();
    let sql = "SELECT event_id, event_time::text, event_source, event_name, aws_region, error_code, source_ip_address, \
               recipient_account_id FROM events UNION ALL \
               SELECT DISTINCT 'usage', '', '', action, outcome, '', '', '' FROM usage ORDER BY 1, 4, 5";
    let mut actions: BTreeSet<String> = BTreeSet::new();
    let mut forms = BTreeSet::new();
    // One variant of each form, but every version of OCSF.
    let mut is_tried = |form: &&'static str| forms.insert(*form) || *form == "OCSF";
    let tried: Vec<_> = samples(&events()).into_iter().filter(|sample| is_tried(&sample.form)).collect();
    for (at, sample) in tried.iter().enumerate() {
        let (name, store) = (format!("in{at}/x"), format!("store{at}"));
        std::fs::create_dir(folder.path().join(format!("in{at}"))).expect("made");
        std::fs::write(folder.path().join(&name), &sample.bytes).expect("written");
        let form = format!("{} ({})", sample.form, sample.variant);
        let (code, _, told) = run(folder.path(), &store, &["ingest", &format!("in{at}")]);
        assert!(code == Some(0) && told.contains("3 new events"), "{form}: {code:?} {told}");
        let (_, found, told) = run(folder.path(), &store, &["sql", "--format", "csv", sql]);
        let (of_usage, of_events): (Vec<&str>, Vec<&str>) =
            found.lines().skip(1).partition(|line| line.starts_with("usage,"));
        assert!(of_events.len() == 3 && of_usage.len() >= 2, "{form}: {found} {told}");
        rows.insert(of_events.join("\n"));
        actions.insert(of_usage.join("\n"));
    }
    assert_eq!(rows.len(), 1, "{rows:#?}");
    assert_eq!(actions.len(), 1, "{actions:#?}");
}
