//! `polly`: further actions of its calls.

use crate::iam::arn::{escape, partition_of};
use crate::iam::event::Permission;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, ServiceRules};

pub(in crate::iam) const RULES: ServiceRules =
    ServiceRules { further_actions: Some(spoken), ..ServiceRules::new("polly") };

/// Speech that is written to a bucket, and who is told of it: both in the caller's name.
/// Source: Polly Developer Guide, "Setting up the IAM policy for asynchronous synthesis"; Service Authorization
/// Reference, StartSpeechSynthesisTask, dependent actions.
fn spoken(call: &Call<'_, '_>) -> Vec<Permission> {
    let Call { catalog, request, .. } = *call;
    if !call.is("StartSpeechSynthesisTask") {
        return Vec::new();
    }
    let source = "Polly Developer Guide, IAM policy for asynchronous synthesis";
    let of = |action: &str, arn: String| {
        let action = catalog.action(action).filter(|action| catalog.does_take(action, &arn))?;
        Some(permission(action, vec![arn], "asynchronous-speech", source))
    };
    // What is written is called after the prefix and a number.
    let prefix = request.parameters.text("OutputS3KeyPrefix").map(escape).unwrap_or_default();
    let bucket = request.parameters.text("OutputS3BucketName").filter(|name| !name.contains(['/', ':']));
    let file = bucket.and_then(|bucket| {
        let partition = partition_of(request.event.aws_region);
        of("s3:PutObject", format!("arn:{partition}:s3:::{}/{prefix}*", escape(bucket)))
    });
    let topic = request.parameters.text("SnsTopicArn").and_then(|topic| of("sns:Publish", escape(topic)));
    file.into_iter().chain(topic).collect()
}
