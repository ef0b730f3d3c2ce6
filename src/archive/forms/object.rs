//! One JSON object as its members, each value still text.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of an object, in order.
pub(super) struct Object<'a> {
    members: Vec<(Key<'a>, &'a RawValue)>,
}

impl<'a> Object<'a> {
    /// Reads an object.
    pub fn parse(json: &'a str) -> serde_json::Result<Object<'a>> {
        serde_json::from_str(json)
    }

    /// The value of a key: of one that stands twice the last.
    pub fn get(&self, key: &str) -> Option<&'a RawValue> {
        self.members.iter().rev().find(|(known, _)| known.0 == key).map(|(_, value)| *value)
    }

    /// The same, whatever the key's case.
    pub fn get_any_case(&self, key: &str) -> Option<&'a RawValue> {
        self.members.iter().rev().find(|(known, _)| known.0.eq_ignore_ascii_case(key)).map(|(_, value)| *value)
    }

    /// Whether there is such a key.
    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The value of a key that is a list.
    pub fn list(&self, key: &str) -> Option<&'a RawValue> {
        self.get(key).filter(|value| value.get().starts_with('['))
    }

    /// The value of a key that is a list, an object or a string: what may hold events.
    pub fn holder(&self, key: &str) -> Option<&'a RawValue> {
        self.get(key).filter(|value| value.get().starts_with(['[', '{', '"']))
    }

    /// The value of a key that is an object, read.
    pub fn object(&self, key: &str) -> Option<Object<'a>> {
        self.get(key).filter(|value| value.get().starts_with('{')).and_then(|value| Object::parse(value.get()).ok())
    }

    /// Whether the value of a key is this text.
    pub fn text_is(&self, key: &str, text: &str) -> bool {
        let inner = |value: &'a RawValue| value.get().strip_prefix('"')?.strip_suffix('"');
        self.get(key).and_then(inner).is_some_and(|inner| inner == text)
    }

    /// Keys and values.
    pub fn members(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.members.iter().map(|(key, value)| (&*key.0, *value))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<'a>(std::marker::PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for Members<'a> {
            type Value = Object<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'a>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Object { members })
            }
        }
        deserializer.deserialize_map(Members(std::marker::PhantomData))
    }
}

/// A key, borrowed where it has no escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Key<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text<'a>(std::marker::PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for Text<'a> {
            type Value = Key<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Key<'a>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Key<'a>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text(std::marker::PhantomData))
    }
}
