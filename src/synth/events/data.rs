//! Databases, queues, analytics, models.

use super::event::{Event, read, write};

const TABLE_ARN: &str = "arn:aws:dynamodb:<region>:<account>:table/<table>";
const TABLE: &str = r#"[{"accountId":"<account>","type":"AWS::DynamoDB::Table","ARN":"arn:aws:dynamodb:<region>:<account>:table/<table>"}]"#;
const DATABASE_ARN: &str = "arn:aws:rds:<region>:<account>:db:<database>";
const QUEUE: &str =
    r#"[{"accountId":"<account>","type":"AWS::SQS::Queue","ARN":"arn:aws:sqs:<region>:<account>:<queue>"}]"#;
const QUEUE_ARN: &str = "arn:aws:sqs:<region>:<account>:<queue>";
const TOPIC_ARN: &str = "arn:aws:sns:<region>:<account>:<topic>";
const TOPIC: &str =
    r#"[{"accountId":"<account>","type":"AWS::SNS::Topic","ARN":"arn:aws:sns:<region>:<account>:<topic>"}]"#;
const WORKGROUP_ARN: &str = "arn:aws:athena:<region>:<account>:workgroup/<workgroup>";
const MODEL_ARN: &str = "arn:aws:bedrock:<region>::foundation-model/<model>";

const fn item(event: Event) -> Event {
    Event { data: true, on: TABLE_ARN, resources: TABLE, api_version: "2012-08-10", ..event }
}

const fn table(event: Event) -> Event {
    Event {
        on: TABLE_ARN,
        api_version: "2012-08-10",
        fault: "ResourceNotFoundException|Requested resource not found",
        ..event
    }
}

const fn queue(event: Event) -> Event {
    Event { on: QUEUE_ARN, resources: QUEUE, ..event }
}

const fn glue(event: Event) -> Event {
    Event { on: "arn:aws:glue:<region>:<account>:catalog", fault: "EntityNotFoundException|Entity Not Found", ..event }
}

