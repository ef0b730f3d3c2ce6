//! Service Reference JSON put into a catalogue: a whole catalogue again.
//!
//! The Service Reference tells of actions, their levels, resource types and condition keys, and of operations. It tells
//! nothing of hosts of event sources, of parameters that fill ARNs or hold roles, of paths. That stays as it was.
//!
//! * An action that it doesn't list stays: archives of years tell of what AWS has taken away since.
//! * An access level never falls: it decides what may be opened to make a policy fit.
//! * What it leaves out of an action stays as it was.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;

use super::reference::{Reference, ReferenceAction};
use crate::iam::catalog::{AccessLevel, Action, Catalog};
use crate::time::format_date;

/// The text of the catalogue that both are, and the day in it on which the references were published (days since 1970).
pub fn updated_catalog(base: &Catalog, references: &[Reference], made_on: i32, origin: &str) -> String {
    let by_prefix: BTreeMap<&str, &Reference> =
        references.iter().map(|reference| (reference.prefix.as_str(), reference)).collect();
    let mut keys = KeyLists::new(base);
    let mut body = String::new();
    let prefixes: BTreeSet<&str> = base.prefixes().into_iter().chain(by_prefix.keys().copied()).collect();
    for prefix in prefixes {
        add(&mut body, &format!("service {prefix}"));
        match by_prefix.get(prefix) {
            Some(reference) => service(&mut body, base, reference, &mut keys),
            None => base.service_lines(prefix).filter(|line| !line.is_empty()).for_each(|line| add(&mut body, line)),
        }
    }
    head(base, made_on, origin) + &keys.lines() + &body
}

fn add(out: &mut String, line: &str) {
    out.push_str(line);
    out.push('\n');
}

/// The lines before the services, but for the condition keys.
fn head(base: &Catalog, made_on: i32, origin: &str) -> String {
    let day = format_date(made_on);
    let origin = format!("# {origin}");
    let mut out = String::new();
    let origins = base.head().filter(|line| line.starts_with('#') && *line != origin);
    origins.chain([origin.as_str()]).for_each(|line| add(&mut out, line));
    let version = base.version().split('+').next().unwrap_or_default();
    add(&mut out, &format!("version {version}+reference.{}\nmade {day}", day.replace('-', "")));
    base.head().filter(|line| line.starts_with("source ")).for_each(|line| add(&mut out, line));
    out
}

/// Lists of condition keys, each once, by number.
struct KeyLists {
    numbers: HashMap<String, usize>,
    lists: Vec<String>,
}

impl KeyLists {
    fn new(base: &Catalog) -> KeyLists {
        let lists: Vec<String> = base.key_lists().map(str::to_owned).collect();
        let numbers = lists.iter().cloned().enumerate().map(|(number, list)| (list, number)).collect();
        KeyLists { numbers, lists }
    }

    /// The number of a list, as an action's line has it.
    fn number<'k>(&mut self, keys: impl IntoIterator<Item = &'k str>) -> String {
        let keys: BTreeSet<&str> = keys.into_iter().collect();
        if keys.is_empty() {
            return "-".to_owned();
        }
        let list = keys.into_iter().collect::<Vec<_>>().join(" ");
        let number = self.numbers.get(&list).copied().unwrap_or_else(|| {
            self.lists.push(list.clone());
            self.numbers.insert(list, self.lists.len() - 1);
            self.lists.len() - 1
        });
        number.to_string()
    }

    fn lines(&self) -> String {
        self.lists.iter().enumerate().map(|(number, list)| format!("keys {number} {list}\n")).collect()
    }
}

/// What a service's part of the table is made of.
struct Part<'a> {
    /// `None`: a new service.
    known: Vec<&'a Action>,
    types: BTreeMap<&'a str, BTreeSet<&'a str>>,
    /// The lines of other facts.
    rest: Vec<&'a str>,
}

