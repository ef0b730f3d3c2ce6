//! Looking things up in request parameters, whose keys come in many spellings.
//!
//! Every look is noted in a [`ReadSet`]. By it the resolver's cache knows what of a request an operation's rules read.

use std::cell::RefCell;

use serde_json::Value;

use crate::iam::arn::arn_format::{ArnFormat, ParsedArn};
use crate::iam::arn::{Arn, escaped, is_like_arn, is_role_arn};
use crate::iam::request::document::{DEPTH_MAX, Document, Entry, first_in, is_searched, speaks_of_kms_key};
use crate::iam::request::json_tape::Text;
use crate::iam::request::name::{Name, Ranked};
use crate::iam::request::read_set::{Look, ReadSet};
use crate::iam::request::response::{Given, Response};
use crate::iam::request::tag_parameters::{Carrier, carriers};
use crate::util::json;

/// Values that one name gives at the most. It cuts off nothing that CloudTrail wrote: it keeps parameters of up to 100 kB
/// (CloudTrail User Guide, "CloudTrail record contents"), in which 25,600 names of one letter have room.
pub(in crate::iam) const VALUES_MAX: usize = 32_768;

/// Parameters of a request, parsed once.
#[derive(Clone, Copy, Debug)]
pub(in crate::iam) struct Params<'a> {
    pub document: Document<'a>,
    read_set: &'a RefCell<ReadSet>,
}

