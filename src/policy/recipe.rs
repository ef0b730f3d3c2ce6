//! What policies are made by, besides what was used.

use super::catalog_view::CatalogView;
use super::ceiling::Ceiling;
use super::classify::Grant;
use super::limits::Limits;
use super::made::NamedPolicy;
use super::options::Options;
use crate::iam::document::{Policy, Statement};
use crate::usage::UsageRow;

/// What policies are made by, besides what was classified.
pub(crate) struct Recipe<'a> {
    pub(crate) rows: &'a [UsageRow],
    pub(crate) options: &'a Options,
    pub(crate) knowledge: &'a CatalogView<'a>,
    /// What events named, where something else is granted.
    pub(crate) named: Option<&'a [Grant]>,
    /// What nothing may go beyond, where a policy is cut down.
    pub(crate) ceiling: Option<&'a Ceiling>,
    /// Statements that forbid and stay as they are.
    pub(crate) denials: Vec<Statement>,
}

impl<'a> Recipe<'a> {
    pub(crate) fn of(rows: &'a [UsageRow], options: &'a Options, knowledge: &'a CatalogView<'a>) -> Recipe<'a> {
        Recipe { rows, options, knowledge, named: None, ceiling: None, denials: Vec::new() }
    }

    /// The options for what stands beside the denials.
    pub(super) fn beside_denials(&self) -> Options {
        let limits = Limits::of(self.options);
        if self.denials.is_empty() {
            return self.options.clone();
        }
        if limits.policies_max == 1 {
            // A comma, and what a name may be made longer by.
            let taken: usize = self.denials.iter().map(|denial| denial.to_value().to_string().len() + 4).sum();
            return Options { size_max: Some(limits.size_max.saturating_sub(taken)), ..self.options.clone() };
        }
        let alone = placed(Vec::new(), &self.denials, limits.size_max, &self.options.name);
        let left = limits.policies_max.saturating_sub(alone.len()).max(1);
        Options { policies_max: Some(left), ..self.options.clone() }
    }
}

/// Each denial in the first document that has room for it, or in one of its own. A denial holds wherever it stands.
pub(super) fn placed(
    mut documents: Vec<NamedPolicy>,
    denials: &[Statement],
    size_max: usize,
    name: &str,
) -> Vec<NamedPolicy> {
    for denial in denials {
        let with = |policy: &Policy| {
            let statements = policy.statements.iter().chain([denial]).cloned().collect();
            Policy { statements, ..policy.clone() }
        };
        let longer = documents.iter_mut().map(|document| (with(&document.policy), document));
        match longer.into_iter().find(|(longer, _)| longer.size() <= size_max) {
            Some((longer, document)) => document.policy = longer,
            None => {
                let policy = Policy::new(vec![denial.clone()]);
                documents.push(NamedPolicy { name: format!("{name}-{}", documents.len() + 1), policy });
                if let [first, _] = documents.as_mut_slice() {
                    first.name = format!("{name}-1");
                }
            }
        }
    }
    documents
}
