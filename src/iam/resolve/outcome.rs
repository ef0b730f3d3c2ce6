//! Whether a call was authorised, by the code and the message of its error.
//!
//! A policy grants what was allowed. A failed call says so only if it failed after somebody decided: an object that is
//! not there, a limit that is reached. Calls that were refused are denied; calls that failed before anybody decided are
//! undecided. What no source puts before the decision counts as behind it.

use crate::iam::event::Outcome;

/// What kind of error a code stands for, where it is one that comes before what was asked for is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Not authorised.
    Denied,
    /// The caller could not be told from its credentials.
    Credentials,
    /// The account has no access to the service or the region, whoever calls.
    Account,
    /// Too many requests, or a server that takes none.
    Overload,
    /// Nothing that could be read as a request for an operation.
    Malformed,
    /// Parameters that are not as they should be. Services differ in whether they look at them before they authorise;
    /// that they were not logged at all tells that they never were read.
    Parameters,
}

use Kind::{Account, Credentials, Denied, Malformed, Overload, Parameters};

/// Codes by kind, without the endings that [`stem`] takes away.
///
/// Sources, by their short names:
/// * common: "Common Errors" of the services' API references (the older page, of the Query APIs, and the newer one);
/// * ec2: Amazon EC2 Developer Guide, "Error codes for the Amazon EC2 API", common client and server errors;
/// * s3: Amazon S3 API Reference, "Error responses", list of error codes;
/// * iam: IAM User Guide, "Troubleshoot access denied error messages";
/// * sdk: AWS SDKs and Tools Reference Guide, "Retry behavior": the codes that count as throttling, as `botocore`
///   (package of that name, 1.44, `retries/standard.py`) has them;
/// * sigv4: IAM User Guide, "Troubleshoot Signature Version 4 signing";
/// * the API references of the services that are named.
///
/// Not among them: `ProvisionedThroughputExceeded` of DynamoDB and Kinesis, which a table or shard gives that was
/// already reached; `LimitExceeded` and its like, which are quotas; `InternalFailure`, which may come at any point;
/// `DryRunOperation`, which says that the call would have been allowed (ec2).
const CODES: &[(&str, Kind)] = &[
    // iam, common
    ("AccessDenied", Denied),
    ("NotAuthorized", Denied),
    // common of single services: SNS, Transfer, Cognito, Amplify, WorkMail, Lightsail, …
    ("Authorization", Denied),
    ("Forbidden", Denied),
    ("InsufficientPrivileges", Denied),
    ("Unauthorized", Denied),
    ("UnauthorizedAccess", Denied),
    ("UserUnauthorized", Denied),
    // botocore 1.43.11, exceptions whose text says that the caller lacks the permission: SageMaker Feature Store Runtime,
    // CloudHSM, Chime, WorkDocs
    ("AccessForbidden", Denied),
    ("CloudHsmAccessDenied", Denied),
    ("UnauthorizedClient", Denied),
    ("UnauthorizedResourceAccess", Denied),
    // RFC 9110, 15.5.2 and 15.5.4: what stands where a service has no code of its own
    ("401", Credentials),
    ("403", Denied),
    // ec2
    ("UnauthorizedOperation", Denied),
    // CloudTrail User Guide, "Logging network activity events": refused by the policy of a VPC endpoint
    ("VpceAccessDenied", Denied),
    // common, ec2: access keys that are not known, and what is signed with them
    ("AuthFailure", Credentials),
    ("ExpiredToken", Credentials),
    ("IncompleteSignature", Credentials),
    ("InvalidClientTokenId", Credentials),
    ("MissingAuthenticationToken", Credentials),
    ("RequestExpired", Credentials),
    ("UnrecognizedClient", Credentials),
    // sigv4
    ("InvalidSignature", Credentials),
    ("SignatureDoesNotMatch", Credentials),
    // s3
    ("AuthorizationHeaderMalformed", Credentials),
    ("AuthorizationQueryParameters", Credentials),
    ("CredentialsNotSupported", Credentials),
    ("InvalidAccessKeyId", Credentials),
    ("InvalidSecurity", Credentials),
    ("InvalidToken", Credentials),
    ("MissingSecurityHeader", Credentials),
    ("RequestTimeTooSkewed", Credentials),
    ("TokenRefreshRequired", Credentials),
    // common, ec2
    ("Blocked", Account),
    ("OptInRequired", Account),
    ("PendingVerification", Account),
    // s3
    ("AccountProblem", Account),
    ("AllAccessDisabled", Account),
    ("NotSignedUp", Account),
    // AWS Support, CloudSearch, Shield and others: the account has not subscribed
    ("SubscriptionRequired", Account),
    // sts: the region is not activated
    ("RegionDisabled", Account),
    // sdk
    ("BandwidthLimitExceeded", Overload),
    ("EC2Throttled", Overload),
    ("PriorRequestNotComplete", Overload),
    ("RequestLimitExceeded", Overload),
    ("RequestThrottled", Overload),
    ("SlowDown", Overload),
    ("Throttled", Overload),
    ("Throttling", Overload),
    ("TooManyRequests", Overload),
    // common, s3; ec2 calls it so where the server is overloaded
    ("ServiceUnavailable", Overload),
    ("Unavailable", Overload),
    // s3: the request's body did not come in time
    ("RequestTimeout", Overload),
    // common
    ("InvalidAction", Malformed),
    ("InvalidQueryParameter", Malformed),
    ("MalformedHttpRequest", Malformed),
    ("MalformedQueryString", Malformed),
    ("MissingAction", Malformed),
    ("RequestAborted", Malformed),
    ("RequestEntityTooLarge", Malformed),
    ("UnknownOperation", Malformed),
    // Smithy, AWS JSON protocols: a body that is not the operation's input
    ("Serialization", Malformed),
    // ec2: a version of the API that there is not
    ("NoSuchVersion", Malformed),
    // s3: not to be read as a request, or to be sent elsewhere
    ("InvalidURI", Malformed),
    // s3: names that nothing can have
    ("InvalidBucketName", Malformed),
    ("KeyTooLong", Malformed),
    ("PermanentRedirect", Malformed),
    ("TemporaryRedirect", Malformed),
    // common, ec2, and their spellings in single services
    ("InvalidArgument", Parameters),
    ("InvalidInput", Parameters),
    ("InvalidParameter", Parameters),
    ("InvalidParameterCombination", Parameters),
    ("InvalidParameterValue", Parameters),
    ("InvalidRequest", Parameters),
    ("MalformedInput", Parameters),
    ("MissingParameter", Parameters),
    ("UnknownParameter", Parameters),
    ("Validation", Parameters),
];

