//! What must hold of every parser of what others wrote, whatever they wrote. Each function takes any input and panics
//! where something doesn't hold. Also read by the fuzz targets.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use trailpare::archive::{FormError, Normal, ObjectKey, fuzzing as archive_fuzzing, normalise, salvage};
use trailpare::iam::arn::Arn;
use trailpare::iam::document::Policy;
use trailpare::iam::texts_of;
use trailpare::query::csv;
use trailpare::record::{Dictionaries, HIDDEN, ParsedObject, redact};
use trailpare::store::{fuzzing, place_in, placed_name};
use trailpare::time::{format_date, parse_date, parse_time};
use trailpare::verify::fuzzing as verified;

use super::oracle;

/// JSON stays JSON, of the same structure; only texts change, and a second time nothing does.
pub fn redaction(json: &[u8]) {
    let before = serde_json::from_slice::<Value>(json);
    let mut once = json.to_vec();
    let count = redact(&mut once).count;
    assert!(count > 0 || once == json, "nothing was masked, but something changed");
    let Ok(before) = before else { return };
    let shown = String::from_utf8_lossy(&once).into_owned();
    let after =
        serde_json::from_slice::<Value>(&once).unwrap_or_else(|error| panic!("no JSON any more: {error}: {shown}"));
    is_alike(&before, &after);
    let mut twice = once.clone();
    redact(&mut twice);
    assert_eq!(String::from_utf8_lossy(&twice), shown, "a second time something else is masked");
}

fn is_alike(before: &Value, after: &Value) {
    match (before, after) {
        (Value::Object(a), Value::Object(b)) => {
            assert!(a.keys().eq(b.keys()), "other keys: {before} {after}");
            a.values().zip(b.values()).for_each(|(a, b)| is_alike(a, b));
        }
        (Value::Array(a), Value::Array(b)) => {
            assert_eq!(a.len(), b.len(), "other elements: {before} {after}");
            a.iter().zip(b).for_each(|(a, b)| is_alike(a, b));
        }
        (Value::String(a), Value::String(b)) => assert!(a == b || b.contains(HIDDEN), "{a:?} became {b:?}"),
        _ => assert_eq!(before, after),
    }
}

/// The texts of a document are those that serde_json finds, with their keys and depths.
pub fn json_tape(source: &str) {
    let found = texts_of(source);
    let Ok(value) = serde_json::from_str::<Value>(source) else { return };
    // A key that stands twice has both its values on the tape and one in serde_json's tree.
    if !source.starts_with(['{', '[']) || has_key_twice(source) {
        return;
    }
    let mut expected = Vec::new();
    texts_in(&value, ("", 0), 0, &mut expected);
    let plain = |text: &str| match text.starts_with("arn%3") {
        // ARNs as they stand in a URL come out of it, unless the JSON escapes them as well.
        true => text.replace("%3A", ":").replace("%3a", ":").replace("%2F", "/").replace("%2f", "/"),
        false => text.to_owned(),
    };
    let found: Vec<_> = found.into_iter().map(|(key, depth, text)| (key, depth, plain(&text))).collect();
    let expected: Vec<_> = expected.into_iter().map(|(key, depth, text)| (key, depth, plain(&text))).collect();
    assert_eq!(found, expected);
}

fn texts_in(value: &Value, key: (&str, u32), depth: u32, texts: &mut Vec<(String, u32, String)>) {
    match value {
        Value::String(text) => texts.push((key.0.to_owned(), key.1, text.clone())),
        Value::Array(list) => list.iter().for_each(|value| texts_in(value, key, depth + 1, texts)),
        Value::Object(map) => {
            // `{"tag": 1, "content": "…"}` below the outermost object: the text is the key's around it.
            let is_numbered = depth > 0 && map.contains_key("tag");
            for (name, value) in map {
                let key = match name == "content" && is_numbered && value.is_string() {
                    true => key,
                    false => (name.as_str(), depth),
                };
                texts_in(value, key, depth + 1, texts);
            }
        }
        _ => {}
    }
}

/// A marker names files of tables below `data/` or is refused.
pub fn marker(text: &[u8]) {
    for path in fuzzing::marker(text).ok().flatten().unwrap_or_default() {
        assert!(path.starts_with("main/events/") || path.starts_with("main/usage/"), "{path}");
        assert!(path.ends_with(".parquet"), "{path}");
        stays_inside(&path);
    }
}

