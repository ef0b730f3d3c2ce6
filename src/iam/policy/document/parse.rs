//! JSON text → [`Policy`], with the place of every mistake.
//!
//! Each level is read as raw values borrowed from the text: where a value starts in memory is where it stands in the
//! document, so that errors about *meaning* can name line and column too. Nothing recurses: a policy has a fixed depth.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use thiserror::Error;

use super::{ActionSpec, Condition, Effect, Policy, Principal, PrincipalSpec, ResourceSpec, Statement, Version};

/// Why a document is not a policy, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("policy document, line {line} column {column}{}: {message}\nhint: {hint}", at(.path))]
pub struct PolicyError {
    /// Elements from the top, such as `Statement[2].Action[0]`; empty for the document itself.
    pub path: String,
    /// Bytes from the start of the (decoded) document.
    pub offset: usize,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

fn at(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!(" ({path})") }
}

impl Policy {
    /// Reads a policy document: JSON; JSON that was URL-encoded (RFC 3986), as the IAM API returns it; or a JSON string
    /// holding either.
    pub fn parse(text: &str) -> Result<Policy, PolicyError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let start = text.trim_start();
        if start.starts_with('%') {
            return Policy::parse_json(&percent_decoded(start.trim_end())?);
        }
        if start.starts_with('"') {
            let inner: String = serde_json::from_str(text).map_err(|error| syntax(text, &error))?;
            let inner = inner.trim();
            return if inner.starts_with('%') {
                Policy::parse_json(&percent_decoded(inner)?)
            } else {
                Policy::parse_json(inner)
            };
        }
        Policy::parse_json(text)
    }

    /// Reads a document that stands inside other JSON, as in `get-account-authorization-details`: an object, or a
    /// string with the (URL-encoded) document. Positions in errors are those within the document alone.
    pub fn from_value(value: &Value) -> Result<Policy, PolicyError> {
        match value {
            Value::String(text) => Policy::parse(text),
            other => Policy::parse_json(&other.to_string()),
        }
    }

    fn parse_json(text: &str) -> Result<Policy, PolicyError> {
        let raw: &RawValue = serde_json::from_str(text).map_err(|error| syntax(text, &error))?;
        policy(&Node { text, raw, path: String::new() })
    }
}

fn syntax(text: &str, error: &serde_json::Error) -> PolicyError {
    // serde_json counts columns in bytes, from 1; 0 means the end of the line before.
    let before: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let offset = (before + error.column().saturating_sub(1)).min(text.len());
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    place(text, offset, String::new(), format!("not JSON: {message}"), "a policy document is one JSON object")
}

fn place(text: &str, offset: usize, path: String, message: String, hint: &str) -> PolicyError {
    // serde_json may point into the middle of a character.
    let offset = text.floor_char_boundary(offset);
    let before = text.get(..offset).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    PolicyError { path, offset, line, column, message, hint: hint.to_owned() }
}

fn percent_decoded(text: &str) -> Result<Cow<'_, str>, PolicyError> {
    percent_decode_str(text).decode_utf8().map_err(|_| {
        let message = "the URL-encoded document does not decode to UTF-8".to_owned();
        place(text, 0, String::new(), message, "give the document as JSON, or URL-encoded as the IAM API returns it")
    })
}

/// A value of the document that has not been looked into yet.
struct Node<'a> {
    text: &'a str,
    raw: &'a RawValue,
    path: String,
}

/// An object's members in order, repeated names included.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Vec<(String, &'de RawValue)>;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(InOrder).map(Members)
    }
}

impl<'a> Node<'a> {
    fn error(&self, message: impl Into<String>, hint: &str) -> PolicyError {
        let offset = (self.raw.get().as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        place(self.text, offset, self.path.clone(), message.into(), hint)
    }

    fn child(&self, step: &str, raw: &'a RawValue) -> Node<'a> {
        let path = match (self.path.is_empty(), step.starts_with('[')) {
            (true, _) => step.to_owned(),
            (false, true) => format!("{}{step}", self.path),
            (false, false) => format!("{}.{step}", self.path),
        };
        Node { text: self.text, raw, path }
    }

    fn kind(&self) -> &'static str {
        match self.raw.get().bytes().next() {
            Some(b'{') => "an object",
            Some(b'[') => "a list",
            Some(b'"') => "a string",
            Some(b't' | b'f') => "a boolean",
            Some(b'n') => "null",
            _ => "a number",
        }
    }

    fn is(&self, first: u8) -> bool {
        self.raw.get().as_bytes().first() == Some(&first)
    }

    fn members(&self, hint: &str) -> Result<Vec<(String, Node<'a>)>, PolicyError> {
        if !self.is(b'{') {
            return Err(self.error(format!("an object is needed here, this is {}", self.kind()), hint));
        }
        let Members(members) = self.inside()?;
        let mut seen = HashSet::new();
        let mut nodes = Vec::with_capacity(members.len());
        for (name, raw) in members {
            let node = self.child(&name, raw);
            if !seen.insert(name.clone()) {
                let message = format!("{name:?} stands twice in one object");
                return Err(
                    node.error(message, "join the two: readers of JSON keep only one of them, IAM refuses both")
                );
            }
            nodes.push((name, node));
        }
        Ok(nodes)
    }

    fn items(&self) -> Result<Vec<Node<'a>>, PolicyError> {
        let raws: Vec<&'a RawValue> = self.inside()?;
        Ok(raws.into_iter().enumerate().map(|(index, raw)| self.child(&format!("[{index}]"), raw)).collect())
    }

