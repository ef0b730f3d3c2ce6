//! A judge of trust policies that shares no code with the program: it reads the policy's JSON and the record.
//!
//! Source: IAM User Guide, "AWS JSON policy elements: Principal" and "Condition operators".

use std::collections::BTreeMap;

use serde_json::Value;

/// What a record asks for.
#[derive(Clone, Debug)]
pub struct Request {
    pub actions: Vec<String>,
    /// Kind and id of everything that the caller is.
    pub is: Vec<(String, String)>,
    /// Condition keys in lower case.
    pub keys: BTreeMap<String, String>,
}

fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        Value::String(text) => vec![text.clone()],
        _ => Vec::new(),
    }
}

/// The request of a record of an assumption.
pub fn request(record: &Value) -> Request {
    let name = record["eventName"].as_str().unwrap();
    let is_switch = name == "SwitchRole";
    let mut actions = vec![format!("sts:{}", if is_switch { "AssumeRole" } else { name })];
    let (identity, asked, answered) =
        (&record["userIdentity"], &record["requestParameters"], &record["responseElements"]);
    let (mut is, mut keys) = (Vec::new(), BTreeMap::new());
    let account = |id: &str| ("AWS".to_owned(), format!("arn:aws:iam::{id}:root"));
    let mut key = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            keys.insert(name.to_lowercase(), value);
        }
    };
    let mut caller = |arn: &str| {
        is.push(("AWS".to_owned(), arn.to_owned()));
        is.push(account(arn.split(':').nth(4).unwrap()));
    };
    match identity["type"].as_str().unwrap() {
        _ if is_switch => caller(record["additionalEventData"]["SwitchFrom"].as_str().unwrap()),
        "IAMUser" => caller(identity["arn"].as_str().unwrap()),
        "AssumedRole" => caller(identity["sessionContext"]["sessionIssuer"]["arn"].as_str().unwrap()),
        "AWSAccount" => is.push(account(identity["accountId"].as_str().unwrap())),
        "AWSService" => is.push(("Service".to_owned(), text(&identity["invokedBy"]).unwrap())),
        "SAMLUser" => is.push(("Federated".to_owned(), text(&asked["principalArn"]).unwrap())),
        "WebIdentityUser" => is.push(("Federated".to_owned(), text(&identity["identityProvider"]).unwrap())),
        other => panic!("{other}"),
    }
    key("aws:userid", text(&identity["principalId"]));
    key("sts:ExternalId", text(&asked["externalId"]));
    if name == "AssumeRoleWithSAML" {
        key("SAML:aud", text(&answered["audience"]));
    } else if name == "AssumeRoleWithWebIdentity" {
        let host = identity["identityProvider"].as_str().unwrap().split("oidc-provider/").last().unwrap().to_owned();
        key(&format!("{host}:aud"), text(&answered["audience"]).or(Some("sts.amazonaws.com".to_owned())));
        key(&format!("{host}:sub"), text(&identity["userName"]));
    }
    let mut tags: Vec<(String, String)> = Vec::new();
    for tag in asked["tags"].as_array().into_iter().flatten() {
        tags.push((text(&tag["key"]).unwrap(), tag["value"].as_str().unwrap().to_owned()));
    }
    for name in ["principalTags", "incomingTransitiveTags"] {
        for (name, value) in asked[name].as_object().into_iter().flatten() {
            tags.push((name.clone(), value.as_str().unwrap().to_owned()));
        }
    }
    if !tags.is_empty() {
        actions.push("sts:TagSession".to_owned());
    }
    for (name, value) in tags {
        key(&format!("aws:RequestTag/{name}"), Some(value));
    }
    let of_session = &identity["sessionContext"]["sourceIdentity"];
    if text(&asked["sourceIdentity"]).or(text(of_session)).is_some() {
        actions.push("sts:SetSourceIdentity".to_owned());
    }
    Request { actions, is, keys }
}

/// Whether a pattern with `*`, `?` and their escapes matches.
fn like(pattern: &str, text: &str) -> bool {
    let mut parts: Vec<Option<char>> = Vec::new();
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let escape = ["${*}", "${?}", "${$}"].into_iter().find(|escape| rest.starts_with(escape));
        if let Some(escape) = escape {
            parts.push(escape.chars().nth(2));
            rest = &rest[escape.len()..];
        } else {
            assert!(c != '?', "the program writes none here");
            parts.push((c != '*').then_some(c));
            rest = &rest[c.len_utf8()..];
        }
    }
    fn go(parts: &[Option<char>], text: &[char]) -> bool {
        match parts.split_first() {
            None => text.is_empty(),
            Some((None, rest)) => (0..=text.len()).any(|skip| go(rest, &text[skip..])),
            Some((Some(c), rest)) => text.first() == Some(c) && go(rest, &text[1..]),
        }
    }
    go(&parts, &text.chars().collect::<Vec<_>>())
}

fn meets(statement: &Value, request: &Request) -> bool {
    let blocks = statement["Condition"].as_object().cloned().unwrap_or_default();
    blocks.iter().all(|(operator, tests)| {
        tests.as_object().unwrap().iter().all(|(key, values)| {
            let Some(found) = request.keys.get(&key.to_lowercase()) else { return false };
            strings(values).iter().any(|value| match operator.as_str() {
                "StringEquals" => value.replace("${$}", "$") == *found,
                "StringLike" => like(value, found),
                other => panic!("{other}"),
            })
        })
    })
}

/// Whether a trust policy allows a request: all of its actions.
pub fn allows(policy: &Value, request: &Request) -> bool {
    let statements = policy["Statement"].as_array().unwrap();
    request.actions.iter().all(|action| {
        statements.iter().any(|statement| {
            assert_eq!(statement["Effect"], "Allow");
            let principal = statement["Principal"].as_object().unwrap();
            let named =
                |(kind, id): &(String, String)| principal.get(kind).is_some_and(|ids| strings(ids).contains(id));
            strings(&statement["Action"]).contains(action) && request.is.iter().any(named) && meets(statement, request)
        })
    })
}
