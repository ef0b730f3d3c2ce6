//! Trust policies: may somebody assume the role that the policy is attached to?
//!
//! IAM User Guide, "AWS JSON policy elements: Principal" (`reference_policies_elements_principal`). What makes a caller
//! one of those whom a statement names, and the rest of the statement, decide together; truth has three values, as
//! elsewhere.

use super::Truth;
use super::action::ActionMatcher;
use super::condition::KeyTest;
use super::context::Context;
use crate::iam::arn::Arn;
use crate::iam::policy::document::{Effect, Policy, Principal, PrincipalSpec, Version};

/// A trust policy, compiled for many questions.
#[derive(Debug, Clone)]
pub struct TrustPolicy {
    statements: Vec<Compiled>,
}

#[derive(Debug, Clone)]
struct Compiled {
    effect: Effect,
    actions: ActionMatcher,
    principal: Option<PrincipalSpec>,
    conditions: Vec<KeyTest>,
}

/// Who asks to assume a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller<'a> {
    /// A role or user: its ARN, not that of a session.
    Principal {
        /// The ARN; its path may be missing.
        arn: &'a str,
        /// The account in which it is.
        account: &'a str,
    },
    /// A role or user of which only the account and the unique id (`AROA…`, `AIDA…`) are known.
    Unnamed {
        /// The account in which it is.
        account: &'a str,
        /// Its id, without the name of a session.
        unique_id: &'a str,
    },
    /// An AWS service by its principal: `ec2.amazonaws.com`.
    Service(&'a str),
    /// An identity provider: the ARN of one of the account's, or a name such as `accounts.google.com`.
    Federated(&'a str),
}

/// What becomes of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustVerdict {
    /// A statement allows it and none denies it.
    Allowed {
        /// Which statement.
        statement: usize,
    },
    /// No statement allows it, or one denies it.
    Denied {
        /// The statement that denies it.
        explicit: Option<usize>,
    },
    /// Both are possible.
    Depends {
        /// The condition keys that decide, sorted; `aws:PrincipalArn` where it is not known who the caller is.
        keys: Vec<String>,
    },
}

/// What a statement depends on whose caller is not known well enough.
const PRINCIPAL_KEY: &str = "aws:PrincipalArn";

impl TrustPolicy {
    /// Compiles a policy. A statement without `Principal` is about nobody.
    pub fn new(policy: &Policy) -> TrustPolicy {
        let variables = policy.language() == Version::V2012;
        let compile = |statement: &crate::iam::policy::document::Statement| Compiled {
            effect: statement.effect,
            actions: ActionMatcher::new(&statement.actions),
            principal: statement.principal.clone(),
            conditions: statement
                .condition
                .iter()
                .flat_map(|test| {
                    test.keys.iter().map(move |(key, values)| KeyTest::new(&test.operator, key, values, variables))
                })
                .collect(),
        };
        TrustPolicy { statements: policy.statements.iter().map(compile).collect() }
    }

    /// Whether `caller` may do `action` (`sts:AssumeRole`, …) to the role.
    pub fn evaluate(&self, action: &str, caller: &Caller<'_>, context: &Context) -> TrustVerdict {
        let asked: Vec<(usize, &Compiled, Truth)> = self
            .statements
            .iter()
            .enumerate()
            .filter(|(_, statement)| statement.actions.matches(action))
            .map(|(at, statement)| (at, statement, statement.truth(caller, context)))
            .collect();
        let of = |effect: Effect, truth: Truth| {
            asked.iter().find(|(_, statement, found)| statement.effect == effect && *found == truth)
        };
        if let Some((at, ..)) = of(Effect::Deny, Truth::True) {
            return TrustVerdict::Denied { explicit: Some(*at) };
        }
        let is_denial_open = of(Effect::Deny, Truth::Unknown).is_some();
        match (of(Effect::Allow, Truth::True), of(Effect::Allow, Truth::Unknown)) {
            (Some((at, ..)), _) if !is_denial_open => TrustVerdict::Allowed { statement: *at },
            (None, None) => TrustVerdict::Denied { explicit: None },
            _ => {
                let mut keys = Vec::new();
                let open = asked.iter().filter(|(.., truth)| *truth == Truth::Unknown);
                open.for_each(|(_, statement, _)| statement.push_open_keys(caller, context, &mut keys));
                keys.sort();
                keys.dedup();
                TrustVerdict::Depends { keys }
            }
        }
    }
}

impl TrustVerdict {
    /// Whether it is allowed whatever the unknown keys turn out to be.
    pub fn is_allowed(&self) -> bool {
        matches!(self, TrustVerdict::Allowed { .. })
    }
}

