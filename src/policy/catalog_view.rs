//! The questions that policies ask of the catalogue of actions.

use std::borrow::Cow;

use crate::iam::{AccessLevel, Action, Catalog, Service};

/// What an action may do, the mildest first: the order in which a wildcard may add actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// Lists resources.
    List,
    /// Reads what is in them.
    Read,
    /// Changes their tags.
    Tagging,
    /// Changes, makes or deletes them.
    Write,
    /// Changes who may do what.
    PermissionsManagement,
}

/// Reading and changing stand in statements of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    Read,
    Write,
}

impl Access {
    fn of(level: AccessLevel) -> Access {
        match level {
            AccessLevel::List => Access::List,
            AccessLevel::Read => Access::Read,
            AccessLevel::Tagging => Access::Tagging,
            AccessLevel::Write => Access::Write,
            AccessLevel::PermissionsManagement => Access::PermissionsManagement,
        }
    }

    /// The word of the Service Authorization Reference.
    pub fn as_str(self) -> &'static str {
        match self {
            Access::List => "List",
            Access::Read => "Read",
            Access::Tagging => "Tagging",
            Access::Write => "Write",
            Access::PermissionsManagement => "Permissions management",
        }
    }

    /// In which statements it stands.
    pub(crate) fn class(self) -> Class {
        match self {
            Access::List | Access::Read => Class::Read,
            Access::Tagging | Access::Write | Access::PermissionsManagement => Class::Write,
        }
    }
}

/// The catalogue, asked in the words of this room.
pub(crate) struct CatalogView<'a> {
    catalog: &'a Catalog,
}

impl<'a> CatalogView<'a> {
    pub(crate) fn new(catalog: &'a Catalog) -> CatalogView<'a> {
        CatalogView { catalog }
    }

    /// An action. `lambda:EnableReplication*` is asked for with the asterisk, which the catalogue's name lacks.
    /// Source: CloudFront Developer Guide, "Set up IAM permissions and roles for Lambda@Edge".
    fn action(&self, name: &str) -> Option<&'a Action> {
        self.catalog.action(name.strip_suffix('*').unwrap_or(name))
    }

    /// The catalogue's name of an action, if there is one.
    pub(crate) fn catalogued(&self, named: &str) -> Option<&'a str> {
        self.action(named).map(|action| &*action.name)
    }

    /// The action as policies have it, in the catalogue's casing, if there is one.
    pub(crate) fn canonical(&self, named: &str) -> Option<Cow<'a, str>> {
        let action = self.action(named)?;
        Some(match named.ends_with('*') {
            true => Cow::Owned(format!("{}*", action.name)),
            false => Cow::Borrowed(&*action.name),
        })
    }

    pub(crate) fn access(&self, action: &str) -> Option<Access> {
        self.action(action).map(|action| Access::of(action.access_level))
    }

    /// Whether the action takes a resource of this type; everything takes `*`.
    pub(crate) fn takes_resource(&self, action: &str, resource: &str) -> bool {
        self.action(action).is_some_and(|action| self.catalog.does_take(action, resource))
    }

    /// Whether the action takes any resource other than `*`.
    pub(crate) fn takes_any_resource(&self, action: &str) -> bool {
        self.action(action).is_some_and(|action| !self.catalog.resource_arns(action).is_empty())
    }

    /// Whether an action may take resources of a pattern, for all that its service says.
    pub(crate) fn may_take(&self, action: &str, pattern: &str) -> bool {
        let service = |arn: &str| arn.split(':').nth(2).map(str::to_owned);
        let Some(of_pattern) = service(pattern) else { return true };
        let types = self.action(action).map(|action| self.catalog.resource_arns(action)).unwrap_or_default();
        types
            .iter()
            .filter_map(|kind| service(&kind.arn))
            .any(|of_type| of_type.contains(['$', '*']) || crate::iam::wildcard_match(&of_pattern, &of_type, false))
    }

    /// Names of a service's actions, without the prefix, sorted.
    pub(crate) fn actions_of(&self, service: &str) -> Vec<&'a str> {
        let actions = self.catalog.service(service).map(Service::actions).unwrap_or_default();
        actions.into_iter().filter_map(|action| action.name.split_once(':')).map(|(_, name)| name).collect()
    }

    /// Every prefix, sorted.
    pub(crate) fn services(&self) -> Vec<&'a str> {
        self.catalog.prefixes()
    }

    /// Every action there is.
    pub(crate) fn all(&self) -> Vec<&'a str> {
        let services = self.services().into_iter().filter_map(|prefix| self.catalog.service(prefix));
        services.flat_map(Service::actions).map(|action| &*action.name).collect()
    }

    /// Actions that an action's documentation lists as dependent.
    pub(crate) fn dependents(&self, action: &str) -> &'a [String] {
        self.catalog.action(action).map_or(&[][..], |action| &action.dependent_actions)
    }
}
