//! Who did it: one principal for every form of `userIdentity`.
//!
//! Source of the forms: AWS CloudTrail User Guide, "CloudTrail userIdentity element"; shapes that it doesn't name were
//! seen in public records and have tests.
//!
//! | `type` | principal | session name |
//! |---|---|---|
//! | `AssumedRole` | ARN of the role: the session issuer's, which has the path; without an issuer from the session's ARN | of the session |
//! | `IAMUser` | the user's ARN; without one from account and name | |
//! | `Root` | `arn:…:iam::<account>:root` | |
//! | `FederatedUser` | ARN of the issuer, a user or root | the federated name |
//! | `SAMLUser`, `WebIdentityUser` | the identity provider | the user's name with it |
//! | `IdentityCenterUser` | `arn:…:identitystore:::user/<id>` of `onBehalfOf` | |
//! | `AWSService` | the service's name (`lambda.amazonaws.com`) | |
//! | `AWSAccount` | the unique id (`AROA…`) or account id that the other account's principal goes by | behind the unique id |
//! | anything else | by the form of its ARN, else the ARN, else the principal id | |

use std::borrow::Cow;

/// What `userIdentity` says, as far as it matters; empty texts count as missing.
#[derive(Clone, Debug, Default)]
pub struct Identity<'a> {
    /// `type`.
    pub identity_type: Option<Cow<'a, str>>,
    /// `principalId`.
    pub principal_id: Option<Cow<'a, str>>,
    /// `arn`.
    pub arn: Option<Cow<'a, str>>,
    /// `accountId`.
    pub account_id: Option<Cow<'a, str>>,
    /// `userName`.
    pub user_name: Option<Cow<'a, str>>,
    /// `invokedBy`.
    pub invoked_by: Option<Cow<'a, str>>,
    /// `identityProvider`.
    pub identity_provider: Option<Cow<'a, str>>,
    /// `onBehalfOf.userId`.
    pub on_behalf_of_user_id: Option<Cow<'a, str>>,
    /// `sessionContext.sessionIssuer.arn`.
    pub issuer_arn: Option<Cow<'a, str>>,
    /// `sessionContext.sessionIssuer.accountId`.
    pub issuer_account_id: Option<Cow<'a, str>>,
    /// The record's `awsRegion`, which tells the partition.
    pub aws_region: Option<Cow<'a, str>>,
}

/// Who did it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Principal<'a> {
    /// ARN, or what stands for it.
    pub arn: Option<Cow<'a, str>>,
    /// CloudTrail's `type`, or the one that the rest says.
    pub principal_type: Option<Cow<'a, str>>,
    /// Account in which the principal lives.
    pub account_id: Option<Cow<'a, str>>,
    /// Name of the session: for Identity Center roles, the person.
    pub session_name: Option<Cow<'a, str>>,
    /// Identity Center permission set of an `AWSReservedSSO_<permission set>_<16 hex>` role.
    pub permission_set: Option<String>,
}

/// Who did it, by `userIdentity`.
pub fn principal<'a>(identity: &Identity<'a>) -> Principal<'a> {
    let identity_type = identity.inferred_type();
    let mut principal = match identity_type.as_deref() {
        Some("AssumedRole") => identity.assumed_role(),
        Some("IAMUser") => identity.of_account(|i| i.user_name.as_ref().map(|name| format!("user/{name}"))),
        Some("Root") => identity.of_account(|_| Some("root".to_owned())),
        Some("FederatedUser") => identity.federated_user(),
        Some("SAMLUser" | "WebIdentityUser") => identity.of_provider(),
        Some("IdentityCenterUser") => identity.identity_center_user(),
        Some("AWSService") => {
            Principal { arn: identity.invoked_by.clone().or(identity.arn.clone()), ..Default::default() }
        }
        Some("AWSAccount") => identity.other_account(),
        _ => Principal { arn: identity.arn.clone().or(identity.principal_id.clone()), ..Default::default() },
    };
    principal.principal_type = identity_type;
    if principal.account_id.is_none() {
        principal.account_id =
            identity.account_id.clone().or_else(|| principal.arn.as_deref().and_then(arn_account).map(Cow::Owned));
    }
    principal.permission_set = principal.arn.as_deref().and_then(permission_set);
    principal
}

