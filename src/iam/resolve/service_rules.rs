//! What is particular to one service: the shape that every file in `services/` fills.
//!
//! The general rules of `resources/` and `also_needed/` look here for exceptions. Most services have none.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::iam::arn::is_account_id;
use crate::iam::catalog::{Action, Catalog};
use crate::iam::event::Permission;
use crate::iam::request::Request;
use crate::iam::request::params::Params;

/// A call as the functions of a service see it.
#[derive(Clone, Copy)]
pub(in crate::iam) struct Call<'c, 'a> {
    pub catalog: &'c Catalog,
    pub request: &'c Request<'a>,
    /// The operation's name without the API's date.
    pub operation: &'c str,
    /// The general rules by which the resources of an action are found.
    pub find_resources: fn(&Catalog, &Action, &Request<'_>) -> Vec<String>,
}

impl<'c> Call<'c, '_> {
    /// Whether this is the operation.
    pub fn is(&self, operation: &str) -> bool {
        self.operation == operation
    }

    /// The action of the operation's own name.
    pub fn own_action(&self, prefix: &str) -> Option<&'c Action> {
        self.catalog.action(&format!("{prefix}:{}", self.operation))
    }

    /// The action of the operation's own name, if this is the operation.
    pub fn only(&self, prefix: &str, operation: &str) -> Option<&'c Action> {
        self.is(operation).then(|| self.own_action(prefix)).flatten()
    }

    /// The resources of an action, by the general rules.
    pub fn resources(&self, action: &Action) -> Vec<String> {
        (self.find_resources)(self.catalog, action, self.request)
    }

    /// The roles that stand under these parameters, by name or ARN.
    pub fn roles_in(&self, parameters: &[&str]) -> Vec<NamedRole> {
        let role = |key: &&str| self.request.parameters.text(key).map(|role| ((*key).to_owned(), role.to_owned()));
        parameters.iter().filter_map(role).collect()
    }
}

/// A role that a request names, with the name of the parameter that it stands under.
pub(in crate::iam) type NamedRole = (String, String);

/// Values of a variable out of a list of targets, and whether any other may be meant.
pub(in crate::iam) type ReadTargets = fn(&Params<'_>) -> (Vec<String>, bool);

/// What is particular to one service.
#[expect(clippy::type_complexity, reason = "each function stands beside what it is for")]
#[derive(Debug)]
pub(in crate::iam) struct ServiceRules {
    /// Its IAM prefix.
    pub prefix: &'static str,

    // Actions of its operations.
    /// Operations whose actions or resources depend on what the request carries; `None` where the general rules hold.
    pub special: Option<fn(&Call<'_, '_>) -> Option<Vec<Permission>>>,
    /// Further actions that a call needs on resources of other services, or of its own.
    pub also_needed: Option<fn(&Call<'_, '_>) -> Vec<Permission>>,
    /// Further actions that a call may have needed, by the permissions that it did need.
    pub suggested: Option<fn(&Catalog, &Permission, &Request<'_>) -> Option<Permission>>,

    // Roles that it is handed: `iam:PassRole`.
    /// The services that its roles are for, by call and parameter; the first entry that fits counts. Where none fits,
    /// the role is for the service itself.
    pub passed_to: &'static [PassedTo],
    /// Roles that stand in requests in forms of the service's own.
    pub named_roles: Option<fn(&Call<'_, '_>) -> Vec<NamedRole>>,
    /// Operations that only keep the roles that they name.
    pub keeps_roles: &'static [&'static str],
    /// An operation whose response names an instance profile, and under which key.
    pub answered_profile: Option<(&'static str, &'static str)>,

    // Keys of KMS that it uses in the caller's name.
    pub key_uses: &'static [KeyUse],
    /// The uses that are certain and those that are possible, where headers tell.
    pub key_uses_by_headers: Option<fn(&Call<'_, '_>) -> (Vec<Permission>, Vec<Permission>)>,

    // Logs that it has delivered.
    pub log_deliveries: &'static [LogDelivery],
    /// Operations that end a delivery whose destination the request doesn't say.
    pub ends_log_delivery: &'static [&'static str],

    // Tags on what it makes.
    /// Operations whose tagging action neither the tables nor the service's habits tell.
    pub tag_actions: &'static [(&'static str, &'static str)],
    /// Operations whose requests hold the tags two keys deep.
    pub deep_tags: &'static [&'static str],
    /// The resource types that tags in a request of an operation are for, where requests or operations say so.
    pub tagged_types: Option<fn(&str, &Request<'_>) -> Option<BTreeSet<String>>>,

    // Its resources.
    /// How policies write an ARN of an action's resource; several where the request may mean either, none where the
    /// request means another.
    pub policy_arns: Option<fn(&str, String, &Request<'_>) -> Vec<String>>,
    /// Pairs of types of which a call is on one alone, whatever the tables require.
    pub alternatives: &'static [(&'static str, &'static str)],
    /// What is authorised instead of the resources found, which an action must take.
    pub reached_through: Option<ReachedThrough>,
    /// What ids of its resource types begin with, where parameters name things of any type by id.
    pub id_prefixes: &'static [(&'static str, IdPrefix)],
    /// How a parameter's text is read for a variable of a resource type's ARN format.
    pub read: Option<fn(&str, &str) -> Option<ValueReader>>,
    /// Variables whose values may have colons, as `type/variable` with `*` for any.
    pub names_with_colons: &'static [&'static str],
    /// Variables whose values may have colons where they end the ARN; `*` for any.
    pub ends_with_colons: &'static [&'static str],
    /// Formats of other services' ARNs that hold its variables.
    pub foreign_formats: &'static [&'static str],
    /// Variables that are ids, and parameters that name the same thing by its name: then it may be any.
    pub called_by_name: &'static [(&'static str, &'static str)],
    /// A variable that a list of targets may hold. Says the values, and whether any other may be meant.
    pub targets: Option<(&'static str, ReadTargets)>,
    /// The region and the account of a resource, by the text of the parameter that names its owner.
    pub owner: Option<Owner>,
    /// Whether parameters for ids may hold names.
    pub has_names_as_ids: bool,
    /// Operations on a user that is the caller where the request names none.
    pub on_caller: &'static [&'static str],
    /// Whether its actions are on one of their resource types at a time.
    pub is_of_any: bool,
    /// Whether a closer resource type stands for the wider one even where that is required.
    pub closer_suffices: bool,
    /// Resource types of which the ARNs are followed by a colon and more where they stand for something of one.
    pub followed_types: &'static [&'static str],
    /// Resources that its responses name.
    pub answers: &'static [Answer],
}

