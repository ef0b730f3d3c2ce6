//! A second evaluator of Sigma rules, over the records themselves: slow, plain, and without any code of the first.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{Datelike, NaiveDateTime, Timelike};
use regex::RegexBuilder;
use serde_json::Value;
use serde_yaml_ng::Value as Yaml;

/// Whether a record meets a detection.
pub fn meets(detection: &Yaml, record: &Value) -> bool {
    let flat = flat(record);
    let searches = detection.as_mapping().expect("a map");
    let truth = |name: &str| searches.get(name).map(|search| search_is_met(search, &flat));
    let names: Vec<&str> = searches.keys().filter_map(Yaml::as_str).filter(|name| *name != "condition").collect();
    match &detection["condition"] {
        Yaml::Sequence(all) => all.iter().any(|one| condition(one.as_str().expect("text"), &names, &truth)),
        one => condition(one.as_str().expect("text"), &names, &truth),
    }
}

/// What a record holds: paths without places in lists, and the texts there; `None` for what is there without a text.
type Flat = Vec<(String, Option<String>)>;

fn flat(record: &Value) -> Flat {
    let mut all = Vec::new();
    visit(record, "", &mut all);
    all
}

fn visit(value: &Value, path: &str, all: &mut Flat) {
    all.push((path.to_owned(), None));
    match value {
        Value::Null => {}
        Value::Array(elements) => elements.iter().for_each(|element| visit(element, path, all)),
        Value::Object(members) => {
            all.push((path.to_owned(), Some(value.to_string())));
            all.extend(scalars(value).into_iter().map(|text| (path.to_owned(), Some(text))));
            for (key, member) in members {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                visit(member, &path, all);
            }
        }
        Value::String(text) => all.push((path.to_owned(), Some(text.clone()))),
        other => all.push((path.to_owned(), Some(other.to_string()))),
    }
}

/// Every text, number and boolean within a value.
fn scalars(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(elements) => elements.iter().flat_map(scalars).collect(),
        Value::Object(members) => members.values().flat_map(scalars).collect(),
        Value::String(text) => vec![text.clone()],
        other => vec![other.to_string()],
    }
}

fn texts<'a>(flat: &'a Flat, path: &str) -> Vec<&'a str> {
    flat.iter().filter(|(own, _)| own == path).filter_map(|(_, text)| text.as_deref()).collect()
}

// Conditions, from the weakest binding on.

fn condition(text: &str, names: &[&str], truth: &dyn Fn(&str) -> Option<bool>) -> bool {
    let spaced = text.replace('(', " ( ").replace(')', " ) ");
    let mut words: Vec<&str> = spaced.split_whitespace().rev().collect();
    let met = either(&mut words, names, truth);
    assert!(words.is_empty(), "{text}");
    met
}

fn either(words: &mut Vec<&str>, names: &[&str], truth: &dyn Fn(&str) -> Option<bool>) -> bool {
    let mut met = both(words, names, truth);
    while words.last() == Some(&"or") {
        words.pop();
        met |= both(words, names, truth);
    }
    met
}

fn both(words: &mut Vec<&str>, names: &[&str], truth: &dyn Fn(&str) -> Option<bool>) -> bool {
    let mut met = single(words, names, truth);
    while words.last() == Some(&"and") {
        words.pop();
        met &= single(words, names, truth);
    }
    met
}

fn single(words: &mut Vec<&str>, names: &[&str], truth: &dyn Fn(&str) -> Option<bool>) -> bool {
    match words.pop().expect("a word") {
        "not" => !single(words, names, truth),
        "(" => {
            let met = either(words, names, truth);
            assert_eq!(words.pop(), Some(")"));
            met
        }
        quantity if words.last() == Some(&"of") => {
            words.pop();
            let pattern = words.pop().expect("names");
            let meant = names.iter().filter(|name| match pattern {
                "them" => !name.starts_with('_'),
                pattern => name.starts_with(pattern.trim_end_matches('*')),
            });
            let mut truths = meant.map(|name| truth(name) == Some(true));
            if quantity == "all" { truths.all(|met| met) } else { truths.any(|met| met) }
        }
        name => truth(name).unwrap_or_else(|| panic!("no {name}")),
    }
}

