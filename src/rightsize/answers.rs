//! Answers of `aws sso-admin`, `aws identitystore` and `aws organizations`, read.
//!
//! The members are those of the API references (`ListInstances` needs none of them; `DescribePermissionSet`,
//! `ListManagedPoliciesInPermissionSet`, `ListCustomerManagedPolicyReferencesInPermissionSet`,
//! `GetInlinePolicyForPermissionSet`, `GetPermissionsBoundaryForPermissionSet`, `ListAccountAssignments`; `ListUsers`,
//! `ListGroups`, `ListGroupMemberships`; `ListAccounts`, `ListRoots`, `ListOrganizationalUnitsForParent`,
//! `ListAccountsForParent`, `ListParents`, `DescribePolicy`, `ListTargetsForPolicy`, `DescribeOrganization`).
//!
//! Some answers do not say what was asked about. They stand within `{"Of": ID, "Answer": …}`, as
//! `docs/collect-organization.sh` writes them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::iam::document::Policy;
use crate::util::shown;

/// What the answers say together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// Permission sets by ARN.
    pub permission_sets: BTreeMap<String, PermissionSet>,
    /// Names of Identity Center's users by id.
    pub users: BTreeMap<String, String>,
    /// Names of its groups by id.
    pub groups: BTreeMap<String, String>,
    /// Ids of the users of each group, by the group's id.
    pub members: BTreeMap<String, BTreeSet<String>>,
    /// Who has which permission set where.
    pub assignments: BTreeSet<Assignment>,
    /// Names of the organisation's accounts by id.
    pub accounts: BTreeMap<String, String>,
    /// The account that no control policy binds.
    pub management_account: Option<String>,
    /// Root or unit above each unit and account.
    pub parents: BTreeMap<String, String>,
    /// Ids of roots.
    pub roots: BTreeSet<String>,
    /// Service control policies by id.
    pub scps: BTreeMap<String, Policy>,
    /// Ids of the policies attached to each root, unit or account.
    pub attached: BTreeMap<String, BTreeSet<String>>,
    /// Ids of the policies of which an answer tells to what they are attached, be it nothing.
    pub targets_told: BTreeSet<String>,
    /// Ids of policies that are no service control policies.
    pub other_policies: BTreeSet<String>,
    /// What could not be made use of, and why.
    pub problems: BTreeSet<String>,
}

/// A permission set of Identity Center.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PermissionSet {
    /// Its name; empty where no answer tells it.
    pub name: String,
    /// ARNs of AWS's managed policies in it.
    pub managed: BTreeSet<String>,
    /// Names of the accounts' own managed policies in it.
    pub customer_managed: BTreeSet<String>,
    /// Its inline policy.
    pub inline: Option<Policy>,
    /// Its boundary: the ARN of AWS's managed policy, or the name of an account's own.
    pub boundary: Option<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// A permission set given to a user or group in an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Assignment {
    /// The account's id.
    pub account: String,
    /// The permission set's ARN.
    pub set_arn: String,
    /// Id of a user or group.
    pub principal: String,
    /// Whether it is a group.
    pub is_group: bool,
}

/// A file that is not what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswersError {
    /// The file is no JSON; why, in the parser's words.
    #[error("not JSON: {0}\nhint: give outputs of `aws ... --output json`; docs/collect-organization.sh makes them")]
    NotJson(String),
    /// JSON, but no answer that is known.
    #[error(
        "no answer of sso-admin, identitystore or organizations that is known: {0}\nhint: docs/collect-organization.sh \
         makes the files"
    )]
    Unknown(String),
    /// An answer that does not say what was asked about.
    #[error(
        "{0} does not say of what it is\nhint: put it into {{\"Of\": ID, \"Answer\": …}}, as docs/collect-organization.sh does"
    )]
    OfWhat(&'static str),
}

type Object = Map<String, Value>;

/// How one answer is taken in: the member that marks it, and what to do with what it holds.
struct Form {
    member: &'static str,
    needs_subject: bool,
    take: fn(&mut Answers, of: &str, held: &Value),
}