impl Compiled {
    fn truth(&self, caller: &Caller<'_>, context: &Context) -> Truth {
        let tests = self.conditions.iter().map(|test| test.truth(context));
        tests.fold(self.names(caller), Truth::min)
    }

    fn push_open_keys(&self, caller: &Caller<'_>, context: &Context, keys: &mut Vec<String>) {
        if self.names(caller) == Truth::Unknown {
            keys.push(PRINCIPAL_KEY.to_owned());
        }
        self.conditions.iter().for_each(|test| test.push_open_keys(context, keys));
    }

    fn names(&self, caller: &Caller<'_>) -> Truth {
        match &self.principal {
            None => Truth::False,
            Some(PrincipalSpec::Principal(principal)) => names(principal, caller),
            Some(PrincipalSpec::NotPrincipal(principal)) => names(principal, caller).not(),
        }
    }
}

/// Whether a caller is one of those who are named.
fn names(principal: &Principal, caller: &Caller<'_>) -> Truth {
    match principal {
        Principal::Everyone => everybody(caller),
        Principal::Of(map) => {
            let each = map.iter().flat_map(|(kind, ids)| ids.iter().map(|id| is_named(kind, id, caller)));
            each.max().unwrap_or(Truth::False)
        }
    }
}

/// `*` is every role, user and account. Whether it is services and identity providers as well the documentation does
/// not say.
fn everybody(caller: &Caller<'_>) -> Truth {
    match caller {
        Caller::Principal { .. } | Caller::Unnamed { .. } => Truth::True,
        Caller::Service(_) | Caller::Federated(_) => Truth::Unknown,
    }
}

fn is_named(kind: &str, id: &str, caller: &Caller<'_>) -> Truth {
    match (kind, caller) {
        ("AWS", _) if id == "*" => everybody(caller),
        ("AWS", Caller::Principal { arn, account }) => match account_of(id) {
            Some(named) => (named == *account).into(),
            None => is_same_principal(id, arn),
        },
        ("AWS", Caller::Unnamed { account, unique_id }) => match account_of(id) {
            Some(named) => (named == *account).into(),
            // It may be this one, by a name that is not known here.
            None if Arn::parse(id).is_some_and(|arn| arn.account == *account) => Truth::Unknown,
            None => (id == *unique_id).into(),
        },
        ("Service", Caller::Service(service)) => is_same_service(id, service),
        ("Federated", Caller::Federated(provider)) => (id == *provider).into(),
        _ => Truth::False,
    }
}

/// The account that is named as a whole: "The account ARN and the shortened account ID behave the same way."
fn account_of(id: &str) -> Option<&str> {
    if crate::iam::arn::is_account_id(id) {
        return Some(id);
    }
    Arn::parse(id).filter(|arn| arn.service == "iam" && arn.resource == "root").map(|arn| arn.account)
}

/// Roles and users by account and name: names are single in an account whatever the path (IAM User Guide, "IAM
/// identifiers"), and records do not always hold it. Of a session of the role it is not known whether it is the caller.
fn is_same_principal(id: &str, arn: &str) -> Truth {
    if id == arn {
        return Truth::True;
    }
    let (Some(named), Some(caller)) = (Arn::parse(id), Arn::parse(arn)) else { return Truth::False };
    if named.account != caller.account {
        return Truth::False;
    }
    let split = |resource: &'_ str| -> Option<(String, String)> {
        let (kind, path) = resource.split_once('/')?;
        Some((kind.to_owned(), path.rsplit('/').next()?.to_ascii_lowercase()))
    };
    match (named.service, caller.service) {
        ("iam", "iam") => split(named.resource).is_some_and(|of| split(caller.resource) == Some(of)).into(),
        ("sts", "iam") => {
            let role = named.resource.strip_prefix("assumed-role/").and_then(|rest| rest.split('/').next());
            let caller = split(caller.resource).filter(|(kind, _)| kind == "role");
            match role.is_some_and(|role| caller.is_some_and(|(_, name)| name.eq_ignore_ascii_case(role))) {
                true => Truth::Unknown,
                false => Truth::False,
            }
        }
        _ => Truth::False,
    }
}