fn search_is_met(search: &Yaml, flat: &Flat) -> bool {
    match search {
        Yaml::Mapping(fields) => fields.iter().all(|(key, value)| field(key.as_str().expect("text"), value, flat)),
        Yaml::Sequence(list) => list.iter().any(|one| search_is_met(one, flat)),
        keyword => field("", keyword, flat),
    }
}

fn field(key: &str, value: &Yaml, flat: &Flat) -> bool {
    let (path, modifiers) = key.split_once('|').unwrap_or((key, ""));
    let modifiers: Vec<&str> = modifiers.split('|').filter(|name| !name.is_empty()).collect();
    let has = |name: &str| modifiers.contains(&name);
    let values: Vec<&Yaml> = match value {
        Yaml::Sequence(list) => list.iter().collect(),
        one => vec![one],
    };
    let one = |value: &&Yaml| one_value(path, value, &modifiers, flat);
    let met = if has("all") { values.iter().all(one) } else { values.iter().any(one) };
    met != has("neq")
}

fn spelled(value: &Yaml) -> String {
    match value {
        Yaml::String(text) => text.clone(),
        Yaml::Bool(value) => value.to_string(),
        Yaml::Number(number) => number.to_string(),
        other => panic!("{other:?}"),
    }
}

fn one_value(path: &str, value: &Yaml, modifiers: &[&str], flat: &Flat) -> bool {
    let has = |name: &str| modifiers.contains(&name);
    let held = texts(flat, path);
    if has("exists") {
        return flat.iter().any(|(own, _)| own == path) == (value == &Yaml::Bool(true));
    }
    if value.is_null() {
        return held.is_empty();
    }
    let text = spelled(value);
    if has("re") {
        let regex = RegexBuilder::new(&text)
            .case_insensitive(has("i"))
            .multi_line(has("m"))
            .dot_matches_new_line(has("s"))
            .build()
            .expect("a regular expression");
        return held.iter().any(|held| regex.is_match(held));
    }
    if has("cidr") {
        return held.iter().any(|held| within(held, &text));
    }
    let fold = |text: &str| if has("cased") { text.to_owned() } else { text.to_lowercase() };
    if has("fieldref") {
        return texts(flat, &text).iter().any(|other| {
            let other = fold(other);
            held.iter().map(|held| fold(held)).any(|held| {
                if has("contains") {
                    held.contains(&other)
                } else if has("startswith") {
                    held.starts_with(&other)
                } else if has("endswith") {
                    held.ends_with(&other)
                } else {
                    held == other
                }
            })
        });
    }
    let parts = ["minute", "hour", "day", "week", "month", "year"];
    let part = parts.iter().find(|part| has(part));
    let compares = ["lt", "lte", "gt", "gte"].into_iter().find(|name| has(name));
    if part.is_some() || compares.is_some() {
        let wanted: f64 = text.parse().expect("a number");
        let numbers = held.iter().filter_map(|held| match part {
            Some(part) => of_time(held, part),
            None => held.parse::<f64>().ok(),
        });
        return numbers.into_iter().any(|number| match compares {
            Some("lt") => number < wanted,
            Some("lte") => number <= wanted,
            Some("gt") => number > wanted,
            Some("gte") => number >= wanted,
            _ => number == wanted,
        });
    }
    let mut spellings = vec![Glob::read(&text)];
    for name in modifiers {
        spellings = spellings.iter().flat_map(|glob| glob.modified(name)).collect();
    }
    if path.is_empty() {
        spellings = spellings.iter().flat_map(|glob| glob.modified("contains")).collect();
    }
    held.iter().any(|held| {
        let held: Vec<char> = fold(held).chars().collect();
        spellings.iter().any(|glob| glob_matches(&glob.folded(has("cased")), &held))
    })
}

fn of_time(text: &str, part: &str) -> Option<f64> {
    let time = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%SZ").ok()?;
    Some(f64::from(match part {
        "minute" => time.minute(),
        "hour" => time.hour(),
        "day" => time.day(),
        "week" => time.iso_week().week(),
        "month" => time.month(),
        _ => u32::try_from(time.year()).ok()?,
    }))
}

