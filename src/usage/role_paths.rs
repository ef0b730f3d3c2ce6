//! Paths of roles, where some records have a role's ARN and others but the ARN of a session, which has no path.
//!
//! `arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION` names the role alone; the session's issuer, which most records
//! have, has the path (CloudTrail User Guide, "CloudTrail userIdentity element"). A role's name is single in its
//! account, whatever its path (IAM User Guide, "IAM names"), so that both are one role. Where a name has several paths,
//! a role was deleted and another of its name made: it is not known whose a record without a path is, and nothing is
//! joined.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::Array;

use super::encode::dictionary;
use super::error::ReadError;
use super::months::each;
use super::row::Outcome;
use super::shared_str::Text;
use crate::iam::arn::Arn;
use crate::store::{Snapshot, Stored, read_dictionaries};

/// The ARNs of roles with their paths, by the ARN without: of roles of which a store has both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RolePaths(Arc<BTreeMap<String, Text>>);

/// Roles that are kept: there is no end to what somebody may have made up.
const ROLES_MAX: usize = 200_000;

impl RolePaths {
    /// Looks through the whole store's usage.
    ///
    /// # Errors
    /// When a file can't be read.
    pub fn read(snapshot: &Snapshot) -> Result<RolePaths, ReadError> {
        let mut found = Found::default();
        each(snapshot, |stored| found.add_principals(stored))?;
        // Who took a role had to name it with its path: AWS STS API Reference, `AssumeRole`, `RoleArn`.
        if found.is_any_open() {
            each(snapshot, |stored| found.add_taken(stored))?;
        }
        Ok(RolePaths(Arc::new(found.finish())))
    }

    /// The ARN with its path, where that is known.
    pub fn whole<'a>(&'a self, arn: &'a str) -> &'a str {
        if self.0.is_empty() { arn } else { self.0.get(arn).map_or(arn, Text::as_str) }
    }

    /// The same, where it is another one.
    pub(super) fn longer(&self, arn: &str) -> Option<&Text> {
        if self.0.is_empty() { None } else { self.0.get(arn) }
    }
}

#[derive(Default)]
struct Found {
    /// Roles that acted, by their ARN without a path.
    without: BTreeSet<String>,
    /// The ARNs with a path, by that without.
    with: BTreeMap<String, BTreeSet<String>>,
}

impl Found {
    fn add_principals(&mut self, stored: &dyn Stored) -> Result<(), ReadError> {
        for batch in read_dictionaries(stored, &["principal_arn"])? {
            let batch = batch?;
            for arn in dictionary(&batch, "principal_arn")?.values().iter().flatten() {
                match without_path(arn) {
                    Some(short) => self.add(short, arn),
                    None if arn.contains(":role/") && self.without.len() < ROLES_MAX => {
                        self.without.insert(arn.to_owned());
                    }
                    None => {}
                }
            }
        }
        Ok(())
    }

    /// Roles that acted of which no principal's ARN tells the path.
    fn is_any_open(&self) -> bool {
        self.without.iter().any(|arn| !self.with.contains_key(arn))
    }

    /// Only calls that succeeded: what somebody asked for in vain may be made up.
    #[expect(clippy::cast_sign_loss, reason = "Arrow's offsets are not negative")]
    fn add_taken(&mut self, stored: &dyn Stored) -> Result<(), ReadError> {
        for batch in read_dictionaries(stored, &["action", "outcome", "resource"])? {
            let batch = batch?;
            let [actions, outcomes, resources] =
                [dictionary(&batch, "action")?, dictionary(&batch, "outcome")?, dictionary(&batch, "resource")?];
            let place =
                |of: &super::encode::Dictionary<'_>, text: &str| of.values().iter().position(|t| t == Some(text));
            let wanted = place(&actions, "sts:AssumeRole").zip(place(&outcomes, Outcome::Allowed.as_str()));
            let Some((action, outcome)) = wanted else { continue };
            let mut named: BTreeSet<usize> = BTreeSet::new();
            for row in 0..batch.num_rows() {
                let is_one = |of: &super::encode::Dictionary<'_>, at: usize| of.keys().value(row) as usize == at;
                if actions.keys().is_valid(row) && is_one(&actions, action) && is_one(&outcomes, outcome) {
                    named.insert(resources.keys().value(row) as usize);
                }
            }
            for arn in
                named.into_iter().filter(|at| *at < resources.values().len()).map(|at| resources.values().value(at))
            {
                let short = without_path(arn).filter(|short| self.without.contains(short));
                if let Some(short) = short.filter(|_| !arn.contains('*')) {
                    self.add(short, arn);
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, short: String, arn: &str) {
        if self.with.len() < ROLES_MAX || self.with.contains_key(&short) {
            let arns = self.with.entry(short).or_default();
            // Two are enough to know that the path is not certain.
            if arns.len() < 2 && !arns.contains(arn) {
                arns.insert(arn.to_owned());
            }
        }
    }

    fn finish(self) -> BTreeMap<String, Text> {
        let Found { without, with } = self;
        let of_one = |(short, arns): (String, BTreeSet<String>)| match (arns.len(), arns.into_iter().next()) {
            (1, Some(arn)) if without.contains(&short) => Some((short, arn.into())),
            _ => None,
        };
        with.into_iter().filter_map(of_one).collect()
    }
}

/// A role's ARN without its path; `None` where it has none, or is that of no role.
fn without_path(arn: &str) -> Option<String> {
    let parsed = Arn::parse(arn).filter(|parsed| parsed.service == "iam")?;
    let (path, name) = parsed.resource.strip_prefix("role/")?.rsplit_once('/')?;
    let is_whole = !path.is_empty() && !name.is_empty();
    is_whole.then(|| format!("arn:{}:iam::{}:role/{name}", parsed.partition, parsed.account))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_path() {
        for (arn, short) in [
            ("arn:aws:iam::111122223333:role/team/a/deploy", Some("arn:aws:iam::111122223333:role/deploy")),
            ("arn:aws:iam::111122223333:role/deploy", None),
            ("arn:aws:iam::111122223333:user/team/ann", None),
            ("arn:aws:sts::111122223333:assumed-role/deploy/ann", None),
            ("deploy", None),
        ] {
            assert_eq!(without_path(arn).as_deref(), short, "{arn}");
        }
    }

    #[test]
    fn a_name_with_two_paths_is_joined_to_neither() {
        let mut found = Found::default();
        for name in ["deploy", "build"] {
            found.without.insert(format!("arn:aws:iam::1:role/{name}"));
        }
        for arn in ["arn:aws:iam::1:role/a/deploy", "arn:aws:iam::1:role/b/deploy", "arn:aws:iam::1:role/a/build"] {
            found.add(without_path(arn).unwrap(), arn);
        }
        found.add("arn:aws:iam::1:role/other".to_owned(), "arn:aws:iam::1:role/a/other");
        let paths = RolePaths(Arc::new(found.finish()));
        assert_eq!(paths.whole("arn:aws:iam::1:role/deploy"), "arn:aws:iam::1:role/deploy");
        assert_eq!(paths.whole("arn:aws:iam::1:role/build"), "arn:aws:iam::1:role/a/build");
        assert_eq!(paths.0.len(), 1, "only what is there in both forms");
    }
}
