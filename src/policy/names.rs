//! Names that a resource can have, by the rules of its service, and what a policy can say of them.
//!
//! A call that fails for its name was authorised before the name was looked at, so it counts as allowed. Nothing is
//! granted for such a name: it is no resource, and a policy that cannot hold its characters would have to say something
//! wider. A name that the service allows and a policy cannot hold is said with `?`, one for each such character.

use super::pattern::ESCAPES;
use crate::iam::arn::{Arn, NO_NAME, is_plain};
use crate::iam::document::is_policy_char;

/// What a policy can say of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sayable {
    /// Exactly that.
    Exactly,
    /// Characters of the name stand as `?`.
    WithStandIns,
    /// No resource has this name: the reason.
    Never(&'static str),
}

/// Characters of a name.
#[derive(Clone, Copy, Debug)]
enum Chars {
    /// ASCII letters, digits, and these.
    Of(&'static str),
    /// Printable ASCII.
    Ascii,
    /// What a policy can hold.
    Sayable,
    /// Every character but control characters and these.
    AnyBut(&'static str),
    /// The same without those beyond U+FFFF.
    BasicBut(&'static str),
    /// The last `/` parts a name of ASCII letters, digits and these from a path of printable ASCII.
    BehindPath(&'static str),
}

use Chars::{AnyBut, Ascii, BasicBut, BehindPath, Of};

/// Service, how the resource part begins, and which characters may follow. The first that fits holds.
///
/// Sources: the parameters' patterns and descriptions in botocore 1.44.5 (the API references' own) of the operations that
/// create each resource, and the pages named beside a line. Separators of the ARN's form are among the characters. A rule
/// that is too strict costs a permission that was used, one that is too wide costs nothing: where a source says less than
/// all, more is taken. Lengths are not looked at, for a name that is too long grants nothing.
const RULES: &[(&str, &str, Chars)] = &[
    ("acm", "", Of("-/")),
    ("athena", "workgroup/", Of("._-/")),
    // CatalogNameString: everything from U+0020 on; catalogues of S3 tables have `/`.
    ("athena", "datacatalog/", AnyBut("")),
    // Nodes of a multi-node job: `job/<id>#0` (Batch User Guide, "Multi-node parallel jobs").
    ("batch", "", Of("-_/:.#")),
    ("cloudformation", "", Of("-/:_.")),
    ("cloudtrail", "", Of("._-/")),
    // CloudWatch API Reference, PutMetricAlarm: "only UTF-8 characters, and can't contain ASCII control characters".
    ("cloudwatch", "alarm:", AnyBut("")),
    ("cloudwatch", "dashboard/", Of("-_")),
    // ReportGroupName has no pattern.
    ("codebuild", "report", AnyBut("")),
    ("codebuild", "", Of("-_/:")),
    ("codecommit", "", Of("._-")),
    ("codepipeline", "", Of(".@-_/:")),
    ("cognito-identity", "", Of("-_:/")),
    ("cognito-idp", "", Of("-_/")),
    ("dynamodb", "", Of("_.-:/")),
    // EC2 API Reference, CreateKeyPair and CreatePlacementGroup: "up to 255 ASCII characters".
    ("ec2", "key-pair/", Ascii),
    ("ec2", "placement-group/", Ascii),
    ("ec2", "", Of("-/._:")),
    ("ecr", "", Of("._-/")),
    ("ecs", "", Of("-_/:")),
    ("eks", "", Of("-_/:.@=,+")),
    ("elasticache", "", Of("-:._/")),
    ("elasticfilesystem", "", Of("-/")),
    ("elasticloadbalancing", "", Of("-/")),
    ("elasticmapreduce", "", Of("-/")),
    ("events", "", Of("./_-")),
    ("firehose", "", Of("_.-/")),
    // Glue API Reference, "Single-line string pattern": everything from U+0020 on.
    ("glue", "", AnyBut("")),
    ("iam", "role/", BehindPath("+=,.@_-")),
    ("iam", "user/", BehindPath("+=,.@_-")),
    ("iam", "group/", BehindPath("+=,.@_-")),
    ("iam", "policy/", BehindPath("+=,.@_-")),
    ("iam", "instance-profile/", BehindPath("+=,.@_-")),
    ("iam", "server-certificate/", BehindPath("+=,.@_-")),
    ("iam", "saml-provider/", Of("+=,.@_-")),
    ("iam", "mfa/", BehindPath("+=/:,.@_-")),
    // MQTT topics and client ids are UTF-8 (AWS IoT Core Developer Guide, "MQTT topics").
    ("iot", "topic/", AnyBut("")),
    ("iot", "topicfilter/", AnyBut("")),
    ("iot", "client/", AnyBut("")),
    ("iot", "", Of("-_:/.@+=,")),
    ("kinesis", "", Of("_.-:/")),
    ("kms", "", Of(":/_-")),
    ("lambda", "", Of("-_$.:/")),
    // CreateEventSubscription says nothing of characters.
    ("rds", "es:", AnyBut("")),
    // CreateDBSubnetGroup: "letters, numbers, periods, underscores, spaces, or hyphens".
    ("rds", "", Of("-:._/ ")),
    ("route53", "", Of("-/")),
    ("sagemaker", "", Of("-/_.:")),
    // Secrets Manager User Guide, CreateSecret: "/_+=.@-"; `!` in names of secrets that services manage.
    ("secretsmanager", "secret:", Of("/_+=.@-!")),
    ("sns", "", Of("_-.:/")),
    ("sqs", "", Of("_-.")),
    ("ssm", "parameter", Of("_.-/:")),
    ("ssm", "document/", Of("_-.:/")),
    ("ssm", "session/", Of("+=,.@_-")),
    // Step Functions API Reference, CreateStateMachine: no white space, brackets, wildcards, these, controls,
    // surrogates.
    ("states", "", BasicBut(" \u{a0}\u{3000}<>{}[]?*\"#%\\^|~`$&,;")),
];

/// Control characters that `escape` of `iam::arn` has already replaced: a `?` that no `${?}` stands for.
const REPLACED: char = '?';

const REASON: &str = "no resource of this kind can have this name: a character that its service does not allow";
const REASON_ARN: &str = "no ARN can have these characters in its region or account";
const REASON_NONE: &str = "no name: what the call told for it is empty, or can be no name of one resource";
const REASON_UNKNOWN: &str =
    "a policy cannot hold this name, and no service rule known here says that there can be such a name";

impl Chars {
    fn allows(self, c: char) -> bool {
        match self {
            Of(more) => c.is_ascii_alphanumeric() || more.contains(c),
            Ascii | BehindPath(_) => matches!(c, ' '..='~'),
            Chars::Sayable => is_policy_char(c),
            AnyBut(but) => !c.is_control() && !but.contains(c),
            BasicBut(but) => !c.is_control() && u32::from(c) < 0xfffe && !but.contains(c),
        }
    }
}

/// What a policy can say of a resource as `usage` has it.
pub(crate) fn sayable(resource: &str) -> Sayable {
    let Some(arn) = Arn::parse(resource) else {
        return if resource.chars().all(is_policy_char) { Sayable::Exactly } else { Sayable::Never(REASON_UNKNOWN) };
    };
    let is_head = |text: &str| text.is_empty() || text == "*" || is_plain(text);
    if !(is_head(arn.region) && is_head(arn.account) && is_plain(arn.partition) && is_plain(arn.service)) {
        return Sayable::Never(REASON_ARN);
    }
    if arn.resource.contains(NO_NAME) {
        return Sayable::Never(REASON_NONE);
    }
    if let Err(reason) = check(&arn) {
        return Sayable::Never(reason);
    }
    let is_exact = unescaped_chars(known(&arn)).all(|c| c.is_none_or(|c| is_policy_char(c) && c != CONTROL));
    if is_exact { Sayable::Exactly } else { Sayable::WithStandIns }
}

/// Stands for a control character: not known any more which.
const CONTROL: char = '\u{0}';

/// The characters of a name; `None` for a wildcard that `usage` writes itself.
fn unescaped_chars(text: &str) -> impl Iterator<Item = Option<char>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let escape = ESCAPES.iter().find(|escape| rest.starts_with(**escape));
        let (c, length) = match escape {
            Some(escape) => (escape.chars().nth(2), escape.len()),
            None => {
                let c = rest.chars().next()?;
                (if c == REPLACED { Some(CONTROL) } else { Some(c).filter(|c| *c != '*') }, c.len_utf8())
            }
        };
        rest = rest.get(length..).unwrap_or_default();
        Some(c)
    })
}

fn check(arn: &Arn<'_>) -> Result<(), &'static str> {
    match arn.service {
        "s3" if arn.region.is_empty() && arn.account.is_empty() => return bucket_and_key(arn.resource),
        "s3" | "s3-outposts" | "s3-object-lambda" => return access_point_and_key(arn.resource),
        "s3express" => return all(arn.resource, Of("-./:")),
        "logs" => return log_group_and_stream(arn.resource),
        _ => {}
    }
    let rule = RULES.iter().find(|(service, kind, _)| *service == arn.service && arn.resource.starts_with(kind));
    match rule {
        Some((_, kind, BehindPath(chars))) => {
            let name = arn.resource.get(kind.len()..).unwrap_or_default();
            let (path, name) = name.rsplit_once('/').unwrap_or(("", name));
            all(path, Ascii)?;
            all(name, Of(chars))
        }
        Some((_, kind, chars)) => all(known(arn).get(kind.len()..).unwrap_or_default(), *chars),
        None => all(arn.resource, Chars::Sayable).map_err(|_| REASON_UNKNOWN),
    }
}

/// What follows the name of a secret where nothing tells its random end (Secrets Manager User Guide, "What's in a
/// secret": a hyphen and six characters).
const SECRET_END: &str = "-??????";

/// The resource without wildcards that are no stand-ins for characters.
fn known<'a>(arn: &Arn<'a>) -> &'a str {
    let end = Some(SECRET_END).filter(|_| arn.service == "secretsmanager");
    end.and_then(|end| arn.resource.strip_suffix(end)).unwrap_or(arn.resource)
}

