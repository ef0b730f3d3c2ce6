//! What a denial's message states: the action, and the resource where it names one.
//!
//! Source: IAM User Guide, "Troubleshoot access denied error messages"; SES quotes both: "is not authorized to perform
//! `ses:SendRawEmail' on resource `arn:…'" (aws/aws-actionmailer-ses-ruby#10).

use std::sync::Arc;

use super::arn::{Arn, escape};
use super::catalog::Catalog;
use super::event::{Confidence, Permission};

/// What stands before the action.
const PERFORM: [&str; 2] = ["not authorized to perform: ", "not authorized to perform `"];

/// What stands before the resource.
const RESOURCE: [&str; 2] = [" on resource: ", " on resource `"];

/// Whether a message has an action in it.
pub(super) fn names_action(message: &str) -> bool {
    PERFORM.iter().any(|form| message.contains(form))
}

fn behind<'m>(message: &'m str, forms: &[&str]) -> Option<&'m str> {
    forms.iter().find_map(|form| message.split_once(form)).map(|(_, behind)| behind)
}

fn word(text: &str) -> Option<&str> {
    text.split_ascii_whitespace().next().map(|word| word.trim_end_matches(['.', ',']).trim_matches(['"', '\'', '`']))
}

/// The action and resource that a denial's message names.
pub(super) fn stated(catalog: &Catalog, message: &str) -> Option<Permission> {
    let behind_action = behind(message, &PERFORM)?;
    let action = catalog.action(word(behind_action)?)?;
    let resource = behind(behind_action, &RESOURCE).and_then(word).filter(|text| Arn::parse(text).is_some());
    let resource = resource.map(|arn| {
        // The service itself writes `instance/*` for what is not there yet.
        match arn.strip_suffix("/*").or(arn.strip_suffix(":*")) {
            Some(front) => format!("{}{}", escape(front), arn.get(front.len()..).unwrap_or_default()),
            None => escape(arn),
        }
    });
    let resource = resource.filter(|arn| catalog.does_take(action, arn)).unwrap_or_else(|| "*".to_owned());
    let resource =
        match action.name.starts_with("logs:") && resource.contains(":log-group:") && !resource.ends_with('*') {
            true if !resource.contains(":log-stream:") => format!("{resource}:*"),
            _ => resource,
        };
    Some(Permission {
        action: Arc::clone(&action.name),
        resources: vec![resource],
        confidence: Confidence::Stated,
        rule: "denial-message",
        source: "the record's errorMessage".into(),
        passed_to_service: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_in_every_form() {
        for (message, action, resource) in [
            (
                "User: arn:aws:iam::111122223333:user/ann is not authorized to perform: s3:GetObject on resource: \
                 \"arn:aws:s3:::b/k\" because no identity-based policy allows the s3:GetObject action",
                "s3:GetObject",
                "arn:aws:s3:::b/k",
            ),
            (
                "You are not authorized to perform this operation. User: arn:aws:iam::111122223333:user/ann is not \
                 authorized to perform: ec2:RunInstances on resource: arn:aws:ec2:eu-west-1:111122223333:instance/* \
                 because no identity-based policy allows the ec2:RunInstances action",
                "ec2:RunInstances",
                "arn:aws:ec2:eu-west-1:111122223333:instance/*",
            ),
            (
                "User `arn:aws:iam::111122223333:user/ann' is not authorized to perform `ses:SendRawEmail' on resource \
                 `arn:aws:ses:eu-west-1:111122223333:identity/example.com'",
                "ses:SendRawEmail",
                "arn:aws:ses:eu-west-1:111122223333:identity/example.com",
            ),
            (
                "User: arn:aws:iam::111122223333:user/ann is not authorized to perform: SNS:ListSubscriptions on \
                 resource: arn:aws:sns:eu-west-1:111122223333:*",
                "sns:ListSubscriptions",
                "*",
            ),
        ] {
            assert!(names_action(message), "{message}");
            let found = stated(Catalog::embedded(), message).unwrap();
            assert_eq!((&*found.action, found.resources), (action, vec![resource.to_owned()]), "{message}");
        }
        assert!(!names_action("You are not authorized to perform this operation."));
    }
}
