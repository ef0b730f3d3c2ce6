//! Whose usage is meant: roles, users, permission sets, sessions, accounts, and the window of time.

use std::fmt;

use super::error::ReadError;
use super::role_paths::RolePaths;
use crate::iam::wildcard_match;
use crate::store::Snapshot;
use crate::time::{MICROS_PER_DAY, format_time};

/// A window of time: from the first instant in it to the first one behind it, microseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TimeRange {
    /// First instant in the window.
    pub from_us: Option<i64>,
    /// First instant behind it.
    pub to_us: Option<i64>,
}

impl TimeRange {
    /// Whether the window holds an instant.
    pub fn contains(&self, time_us: i64) -> bool {
        self.from_us.is_none_or(|from| time_us >= from) && self.to_us.is_none_or(|to| time_us < to)
    }

    /// Whether the window holds all of a day (days since 1970-01-01), some of it, or none.
    pub fn cover(&self, event_date: i32) -> Cover {
        let first = i64::from(event_date) * MICROS_PER_DAY;
        let behind = first + MICROS_PER_DAY;
        if self.from_us.is_some_and(|from| from >= behind) || self.to_us.is_some_and(|to| to <= first) {
            Cover::None
        } else if self.from_us.is_none_or(|from| from <= first) && self.to_us.is_none_or(|to| to >= behind) {
            Cover::All
        } else {
            Cover::Part
        }
    }
}

impl fmt::Display for TimeRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.from_us.map(format_time), self.to_us.map(format_time)) {
            (None, None) => write!(f, "all times"),
            (Some(from), None) => write!(f, "from {from} on"),
            (None, Some(to)) => write!(f, "before {to}"),
            (Some(from), Some(to)) => write!(f, "{from} to {to}"),
        }
    }
}

/// How much of a day a window holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cover {
    /// Every instant.
    All,
    /// Some instants.
    Part,
    /// No instant.
    None,
}

/// A selection that means nobody.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// No pattern at all.
    #[error("nobody is selected")]
    Empty,
}

/// Principals by pattern. A principal is meant when any of its roles, users, permission sets or principals patterns
/// match and, where there are any, one of the sessions and one of the accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Roles: a name, an ARN, or a glob over either.
    pub roles: Vec<String>,
    /// IAM users: a name, an ARN, or a glob over either; `root` for an account's root.
    pub users: Vec<String>,
    /// Identity Center permission sets: a name or glob.
    pub permission_sets: Vec<String>,
    /// Any principal by its ARN: a glob.
    pub principals: Vec<String>,
    /// Role session names: a name or glob.
    pub sessions: Vec<String>,
    /// Accounts in which the principals live.
    pub accounts: Vec<String>,
    /// Which ARNs are of one role: rows come under the one that has the path.
    pub role_paths: RolePaths,
}

/// Who a row is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Who<'a> {
    pub principal_arn: &'a str,
    pub permission_set: Option<&'a str>,
    pub session_name: Option<&'a str>,
    pub account_id: &'a str,
}

impl Selection {
    /// The same with what a store tells of roles' paths.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn knowing(self, snapshot: &Snapshot) -> Result<Selection, ReadError> {
        Ok(Selection { role_paths: RolePaths::read(snapshot)?, ..self })
    }

    /// Checks that somebody is selected.
    pub fn validate(&self) -> Result<(), SelectError> {
        let patterns = [&self.roles, &self.users, &self.permission_sets, &self.principals];
        if patterns.iter().all(|p| p.is_empty()) { Err(SelectError::Empty) } else { Ok(()) }
    }

    /// Whether a principal is meant, by its ARN, its permission set, the name of its session and its account.
    pub(crate) fn means(&self, arn: &str, permission_set: Option<&str>, session: Option<&str>, account: &str) -> bool {
        self.matches(&Who { principal_arn: arn, permission_set, session_name: session, account_id: account })
    }

    pub(crate) fn matches(&self, who: &Who<'_>) -> bool {
        (self.names(who.principal_arn) || who.permission_set.is_some_and(|name| self.names_permission_set(name)))
            && matches_any(&self.sessions, who.session_name)
            && matches_any(&self.accounts, Some(who.account_id))
    }

    /// Whether a role is meant that somebody else takes.
    pub(crate) fn means_role(&self, arn: &str, account_id: &str) -> bool {
        self.names(arn) && matches_any(&self.accounts, Some(account_id))
    }

    /// Whether a principal is meant by its ARN.
    pub(super) fn names(&self, arn: &str) -> bool {
        let arn = self.role_paths.whole(arn);
        // Who copied an ARN without its path out of a record means the same role.
        let role = self.roles.iter().any(|p| arn.contains(":role/") && matches_identity(self.role_paths.whole(p), arn));
        let user = self.users.iter().any(|pattern| {
            arn.contains(":user/") && matches_identity(pattern, arn) || pattern == "root" && arn.ends_with(":root")
        });
        role || user || self.principals.iter().any(|p| wildcard_match(self.role_paths.whole(p), arn, false))
    }

    /// Whether those who have a permission set are meant.
    pub(super) fn names_permission_set(&self, name: &str) -> bool {
        self.permission_sets.iter().any(|pattern| wildcard_match(pattern, name, false))
    }
}

