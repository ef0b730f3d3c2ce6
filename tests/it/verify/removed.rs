//! What was removed from an archive is found: each, and by what. The table of `removals_are_found` is the specification.

use std::collections::BTreeMap;

use serde_json::Value;

use super::archives::{Archive, Trail};
use super::text;

/// Three days of two accounts, one of them in two regions.
fn archive() -> Archive {
    let mut archive = Archive::new();
    for (account, region) in [
        ("111122223333", "eu-west-1"),
        ("111122223333", "us-east-1"),
        ("444455556666", "eu-west-1"),
        ("444455556666", "us-east-1"),
    ] {
        archive.add(Trail::new(account, region, "main").hours(0..72));
    }
    archive.write_sidecars();
    archive
}

impl Archive {
    /// Removes objects of hours of a trail, and their digests.
    fn remove_hours(&self, trail: usize, hours: std::ops::Range<usize>, with_digests: bool) {
        for digest in &self.trails[trail].digests[hours] {
            digest.logs.iter().for_each(|log| self.remove(&log.key));
            if with_digests {
                self.remove(&digest.key);
            }
        }
    }

    /// The letters of each place's hours, day by day.
    fn hours(&self) -> BTreeMap<String, String> {
        let (out, value) = self.status(&["--coverage"]);
        assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
        let place = |place: &Value| {
            let days = place["days"].as_array().unwrap().iter();
            let hours: String = days.map(|day| day["hours"].as_str().unwrap()).collect();
            (format!("{} {}", place["account_id"].as_str().unwrap(), place["region"].as_str().unwrap()), hours)
        };
        value["places"].as_array().unwrap().iter().map(place).collect()
    }

    /// Kinds of oddities and what they are about.
    fn oddities(&self) -> Vec<(String, String)> {
        let (out, value) = self.status(&["--oddities"]);
        assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
        let of = |odd: &Value| (odd["kind"].as_str().unwrap().to_owned(), odd["about"].as_str().unwrap().to_owned());
        value["oddities"].as_array().unwrap().iter().map(of).collect()
    }
}

/// A removal, whether an ingest that verifies ends with 5, the state of hours of the first place afterwards (from, letters),
/// and the oddity that names it.
type Removal = (&'static str, fn(&Archive), bool, (usize, &'static str), &'static str);

const REMOVALS: &[Removal] = &[
    ("an object", |a| a.remove(&a.trails[0].digests[30].logs[0].key), true, (29, "pmp"), "missing"),
    ("the objects of an hour", |a| a.remove_hours(0, 30..31, false), true, (29, "pmp"), "missing"),
    ("a digest", |a| a.remove(&a.trails[0].digests[30].key), true, (28, "pom"), "missing"),
    ("an hour", |a| a.remove_hours(0, 30..31, true), true, (28, "pomp"), "missing"),
    ("the objects of a day", |a| a.remove_hours(0, 24..48, false), true, (23, "pmmmmmmmmmmmmmmmmmmmmmmmmp"), "missing"),
    ("a day", |a| a.remove_hours(0, 24..48, true), true, (22, "pommmmmmmmmmmmmmmmmmmmmmmmp"), "missing"),
    ("the last day", |a| a.remove_hours(0, 48..72, true), false, (46, "pouuuu"), "digests end while the trail goes on"),
    ("the first day", |a| a.remove_hours(0, 0..24, true), false, (0, "ppppp"), "begins within a chain of digests"),
    ("a region", |a| a.remove_hours(0, 0..72, true), false, (0, ""), "no digests of a region"),
];

