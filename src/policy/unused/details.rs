//! The output of `aws iam get-account-authorization-details`, read.
//!
//! IAM API Reference, `GetAccountAuthorizationDetails`: users, groups, roles and managed policies with the text of their
//! versions, documents URL-encoded by the API and decoded by the command line; in pages, of which one refers to the other.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::iam::arn::Arn;
use crate::iam::document::Policy;
use crate::time::parse_time;

/// One answer of the API: all of an account, or a part of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Page(Map<String, Value>);

/// Everything about one or several accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// Roles and users, in the order of the pages. Service-linked roles are left out: their policies are AWS's.
    pub entities: Vec<Entity>,
    /// Service-linked roles left out.
    pub service_linked: usize,
    /// Accounts of which only pages with more to follow are there.
    pub truncated: BTreeSet<String>,
    /// The managed policies that could be read, by ARN.
    pub managed: BTreeMap<String, Policy>,
}

/// A role or a user with everything that is attached to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// ARN of the role or user.
    pub arn: String,
    /// Which of the two it is.
    pub kind: EntityKind,
    /// Its identity policies, those of its groups among them.
    pub identity: Vec<Identity>,
    /// Its permissions boundary; `None` where it has none.
    pub boundary: Option<Policy>,
    /// Attached, but not in the pages, or not to be read.
    pub missing_policies: Vec<String>,
    /// When IAM itself says that a role was last used, microseconds since 1970-01-01 UTC.
    pub iam_last_used_us: Option<i64>,
    /// When it was made, microseconds since 1970-01-01 UTC.
    pub created_us: Option<i64>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its unique id: `AROA…`, `AIDA…`.
    pub unique_id: Option<String>,
    /// Who may assume a role; `None` of a user, and where it cannot be read.
    pub trust: Option<Policy>,
}

/// An identity policy of an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// ARN of a managed policy, name of an inline one; a group's with the group before it.
    pub name: String,
    /// The document.
    pub policy: Policy,
}

/// Whom policies are attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntityKind {
    /// A role.
    Role,
    /// An IAM user.
    User,
}

/// Why a file is not what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DetailsError {
    /// The file is no JSON; why, in the parser's words.
    #[error("not JSON: {0}\nhint: give the output of `aws iam get-account-authorization-details --output json`")]
    NotJson(String),
    /// JSON, but not the output of that command.
    #[error(
        "no RoleDetailList and no UserDetailList\nhint: give the output of `aws iam get-account-authorization-details`"
    )]
    NotDetails,
    /// An entry lacks a member that every such entry has.
    #[error("{place} has no {what}\nhint: give the file as the AWS command line wrote it")]
    Missing {
        /// Which entry.
        place: String,
        /// The member.
        what: &'static str,
    },
}

impl EntityKind {
    /// For people: `role`, `user`.
    pub fn as_str(self) -> &'static str {
        match self {
            EntityKind::Role => "role",
            EntityKind::User => "user",
        }
    }
}

/// A policy's text, or why it cannot be read: one odd document must not hide an account.
type Read = Result<Policy, String>;

/// What a role, user or group refers to.
#[derive(Default)]
struct Shelf {
    /// Managed policies by ARN.
    managed: BTreeMap<String, Read>,
    /// Groups by account and name.
    groups: BTreeMap<(String, String), Owned>,
}

/// What hangs on a user, group or role itself.
#[derive(Clone, Default)]
struct Owned {
    inline: Vec<Identity>,
    attached: Vec<String>,
    unreadable: Vec<String>,
}

/// Reads one file: one page, several one after the other, or a list of them.
pub fn pages(text: &str) -> Result<Vec<Page>, DetailsError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut pages = Vec::new();
    for value in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        let value = value.map_err(|error| DetailsError::NotJson(error.to_string()))?;
        let values = if let Value::Array(list) = value { list } else { vec![value] };
        for value in values {
            match value {
                Value::Object(page) if LISTS.iter().any(|list| page.contains_key(*list)) => pages.push(Page(page)),
                _ => return Err(DetailsError::NotDetails),
            }
        }
    }
    if pages.is_empty() { Err(DetailsError::NotDetails) } else { Ok(pages) }
}

