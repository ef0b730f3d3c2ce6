//! How two catalogues differ.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};

use crate::iam::{Action, Catalog, Service};
use crate::report::rows::{Columns, Type};

/// What changes from one catalogue to another.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// Name and version of the form.
    pub schema: &'static str,
    /// The version of the one that is there.
    pub from: String,
    /// That of the other.
    pub to: String,
    /// How many things there are of each kind of change.
    pub counts: Counts,
    /// Actions whose access level would be lower: what a level forbids to open could then be opened.
    pub lowered: Vec<String>,
    /// Actions of services that the new source tells of, but not of them: they stay.
    pub unlisted: Vec<String>,
    /// Each change.
    pub changes: Vec<Change>,
}

/// How many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Services that are new.
    pub new_services: usize,
    /// Services that are there no more.
    pub gone_services: usize,
    /// Actions that are new, those of new services among them.
    pub new_actions: usize,
    /// Actions that are there no more.
    pub gone_actions: usize,
    /// Actions of which something changes.
    pub changed_actions: usize,
    /// Resource types that are new.
    pub new_resource_types: usize,
    /// Resource types that are there no more.
    pub gone_resource_types: usize,
    /// Resource types whose ARN formats change.
    pub changed_resource_types: usize,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// `service`, `action` or `resource-type`.
    pub about: &'static str,
    /// Its name: `s3`, `s3:GetObject`, `s3/object`.
    pub name: String,
    /// `new`, `gone`, or what changes: `access-level`, `resource-types`, `condition-keys`, `dependent-actions`,
    /// `permission-only`, `arn-formats`.
    pub change: &'static str,
    /// What it was.
    pub from: Option<String>,
    /// What it becomes.
    pub to: Option<String>,
}

impl Comparison {
    /// Compares.
    pub fn new(old: &Catalog, new: &Catalog) -> Comparison {
        let mut comparison = Comparison {
            schema: "trailpare/catalog-compare/1",
            from: old.version().to_owned(),
            to: new.version().to_owned(),
            counts: Counts::default(),
            lowered: Vec::new(),
            unlisted: Vec::new(),
            changes: Vec::new(),
        };
        let none = Service::default();
        let prefixes: BTreeSet<&str> = old.prefixes().into_iter().chain(new.prefixes()).collect();
        for prefix in prefixes {
            let (was, is) = (old.service(prefix), new.service(prefix));
            match (was, is) {
                (None, Some(_)) => {
                    comparison.counts.new_services += 1;
                    comparison.add("service", prefix, "new", None, None);
                }
                (Some(_), None) => {
                    comparison.counts.gone_services += 1;
                    comparison.add("service", prefix, "gone", None, None);
                }
                _ => {}
            }
            let (was, is) = (was.unwrap_or(&none), is.unwrap_or(&none));
            comparison.types(prefix, was, is);
            comparison.actions((old, was), (new, is));
        }
        comparison
    }

    /// Whether nothing changes.
    pub fn is_same(&self) -> bool {
        self.changes.is_empty()
    }

    fn add(&mut self, about: &'static str, name: &str, change: &'static str, from: Option<String>, to: Option<String>) {
        self.changes.push(Change { about, name: name.to_owned(), change, from, to });
    }

    fn types(&mut self, prefix: &str, was: &Service, is: &Service) {
        let (was, is) = (formats(was), formats(is));
        for name in was.keys().chain(is.keys()).copied().collect::<BTreeSet<_>>() {
            let text =
                |of: &BTreeMap<&str, BTreeSet<&str>>| of.get(name).map(|formats| joined(formats.iter().copied()));
            let (from, to) = (text(&was), text(&is));
            let name = format!("{prefix}/{name}");
            match (&from, &to) {
                (None, _) => {
                    self.counts.new_resource_types += 1;
                    self.add("resource-type", &name, "new", from, to);
                }
                (_, None) => {
                    self.counts.gone_resource_types += 1;
                    self.add("resource-type", &name, "gone", from, to);
                }
                _ if from != to => {
                    self.counts.changed_resource_types += 1;
                    self.add("resource-type", &name, "arn-formats", from, to);
                }
                _ => {}
            }
        }
    }

    fn actions(&mut self, (old, was): (&Catalog, &Service), (new, is): (&Catalog, &Service)) {
        let by_name = |service: &Service| -> BTreeMap<String, Action> {
            service.actions().into_iter().map(|action| (action.name.to_ascii_lowercase(), action.clone())).collect()
        };
        let (was, is) = (by_name(was), by_name(is));
        for name in was.keys().chain(is.keys()).collect::<BTreeSet<_>>() {
            match (was.get(name), is.get(name)) {
                (None, Some(action)) => {
                    self.counts.new_actions += 1;
                    self.add("action", &action.name, "new", None, Some(action.access_level.as_str().to_owned()));
                }
                (Some(action), None) => {
                    self.counts.gone_actions += 1;
                    self.add("action", &action.name, "gone", Some(action.access_level.as_str().to_owned()), None);
                }
                (Some(before), Some(after)) => self.action((old, before), (new, after)),
                (None, None) => {}
            }
        }
    }

