//! Resources that are told by names, ids, URLs and ARNs in requests, as CloudTrail logs them, across services. What is
//! expected is read off the Service Authorization Reference: the resource types of the action and their ARN forms.

use trailpare::iam::{Catalog, Event, permissions};

/// `eventSource` without its domain, `eventName`, `requestParameters`, action, resources (behind `arn:aws:`; `*` is all).
type Case = (&'static str, &'static str, &'static str, &'static str, &'static [&'static str]);

fn found(source: &str, name: &str, parameters: &str, caller: Option<&str>) -> Vec<(String, Vec<String>)> {
    let source = format!("{source}.amazonaws.com");
    let event = Event {
        event_source: &source,
        event_name: name,
        event_type: Some("AwsApiCall"),
        aws_region: Some("eu-west-1"),
        account_id: Some("111122223333"),
        principal_arn: caller,
        request_parameters: Some(parameters),
        ..Default::default()
    };
    permissions(Catalog::embedded(), &event).needed.into_iter().map(|p| (p.action.to_string(), p.resources)).collect()
}

fn check(cases: &[Case]) {
    let mut failures = Vec::new();
    for (source, name, parameters, action, resources) in cases {
        let arns = resources.iter().map(|r| if *r == "*" { "*".to_owned() } else { format!("arn:aws:{r}") });
        let expected: Vec<String> = arns.collect();
        let found = found(source, name, parameters, None);
        if !found.iter().any(|(a, r)| a == action && *r == expected) {
            failures.push(format!("{name}\n  expected {action} {expected:?}\n  found    {found:?}"));
        }
    }
    assert!(failures.is_empty(), "{} of {} fail:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

#[test]
fn a_resource_type_in_the_request_tells_what_its_id_is() {
    let ssm = |name| {
        move |parameters: &str| found("ssm", name, parameters, None).into_iter().flat_map(|p| p.1).collect::<Vec<_>>()
    };
    let list = ssm("ListTagsForResource");
    // An event of real archives.
    let parameter = r#"{"resourceType":"Parameter","resourceId":"/credentials/stratus-red-team/credentials-0"}"#;
    assert_eq!(
        list(parameter),
        ["arn:aws:ssm:eu-west-1:111122223333:parameter/credentials/stratus-red-team/credentials-0"]
    );
    let add = ssm("AddTagsToResource");
    let window = r#"{"resourceType":"MaintenanceWindow","resourceId":"mw-1","tags":[{"key":"a","value":"b"}]}"#;
    assert_eq!(add(window), ["arn:aws:ssm:eu-west-1:111122223333:maintenancewindow/mw-1"]);
    let run = r#"{"resourceType":"Automation","resourceId":"run-1"}"#;
    assert_eq!(ssm("RemoveTagsFromResource")(run), ["arn:aws:ssm:eu-west-1:111122223333:automation-execution/run-1"]);
}

#[test]
fn a_security_group_is_no_resource_group() {
    let parameters = r#"{"instancesSet":{"items":[{"imageId":"ami-1"}]},"groupSet":{"items":[{"groupId":"sg-1"}]}}"#;
    let found = found("ec2", "RunInstances", parameters, None);
    let resources: Vec<&String> = found.iter().flat_map(|p| &p.1).collect();
    assert!(!resources.iter().any(|arn| arn.contains(":resource-groups:")), "{resources:?}");
    assert!(resources.iter().any(|arn| arn.ends_with(":security-group/sg-1")), "{resources:?}");
}

#[test]
fn users_who_name_none_mean_themselves() {
    let user = "arn:aws:iam::111122223333:user/team/ann";
    let of = |name: &str, parameters: &str, caller: &str| {
        found("iam", name, parameters, Some(caller)).into_iter().flat_map(|p| p.1).collect::<Vec<_>>()
    };
    for name in
        ["GetUser", "ListSSHPublicKeys", "ListAccessKeys", "ListMFADevices", "ChangePassword", "CreateAccessKey"]
    {
        assert_eq!(of(name, "null", user), [user], "{name}");
        let role = of(name, "null", "arn:aws:sts::111122223333:assumed-role/r/s");
        assert!(!role.iter().any(|arn| arn.contains("assumed-role")), "{name}: {role:?}");
    }
    assert_eq!(of("GetUser", r#"{"userName":"bob"}"#, user), ["arn:aws:iam::111122223333:user/bob"]);
    let key = of("GetAccessKeyLastUsed", r#"{"accessKeyId":"AKIAIOSFODNN7EXAMPLE"}"#, user);
    assert!(!key.contains(&user.to_owned()), "{key:?}");
}

#[test]
fn resources_across_services() {
    check(CASES);
}

#[rustfmt::skip]
const CASES: &[Case] = &[
    ("elasticache", "DeleteCacheCluster", r#"{"cacheClusterId":"c1"}"#, "elasticache:DeleteCacheCluster", &["elasticache:eu-west-1:111122223333:cluster:c1"]),
    ("redshift", "DeleteCluster", r#"{"clusterIdentifier":"c1","skipFinalClusterSnapshot":true}"#, "redshift:DeleteCluster", &["redshift:eu-west-1:111122223333:cluster:c1"]),
    ("kinesis", "DeleteStream", r#"{"streamName":"s1"}"#, "kinesis:DeleteStream", &["kinesis:eu-west-1:111122223333:stream/s1"]),
    ("firehose", "DeleteDeliveryStream", r#"{"deliveryStreamName":"d1"}"#, "firehose:DeleteDeliveryStream", &["firehose:eu-west-1:111122223333:deliverystream/d1"]),
    ("states", "StartExecution", r#"{"stateMachineArn":"arn:aws:states:eu-west-1:111122223333:stateMachine:m"}"#, "states:StartExecution", &["states:eu-west-1:111122223333:stateMachine:m"]),
    ("codebuild", "StartBuild", r#"{"projectName":"p1"}"#, "codebuild:StartBuild", &["codebuild:eu-west-1:111122223333:project/p1"]),
    ("codebuild", "BatchGetProjects", r#"{"names":["p1","p2"]}"#, "codebuild:BatchGetProjects", &["codebuild:eu-west-1:111122223333:project/p1", "codebuild:eu-west-1:111122223333:project/p2"]),
    ("codepipeline", "GetPipelineState", r#"{"name":"p1"}"#, "codepipeline:GetPipelineState", &["codepipeline:eu-west-1:111122223333:p1"]),
    ("elasticfilesystem", "DeleteFileSystem", r#"{"fileSystemId":"fs-1"}"#, "elasticfilesystem:DeleteFileSystem", &["elasticfilesystem:eu-west-1:111122223333:file-system/fs-1"]),
    ("cognito-idp", "AdminGetUser", r#"{"userPoolId":"eu-west-1_a","username":"HIDDEN_DUE_TO_SECURITY_REASONS"}"#, "cognito-idp:AdminGetUser", &["cognito-idp:eu-west-1:111122223333:userpool/eu-west-1_a"]),
    ("iot", "DeleteThing", r#"{"thingName":"t1"}"#, "iot:DeleteThing", &["iot:eu-west-1:111122223333:thing/t1"]),
    ("backup", "DescribeBackupVault", r#"{"backupVaultName":"v1"}"#, "backup:DescribeBackupVault", &["backup:eu-west-1:111122223333:backup-vault:v1"]),
    ("transfer", "StopServer", r#"{"serverId":"s-1"}"#, "transfer:StopServer", &["transfer:eu-west-1:111122223333:server/s-1"]),
    ("guardduty", "GetDetector", r#"{"detectorId":"d1"}"#, "guardduty:GetDetector", &["guardduty:eu-west-1:111122223333:detector/d1"]),
    ("guardduty", "DeleteIPSet", r#"{"detectorId":"d1","ipSetId":"i1"}"#, "guardduty:DeleteIPSet", &["guardduty:eu-west-1:111122223333:detector/d1/ipset/i1"]),
    ("acm", "DescribeCertificate", r#"{"certificateArn":"arn:aws:acm:eu-west-1:111122223333:certificate/c"}"#, "acm:DescribeCertificate", &["acm:eu-west-1:111122223333:certificate/c"]),
    ("mq", "RebootBroker", r#"{"brokerId":"b-1"}"#, "mq:RebootBroker", &["mq:eu-west-1:111122223333:broker:*:b-1"]),
    ("appsync", "GetGraphqlApi", r#"{"apiId":"a1"}"#, "appsync:GetGraphqlApi", &["appsync:eu-west-1:111122223333:apis/a1"]),
    ("fsx", "DeleteFileSystem", r#"{"fileSystemId":"fs-1"}"#, "fsx:DeleteFileSystem", &["fsx:eu-west-1:111122223333:file-system/fs-1"]),
    ("es", "DescribeDomain", r#"{"domainName":"d1"}"#, "es:DescribeDomain", &["es:eu-west-1:111122223333:domain/d1"]),
    ("dms", "StopReplicationTask", r#"{"replicationTaskArn":"arn:aws:dms:eu-west-1:111122223333:task:T"}"#, "dms:StopReplicationTask", &["dms:eu-west-1:111122223333:task:T"]),
    ("workspaces", "StopWorkspaces", r#"{"stopWorkspaceRequests":[{"workspaceId":"ws-1"},{"workspaceId":"ws-2"}]}"#, "workspaces:StopWorkspaces", &["workspaces:eu-west-1:111122223333:workspace/ws-1", "workspaces:eu-west-1:111122223333:workspace/ws-2"]),
    ("codecommit", "GetRepository", r#"{"repositoryName":"r1"}"#, "codecommit:GetRepository", &["codecommit:eu-west-1:111122223333:r1"]),
    ("timestream", "DescribeTable", r#"{"databaseName":"d","tableName":"t"}"#, "timestream:DescribeTable", &["timestream:eu-west-1:111122223333:database/d/table/t"]),
    ("elasticbeanstalk", "RebuildEnvironment", r#"{"environmentId":"e-1"}"#, "elasticbeanstalk:RebuildEnvironment", &["elasticbeanstalk:eu-west-1:111122223333:environment/*/*"]),
    ("glue", "StartCrawler", r#"{"name":"c1"}"#, "glue:StartCrawler", &["glue:eu-west-1:111122223333:crawler/c1"]),
    ("cloudtrail", "StopLogging", r#"{"name":"t1"}"#, "cloudtrail:StopLogging", &["cloudtrail:eu-west-1:111122223333:trail/t1"]),
    ("glue", "StartTrigger", r#"{"name":"t1"}"#, "glue:StartTrigger", &["glue:eu-west-1:111122223333:trigger/t1"]),
];
