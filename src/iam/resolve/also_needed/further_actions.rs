//! Further actions of a call, by what its request carries: the hand-written table `tables/also.txt`.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

use crate::iam::arn::escape;
use crate::iam::arn::is_like_arn;
use crate::iam::catalog::{Action, Catalog, Service};
use crate::iam::event::{Confidence, Permission};
use crate::iam::request::Request;
use crate::iam::resolve::override_rules::has_value;
use crate::iam::resolve::resources::resources;

/// One line of the table.
#[derive(Debug)]
struct Line {
    /// What the operations' names are, or begin with where they end with `*`.
    operations: Vec<&'static str>,
    action: &'static str,
    /// Parameters that hold its resources.
    parameters: Vec<&'static str>,
    conditions: Vec<Condition>,
    is_certain: bool,
    source: Arc<str>,
}

#[derive(Debug)]
enum Condition {
    With(&'static str),
    Is(&'static str, &'static str),
    Without(&'static str),
}

/// What a call takes beside its own action, for sure and perhaps.
pub(in crate::iam) fn also(
    catalog: &Catalog,
    service: &Service,
    operation: &str,
    request: &Request<'_>,
) -> (Vec<Permission>, Vec<Permission>) {
    let (mut needed, mut suggested) = (Vec::new(), Vec::new());
    let lines = TABLE.get(service.prefix()).map(Vec::as_slice).unwrap_or_default();
    for line in lines.iter().filter(|line| line.is_of(operation)) {
        let Some(permission) = line.permission(catalog, request) else { continue };
        if line.is_certain { needed.push(permission) } else { suggested.push(permission) }
    }
    (needed, suggested)
}

impl Line {
    fn is_of(&self, operation: &str) -> bool {
        self.operations.iter().any(|name| match name.strip_suffix('*') {
            Some(front) => operation.starts_with(front),
            None => *name == operation,
        })
    }

    fn permission(&self, catalog: &Catalog, request: &Request<'_>) -> Option<Permission> {
        if !self.conditions.iter().all(|condition| condition.is_met(request)) {
            return None;
        }
        let action = catalog.action(self.action)?;
        let resources = match (self.parameters.is_empty(), self.is_certain) {
            (true, true) => resources(catalog, action, request),
            // Of a key that the record doesn't name it is only known where it is.
            (true, false) if self.action.starts_with("kms:") => vec![format!("{}:key/*", request.event.arn("kms"))],
            (true, false) => vec!["*".to_owned()],
            (false, _) => self.held(catalog, action, request)?,
        };
        Some(Permission {
            action: Arc::clone(&action.name),
            resources,
            confidence: Confidence::Documented,
            rule: "further-action",
            source: Arc::clone(&self.source),
            passed_to_service: None,
        })
    }

    /// The resources that the parameters hold; `None` where they hold none of the action's.
    fn held(&self, catalog: &Catalog, action: &Action, request: &Request<'_>) -> Option<Vec<String>> {
        let texts: Vec<&str> =
            self.parameters.iter().flat_map(|name| request.parameters.texts_anywhere(name)).collect();
        let arns: BTreeSet<String> = texts.iter().filter(|text| is_like_arn(text)).map(|text| escape(text)).collect();
        let taken: Vec<String> = arns.into_iter().filter(|arn| catalog.does_take(action, arn)).collect();
        if !taken.is_empty() {
            return Some(taken);
        }
        let is_named = texts.iter().any(|text| !text.is_empty() && !is_like_arn(text));
        is_named.then(|| resources(catalog, action, request))
    }
}

impl Condition {
    fn is_met(&self, request: &Request<'_>) -> bool {
        match self {
            Condition::With(name) => request.parameters.has(name),
            Condition::Is(name, value) => has_value(request, name, value),
            Condition::Without(name) => !request.parameters.has(name),
        }
    }
}

/// The table by services.
static TABLE: LazyLock<HashMap<&'static str, Vec<Line>>> = LazyLock::new(|| {
    let mut table: HashMap<&'static str, Vec<Line>> = HashMap::new();
    for line in
        include_str!("../../catalog/tables/also.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        match parse(line) {
            Some((prefix, line)) => table.entry(prefix).or_default().push(line),
            None => debug_assert!(false, "no rule: {line}"),
        }
    }
    table
});

