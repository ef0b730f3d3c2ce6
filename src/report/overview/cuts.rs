//! Where to cut, as `rightsize` says it: the same documents, and the texts of policies to be shown beside one another.

use std::collections::BTreeSet;

use serde::Serialize;

use super::policy::Document;
use crate::iam::document::Policy;
use crate::report::rightsize::{self, Entry, Summary, document, entry};
use crate::rightsize::{Assessment, Totals, folder};
use crate::trust::RoleTrust;

/// Where to cut.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cuts {
    /// Everybody in a list: `summary.json`.
    pub summary: Summary,
    /// Each of them, in the same order.
    pub subjects: Vec<Cut>,
}

/// One subject.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cut {
    /// `document.json`.
    #[serde(flatten)]
    pub document: rightsize::Document,
    /// Its policies today.
    #[serde(skip)]
    pub today: Vec<Document>,
    /// Those that are proposed.
    #[serde(skip)]
    pub proposed: Vec<Document>,
    /// A role's trust policy of today and the one that is proposed.
    #[serde(skip)]
    pub trust: [Option<String>; 2],
}

/// Takes subjects and makes [`Cuts`].
#[derive(Debug, Default)]
pub struct CutsBuilder {
    taken: BTreeSet<String>,
    cuts: Vec<(Entry, Cut)>,
}

impl CutsBuilder {
    /// Takes one subject; of a role with who takes it.
    pub fn take(&mut self, one: &Assessment<'_>, trust: Option<&RoleTrust>) {
        let place = folder(&one.subject, &mut self.taken);
        let named = |name: &str, policy: &Policy| Document {
            name: name.to_owned(),
            text: policy.pretty(),
            size: policy.size(),
        };
        let today = one.today.iter().flat_map(|today| &today.policies);
        let made = one.proposal.iter().flat_map(|proposal| &proposal.made().documents);
        let todays = trust.and_then(|role| role.today.as_ref()?.policy.as_ref());
        let cut = Cut {
            document: document(one, trust),
            today: today.map(|identity| named(&identity.name, &identity.policy)).collect(),
            proposed: made.map(|document| named(&document.name, &document.policy)).collect(),
            trust: [todays.map(Policy::pretty), trust.and_then(RoleTrust::policy).map(Policy::pretty)],
        };
        self.cuts.push((entry(one, trust, &place), cut));
    }

    /// Everybody, in order.
    pub fn finish(mut self, totals: &Totals, problems: Vec<String>, catalogue: &str) -> Cuts {
        self.cuts.sort_by(|(a, _), (b, _)| a.order(b));
        let (entries, subjects) = self.cuts.into_iter().unzip();
        Cuts { summary: Summary::new(entries, totals, problems, catalogue), subjects }
    }
}
