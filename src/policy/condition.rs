//! Conditions that usage can carry.

use std::collections::{BTreeMap, BTreeSet};

use super::options::ConditionKind;
use super::sift::Grant;
use crate::iam::document::Condition;
use crate::usage::Text;

/// Operator and key → values; all must hold.
pub(crate) type Conditions = BTreeMap<(&'static str, &'static str), BTreeSet<String>>;

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
    let mut conditions = Conditions::new();
    if let Some(binding) = &grant.binding {
        conditions.insert((binding.operator(), binding.key), binding.values.clone());
    }
    let knows_regions = !regions.is_empty() && regions.iter().all(|region| !region.is_empty());
    if wanted.contains(&ConditionKind::Region) && knows_regions {
        conditions.insert(("StringEquals", "aws:RequestedRegion"), regions.clone());
    }
    let via = &grant.evidence.via;
    let only_via = !grant.evidence.direct && via.iter().all(|service| CALLED_VIA.contains(&service.as_str()));
    if wanted.contains(&ConditionKind::CalledVia) && only_via && !via.is_empty() {
        conditions.insert(("ForAnyValue:StringEquals", "aws:CalledVia"), via.iter().map(Text::to_string).collect());
    }
    conditions
}

/// As a document has them.
pub(crate) fn to_block(conditions: &Conditions) -> Vec<Condition> {
    let mut block: Vec<Condition> = Vec::new();
    for ((operator, key), values) in conditions {
        let entry = ((*key).to_owned(), values.iter().cloned().collect());
        match block.last_mut() {
            Some(last) if last.operator == *operator => last.keys.push(entry),
            _ => block.push(Condition { operator: (*operator).to_owned(), keys: vec![entry] }),
        }
    }
    block
}