impl<'a> Params<'a> {
    /// Parameters whose looks are noted in `read_set`.
    pub fn new(document: Document<'a>, read_set: &'a RefCell<ReadSet>) -> Params<'a> {
        Params { document, read_set }
    }

    /// Whether a parameter is there and holds something.
    pub fn has(&self, name: &str) -> bool {
        self.has_one(&[Name::new(name)])
    }

    /// Whether one of these parameters is there and holds something.
    pub fn has_one(&self, names: &[Name]) -> bool {
        let mut read_set = self.read_set.borrow_mut();
        names.iter().for_each(|name| read_set.note(Look::Held(*name)));
        names.iter().any(|name| self.document.holds(*name))
    }

    /// A top-level value.
    pub fn get(&self, name: &str) -> Option<Value> {
        self.value(Name::new(name))
    }

    fn value(&self, name: Name) -> Option<Value> {
        self.read_set.borrow_mut().note(Look::Value(name));
        json::value(self.document.value(name)?).ok()
    }

    /// A top-level text.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        let name = Name::new(name);
        self.read_set.borrow_mut().note(Look::Value(name));
        let Document { source, flat } = self.document;
        self.document.top(name)?.text.map(|span| flat.text(source, span)).filter(|text| !text.is_empty())
    }

    /// Whether a top-level text is there, be it empty.
    pub fn tells(&self, name: Name) -> bool {
        self.read_set.borrow_mut().note(Look::Value(name));
        self.document.top(name).is_some_and(|top| top.text.is_some())
    }

    /// Whether there is a text under one of the names that is empty.
    pub fn has_empty(&self, names: &Ranked) -> bool {
        self.read_set.borrow_mut().note(Look::Names(names));
        self.document.entries().any(|entry| entry.text.is_empty() && names.contains(entry.name))
    }

    /// A top-level text that may be the name of one thing.
    pub fn plain_name(&self, name: &str) -> Option<&'a str> {
        self.text(name).filter(|text| !text.contains(['/', ':']))
    }

    /// A number at the top, be it a text.
    pub fn number(&self, name: Name) -> Option<String> {
        match self.value(name)? {
            Value::Number(number) => Some(number.to_string()),
            Value::String(text) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) => Some(text),
            _ => None,
        }
    }

    /// The texts that a top-level value is, or is a list of; where there are none, the text of that name in one of
    /// these top-level objects.
    pub fn plain_texts(&self, name: Name, wrappers: &[Name]) -> Vec<String> {
        let text = |value: Value| match value {
            Value::String(text) if !text.is_empty() => Some(text),
            _ => None,
        };
        let texts: Vec<String> = match self.value(name) {
            Some(Value::Array(values)) => values.into_iter().filter_map(text).take(VALUES_MAX).collect(),
            value => value.and_then(text).into_iter().collect(),
        };
        if !texts.is_empty() {
            return texts;
        }
        let mut wrapped = wrappers.iter().filter_map(|wrapper| match self.value(*wrapper)? {
            Value::Object(object) => object.into_iter().find(|(key, _)| Name::new(key) == name).map(|(_, value)| value),
            _ => None,
        });
        wrapped.find_map(text).into_iter().collect()
    }

    /// Of the first of these lists at the top that holds objects, the text that each has under the first of the names.
    pub fn members(&self, lists: &[Name], names: &[Name]) -> Vec<String> {
        let of = |value: &Value, name: &Name| {
            let (_, inner) = value.as_object()?.iter().find(|(key, _)| Name::new(key) == *name)?;
            inner.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let one = |value: &Value| names.iter().find_map(|name| of(value, name));
        let listed = lists.iter().find_map(|list| match self.value(*list)? {
            Value::Array(values) if values.first().is_some_and(Value::is_object) => Some(values),
            _ => None,
        });
        listed.iter().flatten().filter_map(one).take(VALUES_MAX).collect()
    }

    /// The texts under a name, wherever it stands; those nearest to the top only.
    pub fn texts(&self, name: &str) -> Vec<&'a str> {
        self.texts_of(Name::new(name))
    }

    /// As [`Params::texts`].
    pub fn texts_of(&self, name: Name) -> Vec<&'a str> {
        self.read_set.borrow_mut().note(Look::Name(name));
        self.named(name).collect()
    }

    /// The texts under a name, wherever it stands.
    pub fn texts_anywhere(&self, name: &str) -> Vec<&'a str> {
        self.all_texts_of(Name::new(name))
    }

    /// As [`Params::texts_anywhere`].
    pub fn all_texts_of(&self, name: Name) -> Vec<&'a str> {
        self.read_set.borrow_mut().note(Look::Name(name));
        let named = self.document.entries().filter(|entry| entry.name == name && !entry.text.is_empty());
        named.map(|entry| entry.text).take(VALUES_MAX).collect()
    }

    /// Every text there is.
    pub fn all(&self) -> impl Iterator<Item = &'a str> {
        self.read_set.borrow_mut().note(Look::All);
        self.document.entries().map(|entry| entry.text)
    }

    /// Every text there is, each with the key that it stands under.
    pub fn keyed(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.read_set.borrow_mut().note(Look::All);
        self.document.entries().map(|entry| (entry.key, entry.text))
    }

    /// What `of` makes of the texts under the first of the names for which it makes something.
    pub fn first_of<T>(&self, names: &Ranked, of: impl Fn(Name, &'a str) -> Option<T>) -> Vec<T> {
        self.read_set.borrow_mut().note(Look::Names(names));
        let mut from = 0;
        while let Some(rank) = first_in(names, &self.document.flat.texts, from) {
            let of_name = |name: &Name| self.named(*name).filter_map(|text| of(*name, text)).collect();
            let values: Vec<T> = names.names.get(rank).map_or_else(Vec::new, of_name);
            if !values.is_empty() {
                return values;
            }
            from = rank + 1;
        }
        Vec::new()
    }

    /// As [`Params::first_of`]; but what stands nearest to the top of all goes first, however it is called: the
    /// `repository` that is updated, and not the `repositoryName` of one that it is to be fed by.
    pub fn first_of_outermost<T>(&self, names: &Ranked, of: impl Fn(Name, &'a str) -> Option<T>) -> Vec<T> {
        self.read_set.borrow_mut().note(Look::Names(names));
        let Document { source, flat } = self.document;
        let known = || flat.texts.iter().filter(|t| is_searched(t) && names.contains(Name { hash: t.key_hash }));
        let mut depths = known().map(|t| t.depth);
        let Some(first) = depths.next() else { return Vec::new() };
        let (outermost, innermost) =
            depths.fold((first, first), |(out, into), depth| (out.min(depth), into.max(depth)));
        if outermost == innermost {
            return self.first_of(names, of);
        }
        let near = || known().filter(|t| t.depth == outermost);
        let of_name = |name: &Name| -> Vec<T> {
            near().filter(|t| t.key_hash == name.hash).filter_map(|t| of(*name, flat.text(source, t.text))).collect()
        };
        let found = names.names.iter().map(of_name).find(|values| !values.is_empty());
        found.unwrap_or_else(|| self.first_of(names, of))
    }

    /// How far from the top the nearest text under one of the names stands that is no ARN.
    pub fn depth_of(&self, names: &Ranked) -> Option<u32> {
        self.read_set.borrow_mut().note(Look::Names(names));
        let named = self.document.entries().filter(|entry| names.contains(entry.name));
        named.filter(|entry| !entry.text.is_empty() && !is_like_arn(entry.text)).map(|entry| entry.depth).min()
    }

    fn named(&self, name: Name) -> impl Iterator<Item = &'a str> {
        let Document { source, flat } = self.document;
        let is_found = move |t: &&Text| t.key_hash == name.hash && is_searched(t);
        let nearest = flat.texts.iter().filter(is_found).map(|t| t.depth).min();
        let near = flat.texts.iter().filter(move |t| is_found(t) && Some(t.depth) == nearest);
        near.map(move |t| flat.text(source, t.text)).take(VALUES_MAX)
    }

    /// Every ARN, each with where it stands. Whoever looks for those of a form notes that.
    pub fn named_arns(&self) -> impl Iterator<Item = (Entry<'a>, ParsedArn<'a>)> {
        let arns = self.arns().filter(|entry| Arn::parse(entry.text).is_some());
        arns.map(|entry| (entry, ParsedArn::new(escaped(entry.text))))
    }

    /// ARNs of roles, each with the key that it stands under.
    pub fn role_arns(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.read_set.borrow_mut().note(Look::RoleArns);
        self.arns().filter(|entry| is_role_arn(entry.text)).map(|entry| (entry.key, entry.text))
    }

    fn arns(&self) -> impl Iterator<Item = Entry<'a>> {
        let document = self.document.flat.has_arn.then_some(self.document);
        document.into_iter().flat_map(Document::entries).filter(|entry| is_like_arn(entry.text))
    }

    /// The texts under keys that speak of a KMS key.
    pub fn kms_keys(&self) -> impl Iterator<Item = &'a str> {
        self.read_set.borrow_mut().note(Look::KmsKeys);
        let of_keys = self.document.entries().filter(|entry| speaks_of_kms_key(entry.key));
        of_keys.map(|entry| entry.text).filter(|text| !text.is_empty())
    }

    /// Instance profiles by their names or ARNs, each with the key that it stands under.
    pub fn profiles(&self) -> Vec<(String, String)> {
        self.read_set.borrow_mut().note(Look::Profiles);
        let mut found = Vec::new();
        for (key, source) in self.document.profile_values() {
            if let Ok(value) = json::value(source) {
                profiles(key, &value, 0, &mut found);
            }
        }
        found
    }

    /// What holds tags.
    pub fn carriers(&self) -> Vec<Carrier> {
        self.read_set.borrow_mut().note(Look::Tags);
        carriers(self.document)
    }

    /// ARNs of a form in the response whose last name the request gave, and ARN patterns of those whose last but one it
    /// gave: what a service numbers itself comes behind.
    pub fn given_back<'r>(&self, response: &'r Response<'r>, form: &'r ArnFormat) -> impl Iterator<Item = Given<'r>>
    where
        'a: 'r,
    {
        self.read_set.borrow_mut().note(Look::GivenBack(form));
        let document = self.document;
        response.given_by(move |name| document.has_text(name), form)
    }
}

