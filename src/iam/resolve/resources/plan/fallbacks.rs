//! Where a variable's value may stand if not under a name that says what it is.

use crate::iam::arn::{Arn, is_like_arn};
use crate::iam::request::name::{Name, Ranked};
use crate::iam::request::params::Params;
use crate::iam::resolve::service_rules::{IdPrefix, ReadTargets};

/// Those places, for one variable.
#[derive(Clone, Debug, Default)]
pub(in crate::iam) struct ParameterFallbacks {
    /// Parameters that hold it only if they hold an ARN: a bucket's name may be an access point's ARN.
    pub(super) arns: Ranked,
    /// Parameters at the top that hold it as a number.
    pub(super) numbers: Vec<Name>,
    /// First letters of ids of the type, and the parameters that may hold one of any type.
    pub(super) letters: Option<(IdPrefix, Ranked)>,
    /// A name by which the thing is asked for though its ARN has an id: then it is any.
    pub(super) name: Option<Name>,
    /// Parameters that hold those that are to be added and to be removed.
    pub(super) changed: [Ranked; 2],
    /// Reads it from a list of targets.
    pub(super) targets: Option<ReadTargets>,
}

impl ParameterFallbacks {
    /// The values that stand there, of texts in which `value` finds one.
    pub fn values(&self, parameters: &Params<'_>, value: impl Fn(&str) -> Option<String>) -> Vec<String> {
        let ParameterFallbacks { arns, letters, name, targets, .. } = self;
        if let Some(targets) = targets {
            let (ids, is_any) = targets(parameters);
            let any = is_any.then(|| "*".to_owned());
            return ids.iter().filter_map(|text| value(text)).chain(any).collect();
        }
        if !arns.names.is_empty() {
            let found = parameters.first_of(arns, |_, text| if is_like_arn(text) { value(text) } else { None });
            if !found.is_empty() {
                return found;
            }
        }
        if let Some(number) = self.number(parameters) {
            return vec![number];
        }
        if let Some((letters, names)) = letters {
            let found = parameters.first_of(names, |_, text| if letters.begins(text) { value(text) } else { None });
            if !found.is_empty() {
                return found;
            }
        }
        let found = self.changed(parameters, &value);
        if !found.is_empty() {
            return found;
        }
        let is_asked_for = name.is_some_and(|name| !parameters.texts_of(name).is_empty());
        if is_asked_for { vec!["*".to_owned()] } else { Vec::new() }
    }

    /// The number that a parameter at the top gives for it.
    pub fn number(&self, parameters: &Params<'_>) -> Option<String> {
        self.numbers.iter().find_map(|name| parameters.number(*name))
    }

    /// The ARN that a parameter gives which holds the variable only in an ARN.
    pub fn given_by<'a>(
        &self,
        parameters: &Params<'a>,
        arn: impl Fn(Name, &'a str) -> Option<Arn<'a>>,
    ) -> Option<Arn<'a>> {
        parameters.first_of(&self.arns, arn).into_iter().next()
    }

    /// Whether a parameter of that name holds some that are to be added or removed.
    pub fn is_change(&self, name: Name) -> bool {
        self.changed.iter().any(|names| names.contains(name))
    }

    /// Those that are to be added, and those to be removed.
    pub fn changed(&self, parameters: &Params<'_>, value: impl Fn(&str) -> Option<String>) -> Vec<String> {
        let [mut added, removed] =
            self.changed.each_ref().map(|names| parameters.first_of(names, |_, text| value(text)));
        added.extend(removed);
        added
    }
}
