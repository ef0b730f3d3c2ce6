//! A strict reader of metrics: what both Prometheus' text format 0.0.4 and OpenMetrics 1.0 allow, and nothing else.
//! Sources: Prometheus, "Exposition formats"; OpenMetrics 1.0.0, "Text format".

use std::collections::{BTreeMap, BTreeSet};

/// A sample's name and labels.
type Key = (String, BTreeMap<String, String>);

/// All samples of a file.
pub struct Metrics(BTreeMap<Key, f64>);

fn is_name(name: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(is_letter)
}

/// Reads `a="b",c="d"}`; what is behind it.
fn labels(mut text: &str) -> (BTreeMap<String, String>, &str) {
    let mut labels = BTreeMap::new();
    loop {
        let (name, rest) = text.split_once("=\"").expect("a label");
        assert!(is_name(name), "{name:?}");
        let (mut value, mut chars) = (String::new(), rest.char_indices());
        let behind = loop {
            match chars.next().expect("a quote") {
                (at, '"') => break &rest[at + 1..],
                (_, '\\') => value.push(match chars.next().expect("an escape").1 {
                    'n' => '\n',
                    c @ ('\\' | '"') => c,
                    c => panic!("escape {c:?}"),
                }),
                (_, c) => value.push(c),
            }
        };
        assert_eq!(labels.insert(name.to_owned(), value), None, "{name} twice");
        match behind.split_at(1) {
            (",", rest) => text = rest,
            ("}", rest) => return (labels, rest),
            _ => panic!("{behind:?}"),
        }
    }
}

impl Metrics {
    /// Reads a file; panics where it breaks a rule.
    pub fn parse(text: &str) -> Metrics {
        let body = text.strip_suffix("# EOF\n").expect("the end");
        let (mut samples, mut done) = (BTreeMap::new(), BTreeSet::new());
        let (mut family, mut has_samples) = (String::new(), true);
        for line in body.lines() {
            let mut words = line.splitn(4, ' ');
            if line.starts_with('#') {
                let (_, kind) = (words.next(), words.next().expect("a kind"));
                let (name, rest) = (words.next().expect("a name"), words.next().expect("what it is"));
                match kind {
                    "HELP" => {
                        assert!(has_samples && is_name(name), "{line}");
                        assert!(done.insert(name.to_owned()), "{name} stands in two places");
                        (family, has_samples) = (name.to_owned(), false);
                    }
                    "TYPE" => assert_eq!((name, rest), (family.as_str(), "gauge")),
                    "UNIT" => assert!(name == family && name.ends_with(&format!("_{rest}")), "{line}"),
                    _ => panic!("{line}"),
                }
                continue;
            }
            let (name, rest) = line.split_once('{').expect("labels");
            assert_eq!(name, family, "{line}");
            let (labels, value) = labels(rest);
            let value: f64 = value.strip_prefix(' ').expect("a value").parse().expect("a number");
            assert!(value.is_finite(), "{line}");
            assert_eq!(samples.insert((name.to_owned(), labels), value), None, "{line}: twice");
            has_samples = true;
        }
        assert!(has_samples && !samples.is_empty());
        let nights = samples.keys().all(|(_, labels)| labels.get("command").is_some_and(|of| of == "nightly"));
        assert!(nights && samples.keys().all(|(_, labels)| labels.contains_key("store")));
        Metrics(samples)
    }

    /// The value of a sample with these labels beside those that all have.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let has = |of: &BTreeMap<String, String>| {
            of.len() == labels.len() + 2 && labels.iter().all(|(name, value)| of.get(*name).is_some_and(|v| v == value))
        };
        self.0.iter().find(|((of, own), _)| of == name && has(own)).map(|(_, value)| *value)
    }
}