impl<'a> Part<'a> {
    fn new(base: &'a Catalog, reference: &'a Reference) -> Part<'a> {
        let known = base.service(&reference.prefix).map(|service| service.actions()).unwrap_or_default();
        let mut part = Part { known, types: BTreeMap::new(), rest: Vec::new() };
        for line in base.service_lines(&reference.prefix) {
            match line.split_once(' ') {
                Some(("type", rest)) => {
                    if let Some((name, format)) = rest.split_once(' ') {
                        part.types.entry(name).or_default().insert(format);
                    }
                }
                Some(("action", _)) | None => {}
                Some(_) => part.rest.push(line),
            }
        }
        for (name, formats) in reference.types.iter().filter(|(_, formats)| !formats.is_empty()) {
            part.types.insert(name, formats.iter().map(String::as_str).collect());
        }
        part
    }
}

fn service(out: &mut String, base: &Catalog, reference: &Reference, keys: &mut KeyLists) {
    let part = Part::new(base, reference);
    for (name, formats) in &part.types {
        formats.iter().for_each(|format| add(out, &format!("type {name} {format}")));
    }
    let variables = part.rest.iter().filter(|line| line.starts_with("var "));
    variables.for_each(|line| add(out, line));
    let raw: HashMap<String, &str> = action_lines(base, &reference.prefix).collect();
    let known: BTreeMap<String, &Action> =
        part.known.iter().map(|action| (bare(action).to_ascii_lowercase(), *action)).collect();
    let names: BTreeSet<&String> = known.keys().chain(reference.actions.keys()).collect();
    for name in names {
        match (reference.actions.get(name), raw.get(name)) {
            (Some(action), line) => {
                let known = known.get(name).copied();
                let before = Before { base, known, line: line.copied() };
                add(out, &action_line(action, &before, reference, &part, keys));
            }
            (None, Some(line)) => add(out, line),
            (None, None) => {}
        }
    }
    renames(base, reference).for_each(|line| add(out, &line));
    let others = part.rest.iter().filter(|line| !line.starts_with("var "));
    others.for_each(|line| add(out, line));
}

fn bare(action: &Action) -> &str {
    crate::iam::catalog::bare_name(&action.name)
}

/// A service's lines of actions, by name in lower case.
fn action_lines<'c>(base: &'c Catalog, prefix: &str) -> impl Iterator<Item = (String, &'c str)> {
    base.service_lines(prefix).filter_map(|line| {
        let name = line.strip_prefix("action ")?.split(' ').next()?;
        Some((name.to_ascii_lowercase(), line))
    })
}

/// What the catalogue says of an action today.
struct Before<'a> {
    base: &'a Catalog,
    known: Option<&'a Action>,
    /// Its line: what the hand-written rules add is not in it.
    line: Option<&'a str>,
}

impl<'a> Before<'a> {
    fn column(&self, at: usize) -> Option<&'a str> {
        self.line.and_then(|line| line.split(' ').nth(at))
    }

    /// Its resource types, each with `!` where it is required.
    fn types(&self) -> Vec<&'a str> {
        self.column(3).unwrap_or("-").split(',').filter(|name| *name != "-").collect()
    }
}