    fn action(&mut self, (old, before): (&Catalog, &Action), (new, after): (&Catalog, &Action)) {
        if after.access_level < before.access_level {
            self.lowered.push(before.name.to_string());
        }
        let of = |catalog: &Catalog, action: &Action| {
            let types = action.resource_types.iter();
            let types = types.map(|(name, required)| format!("{name}{}", if *required { "!" } else { "" }));
            let types: BTreeSet<String> = types.collect();
            let dependents: BTreeSet<&str> = action.dependent_actions.iter().map(String::as_str).collect();
            [
                ("access-level", action.access_level.as_str().to_owned()),
                ("resource-types", joined(types.iter().map(String::as_str))),
                ("condition-keys", joined(catalog.condition_keys(action).into_iter().collect::<BTreeSet<_>>())),
                ("dependent-actions", joined(dependents)),
                ("permission-only", action.is_permission_only.to_string()),
            ]
        };
        let changes = of(old, before).into_iter().zip(of(new, after)).filter(|(from, to)| from != to);
        let changes: Vec<_> = changes.collect();
        self.counts.changed_actions += usize::from(!changes.is_empty());
        for ((what, from), (_, to)) in changes {
            self.add("action", &after.name, what, Some(from), Some(to));
        }
    }

    /// The columns of [`Comparison::rows`].
    pub const COLUMNS: &'static Columns = &[
        ("about", Type::Text),
        ("name", Type::Text),
        ("change", Type::Text),
        ("from", Type::Text),
        ("to", Type::Text),
    ];

    /// Each change as a flat row.
    pub fn rows(&self) -> impl Iterator<Item = Value> + '_ {
        self.changes.iter().map(|change| json!(change))
    }
}

fn joined<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    texts.into_iter().collect::<Vec<_>>().join(" ")
}

fn formats(service: &Service) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut formats = BTreeMap::<&str, BTreeSet<&str>>::new();
    for kind in service.resource_types() {
        formats.entry(&kind.name).or_default().insert(&kind.arn);
    }
    formats
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(old: &str, new: &str) -> Comparison {
        let load = |text: &str| Catalog::load(text.as_bytes()).unwrap();
        Comparison::new(&load(old), &load(new))
    }

    const OLD: &str = "version 1\nkeys 0 a:K\nservice a\ntype t arn:x:a:::${T}\naction Do W t! 0\naction Go R - -\n\
                       service gone\naction X L - -\n";
    const NEW: &str = "version 2\nkeys 0 a:K\nkeys 1 a:K a:L\nservice a\ntype t arn:x:a:::t/${T}\n\
                       type u arn:x:a:::u/${U}\n\
                       action do R- t,u 1 iam:PassRole\naction New P - -\nservice b\naction Y L - -\n";

    #[test]
    fn each_change_is_told() {
        let comparison = compare(OLD, NEW);
        let told: Vec<String> = comparison
            .changes
            .iter()
            .map(|Change { about, name, change, from, to }| {
                let text = |side: &Option<String>| side.clone().unwrap_or_default();
                format!("{about} {name} {change}: {} > {}", text(from), text(to))
            })
            .collect();
        assert_eq!(
            told,
            [
                "resource-type a/t arn-formats: arn:x:a:::${T} > arn:x:a:::t/${T}",
                "resource-type a/u new:  > arn:x:a:::u/${U}",
                "action a:do access-level: Write > Read",
                "action a:do resource-types: t! > t u",
                "action a:do condition-keys: a:K > a:K a:L",
                "action a:do dependent-actions:  > iam:PassRole",
                "action a:do permission-only: false > true",
                "action a:Go gone: Read > ",
                "action a:New new:  > Permissions management",
                "service b new:  > ",
                "action b:Y new:  > List",
                "service gone gone:  > ",
                "action gone:X gone: List > ",
            ]
        );
        let expected = Counts {
            new_services: 1,
            gone_services: 1,
            new_actions: 2,
            gone_actions: 2,
            changed_actions: 1,
            new_resource_types: 1,
            gone_resource_types: 0,
            changed_resource_types: 1,
        };
        assert_eq!((comparison.counts, comparison.lowered), (expected, vec!["a:Do".to_owned()]));
        assert!(compare(OLD, OLD).is_same());
    }
}