/// The path of a row of the catalog lies below `data/`, or there is none.
pub fn data_path(table_id: i64, path: &str, is_relative: bool) {
    if let Some(path) = fuzzing::data_path(table_id, path, is_relative) {
        assert!(is_relative, "{path}");
        stays_inside(&path);
    }
}

fn stays_inside(path: &str) {
    // A resolver of our own, so that it is no second `Path`.
    let mut depth = 0;
    for part in path.split('/') {
        depth += match part {
            ".." => -1,
            "" | "." => panic!("{path:?} has an empty part"),
            _ => 1,
        };
        assert!(depth > 0, "{path:?} leads out");
    }
    assert!(!path.starts_with('/') && !path.chars().any(|c| c.is_control() || matches!(c, '\\' | ':')), "{path:?}");
}

/// Names of the ledger come apart and together again.
pub fn ledger_names(name: &str, sha256: [u8; 32]) {
    let (prefix, tail) = fuzzing::split_name(name);
    assert_eq!(format!("{prefix}{tail}"), name);
    assert_eq!(place_in(&placed_name(name, &sha256)), name);
}

/// A cell is one cell to whoever reads the file, harmless, and a text without anything harmful is in it as it is.
pub fn cell(text: &str) {
    let harmless = csv::harmless(text, trailpare::cli::printable);
    let mut line = Vec::new();
    let mut rows = csv::Rows::new(&mut line, trailpare::cli::printable);
    rows.write([text]).expect("a row");
    rows.finish().expect("a row");
    let line = String::from_utf8(line).expect("a text");
    let line = line.strip_suffix('\n').expect("a line");
    assert_eq!(cells(line), std::slice::from_ref(&harmless), "{line:?}");
    assert!(!harmless.chars().any(char::is_control), "{harmless:?}");
    assert!(
        !harmless.starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}']),
        "{harmless:?}"
    );
    if text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, ':' | '/' | ' ' | ',' | '"' | '*')) {
        assert_eq!(harmless, text);
    }
}

/// The cells of a line. Source: RFC 4180, section 2.
fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut cell, mut quoted, mut chars) = (Vec::new(), String::new(), false, line.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if cell.is_empty() => quoted = true,
            ',' if !quoted => cells.push(std::mem::take(&mut cell)),
            c => cell.push(c),
        }
    }
    assert!(!quoted, "a quote without its end: {line:?}");
    cells.push(cell);
    cells
}

/// A policy that is read, written and read again is the same; every document of an answer is one.
pub fn policy(text: &str) {
    for policy in Policy::parse_all(text).into_iter().flatten().chain(Policy::parse(text)) {
        for rendered in [policy.pretty(), policy.compact()] {
            let again = Policy::parse(&rendered).unwrap_or_else(|error| panic!("{rendered}: {error}"));
            assert_eq!(again, policy, "{rendered}");
            assert_eq!(Policy::parse_all(&rendered).map_err(|error| error.to_string()), Ok(vec![policy.clone()]));
        }
        assert_eq!(Policy::from_value(&policy.to_value()).map_err(|error| error.to_string()).as_ref(), Ok(&policy));
    }
}

/// What is an ARN is made of five parts and a resource.
pub fn arn(text: &str) {
    match Arn::parse(text) {
        Some(Arn { partition, service, region, account, resource }) => {
            assert_eq!(format!("arn:{partition}:{service}:{region}:{account}:{resource}"), text);
            assert!([partition, service, region, account].iter().all(|part| !part.contains(':')), "{text}");
        }
        None => assert!(
            text.matches(':').count() < 5 || !text.starts_with("arn:") || text.contains("::") || text.ends_with(':')
        ),
    }
}

/// Days come back as they were read; names of objects and points in time are read without a panic.
pub fn names(text: &str) {
    if let Some(days) = parse_date(text)
        && (parse_date("0000-01-01")..=parse_date("9999-12-31")).contains(&Some(days))
    {
        assert_eq!(parse_date(&format_date(days)), Some(days), "{text}");
    }
    let _ = parse_time(text);
    let key = ObjectKey::parse(text);
    if let Some(name) = key.canonical_name {
        // A name is one object's, in whatever folder.
        assert!(text.contains(&name), "{name} of {text}");
        assert_eq!(
            ObjectKey::parse(&format!("elsewhere/{}", text.rsplit('/').next().unwrap_or(text))).canonical_name,
            Some(name)
        );
    }
}

