//! Whether the groups that were found are those that were drawn: the adjusted Rand index (Hubert and Arabie, 1985), 1
//! where they are the same and 0 where they agree by chance alone.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use trailpare::synth::{self, Config};

use super::Bench;

/// Documents of a kind.
fn documents(cuts: &Path, kind: &str) -> Vec<Value> {
    let entries = fs::read_dir(cuts.join(kind)).into_iter().flatten().flatten();
    let read = |entry: fs::DirEntry| fs::read_to_string(entry.path().join("document.json")).ok();
    entries.filter_map(read).map(|text| serde_json::from_str(&text).expect("JSON")).collect()
}

fn names(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// The index of two ways to divide the same things.
fn index(pairs: &[(String, String)]) -> f64 {
    let choose = |n: usize| (n * n.saturating_sub(1) / 2) as f64;
    let count = |key: fn(&(String, String)) -> (String, String)| {
        let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
        pairs.iter().for_each(|pair| *counts.entry(key(pair)).or_default() += 1);
        counts.values().map(|n| choose(*n)).sum::<f64>()
    };
    let both = count(Clone::clone);
    let drawn = count(|pair| (pair.0.clone(), String::new()));
    let found = count(|pair| (String::new(), pair.1.clone()));
    let by_chance = drawn * found / choose(pairs.len()).max(1.0);
    let most = f64::midpoint(drawn, found);
    if (most - by_chance).abs() < f64::EPSILON { 1.0 } else { (both - by_chance) / (most - by_chance) }
}

/// People's jobs against personas, by permission set.
pub fn people(bench: &mut Bench, cuts: &Path, config: &Config) {
    let mut persona_of: BTreeMap<(String, String), String> = BTreeMap::new();
    for document in documents(cuts, "personas") {
        let of = document["of"].as_str().unwrap_or_default().to_owned();
        for person in names(&document["people"]["used_it"]) {
            persona_of
                .insert((of.clone(), person.to_owned()), document["name"].as_str().unwrap_or_default().to_owned());
        }
    }
    let mut sets: BTreeMap<&str, Vec<(String, String)>> = BTreeMap::new();
    for person in synth::people(config) {
        // One group is the permission set itself, which has no personas.
        let found = persona_of.get(&(person.permission_set.to_owned(), person.name.clone())).cloned();
        sets.entry(person.permission_set).or_default().push((person.job.to_owned(), found.unwrap_or_default()));
    }
    bench.line(
        "Personas against the jobs that were drawn.\n\n\
         | permission set | people | jobs | personas | adjusted Rand index |\n|---|---|---|---|---|",
    );
    let (mut sum, mut all) = (0.0, 0.0);
    for (set, pairs) in &sets {
        let distinct = |of: fn(&(String, String)) -> &String| {
            pairs.iter().map(of).collect::<std::collections::BTreeSet<_>>().len()
        };
        let found = index(pairs);
        sum += found * pairs.len() as f64;
        all += pairs.len() as f64;
        bench.line(&format!(
            "| {set} | {} | {} | {} | {found:.2} |",
            pairs.len(),
            distinct(|p| &p.0),
            distinct(|p| &p.1)
        ));
    }
    let mean = sum / all;
    bench.line(&format!("\nBy people: {mean:.3}.\n"));
    bench.must(mean > 0.9, "personas are not the jobs that were drawn");
}

/// Copies of a pipeline's role against groups of roles.
pub fn roles(bench: &mut Bench, cuts: &Path) {
    let mut group_of: BTreeMap<String, String> = BTreeMap::new();
    let groups = documents(cuts, "role-groups");
    for document in &groups {
        for arn in names(&document["roles"]["arns"]) {
            group_of.insert(arn.to_owned(), format!("{} {}", document["of"], document["name"]));
        }
    }
    let mut pairs = Vec::new();
    for document in documents(cuts, "roles") {
        let (arn, name) = (document["arn"].as_str().unwrap_or_default(), document["name"].as_str().unwrap_or_default());
        if document["used"]["uses"].as_u64().unwrap_or(0) > 0 {
            pairs.push((name.to_owned(), group_of.get(arn).cloned().unwrap_or_else(|| arn.to_owned())));
        }
    }
    let found = index(&pairs);
    bench.line(&format!(
        "Groups of roles: {} of {} roles that did something are in one of {} groups; adjusted Rand index of names and \
         groups {found:.3}.\n",
        group_of.len(),
        pairs.len(),
        groups.len()
    ));
    bench.must(found > 0.9, "groups of roles are not the copies that were drawn");
}
