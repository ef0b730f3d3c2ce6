//! Whom a policy is for: permission sets, roles, users, people, and the groups that people fall into.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crate::policy::unused::name;
use crate::usage::UsageRow;

/// What somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubjectKind {
    /// A permission set of Identity Center, in all accounts that have it.
    PermissionSet,
    /// A role that is not one of Identity Center's.
    Role,
    /// An IAM user.
    User,
    /// Somebody who comes through Identity Center, by the name of the sessions.
    Person,
    /// People of one permission set who do the same.
    Persona,
    /// Roles of like names, in several accounts as a rule, that do the same: copies of one.
    RoleGroup,
}

impl SubjectKind {
    /// In words that are also names of files: `permission-set`.
    pub fn as_str(self) -> &'static str {
        match self {
            SubjectKind::PermissionSet => "permission-set",
            SubjectKind::Role => "role",
            SubjectKind::User => "user",
            SubjectKind::Person => "person",
            SubjectKind::Persona => "persona",
            SubjectKind::RoleGroup => "role-group",
        }
    }

    /// The folder of all of them.
    pub fn folder(self) -> &'static str {
        match self {
            SubjectKind::PermissionSet => "permission-sets",
            SubjectKind::Role => "roles",
            SubjectKind::User => "users",
            SubjectKind::Person => "people",
            SubjectKind::Persona => "personas",
            SubjectKind::RoleGroup => "role-groups",
        }
    }

    /// Every kind.
    pub const ALL: [SubjectKind; 6] = [
        SubjectKind::PermissionSet,
        SubjectKind::Role,
        SubjectKind::User,
        SubjectKind::Person,
        SubjectKind::Persona,
        SubjectKind::RoleGroup,
    ];
}

/// Whom a policy is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// What it is.
    pub kind: SubjectKind,
    /// Name of the permission set, role, user or person; of a persona, its number and what it does.
    pub name: String,
    /// The account of a role or user.
    pub account: Option<String>,
    /// ARN of a role or user, with its path where one is known.
    pub arn: Option<String>,
    /// Path of a role or user: `/`, `/team/`.
    pub path: String,
    /// Tags, where a file tells them.
    pub tags: BTreeMap<String, String>,
    /// Of a persona, the permission set that its people share; of a group of roles, the name that they share.
    pub of: Option<String>,
    /// Of a group of roles, their ARNs.
    pub roles: BTreeSet<String>,
}

impl Subject {
    /// Somebody of whom but kind and name are known.
    pub fn new(kind: SubjectKind, name: &str) -> Subject {
        Subject {
            kind,
            name: name.to_owned(),
            account: None,
            arn: None,
            path: "/".to_owned(),
            tags: BTreeMap::new(),
            of: None,
            roles: BTreeSet::new(),
        }
    }

    /// A role or user.
    pub fn of_arn(arn: &str) -> Option<Subject> {
        let (account, kind, short) = name(arn)?;
        let kind = match kind {
            "role" => SubjectKind::Role,
            "user" => SubjectKind::User,
            _ => return None,
        };
        let path = arn.splitn(6, ':').nth(5).and_then(|resource| resource.split_once('/')).map_or("", |(_, path)| path);
        let path = format!("/{}", path.strip_suffix(short).unwrap_or_default());
        let (account, arn) = (Some(account.to_owned()), Some(arn.to_owned()));
        Some(Subject { account, arn, path, ..Subject::new(kind, short) })
    }

    /// In a line: `role deploy of 111122223333`.
    pub fn title(&self) -> String {
        let name = crate::util::shown::name(&self.name);
        match (&self.account, &self.of) {
            (Some(account), _) => {
                format!("{} {name} of {}", self.kind.as_str(), crate::util::shown::name(account))
            }
            (None, Some(of)) if self.kind == SubjectKind::RoleGroup => {
                format!("group {name} of roles named {}", crate::util::shown::name(of))
            }
            (None, Some(of)) => format!("persona {name} of permission set {}", crate::util::shown::name(of)),
            (None, None) => format!("{} {name}", self.kind.as_str()),
        }
    }

    /// What tells it from all others.
    pub fn key(&self) -> (SubjectKind, &str, &str, &str) {
        (self.kind, self.account.as_deref().unwrap_or_default(), self.of.as_deref().unwrap_or_default(), &self.name)
    }
}

/// Whose a row is: rows of one come one after the other where they are in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowKey<'a> {
    /// Of a permission set.
    PermissionSet(&'a str),
    /// Of a role or user: account, `role` or `user`, and name. Not every record holds its path.
    Named(&'a str, &'a str, &'a str),
    /// Of nobody to whom a policy can be attached: root, an AWS service, somebody unknown; by type.
    Other(&'a str),
}

impl<'a> RowKey<'a> {
    /// How the texts of permission sets' keys begin.
    pub const OF_SETS: &'static str = "permission set ";

    /// The key of a row as a text; each has its own.
    pub fn text(row: &UsageRow) -> String {
        match RowKey::of(row) {
            RowKey::PermissionSet(set) => format!("{}{set:?}", RowKey::OF_SETS),
            RowKey::Named(account, kind, name) => format!("{kind} {name:?} of {account:?}"),
            RowKey::Other(what) => format!("other {what}"),
        }
    }

    /// Of a row.
    pub fn of(row: &'a UsageRow) -> RowKey<'a> {
        if let Some(set) = &row.permission_set {
            return RowKey::PermissionSet(set);
        }
        let is_linked = row.principal_arn.contains(":role/aws-service-role/");
        match name(&row.principal_arn).filter(|(_, kind, _)| matches!(*kind, "role" | "user")) {
            Some((account, kind, name)) if !is_linked => RowKey::Named(account, kind, name),
            _ => RowKey::Other(if is_linked { "service-linked role" } else { &row.principal_type }),
        }
    }

    /// The order in which rows of one are together.
    pub fn order(a: &UsageRow, b: &UsageRow) -> Ordering {
        RowKey::of(a).cmp(&RowKey::of(b)).then_with(|| UsageRow::compare(a, b))
    }
}
