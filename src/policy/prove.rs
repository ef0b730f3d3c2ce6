//! The proof of a policy, both ways: all that was allowed is allowed, and nothing is granted for which no use speaks.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use super::catalog_view::CatalogView;
use super::classify::{Fate, fate_of_requests};
use super::made::Made;
use super::options::{Generalize, Granularity, Options, Preset};
use super::pattern::covered;
use super::replay::{Asking, Replay, replay_asking};
use crate::iam::Catalog;
use crate::iam::document::Statement;
use crate::iam::evaluate::{PolicySet, covers_action};
use crate::usage::{RequestValues, UsageRow};

/// What a proof came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// Every use that was allowed, under the policies.
    pub replay: Replay,
    /// Grants for which no use speaks.
    pub unspoken: Vec<Unspoken>,
    /// The uses come from the events themselves, not from `usage`.
    pub by_events: bool,
}

/// An action on a resource pattern for which no use speaks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unspoken {
    /// `Sid` of the statement that grants it.
    pub sid: String,
    /// The action: `s3:GetObject`.
    pub action: String,
    /// The resource pattern.
    pub pattern: String,
}

impl Proof {
    /// Nothing that was allowed would be denied, and nothing is granted without a use.
    pub fn holds(&self) -> bool {
        self.replay.holds() && self.unspoken.is_empty()
    }
}

/// Action → resources of the uses that may be granted.
type Uses = BTreeMap<String, BTreeSet<String>>;

/// Proves policies that were made, judged within `policies`, by `rows`: those that they were made from, or others that
/// should say the same.
pub fn prove(
    made: &Made,
    policies: &PolicySet,
    rows: &[UsageRow],
    requests: &RequestValues,
    options: &Options,
    catalog: &Catalog,
) -> Proof {
    let knowledge = CatalogView::new(catalog);
    let asking = Asking::new(policies, requests, &knowledge);
    let asking = if options.pass_role_any_service { asking.with_any_service() } else { asking };
    let Ok(replay) = replay_asking(policies, rows.iter().map(Ok::<_, Infallible>), &asking);
    let mut uses = Uses::new();
    for row in rows {
        if let Fate::Granted { action, resource } | Fate::Incomplete { action, resource, .. } =
            fate_of_requests(row, requests, &knowledge)
        {
            uses.entry(action).or_default().insert(resource);
        }
    }
    let unspoken = unspoken(made, &uses, options);
    Proof { replay, unspoken, by_events: false }
}

/// Of the statements that were made, every pair of action and pattern without a use. Where no name was to be
/// generalised and nothing was opened to fit, a pattern has to be a used resource word for word.
fn unspoken(made: &Made, uses: &Uses, options: &Options) -> Vec<Unspoken> {
    let is_exact = options.generalize == Generalize::None
        && options.granularity == Granularity::Resource
        && options.preset == Preset::Workload
        && made.widened.is_empty();
    let mut unspoken = Vec::new();
    for note in &made.statements {
        let document = made.documents.get(note.document);
        let Some(statement) = document.and_then(|document| document.policy.statements.get(note.statement)) else {
            continue;
        };
        for (action, pattern) in pairs(statement) {
            let service = action.split(':').next().unwrap_or_default();
            let speaks = |resources: &BTreeSet<String>| {
                resources.contains(pattern) || covered(pattern, resources).any(|used| is_for(pattern, used, is_exact))
            };
            let is_uncertain = made.uncertain_services.contains(service);
            let is_used = match uses.get(action) {
                Some(resources) => speaks(resources),
                None if action.contains(['*', '?']) => {
                    uses.iter().filter(|(used, _)| covers_action(action, used)).any(|(_, resources)| speaks(resources))
                }
                None => false,
            };
            if !is_used && !is_uncertain {
                let (action, pattern) = (action.to_owned(), pattern.to_owned());
                unspoken.push(Unspoken { sid: note.sid.clone(), action, pattern });
            }
        }
    }
    unspoken
}

fn pairs(statement: &Statement) -> impl Iterator<Item = (&str, &str)> {
    let patterns = statement.resources.patterns();
    let actions = statement.actions.patterns().iter();
    actions.flat_map(move |action| patterns.iter().map(move |pattern| (action.as_str(), pattern.as_str())))
}

/// Whether a use of a resource speaks for a pattern that covers it.
fn is_for(pattern: &str, used: &str, is_exact: bool) -> bool {
    // Only the account and the region may be open.
    let resource = |text: &str| text.splitn(6, ':').nth(5).map(str::to_owned);
    !is_exact || resource(pattern) == resource(used)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::properties::row;
    use crate::policy::replay::policy_set;
    use crate::policy::{Options, make};

    /// A grant without a use fails, though nothing that was allowed is denied.
    #[test]
    fn both_ways() {
        let catalog = Catalog::embedded();
        let rows = [row("s3:GetObject", "arn:aws:s3:::lake/k1"), row("s3:DeleteObject", "arn:aws:s3:::lake/k2")];
        let options = Options { generalize: Generalize::None, ..Options::default() };
        let made = make(&rows, &options, catalog).unwrap();
        let none = RequestValues::default();
        let proved = |made: &Made, rows: &[UsageRow]| prove(made, &policy_set(made), rows, &none, &options, catalog);
        assert!(proved(&made, &rows).holds());
        let fewer = proved(&made, &rows[..1]);
        assert!(fewer.replay.holds() && !fewer.holds());
        assert_eq!((fewer.unspoken.len(), fewer.unspoken[0].action.as_str()), (1, "s3:DeleteObject"));
        let mut wider = made.clone();
        for statement in &mut wider.documents[0].policy.statements {
            statement.resources = crate::iam::document::ResourceSpec::Resource(vec!["arn:aws:s3:::lake/*".to_owned()]);
        }
        let wider = proved(&wider, &rows);
        assert!(wider.replay.holds() && wider.unspoken.len() == 2, "{wider:?}");
    }
}
