//! Signatures that are kept beside digests. In S3 a digest's signature is metadata of its object, which copies lose.
//!
//! One object's metadata as `aws s3api head-object` prints them, in `NAME.metadata.json`:
//!
//! ```text
//! {"ETag": "…", "Metadata": {"signature": "1f09…", "signature-algorithm": "SHA256withRSA"}}
//! ```
//!
//! Those of many objects in one file: `{"KEY": {"Metadata": {…}}, …}`, where the signature alone may stand in place of
//! the metadata (`{"KEY": "1f09…"}`), or objects with a `Key` of their own, as a list or one after the other.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::VerifyError;
use super::names::stem;
use crate::archive::{Buffers, read};

/// A file with the signatures of a million digests has less.
const FILE_MAX_BYTES: u64 = 1 << 30;

/// What is kept of a digest's metadata.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Signature {
    /// The digest's name.
    pub name: String,
    /// In hexadecimal.
    pub signature: String,
}

impl Signature {
    /// A signature that stands in an object's metadata, if it can be one.
    pub fn of_metadata(signature: &str) -> Option<String> {
        (signature.len() <= SIGNATURE_MAX).then(|| signature.to_owned())
    }
}

/// The signatures in a file; `of` is the object whose metadata they are if the file is of one object.
///
/// # Errors
/// Unreadable, or nothing of the kind.
pub(super) fn read_file(path: &Path, of: Option<&str>) -> Result<Vec<Signature>, VerifyError> {
    let bytes = read(path, &mut Buffers::default(), FILE_MAX_BYTES)?.bytes;
    parse(&bytes, of).map_err(|reason| VerifyError::File { path: path.to_owned(), reason })
}

/// The signatures in the bytes of such a file.
pub(super) fn parse(bytes: &[u8], of: Option<&str>) -> Result<Vec<Signature>, String> {
    const EXPECTED: &str =
        "no signatures: neither the output of `aws s3api head-object` nor such outputs by their keys";
    let mut found = Vec::new();
    for value in serde_json::Deserializer::from_slice(bytes).into_iter::<Value>() {
        match value.map_err(|error| format!("{EXPECTED}: {error}"))? {
            Value::Array(items) => {
                items.iter().filter_map(Value::as_object).for_each(|item| of_one(item, of, &mut found))
            }
            Value::Object(members) if get(&members, "Metadata").is_some() => of_one(&members, of, &mut found),
            Value::Object(members) => of_many(&members, &mut found),
            _ => return Err(EXPECTED.to_owned()),
        }
    }
    match found.is_empty() {
        true => Err(EXPECTED.to_owned()),
        false => Ok(found),
    }
}

/// Hexadecimal digits of the signature of an RSA key of 8,192 bits. No signature has more.
const SIGNATURE_MAX: usize = 2_048;

fn of_one(members: &Map<String, Value>, of: Option<&str>, found: &mut Vec<Signature>) {
    let key = get(members, "Key").and_then(Value::as_str).or(of);
    let metadata = get(members, "Metadata").and_then(Value::as_object);
    let signature = metadata.and_then(|metadata| get(metadata, "signature").or(get(metadata, "x-amz-meta-signature")));
    let signature = signature.and_then(Value::as_str).filter(|signature| signature.len() <= SIGNATURE_MAX);
    if let (Some(key), Some(signature)) = (key, signature) {
        found.push(Signature { name: stem(key).to_owned(), signature: signature.to_owned() });
    }
}

fn of_many(members: &Map<String, Value>, found: &mut Vec<Signature>) {
    for (key, value) in members {
        match value {
            Value::String(signature) if signature.len() <= SIGNATURE_MAX => {
                found.push(Signature { name: stem(key).to_owned(), signature: signature.clone() });
            }
            Value::Object(members) => of_one(members, Some(key), found),
            _ => {}
        }
    }
}

/// A member by its name in any case.
fn get<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let one = r#"{"ETag":"x","Metadata":{"Signature":"ab","signature-algorithm":"SHA256withRSA"}}"#;
        let expected = Signature { name: "N".to_owned(), signature: "ab".to_owned() };
        assert_eq!(parse(one.as_bytes(), Some("a/N.json.gz")).as_deref(), Ok(&[expected.clone()][..]));
        for many in [
            r#"{"a/N.json.gz":{"metadata":{"x-amz-meta-SIGNATURE":"ab"}}}"#,
            r#"{"a/N.json.gz":"ab"}"#,
            r#"[{"key":"a/N.json.gz","Metadata":{"signature":"ab"}}]"#,
            "{\"Key\":\"N.json.gz\",\"Metadata\":{\"signature\":\"ab\"}}\n",
        ] {
            assert_eq!(parse(many.as_bytes(), None).as_deref(), Ok(&[expected.clone()][..]), "{many}");
        }
        for none in ["", "[]", "{}", "7", "{\"Records\":[]}", "{\"Metadata\":{}}", one, "{"] {
            assert!(parse(none.as_bytes(), None).is_err(), "{none}");
        }
    }
}
