//! What an action's name says of the resource types that it takes.

use crate::iam::arn::arn_format::ArnFormat;
use crate::iam::catalog::{Action, ResourceType, bare_name};
use crate::iam::resolve::resources::plan::making::words::{kind_name, plain, stem};

/// What an action's name says of a resource type that it takes.
#[derive(Clone, Copy, Debug)]
pub(in crate::iam) struct NamedByAction {
    /// Whether it says the type; `None` where it says none.
    pub is_said: Option<bool>,
    /// Place of the variable that it says: `BotName` of `GetBot`.
    pub own: Option<usize>,
    /// Whether the type is the only one.
    pub is_only: bool,
    /// Whether a type that it says takes a bare `name`.
    pub takes_name: bool,
    /// Whether one takes a bare `id`.
    pub takes_id: bool,
    /// Whether it makes something.
    pub is_made: bool,
    /// Whether it is about one thing and another of the same type, and whether it makes the other.
    pub is_on_two: bool,
    pub is_copied: bool,
}

impl NamedByAction {
    /// Of each of an action's types.
    pub fn of_all(action: &Action, types: &[&ResourceType]) -> Vec<NamedByAction> {
        let operation = bare_name(&action.name);
        let forms: Vec<ArnFormat> = types.iter().map(|kind| ArnFormat::new(&kind.arn)).collect();
        let lower = operation.to_ascii_lowercase();
        let own: Vec<Option<usize>> = forms.iter().map(|form| own(form, &lower)).collect();
        let letters: Vec<usize> = types.iter().zip(&forms).map(|(kind, form)| letters(kind, form, &lower)).collect();
        let most = letters.iter().copied().max().unwrap_or(0);
        let said = || forms.iter().zip(&own).zip(&letters).filter(|(_, letters)| most > 0 && **letters == most);
        let takes = |bare: &str| {
            let is_taken = |(form, own): (&ArnFormat, &Option<usize>)| {
                (0..form.variables.len()).any(|at| plain(form, at, *own).contains(&bare))
            };
            said().map(|(of_type, _)| of_type).any(is_taken)
        };
        let of_all = NamedByAction {
            is_said: None,
            own: None,
            is_only: types.len() == 1,
            takes_name: takes("Name"),
            takes_id: takes("Id"),
            is_made: ["Create", "Import", "Register", "Put"].iter().any(|verb| operation.starts_with(verb)),
            is_on_two: ["Copy", "Restore", "Move", "Swap"].iter().any(|verb| operation.starts_with(verb))
                || operation.ends_with("Replica"),
            is_copied: operation.starts_with("Copy"),
        };
        let of_type = |(letters, own)| NamedByAction { is_said: (most > 0).then_some(letters == most), own, ..of_all };
        letters.into_iter().zip(own).map(of_type).collect()
    }
}

/// Place of the variable of a form whose name says most of an operation's.
fn own(form: &ArnFormat, operation: &str) -> Option<usize> {
    let stems = form.variables.iter().map(|variable| stem(variable).to_ascii_lowercase()).enumerate();
    let said = stems.filter(|(_, stem)| stem.len() > 2 && operation.contains(stem.as_str()));
    said.max_by_key(|(_, stem)| stem.len()).map(|(at, _)| at)
}

/// How many letters of an operation's name say a resource type: `GetTableVersion` says `table`.
fn letters(kind: &ResourceType, form: &ArnFormat, operation: &str) -> usize {
    let stems = form.variables.iter().rev().take(2).map(|variable| stem(variable).to_owned());
    let words = stems.chain([kind_name(kind)]).map(|word| word.to_ascii_lowercase());
    words.filter(|word| word.len() > 2 && operation.contains(word.as_str())).map(|word| word.len()).max().unwrap_or(0)
}