pub(super) const EVENTS: &[Event] = &[
    item(read(
        "dynamodb",
        "GetItem",
        r#"{"tableName":"<table>","key":{"pk":"<one:USER|ORDER|CART>#<hex:12>","sk":"<one:META|PROFILE>"},"consistentRead":<one:false|true>}"#,
    )),
    item(read(
        "dynamodb",
        "Query",
        r#"{"tableName":"<table>","keyConditionExpression":"pk = :pk","limit":<one:25|100|1>,"scanIndexForward":true}"#,
    )),
    item(read(
        "dynamodb",
        "BatchGetItem",
        r#"{"requestItems":{"<table>":{"keys":[{"pk":"USER#<hex:12>"},{"pk":"USER#<hex:12>"}]}}}"#,
    )),
    item(read("dynamodb", "Scan", r#"{"tableName":"<table>","limit":1000,"segment":<int:1-8>,"totalSegments":8}"#)),
    item(write(
        "dynamodb",
        "PutItem",
        r#"{"tableName":"<table>","key":{"pk":"<one:USER|ORDER|CART>#<hex:12>"},"items":["pk","sk","updatedAt","payload"],"returnValues":"NONE"}"#,
        "null",
    )),
    item(Event {
        fault: "ConditionalCheckFailedException|The conditional request failed",
        ..write(
            "dynamodb",
            "UpdateItem",
            r#"{"tableName":"<table>","key":{"pk":"<one:USER|ORDER|CART>#<hex:12>","sk":"META"},"updateExpression":"SET #s = :s, updatedAt = :t","returnValues":"ALL_NEW"}"#,
            "null",
        )
    }),
    item(write(
        "dynamodb",
        "DeleteItem",
        r#"{"tableName":"<table>","key":{"pk":"CART#<hex:12>","sk":"META"}}"#,
        "null",
    )),
    table(read("dynamodb", "DescribeTable", r#"{"tableName":"<table>"}"#)),
    table(Event {
        on: "arn:aws:dynamodb:<region>:<account>:table/*",
        ..read("dynamodb", "ListTables", r#"{"limit":100}"#)
    }),
    table(write(
        "dynamodb",
        "UpdateTable",
        r#"{"tableName":"<table>","provisionedThroughput":{"readCapacityUnits":<int:5-400>,"writeCapacityUnits":<int:5-400>}}"#,
        r#"{"tableDescription":{"tableName":"<table>","tableStatus":"UPDATING","tableArn":"arn:aws:dynamodb:<region>:<account>:table/<table>","itemCount":<int:10-9000000>,"tableSizeBytes":<int:1000-900000000>,"provisionedThroughput":{"readCapacityUnits":5,"writeCapacityUnits":5,"numberOfDecreasesToday":0}}}"#,
    )),
    Event {
        on: DATABASE_ARN,
        fault: "DBInstanceNotFoundFault|DBInstance not found",
        ..read("rds", "DescribeDBInstances", r#"{"dBInstanceIdentifier":"<database>"}"#)
    },
    Event {
        on: "arn:aws:rds:<region>:<account>:cluster:*",
        ..read("rds", "DescribeDBClusters", r#"{"maxRecords":100}"#)
    },
    Event {
        on: DATABASE_ARN,
        ..read("rds", "DescribeDBLogFiles", r#"{"dBInstanceIdentifier":"<database>","maxRecords":100}"#)
    },
    Event {
        on: DATABASE_ARN,
        ..write(
            "rds",
            "CreateDBSnapshot",
            r#"{"dBSnapshotIdentifier":"<database>-<alnum:6>","dBInstanceIdentifier":"<database>","tags":[]}"#,
            r#"{"dBSnapshotIdentifier":"<database>-manual","dBInstanceIdentifier":"<database>","engine":"postgres","allocatedStorage":<int:20-900>,"status":"creating","port":5432,"availabilityZone":"<region>a","vpcId":"<vpc>","instanceCreateTime":"<us>","masterUsername":"app","engineVersion":"15.4","licenseModel":"postgresql-license","snapshotType":"manual","encrypted":true,"kmsKeyId":"arn:aws:kms:<region>:<account>:key/<kms-key>","dBSnapshotArn":"arn:aws:rds:<region>:<account>:snapshot:<database>-manual"}"#,
        )
    },
    Event {
        on: DATABASE_ARN,
        ..write(
            "rds",
            "ModifyDBInstance",
            r#"{"dBInstanceIdentifier":"<database>","allocatedStorage":<int:20-900>,"applyImmediately":true,"allowMajorVersionUpgrade":false}"#,
            r#"{"dBInstanceIdentifier":"<database>","dBInstanceClass":"db.r6g.large","engine":"postgres","dBInstanceStatus":"available","masterUsername":"app","endpoint":{"address":"<database>.c<alnum:11>.<region>.rds.amazonaws.com","port":5432},"pendingModifiedValues":{"allocatedStorage":100},"dBInstanceArn":"arn:aws:rds:<region>:<account>:db:<database>"}"#,
        )
    },
    Event {
        on: DATABASE_ARN,
        ..write(
            "rds",
            "RebootDBInstance",
            r#"{"dBInstanceIdentifier":"<database>","forceFailover":false}"#,
            r#"{"dBInstanceIdentifier":"<database>","dBInstanceStatus":"rebooting","dBInstanceArn":"arn:aws:rds:<region>:<account>:db:<database>"}"#,
        )
    },
    queue(Event {
        data: true,
        ..write(
            "sqs",
            "SendMessage",
            r#"{"queueUrl":"https://sqs.<region>.amazonaws.com/<account>/<queue>","messageBody":"HIDDEN_DUE_TO_SECURITY_REASONS","delaySeconds":0}"#,
            r#"{"mD5OfMessageBody":"<hex:32>","messageId":"<uuid>"}"#,
        )
    }),
    queue(Event {
        data: true,
        ..read(
            "sqs",
            "ReceiveMessage",
            r#"{"queueUrl":"https://sqs.<region>.amazonaws.com/<account>/<queue>","maxNumberOfMessages":10,"waitTimeSeconds":20}"#,
        )
    }),
    queue(Event {
        data: true,
        ..write(
            "sqs",
            "DeleteMessage",
            r#"{"queueUrl":"https://sqs.<region>.amazonaws.com/<account>/<queue>","receiptHandle":"<base64:160>"}"#,
            "null",
        )
    }),
    Event {
        on: QUEUE_ARN,
        ..read(
            "sqs",
            "GetQueueAttributes",
            r#"{"queueUrl":"https://sqs.<region>.amazonaws.com/<account>/<queue>","attributeNames":["All"]}"#,
        )
    },
    Event {
        on: "arn:aws:sqs:<region>:<account>:*",
        ..read("sqs", "ListQueues", r#"{"queueNamePrefix":"<one:orders|billing|dead>"}"#)
    },
    Event {
        data: true,
        on: TOPIC_ARN,
        resources: TOPIC,
        ..write(
            "sns",
            "Publish",
            r#"{"topicArn":"arn:aws:sns:<region>:<account>:<topic>","message":"HIDDEN_DUE_TO_SECURITY_REASONS","subject":"HIDDEN_DUE_TO_SECURITY_REASONS","messageAttributes":"HIDDEN_DUE_TO_SECURITY_REASONS"}"#,
            r#"{"messageId":"<uuid>"}"#,
        )
    },
    Event { on: "*", ..read("sns", "ListTopics", "null") },
    Event {
        on: TOPIC_ARN,
        ..read("sns", "GetTopicAttributes", r#"{"topicArn":"arn:aws:sns:<region>:<account>:<topic>"}"#)
    },
    Event {
        on: WORKGROUP_ARN,
        fault: "InvalidRequestException|line 1:8: Column 'x' cannot be resolved",
        ..write(
            "athena",
            "StartQueryExecution",
            r#"{"queryString":"***OMITTED***","clientRequestToken":"<uuid>","queryExecutionContext":{"database":"<glue-database>","catalog":"AwsDataCatalog"},"resultConfiguration":{"outputLocation":"s3://<bucket>/athena/"},"workGroup":"<workgroup>"}"#,
            r#"{"queryExecutionId":"<uuid>"}"#,
        )
    },
    Event { on: WORKGROUP_ARN, ..read("athena", "GetQueryExecution", r#"{"queryExecutionId":"<uuid>"}"#) },
    Event {
        on: WORKGROUP_ARN,
        ..read("athena", "GetQueryResults", r#"{"queryExecutionId":"<uuid>","maxResults":1000}"#)
    },
    Event { on: WORKGROUP_ARN, ..read("athena", "GetWorkGroup", r#"{"workGroup":"<workgroup>"}"#) },
    glue(read("glue", "GetDatabase", r#"{"name":"<glue-database>"}"#)),
    glue(read("glue", "GetTable", r#"{"databaseName":"<glue-database>","name":"<glue-table>"}"#)),
    glue(read(
        "glue",
        "GetPartitions",
        r#"{"databaseName":"<glue-database>","tableName":"<glue-table>","expression":"day >= '2024-01-01'","maxResults":1000,"excludeColumnSchema":true}"#,
    )),
    glue(write(
        "glue",
        "BatchCreatePartition",
        r#"{"databaseName":"<glue-database>","tableName":"<glue-table>","partitionInputList":[{"values":["<iso>"],"storageDescriptor":{"location":"s3://<bucket>/raw/","inputFormat":"org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"}}]}"#,
        "null",
    )),
    Event {
        on: "arn:aws:glue:<region>:<account>:job/<glue-table>-job",
        ..write(
            "glue",
            "StartJobRun",
            r#"{"jobName":"<glue-table>-job","arguments":{"--day":"<iso>"}}"#,
            r#"{"jobRunId":"jr_<hex:64>"}"#,
        )
    },
    Event {
        on: MODEL_ARN,
        fault: "ThrottlingException|Too many requests, please wait before trying again.",
        additional: r#"{"inferenceRegion":"<region>"}"#,
        host: "bedrock-runtime.<region>.amazonaws.com",
        ..read("bedrock", "InvokeModel", r#"{"modelId":"<model>"}"#)
    },
    Event {
        on: MODEL_ARN,
        action: "bedrock:InvokeModel",
        host: "bedrock-runtime.<region>.amazonaws.com",
        ..read("bedrock", "Converse", r#"{"modelId":"<model>"}"#)
    },
    read("bedrock", "ListFoundationModels", r#"{"byOutputModality":"TEXT"}"#),
];