fn action_line(
    action: &ReferenceAction,
    before: &Before<'_>,
    reference: &Reference,
    part: &Part<'_>,
    keys: &mut KeyLists,
) -> String {
    // Nothing is known of its level: what writes is never opened.
    let level = match (action.access_level, before.known) {
        (Some(new), Some(known)) => new.max(known.access_level),
        (Some(level), None) => level,
        (None, Some(known)) => known.access_level,
        (None, None) => AccessLevel::Write,
    };
    let is_permission_only = match before.known {
        Some(known) => known.is_permission_only,
        None => has_no_operation(action, reference),
    };
    let mark = if is_permission_only { "-" } else { "" };
    let before_types = before.types();
    let mut types: Vec<String> = match &action.types {
        None => before_types.iter().map(|name| (*name).to_owned()).collect(),
        Some(names) => names.iter().filter(|name| part.types.contains_key(name.as_str())).cloned().collect(),
    };
    for name in &mut types {
        let required = format!("{}!", name.trim_end_matches('!'));
        if before_types.contains(&required.as_str()) {
            *name = required;
        }
    }
    let types = if types.is_empty() { "-".to_owned() } else { types.join(",") };
    let keys = match (&action.keys, before.known) {
        (Some(listed), _) => keys.number(listed.iter().map(String::as_str)),
        (None, Some(known)) => keys.number(before.base.condition_keys(known)),
        (None, None) => "-".to_owned(),
    };
    let name = before.column(1).unwrap_or(&action.name);
    let dependents = before.column(5).map_or_else(String::new, |list| format!(" {list}"));
    format!("action {name} {}{mark} {types} {keys}{dependents}", level.letter())
}

/// Whether no operation has a new action, as far as the reference tells of operations.
fn has_no_operation(action: &ReferenceAction, reference: &Reference) -> bool {
    let full = format!("{}:{}", reference.prefix, action.name).to_ascii_lowercase();
    reference.operations.as_ref().is_some_and(|operations| {
        !operations.iter().any(|(name, authorized)| {
            name.eq_ignore_ascii_case(&action.name) || authorized.iter().any(|one| one.eq_ignore_ascii_case(&full))
        })
    })
}

