//! Real records with something changed: what serde_json takes is taken and comes back equal, all else is refused.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;
use trailpare::archive::{self, Buffers};
use trailpare::record::Dictionaries;

use super::oracle::check;
use super::{CAP_BYTES, files};

/// Files of each archive that records are taken from, at the most.
const FILES_MAX: usize = 150;

/// Real records, and those of the sample; one of each kind.
static RECORDS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let data = super::super::data::dir().map(|data| [data.join("real/invictus"), data.join("real/sans-s3-lab")]);
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-logs");
    let (mut records, mut kinds) = (Vec::new(), BTreeSet::new());
    for archive in data.into_iter().flatten().chain([sample]) {
        let files = files(&archive);
        for path in files.iter().step_by(files.len().div_ceil(FILES_MAX)) {
            let read = archive::read(path, &mut Buffers::default(), CAP_BYTES).expect("readable");
            let whole: Value = serde_json::from_slice(&read.bytes).expect("JSON");
            for record in whole["Records"].as_array().into_iter().flatten() {
                let keys: Vec<&String> = record.as_object().into_iter().flat_map(|r| r.keys()).collect();
                if kinds.insert(format!("{} {} {keys:?}", record["eventSource"], record["eventName"])) {
                    records.push(record.clone());
                }
            }
        }
    }
    assert!(records.len() > 50, "{}", records.len());
    records
});

/// A change of the fields of a record.
#[derive(Clone, Debug)]
enum Field {
    /// Two fields have each other's values.
    Swap(Index, Index),
    /// A field stands there again, with the value of another.
    Again(Index, Index),
    /// A field has the name of another.
    Rename(Index, Index),
    /// A value lies so many lists or objects deep.
    Nest(Index, usize, bool),
    /// What is in a field's object stands beside the field.
    Lift(Index),
    Drop(Index),
}

/// A change of the text.
#[derive(Clone, Debug)]
enum Bytes {
    Delete(Index, usize),
    Insert(Index, Vec<u8>),
    Replace(Index, Vec<u8>),
    CutOff(Index),
}

fn field() -> impl Strategy<Value = Field> {
    let index = any::<Index>;
    prop_oneof![
        (index(), index()).prop_map(|(a, b)| Field::Swap(a, b)),
        (index(), index()).prop_map(|(a, b)| Field::Again(a, b)),
        (index(), index()).prop_map(|(a, b)| Field::Rename(a, b)),
        (index(), prop_oneof![1..4_usize, 118..132_usize], any::<bool>())
            .prop_map(|(a, n, list)| Field::Nest(a, n, list)),
        index().prop_map(Field::Lift),
        index().prop_map(Field::Drop),
    ]
}

fn bytes() -> impl Strategy<Value = Bytes> {
    let piece = || {
        prop_oneof![
            "[\\[\\]{}:,\" \\\\0-9.eE+-]{1,3}".prop_map(String::into_bytes),
            "\\\\(u[0-9a-fD]{4}|[nrtb/\\\\\"x])".prop_map(String::into_bytes),
            "(true|false|null|\"a\":|,\"eventID\":1|\\PC)".prop_map(String::into_bytes),
            prop::collection::vec(any::<u8>(), 1..3),
        ]
    };
    prop_oneof![
        (any::<Index>(), 1..40_usize).prop_map(|(at, n)| Bytes::Delete(at, n)),
        (any::<Index>(), piece()).prop_map(|(at, piece)| Bytes::Insert(at, piece)),
        (any::<Index>(), piece()).prop_map(|(at, piece)| Bytes::Replace(at, piece)),
        any::<Index>().prop_map(Bytes::CutOff),
    ]
}

/// A record's members, as text, so that a key can stand there twice.
type Members = Vec<(String, String)>;

fn change(members: &mut Members, field: &Field) {
    if members.is_empty() {
        return;
    }
    let n = members.len();
    match field {
        Field::Swap(a, b) => {
            let (a, b) = (a.index(n), b.index(n));
            let value = members[a].1.clone();
            members[a].1 = std::mem::replace(&mut members[b].1, value);
        }
        Field::Again(key, value) => members.push((members[key.index(n)].0.clone(), members[value.index(n)].1.clone())),
        Field::Rename(from, to) => members[from.index(n)].0 = members[to.index(n)].0.clone(),
        Field::Nest(at, depth, is_list) => {
            let (open, close) = if *is_list { ("[", "]") } else { ("{\"a\":", "}") };
            let value = &mut members[at.index(n)].1;
            *value = format!("{}{value}{}", open.repeat(*depth), close.repeat(*depth));
        }
        Field::Lift(at) => {
            let inner: Value = serde_json::from_str(&members[at.index(n)].1).unwrap_or_default();
            let inner = inner.as_object().into_iter().flatten();
            members.extend(inner.map(|(key, value)| (Value::from(key.as_str()).to_string(), value.to_string())));
        }
        Field::Drop(at) => drop(members.remove(at.index(n))),
    }
}