const FORMS: &[Form] = &[
    Form { member: "PermissionSet", needs_subject: false, take: Answers::permission_set },
    Form { member: "AttachedManagedPolicies", needs_subject: true, take: Answers::managed },
    Form { member: "CustomerManagedPolicyReferences", needs_subject: true, take: Answers::customer_managed },
    Form { member: "InlinePolicy", needs_subject: true, take: Answers::inline },
    Form { member: "PermissionsBoundary", needs_subject: true, take: Answers::boundary },
    Form { member: "Tags", needs_subject: true, take: Answers::tags },
    Form { member: "AccountAssignments", needs_subject: false, take: Answers::assigned },
    Form { member: "Users", needs_subject: false, take: Answers::user_names },
    Form { member: "Groups", needs_subject: false, take: Answers::group_names },
    Form { member: "GroupMemberships", needs_subject: false, take: Answers::memberships },
    Form { member: "Organization", needs_subject: false, take: Answers::organization },
    Form { member: "Accounts", needs_subject: false, take: Answers::account_names },
    Form { member: "Roots", needs_subject: false, take: Answers::root_ids },
    Form { member: "OrganizationalUnits", needs_subject: true, take: Answers::units },
    Form { member: "Parents", needs_subject: true, take: Answers::parents },
    Form { member: "Policy", needs_subject: false, take: Answers::policy },
    Form { member: "Targets", needs_subject: true, take: Answers::targets },
];

/// Answers that tell nothing that is needed, and that a folder of them may hold.
const OTHERS: [&str; 5] = ["Instances", "PermissionSets", "AccountIds", "Policies", "Children"];

