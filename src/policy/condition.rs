//! Conditions that usage can carry.

use std::collections::{BTreeMap, BTreeSet};

use super::ceiling::Carried;
use super::classify::Grant;
use super::options::ConditionKind;
use crate::iam::document::Condition;
use crate::usage::Text;

/// All must hold: what usage tells, and what a statement says that is cut down.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Conditions {
    /// Operator and key → values.
    pub(crate) own: BTreeMap<(&'static str, &'static str), BTreeSet<String>>,
    pub(crate) carried: Carried,
}

/// Services that set `aws:CalledVia` (IAM User Guide, "AWS global condition context keys", `aws:CalledVia`).
const CALLED_VIA: &[&str] = &[
    "aoss.amazonaws.com",
    "athena.amazonaws.com",
    "backup.amazonaws.com",
    "cloud9.amazonaws.com",
    "cloudformation.amazonaws.com",
    "databrew.amazonaws.com",
    "dataexchange.amazonaws.com",
    "dynamodb.amazonaws.com",
    "imagebuilder.amazonaws.com",
    "kms.amazonaws.com",
    "mgn.amazonaws.com",
    "nimble.amazonaws.com",
    "omics.amazonaws.com",
    "ram.amazonaws.com",
    "robomaker.amazonaws.com",
    "servicecatalog-appregistry.amazonaws.com",
    "sqlworkbench.amazonaws.com",
    "ssm-guiconnect.amazonaws.com",
];

/// The conditions of one grant. `regions` are those in which its service was used.
pub(crate) fn conditions(grant: &Grant, regions: &BTreeSet<String>, wanted: &BTreeSet<ConditionKind>) -> Conditions {
    let mut conditions = Conditions::default();
    if let Some(binding) = &grant.binding {
        conditions.own.insert((binding.operator(), binding.key), binding.values.clone());
    }
    let knows_regions = !regions.is_empty() && regions.iter().all(|region| !region.is_empty());
    if wanted.contains(&ConditionKind::Region) && knows_regions {
        conditions.own.insert(("StringEquals", "aws:RequestedRegion"), regions.clone());
    }
    let via = &grant.evidence.via;
    let only_via = !grant.evidence.direct && via.iter().all(|service| CALLED_VIA.contains(&service.as_str()));
    if wanted.contains(&ConditionKind::CalledVia) && only_via && !via.is_empty() {
        conditions.own.insert(("ForAnyValue:StringEquals", "aws:CalledVia"), via.iter().map(Text::to_string).collect());
    }
    conditions
}

/// As a document has them. Where a statement that is cut down tests the same key by the same operator, the narrower list
/// stands: what usage tells if all of it is among what the statement says, else what the statement says.
pub(crate) fn to_block(conditions: &Conditions) -> Vec<Condition> {
    let mut block: Vec<Condition> = Vec::new();
    let carried = &conditions.carried.conditions;
    for (operator, key, values) in carried {
        put(&mut block, operator, key, values.clone());
    }
    for ((operator, key), values) in &conditions.own {
        let is_same = |(o, k, _): &&(String, String, Vec<String>)| {
            o.eq_ignore_ascii_case(operator) && k.eq_ignore_ascii_case(key)
        };
        let is_wider = carried.iter().find(is_same).is_some_and(|(.., said)| !values.iter().all(|v| said.contains(v)));
        if !is_wider {
            put(&mut block, operator, key, values.iter().cloned().collect());
        }
    }
    block
}

/// JSON can say an operator, and a key under it, once only.
fn put(block: &mut Vec<Condition>, operator: &str, key: &str, values: Vec<String>) {
    let Some(test) = block.iter_mut().find(|test| test.operator.eq_ignore_ascii_case(operator)) else {
        block.push(Condition { operator: operator.to_owned(), keys: vec![(key.to_owned(), values)] });
        return;
    };
    match test.keys.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(key)) {
        Some((_, said)) => *said = values,
        None => test.keys.push((key.to_owned(), values)),
    }
}
