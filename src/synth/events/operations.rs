//! Running things: logs, metrics, parameters, secrets, stacks, names, edges, configuration, trails.

use super::event::{Event, read, write};

const GROUP_ARN: &str = "arn:aws:logs:<region>:<account>:log-group:<log-group>:log-stream:";
const STACK_ARN: &str = "arn:aws:cloudformation:<region>:<account>:stack/<stack>/*";
const PARAMETER_ARN: &str = "arn:aws:ssm:<region>:<account>:parameter/<parameter>";
const PARAMETER: &str = r#"[{"accountId":"<account>","ARN":"arn:aws:ssm:<region>:<account>:parameter/<parameter>"}]"#;
const SECRET_ARN: &str = "arn:aws:secretsmanager:<region>:<account>:secret:<secret>";

const fn logs(event: Event) -> Event {
    Event {
        on: GROUP_ARN,
        api_version: "20140328",
        fault: "ResourceNotFoundException|The specified log group does not exist.",
        ..event
    }
}

const fn stack(event: Event) -> Event {
    Event { on: STACK_ARN, ..event }
}

const fn parameter(event: Event) -> Event {
    Event { on: PARAMETER_ARN, resources: PARAMETER, fault: "ParameterNotFound|", ..event }
}

const fn secret(event: Event) -> Event {
    Event {
        on: SECRET_ARN,
        fault: "ResourceNotFoundException|Secrets Manager can't find the specified secret.",
        ..event
    }
}

const fn metrics(event: Event, action: &'static str) -> Event {
    Event { action, ..event }
}

const fn global(event: Event) -> Event {
    Event { global: true, ..event }
}

