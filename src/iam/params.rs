//! Looking things up in request parameters, whose keys come in many spellings.
//!
//! A document tree a call would cost more than everything else about it: the texts are kept in one flat list, in the
//! order in which they stand, each with its key and how deep that key stands.

use std::borrow::Cow;
use std::cell::OnceCell;

use serde_json::Value;

/// Parameters of a request, parsed once.
#[derive(Debug, Default)]
pub(super) struct Params<'a> {
    source: &'a str,
    texts: Vec<Text<'a>>,
    top: Vec<Top>,
    has_arn: bool,
    root: OnceCell<Option<Value>>,
}

/// A text, and the key that it stands under, directly or in lists.
#[derive(Debug)]
struct Text<'a> {
    key: Cow<'a, str>,
    key_hash: u64,
    /// Objects and lists around the key.
    depth: usize,
    text: Cow<'a, str>,
}

/// A key of the outermost object.
#[derive(Debug)]
struct Top {
    key_hash: u64,
    is_nothing: bool,
}

/// Objects and lists within each other that are searched.
const DEPTH_MAX: usize = 8;

/// Objects and lists within each other that a text may have at all, as in serde_json.
const NESTING_MAX: usize = 128;

/// Values that one name gives at the most: a record is at most 256 kB, but may repeat one name.
const VALUES_MAX: usize = 100;

/// A name to look for: two names are the same but for case, `-` and `_`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name {
    hash: u64,
}

impl Name {
    pub fn new(name: &str) -> Name {
        Name { hash: name_hash(name) }
    }
}

/// FNV-1a over the letters, in lower case. Whoever finds two names that meet makes one parameter look like another of
/// the same request, both of their own choice.
fn name_hash(name: &str) -> u64 {
    let letters = name.bytes().filter(|b| !matches!(b, b'-' | b'_'));
    letters.fold(0xcbf2_9ce4_8422_2325, |hash, b| {
        (hash ^ u64::from(b.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3)
    })
}

impl<'a> Params<'a> {
    /// Parses JSON text; what is no object or list has no parameters.
    pub fn parse(text: Option<&'a str>) -> Params<'a> {
        let Some(source) = text.filter(|t| t.starts_with(['{', '['])) else { return Params::default() };
        let mut reader = Reader { source, at: 0, params: Params { source, ..Params::default() } };
        match reader.whole() {
            Some(()) => reader.params,
            None => Params::default(),
        }
    }

    /// Whether a parameter is there and holds something.
    pub fn has(&self, name: &str) -> bool {
        let hash = name_hash(name);
        self.top.iter().any(|top| top.key_hash == hash && !top.is_nothing)
    }

    /// A top-level value.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let hash = name_hash(name);
        if !self.top.iter().any(|top| top.key_hash == hash) {
            return None;
        }
        let root = self.root.get_or_init(|| serde_json::from_str(self.source).ok());
        root.as_ref()?.as_object()?.iter().find(|(key, _)| name_hash(key) == hash).map(|(_, value)| value)
    }

    /// A top-level text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// The texts under a name, wherever it stands; those nearest to the top only.
    pub fn texts(&self, name: &str) -> Vec<&str> {
        self.named(Name::new(name)).collect()
    }

    /// As [`Params::texts`], for a name that is looked for often.
    pub fn named(&self, name: Name) -> impl Iterator<Item = &str> {
        let found = move |t: &&Text<'a>| t.key_hash == name.hash && !t.text.is_empty() && t.depth < DEPTH_MAX;
        let nearest = self.texts.iter().filter(found).map(|t| t.depth).min();
        let near = self.texts.iter().filter(move |t| found(t) && Some(t.depth) == nearest);
        near.map(|t| &*t.text).take(VALUES_MAX)
    }

    /// Every text with the key that it stands under.
    pub fn walk(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts.iter().filter(|t| t.depth < DEPTH_MAX).map(|t| (&*t.key, &*t.text))
    }

    /// Whether some text begins like an ARN.
    pub fn has_arn(&self) -> bool {
        self.has_arn
    }
}

/// Reads JSON into a flat list. `None` anywhere means that the text is none.
struct Reader<'a> {
    source: &'a str,
    at: usize,
    params: Params<'a>,
}

/// Where a value stands.
#[derive(Clone)]
struct Place<'a> {
    key: Cow<'a, str>,
    key_hash: u64,
    key_depth: usize,
    /// Objects and lists around the value.
    depth: usize,
}

impl<'a> Reader<'a> {
    fn whole(&mut self) -> Option<()> {
        let place = Place { key: Cow::Borrowed(""), key_hash: name_hash(""), key_depth: 0, depth: 0 };
        self.value(&place)?;
        self.peek().is_none().then_some(())
    }