fn edit(text: &mut Vec<u8>, edit: &Bytes) {
    let place = |at: &Index| at.index(text.len().max(1)).min(text.len());
    match edit {
        Bytes::Delete(at, n) => {
            let at = place(at);
            text.drain(at..(at + n).min(text.len()));
        }
        Bytes::Insert(at, piece) => {
            let at = place(at);
            text.splice(at..at, piece.iter().copied());
        }
        Bytes::Replace(at, piece) => {
            let at = place(at);
            text.splice(at..(at + piece.len()).min(text.len()), piece.iter().copied());
        }
        Bytes::CutOff(at) => text.truncate(place(at)),
    }
}

fn text(record: &Value, fields: &[Field], pretty: bool) -> String {
    if fields.is_empty() && pretty {
        return serde_json::to_string_pretty(record).expect("JSON");
    }
    let members = record.as_object().into_iter().flatten();
    let mut members: Members =
        members.map(|(key, value)| (Value::from(key.as_str()).to_string(), value.to_string())).collect();
    fields.iter().for_each(|field| change(&mut members, field));
    let (colon, comma) = if pretty { (" :\t", ",\n  ") } else { (":", ",") };
    let members: Vec<String> = members.iter().map(|(key, value)| format!("{key}{colon}{value}")).collect();
    format!("{{{}}}", members.join(comma))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn fields_that_were_moved_about(
        chosen in prop::collection::vec((any::<Index>(), prop::collection::vec(field(), 0..4)), 1..4),
        pretty: bool,
    ) {
        let records: Vec<String> =
            chosen.iter().map(|(record, fields)| text(record.get(&RECORDS), fields, pretty)).collect();
        let text = format!("{{\"Records\":[{}]}}", records.join(","));
        check(text.as_bytes(), &mut Dictionaries::default()).map_err(|e| TestCaseError::fail(format!("{text}: {e}")))?;
    }

    #[test]
    fn bytes_that_were_changed(
        record: Index,
        fields in prop::collection::vec(field(), 0..2),
        edits in prop::collection::vec(bytes(), 1..4),
        pretty: bool,
    ) {
        let sound = text(record.get(&RECORDS), &[], false);
        let mut changed = text(record.get(&RECORDS), &fields, pretty).into_bytes();
        edits.iter().for_each(|one| edit(&mut changed, one));
        let text = [b"{\"Records\":[", &changed[..], b",", sound.as_bytes(), b"]}"].concat();
        let shown = || String::from_utf8_lossy(&text).into_owned();
        check(&text, &mut Dictionaries::default()).map_err(|e| TestCaseError::fail(format!("{}: {e}", shown())))?;
    }

    /// The frame around the records as well.
    #[test]
    fn objects_that_were_changed(records in prop::collection::vec(any::<Index>(), 0..2), edits in prop::collection::vec(bytes(), 1..4)) {
        let records: Vec<String> = records.iter().map(|record| text(record.get(&RECORDS), &[], false)).collect();
        let mut text = format!("{{\"Records\":[{}]}}", records.join(",")).into_bytes();
        edits.iter().for_each(|one| edit(&mut text, one));
        let shown = || String::from_utf8_lossy(&text).into_owned();
        check(&text, &mut Dictionaries::default()).map_err(|e| TestCaseError::fail(format!("{}: {e}", shown())))?;
    }
}

/// With the dictionaries of one worker: what was learnt of one object changes nothing of the next.
#[test]
fn the_real_files_cut_off_anywhere() {
    let Some(data) = super::super::data::dir() else { return };
    let mut dictionaries = Dictionaries::default();
    for path in files(&data.join("real/invictus")).iter().take(6) {
        let bytes = fs::read(path).expect("readable");
        for at in (0..bytes.len()).step_by((bytes.len() / 7).max(1)).chain([bytes.len() - 1, bytes.len()]) {
            let cut = bytes.get(..at).unwrap_or_default();
            check(cut, &mut dictionaries).unwrap_or_else(|error| panic!("{} at {at}: {error}", path.display()));
        }
    }
}