    fn inside<T: Deserialize<'a>>(&self) -> Result<T, PolicyError> {
        serde_json::from_str(self.raw.get()).map_err(|error| {
            self.error(format!("cannot be read: {error}"), "see the grammar of the IAM policy language")
        })
    }

    fn string(&self, hint: &str) -> Result<String, PolicyError> {
        if !self.is(b'"') {
            return Err(self.error(format!("a string is needed here, this is {}", self.kind()), hint));
        }
        self.inside()
    }

    /// One string, or a list of at least one.
    fn strings(&self, hint: &str) -> Result<Vec<String>, PolicyError> {
        if !self.is(b'[') {
            return Ok(vec![self.string(hint)?]);
        }
        let items = self.items()?;
        if items.is_empty() {
            return Err(self.error("the list is empty", hint));
        }
        items.iter().map(|item| item.string(hint)).collect()
    }

    /// A condition's values: strings, numbers and booleans, each kept as its text; a list may be empty.
    fn values(&self) -> Result<Vec<String>, PolicyError> {
        if self.is(b'[') {
            return self.items()?.iter().map(Node::scalar).collect();
        }
        Ok(vec![self.scalar()?])
    }

    fn scalar(&self) -> Result<String, PolicyError> {
        match self.kind() {
            "a string" => self.inside(),
            "a number" | "a boolean" => Ok(self.raw.get().to_owned()),
            kind => {
                Err(self.error(format!("a condition's value cannot be {kind}"), "write a string, or a list of strings"))
            }
        }
    }

    fn unknown(&self, name: &str, known: &[&str]) -> PolicyError {
        let hint = match known.iter().find(|element| element.eq_ignore_ascii_case(name)) {
            Some(element) => format!("element names are case sensitive: write {element:?}"),
            None => format!("the elements allowed here are {}", known.join(", ")),
        };
        self.error(format!("{name:?} is not an element of the policy language"), &hint)
    }
}

fn policy(document: &Node<'_>) -> Result<Policy, PolicyError> {
    let hint = "a policy document is an object with \"Version\" and \"Statement\"";
    let mut policy = Policy::default();
    let mut statements = None;
    for (name, node) in document.members(hint)? {
        match name.as_str() {
            "Version" => policy.version = Some(version(&node)?),
            "Id" => policy.id = Some(node.string("\"Id\" is a string")?),
            "Statement" if node.is(b'[') => {
                statements = Some(node.items()?.iter().map(statement).collect::<Result<Vec<_>, _>>()?);
            }
            "Statement" => statements = Some(vec![statement(&node)?]),
            _ => return Err(node.unknown(&name, &["Version", "Id", "Statement"])),
        }
    }
    policy.statements = statements.ok_or_else(|| document.error("the document has no \"Statement\"", hint))?;
    Ok(policy)
}

fn version(node: &Node<'_>) -> Result<Version, PolicyError> {
    let hint = "write \"Version\": \"2012-10-17\"";
    match node.string(hint)?.as_str() {
        "2012-10-17" => Ok(Version::V2012),
        "2008-10-17" => Ok(Version::V2008),
        other => Err(node.error(format!("{other:?} is not a version of the policy language"), hint)),
    }
}

const ELEMENTS: [&str; 9] =
    ["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"];

/// The elements of a statement as they are found.
#[derive(Default)]
struct Parts {
    sid: Option<String>,
    effect: Option<Effect>,
    principal: Option<PrincipalSpec>,
    actions: Option<ActionSpec>,
    resources: Option<ResourceSpec>,
    condition: Vec<Condition>,
}

