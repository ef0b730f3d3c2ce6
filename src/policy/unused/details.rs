//! The output of `aws iam get-account-authorization-details`, read.
//!
//! IAM API Reference, `GetAccountAuthorizationDetails`: users, groups, roles and managed policies with the text of their
//! default version, documents URL-encoded by the API and decoded by the command line.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::iam::document::{Policy, PolicyError};

/// Everything about one or several accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// Roles and users, in the order of the file. Service-linked roles are left out: their policies are AWS's.
    pub entities: Vec<Entity>,
    /// Service-linked roles left out.
    pub service_linked: usize,
    /// The file says that there is more.
    pub is_truncated: bool,
}

/// A role or a user with everything that is attached to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    pub arn: String,
    pub kind: EntityKind,
    pub identity: Vec<Identity>,
    pub boundary: Option<Policy>,
    /// Attached, but not in the file.
    pub missing_policies: Vec<String>,
}

/// An identity policy of an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// ARN of a managed policy, name of an inline one; a group's with the group before it.
    pub name: String,
    pub policy: Policy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntityKind {
    Role,
    User,
}

/// Why a file is not what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DetailsError {
    #[error("not JSON: {0}\nhint: give the output of `aws iam get-account-authorization-details --output json`")]
    NotJson(String),
    #[error(
        "no RoleDetailList and no UserDetailList\nhint: give the output of `aws iam get-account-authorization-details`"
    )]
    NotDetails,
    #[error("{place} has no {what}\nhint: give the file as the AWS command line wrote it")]
    Missing { place: String, what: &'static str },
    #[error("{place}: {source}")]
    Policy { place: String, source: PolicyError },
}

impl EntityKind {
    pub fn as_str(self) -> &'static str {
        match self {
            EntityKind::Role => "role",
            EntityKind::User => "user",
        }
    }
}

/// What a role, user or group refers to.
struct Shelf {
    /// Managed policies by ARN.
    managed: BTreeMap<String, Policy>,
    groups: Groups,
}

/// Groups by name: inline policies, ARNs of attached ones.
type Groups = BTreeMap<String, (Vec<Identity>, Vec<String>)>;

impl Details {
    /// Reads one file.
    pub fn parse(text: &str) -> Result<Details, DetailsError> {
        let value: Value = serde_json::from_str(text).map_err(|error| DetailsError::NotJson(error.to_string()))?;
        let Value::Object(file) = value else { return Err(DetailsError::NotDetails) };
        if !file.contains_key("RoleDetailList") && !file.contains_key("UserDetailList") {
            return Err(DetailsError::NotDetails);
        }
        let shelf = Shelf { managed: managed(&file)?, groups: groups(&file)? };
        let is_truncated = file.get("IsTruncated").and_then(Value::as_bool).unwrap_or(false);
        let mut details = Details { is_truncated, ..Details::default() };
        for role in objects(&file, "RoleDetailList") {
            let entity = entity(role, EntityKind::Role, &shelf)?;
            if entity.arn.contains(":role/aws-service-role/") {
                details.service_linked += 1;
            } else {
                details.entities.push(entity);
            }
        }
        for user in objects(&file, "UserDetailList") {
            details.entities.push(entity(user, EntityKind::User, &shelf)?);
        }
        Ok(details)
    }

    /// Adds another file: another page, or another account.
    pub fn extend(&mut self, other: Details) {
        self.entities.extend(other.entities);
        self.service_linked += other.service_linked;
        self.is_truncated = other.is_truncated;
    }
}

fn objects<'a>(object: &'a Map<String, Value>, key: &str) -> impl Iterator<Item = &'a Map<String, Value>> {
    object.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

fn text<'a>(object: &'a Map<String, Value>, key: &'static str, place: &str) -> Result<&'a str, DetailsError> {
    let found = object.get(key).and_then(Value::as_str);
    found.ok_or_else(|| DetailsError::Missing { place: place.to_owned(), what: key })
}

fn document(value: Option<&Value>, place: &str, what: &'static str) -> Result<Policy, DetailsError> {
    let value = value.ok_or_else(|| DetailsError::Missing { place: place.to_owned(), what })?;
    Policy::from_value(value).map_err(|source| DetailsError::Policy { place: place.to_owned(), source })
}

fn managed(file: &Map<String, Value>) -> Result<BTreeMap<String, Policy>, DetailsError> {
    let mut managed = BTreeMap::new();
    for policy in objects(file, "Policies") {
        let arn = text(policy, "Arn", "an entry of Policies")?;
        let is_default = |version: &&Map<String, Value>| version.get("IsDefaultVersion") == Some(&Value::Bool(true));
        if let Some(version) = objects(policy, "PolicyVersionList").find(is_default) {
            managed.insert(arn.to_owned(), document(version.get("Document"), arn, "Document")?);
        }
    }
    Ok(managed)
}

fn groups(file: &Map<String, Value>) -> Result<Groups, DetailsError> {
    let mut groups = Groups::new();
    for group in objects(file, "GroupDetailList") {
        let name = text(group, "GroupName", "an entry of GroupDetailList")?;
        let inline = inline(group, "GroupPolicyList", &format!("group {name}: "))?;
        groups.insert(name.to_owned(), (inline, attached(group)));
    }
    Ok(groups)
}

fn inline(owner: &Map<String, Value>, key: &str, prefix: &str) -> Result<Vec<Identity>, DetailsError> {
    let mut policies = Vec::new();
    for policy in objects(owner, key) {
        let name = format!("{prefix}{}", text(policy, "PolicyName", key)?);
        let policy = document(policy.get("PolicyDocument"), &name, "PolicyDocument")?;
        policies.push(Identity { name, policy });
    }
    Ok(policies)
}

fn attached(owner: &Map<String, Value>) -> Vec<String> {
    let arns = objects(owner, "AttachedManagedPolicies").filter_map(|policy| policy.get("PolicyArn"));
    arns.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn entity(object: &Map<String, Value>, kind: EntityKind, shelf: &Shelf) -> Result<Entity, DetailsError> {
    let (list, key) = match kind {
        EntityKind::Role => ("an entry of RoleDetailList", "RolePolicyList"),
        EntityKind::User => ("an entry of UserDetailList", "UserPolicyList"),
    };
    let arn = text(object, "Arn", list)?.to_owned();
    let mut identity = inline(object, key, "")?;
    let mut arns = attached(object);
    let names = object.get("GroupList").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    for (inline, attached) in names.filter_map(|name| shelf.groups.get(name)) {
        identity.extend(inline.iter().cloned());
        arns.extend(attached.iter().cloned());
    }
    arns.sort();
    arns.dedup();
    let mut missing_policies = Vec::new();
    for arn in arns {
        match shelf.managed.get(&arn) {
            Some(policy) => identity.push(Identity { name: arn, policy: policy.clone() }),
            None => missing_policies.push(arn),
        }
    }
    let boundary = object.get("PermissionsBoundary").and_then(|boundary| boundary.get("PermissionsBoundaryArn"));
    let boundary = boundary.and_then(Value::as_str).and_then(|arn| {
        if !shelf.managed.contains_key(arn) {
            missing_policies.push(arn.to_owned());
        }
        shelf.managed.get(arn).cloned()
    });
    Ok(Entity { arn, kind, identity, boundary, missing_policies })
}