impl Answers {
    /// Takes in a file: one answer, several one after the other, or a list of them.
    ///
    /// # Errors
    /// The file is not what it should be. What was taken in before the place stays.
    pub fn add(&mut self, text: &str) -> Result<(), AnswersError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut is_empty = true;
        for value in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
            is_empty = false;
            match value.map_err(|error| AnswersError::NotJson(error.to_string()))? {
                Value::Array(list) => list.iter().try_for_each(|value| self.answer(value))?,
                value => self.answer(&value)?,
            }
        }
        if is_empty { Err(AnswersError::Unknown("the file is empty".to_owned())) } else { Ok(()) }
    }

    fn answer(&mut self, value: &Value) -> Result<(), AnswersError> {
        let object = value.as_object().ok_or_else(|| AnswersError::Unknown("no object".to_owned()))?;
        match (object.get("Of").and_then(Value::as_str), object.get("Answer")) {
            (Some(of), Some(answer)) => match answer {
                Value::Object(answer) => self.take(of, answer),
                // `get-inline-policy-for-permission-set` and its like say nothing at all where there is none.
                Value::Null => Ok(()),
                _ => Err(AnswersError::Unknown("\"Answer\" is no object".to_owned())),
            },
            _ => self.take("", object),
        }
    }

    fn take(&mut self, of: &str, answer: &Object) -> Result<(), AnswersError> {
        let mut is_known = answer.is_empty() || OTHERS.iter().any(|member| answer.contains_key(*member));
        for form in FORMS {
            let Some(held) = answer.get(form.member) else { continue };
            if form.needs_subject && of.is_empty() {
                // `describe-account` and the like have tags beside what is known.
                if is_known {
                    continue;
                }
                return Err(AnswersError::OfWhat(form.member));
            }
            is_known = true;
            (form.take)(self, of, held);
        }
        if is_known {
            return Ok(());
        }
        let members: Vec<&str> = answer.keys().take(4).map(String::as_str).collect();
        Err(AnswersError::Unknown(format!("it has {}", shown::name(&members.join(", ")))))
    }

    fn set(&mut self, arn: &str) -> &mut PermissionSet {
        self.permission_sets.entry(arn.to_owned()).or_default()
    }

    fn permission_set(&mut self, _: &str, held: &Value) {
        if let (Some(arn), Some(name)) = (text(held, "PermissionSetArn"), text(held, "Name")) {
            self.set(arn).name = name.to_owned();
        }
    }

    fn managed(&mut self, of: &str, held: &Value) {
        let arns = texts(held, "Arn");
        self.set(of).managed.extend(arns);
    }

    fn customer_managed(&mut self, of: &str, held: &Value) {
        let names = texts(held, "Name");
        self.set(of).customer_managed.extend(names);
    }

    fn inline(&mut self, of: &str, held: &Value) {
        if held.as_str().is_none_or(|text| text.trim().is_empty()) {
            return;
        }
        match Policy::from_value(held) {
            Ok(policy) => self.set(of).inline = Some(policy),
            Err(error) => self.problem(format!("the inline policy of {of} cannot be read: {error}")),
        }
    }

    fn boundary(&mut self, of: &str, held: &Value) {
        let own = held.get("CustomerManagedPolicyReference").and_then(|reference| text(reference, "Name"));
        let name = text(held, "ManagedPolicyArn").or(own).map(str::to_owned);
        self.set(of).boundary = name;
    }

    fn tags(&mut self, of: &str, held: &Value) {
        let tags = list(held).filter_map(|tag| Some((text(tag, "Key")?.to_owned(), text(tag, "Value")?.to_owned())));
        self.set(of).tags.extend(tags);
    }

    fn assigned(&mut self, _: &str, held: &Value) {
        for one in list(held) {
            let parts = (text(one, "AccountId"), text(one, "PermissionSetArn"), text(one, "PrincipalId"));
            if let (Some(account), Some(set_arn), Some(principal)) = parts {
                self.assignments.insert(Assignment {
                    account: account.to_owned(),
                    set_arn: set_arn.to_owned(),
                    principal: principal.to_owned(),
                    is_group: text(one, "PrincipalType") == Some("GROUP"),
                });
            }
        }
    }

    fn user_names(&mut self, _: &str, held: &Value) {
        for user in list(held) {
            if let (Some(id), Some(name)) = (text(user, "UserId"), text(user, "UserName")) {
                self.users.insert(id.to_owned(), name.to_owned());
            }
        }
    }

    fn group_names(&mut self, _: &str, held: &Value) {
        for group in list(held) {
            if let (Some(id), Some(name)) = (text(group, "GroupId"), text(group, "DisplayName")) {
                self.groups.insert(id.to_owned(), name.to_owned());
            }
        }
    }

    fn memberships(&mut self, _: &str, held: &Value) {
        for one in list(held) {
            let user = one.get("MemberId").and_then(|member| text(member, "UserId"));
            if let (Some(group), Some(user)) = (text(one, "GroupId"), user) {
                self.members.entry(group.to_owned()).or_default().insert(user.to_owned());
            }
        }
    }

    fn organization(&mut self, _: &str, held: &Value) {
        let id = text(held, "MasterAccountId").or_else(|| text(held, "ManagementAccountId"));
        self.management_account = id.map(str::to_owned);
    }

    fn account_names(&mut self, of: &str, held: &Value) {
        for account in list(held) {
            let Some(id) = text(account, "Id") else { continue };
            self.accounts.insert(id.to_owned(), text(account, "Name").unwrap_or_default().to_owned());
            // `list-accounts-for-parent`.
            if !of.is_empty() {
                self.parents.insert(id.to_owned(), of.to_owned());
            }
        }
    }

    fn root_ids(&mut self, _: &str, held: &Value) {
        self.roots.extend(texts(held, "Id"));
    }

    fn units(&mut self, of: &str, held: &Value) {
        self.parents.extend(texts(held, "Id").into_iter().map(|unit| (unit, of.to_owned())));
    }

    fn parents(&mut self, of: &str, held: &Value) {
        for parent in list(held) {
            let Some(id) = text(parent, "Id") else { continue };
            self.parents.insert(of.to_owned(), id.to_owned());
            if text(parent, "Type") == Some("ROOT") {
                self.roots.insert(id.to_owned());
            }
        }
    }

    fn policy(&mut self, _: &str, held: &Value) {
        let summary = held.get("PolicySummary").unwrap_or(&Value::Null);
        if text(summary, "Type").is_some_and(|kind| kind != "SERVICE_CONTROL_POLICY") {
            self.other_policies.extend(text(summary, "Id").map(str::to_owned));
            return;
        }
        let (Some(id), Some(content)) = (text(summary, "Id"), held.get("Content")) else { return };
        match Policy::from_value(content) {
            Ok(policy) => drop(self.scps.insert(id.to_owned(), policy)),
            Err(error) => self.problem(format!("the service control policy {id} cannot be read: {error}")),
        }
    }

    fn targets(&mut self, of: &str, held: &Value) {
        self.targets_told.insert(of.to_owned());
        for target in texts(held, "TargetId") {
            self.attached.entry(target).or_default().insert(of.to_owned());
        }
    }

    fn problem(&mut self, text: String) {
        self.problems.insert(shown::name(text.lines().next().unwrap_or_default()).into_owned());
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key)?.as_str()
}

