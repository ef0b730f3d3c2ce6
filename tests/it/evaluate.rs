//! IAM's evaluation logic: what the IAM User Guide publishes, case by case, and generated cases against a second
//! implementation that is slow and obvious.

mod generated;
mod published;
mod slow;
mod unknown;

use trailpare::iam::document::Policy;
use trailpare::iam::evaluate::{Context, PolicySet, Request, Verdict, evaluate};

/// A document with the given statements (JSON objects).
fn policy(statements: &str) -> Policy {
    Policy::parse(&format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#)).unwrap()
}

fn verdict(set: &PolicySet, action: &str, resource: &str, context: &Context) -> Verdict {
    evaluate(set, &Request { action, resource, context })
}

/// Of one identity policy; every key that is not set is absent.
fn is_allowed(statements: &str, action: &str, resource: &str, context: &Context) -> bool {
    match verdict(&PolicySet::of_identity(vec![policy(statements)]), action, resource, context) {
        Verdict::Allowed { .. } => true,
        Verdict::Denied { .. } => false,
        depends => panic!("{depends:?}"),
    }
}

fn absent() -> Context {
    Context::absent_by_default()
}

/// Whether `"Condition": {operator: {key: values}}` is met.
fn met(operator: &str, key: &str, values: &str, context: &Context) -> bool {
    let statement = format!(
        r#"{{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*","Condition":{{"{operator}":{{"{key}":{values}}}}}}}"#
    );
    is_allowed(&statement, "s3:ListBucket", "arn:aws:s3:::b", context)
}

fn depends_on(set: &PolicySet, action: &str, resource: &str, context: &Context) -> Vec<String> {
    match verdict(set, action, resource, context) {
        Verdict::Depends { keys, on_resource: false } => keys,
        other => panic!("{other:?}"),
    }
}
