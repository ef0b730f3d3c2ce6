//! IAM, STS, IAM Identity Center, Organizations, sign-in.

use super::event::{Event, read, write};

const ROLE_ARN: &str = "arn:aws:iam::<account>:role/<role>";
const ROLE: &str = r#"[{"accountId":"<account>","type":"AWS::IAM::Role","ARN":"arn:aws:iam::<account>:role/<role>"}]"#;
const OWN_ROLE: &str =
    r#"[{"accountId":"<account>","type":"AWS::IAM::Role","ARN":"arn:aws:iam::<account>:role/<own-role>"}]"#;
const SESSION_RESPONSE: &str = r#"{"credentials":{"accessKeyId":"ASIA<upper:16>","sessionToken":"IQoJb3JpZ2luX2VjE<base64:620>==","expiration":"<us>"},"assumedRoleUser":{"assumedRoleId":"AROA<upper:17>:<a>","arn":"arn:aws:sts::<account>:assumed-role/<role>/<a>"}}"#;

const fn iam(event: Event) -> Event {
    Event { global: true, host: "iam.amazonaws.com", ..event }
}

const fn role(event: Event) -> Event {
    Event { on: ROLE_ARN, fault: "NoSuchEntityException|The role cannot be found.", ..iam(event) }
}

const fn user(event: Event) -> Event {
    Event {
        on: "arn:aws:iam::<account>:user/<user>",
        fault: "NoSuchEntityException|The user cannot be found.",
        ..iam(event)
    }
}

const fn global(event: Event) -> Event {
    Event { global: true, ..event }
}

