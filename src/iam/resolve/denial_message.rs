//! What the message of a denial states: the action that was asked for and the resource.
//!
//! Source: IAM User Guide, "Troubleshoot access denied error messages"; SES quotes both: "is not authorized to perform
//! `ses:SendRawEmail' on resource `arn:…'" (aws/aws-actionmailer-ses-ruby#10).

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;

use crate::iam::arn::{Arn, escape};
use crate::iam::catalog::Catalog;
use crate::iam::event::{Confidence, Event, Permission};
use crate::iam::resolve::outcome::{PERFORM, names_action};
use crate::util::json;

/// The message of a denial that may name an action. GuardDuty, AppSync and MWAA write it into the response, as
/// `message`.
pub(in crate::iam) fn message<'e>(event: &Event<'e>) -> Option<Cow<'e, str>> {
    if let Some(message) = event.error_message {
        return Some(Cow::Borrowed(message)).filter(|message| names_action(message));
    }
    let response = event.response_elements.filter(|response| names_action(response))?;
    match json::value(response).ok()?.get_mut("message")?.take() {
        Value::String(message) => Some(Cow::Owned(message)),
        _ => None,
    }
}

/// What a denial's message states.
pub(in crate::iam) struct StatedPermission {
    pub permission: Permission,
    /// Whether it leaves open on which resource, though the action takes some: `on resource: my-secret`, or none at
    /// all.
    pub is_open: bool,
}

/// The action and resource that a denial's message names.
pub(in crate::iam) fn stated(catalog: &Catalog, message: &str) -> Option<StatedPermission> {
    let named = |text: &str| -> Option<String> {
        let word = text.split_ascii_whitespace().next()?;
        Some(word.trim_end_matches(['.', ',']).trim_matches(['"', '\'', '`']).to_owned())
    };
    // "You are not authorized to perform this operation. User: … is not authorized to perform: ec2:RunInstances …"
    let mut said = message.match_indices(PERFORM).filter_map(|(at, said)| message.get(at + said.len()..));
    let (action, behind) = said.find_map(|behind| {
        let name = named(behind.trim_start_matches([':', ' ']))?;
        Some((catalog.action(&name)?, behind))
    })?;
    let on = [" on resource: ", " on resource "].iter().find_map(|on| behind.split_once(on));
    let resource = on.and_then(|(_, resource)| named(resource));
    let arn = resource.as_deref().filter(|r| Arn::parse(r).is_some()).map(|arn| {
        // The service itself writes `instance/*` for what is not there yet.
        match arn.strip_suffix("/*").or(arn.strip_suffix(":*")) {
            Some(front) => format!("{}{}", escape(front), arn.get(front.len()..).unwrap_or_default()),
            None => escape(arn),
        }
    });
    let arn = arn.filter(|arn| catalog.does_take(action, arn));
    let is_open = arn.is_none() && resource.as_deref() != Some("*") && !action.resource_types.is_empty();
    let permission = Permission {
        action: Arc::clone(&action.name),
        resources: vec![arn.unwrap_or_else(|| "*".to_owned())],
        confidence: Confidence::Stated,
        rule: "denial-message",
        source: "the record's errorMessage".into(),
        passed_to_service: None,
    };
    Some(StatedPermission { permission, is_open })
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
                "User: arn:aws:iam::111122223333:user/ann is not authorized to perform: logs:ListTagsForResource on \
                 resource: arn:aws:logs:eu-west-1:111122223333:log-group:/app/x because no identity-based policy allows the \
                 logs:ListTagsForResource action",
                "logs:ListTagsForResource",
                "arn:aws:logs:eu-west-1:111122223333:log-group:/app/x",
            ),
            (
                "User: arn:aws:iam::111122223333:user/ann is not authorized to perform: logs:PutLogEvents on resource: \
                 arn:aws:logs:eu-west-1:111122223333:log-group:/app/x:log-stream: because no identity-based policy",
                "logs:PutLogEvents",
                "arn:aws:logs:eu-west-1:111122223333:log-group:/app/x:log-stream:",
            ),
            (
                "User: arn:aws:sts::111122223333:assumed-role/r/s is not authorized to perform: \
                 ssm:StartAutomationExecution on resource: \
                 arn:aws:ssm:eu-west-1::automation-definition/AWS-StopEC2Instance:$DEFAULT because",
                "ssm:StartAutomationExecution",
                "arn:aws:ssm:eu-west-1::automation-definition/AWS-StopEC2Instance:$DEFAULT",
            ),
            (
                "User: arn:aws:iam::111122223333:user/ann is not authorized to perform: SNS:ListSubscriptions on \
                 resource: arn:aws:sns:eu-west-1:111122223333:*",
                "sns:ListSubscriptions",
                "*",
            ),
        ] {
            assert!(names_action(message), "{message}");
            let StatedPermission { permission: found, is_open } = stated(Catalog::embedded(), message).unwrap();
            assert_eq!((&*found.action, found.resources), (action, vec![resource.to_owned()]), "{message}");
            assert!(!is_open, "{message}");
        }
        assert!(!names_action("You are not authorized to perform this operation."));
        assert!(stated(Catalog::embedded(), "You are not authorized to perform this operation.").is_none());
    }

    #[test]
    fn messages_that_leave_the_resource_open() {
        for message in [
            "User: arn:aws:iam::1:user/ann is not authorized to perform: secretsmanager:GetSecretValue on resource: s because",
            "User: arn:aws:iam::1:user/ann is not authorized to perform: elasticfilesystem:DeleteMountTarget on the specified \
             resource",
        ] {
            assert!(stated(Catalog::embedded(), message).is_some_and(|stated| stated.is_open), "{message}");
        }
    }

    #[test]
    fn messages_stand_in_the_response_where_there_is_no_other() {
        let said = "User: u is not authorized to perform: airflow:CreateCliToken";
        let response = format!(r#"{{"message":"{said}"}}"#);
        let of = |error_message, response_elements| {
            message(&Event { error_message, response_elements, ..Event::default() }).map(Cow::into_owned)
        };
        assert_eq!(of(None, Some(response.as_str())).as_deref(), Some(said));
        assert_eq!(of(Some("Access denied"), Some(response.as_str())), None);
        assert_eq!(of(None, Some(r#"{"x":"not authorized to perform: a:B"}"#)), None);
    }
}