/// The kind of a code, however it is spelled. Behind the last dot stands why, as in `OperationNotPermitted.AccessDenied`
/// (WorkSpaces): a denial is one whatever stands before it.
fn kind(code: &str) -> Option<Kind> {
    let stem = stem(code);
    let known = |code: &str| CODES.iter().find(|(known, _)| *known == code).map(|(_, kind)| *kind);
    let behind = || known(stem.rsplit_once('.')?.1).filter(|kind| *kind == Denied);
    known(stem).or_else(behind)
}

/// A code without what services put around it: `Client.` and `Server.` of EC2, the namespace and the address of the
/// AWS JSON protocols (`com.amazonaws.kms#AccessDeniedException:http://…`), and the endings of the exceptions' names.
///
/// Source: Smithy, "AWS JSON 1.1 protocol", "Operation error serialization".
fn stem(code: &str) -> &str {
    let code = code.trim();
    let code = code.rsplit_once('#').map_or(code, |(_, code)| code);
    let code = match code.split_once(':') {
        Some((code, address)) if address.starts_with("http") => code,
        Some(_) => code.rsplit(':').next().unwrap_or(code),
        None => code,
    };
    let mut code = ["Client.", "Server."].iter().find_map(|side| code.strip_prefix(side)).unwrap_or(code);
    while let Some(shorter) = ["Exception", "Error", "Fault"].iter().find_map(|ending| code.strip_suffix(ending)) {
        if shorter.is_empty() {
            break;
        }
        code = shorter;
    }
    code
}

/// Whether a message says that the parameters break the rules of the operation's model: `1 validation error detected`.
/// Names that break them are nobody's.
fn breaks_the_model(message: &str) -> bool {
    let rest = message.trim_start_matches(|c: char| c.is_ascii_digit());
    rest.len() < message.len() && rest.starts_with(" validation error")
}

/// What became of a call with this `errorCode` and `errorMessage`, and whether its parameters were logged.
pub(in crate::iam) fn outcome_of(
    error_code: Option<&str>,
    error_message: Option<&str>,
    has_parameters: bool,
) -> Outcome {
    if error_code.is_none() && error_message.is_none() {
        return Outcome::Allowed;
    }
    // A message that names what is not allowed is the surest, whatever the code.
    if error_message.is_some_and(names_action) {
        return Outcome::Denied;
    }
    match error_code.and_then(kind) {
        Some(Denied) => Outcome::Denied,
        Some(Credentials | Account | Overload | Malformed) => Outcome::Undecided,
        Some(Parameters) if !has_parameters || error_message.is_some_and(breaks_the_model) => Outcome::Undecided,
        Some(Parameters) | None => Outcome::Allowed,
    }
}

/// What a message says before the action.
pub(in crate::iam) const PERFORM: &str = "not authorized to perform";