/// What is salvaged of an undamaged object is what is read of it; whatever is salvaged is sound.
pub fn salvaged(bytes: &[u8]) {
    let records = |json: Vec<u8>| {
        let mut dictionaries = Dictionaries::default();
        let object = ParsedObject::parse(json, &mut dictionaries).ok()?;
        Some(oracle::sorted(oracle::restored(&object, &mut dictionaries)))
    };
    let piecewise = salvage(bytes).ok().map(|normal| records(normal.json).expect("what is salvaged is sound"));
    let whole = normalise(bytes.to_vec()).ok().and_then(|normal| records(normal.json));
    let is_plain = serde_json::from_slice::<Value>(bytes).is_ok_and(|value| value.get("Records").is_some());
    if let Some(whole) = whole.filter(|_| is_plain && !has_key_twice(&String::from_utf8_lossy(bytes))) {
        assert_eq!(piecewise.unwrap_or_default(), whole);
    }
}

/// The main form, whose records' keys mean nothing here: serde_json takes some keys of a [`Value`] for its own.
#[derive(serde::Deserialize)]
struct Object<'a> {
    #[serde(borrow, rename = "Records")]
    records: Vec<&'a RawValue>,
}

/// Any bytes are brought to a list of events that is sound JSON, or refused with a reason that a terminal doesn't act
/// on. Elements are numbered in order, each once.
pub fn forms(bytes: &[u8]) {
    normal(bytes, normalise(bytes.to_vec()));
    // As one event among others.
    let among = [b"[{\"eventVersion\":\"1\"},", bytes, b",{\"eventVersion\":\"2\"}]"].concat();
    normal(&among, normalise(among.clone()));
}

fn normal(bytes: &[u8], normal: Result<Normal, FormError>) {
    let is_plain = |reason: &str| !reason.chars().any(|c| c.is_control() && c != '\n');
    match normal {
        Ok(Normal { json, places: None, refused }) => {
            assert!(refused.is_empty() && json.len() == bytes.len(), "it passed untouched");
        }
        Ok(Normal { json, places: Some(places), refused }) => {
            let object: Object<'_> = serde_json::from_slice(&json).expect("what was brought to the main form is sound");
            assert_eq!(object.records.len(), places.len());
            let indices = places.iter().map(|(index, _)| *index).chain(refused.iter().map(|element| element.index));
            let all: BTreeSet<u64> = indices.collect();
            assert_eq!(all.len(), places.len() + refused.len(), "two elements of one number");
            assert!(places.iter().all(|(_, offset)| *offset <= bytes.len() as u64), "a place behind the end");
            assert!(refused.iter().all(|element| is_plain(&element.reason)), "{refused:?}");
        }
        Err(error) => {
            assert!(!error.reason.is_empty() && is_plain(&error.reason), "{:?}", error.reason);
            assert!(error.offset_bytes <= bytes.len() as u64);
        }
    }
}

/// An event in OCSF's form, whatever its fields are, is an event or refused; nothing but lines of JSON comes of a
/// Parquet file, and no more than was allowed.
pub fn ocsf(bytes: &[u8]) {
    const CAP_BYTES: usize = 1 << 20;
    let text = String::from_utf8_lossy(bytes);
    let inner = text.trim().strip_prefix('{').unwrap_or_default();
    forms(format!("{{\"class_uid\":6003,{inner}").as_bytes());
    // What has no magic numbers is given them, and a footer of its second half.
    let file = match bytes.starts_with(b"PAR1") {
        true => bytes.to_vec(),
        false => {
            let (front, footer) = bytes.split_at(bytes.len() / 2);
            let len = u32::try_from(footer.len()).expect("a small input");
            [b"PAR1", front, footer, &len.to_le_bytes(), b"PAR1"].concat()
        }
    };
    match archive_fuzzing::parquet_rows(file, CAP_BYTES as u64) {
        Ok(lines) => {
            assert!(lines.len() <= CAP_BYTES + (64 << 10));
            for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                // A text that is none is kept so, for its line to be refused.
                let is_text = std::str::from_utf8(line).is_ok();
                assert!(
                    !is_text || serde_json::from_slice::<&RawValue>(line).is_ok(),
                    "{}",
                    String::from_utf8_lossy(line)
                );
            }
        }
        Err(reason) => assert!(!reason.chars().any(|c| c.is_control() && c != '\n'), "{reason:?}"),
    }
}