    /// The next byte that is no blank.
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.source.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\t' | b'\r') {
                return Some(*byte);
            }
            self.at += 1;
        }
        None
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Whether the value held something.
    fn value(&mut self, place: &Place<'a>) -> Option<bool> {
        match self.peek()? {
            b'"' => {
                let text = self.string()?;
                let holds = !text.is_empty();
                self.params.has_arn |= text.starts_with("arn:");
                self.params.texts.push(Text {
                    key: place.key.clone(),
                    key_hash: place.key_hash,
                    depth: place.key_depth,
                    text,
                });
                Some(holds)
            }
            b'{' => self.object(place),
            b'[' => self.list(place),
            b'n' => self.word().map(|()| false),
            _ => self.word().map(|()| true),
        }
    }

    fn object(&mut self, place: &Place<'a>) -> Option<bool> {
        if place.depth >= NESTING_MAX {
            return None;
        }
        self.at += 1;
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(false);
        }
        loop {
            self.peek().filter(|b| *b == b'"')?;
            let key = self.string()?;
            self.expect(b':')?;
            let key_hash = name_hash(&key);
            let inner = Place { key, key_hash, key_depth: place.depth, depth: place.depth + 1 };
            let holds = self.value(&inner)?;
            if place.depth == 0 {
                self.params.top.push(Top { key_hash, is_nothing: !holds });
            }
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => break,
                _ => return None,
            }
        }
        self.at += 1;
        Some(true)
    }

    fn list(&mut self, place: &Place<'a>) -> Option<bool> {
        if place.depth >= NESTING_MAX {
            return None;
        }
        self.at += 1;
        if self.peek()? == b']' {
            self.at += 1;
            return Some(false);
        }
        let inner = Place { depth: place.depth + 1, ..place.clone() };
        loop {
            self.value(&inner)?;
            match self.peek()? {
                b',' => self.at += 1,
                b']' => break,
                _ => return None,
            }
        }
        self.at += 1;
        Some(true)
    }

    /// A string, at its quote.
    fn string(&mut self) -> Option<Cow<'a, str>> {
        let begin = self.at + 1;
        let mut at = begin;
        let mut is_plain = true;
        loop {
            let rest = self.source.as_bytes().get(at..)?;
            let found = memchr::memchr2(b'"', b'\\', rest)?;
            at += found + 1;
            if rest.get(found) == Some(&b'"') {
                break;
            }
            is_plain = false;
            at += 1;
        }
        self.at = at;
        if is_plain {
            return self.source.get(begin..at - 1).map(Cow::Borrowed);
        }
        serde_json::from_str::<String>(self.source.get(begin - 1..at)?).ok().map(Cow::Owned)
    }

    /// A number, `true`, `false` or `null`.
    fn word(&mut self) -> Option<()> {
        let bytes = self.source.as_bytes().get(self.at..)?;
        let is_part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
        let length = bytes.iter().position(|b| !is_part(b)).unwrap_or(bytes.len());
        self.at += length;
        (length > 0).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_in_any_spelling_nearest_first() {
        let p = Params::parse(Some(
            r#"{"functionName":"f","instancesSet":{"items":[{"instanceId":"i-1"},{"instanceId":"i-2"}]},"x":{"functionName":"g"},"e":""}"#,
        ));
        assert_eq!(p.texts("FunctionName"), ["f"]);
        assert_eq!(p.texts("function_name"), ["f"]);
        assert_eq!(p.texts("InstanceId"), ["i-1", "i-2"]);
        assert!(p.has("x") && !p.has("e") && !p.has("nothing"));
        assert!(Params::parse(Some("\"null\"")).texts("a").is_empty());
        let p = Params::parse(Some(r#" {"a":1}"#));
        assert!(!p.has("a"), "text that begins with a blank is no object");
    }

    #[test]
    fn texts_in_lists_and_escapes() {
        let p = Params::parse(Some(r#"{"a":["x",["y",""],{"b":"z"}],"c":"q\"\u00e9","n":null,"l":[],"f":false}"#));
        assert_eq!(p.texts("a"), ["x", "y"]);
        assert_eq!(p.texts("b"), ["z"]);
        assert_eq!(p.text("c"), Some("q\"é"));
        assert!(!p.has("n") && !p.has("l") && p.has("f"));
        assert_eq!(p.walk().map(|(key, _)| key).collect::<Vec<_>>(), ["a", "a", "a", "b", "c"]);
        for broken in [r#"{"a":"x""#, r#"{"a" "x"}"#, r#"{"a":"x"}}"#, r#"["x",]"#, "{", r#"{"a":"\x"}"#] {
            assert!(Params::parse(Some(broken)).texts("a").is_empty(), "{broken}");
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
            let params = Params::parse(Some(&text));
            for name in ["a", "b", "c"] {
                prop_assert_eq!(params.texts(name), slowly(&root, name));
                prop_assert_eq!(params.get(name), root.as_object().and_then(|o| o.get(name)));
            }
        }

        #[test]
        fn whatever_stands_there(text in "[\\[{][\\[\\]{}\",:a1\\\\ ]{0,12}") {
            let is_json = serde_json::from_str::<Value>(&text).is_ok();
            let params = Params::parse(Some(&text));
            if is_json {
                prop_assert_eq!(&params.source, &text);
            }
        }
    }
}