pub(super) const EVENTS: &[Event] = &[
    role(read("iam", "GetRole", r#"{"roleName":"<role>"}"#)),
    role(read("iam", "ListAttachedRolePolicies", r#"{"roleName":"<role>"}"#)),
    role(read("iam", "ListRolePolicies", r#"{"roleName":"<role>","maxItems":100}"#)),
    role(read("iam", "GetRolePolicy", r#"{"roleName":"<role>","policyName":"inline"}"#)),
    iam(Event { on: "arn:aws:iam::<account>:role/", ..read("iam", "ListRoles", r#"{"maxItems":1000}"#) }),
    iam(Event { on: "arn:aws:iam::<account>:user/", ..read("iam", "ListUsers", r#"{"maxItems":1000}"#) }),
    iam(Event { on: "policy path /", ..read("iam", "ListPolicies", r#"{"scope":"Local","onlyAttached":false}"#) }),
    user(read("iam", "GetUser", r#"{"userName":"<user>"}"#)),
    user(read("iam", "ListAccessKeys", r#"{"userName":"<user>"}"#)),
    user(read("iam", "ListMFADevices", r#"{"userName":"<user>"}"#)),
    iam(read("iam", "GetAccountSummary", "null")),
    iam(read("iam", "GenerateCredentialReport", "null")),
    iam(read("iam", "GetAccountAuthorizationDetails", r#"{"filter":["User","Role","LocalManagedPolicy"]}"#)),
    iam(Event { on: "arn:aws:iam::<account>:policy/<policy>", ..read("iam", "GetPolicyVersion", r#"{"policyArn":"arn:aws:iam::<account>:policy/<policy>","versionId":"v<int:1-9>"}"#) }),
    iam(Event { on: "arn:aws:iam::<account>:instance-profile/<role>", ..read("iam", "GetInstanceProfile", r#"{"instanceProfileName":"<role>"}"#) }),
    role(write(
        "iam",
        "CreateRole",
        r#"{"path":"/","roleName":"<role>","assumeRolePolicyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"<one:lambda|ecs-tasks|ec2>.amazonaws.com\"},\"Action\":\"sts:AssumeRole\"}]}","description":"for <service>","maxSessionDuration":3600}"#,
        r#"{"role":{"path":"/","roleName":"<role>","roleId":"AROA<upper:17>","arn":"arn:aws:iam::<account>:role/<role>","createDate":"<us>","assumeRolePolicyDocument":"%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%7D%5D%7D"}}"#,
    )),
    role(write("iam", "AttachRolePolicy", r#"{"roleName":"<role>","policyArn":"arn:aws:iam::<account>:policy/<policy>"}"#, "null")),
    role(write("iam", "DetachRolePolicy", r#"{"roleName":"<role>","policyArn":"arn:aws:iam::<account>:policy/<policy>"}"#, "null")),
    role(write(
        "iam",
        "PutRolePolicy",
        r#"{"roleName":"<role>","policyName":"inline","policyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":[\"s3:GetObject\",\"s3:ListBucket\"],\"Resource\":[\"arn:aws:s3:::<bucket>\",\"arn:aws:s3:::<bucket>/*\"]}]}"}"#,
        "null",
    )),
    role(write("iam", "TagRole", r#"{"roleName":"<role>","tags":[{"key":"Owner","value":"<session>"}]}"#, "null")),
    user(write("iam", "CreateAccessKey", r#"{"userName":"<user>"}"#, r#"{"accessKey":{"userName":"<user>","accessKeyId":"AKIA<upper:16>","status":"Active","createDate":"<us>"}}"#)),
    user(write("iam", "DeleteAccessKey", r#"{"userName":"<user>","accessKeyId":"AKIA<upper:16>"}"#, "null")),
    iam(Event { on: "arn:aws:iam::<account>:policy/<policy>", ..write(
        "iam",
        "CreatePolicyVersion",
        r#"{"policyArn":"arn:aws:iam::<account>:policy/<policy>","policyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"dynamodb:*\",\"Resource\":\"arn:aws:dynamodb:<region>:<account>:table/<table>\"}]}","setAsDefault":true}"#,
        r#"{"policyVersion":{"versionId":"v<int:2-9>","isDefaultVersion":true,"createDate":"<us>"}}"#,
    ) }),
    Event { host: "sts.<region>.amazonaws.com", ..read("sts", "GetCallerIdentity", "null") },
    Event { on: ROLE_ARN, resources: ROLE, host: "sts.<region>.amazonaws.com", ..read("sts", "AssumeRole", r#"{"roleArn":"arn:aws:iam::<account>:role/<role>","roleSessionName":"<a=alnum:20>","durationSeconds":3600}"#) }
        .answered(SESSION_RESPONSE),
    Event { on: "arn:aws:iam::<account>:role/<own-role>", resources: OWN_ROLE, host: "sts.<region>.amazonaws.com", ..read("sts", "AssumeRoleWithWebIdentity", r#"{"roleArn":"arn:aws:iam::<account>:role/<own-role>","roleSessionName":"<a=session>","durationSeconds":3600}"#) }
        .answered(r#"{"credentials":{"accessKeyId":"ASIA<upper:16>","sessionToken":"IQoJb3JpZ2luX2VjE<base64:900>==","expiration":"<us>"},"subjectFromWebIdentityToken":"repo:example/<service>:ref:refs/heads/main","assumedRoleUser":{"assumedRoleId":"AROA<upper:17>:<a>","arn":"arn:aws:sts::<account>:assumed-role/<own-role>/<a>"},"provider":"arn:aws:iam::<account>:oidc-provider/token.actions.githubusercontent.com","audience":"sts.amazonaws.com"}"#),
    Event { on: "arn:aws:iam::<account>:role/<own-role>", resources: r#"[{"accountId":"<account>","type":"AWS::IAM::Role","ARN":"arn:aws:iam::<account>:role/<own-role>"},{"accountId":"<account>","type":"AWS::IAM::SAMLProvider","ARN":"arn:aws:iam::<account>:saml-provider/AWSSSO_0a1b2c3d4e5f6789_DO_NOT_DELETE"}]"#, host: "sts.<region>.amazonaws.com", ..read("sts", "AssumeRoleWithSAML", r#"{"sAMLAssertionID":"_<uuid>","roleSessionName":"<a=session>","durationSeconds":43200,"roleArn":"arn:aws:iam::<account>:role/<own-role>","principalArn":"arn:aws:iam::<account>:saml-provider/AWSSSO_0a1b2c3d4e5f6789_DO_NOT_DELETE"}"#) }
        .answered(r#"{"credentials":{"accessKeyId":"ASIA<upper:16>","sessionToken":"IQoJb3JpZ2luX2VjE<base64:780>==","expiration":"<us>"},"assumedRoleUser":{"assumedRoleId":"AROA<upper:17>:<a>","arn":"arn:aws:sts::<account>:assumed-role/<own-role>/<a>"},"subject":"<a>","subjectType":"persistent","issuer":"https://portal.sso.<home>.amazonaws.com/saml/assertion/<base64:40>","audience":"https://signin.aws.amazon.com/saml","nameQualifier":"<base64:27>="}"#),
    Event { event_type: "AwsConsoleSignIn", additional: r#"{"LoginTo":"https://console.aws.amazon.com/console/home?region=<region>","MobileVersion":"No","MFAUsed":"<one:No|Yes>"}"#, ..write("signin", "ConsoleLogin", "null", r#"{"ConsoleLogin":"Success"}"#) },
    Event { ..write("sso", "Federate", "null", "null") }.with_service_details(),
    read("sso", "ListPermissionSets", r#"{"instanceArn":"arn:aws:sso:::instance/ssoins-72237f2f1a2b3c4d","maxResults":100}"#),
    read("sso", "DescribePermissionSet", r#"{"instanceArn":"arn:aws:sso:::instance/ssoins-72237f2f1a2b3c4d","permissionSetArn":"arn:aws:sso:::permissionSet/ssoins-72237f2f1a2b3c4d/ps-<one:1a2b3c4d5e6f7081|2b3c4d5e6f708192|3c4d5e6f708192a3>"}"#),
    write("sso", "CreateAccountAssignment", r#"{"instanceArn":"arn:aws:sso:::instance/ssoins-72237f2f1a2b3c4d","targetId":"<other>","targetType":"AWS_ACCOUNT","permissionSetArn":"arn:aws:sso:::permissionSet/ssoins-72237f2f1a2b3c4d/ps-1a2b3c4d5e6f7081","principalType":"GROUP","principalId":"<uuid>"}"#, r#"{"accountAssignmentCreationStatus":{"status":"IN_PROGRESS","requestId":"<uuid>","targetId":"<other>","targetType":"AWS_ACCOUNT"}}"#),
    Event { ..read("identitystore", "ListUsers", r#"{"identityStoreId":"d-9067<hex:6>","maxResults":100}"#) },
    global(read("organizations", "ListAccounts", r#"{"maxResults":20}"#)),
    global(read("organizations", "DescribeOrganization", "null")),
    global(Event { on: "arn:aws:organizations::<account>:account/<org>/<other>", ..read("organizations", "DescribeAccount", r#"{"accountId":"<other>"}"#) }),
    global(read("organizations", "ListPolicies", r#"{"filter":"SERVICE_CONTROL_POLICY"}"#)),
];

impl Event {
    /// A read that answers something all the same.
    const fn answered(self, response: &'static str) -> Event {
        Event { response, ..self }
    }

    /// What Identity Center reports of itself, not a call.
    const fn with_service_details(self) -> Event {
        Event { event_type: "AwsServiceEvent", ..self }
    }
}
