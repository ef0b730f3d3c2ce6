//! AWS Lambda: versions and aliases, code that is fetched from S3.

use crate::iam::arn::{Arn, escape, is_account_id, is_plain};
use crate::iam::catalog::bare_name;
use crate::iam::event::Permission;
use crate::iam::request::Request;
use crate::iam::resolve::s3_reads::{self, Object};
use crate::iam::resolve::service_rules::{Call, KeyUse, Reading, ServiceRules, ValueReader};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    also_needed: Some(fetched_code),
    key_uses: &[KeyUse {
        operations: &["CreateFunction", "UpdateFunctionConfiguration"],
        actions: &["kms:CreateGrant"],
        is_certain: false,
        source: "Lambda developer guide, Environment variables",
    }],
    policy_arns: Some(|action, arn, request| of_function(bare_name(action), arn, request)),
    read: Some(read),
    owner: Some(|text| FunctionName::parse(text).map_or((None, None), |function| (function.region, function.account))),
    ..ServiceRules::new("lambda")
};

fn read(_: &str, variable: &str) -> Option<ValueReader> {
    let reader = ValueReader::new(|text| match FunctionName::parse(text) {
        Some(function) => Reading::Name(function.name),
        None => Reading::Exactly("*".to_owned()),
    });
    (variable == "FunctionName").then_some(reader)
}

/// A version or an alias that is called is asked for by its own ARN, however the request names it; of other actions the
/// tables say the function.
/// Source: Lambda Developer Guide, "Resources and conditions for Lambda actions"; what Lambda told its customers in
/// 2022, in juanjoDiaz/serverless-plugin-warmup#304; aws/aws-cdk#19318.
fn of_function(action: &str, function: String, request: &Request<'_>) -> Vec<String> {
    let is_whole = function.split_once(":function:").is_some_and(|(_, name)| !name.contains([':', '*']));
    let Some(qualifier) = is_whole.then(|| qualifier(request)).flatten() else { return vec![function] };
    let qualified = format!("{function}:{}", escape(qualifier));
    if action == "InvokeFunction" { vec![qualified] } else { vec![function, qualified] }
}

/// Of a function: beside its name, or behind it.
fn qualifier<'a>(request: &Request<'a>) -> Option<&'a str> {
    let own = || FunctionName::parse(request.parameters.text("functionName")?)?.qualifier;
    request.parameters.text("qualifier").or_else(own).filter(|text| !text.contains([':', '/']))
}

/// What a text says that names a function: a name, an ARN, or an ARN without its front parts, each with a version or an
/// alias behind it or without: `f`, `f:live`, `111122223333:f`, `111122223333:function:f`,
/// `eu-west-1:111122223333:function:f:live`.
///
/// Source: Lambda API Reference, Invoke, `FunctionName`, name formats and pattern; UpdateFunctionCode of the API's first
/// texts: a partial ARN is `account-id:Thumbnail`. So twelve digits in front are an account, though a function may be
/// called so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FunctionName<'t> {
    region: Option<&'t str>,
    account: Option<&'t str>,
    name: &'t str,
    qualifier: Option<&'t str>,
}

impl<'t> FunctionName<'t> {
    fn parse(text: &'t str) -> Option<FunctionName<'t>> {
        let (mut region, mut account, mut rest) = (None, None, text);
        if let Some(arn) = Arn::parse(text).filter(|arn| arn.service == "lambda") {
            (region, account, rest) = (Some(arn.region), Some(arn.account), arn.resource);
        }
        if let Some((first, behind)) = rest.split_once(':')
            && is_region(first)
            && (behind.starts_with("function:") || behind.split_once(':').is_some_and(|(next, _)| is_account_id(next)))
        {
            (region, rest) = (Some(first), behind);
        }
        if let Some((first, behind)) = rest.split_once(':').filter(|(first, _)| is_account_id(first)) {
            (account, rest) = (Some(first), behind);
        }
        rest = rest.strip_prefix("function:").unwrap_or(rest);
        let (name, qualifier) = rest.split_once(':').map_or((rest, None), |(name, behind)| (name, Some(behind)));
        let is_one = !name.is_empty() && !qualifier.is_some_and(|qualifier| qualifier.contains(':'));
        is_one.then_some(FunctionName { region, account, name, qualifier })
    }
}

/// `eu-west-1`, `us-gov-west-1`: what a partial ARN may begin with.
fn is_region(text: &str) -> bool {
    is_plain(text) && text.contains('-') && text.ends_with(|last: char| last.is_ascii_digit())
}

/// Where a function's code is.
fn code(request: &Request<'_>) -> Option<Object> {
    let one = |name: &str| match request.parameters.texts(name).as_slice() {
        [one] => Some((*one).to_owned()),
        _ => None,
    };
    let bucket = one("s3Bucket").filter(|bucket| !bucket.contains(['/', ':']))?;
    Some(Object { bucket, key: one("s3Key")?, is_version: one("s3ObjectVersion").is_some() })
}

/// The code that Lambda fetches in the caller's name.
/// Source: denials of these calls, `your request credentials have permission to GetObject for bucket/key`:
/// awslabs/dynamodb-continuous-backup#7, buildkite/elastic-ci-stack-for-aws#564.
fn fetched_code(call: &Call<'_, '_>) -> Vec<Permission> {
    let fetches = matches!(call.operation, "CreateFunction" | "UpdateFunctionCode" | "PublishLayerVersion");
    let object = if fetches { code(call.request) } else { None };
    object.and_then(|object| s3_reads::read(call, &object, "what denials of Lambda name")).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use crate::iam::{Catalog, Event, permissions};

    fn invoked(function: &str) -> Vec<String> {
        let parameters = format!(r#"{{"functionName":"{function}"}}"#);
        let event = Event {
            event_source: "lambda.amazonaws.com",
            event_name: "Invoke",
            aws_region: Some("eu-west-1"),
            account_id: Some("111122223333"),
            request_parameters: Some(&parameters),
            ..Event::default()
        };
        permissions(Catalog::embedded(), &event).needed.into_iter().flat_map(|needed| needed.resources).collect()
    }

    #[test]
    fn functions_by_name_partial_and_whole_arn() {
        let own = "arn:aws:lambda:eu-west-1:111122223333:function:f";
        let other = "arn:aws:lambda:eu-west-1:444455556666:function:f";
        for (function, expected) in [
            ("f", own.to_owned()),
            ("f:live", format!("{own}:live")),
            ("function:f", own.to_owned()),
            ("111122223333:f", own.to_owned()),
            ("444455556666:f", other.to_owned()),
            ("444455556666:f:live", format!("{other}:live")),
            ("444455556666:function:f", other.to_owned()),
            ("444455556666:function:f:$LATEST", format!("{other}:$LATEST")),
            ("us-east-1:444455556666:function:f", "arn:aws:lambda:us-east-1:444455556666:function:f".to_owned()),
            (other, other.to_owned()),
            ("arn:aws:lambda:eu-west-1:444455556666:function:f:7", format!("{other}:7")),
            ("444455556666", "arn:aws:lambda:eu-west-1:111122223333:function:444455556666".to_owned()),
            ("a-1:live", "arn:aws:lambda:eu-west-1:111122223333:function:a-1:live".to_owned()),
            ("a:b:c:d", "arn:aws:lambda:eu-west-1:111122223333:function:*".to_owned()),
        ] {
            assert_eq!(invoked(function), [expected], "{function}");
        }
    }
}