impl<'a> Identity<'a> {
    /// Leaves out what is empty.
    pub fn without_empty(mut self) -> Self {
        for text in [
            &mut self.identity_type,
            &mut self.principal_id,
            &mut self.arn,
            &mut self.account_id,
            &mut self.user_name,
            &mut self.invoked_by,
            &mut self.identity_provider,
            &mut self.on_behalf_of_user_id,
            &mut self.issuer_arn,
            &mut self.issuer_account_id,
        ] {
            if text.as_ref().is_some_and(|text| text.is_empty()) {
                *text = None;
            }
        }
        self
    }

    fn inferred_type(&self) -> Option<Cow<'a, str>> {
        if let Some(given) = &self.identity_type
            && given != "Unknown"
        {
            return Some(given.clone());
        }
        let resource = self.arn.as_deref().and_then(|arn| arn.splitn(6, ':').nth(5));
        let by_arn = resource.and_then(|resource| match resource.split('/').next() {
            Some("assumed-role") => Some("AssumedRole"),
            Some("user") => Some("IAMUser"),
            Some("root") => Some("Root"),
            Some("federated-user") => Some("FederatedUser"),
            Some("role") => Some("Role"),
            _ => None,
        });
        let by_rest = || match (&self.invoked_by, &self.on_behalf_of_user_id, &self.account_id) {
            (Some(_), _, _) => Some("AWSService"),
            (None, Some(_), _) => Some("IdentityCenterUser"),
            (None, None, Some(_)) => Some("AWSAccount"),
            _ => None,
        };
        by_arn.or_else(by_rest).map(Cow::Borrowed).or(self.identity_type.clone())
    }

    fn partition(&self) -> &str {
        let by_arn = [&self.arn, &self.issuer_arn].into_iter().flatten().find_map(|arn| {
            let partition = arn.strip_prefix("arn:")?.split(':').next()?;
            (!partition.is_empty()).then_some(partition)
        });
        by_arn.unwrap_or_else(|| match self.aws_region.as_deref() {
            Some(region) if region.starts_with("cn-") => "aws-cn",
            Some(region) if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        })
    }

    fn assumed_role(&self) -> Principal<'a> {
        let session = self.arn.as_deref().and_then(assumed_role);
        let from_session = session
            .map(|(account, role, _)| Cow::Owned(format!("arn:{}:iam::{account}:role/{role}", self.partition())));
        let by_id = || self.principal_id.as_deref().and_then(|id| id.split_once(':')).map(|(_, name)| name);
        let session_name = session.map(|(_, _, name)| name).or_else(by_id).filter(|name| !name.is_empty());
        Principal {
            arn: self.issuer_arn.clone().or(from_session).or(self.arn.clone()).or(self.principal_id.clone()),
            account_id: self.issuer_account_id.clone(),
            session_name: session_name.map(|name| Cow::Owned(name.to_owned())),
            ..Default::default()
        }
    }

    /// The ARN that is given, else one made of the account and what `resource` says.
    fn of_account(&self, resource: impl FnOnce(&Self) -> Option<String>) -> Principal<'a> {
        let made = || {
            let resource = resource(self)?;
            Some(Cow::Owned(format!("arn:{}:iam::{}:{resource}", self.partition(), self.account_id.as_deref()?)))
        };
        Principal { arn: self.arn.clone().or_else(made).or(self.principal_id.clone()), ..Default::default() }
    }

    fn federated_user(&self) -> Principal<'a> {
        let name =
            self.arn.as_deref().and_then(|arn| arn.split_once(":federated-user/")).map(|(_, name)| name.to_owned());
        Principal {
            arn: self.issuer_arn.clone().or(self.arn.clone()).or(self.principal_id.clone()),
            account_id: self.issuer_account_id.clone(),
            session_name: name.map(Cow::Owned),
            ..Default::default()
        }
    }

    fn of_provider(&self) -> Principal<'a> {
        Principal {
            arn: self.identity_provider.clone().or(self.arn.clone()).or(self.principal_id.clone()),
            session_name: self.user_name.clone(),
            ..Default::default()
        }
    }

    fn identity_center_user(&self) -> Principal<'a> {
        let user = self.on_behalf_of_user_id.as_deref();
        let made = user.map(|user| Cow::Owned(format!("arn:{}:identitystore:::user/{user}", self.partition())));
        Principal { arn: made.or(self.arn.clone()).or(self.principal_id.clone()), ..Default::default() }
    }

    fn other_account(&self) -> Principal<'a> {
        let is_anonymous = [&self.account_id, &self.principal_id]
            .into_iter()
            .flatten()
            .any(|text| text.eq_ignore_ascii_case("ANONYMOUS_PRINCIPAL") || text.eq_ignore_ascii_case("anonymous"));
        if is_anonymous {
            return Principal { arn: Some(Cow::Borrowed("anonymous")), ..Default::default() };
        }
        let split = self.principal_id.as_deref().and_then(|id| id.split_once(':'));
        let (id, session_name) = match split {
            Some((id, name)) => (Some(Cow::Owned(id.to_owned())), Some(Cow::Owned(name.to_owned()))),
            None => (self.principal_id.clone(), None),
        };
        Principal { arn: self.arn.clone().or(id).or(self.account_id.clone()), session_name, ..Default::default() }
    }
}