pub(super) const EVENTS: &[Event] = &[
    logs(write("logs", "CreateLogStream", r#"{"logGroupName":"<log-group>","logStreamName":"<stream>"}"#, "null")),
    logs(Event {
        fault: "ResourceAlreadyExistsException|The specified log group already exists",
        ..write("logs", "CreateLogGroup", r#"{"logGroupName":"<log-group>"}"#, "null")
    }),
    logs(read("logs", "DescribeLogGroups", r#"{"logGroupNamePrefix":"<one:/aws/lambda/|/ecs/|/app/>","limit":50}"#)),
    logs(read(
        "logs",
        "DescribeLogStreams",
        r#"{"logGroupName":"<log-group>","orderBy":"LastEventTime","descending":true,"limit":50}"#,
    )),
    logs(read(
        "logs",
        "FilterLogEvents",
        r#"{"logGroupName":"<log-group>","startTime":<epoch:3600>000,"endTime":<epoch>000,"filterPattern":"<one:ERROR|timeout|?WARN ?ERROR>","interleaved":true,"limit":100}"#,
    )),
    logs(read(
        "logs",
        "GetLogEvents",
        r#"{"logGroupName":"<log-group>","logStreamName":"<stream>","startFromHead":true,"limit":1000}"#,
    )),
    logs(Event {
        response: r#"{"queryId":"<uuid>"}"#,
        ..read(
            "logs",
            "StartQuery",
            r#"{"logGroupNames":["<log-group>"],"startTime":<epoch:86400>,"endTime":<epoch>,"queryString":"HIDDEN_DUE_TO_SECURITY_REASONS","limit":1000}"#,
        )
    }),
    logs(write(
        "logs",
        "PutRetentionPolicy",
        r#"{"logGroupName":"<log-group>","retentionInDays":<one:30|90|365>}"#,
        "null",
    )),
    metrics(
        read("monitoring", "DescribeAlarms", r#"{"alarmNames":["<alarm>"],"maxRecords":100}"#),
        "cloudwatch:DescribeAlarms",
    ),
    metrics(
        read(
            "monitoring",
            "GetMetricData",
            r#"{"metricDataQueries":[{"id":"m1","metricStat":{"metric":{"namespace":"<one:AWS/EC2|AWS/Lambda|AWS/RDS|AWS/SQS>","metricName":"<one:CPUUtilization|Errors|Duration|ApproximateAgeOfOldestMessage>"},"period":300,"stat":"Average"},"returnData":true}],"startTime":"<iso:10800>","endTime":"<iso>"}"#,
        ),
        "cloudwatch:GetMetricData",
    ),
    metrics(
        read(
            "monitoring",
            "ListMetrics",
            r#"{"namespace":"<one:AWS/EC2|AWS/Lambda|AWS/RDS|AWS/SQS>","recentlyActive":"PT3H"}"#,
        ),
        "cloudwatch:ListMetrics",
    ),
    metrics(
        Event {
            on: "arn:aws:cloudwatch:<region>:<account>:alarm:<alarm>",
            ..write(
                "monitoring",
                "PutMetricAlarm",
                r#"{"alarmName":"<alarm>","metricName":"Errors","namespace":"AWS/Lambda","statistic":"Sum","period":60,"evaluationPeriods":<int:1-5>,"threshold":<int:1-100>.0,"comparisonOperator":"GreaterThanThreshold","dimensions":[{"name":"FunctionName","value":"<function>"}],"alarmActions":["arn:aws:sns:<region>:<account>:<topic>"],"treatMissingData":"notBreaching"}"#,
                "null",
            )
        },
        "cloudwatch:PutMetricAlarm",
    ),
    Event {
        on: "arn:aws:cloudwatch::<account>:dashboard/<service>",
        action: "cloudwatch:GetDashboard",
        ..read("monitoring", "GetDashboard", r#"{"dashboardName":"<service>"}"#)
    },
    parameter(read("ssm", "GetParameter", r#"{"name":"/<parameter>","withDecryption":true}"#)),
    parameter(read("ssm", "GetParameters", r#"{"names":["/<parameter>"],"withDecryption":true}"#)),
    parameter(Event {
        resources: "",
        ..read(
            "ssm",
            "GetParametersByPath",
            r#"{"path":"/<parameter>","recursive":true,"withDecryption":true,"maxResults":10}"#,
        )
    }),
    Event { on: "arn:aws:ssm:<region>:<account>:*", ..read("ssm", "DescribeParameters", r#"{"maxResults":50}"#) },
    parameter(write(
        "ssm",
        "PutParameter",
        r#"{"name":"/<parameter>","type":"SecureString","value":"HIDDEN_DUE_TO_SECURITY_REASONS","keyId":"arn:aws:kms:<region>:<account>:key/<kms-key>","overwrite":true,"tier":"Standard"}"#,
        r#"{"version":<int:1-60>,"tier":"Standard"}"#,
    )),
    Event {
        on: "arn:aws:ec2:<region>:<account>:instance/<instance>",
        fault: "TargetNotConnected|<instance> is not connected.",
        ..write(
            "ssm",
            "StartSession",
            r#"{"target":"<instance>","reason":"<one:looking into errors|maintenance>"}"#,
            r#"{"sessionId":"<session>-<hex:17>","tokenValue":"Value hidden due to security reasons.","streamUrl":"wss://ssmmessages.<region>.amazonaws.com/v1/data-channel/<session>-<hex:17>?role=publish_subscribe&cell-number=HIDDEN"}"#,
        )
    },
    Event {
        on: "arn:aws:ec2:<region>:<account>:instance/<instance>",
        ..write(
            "ssm",
            "SendCommand",
            r#"{"documentName":"AWS-RunShellScript","instanceIds":["<instance>"],"parameters":"HIDDEN_DUE_TO_SECURITY_REASONS","interactive":false,"timeoutSeconds":600}"#,
            r#"{"command":{"commandId":"<uuid>","documentName":"AWS-RunShellScript","documentVersion":"$DEFAULT","comment":"","expiresAfter":"<us>","instanceIds":["<instance>"],"targets":[],"requestedDateTime":"<us>","status":"Pending","statusDetails":"Pending","outputS3Region":"<region>","maxConcurrency":"50","maxErrors":"0","targetCount":1,"completedCount":0,"errorCount":0}}"#,
        )
    },
    Event {
        on: "arn:aws:ec2:<region>:<account>:instance/<instance>",
        ..write(
            "ssm",
            "UpdateInstanceInformation",
            r#"{"agentName":"amazon-ssm-agent","agentStatus":"Active","agentVersion":"3.2.<int:300-2300>.0","computerName":"ip-10-0-1-17.<region>.compute.internal","iPAddress":"<private-ip>","instanceId":"<instance>","platformName":"Amazon Linux","platformType":"Linux","platformVersion":"2023","ssmConnectionChannel":"ssmmessages"}"#,
            "null",
        )
    },
    read("ssm", "DescribeInstanceInformation", r#"{"filters":[{"key":"InstanceIds","values":["<instance>"]}]}"#),
    secret(read("secretsmanager", "GetSecretValue", r#"{"secretId":"<secret>"}"#)),
    secret(read("secretsmanager", "DescribeSecret", r#"{"secretId":"<secret>"}"#)),
    secret(Event { on: "*", ..read("secretsmanager", "ListSecrets", r#"{"maxResults":100,"sortOrder":"desc"}"#) }),
    secret(write(
        "secretsmanager",
        "PutSecretValue",
        r#"{"secretId":"<secret>","clientRequestToken":"<a=uuid>"}"#,
        r#"{"arn":"arn:aws:secretsmanager:<region>:<account>:secret:<secret>-<alnum:6>"}"#,
    )),
    stack(read("cloudformation", "DescribeStacks", r#"{"stackName":"<stack>"}"#)),
    stack(read("cloudformation", "DescribeStackEvents", r#"{"stackName":"<stack>"}"#)),
    stack(read("cloudformation", "GetTemplate", r#"{"stackName":"<stack>"}"#)),
    Event {
        on: "*",
        ..read("cloudformation", "ListStacks", r#"{"stackStatusFilter":["CREATE_COMPLETE","UPDATE_COMPLETE"]}"#)
    },
    stack(write(
        "cloudformation",
        "CreateChangeSet",
        r#"{"stackName":"<stack>","changeSetName":"deploy-<a=alnum:12>","templateURL":"https://s3.<region>.amazonaws.com/<bucket>/<key>","capabilities":["CAPABILITY_IAM","CAPABILITY_NAMED_IAM"],"parameters":[{"parameterKey":"Environment","parameterValue":"HIDDEN"}],"changeSetType":"UPDATE","tags":[]}"#,
        r#"{"id":"arn:aws:cloudformation:<region>:<account>:changeSet/deploy-<a>/<uuid>","stackId":"arn:aws:cloudformation:<region>:<account>:stack/<stack>/<uuid>"}"#,
    )),
    stack(write(
        "cloudformation",
        "ExecuteChangeSet",
        r#"{"stackName":"<stack>","changeSetName":"deploy-<alnum:12>"}"#,
        "null",
    )),
    stack(Event {
        fault: "ValidationException|No updates are to be performed.",
        ..write(
            "cloudformation",
            "UpdateStack",
            r#"{"stackName":"<stack>","templateURL":"https://s3.<region>.amazonaws.com/<bucket>/<key>","capabilities":["CAPABILITY_IAM"],"roleARN":"arn:aws:iam::<account>:role/<role>"}"#,
            r#"{"stackId":"arn:aws:cloudformation:<region>:<account>:stack/<stack>/<uuid>"}"#,
        )
    }),
    global(read("route53", "ListHostedZones", r#"{"maxItems":"100"}"#)),
    global(Event {
        on: "arn:aws:route53:::hostedzone/<zone>",
        api_version: "2013-04-01",
        ..read("route53", "ListResourceRecordSets", r#"{"hostedZoneId":"<zone>","maxItems":"300"}"#)
    }),
    global(Event {
        on: "arn:aws:route53:::hostedzone/<zone>",
        api_version: "2013-04-01",
        additional: r#"{"Note":"Do not use to reconstruct hosted zone"}"#,
        ..write(
            "route53",
            "ChangeResourceRecordSets",
            r#"{"hostedZoneId":"<zone>","changeBatch":{"changes":[{"action":"UPSERT","resourceRecordSet":{"name":"<service>.example.com","type":"CNAME","tTL":<one:60|300>,"resourceRecords":[{"value":"<load-balancer>.example.com"}]}}]}}"#,
            r#"{"changeInfo":{"id":"/change/C<upper:20>","status":"PENDING","submittedAt":"<us>"}}"#,
        )
    }),
    global(Event {
        on: "arn:aws:cloudfront::<account>:distribution/<distribution>",
        api_version: "2020_05_31",
        ..read("cloudfront", "GetDistribution", r#"{"id":"<distribution>"}"#)
    }),
    global(Event {
        on: "arn:aws:cloudfront::<account>:distribution/<distribution>",
        api_version: "2020_05_31",
        ..write(
            "cloudfront",
            "CreateInvalidation",
            r#"{"distributionId":"<distribution>","invalidationBatch":{"paths":{"quantity":1,"items":["/*"]},"callerReference":"<a=uuid>"}}"#,
            r#"{"invalidation":{"id":"I<upper:13>","status":"InProgress","createTime":"<us>","invalidationBatch":{"paths":{"quantity":1,"items":["/*"]},"callerReference":"<a>"}},"location":"https://cloudfront.amazonaws.com/2020-05-31/distribution/<distribution>/invalidation"}"#,
        )
    }),
    Event {
        action: "apigateway:GET",
        on: "arn:aws:apigateway:<region>::/restapis/<rest-api>",
        ..read("apigateway", "GetRestApi", r#"{"restApiId":"<rest-api>","template":false}"#)
    },
    Event {
        action: "apigateway:GET",
        on: "arn:aws:apigateway:<region>::/restapis",
        ..read("apigateway", "GetRestApis", r#"{"limit":500,"template":false}"#)
    },
    Event {
        action: "apigateway:POST",
        on: "arn:aws:apigateway:<region>::/restapis/<rest-api>/deployments",
        ..write(
            "apigateway",
            "CreateDeployment",
            r#"{"restApiId":"<rest-api>","createDeploymentInput":{"stageName":"<one:prod|dev>"},"template":false}"#,
            r#"{"id":"<alnum:6>","createdDate":"<us>","deploymentDelete":{"restApiId":"<rest-api>","template":false}}"#,
        )
    },
    Event {
        on: "arn:aws:states:<region>:<account>:stateMachine:<state-machine>",
        ..write(
            "states",
            "StartExecution",
            r#"{"stateMachineArn":"arn:aws:states:<region>:<account>:stateMachine:<state-machine>","name":"<a=uuid>","input":"HIDDEN_DUE_TO_SECURITY_REASONS"}"#,
            r#"{"executionArn":"arn:aws:states:<region>:<account>:execution:<state-machine>:<a>","startDate":"<us>"}"#,
        )
    },
    Event {
        on: "arn:aws:events:<region>:<account>:rule/<rule>",
        ..read("events", "DescribeRule", r#"{"name":"<rule>"}"#)
    },
    Event {
        on: "arn:aws:events:<region>:<account>:rule/<rule>",
        ..write(
            "events",
            "PutRule",
            r#"{"name":"<rule>","scheduleExpression":"rate(<int:5-60> minutes)","state":"ENABLED"}"#,
            r#"{"ruleArn":"arn:aws:events:<region>:<account>:rule/<rule>"}"#,
        )
    },
    read("config", "DescribeConfigurationRecorders", "null"),
    read(
        "config",
        "DescribeConfigRules",
        r#"{"configRuleNames":["<one:s3-bucket-ssl-requests-only|encrypted-volumes|iam-root-access-key-check>"]}"#,
    ),
    read(
        "config",
        "SelectResourceConfig",
        r#"{"expression":"SELECT resourceId WHERE resourceType = 'AWS::EC2::Instance'","limit":100}"#,
    ),
    write(
        "config",
        "PutEvaluations",
        r#"{"evaluations":[{"complianceResourceType":"AWS::EC2::Instance","complianceResourceId":"<instance>","complianceType":"<one:COMPLIANT|NON_COMPLIANT>","orderingTimestamp":"<us>"}],"resultToken":"<base64:200>"}"#,
        r#"{"failedEvaluations":[]}"#,
    ),
    read(
        "cloudtrail",
        "LookupEvents",
        r#"{"maxResults":50,"lookupAttributes":[{"attributeKey":"EventName","attributeValue":"<one:ConsoleLogin|DeleteBucket|AssumeRole>"}]}"#,
    ),
    read("cloudtrail", "DescribeTrails", r#"{"trailNameList":[],"includeShadowTrails":true}"#),
    Event {
        on: "arn:aws:cloudtrail:<region>:<account>:trail/organization",
        ..read("cloudtrail", "GetTrailStatus", r#"{"name":"arn:aws:cloudtrail:<region>:<account>:trail/organization"}"#)
    },
    read("guardduty", "ListDetectors", r#"{"maxResults":"50"}"#),
    read(
        "securityhub",
        "GetFindings",
        r#"{"Filters":{"SeverityLabel":[{"Value":"<one:HIGH|CRITICAL>","Comparison":"EQUALS"}]},"MaxResults":100}"#,
    ),
    global(read(
        "ce",
        "GetCostAndUsage",
        r#"{"TimePeriod":{"Start":"2024-01-01","End":"2024-02-01"},"Granularity":"MONTHLY","Metrics":["UnblendedCost"]}"#,
    )),
    global(read(
        "health",
        "DescribeEventAggregates",
        r#"{"filter":{"eventStatusCodes":["open","upcoming"]},"aggregateField":"eventTypeCategory"}"#,
    )),
];