/// The resources found, whether an action takes an ARN, the request.
pub(in crate::iam) type ReachedThrough = fn(Vec<String>, &dyn Fn(&str) -> bool, &Request<'_>) -> Vec<String>;

/// Region and account, as far as a text says them.
pub(in crate::iam) type Owner = for<'t> fn(&'t str) -> (Option<&'t str>, Option<&'t str>);

impl ServiceRules {
    /// A service without particulars.
    pub const fn new(prefix: &'static str) -> ServiceRules {
        ServiceRules {
            prefix,
            special: None,
            also_needed: None,
            suggested: None,
            passed_to: &[],
            named_roles: None,
            keeps_roles: &[],
            answered_profile: None,
            key_uses: &[],
            key_uses_by_headers: None,
            log_deliveries: &[],
            ends_log_delivery: &[],
            tag_actions: &[],
            deep_tags: &[],
            tagged_types: None,
            policy_arns: None,
            alternatives: &[],
            reached_through: None,
            id_prefixes: &[],
            read: None,
            names_with_colons: &[],
            ends_with_colons: &[],
            foreign_formats: &[],
            called_by_name: &[],
            targets: None,
            owner: None,
            has_names_as_ids: true,
            on_caller: &[],
            is_of_any: false,
            closer_suffices: false,
            followed_types: &[],
            answers: &[],
        }
    }

    /// Whether values of a variable may have colons.
    pub fn may_have_colon(&self, kind: &str, variable: &str, is_last: bool) -> bool {
        let is = |pattern: &str, text: &str| pattern == "*" || pattern == text;
        let is_named = |name: &str| name.split_once('/').is_some_and(|(k, v)| is(k, kind) && is(v, variable));
        self.names_with_colons.iter().any(|name| is_named(name))
            || is_last && self.ends_with_colons.iter().any(|name| is(name, variable))
    }

    /// The services that a role under a parameter of a call is for.
    pub fn passed_for(&self, operation: &str, parameter: &str) -> PassedFor {
        let parameter: String = parameter.chars().filter(char::is_ascii_alphanumeric).collect();
        let parameter = parameter.to_ascii_lowercase();
        let fits = |to: &&PassedTo| {
            (to.operations.is_empty() || to.operations.contains(&operation))
                && (to.parameters.is_empty() || to.parameters.iter().any(|end| parameter.ends_with(end)))
        };
        match self.passed_to.iter().find(fits) {
            Some(to) if to.services.is_empty() => PassedFor::Nobody,
            Some(to) => PassedFor::Services(to.services),
            None => PassedFor::Caller,
        }
    }
}

