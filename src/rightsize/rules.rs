//! What is kept as it is, and why: a file under version control.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::subject::Subject;
use crate::iam::evaluate::covers_action;
use crate::iam::wildcard_match;

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
    /// An action that is none.
    #[error("{0} is no action\nhint: write service:Action, with * and ? as in a policy")]
    NoAction(String),
    /// A kind that is none.
    #[error("{0} is no kind\nhint: permission-set, role, user or person")]
    NoKind(String),
}

const KINDS: [&str; 4] = ["permission-set", "role", "user", "person"];

impl Rules {
    /// Reads a file: YAML, of which JSON is a part.
    ///
    /// # Errors
    /// A file of another form, or a rule that says not whom it is about or why.
    pub fn parse(text: &str) -> Result<Rules, RulesError> {
        let rules: Rules = serde_yaml_ng::from_str(text).map_err(|error| RulesError::Form(error.to_string()))?;
        let missing = |list: &str, at: usize, what| RulesError::Missing { place: format!("{list}[{at}]"), what };
        for (at, rule) in rules.exclude.iter().enumerate() {
            rule.whom.check().map_err(|kind| RulesError::NoKind(kind.to_owned()))?;
            if rule.reason.trim().is_empty() {
                return Err(missing("exclude", at, "reason"));
            }
            if rule.whom == Whom::default() {
                return Err(missing("exclude", at, "name, path, tag, account or kind"));
            }
        }
        for (at, rule) in rules.keep_actions.iter().enumerate() {
            rule.whom.check().map_err(|kind| RulesError::NoKind(kind.to_owned()))?;
            if rule.reason.trim().is_empty() {
                return Err(missing("keep_actions", at, "reason"));
            }
            if rule.actions.is_empty() {
                return Err(missing("keep_actions", at, "action"));
            }
            if let Some(action) = rule.actions.iter().find(|action| !is_action(action)) {
                return Err(RulesError::NoAction(action.clone()));
            }
        }
        for (at, rule) in rules.without_data_events.iter().enumerate() {
            if rule.reason.trim().is_empty() {
                return Err(missing("without_data_events", at, "reason"));
            }
        }
        Ok(rules)
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
    fn check(&self) -> Result<(), &str> {
        self.kind.as_deref().filter(|kind| !KINDS.contains(kind)).map_or(Ok(()), Err)
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
            ("keep_actions: [{actions: ['*'], reason: r}]", "* is no action"),
            ("keep_actions: [{actions: ['s3:${x}'], reason: r}]", "is no action"),
            ("without_data_events: [{source: s3.amazonaws.com, reason: ''}]", "without_data_events[0] has no reason"),
            ("excluded: []", "excluded"),
        ] {
            let error = Rules::parse(text).unwrap_err().to_string();
            assert!(error.contains(said) && error.contains("hint:"), "{text}: {error}");
        }
        assert_eq!(Rules::parse("{}").unwrap(), Rules::default());
    }
}