fn parse(line: &'static str) -> Option<(&'static str, Line)> {
    let (rule, source) = line.split_once(" | ")?;
    let mut words = rule.split_ascii_whitespace();
    let (kind, prefix, operations, action) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let mut line = Line {
        operations: operations.split(',').collect(),
        action,
        parameters: Vec::new(),
        conditions: Vec::new(),
        is_certain: kind == "also",
        source: source.into(),
    };
    for word in words {
        if let Some(name) = word.strip_prefix('?') {
            line.conditions.push(match name.split_once('=') {
                Some((name, value)) => Condition::Is(name, value),
                None => Condition::With(name),
            });
        } else if let Some(name) = word.strip_prefix('!') {
            line.conditions.push(Condition::Without(name));
        } else {
            line.parameters.extend(word.split('|'));
        }
    }
    matches!(kind, "also" | "perhaps").then_some((prefix, line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::{Event, permissions};

    #[test]
    fn every_line_names_services_and_actions_that_exist() {
        let catalog = Catalog::embedded();
        assert!(TABLE.values().map(Vec::len).sum::<usize>() > 50);
        for (prefix, lines) in TABLE.iter() {
            assert!(catalog.service(prefix).is_some(), "{prefix}");
            for line in lines {
                let action = catalog.action(line.action).unwrap_or_else(|| panic!("{}", line.action));
                assert_eq!(&*action.name, line.action);
                let takes = !catalog.resource_arns(action).is_empty();
                assert!(takes || line.parameters.is_empty(), "{} takes no resource", line.action);
            }
        }
    }

    fn found(source: &str, name: &str, parameters: &str) -> (Vec<String>, Vec<String>) {
        let event = Event {
            event_source: source,
            event_name: name,
            event_type: Some("AwsApiCall"),
            aws_region: Some("eu-west-1"),
            account_id: Some("111122223333"),
            request_parameters: Some(parameters),
            ..Default::default()
        };
        let found = permissions(Catalog::embedded(), &event);
        let text = |permission: &Permission| format!("{} {}", permission.action, permission.resources.join(" "));
        (found.needed.iter().map(text).collect(), found.suggestions.iter().map(text).collect())
    }

    #[test]
    fn a_parameter_brings_an_action_on_what_it_holds() {
        let place = "eu-west-1:111122223333";
        let layer = format!("arn:aws:lambda:{place}:layer:l:3");
        let parameters = format!(r#"{{"functionName":"f","layers":["{layer}"]}}"#);
        let (needed, _) = found("lambda.amazonaws.com", "UpdateFunctionConfiguration20150331v2", &parameters);
        assert!(needed.contains(&format!("lambda:GetLayerVersion {layer}")), "{needed:?}");
        let (needed, _) =
            found("lambda.amazonaws.com", "UpdateFunctionConfiguration20150331v2", r#"{"functionName":"f"}"#);
        assert_eq!(needed.len(), 1, "{needed:?}");
    }

    #[test]
    fn what_the_request_says_decides_between_credentials() {
        let of = |parameters: &str| {
            let (needed, _) = found("redshift-data.amazonaws.com", "ExecuteStatement", parameters);
            let actions: Vec<String> =
                needed.iter().skip(1).filter_map(|text| text.split(' ').next()).map(str::to_owned).collect();
            actions.join(" ")
        };
        assert_eq!(of(r#"{"clusterIdentifier":"c","dbUser":"u"}"#), "redshift:GetClusterCredentials");
        assert_eq!(of(r#"{"clusterIdentifier":"c"}"#), "redshift:GetClusterCredentialsWithIAM");
        assert_eq!(of(r#"{"workgroupName":"w"}"#), "redshift-serverless:GetCredentials");
        let secret = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:s-abcdef";
        let parameters = format!(r#"{{"clusterIdentifier":"c","dbUser":"u","secretArn":"{secret}"}}"#);
        assert_eq!(of(&parameters), "secretsmanager:GetSecretValue");
    }

    #[test]
    fn what_may_be_needed_is_suggested_and_never_needed() {
        let (needed, suggested) = found(
            "sqs.amazonaws.com",
            "SendMessage",
            r#"{"queueUrl":"https://sqs.eu-west-1.amazonaws.com/111122223333/q"}"#,
        );
        assert_eq!(needed.len(), 1, "{needed:?}");
        let key = "arn:aws:kms:eu-west-1:111122223333:key/*";
        assert_eq!(suggested, [format!("kms:GenerateDataKey {key}"), format!("kms:Decrypt {key}")]);
        let read = |with: &str| found("ssm.amazonaws.com", "GetParameter", with).1.len();
        assert_eq!((read(r#"{"name":"/p","withDecryption":true}"#), read(r#"{"name":"/p"}"#)), (1, 0));
    }
}