/// Account, role name and session name of an assumed role's ARN.
fn assumed_role(arn: &str) -> Option<(&str, &str, &str)> {
    let mut parts = arn.splitn(6, ':').skip(4);
    let (account, resource) = (parts.next()?, parts.next()?);
    let (role, session) = resource.strip_prefix("assumed-role/")?.split_once('/').unwrap_or((resource, ""));
    Some((account, role.strip_prefix("assumed-role/").unwrap_or(role), session))
}

fn arn_account(arn: &str) -> Option<String> {
    let account = arn.strip_prefix("arn:")?.split(':').nth(3)?;
    (!account.is_empty()).then(|| account.to_owned())
}

/// Source: IAM Identity Center User Guide, "Referencing permission sets in resource policies".
pub fn permission_set(arn: &str) -> Option<String> {
    let name = arn.split_once(":role/")?.1.rsplit('/').next()?;
    let (set, suffix) = name.strip_prefix("AWSReservedSSO_")?.rsplit_once('_')?;
    let is_suffix = suffix.len() == 16 && suffix.bytes().all(|b| b.is_ascii_hexdigit());
    (is_suffix && !set.is_empty()).then(|| set.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(json: &str) -> Identity<'static> {
        let value: serde_json::Value = serde_json::from_str(json).unwrap();
        let text = |pointer: &str| value.pointer(pointer).and_then(|v| v.as_str()).map(|s| Cow::Owned(s.to_owned()));
        Identity {
            identity_type: text("/type"),
            principal_id: text("/principalId"),
            arn: text("/arn"),
            account_id: text("/accountId"),
            user_name: text("/userName"),
            invoked_by: text("/invokedBy"),
            identity_provider: text("/identityProvider"),
            on_behalf_of_user_id: text("/onBehalfOf/userId"),
            issuer_arn: text("/sessionContext/sessionIssuer/arn"),
            issuer_account_id: text("/sessionContext/sessionIssuer/accountId"),
            aws_region: text("/region"),
        }
        .without_empty()
    }

    fn check(json: &str, expected: [Option<&str>; 5]) {
        let identity = identity(json);
        let p = principal(&identity);
        let found = [
            p.arn.as_deref(),
            p.principal_type.as_deref(),
            p.account_id.as_deref(),
            p.session_name.as_deref(),
            p.permission_set.as_deref(),
        ];
        assert_eq!(found, expected, "{json}");
    }

    #[test]
    fn assumed_role_is_its_issuer_with_path() {
        check(
            r#"{"type":"AssumedRole","principalId":"AROAX:ann@example.com","arn":"arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_Access_0123456789abcdef/ann@example.com","accountId":"111122223333","sessionContext":{"sessionIssuer":{"type":"Role","arn":"arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_Access_0123456789abcdef","accountId":"111122223333"}}}"#,
            [
                Some(
                    "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_Access_0123456789abcdef",
                ),
                Some("AssumedRole"),
                Some("111122223333"),
                Some("ann@example.com"),
                Some("Admin_Access"),
            ],
        );
    }

    #[test]
    fn assumed_role_without_issuer_comes_from_the_session() {
        for (kind, session) in [("AssumedRole", r#","sessionContext":{"sessionIssuer":{}}"#), ("Unknown", ""), ("", "")]
        {
            let json = format!(
                r#"{{"type":"{kind}","arn":"arn:aws-us-gov:sts::111122223333:assumed-role/deploy/i-0abc"{session}}}"#
            );
            check(
                &json,
                [
                    Some("arn:aws-us-gov:iam::111122223333:role/deploy"),
                    Some("AssumedRole"),
                    Some("111122223333"),
                    Some("i-0abc"),
                    None,
                ],
            );
        }
    }

    #[test]
    fn users_and_root() {
        let user = "arn:aws:iam::111122223333:user/team/ann";
        check(
            &format!(
                r#"{{"type":"IAMUser","arn":"{user}","accountId":"111122223333","accessKeyId":"","userName":"ann"}}"#
            ),
            [Some(user), Some("IAMUser"), Some("111122223333"), None, None],
        );
        check(
            r#"{"type":"IAMUser","accountId":"111122223333","userName":"ann","region":"cn-north-1"}"#,
            [Some("arn:aws-cn:iam::111122223333:user/ann"), Some("IAMUser"), Some("111122223333"), None, None],
        );
        check(
            r#"{"type":"Root","accountId":"111122223333"}"#,
            [Some("arn:aws:iam::111122223333:root"), Some("Root"), Some("111122223333"), None, None],
        );
    }

    #[test]
    fn federated_and_provided_users() {
        check(
            r#"{"type":"FederatedUser","arn":"arn:aws:sts::111122223333:federated-user/bob","accountId":"111122223333","sessionContext":{"sessionIssuer":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/broker","accountId":"111122223333"}}}"#,
            [
                Some("arn:aws:iam::111122223333:user/broker"),
                Some("FederatedUser"),
                Some("111122223333"),
                Some("bob"),
                None,
            ],
        );
        check(
            r#"{"type":"WebIdentityUser","principalId":"accounts.google.com:x","userName":"x","identityProvider":"accounts.google.com"}"#,
            [Some("accounts.google.com"), Some("WebIdentityUser"), None, Some("x"), None],
        );
        check(
            r#"{"type":"SAMLUser","principalId":"Q:bob","userName":"bob","identityProvider":"Q"}"#,
            [Some("Q"), Some("SAMLUser"), None, Some("bob"), None],
        );
        check(
            r#"{"type":"IdentityCenterUser","accountId":"111122223333","onBehalfOf":{"userId":"544894e8-80c1","identityStoreArn":"arn:aws:identitystore::111122223333:identitystore/d-1"}}"#,
            [
                Some("arn:aws:identitystore:::user/544894e8-80c1"),
                Some("IdentityCenterUser"),
                Some("111122223333"),
                None,
                None,
            ],
        );
    }

    #[test]
    fn services_and_other_accounts() {
        check(
            r#"{"type":"AWSService","invokedBy":"ec2.amazonaws.com"}"#,
            [Some("ec2.amazonaws.com"), Some("AWSService"), None, None, None],
        );
        check(
            r#"{"accountId":"111122223333","invokedBy":"config.amazonaws.com"}"#,
            [Some("config.amazonaws.com"), Some("AWSService"), Some("111122223333"), None, None],
        );
        check(
            r#"{"type":"AWSAccount","principalId":"AROAX:session","accountId":"111122223333"}"#,
            [Some("AROAX"), Some("AWSAccount"), Some("111122223333"), Some("session"), None],
        );
        check(
            r#"{"type":"AWSAccount","principalId":"","accountId":"ANONYMOUS_PRINCIPAL"}"#,
            [Some("anonymous"), Some("AWSAccount"), Some("ANONYMOUS_PRINCIPAL"), None, None],
        );
        check("{}", [None; 5]);
    }

    #[test]
    fn only_sixteen_hexadecimal_digits_make_a_permission_set() {
        for (name, expected) in [
            ("AWSReservedSSO_Admin_0123456789abcdef", Some("Admin")),
            ("AWSReservedSSO_Admin_0123456789abcdeg", None),
            ("AWSReservedSSO_Admin", None),
            ("AWSReservedSSO__0123456789abcdef", None),
        ] {
            assert_eq!(permission_set(&format!("arn:aws:iam::1:role/x/{name}")).as_deref(), expected, "{name}");
        }
    }
}