fn profiles(key: &str, value: &Value, depth: u32, found: &mut Vec<(String, String)>) {
    if found.len() >= VALUES_MAX || depth > DEPTH_MAX {
        return;
    }
    let name = key.to_ascii_lowercase();
    let is_profile = ["instanceprofile", "instanceprofilename", "instanceprofilearn"].iter().any(|n| name.ends_with(n));
    match value {
        Value::String(text) if is_profile => found.push((key.to_owned(), text.clone())),
        Value::Array(values) => values.iter().for_each(|value| profiles(key, value, depth + 1, found)),
        Value::Object(object) if is_profile => {
            let of = |name: &str| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?.1.as_str();
            let one = of("name").or_else(|| of("arn"));
            found.extend(one.map(|text| (key.to_owned(), text.to_owned())));
        }
        Value::Object(object) => object.iter().for_each(|(key, value)| profiles(key, value, depth + 1, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::iam::request::json_tape::JsonTape;

    /// Looks into a text's parameters.
    fn of<T>(source: &str, look: impl FnOnce(Params<'_>) -> T) -> T {
        let mut flat = JsonTape::default();
        flat.read(source);
        look(Params::new(Document { source, flat: &flat }, &RefCell::default()))
    }

    #[test]
    fn names_in_any_spelling_nearest_first() {
        let text = r#"{"functionName":"f","instancesSet":{"items":[{"instanceId":"i-1"},{"instanceId":"i-2"}]},"x":{"functionName":"g"},"e":""}"#;
        of(text, |p| {
            assert_eq!(p.texts("FunctionName"), ["f"]);
            assert_eq!(p.texts("function_name"), ["f"]);
            assert_eq!(p.texts("InstanceId"), ["i-1", "i-2"]);
            assert_eq!(
                p.first_of(&Ranked::new(["e", "InstanceId", "x"].map(Name::new)), |_, text| Some(text)),
                ["i-1", "i-2"]
            );
            assert!(p.has("x") && !p.has("e") && !p.has("nothing"));
        });
        assert!(of("\"null\"", |p| p.texts("a").is_empty()));
        assert!(of(r#" {"a":1}"#, |p| !p.has("a")), "text that begins with a blank is no object");
    }

    #[test]
    fn texts_in_lists_and_escapes() {
        let text = r#"{"a":["x",["y",""],{"b":"z"}],"c":"q\"\u00e9","n":null,"l":[],"f":false,"\u0064-D":"e"}"#;
        of(text, |p| {
            assert_eq!(p.texts("a"), ["x", "y"]);
            assert_eq!(p.texts("b"), ["z"]);
            assert_eq!(p.text("c"), Some("q\"é"));
            assert_eq!((p.text("dd"), p.text("a"), p.get("f")), (Some("e"), None, Some(Value::Bool(false))));
            assert!(!p.has("n") && !p.has("l") && p.has("f"));
            let keys: Vec<&str> = p.document.entries().map(|entry| entry.key).collect();
            assert_eq!(keys, ["a", "a", "a", "b", "c", "d-D"]);
        });
        for broken in [r#"{"a":"x""#, r#"{"a" "x"}"#, r#"{"a":"x"}}"#, r#"["x",]"#, "{", r#"{"a":"\x"}"#] {
            assert!(of(broken, |p| p.texts("a").is_empty() && p.document.entries().next().is_none()), "{broken}");
        }
    }

    #[test]
    fn of_keys_that_repeat_the_last_counts() {
        let text = r#"{"a":"1","A":"2","a":"3","b":"4"}"#;
        assert_eq!(of(text, |p| p.text("a").map(str::to_owned)), Some("3".to_owned()));
        assert_eq!(of(text, |p| p.get("A")), Some(Value::from("3")));
    }

    #[test]
    fn keys_that_speak_of_kms_keys() {
        for (key, expected) in [("kmsKeyId", true), ("x-amz-KMS-key", true), ("km-s-key", false), ("kms", false)] {
            assert_eq!(speaks_of_kms_key(key), expected, "{key}");
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[ab\"\\\\é]{0,3}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[abc]", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// Texts under a name, level by level over a document tree.
    fn slowly<'v>(root: &'v Value, name: &str) -> Vec<&'v str> {
        fn collect<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
            match value {
                Value::String(text) if !text.is_empty() => found.push(text),
                Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
                _ => {}
            }
        }
        let mut level = vec![root];
        while !level.is_empty() {
            let (mut found, mut below) = (Vec::new(), Vec::new());
            for value in level {
                match value {
                    Value::Object(object) => {
                        for (key, inner) in object {
                            if key == name {
                                collect(inner, &mut found);
                            }
                            below.push(inner);
                        }
                    }
                    Value::Array(values) => below.extend(values),
                    _ => {}
                }
            }
            if !found.is_empty() {
                return found;
            }
            level = below;
        }
        Vec::new()
    }

    proptest! {
        #[test]
        fn the_flat_list_says_what_the_tree_says(root in json()) {
            let text = root.to_string();
            of(&text, |params| {
                for name in ["a", "b", "c"] {
                    prop_assert_eq!(params.texts(name), slowly(&root, name));
                    prop_assert_eq!(params.get(name), root.as_object().and_then(|o| o.get(name)).cloned());
                    let value = root.as_object().and_then(|o| o.get(name)?.as_str()).filter(|text| !text.is_empty());
                    prop_assert_eq!(params.text(name), value);
                }
                Ok(())
            })?;
        }

        #[test]
        fn whatever_stands_there(text in "[\\[{][\\[\\]{}\",:a1\\\\ ]{0,12}") {
            let expected = serde_json::from_str::<Value>(&text).ok();
            if let Some(root) = expected {
                of(&text, |params| {
                    prop_assert_eq!(params.texts("a"), slowly(&root, "a"));
                    Ok(())
                })?;
            }
        }
    }
}
