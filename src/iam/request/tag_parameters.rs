//! Tags that a request carries, told by the names that they stand under and by their form: a map of texts, or a list of
//! keys with their values.
//!
//! What is found depends on the shape of the parameters alone, never on what their texts and numbers are, so that
//! requests of one shape carry the same.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde_json::{Map, Value};

use crate::iam::request::document::Document;
use crate::iam::request::name::Name;
use crate::util::json;

/// A parameter that holds tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::iam) struct Carrier {
    pub name: Name,
    /// The nearest key around it; that of nothing at the top.
    pub within: Name,
    /// Keys around it.
    pub depth: u8,
}

/// The name that stands around the parameters at the top.
pub(in crate::iam) const TOP: Name = Name::new("");

/// Keys around a parameter that is looked at.
const DEPTH_MAX: u8 = 2;

/// Parameters of one request, and members of one list, that are looked at.
const COUNT_MAX: usize = 100;

/// How the names of what holds tags end. The last four are EC2's.
const ENDINGS: [&str; 8] = [
    "tags",
    "taglist",
    "tagslist",
    "tagset",
    "tagging",
    "tagspecification",
    "tagspecifications",
    "tagspecificationset",
];

/// Names that end so and hold no tags of what a call makes: tags by which things are chosen, tags of sessions and of
/// mail, tags that a service will put on what it makes later, and tags that are taken away.
/// Source: API references (botocore 1.44.5), the parameters of these names.
const BESIDE: [&str; 25] = [
    "addallocationresourcetags",
    "allocationresourcetags",
    "allowedaccesscontroltags",
    "amitags",
    "capacitytags",
    "defaultemailtags",
    "defaulttags",
    "emailtags",
    "excludedatavolumetags",
    "excludetags",
    "instancetags",
    "lftags",
    "principaltags",
    "projectresourcetags",
    "removeallocationresourcetags",
    "removetags",
    "replacementtags",
    "resourcegrouptags",
    "s3objecttags",
    "scopetags",
    "sessiontags",
    "stagingareatags",
    "targettags",
    "usertags",
    "variabletags",
];

/// Names that say all, so that what stands there needn't look like tags: services log `HIDDEN_DUE_TO_SECURITY_REASONS`.
const PLAIN: [&str; 4] = ["tags", "taglist", "tagset", "tagging"];

/// What holds tags in the parameters of a request.
pub(in crate::iam) fn carriers(document: Document<'_>) -> Vec<Carrier> {
    let mut found = Vec::new();
    if !may_hold_tags(document.source) {
        return found;
    }
    for (key, source) in document.top_values() {
        let Ok(value) = json::value(source) else { continue };
        look(key, &value, (TOP, 0), &mut found);
    }
    found
}

/// Whether the source has a key that one of the names may be: none costs a glance.
fn may_hold_tags(source: &str) -> bool {
    static AG: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("ag"));
    let bytes = source.as_bytes();
    AG.find_iter(bytes).any(|at| {
        let before = at.checked_sub(1).and_then(|at| bytes.get(at));
        let behind = bytes.get(at + 2);
        matches!(before, Some(b't' | b'T')) && matches!(behind, Some(b's' | b'S' | b'l' | b'L' | b'g'))
    })
}

fn look(key: &str, value: &Value, (within, depth): (Name, u8), found: &mut Vec<Carrier>) {
    if found.len() >= COUNT_MAX {
        return;
    }
    let name = Name::new(key);
    if is_named_after_tags(key) && (is_plainly_tags(key, value, depth) || holds_tags(value, 0)) {
        found.push(Carrier { name, within, depth });
        return;
    }
    if depth >= DEPTH_MAX {
        return;
    }
    let mut inner = |object: &Map<String, Value>| {
        object.iter().for_each(|(key, value)| look(key, value, (name, depth + 1), found));
    };
    match value {
        Value::Object(object) => inner(object),
        Value::Array(values) => values.iter().take(COUNT_MAX).filter_map(Value::as_object).for_each(&mut inner),
        _ => {}
    }
}

fn is_named_after_tags(key: &str) -> bool {
    let key: String = key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    ENDINGS.iter().any(|ending| key.ends_with(ending)) && !BESIDE.contains(&key.as_str())
}