fn texts(value: &Value, key: &str) -> Vec<String> {
    list(value).filter_map(|one| Some(text(one, key)?.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_in_every_form() {
        let mut answers = Answers::default();
        let set = "arn:aws:sso:::permissionSet/ssoins-1/ps-1";
        for text in [
            r#"{"Instances":[{"InstanceArn":"arn:aws:sso:::instance/ssoins-1"}]}"#,
            r#"[{"PermissionSet":{"Name":"Admin","PermissionSetArn":"arn:aws:sso:::permissionSet/ssoins-1/ps-1"}},
                {"Of":"arn:aws:sso:::permissionSet/ssoins-1/ps-1","Answer":{"AttachedManagedPolicies":[{"Name":"x","Arn":"arn:aws:iam::aws:policy/x"}]}}]"#,
            r#"{"Of":"arn:aws:sso:::permissionSet/ssoins-1/ps-1","Answer":{"InlinePolicy":""}}
               {"Of":"arn:aws:sso:::permissionSet/ssoins-1/ps-1","Answer":{}}
               {"Of":"arn:aws:sso:::permissionSet/ssoins-1/ps-1","Answer":null}"#,
            r#"{"AccountAssignments":[{"AccountId":"111122223333","PermissionSetArn":"arn:aws:sso:::permissionSet/ssoins-1/ps-1","PrincipalType":"GROUP","PrincipalId":"g"}]}"#,
            r#"{"Users":[{"UserName":"ann","UserId":"u"}]} {"Groups":[{"GroupId":"g","DisplayName":"all"}]}"#,
            r#"{"GroupMemberships":[{"GroupId":"g","MemberId":{"UserId":"u"}}]}"#,
            r#"{"Roots":[{"Id":"r-1"}]} {"Of":"r-1","Answer":{"OrganizationalUnits":[{"Id":"ou-1"}]}}"#,
            r#"{"Of":"ou-1","Answer":{"Accounts":[{"Id":"111122223333","Name":"prod"}]}}"#,
            r#"{"Policy":{"PolicySummary":{"Id":"p-1","Type":"SERVICE_CONTROL_POLICY"},"Content":"{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}}"}}"#,
            r#"{"Of":"p-1","Answer":{"Targets":[{"TargetId":"ou-1","Type":"ORGANIZATIONAL_UNIT"}]}}"#,
        ] {
            answers.add(text).unwrap();
        }
        assert_eq!(answers.permission_sets[set].name, "Admin");
        assert_eq!(answers.permission_sets[set].managed.len(), 1);
        assert_eq!((answers.users.len(), answers.groups.len(), answers.assignments.len()), (1, 1, 1));
        assert_eq!(answers.parents["111122223333"], "ou-1");
        assert_eq!(answers.parents["ou-1"], "r-1");
        assert_eq!((answers.scps.len(), answers.attached["ou-1"].len()), (1, 1));
        assert!(answers.problems.is_empty());
    }

    #[test]
    fn what_is_no_answer_is_said() {
        let error = |text: &str| Answers::default().add(text).unwrap_err().to_string();
        assert!(error("x").starts_with("not JSON") && error("x").contains("hint:"));
        assert!(error(r#"{"a":1}"#).contains("it has a"));
        assert!(error("").contains("empty") && error("[1]").contains("no object"));
        assert!(error(r#"{"AttachedManagedPolicies":[]}"#).contains("does not say of what"));
        let mut answers = Answers::default();
        answers.add(r#"{"Of":"a\nb","Answer":{"InlinePolicy":"{"}}"#).unwrap();
        assert_eq!(answers.problems.len(), 1);
        assert!(!answers.problems.first().unwrap().contains('\n'));
    }
}
