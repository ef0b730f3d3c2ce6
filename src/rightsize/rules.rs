//! What is kept as it is, and why: a file under version control.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::subject::Subject;
use crate::iam::evaluate::covers_action;
use crate::iam::{Catalog, wildcard_match};
use crate::util::closest::closest;

/// Exclusions, and actions that must stay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Who is left as it is.
    #[serde(default)]
    exclude: Vec<Exclusion>,
    /// What somebody may do, used or not.
    #[serde(default)]
    keep_actions: Vec<Keep>,
    /// Event sources whose data events nobody has to wait for.
    #[serde(default)]
    without_data_events: Vec<Accepted>,
}

/// Whom a rule is about: all that is said must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
struct Whom {
    /// A glob over the name.
    name: Option<String>,
    /// A glob over the path: `/service/*`.
    path: Option<String>,
    /// A tag's key, and a glob over its value.
    tag: Option<Tag>,
    /// An account's id.
    account: Option<String>,
    /// `permission-set`, `role`, `user`, `person`.
    kind: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tag {
    key: String,
    #[serde(default = "anything")]
    value: String,
}

fn anything() -> String {
    "*".to_owned()
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Exclusion {
    #[serde(flatten)]
    whom: Whom,
    reason: String,
    /// Of a break-glass role nothing is said either, but that it is one.
    #[serde(default)]
    break_glass: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Accepted {
    /// `kinesis.amazonaws.com`.
    source: String,
    reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Keep {
    actions: Vec<String>,
    #[serde(flatten)]
    whom: Whom,
    reason: String,
}

/// A file that is not what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// Not YAML, or not of this form; why, in the parser's words.
    #[error("{0}\nhint: docs/rightsize.md shows the file's form")]
    Form(String),
    /// A rule without a reason, or about nobody.
    #[error("{place} has no {what}\nhint: docs/rightsize.md shows the file's form")]
    Missing {
        /// Which rule.
        place: String,
        /// What it lacks.
        what: &'static str,
    },
    /// A rule that says something empty, which would mean nobody.
    #[error("{place} has an empty {what}\nhint: leave it out where it does not matter, or write * for anybody")]
    Empty {
        /// Which rule.
        place: String,
        /// What is empty.
        what: &'static str,
    },
    /// A member that no rule has: it would be read past.
    #[error("{place} has {what:?}, which no such rule has\nhint: docs/rightsize.md shows the file's form")]
    Unknown {
        /// Which rule.
        place: String,
        /// The member.
        what: String,
    },
    /// An action that is none.
    #[error("{place}: {action} is no action\nhint: write service:Action, with * and ? as in a policy")]
    NoAction {
        /// Which rule.
        place: String,
        /// What stands there.
        action: String,
    },
    /// An action of the right form that IAM does not have.
    #[error("{place}: {action} names no action that IAM has\nhint: {}", meant(.closest.as_deref()))]
    UnknownAction {
        /// Which rule.
        place: String,
        /// What stands there.
        action: String,
        /// An action with a name that is near.
        closest: Option<String>,
    },
    /// A kind that is none.
    #[error("{place}: {kind} is no kind\nhint: permission-set, role, user or person")]
    NoKind {
        /// Which rule.
        place: String,
        /// What stands there.
        kind: String,
    },
}

/// Members of a rule about somebody.
const WHOM: [&str; 5] = ["name", "path", "tag", "account", "kind"];

fn meant(closest: Option<&str>) -> String {
    match closest {
        Some(name) => format!("did you mean {name}?"),
        None => "the Service Authorization Reference lists the actions of each service".to_owned(),
    }
}

const KINDS: [&str; 4] = ["permission-set", "role", "user", "person"];

impl Rules {
    /// Reads a file: YAML, of which JSON is a part.
    ///
    /// # Errors
    /// A file of another form, or a rule that says not whom it is about or why.
    pub fn parse(text: &str) -> Result<Rules, RulesError> {
        let form = |error: serde_yaml_ng::Error| RulesError::Form(error.to_string());
        let rules: Rules = serde_yaml_ng::from_str(text).map_err(form)?;
        let value: serde_yaml_ng::Value = serde_yaml_ng::from_str(text).map_err(form)?;
        // A flattened part takes every member, so that members nobody knows are looked for here.
        members(&value, "exclude", &["reason", "break_glass"])?;
        members(&value, "keep_actions", &["reason", "actions"])?;
        let place = |list: &str, at: usize| format!("{list}[{at}]");
        let missing = |list: &str, at: usize, what| RulesError::Missing { place: place(list, at), what };
        for (at, rule) in rules.exclude.iter().enumerate() {
            rule.whom.check(&place("exclude", at))?;
            if rule.reason.trim().is_empty() {
                return Err(missing("exclude", at, "reason"));
            }
            if rule.whom == Whom::default() {
                return Err(missing("exclude", at, "name, path, tag, account or kind"));
            }
        }
        for (at, rule) in rules.keep_actions.iter().enumerate() {
            rule.whom.check(&place("keep_actions", at))?;
            if rule.reason.trim().is_empty() {
                return Err(missing("keep_actions", at, "reason"));
            }
            if rule.actions.is_empty() {
                return Err(missing("keep_actions", at, "action"));
            }
            if let Some(action) = rule.actions.iter().find(|action| !is_action(action)) {
                return Err(RulesError::NoAction { place: place("keep_actions", at), action: action.clone() });
            }
        }
        for (at, rule) in rules.without_data_events.iter().enumerate() {
            if rule.reason.trim().is_empty() {
                return Err(missing("without_data_events", at, "reason"));
            }
        }
        Ok(rules)
    }

    /// Checks that every pattern of `keep_actions` names an action that there is: one that names none would keep
    /// nothing, and nobody would be told.
    ///
    /// # Errors
    /// The first pattern that names none.
    pub fn check_actions(&self, catalog: &Catalog) -> Result<(), RulesError> {
        let services = catalog.prefixes().into_iter().filter_map(|prefix| catalog.service(prefix));
        let all: Vec<&str> = services.flat_map(|service| service.actions()).map(|action| &*action.name).collect();
        for (at, rule) in self.keep_actions.iter().enumerate() {
            let names_none = |pattern: &&String| !all.iter().any(|action| covers_action(pattern, action));
            if let Some(action) = rule.actions.iter().find(names_none) {
                let closest = closest(action, all.iter().copied()).first().map(|name| (*name).to_owned());
                let place = format!("keep_actions[{at}]");
                return Err(RulesError::UnknownAction { place, action: action.clone(), closest });
            }
        }
        Ok(())
    }

    /// Whether somebody says that data events of a source need not be waited for.
    pub fn does_without(&self, source: &str) -> bool {
        self.without_data_events.iter().any(|accepted| accepted.source == source)
    }

    /// Why somebody is left as it is; the first rule that says so.
    pub fn exclusion(&self, subject: &Subject) -> Option<String> {
        let rule = self.exclude.iter().find(|rule| rule.whom.holds(subject))?;
        Some(if rule.break_glass { format!("break-glass: {}", rule.reason) } else { rule.reason.clone() })
    }

    /// What somebody keeps of what it is granted, and why: patterns all of which it has, actions where it has but some.
    pub fn kept(&self, subject: &Subject, granted: &BTreeSet<&str>, all: &[&str]) -> Vec<(String, String)> {
        let mut kept = BTreeSet::new();
        for rule in self.keep_actions.iter().filter(|rule| rule.whom.holds(subject)) {
            for pattern in &rule.actions {
                let matched: Vec<&&str> = all.iter().filter(|action| covers_action(pattern, action)).collect();
                let had: Vec<&&&str> = matched.iter().filter(|action| granted.contains(**action)).collect();
                match had.len() {
                    0 => {}
                    some if some == matched.len() => drop(kept.insert((pattern.clone(), rule.reason.clone()))),
                    _ => kept.extend(had.iter().map(|action| ((***action).to_owned(), rule.reason.clone()))),
                }
            }
        }
        kept.into_iter().collect()
    }
}

impl Whom {
    fn check(&self, place: &str) -> Result<(), RulesError> {
        let texts = [
            ("name", self.name.as_ref()),
            ("path", self.path.as_ref()),
            ("account", self.account.as_ref()),
            ("kind", self.kind.as_ref()),
            ("key of a tag", self.tag.as_ref().map(|tag| &tag.key)),
        ];
        let is_empty = |(_, text): &&(&str, Option<&String>)| text.is_some_and(|text| text.trim().is_empty());
        if let Some((what, _)) = texts.iter().find(is_empty) {
            return Err(RulesError::Empty { place: place.to_owned(), what });
        }
        match self.kind.as_deref().filter(|kind| !KINDS.contains(kind)) {
            Some(kind) => Err(RulesError::NoKind { place: place.to_owned(), kind: kind.to_owned() }),
            None => Ok(()),
        }
    }

    fn holds(&self, subject: &Subject) -> bool {
        let is_like = |pattern: &Option<String>, text: &str| {
            pattern.as_ref().is_none_or(|pattern| wildcard_match(pattern, text, false))
        };
        let has_tag = |tag: &Tag| {
            let value = subject.tags.get(&tag.key);
            value.is_some_and(|value| wildcard_match(&tag.value, value, false))
        };
        is_like(&self.name, &subject.name)
            && is_like(&self.path, &subject.path)
            && self.tag.as_ref().is_none_or(has_tag)
            && self.account.as_ref().is_none_or(|account| subject.account.as_ref() == Some(account))
            && self.kind.as_deref().is_none_or(|kind| kind == subject.kind.as_str())
    }
}

/// Looks for members that rules of a list do not have.
fn members(value: &serde_yaml_ng::Value, list: &str, known: &[&str]) -> Result<(), RulesError> {
    let rules = value.get(list).and_then(serde_yaml_ng::Value::as_sequence).into_iter().flatten();
    for (at, rule) in rules.enumerate() {
        let names = rule.as_mapping().into_iter().flat_map(|members| members.keys());
        let is_unknown = |name: &&str| !WHOM.contains(name) && !known.contains(name);
        if let Some(name) = names.filter_map(serde_yaml_ng::Value::as_str).find(is_unknown) {
            return Err(RulesError::Unknown { place: format!("{list}[{at}]"), what: name.to_owned() });
        }
    }
    Ok(())
}

fn is_action(text: &str) -> bool {
    text.split_once(':').is_some_and(|(service, name)| {
        let is_word =
            |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-*?".contains(&b));
        is_word(service) && !service.contains('*') && is_word(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rightsize::subject::SubjectKind;

    fn subject() -> Subject {
        Subject {
            path: "/service/".to_owned(),
            tags: [("team".to_owned(), "ops".to_owned())].into(),
            account: Some("111122223333".to_owned()),
            ..Subject::new(SubjectKind::Role, "breakglass-1")
        }
    }

    #[test]
    fn exclusions_by_everything() {
        for (rule, is_meant) in [
            ("{name: 'breakglass-*', reason: r}", true),
            ("{path: '/service/*', reason: r}", true),
            ("{tag: {key: team}, reason: r}", true),
            ("{tag: {key: team, value: dev}, reason: r}", false),
            ("{name: 'breakglass-*', kind: user, reason: r}", false),
            ("{account: '1', reason: r}", false),
        ] {
            let rules = Rules::parse(&format!("exclude: [{rule}]")).unwrap();
            assert_eq!(rules.exclusion(&subject()).is_some(), is_meant, "{rule}");
        }
        let rules = Rules::parse("exclude:\n- name: '*'\n  break_glass: true\n  reason: tested in May\n").unwrap();
        assert_eq!(rules.exclusion(&subject()).unwrap(), "break-glass: tested in May");
    }

    #[test]
    fn actions_that_stay() {
        let rules = Rules::parse("keep_actions: [{actions: ['support:*', 'iam:GetU*'], reason: r}]").unwrap();
        let all = ["iam:GetUser", "iam:GetUserPolicy", "support:CreateCase", "support:DescribeCases"];
        let granted = BTreeSet::from(["iam:GetUser", "support:CreateCase", "support:DescribeCases"]);
        let kept: Vec<String> = rules.kept(&subject(), &granted, &all).into_iter().map(|(kept, _)| kept).collect();
        assert_eq!(kept, ["iam:GetUser", "support:*"]);
        assert!(rules.kept(&subject(), &BTreeSet::new(), &all).is_empty());
    }

    #[test]
    fn what_a_file_lacks_is_said() {
        for (text, said) in [
            ("exclude: [{name: a}]", "reason"),
            ("exclude: [{name: a, reason: ' '}]", "exclude[0] has no reason"),
            ("exclude: [{reason: r}]", "exclude[0] has no name"),
            ("exclude: [{kind: robot, reason: r}]", "robot is no kind"),
            ("keep_actions: [{actions: [], reason: r}]", "no action"),
            ("keep_actions: [{actions: ['*'], reason: r}]", "keep_actions[0]: * is no action"),
            ("exclude: [{name: '', reason: r}]", "exclude[0] has an empty name"),
            ("exclude: [{name: a, reason: r}, {path: ' ', reason: r}]", "exclude[1] has an empty path"),
            ("exclude: [{tag: {key: ''}, reason: r}]", "exclude[0] has an empty key of a tag"),
            ("exclude: [{name: a, reason: r, breakglass: true}]", "exclude[0] has \"breakglass\""),
            ("keep_actions: [{actions: ['s3:*'], reason: r, names: a}]", "keep_actions[0] has \"names\""),
            ("keep_actions: [{actions: ['s3:${x}'], reason: r}]", "is no action"),
            ("without_data_events: [{source: s3.amazonaws.com, reason: ''}]", "without_data_events[0] has no reason"),
            ("excluded: []", "excluded"),
        ] {
            let error = Rules::parse(text).unwrap_err().to_string();
            assert!(error.contains(said) && error.contains("hint:"), "{text}: {error}");
        }
        assert_eq!(Rules::parse("{}").unwrap(), Rules::default());
    }

    #[test]
    fn actions_that_iam_does_not_have_are_said() {
        let check = |actions: &str| {
            let rules = Rules::parse(&format!("keep_actions: [{{actions: [{actions}], reason: r}}]")).unwrap();
            rules.check_actions(Catalog::embedded()).map_err(|error| error.to_string())
        };
        assert_eq!(check("'s3:GetObject', 's3:Get*', 'support:*'"), Ok(()));
        let said = check("'s3:*', 's3:GetObjct'").unwrap_err();
        assert!(
            said.contains("keep_actions[0]: s3:GetObjct names no action") && said.contains("s3:GetObject?"),
            "{said}"
        );
        assert!(check("'suport:*'").is_err());
    }
}