fn statement(node: &Node<'_>) -> Result<Statement, PolicyError> {
    let mut parts = Parts::default();
    for (name, element) in node.members("a statement is an object with Effect, Action and Resource")? {
        read_element(&mut parts, &name, &element)?;
    }
    let missing = |element: &str, hint: &str| node.error(format!("the statement has no {element}"), hint);
    let effect = parts.effect.ok_or_else(|| missing("\"Effect\"", "add \"Effect\": \"Allow\" or \"Deny\""))?;
    let actions = parts.actions.ok_or_else(|| missing("\"Action\"", "add \"Action\" or \"NotAction\""))?;
    let resources = match parts.resources {
        Some(resources) => resources,
        None if parts.principal.is_some() => ResourceSpec::Omitted,
        None => return Err(missing("\"Resource\"", "add \"Resource\": \"*\", or the ARNs that are meant")),
    };
    Ok(Statement { sid: parts.sid, effect, principal: parts.principal, actions, resources, condition: parts.condition })
}

fn read_element(parts: &mut Parts, name: &str, element: &Node<'_>) -> Result<(), PolicyError> {
    let twice = |other: &str| {
        element.error(format!("a statement cannot have both {other:?} and {name:?}"), "split it into two statements")
    };
    match name {
        "Sid" => parts.sid = Some(element.string("\"Sid\" is a string")?),
        "Effect" => parts.effect = Some(effect(element)?),
        "Principal" | "NotPrincipal" => {
            if parts.principal.is_some() {
                return Err(twice(if name == "Principal" { "NotPrincipal" } else { "Principal" }));
            }
            let who = principal(element)?;
            let not = name == "NotPrincipal";
            parts.principal = Some(if not { PrincipalSpec::NotPrincipal(who) } else { PrincipalSpec::Principal(who) });
        }
        "Action" | "NotAction" => {
            if let Some(other) = &parts.actions {
                return Err(twice(other.element()));
            }
            let list = actions(element)?;
            let not = name == "NotAction";
            parts.actions = Some(if not { ActionSpec::NotAction(list) } else { ActionSpec::Action(list) });
        }
        "Resource" | "NotResource" => {
            if let Some(other) = parts.resources.as_ref().and_then(ResourceSpec::element) {
                return Err(twice(other));
            }
            let list = element.strings("name an ARN, a list of ARNs, or \"*\"")?;
            let not = name == "NotResource";
            parts.resources = Some(if not { ResourceSpec::NotResource(list) } else { ResourceSpec::Resource(list) });
        }
        "Condition" => parts.condition = condition(element)?,
        _ => return Err(element.unknown(name, &ELEMENTS)),
    }
    Ok(())
}

fn effect(node: &Node<'_>) -> Result<Effect, PolicyError> {
    let hint = "write \"Allow\" or \"Deny\", with the capital";
    match node.string(hint)?.as_str() {
        "Allow" => Ok(Effect::Allow),
        "Deny" => Ok(Effect::Deny),
        other => Err(node.error(format!("{other:?} is not an effect"), hint)),
    }
}

fn actions(node: &Node<'_>) -> Result<Vec<String>, PolicyError> {
    let hint = "an action is a service prefix, a colon and a name, such as \"s3:GetObject\", or \"*\"";
    let list = node.strings(hint)?;
    // `*` and patterns that may hold the colon in a wildcard are the only ones without one.
    match list.iter().find(|action| !action.contains(':') && !action.contains('*')) {
        Some(bad) => Err(node.error(format!("{bad:?} is not an action"), hint)),
        None => Ok(list),
    }
}

fn principal(node: &Node<'_>) -> Result<Principal, PolicyError> {
    let hint = "write \"*\", or an object such as {\"AWS\": \"arn:aws:iam::123456789012:root\"}";
    if node.is(b'"') {
        return match node.string(hint)?.as_str() {
            "*" => Ok(Principal::Everyone),
            other => Err(node.error(format!("{other:?} does not say what kind of principal it is"), hint)),
        };
    }
    let mut map = Vec::new();
    for (kind, ids) in node.members(hint)? {
        let ids = ids.strings(hint)?;
        map.push((kind, ids));
    }
    Ok(Principal::Of(map))
}

fn condition(node: &Node<'_>) -> Result<Vec<Condition>, PolicyError> {
    let hint = "write {\"StringEquals\": {\"aws:RequestedRegion\": \"eu-west-1\"}}";
    let mut block = Vec::new();
    for (operator, tests) in node.members(hint)? {
        let mut keys = Vec::new();
        for (key, values) in tests.members(hint)? {
            let values = values.values()?;
            keys.push((key, values));
        }
        block.push(Condition { operator, keys });
    }
    Ok(block)
}
