//! Names of statements: service, reading or writing, on what. Letters and digits only, as IAM wants them.

use std::collections::BTreeSet;

use super::binding::PASS_ROLE;
use super::catalog_view::Class;
use super::layout::Layout;
use super::statement::Draft;
use crate::iam::arn::Arn;

/// Longest part of a name that comes from a resource: a longer name is left out, for one that is cut names something
/// else.
const NOUN_MAX: usize = 40;

/// Service prefixes that people write otherwise than with one capital.
const SERVICES: &[(&str, &str)] = &[
    ("acm", "ACM"),
    ("apigateway", "APIGateway"),
    ("cloudformation", "CloudFormation"),
    ("cloudfront", "CloudFront"),
    ("cloudtrail", "CloudTrail"),
    ("cloudwatch", "CloudWatch"),
    ("codebuild", "CodeBuild"),
    ("codecommit", "CodeCommit"),
    ("codedeploy", "CodeDeploy"),
    ("codepipeline", "CodePipeline"),
    ("dynamodb", "DynamoDB"),
    ("ebs", "EBS"),
    ("ec2", "EC2"),
    ("ecr", "ECR"),
    ("ecs", "ECS"),
    ("eks", "EKS"),
    ("elasticache", "ElastiCache"),
    ("elasticfilesystem", "EFS"),
    ("elasticloadbalancing", "ELB"),
    ("elasticmapreduce", "EMR"),
    ("es", "ES"),
    ("events", "Events"),
    ("guardduty", "GuardDuty"),
    ("iam", "IAM"),
    ("kms", "KMS"),
    ("rds", "RDS"),
    ("route53", "Route53"),
    ("s3", "S3"),
    ("secretsmanager", "SecretsManager"),
    ("securityhub", "SecurityHub"),
    ("ses", "SES"),
    ("sns", "SNS"),
    ("sqs", "SQS"),
    ("ssm", "SSM"),
    ("sso", "SSO"),
    ("states", "StepFunctions"),
    ("sts", "STS"),
    ("waf", "WAF"),
    ("wafv2", "WAFv2"),
    ("xray", "XRay"),
];

/// A name for each statement, none twice.
pub(crate) fn names(drafts: &[Draft], layout: Layout) -> Vec<String> {
    names_beside(drafts, layout, BTreeSet::new())
}

/// The same, none of those that are taken.
pub(crate) fn names_beside(drafts: &[Draft], layout: Layout, mut taken: BTreeSet<String>) -> Vec<String> {
    if layout == Layout::Terse {
        let numbers = (1..).map(|number| format!("S{number}")).filter(|name| !taken.contains(name));
        return numbers.take(drafts.len()).collect();
    }
    let mut names = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let name = name(draft, layout);
        let mut candidate = name.clone();
        let mut number = 2;
        while !taken.insert(candidate.clone()) {
            candidate = format!("{name}{number}");
            number += 1;
        }
        names.push(candidate);
    }
    names
}

fn name(draft: &Draft, layout: Layout) -> String {
    let whole = draft.actions.iter().any(|action| action.ends_with(":*"));
    let verb = match draft.class {
        _ if whole => "All",
        _ if draft.actions.len() == 1 && draft.actions.contains(PASS_ROLE) => "PassRole",
        Class::Read => "Read",
        Class::Write => "Write",
    };
    if draft.service.is_empty() {
        return format!("{verb}OfServices");
    }
    let noun = if layout >= Layout::Brief { String::new() } else { noun(&draft.resources) };
    format!("{}{verb}{noun}", service(&draft.service))
}

fn service(prefix: &str) -> String {
    match SERVICES.iter().find(|(known, _)| *known == prefix) {
        Some((_, name)) => (*name).to_owned(),
        None => camel(prefix),
    }
}

/// What the resources are called: a name if they share one, else the first kind of thing they are.
fn noun(resources: &BTreeSet<String>) -> String {
    let nouns: BTreeSet<String> =
        resources.iter().filter_map(|resource| Some(of_arn(&Arn::parse(resource)?))).collect();
    let mut iter = nouns.into_iter();
    match (iter.next(), iter.count()) {
        (None, _) => String::new(),
        (Some(only), 0) => only,
        (Some(first), more) => format!("{first}And{more}More"),
    }
}

fn of_arn(arn: &Arn<'_>) -> String {
    let mut parts = arn.resource.split(['/', ':']).filter(|part| !part.is_empty());
    let (first, second) = (parts.next().unwrap_or_default(), parts.next());
    let noun = match (arn.service, second) {
        ("s3", None) => camel(first),
        // Only buckets have neither region nor account.
        ("s3", Some(_)) if arn.account.is_empty() => {
            let noun = format!("{}Objects", camel(first));
            if noun.len() > NOUN_MAX { "Objects".to_owned() } else { noun }
        }
        ("iam" | "lambda" | "dynamodb" | "secretsmanager" | "logs", Some(_)) => camel(parts_after_kind(arn.resource)),
        (_, Some(second)) => {
            let name = camel(second);
            if name.is_empty() { format!("Any{}", camel(first)) } else { format!("{}{name}", camel(first)) }
        }
        (_, None) => camel(first),
    };
    if noun.is_empty() {
        "Any".to_owned()
    } else if noun.len() <= NOUN_MAX {
        noun
    } else {
        of_kind(arn)
    }
}

/// What kind of thing it is, where its name is too long.
fn of_kind(arn: &Arn<'_>) -> String {
    let kind = arn.resource.split_once(['/', ':']).map(|(kind, _)| camel(kind)).filter(|kind| kind.len() <= NOUN_MAX);
    match (arn.service, kind) {
        ("s3", _) => "Bucket".to_owned(),
        (_, Some(kind)) if !kind.is_empty() => kind,
        _ => "LongName".to_owned(),
    }
}

/// `role/path/Name` → `path/Name`; `log-group:/aws/lambda/f:log-stream:x` → `/aws/lambda/f`.
fn parts_after_kind(resource: &str) -> &str {
    let name = resource.split_once(['/', ':']).map_or(resource, |(_, name)| name);
    name.split(':').find(|part| !part.is_empty()).unwrap_or(name)
}

/// Words of letters and digits, each with a capital, nothing between.
fn camel(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words
        .map(|word| {
            let mut chars = word.chars();
            chars.next().map(|c| c.to_ascii_uppercase()).into_iter().chain(chars).collect::<String>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_cut() {
        let noun = |text: &str| of_arn(&Arn::parse(text).unwrap());
        let long = "a-name-that-is-longer-than-what-anybody-wants-to-read-in-a-sid";
        assert_eq!(noun("arn:aws:s3:::data-lake/x"), "DataLakeObjects");
        assert_eq!(noun(&format!("arn:aws:s3:::{long}/x")), "Objects");
        assert_eq!(noun(&format!("arn:aws:s3:::{long}")), "Bucket");
        assert_eq!(noun(&format!("arn:aws:dynamodb:r:1:table/{long}")), "Table");
        assert_eq!(noun(&format!("arn:aws:sqs:r:1:{long}")), "LongName");
        assert_eq!(noun("arn:aws:iam::1:role/team/App"), "TeamApp");
    }
}
