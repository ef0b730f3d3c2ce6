use super::*;

fn error(text: &str) -> PolicyError {
    Policy::parse(text).unwrap_err()
}

/// Forms that IAM User Guide, `reference_policies_grammar`, allows: brackets are optional around a single element, and
/// quotation marks around numbers and booleans.
#[test]
fn string_or_list_everywhere() {
    let short = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*",
        "Condition":{"NumericLessThanEquals":{"s3:max-keys":10},"Bool":{"aws:SecureTransport":true}}}}"#;
    let long = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*"],"Resource":["*"],
        "Condition":{"NumericLessThanEquals":{"s3:max-keys":["10"]},"Bool":{"aws:SecureTransport":["true"]}}}]}"#;
    assert_eq!(Policy::parse(short).unwrap(), Policy::parse(long).unwrap());
}

#[test]
fn written_in_the_order_of_the_documentation() {
    let text = r#"{"Statement":[{"Condition":{"StringEquals":{"aws:RequestedRegion":"eu-west-1"}},"Resource":"*",
        "Action":["ec2:RunInstances","ec2:StartInstances"],"Effect":"Allow","Sid":"Start"}],"Version":"2012-10-17"}"#;
    let policy = Policy::parse(text).unwrap();
    let expected = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "Start",
      "Effect": "Allow",
      "Action": [
        "ec2:RunInstances",
        "ec2:StartInstances"
      ],
      "Resource": [
        "*"
      ],
      "Condition": {
        "StringEquals": {
          "aws:RequestedRegion": [
            "eu-west-1"
          ]
        }
      }
    }
  ]
}"#;
    assert_eq!(policy.pretty(), expected);
    assert_eq!(policy.to_string(), expected);
    assert_eq!(Policy::parse(expected).unwrap(), policy);
    let bare: String = expected.chars().filter(|c| !c.is_whitespace()).collect();
    assert_eq!(policy.compact(), bare);
    assert_eq!(policy.size(), bare.len());
}

#[test]
fn principals_are_kept() {
    let text = r#"{"Version":"2012-10-17","Id":"trust","Statement":[
        {"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com","AWS":["arn:aws:iam::123456789012:root","*"]},
         "Action":"sts:AssumeRole"},
        {"Effect":"Deny","NotPrincipal":"*","Action":"sts:*","Resource":"*"}]}"#;
    let policy = Policy::parse(text).unwrap();
    let first = &policy.statements[0];
    assert_eq!(first.resources, ResourceSpec::Omitted);
    let Some(PrincipalSpec::Principal(Principal::Of(map))) = &first.principal else { unreachable!("{first:?}") };
    assert_eq!(map[1], ("AWS".to_owned(), vec!["arn:aws:iam::123456789012:root".to_owned(), "*".to_owned()]));
    assert_eq!(policy.statements[1].principal, Some(PrincipalSpec::NotPrincipal(Principal::Everyone)));
    assert_eq!(Policy::parse(&policy.compact()).unwrap(), policy);
}

#[test]
fn encoded_as_the_api_returns_it() {
    let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}]}"#;
    let policy = Policy::parse(text).unwrap();
    let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    assert_eq!(Policy::parse(&encoded).unwrap(), policy);
    let quoted = serde_json::to_string(&encoded).unwrap();
    assert_eq!(Policy::parse(&quoted).unwrap(), policy);
    assert_eq!(Policy::from_value(&serde_json::Value::String(encoded)).unwrap(), policy);
    assert_eq!(Policy::from_value(&serde_json::from_str(text).unwrap()).unwrap(), policy);
    assert_eq!(Policy::parse(&format!("\u{feff}{text}\n")).unwrap(), policy);
}

#[test]
fn a_mistake_is_named_with_its_place() {
    let text = "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\"Effect\": \"allow\", \"Action\": \"s3:*\"}\n  ]\n}";
    let found = error(text);
    assert_eq!((found.path.as_str(), found.line, found.column), ("Statement[0].Effect", 4, 16));
    assert_eq!(&text[found.offset..found.offset + 7], "\"allow\"");
    assert_eq!(
        found.to_string(),
        "policy document, line 4 column 16 (Statement[0].Effect): \"allow\" is not an effect\n\
         hint: write \"Allow\" or \"Deny\", with the capital"
    );
}