/// A pattern that begins like an ARN is matched against the ARN, another one against the name behind the path, or,
/// where it holds a `/`, against the path and name.
fn matches_identity(pattern: &str, arn: &str) -> bool {
    if pattern.starts_with("arn:") || pattern.starts_with("*:") {
        return wildcard_match(pattern, arn, false);
    }
    let path = arn.splitn(6, ':').nth(5).and_then(|resource| resource.split_once('/')).map_or(arn, |(_, path)| path);
    let name = if pattern.contains('/') { path } else { path.rsplit('/').next().unwrap_or(path) };
    wildcard_match(pattern, name, false)
}

/// Whether a text is meant, where patterns narrow it.
pub(super) fn matches_any(patterns: &[String], text: Option<&str>) -> bool {
    patterns.is_empty() || text.is_some_and(|text| patterns.iter().any(|p| wildcard_match(p, text, false)))
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [
            ("role", &self.roles),
            ("user", &self.users),
            ("permission set", &self.permission_sets),
            ("principal", &self.principals),
            ("session", &self.sessions),
            ("account", &self.accounts),
        ];
        let parts: Vec<String> =
            kinds.iter().filter(|(_, p)| !p.is_empty()).map(|(kind, p)| format!("{kind} {}", p.join(", "))).collect();
        write!(f, "{}", parts.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SSO: &str = "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_AdministratorAccess_0123456789abcdef";

    fn who(arn: &str) -> Who<'_> {
        Who {
            principal_arn: arn,
            permission_set: None,
            session_name: Some("ann@example.com"),
            account_id: "111122223333",
        }
    }

    #[test]
    fn roles_by_name_arn_and_glob() {
        for (pattern, expected) in [
            ("AWSReservedSSO_AdministratorAccess_*", true),
            ("AWSReservedSSO_AdministratorAccess_0123456789abcdef", true),
            (SSO, true),
            ("arn:aws:iam::*:role/aws-reserved/*", true),
            ("aws-reserved/*", true),
            ("AWSReservedSSO_ReadOnly*", false),
            ("AWSReservedSSO_AdministratorAccess", false),
        ] {
            let selection = Selection { roles: vec![pattern.to_owned()], ..Default::default() };
            assert_eq!(selection.matches(&who(SSO)), expected, "{pattern}");
        }
    }

    #[test]
    fn users_root_sessions_accounts() {
        let select = |users: &[&str], sessions: &[&str], accounts: &[&str]| Selection {
            users: users.iter().map(|s| (*s).to_owned()).collect(),
            sessions: sessions.iter().map(|s| (*s).to_owned()).collect(),
            accounts: accounts.iter().map(|s| (*s).to_owned()).collect(),
            ..Default::default()
        };
        let ann = "arn:aws:iam::111122223333:user/team/ann";
        assert!(select(&["ann"], &[], &[]).matches(&who(ann)));
        assert!(!select(&["bob"], &[], &[]).matches(&who(ann)));
        assert!(!select(&["root"], &[], &[]).matches(&who(ann)));
        assert!(select(&["root"], &[], &[]).matches(&who("arn:aws:iam::111122223333:root")));
        assert!(select(&["ann"], &["ann@*"], &["111122223333"]).matches(&who(ann)));
        assert!(!select(&["ann"], &["bob@*"], &[]).matches(&who(ann)));
        assert!(!select(&["ann"], &[], &["444455556666"]).matches(&who(ann)));
        assert_eq!(Selection::default().validate(), Err(SelectError::Empty));
    }

    #[test]
    fn days_in_a_window() {
        let day = MICROS_PER_DAY;
        let range = TimeRange { from_us: Some(day), to_us: Some(2 * day + 1) };
        assert_eq!([0, 1, 2, 3].map(|d| range.cover(d)), [Cover::None, Cover::All, Cover::Part, Cover::None]);
        assert_eq!(TimeRange::default().cover(7), Cover::All);
    }
}
