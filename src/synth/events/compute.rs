//! EC2, Lambda, containers, scaling, load balancers.

use super::event::{Event, read, write};

const FUNCTION_ARN: &str = "arn:aws:lambda:<region>:<account>:function:<function>";
const FUNCTION: &str = r#"[{"accountId":"<account>","type":"AWS::Lambda::Function","ARN":"arn:aws:lambda:<region>:<account>:function:<function>"}]"#;
const INSTANCE_ARN: &str = "arn:aws:ec2:<region>:<account>:instance/<instance>";
const SERVICE_ARN: &str = "arn:aws:ecs:<region>:<account>:service/<cluster>/<service>";
const REPOSITORY_ARN: &str = "arn:aws:ecr:<region>:<account>:repository/<repository>";
const REPOSITORY: &str =
    r#"[{"accountId":"<account>","ARN":"arn:aws:ecr:<region>:<account>:repository/<repository>"}]"#;

const RUN_REQUEST: &str = r#"{"instancesSet":{"items":[{"imageId":"<image>","minCount":1,"maxCount":1,"keyName":"<session>"}]},"instanceType":"<a=one:t3.micro|m6i.large|t3.medium|c6g.xlarge|r6i.2xlarge>","blockDeviceMapping":{"items":[{"deviceName":"/dev/xvda","ebs":{"volumeSize":<int:8-500>,"deleteOnTermination":true,"volumeType":"gp3","encrypted":true}}]},"monitoring":{"enabled":false},"disableApiTermination":false,"disableApiStop":false,"clientToken":"<b=uuid>","networkInterfaceSet":{"items":[{"deviceIndex":0,"subnetId":"<subnet>","associatePublicIpAddress":false,"groupSet":{"items":[{"groupId":"<security-group>"}]}}]},"iamInstanceProfile":{"arn":"arn:aws:iam::<account>:instance-profile/<role>"},"ebsOptimized":true,"tagSpecificationSet":{"items":[{"resourceType":"instance","tags":[{"key":"Name","value":"<service>"},{"key":"Owner","value":"<session>"}]}]},"metadataOptions":{"httpTokens":"required"}}"#;
const RUN_RESPONSE: &str = r#"{"requestId":"<uuid>","reservationId":"r-0<hex:16>","ownerId":"<account>","groupSet":{},"instancesSet":{"items":[{"instanceId":"i-0<hex:16>","imageId":"<image>","bootMode":"uefi-preferred","currentInstanceBootMode":"uefi","instanceState":{"code":0,"name":"pending"},"privateDnsName":"ip-10-0-<int:1-254>-<int:1-254>.<region>.compute.internal","keyName":"<session>","amiLaunchIndex":0,"productCodes":{},"instanceType":"<a>","launchTime":<epoch>000,"placement":{"availabilityZone":"<region>a","tenancy":"default"},"monitoring":{"state":"disabled"},"subnetId":"<subnet>","vpcId":"<vpc>","privateIpAddress":"<private-ip>","stateReason":{"code":"pending","message":"pending"},"architecture":"x86_64","rootDeviceType":"ebs","rootDeviceName":"/dev/xvda","blockDeviceMapping":{},"virtualizationType":"hvm","hypervisor":"xen","tagSet":{"items":[{"key":"Name","value":"<service>"},{"key":"Owner","value":"<session>"}]},"clientToken":"<b>","groupSet":{"items":[{"groupId":"<security-group>","groupName":"<service>"}]},"sourceDestCheck":true,"networkInterfaceSet":{"items":[{"networkInterfaceId":"eni-0<hex:16>","subnetId":"<subnet>","vpcId":"<vpc>","ownerId":"<account>","status":"in-use","macAddress":"0a:<hex:2>:<hex:2>:<hex:2>:<hex:2>:<hex:2>","privateIpAddress":"<private-ip>","sourceDestCheck":true,"interfaceType":"interface"}]},"ebsOptimized":true,"enaSupport":true,"metadataOptions":{"state":"pending","httpTokens":"required","httpPutResponseHopLimit":2,"httpEndpoint":"enabled"}}]}}"#;
const STATE_RESPONSE: &str = r#"{"requestId":"<uuid>","instancesSet":{"items":[{"instanceId":"<instance>","currentState":{"code":<one:0|64|32>,"name":"<one:pending|stopping|shutting-down>"},"previousState":{"code":<one:80|16>,"name":"<one:stopped|running>"}}]}}"#;
const INSTANCE_REQUEST: &str = r#"{"instancesSet":{"items":[{"instanceId":"<instance>"}]}}"#;
const RULE_REQUEST: &str = r#"{"groupId":"<security-group>","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":<a=one:443|22|5432|8080>,"toPort":<a>,"groups":{},"ipRanges":{"items":[{"cidrIp":"10.<int:1-250>.0.0/16","description":"<service>"}]},"ipv6Ranges":{},"prefixListIds":{}}]}}"#;
const RULE_RESPONSE: &str = r#"{"requestId":"<uuid>","_return":true,"securityGroupRuleSet":{"items":[{"groupOwnerId":"<account>","groupId":"<security-group>","securityGroupRuleId":"sgr-0<hex:16>","isEgress":false,"ipProtocol":"tcp","fromPort":<a>,"toPort":<a>,"cidrIpv4":"10.0.0.0/16"}]}}"#;