/// What a page may hold.
const LISTS: [&str; 4] = ["RoleDetailList", "UserDetailList", "GroupDetailList", "Policies"];

impl Details {
    /// Puts pages together, of one account or of several, in any order. Who stands in two is taken once.
    pub fn of(pages: &[Page]) -> Result<Details, DetailsError> {
        let has_entities =
            |Page(page): &Page| page.contains_key("RoleDetailList") || page.contains_key("UserDetailList");
        if !pages.iter().any(has_entities) {
            return Err(DetailsError::NotDetails);
        }
        let mut shelf = Shelf::default();
        for Page(page) in pages {
            shelf.managed(page)?;
            shelf.groups(page)?;
        }
        let mut details = Details { truncated: truncated(pages), ..Details::default() };
        let readable = |(arn, read): (&String, &Read)| Some((arn.clone(), read.as_ref().ok()?.clone()));
        details.managed = shelf.managed.iter().filter_map(readable).collect();
        let mut seen = BTreeSet::new();
        for Page(page) in pages {
            for (list, kind) in [("RoleDetailList", EntityKind::Role), ("UserDetailList", EntityKind::User)] {
                for object in objects(page, list) {
                    let entity = shelf.entity(object, kind)?;
                    if !seen.insert(entity.arn.clone()) {
                        continue;
                    }
                    if entity.arn.contains(":role/aws-service-role/") {
                        details.service_linked += 1;
                    } else {
                        details.entities.push(entity);
                    }
                }
            }
        }
        Ok(details)
    }
}

/// The last page of an account is the only one that does not say that there is more.
fn truncated(pages: &[Page]) -> BTreeSet<String> {
    let (mut open, mut whole) = (BTreeSet::new(), BTreeSet::new());
    for Page(page) in pages {
        let is_truncated = page.get("IsTruncated").and_then(Value::as_bool).unwrap_or(false);
        let arns = LISTS.iter().flat_map(|list| objects(page, list)).filter_map(|object| object.get("Arn"));
        let accounts = arns.filter_map(|arn| Some(account(arn.as_str()?)));
        let side = if is_truncated { &mut open } else { &mut whole };
        side.extend(accounts.filter(|account| *account != "aws").map(str::to_owned));
    }
    open.difference(&whole).cloned().collect()
}

fn account(arn: &str) -> &str {
    Arn::parse(arn).map_or("", |arn| arn.account)
}

fn objects<'a>(object: &'a Map<String, Value>, key: &str) -> impl Iterator<Item = &'a Map<String, Value>> {
    object.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

fn text<'a>(object: &'a Map<String, Value>, key: &'static str, place: &str) -> Result<&'a str, DetailsError> {
    let found = object.get(key).and_then(Value::as_str);
    found.ok_or_else(|| DetailsError::Missing { place: place.to_owned(), what: key })
}

fn tags(object: &Map<String, Value>) -> BTreeMap<String, String> {
    let text = |tag: &Map<String, Value>, key: &str| tag.get(key).and_then(Value::as_str).map(str::to_owned);
    objects(object, "Tags").filter_map(|tag| Some((text(tag, "Key")?, text(tag, "Value")?))).collect()
}

fn document(value: Option<&Value>) -> Read {
    let value = value.ok_or_else(|| "no text".to_owned())?;
    Policy::from_value(value).map_err(|error| error.to_string().lines().next().unwrap_or_default().to_owned())
}

fn not_read(name: &str, why: &str) -> String {
    format!("{name} (cannot be read: {why})")
}

impl Owned {
    fn of(owner: &Map<String, Value>, key: &str, prefix: &str) -> Result<Owned, DetailsError> {
        let mut owned = Owned::default();
        for policy in objects(owner, key) {
            let name = format!("{prefix}{}", text(policy, "PolicyName", key)?);
            match document(policy.get("PolicyDocument")) {
                Ok(policy) => owned.inline.push(Identity { name, policy }),
                Err(why) => owned.unreadable.push(not_read(&name, &why)),
            }
        }
        let arns = objects(owner, "AttachedManagedPolicies").filter_map(|policy| policy.get("PolicyArn"));
        owned.attached = arns.filter_map(Value::as_str).map(str::to_owned).collect();
        Ok(owned)
    }