/// Whether an address, or all of a network, is in a network.
fn within(held: &str, network: &str) -> bool {
    let read = |text: &str| {
        let (address, bits) = text.split_once('/').unwrap_or((text, ""));
        let bytes = match address.parse::<IpAddr>().ok()? {
            IpAddr::V4(v4) => v4.octets().to_vec(),
            IpAddr::V6(v6) => v6.octets().to_vec(),
        };
        let all: Vec<bool> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1)).collect();
        let bits = if bits.is_empty() { all.len() } else { bits.parse().ok()? };
        Some((all, bits))
    };
    let (Some((own, own_bits)), Some((net, bits))) = (read(held), read(network)) else { return false };
    own.len() == net.len() && own_bits >= bits && own[..bits] == net[..bits]
}

/// A text with wildcards.
#[derive(Clone, Debug)]
struct Glob(Vec<Piece>);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Piece {
    Letter(char),
    One,
    Many,
}

impl Glob {
    fn read(text: &str) -> Glob {
        let chars: Vec<char> = text.chars().collect();
        let (mut pieces, mut at) = (Vec::new(), 0);
        while at < chars.len() {
            let is_escape = chars[at] == '\\' && chars.get(at + 1).is_some_and(|next| "*?\\".contains(*next));
            pieces.push(match chars[at] {
                _ if is_escape => {
                    at += 1;
                    Piece::Letter(chars[at])
                }
                '*' => Piece::Many,
                '?' => Piece::One,
                letter => Piece::Letter(letter),
            });
            at += 1;
        }
        Glob(pieces)
    }

    fn of(text: &str) -> Glob {
        Glob(text.chars().map(Piece::Letter).collect())
    }

    fn text(&self) -> String {
        let letter = |piece: &Piece| match piece {
            Piece::Letter(letter) => *letter,
            other => panic!("{other:?}"),
        };
        self.0.iter().map(letter).collect()
    }

    fn modified(&self, modifier: &str) -> Vec<Glob> {
        let many = [Piece::Many];
        let join = |parts: &[&[Piece]]| vec![Glob(parts.concat())];
        match modifier {
            "contains" => join(&[&many, &self.0, &many]),
            "startswith" => join(&[&self.0, &many]),
            "endswith" => join(&[&many, &self.0]),
            "base64" => vec![Glob::of(&STANDARD.encode(self.text()))],
            // The table of the first implementation of Sigma.
            "base64offset" => (0..3)
                .map(|offset| {
                    let bytes = [vec![b' '; offset], self.text().into_bytes()].concat();
                    let encoded = STANDARD.encode(&bytes);
                    let cut = [0, 3, 2][bytes.len() % 3];
                    Glob::of(&encoded[[0, 2, 3][offset]..encoded.len() - cut])
                })
                .collect(),
            "wide" | "utf16le" => vec![Glob::of(&self.text().chars().flat_map(|c| [c, '\0']).collect::<String>())],
            "utf16be" => vec![Glob::of(&self.text().chars().flat_map(|c| ['\0', c]).collect::<String>())],
            _ => vec![self.clone()],
        }
    }

    fn folded(&self, is_cased: bool) -> Vec<Piece> {
        let fold = |piece: &Piece| match piece {
            Piece::Letter(letter) if !is_cased => letter.to_lowercase().map(Piece::Letter).collect(),
            piece => vec![*piece],
        };
        self.0.iter().flat_map(fold).collect()
    }
}

fn glob_matches(glob: &[Piece], text: &[char]) -> bool {
    match glob.split_first() {
        None => text.is_empty(),
        Some((Piece::Many, rest)) => (0..=text.len()).any(|at| glob_matches(rest, &text[at..])),
        Some((Piece::One, rest)) => !text.is_empty() && glob_matches(rest, &text[1..]),
        Some((Piece::Letter(letter), rest)) => text.first() == Some(letter) && glob_matches(rest, &text[1..]),
    }
}