/// The services that roles under some parameters of some calls are for.
#[derive(Debug)]
pub(in crate::iam) struct PassedTo {
    /// Calls; all, where there are none.
    pub operations: &'static [&'static str],
    /// Ends of the parameters' names, in lower case; all, where there are none.
    pub parameters: &'static [&'static str],
    /// Services, without `.amazonaws.com`; none, where the role is not handed over.
    pub services: &'static [&'static str],
}

/// No service: the role is not handed over.
pub(in crate::iam) const NOT_PASSED: &[&str] = &[];

pub(in crate::iam) const fn passed_to(
    operations: &'static [&'static str],
    parameters: &'static [&'static str],
    services: &'static [&'static str],
) -> PassedTo {
    PassedTo { operations, parameters, services }
}

/// What a role is for.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::iam) enum PassedFor {
    /// One of these services, by their names without `.amazonaws.com`.
    Services(&'static [&'static str]),
    /// The service that is called.
    Caller,
    /// It is not handed over.
    Nobody,
}

/// What a service does with a key of KMS that the request names.
#[derive(Debug)]
pub(in crate::iam) struct KeyUse {
    /// What the operations' names begin with.
    pub operations: &'static [&'static str],
    pub actions: &'static [&'static str],
    /// Whether each call does just that; others do some of it.
    pub is_certain: bool,
    pub source: &'static str,
}

/// Operations that set up a delivery of logs by CloudWatch Logs.
#[derive(Debug)]
pub(in crate::iam) struct LogDelivery {
    pub operations: &'static [&'static str],
    /// Parameters that hold where the logs go.
    pub parameters: &'static [&'static str],
    /// The destinations of which that is so: others are written to by a role.
    pub of: &'static [Destination],
    pub actions: &'static [&'static str],
    pub source: &'static str,
}

impl LogDelivery {
    /// The action that every delivery needs.
    pub const CREATE: &'static [&'static str] = &["logs:CreateLogDelivery"];
    /// What services need that change and look up deliveries.
    pub const ALL: &'static [&'static str] = &[
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:GetLogDelivery",
        "logs:ListLogDeliveries",
        "logs:UpdateLogDelivery",
    ];
}

/// Where delivered logs go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::iam) enum Destination {
    Bucket,
    Group,
    Stream,
}

impl Destination {
    /// Every destination.
    pub const ALL: &'static [Destination] = &[Destination::Bucket, Destination::Group, Destination::Stream];
}

/// What ids of a resource type begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::iam) enum IdPrefix {
    Text(&'static str),
    /// Twelve digits.
    Account,
}

impl IdPrefix {
    /// Whether an id does.
    pub fn begins(self, id: &str) -> bool {
        match self {
            IdPrefix::Text(letters) => id.starts_with(letters),
            IdPrefix::Account => is_account_id(id),
        }
    }
}

/// How a parameter's text is read for a variable.
#[derive(Clone, Copy, Debug)]
pub(in crate::iam) struct ValueReader {
    /// Of a text that is no ARN.
    pub text: for<'t> fn(&'t str) -> Reading<'t>,
    /// Of an ARN that is of none of the service's formats, escaped.
    pub arn: fn(&str) -> Option<String>,
}

impl ValueReader {
    /// A reader of texts that are no ARNs.
    pub const fn new(text: for<'t> fn(&'t str) -> Reading<'t>) -> ValueReader {
        ValueReader { text, arn: |_| None }
    }
}

/// What a text says for a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::iam) enum Reading<'t> {
    /// Nothing: it names something of another type.
    Other,
    /// This name, if it may be the name of one thing; else any.
    Name(&'t str),
    /// Likewise, with a pattern behind it.
    NameThen(&'t str, &'static str),
    /// This, which is escaped already.
    Exactly(String),
}

/// What a response says: actions, the key in the response, the resource type.
#[derive(Debug)]
pub(in crate::iam) struct Answer {
    pub actions: &'static [&'static str],
    pub key: &'static str,
    pub kind: &'static str,
}

pub(in crate::iam) const fn answer(actions: &'static [&'static str], key: &'static str, kind: &'static str) -> Answer {
    Answer { actions, key, kind }
}

/// A text in a JSON object, by its key in any case.
pub(in crate::iam) fn member_text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    let object = value.as_object()?;
    let (_, value) = object.iter().find(|(own, _)| own.eq_ignore_ascii_case(key))?;
    value.as_str().filter(|text| !text.is_empty())
}

/// The ARN of something new, which the service will number: an id in the request is that of another thing. `mark` is
/// what stands before the id, such as `:channel:`.
pub(in crate::iam) fn numbered_later(arn: String, mark: &str) -> String {
    match arn.split_once(mark) {
        Some((front, _)) => format!("{front}{mark}*"),
        None => arn,
    }
}
