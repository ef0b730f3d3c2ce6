//! What a log does not tell.

use trailpare::iam::evaluate::{Context, Coverage, Level, PolicySet, Verdict, covers_resource};

use super::{absent, depends_on, policy, verdict};

fn identity(statements: &str) -> PolicySet {
    PolicySet::of_identity(vec![policy(statements)])
}

#[test]
fn an_unknown_key_that_decides_is_named_once() {
    let set = identity(
        r#"{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"aws:SourceVpce":"vpce-1"}}},
           {"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringLike":{"AWS:sourcevpce":"vpce-2*"},
            "Bool":{"aws:SecureTransport":"true"}}}"#,
    );
    let keys = depends_on(&set, "s3:GetObject", "arn:aws:s3:::b/k", &Context::new());
    assert_eq!(keys, ["aws:SecureTransport", "aws:SourceVpce"]);
    let known = Context::new().with("aws:SourceVpce", "vpce-9");
    assert!(matches!(verdict(&set, "s3:GetObject", "*", &known), Verdict::Denied { explicit: None, .. }));
}

#[test]
fn an_unknown_key_that_cannot_matter_is_not_asked_for() {
    let allow = r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#;
    let with = |statement: &str| identity(&format!("{allow},{statement}"));
    let asks = |set: &PolicySet| verdict(set, "s3:GetObject", "arn:aws:s3:::b/k", &Context::new());
    // Another statement allows it anyway.
    let set = with(r#"{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Bool":{"a:b":"true"}}}"#);
    assert!(asks(&set).is_allowed());
    // The conditional denial is for another action, or another resource.
    for deny in [
        r#"{"Effect":"Deny","Action":"s3:Put*","Resource":"*","Condition":{"Bool":{"a:b":"true"}}}"#,
        r#"{"Effect":"Deny","Action":"*","Resource":"arn:aws:s3:::c/*","Condition":{"Bool":{"a:b":"true"}}}"#,
    ] {
        assert!(asks(&with(deny)).is_allowed());
    }
    // A denial without condition decides.
    let set = identity(
        r#"{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Bool":{"a:b":"true"}}},
           {"Effect":"Deny","Action":"s3:*","Resource":"*"}"#,
    );
    assert!(matches!(asks(&set), Verdict::Denied { explicit: Some(_), .. }));
    // The test comes out the same for every value, and for none.
    for condition in [
        r#"{"StringLikeIfExists":{"a:b":"*"}}"#,
        r#"{"ForAllValues:StringLike":{"a:b":["x","*"]}}"#,
        r#"{"Null":{"a:b":["true","false"]}}"#,
        r#"{"StringNotEquals":{"a:b":[]}}"#,
    ] {
        let set = identity(&format!(r#"{{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{condition}}}"#));
        assert!(asks(&set).is_allowed(), "{condition}");
    }
    // A key may hold what is neither true nor false.
    let set = identity(
        r#"{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"BoolIfExists":{"a:b":["true","false"]}}}"#,
    );
    assert_eq!(depends_on(&set, "s3:GetObject", "arn:aws:s3:::b/k", &Context::new()), ["a:b"]);
    let set = identity(r#"{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"a:b":[]}}}"#);
    assert!(matches!(asks(&set), Verdict::Denied { explicit: None, .. }));
}

#[test]
fn an_unknown_variable_matters_where_its_value_could_match() {
    let set = identity(r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:username}/*"}"#);
    assert_eq!(depends_on(&set, "s3:GetObject", "arn:aws:s3:::b/ann/x", &Context::new()), ["aws:username"]);
    let elsewhere = verdict(&set, "s3:GetObject", "arn:aws:s3:::c/ann/x", &Context::new());
    assert_eq!(elsewhere, Verdict::Denied { explicit: None, by: Level::Identity });
}

/// `reference_policies_variables`: "If AWS cannot resolve a variable, this might cause the entire statement to be
/// invalid." Might: so what would be true otherwise is left open, and what would be false stays so.
#[test]
fn a_variable_without_value_never_makes_a_statement_true() {
    let set = identity(
        r#"{"Effect":"Allow","Action":"s3:*","Resource":["arn:aws:s3:::b","arn:aws:s3:::b/${aws:username}/*"]}"#,
    );
    let role = Context::absent_by_default();
    assert_eq!(depends_on(&set, "s3:ListBucket", "arn:aws:s3:::b", &role), ["aws:username"]);
    assert!(matches!(verdict(&set, "s3:GetObject", "arn:aws:s3:::b/x/y", &role), Verdict::Denied { .. }));
}

#[test]
fn an_operator_that_nobody_documented_is_unknown() {
    let set = identity(r#"{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringRhymes":{"a:b":"c"}}}"#);
    let context = absent().with("a:b", "c");
    assert_eq!(depends_on(&set, "s3:GetObject", "arn:aws:s3:::b/k", &context), ["a:b"]);
}

/// `reference_policies_elements_condition_operators` says that `IfExists` makes an absent key true, the page on
/// multivalued keys that `ForAnyValue` makes it false.
#[test]
fn where_the_documentation_disagrees_with_itself_the_verdict_is_open() {
    let set = identity(
        r#"{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"ForAnyValue:StringLikeIfExists":{"aws:TagKeys":"a"}}}"#,
    );
    let resource = "arn:aws:s3:::b/k";
    assert_eq!(depends_on(&set, "s3:GetObject", resource, &absent()), ["aws:TagKeys"]);
    assert!(verdict(&set, "s3:GetObject", resource, &absent().with("aws:TagKeys", "a")).is_allowed());
}

/// Without a set operator several values are not documented: they only count where each gives the same outcome.
#[test]
fn several_values_without_a_set_operator() {
    let set = identity(
        r#"{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"aws:TagKeys":["a","b"]}}}"#,
    );
    let with = |values: &[&str]| absent().with_values("aws:TagKeys", values.iter().copied());
    let resource = "arn:aws:s3:::b/k";
    assert!(verdict(&set, "s3:GetObject", resource, &with(&["a", "b"])).is_allowed());
    assert!(matches!(verdict(&set, "s3:GetObject", resource, &with(&["c", "d"])), Verdict::Denied { .. }));
    assert_eq!(depends_on(&set, "s3:GetObject", resource, &with(&["a", "c"])), ["aws:TagKeys"]);
}

/// A pattern of resources is allowed only as a whole.
#[test]
fn patterns_of_resources() {
    let set = identity(
        r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::lake/logs/*"},
           {"Effect":"Allow","Action":"s3:PutObject","Resource":"*"},
           {"Effect":"Deny","Action":"s3:PutObject","Resource":"arn:aws:s3:::lake/logs/2020/*"},
           {"Effect":"Deny","Action":"s3:PutObject","NotResource":"arn:aws:s3:::lake/*"}"#,
    );
    let found = |action: &str, resource: &str| verdict(&set, action, resource, &absent());
    let on_resource = Verdict::Depends { keys: Vec::new(), on_resource: true };
    assert!(found("s3:GetObject", "arn:aws:s3:::lake/logs/*").is_allowed());
    assert!(found("s3:GetObject", "arn:aws:s3:::lake/logs/2024/*/part-?").is_allowed());
    assert_eq!(found("s3:GetObject", "arn:aws:s3:::lake/*"), on_resource);
    assert_eq!(found("s3:GetObject", "arn:*"), on_resource);
    assert!(matches!(found("s3:GetObject", "arn:aws:s3:::sea/*"), Verdict::Denied { explicit: None, .. }));
    assert!(found("s3:PutObject", "arn:aws:s3:::lake/raw/*").is_allowed());
    assert_eq!(found("s3:PutObject", "arn:aws:s3:::lake/logs/*"), on_resource);
    assert!(matches!(
        found("s3:PutObject", "arn:aws:s3:::lake/logs/2020/x*"),
        Verdict::Denied { explicit: Some(_), .. }
    ));
    assert!(matches!(found("s3:PutObject", "arn:aws:s3:::sea/*"), Verdict::Denied { explicit: Some(_), .. }));
}

/// An object's key may hold what is a wildcard in a pattern.
#[test]
fn wildcards_out_of_a_log_are_escaped() {
    let escaped = identity(r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/a${*}b"}"#);
    let wild = identity(r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/a*b"}"#);
    let asks = |set: &PolicySet, resource: &str| verdict(set, "s3:GetObject", resource, &absent());
    assert!(asks(&escaped, "arn:aws:s3:::b/a${*}b").is_allowed());
    assert!(asks(&wild, "arn:aws:s3:::b/a${*}b").is_allowed());
    assert!(asks(&wild, "arn:aws:s3:::b/a${aws:username}b").is_allowed(), "no variable in a request");
    assert_eq!(asks(&escaped, "arn:aws:s3:::b/a*b"), Verdict::Depends { keys: Vec::new(), on_resource: true });
    assert!(matches!(asks(&escaped, "arn:aws:s3:::b/axb"), Verdict::Denied { .. }));
    assert_eq!(covers_resource("arn:aws:s3:::b/${*}*", "arn:aws:s3:::b/${*}x*"), Coverage::All);
    assert_eq!(covers_resource("arn:aws:s3:::b/${*}*", "arn:aws:s3:::b/*"), Coverage::Some);
    assert_eq!(covers_resource("arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/ann/x"), Coverage::Some);
    assert_eq!(covers_resource("arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::c/ann/x"), Coverage::None);
}

/// Two statements that hang on the same key: one of them always applies.
#[test]
fn contrary_conditions_on_one_key_decide() {
    let on = |effect: &str, condition: &str| {
        format!(r#"{{"Effect":"{effect}","Action":"s3:*","Resource":"*","Condition":{condition}}}"#)
    };
    let asks = |statements: &[String]| {
        verdict(&identity(&statements.join(",")), "s3:GetObject", "arn:aws:s3:::b/k", &Context::new())
    };
    let equal = r#"{"StringEquals":{"aws:SourceVpc":"vpc-1"}}"#;
    let unequal = r#"{"StringNotEquals":{"AWS:SourceVpc":["vpc-1"]}}"#;
    assert!(asks(&[on("Allow", equal), on("Allow", unequal)]).is_allowed());
    let denied = asks(&[on("Allow", equal), on("Deny", equal)]);
    assert!(matches!(denied, Verdict::Denied { explicit: Some(_), by: Level::Identity }));
    assert!(matches!(asks(&[on("Allow", equal), on("Allow", equal)]), Verdict::Depends { .. }));
    let other = r#"{"StringEquals":{"aws:SourceVpc":"vpc-2"}}"#;
    assert!(matches!(asks(&[on("Allow", other), on("Deny", unequal)]), Verdict::Denied { .. }));
    let null = r#"{"Null":{"aws:SourceVpc":"true"}}"#;
    let present = r#"{"Null":{"aws:SourceVpc":"false"}}"#;
    assert!(asks(&[on("Allow", null), on("Allow", present)]).is_allowed());
    let both = r#"{"StringEquals":{"aws:SourceVpc":"vpc-1"},"StringLike":{"aws:SourceVpc":"vpc-2*"}}"#;
    assert!(matches!(asks(&[on("Allow", both)]), Verdict::Denied { explicit: None, .. }));
}
