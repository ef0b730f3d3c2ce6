//! AWS Lambda: versions and aliases, code that is fetched from S3.

use crate::iam::arn::escape;
use crate::iam::catalog::bare_name;
use crate::iam::event::Permission;
use crate::iam::request::Request;
use crate::iam::resolve::s3_reads::{Object, read};
use crate::iam::resolve::service_rules::{Call, KeyUse, ServiceRules};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    further: Some(fetched_code),
    key_uses: &[KeyUse {
        operations: &["CreateFunction", "UpdateFunctionConfiguration"],
        actions: &["kms:CreateGrant"],
        is_certain: false,
        source: "Lambda developer guide, Environment variables",
    }],
    policy_arns: Some(|action, arn, request| of_function(bare_name(action), arn, request)),
    ..ServiceRules::new("lambda")
};

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
    let own = || match request.parameters.text("functionName")?.split(':').collect::<Vec<_>>().as_slice() {
        [_, qualifier] | [_, "function", _, qualifier] | [_, _, _, _, _, "function", _, qualifier] => Some(*qualifier),
        _ => None,
    };
    request.parameters.text("qualifier").or_else(own).filter(|text| !text.contains([':', '/']))
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
    object.and_then(|object| read(call, &object, "what denials of Lambda name")).into_iter().collect()
}