/// Some services have a principal in each region, which a log may not tell apart.
fn is_same_service(id: &str, service: &str) -> Truth {
    if id.eq_ignore_ascii_case(service) {
        return Truth::True;
    }
    let parts = |text: &str| {
        let rest = text.strip_suffix(".amazonaws.com.cn").or_else(|| text.strip_suffix(".amazonaws.com"));
        rest.map(|rest| (rest.split('.').next().unwrap_or_default().to_ascii_lowercase(), rest.contains('.')))
    };
    match (parts(id), parts(service)) {
        (Some((a, a_region)), Some((b, b_region))) if a == b && a_region != b_region => Truth::Unknown,
        _ => Truth::False,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: Caller<'_> =
        Caller::Principal { arn: "arn:aws:iam::111122223333:role/team/deploy", account: "111122223333" };
    const STRANGER: Caller<'_> = Caller::Unnamed { account: "111122223333", unique_id: "AROAX" };

    fn verdict(principal: &str, caller: &Caller<'_>) -> TrustVerdict {
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{principal},"Action":"sts:AssumeRole"}}}}"#
        );
        let policy = TrustPolicy::new(&Policy::parse(&text).unwrap());
        policy.evaluate("sts:AssumeRole", caller, &Context::new())
    }

    #[test]
    fn principals_are_who_they_are() {
        let (yes, no) = (TrustVerdict::Allowed { statement: 0 }, TrustVerdict::Denied { explicit: None });
        let open = TrustVerdict::Depends { keys: vec!["aws:PrincipalArn".to_owned()] };
        for (principal, caller, expected) in [
            (r#"{"AWS":"111122223333"}"#, ROLE, &yes),
            (r#"{"AWS":"arn:aws:iam::111122223333:root"}"#, ROLE, &yes),
            (r#"{"AWS":"arn:aws:iam::111122223333:root"}"#, STRANGER, &yes),
            (r#"{"AWS":"arn:aws:iam::444455556666:root"}"#, ROLE, &no),
            (r#"{"AWS":"arn:aws:iam::111122223333:role/team/deploy"}"#, ROLE, &yes),
            (r#"{"AWS":"arn:aws:iam::111122223333:role/deploy"}"#, ROLE, &yes),
            (r#"{"AWS":"arn:aws:iam::111122223333:user/deploy"}"#, ROLE, &no),
            (r#"{"AWS":"arn:aws:iam::111122223333:role/deploy"}"#, STRANGER, &open),
            (r#"{"AWS":"AROAX"}"#, STRANGER, &yes),
            (r#"{"AWS":"AROAY"}"#, STRANGER, &no),
            (r#"{"AWS":"arn:aws:sts::111122223333:assumed-role/deploy/s"}"#, ROLE, &open),
            (r#"{"AWS":"arn:aws:sts::111122223333:assumed-role/other/s"}"#, ROLE, &no),
            (r#""*""#, ROLE, &yes),
            (r#"{"AWS":"*"}"#, Caller::Service("ec2.amazonaws.com"), &open),
            (r#"{"Service":"ec2.amazonaws.com"}"#, Caller::Service("ec2.amazonaws.com"), &yes),
            (r#"{"Service":"logs.eu-west-1.amazonaws.com"}"#, Caller::Service("logs.amazonaws.com"), &open),
            (r#"{"Service":"ec2.amazonaws.com"}"#, ROLE, &no),
            (r#"{"Federated":"accounts.google.com"}"#, Caller::Federated("accounts.google.com"), &yes),
            (r#"{"Federated":"accounts.google.com"}"#, Caller::Federated("www.amazon.com"), &no),
        ] {
            assert_eq!(&verdict(principal, &caller), expected, "{principal} {caller:?}");
        }
    }

    #[test]
    fn conditions_and_denials_count() {
        let text = r#"{"Version":"2012-10-17","Statement":[
            {"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":["sts:AssumeRole","sts:TagSession"],
             "Condition":{"StringEquals":{"sts:ExternalId":"x"}}},
            {"Effect":"Deny","Principal":{"AWS":"111122223333"},"Action":"sts:TagSession"}]}"#;
        let policy = TrustPolicy::new(&Policy::parse(text).unwrap());
        let with = Context::new().with("sts:ExternalId", "x");
        assert!(policy.evaluate("sts:AssumeRole", &ROLE, &with).is_allowed());
        let without = Context::new().without("sts:ExternalId");
        assert_eq!(policy.evaluate("sts:AssumeRole", &ROLE, &without), TrustVerdict::Denied { explicit: None });
        let open = TrustVerdict::Depends { keys: vec!["sts:ExternalId".to_owned()] };
        assert_eq!(policy.evaluate("sts:AssumeRole", &ROLE, &Context::new()), open);
        assert_eq!(policy.evaluate("sts:TagSession", &ROLE, &with), TrustVerdict::Denied { explicit: Some(1) });
    }
}