/// Whether something at the top is called so that only its being there counts.
fn is_plainly_tags(key: &str, value: &Value, depth: u8) -> bool {
    let is_plain = depth == 0 && PLAIN.iter().any(|name| Name::new(name) == Name::new(key)) || key == "x-amz-tagging";
    let is_list = |values: &Vec<Value>| values.iter().any(|value| value.as_str().is_some_and(|text| !text.is_empty()));
    match value {
        Value::String(text) => is_plain && !text.is_empty(),
        // S3 logs headers as lists.
        Value::Array(values) => key == "x-amz-tagging" && is_list(values),
        _ => false,
    }
}

/// Whether a value is tags: a map of texts, a list of keys with values, or either in one of the wrappers that APIs use.
fn holds_tags(value: &Value, depth: u8) -> bool {
    match value {
        Value::Object(object) => match object.iter().find(|(key, value)| is_wrapper(key) && is_container(value)) {
            Some((_, inner)) => depth < 4 && holds_tags(inner, depth + 1),
            None => !object.is_empty() && !chooses(object) && !object.values().any(is_container),
        },
        Value::Array(values) => {
            let mut members = values.iter().take(COUNT_MAX);
            !values.is_empty() && depth < 4 && members.all(|value| value.is_object() && holds_tags(value, depth + 1))
        }
        _ => false,
    }
}

fn is_container(value: &Value) -> bool {
    value.is_object() || value.is_array()
}

fn is_wrapper(key: &str) -> bool {
    ["items", "item", "tags", "tag", "tagset", "member", "entry"].iter().any(|name| key.eq_ignore_ascii_case(name))
}

/// Whether tags are compared with others rather than given.
fn chooses(object: &Map<String, Value>) -> bool {
    const WORDS: [&str; 4] = ["values", "comparison", "operator", "matchoptions"];
    object.keys().any(|key| WORDS.iter().any(|word| key.eq_ignore_ascii_case(word)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::request::json_tape::JsonTape;

    fn found(source: &str) -> Vec<(Name, Name, u8)> {
        let mut flat = JsonTape::default();
        flat.read(source);
        let found = carriers(Document { source, flat: &flat });
        found.into_iter().map(|carrier| (carrier.name, carrier.within, carrier.depth)).collect()
    }

    #[test]
    fn tags_by_name_and_form() {
        let name = Name::new;
        for (source, expected) in [
            (r#"{"tags":{"k":"x"}}"#, ("tags", "", 0)),
            (r#"{"jobTags":[{"key":"x","value":"y"}]}"#, ("jobTags", "", 0)),
            (r#"{"tagSet":{"items":[{"key":"x","value":"y"}]}}"#, ("tagSet", "", 0)),
            (r#"{"tags":"HIDDEN_DUE_TO_SECURITY_REASONS"}"#, ("tags", "", 0)),
            (r#"{"x-amz-tagging":["a=b"]}"#, ("x-amz-tagging", "", 0)),
            (r#"{"memberConfiguration":{"tags":{"k":"x"}}}"#, ("tags", "memberConfiguration", 1)),
            (r#"{"vehicles":[{"tags":[{"key":"x","value":"y"}]}]}"#, ("tags", "vehicles", 1)),
            (r#"{"configWithTags":{"config":{"a":1},"tags":{"items":[{"key":"a"}]}}}"#, ("configWithTags", "", 0)),
            (r#"{"a":{"b":{"botTags":{"k":"x"}}}}"#, ("botTags", "b", 2)),
            (
                r#"{"CreateVpcEndpointRequest":{"TagSpecification":{"tag":1,"ResourceType":"a","Tag":{"tag":1,"Key":"k"}}}}"#,
                ("TagSpecification", "CreateVpcEndpointRequest", 1),
            ),
        ] {
            let (key, within, depth) = expected;
            assert_eq!(found(source), [(name(key), name(within), depth)], "{source}");
        }
        for source in [
            r#"{"tags":{}}"#,
            r#"{"tags":[]}"#,
            r#"{"tags":null}"#,
            r#"{"tagKeys":["a"]}"#,
            r#"{"removeTags":[{"key":"x","value":"y"}]}"#,
            r#"{"filter":{"tags":{"key":"x","values":["y"]}}}"#,
            r#"{"criteria":{"resourceTags":[{"comparison":"EQUALS","key":"x","value":"y"}]}}"#,
            r#"{"copyTagsToSnapshot":true,"propagateTags":"SERVICE","stage":"prod"}"#,
            r#"{"a":{"b":{"c":{"tags":{"k":"x"}}}}}"#,
        ] {
            assert_eq!(found(source), [], "{source}");
        }
    }
}
