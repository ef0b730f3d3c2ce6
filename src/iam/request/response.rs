//! ARNs in what a call gave back, of which the request gave the names.

use std::cell::OnceCell;
use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde_json::Value;

use crate::iam::arn::arn_format::ArnFormat;
use crate::iam::arn::is_like_arn;
use crate::iam::request::json_tape::{JsonTape, is_key};

/// Texts under one key that are looked at: a call launches or attaches no more at once that are told apart.
const TEXTS_MAX: usize = 100;

/// An ARN that a response gave back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::iam) struct Given<'r> {
    /// What was given of it.
    pub arn: &'r str,
    /// Whether a number of the service's own stands behind.
    pub is_numbered: bool,
}

/// What a call gave back: ARNs are looked for in it, and texts under names. Read when it is first looked at.
#[derive(Debug)]
pub(in crate::iam) struct Response<'a> {
    source: &'a str,
    arns: OnceCell<Arns>,
    /// All of its texts.
    flat: OnceCell<JsonTape>,
}

/// Texts that are like ARNs, by their places, in order.
#[derive(Debug, Default)]
struct Arns {
    /// Where they stand, if not in the response itself.
    unescaped: Option<String>,
    places: Vec<Range<usize>>,
}

impl<'a> Response<'a> {
    pub fn new(text: Option<&'a str>) -> Response<'a> {
        Response { source: text.unwrap_or_default(), arns: OnceCell::new(), flat: OnceCell::new() }
    }

    /// Whether a key of that name may be in it.
    pub fn may_have(&self, key: &str) -> bool {
        let key = key.split('.').next().unwrap_or(key);
        memchr::memmem::find(self.source.as_bytes(), key.as_bytes()).is_some()
    }

    /// The texts under a key, in their order, each once. The key is spelled as the service spells it; `outer.key` is
    /// one that stands directly in another.
    pub fn texts(&self, key: &str) -> Vec<String> {
        if !self.may_have(key) {
            return Vec::new();
        }
        if let Some((outer, key)) = key.split_once('.') {
            return self.within(outer, key);
        }
        let flat = self.flat.get_or_init(|| {
            let mut flat = JsonTape::default();
            flat.read(self.source);
            flat
        });
        let mut found: Vec<String> = Vec::new();
        for text in flat.texts.iter().filter(|text| flat.text(self.source, text.key) == key) {
            let text = flat.text(self.source, text.text);
            if !text.is_empty() && !found.iter().any(|known| known == text) && found.len() < TEXTS_MAX {
                found.push(text.to_owned());
            }
        }
        found
    }

    fn places(&self) -> &Arns {
        static ARN: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("arn:"));
        self.arns.get_or_init(|| match ARN.find(self.source.as_bytes()) {
            None => Arns::default(),
            Some(first) => Arns::plain(self.source, first).unwrap_or_else(|| Arns::read(self.source)),
        })
    }

    fn arns(&self) -> impl Iterator<Item = &str> {
        let Arns { unescaped, places } = self.places();
        let source = unescaped.as_deref().unwrap_or(self.source);
        places.iter().filter_map(|place| source.get(place.clone()))
    }

    /// The ARNs of a form.
    pub fn of_form<'r>(&'r self, form: &'r ArnFormat) -> impl Iterator<Item = &'r str> {
        self.arns().filter(|arn| form.fits(arn)).take(TEXTS_MAX)
    }

    /// The text under a key of the objects that stand under another.
    fn within(&self, outer: &str, key: &str) -> Vec<String> {
        let outer = format!("\"{outer}\"");
        let object = |(at, name): (usize, &str)| {
            let behind = self.source.get(at + name.len()..)?.trim_start().strip_prefix(':')?.trim_start();
            let mut values = serde_json::Deserializer::from_str(behind).into_iter::<Value>();
            values.next()?.ok()
        };
        let mut found: Vec<String> = Vec::new();
        for value in self.source.match_indices(&outer).take(TEXTS_MAX).filter_map(object) {
            for object in members(&value) {
                let text = object.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
                found.extend(text.filter(|text| !found.iter().any(|known| known == text)).map(str::to_owned));
            }
        }
        found
    }

    /// Whether there is anything to look for.
    pub fn has_arns(&self) -> bool {
        !self.places().places.is_empty()
    }