const fn ec2(name: &'static str, request: &'static str) -> Event {
    Event {
        host: "ec2.<region>.amazonaws.com",
        fault: "Client.RequestLimitExceeded|Request limit exceeded.",
        ..read("ec2", name, request)
    }
}

const fn instance(event: Event) -> Event {
    Event {
        on: INSTANCE_ARN,
        fault: "Client.IncorrectInstanceState|The instance is not in a state from which it can be changed.",
        ..event
    }
}

const fn function(event: Event) -> Event {
    Event { on: FUNCTION_ARN, ..event }
}

const fn repository(event: Event) -> Event {
    Event { on: REPOSITORY_ARN, resources: REPOSITORY, host: "api.ecr.<region>.amazonaws.com", ..event }
}

pub(super) const EVENTS: &[Event] = &[
    ec2("DescribeInstances", r#"{"instancesSet":{"items":[{"instanceId":"<instance>"}]},"filterSet":{}}"#),
    ec2("DescribeInstanceStatus", r#"{"instancesSet":{},"filterSet":{},"includeAllInstances":<one:false|true>}"#),
    ec2(
        "DescribeVolumes",
        r#"{"volumeSet":{},"filterSet":{"items":[{"name":"attachment.instance-id","valueSet":{"items":[{"value":"<instance>"}]}}]}}"#,
    ),
    ec2(
        "DescribeSnapshots",
        r#"{"maxResults":1000,"ownersSet":{"items":[{"owner":"self"}]},"filterSet":{},"sharedUsersSet":{},"snapshotSet":{}}"#,
    ),
    ec2(
        "DescribeImages",
        r#"{"imagesSet":{"items":[{"imageId":"<image>"}]},"executableBySet":{},"ownersSet":{},"filterSet":{}}"#,
    ),
    ec2("DescribeVpcs", r#"{"vpcSet":{},"filterSet":{}}"#),
    ec2(
        "DescribeSubnets",
        r#"{"subnetSet":{},"filterSet":{"items":[{"name":"vpc-id","valueSet":{"items":[{"value":"<vpc>"}]}}]}}"#,
    ),
    ec2(
        "DescribeSecurityGroups",
        r#"{"securityGroupSet":{},"securityGroupIdSet":{"items":[{"groupId":"<security-group>"}]},"filterSet":{}}"#,
    ),
    ec2(
        "DescribeRouteTables",
        r#"{"routeTableIdSet":{},"filterSet":{"items":[{"name":"vpc-id","valueSet":{"items":[{"value":"<vpc>"}]}}]}}"#,
    ),
    ec2(
        "DescribeNetworkInterfaces",
        r#"{"networkInterfaceIdSet":{},"filterSet":{"items":[{"name":"group-id","valueSet":{"items":[{"value":"<security-group>"}]}}]}}"#,
    ),
    ec2(
        "DescribeTags",
        r#"{"filterSet":{"items":[{"name":"resource-id","valueSet":{"items":[{"value":"<instance>"}]}}]}}"#,
    ),
    ec2("DescribeAvailabilityZones", r#"{"availabilityZoneSet":{},"availabilityZoneIdSet":{},"filterSet":{}}"#),
    ec2("DescribeRegions", r#"{"regionSet":{},"filterSet":{}}"#),
    ec2("DescribeAddresses", r#"{"publicIpsSet":{},"filterSet":{},"allocationIdsSet":{}}"#),
    instance(write("ec2", "StartInstances", INSTANCE_REQUEST, STATE_RESPONSE)),
    instance(write(
        "ec2",
        "StopInstances",
        r#"{"instancesSet":{"items":[{"instanceId":"<instance>"}]},"force":false}"#,
        STATE_RESPONSE,
    )),
    instance(write("ec2", "RebootInstances", INSTANCE_REQUEST, r#"{"requestId":"<uuid>","_return":true}"#)),
    instance(write("ec2", "TerminateInstances", INSTANCE_REQUEST, STATE_RESPONSE)),
    Event {
        on: "arn:aws:ec2:<region>:<account>:instance/*",
        ..write("ec2", "RunInstances", RUN_REQUEST, RUN_RESPONSE)
    },
    Event {
        on: "arn:aws:ec2:<region>:<account>:security-group/<security-group>",
        fault: "Client.InvalidPermission.Duplicate|the specified rule already exists",
        ..write("ec2", "AuthorizeSecurityGroupIngress", RULE_REQUEST, RULE_RESPONSE)
    },
    Event {
        on: "arn:aws:ec2:<region>:<account>:security-group/<security-group>",
        ..write("ec2", "RevokeSecurityGroupIngress", RULE_REQUEST, r#"{"requestId":"<uuid>","_return":true}"#)
    },
    Event {
        on: "arn:aws:ec2:<region>:<account>:volume/<volume>",
        ..write(
            "ec2",
            "CreateSnapshot",
            r#"{"volumeId":"<volume>","description":"before change by <session>"}"#,
            r#"{"requestId":"<uuid>","snapshotId":"snap-0<hex:16>","volumeId":"<volume>","status":"pending","startTime":<epoch>000,"progress":"","ownerId":"<account>","volumeSize":"<int:8-500>","encrypted":true}"#,
        )
    },
    Event {
        on: INSTANCE_ARN,
        ..write(
            "ec2",
            "CreateTags",
            r#"{"resourcesSet":{"items":[{"resourceId":"<instance>"}]},"tagSet":{"items":[{"key":"<one:Owner|CostCentre|Backup>","value":"<service>"}]}}"#,
            r#"{"requestId":"<uuid>","_return":true}"#,
        )
    },
    function(Event {
        api_version: "2015-03-31",
        fault: "ResourceNotFoundException|Function not found",
        ..read("lambda", "GetFunction20150331v2", r#"{"functionName":"<function>"}"#)
    }),
    Event {
        action: "lambda:ListFunctions",
        api_version: "2015-03-31",
        ..read("lambda", "ListFunctions20150331", r#"{"maxItems":50,"functionVersion":"ALL"}"#)
    },
    function(Event {
        action: "lambda:UpdateFunctionCode",
        api_version: "2015-03-31",
        ..write(
            "lambda",
            "UpdateFunctionCode20150331v2",
            r#"{"functionName":"<function>","s3Bucket":"<bucket>","s3Key":"<key>","publish":false,"dryRun":false}"#,
            r#"{"functionName":"<function>","functionArn":"arn:aws:lambda:<region>:<account>:function:<function>","runtime":"<one:python3.12|nodejs20.x|java21>","role":"arn:aws:iam::<account>:role/service-role/<role>","handler":"app.handler","codeSize":<int:2000-40000000>,"description":"","timeout":<one:30|60|900>,"memorySize":<one:256|512|1024>,"lastModified":"<iso>","codeSha256":"<base64:43>=","version":"$LATEST","tracingConfig":{"mode":"Active"},"revisionId":"<uuid>","state":"Active","lastUpdateStatus":"InProgress","packageType":"Zip","architectures":["x86_64"],"ephemeralStorage":{"size":512},"loggingConfig":{"logFormat":"JSON","logGroup":"/aws/lambda/<function>"}}"#,
        )
    }),
    function(Event {
        action: "lambda:UpdateFunctionConfiguration",
        api_version: "2015-03-31",
        ..write(
            "lambda",
            "UpdateFunctionConfiguration20150331v2",
            r#"{"functionName":"<function>","timeout":<one:30|60|900>,"memorySize":<one:256|512|1024>,"role":"arn:aws:iam::<account>:role/service-role/<role>","environment":{}}"#,
            r#"{"functionName":"<function>","functionArn":"arn:aws:lambda:<region>:<account>:function:<function>","runtime":"python3.12","role":"arn:aws:iam::<account>:role/service-role/<role>","handler":"app.handler","codeSize":<int:2000-40000000>,"timeout":<one:30|60|900>,"lastModified":"<iso>","codeSha256":"<base64:43>=","version":"$LATEST","revisionId":"<uuid>","state":"Active"}"#,
        )
    }),
    function(Event {
        data: true,
        action: "lambda:InvokeFunction",
        resources: FUNCTION,
        additional: r#"{"functionVersion":"arn:aws:lambda:<region>:<account>:function:<function>:$LATEST"}"#,
        ..write(
            "lambda",
            "Invoke",
            r#"{"functionName":"<function>","invocationType":"<one:RequestResponse|Event>","clientContext":"<base64:24>"}"#,
            "null",
        )
    }),
    Event {
        on: "arn:aws:ecs:<region>:<account>:cluster/<cluster>",
        ..read("ecs", "DescribeClusters", r#"{"clusters":["<cluster>"],"include":["STATISTICS"]}"#)
    },
    Event { on: SERVICE_ARN, ..read("ecs", "DescribeServices", r#"{"cluster":"<cluster>","services":["<service>"]}"#) },
    Event {
        on: "*",
        ..read("ecs", "ListTasks", r#"{"cluster":"<cluster>","serviceName":"<service>","desiredStatus":"RUNNING"}"#)
    },
    write(
        "ecs",
        "RegisterTaskDefinition",
        r#"{"family":"<service>","taskRoleArn":"arn:aws:iam::<account>:role/<role>","executionRoleArn":"arn:aws:iam::<account>:role/ecsTaskExecutionRole","networkMode":"awsvpc","containerDefinitions":[{"name":"app","image":"<account>.dkr.ecr.<region>.amazonaws.com/<repository>:<a=hex:12>","cpu":0,"memory":<one:512|1024|2048>,"essential":true,"portMappings":[{"containerPort":8080,"hostPort":8080,"protocol":"tcp"}],"environment":[{"name":"VERSION","value":"<a>"}],"logConfiguration":{"logDriver":"awslogs","options":{"awslogs-group":"/ecs/<service>","awslogs-region":"<region>","awslogs-stream-prefix":"app"}}}],"requiresCompatibilities":["FARGATE"],"cpu":"256","memory":"512"}"#,
        r#"{"taskDefinition":{"taskDefinitionArn":"arn:aws:ecs:<region>:<account>:task-definition/<service>:<b=int:2-900>","containerDefinitions":[{"name":"app","image":"<account>.dkr.ecr.<region>.amazonaws.com/<repository>:<a>","cpu":0,"essential":true,"environment":[{"name":"VERSION","value":"<a>"}],"mountPoints":[],"volumesFrom":[]}],"family":"<service>","taskRoleArn":"arn:aws:iam::<account>:role/<role>","executionRoleArn":"arn:aws:iam::<account>:role/ecsTaskExecutionRole","networkMode":"awsvpc","revision":<b>,"status":"ACTIVE","compatibilities":["EC2","FARGATE"],"registeredAt":"<us>","registeredBy":"<caller>"}}"#,
    ),
    Event {
        on: SERVICE_ARN,
        fault: "ServiceNotFoundException|Service not found.",
        ..write(
            "ecs",
            "UpdateService",
            r#"{"cluster":"<cluster>","service":"<service>","taskDefinition":"<service>:<a=int:2-900>","forceNewDeployment":<one:false|true>}"#,
            r#"{"service":{"serviceArn":"arn:aws:ecs:<region>:<account>:service/<cluster>/<service>","serviceName":"<service>","clusterArn":"arn:aws:ecs:<region>:<account>:cluster/<cluster>","status":"ACTIVE","desiredCount":<one:2|3|6>,"runningCount":2,"pendingCount":0,"launchType":"FARGATE","taskDefinition":"arn:aws:ecs:<region>:<account>:task-definition/<service>:<a>","deployments":[{"id":"ecs-svc/<int:1000000000000000-9000000000000000>","status":"PRIMARY","desiredCount":2,"rolloutState":"IN_PROGRESS"}],"roleArn":"arn:aws:iam::<account>:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS","createdAt":"<us>"}}"#,
        )
    },
    Event {
        on: "arn:aws:eks:<region>:<account>:cluster/<eks-cluster>",
        ..read("eks", "DescribeCluster", r#"{"name":"<eks-cluster>"}"#)
    },
    read("eks", "ListClusters", r#"{"maxResults":100}"#),
    Event { on: "*", host: "api.ecr.<region>.amazonaws.com", ..read("ecr", "GetAuthorizationToken", "null") },
    repository(read(
        "ecr",
        "BatchGetImage",
        r#"{"repositoryName":"<repository>","imageIds":[{"imageTag":"<one:latest|main|release>"}],"acceptedMediaTypes":["application/vnd.oci.image.manifest.v1+json","application/vnd.docker.distribution.manifest.v2+json"],"registryId":"<account>"}"#,
    )),
    repository(read(
        "ecr",
        "GetDownloadUrlForLayer",
        r#"{"repositoryName":"<repository>","layerDigest":"sha256:<hex:64>","registryId":"<account>"}"#,
    )),
    repository(read(
        "ecr",
        "DescribeImages",
        r#"{"repositoryName":"<repository>","filter":{"tagStatus":"TAGGED"},"maxResults":100}"#,
    )),
    repository(write(
        "ecr",
        "PutImage",
        r#"{"repositoryName":"<repository>","imageTag":"<hex:12>","registryId":"<account>","imageManifest":"{\"schemaVersion\":2,\"config\":{\"digest\":\"sha256:<hex:64>\"}}"}"#,
        r#"{"image":{"repositoryName":"<repository>","imageId":{"imageDigest":"sha256:<hex:64>","imageTag":"<hex:12>"},"registryId":"<account>"}}"#,
    )),
    repository(write(
        "ecr",
        "InitiateLayerUpload",
        r#"{"repositoryName":"<repository>","registryId":"<account>"}"#,
        r#"{"uploadId":"<uuid>","partSize":20971520}"#,
    )),
    Event {
        host: "autoscaling.<region>.amazonaws.com",
        ..read(
            "autoscaling",
            "DescribeAutoScalingGroups",
            r#"{"autoScalingGroupNames":["<scaling-group>"],"maxRecords":100}"#,
        )
    },
    Event {
        on: "arn:aws:autoscaling:<region>:<account>:autoScalingGroup:*:autoScalingGroupName/<scaling-group>",
        ..write(
            "autoscaling",
            "SetDesiredCapacity",
            r#"{"autoScalingGroupName":"<scaling-group>","desiredCapacity":<int:1-12>,"honorCooldown":true}"#,
            "null",
        )
    },
    read("elasticloadbalancing", "DescribeLoadBalancers", r#"{"names":["<load-balancer>"]}"#),
    read(
        "elasticloadbalancing",
        "DescribeTargetHealth",
        r#"{"targetGroupArn":"arn:aws:elasticloadbalancing:<region>:<account>:targetgroup/<target-group>"}"#,
    ),
    Event {
        on: "arn:aws:elasticloadbalancing:<region>:<account>:targetgroup/<target-group>",
        ..write(
            "elasticloadbalancing",
            "RegisterTargets",
            r#"{"targetGroupArn":"arn:aws:elasticloadbalancing:<region>:<account>:targetgroup/<target-group>","targets":[{"id":"<instance>","port":8080}]}"#,
            "null",
        )
    },
];