#[test]
fn removals_are_found() {
    let place = "111122223333 eu-west-1";
    for (what, remove, is_fault, (from, letters), oddity) in REMOVALS {
        let archive = archive();
        remove(&archive);
        let out = archive.ingest_verified();
        assert_eq!(out.status.code(), Some(if *is_fault { 5 } else { 0 }), "{what}: {}", text(&out.stderr));
        let hours = archive.hours();
        match letters.is_empty() {
            true => assert!(!hours.contains_key(place), "{what}"),
            false => {
                let found = &hours[place][*from..from + letters.len()];
                assert_eq!(found, *letters, "{what}: {}", hours[place]);
            }
        }
        // The others are as they were.
        assert!(hours.iter().filter(|(other, _)| *other != place).all(|(_, hours)| *hours == "p".repeat(72)), "{what}");
        let oddities = archive.oddities();
        assert!(!oddities.is_empty() && oddities.iter().all(|(kind, _)| kind == oddity), "{what}: {oddities:?}");
        assert!(oddities.iter().all(|(_, about)| about.contains("111122223333") && about.contains("eu-west-1")));
    }
}

/// An account that is gone from some day on.
#[test]
fn an_account_that_is_gone_is_found() {
    let archive = archive();
    archive.remove_hours(2, 48..72, true);
    archive.remove_hours(3, 48..72, true);
    assert_eq!(archive.ingest_verified().status.code(), Some(0));
    let expected = ["444455556666 eu-west-1", "444455556666 us-east-1"]
        .map(|about| ("digests end while the trail goes on".to_owned(), about.to_owned()));
    assert_eq!(archive.oddities(), expected);
}

/// Nothing is odd and nothing missing in what is whole.
#[test]
fn what_is_whole_is_proved_hour_by_hour() {
    let archive = archive();
    assert_eq!(archive.ingest_verified().status.code(), Some(0));
    assert!(archive.hours().values().all(|hours| *hours == "p".repeat(72)), "{:?}", archive.hours());
    assert_eq!(archive.oddities(), []);
    let store = archive.store();
    let out = super::command(&["status", "--oddities", "--store", store.to_str().unwrap()]);
    assert_eq!(text(&out.stdout), "nothing odd\n");
}

/// Without proof digests still say what must be there.
#[test]
fn plain_ingests_know_what_is_missing() {
    let archive = archive();
    let removed = archive.trails[0].digests[30].logs[0].key.clone();
    let stored = std::fs::read(archive.path(&removed)).unwrap();
    archive.remove(&removed);
    let out = archive.ingest(&[]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    assert!(text(&out.stderr).contains("1 log objects that digests list are not here"), "{}", text(&out.stderr));
    let place = "111122223333 eu-west-1";
    assert_eq!(archive.hours()[place][29..32], *"omo");
    // It comes later, and its digest is not read again.
    archive.write(&removed, &stored);
    assert_eq!(archive.ingest(&[]).status.code(), Some(0));
    assert_eq!(archive.hours()[place][29..32], *"ooo");
    let (_, status) = archive.status(&[]);
    assert_eq!(status["evidence"]["missing_objects"], 0);
}

/// Without any digests the pattern of the objects says what stands out.
#[test]
fn without_digests_a_day_stands_out() {
    let mut archive = Archive::new();
    archive.add(Trail::new("111122223333", "eu-west-1", "main").hours(0..24 * 20));
    for digest in &archive.trails[0].digests {
        archive.remove(&digest.key);
    }
    archive.remove_hours(0, 24 * 9..24 * 10, false);
    assert_eq!(archive.ingest(&[]).status.code(), Some(0));
    let hours = &archive.hours()["111122223333 eu-west-1"];
    assert_eq!(hours[24 * 9 - 1..24 * 10 + 1], format!("o{}o", "m".repeat(24)));
    assert_eq!(hours.matches('m').count(), 24);
    assert_eq!(archive.oddities()[0].0, "hours without objects that stand out");
}

/// A row an account and region, a column a day, within 80 columns of ASCII.
#[test]
fn the_map_fits_a_terminal() {
    let archive = archive();
    archive.remove_hours(0, 30..31, false);
    archive.ingest_verified();
    let store = archive.store();
    let out = super::command(&["status", "--coverage", "--store", store.to_str().unwrap()]);
    let map = text(&out.stdout);
    assert!(map.is_ascii() && map.lines().all(|line| line.len() <= 80), "{map}");
    insta::assert_snapshot!(map);
}