    /// As [`Params::given_back`]; `is_named` says whether the request has a text of that name.
    ///
    /// [`Params::given_back`]: crate::iam::request::params::Params::given_back
    pub fn given_by<'r>(
        &'r self,
        is_named: impl Fn(&str) -> bool + 'r,
        form: &'r ArnFormat,
    ) -> impl Iterator<Item = Given<'r>> {
        let is_named = move |name: &str| !name.is_empty() && is_named(name);
        let given = move |arn: &'r str| {
            let (front, last) = arn.rsplit_once(['/', ':'])?;
            if is_named(last) {
                return Some(Given { arn, is_numbered: false });
            }
            // `function:f:3` is a version of `function:f`, not what was asked for.
            if arn.as_bytes().get(front.len()) != Some(&b'/') && form.variables.len() < 2 {
                return None;
            }
            // Within the resource alone: an account is no name.
            let (_, name) = front.splitn(6, ':').nth(5)?.rsplit_once(['/', ':'])?;
            let arn = arn.get(..front.len() + 1)?;
            is_named(name).then_some(Given { arn, is_numbered: true })
        };
        self.arns().filter(|arn| form.fits(arn)).filter_map(given)
    }
}

/// The objects of a list, as EC2 writes lists too; an object itself.
fn members(value: &Value) -> Vec<&Value> {
    let list = value.as_array().or_else(|| value.get("items")?.as_array());
    list.map_or_else(|| vec![value], |list| list.iter().take(TEXTS_MAX).collect())
}

impl Arns {
    /// Of a response that has none before `from`, where no letter is written in another way: then a quote before one
    /// begins a text, and the next ends it.
    fn plain(source: &str, from: usize) -> Option<Arns> {
        static BEGIN: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"arn:"));
        static IN_URL: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"arn%3"));
        let bytes = source.as_bytes();
        if bytes.first() != Some(&b'{') || memchr::memchr(b'\\', bytes).is_some() || IN_URL.find(bytes).is_some() {
            return None;
        }
        let (mut places, mut at) = (Vec::new(), from.saturating_sub(1));
        while let Some(found) = BEGIN.find(bytes.get(at..)?) {
            let begin = at + found + 1;
            let end = begin + memchr::memchr(b'"', bytes.get(begin..)?)?;
            at = end + 1;
            if !is_key(bytes, at) {
                places.push(begin..end);
            }
        }
        Some(Arns { unescaped: None, places })
    }

    fn read(source: &str) -> Arns {
        let mut flat = JsonTape::default();
        flat.read(source);
        let (mut unescaped, mut places) = (String::new(), Vec::new());
        let texts = flat.texts.iter().map(|text| flat.text(source, text.text));
        for text in texts.filter(|text| is_like_arn(text)) {
            let begin = unescaped.len();
            unescaped.push_str(text);
            places.push(begin..unescaped.len());
        }
        Arns { unescaped: Some(unescaped), places }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_by_their_keys() {
        let source =
            r#"{"a":{"imageId":"ami-1","items":[{"imageId":"ami-1"},{"imageId":"ami-2"},{"imageId":""}]},"b":1}"#;
        let response = Response::new(Some(source));
        assert_eq!(response.texts("imageId"), ["ami-1", "ami-2"]);
        let source = r#"{"v":{"accepterVpcInfo":{"cidrBlockSet":{"items":[{"a":"b"}]},"vpcId":"vpc-2"},"requesterVpcInfo":{"vpcId":"vpc-1"}}}"#;
        assert_eq!(Response::new(Some(source)).texts("accepterVpcInfo.vpcId"), ["vpc-2"]);
        assert!(Response::new(Some(source)).texts("accepterVpcInfo.none").is_empty());
        let source = r#"{"ruleSet":{"items":[{"groupId":"sg-1","other":{"groupId":"sg-2"}}]}}"#;
        assert_eq!(Response::new(Some(source)).texts("ruleSet.groupId"), ["sg-1"]);
        assert!(response.texts("imageid").is_empty() && response.texts("b").is_empty());
        assert!(Response::new(None).texts("a").is_empty() && Response::new(Some("a")).texts("a").is_empty());
    }

    proptest! {
        #[test]
        fn arns_are_those_that_a_reader_finds(
            texts in prop::collection::vec("(arn:|arn%3A|arn%2f|)[a-z:/\"\\\\ \u{e9}]{0,6}", 0..6),
            keys in prop::collection::vec("(arn:)?[a-c]{0,2}", 6),
            space in " ?",
        ) {
            let texts = texts.iter().map(|text| serde_json::Value::from(text.as_str()));
            let values = texts.zip(&keys).map(|(text, key)| format!("{{\"{key}\"{space}:[{text},1]}}"));
            let source = format!("{{\"l\":[{}]}}", values.collect::<Vec<_>>().join(","));
            let response = Response::new(Some(&source));
            // Those in URLs are read where there are others.
            prop_assume!(source.contains("arn:"));
            let arns = OnceCell::from(Arns::read(&source));
            let read = Response { source: &source, arns, flat: OnceCell::new() };
            prop_assert_eq!(response.arns().collect::<Vec<_>>(), read.arns().collect::<Vec<_>>());
        }
    }
}
