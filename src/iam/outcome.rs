//! Whether a call was authorised, by the code and the message of its error.

use super::stated::names_action;

/// Whether a call was authorised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Authorised, whether or not it then succeeded.
    #[default]
    Allowed,
    /// Failed because it was not authorised.
    Denied,
    /// Failed before anybody decided whether it was.
    Undecided,
}

/// The codes that say "not authorised". Any other error means that authorisation had been passed.
///
/// Sources: IAM User Guide, "Troubleshoot access denied error messages"; EC2 API Reference, "Error codes"
/// (`UnauthorizedOperation`, logged as `Client.UnauthorizedOperation`); the "Common Errors" page of the services' API
/// references (`AccessDeniedException`, `NotAuthorized`, `UnauthorizedException`, `AuthorizationError` of SNS,
/// `AuthorizationErrorException`, `NotAuthorizedException`, `ForbiddenException`, `UnauthorizedAccess`,
/// `AccessDeniedFault`, `InsufficientPrivilegesException`).
const DENIALS: &[&str] = &[
    "AccessDenied",
    "AccessDeniedException",
    "AccessDeniedFault",
    "AuthorizationError",
    "AuthorizationErrorException",
    "Forbidden",
    "ForbiddenException",
    "InsufficientPrivilegesException",
    "NotAuthorized",
    "NotAuthorizedException",
    "OperationNotPermitted.AccessDenied",
    "Unauthorized",
    "UnauthorizedAccess",
    "UnauthorizedException",
    "UnauthorizedOperation",
    "UserUnauthorizedException",
];

impl Outcome {
    /// The word in the `outcome` column.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Allowed => "allowed",
            Outcome::Denied => "denied",
            Outcome::Undecided => "undecided",
        }
    }

    /// Reads the word in the `outcome` column.
    pub fn parse(word: &str) -> Option<Self> {
        [Outcome::Allowed, Outcome::Denied, Outcome::Undecided].into_iter().find(|outcome| outcome.as_str() == word)
    }

    /// What became of a call with this `errorCode` and `errorMessage`.
    pub fn of(error_code: Option<&str>, error_message: Option<&str>) -> Outcome {
        if error_code.is_none() && error_message.is_none() {
            return Outcome::Allowed;
        }
        let code = error_code.unwrap_or_default();
        // EC2 logs `Client.UnauthorizedOperation`, others a namespace: `com.amazonaws…#AccessDeniedException`.
        let code = code.rsplit(['#', ':']).next().unwrap_or(code);
        let code = code.strip_prefix("Client.").unwrap_or(code);
        let by_code = DENIALS.contains(&code);
        let by_message = || error_message.is_some_and(names_action);
        if by_code || by_message() { Outcome::Denied } else { Outcome::Allowed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn denials() {
        for code in ["AccessDenied", "Client.UnauthorizedOperation", "com.amazonaws.kms#AccessDeniedException"] {
            assert_eq!(Outcome::of(Some(code), None), Outcome::Denied, "{code}");
        }
        for code in ["NoSuchBucket", "Client.DryRunOperation", "ThrottlingException", "AccessDeniedness"] {
            assert_eq!(Outcome::of(Some(code), None), Outcome::Allowed, "{code}");
        }
        let message = "User: x is not authorized to perform: iam:ListUsers on resource: y";
        assert_eq!(Outcome::of(None, Some(message)), Outcome::Denied);
        assert_eq!(Outcome::of(None, None), Outcome::Allowed);
    }
}