/// Whether `?` stands in a pattern for a character that a policy cannot hold.
pub(crate) fn has_stand_ins(pattern: &str) -> bool {
    let resource = Arn::parse(pattern).map_or(pattern, |arn| known(&arn));
    unescaped_chars(resource).any(|c| c == Some(CONTROL))
}

fn all(name: &str, chars: Chars) -> Result<(), &'static str> {
    if unescaped_chars(name).flatten().all(|c| chars.allows(c)) { Ok(()) } else { Err(REASON) }
}

/// S3 User Guide, "General purpose bucket naming rules": lower-case letters, digits, dots and hyphens; until March
/// 2018 also upper-case letters and underscores, which such buckets still have. "Object key naming": a key is any
/// UTF-8.
fn bucket_and_key(resource: &str) -> Result<(), &'static str> {
    let (bucket, _) = resource.split_once('/').unwrap_or((resource, ""));
    all(bucket, Of(".-_"))
}

/// S3 User Guide, "Access points": lower-case letters, digits, hyphens. Behind `/object/` stands a key.
fn access_point_and_key(resource: &str) -> Result<(), &'static str> {
    let (name, _) = resource.split_once("/object/").unwrap_or((resource, ""));
    all(name, Of("-./:_"))
}

/// CloudWatch Logs API Reference, CreateLogGroup (`[\.\-_/#A-Za-z0-9]+`), CreateLogStream and PutDestination (both
/// `[^:*]*`).
fn log_group_and_stream(resource: &str) -> Result<(), &'static str> {
    if !resource.starts_with("log-group:") {
        return all(resource, AnyBut("*"));
    }
    let (group, stream) = resource.split_once(":log-stream:").unwrap_or((resource, ""));
    all(group, Of(".-_/#:"))?;
    all(stream, AnyBut("*"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn never(resource: &str) {
        assert!(matches!(sayable(resource), Sayable::Never(_)), "{resource}");
    }

    #[test]
    fn names_that_no_service_can_have() {
        let emoji = '\u{1f600}';
        for head in [
            "arn:aws:s3:::",
            "arn:aws:iam::1:role/",
            "arn:aws:iam::1:user/team/",
            "arn:aws:dynamodb:r:1:table/",
            "arn:aws:lambda:r:1:function:",
            "arn:aws:sqs:r:1:",
            "arn:aws:sns:r:1:",
            "arn:aws:kms:r:1:alias/",
            "arn:aws:secretsmanager:r:1:secret:",
            "arn:aws:ssm:r:1:parameter/",
            "arn:aws:logs:r:1:log-group:",
            "arn:aws:ec2:r:1:key-pair/",
            "arn:aws:wisdom:r:1:assistant/",
        ] {
            never(&format!("{head}a{emoji}b"));
            never(&format!("{head}abc\u{202e}"));
            never(&format!("{head}ab?c"));
        }
        for resource in [
            "arn:aws:s3:::a b/key",
            "arn:aws:states:r:1:stateMachine:a\u{1f600}b",
            "arn:aws:states:r:1:stateMachine:a?b",
            "arn:aws:iam::1:role/a${*}b",
            "arn:aws:iam::1:role/a b",
            "arn:aws:sqs:r:1:queue name",
            "arn:aws:dynamodb:r:1:table/a${$}{x}",
            "arn:aws:dynamodb:r\u{e9}:1:table/abc",
            "arn:aws:dynamodb:r:${*}:table/abc",
            "arn:aws:dynamodb:${}:1:table/abc",
            "arn:aws:dynamodb:r:${}:table/abc",
            "arn:aws:dynamodb:r:1:table/${}",
            "arn:aws:iam::1:role/${}",
            "arn:aws:s3:::${}",
            "arn:aws:s3:::b/${}",
            "arn:aws:wisdom:r:1:assistant/${}",
        ] {
            never(resource);
        }
    }

    /// What comes before a name, the shape of botocore 1.44.5 that says what it may be (service, shape), and the characters
    /// besides ASCII letters and digits that its pattern allows.
    const SHAPES: &[(&str, &str, &str)] = &[
        ("athena:r:1:workgroup/", "athena WorkGroupName", "._-"),
        ("codebuild:r:1:project/", "codebuild ProjectName", "-_"),
        ("codecommit:r:1:", "codecommit RepositoryName", "_.-"),
        ("codepipeline:r:1:", "codepipeline PipelineName", ".@-_"),
        ("cognito-identity:r:1:identitypool/", "cognito-identity IdentityPoolId", "_-:"),
        ("cognito-idp:r:1:userpool/", "cognito-idp UserPoolIdType", "_-"),
        ("cloudformation:r:1:changeSet/", "cloudformation ChangeSetName", "-"),
        ("dynamodb:r:1:table/", "dynamodb TableName", "_.-"),
        ("dynamodb:r:1:table/t/index/", "dynamodb IndexName", "_.-"),
        ("ecr:r:1:repository/", "ecr RepositoryName", "._-/"),
        ("eks:r:1:cluster/", "eks ClusterName", "-_"),
        ("events:r:1:rule/", "events RuleName", "._-"),
        ("events:r:1:event-bus/", "events EventBusName", "/.-_"),
        ("events:r:1:archive/", "events ArchiveName", ".-_"),
        ("events:r:1:connection/", "events ConnectionName", ".-_"),
        ("firehose:r:1:deliverystream/", "firehose DeliveryStreamName", "_.-"),
        ("glue:r:1:database/", "glue NameString", " !\"#%&'()+,-./:;<=>@[]^_`{|}~"),
        ("iam::1:role/", "iam roleNameType", "_+=,.@-"),
        ("iam::1:user/", "iam userNameType", "_+=,.@-"),
        ("iam::1:group/", "iam groupNameType", "_+=,.@-"),
        ("iam::1:policy/", "iam policyNameType", "_+=,.@-"),
        ("iam::1:instance-profile/", "iam instanceProfileNameType", "_+=,.@-"),
        ("iam::1:server-certificate/", "iam serverCertificateNameType", "_+=,.@-"),
        ("iam::1:saml-provider/", "iam SAMLProviderNameType", "_.-"),
        ("iam::1:mfa/", "iam virtualMFADeviceName", "_+=,.@-"),
        ("iot:r:1:thing/", "iot ThingName", ":_-"),
        ("iot:r:1:policy/", "iot PolicyName", "_+=,.@-"),
        ("kinesis:r:1:stream/", "kinesis StreamName", "_.-"),
        ("kms:r:1:alias/", "kms AliasNameType", ":/_-"),
        ("lambda:r:1:function:", "lambda NamespacedFunctionName", "-_."),
        ("lambda:r:1:layer:", "lambda LayerName", "-_"),
        ("logs:r:1:log-group:", "logs LogGroupName", ".-_/#"),
        ("logs:r:1:log-group:g:log-stream:", "logs LogStreamName", " !\"#%&'()+,-./;<=>@[]^_`{|}~"),
        ("sagemaker:r:1:feature-group/", "sagemaker FeatureGroupName", "_-"),
        ("sagemaker:r:1:training-job/", "sagemaker TrainingJobName", "-"),
        ("ssm:r:1:document/", "ssm DocumentName", "_-."),
    ];

    /// A rule must not be stricter than the pattern of the service's own model: that would cost a permission.
    #[test]
    fn names_that_botocore_allows() {
        for (head, shape, chars) in SHAPES {
            for c in chars.chars() {
                let name = format!("arn:aws:{head}abc{c}d");
                assert_eq!(sayable(&name), Sayable::Exactly, "{shape}: {name}");
            }
            never(&format!("arn:aws:{head}abc\u{7}"));
        }
    }

    #[test]
    fn names_that_there_are() {
        for resource in [
            "*",
            "arn:aws:s3:::lake",
            "arn:aws:s3:::Old_Bucket.1/k",
            "arn:aws:s3:::lake/a ${*} b ${?}é~\"",
            "arn:aws:iam::1:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_A_0123",
            "arn:aws:iam::1:user/division ~!/jane@example.org",
            "arn:aws:iam::aws:policy/AdministratorAccess",
            "arn:aws:lambda:r:1:function:f:$LATEST",
            "arn:aws:dynamodb:r:1:table/a.b-c_d/index/*",
            "arn:aws:dynamodb:r:1:table/t/stream/2024-01-01T00:00:00.000",
            "arn:aws:logs:r:1:log-group:/aws/lambda/f:*",
            "arn:aws:logs:r:1:log-group:/aws/lambda/f:log-stream:2024/01/01/[$LATEST]0a",
            "arn:aws:ssm:r::document/AWS-RunShellScript",
            "arn:aws:apigateway:r::/restapis/abc/resources/x",
            "arn:aws:ec2:*:1:instance/*",
            "arn:aws:secretsmanager:r:1:secret:rds!db-0a-Ab12Cd",
            "arn:aws:secretsmanager:r:1:secret:prod/db-??????",
            "arn:aws:s3:::b/k",
            "arn:aws:wisdom:r:1:assistant/caf\u{e9}",
            "arn:aws:elasticloadbalancing:r:1:loadbalancer/app/a/50dc6c495c0c9188",
            "arn:aws:rds:r:1:subgrp:my db subnets",
            "arn:aws:rds:r:1:es:who (knows)",
            "arn:aws:athena:r:1:datacatalog/s3tablescatalog/bucket",
            "arn:aws:batch:r:1:job/0a1b2c3d-0000-4000-8000-000000000001#0",
            "arn:aws:codebuild:r:1:report-group/project-my tests",
            "arn:aws:logs:r:1:destination:to the archive",
            "arn:aws:iam::1:saml-provider/idp@example.org",
            "arn:aws:lambda:r:1:microvm-image:a/1",
            "arn:aws:cloudwatch:r:1:insight-rule/a b!",
        ] {
            assert_eq!(sayable(resource), Sayable::Exactly, "{resource}");
        }
        for resource in [
            "arn:aws:s3:::lake/日本",
            "arn:aws:s3:::lake/a?b",
            "arn:aws:logs:r:1:log-group:g:log-stream:日",
            "arn:aws:glue:r:1:table/db/\u{1f600}",
            "arn:aws:states:r:1:stateMachine:日本",
        ] {
            assert_eq!(sayable(resource), Sayable::WithStandIns, "{resource}");
        }
    }

    /// Separators of an ARN's form are among the characters of its rule.
    #[test]
    fn every_form_of_the_catalogue_can_be_said() {
        let catalog = crate::iam::Catalog::embedded();
        let services = catalog.prefixes().into_iter().filter_map(|prefix| catalog.service(prefix));
        let forms = services.flat_map(|service| service.resource_types()).map(|kind| kind.arn.as_str());
        let filled = forms.map(|form| {
            let mut parts = form.split("${");
            let front = parts.next().unwrap_or_default().to_owned();
            parts
                .filter_map(|part| part.split_once('}'))
                .fold(front, |arn, (name, behind)| arn + if name == "Partition" { "aws" } else { "a1" } + behind)
        });
        let unsaid: Vec<String> = filled.filter(|arn| !matches!(sayable(arn), Sayable::Exactly)).collect();
        assert!(unsaid.is_empty(), "{unsaid:?}");
    }
}