#[test]
fn what_iam_refuses_is_refused() {
    let one =
        |element: &str| error(&format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Deny",{element}}}]}}"#));
    let cases = [
        (one(r#""Action":"s3:*","Action":"ec2:*","Resource":"*""#), "Statement[0].Action", "stands twice"),
        (one(r#""Action":"s3:*","NotAction":"s3:*","Resource":"*""#), "Statement[0].NotAction", "cannot have both"),
        (one(r#""Action":"s3:*","Resource":"*","NotResource":"*""#), "Statement[0].NotResource", "cannot have both"),
        (one(r#""Action":[],"Resource":"*""#), "Statement[0].Action", "the list is empty"),
        (one(r#""Action":"GetObject","Resource":"*""#), "Statement[0].Action", "is not an action"),
        (
            one(r#""Action":["s3:*",7],"Resource":"*""#),
            "Statement[0].Action[1]",
            "a string is needed here, this is a number",
        ),
        (one(r#""Resource":"*""#), "Statement[0]", "has no \"Action\""),
        (one(r#""Action":"s3:*""#), "Statement[0]", "has no \"Resource\""),
        (one(r#""action":"s3:*","Resource":"*""#), "Statement[0].action", "is not an element"),
        (one(r#""Action":"s3:*","Resource":"*","Principal":"me""#), "Statement[0].Principal", "what kind of principal"),
        (
            one(r#""Action":"s3:*","Resource":"*","Condition":{"Bool":{"a":{}}}"#),
            "Statement[0].Condition.Bool.a",
            "a condition's value cannot be an object",
        ),
        (
            one(r#""Action":"s3:*","Resource":"*","Condition":{"Bool":{"a":"1","a":"2"}}"#),
            "Statement[0].Condition.Bool.a",
            "stands twice",
        ),
        (error(r#"{"Version":"2012-10-18","Statement":[]}"#), "Version", "is not a version"),
        (error(r#"{"Version":"2012-10-17"}"#), "", "has no \"Statement\""),
        (error("[]"), "", "an object is needed here, this is a list"),
        (error(""), "", "not JSON"),
        (error("{\"Version\": }"), "", "not JSON"),
        (error("%FF%7B"), "", "does not decode to UTF-8"),
        (error(&"[".repeat(10_000)), "", "not JSON: EOF while parsing a list"),
    ];
    for (found, path, message) in cases {
        assert_eq!(found.path, path, "{found}");
        assert!(found.message.contains(message), "{found}");
        assert!(!found.hint.is_empty(), "{found}");
    }
}

#[test]
fn places_count_characters() {
    let found = error("{\"Version\":\"2012-10-17\",\n\"Statement\":[{\"Sid\":\"äöü\",\"Effect\":1}]}");
    assert_eq!((found.line, found.column), (2, 36));
}

#[test]
fn documents_within_answers() {
    let document =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}"#;
    let text = serde_json::Value::from(document).to_string();
    let one = Policy::parse(document).unwrap();
    for (answer, count) in [
        (document.to_owned(), 1),
        (text.clone(), 1),
        (document.replace('"', "%22").replace('{', "%7B"), 1),
        (format!("[{document},{document}]"), 2),
        (
            format!(
                r#"[{{"PolicyName":"a-1","PolicyDocument":{document}}},{{"PolicyName":"a-2","PolicyDocument":{text}}}]"#
            ),
            2,
        ),
        (format!(r#"{{"PolicyVersion":{{"Document":{document},"VersionId":"v3","IsDefaultVersion":true}}}}"#), 1),
        (format!(r#"{{"RoleName":"r","PolicyName":"p","PolicyDocument":{document}}}"#), 1),
        (format!(r#"{{"InlinePolicy":{text}}}"#), 1),
        (format!(r#"{{"Policy":{{"PolicySummary":{{"Id":"p-1"}},"Content":{text}}}}}"#), 1),
        (format!(r#"{{"jobDetails":{{}},"generatedPolicyResult":{{"generatedPolicies":[{{"policy":{text}}}]}}}}"#), 1),
    ] {
        assert_eq!(Policy::parse_all(&answer).unwrap(), vec![one.clone(); count], "{answer}");
    }
    for (wrong, place) in
        [("[]", "an object is needed"), ("{}", "no \"Statement\""), ("nonsense", "not JSON"), ("[7]", "an object")]
    {
        let error = Policy::parse_all(wrong).unwrap_err();
        assert!(error.message.contains(place), "{wrong}: {error}");
    }
}
