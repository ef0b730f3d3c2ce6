//! A role by its account and name. Not every record holds a role's path, and within an account the name alone is
//! single.

use crate::iam::arn::Arn;
use crate::record::permission_set;

/// Account and name of a role.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleName {
    /// Account id.
    pub account: String,
    /// Name without its path.
    pub name: String,
}

/// Who may change a role's trust policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// The account.
    Account,
    /// AWS: it is a service-linked role.
    Service,
    /// Identity Center: the role is what became of a permission set.
    IdentityCenter,
}

impl RoleName {
    /// Of a role's ARN, or of that of one of its sessions.
    pub fn of(arn: &str) -> Option<RoleName> {
        let arn = Arn::parse(arn)?;
        let name = match arn.service {
            "iam" => arn.resource.strip_prefix("role/")?.rsplit('/').next()?,
            "sts" => arn.resource.strip_prefix("assumed-role/")?.split('/').next()?,
            _ => return None,
        };
        (!name.is_empty()).then(|| RoleName { account: arn.account.to_owned(), name: name.to_owned() })
    }

    /// An ARN without a path, of the partition of `like`.
    pub fn arn(&self, like: &str) -> String {
        let partition = Arn::parse(like).map_or("aws", |arn| arn.partition);
        format!("arn:{partition}:iam::{}:role/{}", self.account, self.name)
    }
}

impl Keeper {
    /// Who keeps the trust policy of a role: its ARN tells.
    pub fn of(role_arn: &str) -> Keeper {
        if role_arn.contains(":role/aws-service-role/") {
            Keeper::Service
        } else if permission_set(role_arn).is_some() {
            Keeper::IdentityCenter
        } else {
            Keeper::Account
        }
    }

    /// For people.
    pub fn as_str(self) -> &'static str {
        match self {
            Keeper::Account => "account",
            Keeper::Service => "service",
            Keeper::IdentityCenter => "identity-center",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_by_name() {
        for (arn, name) in [
            ("arn:aws:iam::111122223333:role/team/deploy", Some("deploy")),
            ("arn:aws:sts::111122223333:assumed-role/deploy/s", Some("deploy")),
            ("arn:aws:iam::111122223333:user/deploy", None),
            ("deploy", None),
        ] {
            assert_eq!(RoleName::of(arn).map(|role| role.name).as_deref(), name, "{arn}");
        }
        assert_eq!(
            Keeper::of("arn:aws:iam::1:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_A_0123456789abcdef"),
            Keeper::IdentityCenter
        );
        assert_eq!(
            Keeper::of("arn:aws:iam::1:role/aws-service-role/rds.amazonaws.com/AWSServiceRoleForRDS"),
            Keeper::Service
        );
    }
}