/// Lines of operations that are new and have one action, of another name. Where there are several, which one a call
/// needs depends on the call.
fn renames(base: &Catalog, reference: &Reference) -> impl Iterator<Item = String> {
    let known = base.service(&reference.prefix);
    reference.operations.iter().flatten().filter_map(move |(operation, actions)| {
        let mut listed = actions.iter();
        let (Some(action), None) = (listed.next(), listed.next()) else { return None };
        let lower = operation.to_ascii_lowercase();
        let is_known =
            known.is_some_and(|service| service.action(&lower).is_some() || service.renames.contains_key(&lower));
        let is_its_own = reference.lists(operation);
        (!is_known && !is_its_own).then(|| format!("rename {operation} {action}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "# of before\nversion 1.2.202601011\nsource night dreams\nkeys 0 dreams:Age\nservice dreams\n\
                        type world arn:${Partition}:dreams:::${World}\nvar World WorldName\n\
                        action DropDream W world! - iam:PassRole\naction GetDream R- world! 0\naction OldDream L - -\n\
                        pass DropDream RoleArn\nunsigned Peek\nservice s3\naction GetObject R - 0\n";

    fn merged(json: &str) -> Catalog {
        let base = Catalog::load(BASE.as_bytes()).unwrap();
        let text = updated_catalog(
            &base,
            &Reference::read(json.as_bytes()).unwrap(),
            20_787,
            "AWS Service Reference, 1 service",
        );
        Catalog::load(text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    const NEWER: &str = r#"{"Name": "dreams", "Actions": [
        {"Name": "GetDream", "Annotations": {"Properties": {"IsWrite": true}}, "Resources": [{"Name": "world"}],
         "ActionConditionKeys": ["dreams:Depth", "dreams:Age"]},
        {"Name": "DropDream", "Annotations": {"Properties": {"IsList": true}}},
        {"Name": "NewDream", "Annotations": {"Properties": {"IsList": true}},
         "Resources": [{"Name": "moon"}, {"Name": "x"}]},
        {"Name": "Sleepwalk"}],
      "Resources": [{"Name": "moon", "ARNFormats": ["arn:${Partition}:dreams:::moon/${Moon}"]}],
      "Operations": [{"Name": "NewDream"}, {"Name": "Fetch", "AuthorizedActions": [{"Name": "GetDream"}]},
        {"Name": "Peek", "AuthorizedActions": [{"Name": "GetDream"}, {"Name": "NewDream"}]}]}"#;

    #[test]
    fn what_is_newer_holds_and_the_rest_stays() {
        let new = merged(NEWER);
        assert!(new.version().starts_with("1.2.202601011+reference.20261130+"), "{}", new.version());
        assert_eq!(new.made_on(), Some(20_787));
        assert_eq!(new.origins(), ["of before", "AWS Service Reference, 1 service"]);
        let action = |name: &str| new.action(&format!("dreams:{name}")).unwrap();
        let types = |name: &str| action(name).resource_types.clone();
        let get = action("GetDream");
        assert_eq!((get.access_level, get.is_permission_only), (AccessLevel::Write, true));
        assert_eq!(types("GetDream"), [("world".to_owned(), true)]);
        assert_eq!(new.condition_keys(get), ["dreams:Age", "dreams:Depth"]);
        // Its level doesn't fall, and what is not said of it stays.
        let drop = action("DropDream");
        assert_eq!((drop.access_level, types("DropDream")), (AccessLevel::Write, vec![("world".to_owned(), true)]));
        assert_eq!(drop.dependent_actions, ["iam:PassRole"]);
        assert_eq!(action("OldDream").access_level, AccessLevel::List, "what is gone stays");
        let added = action("NewDream");
        assert_eq!((added.access_level, added.is_permission_only), (AccessLevel::List, false));
        assert_eq!(types("NewDream"), [("moon".to_owned(), false)], "a type without a format is none");
        let unknown = action("Sleepwalk");
        assert_eq!((unknown.access_level, unknown.is_permission_only), (AccessLevel::Write, true));
        let service = new.service("dreams").unwrap();
        assert_eq!(service.renames["fetch"], ["dreams:GetDream"]);
        assert!(!service.renames.contains_key("peek"));
        assert_eq!(service.passes["dropdream"], ["RoleArn"]);
        assert_eq!(
            (service.unsigned.as_slice(), &service.parameters["World"]),
            (&["peek".to_owned()][..], &vec!["WorldName".to_owned()])
        );
        assert_eq!(new.source("night"), Some(&["dreams".to_owned()][..]));
        assert_eq!(new.action("s3:GetObject").unwrap().access_level, AccessLevel::Read);
    }

    /// A reference that says nothing new changes nothing but what the catalogue says of itself.
    #[test]
    fn again_is_the_same() {
        let (once, keys) = (merged(NEWER), Catalog::embedded().key_lists().count());
        let references = Reference::read(NEWER.as_bytes()).unwrap();
        let twice = updated_catalog(&once, &references, 20_787, "AWS Service Reference, 1 service");
        assert_eq!(Catalog::load(twice.as_bytes()).unwrap().digest(), once.digest());
        let nothing = Reference::read(br#"{"Name": "s3", "Actions": []}"#).unwrap();
        let own = updated_catalog(Catalog::embedded(), &nothing, 20_787, "AWS Service Reference, 1 service");
        let own = Catalog::load(own.as_bytes()).unwrap();
        assert_eq!(own.key_lists().count(), keys);
        for prefix in Catalog::embedded().prefixes() {
            let lines = |catalog: &Catalog| {
                let mut lines: Vec<String> = catalog.service_lines(prefix).map(str::to_owned).collect();
                lines.retain(|line| !line.is_empty());
                lines.sort();
                lines
            };
            assert_eq!(lines(&own), lines(Catalog::embedded()), "{prefix}");
        }
    }

    #[test]
    fn a_new_service_needs_nothing_known_before() {
        let new = merged(r#"{"Name": "clouds", "Actions": [{"Name": "Look", "Annotations": {"Properties": {}}}]}"#);
        assert_eq!(new.action("clouds:Look").unwrap().access_level, AccessLevel::Read);
        assert_eq!(new.prefixes(), ["clouds", "dreams", "s3"]);
    }
}