/// Whether a message has an action in it.
pub(in crate::iam) fn names_action(message: &str) -> bool {
    let is_named = |(at, said): (usize, &str)| {
        message.get(at + said.len()..).is_some_and(|behind| behind.starts_with(": ") || behind.starts_with(" `"))
    };
    message.match_indices(PERFORM).any(is_named)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: &str) -> Outcome {
        outcome_of(Some(code), Some("Some message."), true)
    }

    #[test]
    fn denials() {
        for code in [
            "AccessDenied",
            "AccessDeniedFault",
            "Client.UnauthorizedOperation",
            "com.amazonaws.kms#AccessDeniedException",
            "AccessDeniedException:http://internal.amazon.com/coral/com.amazon.coral.service/",
            "com.amazonaws.x#AccessDeniedException:http://internal.amazon.com/coral/",
            "AuthorizationErrorException",
            "AuthorizationError",
            "OperationNotPermitted.AccessDenied",
            "S3.AccessDenied",
            "CloudHsmAccessDeniedException",
            "UnauthorizedClientException",
            "403",
            "UnauthorizedException",
            "VpceAccessDenied",
        ] {
            assert_eq!(of(code), Outcome::Denied, "{code}");
        }
        let message = "User: x is not authorized to perform: iam:ListUsers on resource: y";
        for code in [None, Some("ThrottlingException"), Some("NoSuchEntity")] {
            assert_eq!(outcome_of(code, Some(message), true), Outcome::Denied, "{code:?}");
        }
    }

    #[test]
    fn what_fails_behind_the_decision_was_allowed() {
        for code in [
            "NoSuchBucket",
            "Client.DryRunOperation",
            "AccessDeniedness",
            "ResourceNotFoundException",
            "ProvisionedThroughputExceededException",
            "LimitExceededException",
            "Client.VcpuLimitExceeded",
            "AWSOrganizationsNotInUseException",
            "KMSAccessDeniedException",
            "AccessDenied.Later",
            "InsufficientPermissionsException",
            "DisabledException",
            "InternalFailure",
            "ValidationException",
            "Client.InvalidParameterValue",
            "Exception",
            "",
        ] {
            assert_eq!(of(code), Outcome::Allowed, "{code}");
        }
        assert_eq!(outcome_of(None, None, false), Outcome::Allowed);
        assert_eq!(outcome_of(Some("NoSuchEntity"), None, false), Outcome::Allowed);
    }

    #[test]
    fn what_fails_before_the_decision_is_undecided() {
        for code in [
            "ExpiredToken",
            "ExpiredTokenException",
            "InvalidClientTokenId",
            "SignatureDoesNotMatch",
            "InvalidSignatureException",
            "Client.AuthFailure",
            "RequestExpired",
            "UnrecognizedClientException",
            "com.amazon.coral.service#UnrecognizedClientException",
            "IncompleteSignature",
            "MissingAuthenticationTokenException",
            "Client.OptInRequired",
            "SubscriptionRequiredException",
            "InvalidAccessKeyId",
            "RequestTimeTooSkewed",
            "ThrottlingException",
            "Throttling",
            "ThrottledException",
            "Client.RequestLimitExceeded",
            "TooManyRequestsException",
            "SlowDown",
            "PriorRequestNotComplete",
            "BandwidthLimitExceeded",
            "Server.Unavailable",
            "ServiceUnavailableException",
            "SerializationException",
            "MalformedQueryString",
            "UnknownOperationException",
            "RegionDisabledException",
            "InvalidBucketName",
            "KeyTooLongError",
        ] {
            assert_eq!(of(code), Outcome::Undecided, "{code}");
        }
    }

    #[test]
    fn parameters_that_were_never_read_are_undecided() {
        let of = |code, message, has_parameters| outcome_of(Some(code), Some(message), has_parameters);
        assert_eq!(of("ValidationException", "Table not active", true), Outcome::Allowed);
        assert_eq!(of("ValidationException", "Table not active", false), Outcome::Undecided);
        let model = "2 validation errors detected: Value 'é' at 'roleName' failed to satisfy constraint";
        assert_eq!(of("ValidationError", model, true), Outcome::Undecided);
        assert_eq!(of("ValidationException", "1 validation error detected: Value", true), Outcome::Undecided);
        assert_eq!(of("NoSuchEntity", model, true), Outcome::Allowed);
        assert_eq!(of("ValidationError", " validation error detected", true), Outcome::Allowed);
    }

    #[test]
    fn codes_stand_once_and_without_their_endings() {
        for (at, (code, _)) in CODES.iter().enumerate() {
            assert_eq!(stem(code), *code);
            assert!(CODES.iter().skip(at + 1).all(|(other, _)| other != code), "{code}");
        }
        assert!(Outcome::ALL.iter().all(|outcome| Outcome::parse(outcome.as_str()) == Some(*outcome)));
    }
}