    fn extend(&mut self, other: &Owned) {
        self.inline.extend(other.inline.iter().cloned());
        self.attached.extend(other.attached.iter().cloned());
        self.unreadable.extend(other.unreadable.iter().cloned());
    }
}

impl Shelf {
    fn managed(&mut self, page: &Map<String, Value>) -> Result<(), DetailsError> {
        for policy in objects(page, "Policies") {
            let arn = text(policy, "Arn", "an entry of Policies")?;
            let default_id = policy.get("DefaultVersionId");
            let is_default = |version: &&Map<String, Value>| match version.get("IsDefaultVersion") {
                Some(said) => said.as_bool() == Some(true),
                None => default_id.is_some() && version.get("VersionId") == default_id,
            };
            if let Some(version) = objects(policy, "PolicyVersionList").find(is_default) {
                self.managed.insert(arn.to_owned(), document(version.get("Document")));
            }
        }
        Ok(())
    }

    fn groups(&mut self, page: &Map<String, Value>) -> Result<(), DetailsError> {
        for group in objects(page, "GroupDetailList") {
            let name = text(group, "GroupName", "an entry of GroupDetailList")?;
            let arn = text(group, "Arn", "an entry of GroupDetailList")?;
            let owned = Owned::of(group, "GroupPolicyList", &format!("group {name}: "))?;
            self.groups.insert((account(arn).to_owned(), name.to_owned()), owned);
        }
        Ok(())
    }

    fn entity(&self, object: &Map<String, Value>, kind: EntityKind) -> Result<Entity, DetailsError> {
        let (list, key, id) = match kind {
            EntityKind::Role => ("an entry of RoleDetailList", "RolePolicyList", "RoleId"),
            EntityKind::User => ("an entry of UserDetailList", "UserPolicyList", "UserId"),
        };
        let arn = text(object, "Arn", list)?.to_owned();
        let mut owned = Owned::of(object, key, "")?;
        let mut missing_policies = Vec::new();
        let groups = object.get("GroupList").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        for group in groups {
            match self.groups.get(&(account(&arn).to_owned(), group.to_owned())) {
                Some(of_group) => owned.extend(of_group),
                None => missing_policies.push(format!("those of group {group}")),
            }
        }
        let attached: BTreeSet<String> = std::mem::take(&mut owned.attached).into_iter().collect();
        let mut identity = owned.inline;
        missing_policies.extend(owned.unreadable);
        for arn in attached {
            match self.managed.get(&arn) {
                Some(Ok(policy)) => identity.push(Identity { name: arn, policy: policy.clone() }),
                Some(Err(why)) => missing_policies.push(not_read(&arn, why)),
                None => missing_policies.push(arn),
            }
        }
        let boundary_arn = object.get("PermissionsBoundary").and_then(|limit| limit.get("PermissionsBoundaryArn"));
        let boundary = match boundary_arn.and_then(Value::as_str).map(|arn| (arn, self.managed.get(arn))) {
            None => None,
            Some((_, Some(Ok(policy)))) => Some(policy.clone()),
            Some((arn, _)) => {
                missing_policies.push(format!("{arn} (the boundary: what it takes away is counted as granted)"));
                None
            }
        };
        let last_used = object.get("RoleLastUsed").and_then(|used| used.get("LastUsedDate")).and_then(Value::as_str);
        let iam_last_used_us = last_used.and_then(parse_time);
        let created_us = object.get("CreateDate").and_then(Value::as_str).and_then(parse_time);
        let trust = object.get("AssumeRolePolicyDocument").and_then(|trust| document(Some(trust)).ok());
        Ok(Entity {
            arn,
            kind,
            identity,
            boundary,
            missing_policies,
            iam_last_used_us,
            created_us,
            tags: tags(object),
            unique_id: object.get(id).and_then(Value::as_str).map(str::to_owned),
            trust,
        })
    }
}
