//! The levels of an organisation above an account, and the control policies of each.

use std::collections::BTreeSet;

use super::inventory::Inventory;
use crate::iam::document::Policy;
use crate::util::shown;

/// Levels of an organisation: the account, five units, the root (AWS Organizations User Guide, "Quotas").
const DEPTH_MAX: usize = 8;

/// AWS's policy that allows everything (AWS Organizations User Guide, "SCP evaluation").
const FULL_ACCESS: &str = "p-FullAWSAccess";

impl Inventory {
    /// The service control policies that bind an account, by level; none for the management account.
    ///
    /// AWS Organizations User Guide, "SCP evaluation": each level from the root to the account must allow.
    pub fn scps(&self, account: &str) -> Vec<Vec<Policy>> {
        let answers = &self.answers;
        if answers.scps.is_empty() || self.is_management(account) {
            return Vec::new();
        }
        let at = |place: &&str| {
            let ids = answers.attached.get(*place)?;
            let policies: Vec<Policy> = ids.iter().filter_map(|id| answers.scps.get(id)).cloned().collect();
            (!policies.is_empty()).then_some(policies)
        };
        self.places(account).iter().rev().filter_map(at).collect()
    }

    /// Whether no control policy binds an account.
    pub fn is_management(&self, account: &str) -> bool {
        self.answers.management_account.as_deref() == Some(account)
    }

    /// The account, the units above it, the root.
    fn places<'a>(&'a self, account: &'a str) -> Vec<&'a str> {
        let mut places = vec![account];
        // An organisation is five units deep; what is made up may be a circle.
        while let Some(above) = places.last().and_then(|place| self.answers.parents.get(*place)) {
            if places.len() > DEPTH_MAX || places.contains(&above.as_str()) {
                break;
            }
            places.push(above);
        }
        places
    }

    /// Why not all control policies of an account are known: no answer tells what is above it.
    pub fn unknown_level(&self, account: &str) -> Option<String> {
        if self.answers.scps.is_empty() || self.is_management(account) {
            return None;
        }
        let places = self.places(account);
        let top = places.last().copied().unwrap_or(account);
        // AWS Organizations API Reference, `Root`, `Id`.
        let is_root = self.answers.roots.contains(top) || top.starts_with("r-");
        (!is_root).then(|| match top == account {
            true => format!("account {}: no answer tells in which unit it is", shown::name(account)),
            false => format!("account {}: no answer tells what is above {}", shown::name(account), shown::name(top)),
        })
    }

    /// Control policies of which it is not known what they are or whom they bind.
    pub fn unknown_policies(&self) -> BTreeSet<String> {
        let answers = &self.answers;
        let attached: BTreeSet<&String> = answers.attached.values().flatten().collect();
        let homeless = answers.scps.keys().filter(|id| !answers.targets_told.contains(*id) && !attached.contains(id));
        let without_text = attached.iter().filter(|id| {
            let is_known = answers.scps.contains_key(**id) || answers.other_policies.contains(**id);
            !is_known && id.as_str() != FULL_ACCESS
        });
        homeless
            .map(|id| format!("policy {}: no answer tells to what it is attached", shown::name(id)))
            .chain(without_text.map(|id| format!("policy {}: no answer holds its text", shown::name(id))))
            .collect()
    }
}
