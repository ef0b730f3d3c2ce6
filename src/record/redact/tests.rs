use super::*;

fn redacted(json: &str) -> (String, u64) {
    let mut bytes = json.as_bytes().to_vec();
    let redacted = redact(&mut bytes);
    (String::from_utf8(bytes).unwrap(), redacted.count)
}

fn value(json: &str) -> (serde_json::Value, u64) {
    let (text, count) = redacted(json);
    (serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")), count)
}

/// What `json` becomes: the same with `H` for what is hidden.
fn becomes(json: &str, expected: &str, count: u64) {
    let expected: serde_json::Value =
        serde_json::from_str(&expected.replace("\"H\"", &format!("\"{HIDDEN}\""))).unwrap();
    assert_eq!(value(json), (expected, count), "{json}");
    // It is the same a second time.
    assert_eq!(value(&redacted(json).0).1, 0, "{json}");
}

fn stays(json: &str) {
    assert_eq!(redacted(json), (json.to_owned(), 0));
}

#[test]
fn the_documentation_lists_every_name() {
    let text = include_str!("../../../docs/security.md").to_lowercase();
    let names = SECRET_FIELDS.iter().chain(SECRET_ENDS).chain(SECRET_VARIABLE_ENDS);
    let missing: Vec<_> = names.filter(|name| !text.contains(&format!("`{}`", name.to_lowercase()))).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(text.contains(&HIDDEN.to_lowercase()));
}

#[test]
fn values_under_the_names_of_secrets() {
    let long = "A".repeat(500);
    becomes(&r#"{"sessionToken":"LONG","a":1}"#.replace("LONG", &long), r#"{"sessionToken":"H","a":1}"#, 1);
    for (json, expected, count) in [
        (r#"{"MasterUserPassword" : "x" , "b":[]}"#, r#"{"MasterUserPassword":"H","b":[]}"#, 1),
        (r#"{"a":{"b":[{"secret_access_key":"a\"b\\"}]}}"#, r#"{"a":{"b":[{"secret_access_key":"H"}]}}"#, 1),
        (
            r#"{"privateKey":"é€","privateIpAddress":"10.0.0.1"}"#,
            r#"{"privateKey":"H","privateIpAddress":"10.0.0.1"}"#,
            1,
        ),
        (r#"{"private-key":"x","AWS_SESSION_TOKEN":"y"}"#, r#"{"private-key":"H","AWS_SESSION_TOKEN":"H"}"#, 2),
        (r#"{"userData":"IyEvYmluL3No","sAMLAssertion":"PD94"}"#, r#"{"userData":"H","sAMLAssertion":"H"}"#, 2),
        // Names with escapes.
        (r#"{"p\u0061ssword":"x","\u0073essionToken":"y"}"#, r#"{"password":"H","sessionToken":"H"}"#, 2),
        (r#"{"pass\u0077ord":"x","\u0070\u0061\u0073\u0073\u0077\u006f\u0072\u0064":"y"}"#, r#"{"password":"H"}"#, 2),
        (r#"{"secret\u005faccess\u002dkey":"x"}"#, r#"{"secret_access-key":"H"}"#, 1),
        // Lists and objects.
        (r#"{"password":["x","y",1,true,null],"c":["z"]}"#, r#"{"password":["H","H",1,true,null],"c":["z"]}"#, 2),
        (
            r#"{"passwords":[],"password":{"a":{"b":"x"},"n":1}}"#,
            r#"{"passwords":[],"password":{"a":{"b":"H"},"n":1}}"#,
            1,
        ),
        (
            r#"{"secret":{"arn":"arn:aws:s:::x","name":"n","value":"x","kmsKeyId":"k"},"b":"c"}"#,
            r#"{"secret":{"arn":"arn:aws:s:::x","name":"n","value":"H","kmsKeyId":"k"},"b":"c"}"#,
            1,
        ),
        (
            r#"{"secretString":{"username":"u","password":"p"}}"#,
            r#"{"secretString":{"username":"H","password":"H"}}"#,
            2,
        ),
        (r#"{"userData":{"value":"IyE="},"x":"y"}"#, r#"{"userData":{"value":"H"},"x":"y"}"#, 1),
    ] {
        becomes(json, expected, count);
    }
}

#[test]
fn settings_and_names_of_resources_stay() {
    for json in [
        r#"{"password":"","secretString":null,"a":{"password":true,"privateKey":12}}"#,
        r#"{"nextToken":"a","secretId":"b","clientToken":"c","clientRequestToken":"d"}"#,
        r#"{"passwordPolicy":{"minimumLength":8},"kmsKeyId":"alias/secret","secretArn":"x"}"#,
        r#"{"a":"password","b":"the \"password\" is","c":"secret=","d":"arn:aws:iam::1:role/password"}"#,
        r#"{"secret":"arn:aws:secretsmanager:eu-west-1:1:secret:db/password-AbCdEf"}"#,
        r#"{"userData":"<sensitiveDataRemoved>","password":"****","secretString":"HIDDEN_DUE_TO_SECURITY_REASONS"}"#,
        r#"{"manageMasterUserPassword":"true","resetPassword":false}"#,
        r#"{"masterUserSecret":{"secretArn":"arn:aws:s:::x","kmsKeyId":"k","secretStatus":"active"}}"#,
        // Tags stand in policies.
        r#"{"tags":[{"key":"password","value":"not one"},{"key":"a","value":"b"}]}"#,
        r#"{"tagSet":{"items":[{"key":"secret","value":"not one"}]},"tagSpecification":{"tag":[{"key":"secret","value":"x"}]}}"#,
        r#"{"tagList":[{"value":"not one","key":"password"}]}"#,
        r#"{"environmentVariables":[{"name":"DB_PASSWORD","value":"prod/db","type":"SECRETS_MANAGER"}]}"#,
        r#"{"secrets":[{"name":"DB_PASSWORD","valueFrom":"arn:aws:ssm:eu-west-1:1:parameter/db"}]}"#,
        r#"{"name":"/prod/db/password","value":"v"}"#.replace("/prod/db/password", "prod-db").as_str(),
        r#"{"policyDocument":"{\"Statement\":[{\"Action\":\"secretsmanager:GetSecretValue\",\"Resource\":\"*\"}]}"}"#,
        r#"{"a":"\u0026\u003c","additionalEventData":{"SignatureVersion":"SigV4"}}"#,
    ] {
        stays(json);
    }
}

#[test]
fn values_beside_the_names_of_secrets() {
    for (json, expected, count) in [
        (
            r#"{"environment":[{"name":"DB_PASSWORD","value":"x"},{"name":"A","value":"b"}]}"#,
            r#"{"environment":[{"name":"DB_PASSWORD","value":"H"},{"name":"A","value":"b"}]}"#,
            1,
        ),
        (
            r#"{"e":[{"Value":"x","Name":"AWS_SESSION_TOKEN"},{"value":"y","other":{"value":"z"},"key":"GITHUB_TOKEN"}]}"#,
            r#"{"e":[{"Value":"H","Name":"AWS_SESSION_TOKEN"},{"value":"H","other":{"value":"z"},"key":"GITHUB_TOKEN"}]}"#,
            2,
        ),
        (
            r#"{"parameters":[{"parameterKey":"DbPassword","parameterValue":"x"},{"parameterKey":"N","parameterValue":"y"}]}"#,
            r#"{"parameters":[{"parameterKey":"DbPassword","parameterValue":"H"},{"parameterKey":"N","parameterValue":"y"}]}"#,
            1,
        ),
        (
            r#"{"p":[{"ParameterName":"admin_password","ApplyMethod":"now","ParameterValue":"x"}]}"#,
            r#"{"p":[{"ParameterName":"admin_password","ApplyMethod":"now","ParameterValue":"H"}]}"#,
            1,
        ),
        (
            r#"{"o":{"optionName":"DB_PASSWORD","value":["x"]},"value":"y","password":"z","name":"n"}"#,
            r#"{"o":{"optionName":"DB_PASSWORD","value":["H"]},"value":"y","password":"H","name":"n"}"#,
            2,
        ),
        (r#"{"variables":{"DB_PASSWORD":"x","MODE":"y"}}"#, r#"{"variables":{"DB_PASSWORD":"H","MODE":"y"}}"#, 1),
    ] {
        becomes(json, expected, count);
    }
}

#[test]
fn json_in_texts_however_it_is_escaped() {
    let inner = r#"{"password":"x\"y","a":["b"],"n":{"sessionToken":"t"}}"#;
    let hidden = inner.replace(r#"x\"y"#, HIDDEN).replace("\"t\"", &format!("\"{HIDDEN}\""));
    let (mut json, mut expected) = (inner.to_owned(), hidden);
    for _ in 0..3 {
        json = serde_json::json!({"text": json, "z": "é"}).to_string();
        expected = serde_json::json!({"text": expected, "z": "é"}).to_string();
        becomes(&json, &expected, 2);
        // Escapes that say the same.
        becomes(&json.replace("\\\"", "\\u0022"), &expected, 2);
        becomes(&json.replace("\\\"", "\\u0022").replace("password", "p\\u0061ssword"), &expected, 2);
    }
    becomes(
        r#"{"message":"{\"environment\":[{\"name\":\"DB_PASSWORD\",\"value\":\"x\"}]}"}"#,
        r#"{"message":"{\"environment\":[{\"name\":\"DB_PASSWORD\",\"value\":\"H\"}]}"}"#
            .replace("\\\"H\\\"", &format!("\\\"{HIDDEN}\\\""))
            .as_str(),
        1,
    );
}

#[test]
fn assignments_in_texts() {
    for (text, expected, count) in [
        (
            "https://b.s3.amazonaws.com/k?X-Amz-Expires=60&X-Amz-Security-Token=FwoG%2Fb&X-Amz-Signature=0a1b&x=y",
            "https://b.s3.amazonaws.com/k?X-Amz-Expires=60&X-Amz-Security-Token=H&X-Amz-Signature=H&x=y",
            2,
        ),
        (
            "u=https%3A%2F%2Fb%3FX-Amz-Signature%3D0a1b%26x%3Dy&z=1",
            "u=https%3A%2F%2Fb%3FX-Amz-Signature%3DH%26x%3Dy&z=1",
            1,
        ),
        (
            "#!/bin/sh\nexport AWS_SECRET_ACCESS_KEY=abc\nexport MODE=x\npassword='a b' run",
            "#!/bin/sh\nexport AWS_SECRET_ACCESS_KEY=H\nexport MODE=x\npassword='H' run",
            2,
        ),
        ("?password=&a=b", "?password=&a=b", 0),
        ("SAMLAssertion=PD94&RelayState=x", "SAMLAssertion=H&RelayState=x", 1),
    ] {
        let expected = expected.replace("=H", &format!("={HIDDEN}")).replace("%3DH", &format!("%3D{HIDDEN}"));
        let expected = expected.replace("'H'", &format!("'{HIDDEN}'"));
        let json = serde_json::json!({"a": {"url": text}}).to_string();
        becomes(&json, &serde_json::json!({"a": {"url": expected}}).to_string(), count);
    }
}

#[test]
fn what_was_moved_is_found_again() {
    let json = r#"{"password":"x","a":"mark1","sessionToken":"LONG","b":"mark2"}"#.replace("LONG", &"l".repeat(99));
    let mut bytes = json.clone().into_bytes();
    let redacted = redact(&mut bytes);
    assert_eq!(redacted.count, 2);
    for mark in ["{", "mark1", "mark2"] {
        let [before, after] =
            [json.as_bytes(), &bytes].map(|text| memchr::memmem::find(text, mark.as_bytes()).unwrap());
        assert_eq!(redacted.original(after as u64), before as u64, "{mark}");
    }
}

#[test]
fn what_is_cut_short_is_no_reason_to_panic() {
    let json = r#"{"text":"{\"password\":\"x\"}","sessionToken":"abcdef","e":[{"name":"DB_PASSWORD","value":{"a":"b"}}],"u":"?X-Amz-Signature=a&b","pass\u0077ord":"x"}"#;
    for end in 0..=json.len() {
        for begin in [0, 1, 7, 20, 44, 70].into_iter().filter(|begin| *begin <= end) {
            let mut bytes = json.as_bytes()[begin..end].to_vec();
            redact(&mut bytes);
        }
    }
}

proptest::proptest! {
    #[test]
    fn json_stays_json(texts in proptest::collection::vec("(password|sessionToken|=|\"|\\\\|name|\\PC){0,4}", 1..6)) {
        let fields: serde_json::Map<_, _> =
            texts.iter().map(|text| (text.clone(), serde_json::json!({"a": text, "password": text}))).collect();
        let before = serde_json::Value::from(fields).to_string();
        let nested = serde_json::json!({"text": before, "list": [{"value": texts, "name": texts[0]}]}).to_string();
        for before in [before, nested] {
            let text = redacted(&before).0;
            proptest::prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{} {}", before, text);
        }
    }

    #[test]
    fn no_secret_is_left(secret in "[a-z\"\\\\&= é]{1,12}", depth in 0_usize..4, name in "(password|AWS_SESSION_TOKEN|x-amz-security-token)") {
        let secret = format!("qq{secret}qq");
        let mut json = serde_json::json!({"a": 1, name.clone(): secret, "e": [{"name": name, "value": secret}]}).to_string();
        for _ in 0..depth {
            json = serde_json::json!({"text": json}).to_string();
        }
        let (text, count) = redacted(&json);
        proptest::prop_assert_eq!(count, 2, "{}", text);
        proptest::prop_assert!(!text.contains("qq"), "{}", text);
    }
}