/// Digests, public keys and signatures are read without a panic, and what is signed of a digest is all that the
/// documentation says, so that no two digests have one signature.
pub fn digest(bytes: &[u8]) {
    let _ = (verified::public_keys(bytes), verified::signatures(bytes));
    let Some((signed, listed)) = verified::digest(bytes) else { return };
    // What a digest says beside its own fields is not read: there may be escapes that are no character, and other
    // bytes.
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else { return };
    let of = |name: &str| value[name].as_str().unwrap_or("null").to_owned();
    let place = format!("{}\n{}/{}\n", of("digestEndTime"), of("digestS3Bucket"), of("digestS3Object"));
    assert!(
        signed.starts_with(&place) && signed.ends_with(&format!("\n{}", of("previousDigestSignature"))),
        "{signed}"
    );
    let files = value["logFiles"].as_array().map_or(0, Vec::len);
    assert_eq!(listed.len(), files);
    listed.iter().chain([&of("digestS3Object"), &of("previousDigestS3Object")]).for_each(|key| digest_name(key));
}

/// A name loses its extensions once, and is of one chain.
pub fn digest_name(key: &str) {
    let (stem, chain, end_us, object) = verified::name(key);
    assert!(!stem.contains('/') && key.contains(stem), "{stem:?} of {key:?}");
    assert!(end_us.is_none() || stem.starts_with(chain.trim_end_matches("_backfill")), "{chain:?} of {key:?}");
    assert!(object.is_none_or(|object| key.starts_with(object)), "{object:?} of {key:?}");
}

/// Digests that follow one another in whatever way come to an end, each with a verdict; in what is no circle none is
/// altered.
pub fn digest_chain(links: &[(u8, Option<u8>)], is_backfill: bool) {
    let end = if is_backfill { "_backfill" } else { "" };
    let name = |hour: u8| {
        format!(
            "111122223333_CloudTrail-Digest_eu-west-1_t_eu-west-1_202403{:02}T{:02}0000Z{end}",
            1 + hour / 24,
            hour % 24
        )
    };
    let names: Vec<(String, Option<String>)> =
        links.iter().map(|(hour, before)| (name(*hour), before.map(name))).collect();
    let names: Vec<(&str, Option<&str>)> =
        names.iter().map(|(name, before)| (name.as_str(), before.as_deref())).collect();
    let (altered, findings) = verified::chain(&names);
    assert!(altered <= names.len() && findings >= names.len() && findings <= 2 * names.len(), "{altered} {findings}");
    if links.iter().all(|(hour, before)| before.is_none_or(|before| before < *hour)) {
        assert_eq!(altered, 0, "{links:?}");
    }
    if links.iter().any(|(hour, before)| *before == Some(*hour)) {
        assert!(altered > 0, "{links:?}");
    }
}

/// Whether some object of a JSON text has a key more than once.
fn has_key_twice(json: &str) -> bool {
    serde_json::from_str::<KeysOnce>(json).is_err()
}

/// JSON whose objects have each key once.
struct KeysOnce;

impl<'de> Deserialize<'de> for KeysOnce {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<KeysOnce, D::Error> {
        deserializer.deserialize_any(KeysOnce)
    }
}

impl<'de> Visitor<'de> for KeysOnce {
    type Value = KeysOnce;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("keys that stand there once")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<KeysOnce, A::Error> {
        let mut keys = BTreeSet::new();
        while let Some((key, KeysOnce)) = map.next_entry::<String, KeysOnce>()? {
            if !keys.insert(key) {
                return Err(A::Error::custom("a key twice"));
            }
        }
        Ok(KeysOnce)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<KeysOnce, A::Error> {
        while let Some(KeysOnce) = list.next_element()? {}
        Ok(KeysOnce)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<KeysOnce, E> {
        Ok(KeysOnce)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<KeysOnce, E> {
        Ok(KeysOnce)
    }

    fn visit_unit<E: Error>(self) -> Result<KeysOnce, E> {
        Ok(KeysOnce)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<KeysOnce, E> {
        Ok(KeysOnce)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<KeysOnce, E> {
        Ok(KeysOnce)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<KeysOnce, E> {
        Ok(KeysOnce)
    }
}
